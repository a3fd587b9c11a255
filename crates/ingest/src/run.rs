//! The record of a run, as the HTTP interface shows it.

use std::collections::BTreeMap;
use std::iter::Sum;

use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, ObjectName, Position};
use salescommand_domain::schedule::{Asked, Selection, TimeRange};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::held::Owned;
use crate::run_log::RunLog;

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
    /// A hint of the source itself.
    Webhook,
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
    /// Objects are read although fields of theirs are gone or have changed.
    #[serde(default)]
    pub accept_schema: bool,
    /// Only what has last changed in this range of the source's time is read. Cursors stay as they are, and nothing is said of
    /// what is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill: Option<TimeRange>,
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

/// What is being done with an object that is running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
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

/// What reading takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Requests made.
    #[serde(default)]
    pub calls: u64,
    /// Bytes of the answers, if the source counts them.
    #[serde(default)]
    pub bytes: u64,
    /// Requests made again after trouble.
    #[serde(default)]
    pub retries: u64,
    /// How often the source asked to be left alone for a while.
    #[serde(default)]
    pub rate_limits: u64,
    /// Time spent waiting, for the source or for the event log, in milliseconds.
    #[serde(default)]
    pub waited_ms: u64,
}

impl Sum for Effort {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            calls: sum.calls + one.calls,
            bytes: sum.bytes + one.bytes,
            retries: sum.retries + one.retries,
            rate_limits: sum.rate_limits + one.rate_limits,
            waited_ms: sum.waited_ms + one.waited_ms,
        })
    }
}

/// One object of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// So many of them were read by a process of this run that was interrupted.
    #[serde(default)]
    pub before: u64,
    /// Only what has changed since this moment of the source's clock was asked for; none if everything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only what has changed before this moment of the source's clock was asked for, in a back-fill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What is being done with it, while it is running.
    #[serde(default)]
    pub phase: Phase,
    /// Records read in a second, over the last minute; none while it is not running, and while too little is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    /// Seconds until all of them are read at that pace; none if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
    /// What that took.
    #[serde(flatten)]
    pub effort: Effort,
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

impl RunError {
    /// Trouble of the source that passes by itself.
    pub(crate) const UNAVAILABLE: &'static str = "source-unavailable";

    /// Whether the same may work later without anybody doing anything.
    pub fn passes(&self) -> bool {
        self.code == Self::UNAVAILABLE
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Sum over the objects.
    #[serde(flatten)]
    pub effort: Effort,
    /// Why it failed.
    pub error: Option<RunError>,
}

/// A run that read an object, or everything, to its end.
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The objects it is limited to.
    #[serde(flatten)]
    pub selection: Selection,
    /// What was asked for besides.
    #[serde(flatten)]
    pub demands: Demands,
    /// When each object was asked for last, by this run or one before.
    #[serde(default)]
    pub asked: Asked,
    /// The last run that read each object, this one included.
    #[serde(default)]
    pub complete: BTreeMap<ObjectName, LastComplete>,
    /// Of these the one that ended first, when all objects were read: as of then, everything was.
    #[serde(default)]
    pub last_complete: Option<LastComplete>,
    /// How many runs in a row, up to this one, have read no object because of something that a person has to mend.
    #[serde(default)]
    pub failures: u32,
    /// What the run had to say.
    #[serde(default)]
    pub log: RunLog,
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

impl RunRecord {
    /// Whether the history does without it: it looked at some objects because it was time to, and all was as before. Of an object
    /// that is looked at every half minute there would be little else.
    pub(crate) fn is_quiet(&self) -> bool {
        let run = &self.run;
        let by_clock = run.trigger == Trigger::Schedule && self.selection.only.is_some();
        by_clock && run.state == RunState::Succeeded && run.published + run.rejected + run.deleted == 0
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
            effort: Effort::default(),
            error: None,
        }
    }

