//! Taking up a canonical stream that this database has not written alone.
//!
//! An older backup of the database may have been put back, once or several times, forwards and backwards. Then the
//! stream goes on where this database ends, or holds other events under numbers that wait in its outbox. What is not
//! of this database's making is declared void before anything else is done, and what waits is numbered anew behind
//! it. What the void events said is made again from raw.

use std::time::Duration;

use salescommand_domain::canonical::Numbering;
use salescommand_eventlog::{BatchLimit, EventLog};
use salescommand_store::work::Work;
use salescommand_store::{Condition, Query, outbox_collection};

use crate::publisher::{number, outbox_id, put, waiting};
use crate::{Error, Normalizer, canonical_stream};

/// Longest wait for events that the stream is known to hold.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// Events of the stream that are compared at once.
const COMPARED: usize = 500;

impl Normalizer {
    /// Makes this database and the canonical stream agree. `end` is the stream's last sequence, and must have been read
    /// before this normalizer was opened: then a live copy that goes on meanwhile is not taken for a lost future.
    pub async fn adopt_stream(&mut self, log: &dyn EventLog, end: u64) -> Result<(), Error> {
        let end = number(end)?;
        let shared = self.last_shared(log, end).await?;
        if shared < end {
            self.skip(shared, end).await?;
        }
        // What is in the stream need not wait any more; a crash behind the publish left it. A portion of which only a
        // part is there stays.
        let (store, outbox) = (self.consumer.store(), outbox_collection(self.generation));
        let mut done = 0;
        for portion in waiting(store, &outbox, up_to(shared)).await? {
            let last = portion.last()?;
            done = if last <= shared { last } else { done };
        }
        Ok(store.delete_up_to(&outbox, &outbox_id(done)).await?)
    }

    /// The last number up to which the stream holds this database's events. What has left the outbox was published
    /// from here; what has not is compared.
    async fn last_shared(&self, log: &dyn EventLog, end: i64) -> Result<i64, Error> {
        let shared = self.position.outbox.min(end);
        let (store, outbox) = (self.consumer.store(), outbox_collection(self.generation));
        let mut waiting_here = Vec::new();
        for portion in waiting(store, &outbox, up_to(shared)).await? {
            waiting_here.extend(portion.numbered()?.filter(|(number, _)| *number <= shared));
        }
        let Some((first, _)) = waiting_here.first() else { return Ok(shared) };
        let (stream, mut at) = (canonical_stream(self.generation), first - 1);
        let behind = u64::try_from(at).map_err(|error| Error::State(error.to_string()))?;
        let mut reader = log.read_after(&stream, behind).await?;
        let limit = BatchLimit { messages: COMPARED, bytes: 4 << 20, wait: READ_WITHIN };
        let mut waiting = waiting_here.iter();
        loop {
            let published = reader.next(limit).await?;
            if published.is_empty() && waiting.len() > 0 {
                let text = format!("events of {stream} behind {at} did not come");
                return Err(salescommand_eventlog::Error::Unavailable(text).into());
            }
            for message in published {
                let Some((expected, entry)) = waiting.next() else { return Ok(shared) };
                let same = message.subject == entry.subject && message.payload[..] == entry.payload.bytes[..];
                if *expected != number(message.sequence)? || !same {
                    return Ok(at);
                }
                at += 1;
            }
            if waiting.len() == 0 {
                return Ok(shared);
            }
        }
    }

    /// Declares everything behind `shared` void up to `end`, and numbers what waits behind it anew: one transaction.
    async fn skip(&mut self, shared: i64, end: i64) -> Result<(), Error> {
        let (store, outbox) = (self.consumer.store(), outbox_collection(self.generation));
        let mut next = self.position.clone();
        let mut numbering = Numbering { outbox: shared, void: std::mem::take(&mut next.void) };
        numbering.skip_to(end);
        next.void = numbering.void;
        let mut work = Work::default();
        let mut unpublished = Vec::new();
        for portion in waiting(store, &outbox, Query::all()).await? {
            work.load(store, &outbox, [portion.id.clone()]).await?;
            work.remove(&outbox, &portion.id);
            let behind = portion.numbered()?.filter(|(number, _)| *number > shared);
            unpublished.extend(behind.map(|(_, entry)| entry));
        }
        next.outbox = put(&mut work, &outbox, end, unpublished)?;
        self.consumer.commit(next.encode()?, work).await?;
        tracing::warn!(
            after = shared,
            last = end,
            "the canonical stream holds events of another database; they are void"
        );
        self.position = next;
        Ok(())
    }
}

/// Portions that begin with this number or before it.
fn up_to(number: i64) -> Query {
    Query::all().with(Condition::Lt("_id".to_owned(), outbox_id(number + 1).into()))
}
