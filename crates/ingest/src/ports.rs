//! What the driver is given: the log, its small state, the time, and chance.

use std::fmt;
use std::sync::Arc;

use salescommand_domain::Timestamp;
use salescommand_eventlog::{EventLog, KeyValue};
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Gives identifiers, and chance for back-off.
pub trait Ids: Send + Sync {
    /// A new UUIDv7: the id of an event or a run.
    fn next(&self) -> Uuid;

    /// A random number in 0..1.
    fn fraction(&self) -> f64;
}

/// The driver's ports. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// Cursors, leases, runs.
    pub kv: Arc<dyn KeyValue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and chance.
    pub ids: Arc<dyn Ids>,
}

impl Ports {
    /// Ports with the machine's clock and random identifiers, over a log that is both.
    pub fn system<L: EventLog + KeyValue + Clone + 'static>(log: &L) -> Self {
        let (log, kv) = (Arc::new(log.clone()), Arc::new(log.clone()));
        Self { log, kv, clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) }
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge where events get the time at which they were observed"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Random identifiers.
#[derive(Debug, Clone, Copy)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the edge where events get their ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(clippy::disallowed_methods, reason = "jitter of waiting; nothing that is stored depends on it")]
    fn fraction(&self) -> f64 {
        // The low half of a random UUID has 62 random bits; 32 are plenty for jitter.
        let (_, low) = Uuid::new_v4().as_u64_pair();
        f64::from((low & u64::from(u32::MAX)) as u32) / (f64::from(u32::MAX) + 1.0)
    }
}
