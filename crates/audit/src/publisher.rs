//! The publisher: moves what waits into the stream, tied to the chain.
//!
//! Entries go in one piece right behind the end that the publisher knows, so of two publishers one is told by the broker
//! that it is second. What is in the stream leaves the outbox afterwards. Whoever takes the stream up first removes from the
//! outbox what its newest entries say: only entries of the last piece can still be there, since nobody publishes the next one
//! before that is done. So each entry is in the stream once, whoever dies when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use salescommand_domain::Timestamp;
use salescommand_domain::audit::{AUDIT_STREAM, AUDIT_SUBJECT, Draft, Hash, Head};
use salescommand_eventlog::{Error as LogError, EventLog, Message, Outgoing, StreamSpec};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::log::range;
use crate::{Error, Journal, LONG};

/// Most entries of a piece. A publisher looks back so far, so it must never become less. Few in tests, so that a crash has
/// many places.
const MOST: usize = if cfg!(test) { 3 } else { 200 };
/// Entries per read of a look back.
const BACK: u64 = 500;
/// What other processes write down is looked for this often.
const LOOK: Duration = Duration::from_millis(500);
/// The second of two publishers stands by for this long.
const STANDBY: Duration = Duration::from_secs(1);
/// The first and the longest pause while something is away.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// The head is told to the structured log at least after so many entries, and after so long if there are any.
const TOLD_AFTER: (u64, Duration) = (1_000, Duration::from_secs(3_600));

/// Publishes what waits.
pub struct Publisher {
    log: Arc<dyn EventLog>,
    journal: Journal,
    /// The end of the stream; none while that is not known for sure.
    head: Option<Head>,
    looked_back: bool,
    told: Option<(u64, Instant)>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("head", &self.head).finish_non_exhaustive()
    }
}

/// What of an entry says which one it is.
#[derive(Deserialize)]
struct Named {
    id: String,
    at: Timestamp,
}

fn named(messages: &[Message]) -> impl Iterator<Item = Named> {
    messages.iter().filter_map(|message| serde_json::from_slice(&message.payload).ok())
}

impl Publisher {
    /// A publisher of this journal's entries.
    pub fn new(log: Arc<dyn EventLog>, journal: Journal) -> Self {
        Self { log, journal, head: None, looked_back: false, told: None }
    }

    /// Publishes a piece of what waits; gives how many entries. It may be dropped at any moment, and called again.
    pub async fn step(&mut self) -> Result<usize, Error> {
        // Taken away until everything has gone well: after an error the stream is looked at again.
        let head = match self.head.take() {
            Some(head) => head,
            None => self.take_up().await?,
        };
        self.journal.give_up(MOST).await?;
        let waiting = self.journal.waiting(MOST).await?;
        let count = waiting.len();
        let head = if waiting.is_empty() { head } else { self.publish(head, &waiting).await? };
        self.tell(head);
        self.head = Some(head);
        Ok(count)
    }

    /// Publishes everything that waits now; gives how many entries. A publisher that is at it as well is no hindrance.
    pub async fn settle(&mut self) -> Result<usize, Error> {
        let mut published = 0;
        loop {
            match self.step().await {
                Ok(0) => return Ok(published),
                Ok(count) => published += count,
                Err(Error::Log(LogError::Conflict { .. })) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Finds the end of the stream, and removes from the outbox what is in it.
    async fn take_up(&mut self) -> Result<Head, Error> {
        self.log.ensure_stream(&spec()).await?;
        let status = self.log.stream(AUDIT_STREAM).await?;
        let end = status.ok_or_else(|| LogError::Missing(AUDIT_STREAM.to_owned()))?.last_sequence;
        let newest = range(&*self.log, end.saturating_sub(MOST as u64), end).await?;
        self.journal.remove(named(&newest).map(|named| named.id).collect()).await?;
        if !self.looked_back {
            self.look_back(end).await?;
            self.looked_back = true;
        }
        let hash = newest.last().map_or(Hash::NONE, |message| Hash::of(&message.payload));
        Ok(Head { position: end, hash })
    }

    /// Once in a life: a database that was put back to an older state may have entries waiting that have had their place for
    /// long. An entry gets its place after its moment, so beyond what is older than everything that waits there is none of it.
    async fn look_back(&self, end: u64) -> Result<(), Error> {
        let Some(oldest) = self.journal.oldest().await? else { return Ok(()) };
        let until = oldest.saturating_sub(LONG).unwrap_or(Timestamp::MIN);
        let mut upper = end;
        while upper > 0 {
            let lower = upper.saturating_sub(BACK);
            let found: Vec<_> = named(&range(&*self.log, lower, upper).await?).collect();
            let beyond = !found.is_empty() && found.iter().all(|named| named.at < until);
            self.journal.remove(found.into_iter().map(|named| named.id).collect()).await?;
            if beyond {
                return Ok(());
            }
            upper = lower;
        }
        Ok(())
    }

    async fn publish(&self, mut head: Head, waiting: &[Draft]) -> Result<Head, Error> {
        let behind = head.position;
        let mut messages = Vec::with_capacity(waiting.len());
        for draft in waiting {
            let (bytes, next) = head.append(draft).map_err(|error| Error::State(error.to_string()))?;
            head = next;
            messages.push(Outgoing {
                subject: format!("{AUDIT_SUBJECT}.{}", draft.action),
                message_id: None,
                expected_last_sequence: None,
                content_type: Some("application/json"),
                payload: bytes.into(),
            });
        }
        self.log.publish_together(AUDIT_STREAM, behind, messages).await?;
        self.journal.remove(waiting.iter().map(|draft| draft.id.clone()).collect()).await?;
        metrics::counter!("audit_entries_total").increment(waiting.len() as u64);
        Ok(head)
    }

    /// Tells the structured log where the chain ends: a second place that knows.
    fn tell(&mut self, head: Head) {
        let due = self.told.is_none_or(|(position, at)| {
            let new = head.position.saturating_sub(position);
            new >= TOLD_AFTER.0 || (new > 0 && at.elapsed() >= TOLD_AFTER.1)
        });
        if due {
            tracing::info!(audit.head = %head, "the audit log ends here");
            self.told = Some((head.position, Instant::now()));
        }
    }
}

/// How the stream is kept: for ever, and nothing of it can be deleted.
fn spec() -> StreamSpec {
    StreamSpec {
        name: AUDIT_STREAM.to_owned(),
        subjects: vec![format!("{AUDIT_SUBJECT}.>")],
        immutable: true,
        max_bytes: None,
        duplicate_window: Duration::from_secs(120),
    }
}

/// Publishes until `stop`. It may be dropped at any moment.
pub async fn keep_publishing(mut publisher: Publisher, stop: CancellationToken) {
    stop.run_until_cancelled(async move {
        let (mut pause, mut said) = (PAUSES.0, String::new());
        loop {
            match publisher.step().await {
                Ok(count) => {
                    (pause, said) = (PAUSES.0, String::new());
                    if count == 0 {
                        let _ = tokio::time::timeout(LOOK, publisher.journal.rung()).await;
                    }
                }
                Err(Error::Log(LogError::Conflict { .. })) => tokio::time::sleep(STANDBY).await,
                Err(error) => {
                    say(&error, &mut said);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    })
    .await;
}

/// Says once why entries are not published.
fn say(error: &Error, said: &mut String) {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let text = format!("{error} {cause}");
    if text == *said {
        return;
    }
    if error.is_transient() {
        tracing::warn!(%error, cause, "entries of the audit log wait for a dependency");
    } else {
        tracing::error!(%error, cause, "entries of the audit log cannot be published any more");
    }
    *said = text;
}
