//! Sessions as their owners see and end them, over several copies of the service.

use std::net::SocketAddr;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use salescommand_domain::access::Role;
use salescommand_query::SessionKeys;
use salescommand_store::{Documents, OPS_REFRESH_TOKENS, OPS_USERS, Ops, Query};
use serde_json::{Value, json};

use crate::world::{Answer, Browser, PASSWORD, World, email, key};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";
const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

/// A change as a browser sends it from somewhere.
async fn from(browser: &mut Browser, (agent, address): (&str, &str), path: &str, body: &Value) -> Answer {
    let address: SocketAddr = address.parse().unwrap();
    let request = Request::post(path)
        .header("x-requested-with", "salescommand")
        .header("content-type", "application/json")
        .header("user-agent", agent)
        .extension(ConnectInfo(address));
    browser.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn sessions(browser: &mut Browser) -> Vec<Value> {
    let answer = browser.get("/api/auth/sessions").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["sessions"].as_array().unwrap().clone()
}

/// The id of the session that asks.
async fn own(browser: &mut Browser) -> String {
    let listed = sessions(browser).await;
    let current: Vec<_> = listed.iter().filter(|session| session["current"] == true).collect();
    let [current] = current.as_slice() else { panic!("{listed:?}") };
    current["id"].as_str().unwrap().to_owned()
}

/// Neither the access token that was given nor the refresh token opens anything any more.
async fn is_out(browser: &mut Browser) {
    let mut copy = Browser::clone(browser);
    browser.get("/api/dashboard/overview").await.problem(401, "session-expired");
    copy.post("/api/auth/refresh", &json!(null)).await.problem(401, "session-expired");
}

#[tokio::test]
async fn a_session_says_from_where_and_since_when() {
    let world = World::furnished().await;
    let mut browser = world.browser();
    let credentials = json!({ "email": email(Role::SalesUser), "password": PASSWORD });
    from(&mut browser, (FIREFOX, "192.0.2.7:50123"), "/api/auth/login", &credentials).await;
    let first = sessions(&mut browser).await;
    assert_eq!(first.len(), 1);
    assert_eq!(
        first[0],
        json!({
            "id": first[0]["id"], "device": "Firefox on Linux", "address": "192.0.2.7", "current": true,
            "first_seen": "2026-11-23T08:00:00Z", "last_seen": "2026-11-23T08:00:00Z",
            "expires_at": "2026-12-07T08:00:00Z",
        })
    );
    world.clock.advance_seconds(3_600);
    from(&mut browser, (CHROME, "[::ffff:198.51.100.3]:443"), "/api/auth/refresh", &json!(null)).await;
    let renewed = sessions(&mut browser).await;
    assert_eq!(renewed.len(), 1, "used tokens are no sessions");
    assert_eq!(
        renewed[0],
        json!({
            "id": first[0]["id"], "device": "Chrome on Windows", "address": "198.51.100.3", "current": true,
            "first_seen": "2026-11-23T08:00:00Z", "last_seen": "2026-11-23T09:00:00Z",
            "expires_at": "2026-12-07T09:00:00Z",
        })
    );
    let mut script = world.signed_in(Role::SalesUser).await;
    let listed = sessions(&mut script).await;
    let known: Vec<_> = listed.iter().map(|session| &session["device"]).collect();
    assert_eq!((listed.len(), known.contains(&&Value::Null)), (2, true), "{listed:?}");
    let dump = crate::records::everything(&world.store);
    assert!(!dump.contains("Mozilla") && !dump.contains("Gecko"), "the header itself is not stored");
    world.clock.advance_seconds(14 * 24 * 3_600);
    let mut later = world.signed_in(Role::SalesUser).await;
    assert_eq!(sessions(&mut later).await.len(), 1, "what has ended by itself is not listed");
}

#[tokio::test]
async fn a_session_that_is_ended_is_over_at_the_next_request_in_every_copy() {
    let world = World::furnished().await;
    let (mut here, mut lost) =
        (world.signed_in(Role::SalesUser).await, world.signed_in(Role::SalesUser).await);
    let mut lost_elsewhere = world.elsewhere(&lost);
    assert_eq!(lost_elsewhere.get("/api/dashboard/overview").await.status, 200);
    let id = own(&mut lost).await;
    assert_eq!(here.delete(&format!("/api/auth/sessions/{id}")).await.status, 204);
    is_out(&mut lost_elsewhere).await;
    is_out(&mut lost).await;
    assert_eq!(world.elsewhere(&here).get("/api/dashboard/overview").await.status, 200);
    here.delete(&format!("/api/auth/sessions/{id}")).await.problem(404, "unknown-session");
    assert_eq!(sessions(&mut here).await.len(), 1);
}

#[tokio::test]
async fn the_id_of_somebody_elses_session_ends_nothing_and_tells_nothing() {
    let world = World::furnished().await;
    let (mut thief, mut victim) =
        (world.signed_in(Role::SuperAdmin).await, world.signed_in(Role::SalesUser).await);
    let id = own(&mut victim).await;
    let bare = |answer: Answer| {
        let mut problem = answer.problem(404, "unknown-session");
        problem["request_id"] = json!(null);
        problem
    };
    let theirs = bare(thief.delete(&format!("/api/auth/sessions/{id}")).await);
    let nobodys = bare(thief.delete("/api/auth/sessions/3b1c8a52-6f0e-4a8e-9d5c-0f3b5a1c2d4e").await);
    assert_eq!(theirs, nobodys);
    for odd in ["%00", "..%2F..", "%7B%22%24ne%22%3A1%7D"] {
        assert_eq!(bare(thief.delete(&format!("/api/auth/sessions/{odd}")).await), nobodys);
    }
    assert_eq!(thief.delete("/api/auth/sessions").await.status, 204);
    assert_eq!(victim.get("/api/dashboard/overview").await.status, 200);
}

#[tokio::test]
async fn all_others_are_ended_and_the_one_that_asks_goes_on() {
    let world = World::furnished().await;
    let mut here = world.signed_in(Role::SalesUser).await;
    let mut others = [world.signed_in(Role::SalesUser).await, world.signed_in(Role::SalesUser).await];
    assert_eq!(here.delete("/api/auth/sessions").await.status, 204);
    for other in &mut others {
        is_out(&mut world.elsewhere(other)).await;
    }
    assert_eq!(sessions(&mut here).await.len(), 1);
    assert_eq!(here.post("/api/auth/refresh", &json!(null)).await.status, 200);
    assert_eq!(here.delete("/api/auth/sessions").await.status, 204, "nothing is left to end");
    assert_eq!(here.get("/api/dashboard/overview").await.status, 200);
}

#[tokio::test]
async fn ending_the_session_that_asks_is_signing_out() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    let mut copy = world.elsewhere(&browser);
    let id = own(&mut browser).await;
    assert_eq!(browser.delete(&format!("/api/auth/sessions/{id}")).await.status, 204);
    assert!(browser.cookies.is_empty());
    is_out(&mut copy).await;
}

