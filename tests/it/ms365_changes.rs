//! A company at work in Microsoft 365 (the Graph simulator), and syncs that are killed at random moments, throttled, and whose
//! places are forgotten: in the end the raw log and the canonical documents say what the tenant has, record by record, and nothing
//! was ever said to be gone that was not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use salescommand_connectors::{PART_NOT_READABLE, Reach, Settings, Source, SourceError, Then, descriptor};
use salescommand_domain::raw::{Envelope, InstanceName, Operation, Payload, Position, RawPosition};
use salescommand_domain::schedule::Selection;
use salescommand_eventlog::memory::{MemoryLog, abort_after};
use salescommand_eventlog::{EventLog as _, Message};
use salescommand_graph_simulator::{
    CLIENT_ID, Config, Expiry, Handle, Simulator, TENANT_ID, Tenant, Trouble,
};
use salescommand_ingest::{
    Clock, Demands, Ids, Options, Ports, Run, RunRequest, RunState, Trigger, run_once,
};
use salescommand_normalizer::RawMessage;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{ms365_canonical, oracle};

/// The secret of the application.
pub const SECRET: &str = "s3cret-of-the-application";
/// Dates that are followed, and dates that are not.
const WITHIN: (&str, &str) = ("2026-12-01T09:00:00", "2026-12-01T10:00:00");
const BEYOND: (&str, &str) = ("2031-12-01T09:00:00", "2031-12-01T10:00:00");

/// A record: its object and its key.
pub type Key = (String, String);

/// The server's clock is everybody's.
struct Shared(Arc<Handle>);

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.clock().now()
    }
}

/// Ids in a row, and no waiting.
#[derive(Default)]
struct Hasty(AtomicU64);

impl Ids for Hasty {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }

    fn fraction(&self) -> f64 {
        0.0
    }
}

/// Something that happens in the company, or a sync.
#[derive(Debug, Clone)]
enum Step {
    Hire,
    Rename(usize),
    Enable(usize, bool),
    Manage(usize, Option<usize>),
    Leave(usize),
    Purge(usize),
    Return(usize),
    Found,
    Dissolve(usize),
    Member(usize, usize, bool),
    Folder(usize),
    DropFolder(usize, usize),
    Contact(usize, usize),
    ChangeContact(usize, usize),
    MoveContact(usize, usize, usize),
    DropContact(usize, usize),
    Meet(usize, bool),
    Postpone(usize, usize, bool),
    Retitle(usize, usize),
    CallOff(usize, usize),
    Close(usize, bool),
    Expire(Expiry),
    Throttle(Option<u64>),
    Withdraw,
    Sync { polls: Option<usize>, same: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let some = || 0_usize..9;
    let expiry = prop::sample::select(vec![Expiry::Gone, Expiry::NotFound, Expiry::BadRequest]);
    let people = prop_oneof![
        2 => Just(Step::Hire),
        2 => some().prop_map(Step::Rename),
        1 => (some(), any::<bool>()).prop_map(|(who, is)| Step::Enable(who, is)),
        2 => (some(), prop::option::of(some())).prop_map(|(who, by)| Step::Manage(who, by)),
        2 => some().prop_map(Step::Leave),
        1 => some().prop_map(Step::Purge),
        2 => some().prop_map(Step::Return),
        1 => Just(Step::Found),
        1 => some().prop_map(Step::Dissolve),
        2 => (some(), some(), any::<bool>()).prop_map(|(group, who, is)| Step::Member(group, who, is)),
    ];
    let mail = prop_oneof![
        1 => some().prop_map(Step::Folder),
        1 => (some(), some()).prop_map(|(who, folder)| Step::DropFolder(who, folder)),
        3 => (some(), some()).prop_map(|(who, folder)| Step::Contact(who, folder)),
        1 => (some(), some()).prop_map(|(who, which)| Step::ChangeContact(who, which)),
        2 => (some(), some(), some()).prop_map(|(who, which, to)| Step::MoveContact(who, which, to)),
        1 => (some(), some()).prop_map(|(who, which)| Step::DropContact(who, which)),
        3 => (some(), any::<bool>()).prop_map(|(who, within)| Step::Meet(who, within)),
        2 => (some(), some(), any::<bool>()).prop_map(|(who, which, within)| Step::Postpone(who, which, within)),
        1 => (some(), some()).prop_map(|(who, which)| Step::Retitle(who, which)),
        1 => (some(), some()).prop_map(|(who, which)| Step::CallOff(who, which)),
        1 => (some(), any::<bool>()).prop_map(|(who, is)| Step::Close(who, is)),
    ];
    let kill = prop::option::of(0_usize..600);
    let server = prop_oneof![
        2 => expiry.prop_map(Step::Expire),
        1 => prop::option::of(2_u64..9).prop_map(Step::Throttle),
        1 => Just(Step::Withdraw),
        8 => (kill, any::<bool>()).prop_map(|(polls, same)| Step::Sync { polls, same }),
    ];
    prop_oneof![4 => people, 5 => mail, 4 => server]
}

/// The company, and a log that is kept of it.
struct Company {
    handle: Arc<Handle>,
    log: MemoryLog,
    ports: Ports,
    run: u128,
    number: usize,
    /// Records that were there and then were not: only they may be retracted.
    deleted: BTreeSet<Key>,
}

fn pick(ids: &[String], which: usize) -> String {
    ids.get(which % ids.len().max(1)).cloned().unwrap_or_default()
}

impl Company {
    async fn open() -> Self {
        let mut config = Config::empty(SECRET);
        config.pages = 3;
        let handle = Arc::new(Simulator::start(config).await.unwrap());
        let log = MemoryLog::new();
        let ports = Ports {
            clock: Arc::new(Shared(handle.clone())),
            ids: Arc::new(Hasty::default()),
            ..Ports::system(&log)
        };
        let mut company = Self { handle, log, ports, run: 1, number: 0, deleted: BTreeSet::new() };
        for _ in 0..4 {
            company.take(Step::Hire).await;
        }
        company
    }

