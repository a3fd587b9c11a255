//! Sign-in, sessions, and what ends them.

use axum::body::Body;
use axum::http::Request;
use salescommand_domain::access::Role;
use salescommand_query::accounts::{AccountError, NewAccount};
use salescommand_store::{Documents, OPS_REFRESH_TOKENS, OPS_USERS};
use serde_json::json;

use crate::world::{PASSWORD, World, email};

#[tokio::test]
async fn signing_in_gives_a_session_and_strict_cookies() {
    let world = World::furnished().await;
    let mut browser = world.browser();
    let answer = browser.sign_in(" Account.Manager@Example.com ", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let session = answer.json();
    assert_eq!(session["access_expires_at"], "2026-11-23T08:10:00Z");
    let user = &session["user"];
    assert_eq!(user["role"], "account_manager");
    assert_eq!(user["role_label"], "Account Manager");
    assert_eq!(
        user["permissions"],
        json!(["dashboard:read", "data-lake:read", "sync:read", "records:write", "org:delegate"])
    );
    assert_eq!(user["person_id"], world.people[&Role::AccountManager].to_string());
    for cookie in answer.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    }
    assert!(
        !answer.text().contains(&browser.cookies["sc_access"])
            && !answer.text().contains(&browser.cookies["sc_refresh"])
    );
    let me = browser.get("/api/auth/me").await;
    assert_eq!(me.json(), session);
}

