//! Streams: making, describing, publishing.

use std::collections::VecDeque;
use std::time::Instant;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{CreateStreamErrorKind, PublishAckFuture};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Compression, Config, DiscardPolicy, Info, StorageType};
use async_trait::async_trait;
use futures::TryStreamExt as _;
use salescommand_domain::Timestamp;
use salescommand_eventlog::{
    Error, EventLog, LogReader, MOST_TOGETHER, Message, Outgoing, Published, StreamSpec, StreamStatus,
};

use crate::administration::state_of;
use crate::connect::NatsLog;
use crate::error;
use crate::reader::Reader;

/// Acknowledgements in flight: enough to keep the broker's disk busy.
pub(crate) const MOST_IN_FLIGHT: usize = 2_000;
/// Bytes in flight, so that a page of large records does not fill the client's buffers.
pub(crate) const MOST_BYTES_IN_FLIGHT: usize = 16 << 20;
/// Most subjects of one batched direct get; the broker's limit.
const MOST_SUBJECTS: usize = 1_024;

impl NatsLog {
    /// A stream's description; none if there is no such stream.
    pub(crate) async fn info(&self, name: &str) -> Result<Option<Info>, Error> {
        let since = Instant::now();
        let asked_at = self.watched.connection();
        let answer = self.watched.answer(asked_at, self.jetstream.get_stream(name)).await;
        match answer.ok_or_else(|| lost_with_connection(name))? {
            Ok(stream) => Ok(Some(stream.cached_info().clone())),
            Err(problem) => match error::get_stream(&problem, name, since, &self.watched) {
                Error::Missing(_) => Ok(None),
                other => Err(other),
            },
        }
    }

    /// Makes a stream unless there is one of this name, whatever its configuration.
    pub(crate) async fn ensure(&self, config: Config) -> Result<(), Error> {
        let name = config.name.clone();
        if self.info(&name).await?.is_some() {
            return Ok(());
        }
        let since = Instant::now();
        let Err(problem) = self.jetstream.create_stream(config).await else { return Ok(()) };
        // Somebody else may have made it in this moment, with other settings.
        if self.info(&name).await?.is_some() {
            return Ok(());
        }
        Err(match problem.kind() {
            CreateStreamErrorKind::JetStream(answer) => error::answered(&answer, &name, 0),
            CreateStreamErrorKind::TimedOut => self.watched.unanswered(since, &name),
            _ => Error::Unavailable(format!("stream {name}: {problem}")),
        })
    }

    /// Sends one message; its acknowledgement comes later.
    async fn send(&self, stream: &str, message: Outgoing, behind: Behind<'_>) -> Result<InFlight, Error> {
        let bytes = message.payload.len();
        let mut expected = message.expected_last_sequence;
        let mut headers = headers(stream, &message);
        match behind {
            Behind::Anything => {}
            Behind::Id(id) => headers.insert("Nats-Expected-Last-Msg-Id", id),
            Behind::OnSubject(sequence) => {
                expected = Some(sequence);
                headers.insert("Nats-Expected-Last-Subject-Sequence", sequence.to_string());
            }
        }
        let (since, subject, asked_at) = (Instant::now(), message.subject, self.watched.connection());
        let publish = PublishMessage::build().headers(headers).payload(message.payload);
        let expected = expected.unwrap_or(0);
        match self.jetstream.send_publish(subject.clone(), publish).await {
            Ok(ack) => Ok(InFlight { ack, subject, expected, bytes, since, asked_at }),
            Err(problem) => Err(error::publish(&problem, stream, &subject, expected, since, &self.watched)),
        }
    }

    /// Sends messages as one atomic batch (ADR-50 of the broker: numbered from 1 under an id; the first one carries the
    /// expectation, if there is one, the last one commits and is answered). Gives the last one; none of nothing.
    async fn send_together(
        &self,
        stream: &str,
        behind: Option<u64>,
        messages: Vec<Outgoing>,
    ) -> Result<Option<InFlight>, Error> {
        let (last, batch) = (messages.len(), self.client.new_inbox());
        for (number, message) in (1..).zip(messages) {
            let mut headers = headers(stream, &message);
            headers.insert("Nats-Batch-Id", batch.rsplit('.').next().unwrap_or_default());
            headers.insert("Nats-Batch-Sequence", number.to_string());
            if let Some(behind) = behind.filter(|_| number == 1) {
                headers.insert("Nats-Expected-Last-Sequence", behind.to_string());
            }
            let (subject, payload, bytes) = (message.subject, message.payload.clone(), message.payload.len());
            if number < last {
                let sent = self.client.publish_with_headers(subject.clone(), headers, payload).await;
                sent.map_err(|problem| error::send(&problem, &subject))?;
                continue;
            }
            headers.insert("Nats-Batch-Commit", "1");
            let (since, asked_at) = (Instant::now(), self.watched.connection());
            let expected = behind.unwrap_or(0);
            let publish = PublishMessage::build().headers(headers).payload(payload);
            return match self.jetstream.send_publish(subject.clone(), publish).await {
                Ok(ack) => Ok(Some(InFlight { ack, subject, expected, bytes, since, asked_at })),
                Err(problem) => {
                    Err(error::publish(&problem, stream, &subject, expected, since, &self.watched))
                }
            };
        }
        Ok(None)
    }

