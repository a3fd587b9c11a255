//! The in-memory twin of the event log, for tests.
//!
//! It keeps every promise of the port (the conformance suite says so) and breaks on demand: publishes and writes
//! that fail before or after their effect, full streams, lost tails. Every operation yields to the scheduler
//! before and after its effect, so that a test which drops a future at any poll crashes at every place that
//! matters. Time never passes by itself: [`MemoryLog::advance`] moves it.

mod administration;
mod jobs;
mod key_value;
mod requests;
mod streams;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use salescommand_domain::Timestamp;
use tokio::sync::Notify;

use crate::{Error, KvEntry};

/// Largest message, as `max_payload` of the broker.
const MAX_PAYLOAD: usize = 8 * 1024 * 1024;

/// An event log in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    now: Timestamp,
    streams: BTreeMap<String, streams::Stream>,
    buckets: BTreeMap<String, Bucket>,
    queues: BTreeMap<String, jobs::Queue>,
    served: BTreeMap<String, Vec<requests::Server>>,
    faults: Faults,
    storage_limit: Option<u64>,
}

#[derive(Default)]
struct Bucket {
    revision: u64,
    entries: BTreeMap<String, KvEntry>,
}

#[derive(Default)]
struct Faults {
    publish: Option<usize>,
    write: Option<Effect>,
}

/// Whether an operation that fails has taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The request was lost.
    None,
    /// Only the answer was lost.
    Done,
}

impl MemoryLog {
    /// An empty log at the epoch of time.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the log's clock: duplicate windows run out.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.now = state.now.saturating_add(by).unwrap_or(Timestamp::MAX);
    }

    /// The next publish stores this many of its messages and then fails as not reachable.
    pub fn fail_next_publish(&self, stored: usize) {
        self.state().faults.publish = Some(stored);
    }

    /// The next key-value write fails as not reachable, before or after its effect.
    pub fn fail_next_kv(&self, effect: Effect) {
        self.state().faults.write = Some(effect);
    }

    /// Sets the size at which a stream is full; none for no limit.
    pub fn limit(&self, stream: &str, max_bytes: Option<u64>) {
        if let Some(stream) = self.state().streams.get_mut(stream) {
            stream.spec.max_bytes = max_bytes;
        }
    }

    /// Sets how much room the broker says there is.
    pub fn limit_storage(&self, bytes: Option<u64>) {
        self.state().storage_limit = bytes;
    }

    /// Loses what a stream stored behind a sequence, as a broker restored from an older copy would.
    pub fn lose_tail(&self, stream: &str, last_sequence: u64) {
        if let Some(stream) = self.state().streams.get_mut(stream) {
            stream.truncate(last_sequence);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self) {
        self.shared.changed.notify_waiters();
    }
}

impl std::fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state();
        f.debug_struct("MemoryLog").field("streams", &state.streams.keys()).finish_non_exhaustive()
    }
}

/// A place where a test may crash the caller.
async fn crash_point() {
    tokio::task::yield_now().await;
}

/// Polls a future so many times and drops it, as a crash would; its output if it ended before. With every call of the twin
/// being a place where that may happen, trying each number in turn crashes the caller everywhere.
pub async fn abort_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

fn unreachable_on_purpose() -> Error {
    Error::Unavailable("a fault that the test asked for".to_owned())
}

/// Whether a subject falls under a pattern with `*` (one token) and `>` (the rest).
fn matches(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for part in pattern.split('.') {
        match (part, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (literal, Some(token)) if literal == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Effect, MemoryLog, matches};
    use crate::conformance::{self, message, spec};
    use crate::{Error, EventLog as _, KeyValue as _, Outgoing};

    #[tokio::test(start_paused = true)]
    async fn passes_the_conformance_suite() {
        conformance::run(&MemoryLog::new(), "TWIN").await.unwrap();
    }

    #[tokio::test]
    async fn breaks_on_demand() {
        let log = MemoryLog::new();
        log.ensure_stream(&spec("S")).await.unwrap();
        let with_id =
            |n: usize| Outgoing { message_id: Some(n.to_string()), ..message("S", "x", n.to_string()) };
        log.fail_next_publish(2);
        let failed = log.publish("S", (0..5).map(with_id).collect()).await;
        assert!(matches!(failed, Err(Error::Unavailable(_))));
        assert_eq!(log.stream("S").await.unwrap().unwrap().messages, 2);
        let again = log.publish("S", (0..5).map(with_id).collect()).await.unwrap();
        assert_eq!(again.iter().filter(|published| published.duplicate).count(), 2);
        log.advance(Duration::from_secs(121));
        assert!(!log.publish("S", vec![with_id(1)]).await.unwrap()[0].duplicate, "the window is over");

        let mut reader = log.read_after("S", 6).await.unwrap();
        log.lose_tail("S", 3);
        assert_eq!(log.last_message("S").await.unwrap().unwrap().sequence, 3);
        let limit = crate::BatchLimit { messages: 1, bytes: 1, wait: Duration::ZERO };
        assert!(matches!(reader.next(limit).await, Err(Error::Refused(_))));

        log.ensure_bucket("B").await.unwrap();
        log.fail_next_kv(Effect::None);
        assert!(log.put_if("B", "k", 0, "v".into()).await.is_err());
        assert!(log.get("B", "k").await.unwrap().is_none());
        log.fail_next_kv(Effect::Done);
        assert!(log.put_if("B", "k", 0, "v".into()).await.is_err());
        assert!(log.get("B", "k").await.unwrap().is_some());
    }

    #[test]
    fn wildcards_stand_for_one_token_or_the_rest() {
        assert!(matches("raw.odoo.>", "raw.odoo.lead.1"));
        assert!(matches("raw.*.lead", "raw.odoo.lead"));
        for (pattern, subject) in [("raw.>", "raw"), ("raw.*", "raw.a.b"), ("raw.a.b", "raw.a")] {
            assert!(!matches(pattern, subject), "{pattern} {subject}");
        }
    }
}
