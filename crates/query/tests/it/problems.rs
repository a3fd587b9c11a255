//! Failures: each is one problem document and tells no internals.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use salescommand_domain::access::Role;
use serde_json::json;

use crate::world::World;

fn post(path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let request =
        Request::post(path).header("x-requested-with", "salescommand").header("content-type", content_type);
    request.body(body.into()).unwrap()
}

#[tokio::test]
async fn unknown_routes_and_methods() {
    let world = World::empty().await;
    let mut browser = world.browser();
    browser.get("/api/nothing").await.problem(404, "unknown-route");
    browser.get("/api").await.problem(404, "unknown-route");
    browser.post("/api/nothing", &json!({})).await.problem(404, "unknown-route");
    let answer = browser.get("/api/auth/login").await;
    answer.problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), "POST");
    browser.post("/api/dashboard/overview", &json!({})).await.problem(405, "method-not-allowed");
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let world = World::empty().await;
    let mut browser = world.browser();
    let login = "/api/auth/login";
    let answer = browser.send(post(login, "application/json", "{\"email\": \"secret")).await;
    answer.problem(400, "malformed-body");
    let problem = browser
        .send(post(login, "application/json", "{\"email\": \"a@b\"}"))
        .await
        .problem(400, "malformed-body");
    assert_eq!(problem["detail"], "The field password is missing.");
    // What was sent in the wrong place may be a secret: it does not come back.
    let wrong = browser
        .send(post(login, "application/json", "{\"email\": [\"secret\"], \"password\": 12345678}"))
        .await;
    assert!(!wrong.text().contains("12345678"));
    wrong.problem(400, "malformed-body");
    browser.send(post(login, "text/plain", "{}")).await.problem(415, "unsupported-media-type");
    let large = format!("{{\"email\": \"{}\"}}", "x".repeat(70_000));
    browser.send(post(login, "application/json", large)).await.problem(413, "body-too-large");
}

#[tokio::test]
async fn an_unknown_entity_type_names_the_known_ones() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    let problem = browser.get("/api/data-lake/entities/invoices").await.problem(404, "unknown-entity-type");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("accounts, contacts, opportunities, activities, users, teams"), "{detail}");
}

#[tokio::test]
async fn a_store_that_is_down_is_a_503_with_a_fix() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SuperAdmin).await;
    world.store_switch.off();
    for path in ["/api/auth/me", "/api/dashboard/overview", "/api/data-lake/stats", "/api/sync/status"] {
        let answer = browser.get(path).await;
        let problem = answer.problem(503, "store-unavailable");
        assert!(problem["fix"].as_str().unwrap().contains("MongoDB"), "{problem}");
        assert_eq!(answer.header("retry-after"), "5");
    }
    world.browser().sign_in("a@b", "password").await.problem(503, "store-unavailable");
    assert_eq!(browser.get("/healthz").await.text(), "ok");
    let ready = browser.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["checks"][0]["status"], "down");
}

#[tokio::test]
async fn a_broker_that_is_down_stops_sync_routes_and_not_the_dashboard() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SuperAdmin).await;
    let before = browser.get("/api/dashboard/overview").await;
    world.broker_switch.off();
    for path in ["/api/sync/status", "/api/sync/history", "/api/data-lake/stats"] {
        let problem = browser.get(path).await.problem(503, "broker-unavailable");
        assert!(problem["fix"].as_str().unwrap().contains("NATS"), "{problem}");
    }
    browser.post("/api/sync/trigger", &json!({ "source": "odoo" })).await.problem(503, "broker-unavailable");
    let after = browser.get("/api/dashboard/overview").await;
    assert_eq!(after.body, before.body, "freshness is as last known");
    assert_eq!(browser.get("/api/data-lake/entities/opportunities").await.status, 200);
    let health = browser.get("/api/data-lake/health").await.json();
    assert_eq!((&health["status"], &health["checks"][0]["name"]), (&json!("down"), &json!("event-log")));
    assert_eq!(browser.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn a_service_that_never_reached_the_broker_still_shows_the_dashboard() {
    let world = World::furnished().await;
    world.broker_switch.off();
    let mut browser = world.signed_in(Role::Executive).await;
    let overview = browser.get("/api/dashboard/overview").await.json();
    assert_eq!(overview["open_pipeline"]["count"], 3);
    assert_eq!(overview["meta"]["sources"][0]["projected"], false);
}

#[tokio::test]
async fn a_projection_that_stands_still_is_told_and_keeps_nothing_else_from_being_read() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SuperAdmin).await;
    world.park("activity_feed").await;
    let ready = browser.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["status"]), (StatusCode::OK, &json!("degraded")));
    let health = browser.get("/api/data-lake/health").await.json();
    let check = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "projections");
    let detail = check.unwrap()["detail"].as_str().unwrap();
    assert!(detail.contains("activity_feed") && !detail.contains("directory"), "{detail}");
    assert_eq!(browser.get("/api/dashboard/overview").await.status, 200);
}

#[tokio::test]
async fn a_raw_zone_that_fills_is_told_long_before_and_keeps_nothing_from_being_read() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SuperAdmin).await;
    world.zone.room.off();
    let ready = browser.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["status"]), (StatusCode::OK, &json!("degraded")));
    let health = browser.get("/api/data-lake/health").await.json();
    let check =
        health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "raw-zone").cloned();
    assert!(check.unwrap()["detail"].as_str().unwrap().contains("71%"));
    let epochs = browser.get("/api/data-lake/epochs").await.json();
    assert_eq!(epochs["items"][0]["state"], "sealed");
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_service_lives_on() {
    let world = World::furnished().await;
    let mut browser = world.browser();
    assert_eq!(browser.get("/readyz").await.status, 200);
    world.brittle.broken.off();
    browser.get("/readyz").await.problem(500, "internal");
    assert_eq!(browser.get("/healthz").await.status, 200);
}
