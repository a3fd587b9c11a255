//! What people did in an office on an Odoo server, as canonical activities: done when and by whom, and told once.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::{
    Activity, ActivityKind, ActivityState, FacetId, Golden, GoldenBody, SourceRef,
};
use salescommand_domain::raw::{InstanceName, ObjectName, Position, RawPosition};
use salescommand_ingest::RunState;
use salescommand_normalizer::RawMessage;
use serde_json::{Value, json};

use crate::odoo_changes::Office;
use crate::oracle::Compared;
use crate::{oracle, recompute};

const ADMIN: &str = "admin";
const SELLER: &str = "krishna@securado.net";

/// Types of activities: kept in Odoo's archive when done, and deleted.
const CALL: i64 = 2;
const TO_DO: i64 = 4;

fn instance() -> InstanceName {
    InstanceName::new("odoo").unwrap()
}

pub(crate) fn facet(object: &str, id: i64) -> FacetId {
    let object = ObjectName::new(object).unwrap();
    SourceRef { instance: instance(), object, key: id.to_string() }.facet_id()
}

impl Office {
    pub(crate) fn done(&self, login: &str, object: &str, method: &str, arguments: Value) -> Value {
        self.handle.data().call(login, (object, method), arguments, json!({})).unwrap()
    }

    pub(crate) fn plan(&self, lead: i64, more: Value) -> i64 {
        let model = self.done(ADMIN, "ir.model", "search", json!([[["model", "=", "crm.lead"]]]));
        let mut values = json!({"res_model_id": model[0], "res_id": lead, "summary": "Planned"});
        values.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.done(ADMIN, "mail.activity", "create", json!([values])).as_i64().unwrap()
    }

    /// When a message says that something was done, to the second, as it is sent.
    fn said_at(&self, message: i64) -> Timestamp {
        let row = self.handle.data().row("mail.message", message).unwrap();
        Timestamp::from_second(row.get("date").as_instant().unwrap().as_second()).unwrap()
    }

    /// Every document that the log comes to.
    pub(crate) async fn documents(&self) -> Compared {
        let messages = oracle::messages(&self.log, "RAW_ODOO_E1").await.into_iter().map(|message| {
            let position = Position { epoch: 1, sequence: message.sequence };
            RawMessage { raw: RawPosition { instance: instance(), position }, message }
        });
        let messages: Vec<_> = messages.collect();
        let documents = oracle::documents(std::slice::from_ref(&messages), false).await;
        oracle::assert_same(&recompute::documents(&messages), &documents);
        documents
    }

    /// The canonical activities about a lead that are there, by the object and key of their record.
    pub(crate) async fn activities(&self, lead: i64) -> BTreeMap<(String, i64), Activity> {
        let documents = self.documents().await;
        let about = facet("crm.lead", lead);
        let activity = |bytes: &Vec<u8>| {
            let golden: Golden = bson::deserialize_from_slice(bytes).unwrap();
            let GoldenBody::Activity(activity) = golden.body else { panic!("{:?}", golden.body) };
            let source = golden.facets[0].source.clone();
            let is_meant = !golden.deleted && activity.related.is_some_and(|related| related.id == about);
            is_meant.then(|| ((source.object.to_string(), source.key.parse().unwrap()), activity))
        };
        documents["canonical_activities_g1"].values().filter_map(activity).collect()
    }

