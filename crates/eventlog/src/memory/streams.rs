//! Streams of the twin.

use std::collections::HashMap;

use async_trait::async_trait;
use salescommand_domain::Timestamp;
use tokio::time::Instant;

use super::{MAX_PAYLOAD, MemoryLog, crash_point, matches, unreachable_on_purpose};
use crate::{
    BatchLimit, Error, EventLog, Health, LogReader, MOST_TOGETHER, Message, Outgoing, Published,
    StoredMessage, StoredReader, StreamSpec, StreamState, StreamStatus,
};

pub(super) struct Stream {
    pub(super) spec: StreamSpec,
    last_sequence: u64,
    messages: Vec<StoredMessage>,
    state: StreamState,
    latest_only: bool,
    bytes: u64,
    last_of: HashMap<String, u64>,
    ids: HashMap<String, (u64, Timestamp)>,
}

impl Stream {
    pub(super) fn new(spec: StreamSpec, state: StreamState) -> Self {
        let (messages, last_of, ids) = (Vec::new(), HashMap::new(), HashMap::new());
        Self { spec, last_sequence: 0, messages, state, latest_only: false, bytes: 0, last_of, ids }
    }

    pub(super) fn latest(spec: StreamSpec) -> Self {
        Self { latest_only: true, ..Self::new(spec, StreamState::Open) }
    }

    /// Adds the subjects that it lacks.
    pub(super) fn widen(&mut self, subjects: &[String]) {
        let held = &mut self.spec.subjects;
        for subject in subjects {
            if !held.contains(subject) {
                held.push(subject.clone());
            }
        }
    }

    pub(super) fn state(&self) -> StreamState {
        self.state
    }

    pub(super) fn seal(&mut self) {
        self.state = StreamState::Sealed;
    }

    /// Adds a message as it was stored before.
    pub(super) fn build(&mut self, stored: StoredMessage) -> Result<(), Error> {
        if self.state != StreamState::Building || stored.message.sequence != self.last_sequence + 1 {
            let (subject, expected) = (self.spec.name.clone(), stored.message.sequence.saturating_sub(1));
            return Err(Error::Conflict { subject, expected });
        }
        self.store(stored);
        Ok(())
    }

    fn store(&mut self, stored: StoredMessage) {
        let message = &stored.message;
        self.last_sequence = message.sequence;
        self.bytes += message.payload.len() as u64;
        let before = self.last_of.insert(message.subject.clone(), message.sequence);
        if let Some(before) = before.filter(|_| self.latest_only) {
            self.messages.retain(|stored| stored.message.sequence != before);
        }
        self.messages.push(stored);
    }

    pub(super) fn status(&self) -> StreamStatus {
        StreamStatus {
            name: self.spec.name.clone(),
            first_sequence: self.messages.first().map_or(0, |stored| stored.message.sequence),
            last_sequence: self.last_sequence,
            messages: self.messages.len() as u64,
            bytes: self.bytes,
            max_bytes: self.spec.max_bytes,
            state: self.state,
            first_at: self.messages.first().map(|stored| stored.stored_at),
            last_at: self.messages.last().map(|stored| stored.stored_at),
        }
    }

    fn publish(&mut self, now: Timestamp, outgoing: Outgoing) -> Result<Published, Error> {
        if let Some(sequence) = self.earlier(now, outgoing.message_id.as_deref()) {
            return Ok(Published { sequence, duplicate: true });
        }
        self.check(&outgoing)?;
        let size = outgoing.payload.len() as u64;
        self.make_room(size)?;
        let sequence = self.last_sequence + 1;
        if let Some(id) = &outgoing.message_id {
            self.ids.insert(id.clone(), (sequence, now));
        }
        let content_type = outgoing.content_type.map(str::to_owned);
        let (subject, payload) = (outgoing.subject, outgoing.payload);
        let message = Message { sequence, subject, content_type, payload };
        self.store(StoredMessage { message, message_id: outgoing.message_id, stored_at: now });
        Ok(Published { sequence, duplicate: false })
    }

