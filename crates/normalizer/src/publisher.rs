//! The single publisher of a generation's canonical stream.
//!
//! An outbox entry's number is the sequence its message gets: each is published with the expectation that the
//! stream's last sequence is one less. So an entry is in the stream at most once, whoever publishes it, and a second
//! live publisher is told so by the broker.

use std::time::Duration;

use bytes::Bytes;
use salescommand_domain::raw::MSGPACK_CONTENT_TYPE;
use salescommand_eventlog::{BatchLimit, EventLog, Outgoing};
use salescommand_store::work::decode;
use salescommand_store::{Condition, Direction, Documents, Query, outbox_collection};

use crate::batch::{OutboxEntry, outbox_id};
use crate::{Error, canonical_stream};

/// Entries per round.
const ROUND: usize = 1_000;

/// Longest wait for one event of the stream.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// Makes sure that the stream holds what this database has numbered, up to its last number `made`, as far as the
/// outbox still tells; entries that are in the stream leave the outbox. A difference means that another database has
/// published under the same numbers: processes ran on while an older backup was put back.
pub(crate) async fn check_history(
    store: &dyn Documents,
    log: &dyn EventLog,
    generation: u32,
    made: i64,
    end: u64,
) -> Result<(), Error> {
    let (stream, outbox) = (canonical_stream(generation), outbox_collection(generation));
    let shared = u64::try_from(made).unwrap_or(0).min(end);
    let id = outbox_id(i64::try_from(shared).map_err(|error| Error::State(error.to_string()))?);
    if let Some(document) = store.get(&outbox, std::slice::from_ref(&id)).await?.first() {
        let entry: OutboxEntry = decode(&outbox, document)?;
        let one = BatchLimit { messages: 1, bytes: 1, wait: READ_WITHIN };
        let found = log.read_after(&stream, shared - 1).await?.next(one).await?;
        let published = found.first().ok_or_else(|| {
            salescommand_eventlog::Error::Unavailable(format!("event {shared} of {stream} did not come"))
        })?;
        if published.subject != entry.subject || published.payload != entry.payload.bytes {
            return Err(Error::State(format!(
                "event {shared} of {stream} was made by another database; replay to rebuild"
            )));
        }
    }
    Ok(store.delete_up_to(&outbox, &id).await?)
}

/// Publishes what waits in the outbox; gives how many entries. Entries that are in the stream leave the outbox.
pub async fn publish_outbox(
    store: &dyn Documents,
    log: &dyn EventLog,
    generation: u32,
) -> Result<usize, Error> {
    let stream = canonical_stream(generation);
    let outbox = outbox_collection(generation);
    let status = log.stream(&stream).await?;
    let status = status.ok_or_else(|| salescommand_eventlog::Error::Missing(stream.clone()))?;
    let mut last = i64::try_from(status.last_sequence).map_err(|error| Error::State(error.to_string()))?;
    let mut published = 0;
    loop {
        let waiting = Query::all()
            .with(Condition::Gt("_id".to_owned(), outbox_id(last).into()))
            .sorted("_id", Direction::Ascending)
            .limited(ROUND);
        let found = store.find(&outbox, &waiting).await?;
        let entries = found
            .iter()
            .map(|document| decode(&outbox, document))
            .collect::<Result<Vec<OutboxEntry>, _>>()?;
        if entries.is_empty() {
            if published > 0 {
                store.delete_up_to(&outbox, &outbox_id(last)).await?;
            }
            return Ok(published);
        }
        let count = entries.len();
        let mut messages = Vec::with_capacity(count);
        for entry in entries {
            if entry.id != outbox_id(last + 1) {
                let gap = format!(
                    "{stream} ends at {last}, but the outbox goes on at {}; replay to rebuild",
                    entry.id
                );
                return Err(Error::State(gap));
            }
            messages.push(Outgoing {
                subject: entry.subject,
                message_id: None,
                expected_last_sequence: u64::try_from(last).ok(),
                content_type: Some(MSGPACK_CONTENT_TYPE),
                payload: Bytes::from(entry.payload.bytes),
            });
            last += 1;
        }
        log.publish(&stream, messages).await?;
        published += count;
    }
}