    fn pass(&self, seconds: u64) {
        self.handle.clock().advance(Duration::from_secs(seconds));
    }

    async fn take(&mut self, step: Step) {
        let before = present(&self.handle);
        self.number += 1;
        let number = self.number;
        match step {
            Step::Expire(expiry) => self.handle.tenant(|tenant| tenant.expire_tokens(expiry)),
            Step::Throttle(every) => {
                let trouble = Trouble::TooManyRequests(Some("0.001"));
                self.handle.faults().every(every.map(|every| (every, trouble)));
            }
            Step::Withdraw => self.handle.withdraw_tokens(),
            Step::Sync { polls, same } => {
                self.run += u128::from(!same);
                match polls {
                    Some(polls) => drop(abort_after(polls, self.sync(Demands::default())).await),
                    None => drop(self.sync(Demands::default()).await),
                }
                // A lease that its run left behind ends.
                self.pass(31);
            }
            step => self.handle.tenant(|tenant| act(tenant, number, step)),
        }
        self.pass(7);
        self.deleted.extend(before.difference(&present(&self.handle)).cloned());
    }

    fn source(&self) -> Box<dyn Source> {
        source(&self.handle, &[])
    }

    async fn sync(&self, demands: Demands) -> Run {
        let request = RunRequest {
            run_id: Uuid::from_u128(self.run),
            instance: InstanceName::new("ms365").unwrap(),
            connector: "ms365".to_owned(),
            selection: Selection::all(),
            demands,
            trigger: Trigger::Schedule,
        };
        let stop = CancellationToken::new();
        run_once(&self.ports, &request, self.source(), Options::default(), &stop).await.unwrap().record.run
    }

    /// Every event, with its place.
    async fn raw(&self) -> Vec<RawMessage> {
        let place = |message: Message| {
            let position = Position { epoch: 1, sequence: message.sequence };
            let instance = InstanceName::new("ms365").unwrap();
            RawMessage { raw: RawPosition { instance, position }, message }
        };
        oracle::messages(&self.log, "RAW_MS365_E1").await.into_iter().map(place).collect()
    }

