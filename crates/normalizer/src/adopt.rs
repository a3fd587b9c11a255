//! Taking up a canonical stream that this database has not written alone.
//!
//! An older backup of the database may have been put back, once or several times, forwards and backwards. Then the
//! stream goes on where this database ends, or holds other events under numbers that wait in its outbox. What is not
//! of this database's making is declared void before anything else is done, and what waits is numbered anew behind
//! it. What the void events said is made again from raw.

use std::time::Duration;

use salescommand_domain::canonical::Numbering;
use salescommand_eventlog::{BatchLimit, EventLog};
use salescommand_store::work::{Work, decode};
use salescommand_store::{Condition, Direction, Query, outbox_collection};

use crate::batch::{OutboxEntry, outbox_id};
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
        // What is in the stream need not wait any more; a crash behind the publish left it.
        let outbox = outbox_collection(self.generation);
        Ok(self.consumer.store().delete_up_to(&outbox, &outbox_id(shared)).await?)
    }

    /// The last number up to which the stream holds this database's events. What has left the outbox was published
    /// from here; what has not is compared.
    async fn last_shared(&self, log: &dyn EventLog, end: i64) -> Result<i64, Error> {
        let shared = self.position.outbox.min(end);
        let waiting = self.waiting(Condition::Lt("_id".to_owned(), outbox_id(shared + 1).into())).await?;
        let Some(first) = waiting.first() else { return Ok(shared) };
        let (stream, mut at) = (canonical_stream(self.generation), first.number()? - 1);
        let behind = u64::try_from(at).map_err(|error| Error::State(error.to_string()))?;
        let mut reader = log.read_after(&stream, behind).await?;
        let limit = BatchLimit { messages: COMPARED, bytes: 4 << 20, wait: READ_WITHIN };
        let mut waiting = waiting.iter();
        loop {
            let published = reader.next(limit).await?;
            if published.is_empty() && waiting.len() > 0 {
                let text = format!("events of {stream} behind {at} did not come");
                return Err(salescommand_eventlog::Error::Unavailable(text).into());
            }
            for message in published {
                let Some(entry) = waiting.next() else { return Ok(shared) };
                let same = message.subject == entry.subject && message.payload[..] == entry.payload.bytes[..];
                if entry.number()? != number(message.sequence)? || !same {
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
        let outbox = outbox_collection(self.generation);
        let waiting = self.waiting(Condition::Gt("_id".to_owned(), outbox_id(shared).into())).await?;
        let mut next = self.position.clone();
        let mut numbering = Numbering { outbox: shared, void: std::mem::take(&mut next.void) };
        numbering.skip_to(end);
        next.void = numbering.void;
        next.outbox = end;
        let mut work = Work::default();
        work.load(self.consumer.store(), &outbox, waiting.iter().map(|entry| entry.id.clone())).await?;
        for entry in &waiting {
            work.remove(&outbox, &entry.id);
        }
        for entry in waiting {
            next.outbox += 1;
            let entry = OutboxEntry { id: outbox_id(next.outbox), ..entry };
            work.load(self.consumer.store(), &outbox, [entry.id.clone()]).await?;
            work.put(&outbox, &entry.id.clone(), &entry)?;
        }
        self.consumer.commit(next.encode()?, work).await?;
        tracing::warn!(
            after = shared,
            last = end,
            "the canonical stream holds events of another database; they are void"
        );
        self.position = next;
        Ok(())
    }

    async fn waiting(&self, condition: Condition) -> Result<Vec<OutboxEntry>, Error> {
        let outbox = outbox_collection(self.generation);
        let query = Query::all().with(condition).sorted("_id", Direction::Ascending);
        let found = self.consumer.store().find(&outbox, &query).await?;
        Ok(found.iter().map(|document| decode(&outbox, document)).collect::<Result<_, _>>()?)
    }
}

impl OutboxEntry {
    fn number(&self) -> Result<i64, Error> {
        self.id.parse().map_err(|error| Error::State(format!("outbox entry {}: {error}", self.id)))
    }
}

fn number(sequence: u64) -> Result<i64, Error> {
    i64::try_from(sequence).map_err(|error| Error::State(error.to_string()))
}
