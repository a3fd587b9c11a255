//! The record of a run, as the HTTP interface shows it.

use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, ObjectName, Position};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::held::Owned;

/// Who asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A person, in the browser.
    Manual,
    /// Set-up, for a source that was just added.
    First,
    /// The clock.
    Schedule,
    /// A person, on the command line.
    Cli,
}

/// What is asked of a run beyond its usual work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demands {
    /// All records are read, and not only what has changed since the last run.
    #[serde(default)]
    pub full: bool,
    /// Records that are gone are retracted however many they are.
    #[serde(default)]
    pub accept_deletions: bool,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Waits for a worker.
    Queued,
    /// Reads.
    Running,
    /// All objects were read to their ends.
    Succeeded,
    /// Something did not work; see its error.
    Failed,
    /// A person stopped it.
    Cancelled,
    /// Its process ended; it goes on elsewhere, under the same id.
    Interrupted,
}

/// How far an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectState {
    /// Not begun.
    Waiting,
    /// Being read.
    Running,
    /// Read to its end.
    Done,
    /// Could not be read.
    Failed,
    /// Not tried, because of an earlier failure.
    Skipped,
}

/// One object of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRun {
    /// The object.
    pub object: ObjectName,
    /// How far it is.
    pub state: ObjectState,
    /// Records read.
    pub read: u64,
    /// Records that were new or changed.
    pub published: u64,
    /// Records that were as their last raw event says.
    pub unchanged: u64,
    /// Records that could not be stored.
    pub rejected: u64,
    /// Records that were there before and are gone from the source.
    #[serde(default)]
    pub deleted: u64,
    /// How many records there are, if the source said so.
    pub total: Option<u64>,
    /// Only what has changed since this moment of the source's clock was asked for; none if everything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Requests made.
    pub calls: u64,
    /// What a person should know.
    pub detail: Option<String>,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// A stable word.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id; a run that was interrupted goes on under the same.
    pub run_id: Uuid,
    /// The source instance.
    pub source: InstanceName,
    /// Who asked for it.
    pub trigger: Trigger,
    /// How far it is.
    pub state: RunState,
    /// When its first process began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its objects, in the order of reading.
    pub objects: Vec<ObjectRun>,
    /// Sum over the objects.
    pub read: u64,
    /// Sum over the objects.
    pub published: u64,
    /// Sum over the objects.
    pub unchanged: u64,
    /// Sum over the objects.
    pub rejected: u64,
    /// Sum over the objects.
    #[serde(default)]
    pub deleted: u64,
    /// Why it failed.
    pub error: Option<RunError>,
}

/// The last run that read everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastComplete {
    /// Which run.
    pub run_id: Uuid,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The end of the log then: whoever has processed up to here has all that the run read.
    pub position: Position,
}

/// The entry of an instance in [`RUNS_BUCKET`](crate::RUNS_BUCKET), and a message of
/// [`HISTORY_STREAM`](crate::HISTORY_STREAM).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The current run, or the last one if none is under way.
    #[serde(flatten)]
    pub run: Run,
    /// Its lease's token; 0 while it is queued.
    #[serde(default)]
    pub token: u64,
    /// The end of the log at the end of the run.
    #[serde(default)]
    pub position: Option<Position>,
    /// The objects it is limited to; none for all.
    #[serde(default)]
    pub only: Option<Vec<ObjectName>>,
    /// What was asked for besides.
    #[serde(flatten)]
    pub demands: Demands,
    /// The last run that read everything, this one included.
    #[serde(default)]
    pub last_complete: Option<LastComplete>,
    /// The last finished run before this one.
    #[serde(default)]
    pub last: Option<Box<Run>>,
}

impl RunState {
    /// Whether nobody will work on the run any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl Run {
    /// A run that nobody has taken yet.
    pub fn queued(run_id: Uuid, source: InstanceName, trigger: Trigger) -> Self {
        Self {
            run_id,
            source,
            trigger,
            state: RunState::Queued,
            started_at: None,
            finished_at: None,
            objects: Vec::new(),
            read: 0,
            published: 0,
            unchanged: 0,
            rejected: 0,
            deleted: 0,
            error: None,
        }
    }

    /// Brings the sums up to date with the objects.
    pub(crate) fn sum(&mut self) {
        let sum = |figure: fn(&ObjectRun) -> u64| self.objects.iter().map(figure).sum::<u64>();
        let sums = (sum(|o| o.read), sum(|o| o.published), sum(|o| o.unchanged));
        (self.read, self.published, self.unchanged) = sums;
        (self.rejected, self.deleted) = (sum(|o| o.rejected), sum(|o| o.deleted));
    }
}

impl ObjectRun {
    pub(crate) fn waiting(object: ObjectName) -> Self {
        let (read, published, unchanged, rejected, deleted, calls) = (0, 0, 0, 0, 0, 0);
        let (state, total, since, detail) = (ObjectState::Waiting, None, None, None);
        Self { object, state, read, published, unchanged, rejected, deleted, total, since, calls, detail }
    }

    /// Adds a sentence to the detail, once, as long as a person would still read it.
    pub(crate) fn note(&mut self, text: &str) {
        match &mut self.detail {
            Some(detail) if detail.contains(text) || detail.len() > 2_000 => {}
            Some(detail) => {
                detail.push_str("; ");
                detail.push_str(text);
            }
            None => self.detail = Some(text.to_owned()),
        }
    }
}

impl RunRecord {
    /// The run under way or waiting, if there is one.
    pub fn current(&self) -> Option<&Run> {
        Some(&self.run).filter(|run| !run.state.is_final() && run.state != RunState::Interrupted)
    }

    /// The last run that ended.
    pub fn last_ended(&self) -> Option<&Run> {
        if self.current().is_some() { self.last.as_deref() } else { Some(&self.run) }
    }
}

impl Owned for RunRecord {
    fn same_owner(&self, other: &Self) -> bool {
        self.run.run_id == other.run.run_id && self.token == other.token
    }
}
