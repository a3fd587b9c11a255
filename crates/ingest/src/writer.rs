//! Publishing into the raw zone of one instance, each record's digest chain continued.
//!
//! The log is the only store of digests: for a page, the last event of each of its records is read in one
//! request. Equal content is not published; other content is, with an id made of the previous event's digest, so
//! that a publish which is repeated after a lost answer is stored once and going back to an earlier content is not
//! taken for a repetition.
//!
//! When the open epoch is sealed under the writer, its publish is refused; it looks for the next one, and looks up the
//! records again, so what the refused call has stored is known.

use std::collections::HashMap;

use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::raw::{
    Digest, Envelope, FORMAT_VERSION, InstanceName, MSGPACK_CONTENT_TYPE, Operation, Payload, Position,
    content_digest, message_id, message_id_text, raw_subject,
};
use salescommand_eventlog::{Error as LogError, Message, Outgoing};

use crate::chain::{Epochs, Last};
use crate::{Error, Ports};

/// Records looked up at once; below the broker's 1,024.
const CHUNK: usize = 1_000;
/// Largest event; the broker takes 8 MB with its headers.
const MOST_BYTES: usize = 7_000_000;
/// Epochs that may be sealed under one page before the caller hears of it.
pub(crate) const MOST_MOVES: u32 = 8;

/// Writes events of one instance.
#[derive(Debug)]
pub struct RawWriter {
    pub(crate) ports: Ports,
    pub(crate) instance: InstanceName,
    connector: String,
    run_token: u64,
    pub(crate) epochs: Epochs,
    pub(crate) end: Position,
    /// Contents that this call has sent, by subject.
    pub(crate) unacknowledged: HashMap<String, Digest>,
    /// Contents that an earlier, failed call may have stored; the repetition counts them as published.
    doubtful: HashMap<String, Digest>,
}

/// What became of records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// New or changed, now in the log.
    pub published: u64,
    /// As their last event says.
    pub unchanged: u64,
    /// Not storable.
    pub rejected: Vec<Rejected>,
}

/// A record that could not be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which one.
    pub key: String,
    /// Why.
    pub detail: String,
}

/// The last event of a record.
pub(crate) struct Previous {
    pub(crate) position: Position,
    pub(crate) event: Digest,
    /// None if it does not decode here; then whatever comes is a change.
    content: Option<Digest>,
}

impl RawWriter {
    /// Opens the newest epoch of an instance's log, or makes the first. `run_token` is 0 where there is no lease.
    pub async fn open(
        ports: &Ports,
        instance: &InstanceName,
        connector: &str,
        run_token: u64,
    ) -> Result<Self, Error> {
        let epochs = Epochs::open(&*ports.log, instance).await?;
        Ok(Self {
            ports: ports.clone(),
            instance: instance.clone(),
            connector: connector.to_owned(),
            run_token,
            end: epochs.end(),
            epochs,
            unacknowledged: HashMap::new(),
            doubtful: HashMap::new(),
        })
    }

    /// The end of the log, as far as this writer has seen it.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Whether the log holds what a position stands for.
    pub fn reaches(&self, position: Position) -> bool {
        position <= self.end && self.epochs.reaches(position)
    }

    /// Publishes the records that are new or changed. When it returns, all of them are durable; after an error
    /// the same call again completes what was left.
    pub async fn append(&mut self, plan: &ObjectPlan, records: &[Record]) -> Result<Written, Error> {
        self.write(plan, Operation::Upsert, records).await
    }

    /// Publishes that records are gone; those that never were, or are gone already, count as unchanged.
    pub async fn retract(&mut self, plan: &ObjectPlan, keys: &[String]) -> Result<Written, Error> {
        let records: Vec<_> = keys.iter().cloned().map(Record::gone).collect();
        self.retract_as(plan, &records).await
    }

    /// Publishes that records are gone, with what their payloads say about it. Of a record that is gone already nothing more
    /// is published, whatever is said about it now.
    pub(crate) async fn retract_as(&mut self, plan: &ObjectPlan, gone: &[Record]) -> Result<Written, Error> {
        self.write(plan, Operation::Delete, gone).await
    }

    /// Some records as the log has them last. Left out are those that are gone, and those whose last event has left the
    /// broker.
    pub(crate) async fn last_read(
        &mut self,
        plan: &ObjectPlan,
        keys: &[String],
    ) -> Result<Vec<Record>, Error> {
        let subjects: Vec<_> =
            keys.iter().map(|key| raw_subject(&self.instance, &plan.object, key)).collect();
        let found = match self.epochs.last(&*self.ports.log, subjects.clone()).await {
            // An epoch with heads was deleted.
            Err(LogError::Missing(_)) => {
                self.epochs = Epochs::open(&*self.ports.log, &self.instance).await?;
                self.epochs.last(&*self.ports.log, subjects).await?
            }
            found => found?,
        };
        Ok(found.into_values().filter_map(stored_record).collect())
    }

    async fn write(
        &mut self,
        plan: &ObjectPlan,
        operation: Operation,
        records: &[Record],
    ) -> Result<Written, Error> {
        let mut written = Written::default();
        self.doubtful.extend(self.unacknowledged.drain());
        for chunk in records.chunks(CHUNK) {
            let of_chunk = self.write_chunk(plan, operation, chunk).await?;
            written.published += of_chunk.published;
            written.unchanged += of_chunk.unchanged;
            written.rejected.extend(of_chunk.rejected);
        }
        self.unacknowledged.clear();
        self.doubtful.clear();
        Ok(written)
    }

