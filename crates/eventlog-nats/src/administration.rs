//! Streams as a whole: sealing, building again, deleting.
//!
//! A sealed stream listens on `sealed.<name>`, on which nobody publishes, and has JetStream's own `sealed` flag, which
//! refuses whatever is still under way to it; both come in one update. A stream that is being built listens on
//! `building.<name>.<true subject>` and a subject transform stores each message under its true subject, so it does not
//! overlap with an open stream of the same subjects, and connectors, who may publish `raw.>` only, cannot write into it.
//!
//! JetStream gives a message its time. So a message that is stored again carries the time of its first storing in a
//! header, and its id too: under `Nats-Msg-Id` a foreign producer's repetition beyond the duplicate window would be
//! taken for a duplicate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::context::{
    DeleteStreamError, DeleteStreamErrorKind, UpdateStreamError, UpdateStreamErrorKind,
};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, PurgeError, PurgeErrorKind, SubjectTransform,
};
use async_trait::async_trait;
use salescommand_domain::Timestamp;
use salescommand_eventlog::{
    Administration, Error, Storage, StoredMessage, StoredReader, StreamSpec, StreamState, StreamStatus,
};

use crate::connect::NatsLog;
use crate::direct::header;
use crate::error;
use crate::reader::Reader;
use crate::streams::{InFlight, MOST_BYTES_IN_FLIGHT, MOST_IN_FLIGHT, status, stream_config};

/// When a message was stored first.
pub(crate) const STORED_AT: &str = "Salescommand-Stored-At";
/// The id that a message was published with first.
pub(crate) const FIRST_ID: &str = "Salescommand-Msg-Id";

const BUILDING: &str = "building";

/// Whether a stream takes messages.
pub(crate) fn state_of(config: &Config) -> StreamState {
    let building = format!("{BUILDING}.{}.", config.name);
    match config {
        Config { sealed: true, .. } => StreamState::Sealed,
        config if config.subjects.iter().any(|subject| subject.starts_with(&building)) => {
            StreamState::Building
        }
        _ => StreamState::Open,
    }
}

/// What is stored of a message beside its bytes: the id and the time that it had first.
pub(crate) fn first_stored(
    headers: Option<&HeaderMap>,
    stored_now: Option<Timestamp>,
) -> (Option<String>, Timestamp) {
    let before = header(headers, STORED_AT).and_then(|text| text.parse().ok());
    let id = if before.is_some() { FIRST_ID } else { "Nats-Msg-Id" };
    (header(headers, id).map(str::to_owned), before.or(stored_now).unwrap_or_default())
}

impl NatsLog {
    async fn require(&self, stream: &str) -> Result<Info, Error> {
        self.info(stream).await?.ok_or_else(|| Error::Missing(stream.to_owned()))
    }

    /// Gives a stream the subjects that it lacks. Two that do so at once want the same.
    async fn widen(&self, stream: &str, subjects: &[String]) -> Result<(), Error> {
        let info = self.require(stream).await?;
        let mut all = info.config.subjects.clone();
        all.extend(subjects.iter().filter(|subject| !info.config.subjects.contains(subject)).cloned());
        if all.len() == info.config.subjects.len() {
            return Ok(());
        }
        let since = Instant::now();
        let updated = self.jetstream.update_stream(&Config { subjects: all, ..info.config }).await;
        updated.map_err(|problem| update_error(&problem, stream, since, self))?;
        Ok(())
    }

    async fn send_stored(&self, stream: &str, stored: StoredMessage) -> Result<InFlight, Error> {
        let message = stored.message;
        let expected = message.sequence.saturating_sub(1);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Stream", stream);
        headers.insert("Nats-Expected-Last-Sequence", expected.to_string());
        headers.insert(STORED_AT, stored.stored_at.to_string());
        if let Some(id) = stored.message_id {
            headers.insert(FIRST_ID, id.as_str());
        }
        if let Some(content_type) = message.content_type {
            headers.insert("Content-Type", content_type.as_str());
        }
        let subject = format!("{BUILDING}.{stream}.{}", message.subject);
        let (since, asked_at, bytes) = (Instant::now(), self.watched.connection(), message.payload.len());
        let publish = PublishMessage::build().headers(headers).payload(message.payload);
        match self.jetstream.send_publish(subject.clone(), publish).await {
            Ok(ack) => Ok(InFlight { ack, subject, expected, bytes, since, asked_at }),
            Err(problem) => Err(error::publish(&problem, stream, &subject, expected, since, &self.watched)),
        }
    }
}

#[async_trait]
impl Administration for NatsLog {
    async fn ensure_latest(&self, name: &str, subjects: &[String]) -> Result<(), Error> {
        let spec = StreamSpec {
            name: name.to_owned(),
            subjects: subjects.to_vec(),
            immutable: false,
            max_bytes: None,
            duplicate_window: Duration::from_secs(120),
        };
        // The newest of a subject replaces the one before; beyond that a full broker refuses, nothing is dropped.
        let config = Config {
            max_messages_per_subject: 1,
            discard: DiscardPolicy::New,
            allow_atomic_publish: true,
            ..stream_config(&spec)
        };
        self.ensure(config).await?;
        self.widen(name, subjects).await
    }

