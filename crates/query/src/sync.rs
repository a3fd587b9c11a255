//! Runs of syncs: what the ingest processes report, and the one command that starts a run.
//!
//! The present run of each instance stands in the bucket [`RUNS_BUCKET`]; finished ones are appended to the stream
//! [`HISTORY_STREAM`]. Both belong to ingest; here they are only read.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use salescommand_domain::raw::Position;
use salescommand_domain::schedule::{Asked, TimeRange};
use salescommand_eventlog::{BatchLimit, Error as LogError, EventLog, KeyValue, Message};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cursors::SourceCursor;
pub use crate::run::{Run, RunError, RunObject, RunObjectState, RunPhase, RunRange, RunState, RunTrigger};
use crate::run_log::{RecordedLog, RunLog};

/// Bucket of the present run per instance: key = instance, value = [`RecordedRun`] in JSON.
pub const RUNS_BUCKET: &str = "SYNC_RUNS";
/// Bucket of what is wrong with sources: key = instance, value = [`RecordedAlerts`] in JSON.
pub const ALERTS_BUCKET: &str = "SYNC_ALERTS";
/// Stream of finished runs: [`RecordedRun`] in JSON.
pub const HISTORY_STREAM: &str = "SYNC_HISTORY";

/// How many runs are remembered here; the stream has them all.
const REMEMBERED_RUNS: usize = 1_000;
/// One fetch of history.
const HISTORY_BATCH: BatchLimit =
    BatchLimit { messages: 500, bytes: 4 * 1024 * 1024, wait: Duration::from_millis(500) };
/// A dashboard does not wait longer for the broker than this.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The last run that read everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteRun {
    /// When it ended.
    pub finished_at: Timestamp,
    /// The end of the instance's raw log then.
    pub position: Position,
}

/// What is read of a run as ingest records it; it may say more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedRun {
    /// The run under way, or the last one if none is.
    #[serde(flatten)]
    pub run: Run,
    /// The last run that read everything, this one included.
    #[serde(default)]
    pub last_complete: Option<CompleteRun>,
    /// When each object was asked for last.
    #[serde(default)]
    pub asked: Asked,
    /// How many runs in a row have read nothing because of something that a person has to mend.
    #[serde(default)]
    pub failures: u32,
    /// The last finished run before this one.
    #[serde(default)]
    pub last: Option<Box<Run>>,
}

/// What is wrong with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertCondition {
    /// The last run failed.
    Failing,
    /// So many failed that the clock begins none any more.
    Paused,
    /// The last complete sync is too long ago.
    Stale,
    /// More than one of a hundred records that the last run read is not usable as an event.
    Rejecting,
    /// Of SalesCommand's own inputs: what is said of who reports to whom would go round in a circle.
    ManagersInCircle,
}

/// What is read of a source's alerts as ingest records them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAlerts {
    /// What is wrong, and since when that is known.
    pub conditions: BTreeMap<AlertCondition, Timestamp>,
}

/// A sync to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncCommand {
    /// Id of the run.
    pub run_id: Uuid,
    /// Which source.
    pub source: String,
    /// Only these objects; empty for all.
    pub objects: Vec<String>,
    /// All records, and not only what has changed.
    pub full: bool,
    /// Records that are gone are retracted however many they are.
    pub accept_deletions: bool,
    /// Objects are read although fields of theirs are gone or have changed.
    pub accept_schema: bool,
    /// Only what has last changed in this range; no cursor moves.
    pub backfill: Option<TimeRange>,
    /// The account that asked.
    pub requested_by: String,
}

/// A command was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The queue cannot be reached.
    #[error("the queue of commands is not reachable: {0}")]
    Unavailable(String),
    /// A run of this source is queued or running.
    #[error("a run of this source is queued or running")]
    AlreadyRunning,
    /// Refused for good.
    #[error("the queue of commands refused: {0}")]
    Refused(String),
}

/// What became of the wish to cancel a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelOutcome {
    /// It has ended: nobody was working on it.
    Cancelled,
    /// It ends when the page under way is read.
    Asked,
}

