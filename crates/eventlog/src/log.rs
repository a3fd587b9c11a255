//! The contract of the event log.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use salescommand_domain::Timestamp;

use crate::StreamState;

/// Most messages that [`EventLog::publish_together`] takes: the broker's limit.
pub const MOST_TOGETHER: usize = 1_000;

/// Why the log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker cannot be reached or did not answer in time. Try again.
    #[error("the event log is not reachable: {0}")]
    Unavailable(String),
    /// An expected sequence or revision did not match: somebody else wrote.
    #[error("expected {expected} on {subject}, somebody else wrote first")]
    Conflict {
        /// Which stream, subject or key.
        subject: String,
        /// The sequence or revision that was expected.
        expected: u64,
    },
    /// The stream is full and pushes back; nothing was dropped.
    #[error("stream {0} is full")]
    Full(String),
    /// The stream takes no more messages; what follows belongs into another one.
    #[error("stream {0} is sealed")]
    Sealed(String),
    /// There is no such stream or bucket.
    #[error("no stream or bucket {0}")]
    Missing(String),
    /// The broker refused for good: rights, size, configuration.
    #[error("the event log refused: {0}")]
    Refused(String),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}

/// How a stream is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// Its name.
    pub name: String,
    /// The subjects it takes.
    pub subjects: Vec<String>,
    /// Immutable: file storage, compressed, no delete, no purge, full means refuse.
    pub immutable: bool,
    /// Largest size in bytes; none for the broker's limit.
    pub max_bytes: Option<u64>,
    /// How long message ids are remembered.
    pub duplicate_window: Duration,
}

/// What a stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStatus {
    /// Its name.
    pub name: String,
    /// Sequence of the oldest message, 0 if there is none.
    pub first_sequence: u64,
    /// Sequence of the newest message ever, 0 if there was none.
    pub last_sequence: u64,
    /// How many messages.
    pub messages: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes it may have; none for the broker's limit.
    pub max_bytes: Option<u64>,
    /// Whether it takes messages.
    pub state: StreamState,
    /// Time of the oldest message.
    pub first_at: Option<Timestamp>,
    /// Time of the newest message.
    pub last_at: Option<Timestamp>,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// Its `Content-Type` header.
    pub content_type: Option<String>,
    /// Its bytes.
    pub payload: Bytes,
}

/// A message to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where.
    pub subject: String,
    /// Its id: a second message with it inside the duplicate window is not stored.
    pub message_id: Option<String>,
    /// Store it only if the stream's last sequence is this.
    pub expected_last_sequence: Option<u64>,
    /// Its `Content-Type` header.
    pub content_type: Option<&'static str>,
    /// Its bytes.
    pub payload: Bytes,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Its sequence; of the earlier one, if it was a duplicate.
    pub sequence: u64,
    /// It was already there.
    pub duplicate: bool,
}

/// When a batch is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    /// Most messages.
    pub messages: usize,
    /// Most bytes of payload; a single larger message still comes.
    pub bytes: usize,
    /// Longest wait for the first message.
    pub wait: Duration,
}

/// An entry of a key-value bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvEntry {
    /// Its revision, for the next compare-and-set.
    pub revision: u64,
    /// Its bytes.
    pub value: Bytes,
}

/// Streams of events.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Creates a stream, or leaves an existing one as it is.
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), Error>;

    /// The streams whose names begin with a prefix, by name.
    async fn streams(&self, prefix: &str) -> Result<Vec<StreamStatus>, Error>;

    /// One stream; none if it does not exist.
    async fn stream(&self, name: &str) -> Result<Option<StreamStatus>, Error>;

    /// Stores messages in order, many in flight. When it returns all are durable; on an error any prefix may be.
    async fn publish(&self, stream: &str, messages: Vec<Outgoing>) -> Result<Vec<Published>, Error>;

    /// Stores one message if the last message of its subject has this sequence (0: if the subject has none), else
    /// [`Error::Conflict`]. So of two writers that have read the same state of a subject, one wins. Who repeats a publish
    /// whose answer was lost looks at the subject's last message first: a repetition conflicts with itself, whatever its
    /// id.
    async fn publish_if_last(
        &self,
        stream: &str,
        message: Outgoing,
        last_of_subject: u64,
    ) -> Result<Published, Error>;

    /// Stores messages right behind a sequence, in one piece: all of them or none, durable when it returns;
    /// [`Error::Conflict`] if the stream does not end there. At most [`MOST_TOGETHER`] messages. Message ids and
    /// expectations of the single messages are not looked at: the place in the stream says all.
    async fn publish_together(&self, stream: &str, behind: u64, messages: Vec<Outgoing>)
    -> Result<(), Error>;

    /// The last message of each subject, in the order asked; at most 1,024 subjects.
    async fn last_by_subject(&self, stream: &str, subjects: &[String])
    -> Result<Vec<Option<Message>>, Error>;

    /// The same as it was when the stream ended at a sequence: of each subject the last message that is not behind it.
    /// Of a stream that keeps everything, that is what the subject said then.
    async fn last_by_subject_up_to(
        &self,
        stream: &str,
        subjects: &[String],
        sequence: u64,
    ) -> Result<Vec<Option<Message>>, Error>;

    /// The newest message of a stream.
    async fn last_message(&self, stream: &str) -> Result<Option<Message>, Error>;

    /// Reads a stream in order, beginning behind a sequence. Keeps no state in the broker that outlives the reader.
    async fn read_after(&self, stream: &str, sequence: u64) -> Result<Box<dyn LogReader>, Error>;
}

/// An ordered reader of one stream.
#[async_trait]
pub trait LogReader: Send {
    /// The next messages; empty when none came within the limit's wait. Dropping the future loses nothing.
    async fn next(&mut self, limit: BatchLimit) -> Result<Vec<Message>, Error>;
}

/// Small mutable state with compare-and-set.
#[async_trait]
pub trait KeyValue: Send + Sync {
    /// Creates a bucket, or leaves an existing one as it is.
    async fn ensure_bucket(&self, bucket: &str) -> Result<(), Error>;

    /// One entry.
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<KvEntry>, Error>;

    /// Writes if the entry's revision is `expected` (0: if there is no entry); gives the new revision.
    async fn put_if(&self, bucket: &str, key: &str, expected: u64, value: Bytes) -> Result<u64, Error>;

    /// All entries, by key.
    async fn entries(&self, bucket: &str) -> Result<Vec<(String, KvEntry)>, Error>;
}