#[tokio::test]
async fn administrators_see_the_sessions_of_an_account() {
    let world = World::furnished().await;
    let (mut admin, mut seller) =
        (world.signed_in(Role::SuperAdmin).await, world.signed_in(Role::SalesUser).await);
    let found = admin.get("/api/users?q=sales.user").await.json()["users"][0]["id"].clone();
    let path = format!("/api/users/{}/sessions", found.as_str().unwrap());
    let listed = admin.get(&path).await.json();
    assert_eq!(listed["sessions"][0]["id"], own(&mut seller).await);
    assert_eq!(
        (listed["sessions"].as_array().unwrap().len(), &listed["sessions"][0]["current"]),
        (1, &json!(false))
    );
    assert_eq!(admin.delete(&path).await.status, 204);
    assert_eq!(admin.get(&path).await.json()["sessions"], json!([]));
    is_out(&mut seller).await;
    admin.get("/api/users/none/sessions").await.problem(404, "unknown-user");
}

#[tokio::test]
async fn sessions_from_before_places_were_written_down_are_listed_and_go_on() {
    let world = World::furnished().await;
    let mut browser = world.signed_in(Role::SalesUser).await;
    for document in world.store.find(OPS_REFRESH_TOKENS, &Query::all()).await.unwrap() {
        let mut token: bson::Document = bson::deserialize_from_slice(document.as_bytes()).unwrap();
        assert!(token.remove("began").is_some() && token.remove("place").is_some());
        let (id, revision) = (token.get_str("_id").unwrap().to_owned(), token.get_i64("revision").unwrap());
        let older = bson::serialize_to_raw_document_buf(&token).unwrap();
        assert!(world.store.replace_if(OPS_REFRESH_TOKENS, &id, revision, older).await.unwrap());
    }
    let listed = sessions(&mut browser).await;
    assert_eq!((listed.len(), &listed[0]["device"]), (1, &Value::Null));
    world.clock.advance_seconds(60);
    assert_eq!(browser.post("/api/auth/refresh", &json!(null)).await.status, 200);
    let renewed = sessions(&mut browser).await;
    assert_eq!((renewed.len(), &renewed[0]["first_seen"]), (1, &json!("2026-11-23T08:00:00Z")));
}

