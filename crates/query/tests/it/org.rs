//! Who reports to whom, as it is declared and shown, and who stands in for whom.

use axum::http::{Method, StatusCode};
use salescommand_domain::access::Role;
use salescommand_store::{Documents as _, OPS_DELEGATIONS, Query};
use serde_json::{Value, json};

use crate::records;
use crate::world::{Answer, Browser, World, email};

/// The ids of Mona, who manages Ana and Bob; of these; and of Zed, who belongs to nobody's team.
struct Cast {
    mona: String,
    ana: String,
    bob: String,
    zed: String,
}

fn cast(world: &World) -> Cast {
    let of = |role: Role| world.people[&role].to_string();
    let zed = records::seller("zed").to_string();
    Cast { mona: of(Role::SalesManager), ana: of(Role::AccountManager), bob: of(Role::SalesUser), zed }
}

async fn delete(browser: &mut Browser, path: &str) -> Answer {
    browser.send_json(Method::DELETE, path, &json!({})).await
}

async fn declare(chief: &mut Browser, edge: &Value) -> Value {
    let answer = chief.post("/api/org/edges", edge).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.json()["state"], "in");
    answer.json()["edge"].clone()
}

async fn delegate(browser: &mut Browser, body: &Value) -> Value {
    let answer = browser.post("/api/org/delegations", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()
}

async fn delegations(browser: &mut Browser, query: &str) -> Vec<Value> {
    let list = browser.get(&format!("/api/org/delegations{query}")).await.json();
    list["delegations"].as_array().unwrap().clone()
}

/// Names of the deals that somebody sees.
async fn deals(browser: &mut Browser) -> Vec<String> {
    let page = browser.get("/api/opportunities").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let page = page.json();
    let items = page["items"].as_array().unwrap();
    let mut names: Vec<_> = items.iter().map(|deal| deal["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn names(people: &Value) -> Vec<&str> {
    people.as_array().unwrap().iter().map(|person| person["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_declared_manager_holds_on_its_days_and_shows_what_it_overrides() {
    let world = World::furnished().await;
    let Cast { mona, ana, bob, .. } = cast(&world);
    let mut chief = world.signed_in(Role::SuperAdmin).await;
    let mut manager = world.signed_in(Role::SalesManager).await;
    let mut seller = world.signed_in(Role::AccountManager).await;
    assert_eq!(deals(&mut seller).await, ["Deal 1", "Deal 2", "Deal 7"]);
    let edge =
        json!({"person": bob, "manager": ana, "from": "2026-11-23", "until": "2026-11-24", "note": "Trial"});
    let declared = declare(&mut chief, &edge).await;
    assert_eq!((&declared["holds"], &declared["note"]), (&json!(true), &json!("Trial")));
    assert_eq!(deals(&mut seller).await, ["Deal 1", "Deal 2", "Deal 3", "Deal 4", "Deal 7"]);
    assert_eq!(deals(&mut manager).await.len(), 5, "who is above the new manager still sees all");
    let place = seller.get(&format!("/api/org/people/{bob}")).await.json();
    assert_eq!(names(&place["line"]), ["Ana", "Mona"]);
    let claims: Vec<_> = place["claims"].as_array().unwrap().iter().collect();
    let claim = |index: usize| {
        (claims[index]["evidence"].as_str().unwrap(), claims[index]["standing"].as_str().unwrap())
    };
    assert_eq!((claim(0), claim(1)), (("manual", "holds"), ("source", "overridden")));
    assert_eq!((&claims[0]["until"], &claims[1]["manager"]["id"]), (&json!("2026-11-24"), &json!(mona)));
    // The day after its last one it holds no more, and nothing was written for that.
    world.clock.advance_seconds(2 * 86_400);
    let mut seller = world.signed_in(Role::AccountManager).await;
    assert_eq!(deals(&mut seller).await, ["Deal 1", "Deal 2", "Deal 7"]);
    seller.get(&format!("/api/org/people/{bob}")).await.problem(404, "unknown-person");
}

#[tokio::test]
async fn a_circle_is_refused_in_words_on_whatever_day_it_would_close() {
    let world = World::furnished().await;
    let Cast { mona, ana, bob, zed } = cast(&world);
    let mut chief = world.signed_in(Role::SuperAdmin).await;
    let answer = chief.post("/api/org/edges", &json!({"person": mona, "manager": ana})).await;
    let problem = answer.problem(409, "closes-circle");
    assert_eq!(problem["detail"], "On 2026-11-23, Ana reports to Mona: Mona cannot report to Ana.");
    declare(&mut chief, &json!({"person": mona, "manager": zed, "from": "2027-01-01"})).await;
    // Not yet today, but from New Year on.
    let later = json!({"person": zed, "manager": bob});
    let problem = chief.post("/api/org/edges", &later).await.problem(409, "closes-circle");
    let detail = "On 2027-01-01, Bob reports to Mona, who reports to Zed: Zed cannot report to Bob.";
    assert_eq!(problem["detail"], detail);
    let before = json!({"person": zed, "manager": bob, "until": "2026-12-31"});
    declare(&mut chief, &before).await;
    let itself = json!({"person": zed, "manager": zed});
    chief.post("/api/org/edges", &itself).await.problem(422, "invalid-fields");
    let nobody = json!({"person": zed, "manager": records::seller("nemo").to_string()});
    chief.post("/api/org/edges", &nobody).await.problem(422, "invalid-fields");
    let backwards = json!({"person": zed, "manager": ana, "from": "2026-12-02", "until": "2026-12-01"});
    chief.post("/api/org/edges", &backwards).await.problem(422, "invalid-fields");
}

#[tokio::test]
async fn what_is_declared_is_listed_replaced_and_taken_back() {
    let world = World::furnished().await;
    let Cast { ana, bob, zed, .. } = cast(&world);
    let mut chief = world.signed_in(Role::SuperAdmin).await;
    let first = declare(&mut chief, &json!({"person": bob, "manager": ana})).await;
    let second = declare(&mut chief, &json!({"person": bob, "manager": null, "note": " "})).await;
    assert_eq!(first["id"], second["id"], "from the same day on, it takes the place of the former");
    let listed = chief.get("/api/org/edges").await.json();
    let edges = listed["edges"].as_array().unwrap();
    assert_eq!((edges.len(), &edges[0]["manager"], &edges[0]["note"]), (1, &Value::Null, &Value::Null));
    assert_eq!(
        (&edges[0]["person"]["name"], &edges[0]["set_at"]),
        (&json!("Bob"), &json!("2026-11-23T08:00:00Z"))
    );
    let tops = chief.get("/api/org/tree").await.json();
    assert!(names(&tops["people"]).contains(&"Bob"), "who reports to nobody is at the top");
    let path = format!("/api/org/edges/{}", second["id"].as_str().unwrap());
    assert_eq!(delete(&mut chief, &path).await.status, StatusCode::NO_CONTENT);
    assert!(!names(&chief.get("/api/org/tree").await.json()["people"]).contains(&"Bob"));
    delete(&mut chief, &format!("/api/org/edges/{zed}")).await.problem(404, "unknown-edge");
    // While the pipeline is behind, the answer says so; while the broker is away, nothing is declared.
    world.people_told.projector.off();
    let waiting = chief.post("/api/org/edges", &json!({"person": bob, "manager": ana})).await;
    assert_eq!((waiting.status, &waiting.json()["state"]), (StatusCode::ACCEPTED, &json!("waiting")));
    world.people_told.switch.off();
    let away = chief.post("/api/org/edges", &json!({"person": bob, "manager": ana})).await;
    away.problem(503, "broker-unavailable");
}

#[tokio::test]
async fn the_tree_is_shown_as_far_as_one_sees_and_names_beyond_that() {
    let world = World::furnished().await;
    let Cast { mona, ana, bob, zed } = cast(&world);
    let mut seller = world.signed_in(Role::SalesUser).await;
    let own = seller.get("/api/org/tree").await.json();
    assert_eq!((names(&own["people"]), names(&own["line"])), (vec!["Bob"], vec!["Mona"]));
    for hidden in [&mona, &ana, &zed] {
        seller.get(&format!("/api/org/people/{hidden}")).await.problem(404, "unknown-person");
        seller.get(&format!("/api/org/tree?under={hidden}")).await.problem(404, "unknown-person");
    }
    assert!(names(&seller.get("/api/org/tree?q=ana").await.json()["people"]).is_empty());
    assert_eq!(names(&seller.get("/api/org/people?q=AN").await.json()["people"]), ["Ana"]);
    let mut manager = world.signed_in(Role::SalesManager).await;
    let top = manager.get("/api/org/tree").await.json();
    assert_eq!((names(&top["people"]), &top["people"][0]["reports"]), (vec!["Mona"], &json!(2)));
    let below = manager.get(&format!("/api/org/tree?under={mona}")).await.json();
    assert_eq!(names(&below["people"]), ["Ana", "Bob"]);
    assert_eq!(names(&manager.get("/api/org/tree?q=b").await.json()["people"]), ["Bob"]);
    let place = manager.get(&format!("/api/org/people/{bob}")).await.json();
    assert_eq!(place["person"]["evidence"], "source");
    let mut chief = world.signed_in(Role::Executive).await;
    let tops = chief.get("/api/org/tree").await.json();
    assert_eq!(names(&tops["people"]), ["Mona", "Vic", "Zed"]);
}

#[tokio::test]
async fn who_stands_in_sees_the_others_tree_on_its_days_and_nothing_that_was_delegated_to_them() {
    let world = World::furnished().await;
    let Cast { mona, ana, bob, .. } = cast(&world);
    let mut manager = world.signed_in(Role::SalesManager).await;
    let mut seller = world.signed_in(Role::AccountManager).await;
    let mut bobs = world.signed_in(Role::SalesUser).await;
    let made = delegate(&mut manager, &json!({"to": ana, "last": "2026-11-24", "note": "On holiday"})).await;
    assert_eq!((&made["first"], &made["holds"]), (&json!("2026-11-23"), &json!(true)));
    assert_eq!(deals(&mut seller).await.len(), 5, "from the next request on");
    let overview = seller.get("/api/dashboard/overview").await.json();
    let scope = json!({"kind": "team", "label": "You and those you stand in for", "people": 3});
    assert_eq!(overview["scope"], scope);
    let own = seller.get("/api/org/tree").await.json();
    assert_eq!(names(&own["people"]), ["Mona"], "Ana stands below her, disjoint roots");
    let seen = delegations(&mut seller, "").await;
    assert_eq!((&seen[0]["from"]["name"], &seen[0]["received"]), (&json!("Mona"), &json!(true)));
    assert_eq!(delegations(&mut manager, "").await[0]["given"], json!(true));
    // What Ana delegates is hers alone.
    delegate(&mut seller, &json!({"to": bob, "last": "2026-11-30"})).await;
    assert_eq!(deals(&mut bobs).await, ["Deal 1", "Deal 2", "Deal 3", "Deal 4", "Deal 7"]);
    let mona_own = format!("/api/org/people/{mona}");
    bobs.get(&mona_own).await.problem(404, "unknown-person");
    // It ends by itself.
    world.clock.advance_seconds(2 * 86_400);
    let mut seller = world.signed_in(Role::AccountManager).await;
    assert_eq!(deals(&mut seller).await, ["Deal 1", "Deal 2", "Deal 7"]);
    assert_eq!(delegations(&mut seller, "").await.len(), 1, "only the one that she has made");
    // What is over is kept for a month, and goes when the next is made.
    let kept = async || world.store.find(OPS_DELEGATIONS, &Query::all()).await.unwrap().len();
    for (days, left) in [(29, 3), (1, 2), (7, 1)] {
        world.clock.advance_seconds(days * 86_400);
        let mut seller = world.signed_in(Role::AccountManager).await;
        let body = json!({"to": bob, "first": "2027-01-31", "last": "2027-01-31"});
        let made = delegate(&mut seller, &body).await;
        assert_eq!(kept().await, left, "{days} days later");
        delete(&mut seller, &format!("/api/org/delegations/{}", made["id"].as_str().unwrap())).await;
    }
}

#[tokio::test]
async fn days_begin_and_end_where_the_reporting_calendar_is() {
    let world = World::furnished().await;
    let Cast { bob, ana, .. } = cast(&world);
    // Los Angeles: the 23rd has just begun, and lasts eight hours longer than in Greenwich.
    records::put_calendar(&world.store, "America/Los_Angeles").await;
    world.project(8).await;
    let mut chief = world.signed_in(Role::SuperAdmin).await;
    let mut manager = world.signed_in(Role::SalesManager).await;
    let made = delegate(&mut manager, &json!({"to": bob, "last": "2026-11-23"})).await;
    assert_eq!((&made["first"], &made["holds"]), (&json!("2026-11-23"), &json!(true)));
    let mut bobs = world.signed_in(Role::SalesUser).await;
    delegate(&mut bobs, &json!({"to": ana, "first": "2026-11-24", "last": "2026-11-24"})).await;
    declare(&mut chief, &json!({"person": ana, "manager": bob, "until": "2026-11-23"})).await;
    declare(&mut chief, &json!({"person": bob, "manager": null, "from": "2026-11-24"})).await;
    let (all, of_ana, of_bob) = (5, 3, 2);
    // So many hours later; how many deals Ana, Bob, and Mona see, who has Bob below her on the 23rd only.
    for (hours, seen) in [(0, [of_ana, all, all]), (23, [of_ana, all, all]), (1, [all, of_bob, of_ana])] {
        world.clock.advance_seconds(hours * 3_600);
        for (role, seen) in [Role::AccountManager, Role::SalesUser, Role::SalesManager].into_iter().zip(seen)
        {
            let mut browser = world.signed_in(role).await;
            assert_eq!(deals(&mut browser).await.len(), seen, "{role:?}, {hours} hours later");
        }
    }
    world.clock.advance_seconds(24 * 3_600);
    let mut seller = world.signed_in(Role::AccountManager).await;
    assert!(delegations(&mut seller, "").await.is_empty(), "the last one is over, by itself");
}

#[tokio::test]
async fn a_delegation_ends_when_it_is_withdrawn_or_its_delegator_is_shut_out() {
    let world = World::furnished().await;
    let Cast { bob, .. } = cast(&world);
    let mut manager = world.signed_in(Role::SalesManager).await;
    let mut seller = world.signed_in(Role::AccountManager).await;
    let mut bobs = world.signed_in(Role::SalesUser).await;
    let to_bob = json!({"to": bob, "last": "2026-12-01"});
    let made = delegate(&mut manager, &to_bob).await;
    assert_eq!(deals(&mut bobs).await.len(), 5);
    let path = format!("/api/org/delegations/{}", made["id"].as_str().unwrap());
    delete(&mut seller, &path).await.problem(404, "unknown-delegation");
    assert_eq!(delete(&mut manager, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(deals(&mut bobs).await, ["Deal 3", "Deal 4"]);
    delete(&mut manager, &path).await.problem(404, "unknown-delegation");
    delegate(&mut manager, &to_bob).await;
    world.accounts.set_disabled(&email(Role::SalesManager), true).await.unwrap();
    assert_eq!(deals(&mut bobs).await, ["Deal 3", "Deal 4"]);
    // Whoever is delegated to may give it back.
    let made = delegate(&mut seller, &to_bob).await;
    let path = format!("/api/org/delegations/{}", made["id"].as_str().unwrap());
    assert_eq!(delete(&mut bobs, &path).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn who_may_delegate_what_to_whom_and_for_how_long() {
    let world = World::furnished().await;
    let Cast { mona, ana, bob, zed } = cast(&world);
    let mut seller = world.signed_in(Role::AccountManager).await;
    let wrong = [
        (json!({"to": ana, "last": "2026-11-24"}), "to"),
        (json!({"to": zed, "last": "2026-11-24"}), "to"),
        (json!({"to": "nobody", "last": "2026-11-24"}), "to"),
        (json!({"to": bob, "last": "2026-11-22"}), "last"),
        (json!({"to": bob, "first": "2026-11-25", "last": "2026-11-24"}), "last"),
        (json!({"to": bob, "first": "2026-11-23", "last": "2027-02-21"}), "last"),
        (json!({"to": bob, "last": "2026-11-24", "note": "x".repeat(501)}), "note"),
    ];
    for (body, field) in wrong {
        let problem = seller.post("/api/org/delegations", &body).await.problem(422, "invalid-fields");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    delegate(&mut seller, &json!({"to": bob, "last": "2027-02-20"})).await;
    let for_mona = json!({"from": mona, "to": bob, "last": "2026-11-24"});
    seller.post("/api/org/delegations", &for_mona).await.problem(403, "forbidden");
    seller.get("/api/org/delegations?all=true").await.problem(403, "forbidden");
    let mut chief = world.signed_in(Role::SuperAdmin).await;
    delegate(&mut chief, &for_mona).await;
    assert_eq!(delegations(&mut chief, "?all=true").await.len(), 2);
    assert!(delegations(&mut chief, "").await.is_empty());
    let mut bobs = world.signed_in(Role::SalesUser).await;
    assert_eq!(deals(&mut bobs).await.len(), 5);
    world.accounts.set_disabled(&email(Role::SalesUser), true).await.unwrap();
    seller
        .post("/api/org/delegations", &json!({"to": bob, "last": "2026-11-24"}))
        .await
        .problem(422, "invalid-fields");
}

#[tokio::test]
async fn teams_are_public_with_leaders_and_members() {
    let world = World::furnished().await;
    let mut viewer = world.signed_in(Role::Viewer).await;
    let listed = viewer.get("/api/teams").await.json();
    let sales = &listed["teams"][0];
    assert_eq!((&sales["name"], &sales["sources"]), (&json!("Sales"), &json!(["odoo"])));
    let id = sales["id"].as_str().unwrap();
    assert_eq!(viewer.get(&format!("/api/teams/{id}")).await.json(), *sales);
    viewer.get("/api/teams/x").await.problem(404, "unknown-team");
}

#[tokio::test]
async fn what_is_declared_and_delegated_is_written_down_without_notes() {
    let world = World::furnished().await;
    let Cast { mona, ana, bob, .. } = cast(&world);
    let mut chief = world.signed_in(Role::SuperAdmin).await;
    let mut seller = world.signed_in(Role::AccountManager).await;
    let edge = json!({"person": bob, "manager": ana, "from": "2026-11-23", "note": "Bob is new"});
    let declared = declare(&mut chief, &edge).await;
    delete(&mut chief, &format!("/api/org/edges/{}", declared["id"].as_str().unwrap())).await;
    let body = json!({"from": mona, "to": ana, "last": "2026-11-24", "note": "Mona is ill"});
    let made = delegate(&mut chief, &body).await;
    delete(&mut seller, &format!("/api/org/delegations/{}", made["id"].as_str().unwrap())).await;
    let over = seller.post("/api/org/delegations", &json!({"to": bob, "last": "2026-11-22"})).await;
    over.problem(422, "invalid-fields");
    world.publish_audit().await;
    let log = chief.get("/api/audit?limit=200").await.json();
    let is_about = |entry: &&Value| {
        let action = entry["action"].as_str().unwrap();
        action.starts_with("manager.") || action.starts_with("delegation.")
    };
    let told = |entry: &Value| {
        let parts = [&entry["action"], &entry["outcome"], &entry["actor"]["name"], &entry["target"]["name"]];
        (parts.map(|part| part.as_str().unwrap_or("-")).join(", "), entry["details"].clone())
    };
    let found: Vec<_> = log["entries"].as_array().unwrap().iter().filter(is_about).map(told).collect();
    let accounts = world.accounts.list().await.unwrap();
    let account = |role: Role| accounts.iter().find(|account| account.role == role).unwrap().id.clone();
    let (of_mona, of_ana) = (account(Role::SalesManager), account(Role::AccountManager));
    let manager = json!({"manager": ana, "first": "2026-11-23"});
    let holiday = json!({"delegator": of_mona, "first": "2026-11-23", "last": "2026-11-24"});
    let refused =
        json!({"delegator": of_ana, "first": "2026-11-23", "last": "2026-11-22", "code": "invalid-fields"});
    let expected = [
        ("delegation.made, refused, Account Manager, Sales User", refused),
        ("delegation.withdrawn, done, Account Manager, Account Manager", holiday.clone()),
        ("delegation.made, done, Super Admin, Account Manager", holiday),
        ("manager.taken_back, done, Super Admin, Bob", manager.clone()),
        ("manager.declared, done, Super Admin, Bob", manager),
    ];
    assert_eq!(found, expected.map(|(words, details)| (words.to_owned(), details)));
}
