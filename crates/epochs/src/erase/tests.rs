//! Erasing a person over archives, sealed and open epochs, with a crash at every place.

use std::collections::BTreeMap;

use salescommand_domain::Timestamp;
use salescommand_domain::canonical::SourceRef;
use salescommand_domain::raw::{
    Envelope, FORMAT_VERSION, InstanceName, ObjectName, Operation, Payload, raw_stream,
};
use salescommand_eventlog::memory::{MemoryLog, abort_after};
use salescommand_eventlog::{
    Administration as _, EventLog as _, Outgoing, StoredMessage, StoredReader as _, StreamSpec, StreamState,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    Chain, Error, FolderArchives, NoArchives, archive, covered, delete, heads_through, open_newest, seal,
};

/// What must be found nowhere afterwards.
const TRACES: [&str; 6] =
    ["ann@example.com", "Ann Example", "+49 170 5551234", "Rosenweg", "ann=40example", "annie@home.test"];

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn request(subject: &str, id: u128) -> Request<'static> {
    Request {
        subject: Subject::parse(subject).unwrap(),
        by: "operator".to_owned(),
        id: Uuid::from_u128(id),
        salt: format!("salt {id}"),
        now: &now,
    }
}

fn envelope(instance: &str, object: &str, key: &str, subjects: &[&str], payload: Value) -> Envelope {
    Envelope {
        format: FORMAT_VERSION,
        event_id: Uuid::from_u128(payload.to_string().len() as u128),
        instance: InstanceName::new(instance).unwrap(),
        connector: "odoo".into(),
        object: ObjectName::new(object).unwrap(),
        key: key.to_owned(),
        operation: Operation::Upsert,
        source_modified: None,
        observed: now(),
        run_token: 3,
        payload_schema: 1,
        subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        payload: Payload::Inline(payload),
    }
}

/// Erases and writes the receipt at once.
async fn erased(log: &MemoryLog, archives: &FolderArchives, request: Request<'_>) -> Result<Receipt, Error> {
    erase(log, archives, request).await?.finish().await
}

async fn publish(log: &MemoryLog, envelope: &Envelope, as_json: bool) {
    let chain = open_newest(log, &envelope.instance).await.unwrap();
    let payload =
        if as_json { serde_json::to_vec(envelope).unwrap() } else { envelope.to_msgpack().unwrap() };
    let outgoing = Outgoing {
        subject: envelope.subject(),
        message_id: Some(format!("{}-{}", envelope.event_id, envelope.key)),
        expected_last_sequence: None,
        content_type: Some(if as_json { "application/json" } else { "application/msgpack" }),
        payload: payload.into(),
    };
    log.publish(&chain.newest().unwrap().status.name, vec![outgoing]).await.unwrap();
}

fn ann(version: u32) -> Envelope {
    let payload = json!({
        "id": 17, "name": "Ann Example", "display_name": "Acme, Ann Example", "email": "Ann@Example.com",
        "phone": "+49 170 5551234", "street": "Rosenweg 3", "lang": "en_US", "active": true, "version": version,
    });
    envelope("odoo", "res.partner", "17", &["ann@example.com", "res.partner:17"], payload)
}

fn bob() -> Envelope {
    let payload = json!({"id": 18, "name": "Bob Example", "email": "bob@example.com", "comment": "reports to Ann Example"});
    envelope("odoo", "res.partner", "18", &["bob@example.com", "res.partner:18"], payload)
}

fn deal() -> Envelope {
    let payload = json!({
        "id": 5, "name": "Pumps for Acme", "partner_id": [17, "Acme, Ann Example"], "email_from": "bob@example.com",
        "expected_revenue": 1200.5, "description": "Ann Example and Bob Example, ann@example.com", "stage_id": [1, "New"],
    });
    envelope("odoo", "crm.lead", "5", &["bob@example.com", "res.partner:17"], payload)
}

