//! The connection test: one step after the other, each with its cause and remedy.
//!
//! An application's permissions cannot be read from its token, which is Graph's alone to read. So each object is asked for.

use super::config::Mailboxes;
use super::fault::CallError;
use super::links;
use super::objects::{CONTACTS, GROUPS, MANAGERS, OBJECTS, Object, USERS};
use super::source::GraphSource;
use crate::reach::is_local;
use crate::{Check, CheckState, SourceError};

/// Mailboxes that are tried until one can be read.
const TRIED: usize = 5;

/// Runs every step that the steps before allow.
pub(super) async fn run(source: &mut GraphSource) -> Vec<Check> {
    let mut checks = sign_in(source).await;
    let signed_in =
        checks.iter().all(|check| matches!(check.state, CheckState::Passed | CheckState::Warning));
    let wanted = source.client.config().objects.clone();
    for object in OBJECTS.iter().filter(|object| wanted.contains(object.name)) {
        let step = format!("rights: {}", object.name);
        let state = if signed_in { rights(source, object).await } else { not_tried() };
        checks.push(Check { step, state: state.0, detail: state.1 });
    }
    checks
}

type Found = (CheckState, String);

fn not_tried() -> Found {
    (CheckState::NotTried, "an earlier step failed".to_owned())
}

/// Steps `reachable`, `tenant`, `login`.
async fn sign_in(source: &mut GraphSource) -> Vec<Check> {
    let config = source.client.config();
    let (authority, tenant, client) = (config.authority.clone(), config.tenant, config.client_id);
    let graph = config.graph.clone();
    let outcome = source.client.sign_in().await;
    let host = authority.host_str().unwrap_or_default().to_owned();
    let code = match &outcome {
        Ok(()) => "",
        Err(SourceError::Transient { .. }) => "unreachable",
        Err(SourceError::Permanent { code, .. }) => code,
    };
    let failed = || (CheckState::Failed, outcome.as_ref().err().map(words).unwrap_or_default());
    let passed = |detail: String| (CheckState::Passed, detail);
    let reached = || {
        let plain = [&authority, &graph].iter().any(|url| url.scheme() == "http" && !is_local(url));
        let detail = format!("{host} answers");
        (if plain { CheckState::Warning } else { CheckState::Passed }, detail)
    };
    let there = || passed(format!("tenant {tenant} is there"));
    let found = match code {
        "" => [reached(), there(), passed(format!("application {client} is signed in"))],
        "unknown-tenant" => [reached(), failed(), not_tried()],
        "unknown-application" | "login-refused" => [reached(), there(), failed()],
        _ => [failed(), not_tried(), not_tried()],
    };
    let steps = ["reachable", "tenant", "login"].into_iter().zip(found);
    steps.map(|(step, (state, detail))| Check { step: step.to_owned(), state, detail }).collect()
}

/// Whether an object can be read.
async fn rights(source: &mut GraphSource, object: &'static Object) -> Found {
    let outcome = match object.name {
        USERS => probe(source, &format!("/users/delta?$select={}", object.select)).await,
        MANAGERS => probe(source, "/users?$select=id&$expand=manager($select=id)&$top=1").await,
        GROUPS => probe(source, &format!("/groups/delta?$select={}", object.select)).await,
        _ => return mailboxes(source, object).await,
    };
    match outcome {
        Ok(()) => (CheckState::Passed, "it can be read".to_owned()),
        Err(error) => (CheckState::Failed, words(&error.into_source_error(Some(object)))),
    }
}

async fn probe(source: &mut GraphSource, path: &str) -> Result<(), CallError> {
    source.client.get(path).await.map(drop)
}

/// Whether mailboxes can be read: of some that are there, one has to be.
async fn mailboxes(source: &mut GraphSource, object: &'static Object) -> Found {
    let chosen = match source.ready().await {
        Ok(()) => source.mailboxes().await,
        Err(error) => Err(error),
    };
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(error) => return (CheckState::Failed, words(&error)),
    };
    let whose = match source.client.config().mailboxes {
        Mailboxes::All => "accounts that are enabled and have an address",
        Mailboxes::Group(_) => "such accounts in the group",
        Mailboxes::Listed(_) => "such accounts among those that are named",
    };
    let all = chosen.len();
    let mut last = format!("there are no {whose}; check the setting `mailboxes`");
    for mailbox in chosen.iter().take(TRIED) {
        let path = match object.name {
            CONTACTS => "contactFolders?$top=1".to_owned(),
            _ => "calendarView/delta?startDateTime=2020-01-01T00:00:00Z&endDateTime=2020-01-02T00:00:00Z"
                .to_owned(),
        };
        match probe(source, &format!("/users/{}/{path}", links::escaped(mailbox))).await {
            Ok(()) => return (CheckState::Passed, format!("it can be read; {all} {whose}")),
            Err(error) => last = format!("{}; {}", words(&error.into_part_error(object)), object.cost),
        }
    }
    (CheckState::Failed, last)
}

fn words(error: &SourceError) -> String {
    match error {
        SourceError::Transient { message, .. } => message.clone(),
        SourceError::Permanent { message, fix, .. } => format!("{message}; {fix}"),
    }
}
