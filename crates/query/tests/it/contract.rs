//! What every operation has to hold to, taken from the OpenAPI document: so no operation can be added that does not.
//!
//! `cargo xtask test --suite api-fuzz` holds the running service to the same document with whatever it invents.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request};
use salescommand_domain::access::Role;
use salescommand_query::{PUBLIC_OPERATIONS, openapi_json};
use serde_json::{Value, json};

use crate::records;
use crate::world::{Answer, Browser, World};

/// Bodies that others decide on: further members are not looked at.
const OPEN_BODIES: [&str; 2] = ["odoo_hook", "odoo_hook_bearer"];

pub struct Operation {
    pub id: String,
    pub method: Method,
    pub path: String,
    described: Value,
}

impl Operation {
    /// Whatever is at a path.
    pub fn at(path: &str) -> Self {
        Self { id: String::new(), method: Method::GET, path: path.to_owned(), described: Value::Null }
    }

    fn has(&self, status: &str) -> bool {
        self.described["responses"].get(status).is_some()
    }

    fn takes(&self, place: &str) -> bool {
        self.parameters().any(|parameter| parameter["in"] == place)
    }

    fn parameters(&self) -> impl Iterator<Item = &Value> {
        self.described["parameters"].as_array().into_iter().flatten()
    }

    pub fn has_body(&self) -> bool {
        self.described.get("requestBody").is_some()
    }

    pub fn is_public(&self) -> bool {
        PUBLIC_OPERATIONS.contains(&self.id.as_str())
    }

    /// The path with one value for each of its parameters.
    pub fn with(&self, value: &str) -> String {
        let mut path = self.path.clone();
        while let Some((before, rest)) = path.split_once('{') {
            let after = rest.split_once('}').unwrap().1;
            path = format!("{before}{value}{after}");
        }
        path
    }
}

fn document() -> Value {
    serde_json::from_str(&openapi_json().unwrap()).unwrap()
}

pub fn operations() -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            operations.push(Operation {
                id: described["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                described: described.clone(),
            });
        }
    }
    operations
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

pub async fn ask(browser: &mut Browser, operation: &Operation, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::builder().method(operation.method.clone()).uri(path);
    let request =
        request.header("x-requested-with", "salescommand").header("content-type", "application/json");
    browser.send(request.body(body.into()).unwrap()).await
}

#[test]
fn every_operation_says_how_it_can_fail_and_who_may_ask() {
    for operation in operations() {
        let Operation { id, method, described, .. } = &operation;
        let security = described["security"][0].as_object().cloned().unwrap_or_default();
        let hook = OPEN_BODIES.contains(&id.as_str());
        assert_eq!(security.contains_key("session"), !operation.is_public(), "{id}: session");
        assert_eq!(
            security.contains_key("same_site"),
            *method != Method::GET && !hook,
            "{id}: header of changes"
        );
        assert!(operation.has("503"), "{id}: 503");
        assert!(operation.is_public() || operation.has("401"), "{id}: 401");
        assert!(!security.contains_key("same_site") || operation.has("403"), "{id}: 403");
        let body = operation.has_body();
        assert!(!body || ["400", "413", "415"].iter().all(|status| operation.has(status)), "{id}: body");
        assert!(!operation.takes("path") || operation.has("400"), "{id}: 400 for its path");
        assert!(
            !operation.takes("query") || operation.has("400") || operation.has("303"),
            "{id}: 400 for its query"
        );
        for (status, answer) in described["responses"].as_object().unwrap() {
            let kinds: Vec<_> =
                answer["content"].as_object().into_iter().flatten().map(|(kind, _)| kind).collect();
            assert!(
                status.as_str() < "400" || kinds == ["application/problem+json"],
                "{id}: {status} is {kinds:?}"
            );
        }
    }
}