/// Starts and cancels syncs; the app puts the job queue behind it.
#[async_trait]
pub trait SyncCommands: Send + Sync {
    /// Queues a sync. Durable when it returns.
    async fn enqueue_sync(&self, command: SyncCommand) -> Result<(), CommandError>;

    /// Takes a hint that an object of a source has changed: it is read soon. Durable when it returns; any number of hints at
    /// about the same time are one.
    async fn hint(&self, source: &str, object: &str) -> Result<(), CommandError>;

    /// Cancels a run; none if no such run is queued, under way or interrupted.
    async fn cancel_sync(&self, run_id: Uuid) -> Result<Option<CancelOutcome>, CommandError>;

    /// How far each object of a source has been read.
    async fn cursors(&self, source: &str) -> Result<Vec<SourceCursor>, CommandError>;

    /// Makes the next run read everything of some objects, or of all if none is named; gives those that had been read.
    async fn reset_cursors(&self, source: &str, objects: Vec<String>) -> Result<Vec<String>, CommandError>;
}

/// What is known of runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunBook {
    /// The present or last run, by instance.
    present: BTreeMap<String, RecordedRun>,
    /// What is wrong, by instance.
    alerts: BTreeMap<String, RecordedAlerts>,
    /// Finished runs, oldest first, with their places in the history.
    finished: Arc<VecDeque<(u64, Run)>>,
}

impl RunBook {
    /// The run that is queued or running.
    pub(crate) fn current(&self, source: &str) -> Option<&Run> {
        self.present.get(source).map(|recorded| &recorded.run).filter(|run| run.state.is_open())
    }

    /// The last finished run.
    pub(crate) fn last(&self, source: &str) -> Option<&Run> {
        let recorded = self.present.get(source)?;
        if recorded.run.state.is_open() { recorded.last.as_deref() } else { Some(&recorded.run) }
    }

    /// The last run that read everything.
    pub(crate) fn last_complete(&self, source: &str) -> Option<&CompleteRun> {
        self.present.get(source)?.last_complete.as_ref()
    }

    /// What is wrong with a source, and since when that is known.
    pub(crate) fn alerts(&self, source: &str) -> impl Iterator<Item = (AlertCondition, Timestamp)> {
        self.alerts
            .get(source)
            .into_iter()
            .flat_map(|alerts| &alerts.conditions)
            .map(|(c, since)| (*c, *since))
    }

    /// What is recorded of a source's present or last run.
    pub(crate) fn recorded(&self, source: &str) -> Option<&RecordedRun> {
        self.present.get(source)
    }

    /// Finished runs, newest first.
    pub(crate) fn history(&self) -> impl Iterator<Item = &Run> {
        self.finished.iter().rev().map(|(_, run)| run)
    }

    /// A run by its id, in whatever state.
    pub(crate) fn run(&self, run_id: &str) -> Option<&Run> {
        let mut present = self.present.values().map(|recorded| &recorded.run);
        let present = present.find(|run| run.run_id == run_id);
        present.or_else(|| self.history().find(|run| run.run_id == run_id))
    }

    /// Whether nobody will work on a run any more: it has ended, or it was interrupted and another one was begun.
    pub(crate) fn is_over(&self, run: &Run) -> bool {
        match run.state {
            RunState::Queued | RunState::Running => false,
            RunState::Succeeded | RunState::Failed | RunState::Cancelled => true,
            RunState::Interrupted => {
                self.present.get(&run.source).is_none_or(|present| present.run.run_id != run.run_id)
            }
        }
    }

    /// Takes a finished run in; one that was interrupted and went on is recorded again under its id.
    fn record(&mut self, sequence: u64, run: Run) {
        let finished = Arc::make_mut(&mut self.finished);
        finished.retain(|(_, known)| known.run_id != run.run_id);
        finished.push_back((sequence, run));
        if finished.len() > REMEMBERED_RUNS {
            finished.pop_front();
        }
    }
}

