//! A transaction a test holds open: its rows carry its start as `write_date`, nobody else sees them, and they appear
//! when it commits, however late that is. This is what makes a cursor over `write_date` lose rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::database::{Conflict, Database};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::methods::{self, Request};
use crate::session::Session;
use crate::wire::Wire;

/// How often the server tries a call again whose rows somebody else changed meanwhile.
const ATTEMPTS: usize = 6;
/// How often a slow call looks at the clock.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// An open transaction of one user. Dropping it rolls it back; the ids it took stay taken.
#[must_use = "dropping a transaction rolls it back"]
pub struct Transaction {
    engine: Arc<Engine>,
    uid: i64,
    work: Work,
}

/// The rows of one transaction: what it began with, and what it made of them.
pub(crate) struct Work {
    pub(crate) started: Timestamp,
    pub(crate) base: Database,
    pub(crate) made: Database,
}

impl Work {
    pub(crate) fn run(&mut self, engine: &Engine, uid: i64, request: Request) -> Result<Wire, Fault> {
        let circumstances = engine.circumstances(self.started);
        let session = Session::open(&self.made, uid, request.context(), circumstances)?;
        if !methods::writes(&request.method) {
            return methods::read(&self.made, &session, request);
        }
        let mut attempt = self.made.clone();
        let answer = methods::write(&mut attempt, &session, request)?;
        self.made = attempt;
        Ok(answer)
    }
}

impl Transaction {
    pub(crate) fn begin(engine: Arc<Engine>, uid: i64, started: Timestamp) -> Self {
        let work = engine.begin(started);
        Self { engine, uid, work }
    }

    /// When it began: the stamp of every row it touches.
    pub fn started(&self) -> Timestamp {
        self.work.started
    }

    /// Runs a method inside. It sees the rows as they were at the beginning, and what the transaction has made of
    /// them. A failed call leaves nothing in the transaction.
    ///
    /// # Errors
    /// Whatever fault the call ends in.
    pub fn call(&mut self, (model, method): (&str, &str), args: Json, kwargs: Json) -> Result<Json, Fault> {
        let request = Request::from_json((model, method), &args, &kwargs);
        self.work.run(&self.engine, self.uid, request).map(|answer| Json::from(&answer))
    }

    /// Makes everything visible at once.
    ///
    /// # Errors
    /// Fault 1 when somebody else has changed a row of it meanwhile; nothing of it becomes visible then.
    pub fn commit(self) -> Result<(), Fault> {
        self.engine.commit(&self.work).map_err(|Conflict| serialization_failure())
    }

    /// Throws everything away, as dropping does.
    pub fn rollback(self) {}
}

/// A call that commits so long after its start, by the simulator's clock. Like the real server it starts over when
/// the commit meets somebody else's. A simulator that stops rolls it back.
pub(crate) fn slowly(engine: &Engine, uid: i64, request: &Request, takes: Duration) -> Result<Wire, Fault> {
    for _ in 0..ATTEMPTS {
        let mut work = engine.begin(engine.clock.start());
        let answer = work.run(engine, uid, request.clone())?;
        let due = work.started.checked_add(takes).unwrap_or(Timestamp::MAX);
        let _pending = engine.pending.count_one();
        while engine.clock.now() < due {
            if engine.stopping() {
                return Err(serialization_failure());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        if engine.commit(&work).is_ok() {
            return Ok(answer);
        }
    }
    Err(serialization_failure())
}

/// How many calls have done their work and not committed yet.
#[derive(Debug, Default)]
pub(crate) struct Pending(AtomicUsize);

impl Pending {
    pub(crate) fn number(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    fn count_one(&self) -> One<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        One(&self.0)
    }
}

/// One of them, until dropped.
struct One<'a>(&'a AtomicUsize);

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn serialization_failure() -> Fault {
    Fault::unexpected(
        "psycopg2.errors.SerializationFailure",
        "could not serialize access due to concurrent update",
    )
}
