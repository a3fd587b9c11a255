//! The overview: figures, scope, period, freshness.

use salescommand_domain::access::Role;
use salescommand_domain::canonical::Status;
use serde_json::{Value, json};

use crate::records;
use crate::world::{World, run};

const OVERVIEW: &str = "/api/dashboard/overview";

fn usd(minor: i64) -> Value {
    json!({ "currency": "USD", "minor": minor, "exponent": 2 })
}

fn eur(minor: i64) -> Value {
    json!({ "currency": "EUR", "minor": minor, "exponent": 2 })
}

#[tokio::test]
async fn a_manager_sees_the_figures_of_the_team() {
    let world = World::furnished().await;
    let overview = world.signed_in(Role::SalesManager).await.get(OVERVIEW).await.json();
    assert_eq!(overview["scope"], json!({ "kind": "team", "label": "You and your team", "people": 3 }));
    let period = json!({ "key": "2026-Q4", "label": "Q4 2026", "start": "2026-10-01", "end": "2027-01-01" });
    assert_eq!(overview["period"], period);
    let open = json!({ "count": 2, "unvalued": 0, "undated": 1, "amounts": [eur(20_000), usd(100_000)] });
    assert_eq!(overview["open_pipeline"], open);
    assert_eq!(overview["weighted_pipeline"], json!({ "count": 2, "amounts": [eur(10_000), usd(50_000)] }));
    assert_eq!(overview["won"], json!({ "count": 1, "unvalued": 0, "amounts": [usd(50_000)] }));
    assert_eq!(overview["lost"], json!({ "count": 1, "unvalued": 1, "amounts": [] }));
    assert_eq!(overview["win_rate"]["rate"], 0.5);
    assert_eq!(overview["win_rate"]["reason"], Value::Null);
    let stages = overview["pipeline_by_stage"].as_array().unwrap();
    assert_eq!(stages.len(), 1);
    assert_eq!(
        (&stages[0]["name"], &stages[0]["order"], &stages[0]["count"]),
        (&json!("Proposal"), &json!(2), &json!(2))
    );
    assert_eq!(stages[0]["amounts"], json!([eur(20_000), usd(100_000)]));
    assert_eq!(overview["meta"]["generation"]["canonical"], 1);
    assert_eq!(overview["meta"]["definition_version"], 1);
}

#[tokio::test]
async fn scopes_differ_and_a_name_out_of_scope_does_not_show() {
    let world = World::furnished().await;
    let mut seen = Vec::new();
    for role in Role::ALL {
        let overview = world.signed_in(role).await.get(OVERVIEW).await.json();
        let calls: Vec<_> =
            overview["activity"].as_array().unwrap().iter().map(|item| item["subject"].clone()).collect();
        let (kind, open) = (overview["scope"]["kind"].clone(), overview["open_pipeline"]["count"].clone());
        seen.push(json!([kind, open, calls]));
    }
    let all = json!(["all", 3, ["Call 3", "Call 2", "Call 1"]]);
    let expected = json!([
        all,
        all,
        ["team", 2, ["Call 3", "Call 1"]],
        ["own", 1, ["Call 1"]],
        ["own", 1, ["Call 3"]],
        ["own", 0, []]
    ]);
    assert_eq!(Value::Array(seen), expected);
    let bobs = world.signed_in(Role::SalesUser).await.get(OVERVIEW).await.json();
    assert_eq!(bobs["activity"][0]["owner"]["name"], "Bob");
    assert_eq!(bobs["activity"][0]["related"], Value::Null);
    let chiefs = world.signed_in(Role::Executive).await.get(OVERVIEW).await.json();
    assert_eq!(chiefs["activity"][0]["related"]["name"], "Deal 5");
}

#[tokio::test]
async fn a_change_outside_the_scope_changes_no_byte() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let paths = [OVERVIEW, "/api/data-lake/entities/opportunities", "/api/data-lake/entities/activities"];
    let mut before = Vec::new();
    for path in paths {
        before.push(ana.get(path).await.body);
    }
    let zeds = records::deal("8", "zed", Status::Open, Some((1, "USD")), Some("2026-12-01"));
    let call = records::call("9", "zed", "2026-11-22T23:00:00Z", &zeds);
    records::put_golden(&world.store, vec![zeds, call]).await;
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(ana.get(path).await.body, before, "{path}");
    }
}

