//! What readers outside are told: the messages of the stream `CANONICAL`.
//!
//! A message is the full state of one record, in JSON, under a subject of its own; `schemas/canonical-message.schema.json`
//! is its schema. It says nothing of the generation it came from, so two generations that hold the same say the same.
//! History and progress are not told.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facet::FacetId;
use super::golden::{CanonicalEvent, Entity, Golden, Reference};
use super::message::{CANONICAL_SCHEMA, CanonicalError};
use crate::raw::InstanceName;

/// What a message is about; the word in its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToldEntity {
    /// A company we sell to.
    Account,
    /// A person.
    Contact,
    /// A lead or a deal.
    Opportunity,
    /// A call, a meeting, a task.
    Activity,
    /// A user.
    User,
    /// A sales team.
    Team,
    /// Reference data: a pipeline stage.
    Stage,
    /// Reference data: what deals are labelled with.
    Label,
    /// Reference data: one of our own companies.
    Company,
    /// Reference data: the reporting calendar.
    Calendar,
    /// Reference data: who somebody reports to, from one day to another.
    ManagerEdge,
}

impl ToldEntity {
    /// All of them. A subject of a generation's stream has `g<n>` in their place, so the two never overlap.
    pub const ALL: [Self; 11] = [
        Self::Account,
        Self::Contact,
        Self::Opportunity,
        Self::Activity,
        Self::User,
        Self::Team,
        Self::Stage,
        Self::Label,
        Self::Company,
        Self::Calendar,
        Self::ManagerEdge,
    ];

    /// The word in subjects and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Contact => "contact",
            Self::Opportunity => "opportunity",
            Self::Activity => "activity",
            Self::User => "user",
            Self::Team => "team",
            Self::Stage => "stage",
            Self::Label => "label",
            Self::Company => "company",
            Self::Calendar => "calendar",
            Self::ManagerEdge => "manager_edge",
        }
    }

    /// The entity of a word, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.word() == word)
    }
}

impl From<Entity> for ToldEntity {
    fn from(entity: Entity) -> Self {
        match entity {
            Entity::Account => Self::Account,
            Entity::Contact => Self::Contact,
            Entity::Opportunity => Self::Opportunity,
            Entity::Activity => Self::Activity,
            Entity::User => Self::User,
            Entity::Team => Self::Team,
        }
    }
}

impl fmt::Display for ToldEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The state of one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ToldEvent {
    /// A record is now this. One that is deleted at its sources is told too, with `deleted`.
    Upserted {
        /// The record.
        golden: Box<Golden>,
    },
    /// A record is no more. If it was joined with another one, that one lists its id among its `facets`.
    Gone {
        /// What it was.
        entity: ToldEntity,
        /// Its former id.
        id: FacetId,
    },
    /// Reference data is now this.
    Referenced {
        /// Its id, as records name it.
        id: FacetId,
        /// Whose it is: two sources may have a stage of the same name.
        #[schemars(with = "String")]
        instance: InstanceName,
        /// Gone at its source.
        deleted: bool,
        /// Its content.
        reference: Reference,
    },
}

impl ToldEvent {
    /// What of an event readers outside are told: the state of a record or of reference data; none of the rest.
    pub fn of(event: CanonicalEvent) -> Option<Self> {
        match event {
            CanonicalEvent::Upserted { golden } => Some(Self::Upserted { golden }),
            CanonicalEvent::Gone { entity, id } => Some(Self::Gone { entity: entity.into(), id }),
            CanonicalEvent::Referenced { id, instance, deleted, reference } => {
                Some(Self::Referenced { id, instance, deleted, reference })
            }
            CanonicalEvent::Historied { .. } | CanonicalEvent::Progressed => None,
        }
    }

    /// What it is about.
    pub fn entity(&self) -> ToldEntity {
        match self {
            Self::Upserted { golden } => golden.entity().into(),
            Self::Gone { entity, .. } => *entity,
            Self::Referenced { reference: Reference::Stage(_), .. } => ToldEntity::Stage,
            Self::Referenced { reference: Reference::Label(_), .. } => ToldEntity::Label,
            Self::Referenced { reference: Reference::Company(_), .. } => ToldEntity::Company,
            Self::Referenced { reference: Reference::Calendar(_), .. } => ToldEntity::Calendar,
            Self::Referenced { reference: Reference::ManagerEdge(_), .. } => ToldEntity::ManagerEdge,
        }
    }

