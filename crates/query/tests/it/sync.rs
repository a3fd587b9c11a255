//! Sources and their runs.

use salescommand_domain::access::Role;
use salescommand_eventlog::KeyValue as _;
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
    for name in ["", "a b", "crm\u{7}"] {
        let wrong = json!({ "source": "odoo", "objects": ["crm.lead", name] });
        admin.post("/api/sync/trigger", &wrong).await.problem(422, "invalid-fields");
    }
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

#[tokio::test]
async fn a_run_is_cancelled_once() {
    let world = World::furnished().await;
    let mut mona = world.signed_in(Role::SalesManager).await;
    let run = mona.post("/api/sync/trigger", &json!({ "source": "odoo" })).await.json()["run_id"].clone();
    let path = format!("/api/sync/runs/{}/cancel", run.as_str().unwrap());
    let answer = mona.post(&path, &json!({})).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (202, json!({ "run_id": run, "outcome": "cancelled" }))
    );
    mona.post(&path, &json!({})).await.problem(404, "run-unknown");
    mona.post("/api/sync/runs/nonsense/cancel", &json!({})).await.problem(404, "run-unknown");
    world.queue.switch.off();
    mona.post(&path, &json!({})).await.problem(503, "broker-unavailable");
}

#[tokio::test]
async fn a_schedule_is_set_and_says_when_the_next_run_is_due() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let path = "/api/sync/sources/odoo/schedule";
    let wanted = json!({ "cadence": "1h", "objects": { "crm.lead": "5m", "res.partner": "manual" } });
    let set = admin.put(path, &wanted).await.json();
    assert_eq!((&set["cadence"], &set["objects"]), (&wanted["cadence"], &wanted["objects"]));
    assert_eq!(set["next_at"], "2026-11-23T08:05:00Z", "five minutes from now on");
    let shown = admin.get("/api/sync/status").await.json()["sources"][0]["schedule"].clone();
    assert_eq!(shown, set);
    let mut running = run("odoo", "2026-11-23T08:02:00Z", "running", None);
    running["asked"] = json!({ "rest": "2026-11-23T08:02:00Z" });
    world.put_run(&running).await;
    let next = admin.get("/api/sync/status").await.json()["sources"][0]["schedule"]["next_at"].clone();
    assert_eq!(next, "2026-11-23T08:07:00Z");
}

#[tokio::test]
async fn a_source_that_fails_again_and_again_is_paused() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    for (failures, paused) in [(4, false), (5, true)] {
        let mut failed = run("odoo", "2026-11-23T07:55:00Z", "failed", Some(9));
        failed["failures"] = json!(failures);
        world.put_run(&failed).await;
        let schedule = browser.get("/api/sync/status").await.json()["sources"][0]["schedule"].clone();
        assert_eq!((&schedule["failures"], &schedule["paused"]), (&json!(failures), &json!(paused)));
        assert_eq!((schedule["next_at"].is_null(), &schedule["paused_after"]), (paused, &json!(5)));
    }
}

#[tokio::test]
async fn what_is_no_schedule_is_refused_with_what_to_write() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let path = "/api/sync/sources/odoo/schedule";
    for wrong in [
        json!({ "cadence": "often" }),
        json!({ "cadence": "1h", "objects": { "crm.lead": "0m" } }),
        json!({ "cadence": "1h", "objects": { "a b": "1m" } }),
    ] {
        admin.put(path, &wrong).await.problem(422, "invalid-fields");
    }
    admin.put(path, &json!({ "objects": {} })).await.problem(400, "malformed-body");
    let detail = admin.put(path, &json!({ "cadence": "often" })).await.json()["detail"].clone();
    assert!(detail.as_str().unwrap().contains("*/10 7-19"), "{detail}");
    let elsewhere = "/api/sync/sources/nothing/schedule";
    admin.put(elsewhere, &json!({ "cadence": "1h" })).await.problem(404, "source-unknown");
}

#[tokio::test]
async fn what_people_were_told_of_a_source_is_shown() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    let alerts = |status: Value| status["sources"][0]["alerts"].clone();
    assert_eq!(alerts(browser.get("/api/sync/status").await.json()), json!([]));
    world.log.ensure_bucket("SYNC_ALERTS").await.unwrap();
    let told = json!({ "conditions": { "failing": "2026-11-23T07:00:00Z" }, "number": 3, "pending": true });
    world.log.put_if("SYNC_ALERTS", "odoo", 0, told.to_string().into()).await.unwrap();
    let shown = json!([{ "condition": "failing", "since": "2026-11-23T07:00:00Z" }]);
    assert_eq!(alerts(browser.get("/api/sync/status").await.json()), shown);
}