    /// Stores all or nothing.
    fn publish_together(
        &mut self,
        now: Timestamp,
        behind: u64,
        messages: Vec<Outgoing>,
    ) -> Result<(), Error> {
        if behind != self.last_sequence {
            return Err(Error::Conflict { subject: self.spec.name.clone(), expected: behind });
        }
        let plain = |message| Outgoing { message_id: None, expected_last_sequence: None, ..message };
        let messages: Vec<Outgoing> = messages.into_iter().map(plain).collect();
        messages.iter().try_for_each(|message| self.check(message))?;
        let size: usize = messages.iter().map(|message| message.payload.len()).sum();
        self.make_room(size as u64)?;
        messages.into_iter().try_for_each(|message| self.publish(now, message).map(|_| ()))
    }

    fn earlier(&self, now: Timestamp, id: Option<&str>) -> Option<u64> {
        let (sequence, at) = self.ids.get(id?)?;
        let until = at.saturating_add(self.spec.duplicate_window).unwrap_or(Timestamp::MAX);
        (now < until).then_some(*sequence)
    }

    fn check(&self, outgoing: &Outgoing) -> Result<(), Error> {
        let (name, subject) = (&self.spec.name, &outgoing.subject);
        match self.state {
            StreamState::Sealed => return Err(Error::Sealed(name.clone())),
            StreamState::Building => {
                return Err(Error::Unavailable(format!("stream {name} did not take a subject")));
            }
            StreamState::Open => {}
        }
        if !self.spec.subjects.iter().any(|pattern| matches(pattern, subject)) {
            return Err(Error::Refused(format!("stream {name} takes no subject {subject}")));
        }
        if outgoing.payload.len() > MAX_PAYLOAD {
            return Err(Error::Refused(format!(
                "{} bytes are more than {MAX_PAYLOAD}",
                outgoing.payload.len()
            )));
        }
        match outgoing.expected_last_sequence {
            Some(expected) if expected != self.last_sequence => {
                Err(Error::Conflict { subject: name.clone(), expected })
            }
            _ => Ok(()),
        }
    }

    /// An immutable stream refuses when full, another one forgets its oldest.
    fn make_room(&mut self, size: u64) -> Result<(), Error> {
        let Some(limit) = self.spec.max_bytes else { return Ok(()) };
        while self.bytes + size > limit {
            if self.spec.immutable || self.messages.is_empty() {
                return Err(Error::Full(self.spec.name.clone()));
            }
            let oldest = self.messages.remove(0).message;
            self.bytes -= oldest.payload.len() as u64;
            if self.last_of.get(&oldest.subject) == Some(&oldest.sequence) {
                self.last_of.remove(&oldest.subject);
            }
        }
        Ok(())
    }

    pub(super) fn truncate(&mut self, last_sequence: u64) {
        self.messages.retain(|stored| stored.message.sequence <= last_sequence);
        self.last_sequence = self.last_sequence.min(last_sequence);
        self.ids.retain(|_, (sequence, _)| *sequence <= last_sequence);
        let messages = self.messages.iter().map(|stored| &stored.message);
        self.bytes = messages.clone().map(|message| message.payload.len() as u64).sum();
        let last = messages.map(|message| (message.subject.clone(), message.sequence));
        self.last_of = last.collect();
    }

    /// The messages behind a sequence, as many as the limit takes.
    fn behind(&self, sequence: u64, limit: &BatchLimit) -> Vec<StoredMessage> {
        let start = self.messages.partition_point(|stored| stored.message.sequence <= sequence);
        let mut batch = Vec::new();
        let mut bytes = 0;
        for stored in &self.messages[start..] {
            bytes += stored.message.payload.len();
            if batch.len() == limit.messages || (bytes > limit.bytes && !batch.is_empty()) {
                break;
            }
            batch.push(stored.clone());
        }
        batch
    }

    /// The last message of a subject that is not behind a sequence.
    fn last_up_to(&self, subject: &String, sequence: u64) -> Option<Message> {
        match self.last_of.get(subject) {
            Some(last) if *last <= sequence => return self.message(*last),
            None => return None,
            Some(_) => {}
        }
        let end = self.messages.partition_point(|stored| stored.message.sequence <= sequence);
        let last = self.messages[..end].iter().rfind(|stored| stored.message.subject == *subject);
        last.map(|stored| stored.message.clone())
    }