    pub(crate) async fn next_sync(&mut self, full: bool) -> u64 {
        self.pass(400);
        self.run += 1;
        let run = self.sync(full).await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        run.published
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_is_done_by_whoever_did_it_and_told_once() {
    let mut office = Office::open().await;
    let seller = office.handle.data().user(SELLER).unwrap();
    let theirs = json!([{"name": "Busy", "user_id": seller}]);
    let lead = office.done(ADMIN, "crm.lead", "create", theirs).as_i64().unwrap();
    let planned = [CALL, TO_DO].map(|kind| office.plan(lead, json!({"activity_type_id": kind})));
    office.next_sync(false).await;
    let open = office.activities(lead).await;
    assert_eq!(open.len(), 2);
    assert!(open.values().all(|activity| activity.state == ActivityState::Open));

    office.pass(3_600);
    let began = office.handle.clock().now();
    // The administrator's activities, done by somebody else.
    let told = planned.map(|activity| {
        office.done(SELLER, "mail.activity", "action_feedback", json!([[activity]])).as_i64().unwrap()
    });
    office.next_sync(false).await;
    let done = office.activities(lead).await;
    let keys: Vec<_> = done.keys().map(|(object, key)| (object.as_str(), *key)).collect();
    assert_eq!(keys, told.map(|message: i64| ("mail.message", message)), "each once, kept in Odoo or not");
    for ((activity, message), kind) in done.values().zip(told).zip([ActivityKind::Call, ActivityKind::Task]) {
        let at = activity.done_at.unwrap();
        assert_eq!((activity.state, activity.activity_kind), (ActivityState::Done, kind));
        assert_eq!(at, office.said_at(message));
        assert!(at.duration_since(began).unsigned_abs().as_secs() <= 10, "{at} {began}");
        assert_eq!(activity.done_on, Some(at.to_zoned(TimeZone::UTC).date()));
        assert_eq!(activity.owner, Some(facet("res.users", seller)));
    }
    assert_eq!(office.next_sync(true).await, 0, "a full sync publishes nothing");
    assert_eq!(office.activities(lead).await, done);

    // Messages go with their lead, and what was done goes when everything is read.
    office.done(ADMIN, "crm.lead", "unlink", json!([[lead]]));
    office.next_sync(false).await;
    assert_eq!(office.activities(lead).await, done, "not yet");
    office.next_sync(true).await;
    assert!(office.activities(lead).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customers_mail_is_nobodys_and_a_planned_meeting_is_its_event() {
    let mut office = Office::open().await;
    let lead = office.done(ADMIN, "crm.lead", "create", json!([{"name": "Busy"}])).as_i64().unwrap();
    let customer = office.done(ADMIN, "res.partner", "create", json!([{"name": "Lena"}])).as_i64().unwrap();
    let mail = json!([{
        "message_type": "email", "subject": "Offer?", "author_id": customer, "model": "crm.lead", "res_id": lead,
        "date": "2026-11-20 09:00:00",
    }]);
    let mail = office.done(ADMIN, "mail.message", "create", mail).as_i64().unwrap();
    let meeting = json!([{
        "name": "Demo", "start": "2026-12-01 09:00:00", "stop": "2026-12-01 10:30:00", "opportunity_id": lead,
        "partner_ids": [[6, 0, [customer]]],
    }]);
    let meeting = office.done(ADMIN, "calendar.event", "create", meeting).as_i64().unwrap();
    office.plan(lead, json!({"activity_type_id": 3, "calendar_event_id": meeting}));
    office.next_sync(false).await;
    let found = office.activities(lead).await;
    assert_eq!(found.len(), 2, "{found:#?}");
    let mail = &found[&("mail.message".to_owned(), mail)];
    assert_eq!((mail.activity_kind, mail.subject.as_str()), (ActivityKind::Email, "Offer?"));
    assert_eq!(mail.done_at.unwrap().to_string(), "2026-11-20T09:00:00Z");
    assert_eq!((mail.owner, &mail.participants), (None, &vec![facet("res.partner", customer)]));
    let meeting = &found[&("calendar.event".to_owned(), meeting)];
    assert_eq!((meeting.activity_kind, meeting.state), (ActivityKind::Meeting, ActivityState::Open));
    assert_eq!(meeting.starts_at.unwrap().to_string(), "2026-12-01T09:00:00Z");
    assert_eq!(meeting.participants, [facet("res.partner", customer)]);
}