/// A chain of three epochs: archived and deleted, sealed, open; and a configuration log.
async fn bench(folder: &tempfile::TempDir) -> (MemoryLog, FolderArchives) {
    let log = MemoryLog::new();
    let archives = FolderArchives::new(folder.path());
    let odoo = InstanceName::new("odoo").unwrap();
    publish(&log, &ann(1), false).await;
    publish(&log, &bob(), false).await;
    seal(&log, &NoArchives, &odoo).await.unwrap();
    archive(&log, &archives, &odoo, 1, now()).await.unwrap();
    delete(&log, &archives, &odoo, 1).await.unwrap();
    publish(&log, &deal(), false).await;
    let alone = json!({"id": 6, "name": "Valves", "contact_name": "Annie", "email_from": "ann@example.com", "probability": 20});
    publish(&log, &envelope("odoo", "crm.lead", "6", &["ann@example.com"], alone), true).await;
    seal(&log, &archives, &odoo).await.unwrap();
    publish(&log, &ann(2), false).await;
    let user = json!({"id": 9, "login": "annie@home.test", "name": "Ann Example"});
    let subjects = ["annie@home.test", "res.partner:17", "res.users:9"];
    publish(&log, &envelope("odoo", "res.users", "9", &subjects, user), false).await;
    publish(&log, &envelope("odoo", "res.company", "1", &[], json!({"name": "Acme"})), false).await;
    let unreadable = Outgoing {
        subject: "raw.odoo.mail.1".to_owned(),
        message_id: None,
        expected_last_sequence: None,
        content_type: None,
        payload: "garbage of ann@example.com".into(),
    };
    log.publish("RAW_ODOO_E3", vec![unreadable]).await.unwrap();
    let person = json!({"email": "ann@example.com", "manager_email": "chief@example.com"});
    publish(&log, &envelope("config", "person", "ann@example.com", &["ann@example.com"], person), false)
        .await;
    (log, archives)
}

/// Everything in the raw zone, by epoch: from the broker, and from the archives where only they have it.
async fn everything(log: &MemoryLog, archives: &FolderArchives) -> BTreeMap<String, Vec<StoredMessage>> {
    let limit = salescommand_eventlog::BatchLimit {
        messages: 1_000,
        bytes: 1 << 20,
        wait: std::time::Duration::ZERO,
    };
    let mut found = BTreeMap::new();
    for manifest in archives.manifests().await.unwrap() {
        let mut reader = archives.open(&manifest, 0).await.unwrap();
        found.insert(manifest.stream.clone(), reader.next_stored(limit).await.unwrap());
    }
    for status in log.streams("").await.unwrap() {
        let mut reader = log.read_stored(&status.name, 0).await.unwrap();
        found.insert(status.name, reader.next_stored(limit).await.unwrap());
    }
    found
}

fn traces(stored: &BTreeMap<String, Vec<StoredMessage>>) -> Vec<String> {
    let mut found = Vec::new();
    for (stream, messages) in stored {
        for message in messages {
            let text = format!("{} {:?}", message.message.subject, message.message_id);
            let text = text + &String::from_utf8_lossy(&message.message.payload);
            let hit = TRACES.iter().find(|trace| text.to_lowercase().contains(&trace.to_lowercase()));
            found.extend(hit.map(|trace| format!("{stream}/{}: {trace}", message.message.sequence)));
        }
    }
    found
}

/// A payload with every string replaced by one word: what must not change.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => json!("text"),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        other => other.clone(),
    }
}

fn inline(stored: &StoredMessage) -> Option<(Envelope, Value)> {
    let envelope = Envelope::decode(&stored.message.payload, stored.message.content_type.as_deref()).ok()?;
    match envelope.payload.clone() {
        Payload::Inline(payload) => Some((envelope, payload)),
        Payload::Stored(_) => None,
    }
}

fn assert_only_strings_changed(
    before: &BTreeMap<String, Vec<StoredMessage>>,
    after: &BTreeMap<String, Vec<StoredMessage>>,
) {
    for (stream, old) in before.iter().filter(|(stream, _)| stream.starts_with("RAW_")) {
        let new = &after[stream];
        assert_eq!(old.len(), new.len(), "{stream}");
        for (old, new) in old.iter().zip(new) {
            assert_eq!((old.message.sequence, old.stored_at), (new.message.sequence, new.stored_at));
            assert_eq!(old.message.content_type, new.message.content_type);
            let (Some((old, old_payload)), Some((new, new_payload))) = (inline(old), inline(new)) else {
                continue;
            };
            assert_eq!(shape(&old_payload), shape(&new_payload));
            let kept =
                |e: &Envelope| (e.event_id, e.instance.clone(), e.object.clone(), e.observed, e.run_token);
            assert_eq!(kept(&old), kept(&new));
            if old.instance.as_str() != "config" {
                assert_eq!(old.key, new.key);
            }
        }
    }
}

