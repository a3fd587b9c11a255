//! Quarantine: raw events that were not accepted, with the reason and the place of the fault.
//!
//! A reject is a function of the raw logs, of the mappers, and of nothing else: an event that is accepted after all has
//! none, and its state follows from what came after it and from the latest decision about it, whichever was read first.
//! So a database that was fed live and one that was rebuilt hold the same documents.

use salescommand_domain::canonical::{FacetId, QuarantineAction, QuarantineDecision, Rejection};
use salescommand_domain::raw::{Position, RawPosition};
use serde::{Deserialize, Serialize};

use crate::fold::Gone;
use crate::retry::Passed;

/// What became of a rejected event. One that was accepted after all is here no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineState {
    /// Waits for a fix.
    Open,
    /// A later valid full state of the same record made it unnecessary; its history has a gap here.
    Superseded,
    /// A person has decided to leave it out.
    Waived,
}

impl QuarantineState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Superseded, Self::Waived];

    /// The word of the state, as it is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Superseded => "superseded",
            Self::Waived => "waived",
        }
    }
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
    /// The record's facet, if the envelope says whose it is.
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
    /// A later version of the record was accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
    /// The last deletion behind it: should it be accepted after all, its record is gone all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Position>,
    /// The record that this deletion names, if that was a merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<FacetId>,
    /// Why it was waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
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
            superseded: false,
            gone_at: None,
            merged_into: None,
            note: None,
        }
    }

    /// What a later version of the same record means for it.
    pub(crate) fn passed_by(&mut self, passed: &Passed) {
        if passed.at <= self.raw.position {
            return;
        }
        self.superseded = true;
        if let Some(Gone { at, merged_into }) = self.gone().max(passed.gone) {
            (self.gone_at, self.merged_into) = (Some(at), merged_into);
        }
    }

    /// The last deletion behind it.
    pub(crate) fn gone(&self) -> Option<Gone> {
        self.gone_at.map(|at| Gone { at, merged_into: self.merged_into })
    }

    /// The state that follows from all that is known, given the latest decision.
    pub(crate) fn settle(&mut self, decision: Option<&QuarantineDecision>) {
        let waived = decision.filter(|decision| decision.action == QuarantineAction::Waive);
        self.note = waived.and_then(|decision| decision.reason.clone());
        self.state = match (waived, self.superseded) {
            (Some(_), _) => QuarantineState::Waived,
            (None, true) => QuarantineState::Superseded,
            (None, false) => QuarantineState::Open,
        };
    }
}
