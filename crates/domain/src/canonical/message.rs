//! The messages of a canonical stream, as they are written and read.
//!
//! A stream is kept whole, so a program meets messages of every schema since its generation was begun: older ones are
//! brought up step by step; one of a newer program is an error that says so.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::golden::CanonicalEvent;
use crate::raw::Vector;

/// The schema in which messages are written. Raise it with a step in [`CanonicalSchemas::CURRENT`] when a field's meaning
/// or form changes; a new optional field needs neither.
pub const CANONICAL_SCHEMA: u32 = 1;

const _: () = assert!(CanonicalSchemas::CURRENT.upcasts.len() + 1 == CANONICAL_SCHEMA as usize);

/// A canonical event as published: the change, and how far in the raw zone it brings its reader.
#[derive(Debug, Clone, PartialEq)]
pub struct CanonicalMessage {
    /// What changed.
    pub event: CanonicalEvent,
    /// All raw events up to here are in this and the earlier events. Only on the last event of a batch.
    pub vector: Option<Vector>,
}

/// The form of the newest schema.
#[derive(Deserialize)]
struct Newest {
    #[serde(default = "first")]
    schema: u32,
    event: CanonicalEvent,
    #[serde(default)]
    vector: Option<Vector>,
}

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    event: &'a CanonicalEvent,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: &'a Option<Vector>,
}

#[derive(Deserialize)]
struct SchemaOnly {
    #[serde(default = "first")]
    schema: u32,
}

/// What the first program wrote did not say its schema.
fn first() -> u32 {
    1
}

/// Brings a message from one schema to the next; an error says for people what is wrong with it. Pure.
pub type CanonicalStep = fn(Value) -> Result<Value, String>;

/// The schemas that can be read: the newest as it is, and each older one by a step to the next.
#[derive(Debug, Clone, Copy)]
pub struct CanonicalSchemas {
    /// The step from schema 1 to 2, from 2 to 3, and so on.
    pub upcasts: &'static [CanonicalStep],
}

/// Why bytes are no canonical message that this program can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// They cannot be decoded.
    #[error("not a canonical message: {0}")]
    Malformed(String),
    /// Written by a newer program.
    #[error(
        "canonical schema {schema} is newer than {newest}, the newest this program reads: update this program, or \
         replay to build a generation of its own"
    )]
    FutureSchema {
        /// Its schema.
        schema: u32,
        /// The newest that is known.
        newest: u32,
    },
}

impl CanonicalSchemas {
    /// Those of this program.
    pub const CURRENT: Self = Self { upcasts: &[] };

