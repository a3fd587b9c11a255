//! The audit log: what people and the system do becomes entries that wait in the database, and a publisher ties them to the
//! chain in the stream `AUDIT`. What is read is read from the stream.
//!
//! An entry is kept before whoever acts is told that it is done; see [`Journal`]. The stream gets each entry once, whoever
//! publishes and dies; see [`Publisher`].
//!
//! Invariants: nothing here changes an entry that has its place, or an entry that waits and is closed; no entry leaves the
//! database before it is in the stream; nothing here reads a clock.

mod form;
mod journal;
mod log;
mod publisher;
#[cfg(test)]
mod tests;

pub use form::ExportForm;
pub use journal::{Ending, Journal, LONG, Opened, SHORT};
pub use log::{AuditLog, Exported, Filter, Page, Verified};
pub use publisher::{Publisher, keep_publishing};

/// Why the audit log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do what was asked.
    #[error("the audit log cannot use the document store")]
    Store(#[from] salescommand_store::Error),
    /// The event log did not do what was asked.
    #[error("the audit log cannot use the event log")]
    Log(#[from] salescommand_eventlog::Error),
    /// Something that this program cannot read or write.
    #[error("the audit log's state is unusable: {0}")]
    State(String),
}

impl Error {
    /// Whether the same step may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Log(error) => error.is_transient(),
            Self::State(_) => false,
        }
    }
}