    /// Writes what one look-up takes, into the next epoch if the one that was open has been sealed.
    async fn write_chunk(
        &mut self,
        plan: &ObjectPlan,
        operation: Operation,
        chunk: &[Record],
    ) -> Result<Written, Error> {
        let mut moves = 0;
        let sent_before = self.unacknowledged.clone();
        loop {
            match self.try_chunk(plan, operation, chunk).await {
                // Sealed: the records belong into the next epoch. Missing: an epoch with heads was deleted.
                Err(Error::Log(LogError::Sealed(_) | LogError::Missing(_))) if moves < MOST_MOVES => {
                    moves += 1;
                    let doubtful = std::mem::replace(&mut self.unacknowledged, sent_before.clone());
                    self.doubtful.extend(doubtful);
                    self.epochs = Epochs::open(&*self.ports.log, &self.instance).await?;
                    self.end = self.epochs.end();
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_chunk(
        &mut self,
        plan: &ObjectPlan,
        operation: Operation,
        chunk: &[Record],
    ) -> Result<Written, Error> {
        let mut written = Written::default();
        let mut previous = self.previous(plan, chunk).await?;
        let mut outgoing = Vec::new();
        for record in chunk {
            outgoing.extend(self.event(plan, operation, record, &mut previous, &mut written)?);
        }
        written.published += outgoing.len() as u64;
        if !outgoing.is_empty() {
            for published in self.ports.log.publish(self.epochs.stream(), outgoing).await? {
                let stored = Position { epoch: self.epochs.open_epoch(), sequence: published.sequence };
                self.end = self.end.max(stored);
            }
        }
        Ok(written)
    }

    /// The last events of some records, by subject.
    pub(crate) async fn previous(
        &mut self,
        plan: &ObjectPlan,
        records: &[Record],
    ) -> Result<HashMap<String, Previous>, Error> {
        let mut subjects: Vec<_> = records.iter().map(|record| self.subject(plan, record)).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let mut previous = HashMap::with_capacity(subjects.len());
        for (subject, last) in self.epochs.last(&*self.ports.log, subjects).await? {
            let (position, digests) = match last {
                Last::Event { epoch, message } => {
                    let position = Position { epoch, sequence: message.sequence };
                    let content = stored_content(plan, &message);
                    (position, Previous { position, event: Digest::of(&message.payload), content })
                }
                Last::Head { position, event, content } => (position, Previous { position, event, content }),
            };
            self.end = self.end.max(position);
            previous.insert(subject, digests);
        }
        Ok(previous)
    }

    /// The event that a record makes, if it makes one.
    pub(crate) fn event(
        &mut self,
        plan: &ObjectPlan,
        operation: Operation,
        record: &Record,
        previous: &mut HashMap<String, Previous>,
        written: &mut Written,
    ) -> Result<Option<Outgoing>, Error> {
        let subject = self.subject(plan, record);
        let content = content_digest(operation, &record.payload, plan.volatile);
        let before = previous.get(&subject);
        let gone_anyway = operation == Operation::Delete && before.is_none();
        if gone_anyway || before.is_some_and(|before| before.content == Some(content)) {
            if self.doubtful.get(&subject) == Some(&content) {
                self.doubtful.remove(&subject);
                self.unacknowledged.insert(subject, content);
                written.published += 1;
            } else {
                written.unchanged += 1;
            }
            return Ok(None);
        }
        let payload = self.envelope(plan, operation, record).to_msgpack()?;
        if payload.len() > MOST_BYTES {
            let detail =
                format!("{} bytes are more than the {MOST_BYTES} that one event may have", payload.len());
            written.rejected.push(Rejected { key: record.key.clone(), detail });
            return Ok(None);
        }
        let before = before.map(|before| before.event);
        let id = message_id(&self.instance, &plan.object, &record.key, before, content);
        // The same record may come twice in a page.
        self.unacknowledged.insert(subject.clone(), content);
        let event = Digest::of(&payload);
        previous.insert(subject.clone(), Previous { position: self.end, event, content: Some(content) });
        Ok(Some(Outgoing {
            subject,
            message_id: Some(message_id_text(id, content)),
            expected_last_sequence: None,
            content_type: Some(MSGPACK_CONTENT_TYPE),
            payload: payload.into(),
        }))
    }

    fn envelope(&self, plan: &ObjectPlan, operation: Operation, record: &Record) -> Envelope {
        Envelope {
            format: FORMAT_VERSION,
            event_id: self.ports.ids.next(),
            instance: self.instance.clone(),
            connector: self.connector.clone(),
            object: plan.object.clone(),
            key: record.key.clone(),
            operation,
            source_modified: record.source_modified,
            observed: self.ports.clock.now(),
            run_token: self.run_token,
            payload_schema: plan.payload_schema,
            subjects: record.subjects.clone(),
            payload: Payload::Inline(record.payload.clone()),
        }
    }

    pub(crate) fn subject(&self, plan: &ObjectPlan, record: &Record) -> String {
        raw_subject(&self.instance, &plan.object, &record.key)
    }
}

/// The record of its last event, if that is there and says that it exists.
fn stored_record(last: Last) -> Option<Record> {
    let Last::Event { message, .. } = last else { return None };
    let envelope = Envelope::decode(&message.payload, message.content_type.as_deref()).ok()?;
    let Payload::Inline(payload) = envelope.payload else { return None };
    let Envelope { key, source_modified, subjects, .. } = envelope;
    (envelope.operation == Operation::Upsert).then_some(Record { key, source_modified, subjects, payload })
}

/// Digest of what a stored event says.
fn stored_content(plan: &ObjectPlan, message: &Message) -> Option<Digest> {
    let envelope = Envelope::decode(&message.payload, message.content_type.as_deref()).ok()?;
    match &envelope.payload {
        Payload::Inline(payload) => Some(content_digest(envelope.operation, payload, plan.volatile)),
        Payload::Stored(_) => None,
    }
}