#[tokio::test]
async fn a_password_that_was_hashed_with_other_parameters_is_hashed_anew_by_a_sign_in() {
    let world = World::with_accounts().await;
    let who = email(Role::SalesUser);
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(4_096, 3, 1, None).unwrap());
    let old: PasswordHash = weak.hash_password_with_salt(PASSWORD.as_bytes(), b"sixteen bytes in").unwrap();
    let stored = async || -> bson::Document {
        let all = world.store.find(OPS_USERS, &Query::all()).await.unwrap();
        let all =
            all.iter().map(|one| bson::deserialize_from_slice::<bson::Document>(one.as_bytes()).unwrap());
        all.into_iter().find(|one| one.get_str("email").unwrap() == who).unwrap()
    };
    let mut account = stored().await;
    account.insert("password_hash", old.to_string());
    account.insert("revision", 2_i64);
    let (id, document) =
        (account.get_str("_id").unwrap().to_owned(), bson::serialize_to_raw_document_buf(&account).unwrap());
    assert!(world.store.replace_if(OPS_USERS, &id, 1, document).await.unwrap());

    world.browser().sign_in(&who, "another password").await.problem(401, "invalid-credentials");
    assert_eq!(stored().await.get_str("password_hash").unwrap(), old.to_string(), "by the right one only");
    assert_eq!(world.browser().sign_in(&who, PASSWORD).await.status, StatusCode::OK);
    let anew = stored().await;
    assert!(anew.get_str("password_hash").unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_eq!(world.browser().sign_in(&who, PASSWORD).await.status, StatusCode::OK);
    assert_eq!(stored().await, anew, "once");
}

/// Checks the access token as another service would, with what is published; gives how many keys are.
async fn is_checked_by_others(browser: &mut Browser) -> usize {
    let mut stranger = browser.clone();
    stranger.cookies.clear();
    let published = stranger.get("/.well-known/jwks.json").await;
    assert_eq!(
        (published.status, published.header("cache-control")),
        (StatusCode::OK, "public, max-age=300")
    );
    let keys: JwkSet = serde_json::from_slice(&published.body).unwrap();
    let token = &browser.cookies["sc_access"];
    let named = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_issuer(&["salescommand"]);
    validation.set_audience(&["salescommand-api"]);
    // The clock of these tests is its own.
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(keys.find(&named).unwrap()).unwrap();
    assert!(jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok());
    keys.keys.len()
}

#[tokio::test]
async fn a_session_key_is_replaced_and_nobody_is_signed_out() {
    let world = World::with_accounts().await;
    let browser = world.signed_in(Role::SalesUser).await;
    let (old, both) = (browser.cookies["sc_access"].clone(), SessionKeys::new(key(7), vec![key(1)]));
    let mut browser = world.under(both, &browser);
    assert_eq!(browser.get("/api/auth/me").await.status, StatusCode::OK);
    assert_eq!(is_checked_by_others(&mut browser).await, 2, "the old key is still published");
    assert_eq!(browser.post("/api/auth/refresh", &Value::Null).await.status, StatusCode::OK);
    assert_eq!(is_checked_by_others(&mut browser).await, 2);
    let mut browser = world.under(key(7).into(), &browser);
    assert_eq!(
        browser.get("/api/auth/me").await.status,
        StatusCode::OK,
        "what it has now the new one has signed"
    );
    assert_eq!(is_checked_by_others(&mut browser).await, 1);
    browser.cookies.insert("sc_access".into(), old);
    browser.get("/api/auth/me").await.problem(401, "session-expired");
}