#[tokio::test]
async fn wrong_unknown_and_disabled_get_one_and_the_same_answer() {
    let world = World::with_accounts().await;
    world.accounts.set_disabled(&email(Role::Viewer), true).await.unwrap();
    let mut answers = Vec::new();
    let tries = [
        (email(Role::Executive), "wrong password"),
        ("nobody@example.com".into(), PASSWORD),
        (email(Role::Viewer), PASSWORD),
    ];
    for (email, password) in tries {
        let answer = world.browser().sign_in(&email, password).await;
        let mut problem = answer.problem(401, "invalid-credentials");
        problem["request_id"] = json!(null);
        assert!(answer.headers.get("set-cookie").is_none());
        answers.push(problem);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn too_many_attempts_lock_the_account_for_that_address_until_the_window_slides() {
    let world = World::with_accounts().await;
    let mut browser = world.browser();
    for _ in 0..10 {
        browser.sign_in(&email(Role::Executive), "wrong password").await.problem(401, "invalid-credentials");
    }
    let answer = browser.sign_in(&email(Role::Executive), PASSWORD).await;
    answer.problem(429, "too-many-attempts");
    assert_eq!(answer.header("retry-after"), "900");
    assert_eq!(browser.sign_in(&email(Role::Viewer), PASSWORD).await.status, 200);
    world.clock.advance_seconds(900);
    assert_eq!(browser.sign_in(&email(Role::Executive), PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_store_that_is_down_uses_up_no_attempts() {
    let world = World::with_accounts().await;
    let mut browser = world.browser();
    world.store_switch.off();
    for _ in 0..12 {
        browser.sign_in(&email(Role::Executive), PASSWORD).await.problem(503, "store-unavailable");
    }
    world.store_switch.on();
    assert_eq!(browser.sign_in(&email(Role::Executive), PASSWORD).await.status, 200);
}

#[tokio::test]
async fn an_expired_access_token_is_renewed_and_rotates() {
    let world = World::with_accounts().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    let (access, refresh) = (browser.cookies["sc_access"].clone(), browser.cookies["sc_refresh"].clone());
    world.clock.advance_seconds(600);
    browser.get("/api/auth/me").await.problem(401, "access-expired");
    let renewed = browser.post("/api/auth/refresh", &json!(null)).await;
    assert_eq!(renewed.json()["access_expires_at"], "2026-11-23T08:20:00Z");
    assert!(browser.cookies["sc_access"] != access && browser.cookies["sc_refresh"] != refresh);
    assert_eq!(browser.get("/api/auth/me").await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_its_family_and_no_other() {
    let world = World::with_accounts().await;
    let mut victim = world.signed_in(Role::SalesUser).await;
    let mut elsewhere = world.signed_in(Role::SalesUser).await;
    let mut thief = world.browser();
    thief.cookies = victim.cookies.clone();
    assert_eq!(victim.post("/api/auth/refresh", &json!(null)).await.status, 200);
    thief.post("/api/auth/refresh", &json!(null)).await.problem(401, "session-expired");
    assert!(thief.cookies.is_empty());
    victim.get("/api/auth/me").await.problem(401, "session-expired");
    victim.post("/api/auth/refresh", &json!(null)).await.problem(401, "session-expired");
    assert_eq!(elsewhere.get("/api/auth/me").await.status, 200);
}

#[tokio::test]
async fn of_two_uses_at_the_same_time_at_most_one_gives_a_session_and_none_survives() {
    let world = World::with_accounts().await;
    let mut one = world.signed_in(Role::SalesUser).await;
    let mut two = world.browser();
    two.cookies = one.cookies.clone();
    let body = json!(null);
    let (first, second) =
        tokio::join!(one.post("/api/auth/refresh", &body), two.post("/api/auth/refresh", &body));
    let granted = [&first, &second].iter().filter(|answer| answer.status == 200).count();
    assert!(granted <= 1);
    one.get("/api/auth/me")
        .await
        .problem(401, if one.cookies.is_empty() { "not-signed-in" } else { "session-expired" });
    two.get("/api/auth/me")
        .await
        .problem(401, if two.cookies.is_empty() { "not-signed-in" } else { "session-expired" });
}

#[tokio::test]
async fn an_old_refresh_token_is_over() {
    let world = World::with_accounts().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    world.clock.advance_seconds(14 * 24 * 3600);
    browser.post("/api/auth/refresh", &json!(null)).await.problem(401, "session-expired");
    assert!(world.store.find(OPS_REFRESH_TOKENS, &Default::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn signing_out_takes_effect_at_once_even_for_a_copied_access_token() {
    let world = World::with_accounts().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    let mut copy = world.browser();
    copy.cookies = browser.cookies.clone();
    assert_eq!(browser.post("/api/auth/logout", &json!(null)).await.status, 204);
    assert!(browser.cookies.is_empty());
    browser.get("/api/auth/me").await.problem(401, "not-signed-in");
    copy.get("/api/auth/me").await.problem(401, "session-expired");
}

#[tokio::test]
async fn role_password_and_lock_out_hold_from_the_next_request_on() {
    let world = World::with_accounts().await;
    let who = email(Role::SalesUser);
    let mut browser = world.signed_in(Role::SalesUser).await;
    world.accounts.set_role(&who, Role::Viewer).await.unwrap();
    assert_eq!(browser.get("/api/auth/me").await.json()["user"]["role"], "viewer");
    browser.get("/api/sync/status").await.problem(403, "forbidden");
    world.accounts.set_password(&who, "another password".into()).await.unwrap();
    browser.get("/api/auth/me").await.problem(401, "session-expired");
    assert_eq!(browser.sign_in(&who, "another password").await.status, 200);
    world.accounts.set_disabled(&who, true).await.unwrap();
    browser.get("/api/auth/me").await.problem(401, "session-expired");
}

#[tokio::test]
async fn a_changing_request_without_the_header_is_refused() {
    let world = World::with_accounts().await;
    let mut browser = world.signed_in(Role::SuperAdmin).await;
    for path in ["/api/auth/login", "/api/auth/refresh", "/api/auth/logout", "/api/sync/trigger"] {
        let request =
            Request::post(path).header("content-type", "application/json").body(Body::from("{}")).unwrap();
        browser.send(request).await.problem(403, "csrf-header-missing");
    }
    assert_eq!(browser.get("/api/auth/me").await.status, 200);
}

#[tokio::test]
async fn passwords_and_tokens_are_stored_as_digests_only() {
    let world = World::with_accounts().await;
    let browser = world.signed_in(Role::SalesUser).await;
    let dump = crate::records::everything(&world.store);
    for secret in [PASSWORD, &browser.cookies["sc_refresh"], &browser.cookies["sc_access"]] {
        assert!(!dump.contains(secret));
    }
    assert!(dump.contains(OPS_USERS) && dump.contains("$argon2id$"));
}

#[tokio::test]
async fn accounts_are_checked_and_unique() {
    let world = World::with_accounts().await;
    let new = |email: &str, password: &str| NewAccount {
        email: email.into(),
        name: "Somebody".into(),
        role: Role::Viewer,
        password: password.into(),
    };
    let taken = world.accounts.create(new("VIEWER@example.com", PASSWORD)).await;
    assert!(matches!(taken, Err(AccountError::EmailTaken(email)) if email == "viewer@example.com"));
    assert!(matches!(
        world.accounts.create(new("no address", PASSWORD)).await,
        Err(AccountError::Invalid(_))
    ));
    assert!(matches!(world.accounts.create(new("a@b", "short")).await, Err(AccountError::Weak(_))));
    assert!(matches!(world.accounts.set_role("x@y", Role::Viewer).await, Err(AccountError::Unknown(_))));
    let listed = world.accounts.list().await.unwrap();
    assert_eq!(listed.len(), 6);
    assert!(listed.windows(2).all(|pair| pair[0].email < pair[1].email));
}