    /// A stream that an earlier version of this program made takes no atomic batches: lets it take them from now on.
    /// Gives what became of the batch that was refused.
    async fn allow_together(&self, stream: &str, why: String) -> Error {
        let config = match self.info(stream).await {
            Ok(Some(info)) if !info.config.allow_atomic_publish => info.config,
            Ok(_) => return Error::Refused(why),
            Err(problem) => return problem,
        };
        match self.jetstream.update_stream(Config { allow_atomic_publish: true, ..config }).await {
            Ok(_) => Error::Unavailable(format!("stream {stream} takes messages together only from now on")),
            Err(problem) => Error::Refused(format!("{why}; {problem}")),
        }
    }

    pub(crate) async fn acknowledged(&self, stream: &str, sent: InFlight) -> Result<Published, Error> {
        match self.answered(stream, sent).await? {
            Answer::Stored(published) => Ok(published),
            Answer::OneByOne(why) => Err(Error::Refused(why)),
        }
    }

    async fn answered(&self, stream: &str, sent: InFlight) -> Result<Answer, Error> {
        let InFlight { ack, subject, expected, since, asked_at, .. } = sent;
        let answer = self.watched.answer(asked_at, ack.into_future()).await;
        match answer.ok_or_else(|| lost_with_connection(&subject))? {
            Ok(ack) => Ok(Answer::Stored(Published { sequence: ack.sequence, duplicate: ack.duplicate })),
            Err(problem) if error::wants_one_by_one(&problem) => Ok(Answer::OneByOne(problem.to_string())),
            Err(problem) => Err(error::publish(&problem, stream, &subject, expected, since, &self.watched)),
        }
    }

    /// Stores messages with ids in one piece; none if one of them is there already, or if the stream takes no pieces.
    async fn publish_piece(&self, stream: &str, piece: &[Outgoing]) -> Result<Option<Vec<Published>>, Error> {
        let Some(commit) = self.send_together(stream, None, piece.to_vec()).await? else {
            return Ok(Some(Vec::new()));
        };
        let Answer::Stored(last) = self.answered(stream, commit).await? else { return Ok(None) };
        let first = (last.sequence + 1).saturating_sub(piece.len() as u64);
        let stored = (first..=last.sequence).map(|sequence| Published { sequence, duplicate: false });
        Ok(Some(stored.collect()))
    }

