//! An office at work on the Odoo simulator, and syncs that are killed at random moments: in the end the raw log says what
//! the server has, record by record, and nothing was ever said to be gone that was not, or merged that was deleted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::date;
use proptest::prelude::*;
use salescommand_connectors::Source;
use salescommand_domain::raw::Envelope;
use salescommand_domain::schedule::Selection;
use salescommand_eventlog::memory::{MemoryLog, abort_after};
use salescommand_ingest::{Clock, Ports, Run, RunState};
use salescommand_odoo_simulator::{Config, Handle, Level, Record, Seed, Simulator, Transaction};
use serde_json::{Value, json};

use crate::office::{
    self, API, Key, LONGEST, MESSAGES, Merges, PASSWORD, Server, Step, act, one_of, present, step,
};

const ADMIN: &str = "admin";

/// The server's clock is everybody's.
struct Shared(Arc<Handle>);

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.clock().now()
    }
}

impl Server for Handle {
    fn url(&self) -> String {
        Handle::url(self)
    }

    fn database(&self) -> &str {
        "demo"
    }

    fn ids(&self, object: &str) -> Vec<i64> {
        self.data().snapshot().ids_where(object, |_| true)
    }

    fn call(&self, object: &str, method: &str, arguments: Value, named: Value) -> Option<Value> {
        self.data().call(ADMIN, (object, method), arguments, named).ok()
    }

    fn written(&self) -> Vec<i64> {
        let by_people = |row: &Record| row.get("message_type").as_text() != Some("notification");
        self.data().snapshot().ids_where(MESSAGES, by_people)
    }

    fn name_of(&self, lead: i64) -> Option<String> {
        let rows = self.data().snapshot();
        let row = rows.row("crm.lead", lead)?;
        Some(row.get("name").as_text().unwrap_or_default().to_owned())
    }

    fn set_level(&self, level: Level) {
        self.data().set_level(API, level).unwrap();
    }
}

/// An office with its Odoo, and a log that is kept of it.
pub struct Office {
    /// The server.
    pub handle: Arc<Handle>,
    /// The log.
    pub log: MemoryLog,
    ports: Ports,
    /// Transactions that are open, and when they commit.
    open: Vec<(u64, Transaction)>,
    second: u64,
    number: usize,
    /// Number of the present run.
    pub run: u128,
    /// Records that were there and then were not: only they may be retracted.
    deleted: BTreeSet<Key>,
    merges: Merges,
    /// What the connector's user may see, and whether that ever was less than everything.
    level: Level,
    was_limited: bool,
}

impl Office {
    /// A small office.
    pub async fn open() -> Self {
        let seed = Seed { leads: 25, partners: 20, activities: 20, ..Seed::new(7, date(2026, 11, 23)) };
        let handle = Simulator::start(Config::new(seed).password(API, PASSWORD)).await.unwrap();
        let handle = Arc::new(handle);
        let log = MemoryLog::new();
        let ports = Ports { clock: Arc::new(Shared(handle.clone())), ..Ports::system(&log) };
        let (open, deleted, merges) = (Vec::new(), BTreeSet::new(), Merges::default());
        let (level, was_limited) = (Level::AllDocuments, false);
        Self { handle, log, ports, open, second: 0, number: 0, run: 1, deleted, merges, level, was_limited }
    }

