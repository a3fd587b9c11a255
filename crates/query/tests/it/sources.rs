//! Sealed credentials.

use std::sync::Arc;

use axum::http::Method;
use salescommand_domain::access::Role;
use salescommand_domain::raw::InstanceName;
use salescommand_domain::schedule::{Cadence, Schedule};
use salescommand_query::sources::{NewSource, SourceError, Sources};
use salescommand_query::{MasterKeys, SystemIds};
use salescommand_store::{OPS_SOURCES, Ops, Query};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::records;
use crate::world::{self, World, key, master_keys};

fn named(name: &str) -> NewSource {
    NewSource {
        name: InstanceName::new(name).unwrap(),
        kind: "odoo".into(),
        title: "Odoo".into(),
        settings: Default::default(),
        secret: "another secret".into(),
        schedule: Schedule::default(),
    }
}

#[tokio::test]
async fn a_credential_is_stored_sealed_and_opens_with_its_key_only() {
    let world = World::empty().await;
    world.add_source("odoo").await;
    let stored = records::everything(&world.store);
    assert!(
        stored.contains(OPS_SOURCES)
            && stored.contains("nonce_and_ciphertext")
            && !stored.contains("hunter2")
    );
    assert_eq!(world.sources.list().await.unwrap()[0].url(), "http://odoo.example");
    let opened = world.sources.open("odoo").await.unwrap();
    assert_eq!(opened.secret.expose_secret(), "hunter2hunter2");
    assert!(!format!("{opened:?}").contains("hunter2"));
    let ops: Arc<dyn Ops> = Arc::new(world.store.clone());
    let other = sources(&world, ops, master_keys(9, &[]));
    assert!(matches!(other.open("odoo").await, Err(SourceError::ForeignKey { .. })));
}

/// Sources of a world under other keys.
fn sources(world: &World, ops: Arc<dyn Ops>, keys: MasterKeys) -> Sources {
    Sources::new(ops, Arc::new(world.clock.clone()), Arc::new(SystemIds), keys)
}

#[tokio::test]
async fn a_master_key_is_replaced_and_then_forgotten() {
    let world = World::empty().await;
    for name in ["a", "b"] {
        world.sources.add(named(name)).await.unwrap();
    }
    let ops: Arc<dyn Ops> = Arc::new(world.store.clone());
    let third = sources(&world, ops.clone(), master_keys(8, &[]));
    third.add(named("c")).await.unwrap();
    // The new key seals from now on, and the old one still opens.
    let between = sources(&world, ops.clone(), master_keys(9, &[2]));
    assert_eq!(between.open("a").await.unwrap().secret.expose_secret(), "another secret");
    let first = between.reseal().await.unwrap();
    assert_eq!((first.sealed, first.closed.len()), (2, 1));
    assert!(first.closed[0].contains(&key(8).id()) && first.closed[0].contains("former_master_keys"));
    assert_eq!(between.reseal().await.unwrap().sealed, 0, "once is enough");
    // The old one is not needed any more.
    let after = sources(&world, ops, master_keys(9, &[]));
    for name in ["a", "b"] {
        assert_eq!(after.open(name).await.unwrap().secret.expose_secret(), "another secret");
    }
    assert!(matches!(world.sources.open("a").await, Err(SourceError::ForeignKey { .. })));
}

#[tokio::test]
async fn a_sealed_text_moved_to_another_source_does_not_open() {
    let world = World::empty().await;
    world.add_source("odoo").await;
    let documents = world.store.list(OPS_SOURCES, &Query::all()).await.unwrap();
    let mut moved: bson::Document = bson::deserialize_from_slice(documents[0].as_bytes()).unwrap();
    moved.insert("_id", "elsewhere");
    world.store.insert(OPS_SOURCES, bson::serialize_to_raw_document_buf(&moved).unwrap()).await.unwrap();
    assert!(matches!(world.sources.open("elsewhere").await, Err(SourceError::Sealed(_))));
}