    /// Stores messages with many in flight.
    async fn publish_one_by_one(
        &self,
        stream: &str,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Published>, Error> {
        let mut published = Vec::with_capacity(messages.len());
        let mut in_flight: VecDeque<InFlight> = VecDeque::new();
        let mut bytes = 0;
        let mut messages = chained(messages, &self.client.new_inbox()).into_iter();
        loop {
            let full = in_flight.len() >= MOST_IN_FLIGHT || bytes >= MOST_BYTES_IN_FLIGHT;
            let next = if full { None } else { messages.next() };
            match next {
                Some((message, behind)) => {
                    let behind = behind.as_deref().map_or(Behind::Anything, Behind::Id);
                    let sent = self.send(stream, message, behind).await?;
                    bytes += sent.bytes;
                    in_flight.push_back(sent);
                }
                None => match in_flight.pop_front() {
                    Some(oldest) => {
                        bytes -= oldest.bytes;
                        published.push(self.acknowledged(stream, oldest).await?);
                    }
                    None => return Ok(published),
                },
            }
        }
    }

    /// Stores messages in order. Those that nothing but their ids tells apart go in pieces: the broker waits for its disk once
    /// for each piece, and not for each message.
    async fn publish_all(&self, stream: &str, messages: Vec<Outgoing>) -> Result<Vec<Published>, Error> {
        let by_id =
            |message: &Outgoing| message.message_id.is_some() && message.expected_last_sequence.is_none();
        if messages.len() < 2 || !messages.iter().all(by_id) {
            return self.publish_one_by_one(stream, messages).await;
        }
        let mut published = Vec::with_capacity(messages.len());
        for piece in pieces(messages) {
            match self.publish_piece(stream, &piece).await? {
                Some(stored) => published.extend(stored),
                None => published.extend(self.publish_one_by_one(stream, piece).await?),
            }
        }
        Ok(published)
    }

    /// A publish that nobody listens to: the stream is missing, takes other subjects, or is only starting.
    pub(crate) async fn unheard(&self, stream: &str, problem: Error) -> Error {
        if !matches!(problem, Error::Missing(_)) {
            return problem;
        }
        match self.info(stream).await {
            Ok(Some(info)) if info.config.sealed => Error::Sealed(stream.to_owned()),
            Ok(Some(_)) => Error::Unavailable(format!("stream {stream} did not take a subject")),
            Ok(None) => problem,
            Err(other) => other,
        }
    }
}

/// What the broker says of a message, or of a piece.
enum Answer {
    Stored(Published),
    /// A piece that it takes message by message only.
    OneByOne(String),
}

/// Messages in pieces that the broker takes, and that do not fill the client's buffers.
fn pieces(messages: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut pieces: Vec<Vec<Outgoing>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        bytes += message.payload.len();
        match pieces.last_mut() {
            Some(piece) if piece.len() < MOST_TOGETHER && bytes <= MOST_BYTES_IN_FLIGHT => {
                piece.push(message)
            }
            _ => {
                bytes = message.payload.len();
                pieces.push(vec![message]);
            }
        }
    }
    pieces
}

/// What has to stand before a message.
#[derive(Clone, Copy)]
enum Behind<'a> {
    /// Nothing in particular.
    Anything,
    /// The stream's last message has this id.
    Id(&'a str),
    /// The subject's last message has this sequence.
    OnSubject(u64),
}

/// The headers that a message has by itself.
fn headers(stream: &str, message: &Outgoing) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Stream", stream);
    if let Some(content_type) = message.content_type {
        headers.insert("Content-Type", content_type);
    }
    if let Some(id) = &message.message_id {
        headers.insert("Nats-Msg-Id", id.as_str());
    }
    if let Some(expected) = message.expected_last_sequence {
        headers.insert("Nats-Expected-Last-Sequence", expected.to_string());
    }
    headers
}

/// A message whose acknowledgement is awaited.
pub(crate) struct InFlight {
    pub(crate) ack: PublishAckFuture,
    pub(crate) subject: String,
    pub(crate) expected: u64,
    pub(crate) bytes: usize,
    pub(crate) since: Instant,
    pub(crate) asked_at: u64,
}

pub(crate) fn lost_with_connection(subject: &str) -> Error {
    Error::Unavailable(format!("the connection was lost before {subject} was answered"))
}

