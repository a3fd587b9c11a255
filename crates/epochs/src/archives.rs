//! The port to archived epochs, and a log that also reads those.

use std::sync::Arc;

use async_trait::async_trait;
use salescommand_domain::raw::{InstanceName, parse_raw_stream};
use salescommand_eventlog::{
    BatchLimit, Error as LogError, EventLog, LogReader, Message, Outgoing, Published, StoredReader,
    StreamSpec, StreamState, StreamStatus,
};

/// Where archived epochs are read.
#[async_trait]
pub trait Archives: Send + Sync {
    /// An archived epoch, described as the sealed stream that it was; none if it is not archived here.
    async fn describe(&self, instance: &InstanceName, epoch: u32) -> Result<Option<StreamStatus>, LogError>;

    /// The newest epoch of an instance that is archived here.
    async fn newest(&self, instance: &InstanceName) -> Result<Option<u32>, LogError>;

    /// Reads an archived epoch in order, beginning behind a sequence; none if it is not archived here. A damaged
    /// archive is [`LogError::Refused`].
    async fn read(
        &self,
        instance: &InstanceName,
        epoch: u32,
        after: u64,
    ) -> Result<Option<Box<dyn StoredReader>>, LogError>;
}

/// No archives: `raw.archive_dir` is not set.
#[derive(Debug, Clone, Copy)]
pub struct NoArchives;

#[async_trait]
impl Archives for NoArchives {
    async fn describe(&self, _: &InstanceName, _: u32) -> Result<Option<StreamStatus>, LogError> {
        Ok(None)
    }

    async fn newest(&self, _: &InstanceName) -> Result<Option<u32>, LogError> {
        Ok(None)
    }

    async fn read(
        &self,
        _: &InstanceName,
        _: u32,
        _: u64,
    ) -> Result<Option<Box<dyn StoredReader>>, LogError> {
        Ok(None)
    }
}

/// An event log that also answers for epochs which only their archives hold: to [`EventLog::stream`] and
/// [`EventLog::read_after`] of a raw stream that the broker does not have, or is only building again. Listings, writes
/// and last events are the broker's alone.
pub struct ArchivedLog {
    log: Arc<dyn EventLog>,
    archives: Arc<dyn Archives>,
}

impl ArchivedLog {
    /// A log over a broker and archives.
    pub fn new(log: Arc<dyn EventLog>, archives: Arc<dyn Archives>) -> Self {
        Self { log, archives }
    }
}

#[async_trait]
impl EventLog for ArchivedLog {
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), LogError> {
        self.log.ensure_stream(spec).await
    }

    async fn streams(&self, prefix: &str) -> Result<Vec<StreamStatus>, LogError> {
        self.log.streams(prefix).await
    }

    async fn stream(&self, name: &str) -> Result<Option<StreamStatus>, LogError> {
        let held = self.log.stream(name).await?;
        if held.as_ref().is_some_and(|held| held.state != StreamState::Building) {
            return Ok(held);
        }
        let Some((instance, epoch)) = parse_raw_stream(name) else { return Ok(held) };
        Ok(self.archives.describe(&instance, epoch).await?.or(held))
    }

    async fn publish(&self, stream: &str, messages: Vec<Outgoing>) -> Result<Vec<Published>, LogError> {
        self.log.publish(stream, messages).await
    }

    async fn publish_if_last(
        &self,
        stream: &str,
        message: Outgoing,
        last_of_subject: u64,
    ) -> Result<Published, LogError> {
        self.log.publish_if_last(stream, message, last_of_subject).await
    }

    async fn publish_together(
        &self,
        stream: &str,
        behind: u64,
        messages: Vec<Outgoing>,
    ) -> Result<(), LogError> {
        self.log.publish_together(stream, behind, messages).await
    }

    async fn last_by_subject(
        &self,
        stream: &str,
        subjects: &[String],
    ) -> Result<Vec<Option<Message>>, LogError> {
        self.log.last_by_subject(stream, subjects).await
    }

    async fn last_by_subject_up_to(
        &self,
        stream: &str,
        subjects: &[String],
        sequence: u64,
    ) -> Result<Vec<Option<Message>>, LogError> {
        self.log.last_by_subject_up_to(stream, subjects, sequence).await
    }

    async fn last_message(&self, stream: &str) -> Result<Option<Message>, LogError> {
        self.log.last_message(stream).await
    }

    async fn read_after(&self, stream: &str, sequence: u64) -> Result<Box<dyn LogReader>, LogError> {
        let held = self.log.stream(stream).await?;
        if held.is_none_or(|held| held.state == StreamState::Building)
            && let Some((instance, epoch)) = parse_raw_stream(stream)
            && let Some(reader) = self.archives.read(&instance, epoch, sequence).await?
        {
            return Ok(Box::new(ArchiveReader(reader)));
        }
        self.log.read_after(stream, sequence).await
    }
}

struct ArchiveReader(Box<dyn StoredReader>);

#[async_trait]
impl LogReader for ArchiveReader {
    async fn next(&mut self, limit: BatchLimit) -> Result<Vec<Message>, LogError> {
        Ok(self.0.next_stored(limit).await?.into_iter().map(|stored| stored.message).collect())
    }
}
