//! Quarantine: raw events that were not accepted, with the reason and the place of the fault.

use salescommand_domain::canonical::{FacetId, Rejection};
use salescommand_domain::raw::RawPosition;
use serde::{Deserialize, Serialize};

/// What became of a rejected event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineState {
    /// Waits for a fix.
    Open,
    /// A later valid full state of the same record made it unnecessary; its history has a gap here.
    Superseded,
}

/// A rejected raw event: the document of the quarantine collection. The payload stays in the raw log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// `<instance>/<epoch>/<sequence>`.
    #[serde(rename = "_id")]
    pub id: String,
    /// Where the event is.
    pub raw: RawPosition,
    /// Its subject.
    pub subject: String,
    /// The record's facet, if the envelope could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facet: Option<FacetId>,
    /// Machine-readable reason.
    pub reason: String,
    /// The offending field, as a JSON pointer.
    pub path: String,
    /// What was found and what was expected.
    pub detail: String,
    /// What became of it.
    pub state: QuarantineState,
}

impl Quarantined {
    /// A newly rejected event.
    pub fn new(raw: RawPosition, subject: String, facet: Option<FacetId>, rejection: Rejection) -> Self {
        Self {
            id: raw.to_string(),
            raw,
            subject,
            facet,
            reason: rejection.reason.to_owned(),
            path: rejection.path,
            detail: rejection.detail,
            state: QuarantineState::Open,
        }
    }
}
