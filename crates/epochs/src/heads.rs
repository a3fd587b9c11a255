//! Heads: what a writer has to know of a record's last event when that event's epoch may be gone.
//!
//! One small message for each record in the stream `HEADS_<INSTANCE>`, which keeps the newest of each subject only:
//! digests and a position, and the subject is a digest too, so it holds nothing of anybody. A mark says through which
//! epoch the heads are complete; an epoch behind the mark is looked up in the broker.
//!
//! The heads have one writer: each message expects the stream's last sequence, so a process that slept while another one
//! went on cannot put an old head over a newer one.

use std::collections::BTreeMap;
use std::time::Duration;

use salescommand_domain::raw::{Digest, InstanceName, Position, content_of_message_id};
use salescommand_eventlog::{BatchLimit, Error as LogError, EventLog, Message, Outgoing};
use serde::{Deserialize, Serialize};

use crate::{Broker, Chain, Error};

/// Heads held in memory before they are written.
const MOST_HELD: usize = 20_000;
/// The mark's subject, behind `heads.<instance>.`; no digest.
const MARK: &str = "mark";

/// A record's last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Digest of the event.
    pub event: Digest,
    /// Digest of its content, as the writer compared it; none if it is not known, then whatever comes is a change.
    pub content: Option<Digest>,
    /// Where it is.
    pub position: Position,
}

/// The stream of an instance's heads.
pub fn heads_stream(instance: &InstanceName) -> String {
    format!("HEADS_{}", instance.as_str().to_ascii_uppercase())
}

fn subject(instance: &InstanceName, record: &str) -> String {
    format!("heads.{instance}.{}", Digest::of(record.as_bytes()))
}

fn mark(instance: &InstanceName) -> String {
    format!("heads.{instance}.{MARK}")
}

/// The epoch through which an instance's heads are complete; 0 if there are none.
pub async fn heads_through(log: &dyn EventLog, instance: &InstanceName) -> Result<u32, LogError> {
    Ok(heads_end(log, instance).await?.map_or(0, |end| end.epoch))
}

/// The last position that an instance's heads cover; none if there are none.
pub async fn heads_end(log: &dyn EventLog, instance: &InstanceName) -> Result<Option<Position>, LogError> {
    let found = match log.last_by_subject(&heads_stream(instance), &[mark(instance)]).await {
        Err(LogError::Missing(_)) => return Ok(None),
        found => found?,
    };
    let Some(Some(message)) = found.into_iter().next() else { return Ok(None) };
    decode(&message).map(Some)
}

/// The heads of records, by their subjects; at most 1,024.
pub async fn covered(
    log: &dyn EventLog,
    instance: &InstanceName,
    records: &[String],
) -> Result<BTreeMap<String, Head>, LogError> {
    let subjects: Vec<_> = records.iter().map(|record| subject(instance, record)).collect();
    let found = log.last_by_subject(&heads_stream(instance), &subjects).await?;
    let mut heads = BTreeMap::new();
    for (record, message) in records.iter().zip(found) {
        if let Some(message) = message {
            heads.insert(record.clone(), decode(&message)?);
        }
    }
    Ok(heads)
}

fn decode<T: serde::de::DeserializeOwned>(message: &Message) -> Result<T, LogError> {
    let unreadable = |error| LogError::Refused(format!("{} is not readable: {error}", message.subject));
    rmp_serde::from_slice(&message.payload).map_err(unreadable)
}

/// Writes the heads of every sealed epoch up to and including one. Nothing to do if they are there.
pub async fn cover(broker: &dyn Broker, instance: &InstanceName, through: u32) -> Result<(), Error> {
    let mut writer = HeadWriter::open(broker, instance).await?;
    let chain = Chain::load(broker, instance).await?;
    let done = heads_through(broker, instance).await?;
    for number in done.saturating_add(1)..=through {
        let Some(epoch) = chain.epoch(number).filter(|epoch| epoch.is_sealed()) else {
            let stream = salescommand_domain::raw::raw_stream(instance, number);
            return Err(Error::NotNow(format!(
                "{stream} is not a sealed epoch in the broker; seal or restore it"
            )));
        };
        writer.write_epoch(&epoch.status.name, number, epoch.status.last_sequence).await?;
    }
    Ok(())
}

/// The one writer of an instance's heads.
pub(crate) struct HeadWriter<'a> {
    broker: &'a dyn Broker,
    instance: InstanceName,
    stream: String,
    /// The stream's last sequence.
    last: u64,
}

impl<'a> HeadWriter<'a> {
    pub(crate) async fn open(broker: &'a dyn Broker, instance: &InstanceName) -> Result<Self, LogError> {
        let stream = heads_stream(instance);
        broker.ensure_latest(&stream, &[format!("heads.{instance}.>")]).await?;
        // Read before the mark is: whoever writes in between makes this writer's next message fail.
        let last = broker.stream(&stream).await?.map_or(0, |status| status.last_sequence);
        Ok(Self { broker, instance: instance.clone(), stream, last })
    }

    async fn write_epoch(&mut self, stream: &str, number: u32, last: u64) -> Result<(), Error> {
        let limit = BatchLimit { messages: 1_000, bytes: 8 << 20, wait: Duration::from_secs(5) };
        let mut reader = self.broker.read_stored(stream, 0).await?;
        let mut held: BTreeMap<String, Head> = BTreeMap::new();
        let mut sequence = 0;
        while sequence < last {
            for stored in reader.next_stored(limit).await? {
                sequence = stored.message.sequence;
                let content = stored.message_id.as_deref().and_then(content_of_message_id);
                let position = Position { epoch: number, sequence };
                let head = Head { event: Digest::of(&stored.message.payload), content, position };
                held.insert(stored.message.subject, head);
            }
            if held.len() >= MOST_HELD {
                self.put(std::mem::take(&mut held)).await?;
            }
        }
        self.put(held).await?;
        let mark = mark(&self.instance);
        let end = Position { epoch: number, sequence: last };
        self.publish(vec![(mark, encode(&end)?)]).await?;
        Ok(())
    }

    /// Writes heads, by their records' subjects.
    pub(crate) async fn put(&mut self, heads: BTreeMap<String, Head>) -> Result<(), LogError> {
        let message = |(record, head): (String, Head)| Ok((subject(&self.instance, &record), encode(&head)?));
        let messages = heads.into_iter().map(message).collect::<Result<Vec<_>, LogError>>()?;
        self.publish(messages).await
    }

    async fn publish(&mut self, messages: Vec<(String, Vec<u8>)>) -> Result<(), LogError> {
        let outgoing = messages.into_iter().zip(self.last..).map(|((subject, payload), expected)| Outgoing {
            subject,
            message_id: None,
            expected_last_sequence: Some(expected),
            content_type: None,
            payload: payload.into(),
        });
        let published = self.broker.publish(&self.stream, outgoing.collect()).await?;
        self.last = published.last().map_or(self.last, |published| published.sequence);
        Ok(())
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, LogError> {
    rmp_serde::to_vec(value).map_err(|error| LogError::Refused(error.to_string()))
}
