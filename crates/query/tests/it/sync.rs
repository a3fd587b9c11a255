//! Sources and their runs.

use salescommand_domain::access::Role;
use serde_json::{Value, json};

use crate::world::{World, run};

#[tokio::test]
async fn status_shows_the_present_and_the_last_run() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    let source = browser.get("/api/sync/status").await.json()["sources"][0].clone();
    assert_eq!((&source["url"], &source["state"]), (&json!("http://odoo.example"), &json!("ok")));
    assert_eq!((&source["current"], &source["last"]["state"]), (&Value::Null, &json!("succeeded")));
    assert!(source["last"].get("position").is_none(), "raw positions are not for everyone");
    world.put_run(&run("odoo", "2026-11-23T07:50:00Z", "running", None)).await;
    let source = browser.get("/api/sync/status").await.json()["sources"][0].clone();
    assert_eq!((&source["state"], &source["current"]["state"]), (&json!("running"), &json!("running")));
    assert_eq!(source["last"]["started_at"], "2026-11-23T07:00:00Z");
    assert_eq!(source["last_complete_sync"], "2026-11-23T07:00:00Z");
}

#[tokio::test]
async fn no_bucket_and_no_stream_is_never_run() {
    let world = World::with_accounts().await;
    world.add_source("odoo").await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    let source = browser.get("/api/sync/status").await.json()["sources"][0].clone();
    assert_eq!((&source["state"], &source["last"]), (&json!("never_run"), &Value::Null));
    assert_eq!(browser.get("/api/sync/history").await.json(), json!({ "runs": [] }));
}

#[tokio::test]
async fn a_trigger_queues_a_run_with_a_time_ordered_id() {
    let world = World::furnished().await;
    let mut mona = world.signed_in(Role::SalesManager).await;
    let answer = mona.post("/api/sync/trigger", &json!({ "source": "odoo", "objects": ["crm.lead"] })).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let commands = world.queue.commands.lock().unwrap().clone();
    assert_eq!(commands.len(), 1);
    assert_eq!(answer.json(), json!({ "run_id": commands[0].run_id.to_string(), "source": "odoo" }));
    assert_eq!(
        (commands[0].run_id.get_version_num(), &commands[0].objects),
        (7, &vec!["crm.lead".to_owned()])
    );
}

#[tokio::test]
async fn a_trigger_is_refused_for_unknown_and_busy_sources() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    admin.post("/api/sync/trigger", &json!({ "source": "nothing" })).await.problem(404, "source-unknown");
    for state in ["queued", "running"] {
        world.put_run(&run("odoo", "2026-11-23T07:50:00Z", state, None)).await;
        admin
            .post("/api/sync/trigger", &json!({ "source": "odoo" }))
            .await
            .problem(409, "sync-already-running");
    }
    world.put_run(&run("odoo", "2026-11-23T07:50:00Z", "cancelled", Some(7))).await;
    world.queue.switch.off();
    admin.post("/api/sync/trigger", &json!({ "source": "odoo" })).await.problem(503, "broker-unavailable");
    assert!(world.queue.commands.lock().unwrap().is_empty());
}

#[tokio::test]
async fn history_is_newest_first_by_source_and_limited() {
    let world = World::furnished().await;
    world.add_source("second").await;
    // Interrupted, then taken up again under its id: one run.
    world.put_run(&run("second", "2026-11-23T07:10:00Z", "interrupted", Some(1))).await;
    for minute in 10..15 {
        world.finish_run("second", &format!("2026-11-23T07:{minute}:00Z"), 1).await;
    }
    let mut browser = world.signed_in(Role::SalesUser).await;
    let times = |runs: &Value| -> Vec<String> {
        runs["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["started_at"].as_str().unwrap()[11..16].to_owned())
            .collect()
    };
    let all = browser.get("/api/sync/history").await.json();
    assert_eq!(times(&all), ["07:14", "07:13", "07:12", "07:11", "07:10", "07:00"]);
    let some = browser.get("/api/sync/history?source=second&limit=2").await.json();
    assert_eq!(times(&some), ["07:14", "07:13"]);
    browser.get("/api/sync/history?limit=0").await.problem(400, "malformed-query");
}

#[tokio::test]
async fn a_partial_run_is_no_complete_sync_and_an_unreadable_one_is_left_out() {
    let world = World::furnished().await;
    let mut partial = run("odoo", "2026-11-23T07:55:00Z", "succeeded", Some(9));
    partial["only"] = json!(["crm.lead"]);
    world.put_run(&partial).await;
    world.publish("SYNC_HISTORY", "sync.history", "not a run".into()).await;
    let source =
        world.signed_in(Role::SalesUser).await.get("/api/sync/status").await.json()["sources"][0].clone();
    assert_eq!(source["last"]["started_at"], "2026-11-23T07:55:00Z");
    assert_eq!(source["last_complete_sync"], "2026-11-23T07:00:00Z");
}
