//! The normalizer's position: how far it is in each raw log, what it has numbered, and what is still to be done.

use bson::Document;
use salescommand_domain::canonical::{FacetId, VoidRange};
use salescommand_domain::raw::{InstanceName, ObjectName, Position, Vector};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::take_over::TakingOver;

/// Everything the normalizer must remember between batches; stored in the transaction of each batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NormalizerPosition {
    /// The last raw event of each instance that is in.
    pub vector: Vector,
    /// Sequence of the last outbox entry; equals the sequence it will have in the canonical stream.
    pub outbox: i64,
    /// Sequences of the canonical stream that do not count; see [`salescommand_domain::canonical::Numbering`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub void: Vec<VoidRange>,
    /// The highest run token seen, per instance and object.
    pub tokens: Vec<HighestToken>,
    /// Reference facets that changed and whose dependents are still to be resolved anew.
    pub pending: Vec<PendingTarget>,
    /// The history has deletions of records that were never held.
    #[serde(default)]
    pub orphans: bool,
    /// Events skipped because a newer run had published before them.
    pub outrun: i64,
    /// What the program that wrote this could read; see [`crate::Mappers::reads`].
    #[serde(default)]
    pub reads: String,
    /// Where the reading again of what was too new stands; none when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading_again: Option<String>,
    /// How far it is with taking another generation's records over; none when it is done, or there are none to take over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taking_over: Option<TakingOver>,
}

/// The highest run token of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HighestToken {
    instance: InstanceName,
    object: ObjectName,
    token: i64,
}

/// A changed reference facet with many dependents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingTarget {
    /// The facet that changed.
    pub target: FacetId,
    /// Dependents up to this id are done; empty at the beginning.
    pub after: String,
}

impl NormalizerPosition {
    /// Reads a stored position.
    pub fn decode(document: &Document) -> Result<Self, Error> {
        bson::deserialize_from_document(document.clone()).map_err(|error| Error::State(error.to_string()))
    }

    /// The form in which it is stored.
    pub fn encode(&self) -> Result<Document, Error> {
        bson::serialize_to_document(self).map_err(|error| Error::State(error.to_string()))
    }

    /// Whether every record that is held has been resolved, or will be by what is pending.
    pub(crate) fn is_resolved(&self) -> bool {
        self.taking_over.as_ref().is_none_or(TakingOver::is_at_tail)
    }

    /// Takes over where another generation stands in all logs but one: places and run tokens.
    pub(crate) fn stand_where(&mut self, other: &Self, except: &InstanceName) {
        self.vector = without(&other.vector, except);
        self.tokens = other.tokens.iter().filter(|held| held.instance != *except).cloned().collect();
        // Whatever of the other's rejects is too new for it may be read again here: there may have been other programs.
        self.reads = String::new();
    }

    /// How far it is in one instance's log.
    pub fn of(&self, instance: &InstanceName) -> Position {
        self.vector.get(instance).copied().unwrap_or(Position::START)
    }

    /// Whether an event of this run may still take effect. A run that slept while a newer one published may not.
    /// Token 0 is a producer without leases.
    pub fn admits(&mut self, instance: &InstanceName, object: &ObjectName, token: u64) -> bool {
        let token = i64::try_from(token).unwrap_or(i64::MAX);
        if token == 0 {
            return true;
        }
        let held = self.tokens.iter_mut().find(|held| held.instance == *instance && held.object == *object);
        match held {
            Some(held) if held.token > token => false,
            Some(held) => {
                held.token = token;
                true
            }
            None => {
                self.tokens.push(HighestToken { instance: instance.clone(), object: object.clone(), token });
                self.tokens.sort_by(|a, b| (&a.instance, &a.object).cmp(&(&b.instance, &b.object)));
                true
            }
        }
    }
}

/// A vector without one instance.
pub(crate) fn without(vector: &Vector, except: &InstanceName) -> Vector {
    vector.iter().filter(|(instance, _)| *instance != except).map(|(name, at)| (name.clone(), *at)).collect()
}
