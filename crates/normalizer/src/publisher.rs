//! The outbox, and the single publisher of a generation's canonical stream.
//!
//! An event's number is the sequence that its message gets. The outbox holds events in portions, each of which is one
//! document and is published in one piece: behind the number before its first event, or not at all. So an event is in
//! the stream at most once, whoever publishes it, and a second live publisher is told so by the broker.

use bson::{Binary, spec::BinarySubtype};
use bytes::Bytes;
use salescommand_domain::canonical::CanonicalMessage;
use salescommand_domain::raw::MSGPACK_CONTENT_TYPE;
use salescommand_eventlog::{EventLog, MOST_TOGETHER, Outgoing};
use salescommand_store::work::{Work, decode};
use salescommand_store::{Direction, Documents, Query, outbox_collection};
use serde::{Deserialize, Serialize};

use crate::{Error, canonical_stream};

/// Portions per round.
const ROUND: usize = 4;
/// Most bytes of a portion; a larger event is a portion of its own.
const PORTION_BYTES: usize = 4 * 1024 * 1024;

/// Events that wait to be published: the document of the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Portion {
    /// Number of the first event, 20 digits; the others follow.
    #[serde(rename = "_id")]
    pub id: String,
    /// The events.
    pub entries: Vec<Entry>,
}

/// An event that waits to be published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Where it will be published.
    pub subject: String,
    /// The message, MessagePack.
    pub payload: Binary,
}

impl Entry {
    /// The message as it will be published.
    pub fn new(message: &CanonicalMessage, generation: u32) -> Result<Self, Error> {
        let bytes = message.encode().map_err(|error| Error::State(error.to_string()))?;
        let payload = Binary { subtype: BinarySubtype::Generic, bytes };
        Ok(Self { subject: message.subject(generation), payload })
    }
}

/// The id of the portion that begins with a number; sorts as the numbers do.
pub(crate) fn outbox_id(number: i64) -> String {
    format!("{number:020}")
}

impl Portion {
    /// Number of the first event.
    pub fn first(&self) -> Result<i64, Error> {
        self.id.parse().map_err(|error| Error::State(format!("outbox portion {}: {error}", self.id)))
    }

    /// Number of the last event.
    pub fn last(&self) -> Result<i64, Error> {
        Ok(self.first()? + number(self.entries.len() as u64)? - 1)
    }

    /// The events with their numbers.
    pub fn numbered(self) -> Result<impl Iterator<Item = (i64, Entry)>, Error> {
        Ok((self.first()?..).zip(self.entries))
    }
}

/// A sequence of the stream as a number.
pub(crate) fn number(sequence: u64) -> Result<i64, Error> {
    i64::try_from(sequence).map_err(|error| Error::State(error.to_string()))
}

/// Puts events into the outbox, numbered behind `last`; gives the last number.
pub(crate) fn put(
    work: &mut Work,
    outbox: &str,
    last: i64,
    entries: impl IntoIterator<Item = Entry>,
) -> Result<i64, Error> {
    let (mut portions, mut next, mut bytes): (Vec<Portion>, _, _) = (Vec::new(), last, 0);
    for entry in entries {
        next += 1;
        let size = entry.payload.bytes.len() + entry.subject.len();
        match portions.last_mut() {
            Some(portion) if portion.entries.len() < MOST_TOGETHER && bytes + size <= PORTION_BYTES => {
                portion.entries.push(entry);
                bytes += size;
            }
            _ => {
                portions.push(Portion { id: outbox_id(next), entries: vec![entry] });
                bytes = size;
            }
        }
    }
    for portion in portions {
        work.insert(outbox, &portion.id.clone(), &portion)?;
    }
    Ok(next)
}

/// The portions that wait and match, by number.
pub(crate) async fn waiting(
    store: &dyn Documents,
    outbox: &str,
    query: Query,
) -> Result<Vec<Portion>, Error> {
    let found = store.find(outbox, &query.sorted("_id", Direction::Ascending)).await?;
    Ok(found.iter().map(|document| decode(outbox, document)).collect::<Result<_, _>>()?)
}

/// Publishes what waits in the outbox; gives how many events. What is in the stream leaves the outbox.
pub async fn publish_outbox(
    store: &dyn Documents,
    log: &dyn EventLog,
    generation: u32,
) -> Result<usize, Error> {
    let stream = canonical_stream(generation);
    let outbox = outbox_collection(generation);
    let status = log.stream(&stream).await?;
    let status = status.ok_or_else(|| salescommand_eventlog::Error::Missing(stream.clone()))?;
    let mut last = number(status.last_sequence)?;
    let mut published = 0;
    loop {
        let portions = waiting(store, &outbox, Query::all().limited(ROUND)).await?;
        let Some(newest) = portions.last() else { return Ok(published) };
        let done = outbox_id(newest.last()?);
        for portion in portions {
            published += publish_portion(log, &stream, &mut last, portion).await?;
        }
        store.delete_up_to(&outbox, &done).await?;
    }
}

/// Publishes what of a portion is not in the stream yet; gives how many events.
async fn publish_portion(
    log: &dyn EventLog,
    stream: &str,
    last: &mut i64,
    portion: Portion,
) -> Result<usize, Error> {
    let (first, behind) = (portion.first()?, *last);
    if first > behind + 1 {
        let gap = format!("{stream} ends at {behind}, but the outbox goes on at {first}; replay to rebuild");
        return Err(Error::State(gap));
    }
    let rest = portion.numbered()?.filter(|(number, _)| *number > behind);
    let messages: Vec<Outgoing> = rest.map(|(_, entry)| outgoing(entry)).collect();
    let count = messages.len();
    if count > 0 {
        let position = u64::try_from(behind).map_err(|error| Error::State(error.to_string()))?;
        log.publish_together(stream, position, messages).await?;
        *last = behind + number(count as u64)?;
    }
    Ok(count)
}

fn outgoing(entry: Entry) -> Outgoing {
    Outgoing {
        subject: entry.subject,
        message_id: None,
        expected_last_sequence: None,
        content_type: Some(MSGPACK_CONTENT_TYPE),
        payload: Bytes::from(entry.payload.bytes),
    }
}
