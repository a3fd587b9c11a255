//! What only the platform does to streams: sealing, reading with everything that is stored, building a stream again
//! sequence for sequence, deleting whole streams.
//!
//! Nothing here changes or removes a single message of an immutable stream: the broker forbids it for good. A stream
//! that is to be different is deleted whole and built again under its name, from 1. While it is being built it is
//! [`StreamState::Building`]: it listens on subjects of its own, so nobody else can write into it, yet each message is
//! stored under its true subject.

use async_trait::async_trait;
use salescommand_domain::Timestamp;

use crate::{BatchLimit, Error, Message, StreamSpec, StreamStatus};

/// Whether a stream takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamState {
    /// Takes messages.
    Open,
    /// Is being built again; only its builder writes into it.
    Building,
    /// Takes no message any more, for good.
    Sealed,
}

/// A message with all that is stored of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// The message.
    pub message: Message,
    /// The id that it was published with.
    pub message_id: Option<String>,
    /// When it was stored first; building it again does not change that.
    pub stored_at: Timestamp,
}

/// The broker's room for streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Bytes in use.
    pub used: u64,
    /// Bytes there may be; none if the broker says no limit.
    pub limit: Option<u64>,
}

/// Streams as a whole.
#[async_trait]
pub trait Administration: Send + Sync {
    /// Makes a stream that keeps the last message of each subject only; an existing one gets the subjects that it lacks,
    /// and loses none. It takes messages together ([`crate::EventLog::publish_together`]).
    async fn ensure_latest(&self, name: &str, subjects: &[String]) -> Result<(), Error>;

    /// Seals a stream: when this returns, its content is final and its subjects are free for another stream.
    /// A second time changes nothing. [`Error::Missing`] if there is no such stream.
    async fn seal(&self, stream: &str) -> Result<StreamStatus, Error>;

    /// Makes an immutable stream in the state [`StreamState::Building`]; an existing one that is being built is left
    /// as it is, any other existing one is [`Error::Refused`]. The specification has one subject, ending in `>`.
    async fn begin_building(&self, spec: &StreamSpec) -> Result<StreamStatus, Error>;

    /// Adds messages to a stream that is being built, each at its own sequence, else [`Error::Conflict`].
    async fn build(&self, stream: &str, messages: Vec<StoredMessage>) -> Result<(), Error>;

    /// Reads a stream in order, beginning behind a sequence, with everything that is stored.
    async fn read_stored(&self, stream: &str, sequence: u64) -> Result<Box<dyn StoredReader>, Error>;

    /// Deletes a stream with all its messages; false if there was none. A reader that was open finds nothing more,
    /// or an error.
    async fn delete_stream(&self, stream: &str) -> Result<bool, Error>;

    /// Removes the messages of a mutable stream up to a sequence; those behind it stay, and so do the numbers. Where none
    /// is behind it, the broker begins with new files: nothing of what was there is left on its disk.
    /// [`Error::Refused`] for an immutable stream.
    async fn purge_up_to(&self, stream: &str, sequence: u64) -> Result<(), Error>;

    /// How much room there is.
    async fn storage(&self) -> Result<Storage, Error>;
}

/// An ordered reader of one stream, with everything that is stored.
#[async_trait]
pub trait StoredReader: Send {
    /// The next messages; empty when none came within the limit's wait. Dropping the future loses nothing.
    async fn next_stored(&mut self, limit: BatchLimit) -> Result<Vec<StoredMessage>, Error>;
}
