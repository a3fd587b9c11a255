//! The normalizer: raw → canonical. Decode, validate, map, merge.
//!
//! One writer. It reads all raw logs in turn, turns each batch into facets, links, golden records, quarantine and
//! outbox entries, and commits them with its position vector in one transaction. A single publisher then moves the
//! outbox into the stream `CANONICAL_G<n>`.
//!
//! Invariants: the documents are a function of the raw logs alone, whatever the interleaving and the batching; a
//! reject never stops a log and is never dropped; nothing here reads a clock or rolls dice. It names no vendor:
//! mappers come in as a table.

mod adopt;
mod batch;
mod events;
mod facets;
mod fold;
mod history;
mod identity;
mod incoming;
mod judge;
mod logs;
mod mappers;
mod mappings;
mod pages;
mod position;
mod publisher;
mod quarantine;
mod resolve;
mod retry;
mod run;
mod take_over;

pub use batch::{Normalizer, Outcome};
pub use events::{last_events, read_events, read_log};
pub use judge::{Verdict, judge};
pub use logs::RawMessage;
pub use mappers::{Mappers, Mapping, Room};
pub use mappings::{Compile, MAPPING_OBJECT, StoredMapping, load_mappings, stored_mappings};
pub use position::NormalizerPosition;
pub use publisher::publish_outbox;
pub use quarantine::{QuarantineState, Quarantined};
pub use run::{Control, Status, Task, run, specs};
pub use salescommand_store::normalizer_consumer as consumer_name;
pub use take_over::{TakeOver, TakingOver, WHOLE};

/// What a generation is built with: the mappers, and the rules of the merge.
pub fn definition(mappers: &Mappers) -> salescommand_domain::generation::Definition {
    let mut definition = mappers.definition();
    let merge = salescommand_domain::canonical::MERGE_VERSION;
    definition.insert("merge".to_owned(), merge.to_string());
    definition
}

/// The canonical stream of a generation.
pub fn canonical_stream(generation: u32) -> String {
    format!("CANONICAL_G{generation}")
}

/// Why the normalizer stopped or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do what was asked.
    #[error("the normalizer could not use the document store")]
    Store(#[from] salescommand_store::Error),
    /// The event log did not do what was asked.
    #[error("the normalizer could not use the event log")]
    Log(#[from] salescommand_eventlog::Error),
    /// A raw log cannot be read on from where the normalizer is.
    #[error("the normalizer stopped: {0}")]
    Raw(#[from] salescommand_epochs::Error),
    /// Stored state that this program cannot read or write.
    #[error("the normalizer's state is unusable: {0}")]
    State(String),
}

impl Error {
    /// Whether the same step may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Log(error) => error.is_transient(),
            Self::Raw(error) => error.is_transient(),
            Self::State(_) => false,
        }
    }
}
