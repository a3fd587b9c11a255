//! The port to the event log: streams, publishing with expectations, ordered reading, key-value state.
//!
//! No vendor type stands in a signature. `eventlog-nats` is JetStream behind it, [`memory::MemoryLog`] the twin for
//! tests; `conformance` (feature `testsuite`) is the suite that both pass.
//!
//! Invariants: a published message is durable when `publish` returns; a reader sees every message of its stream
//! after its start exactly once and in order, or an error; nothing here deletes or changes a message of an immutable
//! stream, [`Administration`] deletes streams whole.

mod administration;
#[cfg(any(test, feature = "testsuite"))]
pub mod conformance;
mod jobs;
mod log;
pub mod memory;
mod requests;

pub use administration::{Administration, Storage, StoredMessage, StoredReader, StreamState};
pub use jobs::{Job, Jobs, QueueSpec};
pub use log::{
    BatchLimit, Error, EventLog, KeyValue, KvEntry, LogReader, MOST_TOGETHER, Message, Outgoing, Published,
    StreamSpec, StreamStatus,
};
pub use requests::{Health, Request, Requests, Responder};
