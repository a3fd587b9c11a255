//! Reading a stream in order.
//!
//! An ordered pull consumer does the work; the broker forgets it 30 s after the last pull. Every new connection
//! makes a new consumer behind the last message received, because a restarted broker has forgotten the old one.
//! A message received is first put into `ready`, without an await between, so a dropped future loses nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy};
use async_trait::async_trait;
use futures::StreamExt as _;
use salescommand_domain::Timestamp;
use salescommand_eventlog::{BatchLimit, Error, LogReader, Message, StoredMessage, StoredReader};
use tokio::sync::watch;

use crate::administration::first_stored;
use crate::connect::NatsLog;
use crate::direct::header;

/// After the first message of a batch, how long the next may take before the batch is handed out.
const LINGER: Duration = Duration::from_millis(2);
/// Pause before a consumer that could not be made is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(100);

pub(crate) struct Reader {
    log: NatsLog,
    stream: String,
    /// Sequence of the last message put into `ready`.
    received: u64,
    ready: VecDeque<StoredMessage>,
    ready_bytes: usize,
    source: Option<Source>,
    connections: watch::Receiver<u64>,
}

struct Source {
    messages: Ordered,
    /// Nothing can be deleted from the stream, so a gap in its sequences is a defect.
    immutable: bool,
}

enum Step {
    Received,
    Nothing,
    Lost,
}

impl Reader {
    pub(crate) async fn open(log: NatsLog, stream: &str, after: u64) -> Result<Self, Error> {
        let connections = log.watched.connections();
        let (ready, stream) = (VecDeque::new(), stream.to_owned());
        let mut reader =
            Self { log, stream, received: after, ready, ready_bytes: 0, source: None, connections };
        reader.source = Some(reader.make_source().await?);
        Ok(reader)
    }

    /// A consumer that begins behind the last message received.
    async fn make_source(&mut self) -> Result<Source, Error> {
        self.connections.mark_unchanged();
        let (since, name) = (Instant::now(), &self.stream);
        let stream = self.log.jetstream.get_stream(name).await;
        let stream =
            stream.map_err(|error| crate::error::get_stream(&error, name, since, &self.log.watched))?;
        let (info, received) = (stream.cached_info(), self.received);
        if info.state.last_sequence < received {
            let last = info.state.last_sequence;
            return Err(Error::Refused(format!(
                "stream {name} ends at {last}, before the position {received} to read on from"
            )));
        }
        let immutable = info.config.deny_delete && info.config.deny_purge;
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: received + 1 };
        let config = OrderedConfig { deliver_policy, ..OrderedConfig::default() };
        let lost = |error: &(dyn std::error::Error + 'static)| match crate::error::source_of(error) {
            Some(answer) => crate::error::answered(answer, name, 0),
            None => self.log.watched.unanswered(since, name),
        };
        let consumer: Consumer<OrderedConfig> =
            stream.create_consumer(config).await.map_err(|error| lost(&error))?;
        let messages = consumer.messages().await.map_err(|error| lost(&error))?;
        Ok(Source { messages, immutable })
    }

    /// Waits for one message.
    async fn step(&mut self, until: tokio::time::Instant) -> Result<Step, Error> {
        let Some(source) = self.source.as_mut() else { return Ok(Step::Lost) };
        let received = tokio::select! {
            biased;
            _ = self.connections.changed() => return Ok(Step::Lost),
            received = source.messages.next() => received,
            () = tokio::time::sleep_until(until) => return Ok(Step::Nothing),
        };
        let Some(Ok(message)) = received else { return Ok(Step::Lost) };
        let Ok(info) = message.info() else { return Ok(Step::Lost) };
        let sequence = info.stream_sequence;
        let stored_now = Timestamp::from_nanosecond(info.published.unix_timestamp_nanos()).ok();
        if source.immutable && sequence != self.received + 1 {
            let missing = format!("{} to {}", self.received + 1, sequence.saturating_sub(1));
            return Err(Error::Refused(format!("stream {} has lost the messages {missing}", self.stream)));
        }
        let headers = message.message.headers.as_ref();
        let content_type = header(headers, "Content-Type").map(str::to_owned);
        let (message_id, stored_at) = first_stored(headers, stored_now);
        let (message, _) = message.split();
        self.received = sequence;
        self.ready_bytes += message.payload.len();
        let (subject, payload) = (message.subject.to_string(), message.payload);
        let message = Message { sequence, subject, content_type, payload };
        self.ready.push_back(StoredMessage { message, message_id, stored_at });
        Ok(Step::Received)
    }

    /// The oldest ready messages, as many as the limit takes.
    fn hand_out(&mut self, limit: BatchLimit) -> Vec<StoredMessage> {
        let mut batch = Vec::with_capacity(self.ready.len().min(limit.messages));
        let mut bytes = 0;
        while let Some(next) = self.ready.front() {
            bytes += next.message.payload.len();
            if batch.len() == limit.messages || (bytes > limit.bytes && !batch.is_empty()) {
                break;
            }
            batch.extend(self.ready.pop_front());
        }
        self.ready_bytes = self.ready.iter().map(|stored| stored.message.payload.len()).sum();
        batch
    }
}

#[async_trait]
impl LogReader for Reader {
    async fn next(&mut self, limit: BatchLimit) -> Result<Vec<Message>, Error> {
        Ok(self.next_stored(limit).await?.into_iter().map(|stored| stored.message).collect())
    }
}

#[async_trait]
impl StoredReader for Reader {
    async fn next_stored(&mut self, limit: BatchLimit) -> Result<Vec<StoredMessage>, Error> {
        let deadline = tokio::time::Instant::now() + limit.wait;
        loop {
            if self.ready.len() >= limit.messages || self.ready_bytes >= limit.bytes {
                return Ok(self.hand_out(limit));
            }
            let until = if self.ready.is_empty() { deadline } else { tokio::time::Instant::now() + LINGER };
            match self.step(until).await {
                Ok(Step::Received) => continue,
                Ok(Step::Nothing) => return Ok(self.hand_out(limit)),
                Ok(Step::Lost) => {}
                Err(error) => {
                    self.source = None;
                    return if self.ready.is_empty() { Err(error) } else { Ok(self.hand_out(limit)) };
                }
            }
            self.source = None;
            if !self.ready.is_empty() {
                return Ok(self.hand_out(limit));
            }
            match self.make_source().await {
                Ok(source) => self.source = Some(source),
                Err(error) if !error.is_transient() || tokio::time::Instant::now() >= deadline => {
                    return Err(error);
                }
                Err(_) => tokio::time::sleep(TRY_AGAIN_AFTER).await,
            }
        }
    }
}
