//! The audit log over HTTP: what is written down, what cannot be written down is not done, and who may read it.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use salescommand_domain::access::Role;
use salescommand_domain::audit::{AUDIT_STREAM, Head, Walk};
use salescommand_eventlog::{BatchLimit, EventLog as _};
use salescommand_store::{Documents as _, OPS_REFRESH_TOKENS, OPS_USERS, Query};
use serde_json::{Value, json};

use crate::world::{Browser, NOW, PASSWORD, World, email};

fn send(method: Method, path: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("x-requested-with", "salescommand");
    let request = request.header("content-type", "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

fn change(path: &str, revision: i64, body: &Value) -> Request<Body> {
    let mut request = send(Method::PATCH, path, body);
    request.headers_mut().insert("if-match", format!("\"{revision}\"").parse().unwrap());
    request
}

async fn entries(world: &World, admin: &mut Browser, query: &str) -> Vec<Value> {
    world.publish_audit().await;
    let page = admin.get(&format!("/api/audit?limit=200&{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    page.json()["entries"].as_array().unwrap().clone()
}

/// Action, outcome and the target's id of each entry, the newest first.
fn told(entries: &[Value]) -> Vec<String> {
    let told = |entry: &Value| {
        let target = entry["target"]["id"].as_str().unwrap_or("-");
        format!("{} {} {target}", entry["action"].as_str().unwrap(), entry["outcome"].as_str().unwrap())
    };
    entries.iter().map(told).collect()
}

/// Everything that the stream holds.
async fn stored(world: &World) -> Vec<Vec<u8>> {
    let end = world.log.stream(AUDIT_STREAM).await.unwrap().unwrap().last_sequence;
    let mut reader = world.log.read_after(AUDIT_STREAM, 0).await.unwrap();
    let limit = BatchLimit { messages: end as usize, bytes: usize::MAX, wait: Duration::ZERO };
    reader.next(limit).await.unwrap().into_iter().map(|message| message.payload.to_vec()).collect()
}

#[tokio::test]
async fn who_did_what_is_told_with_present_names_and_kept_without_any() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let viewer = admin.get("/api/users?q=viewer").await.json()["users"][0].clone();
    let (id, revision) = (viewer["id"].as_str().unwrap(), viewer["revision"].as_i64().unwrap());
    let path = format!("/api/users/{id}");
    let both = json!({"role": "sales_manager", "disabled": true});
    assert_eq!(admin.send(change(&path, revision, &both)).await.status, StatusCode::OK);
    admin.send(change(&path, revision, &json!({"disabled": false}))).await.problem(412, "stale-version");
    let new = json!({"email": "nina@example.com", "name": "Nina New", "role": "viewer"});
    let made = admin.send(send(Method::POST, "/api/users", &new)).await.json();
    let made = made["user"]["id"].as_str().unwrap();
    admin.send(send(Method::POST, "/api/users", &new)).await.problem(409, "email-taken");
    assert_eq!(admin.send(send(Method::DELETE, "/api/sync/sources/odoo", &json!({}))).await.status, 204);

    let found = entries(&world, &mut admin, "actor=account:none").await;
    assert!(found.is_empty());
    let own = admin.get("/api/auth/me").await.json()["user"]["id"].as_str().unwrap().to_owned();
    let found = entries(&world, &mut admin, &format!("actor=account:{own}")).await;
    let expected = [
        "source.removed done odoo".to_owned(),
        "account.created refused -".to_owned(),
        format!("account.created done {made}"),
        format!("account.enabled refused {id}"),
        format!("account.disabled done {id}"),
        format!("account.role_changed done {id}"),
        format!("session.signed_in done {own}"),
    ];
    assert_eq!(told(&found), expected);
    let role = &found[5];
    assert_eq!(role["details"], json!({"role_before": "viewer", "role_after": "sales_manager"}));
    assert_eq!(
        (&role["actor"]["name"], &role["actor"]["role"]),
        (&json!("Super Admin"), &json!("super_admin"))
    );
    assert_eq!((&role["target"]["name"], &role["at"]), (&json!("Viewer"), &json!(NOW)));
    assert_eq!(role["address"], "unknown", "the test has no connection");
    assert!(role["request"].as_str().unwrap().len() > 30);
    assert_eq!(found[1]["details"]["code"], "email-taken");
    for bytes in stored(&world).await {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains('@') && !text.contains("Nina") && !text.contains("Viewer"), "{text}");
    }
}

#[tokio::test]
async fn sign_ins_refusals_and_ends_are_written_down() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    for (address, password) in [
        (email(Role::Viewer), "wrong password"),
        ("nobody@example.com".to_owned(), PASSWORD),
        (" Nobody@example.com".to_owned(), "again"),
        ("somebody@example.com".to_owned(), PASSWORD),
    ] {
        world.browser().sign_in(&address, password).await.problem(401, "invalid-credentials");
    }
    let refused = entries(&world, &mut admin, "action=session.refused").await;
    let digest = |index: usize| refused[index]["details"]["address_digest"].as_str();
    assert_eq!(refused.len(), 4);
    assert!(digest(3).is_none() && refused[3]["target"]["name"] == "Viewer", "{refused:?}");
    assert_eq!(digest(1), digest(2), "the same address");
    assert!(digest(0).is_some() && digest(0) != digest(1));
    assert_eq!(refused[0]["actor"]["id"], "anonymous");

    let mut viewer = world.signed_in(Role::Viewer).await;
    let first = viewer.cookies.clone();
    assert_eq!(viewer.send(send(Method::POST, "/api/auth/refresh", &json!({}))).await.status, 200);
    let mut thief = world.browser();
    thief.cookies = first;
    thief.send(send(Method::POST, "/api/auth/refresh", &json!({}))).await.problem(401, "session-expired");
    let mut viewer = world.signed_in(Role::Viewer).await;
    assert_eq!(viewer.send(send(Method::POST, "/api/auth/logout", &json!({}))).await.status, 204);
    assert_eq!(viewer.send(send(Method::POST, "/api/auth/logout", &json!({}))).await.status, 204);
    let found = entries(&world, &mut admin, "action=session.").await;
    let words: Vec<_> = found.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let expected = ["session.ended", "session.signed_in", "session.reuse_detected", "session.signed_in"];
    assert_eq!(words[..4], expected);
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let viewer = admin.get("/api/users?q=viewer").await.json()["users"][0].clone();
    let path = format!("/api/users/{}", viewer["id"].as_str().unwrap());
    let users = world.store.find(OPS_USERS, &Query::all()).await.unwrap();
    let sessions = world.store.find(OPS_REFRESH_TOKENS, &Query::all()).await.unwrap();
    world.journal_switch.off();
    let role = change(&path, viewer["revision"].as_i64().unwrap(), &json!({"role": "executive"}));
    for request in [
        role,
        send(Method::POST, "/api/users", &json!({"email": "n@example.com", "name": "N", "role": "viewer"})),
        send(
            Method::PUT,
            "/api/auth/password",
            &json!({"present": PASSWORD, "password": "staple wagon cloud"}),
        ),
        send(Method::DELETE, "/api/sync/sources/odoo", &json!({})),
        send(Method::POST, "/api/sync/trigger", &json!({"source": "odoo"})),
        send(Method::POST, "/api/data-lake/replays", &json!({"kind": "raw"})),
        send(Method::DELETE, "/api/auth/sessions", &json!({})),
        send(Method::POST, "/api/auth/logout", &json!({})),
    ] {
        admin.send(request).await.problem(503, "audit-unavailable");
    }
    let export = admin.get("/api/audit/export").await;
    export.problem(503, "audit-unavailable");
    let refused = world.browser().sign_in(&email(Role::Viewer), "wrong password").await;
    refused.problem(503, "audit-unavailable");
    let mut browser = world.browser();
    browser.sign_in(&email(Role::Viewer), PASSWORD).await.problem(503, "audit-unavailable");
    assert!(browser.cookies.is_empty(), "nobody was given a session");
    assert_eq!(world.store.find(OPS_USERS, &Query::all()).await.unwrap(), users);
    assert_eq!(world.store.find(OPS_REFRESH_TOKENS, &Query::all()).await.unwrap(), sessions);
    assert_eq!(world.sources.list().await.unwrap().len(), 1);
    assert!(world.queue.commands.lock().unwrap().is_empty());
    world.journal_switch.on();
    assert_eq!(admin.get("/api/auth/me").await.status, StatusCode::OK, "still signed in");
}

#[tokio::test]
async fn own_sessions_that_are_ended_and_links_that_are_asked_for_are_written_down() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let mut viewer = world.signed_in(Role::Viewer).await;
    world.signed_in(Role::Viewer).await;
    let id = viewer.get("/api/auth/me").await.json()["user"]["id"].as_str().unwrap().to_owned();
    assert_eq!(viewer.send(send(Method::DELETE, "/api/auth/sessions", &json!({}))).await.status, 204);
    let unknown = viewer.send(send(Method::DELETE, "/api/auth/sessions/none", &json!({}))).await;
    unknown.problem(404, "unknown-session");
    let found = entries(&world, &mut admin, "action=session.ended").await;
    let kinds: Vec<_> = found.iter().map(|entry| entry["details"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["one", "others"]);
    assert_eq!(told(&found), [format!("session.ended refused {id}"), format!("session.ended done {id}")]);

    let ask = async |role| {
        let body = json!({"email": email(role)});
        assert_eq!(world.browser().post("/api/auth/forgot-password", &body).await.status, 202);
    };
    world.journal_switch.off();
    ask(Role::SalesUser).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    world.journal_switch.on();
    ask(Role::Viewer).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while world.mail.letters.lock().unwrap().is_empty() {
        assert!(Instant::now() < deadline, "no letter was sent");
        tokio::task::yield_now().await;
    }
    let sent = world.mail.letters.lock().unwrap().clone();
    let to: Vec<_> = sent.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, [email(Role::Viewer)], "what could not be written down was not sent");
    let found = entries(&world, &mut admin, "action=password.link_made").await;
    assert_eq!(told(&found), [format!("password.link_made done {id}")]);
    assert_eq!(
        (&found[0]["actor"]["id"], &found[0]["details"]["by"]),
        (&json!("anonymous"), &json!("forgotten"))
    );
}

