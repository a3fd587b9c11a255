//! Generations: raw is the truth, everything else can be thrown away and rebuilt beside what is being read.
//!
//! One controller runs the normalizers of all canonical generations that are kept up to date, builds new generations on
//! request or because the program's definition has changed, brings the new and the active one to the same raw vector,
//! compares them by bucket hashes, and moves the switch if the gate is open. Projections of all generations are run by
//! the projector, which reads the same registry.
//!
//! Invariants: the switch moves only between generations that stand at the same place and were compared there; an
//! unexplained difference keeps the gate shut; nothing leaves a replay: no connector is asked, nothing is published but
//! the new generation's own canonical stream. What an erasure has changed explains a difference until it is complete. Whatever it was doing when it was killed, it takes up again.

mod barrier;
mod compare;
mod controller;
mod erased;
mod erasures;
mod explain;
mod normalizers;
mod operator;
mod plan;
mod relay;
mod replay;
mod sources;
mod steps;

use std::sync::Arc;

use async_trait::async_trait;
use salescommand_domain::Timestamp;
use salescommand_domain::generation::Definition;
use salescommand_eventlog::{Administration, EventLog};
use salescommand_normalizer::Mappers;
use salescommand_store::{Documents, Ops, Pace};

pub use controller::run;
pub use operator::{Operator, Refusal, Wanted};
pub use relay::{Relayed, relayed};

/// Why the controller stopped or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do what was asked.
    #[error("generations could not be kept in the document store")]
    Store(#[from] salescommand_store::Error),
    /// The event log did not do what was asked.
    #[error("generations could not be kept in the event log")]
    Log(#[from] salescommand_eventlog::Error),
    /// A normalizer could not go on.
    #[error("the normalizer of generation g{generation} ended")]
    Normalizer {
        /// Which one.
        generation: u32,
        /// Why.
        source: salescommand_normalizer::Error,
    },
    /// The mappers of a definition cannot be had.
    #[error("the mappers cannot be loaded: {0}")]
    Mappers(String),
    /// Stored state that this program cannot read, or a place that is not reached.
    #[error("{0}")]
    State(String),
}

impl Error {
    /// Whether the same step may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Log(error) => error.is_transient(),
            Self::Normalizer { source, .. } => source.is_transient(),
            Self::Mappers(_) | Self::State(_) => false,
        }
    }
}

/// The program as far as it decides what documents say.
#[async_trait]
pub trait Code: Send + Sync {
    /// The mappers of this program with the newest mappings of foreign instances.
    async fn newest(&self) -> Result<Mappers, Error>;

    /// The mappers of this program with the mappings that a definition names.
    async fn of(&self, definition: &Definition) -> Result<Mappers, Error>;
}

/// What the controller works with.
#[derive(Clone)]
pub struct Setup {
    /// Raw logs and canonical streams.
    pub log: Arc<dyn EventLog>,
    /// Drops the canonical stream of a generation that is dropped.
    pub administration: Arc<dyn Administration>,
    /// Documents and the switch.
    pub store: Arc<dyn Documents>,
    /// The registry's collections, and the kinds of sources.
    pub ops: Arc<dyn Ops>,
    /// Mappers.
    pub code: Arc<dyn Code>,
    /// The pace of what is built beside what is read.
    pub pace: Arc<dyn Pace>,
    /// The present moment, for the records of replays; never for documents.
    pub now: fn() -> Timestamp,
    /// A verification is due this long after the last one; none for no schedule.
    pub verify_every: Option<std::time::Duration>,
}
