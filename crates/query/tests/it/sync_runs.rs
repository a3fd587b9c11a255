//! One run: its progress as it goes, its log; cursors and back-fills.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use salescommand_domain::access::Role;
use salescommand_query::cursors::{CursorPosition, SourceCursor};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::kept_out::{account, says};
use crate::world::{Browser, World, run};

const EVENTS: &str = "/api/sync/runs/run%202026-11-23T07:50:00Z/events";

/// The events of a stream, as far as they have come: name and data.
fn events(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.contains("data:"));
    blocks
        .map(|block| {
            let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
            (line("event:").to_owned(), serde_json::from_str(line("data:")).unwrap())
        })
        .collect()
}

/// Opens a stream and reads it until it has said something.
async fn until(world: &World, browser: &Browser, says: &str, then: impl AsyncFnOnce()) -> String {
    let cookie: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = Request::get(EVENTS).header("cookie", cookie.join("; ")).body(Body::empty()).unwrap();
    let response = world.service.router().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut body, mut text, mut then) = (response.into_body(), String::new(), Some(then));
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(30), body.frame()).await.unwrap();
        let Some(frame) = frame else { return text };
        text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
        if text.contains(says)
            && let Some(then) = then.take()
        {
            then().await;
        }
    }
}

#[tokio::test]
async fn a_run_tells_its_progress_and_ends() {
    let world = World::furnished().await;
    let browser = world.signed_in(Role::SalesUser).await;
    let at = "2026-11-23T07:50:00Z";
    let mut running = run("odoo", at, "running", None);
    running["objects"][0]["per_second"] = json!(12.5);
    running["objects"][0]["seconds_left"] = json!(40);
    running["objects"][0]["phase"] = json!("waiting_for_source");
    running["objects"][0]["rate_limits"] = json!(1);
    world.put_run(&running).await;
    let text = until(&world, &browser, "event: progress", async || {
        world.put_run(&run("odoo", at, "succeeded", Some(8))).await;
    })
    .await;
    let events = events(&text);
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["progress", "end"]);
    let object = &events[0].1["objects"][0];
    assert_eq!((&object["per_second"], &object["seconds_left"]), (&json!(12.5), &json!(40)));
    assert_eq!((&object["phase"], &object["rate_limits"]), (&json!("waiting_for_source"), &json!(1)));
    assert_eq!((&events[1].1["state"], &events[1].1["read"]), (&json!("succeeded"), &json!(7)));
}

#[tokio::test]
async fn a_run_that_is_over_has_only_its_end_also_when_another_has_taken_its_place() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    world.put_run(&run("odoo", "2026-11-23T07:50:00Z", "interrupted", Some(8))).await;
    world.put_run(&run("odoo", "2026-11-23T07:55:00Z", "running", None)).await;
    let answer = browser.get(EVENTS).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/event-stream"));
    let events = events(&answer.text());
    assert_eq!((events.len(), events[0].0.as_str()), (1, "end"));
    assert_eq!(events[0].1["state"], "interrupted");
    browser.get("/api/sync/runs/nonsense/events").await.problem(404, "run-unknown");
}

#[tokio::test]
async fn a_stream_ends_with_the_access_that_it_was_asked_for_with() {
    let world = World::furnished().await;
    let browser = world.signed_in(Role::SalesUser).await;
    world.put_run(&run("odoo", "2026-11-23T07:50:00Z", "running", None)).await;
    let text = until(&world, &browser, "event: progress", async || {
        world.clock.advance_seconds(24 * 3_600);
    })
    .await;
    assert_eq!(events(&text).len(), 1, "the run is still under way");
}

#[tokio::test]
async fn a_stream_ends_with_the_session_that_it_was_asked_for_with() {
    let world = World::furnished().await;
    let (browser, mut elsewhere) =
        (world.signed_in(Role::SalesUser).await, world.signed_in(Role::SalesUser).await);
    world.put_run(&run("odoo", "2026-11-23T07:50:00Z", "running", None)).await;
    let text = until(&world, &browser, "event: progress", async || {
        assert_eq!(elsewhere.delete("/api/auth/sessions").await.status, 204);
    })
    .await;
    assert_eq!(events(&text).len(), 1, "the run is still under way");
}

#[tokio::test]
async fn a_stream_ends_when_the_directory_keeps_out_who_asked_for_it() {
    let world = World::furnished().await;
    let browser = world.signed_in(Role::SalesUser).await;
    world.put_run(&run("odoo", "2026-11-23T07:50:00Z", "running", None)).await;
    let text = until(&world, &browser, "event: progress", async || {
        says(&world, world.people[&Role::SalesUser], "bob", vec![account("b", false)]).await;
    })
    .await;
    assert_eq!(events(&text).len(), 1, "the run is still under way");
}

