//! Whom the organisation's directory keeps out: signed out everywhere, not let in, let in again; and who is not kept out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use salescommand_domain::access::Role;
use salescommand_domain::canonical::{DirectoryAccount, Entity, FacetId, IdentityKey};
use salescommand_domain::serving::DirectoryFact;
use salescommand_query::accounts::NewAccount;
use salescommand_store::{OPS_REFRESH_TOKENS, Ops as _, Query, serving_collection};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::hostile::{Provider, TENANT};
use crate::records;
use crate::world::{Browser, PASSWORD, World, email, key};

const MS365: &str = "/api/auth/ms365";

/// An account in the directory, and whether it may be used.
pub fn account(object: &str, enabled: bool) -> DirectoryAccount {
    DirectoryAccount { key: IdentityKey::directory_object(Entity::User, TENANT, object).unwrap(), enabled }
}

/// The directory says this of a person, and the projection has it.
pub async fn says(world: &World, person: FacetId, name: &str, of: Vec<DirectoryAccount>) {
    let mut entry = records::person(person, vec![person, records::seller(name)], name, None);
    if let DirectoryFact::Person { accounts, .. } = &mut entry.fact {
        *accounts = of;
    }
    let directory = serving_collection("directory", 1);
    records::put(&world.store, &directory, vec![(person.to_string(), entry)]).await;
    world.project(7).await;
}

async fn entries(world: &World, admin: &mut Browser, action: &str) -> Vec<Value> {
    world.publish_audit().await;
    let page = admin.get(&format!("/api/audit?limit=200&action={action}")).await.json();
    page["entries"].as_array().unwrap().clone()
}

/// How many sessions there are.
async fn sessions(world: &World) -> usize {
    world.store.list(OPS_REFRESH_TOKENS, &Query::all()).await.unwrap().len()
}

#[tokio::test]
async fn who_is_shut_out_in_the_directory_is_signed_out_everywhere_and_let_in_again_when_it_says_so() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let bob = world.people[&Role::SalesUser];
    says(&world, bob, "bob", vec![account("b", true)]).await;
    let mut here = world.signed_in(Role::SalesUser).await;
    let mut there = world.elsewhere(&world.signed_in(Role::SalesUser).await);
    let mut idle = there.clone();
    assert_eq!(here.get("/api/auth/me").await.status, StatusCode::OK);

    says(&world, bob, "bob", vec![account("b", false)]).await;
    let refused = idle.post("/api/auth/refresh", &json!(null)).await;
    refused.problem(401, "directory-disabled");
    assert!(!idle.cookies.contains_key("sc_access") && !idle.cookies.contains_key("sc_refresh"));
    for browser in [&mut here, &mut there] {
        let problem = browser.get("/api/dashboard/overview").await;
        problem.problem(401, "session-expired");
        browser.post("/api/auth/refresh", &json!(null)).await.problem(401, "session-expired");
    }
    let problem =
        world.browser().sign_in(&email(Role::SalesUser), PASSWORD).await.problem(403, "directory-disabled");
    assert!(problem["fix"].as_str().unwrap().contains("in a minute"), "{problem}");
    world.browser().sign_in(&email(Role::SalesUser), "wrong").await.problem(401, "invalid-credentials");

    let ended = entries(&world, &mut admin, "session.ended").await;
    let [ended] = ended.as_slice() else { panic!("written down once: {ended:?}") };
    assert_eq!((&ended["actor"]["id"], &ended["details"]), (&json!("system"), &json!({"by": "directory"})));
    let refused = entries(&world, &mut admin, "session.refused").await;
    assert_eq!(refused[1]["details"], json!({"by": "password", "code": "directory-disabled"}));
    assert_eq!(refused[1]["target"]["id"], ended["target"]["id"]);

    says(&world, bob, "bob", vec![account("b", true)]).await;
    world.signed_in(Role::SalesUser).await;
    // Who is not known to the directory at all is none of its business.
    says(&world, bob, "bob", Vec::new()).await;
    world.signed_in(Role::SalesUser).await;
}

#[tokio::test]
async fn the_first_request_after_it_says_why() {
    let world = World::furnished().await;
    let ana = world.people[&Role::AccountManager];
    let mut browser = world.signed_in(Role::AccountManager).await;
    says(&world, ana, "ana", vec![account("a", false), account("other", false)]).await;
    let problem = browser.get("/api/opportunities").await.problem(401, "directory-disabled");
    assert!(problem["detail"].as_str().unwrap().contains("directory"), "{problem}");
    // And administrators see it.
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let users = admin.get("/api/users").await.json();
    let out = users["users"].as_array().unwrap().iter().filter(|user| user["directory_disabled"] == true);
    assert_eq!(out.map(|user| user["email"].clone()).collect::<Vec<_>>(), [email(Role::AccountManager)]);
    // Of somebody with two accounts there, one is enough.
    says(&world, ana, "ana", vec![account("a", false), account("other", true)]).await;
    world.signed_in(Role::AccountManager).await;
}