#[tokio::test]
async fn pages_have_every_entry_once_and_wrong_questions_are_told() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    for _ in 0..4 {
        world.signed_in(Role::Viewer).await;
    }
    world.publish_audit().await;
    let (mut positions, mut before) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/audit?limit=2{before}")).await.json();
        positions.extend(
            page["entries"].as_array().unwrap().iter().map(|entry| entry["position"].as_i64().unwrap()),
        );
        let Some(next) = page["next"].as_i64() else { break };
        before = format!("&before={next}");
    }
    assert_eq!(positions, [5, 4, 3, 2, 1]);
    for wrong in ["limit=0", "limit=201", "actor=ann", "from=yesterday", "before=x"] {
        admin.get(&format!("/api/audit?{wrong}")).await.problem(400, "malformed-query");
    }
    for wrong in ["verify?since=7", "verify?since=1:00", "export?format=xml", "export?actor=ann"] {
        admin.get(&format!("/api/audit/{wrong}")).await.problem(400, "malformed-query");
    }
    world.broker_switch.off();
    admin.get("/api/audit").await.problem(503, "broker-unavailable");
    admin.get("/api/audit/verify").await.problem(503, "broker-unavailable");
}

#[tokio::test]
async fn the_chain_is_checked_and_a_broken_one_is_told() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    world.signed_in(Role::Viewer).await;
    world.publish_audit().await;
    let whole = admin.get("/api/audit/verify").await.json();
    let head: Head = whole["head"].as_str().unwrap().parse().unwrap();
    assert_eq!((&whole["entries"], &whole["end"], head.position), (&json!(2), &json!(2), 2));
    assert_eq!((&whole["complete"], &whole["broken"]), (&json!(true), &Value::Null));
    let since = admin.get(&format!("/api/audit/verify?since={head}")).await.json();
    assert_eq!((&since["entries"], &since["head"]), (&json!(1), &whole["head"]));

    world.log.lose_tail(AUDIT_STREAM, 1);
    let cut = admin.get(&format!("/api/audit/verify?since={head}")).await.json();
    assert_eq!((&cut["broken"]["kind"], &cut["broken"]["position"]), (&json!("missing"), &json!(2)));
    let forged = format!("1:{}", "0".repeat(64));
    let changed = admin.get(&format!("/api/audit/verify?since={forged}")).await.json();
    assert_eq!(changed["broken"]["kind"], "not_as_kept");
}

#[tokio::test]
async fn an_export_is_the_chain_and_an_entry_of_it() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    world.signed_in(Role::Viewer).await;
    world.publish_audit().await;
    let file = admin.get("/api/audit/export").await;
    assert_eq!(file.header("content-type"), "application/jsonl");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"audit.jsonl\"");
    let mut walk = Walk::behind(Head::EMPTY);
    for (sequence, line) in (1..).zip(file.text().lines()) {
        walk.step(sequence, line.as_bytes()).unwrap();
    }
    let head = admin.get("/api/audit/verify").await.json()["head"].as_str().unwrap().to_owned();
    assert_eq!(walk.head().to_string(), head);
    let table = admin.get("/api/audit/export?format=csv&action=session.").await;
    assert_eq!((table.header("content-type"), table.text().lines().count()), ("text/csv; charset=utf-8", 3));
    let found = entries(&world, &mut admin, "action=export.made").await;
    let kinds: Vec<_> = found.iter().map(|entry| entry["details"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["csv", "jsonl"]);
}