#[tokio::test]
async fn a_person_is_gone_from_every_epoch_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let (log, archives) = bench(&folder).await;
    let before = everything(&log, &archives).await;
    assert!(traces(&before).len() > 6);
    let receipt = erased(&log, &archives, request("Ann@example.com", 1)).await.unwrap();
    let after = everything(&log, &archives).await;
    assert_eq!(traces(&after), Vec::<String>::new());
    assert_only_strings_changed(&before, &after);

    // The second person of the same event, and who has nothing to do with it, is still readable.
    let (_, deal) = inline(&after["RAW_ODOO_E2"][0]).unwrap();
    assert_eq!((&deal["email_from"], &deal["name"]), (&json!("bob@example.com"), &json!("Pumps for Acme")));
    assert!(deal["description"].as_str().unwrap().contains("Bob Example"), "{deal}");
    let (_, bob) = inline(&after["RAW_ODOO_E1"][1]).unwrap();
    assert_eq!((&bob["name"], &bob["email"]), (&json!("Bob Example"), &json!("bob@example.com")));
    assert_eq!(inline(&after["RAW_ODOO_E3"][2]).unwrap().1["name"], "Acme");
    // One string has one word, so records that shared an address still do; enumerations are no strings of hers.
    let (_, first) = inline(&after["RAW_ODOO_E1"][0]).unwrap();
    let (lead, lead_payload) = inline(&after["RAW_ODOO_E2"][1]).unwrap();
    assert_eq!((&first["email"], &first["lang"]), (&lead_payload["email_from"], &json!("en_US")));
    assert_eq!(lead.subjects, [first["email"].as_str().unwrap()]);
    let (config, person) = inline(&after["RAW_CONFIG_E1"][0]).unwrap();
    assert_eq!((&config.key, &person["manager_email"]), (&lead.subjects[0], &json!("chief@example.com")));
    assert_eq!(after["RAW_CONFIG_E1"][0].message.subject, config.subject());

    // The receipt names nobody, and is all that is left of the work.
    let epochs: Vec<_> = receipt.epochs.iter().map(|e| (e.instance.as_str(), e.epoch, e.redacted)).collect();
    assert_eq!(epochs, [("config", 1, 1), ("odoo", 1, 2), ("odoo", 2, 2), ("odoo", 3, 3)]);
    assert!(receipt.epochs.iter().all(|epoch| epoch.sha256_before != epoch.sha256_after));
    assert_eq!(receipts(&log).await.unwrap(), std::slice::from_ref(&receipt));
    assert!(log.stream("ERASURE_WORK").await.unwrap().is_none());
    assert_eq!((receipt.came_back, receipt.by.as_str()), (0, "operator"));
    // Only what was archived is.
    let archived: Vec<_> = archives.manifests().await.unwrap().into_iter().map(|m| m.stream).collect();
    assert_eq!(archived, ["RAW_ODOO_E1"]);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 2, "one file and one manifest");
    for chain in Chain::all(&log).await.unwrap() {
        assert_eq!(chain.newest().unwrap().status.state, StreamState::Open);
    }
}

