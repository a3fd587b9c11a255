//! Reads all raw logs side by side, without letting one starve the others.
//!
//! Each log has a task of its own that reads ahead by one portion; the portions meet in one queue. Own edits
//! (`crm`) and configuration (`config`) come first within what is waiting. A log is a chain of epochs and is read over
//! their borders; a position in an epoch that is nowhere ends everything, since going on would leave events out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::raw::{InstanceName, Position, RawPosition, Vector, parse_raw_stream};
use salescommand_epochs::{ChainReader, Error as EpochError};
use salescommand_eventlog::{BatchLimit, EventLog, Message};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most events per transaction.
pub const BATCH_EVENTS: usize = 1_000;
/// Most bytes of raw events per transaction.
pub const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Longest wait for a log's first event.
const READ_WAIT: Duration = Duration::from_millis(250);
/// How often new logs are looked for.
const DISCOVERY: Duration = Duration::from_secs(1);
/// Pause after the event log failed.
const BACK_OFF: Duration = Duration::from_millis(500);

/// A raw message and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct RawMessage {
    /// Its position in the raw zone.
    pub raw: RawPosition,
    /// The message.
    pub message: Message,
}

/// A portion of one log. While it is held, its log reads only one more.
struct Portion {
    messages: Vec<RawMessage>,
    _permit: OwnedSemaphorePermit,
}

/// The raw logs, merged.
pub struct RawLogs {
    queue: mpsc::Receiver<Result<Portion, EpochError>>,
}

impl RawLogs {
    /// Starts reading every raw log behind the vector. New logs are found as they appear.
    pub fn start(log: Arc<dyn EventLog>, from: Vector, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let (send, queue) = mpsc::channel(64);
        let reading = tasks.clone();
        tasks.spawn(async move {
            let mut readers: BTreeSet<InstanceName> = BTreeSet::new();
            loop {
                match log.streams("RAW_").await {
                    Ok(streams) => {
                        let found = streams.iter().filter_map(|stream| parse_raw_stream(&stream.name));
                        for (instance, _) in found {
                            if !readers.insert(instance.clone()) {
                                continue;
                            }
                            // A log begins with its first epoch, whichever the broker still has.
                            let from = from.get(&instance).copied().unwrap_or(Position::START);
                            reading.spawn(read_log(log.clone(), instance, from, send.clone(), stop.clone()));
                        }
                    }
                    Err(error) => tracing::warn!(%error, "raw logs cannot be listed, trying again"),
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(DISCOVERY) => {}
                }
            }
        });
        Self { queue }
    }

    /// The next messages of any logs, as many as one transaction takes; none when everything has been stopped. An
    /// error is final: a log cannot be read on from its position.
    pub async fn next(&mut self) -> Result<Option<Vec<RawMessage>>, EpochError> {
        let Some(first) = self.queue.recv().await else { return Ok(None) };
        let mut portions = vec![first?];
        let mut size = portions[0].messages.len();
        while size < BATCH_EVENTS
            && let Ok(portion) = self.queue.try_recv()
        {
            let portion = portion?;
            size += portion.messages.len();
            portions.push(portion);
        }
        // The sort is stable, so each log keeps its order.
        portions.sort_by_key(|portion| portion.messages.first().map(|first| precedence(&first.raw.instance)));
        Ok(Some(portions.into_iter().flat_map(|portion| portion.messages).collect()))
    }
}

fn precedence(instance: &InstanceName) -> u8 {
    match instance.as_str() {
        "crm" => 0,
        "config" => 1,
        _ => 2,
    }
}

/// Reads one log for ever, from where the position is.
async fn read_log(
    log: Arc<dyn EventLog>,
    instance: InstanceName,
    from: Position,
    send: mpsc::Sender<Result<Portion, EpochError>>,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(2));
    let mut reader = ChainReader::new(log, instance.clone(), from);
    while !stop.is_cancelled() {
        let read = tokio::select! {
            () = stop.cancelled() => return,
            read = read_portion(&mut reader, &instance, &permits) => read,
        };
        let portion = match read {
            Ok(Some(portion)) => Ok(portion),
            Ok(None) => continue,
            Err(error @ EpochError::UnknownEpoch { .. }) => Err(error),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(source.instance = %instance, %error, cause, "raw log cannot be read, trying again");
                let _ = tokio::time::timeout(BACK_OFF, stop.cancelled()).await;
                continue;
            }
        };
        let last = portion.is_err();
        if send.send(portion).await.is_err() || last {
            return;
        }
    }
}

/// The next messages of a log; none if there were none within the wait.
async fn read_portion(
    reader: &mut ChainReader,
    instance: &InstanceName,
    permits: &Arc<Semaphore>,
) -> Result<Option<Portion>, EpochError> {
    let limit = BatchLimit { messages: BATCH_EVENTS / 2, bytes: BATCH_BYTES / 2, wait: READ_WAIT };
    let Ok(permit) = permits.clone().acquire_owned().await else { return Ok(None) };
    let read = reader.next(limit).await?;
    let place = |message: Message| RawMessage {
        raw: RawPosition {
            instance: instance.clone(),
            position: Position { epoch: read.epoch, sequence: message.sequence },
        },
        message,
    };
    let messages: Vec<_> = read.messages.into_iter().map(place).collect();
    Ok((!messages.is_empty()).then_some(Portion { messages, _permit: permit }))
}
