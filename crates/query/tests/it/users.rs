//! Accounts as administrators manage them, and passwords as their owners choose them.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use salescommand_domain::access::Role;
use salescommand_query::accounts::{AccountError, NewAccount};
use serde_json::{Value, json};

use crate::world::{Answer, Browser, PASSWORD, World, email};

const GOOD: &str = "staple wagon cloud";

fn change(method: Method, path: &str, revision: Option<i64>, body: &Value) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("x-requested-with", "salescommand");
    let request = request.header("content-type", "application/json");
    let request = match revision {
        Some(revision) => request.header("if-match", format!("\"{revision}\"")),
        None => request,
    };
    request.body(Body::from(body.to_string())).unwrap()
}

async fn post(browser: &mut Browser, path: &str, body: &Value) -> Answer {
    browser.send(change(Method::POST, path, None, body)).await
}

async fn invited(admin: &mut Browser, address: &str, role: &str) -> Value {
    let answer =
        post(admin, "/api/users", &json!({"email": address, "name": "Nina New", "role": role})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.json()
}

/// What stands behind `#` in a link.
fn token(link: &Value) -> Value {
    link["path"].as_str().unwrap().split_once('#').unwrap().1.into()
}

async fn choose(world: &World, token: &Value, password: &str) -> Answer {
    post(&mut world.browser(), "/api/auth/choose-password", &json!({"token": token, "password": password}))
        .await
}

async fn signs_in(world: &World, address: &str, password: &str) -> bool {
    let body = json!({"email": address, "password": password});
    post(&mut world.browser(), "/api/auth/login", &body).await.status == StatusCode::OK
}

#[tokio::test]
async fn somebody_is_invited_chooses_a_password_and_signs_in() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let made = invited(&mut admin, " Nina@Example.com ", "sales_user").await;
    assert_eq!(
        (&made["user"]["email"], &made["user"]["has_password"]),
        (&json!("nina@example.com"), &json!(false))
    );
    assert!(!signs_in(&world, "nina@example.com", "").await);
    let token = token(&made["link"]);
    choose(&world, &token, "password1234").await.problem(422, "weak-password");
    choose(&world, &token, "nina@example.com").await.problem(422, "weak-password");
    assert_eq!(choose(&world, &token, GOOD).await.status, StatusCode::NO_CONTENT);
    assert!(signs_in(&world, "nina@example.com", GOOD).await);
    choose(&world, &token, "another good one").await.problem(410, "link-over");
    let found = admin.get("/api/users?q=NINA").await.json();
    let nina = &found["users"][0];
    assert_eq!((found["users"].as_array().unwrap().len(), &nina["has_password"]), (1, &json!(true)));
    assert!(nina["last_seen"].is_string(), "{nina}");
    post(&mut admin, "/api/users", &json!({"email": "nina@example.com", "name": "N", "role": "viewer"}))
        .await
        .problem(409, "email-taken");
    for wrong in [
        json!({"email": "nobody", "name": "N", "role": "viewer"}),
        json!({"email": "n@example.com", "name": " ", "role": "viewer"}),
    ] {
        post(&mut admin, "/api/users", &wrong).await.problem(422, "invalid-fields");
    }
    post(&mut admin, "/api/users", &json!({"email": "n@example.com", "name": "N", "role": "king"}))
        .await
        .problem(400, "malformed-body");
}

#[tokio::test]
async fn a_link_is_good_once_for_a_day_and_for_its_account_only() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let made = invited(&mut admin, "nina@example.com", "viewer").await;
    let id = made["user"]["id"].as_str().unwrap().to_owned();
    let first = token(&made["link"]);
    let again = post(&mut admin, &format!("/api/users/{id}/reset"), &json!({})).await.json();
    let second = token(&again);
    for wrong in [json!(""), json!("x"), json!(format!("{}x", first.as_str().unwrap()))] {
        choose(&world, &wrong, GOOD).await.problem(410, "link-over");
    }
    assert_eq!(choose(&world, &second, GOOD).await.status, StatusCode::NO_CONTENT);
    choose(&world, &first, GOOD).await.problem(410, "link-over");
    let third = token(&post(&mut admin, &format!("/api/users/{id}/reset"), &json!({})).await.json());
    assert!(signs_in(&world, "nina@example.com", GOOD).await, "the present password stays until then");
    world.clock.advance_seconds(24 * 3_600);
    choose(&world, &third, "another good one").await.problem(410, "link-over");
    post(&mut world.signed_in(Role::SuperAdmin).await, "/api/users/none/reset", &json!({}))
        .await
        .problem(404, "unknown-user");
}

#[tokio::test]
async fn guessing_links_ends_after_a_while() {
    let world = World::furnished().await;
    let mut browser = world.browser();
    for _ in 0..100 {
        let body = json!({"token": "x", "password": GOOD});
        post(&mut browser, "/api/auth/choose-password", &body).await.problem(410, "link-over");
    }
    let body = json!({"token": "x", "password": GOOD});
    post(&mut browser, "/api/auth/choose-password", &body).await.problem(429, "too-many-attempts");
}

