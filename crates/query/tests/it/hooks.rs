//! Web hooks of sources: whoever shows the key may hint, and nobody learns anything else.

use axum::body::Body;
use axum::http::{Method, Request};
use salescommand_domain::access::Role;
use salescommand_store::OPS_SOURCES;
use serde_json::{Value, json};

use crate::records;
use crate::world::{Answer, Browser, World};

const HINT: &str = r#"{"_model": "crm.lead", "_id": 7, "_action": "Tell(#1)", "name": "believe me"}"#;

/// What an Odoo sends: no cookie, and none of our headers.
async fn told(path: &str, body: &str) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(Body::from(body.to_owned())).unwrap()
}

impl Browser {
    async fn hint(&mut self, path: &str, body: &str) -> Answer {
        self.send(told(path, body).await).await
    }

    async fn hint_with(&mut self, path: &str, authorization: &str) -> Answer {
        let mut request = told(path, HINT).await;
        request.headers_mut().insert("authorization", authorization.parse().unwrap());
        self.send(request).await
    }

    /// Makes a hook; gives its path and its key.
    async fn hooked(&mut self, source: &str) -> (String, String) {
        let made = self.post(&format!("/api/sync/sources/{source}/hook"), &json!({})).await;
        assert_eq!((made.status.as_u16(), made.header("cache-control")), (200, "no-store"));
        let text = |field: &str| made.json()[field].as_str().unwrap().to_owned();
        assert_eq!(text("url"), format!("http://127.0.0.1:8080{}", text("path")));
        (text("path"), text("key"))
    }
}

