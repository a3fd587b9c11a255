//! Generations and replays: what an operator asks for, and why it is not done.
//!
//! The service reads the registry and moves nothing by itself: [`GenerationCommands`] does, as the command line does.

use async_trait::async_trait;
use jiff::Timestamp;
use salescommand_domain::generation::{Replay, ReplayKind, ReplayState};
use salescommand_store::{Active, Error as StoreError, Generations};

/// A replay that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayOrder {
    /// The id that it gets.
    pub id: String,
    /// What is replayed.
    pub kind: ReplayKind,
    /// Switch by itself if the gate is open.
    pub switch: bool,
    /// Who asks: an account id.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A command was not taken.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// The store did not do what was asked.
    #[error("the registry of generations cannot be reached")]
    Store(#[from] StoreError),
    /// No projection of this name.
    #[error("there is no projection {name:?}")]
    UnknownProjection {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No raw log of this source instance has been read.
    #[error("there is no source {name:?}")]
    UnknownSource {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// What is read still holds a person who is being erased: nothing may be taken over from it.
    #[error("a person is being erased")]
    Erasing,
    /// No replay of this id.
    #[error("there is no such replay")]
    UnknownReplay,
    /// The replay has ended, in this state.
    #[error("the replay is over: {0:?}")]
    Over(ReplayState),
    /// The replay was not built and compared yet.
    #[error("the replay is not ready to switch: {0:?}")]
    NotReady(ReplayState),
    /// There is no way back.
    #[error("there is no previous generation")]
    NoPrevious,
    /// The switch is not where the operator saw it.
    #[error("the switch has moved")]
    Moved,
    /// The normalizer has never run.
    #[error("nothing has been built yet")]
    NothingBuilt,
}

/// Takes what operators ask for; the app puts the operator of `generations` behind it.
#[async_trait]
pub trait GenerationCommands: Send + Sync {
    /// Asks for a replay.
    async fn request(&self, order: ReplayOrder) -> Result<Replay, GenerationError>;

    /// Stops a replay; what it has built is dropped.
    async fn cancel(&self, id: &str, by: &str) -> Result<Replay, GenerationError>;

    /// Compares a ready replay once more and switches to it if the gate is open then, or if there is a reason to accept
    /// what nothing explains.
    async fn switch(&self, id: &str, accept: Option<String>, by: &str) -> Result<Replay, GenerationError>;

    /// Goes back to what was read before; `from` is what was seen as active.
    async fn roll_back(&self, from: &Generations) -> Result<Active, GenerationError>;

    /// Gives the way back up; `previous` is what was seen as previous.
    async fn drop_previous(&self, previous: &Generations) -> Result<Active, GenerationError>;
}
