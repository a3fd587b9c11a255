//! A canonical stream, read and decoded once for all projections that follow it.
//!
//! The projection that is furthest reads on; the others find what it read among the newest portions. One that is further
//! behind reads for itself until it has caught up, so a slow one neither holds up the others nor keeps memory.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use salescommand_domain::canonical::{CanonicalMessage, CanonicalSchemas};
use salescommand_eventlog::{BatchLimit, EventLog, LogReader, Message};

use crate::Error;

/// Most bytes that are read at once.
const BYTES: usize = 4 * 1024 * 1024;
/// Longest wait for the first message.
const WAIT: Duration = Duration::from_millis(250);
/// Portions that are kept for those behind.
const KEPT: usize = 4;

/// An event of the canonical stream.
#[derive(Debug)]
pub struct CanonicalEntry {
    /// Its place in the stream.
    pub sequence: i64,
    /// What it says; why it cannot be read, which matters only if it counts.
    pub message: Result<CanonicalMessage, String>,
}

impl CanonicalEntry {
    /// Decodes a message.
    pub fn read(message: &Message) -> Result<Self, Error> {
        let sequence = i64::try_from(message.sequence).map_err(|error| Error::State(error.to_string()))?;
        let decoded = CanonicalSchemas::CURRENT.decode(&message.payload);
        let message = decoded.map_err(|error| format!("{} #{sequence}: {error}", message.subject));
        Ok(Self { sequence, message })
    }
}

/// Events that follow one another.
pub(crate) type Portion = Arc<Vec<CanonicalEntry>>;

/// One canonical stream.
pub(crate) struct Feed {
    log: Arc<dyn EventLog>,
    stream: String,
    newest: Mutex<Newest>,
    /// The reader of whoever is furthest; stands where `newest` ends.
    reader: tokio::sync::Mutex<Option<Box<dyn LogReader>>>,
}

/// The newest portions, which follow one another.
#[derive(Default)]
struct Newest {
    portions: VecDeque<Portion>,
    /// The last sequence read.
    end: i64,
}

impl Newest {
    /// The portion that holds the event behind a sequence.
    fn behind(&self, sequence: i64) -> Option<Portion> {
        let holds = |portion: &&Portion| {
            let (first, last) = (portion.first(), portion.last());
            first.is_some_and(|first| first.sequence <= sequence + 1)
                && last.is_some_and(|last| last.sequence > sequence)
        };
        self.portions.iter().find(holds).cloned()
    }

    fn push(&mut self, portion: &Portion) {
        let Some(last) = portion.last() else { return };
        self.end = last.sequence;
        self.portions.push_back(portion.clone());
        if self.portions.len() > KEPT {
            self.portions.pop_front();
        }
    }
}

impl Feed {
    /// A stream that nobody has read from yet.
    pub(crate) fn new(log: Arc<dyn EventLog>, canonical: u32) -> Arc<Self> {
        let (newest, reader) = (Mutex::default(), tokio::sync::Mutex::default());
        Arc::new(Self { log, stream: format!("CANONICAL_G{canonical}"), newest, reader })
    }

    /// Reads for one follower, which stands at a sequence.
    pub(crate) fn follow(self: &Arc<Self>, after: i64) -> Follower {
        Follower { feed: self.clone(), at: after, own: None }
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads on for everybody; none if somebody is further than this.
    async fn read_on(&self, at: i64, most: usize) -> Result<Option<Portion>, Error> {
        let mut reader = self.reader.lock().await;
        {
            let mut newest = self.newest();
            if let Some(portion) = newest.behind(at) {
                return Ok(Some(portion));
            }
            match at.cmp(&newest.end) {
                Ordering::Less => return Ok(None),
                Ordering::Equal => {}
                // Another one began, and this one is further.
                Ordering::Greater => {
                    *newest = Newest { end: at, ..Newest::default() };
                    *reader = None;
                }
            }
        }
        let read = self.read(&mut reader, at, most).await;
        let mut newest = self.newest();
        match &read {
            Ok(portion) => newest.push(portion),
            // Whatever happened to the stream: what was read before is not handed out any more.
            Err(_) => newest.portions.clear(),
        }
        read.map(Some)
    }

    /// Reads a portion with a reader that stands at `at`. One that fails, or is left alone, is opened anew next time.
    async fn read(
        &self,
        reader: &mut Option<Box<dyn LogReader>>,
        at: i64,
        most: usize,
    ) -> Result<Portion, Error> {
        let mut open = match reader.take() {
            Some(reader) => reader,
            None => {
                let from = u64::try_from(at).map_err(|error| Error::State(error.to_string()))?;
                self.log.read_after(&self.stream, from).await?
            }
        };
        let messages = open.next(BatchLimit { messages: most, bytes: BYTES, wait: WAIT }).await?;
        *reader = Some(open);
        Ok(Arc::new(messages.iter().map(CanonicalEntry::read).collect::<Result<Vec<_>, _>>()?))
    }
}

/// One projection's way through a feed.
pub(crate) struct Follower {
    feed: Arc<Feed>,
    /// The last sequence handed out.
    at: i64,
    /// While it is too far behind the others.
    own: Option<Box<dyn LogReader>>,
}

impl Follower {
    /// The next events, at most so many if they have to be read; the portion may begin with some that were handed out
    /// before. Empty when none came in time.
    pub(crate) async fn next(&mut self, most: usize) -> Result<Portion, Error> {
        let shared = self.feed.newest().behind(self.at);
        let shared = match shared {
            None => self.feed.read_on(self.at, most).await?,
            found => found,
        };
        let portion = match shared {
            Some(portion) => {
                self.own = None;
                portion
            }
            None => self.feed.read(&mut self.own, self.at, most).await?,
        };
        self.at = portion.last().map_or(self.at, |last| last.sequence.max(self.at));
        Ok(portion)
    }
}

#[cfg(test)]
mod tests {
    use salescommand_domain::canonical::CanonicalEvent;
    use salescommand_eventlog::memory::MemoryLog;
    use salescommand_eventlog::{Outgoing, StreamSpec};

