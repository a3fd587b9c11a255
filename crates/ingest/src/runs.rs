//! Where runs are recorded: the current one of each instance in a bucket, the ended ones in a stream.

use std::time::Duration;

use salescommand_domain::raw::InstanceName;
use salescommand_eventlog::{BatchLimit, Error as LogError, EventLog, KeyValue, Outgoing, StreamSpec};
use uuid::Uuid;

use crate::cancel::CANCELS_BUCKET;
use crate::cursor::CURSORS_BUCKET;
use crate::known::KNOWN_BUCKET;
use crate::lease::LEASES_BUCKET;
use crate::run::{Run, RunRecord, RunState};
use crate::schema::SCHEMAS_BUCKET;
use crate::{Error, Ports};

/// Bucket with one [`RunRecord`] for each instance, under its name.
pub const RUNS_BUCKET: &str = "SYNC_RUNS";
/// Stream with one [`RunRecord`] for each ended run.
pub const HISTORY_STREAM: &str = "SYNC_HISTORY";
/// Prefix of its subjects; the instance follows.
pub const HISTORY_SUBJECT: &str = "sync.history";
/// Size of the history: ten thousand runs of ten objects, and more of smaller ones. The oldest are forgotten.
const HISTORY_BYTES: u64 = 32 << 20;
/// How far back [`history`] looks for the runs of one instance.
const HISTORY_WINDOW: u64 = 5_000;

/// Makes the buckets and the stream that the driver needs.
pub async fn prepare(log: &dyn EventLog, kv: &dyn KeyValue) -> Result<(), LogError> {
    for bucket in [CURSORS_BUCKET, KNOWN_BUCKET, RUNS_BUCKET, LEASES_BUCKET, CANCELS_BUCKET, SCHEMAS_BUCKET] {
        kv.ensure_bucket(bucket).await?;
    }
    let history = StreamSpec {
        name: HISTORY_STREAM.to_owned(),
        subjects: vec![format!("{HISTORY_SUBJECT}.>")],
        immutable: false,
        max_bytes: Some(HISTORY_BYTES),
        duplicate_window: Duration::from_secs(120),
    };
    log.ensure_stream(&history).await
}

/// The run record of every instance that ever had a run, by name. Empty before [`prepare`] was called.
pub async fn all_runs(kv: &dyn KeyValue) -> Result<Vec<RunRecord>, Error> {
    let entries = match kv.entries(RUNS_BUCKET).await {
        Err(LogError::Missing(_)) => Vec::new(),
        entries => entries?,
    };
    entries.iter().map(|(key, entry)| decode(key, &entry.value)).collect()
}

/// Ended runs, newest first; of one instance or of all.
pub async fn history(
    log: &dyn EventLog,
    source: Option<&InstanceName>,
    limit: usize,
) -> Result<Vec<RunRecord>, Error> {
    let Some(status) = log.stream(HISTORY_STREAM).await? else { return Ok(Vec::new()) };
    if status.messages == 0 {
        return Ok(Vec::new());
    }
    let window = if source.is_some() { HISTORY_WINDOW } else { limit as u64 };
    let first = status.first_sequence.saturating_sub(1);
    let mut reader =
        log.read_after(HISTORY_STREAM, first.max(status.last_sequence.saturating_sub(window))).await?;
    let batch = BatchLimit { messages: 1_000, bytes: 8 << 20, wait: Duration::from_secs(2) };
    let mut records: Vec<RunRecord> = Vec::new();
    loop {
        let messages = reader.next(batch).await?;
        for message in &messages {
            let record = decode(&message.subject, &message.payload)?;
            if source.is_none_or(|source| *source == record.run.source) {
                records.push(record);
            }
        }
        if messages.last().is_none_or(|message| message.sequence >= status.last_sequence) {
            break;
        }
    }
    records.reverse();
    records.truncate(limit);
    Ok(records)
}

/// A run by its id: under way, waiting, or among those remembered.
pub async fn find_run(
    log: &dyn EventLog,
    kv: &dyn KeyValue,
    run_id: Uuid,
) -> Result<Option<RunRecord>, Error> {
    let present = all_runs(kv).await?.into_iter().find(|record| record.run.run_id == run_id);
    if present.is_some() {
        return Ok(present);
    }
    let ended = history(log, None, HISTORY_WINDOW as usize).await?;
    Ok(ended.into_iter().find(|record| record.run.run_id == run_id))
}

/// Adds an ended run to the history; a second time changes nothing.
pub(crate) async fn remember(ports: &Ports, record: &RunRecord) -> Result<(), Error> {
    let subject = format!("{HISTORY_SUBJECT}.{}", record.run.source);
    let unreadable = |source| Error::State { what: subject.clone(), source };
    let payload = serde_json::to_vec(&RunRecord { last: None, ..record.clone() }).map_err(unreadable)?;
    let message = Outgoing {
        message_id: Some(format!("{}-{}-{:?}", record.run.run_id, record.token, record.run.state)),
        subject,
        expected_last_sequence: None,
        content_type: Some("application/json"),
        payload: payload.into(),
    };
    ports.log.publish(HISTORY_STREAM, vec![message]).await?;
    Ok(())
}

/// The record as it is to be remembered when its process ended without a word.
pub(crate) fn interrupted(ports: &Ports, record: &RunRecord) -> RunRecord {
    let finished_at = Some(ports.clock.now());
    let run = Run { state: RunState::Interrupted, finished_at, ..record.run.clone() };
    RunRecord { run, ..record.clone() }
}

fn decode(what: &str, bytes: &[u8]) -> Result<RunRecord, Error> {
    serde_json::from_slice(bytes).map_err(|source| Error::State { what: what.to_owned(), source })
}
