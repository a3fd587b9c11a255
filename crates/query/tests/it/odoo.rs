//! What is asked of Odoos: the same as of any source, and of no other kind.

use axum::http::Method;
use salescommand_domain::access::Role;
use salescommand_domain::raw::InstanceName;
use salescommand_query::sources::NewSource;
use serde_json::{Value, json};

use crate::world::{World, run};

/// A world with an Odoo that was read, and a source of a kind that this program does not have.
async fn world() -> World {
    let world = World::furnished().await;
    let other = NewSource {
        name: InstanceName::new("other").unwrap(),
        kind: "hubspot".into(),
        title: "Other".into(),
        settings: Default::default(),
        secret: "hunter2hunter2".into(),
        schedule: Default::default(),
    };
    world.sources.add(other).await.unwrap();
    world
}

#[tokio::test]
async fn odoos_are_listed_with_what_was_read_of_them() {
    let world = world().await;
    let mut incremental = run("odoo", "2026-11-23T07:30:00Z", "succeeded", Some(9));
    incremental["objects"][0]["since"] = json!("2026-11-23T06:55:00Z");
    incremental["objects"][0]["total"] = json!(2);
    world.put_run(&incremental).await;
    let mut backfill = run("odoo", "2026-11-23T07:40:00Z", "succeeded", Some(9));
    backfill["objects"][0]["until"] = json!("2026-11-02T00:00:00Z");
    backfill["objects"][0]["total"] = json!(1);
    backfill["only"] = json!(["crm.lead"]);
    world.put_run(&backfill).await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    let sources = browser.get("/api/odoo/sources").await.json()["sources"].clone();
    assert_eq!(sources.as_array().unwrap().len(), 1, "{sources}");
    let expected = json!([{ "object": "crm.lead", "records": 7, "counted_at": "2026-11-23T07:00:00Z",
        "read_at": "2026-11-23T07:30:00Z" }]);
    assert_eq!(sources[0]["objects"], expected, "of all of it, and not of what had changed");
    let mut status = browser.get("/api/sync/status").await.json()["sources"][0].clone();
    status["objects"] = expected;
    assert_eq!(sources[0], status, "otherwise the same as anywhere");
}

#[tokio::test]
async fn what_is_asked_of_an_odoo_is_what_is_asked_of_any_source() {
    let world = world().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    world.sources.remove("odoo").await.unwrap();
    let new = json!({ "name": "odoo", "kind": "odoo", "settings": { "url": "http://a" }, "secret": "hunter2hunter2" });
    assert_eq!(admin.post("/api/sync/sources", &new).await.status, 201);
    let (odoo, any) = ("/api/odoo/sources/odoo", "/api/sync/sources/odoo");
    let tested = admin.post(&format!("{odoo}/test"), &json!({})).await;
    assert_eq!(tested.json(), admin.post(&format!("{any}/test"), &json!({})).await.json());
    let objects = admin.get(&format!("{odoo}/objects")).await.json();
    assert_eq!(objects, admin.post(&format!("{any}/discover"), &json!({})).await.json());
    assert_eq!(objects["objects"][0]["entities"], json!(["opportunity"]));
    let wish = json!({ "objects": ["crm.lead"], "full": true });
    let queued = admin.post(&format!("{odoo}/sync"), &wish).await;
    assert_eq!((queued.status.as_u16(), &queued.json()["source"]), (202, &json!("odoo")));
    let commands = world.queue.commands.lock().unwrap().clone();
    assert_eq!((commands[0].objects.as_slice(), commands[0].full), (&["crm.lead".to_owned()][..], true));
}

#[tokio::test]
async fn a_source_of_another_kind_is_none_here() {
    let world = world().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    for name in ["other", "nothing"] {
        for (method, what) in [(Method::GET, "objects"), (Method::POST, "test"), (Method::POST, "sync")] {
            let answer =
                admin.send_json(method, &format!("/api/odoo/sources/{name}/{what}"), &json!({})).await;
            answer.problem(404, "source-unknown");
        }
    }
    admin.post("/api/sync/sources/other/hook", &Value::Null).await.problem(409, "source-hookless");
}