#[tokio::test]
async fn a_run_has_its_log_as_long_as_it_is_remembered() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    let path = "/api/sync/runs/run%202026-11-23T07:50:00Z/log";
    browser.get(path).await.problem(404, "run-unknown");
    let line = json!({ "at": "2026-11-23T07:50:01Z", "level": "warn", "object": "crm.lead", "text": "too slow", "times": 3 });
    let mut failed = run("odoo", "2026-11-23T07:50:00Z", "running", None);
    failed["log"] = json!({ "dropped": 4, "lines": [line] });
    world.put_run(&failed).await;
    let shown = json!({ "dropped": 4, "lines": [line] });
    assert_eq!(browser.get(path).await.json(), shown, "while it is under way");
    failed["state"] = json!("failed");
    failed["finished_at"] = json!("2026-11-23T07:51:00Z");
    world.put_run(&failed).await;
    world.finish_run("odoo", "2026-11-23T07:55:00Z", 8).await;
    assert_eq!(browser.get(path).await.json(), shown, "and behind the next one");
    let next = browser.get("/api/sync/runs/run%202026-11-23T07:55:00Z/log").await.json();
    assert_eq!(next, json!({ "dropped": 0, "lines": [] }), "a run of before there were logs has none");
}

#[tokio::test]
async fn cursors_are_shown_and_reset() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let path = "/api/sync/sources/odoo/cursors";
    assert_eq!(admin.get(path).await.json(), json!({ "cursors": [] }));
    let cursor = |object: &str| SourceCursor {
        object: object.to_owned(),
        complete: true,
        read: 7,
        since: None,
        started_at: "2026-11-23T07:00:00Z".parse().unwrap(),
        completed_at: Some("2026-11-23T07:01:00Z".parse().unwrap()),
        run_id: Some("r1".to_owned()),
        position: CursorPosition { epoch: 1, sequence: 7 },
        read_through: Some("2026-11-23T07:00:00Z".parse().unwrap()),
        changes_from: Some("2026-11-23T06:45:00Z".parse().unwrap()),
        full_at: Some("2026-11-23T07:00:00Z".parse().unwrap()),
        full_due: Some("2026-11-24T07:00:00Z".parse().unwrap()),
        reset_at: None,
    };
    world.queue.cursors.lock().unwrap().extend([cursor("crm.lead"), cursor("res.partner")]);
    let shown = admin.get(path).await.json()["cursors"][0].clone();
    assert_eq!(
        (&shown["object"], &shown["position"]),
        (&json!("crm.lead"), &json!({ "epoch": 1, "sequence": 7 }))
    );
    assert_eq!(shown["full_due"], "2026-11-24T07:00:00Z");
    let reset = format!("{path}/reset");
    let unknown = json!({ "objects": ["crm.lead", "mail.message"] });
    admin.post(&reset, &unknown).await.problem(404, "cursor-unknown");
    assert!(world.queue.cursors.lock().unwrap()[0].complete, "nothing was reset");
    let answer = admin.post(&reset, &json!({ "objects": ["crm.lead"] })).await.json();
    assert_eq!(answer, json!({ "objects": ["crm.lead"] }));
    assert_eq!(
        admin.post(&reset, &json!({})).await.json(),
        json!({ "objects": ["crm.lead", "res.partner"] })
    );
    assert_eq!(admin.get(path).await.json()["cursors"][1]["complete"], false);
    admin.get("/api/sync/sources/nothing/cursors").await.problem(404, "source-unknown");
    admin.post("/api/sync/sources/nothing/cursors/reset", &json!({})).await.problem(404, "source-unknown");
    world.queue.switch.off();
    admin.get(path).await.problem(503, "broker-unavailable");
}

#[tokio::test]
async fn a_back_fill_is_queued_with_its_range() {
    let world = World::furnished().await;
    let mut mona = world.signed_in(Role::SalesManager).await;
    let path = "/api/sync/sources/odoo/backfill";
    let (from, to) = ("2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z");
    let answer = mona.post(path, &json!({ "from": from, "to": to, "objects": ["crm.lead"] })).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let command = world.queue.commands.lock().unwrap()[0].clone();
    assert_eq!(answer.json(), json!({ "run_id": command.run_id.to_string(), "source": "odoo" }));
    let range = command.backfill.unwrap();
    assert_eq!((range.from().to_string(), range.to().to_string()), (from.to_owned(), to.to_owned()));
    assert_eq!(command.objects, ["crm.lead"]);
    for wrong in [json!({ "from": to, "to": from }), json!({ "from": from, "to": from })] {
        mona.post(path, &wrong).await.problem(422, "invalid-fields");
    }
    mona.post(path, &json!({ "from": from })).await.problem(400, "malformed-body");
    let nowhere = "/api/sync/sources/nothing/backfill";
    mona.post(nowhere, &json!({ "from": from, "to": to })).await.problem(404, "source-unknown");
    let mut running = run("odoo", "2026-11-23T07:50:00Z", "running", None);
    running["backfill"] = json!({ "from": from, "to": to });
    world.put_run(&running).await;
    mona.post(path, &json!({ "from": from, "to": to })).await.problem(409, "sync-already-running");
    let current = mona.get("/api/sync/status").await.json()["sources"][0]["current"].clone();
    assert_eq!(current["backfill"], json!({ "from": from, "to": to }));
}
