//! Cursors of sources, as people see them. They belong to ingest; the app reads and resets them.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A place in a source's raw log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct CursorPosition {
    /// Which stream of the chain.
    #[schema(format = Int64)]
    pub epoch: u32,
    /// The sequence in that stream.
    #[schema(format = Int64)]
    pub sequence: u64,
}

/// How far an object of a source has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceCursor {
    /// The object, as the source spells it.
    pub object: String,
    /// The last reading came to its end; otherwise the next run goes on in its middle, or begins anew after a reset.
    pub complete: bool,
    /// Records that the last reading has read so far.
    #[schema(format = Int64)]
    pub read: u64,
    /// Since which moment of the source's clock that reading asks for changes; none if it asks for everything.
    pub since: Option<Timestamp>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it came to its end.
    pub completed_at: Option<Timestamp>,
    /// The run that has read it last; none after a reset.
    pub run_id: Option<String>,
    /// The raw position that it rests on: a log that no longer reaches it makes the object be read anew.
    pub position: CursorPosition,
    /// Everything has been read that was there at this moment of the source's clock; none if nothing counts as read.
    pub read_through: Option<Timestamp>,
    /// Since when the next reading asks for changes; none if it reads everything.
    pub changes_from: Option<Timestamp>,
    /// When everything was read last, by the source's clock.
    pub full_at: Option<Timestamp>,
    /// When everything is read again at the latest; none if that is so at each reading.
    pub full_due: Option<Timestamp>,
    /// When somebody reset it, if no run has read the object since.
    pub reset_at: Option<Timestamp>,
}