#[test]
fn every_route_is_described_or_stands_on_the_list_of_those_that_are_not() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut routes) = (vec![source], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            let found =
                text.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
            routes.extend(found);
        }
    }
    // SCIM describes itself, in a language of its own.
    let undescribed = [
        "/api/docs",
        "/api/docs/style.css",
        "/api/openapi.json",
        "/healthz",
        "/metrics",
        "/readyz",
        "/scim/v2",
        "/scim/v2/.search",
        "/scim/v2/ResourceTypes",
        "/scim/v2/ResourceTypes/{id}",
        "/scim/v2/Schemas",
        "/scim/v2/Schemas/{id}",
        "/scim/v2/ServiceProviderConfig",
        "/scim/v2/Users",
        "/scim/v2/Users/{id}",
        "/scim/v2/{*rest}",
    ];
    assert_eq!(routes.iter().map(String::as_str).collect::<Vec<_>>(), undescribed);
}

#[tokio::test]
async fn an_address_that_is_no_text_is_a_problem_like_any_other() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    for operation in operations().iter().filter(|operation| operation.takes("path")) {
        let body = if operation.has_body() { "{}" } else { "" };
        let answer = ask(&mut admin, operation, &operation.with("%FF"), body).await;
        // A hook tells nobody what was wrong.
        let hook = OPEN_BODIES.contains(&operation.id.as_str());
        let (status, code) = if hook { (404, "hook-unknown") } else { (400, "malformed-path") };
        answer.problem(status, code);
    }
    let place = "/api/data-lake/quarantine/odoo";
    for wrong in ["-1/1", "4294967296/1", "1/18446744073709551616", "one/1"] {
        admin.get(&format!("{place}/{wrong}")).await.problem(400, "malformed-path");
    }
}

#[tokio::test]
async fn members_that_nobody_asked_for_are_refused_in_every_body() {
    let (world, document) = (World::furnished().await, document());
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let with_body = operations().into_iter().filter(Operation::has_body);
    for operation in with_body.filter(|operation| !OPEN_BODIES.contains(&operation.id.as_str())) {
        let given = &operation.described["requestBody"]["content"]["application/json"]["schema"];
        let schema = resolved(&document, given);
        assert_eq!(
            schema["additionalProperties"], false,
            "{}: its schema lets members through",
            operation.id
        );
        // All that it asks for, as well as it goes, and one more.
        let mut body = json!({ "role_of_mine": "super_admin" });
        for (name, property) in schema["properties"].as_object().unwrap() {
            body[name] = match resolved(&document, property)["type"].as_str() {
                Some("boolean") => json!(false),
                Some("object") => json!({}),
                Some("string") => json!("x"),
                _ => Value::Null,
            };
        }
        let id = records::source("crm.lead", "1").facet_id().to_string();
        let answer = ask(&mut admin, &operation, &operation.with(&id), body.to_string()).await;
        let refused = [400, 422].contains(&answer.status.as_u16());
        // A record of its own is asked for before its body is looked at, in places.
        let missing = operation.takes("path") && [404, 428].contains(&answer.status.as_u16());
        assert!(refused || missing, "{}: {} {}", operation.id, answer.status, answer.text());
    }
}