    async fn seal(&self, stream: &str) -> Result<StreamStatus, Error> {
        let info = self.require(stream).await?;
        if !info.config.sealed {
            let since = Instant::now();
            let config = Config {
                subjects: vec![format!("sealed.{stream}")],
                subject_transform: None,
                sealed: true,
                ..info.config
            };
            let updated = self.jetstream.update_stream(&config).await;
            updated.map_err(|problem| update_error(&problem, stream, since, self))?;
        }
        Ok(status(self.require(stream).await?))
    }

    async fn begin_building(&self, spec: &StreamSpec) -> Result<StreamStatus, Error> {
        let [subject] = spec.subjects.as_slice() else {
            return Err(Error::Refused(format!("stream {} is to be built with one subject", spec.name)));
        };
        let source = format!("{BUILDING}.{}.{subject}", spec.name);
        let transform = SubjectTransform { source: source.clone(), destination: subject.clone() };
        let config =
            Config { subjects: vec![source], subject_transform: Some(transform), ..stream_config(spec) };
        self.ensure(config).await?;
        let status = status(self.require(&spec.name).await?);
        match status.state {
            StreamState::Building => Ok(status),
            _ => Err(Error::Refused(format!("stream {} exists", spec.name))),
        }
    }

    async fn build(&self, stream: &str, messages: Vec<StoredMessage>) -> Result<(), Error> {
        let mut in_flight: VecDeque<(u64, InFlight)> = VecDeque::new();
        let mut bytes = 0;
        let mut messages = messages.into_iter();
        loop {
            let full = in_flight.len() >= MOST_IN_FLIGHT || bytes >= MOST_BYTES_IN_FLIGHT;
            if let Some(stored) = if full { None } else { messages.next() } {
                let sequence = stored.message.sequence;
                let sent = self.send_stored(stream, stored).await?;
                bytes += sent.bytes;
                in_flight.push_back((sequence, sent));
                continue;
            }
            let Some((sequence, oldest)) = in_flight.pop_front() else { return Ok(()) };
            bytes -= oldest.bytes;
            let stored = match self.acknowledged(stream, oldest).await {
                Ok(published) => published.sequence,
                Err(problem) => return Err(self.unheard(stream, problem).await),
            };
            if stored != sequence {
                return Err(Error::Conflict { subject: stream.to_owned(), expected: sequence - 1 });
            }
        }
    }

    async fn read_stored(&self, stream: &str, sequence: u64) -> Result<Box<dyn StoredReader>, Error> {
        Ok(Box::new(Reader::open(self.clone(), stream, sequence).await?))
    }

    async fn delete_stream(&self, stream: &str) -> Result<bool, Error> {
        let since = Instant::now();
        match self.jetstream.delete_stream(stream).await {
            Ok(_) => Ok(true),
            Err(problem) => match delete_error(&problem, stream, since, self) {
                Error::Missing(_) => Ok(false),
                other => Err(other),
            },
        }
    }

    async fn purge_up_to(&self, stream: &str, sequence: u64) -> Result<(), Error> {
        let since = Instant::now();
        let found = self.jetstream.get_stream(stream).await;
        let found = found.map_err(|problem| error::get_stream(&problem, stream, since, &self.watched))?;
        if found.cached_info().config.deny_purge {
            return Err(Error::Refused(format!("stream {stream} is immutable")));
        }
        // The broker purges what is before a sequence.
        let purged = found.purge().sequence(sequence + 1).await;
        purged.map(drop).map_err(|problem| purge_error(&problem, stream, since, self))
    }

    async fn storage(&self) -> Result<Storage, Error> {
        let account = self.jetstream.query_account().await;
        let account = account.map_err(|problem| Error::Unavailable(problem.to_string()))?;
        let limit = account.limits.max_storage.and_then(|bytes| u64::try_from(bytes).ok());
        Ok(Storage { used: account.storage, limit: limit.filter(|bytes| *bytes > 0) })
    }
}

fn update_error(problem: &UpdateStreamError, stream: &str, since: Instant, log: &NatsLog) -> Error {
    match problem.kind() {
        UpdateStreamErrorKind::JetStream(answer) => error::answered(&answer, stream, 0),
        UpdateStreamErrorKind::NotFound => Error::Missing(stream.to_owned()),
        UpdateStreamErrorKind::TimedOut => log.watched.unanswered(since, stream),
        _ => Error::Unavailable(format!("stream {stream}: {problem}")),
    }
}

fn delete_error(problem: &DeleteStreamError, stream: &str, since: Instant, log: &NatsLog) -> Error {
    match problem.kind() {
        DeleteStreamErrorKind::JetStream(answer) => error::answered(&answer, stream, 0),
        DeleteStreamErrorKind::Request => log.watched.unanswered(since, stream),
        _ => Error::Unavailable(format!("stream {stream}: {problem}")),
    }
}

fn purge_error(problem: &PurgeError, stream: &str, since: Instant, log: &NatsLog) -> Error {
    match problem.kind() {
        PurgeErrorKind::TimedOut => log.watched.unanswered(since, stream),
        PurgeErrorKind::JetStream(answer) => error::answered(&answer, stream, 0),
        PurgeErrorKind::Request => Error::Unavailable(format!("stream {stream}: {problem}")),
    }
}