#[tokio::test]
async fn somebody_who_can_let_others_in_stays() {
    let world = World::furnished().await;
    let chief = world.people[&Role::SuperAdmin];
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    says(&world, chief, "chief", vec![account("c", false)]).await;
    assert_eq!(admin.get("/api/users").await.status, StatusCode::OK, "nobody else could");
    world.signed_in(Role::SuperAdmin).await;
    // One who has been invited and has chosen no password can do nothing for anybody.
    let invited = json!({"email": "next@example.com", "name": "Next", "role": "super_admin"});
    assert_eq!(admin.post("/api/users", &invited).await.status, StatusCode::CREATED);
    assert_eq!(admin.get("/api/users").await.status, StatusCode::OK);

    let new = NewAccount {
        email: "second@example.com".to_owned(),
        name: "Second".to_owned(),
        role: Role::SuperAdmin,
        password: PASSWORD.into(),
    };
    let second = world.accounts.create(new).await.unwrap();
    admin.get("/api/users").await.problem(401, "directory-disabled");
    let mut other = world.browser();
    other.sign_in("second@example.com", PASSWORD).await;
    assert_eq!(other.get("/api/users").await.status, StatusCode::OK);
    // A directory that says so of everybody keeps no administrator with a password out.
    says(&world, second.person_facet, "second", vec![account("s", false)]).await;
    assert_eq!(other.get("/api/users").await.status, StatusCode::OK);
    world.signed_in(Role::SuperAdmin).await;
}

#[tokio::test]
async fn an_account_of_the_directory_is_judged_by_its_own_record_and_is_that_person() {
    let provider = Provider::start().await;
    let world = World::with_providers(vec![provider.ms365(&[TENANT])]).await;
    world.activate().await;
    world.project(7).await;
    let issuer = format!("{}/{TENANT}/v2.0", provider.address);
    provider.lies().claims = json!({"iss": issuer, "tid": TENANT, "oid": "ann", "sub": "x"});
    let mut browser = world.browser();
    provider.sign_in(&mut browser, MS365).await;
    assert_eq!(browser.get("/api/auth/me").await.status, StatusCode::OK);
    let told = world.people_told.accounts.lock().unwrap().clone();
    let [told] = told.as_slice() else { panic!("told once: {told:?}") };
    assert_eq!(told.directory.len(), 1);
    assert_eq!((told.directory[0].directory.as_str(), told.directory[0].object.as_str()), (TENANT, "ann"));

    // Somebody else has got the address since, and so is the same person here: their account opens nothing for the former one.
    says(&world, told.person_facet, "ann", vec![account("ann", false), account("successor", true)]).await;
    browser.get("/api/auth/me").await.problem(401, "directory-disabled");
    let answer = provider.sign_in(&mut browser, MS365).await;
    assert!(answer.header("location").contains("error=directory-disabled"), "{}", answer.header("location"));
    browser.get("/api/auth/me").await.problem(401, "session-expired");
    says(&world, told.person_facet, "ann", vec![account("ann", true), account("successor", false)]).await;
    provider.sign_in(&mut browser, MS365).await;
    assert_eq!(browser.get("/api/auth/me").await.status, StatusCode::OK);
    assert_eq!(world.people_told.accounts.lock().unwrap().len(), 1, "nothing new to tell");
}

#[tokio::test]
async fn what_was_delegated_by_somebody_who_is_kept_out_is_seen_no_more() {
    let world = World::furnished().await;
    let (mona, bob) = (world.people[&Role::SalesManager], world.people[&Role::SalesUser]);
    let mut manager = world.signed_in(Role::SalesManager).await;
    let mut bobs = world.signed_in(Role::SalesUser).await;
    let to_bob = json!({"to": bob.to_string(), "last": "2026-12-01"});
    let made = manager.post("/api/org/delegations", &to_bob).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let seen = async |browser: &mut Browser| {
        let page = browser.get("/api/opportunities").await.json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(seen(&mut bobs).await, 5);
    says(&world, mona, "mona", vec![account("m", false)]).await;
    assert_eq!(seen(&mut bobs).await, 2);
}

#[tokio::test]
async fn sessions_of_those_who_ask_for_nothing_end_as_well() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let bob = world.people[&Role::SalesUser];
    world.signed_in(Role::SalesUser).await;
    world.signed_in(Role::SalesUser).await;
    assert_eq!(sessions(&world).await, 3);
    let stop = CancellationToken::new();
    // Two copies of the service, of which one writes it down.
    let mut serving = Vec::new();
    for _ in 0..2 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        serving.push(tokio::spawn((world.copies)(key(1).into()).serve(listener, stop.clone())));
    }
    says(&world, bob, "bob", vec![account("b", false)]).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while sessions(&world).await > 1 {
        assert!(Instant::now() < deadline, "the sessions are still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(admin.get("/api/auth/me").await.status, StatusCode::OK);
    stop.cancel();
    for served in serving {
        served.await.unwrap().unwrap();
    }
    assert_eq!(entries(&world, &mut admin, "session.ended").await.len(), 1);
}

#[tokio::test]
async fn of_many_who_end_the_sessions_at_once_one_writes_it_down() {
    let world = Arc::new(World::furnished().await);
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let bob = world.people[&Role::SalesUser];
    let mut browsers = Vec::new();
    for _ in 0..6 {
        browsers.push(world.signed_in(Role::SalesUser).await);
    }
    says(&world, bob, "bob", vec![account("b", false)]).await;
    let asking = browsers
        .into_iter()
        .map(|mut browser| tokio::spawn(async move { browser.get("/api/dashboard/overview").await.status }));
    for asked in asking.collect::<Vec<_>>() {
        assert_eq!(asked.await.unwrap(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(entries(&world, &mut admin, "session.ended").await.len(), 1);
}