    /// The newest schema.
    pub fn newest(&self) -> u32 {
        u32::try_from(self.upcasts.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Reads a message, MessagePack.
    pub fn decode(&self, bytes: &[u8]) -> Result<CanonicalMessage, CanonicalError> {
        let newest = match rmp_serde::from_slice::<Newest>(bytes) {
            Ok(Newest { schema, event, vector }) if schema == self.newest() => {
                return Ok(CanonicalMessage { event, vector });
            }
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let malformed = |error: rmp_serde::decode::Error| CanonicalError::Malformed(error.to_string());
        let SchemaOnly { schema } = rmp_serde::from_slice(bytes).map_err(malformed)?;
        if schema > self.newest() {
            return Err(CanonicalError::FutureSchema { schema, newest: self.newest() });
        }
        let behind = usize::try_from(schema).ok().and_then(|schema| schema.checked_sub(1));
        let steps = behind.and_then(|behind| self.upcasts.get(behind..)).unwrap_or_default();
        if steps.is_empty() {
            let why = newest.unwrap_or_else(|| "schemas are counted from 1".to_owned());
            return Err(CanonicalError::Malformed(why));
        }
        let read: Value = rmp_serde::from_slice(bytes).map_err(malformed)?;
        let read = steps.iter().try_fold(read, |message, upcast| upcast(message));
        let read = read.and_then(|read| serde_json::from_value(read).map_err(|error| error.to_string()));
        let Newest { event, vector, .. } = read.map_err(CanonicalError::Malformed)?;
        Ok(CanonicalMessage { event, vector })
    }
}

impl CanonicalMessage {
    /// The message as it is published, MessagePack with named fields.
    pub fn encode(&self) -> Result<Vec<u8>, CanonicalError> {
        let Self { event, vector } = self;
        let written = Written { schema: CANONICAL_SCHEMA, event, vector };
        rmp_serde::to_vec_named(&written).map_err(|error| CanonicalError::Malformed(error.to_string()))
    }

    /// The subject within a generation's stream: `canonical.g<n>.<entity>.<id>`.
    pub fn subject(&self, generation: u32) -> String {
        match &self.event {
            CanonicalEvent::Upserted { golden } => {
                format!("canonical.g{generation}.{}.{}", golden.entity(), golden.id)
            }
            CanonicalEvent::Gone { entity, id } => format!("canonical.g{generation}.{entity}.{id}"),
            CanonicalEvent::Referenced { id, reference, .. } => {
                format!("canonical.g{generation}.{}.{id}", reference.name())
            }
            CanonicalEvent::Historied { version } => {
                format!("canonical.g{generation}.opportunity_history.{}", version.id.replace('/', "-"))
            }
            CanonicalEvent::Progressed => format!("canonical.g{generation}.progress.all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn packed(message: &Value) -> Vec<u8> {
        rmp_serde::to_vec_named(message).unwrap()
    }

    fn progressed() -> CanonicalMessage {
        CanonicalMessage { event: CanonicalEvent::Progressed, vector: Some(Vector::new()) }
    }

    #[test]
    fn what_is_written_says_its_schema_and_is_read_back() {
        let bytes = progressed().encode().unwrap();
        assert_eq!(rmp_serde::from_slice::<Value>(&bytes).unwrap()["schema"], json!(CANONICAL_SCHEMA));
        assert_eq!(CanonicalSchemas::CURRENT.decode(&bytes), Ok(progressed()));
    }

    #[test]
    fn every_message_ever_written_is_read() {
        // One per kind of event, as the first program wrote them: no field of them may change its meaning without a step.
        let file = include_str!("../../tests/canonical_messages_1.jsonl");
        let mut kinds = std::collections::BTreeSet::new();
        for line in file.lines() {
            let message: Value = serde_json::from_str(line).unwrap();
            let read = CanonicalSchemas::CURRENT.decode(&packed(&message)).unwrap();
            let again: Value = rmp_serde::from_slice(&read.encode().unwrap()).unwrap();
            assert_eq!(again["event"], message["event"], "nothing of it is lost");
            kinds.insert(format!(
                "{}{}",
                again["event"]["change"], again["event"]["golden"]["body"]["entity"]
            ));
        }
        assert_eq!(kinds.len(), 10, "{kinds:?}");
    }

    #[test]
    fn an_older_one_is_brought_up_step_by_step() {
        fn renamed(mut message: Value) -> Result<Value, String> {
            let event = message.get_mut("event").ok_or("no event")?;
            event["change"] = json!("progressed");
            Ok(message)
        }
        let schemas = CanonicalSchemas { upcasts: &[renamed, Ok] };
        let of =
            |schema: u32| packed(&json!({"schema": schema, "event": {"change": "went_on"}, "vector": {}}));
        assert_eq!(schemas.decode(&of(1)), Ok(progressed()));
        assert!(matches!(schemas.decode(&of(2)), Err(CanonicalError::Malformed(_))), "renamed since 2");
        let unsaid = packed(&json!({"event": {"change": "went_on"}, "vector": {}}));
        assert_eq!(schemas.decode(&unsaid), Ok(progressed()), "the first program did not say its schema");
    }

    #[test]
    fn one_of_a_newer_program_says_so() {
        let schemas = CanonicalSchemas::CURRENT;
        for event in [json!({"change": "progressed"}), json!({"change": "unheard of"})] {
            let newer = packed(&json!({"schema": 9, "event": event}));
            let expected = CanonicalError::FutureSchema { schema: 9, newest: CANONICAL_SCHEMA };
            assert_eq!(schemas.decode(&newer), Err(expected));
        }
        assert!(matches!(schemas.decode(b"nonsense"), Err(CanonicalError::Malformed(_))));
        let none = packed(&json!({"schema": 0, "event": {"change": "progressed"}}));
        assert!(matches!(schemas.decode(&none), Err(CanonicalError::Malformed(_))));
    }
}
