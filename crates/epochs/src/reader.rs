//! Reading a chain in order: to the end of a sealed epoch, then the next.
//!
//! Over an [`ArchivedLog`](crate::ArchivedLog) it reads epochs that the broker no longer has from their archives.

use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::raw::{InstanceName, Position, raw_stream};
use salescommand_eventlog::{
    BatchLimit, Error as LogError, EventLog, LogReader, Message, StreamState, StreamStatus,
};
use tokio::time::Instant;

use crate::Error;

/// How often a reader that finds nothing looks whether its epoch has ended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Messages of one epoch.
#[derive(Debug, PartialEq)]
pub struct Portion {
    /// Which epoch.
    pub epoch: u32,
    /// Its next messages; empty when none came within the limit's wait.
    pub messages: Vec<Message>,
}

/// An ordered reader of one instance's chain.
pub struct ChainReader {
    log: Arc<dyn EventLog>,
    instance: InstanceName,
    /// The last event handed out.
    at: Position,
    reader: Option<Box<dyn LogReader>>,
    looked: Option<Instant>,
}

impl ChainReader {
    /// Reads behind a position.
    pub fn new(log: Arc<dyn EventLog>, instance: InstanceName, after: Position) -> Self {
        Self { log, instance, at: after, reader: None, looked: None }
    }

    /// The position of the last event handed out.
    pub fn position(&self) -> Position {
        self.at
    }

    /// The next messages, all of one epoch. A position in an epoch that is nowhere is [`Error::UnknownEpoch`], one
    /// behind its epoch's end is [`LogError::Refused`]. Dropping the future loses nothing.
    pub async fn next(&mut self, limit: BatchLimit) -> Result<Portion, Error> {
        loop {
            if self.reader.is_none() {
                self.open(limit.wait).await?;
            }
            let Some(reader) = self.reader.as_mut() else { return Ok(self.portion(Vec::new())) };
            let messages = match reader.next(limit).await {
                Ok(messages) => messages,
                Err(error) => {
                    self.reader = None;
                    // The epoch may have been archived and deleted under the reader.
                    if matches!(error, LogError::Missing(_)) {
                        continue;
                    }
                    return Err(error.into());
                }
            };
            if let Some(last) = messages.last() {
                self.at.sequence = last.sequence;
                return Ok(self.portion(messages));
            }
            if !self.has_moved().await? {
                return Ok(self.portion(messages));
            }
            self.reader = None;
        }
    }

    fn portion(&self, messages: Vec<Message>) -> Portion {
        Portion { epoch: self.at.epoch, messages }
    }

    /// After an empty read: whether to open anew, because the epoch is sealed, or its stream has gone.
    async fn has_moved(&mut self) -> Result<bool, LogError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return Ok(false);
        }
        self.looked = Some(Instant::now());
        let status = self.status(self.at.epoch).await?;
        Ok(status.is_none_or(|status| status.state != StreamState::Open))
    }

    /// Opens the epoch of the position, or the next if that one has been read to its end for good. A next epoch that
    /// does not exist yet is waited for.
    async fn open(&mut self, wait: Duration) -> Result<(), Error> {
        let Some(mut status) = self.status(self.at.epoch).await? else {
            return Err(Error::UnknownEpoch { instance: self.instance.clone(), position: self.at });
        };
        let mut at = self.at;
        if status.state == StreamState::Sealed && at.sequence == status.last_sequence {
            let following = Position { epoch: at.epoch + 1, sequence: 0 };
            let Some(next) = self.status(following.epoch).await? else {
                tokio::time::sleep(wait).await;
                return Ok(());
            };
            (status, at) = (next, following);
        }
        if status.state == StreamState::Building {
            return Err(LogError::Unavailable(format!("{} is being restored", status.name)).into());
        }
        self.reader = Some(self.log.read_after(&status.name, at.sequence).await?);
        self.at = at;
        Ok(())
    }

    /// What is known of an epoch. Borrows nothing, since readers are not shared between threads.
    fn status(&self, epoch: u32) -> impl Future<Output = Result<Option<StreamStatus>, LogError>> + use<> {
        let (log, stream) = (self.log.clone(), raw_stream(&self.instance, epoch));
        async move { log.stream(&stream).await }
    }
}
