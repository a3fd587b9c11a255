//! What goes wrong with epochs.

use salescommand_domain::raw::{InstanceName, Position};
use salescommand_eventlog as eventlog;

/// Why an operation on epochs did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event log failed.
    #[error("the event log failed")]
    Log(#[from] eventlog::Error),
    /// A position in an epoch that is nowhere.
    #[error(
        "epoch {} of {instance} is neither in the broker nor in an archive, so nothing can be read on from {}/{}; \
         put its archive into the folder raw.archive_dir, or restore it with `salescommand epoch restore {instance} \
         --epoch {}`",
        .position.epoch, .position.epoch, .position.sequence, .position.epoch
    )]
    UnknownEpoch {
        /// Whose chain.
        instance: InstanceName,
        /// Where to read on from.
        position: Position,
    },
    /// The operation does not fit the state of the epoch; the text says what to do.
    #[error("{0}")]
    NotNow(String),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Log(error) => error.is_transient(),
            Self::UnknownEpoch { .. } | Self::NotNow(_) => false,
        }
    }
}
