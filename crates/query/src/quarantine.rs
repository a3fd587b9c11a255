//! Decisions about rejected raw events: what is published for one, and what becomes of it.
//!
//! The service publishes nothing by itself: [`QuarantineDecisions`] does, as an event of `config`. A decision is taken
//! when the normalizer of the active generation has passed it.

use async_trait::async_trait;
use jiff::Timestamp;
use salescommand_domain::canonical::QuarantineAction;
use salescommand_domain::raw::{Position, RawPosition};

use crate::writes::WriteError;

/// A decision about one raw event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineVerdict {
    /// The event.
    pub about: RawPosition,
    /// What is to be done.
    pub action: QuarantineAction,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Who: an account id, or the command line.
    pub author: String,
}

/// Publishes decisions.
#[async_trait]
pub trait QuarantineDecisions: Send + Sync {
    /// Publishes a decision into the log of `config`; gives its position there.
    async fn decide(&self, verdict: QuarantineVerdict) -> Result<Position, WriteError>;
}
