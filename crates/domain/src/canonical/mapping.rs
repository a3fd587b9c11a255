//! The contract between a connector's room and the normalizer: one raw event in, one facet's content out.

use serde_json::Value;

use super::{FacetBody, FacetId, IdentityKey};
use crate::raw::Envelope;

/// What a raw event says, in our words.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// The facet's content.
    pub body: FacetBody,
    /// Keys by which it may be the same thing as another facet.
    pub keys: Vec<IdentityKey>,
    /// Facets whose content its golden record depends on.
    pub refs: Vec<FacetId>,
}

/// Why a raw event was not accepted. It goes to QUARANTINE with this; nothing is dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at {path}: {detail}")]
pub struct Rejection {
    /// A stable machine-readable word: `missing_field`, `wrong_type`, `out_of_range`, `unknown_object`, ….
    pub reason: &'static str,
    /// The offending field in the payload, as a JSON pointer; empty for the whole.
    pub path: String,
    /// What was found and what was expected. Never a secret, never a person's data beyond the field's own value.
    pub detail: String,
}

impl Rejection {
    /// A rejection.
    pub fn new(reason: &'static str, path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { reason, path: path.into(), detail: detail.into() }
    }
}

/// Maps the upsert of one connector kind. Pure: the same envelope gives the same answer on any machine.
/// `Ok(None)` is a record that is kept in raw and says nothing canonical. Deletes never reach a mapper.
pub type Mapper = fn(&Envelope) -> Result<Option<Mapped>, Rejection>;

/// Brings a payload from one version of its shape to the next. Pure.
pub type Upcast = fn(Value) -> Result<Value, Rejection>;

/// The versions of an object's payload that a room can read: the mapper reads the newest, and older ones are brought
/// up to it first. The raw log keeps every version that was ever written, so a step is never taken away.
#[derive(Debug, Clone, Copy)]
pub struct PayloadSchema {
    /// The object.
    pub object: &'static str,
    /// The step from version 1 to 2, from 2 to 3, and so on.
    pub upcasts: &'static [Upcast],
}

impl PayloadSchema {
    /// The newest version.
    pub fn newest(&self) -> u32 {
        u32::try_from(self.upcasts.len()).unwrap_or(u32::MAX).saturating_add(1)
    }
}
