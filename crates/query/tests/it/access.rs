//! Who may do what: every operation needs a session or is on the public list; the golden table role × operation.

use axum::body::Body;
use axum::http::{Method, Request};
use salescommand_domain::access::Role;
use salescommand_query::{PUBLIC_OPERATIONS, openapi_json};
use serde_json::Value;

use crate::records;
use crate::world::World;

/// Every operation of the OpenAPI document: id, method, path with its parameters filled in.
fn operations() -> Vec<(String, Method, String)> {
    let api: Value = serde_json::from_str(&openapi_json().unwrap()).unwrap();
    let mut operations = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let method = method.to_uppercase().parse().unwrap();
            // One that is not there: what is deleted is missed by whoever comes after.
            let source = if method == Method::DELETE { "spare" } else { "odoo" };
            operations.push((id, method, filled(&path.replace("{source}", source))));
        }
    }
    operations.sort_by(|a, b| (&a.2, &a.0).cmp(&(&b.2, &b.0)));
    operations
}

/// Ana's deal stands for a record: her manager and those above everyone may see it, Bob may not.
fn filled(path: &str) -> String {
    let deal = records::source("crm.lead", "1").facet_id().to_string();
    let in_stage = format!("owner:{}%7C{}", records::seller("ana"), records::stage("1"));
    let path = path.replace("serving/{collection}/{id}", &format!("serving/pipeline_summary/{in_stage}"));
    let path = path.replace("{entity}", "opportunities");
    path.replace("{type}", "accounts")
        .replace("{instance}/{epoch}/{sequence}", "odoo/1/1")
        .replace("{replay}", "r1")
        .replace("{run}", "r1")
        .replace("{key}", "no-key")
        .replace("{provider}", "office")
        .replace("{id}", &deal)
}

/// A body that can be read where the table says so; where it cannot, the right to ask is judged before it.
fn body_for(method: &Method, path: &str) -> &'static str {
    let is = |name: &str| path.ends_with(name);
    match *method {
        Method::PATCH if is("/sources/odoo") => r#"{"settings":{"url":"x"},"secret":"x"}"#,
        _ if is("/api/auth/login") => r#"{"email":"nobody@example.com","password":"x"}"#,
        _ if is("/sync/trigger") => r#"{"source":"odoo"}"#,
        _ if is("/backfill") => r#"{"from":"2026-11-01T00:00:00Z","to":"2026-11-02T00:00:00Z"}"#,
        _ if is("/schedule") => r#"{"cadence":"1h"}"#,
        _ if is("/sync/sources") => r#"{"name":"second","kind":"odoo","settings":{"url":"x"},"secret":"x"}"#,
        _ if is("/odoo/sync") || is("/reset") || is("/switch") => "{}",
        _ => r#"{"nothing":"known"}"#,
    }
}

fn request(method: &Method, path: &str) -> Request<Body> {
    let body = body_for(method, path);
    let request = Request::builder().method(method).uri(path).header("x-requested-with", "salescommand");
    let body = if method == Method::GET { Body::empty() } else { Body::from(body) };
    request.header("content-type", "application/json").body(body).unwrap()
}

#[tokio::test]
async fn every_operation_needs_a_session_or_is_public_on_purpose() {
    let world = World::furnished().await;
    let operations = operations();
    assert_eq!(operations.len(), 86);
    for public in PUBLIC_OPERATIONS {
        assert!(operations.iter().any(|(id, _, _)| id == public), "{public} is public but does not exist");
    }
    for (id, method, path) in operations {
        let answer = world.browser().send(request(&method, &path)).await;
        let code = if answer.body.is_empty() { Value::Null } else { answer.json()["code"].clone() };
        if PUBLIC_OPERATIONS.contains(&id.as_str()) {
            assert_ne!(code, "not-signed-in", "{id}");
        } else {
            answer.problem(401, "not-signed-in");
        }
    }
}