    /// Removes everything that is not behind a sequence; the numbers go on.
    pub(super) fn purge(&mut self, sequence: u64) -> Result<(), Error> {
        if self.spec.immutable {
            return Err(Error::Refused(format!("stream {} is immutable", self.spec.name)));
        }
        self.messages.retain(|stored| stored.message.sequence > sequence);
        self.last_of.retain(|_, last| *last > sequence);
        self.bytes = self.messages.iter().map(|stored| stored.message.payload.len() as u64).sum();
        Ok(())
    }

    fn message(&self, sequence: u64) -> Option<Message> {
        let index = self.messages.partition_point(|stored| stored.message.sequence < sequence);
        self.messages.get(index).map(|stored| stored.message.clone())
    }
}

impl MemoryLog {
    pub(super) async fn reader(&self, stream: &str, sequence: u64) -> Result<Reader, Error> {
        crash_point().await;
        let last = self.with_stream(stream, |stream| stream.last_sequence)?;
        if last < sequence {
            return Err(lost_tail(stream, last, sequence));
        }
        Ok(Reader { log: self.clone(), stream: stream.to_owned(), last: sequence, refused: false })
    }

    /// Makes a stream unless there is one of this name; a subject belongs to one open stream only.
    pub(super) fn make(&self, spec: &StreamSpec, stream: impl FnOnce() -> Stream) -> Result<(), Error> {
        let mut state = self.state();
        if state.streams.contains_key(&spec.name) {
            return Ok(());
        }
        let stream = stream();
        let taken = |held: &Stream| {
            held.state == StreamState::Open && held.spec.subjects.iter().any(|s| spec.subjects.contains(s))
        };
        if stream.state == StreamState::Open && state.streams.values().any(taken) {
            return Err(Error::Refused(format!("the subjects of {} overlap with another stream", spec.name)));
        }
        state.streams.insert(spec.name.clone(), stream);
        Ok(())
    }

    fn with_stream<T>(&self, name: &str, look: impl FnOnce(&Stream) -> T) -> Result<T, Error> {
        self.state().streams.get(name).map(look).ok_or_else(|| Error::Missing(name.to_owned()))
    }

    fn publish_behind(&self, stream: &str, outgoing: Outgoing, expected: u64) -> Result<Published, Error> {
        let mut state = self.state();
        let now = state.now;
        let Some(stream) = state.streams.get_mut(stream) else {
            return Err(Error::Missing(stream.to_owned()));
        };
        // As at the broker, the comparison comes before the id: a repetition is a conflict with itself.
        let last = stream.last_of.get(&outgoing.subject).copied().unwrap_or(0);
        if last != expected {
            return Err(Error::Conflict { subject: outgoing.subject, expected });
        }
        stream.publish(now, outgoing)
    }

    fn publish_one(&self, stream: &str, outgoing: Outgoing) -> Result<Published, Error> {
        let mut state = self.state();
        let now = state.now;
        match state.streams.get_mut(stream) {
            Some(stream) => stream.publish(now, outgoing),
            None => Err(Error::Missing(stream.to_owned())),
        }
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), Error> {
        crash_point().await;
        self.make(spec, || Stream::new(spec.clone(), StreamState::Open))?;
        crash_point().await;
        Ok(())
    }

    async fn streams(&self, prefix: &str) -> Result<Vec<StreamStatus>, Error> {
        crash_point().await;
        let state = self.state();
        Ok(state.streams.values().filter(|s| s.spec.name.starts_with(prefix)).map(Stream::status).collect())
    }

    async fn stream(&self, name: &str) -> Result<Option<StreamStatus>, Error> {
        crash_point().await;
        Ok(self.state().streams.get(name).map(Stream::status))
    }

    async fn publish(&self, stream: &str, messages: Vec<Outgoing>) -> Result<Vec<Published>, Error> {
        crash_point().await;
        let stop_at = self.state().faults.publish.take();
        let mut published = Vec::with_capacity(messages.len());
        for message in messages {
            if stop_at.is_some_and(|stored| published.len() >= stored) {
                return Err(unreachable_on_purpose());
            }
            published.push(self.publish_one(stream, message)?);
            self.announce();
            crash_point().await;
        }
        if stop_at.is_some() { Err(unreachable_on_purpose()) } else { Ok(published) }
    }