    /// Lets time pass.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.second += 1;
            self.handle.clock().advance(Duration::from_secs(1));
            let (due, open): (Vec<_>, Vec<_>) =
                self.open.drain(..).partition(|(second, _)| *second <= self.second);
            self.open = open;
            for (_, transaction) in due {
                // One that met another is lost.
                let _ = transaction.commit();
            }
        }
    }

    /// Does a step.
    pub async fn take(&mut self, step: Step) {
        let before = present(&*self.handle);
        if let Step::Level(level) = step {
            self.level = level;
            self.was_limited |= !sees_all(level);
        }
        match step {
            Step::Begin { leads, seconds } => self.begin(leads, seconds),
            Step::Sync { polls, same } => {
                self.run += u128::from(!same);
                let seen = self.events().await.len();
                match polls {
                    Some(polls) => drop(abort_after(polls, self.sync(false)).await),
                    None => drop(self.sync(false).await),
                }
                self.check_merges(seen).await;
                // A lease that its run left behind ends.
                self.pass(31);
            }
            step => act(&*self.handle, &mut self.number, &mut self.merges, step),
        }
        self.pass(7);
        self.deleted.extend(before.difference(&present(&*self.handle)).cloned());
    }

    /// Begins a transaction that writes, and commits so many seconds later.
    fn begin(&mut self, leads: Vec<usize>, seconds: u64) {
        let ids = self.handle.ids("crm.lead");
        let mut transaction = self.handle.data().begin(ADMIN).unwrap();
        let new = office::name(&mut self.number);
        let _ = transaction.call(("crm.lead", "create"), json!([[new]]), json!({}));
        for lead in leads {
            let (lead, values) = (one_of(&ids, lead), office::name(&mut self.number));
            let _ = transaction.call(("crm.lead", "write"), json!([[lead], values]), json!({}));
        }
        self.open.push((self.second + seconds, transaction));
    }

    /// What the log says of merged leads behind so many events.
    async fn check_merges(&self, seen: usize) {
        let proven = sees_all(self.level);
        self.merges.check(&*self.handle, &self.log, seen, proven).await;
    }

    fn source(&self) -> Box<dyn Source> {
        office::source(&*self.handle, &[])
    }

    /// Syncs what the office works on.
    pub async fn sync(&self, full: bool) -> Run {
        office::sync(&self.ports, self.run, full, self.source()).await
    }

    /// Syncs some objects.
    pub async fn sync_these(&self, selection: Selection, full: bool) -> Run {
        office::sync_these(&self.ports, self.run, selection, full, self.source()).await
    }

    /// Every raw event.
    pub async fn events(&self) -> Vec<Envelope> {
        office::events(&self.log).await
    }
}

/// Whether a user sees every deal.
fn sees_all(level: Level) -> bool {
    matches!(level, Level::AllDocuments | Level::Settings)
}

async fn the_log_says_what_the_server_has(steps: Vec<Step>) {
    let mut office = Office::open().await;
    for step in steps {
        office.take(step).await;
    }
    office.level = Level::AllDocuments;
    office.handle.set_level(Level::AllDocuments);
    office.pass(LONGEST);
    office.run += 1;
    let seen = office.events().await.len();
    let run = office.sync(false).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    office.check_merges(seen).await;
    office::assert_same_but_for_the_unmarked(&office.log, office.source(), office.was_limited).await;
    office.pass(1);
    office.run += 1;
    assert_eq!(office.sync(true).await.state, RunState::Succeeded);
    assert_eq!(office::said(&office.log).await, office::real(office.source()).await);
    office::assert_no_false_retraction(&office.log, &office.deleted).await;
}

#[tokio::test]
async fn a_sweep_of_a_run_that_goes_on_with_other_rights_reads_what_the_rest_has() {
    let steps = vec![
        Step::Level(Level::OwnDocuments),
        Step::Sync { polls: None, same: false },
        Step::Create(1),
        Step::Create(1),
        Step::Create(1),
        Step::Level(Level::Settings),
        Step::Create(1),
        Step::Sync { polls: None, same: true },
        Step::Begin { leads: vec![0], seconds: 35 },
        Step::Write(11),
    ];
    the_log_says_what_the_server_has(steps).await;
}

/// Until it is known what the rights hide, nothing counts as read.
#[tokio::test]
async fn a_change_that_was_hidden_while_a_sync_was_killed_is_read_when_the_rights_come_back() {
    for polls in (0..).step_by(13) {
        let mut office = Office::open().await;
        office.take(Step::Sync { polls: None, same: false }).await;
        office.take(Step::Level(Level::OwnDocuments)).await;
        for lead in 0..25 {
            office.take(Step::Write(lead)).await;
        }
        office.pass(LONGEST);
        let run = abort_after(polls, office.sync(false)).await;
        office.pass(LONGEST);
        office.take(Step::Level(Level::AllDocuments)).await;
        office.run += 1;
        assert_eq!(office.sync(false).await.state, RunState::Succeeded);
        office::assert_same_but_for_the_unmarked(&office.log, office.source(), true).await;
        if run.is_some() {
            return;
        }
    }
}

fn config() -> ProptestConfig {
    let cases = if std::env::var_os("SALESCOMMAND_FAULT_EVENTS").is_some() { 100 } else { 12 };
    ProptestConfig { cases, max_shrink_iters: 200, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_log_says_what_the_server_has_whatever_happens_and_wherever_a_sync_is_killed(
        steps in prop::collection::vec(step(), 10..40),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(the_log_says_what_the_server_has(steps));
    }
}
