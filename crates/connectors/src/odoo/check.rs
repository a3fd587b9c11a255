//! The connection test: one step after the other, each with its cause and remedy.

use serde_json::{Value as Json, json};

use super::client::Client;
use super::config::address;
use super::fault::{self, CallError};
use super::objects::{OBJECTS, Object};
use super::tracking::Tracking;
use crate::{Check, CheckState, SourceError};

/// Versions this connector is made for.
const TESTED: std::ops::RangeInclusive<u64> = 14..=18;
/// The group that sees every deal.
const ALL_DOCUMENTS: &str = "sales_team.group_sale_salesman_all_leads";

/// Runs every step that the steps before allow.
pub(super) async fn run(client: &Client) -> Vec<Check> {
    let mut checks = Vec::new();
    let uid = sign_in(client, &mut checks).await;
    for object in OBJECTS {
        let step = format!("rights: {}", object.name);
        checks.push(match uid {
            Some(uid) => rights(client, uid, object, step).await,
            None => not_tried(step),
        });
    }
    if let Some(uid) = uid {
        checks.extend(own_documents_only(client, uid).await);
        checks.push(stage_history(client, uid).await);
    }
    checks
}

/// Steps `reachable`, `version`, `database`, `login`; the user's id if all went well.
async fn sign_in(client: &Client, checks: &mut Vec<Check>) -> Option<i64> {
    match client.version().await {
        Ok(version) => {
            checks.push(reachable(client));
            checks.push(version_check(&version));
        }
        Err(error) => {
            checks.push(failed("reachable", &error.into_source_error(None)));
            checks.extend(["version", "database", "login"].map(|step| not_tried(step.to_owned())));
            return None;
        }
    }
    let answer = client.authenticate().await;
    if let Err(CallError::Fault(fault)) = &answer
        && fault.unknown_database()
    {
        checks.push(unknown_database(client).await);
        checks.push(not_tried("login".to_owned()));
        return None;
    }
    let uid = match answer {
        Ok(uid) => uid,
        Err(error) => {
            // Whether the database is there stays open.
            checks.push(failed("database", &error.into_source_error(None)));
            checks.push(not_tried("login".to_owned()));
            return None;
        }
    };
    checks.push(passed("database", format!("{:?} is there", client.database())));
    checks.push(match uid {
        Some(uid) => passed("login", format!("{:?} is user {uid}", client.login())),
        None => failed("login", &fault::login_refused(client.login())),
    });
    uid
}

fn reachable(client: &Client) -> Check {
    let place = address(client.url());
    let local = matches!(client.url().host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if client.url().scheme() == "http" && !local {
        let detail =
            format!("Odoo answers at {place}, but without TLS: the password travels readable; use https://");
        return Check { step: "reachable".to_owned(), state: CheckState::Warning, detail };
    }
    passed("reachable", format!("Odoo answers at {place}"))
}

fn version_check(version: &Json) -> Check {
    let name = version.get("server_version").and_then(Json::as_str).unwrap_or("unknown");
    let major = version.pointer("/server_version_info/0").and_then(Json::as_u64);
    if major.is_some_and(|major| TESTED.contains(&major)) {
        return passed("version", format!("Odoo {name}"));
    }
    let detail =
        format!("Odoo {name}; this connector is tested with 14 to 18, so look at the first run closely");
    Check { step: "version".to_owned(), state: CheckState::Warning, detail }
}

async fn unknown_database(client: &Client) -> Check {
    let mut detail = format!("Odoo has no database {:?}; check the setting `database`", client.database());
    if let Some(names) = client.databases().await.filter(|names| !names.is_empty()) {
        detail.push_str(&format!("; this server has {}", names.join(", ")));
    }
    Check { step: "database".to_owned(), state: CheckState::Failed, detail }
}

async fn rights(client: &Client, uid: i64, object: &Object, step: String) -> Check {
    let mut kwargs = json!({ "context": { "active_test": false } });
    // Counting would read all that is counted.
    let method = if object.thinned { "search" } else { "search_count" };
    if object.thinned {
        kwargs["limit"] = json!(1);
        kwargs["order"] = json!("id asc");
    }
    let terms = json!([(object.terms)()]);
    match client.execute(uid, object.name, method, terms, kwargs).await {
        Ok(Json::Array(_)) => passed(&step, "it can be read; records are not counted".to_owned()),
        Ok(count) => passed(&step, format!("{} records", count.as_u64().unwrap_or_default())),
        Err(CallError::Fault(fault)) if object.optional && fault.keeps_back_object() => {
            let detail = format!("{}: {}; {}", object.name, fault.message, object.cost);
            Check { step, state: CheckState::Warning, detail }
        }
        Err(error) => failed(&step, &error.into_source_error(Some(object.name))),
    }
}

/// Record rules filter silently, so the count of deals alone cannot show that most of them are hidden.
async fn own_documents_only(client: &Client, uid: i64) -> Option<Check> {
    // Up to 17 the method takes the group alone, from 18 on a user first.
    let mut answer = client.execute(uid, "res.users", "has_group", json!([ALL_DOCUMENTS]), json!({})).await;
    if answer.is_err() {
        answer =
            client.execute(uid, "res.users", "has_group", json!([[uid], ALL_DOCUMENTS]), json!({})).await;
    }
    let detail = "the API user sees only its own and unassigned deals; give it Sales / User: All Documents";
    (answer == Ok(Json::Bool(false))).then(|| Check {
        step: "rights: all deals".to_owned(),
        state: CheckState::Warning,
        detail: detail.to_owned(),
    })
}

/// Without it what happened to a deal is known only as far as readings of it differ.
async fn stage_history(client: &Client, uid: i64) -> Check {
    let step = "rights: stage history";
    match Tracking::discover(client, uid).await {
        Ok(Some(_)) => passed(step, "the history that Odoo keeps of deals can be read".to_owned()),
        Ok(None) => Check {
            step: step.to_owned(),
            state: CheckState::Warning,
            detail: "mail.tracking.value cannot be read, so of what happened before the first run only the last change of \
                     stage, owner and status is known, and later changes as far as two readings differ: days in a stage and \
                     the conversion between stages are less exact; give the API user Settings"
                .to_owned(),
        },
        Err(error) => failed(step, &error.into_source_error(None)),
    }
}

fn passed(step: &str, detail: String) -> Check {
    Check { step: step.to_owned(), state: CheckState::Passed, detail }
}

fn not_tried(step: String) -> Check {
    Check { step, state: CheckState::NotTried, detail: "an earlier step failed".to_owned() }
}

fn failed(step: &str, error: &SourceError) -> Check {
    let detail = match error {
        SourceError::Transient { message, .. } => message.clone(),
        SourceError::Permanent { message, fix, .. } => format!("{message}; {fix}"),
    };
    Check { step: step.to_owned(), state: CheckState::Failed, detail }
}