    /// Which record.
    pub fn id(&self) -> FacetId {
        match self {
            Self::Upserted { golden } => golden.id,
            Self::Gone { id, .. } | Self::Referenced { id, .. } => *id,
        }
    }

    /// Whether there is no such record any more.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// The subject: `canonical.<entity>.<id>`.
    pub fn subject(&self) -> String {
        format!("canonical.{}.{}", self.entity(), self.id())
    }
}

/// A message of the stream `CANONICAL`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToldMessage {
    /// The schema of the message; a reader refuses one that it does not know.
    pub schema: u32,
    /// It was told before: the stream was written anew, as after the erasure of a person, and nothing has changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// The state of the record.
    pub event: ToldEvent,
}

impl ToldMessage {
    /// A message of the newest schema.
    pub fn new(event: ToldEvent) -> Self {
        Self { schema: CANONICAL_SCHEMA, again: false, event }
    }

    /// As it is published: JSON.
    pub fn encode(&self) -> Result<Vec<u8>, CanonicalError> {
        serde_json::to_vec(self).map_err(|error| CanonicalError::Malformed(error.to_string()))
    }

    /// Reads a message of the newest schema.
    pub fn decode(bytes: &[u8]) -> Result<Self, CanonicalError> {
        let message: Self =
            serde_json::from_slice(bytes).map_err(|error| CanonicalError::Malformed(error.to_string()))?;
        if message.schema != CANONICAL_SCHEMA {
            return Err(CanonicalError::FutureSchema { schema: message.schema, newest: CANONICAL_SCHEMA });
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_told_is_the_event_as_generations_write_it() {
        let file = include_str!("../../tests/canonical_messages_1.jsonl");
        let mut told = Vec::new();
        for line in file.lines() {
            let message: Value = serde_json::from_str(line).unwrap();
            let event: CanonicalEvent = serde_json::from_value(message["event"].clone()).unwrap();
            let Some(event) = ToldEvent::of(event) else { continue };
            let bytes = ToldMessage::new(event.clone()).encode().unwrap();
            let written: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(written, json!({"schema": CANONICAL_SCHEMA, "event": message["event"]}));
            assert_eq!(ToldMessage::decode(&bytes).unwrap().event, event);
            told.push(event);
        }
        assert_eq!(told.len(), 8, "all but history and progress");
        assert_eq!(told[6].subject(), "canonical.contact.e9acdb73-7710-5cb5-b9e8-a7e4debd8cc5");
        assert_eq!(told[7].subject(), "canonical.stage.2642bbb8-4402-5d77-aa01-4c30b4ef4459");
    }

    #[test]
    fn words_are_those_of_the_messages_and_no_generation_is_called_so() {
        for entity in ToldEntity::ALL {
            assert_eq!(serde_json::to_value(entity).unwrap(), entity.word());
            assert_eq!(ToldEntity::from_word(entity.word()), Some(entity));
        }
        assert_eq!(ToldEntity::from_word("g1"), None);
        for entity in Entity::ALL {
            assert_eq!(ToldEntity::from(entity).word(), entity.singular());
        }
    }

    #[test]
    fn another_schema_is_not_taken_for_this_one() {
        let event = json!({"change": "gone", "entity": "user", "id": "e9acdb73-7710-5cb5-b9e8-a7e4debd8cc5"});
        let of = |schema: u32| serde_json::to_vec(&json!({"schema": schema, "event": event})).unwrap();
        assert!(ToldMessage::decode(&of(CANONICAL_SCHEMA)).is_ok());
        let newer = CanonicalError::FutureSchema { schema: 9, newest: CANONICAL_SCHEMA };
        assert_eq!(ToldMessage::decode(&of(9)), Err(newer));
    }
}