    use super::*;

    const MOST: usize = 1_000;

    /// A stream of so many events.
    async fn log_of(events: u64) -> Arc<MemoryLog> {
        let log = Arc::new(MemoryLog::new());
        let spec = StreamSpec {
            name: "CANONICAL_G1".into(),
            subjects: vec!["canonical.g1.>".into()],
            immutable: true,
            max_bytes: None,
            duplicate_window: Duration::from_secs(1),
        };
        log.ensure_stream(&spec).await.unwrap();
        extend(&log, events).await;
        log
    }

    async fn extend(log: &MemoryLog, events: u64) {
        let message = CanonicalMessage { event: CanonicalEvent::Progressed, vector: None };
        let payload = message.encode().unwrap();
        let outgoing = |_| Outgoing {
            subject: message.subject(1),
            message_id: None,
            expected_last_sequence: None,
            content_type: None,
            payload: payload.clone().into(),
        };
        log.publish("CANONICAL_G1", (0..events).map(outgoing).collect()).await.unwrap();
    }

    /// Follows to a sequence; every event behind the start comes, in order.
    async fn follow_to(follower: &mut Follower, last: i64) {
        let mut at = follower.at;
        while at < last {
            for entry in follower
                .next(MOST)
                .await
                .unwrap()
                .iter()
                .filter(|entry| entry.sequence > at)
                .collect::<Vec<_>>()
            {
                assert_eq!(entry.sequence, at + 1);
                assert!(entry.message.is_ok());
                at += 1;
            }
        }
    }

    #[tokio::test]
    async fn whoever_is_behind_finds_what_the_first_has_read_or_reads_alone() {
        let log = log_of(12_500).await;
        let feed = Feed::new(log.clone(), 1);
        let (mut first, mut second, mut third) = (feed.follow(0), feed.follow(0), feed.follow(700));
        follow_to(&mut first, 1_000).await;
        let one = feed.newest().behind(0).unwrap();
        let two = second.next(MOST).await.unwrap();
        assert!(Arc::ptr_eq(&one, &two), "read and decoded once");
        follow_to(&mut third, 12_500).await;
        assert!(feed.newest().portions.len() <= KEPT);
        follow_to(&mut second, 3_000).await;
        assert!(second.own.is_some(), "too far behind to be waited for");
        follow_to(&mut second, 12_500).await;
        follow_to(&mut first, 12_500).await;
        extend(&log, 10).await;
        follow_to(&mut first, 12_510).await;
        follow_to(&mut second, 12_510).await;
        assert!(second.own.is_none(), "it has caught up");
    }

    #[tokio::test]
    async fn one_that_waits_for_news_holds_up_nobody() {
        let log = log_of(2_000).await;
        let feed = Feed::new(log.clone(), 1);
        let (mut first, mut second) = (feed.follow(0), feed.follow(0));
        follow_to(&mut first, 2_000).await;
        let mut waiting = Box::pin(first.next(MOST));
        assert!(futures::poll!(&mut waiting).is_pending());
        follow_to(&mut second, 2_000).await;
        assert!(futures::poll!(&mut waiting).is_pending(), "it still waits");
    }
}