/// Statuses in the order of the roles: super admin, executive, manager, account manager, sales user, viewer.
const TABLE: &str = "\
GET /api/audit: 200 403 403 403 403 403
GET /api/audit/export: 200 403 403 403 403 403
GET /api/audit/verify: 200 403 403 403 403 403
GET /api/auth/me: 200 200 200 200 200 200
PUT /api/auth/password: 400 400 400 400 400 400
DELETE /api/auth/sessions: 204 204 204 204 204 204
GET /api/auth/sessions: 200 200 200 200 200 200
DELETE /api/auth/sessions/DEAL: 404 404 404 404 404 404
GET /api/dashboard/overview: 200 200 200 200 200 200
GET /api/data-lake/entities/accounts: 200 200 200 200 200 403
GET /api/data-lake/epochs: 200 403 403 403 403 403
GET /api/data-lake/generations: 200 403 403 403 403 403
POST /api/data-lake/generations/drop-previous: 400 403 403 403 403 403
POST /api/data-lake/generations/rollback: 400 403 403 403 403 403
GET /api/data-lake/health: 200 200 200 200 200 403
GET /api/data-lake/lineage/opportunities/DEAL: 200 200 200 200 404 403
GET /api/data-lake/lineage/serving/pipeline_summary/CELL: 200 200 200 200 404 403
GET /api/data-lake/quarantine: 200 403 403 403 403 403
GET /api/data-lake/quarantine/odoo/1/1: 404 403 403 403 403 403
POST /api/data-lake/quarantine/odoo/1/1/retry: 404 403 403 403 403 403
POST /api/data-lake/quarantine/odoo/1/1/waive: 400 403 403 403 403 403
GET /api/data-lake/replays: 200 403 403 403 403 403
POST /api/data-lake/replays: 400 403 403 403 403 403
GET /api/data-lake/replays/r1: 404 403 403 403 403 403
POST /api/data-lake/replays/r1/cancel: 404 403 403 403 403 403
POST /api/data-lake/replays/r1/switch: 404 403 403 403 403 403
GET /api/data-lake/stats: 200 200 200 200 200 403
GET /api/odoo/sources: 200 200 200 200 200 403
GET /api/odoo/sources/odoo/objects: 200 403 403 403 403 403
POST /api/odoo/sources/odoo/sync: 202 403 202 403 403 403
POST /api/odoo/sources/odoo/test: 200 403 403 403 403 403
POST /api/opportunities: 422 403 422 422 422 403
GET /api/opportunities: 200 200 200 200 200 403
PATCH /api/opportunities/DEAL: 428 403 428 428 404 403
GET /api/opportunities/DEAL: 200 200 200 200 404 403
DELETE /api/opportunities/DEAL: 428 403 428 428 404 403
GET /api/opportunities/DEAL/history: 200 200 200 200 404 404
POST /api/org/delegations: 400 400 400 400 400 403
GET /api/org/delegations: 200 200 200 200 200 200
DELETE /api/org/delegations/DEAL: 404 404 404 404 404 403
POST /api/org/edges: 400 403 403 403 403 403
GET /api/org/edges: 200 403 403 403 403 403
DELETE /api/org/edges/DEAL: 404 403 403 403 403 403
GET /api/org/people: 400 400 400 400 400 400
GET /api/org/people/DEAL: 404 404 404 404 404 404
GET /api/org/tree: 200 200 200 200 200 200
GET /api/sync/history: 200 200 200 200 200 403
POST /api/sync/runs/r1/cancel: 404 403 404 403 403 403
GET /api/sync/runs/r1/events: 404 404 404 404 404 403
GET /api/sync/runs/r1/log: 404 404 404 404 404 403
POST /api/sync/sources: 201 403 403 403 403 403
GET /api/sync/sources: 200 403 403 403 403 403
PATCH /api/sync/sources/odoo: 200 403 403 403 403 403
POST /api/sync/sources/odoo/backfill: 202 403 202 403 403 403
GET /api/sync/sources/odoo/cursors: 200 403 403 403 403 403
POST /api/sync/sources/odoo/cursors/reset: 200 403 403 403 403 403
POST /api/sync/sources/odoo/discover: 502 403 403 403 403 403
POST /api/sync/sources/odoo/hook: 200 403 403 403 403 403
PUT /api/sync/sources/odoo/schedule: 200 403 403 403 403 403
POST /api/sync/sources/odoo/test: 200 403 403 403 403 403
DELETE /api/sync/sources/spare: 404 403 403 403 403 403
DELETE /api/sync/sources/spare/hook: 404 403 403 403 403 403
GET /api/sync/status: 200 200 200 200 200 403
POST /api/sync/trigger: 202 403 202 403 403 403
GET /api/teams: 200 200 200 200 200 200
GET /api/teams/DEAL: 404 404 404 404 404 404
POST /api/users: 400 403 403 403 403 403
GET /api/users: 200 403 403 403 403 403
PATCH /api/users/DEAL: 400 403 403 403 403 403
GET /api/users/DEAL: 404 403 403 403 403 403
POST /api/users/DEAL/reset: 404 403 403 403 403 403
DELETE /api/users/DEAL/sessions: 404 403 403 403 403 403
GET /api/users/DEAL/sessions: 404 403 403 403 403 403
";

#[tokio::test]
async fn the_golden_table_of_roles_and_operations() {
    let world = World::furnished().await;
    let mut browsers = Vec::new();
    for role in Role::ALL {
        browsers.push(world.signed_in(role).await);
    }
    let mut table = String::new();
    for (id, method, path) in operations() {
        if PUBLIC_OPERATIONS.contains(&id.as_str()) {
            continue;
        }
        let mut statuses = Vec::new();
        for browser in &mut browsers {
            statuses.push(browser.send(request(&method, &path)).await.status.as_u16().to_string());
        }
        let cell = format!("owner:{}%7C{}", records::seller("ana"), records::stage("1"));
        let path = path.replace(&records::source("crm.lead", "1").facet_id().to_string(), "DEAL");
        let path = path.replace(&cell, "CELL");
        table.push_str(&format!("{method} {path}: {}\n", statuses.join(" ")));
    }
    assert_eq!(table, TABLE);
}

#[tokio::test]
async fn a_forged_or_foreign_token_opens_nothing() {
    let world = World::furnished().await;
    let mut browser = world.browser();
    let forged = ["x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."];
    for token in forged {
        browser.cookies.insert("sc_access".into(), token.into());
        browser.get("/api/dashboard/overview").await.problem(401, "session-expired");
    }
}