#[tokio::test]
async fn names_are_unique_and_some_are_kept() {
    let world = World::empty().await;
    world.sources.add(named("odoo")).await.unwrap();
    assert!(matches!(world.sources.add(named("odoo")).await, Err(SourceError::NameTaken(_))));
    for kept in ["config", "crm"] {
        assert!(matches!(world.sources.add(named(kept)).await, Err(SourceError::Reserved(_))));
    }
    world.sources.remove("odoo").await.unwrap();
    assert!(matches!(world.sources.remove("odoo").await, Err(SourceError::Unknown(_))));
    assert!(world.sources.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_schedule_counts_from_when_it_was_set() {
    let world = World::empty().await;
    let added = world.sources.add(named("odoo")).await.unwrap();
    assert_eq!((added.schedule.cadence, added.scheduled_at), (Cadence::usual(), world::NOW.parse().unwrap()));
    world.clock.advance_seconds(60);
    let nightly = |schedule: &mut Schedule| schedule.cadence = "0 3 * * *".parse().unwrap();
    let set = world.sources.set_schedule("odoo", nightly).await.unwrap();
    assert_eq!(set.scheduled_at, "2026-11-23T08:01:00Z".parse().unwrap());
    world.clock.advance_seconds(60);
    assert_eq!(
        world.sources.set_schedule("odoo", nightly).await.unwrap(),
        set,
        "the same again changes nothing"
    );
    assert_eq!(world.sources.list().await.unwrap(), [set]);
    assert_eq!(world.sources.open("odoo").await.unwrap().secret.expose_secret(), "another secret");
    let missing = world.sources.set_schedule("nothing", nightly).await;
    assert!(matches!(missing, Err(SourceError::Unknown(_))));
}

#[tokio::test]
async fn a_source_from_before_there_were_schedules_has_the_usual_one() {
    let world = World::empty().await;
    world.sources.add(named("odoo")).await.unwrap();
    let documents = world.store.list(OPS_SOURCES, &Query::all()).await.unwrap();
    let mut old: bson::Document = bson::deserialize_from_slice(documents[0].as_bytes()).unwrap();
    old.remove("schedule").unwrap();
    old.remove("scheduled_at").unwrap();
    let old = bson::serialize_to_raw_document_buf(&old).unwrap();
    assert!(world.store.replace_if(OPS_SOURCES, "odoo", 1, old).await.unwrap());
    assert_eq!(world.sources.list().await.unwrap()[0].schedule, Schedule::default());
}

#[tokio::test]
async fn a_source_is_added_tested_changed_and_forgotten_over_http() {
    let world = World::with_accounts().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let new =
        json!({ "name": "odoo-eu", "kind": "odoo", "settings": { "url": "http://a" }, "secret": "wrong" });
    let added = admin.post("/api/sync/sources", &new).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let shown = json!({ "name": "odoo-eu", "kind": "odoo", "title": "Odoo (odoo-eu)", "settings": { "url": "http://a" },
        "cadence": "15m", "objects": {}, "hooked_at": null });
    assert_eq!(added.json(), shown);
    admin.post("/api/sync/sources", &new).await.problem(409, "source-name-taken");
    let path = "/api/sync/sources/odoo-eu";
    let test = format!("{path}/test");
    assert_eq!(admin.post(&test, &json!({})).await.json()["works"], false);
    admin.post(&format!("{path}/discover"), &json!({})).await.problem(502, "source-failed");

    let changed = admin
        .send_json(Method::PATCH, path, &json!({ "title": " Europe ", "secret": "hunter2hunter2" }))
        .await;
    assert_eq!((changed.status.as_u16(), &changed.json()["title"]), (200, &json!("Europe")));
    let tested = admin.post(&test, &json!({})).await.json();
    assert_eq!(
        tested,
        json!({ "works": true, "checks": [{ "step": "login", "outcome": "passed", "detail": "odoo-eu" }] })
    );
    let found = admin.post(&format!("{path}/discover"), &json!({})).await.json();
    assert_eq!(
        (&found["calls"], &found["seconds"]),
        (&json!(7), &json!(3.5)),
        "what is not known is not counted"
    );
    let listed = admin.get("/api/sync/sources").await;
    assert_eq!(listed.json()["sources"][0]["title"], "Europe");
    assert!(!listed.text().contains("hunter2"), "a credential never comes out");

    assert_eq!(admin.send_json(Method::DELETE, path, &Value::Null).await.status, 204);
    admin.send_json(Method::DELETE, path, &Value::Null).await.problem(404, "source-unknown");
    admin.post(&test, &json!({})).await.problem(404, "source-unknown");
    admin.send_json(Method::PATCH, path, &json!({ "title": "x" })).await.problem(404, "source-unknown");
}

#[tokio::test]
async fn what_is_wrong_with_a_source_is_said_field_by_field() {
    let world = World::with_accounts().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let new = |part: Value| {
        let mut new =
            json!({ "name": "odoo", "kind": "odoo", "settings": { "url": "http://a" }, "secret": "s3cret" });
        new.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        new
    };
    let path = "/api/sync/sources";
    for (part, field) in [(json!({ "kind": "abacus" }), "kind"), (json!({ "settings": {} }), "url")] {
        let refused = admin.post(path, &new(part)).await;
        assert_eq!(refused.json()["errors"][0]["field"], field);
        refused.problem(422, "invalid-fields");
    }
    for malformed in [json!({ "secret": 7 }), json!({ "owner": "me" })] {
        admin.post(path, &new(malformed)).await.problem(400, "malformed-body");
    }
    let wrong = [
        json!({ "name": "Odoo EU" }),
        json!({ "title": " " }),
        json!({ "cadence": "often" }),
        json!({ "title": "x".repeat(201) }),
    ];
    for part in wrong {
        let problem = admin.post(path, &new(part.clone())).await.problem(422, "invalid-fields");
        assert!(part.get(problem["errors"][0]["field"].as_str().unwrap()).is_some(), "{problem}");
    }
    admin.post(path, &new(json!({ "name": "crm" }))).await.problem(409, "source-name-taken");
    assert!(world.sources.list().await.unwrap().is_empty());
    admin.post(path, &new(json!({}))).await;
    let one = "/api/sync/sources/odoo";
    admin.send_json(Method::PATCH, one, &json!({ "settings": {} })).await.problem(422, "invalid-fields");
    assert_eq!(world.sources.open("odoo").await.unwrap().secret.expose_secret(), "s3cret");
}
