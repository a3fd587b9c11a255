//! What an archive says of itself.

use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, raw_stream};
use salescommand_eventlog::{StreamState, StreamStatus};
use serde::{Deserialize, Serialize};

/// The newest form of manifests.
pub(crate) const FORMAT: u32 = 1;

/// The manifest of an archived epoch: a JSON file beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Form of manifest and file.
    pub format: u32,
    /// Whose log.
    pub instance: InstanceName,
    /// Which epoch.
    pub epoch: u32,
    /// The stream that it was.
    pub stream: String,
    /// The subjects that it took while it was open.
    pub subjects: Vec<String>,
    /// Sequence of the first event.
    pub first_sequence: u64,
    /// Sequence of the last event.
    pub last_sequence: u64,
    /// How many events.
    pub events: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// When the first was stored.
    pub first_at: Option<Timestamp>,
    /// When the last was stored.
    pub last_at: Option<Timestamp>,
    /// The file of the events, beside the manifest.
    pub file: String,
    /// Its length.
    pub file_bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// SHA-256 of the events, independent of compression and blocks.
    pub content_sha256: String,
    /// When it was written and read back.
    pub archived_at: Timestamp,
}

impl Manifest {
    /// The epoch as the sealed stream that it was.
    pub(crate) fn status(&self) -> StreamStatus {
        StreamStatus {
            name: raw_stream(&self.instance, self.epoch),
            first_sequence: self.first_sequence,
            last_sequence: self.last_sequence,
            messages: self.events,
            bytes: self.payload_bytes,
            max_bytes: None,
            state: StreamState::Sealed,
            first_at: self.first_at,
            last_at: self.last_at,
        }
    }
}