    async fn publish_together(
        &self,
        stream: &str,
        behind: u64,
        messages: Vec<Outgoing>,
    ) -> Result<(), Error> {
        crash_point().await;
        if messages.len() > MOST_TOGETHER {
            return Err(Error::Refused(format!("more than {MOST_TOGETHER} messages in one piece")));
        }
        let stop_at = self.state().faults.publish.take();
        if stop_at == Some(0) {
            return Err(unreachable_on_purpose());
        }
        {
            let mut state = self.state();
            let now = state.now;
            let found = state.streams.get_mut(stream).ok_or_else(|| Error::Missing(stream.to_owned()))?;
            found.publish_together(now, behind, messages)?;
        }
        self.announce();
        crash_point().await;
        // An answer that is lost although everything is stored.
        stop_at.map_or(Ok(()), |_| Err(unreachable_on_purpose()))
    }

    async fn publish_if_last(
        &self,
        stream: &str,
        message: Outgoing,
        last_of_subject: u64,
    ) -> Result<Published, Error> {
        crash_point().await;
        let lost = self.state().faults.publish.take();
        if lost == Some(0) {
            return Err(unreachable_on_purpose());
        }
        let published = self.publish_behind(stream, message, last_of_subject)?;
        self.announce();
        crash_point().await;
        if lost.is_some() { Err(unreachable_on_purpose()) } else { Ok(published) }
    }

    async fn last_by_subject(
        &self,
        stream: &str,
        subjects: &[String],
    ) -> Result<Vec<Option<Message>>, Error> {
        if subjects.len() > 1024 {
            return Err(Error::Refused("more than 1,024 subjects in one read".to_owned()));
        }
        crash_point().await;
        self.with_stream(stream, |stream| {
            let last = |subject| stream.last_of.get(subject).and_then(|sequence| stream.message(*sequence));
            subjects.iter().map(last).collect()
        })
    }

    async fn last_by_subject_up_to(
        &self,
        stream: &str,
        subjects: &[String],
        sequence: u64,
    ) -> Result<Vec<Option<Message>>, Error> {
        if subjects.len() > 1024 {
            return Err(Error::Refused("more than 1,024 subjects in one read".to_owned()));
        }
        crash_point().await;
        self.with_stream(stream, |stream| {
            let last = |subject| stream.last_up_to(subject, sequence);
            subjects.iter().map(last).collect()
        })
    }

    async fn last_message(&self, stream: &str) -> Result<Option<Message>, Error> {
        crash_point().await;
        self.with_stream(stream, |stream| stream.messages.last().map(|stored| stored.message.clone()))
    }

    async fn read_after(&self, stream: &str, sequence: u64) -> Result<Box<dyn LogReader>, Error> {
        Ok(Box::new(self.reader(stream, sequence).await?))
    }
}

fn lost_tail(stream: &str, last: u64, sequence: u64) -> Error {
    Error::Refused(format!("stream {stream} ends at {last}, before the position {sequence} to read on from"))
}

pub(super) struct Reader {
    log: MemoryLog,
    stream: String,
    last: u64,
    /// A reader that found its stream shorter than its position stays refused.
    refused: bool,
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
        let deadline = Instant::now() + limit.wait;
        loop {
            let log = self.log.clone();
            let mut changed = std::pin::pin!(log.shared.changed.notified());
            changed.as_mut().enable();
            let (end, batch) =
                self.log.with_stream(&self.stream, |s| (s.last_sequence, s.behind(self.last, &limit)))?;
            if end < self.last || self.refused {
                self.refused = true;
                return Err(lost_tail(&self.stream, end, self.last));
            }
            if let Some(newest) = batch.last() {
                self.last = newest.message.sequence;
                return Ok(batch);
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                return Ok(Vec::new());
            }
        }
    }
}

#[async_trait]
impl Health for MemoryLog {
    async fn ping(&self) -> Result<std::time::Duration, Error> {
        Ok(std::time::Duration::ZERO)
    }
}
