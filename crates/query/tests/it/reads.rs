//! Entities, counts, ETags, headers, the page of operations, the front end.

use axum::http::StatusCode;
use salescommand_domain::access::Role;
use salescommand_domain::canonical::Status;
use serde_json::{Value, json};

use crate::records;
use crate::world::{Browser, World};

async fn names(browser: &mut Browser, path: &str) -> Vec<String> {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let page = page.json();
    let mut names: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn entities_are_listed_by_scope() {
    let world = World::furnished().await;
    let mut chief = world.signed_in(Role::Executive).await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let mut mona = world.signed_in(Role::SalesManager).await;
    assert_eq!(names(&mut chief, "/api/data-lake/entities/opportunities").await.len(), 7);
    assert_eq!(
        names(&mut ana, "/api/data-lake/entities/opportunities").await,
        ["Deal 1", "Deal 2", "Deal 7"]
    );
    assert_eq!(names(&mut mona, "/api/data-lake/entities/opportunities").await.len(), 5);
    assert_eq!(names(&mut mona, "/api/data-lake/entities/users").await, ["ana", "bob", "mona"]);
    assert_eq!(names(&mut ana, "/api/data-lake/entities/teams").await, ["Sales"]);
    assert!(names(&mut ana, "/api/data-lake/entities/accounts").await.is_empty());
}

#[tokio::test]
async fn a_request_reads_the_switch_once_so_no_answer_mixes_generations() {
    let world = World::furnished().await;
    let mut chief = world.signed_in(Role::Executive).await;
    let deal = records::source("crm.lead", "1").facet_id();
    let paths = [
        "/api/auth/me".to_owned(),
        "/api/dashboard/overview".to_owned(),
        "/api/opportunities".to_owned(),
        format!("/api/opportunities/{deal}"),
        format!("/api/opportunities/{deal}/history"),
        format!("/api/data-lake/lineage/opportunities/{deal}"),
        "/api/data-lake/entities/accounts".to_owned(),
        "/api/data-lake/stats".to_owned(),
        "/api/org/tree".to_owned(),
        "/api/org/delegations".to_owned(),
    ];
    for path in paths {
        let before = world.looks();
        let answer = chief.get(&path).await;
        assert_eq!((answer.status, world.looks() - before), (StatusCode::OK, 1), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_item_has_what_a_table_shows() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let page = ana.get("/api/data-lake/entities/opportunities").await.json();
    let item = page["items"].as_array().unwrap().iter().find(|item| item["name"] == "Deal 1").unwrap();
    let expected = json!({
        "id": records::source("crm.lead", "1").facet_id().to_string(), "name": "Deal 1", "status": "open",
        "owner": { "id": world.people[&Role::AccountManager].to_string(), "name": "Ana" },
        "amount": { "currency": "USD", "minor": 100_000, "exponent": 2 },
        "source": { "instance": "odoo", "object": "crm.lead", "key": "1" }, "updated_at": "2026-11-20T10:00:00Z",
    });
    assert_eq!(*item, expected);
    assert_eq!(page["next_cursor"], Value::Null);
}

#[tokio::test]
async fn pages_cover_everything_once_and_cursors_belong_to_their_type() {
    let world = World::furnished().await;
    let mut chief = world.signed_in(Role::Executive).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..10 {
        let page = chief.get(&format!("/api/data-lake/entities/opportunities?limit=3{cursor}")).await.json();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
    let foreign = format!("/api/data-lake/entities/accounts?limit=3{cursor}");
    chief.get(&foreign).await.problem(400, "malformed-query");
    for wrong in ["limit=0", "limit=201", "limit=many", "cursor=%00", "cursor=b3Bwb3J0dW5pdHk6eA"] {
        chief
            .get(&format!("/api/data-lake/entities/opportunities?{wrong}"))
            .await
            .problem(400, "malformed-query");
    }
}

#[tokio::test]
async fn deleted_records_are_not_listed() {
    let world = World::furnished().await;
    let mut deleted = records::deal("2", "ana", Status::Won, None, None);
    deleted.deleted = true;
    records::put_golden(&world.store, vec![deleted]).await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    assert_eq!(names(&mut ana, "/api/data-lake/entities/opportunities").await, ["Deal 1", "Deal 7"]);
}

#[tokio::test]
async fn stats_count_the_three_zones_and_what_is_pending() {
    let world = World::furnished().await;
    for _ in 0..9 {
        world.publish("RAW_ODOO_E1", "raw.odoo", "event".into()).await;
    }
    for _ in 0..5 {
        world.publish("CANONICAL_G1", "canonical.g1", "event".into()).await;
    }
    let own = world.signed_in(Role::SalesUser).await.get("/api/data-lake/stats").await.json();
    assert_eq!(
        (&own["raw"], &own["serving"], &own["canonical"]["quarantine"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(own["canonical"]["entities"][2], json!({ "entity": "opportunities", "count": 2 }));
    let stats = world.signed_in(Role::Executive).await.get("/api/data-lake/stats").await.json();
    let raw = &stats["raw"][0];
    assert_eq!(
        (&raw["source"], &raw["epoch"], &raw["stream"]),
        (&json!("odoo"), &json!(1), &json!("RAW_ODOO_E1"))
    );
    assert_eq!((&raw["events"], &raw["pending"]), (&json!(9), &json!(2)));
    let entities = stats["canonical"]["entities"].as_array().unwrap();
    assert_eq!(entities[2], json!({ "entity": "opportunities", "count": 7 }));
    assert_eq!(stats["canonical"]["quarantine"], json!({ "open": 0 }));
    let serving: Vec<_> = stats["serving"]
        .as_array()
        .unwrap()
        .iter()
        .map(|zone| {
            (
                zone["projection"].as_str().unwrap(),
                zone["version"].as_i64().unwrap(),
                zone["pending"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        serving,
        [("activity_feed", 1, 2), ("dashboard_stats", 1, 2), ("directory", 1, 2), ("pipeline_summary", 1, 2)]
    );
}

#[tokio::test]
async fn an_etag_holds_until_something_changes() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let path = "/api/dashboard/overview";
    let first = ana.get(path).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && first.header("cache-control") == "private, no-cache");
    world.clock.advance_seconds(60);
    let again = ana.get_with(path, "if-none-match", &tag).await;
    assert_eq!(again.status, 304, "{}", again.text());
    assert!(again.body.is_empty() && again.header("etag") == tag && !again.header("x-request-id").is_empty());
    let more = records::deal("9", "ana", Status::Open, Some((5, "USD")), None);
    records::put_golden(&world.store, vec![more]).await;
    assert_eq!(ana.get_with(path, "if-none-match", &tag).await.status, 200);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_security_headers() {
    let world = World::empty().await;
    let mut browser = world.browser();
    for path in ["/api/meta", "/api/nothing", "/", "/healthz", "/metrics", "/api/docs", "/api/openapi.json"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'self'"), "{path}");
        assert!(!answer.header("content-security-policy").contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn the_page_of_operations_asks_no_other_host() {
    let world = World::empty().await;
    let page = world.browser().get("/api/docs").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(text.contains("/api/dashboard/overview") && text.contains("POST /api/sync/trigger"));
    assert!(
        !text.contains("http://")
            && !text.contains("https://")
            && !text.contains("<script")
            && !text.contains("style=")
    );
    let style = world.browser().get("/api/docs/style.css").await;
    assert!(style.header("content-type").starts_with("text/css"));
}

#[tokio::test]
async fn public_facts_without_a_session() {
    let world = World::empty().await;
    let meta = world.browser().get("/api/meta").await.json();
    assert_eq!(
        (&meta["product"], &meta["demo"], &meta["demo_accounts"]),
        (&json!("SalesCommand"), &json!(false), &json!([]))
    );
}

#[tokio::test]
async fn pages_of_the_application_and_missing_files() {
    let world = World::empty().await;
    let mut browser = world.browser();
    for path in ["/", "/pipeline", "/sign-in?return=%2F"] {
        let page = browser.get(path).await;
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        // Either the application, or the page that says how to build it.
        assert!([200, 503].contains(&page.status.as_u16()), "{path}");
        assert_ne!(page.header("cache-control"), "public, max-age=31536000, immutable");
    }
    browser.get("/assets/gone-0123abcd.js").await.problem(404, "unknown-route");
    browser.get("/../../etc/passwd").await;
}

#[tokio::test]
async fn large_answers_are_compressed_on_request() {
    let world = World::empty().await;
    let answer = world.browser().get_with("/api/openapi.json", "accept-encoding", "gzip").await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert!(answer.body.starts_with(&[0x1f, 0x8b]));
}

#[tokio::test]
async fn health_names_what_to_do() {
    let world = World::furnished().await;
    world.add_source("second").await;
    let health = world.signed_in(Role::SalesUser).await.get("/api/data-lake/health").await.json();
    assert_eq!(health["status"], "degraded");
    let checks = health["checks"].as_array().unwrap();
    let states: Vec<_> = checks
        .iter()
        .map(|check| (check["name"].as_str().unwrap(), check["status"].as_str().unwrap()))
        .collect();
    let expected = [
        ("event-log", "ok"),
        ("store", "ok"),
        ("projections", "ok"),
        ("raw-zone", "ok"),
        ("generation", "ok"),
        ("source:odoo", "ok"),
        ("source:second", "degraded"),
    ];
    assert_eq!(states, expected);
    assert!(checks[6]["fix"].as_str().unwrap().contains("sync run second"));
}
