//! Reads all raw logs side by side, without letting one starve the others.
//!
//! Each log has a task of its own that reads ahead by one portion; the portions meet in one queue. Own edits
//! (`crm`) and configuration (`config`) come first within what is waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::raw::{InstanceName, Position, RawPosition, Vector, raw_stream};
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
    queue: mpsc::Receiver<Portion>,
}

impl RawLogs {
    /// Starts reading every raw log behind the vector. New logs are found as they appear.
    pub fn start(log: Arc<dyn EventLog>, from: Vector, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let (send, queue) = mpsc::channel(64);
        let reading = tasks.clone();
        tasks.spawn(async move {
            let mut readers: BTreeMap<InstanceName, ()> = BTreeMap::new();
            loop {
                match log.streams("RAW_").await {
                    Ok(streams) => {
                        for (instance, epoch) in
                            streams.iter().filter_map(|stream| parse_stream(&stream.name))
                        {
                            if readers.contains_key(&instance) {
                                continue;
                            }
                            let from =
                                from.get(&instance).copied().unwrap_or(Position { epoch, sequence: 0 });
                            readers.insert(instance.clone(), ());
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

    /// The next messages of any logs, as many as one transaction takes; none when everything has been stopped.
    pub async fn next(&mut self) -> Option<Vec<RawMessage>> {
        let mut portions = vec![self.queue.recv().await?];
        let mut size = portions[0].messages.len();
        while size < BATCH_EVENTS
            && let Ok(portion) = self.queue.try_recv()
        {
            size += portion.messages.len();
            portions.push(portion);
        }
        // The sort is stable, so each log keeps its order.
        portions.sort_by_key(|portion| portion.messages.first().map(|first| precedence(&first.raw.instance)));
        Some(portions.into_iter().flat_map(|portion| portion.messages).collect())
    }
}

fn precedence(instance: &InstanceName) -> u8 {
    match instance.as_str() {
        "crm" => 0,
        "config" => 1,
        _ => 2,
    }
}

/// Instance and epoch of a raw stream's name.
fn parse_stream(name: &str) -> Option<(InstanceName, u32)> {
    let (instance, epoch) = name.strip_prefix("RAW_")?.rsplit_once("_E")?;
    Some((InstanceName::new(instance.to_ascii_lowercase()).ok()?, epoch.parse().ok()?))
}

/// Reads one log for ever, from where the position is.
async fn read_log(
    log: Arc<dyn EventLog>,
    instance: InstanceName,
    mut at: Position,
    send: mpsc::Sender<Portion>,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(2));
    while !stop.is_cancelled() {
        let failed = tokio::select! {
            () = stop.cancelled() => return,
            failed = read_from(&*log, &instance, &mut at, &send, &permits) => failed,
        };
        let Err(error) = failed else { return };
        tracing::warn!(source.instance = %instance, %error, "raw log cannot be read, trying again");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(BACK_OFF) => {}
        }
    }
}

/// Reads until the log fails, or nobody listens any more.
async fn read_from(
    log: &dyn EventLog,
    instance: &InstanceName,
    at: &mut Position,
    send: &mpsc::Sender<Portion>,
    permits: &Arc<Semaphore>,
) -> Result<(), salescommand_eventlog::Error> {
    let limit = BatchLimit { messages: BATCH_EVENTS / 2, bytes: BATCH_BYTES / 2, wait: READ_WAIT };
    let mut reader = log.read_after(&raw_stream(instance, at.epoch), at.sequence).await?;
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return Ok(()) };
        let messages = reader.next(limit).await?;
        let Some(last) = messages.last() else { continue };
        let position = Position { epoch: at.epoch, sequence: last.sequence };
        let epoch = at.epoch;
        let place = |message: Message| RawMessage {
            raw: RawPosition {
                instance: instance.clone(),
                position: Position { epoch, sequence: message.sequence },
            },
            message,
        };
        let portion = Portion { messages: messages.into_iter().map(place).collect(), _permit: permit };
        if send.send(portion).await.is_err() {
            return Ok(());
        }
        *at = position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_names_tell_instance_and_epoch() {
        let parsed = parse_stream("RAW_ODOO-EU_E12").unwrap();
        assert_eq!((parsed.0.as_str(), parsed.1), ("odoo-eu", 12));
        assert!(parse_stream("RAW_X").is_none() && parse_stream("CANONICAL_G1").is_none());
    }
}
