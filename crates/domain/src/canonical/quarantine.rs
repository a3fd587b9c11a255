//! What a person has decided about a rejected raw event.
//!
//! A decision is a raw event of `config`, so it is a facet like any other: the latest one of a raw position holds, and
//! it may be read before the event of which it speaks.

use serde::{Deserialize, Serialize};

use super::SourceRef;
use super::facet::config_object;
use crate::raw::{InstanceName, RawPosition};

/// What is to be done with a reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineAction {
    /// Read it again, with the mapper as it is then.
    Retry,
    /// Leave it out for good.
    Waive,
}

/// A decision about one raw event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineDecision {
    /// What is to be done.
    pub action: QuarantineAction,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl QuarantineDecision {
    /// The object of `config` that holds decisions; the key is the raw position, `<instance>/<epoch>/<sequence>`.
    pub const OBJECT: &'static str = "quarantine_decision";

    /// The record that holds the decision about a raw event.
    pub fn source(about: &RawPosition) -> SourceRef {
        SourceRef {
            instance: InstanceName::config(),
            object: config_object(Self::OBJECT),
            key: about.to_string(),
        }
    }
}
