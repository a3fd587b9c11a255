//! What OWASP's API Security Top 10 asks beside what other tests try already: `docs/security.md` names the tests of each of the ten.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use salescommand_domain::access::Role;
use serde_json::json;

use crate::contract::{Operation, operations};
use crate::records;
use crate::world::{Answer, Browser, PASSWORD, World};

/// Credential of the world's source.
const SOURCE_SECRET: &str = "hunter2hunter2";

async fn ask(browser: &mut Browser, operation: &Operation, path: &str, more: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(operation.method.clone()).uri(path);
    for (name, value) in [("x-requested-with", "salescommand"), ("content-type", "application/json")] {
        request = request.header(name, value);
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let body = if operation.has_body() { Body::from("{}") } else { Body::empty() };
    browser.send(request.body(body).unwrap()).await
}

/// A path of an operation with ids that are there.
fn path_of(operation: &Operation) -> String {
    let deal = records::source("crm.lead", "1").facet_id().to_string();
    let named = operation.path.replace("{source}", "odoo").replace("{entity}", "opportunities");
    let named = named.replace("{type}", "opportunities").replace("{collection}", "pipeline_summary");
    let known = Operation::at(&named);
    known.with(&deal)
}

/// API3: whoever asks, for whatever, in no answer stands what is kept to check or to open something.
#[tokio::test]
async fn no_answer_holds_a_secret() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let hook = admin.post("/api/sync/sources/odoo/hook", &json!({})).await.json();
    let hook = hook["key"].as_str().unwrap().to_owned();
    let mut asked = 0;
    for role in Role::ALL {
        let mut browser = world.signed_in(role).await;
        let cookies: Vec<_> = browser.cookies.values().cloned().collect();
        // What ends the session, forgets the source, or shows a secret that it has just made, is none of this test's.
        let others = ["logout", "rotate_hook", "close_hook", "remove_source", "refresh"];
        for operation in operations().iter().filter(|operation| !others.contains(&operation.id.as_str())) {
            let answer = ask(&mut browser, operation, &path_of(operation), &[]).await;
            let text = answer.text();
            let kept = [SOURCE_SECRET, PASSWORD, &hook, "$argon2", "nonce_and_ciphertext", "password_hash"];
            for secret in kept.into_iter().chain(cookies.iter().map(String::as_str)) {
                assert!(!text.contains(secret), "{role:?}: {} tells {secret}: {text}", operation.id);
            }
            asked += usize::from(answer.status == 200);
        }
    }
    assert!(asked > 60, "only {asked} answers had anything to tell");
    let stored = records::everything(&world.store);
    assert!(
        stored.contains("$argon2") && stored.contains("nonce_and_ciphertext"),
        "it looks for what is there"
    );
}

/// API8: what every answer carries, to whomever, and what none does.
#[tokio::test]
async fn every_operation_answers_with_security_headers_and_to_no_other_site() {
    let world = World::furnished().await;
    let foreign = [("origin", "https://evil.example"), ("access-control-request-method", "POST")];
    for operation in operations() {
        let path = path_of(&operation);
        let mut preflight = Request::builder().method(Method::OPTIONS).uri(&path);
        for (name, value) in foreign {
            preflight = preflight.header(name, value);
        }
        let mut nobody = world.browser();
        let answers = [
            ask(&mut nobody, &operation, &path, &foreign).await,
            ask(&mut world.signed_in(Role::SuperAdmin).await, &operation, &path, &foreign).await,
            nobody.send(preflight.body(Body::empty()).unwrap()).await,
        ];
        assert_eq!(answers[2].status, 405, "{}: a preflight is answered", operation.id);
        for answer in answers {
            let (id, status) = (&operation.id, answer.status);
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{id} {status}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{id} {status}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{id} {status}");
            assert_eq!(answer.header("x-request-id").len(), 36, "{id} {status}");
            let kept = answer.header("cache-control");
            let not_kept = kept.contains("no-store") || kept.contains("no-cache") || answer.body.is_empty();
            assert!(not_kept || operation.is_public(), "{id} {status} may be kept: {kept}");
            let named: BTreeSet<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            let told = ["server", "x-powered-by", "via", "x-aspnet-version"];
            assert!(
                told.iter().all(|name| !named.contains(*name)),
                "{id} tells what it is made of: {named:?}"
            );
            assert!(!named.iter().any(|name| name.starts_with("access-control-")), "{id}: {named:?}");
        }
    }
}

/// Other spellings of an address, as proxies and frameworks have confused them.
fn spellings(path: &str) -> Vec<String> {
    let (head, tail) = path.rsplit_once('/').unwrap();
    vec![
        format!("{path}/"),
        format!("{path}//"),
        format!("/{path}"),
        format!("{path}.json"),
        format!("{path};admin=1"),
        format!("{path}%00"),
        format!("{path}%2f"),
        format!("{head}/./{tail}"),
        format!("{head}/%2e/{tail}"),
        format!("/api/auth/providers/..{}", path.trim_start_matches("/api")),
        format!("/api/meta/%2e%2e/{}", path.trim_start_matches("/api/")),
        path.replacen("/api", "/API", 1),
        path.replacen("/api", "/%61pi", 1),
        path.replacen("/api", "/api/v1", 1),
        path.replacen("/api", "/api/v2", 1),
    ]
}

/// Headers by which others than we let somebody be someone else, or ask for something else.
const PRETENCES: [(&str, &str); 8] = [
    ("x-http-method-override", "DELETE"),
    ("x-original-url", "/api/meta"),
    ("x-rewrite-url", "/api/meta"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-user", "super.admin@example.com"),
    ("x-user-id", "super.admin@example.com"),
    ("x-role", "super_admin"),
    ("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."),
];

/// API5 and API2: no way of writing an address, no method, and no header opens what is closed.
#[tokio::test]
async fn no_spelling_of_an_address_and_no_header_opens_an_operation() {
    let world = World::furnished().await;
    let mut viewer = world.signed_in(Role::Viewer).await;
    let closed = |answer: &Answer| [400, 401, 403, 404, 405].contains(&answer.status.as_u16());
    for operation in operations().iter().filter(|operation| !operation.is_public()) {
        let path = path_of(operation);
        let plain = ask(&mut viewer, operation, &path, &[]).await;
        let forbidden = plain.status == 403;
        for spelling in spellings(&path) {
            let answer = ask(&mut world.browser(), operation, &spelling, &[]).await;
            // The application's own page is not an answer of the API.
            let page = answer.header("content-type").starts_with("text/html");
            assert!(closed(&answer) || page, "nobody: {} {spelling}: {}", operation.method, answer.status);
            if forbidden {
                let answer = ask(&mut viewer, operation, &spelling, &[]).await;
                let page = answer.header("content-type").starts_with("text/html");
                assert!(
                    closed(&answer) || page,
                    "viewer: {} {spelling}: {}",
                    operation.method,
                    answer.status
                );
            }
        }
        for pretence in PRETENCES {
            let answer = ask(&mut world.browser(), operation, &path, &[pretence]).await;
            answer.problem(401, "not-signed-in");
            if forbidden {
                let answer = ask(&mut viewer, operation, &path, &[pretence]).await;
                assert_eq!(answer.status, 403, "viewer, {pretence:?}: {} {path}", operation.method);
            }
        }
        if operation.method == Method::GET {
            let head = Request::head(&path).body(Body::empty()).unwrap();
            assert_eq!(world.browser().send(head).await.status, 401, "HEAD {path}");
        }
    }
}
