//! Rejects over HTTP: filters, pages, counts, the raw event, and decisions.

use bytes::Bytes;
use salescommand_domain::access::Role;
use salescommand_domain::canonical::QuarantineAction;
use salescommand_domain::raw::{InstanceName, raw_stream, raw_subject_filter};
use salescommand_eventlog::{EventLog, Outgoing, StreamSpec};
use salescommand_store::{Batch, Documents, Operation, Write, quarantine_collection};
use serde_json::json;

use crate::world::World;

/// Five rejects of two sources; the first is the raw event `odoo/1/1`.
async fn world() -> World {
    let world = World::furnished().await;
    let rejects = [
        ("odoo/1/1", "wrong_type", "open"),
        ("odoo/1/2", "missing_field", "open"),
        ("odoo/1/3", "wrong_type", "superseded"),
        ("odoo-eu/1/1", "wrong_type", "open"),
        ("odoo/1/4", "from_the_future", "open"),
    ];
    let writes = rejects.map(|(id, reason, state)| {
        let (instance, sequence) = (id.split('/').next().unwrap(), id.rsplit('/').next().unwrap());
        let document = bson::rawdoc! {
            "_id": id, "raw": { "instance": instance, "epoch": 1_i64, "sequence": sequence.parse::<i64>().unwrap() },
            "subject": format!("raw.{instance}.crm=2Elead.{sequence}"), "reason": reason, "path": "/name",
            "detail": "expected a text, found 7", "state": state,
        };
        Write { collection: quarantine_collection(1), id: id.into(), operation: Operation::Insert(document) }
    });
    let stored = Documents::position(&world.store, "normalizer_g1").await.unwrap().unwrap();
    let (consumer, position) = ("normalizer_g1".to_owned(), stored.position);
    let batch = Batch { consumer, expected_revision: stored.revision, position, writes: writes.into() };
    world.store.commit(batch).await.unwrap();
    let instance = InstanceName::new("odoo").unwrap();
    let stream = raw_stream(&instance, 1);
    let spec = StreamSpec {
        name: stream.clone(),
        subjects: vec![raw_subject_filter(&instance)],
        immutable: true,
        max_bytes: None,
        duplicate_window: std::time::Duration::from_secs(1),
    };
    world.log.ensure_stream(&spec).await.unwrap();
    let event = Outgoing {
        subject: "raw.odoo.crm=2Elead.1".into(),
        message_id: None,
        expected_last_sequence: None,
        content_type: Some("application/json"),
        payload: Bytes::from(json!({"key": "1", "payload": {"inline": {"name": 7}}}).to_string()),
    };
    world.log.publish(&stream, vec![event]).await.unwrap();
    world
}

#[tokio::test]
async fn rejects_are_listed_by_state_source_and_reason_with_counts() {
    let world = world().await;
    let mut chief = world.signed_in(Role::SuperAdmin).await;
    let page = chief.get("/api/data-lake/quarantine?state=open&limit=2").await.json();
    assert_eq!(page["items"][0]["id"], "odoo-eu/1/1");
    assert_eq!(page["items"][1]["reason"], "wrong_type");
    let counts = json!([{"reason": "missing_field", "count": 1}, {"reason": "wrong_type", "count": 2}, {"reason": "other", "count": 1}]);
    assert_eq!(page["counts"], counts);
    let next = page["next_cursor"].as_str().unwrap();
    let page = chief.get(&format!("/api/data-lake/quarantine?state=open&limit=2&cursor={next}")).await.json();
    assert_eq!((&page["items"][0]["id"], &page["next_cursor"]), (&json!("odoo/1/2"), &json!(null)));
    let page = chief.get("/api/data-lake/quarantine?source=odoo&reason=wrong_type").await.json();
    let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, ["odoo/1/1", "odoo/1/3"]);
    for wrong in ["state=lost", "limit=0", "cursor=x", "source=A%20B"] {
        chief.get(&format!("/api/data-lake/quarantine?{wrong}")).await.problem(400, "malformed-query");
    }
}

#[tokio::test]
async fn a_reject_is_shown_with_its_raw_event() {
    let world = world().await;
    let mut chief = world.signed_in(Role::SuperAdmin).await;
    let shown = chief.get("/api/data-lake/quarantine/odoo/1/1").await.json();
    assert_eq!(shown["reject"]["detail"], "expected a text, found 7");
    assert_eq!(shown["event"]["envelope"]["payload"]["inline"]["name"], 7);
    let shown = chief.get("/api/data-lake/quarantine/odoo-eu/1/1").await.json();
    assert_eq!((&shown["event"], &shown["event_missing"]), (&json!(null), &json!("epoch_nowhere")));
    let shown = chief.get("/api/data-lake/quarantine/odoo/1/2").await.json();
    assert_eq!((&shown["event"], &shown["event_missing"]), (&json!(null), &json!("not_in_epoch")));
    chief.get("/api/data-lake/quarantine/odoo/1/9").await.problem(404, "reject-unknown");
    chief.get("/api/data-lake/quarantine/Odoo/1/9").await.problem(404, "reject-unknown");
}

#[tokio::test]
async fn decisions_are_published_and_their_outcome_is_told() {
    let world = world().await;
    let mut chief = world.signed_in(Role::SuperAdmin).await;
    let nothing = json!({});
    let retried = chief.post("/api/data-lake/quarantine/odoo/1/1/retry", &nothing).await.json();
    assert_eq!(retried, json!({"outcome": "accepted", "reject": null}));
    chief.post("/api/data-lake/quarantine/odoo/1/1/retry", &nothing).await.problem(404, "reject-unknown");
    let waive = "/api/data-lake/quarantine/odoo/1/2/waive";
    chief.post(waive, &json!({"reason": "  "})).await.problem(422, "invalid-fields");
    let waived = chief.post(waive, &json!({"reason": "a test record"})).await.json();
    assert_eq!((&waived["outcome"], &waived["reject"]["note"]), (&json!("waived"), &json!("a test record")));
    world.verdicts.normalizer.off();
    let pending = chief.post("/api/data-lake/quarantine/odoo/1/4/retry", &nothing).await.json();
    assert_eq!(pending, json!({"outcome": "pending", "reject": null}));
    let taken = world.verdicts.taken.lock().unwrap().clone();
    let expected = [QuarantineAction::Retry, QuarantineAction::Waive, QuarantineAction::Retry];
    assert_eq!(taken.iter().map(|verdict| verdict.action).collect::<Vec<_>>(), expected);
    assert!(taken.iter().all(|verdict| !verdict.author.is_empty()));
}
