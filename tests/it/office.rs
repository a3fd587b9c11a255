//! An office at work on an Odoo server: what happens there, whichever server it is.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use salescommand_connectors::{Extent, Reach, Record, Settings, Source, descriptor};
use salescommand_domain::raw::{Envelope, InstanceName, MergedAway, ObjectName, Operation, Payload};
use salescommand_domain::schedule::Selection;
use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{EventLog as _, Message};
use salescommand_ingest::{Demands, Options, Ports, Run, RunRequest, Trigger, run_once};
use salescommand_odoo_simulator::Level;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::oracle;

/// The user whom the connector signs in as.
pub const API: &str = "integration@salescommand.com";
/// The user's password.
pub const PASSWORD: &str = "secret";
/// What is read.
pub const OBJECTS: [&str; 5] = ["res.partner", "crm.lead", "mail.activity", "calendar.event", MESSAGES];
/// What of these is gone is looked for only when everything is read.
pub const MESSAGES: &str = "mail.message";
/// The longest that a transaction of the office takes.
pub const LONGEST: u64 = 200;

/// A record: its object and its key.
pub type Key = (String, String);

/// A server, as an administrator sees it.
pub trait Server {
    /// Where it is.
    fn url(&self) -> String;
    /// Its database.
    fn database(&self) -> &str;
    /// Ids of all records of an object, ascending.
    fn ids(&self, object: &str) -> Vec<i64>;
    /// Calls a method. What the server refuses, a person would hear of; here it is no step.
    fn call(&self, object: &str, method: &str, arguments: Value, named: Value) -> Option<Value>;
    /// Messages that somebody wrote. What the system notes, people do not delete; merges are told by it.
    fn written(&self) -> Vec<i64>;
    /// What a lead is called, if it is there.
    fn name_of(&self, lead: i64) -> Option<String>;
    /// Gives the API user other rights.
    fn set_level(&self, level: Level);
}