#[tokio::test]
async fn what_was_changed_is_told_and_the_receipt_is_completed_later() {
    let folder = tempfile::tempdir().unwrap();
    let (log, archives) = bench(&folder).await;
    let canonical = StreamSpec {
        name: "CANONICAL_G4".to_owned(),
        subjects: vec!["canonical.g4.>".to_owned()],
        immutable: true,
        max_bytes: None,
        duplicate_window: std::time::Duration::from_secs(1),
    };
    log.ensure_stream(&canonical).await.unwrap();
    let facet = |instance: &str, object: &str, key: &str| {
        let (instance, object) = (InstanceName::new(instance).unwrap(), ObjectName::new(object).unwrap());
        SourceRef { instance, object, key: key.to_owned() }.facet_id()
    };
    let erased = erase(&log, &archives, request("ann@example.com", 1)).await.unwrap();
    let changed = erased.changed.clone();
    for record in [("res.partner", "17"), ("res.partner", "18"), ("crm.lead", "5"), ("res.users", "9")] {
        assert!(changed.records.contains(&facet("odoo", record.0, record.1)), "{record:?}");
    }
    assert!(!changed.records.contains(&facet("odoo", "res.company", "1")));
    assert_eq!(changed.renamed.len(), 2, "the record that was keyed by the address, before and since");
    assert!(changed.renamed.contains(&facet("config", "person", "ann@example.com")));
    assert_eq!(changed.events, ["odoo/3/4".parse().unwrap()].into(), "the one that nobody can read");

    // Taken up again before the receipt is written, it tells the same.
    let again = erase(&log, &archives, request("ann@example.com", 2)).await.unwrap();
    assert_eq!((again.receipt.id, &again.changed), (Uuid::from_u128(1), &changed));
    let receipt = again.finish().await.unwrap();
    assert_eq!((receipt.to_rebuild.as_slice(), receipt.complete_at), (["g4".to_owned()].as_slice(), None));
    assert_eq!(receipts(&log).await.unwrap(), std::slice::from_ref(&receipt));
    for second in [5, 9] {
        complete(&log, receipt.id, Timestamp::from_second(second).unwrap()).await.unwrap();
    }
    let complete_at = Some(Timestamp::from_second(5).unwrap());
    assert_eq!(receipts(&log).await.unwrap(), [Receipt { complete_at, ..receipt }]);

    // Who is in no event any more leaves nothing to be built anew.
    let none = erase(&log, &archives, request("ann@example.com", 3)).await.unwrap().finish().await.unwrap();
    assert!(none.to_rebuild.is_empty() && none.complete_at.is_some());
}

#[tokio::test]
async fn heads_of_changed_events_do_not_know_their_content_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let (log, archives) = bench(&folder).await;
    let odoo = InstanceName::new("odoo").unwrap();
    erased(&log, &archives, request("res.partner:17", 1)).await.unwrap();
    assert_eq!(traces(&everything(&log, &archives).await), Vec::<String>::new());
    assert!(heads_through(&log, &odoo).await.unwrap() >= 2);
    let deal = [deal().subject()];
    let head = covered(&log, &odoo, &deal).await.unwrap()[&deal[0]];
    assert_eq!((head.position.epoch, head.content), (2, None));
}

#[tokio::test]
async fn an_erasure_interrupted_anywhere_is_finished_by_the_same_command() {
    let subject = "ann@example.com";
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        let (log, archives) = bench(&folder).await;
        erased(&log, &archives, request(subject, 1)).await.unwrap();
        everything(&log, &archives).await
    };
    for polls in (0..).step_by(5) {
        let folder = tempfile::tempdir().unwrap();
        let (log, archives) = bench(&folder).await;
        let first = abort_after(polls, erased(&log, &archives, request(subject, 1))).await;
        if first.is_some() {
            assert!(polls > 100, "only {polls} polls: nothing was interrupted in the middle");
            return;
        }
        if log.last_message("ERASURE_WORK").await.is_ok_and(|message| message.is_some()) {
            let other = erased(&log, &archives, request("bob@example.com", 7)).await;
            assert!(matches!(other, Err(Error::NotNow(_))), "another one has to wait: {other:?}");
        }
        let receipt = erased(&log, &archives, request(subject, 2)).await.unwrap();
        let after = everything(&log, &archives).await;
        assert_eq!(traces(&after), Vec::<String>::new(), "after {polls} polls");
        if receipt.id == Uuid::from_u128(1) {
            for (stream, messages) in whole.iter().filter(|(stream, _)| stream.starts_with("RAW_")) {
                assert_eq!(&after[stream], messages, "{stream} after {polls} polls");
            }
        }
        let archived: Vec<_> = archives.manifests().await.unwrap().into_iter().map(|m| m.stream).collect();
        assert_eq!(archived, ["RAW_ODOO_E1"], "after {polls} polls");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "after {polls} polls");
    }
}

#[tokio::test]
async fn an_epoch_that_is_nowhere_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = bench(&folder).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = erased(&log, &FolderArchives::new(elsewhere.path()), request("ann@example.com", 1)).await;
    assert!(matches!(refused, Err(Error::UnknownEpoch { .. })), "{refused:?}");
    assert!(log.stream(&raw_stream(&InstanceName::new("odoo").unwrap(), 2)).await.unwrap().is_some());
}