#[tokio::test]
async fn roles_and_doors_change_at_once_and_for_whoever_has_read_the_account() {
    let world = World::furnished().await;
    let (mut admin, mut viewer) =
        (world.signed_in(Role::SuperAdmin).await, world.signed_in(Role::Viewer).await);
    let found = admin.get("/api/users?q=viewer").await.json()["users"][0].clone();
    let (id, revision) = (found["id"].as_str().unwrap(), found["revision"].as_i64().unwrap());
    let path = format!("/api/users/{id}");
    viewer.get("/api/data-lake/stats").await.problem(403, "forbidden");
    let promoted = json!({"role": "sales_manager", "name": "Vera Viewer"});
    admin.send(change(Method::PATCH, &path, None, &promoted)).await.problem(428, "version-required");
    let now = admin.send(change(Method::PATCH, &path, Some(revision), &promoted)).await.json();
    assert_eq!((&now["role"], &now["name"]), (&json!("sales_manager"), &json!("Vera Viewer")));
    assert_eq!(viewer.get("/api/data-lake/stats").await.status, StatusCode::OK, "from the next request on");
    admin.send(change(Method::PATCH, &path, Some(revision), &promoted)).await.problem(412, "stale-version");
    let revision = now["revision"].as_i64().unwrap();
    let out = admin.send(change(Method::PATCH, &path, Some(revision), &json!({"disabled": true}))).await;
    assert_eq!(out.json()["disabled"], json!(true));
    viewer.get("/api/data-lake/stats").await.problem(401, "session-expired");
    assert!(!signs_in(&world, &email(Role::Viewer), PASSWORD).await);
    let revision = revision + 1;
    admin.send(change(Method::PATCH, &path, Some(revision), &json!({"disabled": false}))).await;
    assert!(signs_in(&world, &email(Role::Viewer), PASSWORD).await, "and in again");
    admin
        .send(change(Method::PATCH, "/api/users/none", Some(1), &promoted))
        .await
        .problem(404, "unknown-user");
}

#[tokio::test]
async fn nobody_takes_their_own_rights_away() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let own = admin.get("/api/auth/me").await.json()["user"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/users/{own}");
    let revision = admin.get(&path).await.json()["revision"].as_i64();
    for wrong in [json!({"role": "viewer"}), json!({"disabled": true})] {
        admin.send(change(Method::PATCH, &path, revision, &wrong)).await.problem(409, "own-account");
    }
    let renamed = admin.send(change(Method::PATCH, &path, revision, &json!({"name": "Sam"}))).await;
    assert_eq!(renamed.json()["name"], json!("Sam"));
}

#[tokio::test]
async fn the_last_super_admin_stays_one() {
    let world = World::furnished().await;
    let sole = email(Role::SuperAdmin);
    for taken in
        [world.accounts.set_role(&sole, Role::Viewer).await, world.accounts.set_disabled(&sole, true).await]
    {
        assert!(matches!(taken, Err(AccountError::LastAdministrator(who)) if who == sole));
    }
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    assert_eq!(admin.get("/api/users").await.status, StatusCode::OK);

    let second = NewAccount {
        email: "second@example.com".into(),
        name: "Second".into(),
        role: Role::SuperAdmin,
        password: PASSWORD.into(),
    };
    world.accounts.create(second).await.unwrap();
    let mut other = world.browser();
    assert_eq!(other.sign_in("second@example.com", PASSWORD).await.status, StatusCode::OK);
    let (mine, theirs) = (own_path(&mut admin).await, own_path(&mut other).await);
    let demoted = json!({"role": "viewer"});
    let (first, second) = tokio::join!(
        admin.send(change(Method::PATCH, &theirs, Some(1), &demoted)),
        other.send(change(Method::PATCH, &mine, Some(5), &demoted)),
    );
    assert!(first.status == StatusCode::OK || second.status == StatusCode::OK);
    let left = world.accounts.list().await.unwrap();
    assert!(left.iter().any(|one| one.role == Role::SuperAdmin), "of two who demote each other one is left");
}

async fn own_path(browser: &mut Browser) -> String {
    let me = browser.get("/api/auth/me").await.json();
    format!("/api/users/{}", me["user"]["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_account_is_signed_out_everywhere() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let mut browsers = [world.signed_in(Role::Executive).await, world.signed_in(Role::Executive).await];
    let id = admin.get("/api/users?q=executive").await.json()["users"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/users/{id}/sessions");
    let out = admin.send(change(Method::DELETE, &path, None, &json!({}))).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    for browser in &mut browsers {
        browser.get("/api/dashboard/overview").await.problem(401, "session-expired");
    }
    assert!(admin.get(&format!("/api/users/{id}")).await.json()["last_seen"].is_null());
}

#[tokio::test]
async fn ones_own_password_is_changed_by_the_present_one_and_ends_the_other_sessions() {
    let world = World::furnished().await;
    let (mut here, mut elsewhere) =
        (world.signed_in(Role::SalesUser).await, world.signed_in(Role::SalesUser).await);
    let wanted = |present: &str, password: &str| {
        let body = json!({"present": present, "password": password});
        change(Method::PUT, "/api/auth/password", None, &body)
    };
    here.send(wanted("another", GOOD)).await.problem(422, "wrong-password");
    here.send(wanted(PASSWORD, "welcome12345")).await.problem(422, "weak-password");
    assert_eq!(here.send(wanted(PASSWORD, GOOD)).await.status, StatusCode::OK);
    assert_eq!(here.get("/api/dashboard/overview").await.status, StatusCode::OK, "this one goes on");
    elsewhere.get("/api/dashboard/overview").await.problem(401, "session-expired");
    assert!(signs_in(&world, &email(Role::SalesUser), GOOD).await);
    assert!(!signs_in(&world, &email(Role::SalesUser), PASSWORD).await);
}

#[tokio::test]
async fn pages_have_every_account_once() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/users?limit=2{after}")).await.json();
        all.extend(
            page["users"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let mut sorted = all.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((all.len(), &all), (Role::ALL.len(), &sorted));
    admin.get("/api/users?limit=201").await.problem(400, "malformed-query");
}