    /// Brings the sums up to date with the objects.
    pub(crate) fn sum(&mut self) {
        let sum = |figure: fn(&ObjectRun) -> u64| self.objects.iter().map(figure).sum::<u64>();
        let sums = (sum(|o| o.read), sum(|o| o.published), sum(|o| o.unchanged));
        (self.read, self.published, self.unchanged) = sums;
        (self.rejected, self.deleted) = (sum(|o| o.rejected), sum(|o| o.deleted));
        self.effort = self.objects.iter().map(|object| object.effort).sum();
    }
}

impl ObjectRun {
    pub(crate) fn waiting(object: ObjectName) -> Self {
        Self {
            object,
            state: ObjectState::Waiting,
            read: 0,
            published: 0,
            unchanged: 0,
            rejected: 0,
            deleted: 0,
            total: None,
            before: 0,
            since: None,
            until: None,
            phase: Phase::default(),
            per_second: None,
            seconds_left: None,
            effort: Effort::default(),
            detail: None,
        }
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
    /// The record of a run that was asked for at a moment, with what stays of the one before.
    pub(crate) fn follow(
        previous: Option<&Self>,
        run: Run,
        selection: &Selection,
        demands: Demands,
        at: Timestamp,
    ) -> Self {
        let asked = previous.map(|previous| previous.asked.clone()).unwrap_or_default();
        // A back-fill reads a part of each object: what is due stays due.
        let asked = if demands.backfill.is_some() { asked } else { asked.with(selection, at) };
        Self {
            run,
            token: 0,
            position: None,
            selection: selection.clone(),
            demands,
            asked,
            complete: previous.map(|previous| previous.complete.clone()).unwrap_or_default(),
            last_complete: previous.and_then(|previous| previous.last_complete.clone()),
            failures: previous.map_or(0, |previous| previous.failures),
            log: RunLog::default(),
            last: previous.and_then(Self::last_ended).cloned().map(Box::new),
        }
    }

    /// Takes in how the run ended: which objects it has read, of those that the source has, and whether it failed.
    pub(crate) fn conclude(
        &mut self,
        position: Position,
        finished_at: Timestamp,
        objects: Option<&[ObjectName]>,
    ) {
        self.position = Some(position);
        self.run.finished_at = Some(finished_at);
        let this = LastComplete { run_id: self.run.run_id, finished_at, position };
        // A back-fill has read no object to its end.
        let whole = self.demands.backfill.is_none();
        let done = self.run.objects.iter().filter(|object| whole && object.state == ObjectState::Done);
        self.complete.extend(done.map(|object| (object.object.clone(), this.clone())));
        if let Some(objects) = objects {
            // What the source no longer has is waited for no longer.
            self.complete.retain(|object, _| objects.contains(object));
            if objects.iter().all(|object| self.complete.contains_key(object)) {
                let first = self.complete.values().min_by_key(|complete| complete.finished_at);
                // Of a source without objects everything was read.
                self.last_complete = Some(first.cloned().unwrap_or(this));
            }
        }
        let read_something = self.run.objects.iter().any(|object| object.state == ObjectState::Done);
        match (self.run.state, &self.run.error) {
            (RunState::Succeeded, _) => self.failures = 0,
            // A source of which one object may not be read is worth asking for the others.
            (RunState::Failed, _) if read_something => self.failures = 0,
            (RunState::Failed, Some(error)) if !error.passes() => {
                self.failures = self.failures.saturating_add(1);
            }
            _ => {}
        }
    }

    /// The run under way or waiting, if there is one.
    pub fn current(&self) -> Option<&Run> {
        Some(&self.run).filter(|run| !run.state.is_final() && run.state != RunState::Interrupted)
    }

    /// When each object was read to its end last.
    pub(crate) fn read_last(&self) -> BTreeMap<ObjectName, Timestamp> {
        self.complete.iter().map(|(object, complete)| (object.clone(), complete.finished_at)).collect()
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