/// Something that happens at the server, or a sync.
#[derive(Debug, Clone)]
pub enum Step {
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

/// Any step.
pub fn step() -> impl Strategy<Value = Step> {
    let some = || 0_usize..40;
    let action = prop::sample::select(vec!["action_set_won", "action_set_lost", "action_unarchive"]);
    let post = prop::sample::select(vec!["comment", "email", "notification"]);
    let forgotten = prop::sample::select(vec![MESSAGES, "calendar.event"]);
    let level = prop::sample::select(vec![
        Level::OwnDocuments,
        Level::AllDocuments,
        Level::Internal,
        Level::Settings,
    ]);
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

/// Does a step at a server, other than one that takes time. `number` makes names that differ.
pub fn act(server: &impl Server, number: &mut usize, merges: &mut Merges, step: Step) {
    let pick = |object: &str, which: usize| one_of(&server.ids(object), which);
    let call = |object: &str, method: &str, arguments: Value| {
        let _ = server.call(object, method, arguments, json!({}));
    };
    match step {
        Step::Create(count) => {
            let rows: Vec<_> = (0..count).map(|_| name(number)).collect();
            call("crm.lead", "create", json!([rows]));
        }
        Step::Write(lead) => call("crm.lead", "write", json!([[pick("crm.lead", lead)], name(number)])),
        Step::Call(action, lead) => call("crm.lead", action, json!([[pick("crm.lead", lead)]])),
        Step::Archive(lead) => {
            call("crm.lead", "write", json!([[pick("crm.lead", lead)], {"active": false}]));
        }
        Step::Merge(one, other) => merges.merge(server, [pick("crm.lead", one), pick("crm.lead", other)]),
        Step::Unlink(lead) => call("crm.lead", "unlink", json!([[pick("crm.lead", lead)]])),
        Step::UnlinkPartner(partner) => {
            call("res.partner", "unlink", json!([[pick("res.partner", partner)]]));
        }
        Step::Plan(lead) => {
            let to_do = json!({"act_type_xmlid": "mail.mail_activity_data_todo"});
            let _ = server.call("crm.lead", "activity_schedule", json!([[pick("crm.lead", lead)]]), to_do);
        }
        Step::Finish(activity) => {
            call("mail.activity", "action_feedback", json!([[pick("mail.activity", activity)]]));
        }
        Step::Post(kind, lead) => {
            let values = json!({"body": "<p>x</p>", "message_type": kind});
            let _ = server.call("crm.lead", "message_post", json!([[pick("crm.lead", lead)]]), values);
        }
        Step::Meet(lead) => {
            let mut event = name(number);
            event["start"] = json!("2026-12-01 09:00:00");
            event["stop"] = json!("2026-12-01 10:00:00");
            event["opportunity_id"] = json!(pick("crm.lead", lead));
            call("calendar.event", "create", json!([event]));
        }
        Step::Forget(MESSAGES, which) => {
            call(MESSAGES, "unlink", json!([[one_of(&server.written(), which)]]));
        }
        Step::Forget(object, which) => call(object, "unlink", json!([[pick(object, which)]])),
        Step::Level(level) => server.set_level(level),
        Step::Begin { .. } | Step::Sync { .. } => unreachable!("a step that takes time"),
    }
}

/// One of some records; where there is none, one that is not there.
pub fn one_of(ids: &[i64], which: usize) -> i64 {
    ids.get(which % ids.len().max(1)).copied().unwrap_or_default()
}

/// A lead that went into another one.
struct Merge {
    gone: i64,
    into: i64,
    /// What it was called then.
    name: String,
}

/// Leads that went into others.
#[derive(Default)]
pub struct Merges(Vec<Merge>);

impl Merges {
    /// Merges leads; what the server refuses is no merge.
    fn merge(&mut self, server: &impl Server, leads: [i64; 2]) {
        let before = leads.map(|lead| server.name_of(lead));
        let _ = server.call("crm.lead", "merge_opportunity", json!([leads]), json!({}));
        let after = leads.map(|lead| server.name_of(lead));
        let Some(into) = (0..2).find(|place| after[*place].is_some()).map(|place| leads[place]) else {
            return;
        };
        for (place, name) in before.into_iter().enumerate().filter(|(place, _)| after[*place].is_none()) {
            self.0.extend(name.map(|name| Merge { gone: leads[place], into, name }));
        }
    }

    /// Where a lead went, and where that one went then.
    fn heirs(&self, lead: i64) -> Vec<i64> {
        let next = |lead: &i64| self.0.iter().find(|merge| merge.gone == *lead).map(|merge| merge.into);
        std::iter::successors(next(&lead), next).collect()
    }

    /// Holds the deletions of leads in the log, from the one behind so many events on, against what happened: no deletion
    /// says that it was a merge; where `proven`, each merge whose traces could be read says into which lead.
    pub async fn check(&self, server: &impl Server, log: &MemoryLog, seen: usize, proven: bool) {
        let events = events(log).await;
        for (place, event) in events.iter().enumerate().skip(seen) {
            if event.operation != Operation::Delete || event.object.as_str() != "crm.lead" {
                continue;
            }
            let lead: i64 = event.key.parse().unwrap();
            let said = MergedAway::of(&event.payload).map(|away| away.merged_into.parse::<i64>().unwrap());
            let heirs = self.heirs(lead);
            assert!(
                said.is_none_or(|into| heirs.contains(&into)),
                "{lead} went into {heirs:?}, not {said:?}"
            );
            let same = |before: &&Envelope| (&before.object, &before.key) == (&event.object, &event.key);
            let before = events[..place].iter().rev().find(same);
            let name = match before.map(|before| &before.payload) {
                Some(Payload::Inline(payload)) => payload["name"].as_str().unwrap_or_default(),
                _ => "",
            };
            // A name that was never read, a heir that is gone as well, and a right that is missing leave no trace.
            let is_called = self.0.iter().any(|merge| merge.gone == lead && merge.name == name);
            let heir = heirs.last().copied().filter(|heir| server.name_of(*heir).is_some());
            if is_called && proven && heir.is_some() {
                assert_eq!(said, heir, "{lead} {name:?}");
            }
        }
    }
}

/// Values of a record that has a name of its own.
pub fn name(number: &mut usize) -> Value {
    *number += 1;
    json!({"name": format!("Number {number}")})
}

/// What is there.
pub fn present(server: &impl Server) -> BTreeSet<Key> {
    let of = |object: &&str| {
        let ids = server.ids(object);
        ids.into_iter().map(|id| ((*object).to_owned(), id.to_string())).collect::<Vec<_>>()
    };
    OBJECTS.iter().flat_map(of).collect()
}

/// The connector at a server.
pub fn source(server: &impl Server, further: &[(&str, &str)]) -> Box<dyn Source> {
    let url = server.url();
    let plain = [("url", url.as_str()), ("database", server.database()), ("login", API), ("page_size", "9")];
    let plain = plain.iter().chain(further).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let settings = Settings { plain: plain.collect(), secret: PASSWORD.to_owned().into(), reach: Reach::Any };
    descriptor("odoo").unwrap().open.unwrap()(settings).unwrap()
}

/// Syncs what the office works on.
pub async fn sync(ports: &Ports, number: u128, full: bool, source: Box<dyn Source>) -> Run {
    let objects = OBJECTS.iter().map(|object| ObjectName::new(*object).unwrap()).collect();
    sync_these(ports, number, Selection::only(objects), full, source).await
}

/// Syncs some objects.
pub async fn sync_these(
    ports: &Ports,
    number: u128,
    selection: Selection,
    full: bool,
    source: Box<dyn Source>,
) -> Run {
    let request = RunRequest {
        run_id: Uuid::from_u128(number),
        instance: InstanceName::new("odoo").unwrap(),
        connector: "odoo".to_owned(),
        selection,
        demands: Demands { full, ..Demands::default() },
        trigger: Trigger::Schedule,
    };
    let stop = CancellationToken::new();
    run_once(ports, &request, source, Options::default(), &stop).await.unwrap().record.run
}

/// Every raw event; none before the first sync.
pub async fn events(log: &MemoryLog) -> Vec<Envelope> {
    if log.stream("RAW_ODOO_E1").await.unwrap().is_none() {
        return Vec::new();
    }
    let messages = oracle::messages(log, "RAW_ODOO_E1").await;
    let event = |message: Message| Envelope::decode(&message.payload, message.content_type.as_deref());
    messages.into_iter().map(|message| event(message).unwrap()).collect()
}

/// What the log says is there.
pub async fn said(log: &MemoryLog) -> BTreeMap<Key, Value> {
    let mut said = BTreeMap::new();
    for event in events(log).await {
        let record = (event.object.to_string(), event.key);
        match (event.operation, event.payload) {
            (Operation::Upsert, Payload::Inline(payload)) => drop(said.insert(record, payload)),
            _ => drop(said.remove(&record)),
        }
    }
    said
}

/// What the server has, read in one go.
pub async fn real(mut source: Box<dyn Source>) -> BTreeMap<Key, Value> {
    let mut real = BTreeMap::new();
    for plan in source.connect().await.unwrap().plans {
        if !OBJECTS.contains(&plan.object.as_str()) {
            continue;
        }
        let mut from = None;
        loop {
            let page = source.page(&plan.object, Extent::All, from.as_ref()).await.unwrap();
            let record = |record: Record| ((plan.object.to_string(), record.key), record.payload);
            real.extend(page.records.into_iter().map(record));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
    }
    real
}

/// Whether two states of a record of an object agree but for what changes without a mark: references to what was deleted, and
/// texts of other records. To which lead activities and messages belong is changed by merging leads only, and marked.
fn agree(object: &str, said: &Value, real: &Value) -> bool {
    const UNMARKED: [&str; 9] = [
        "partner_id",
        "parent_id",
        "commercial_partner_id",
        "res_name",
        "display_name",
        "request_partner_id",
        "author_id",
        "opportunity_id",
        "partner_ids",
    ];
    let marked = |value: &Value| {
        let mut fields = value.as_object().unwrap().clone();
        let unmarked =
            |field: &str| UNMARKED.contains(&field) || field == "res_id" && object == "calendar.event";
        fields.retain(|field, _| !unmarked(field));
        fields
    };
    marked(said) == marked(real)
}

/// Asserts that what is said is what there is, but for what changes without a mark. A message that was moved by a merge while
/// the user's rights were limited is read again with everything, and not before.
pub async fn assert_same_but_for_the_unmarked(log: &MemoryLog, source: Box<dyn Source>, was_limited: bool) {
    let (mut said, mut real) = (said(log).await, real(source).await);
    // A message that is gone may still be said to be there.
    said.retain(|record, _| record.0 != MESSAGES || real.contains_key(record));
    real.retain(|record, _| record.0 != MESSAGES || said.contains_key(record));
    assert!(
        said.keys().eq(real.keys()),
        "said and not there: {:?}; there and not said: {:?}",
        said.keys().filter(|record| !real.contains_key(record)).collect::<Vec<_>>(),
        real.keys().filter(|record| !said.contains_key(record)).collect::<Vec<_>>(),
    );
    let told = |record: &Key| record.0 != MESSAGES || !was_limited;
    for (record, payload) in said.iter().filter(|(record, _)| told(record)) {
        assert!(agree(&record.0, payload, &real[record]), "{record:?}\n{payload}\n{}", real[record]);
    }
}

/// Asserts that nothing was said to be gone that was not.
pub async fn assert_no_false_retraction(log: &MemoryLog, deleted: &BTreeSet<Key>) {
    let events = events(log).await.into_iter();
    let gone = events.filter(|event| event.operation == Operation::Delete);
    let retracted: BTreeSet<_> = gone.map(|event| (event.object.to_string(), event.key)).collect();
    assert!(retracted.is_subset(deleted), "{:?}", retracted.difference(deleted));
}
