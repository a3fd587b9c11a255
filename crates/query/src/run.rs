//! A run of a sync, as ingest records it and the HTTP interface shows it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a run started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunTrigger {
    /// A person asked for it on the page.
    Manual,
    /// The first sync after a start.
    First,
    /// A schedule.
    Schedule,
    /// The source said that something has changed.
    Webhook,
    /// The command line.
    Cli,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Asked for, not begun.
    Queued,
    /// Under way.
    Running,
    /// Everything was read.
    Succeeded,
    /// It gave up; `error` says why.
    Failed,
    /// A person ended it.
    Cancelled,
    /// Its process ended in the middle.
    Interrupted,
}

impl RunState {
    /// Queued or running.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// Where one object of a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunObjectState {
    /// Not begun.
    Waiting,
    /// Being read.
    Running,
    /// Read to the end.
    Done,
    /// It gave up.
    Failed,
    /// Not read: not asked for, or not there.
    Skipped,
}

/// What is being done with an object that is running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// Its pages are read.
    #[default]
    Reading,
    /// What the source has is compared with what is known, to find what is gone.
    Comparing,
    /// The source has asked to be left alone for a while, or is in trouble that may pass.
    WaitingForSource,
    /// The event log is full or away.
    WaitingForLog,
}

/// One object of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunObject {
    /// The object, as the source spells it.
    pub object: String,
    /// Where it stands.
    pub state: RunObjectState,
    /// Records read.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub read: u64,
    /// Of these, new or changed.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub published: u64,
    /// Of these, the same as before.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub unchanged: u64,
    /// Of these, not usable as an event.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub rejected: u64,
    /// Records that were there before and are gone from the source.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub deleted: u64,
    /// How many there are, if the source said so.
    #[serde(default)]
    #[schema(format = Int64)]
    pub total: Option<u64>,
    /// So many of them were read by a process of this run that was interrupted.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub before: u64,
    /// Only what has changed since this moment was asked for; none if everything was.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Only what has changed before this moment was asked for, in a back-fill.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// What is being done with it, while it is running.
    #[serde(default)]
    #[schema(required = true)]
    pub phase: RunPhase,
    /// Records read in a second, over the last minute; none while it is not running, and while too little is known.
    #[serde(default)]
    pub per_second: Option<f64>,
    /// Seconds until all of them are read at that pace; none if that is not known.
    #[serde(default)]
    #[schema(format = Int64)]
    pub seconds_left: Option<u64>,
    /// Requests made.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub calls: u64,
    /// Bytes of the answers, if the source counts them.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub bytes: u64,
    /// Requests made again after trouble.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub retries: u64,
    /// How often the source asked to be left alone for a while.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub rate_limits: u64,
    /// Time spent waiting, for the source or for the event log, in milliseconds.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub waited_ms: u64,
    /// For people.
    #[serde(default)]
    pub detail: Option<String>,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunError {
    /// A stable word.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    #[serde(default)]
    #[schema(required = true)]
    pub fix: String,
}

/// A stretch of a source's time: what a back-fill reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunRange {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment behind it.
    pub to: Timestamp,
}

/// One sync of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its id.
    pub run_id: String,
    /// The source.
    pub source: String,
    /// Why it started.
    pub trigger: RunTrigger,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// Its objects, in the order of reading.
    #[serde(default)]
    #[schema(required = true)]
    pub objects: Vec<RunObject>,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub read: u64,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub published: u64,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub unchanged: u64,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub rejected: u64,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub deleted: u64,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub calls: u64,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub bytes: u64,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub retries: u64,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub rate_limits: u64,
    /// Sum over the objects.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub waited_ms: u64,
    /// What a back-fill reads; none for a run that reads what is due.
    #[serde(default)]
    pub backfill: Option<RunRange>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<RunError>,
}