impl World {
    fn hints(&self) -> Vec<(String, String)> {
        self.queue.hints.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn whoever_shows_the_key_may_hint_at_what_is_read() {
    let world = World::with_accounts().await;
    world.add_source("erp").await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let (path, key) = admin.hooked("erp").await;
    assert_eq!(path, format!("/api/odoo/hooks/erp/{key}"));
    let mut odoo = world.browser();
    let taken = odoo.hint(&path, HINT).await;
    assert_eq!((taken.status.as_u16(), taken.text().as_str()), (202, ""));
    let bearer = odoo.hint_with("/api/odoo/hooks/erp", &format!("Bearer {key}")).await;
    assert_eq!((bearer.status.as_u16(), bearer.text().as_str()), (202, ""));
    let lead = ("erp".to_owned(), "crm.lead".to_owned());
    assert_eq!(world.hints(), [lead.clone(), lead]);

    for unread in ["res.users.apikeys", "crm.lead'; drop", "", "CRM.LEAD"] {
        let taken = odoo.hint(&path, &json!({"_model": unread}).to_string()).await;
        assert_eq!((taken.status.as_u16(), taken.text().as_str()), (202, ""), "{unread}");
    }
    assert_eq!(world.hints().len(), 2, "nobody looks for those");
    let seen = admin.get("/api/sync/sources").await;
    assert_eq!(seen.json()["sources"][0]["hooked_at"], crate::world::NOW);
    assert!(!seen.text().contains(&key), "it was shown once");
    let stored = records::everything(&world.store);
    assert!(stored.contains(OPS_SOURCES) && stored.contains("digest") && !stored.contains(&key));
    assert!(!stored.contains("believe me"), "nothing of a hint is stored");
    world.queue.switch.off();
    odoo.hint(&path, HINT).await.problem(503, "broker-unavailable");
}

#[tokio::test]
async fn a_wrong_key_an_unknown_source_and_a_closed_hook_are_one() {
    let world = World::with_accounts().await;
    for name in ["erp", "closed", "never"] {
        world.add_source(name).await;
    }
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let (_, former) = admin.hooked("erp").await;
    let (path, key) = admin.hooked("erp").await;
    let (_, closed) = admin.hooked("closed").await;
    let off = "/api/sync/sources/closed/hook";
    for _ in 0..2 {
        assert_eq!(admin.send_json(Method::DELETE, off, &Value::Null).await.status, 204);
    }
    let mut odoo = world.browser();
    let wrong = format!("{}{}", &key[..42], if key.ends_with('A') { 'E' } else { 'A' });
    let mut refused = Vec::new();
    for (source, key) in [
        ("erp", &*wrong),
        ("erp", &*former),
        ("erp", "short"),
        ("erp", "%ff%fe"),
        ("closed", &*closed),
        ("never", &*key),
        ("nowhere", &*key),
        ("%ff", &*key),
    ] {
        refused.push(odoo.hint(&format!("/api/odoo/hooks/{source}/{key}"), HINT).await);
        // Whatever the body is: nobody looks at it.
        refused.push(odoo.hint(&format!("/api/odoo/hooks/{source}/{key}"), "{").await);
    }
    for authorization in ["", "Bearer", "Bearer ", "Basic eDp5", &format!("Bearer {wrong}"), &key] {
        refused.push(odoo.hint_with("/api/odoo/hooks/erp", authorization).await);
    }
    refused.push(odoo.hint("/api/odoo/hooks/erp", HINT).await);
    let bodies: Vec<_> = refused
        .iter()
        .map(|answer| {
            let mut problem = answer.problem(404, "hook-unknown");
            problem["request_id"].take();
            problem
        })
        .collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    assert!(world.hints().is_empty());
    assert_eq!(odoo.hint(&path, HINT).await.status, 202, "the present key works");
    admin.post("/api/sync/sources/nowhere/hook", &json!({})).await.problem(404, "source-unknown");
}

#[tokio::test]
async fn a_hint_that_cannot_be_read_is_refused_and_not_said_again() {
    let world = World::with_accounts().await;
    world.add_source("erp").await;
    let (path, key) = world.signed_in(Role::SuperAdmin).await.hooked("erp").await;
    let mut odoo = world.browser();
    let large = format!(r#"{{"_model": "crm.lead", "note": "{}"}}"#, "x".repeat(70_000));
    odoo.hint(&path, &large).await.problem(413, "body-too-large");
    let deep = format!(r#"{{"_model": "crm.lead", "note": {}}}"#, "[".repeat(20_000));
    for malformed in
        ["", "[]", "{", "believe me", r#"{"model": "crm.lead"}"#, r#"{"_model": ["believe me"]}"#, &deep]
    {
        let problem = odoo.hint(&path, malformed).await.problem(400, "malformed-body");
        assert!(!problem.to_string().contains("believe me"), "{problem}");
    }
    // An address that is nearly right holds the key all the same.
    let get = Request::get(&path).body(Body::empty()).unwrap();
    let answers = [
        (odoo.send(get).await, 405, "method-not-allowed"),
        (odoo.hint(&format!("{path}/more"), HINT).await, 404, "unknown-route"),
        (odoo.hint(&path.replace("/hooks/", "/Hooks/"), HINT).await, 403, "csrf-header-missing"),
    ];
    for (answer, status, code) in answers {
        answer.problem(status, code);
        assert!(!answer.text().contains(&key), "{}", answer.text());
    }
    assert!(world.hints().is_empty());
}

#[tokio::test]
async fn who_may_not_manage_sources_may_not_make_hooks() {
    let world = World::with_accounts().await;
    world.add_source("erp").await;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::SuperAdmin) {
        let mut browser = world.signed_in(role).await;
        browser.post("/api/sync/sources/erp/hook", &json!({})).await.problem(403, "forbidden");
        let off = browser.send_json(Method::DELETE, "/api/sync/sources/erp/hook", &Value::Null).await;
        off.problem(403, "forbidden");
    }
    // A hint needs no session, and a session makes no hint.
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    admin.post("/api/odoo/hooks/erp", &json!({"_model": "crm.lead"})).await.problem(404, "hook-unknown");
}

#[tokio::test]
async fn wrong_keys_are_limited_and_do_not_shut_out_the_right_one() {
    let world = World::with_accounts().await;
    world.add_source("erp").await;
    let (path, _) = world.signed_in(Role::SuperAdmin).await.hooked("erp").await;
    let mut odoo = world.browser();
    let wrong = format!("/api/odoo/hooks/erp/{}", "A".repeat(43));
    for path in [&wrong, "/api/odoo/hooks/erp/short", "/api/odoo/hooks/erp"].into_iter().cycle().take(60) {
        odoo.hint(path, HINT).await.problem(404, "hook-unknown");
    }
    let refused = odoo.hint(&wrong, HINT).await;
    refused.problem(429, "too-many-attempts");
    assert_eq!(refused.header("retry-after"), "60");
    assert_eq!(odoo.hint(&path, HINT).await.status, 202);
    world.clock.advance_seconds(60);
    odoo.hint(&wrong, HINT).await.problem(404, "hook-unknown");
}