    async fn events(&self) -> Vec<Envelope> {
        if self.log.stream("RAW_MS365_E1").await.unwrap().is_none() {
            return Vec::new();
        }
        let messages = oracle::messages(&self.log, "RAW_MS365_E1").await.into_iter();
        messages.map(|it| Envelope::decode(&it.payload, it.content_type.as_deref()).unwrap()).collect()
    }

    /// What the log says is there.
    async fn said(&self) -> BTreeMap<Key, Value> {
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

    async fn assert_no_false_retraction(&self) {
        let said = self.events().await.into_iter().filter(|event| event.operation == Operation::Delete);
        let said: BTreeSet<Key> = said.map(|event| (event.object.to_string(), event.key)).collect();
        let never: Vec<_> = said.difference(&self.deleted).collect();
        assert!(never.is_empty(), "retracted and never gone: {never:?}");
    }
}

/// The connector at the simulator.
pub fn source(handle: &Handle, more: &[(&str, &str)]) -> Box<dyn Source> {
    let url = handle.url();
    let own = [
        ("tenant", TENANT_ID),
        ("client_id", CLIENT_ID),
        ("authority", &url),
        ("graph", &url),
        ("page_size", "4"),
    ];
    let plain =
        own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let settings = Settings { plain, secret: SECRET.to_owned().into(), reach: Reach::Any };
    descriptor("ms365").unwrap().open.unwrap()(settings).unwrap()
}

fn act(tenant: &mut Tenant, number: usize, step: Step) {
    let users = tenant.users();
    let user = |which: usize| pick(&users, which);
    match step {
        Step::Hire => {
            if users.len() < 8 {
                tenant.add_user(&format!("Person {number}"), &format!("p{number}@company.example"));
            }
        }
        Step::Rename(who) => tenant.set_user(&user(who), json!({"displayName": format!("Renamed {number}")})),
        Step::Enable(who, is) => tenant.set_user(&user(who), json!({"accountEnabled": is})),
        Step::Manage(who, by) => {
            let by = by.map(user);
            tenant.set_manager(&user(who), by.as_deref());
        }
        Step::Leave(who) => tenant.delete_user(&user(who)),
        Step::Purge(who) => tenant.purge_user(&user(who)),
        Step::Return(who) => {
            let left = tenant.deleted_users();
            tenant.restore_user(&pick(&left, who));
        }
        Step::Found => {
            let members: Vec<&str> = users.iter().map(String::as_str).collect();
            tenant.add_group(&format!("Group {number}"), &members);
        }
        Step::Dissolve(group) => tenant.delete_group(&pick(&tenant.groups(), group)),
        Step::Member(group, who, is) => tenant.set_member(&pick(&tenant.groups(), group), &user(who), is),
        step => act_in_mailbox(tenant, number, &users, step),
    }
}

fn act_in_mailbox(tenant: &mut Tenant, number: usize, users: &[String], step: Step) {
    let user = |which: usize| pick(users, which);
    let contact = |tenant: &Tenant, who: usize, which| pick(&tenant.contacts(&user(who)), which);
    let event = |tenant: &Tenant, who: usize, which| pick(&tenant.events(&user(who)), which);
    match step {
        Step::Folder(who) => drop(tenant.add_folder(&user(who), &format!("Folder {number}"))),
        Step::DropFolder(who, which) => {
            let folder = pick(&tenant.folders(&user(who)), which);
            tenant.delete_folder(&user(who), &folder);
        }
        Step::Contact(who, which) => {
            let (name, address) = (format!("Contact {number}"), format!("c{number}@customer.example"));
            let folder = pick(&tenant.folders(&user(who)), which);
            tenant.add_contact(&user(who), Some(&folder), &name, &address);
        }
        Step::ChangeContact(who, which) => {
            let contact = contact(tenant, who, which);
            tenant.set_contact(&user(who), &contact, json!({"jobTitle": format!("Title {number}")}));
        }
        Step::MoveContact(who, which, to) => {
            let folder = pick(&tenant.folders(&user(who)), to);
            let contact = contact(tenant, who, which);
            tenant.move_contact(&user(who), &contact, &folder);
        }
        Step::DropContact(who, which) => {
            let contact = contact(tenant, who, which);
            tenant.delete_contact(&user(who), &contact);
        }
        Step::Meet(who, within) => {
            let dates = if within { WITHIN } else { BEYOND };
            tenant.add_event(
                &user(who),
                &format!("uid-{number}"),
                dates,
                json!({"subject": format!("Meeting {number}")}),
            );
        }
        Step::Postpone(who, which, within) => {
            let (start, end) = if within { WITHIN } else { BEYOND };
            let time = |at: &str| json!({"dateTime": format!("{at}.0000000"), "timeZone": "UTC"});
            let event = event(tenant, who, which);
            tenant.set_event(&user(who), &event, json!({"start": time(start), "end": time(end)}));
        }
        Step::Retitle(who, which) => {
            let event = event(tenant, who, which);
            tenant.set_event(&user(who), &event, json!({"subject": format!("Meeting {number}")}));
        }
        Step::CallOff(who, which) => {
            let event = event(tenant, who, which);
            tenant.delete_event(&user(who), &event);
        }
        Step::Close(who, is) => tenant.close_mailbox(&user(who), is),
        other => unreachable!("{other:?} is done elsewhere"),
    }
}

/// What is there, whether it can be read or not.
pub fn present(handle: &Handle) -> BTreeSet<Key> {
    handle.tenant(|tenant| {
        let mut present = BTreeSet::new();
        let key = |object: &str, key: &str| (object.to_owned(), key.to_owned());
        for user in tenant.users() {
            present.extend([key("users", &user), key("managers", &user)]);
            present.extend(tenant.contacts(&user).iter().map(|id| key("contacts", &format!("{user}/{id}"))));
            present.extend(tenant.events(&user).iter().map(|id| key("events", &format!("{user}/{id}"))));
        }
        present.extend(tenant.groups().iter().map(|id| key("groups", id)));
        present
    })
}

/// What a source tells that has never been asked before.
async fn real(mut source: Box<dyn Source>) -> BTreeMap<Key, Value> {
    let mut real = BTreeMap::new();
    for plan in source.connect().await.unwrap().plans {
        let feeds = source.feeds().unwrap();
        for part in feeds.parts(&plan.object).await.unwrap() {
            let mut from = None;
            loop {
                let changes = match feeds.changes(&plan.object, &part, from.as_ref()).await {
                    Err(SourceError::Permanent { code: PART_NOT_READABLE, .. }) => break,
                    changes => changes.unwrap(),
                };
                let record = |record: salescommand_connectors::Record| {
                    ((plan.object.to_string(), record.key), record.payload)
                };
                real.extend(changes.records.into_iter().map(record));
                match changes.then {
                    Then::More(next) => from = Some(next),
                    Then::Until(_) => break,
                    Then::Anew => panic!("a place that is new is not known"),
                }
            }
        }
    }
    real
}

/// Without what changes unmarked as people come and go: whose an address is, and that they are in groups.
fn marked(records: &BTreeMap<Key, Value>, away: &BTreeSet<Key>) -> BTreeMap<Key, Value> {
    let was_away = |id: &Value| away.contains(&("users".to_owned(), id.as_str().unwrap().to_owned()));
    let strip = |(key, payload): (&Key, &Value)| {
        let mut payload = payload.clone();
        let fields = payload.as_object_mut().unwrap();
        fields.retain(|name, _| name != "@organizer" && name != "@attendees");
        if let Some(Value::Array(members)) = fields.get_mut("members") {
            members.retain(|member| !was_away(member));
        }
        (key.clone(), payload)
    };
    records.iter().map(strip).collect()
}

/// Says where two states differ, and no more.
fn assert_same(said: &BTreeMap<Key, Value>, real: &BTreeMap<Key, Value>) {
    let keys: BTreeSet<&Key> = said.keys().chain(real.keys()).collect();
    let differing: Vec<_> = keys.into_iter().filter(|key| said.get(*key) != real.get(*key)).collect();
    let first = differing.first().map(|key| (said.get(*key), real.get(*key)));
    assert!(differing.is_empty(), "{differing:?}; the first is said to be, and is: {first:#?}");
}

/// Takes out what the log says of meetings beyond the dates: a fresh reading would not tell of them. They are there.
fn beyond(handle: &Handle, said: &mut BTreeMap<Key, Value>, real: &BTreeMap<Key, Value>) {
    let present = present(handle);
    said.retain(|key, payload| {
        let is_beyond = key.0 == "events" && !real.contains_key(key);
        if is_beyond {
            assert!(present.contains(key), "{key:?} is not there");
            let start = payload["start"]["dateTime"].as_str().unwrap();
            assert!(start.starts_with("2031"), "{key:?} should have been told: {payload}");
        }
        !is_beyond
    });
}

async fn the_log_says_what_the_tenant_has(steps: Vec<Step>) {
    let mut company = Company::open().await;
    for step in steps {
        company.take(step).await;
    }
    company.handle.faults().every(None);
    company.handle.tenant(|tenant| {
        for user in tenant.users() {
            tenant.close_mailbox(&user, false);
            tenant.set_user(&user, json!({"accountEnabled": true}));
        }
    });
    for full in [false, true] {
        company.run += 1;
        let run = company.sync(Demands { full, accept_deletions: true, ..Demands::default() }).await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        let real = real(company.source()).await;
        let mut said = company.said().await;
        beyond(&company.handle, &mut said, &real);
        if full {
            assert_same(&said, &real);
        } else {
            assert_same(&marked(&said, &company.deleted), &marked(&real, &company.deleted));
        }
        company.pass(60);
    }
    company.run += 1;
    let again = company.sync(Demands { full: true, ..Demands::default() }).await;
    assert_eq!((again.published, again.deleted), (0, 0), "a second full reading says nothing: {again:?}");
    company.assert_no_false_retraction().await;
    let documents = oracle::documents(&[company.raw().await], false).await;
    company.handle.tenant(|tenant| ms365_canonical::assert_same(&documents, tenant, "2031"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_that_left_the_dates_while_its_place_was_forgotten_is_told_with_its_new_ones() {
    let sync = Step::Sync { polls: None, same: false };
    let steps = vec![Step::Meet(0, true), sync, Step::Expire(Expiry::Gone), Step::Postpone(0, 0, false)];
    the_log_says_what_the_tenant_has(steps).await;
}

/// How most people leave: their account is disabled, and deleted some time later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_of_a_disabled_accounts_mailbox_goes_with_the_account() {
    let sync = Step::Sync { polls: None, same: false };
    let steps = vec![
        Step::Contact(0, 0),
        Step::Meet(0, true),
        sync.clone(),
        Step::Enable(0, false),
        sync,
        Step::Leave(0),
    ];
    the_log_says_what_the_tenant_has(steps).await;
}

/// A listing that one run began and the next one ends leaves out what has changed in between; what is told behind it does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_between_two_halves_of_a_listing_is_told_by_the_run_that_ends_it() {
    for polls in (0..150).step_by(3) {
        let mut steps = vec![Step::Hire; 6];
        steps.push(Step::Sync { polls: Some(polls), same: false });
        steps.extend((0..8).map(Step::Rename));
        the_log_says_what_the_tenant_has(steps).await;
    }
}

fn config() -> ProptestConfig {
    let cases = if std::env::var_os("SALESCOMMAND_FAULT_EVENTS").is_some() { 150 } else { 16 };
    ProptestConfig { cases, max_shrink_iters: 150, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_log_says_what_the_tenant_has_whatever_happens_and_wherever_a_sync_is_killed(
        steps in prop::collection::vec(step(), 10..60),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(the_log_says_what_the_tenant_has(steps));
    }
}
