//! The single publisher of a generation's canonical stream.
//!
//! An outbox entry's number is the sequence its message gets: each is published with the expectation that the
//! stream's last sequence is one less. So an entry is in the stream at most once, whoever publishes it, and a second
//! live publisher is told so by the broker.

use bytes::Bytes;
use salescommand_domain::raw::MSGPACK_CONTENT_TYPE;
use salescommand_eventlog::{EventLog, Outgoing};
use salescommand_store::work::decode;
use salescommand_store::{Condition, Direction, Documents, Query, outbox_collection};

use crate::batch::{OutboxEntry, outbox_id};
use crate::{Error, canonical_stream};

/// Entries per round.
const ROUND: usize = 1_000;

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