#[tokio::test]
async fn texts_that_are_mean_break_nothing() {
    let world = World::furnished().await;
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let bodies = [
        deep.clone(),
        format!("{{\"set\":{deep}}}"),
        "{\"email\":\"\\ud800\",\"password\":\"\\udfff\"}".to_owned(),
        "{\"source\":\"\\u0000\",\"objects\":[\"\\u0000\"],\"settings\":{\"\\u0000\":\"\\u0000\"}}"
            .to_owned(),
        "{\"from\":{\"canonical\":1e400,\"serving\":{\"$where\":1}}}".to_owned(),
        "{\"a\":1,\"a\":2}".to_owned(),
        "\u{feff}{}".to_owned(),
        "nul".to_owned(),
    ];
    let long = "A".repeat(4_000);
    let texts = [
        "%00",
        "$where",
        "%7B%22$gt%22:%22%22%7D",
        "..%2F..%2Fetc%2Fpasswd",
        "*",
        "%3E",
        "%F0%9F%92%A9",
        &long,
    ];
    for operation in operations() {
        let mut admin = world.signed_in(Role::SuperAdmin).await;
        for body in bodies.iter().filter(|_| operation.has_body()) {
            let answer = ask(&mut admin, &operation, &operation.with("odoo"), body.clone()).await;
            assert!(answer.status.as_u16() < 500, "{}: {}", operation.id, answer.text());
        }
        for text in texts {
            let mut path = operation.with(text);
            let query = operation.parameters().filter(|parameter| parameter["in"] == "query");
            let query: Vec<_> =
                query.map(|parameter| format!("{}={text}", parameter["name"].as_str().unwrap())).collect();
            if !query.is_empty() {
                path = format!("{path}?{}", query.join("&"));
            }
            let answer = ask(&mut admin, &operation, &path, "{}").await;
            let told = answer.status.as_u16();
            assert!(
                told < 500 && told != 200 || !operation.takes("path"),
                "{}: {}",
                operation.id,
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn no_page_is_larger_than_its_description_says() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let mut paged = 0;
    for operation in operations().iter().filter(|operation| !operation.takes("path")) {
        for limit in operation.parameters().filter(|parameter| parameter["name"] == "limit") {
            let (least, most) = (&limit["schema"]["minimum"], &limit["schema"]["maximum"]);
            let most = most.as_i64().unwrap_or_else(|| panic!("{}: no maximum", operation.id));
            assert_eq!(least, 1, "{}", operation.id);
            assert!(most <= 1_000, "{}", operation.id);
            for (limit, fits) in [(most, true), (most + 1, false), (0, false), (-1, false), (i64::MAX, false)]
            {
                let answer = admin.get(&format!("{}?limit={limit}", operation.path)).await;
                assert_eq!(answer.status == 200, fits, "{}: {limit}: {}", operation.id, answer.text());
            }
            paged += 1;
        }
    }
    assert!(paged >= 5, "{paged} operations have pages");
}

/// Of everything that is addressed by an id and has an owner: Bob, who may see neither Ana's nor Zed's, is told the same of
/// theirs as of what is not there.
#[tokio::test]
async fn what_is_anothers_and_what_is_not_there_are_one_answer() {
    let world = World::furnished().await;
    let mut bob = world.signed_in(Role::SalesUser).await;
    let cell =
        |owner: &str, stage: &str| format!("owner:{}%7C{}", records::seller(owner), records::stage(stage));
    let deal = |key: &str| records::source("crm.lead", key).facet_id().to_string();
    let (absent, nowhere) = (deal("4711"), cell("nobody", "1"));
    let (mut compared, mut admin) = (0, world.signed_in(Role::SuperAdmin).await);
    for operation in operations().iter().filter(|operation| operation.path.contains("{id}")) {
        let sums = operation.path.contains("{collection}");
        let (foreign, absent) = if sums {
            ([cell("ana", "1"), cell("zed", "1")], &nowhere)
        } else {
            ([deal("1"), deal("5")], &absent)
        };
        let path = |id: &str| {
            let path = operation
                .path
                .replace("{collection}", "pipeline_summary")
                .replace("{entity}", "opportunities");
            path.replace("{id}", id)
        };
        for foreign in &foreign {
            let of_foreign = ask(&mut bob, operation, &path(foreign), "{}").await;
            let of_absent = ask(&mut bob, operation, &path(absent), "{}").await;
            let headers = |answer: &Answer| {
                answer.headers.iter().map(|(name, _)| name.to_string()).collect::<BTreeSet<_>>()
            };
            let told = |answer: &Answer| {
                let mut body = answer.json();
                body.as_object_mut().unwrap().remove("request_id");
                body
            };
            assert_eq!(of_foreign.status, of_absent.status, "{}", operation.id);
            assert!(
                [403, 404].contains(&of_foreign.status.as_u16()),
                "{}: {}",
                operation.id,
                of_foreign.status
            );
            assert_eq!(told(&of_foreign), told(&of_absent), "{}", operation.id);
            assert_eq!(headers(&of_foreign), headers(&of_absent), "{}", operation.id);
        }
        let of_deals = ["/api/opportunities", "/api/data-lake/lineage"];
        let of_deals = of_deals.iter().any(|place| operation.path.starts_with(place));
        if operation.method == Method::GET && of_deals {
            let seen = ask(&mut admin, operation, &path(&foreign[0]), "").await;
            assert_eq!(seen.status, 200, "{}: who may see it is told of it", operation.id);
        }
        compared += 1;
    }
    assert!(compared >= 7, "{compared} operations have an id");
}