#[async_trait]
impl EventLog for NatsLog {
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), Error> {
        self.ensure(stream_config(spec)).await
    }

    async fn streams(&self, prefix: &str) -> Result<Vec<StreamStatus>, Error> {
        let names = self.jetstream.stream_names().try_collect::<Vec<_>>().await;
        let mut names = names.map_err(|problem| Error::Unavailable(problem.to_string()))?;
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        let mut streams = Vec::with_capacity(names.len());
        for name in names {
            streams.extend(self.stream(&name).await?);
        }
        Ok(streams)
    }

    async fn stream(&self, name: &str) -> Result<Option<StreamStatus>, Error> {
        Ok(self.info(name).await?.map(status))
    }

    async fn publish(&self, stream: &str, messages: Vec<Outgoing>) -> Result<Vec<Published>, Error> {
        match self.publish_all(stream, messages).await {
            Ok(published) => Ok(published),
            Err(problem) => Err(self.unheard(stream, problem).await),
        }
    }

    async fn publish_if_last(
        &self,
        stream: &str,
        message: Outgoing,
        last_of_subject: u64,
    ) -> Result<Published, Error> {
        let published = match self.send(stream, message, Behind::OnSubject(last_of_subject)).await {
            Ok(sent) => self.acknowledged(stream, sent).await,
            Err(problem) => Err(problem),
        };
        match published {
            Ok(published) => Ok(published),
            Err(problem) => Err(self.unheard(stream, problem).await),
        }
    }

    async fn publish_together(
        &self,
        stream: &str,
        behind: u64,
        messages: Vec<Outgoing>,
    ) -> Result<(), Error> {
        if messages.len() > MOST_TOGETHER {
            return Err(Error::Refused(format!("more than {MOST_TOGETHER} messages in one piece")));
        }
        // What they may carry of their own is not looked at.
        let bare = |message| Outgoing { message_id: None, expected_last_sequence: None, ..message };
        let messages = messages.into_iter().map(bare).collect();
        let stored = match self.send_together(stream, Some(behind), messages).await {
            Ok(Some(commit)) => self.acknowledged(stream, commit).await.map(|_| ()),
            Ok(None) => Ok(()),
            Err(problem) => Err(problem),
        };
        match stored {
            Ok(()) => Ok(()),
            Err(Error::Refused(why)) => Err(self.allow_together(stream, why).await),
            Err(problem) => Err(self.unheard(stream, problem).await),
        }
    }

    async fn last_by_subject(
        &self,
        stream: &str,
        subjects: &[String],
    ) -> Result<Vec<Option<Message>>, Error> {
        if subjects.len() > MOST_SUBJECTS {
            return Err(Error::Refused(format!("more than {MOST_SUBJECTS} subjects in one read")));
        }
        let found = self.last_of(stream, subjects, None).await?;
        Ok(subjects.iter().map(|subject| found.get(subject).cloned()).collect())
    }

    async fn last_by_subject_up_to(
        &self,
        stream: &str,
        subjects: &[String],
        sequence: u64,
    ) -> Result<Vec<Option<Message>>, Error> {
        if subjects.len() > MOST_SUBJECTS {
            return Err(Error::Refused(format!("more than {MOST_SUBJECTS} subjects in one read")));
        }
        // To the broker, 0 is no limit.
        if sequence == 0 {
            return Ok(vec![None; subjects.len()]);
        }
        let mut found = self.last_of(stream, subjects, Some(sequence)).await?;
        // Asked for a sequence that it has not reached, the broker finds nothing at all.
        if found.is_empty()
            && self.stream(stream).await?.is_some_and(|status| status.last_sequence < sequence)
        {
            found = self.last_of(stream, subjects, None).await?;
        }
        Ok(subjects.iter().map(|subject| found.get(subject).cloned()).collect())
    }

    async fn last_message(&self, stream: &str) -> Result<Option<Message>, Error> {
        self.last_under(stream, ">").await
    }

    async fn read_after(&self, stream: &str, sequence: u64) -> Result<Box<dyn LogReader>, Error> {
        Ok(Box::new(Reader::open(self.clone(), stream, sequence).await?))
    }
}

/// Makes each message with an expected sequence also expect the id of the one before it, with ids made from
/// `unique` where there are none.
///
/// The sequence alone fences no pipeline: when a second writer slips a message in, the message that expected its
/// place fails, but the one behind that expects exactly the sequence that the stranger got.
fn chained(messages: Vec<Outgoing>, unique: &str) -> Vec<(Outgoing, Option<String>)> {
    let mut before = None;
    let chain = |(index, mut message): (usize, Outgoing)| {
        let fenced = message.expected_last_sequence.is_some();
        if fenced && message.message_id.is_none() {
            message.message_id = Some(format!("{unique}.{index}"));
        }
        let id = message.message_id.clone().filter(|_| fenced);
        let behind = std::mem::replace(&mut before, id);
        (message, behind.filter(|_| fenced))
    };
    messages.into_iter().enumerate().map(chain).collect()
}

pub(crate) fn stream_config(spec: &StreamSpec) -> Config {
    Config {
        name: spec.name.clone(),
        subjects: spec.subjects.clone(),
        max_bytes: spec.max_bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(-1),
        storage: StorageType::File,
        compression: Some(Compression::S2),
        discard: if spec.immutable { DiscardPolicy::New } else { DiscardPolicy::Old },
        deny_delete: spec.immutable,
        deny_purge: spec.immutable,
        allow_direct: true,
        allow_atomic_publish: spec.immutable,
        duplicate_window: spec.duplicate_window,
        ..Config::default()
    }
}

pub(crate) fn status(info: Info) -> StreamStatus {
    let state = info.state;
    let time = |nanoseconds| Timestamp::from_nanosecond(nanoseconds).ok().filter(|_| state.messages > 0);
    StreamStatus {
        max_bytes: u64::try_from(info.config.max_bytes).ok().filter(|bytes| *bytes > 0),
        state: state_of(&info.config),
        name: info.config.name,
        // An empty stream tells where the next message will stand; the port says 0.
        first_sequence: if state.messages > 0 { state.first_sequence } else { 0 },
        last_sequence: state.last_sequence,
        messages: state.messages,
        bytes: state.bytes,
        first_at: time(state.first_timestamp.unix_timestamp_nanos()),
        last_at: time(state.last_timestamp.unix_timestamp_nanos()),
    }
}