#[tokio::test]
async fn another_quarter_and_an_unreadable_one() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let overview = ana.get("/api/dashboard/overview?period=2026-Q3").await.json();
    assert_eq!(overview["period"]["end"], "2026-10-01");
    assert_eq!(overview["won"], json!({ "count": 1, "unvalued": 0, "amounts": [usd(1)] }));
    assert_eq!(overview["open_pipeline"]["count"], 1);
    let nothing = ana.get("/api/dashboard/overview?period=2025-Q1").await.json();
    assert_eq!(nothing["win_rate"]["rate"], Value::Null);
    assert_eq!(nothing["win_rate"]["reason"], "no deal closed in this period");
    ana.get("/api/dashboard/overview?period=soon").await.problem(400, "malformed-query");
}

#[tokio::test]
async fn freshness_tells_whether_everything_read_is_in_the_figures() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::Executive).await;
    let meta = browser.get(OVERVIEW).await.json()["meta"].clone();
    assert_eq!(meta["as_of"], "2026-11-23T07:00:00Z");
    let source = json!({ "name": "odoo", "kind": "odoo", "title": "Odoo", "state": "ok",
        "last_complete_sync": "2026-11-23T07:00:00Z", "age_seconds": 3600, "projected": true });
    assert_eq!(meta["sources"], json!([source]));

    world.finish_run("odoo", "2026-11-23T07:30:00Z", 9).await;
    let meta = browser.get(OVERVIEW).await.json()["meta"].clone();
    assert_eq!(meta["sources"][0]["projected"], false);
    assert_eq!(meta["sources"][0]["last_complete_sync"], "2026-11-23T07:30:00Z");
    world.project(9).await;
    let meta = browser.get(OVERVIEW).await.json()["meta"].clone();
    assert_eq!(
        (&meta["sources"][0]["projected"], &meta["as_of"]),
        (&json!(true), &json!("2026-11-23T07:30:00Z"))
    );

    world.put_run(&run("odoo", "2026-11-23T07:40:00Z", "running", None)).await;
    assert_eq!(browser.get(OVERVIEW).await.json()["meta"]["sources"][0]["state"], "running");
    world.put_run(&run("odoo", "2026-11-23T07:40:00Z", "failed", Some(9))).await;
    let meta = browser.get(OVERVIEW).await.json()["meta"].clone();
    assert_eq!(meta["sources"][0]["state"], "failing");
    assert_eq!(meta["sources"][0]["last_complete_sync"], "2026-11-23T07:30:00Z");
}

#[tokio::test]
async fn an_old_sync_is_stale_and_a_new_source_has_never_run() {
    let world = World::furnished().await;
    world.add_source("second").await;
    let mut browser = world.signed_in(Role::Executive).await;
    world.clock.advance_seconds(24 * 3600);
    browser.post("/api/auth/refresh", &json!(null)).await;
    let sources = browser.get(OVERVIEW).await.json()["meta"]["sources"].clone();
    let states: Vec<_> = sources.as_array().unwrap().iter().map(|source| source["state"].clone()).collect();
    assert_eq!(states, [json!("stale"), json!("never_run")]);
}

#[tokio::test]
async fn before_anything_is_prepared_the_answer_says_so() {
    let world = World::with_accounts().await;
    let mut browser = world.signed_in(Role::Executive).await;
    browser.get(OVERVIEW).await.problem(503, "warming-up");
    world.activate().await;
    let overview = browser.get(OVERVIEW).await.json();
    assert_eq!(overview["open_pipeline"]["count"], 0);
    assert_eq!(overview["meta"]["as_of"], "2026-11-23T08:00:00Z");
}

#[tokio::test]
async fn a_person_who_leaves_the_team_leaves_the_scope_once_the_directory_has_moved() {
    let world = World::furnished().await;
    let mut mona = world.signed_in(Role::SalesManager).await;
    assert_eq!(mona.get(OVERVIEW).await.json()["scope"]["people"], 3);
    let bob = world.people[&Role::SalesUser];
    let alone = records::person(bob, vec![bob, records::seller("bob")], "Robert", None);
    records::put(&world.store, "serving_directory_g1", vec![(bob.to_string(), alone)]).await;
    world.project(7).await;
    let overview = mona.get(OVERVIEW).await.json();
    assert_eq!((&overview["scope"]["people"], &overview["open_pipeline"]["count"]), (&json!(2), &json!(1)));
    let bobs = world.signed_in(Role::SalesUser).await.get(OVERVIEW).await.json();
    assert_eq!(bobs["activity"][0]["owner"]["name"], "Robert");
}
