//! An office at work on an Odoo server, and syncs that are killed at random moments: in the end the raw log says what
//! the server has, record by record, and nothing was ever said to be gone that was not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::date;
use proptest::prelude::*;
use salescommand_connectors::{Extent, Settings, Source, descriptor};
use salescommand_domain::raw::{Envelope, InstanceName, ObjectName, Operation, Payload};
use salescommand_domain::schedule::Selection;
use salescommand_eventlog::Message;
use salescommand_eventlog::memory::{MemoryLog, abort_after};
use salescommand_ingest::{Clock, Demands, Options, Ports, Run, RunRequest, RunState, Trigger, run_once};
use salescommand_odoo_simulator::{Config, Handle, Level, Seed, Simulator, Transaction};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::oracle;

const ADMIN: &str = "admin";
const API: &str = "integration@salescommand.com";
const OBJECTS: [&str; 5] = ["res.partner", "crm.lead", "mail.activity", "calendar.event", MESSAGES];
/// What of these is gone is looked for only when everything is read.
const MESSAGES: &str = "mail.message";

/// The longest that a transaction of the office takes; the connector asks for what is 300 s old again.
const LONGEST: u64 = 200;

/// Something that happens at the server, or a sync.
#[derive(Debug, Clone)]
enum Step {
    Create(usize),
    Write(usize),
    /// `action_set_won`, `action_set_lost`, `action_unarchive`.
    Call(&'static str, usize),
    Archive(usize),
    Merge(usize, usize),
    Unlink(usize),
    UnlinkPartner(usize),
    Plan(usize),
    Finish(usize),
    /// `message_post` on a lead: a note, an e-mail, or what the system notes.
    Post(&'static str, usize),
    Meet(usize),
    /// Deletes a message or an event.
    Forget(&'static str, usize),
    /// A transaction that writes, and commits so many seconds later.
    Begin {
        leads: Vec<usize>,
        seconds: u64,
    },
    Level(Level),
    Sync {
        polls: Option<usize>,
        same: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let some = || 0_usize..40;
    let action = prop::sample::select(vec!["action_set_won", "action_set_lost", "action_unarchive"]);
    let post = prop::sample::select(vec!["comment", "email", "notification"]);
    let forgotten = prop::sample::select(vec![MESSAGES, "calendar.event"]);
    let level = prop::sample::select(vec![Level::OwnDocuments, Level::AllDocuments, Level::Internal]);
    let kill = prop::option::of(0_usize..250);
    prop_oneof![
        2 => (1_usize..5).prop_map(Step::Create),
        3 => some().prop_map(Step::Write),
        2 => (action, some()).prop_map(|(action, lead)| Step::Call(action, lead)),
        1 => some().prop_map(Step::Archive),
        1 => (some(), some()).prop_map(|(one, other)| Step::Merge(one, other)),
        2 => some().prop_map(Step::Unlink),
        1 => some().prop_map(Step::UnlinkPartner),
        1 => some().prop_map(Step::Plan),
        1 => some().prop_map(Step::Finish),
        2 => (post, some()).prop_map(|(kind, lead)| Step::Post(kind, lead)),
        1 => some().prop_map(Step::Meet),
        1 => (forgotten, some()).prop_map(|(object, which)| Step::Forget(object, which)),
        2 => (prop::collection::vec(some(), 1..4), 1..LONGEST).prop_map(|(leads, seconds)| Step::Begin { leads, seconds }),
        1 => level.prop_map(Step::Level),
        5 => (kill, any::<bool>()).prop_map(|(polls, same)| Step::Sync { polls, same }),
    ]
}

/// The server's clock is everybody's.
struct Shared(Arc<Handle>);

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.clock().now()
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
    deleted: BTreeSet<(String, String)>,
}

impl Office {
    /// A small office.
    pub async fn open() -> Self {
        let seed = Seed { leads: 25, partners: 20, activities: 20, ..Seed::new(7, date(2026, 11, 23)) };
        let handle = Simulator::start(Config::new(seed).password(API, "secret")).await.unwrap();
        let handle = Arc::new(handle);
        let log = MemoryLog::new();
        let ports = Ports { clock: Arc::new(Shared(handle.clone())), ..Ports::system(&log) };
        let (open, deleted) = (Vec::new(), BTreeSet::new());
        Self { handle, log, ports, open, second: 0, number: 0, run: 1, deleted }
    }

    fn name(&mut self) -> Value {
        self.number += 1;
        json!({"name": format!("Number {}", self.number)})
    }

    fn pick(&self, object: &str, number: usize) -> i64 {
        let ids = self.handle.data().snapshot().ids_where(object, |_| true);
        // Where there is none, one that is not there.
        ids.get(number % ids.len().max(1)).copied().unwrap_or_default()
    }

    /// What the server refuses, a person would hear of; here it is no step.
    fn call(&self, object: &str, method: &str, arguments: Value) {
        let _ = self.handle.data().call(ADMIN, (object, method), arguments, json!({}));
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

    async fn take(&mut self, step: Step) {
        let before = self.present();
        match step {
            Step::Create(count) => {
                let rows: Vec<_> = (0..count).map(|_| self.name()).collect();
                self.call("crm.lead", "create", json!([rows]));
            }
            Step::Write(lead) => {
                let (lead, name) = (self.pick("crm.lead", lead), self.name());
                self.call("crm.lead", "write", json!([[lead], name]));
            }
            Step::Call(action, lead) => self.call("crm.lead", action, json!([[self.pick("crm.lead", lead)]])),
            Step::Archive(lead) => {
                self.call("crm.lead", "write", json!([[self.pick("crm.lead", lead)], {"active": false}]));
            }
            Step::Merge(one, other) => {
                let leads = [self.pick("crm.lead", one), self.pick("crm.lead", other)];
                self.call("crm.lead", "merge_opportunity", json!([leads]));
            }
            Step::Unlink(lead) => self.call("crm.lead", "unlink", json!([[self.pick("crm.lead", lead)]])),
            Step::UnlinkPartner(partner) => {
                self.call("res.partner", "unlink", json!([[self.pick("res.partner", partner)]]));
            }
            Step::Plan(lead) => {
                self.call("crm.lead", "activity_schedule", json!([[self.pick("crm.lead", lead)]]))
            }
            Step::Finish(activity) => {
                self.call(
                    "mail.activity",
                    "action_feedback",
                    json!([[self.pick("mail.activity", activity)]]),
                );
            }
            Step::Post(kind, lead) => {
                let lead = json!([[self.pick("crm.lead", lead)]]);
                let values = json!({"body": "<p>x</p>", "message_type": kind});
                let _ = self.handle.data().call(ADMIN, ("crm.lead", "message_post"), lead, values);
            }
            Step::Meet(lead) => {
                let mut event = self.name();
                event["start"] = json!("2026-12-01 09:00:00");
                event["opportunity_id"] = json!(self.pick("crm.lead", lead));
                self.call("calendar.event", "create", json!([event]));
            }
            Step::Forget(object, which) => self.call(object, "unlink", json!([[self.pick(object, which)]])),
            Step::Begin { leads, seconds } => {
                let mut transaction = self.handle.data().begin(ADMIN).unwrap();
                let name = self.name();
                let _ = transaction.call(("crm.lead", "create"), json!([[name]]), json!({}));
                for lead in leads {
                    let (lead, name) = (self.pick("crm.lead", lead), self.name());
                    let _ = transaction.call(("crm.lead", "write"), json!([[lead], name]), json!({}));
                }
                self.open.push((self.second + seconds, transaction));
            }
            Step::Level(level) => self.handle.data().set_level(API, level).unwrap(),
            Step::Sync { polls, same } => {
                self.run += u128::from(!same);
                match polls {
                    Some(polls) => drop(abort_after(polls, self.sync(false)).await),
                    None => drop(self.sync(false).await),
                }
                // A lease that its run left behind ends.
                self.pass(31);
            }
        }
        self.pass(7);
        self.deleted.extend(before.difference(&self.present()).cloned());
    }

    fn present(&self) -> BTreeSet<(String, String)> {
        let rows = self.handle.data().snapshot();
        let of = |object: &&str| {
            let ids = rows.ids_where(object, |_| true);
            ids.into_iter().map(|id| ((*object).to_owned(), id.to_string())).collect::<Vec<_>>()
        };
        OBJECTS.iter().flat_map(of).collect()
    }

    fn source(&self) -> Box<dyn Source> {
        let plain =
            [("url", self.handle.url().as_str()), ("database", "demo"), ("login", API), ("page_size", "9")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings { plain: plain.into(), secret: "secret".to_owned().into() };
        descriptor("odoo").unwrap().open.unwrap()(settings).unwrap()
    }

    /// Syncs what the office works on.
    pub async fn sync(&self, full: bool) -> Run {
        let objects = OBJECTS.iter().map(|object| ObjectName::new(*object).unwrap()).collect();
        self.sync_these(Selection::only(objects), full).await
    }

    /// Syncs some objects.
    pub async fn sync_these(&self, selection: Selection, full: bool) -> Run {
        let request = RunRequest {
            run_id: Uuid::from_u128(self.run),
            instance: InstanceName::new("odoo").unwrap(),
            connector: "odoo".to_owned(),
            selection,
            demands: Demands { full, ..Demands::default() },
            trigger: Trigger::Schedule,
        };
        let stop = CancellationToken::new();
        run_once(&self.ports, &request, self.source(), Options::default(), &stop).await.unwrap().record.run
    }

    /// Every raw event.
    pub async fn events(&self) -> Vec<Envelope> {
        let messages = oracle::messages(&self.log, "RAW_ODOO_E1").await;
        let event = |message: Message| Envelope::decode(&message.payload, message.content_type.as_deref());
        messages.into_iter().map(|message| event(message).unwrap()).collect()
    }

    /// What the log says is there.
    async fn said(&self) -> BTreeMap<(String, String), Value> {
        let mut said = BTreeMap::new();
        for event in self.events().await {
            let record = (event.object.to_string(), event.key);
            match (event.operation, event.payload) {
                (Operation::Upsert, Payload::Inline(payload)) => drop(said.insert(record, payload)),
                _ => drop(said.remove(&record)),
            }
        }
        said
    }

    /// What the server has, read in one go.
    async fn real(&self) -> BTreeMap<(String, String), Value> {
        let mut source = self.source();
        let mut real = BTreeMap::new();
        for plan in source.connect().await.unwrap().plans {
            if !OBJECTS.contains(&plan.object.as_str()) {
                continue;
            }
            let mut from = None;
            loop {
                let page = source.page(&plan.object, Extent::All, from.as_ref()).await.unwrap();
                let record = |record: salescommand_connectors::Record| {
                    ((plan.object.to_string(), record.key), record.payload)
                };
                real.extend(page.records.into_iter().map(record));
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        real
    }
}

/// Whether two states of a record agree but for what changes without a mark: references to what was deleted, texts of other
/// records, and the record that an activity belongs to when leads are merged (which the simulator takes for unmarked too).
fn agree(said: &Value, real: &Value) -> bool {
    const UNMARKED: [&str; 10] = [
        "partner_id",
        "parent_id",
        "commercial_partner_id",
        "res_id",
        "res_name",
        "display_name",
        "request_partner_id",
        "author_id",
        "opportunity_id",
        "partner_ids",
    ];
    let marked = |value: &Value| {
        let mut fields = value.as_object().unwrap().clone();
        fields.retain(|field, _| !UNMARKED.contains(&field.as_str()));
        fields
    };
    marked(said) == marked(real)
}

async fn the_log_says_what_the_server_has(steps: Vec<Step>) {
    let mut office = Office::open().await;
    for step in steps {
        office.take(step).await;
    }
    office.handle.data().set_level(API, Level::AllDocuments).unwrap();
    office.pass(LONGEST);
    office.run += 1;
    let run = office.sync(false).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    let (mut said, mut real) = (office.said().await, office.real().await);
    // A message that is gone may still be said to be there.
    said.retain(|record, _| record.0 != MESSAGES || real.contains_key(record));
    real.retain(|record, _| record.0 != MESSAGES || said.contains_key(record));
    assert!(
        said.keys().eq(real.keys()),
        "{:?}",
        said.keys().filter(|record| !real.contains_key(record)).collect::<Vec<_>>()
    );
    for (record, payload) in &said {
        assert!(agree(payload, &real[record]), "{record:?}\n{payload}\n{}", real[record]);
    }
    office.pass(1);
    office.run += 1;
    assert_eq!(office.sync(true).await.state, RunState::Succeeded);
    assert_eq!(office.said().await, office.real().await);
    let retracted: BTreeSet<_> = office
        .events()
        .await
        .into_iter()
        .filter(|event| event.operation == Operation::Delete)
        .map(|event| (event.object.to_string(), event.key))
        .collect();
    assert!(retracted.is_subset(&office.deleted), "{:?}", retracted.difference(&office.deleted));
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
