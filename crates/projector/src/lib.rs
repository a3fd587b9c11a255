//! The projector: canonical → serving. One module per projection.
//!
//! Each projection is a consumer of its own with its own position and collections, so a slow one never holds up
//! another. A projection sees canonical events in order and changes documents in a unit of work, which is committed
//! together with its position.
//!
//! Invariants: documents are a function of the canonical records alone; nothing stored depends on the present
//! moment; each document has a scope key. It writes no canonical document and knows no connector.

mod activity_feed;
mod aggregate;
mod dashboard_stats;
mod directory;
mod feed;
mod follow;
mod opportunity_history;
mod pipeline_summary;
mod projection;
mod projector;
mod roll_up;
mod run;

pub use feed::CanonicalEntry;
pub use projection::{Projection, ProjectionPosition, consumer_name, projections};
pub use projector::Projector;
pub use roll_up::RollUp;
pub use run::{Setup, initial_active, run};

/// Why a projection stopped or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do what was asked.
    #[error("the projector could not use the document store")]
    Store(#[from] salescommand_store::Error),
    /// The event log did not do what was asked.
    #[error("the projector could not use the event log")]
    Log(#[from] salescommand_eventlog::Error),
    /// A canonical event or stored state that this program cannot read or write.
    #[error("the projection's state is unusable: {0}")]
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