/// Reads runs from the event log.
pub(crate) struct Runs {
    log: Arc<dyn EventLog>,
    kv: Arc<dyn KeyValue>,
    /// Held while the broker is asked; nobody who cannot wait takes it.
    known: tokio::sync::Mutex<Known>,
    /// What was known last, for those who cannot wait.
    last: Mutex<RunBook>,
}

#[derive(Default)]
struct Known {
    sequence: u64,
    book: RunBook,
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runs")
    }
}

impl Runs {
    pub(crate) fn new(log: Arc<dyn EventLog>, kv: Arc<dyn KeyValue>) -> Self {
        Self { log, kv, known: tokio::sync::Mutex::default(), last: Mutex::default() }
    }

    /// What is known of runs now.
    pub(crate) async fn book(&self) -> Result<RunBook, LogError> {
        let mut known = self.known.lock().await;
        self.catch_up(&mut known).await?;
        known.book.present = self.entries(RUNS_BUCKET).await?;
        known.book.alerts = self.entries(ALERTS_BUCKET).await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = known.book.clone();
        Ok(known.book.clone())
    }

    async fn entries<T: DeserializeOwned>(&self, bucket: &str) -> Result<BTreeMap<String, T>, LogError> {
        let entries = match self.kv.entries(bucket).await {
            // Before the first one there is no bucket.
            Err(LogError::Missing(_)) => Vec::new(),
            entries => entries?,
        };
        Ok(entries.into_iter().filter_map(|(key, entry)| Some((key, parse(&entry.value)?))).collect())
    }

    /// The same, or what was known before if the broker does not answer soon: a dashboard must not wait for it.
    pub(crate) async fn book_or_last_known(&self) -> RunBook {
        match tokio::time::timeout(PATIENCE, self.book()).await {
            Ok(Ok(book)) => return book,
            Ok(Err(error)) => tracing::warn!(%error, "freshness of sources is as last known"),
            Err(_) => tracing::warn!("freshness of sources is as last known: the event log does not answer"),
        }
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a run had to say; none if no such run is known.
    pub(crate) async fn log_of(&self, run_id: &str) -> Result<Option<RunLog>, LogError> {
        let book = self.book().await?;
        let present: BTreeMap<String, RecordedLog> = self.entries(RUNS_BUCKET).await?;
        if let Some(present) = present.into_values().find(|recorded| recorded.run_id == run_id) {
            return Ok(Some(present.log));
        }
        let mut finished = book.finished.iter();
        let Some((sequence, _)) = finished.find(|(_, run)| run.run_id == run_id) else { return Ok(None) };
        let mut reader = self.log.read_after(HISTORY_STREAM, sequence.saturating_sub(1)).await?;
        let messages = reader.next(BatchLimit { messages: 1, ..HISTORY_BATCH }).await?;
        let recorded = messages.first().and_then(|message| parse::<RecordedLog>(&message.payload));
        // The oldest runs are forgotten, with their logs.
        Ok(recorded.filter(|recorded| recorded.run_id == run_id).map(|recorded| recorded.log))
    }

    async fn catch_up(&self, known: &mut Known) -> Result<(), LogError> {
        let last = self.log.stream(HISTORY_STREAM).await?.map_or(0, |status| status.last_sequence);
        if last <= known.sequence {
            return Ok(());
        }
        let mut reader = self.log.read_after(HISTORY_STREAM, known.sequence).await?;
        while known.sequence < last {
            let messages = reader.next(HISTORY_BATCH).await?;
            if messages.is_empty() {
                break;
            }
            messages.iter().for_each(|message| take(known, message));
        }
        Ok(())
    }
}

fn take(known: &mut Known, message: &Message) {
    known.sequence = message.sequence;
    if let Some(recorded) = parse::<RecordedRun>(&message.payload) {
        known.book.record(message.sequence, recorded.run);
    }
}

/// An entry that this version cannot read is left out, not a reason to show none.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes)
        .inspect_err(|error| tracing::warn!(%error, "an unreadable record of runs is left out"))
        .ok()
}
