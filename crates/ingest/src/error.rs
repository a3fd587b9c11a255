//! Why the driver did not do what was asked.

use salescommand_domain::Timestamp;
use salescommand_domain::raw::{EnvelopeError, Position};
use salescommand_eventlog as eventlog;

/// Errors of the driver. What a source did wrong is no error of the driver: it stands in the run's record.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another run holds the instance.
    #[error("another run holds {instance} until {until} unless it renews")]
    Busy {
        /// Which instance.
        instance: String,
        /// When its lease ends.
        until: Timestamp,
    },
    /// This run lost its lease, or somebody wrote where only this run may.
    #[error("another run has taken over {0}")]
    Fenced(String),
    /// The record's last event is another one than its author saw.
    #[error("the record has a newer version")]
    Stale {
        /// Where the last event is; none if somebody wrote it in this moment, or if there is none.
        last: Option<Position>,
    },
    /// The event log failed.
    #[error("the event log failed")]
    Log(#[from] eventlog::Error),
    /// An envelope could not be written.
    #[error("an envelope could not be written")]
    Envelope(#[from] EnvelopeError),
    /// State of ours that does not read back.
    #[error("{what} is not readable")]
    State {
        /// Which entry.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Error {
    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Log(error) => error.is_transient(),
            Self::Fenced(_) | Self::Stale { .. } | Self::Envelope(_) | Self::State { .. } => false,
        }
    }
}
