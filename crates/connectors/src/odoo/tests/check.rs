//! The connection test.

use serde_json::json;

use super::super::objects::OBJECTS;
use super::server::{Reply, Server, odoo};
use super::settings;
use crate::odoo::DESCRIPTOR;
use crate::{Check, CheckState, Settings};

async fn check(settings: Settings) -> Vec<Check> {
    let checks = DESCRIPTOR.open.unwrap()(settings).unwrap().check().await;
    assert!(
        checks.iter().all(|check| !check.detail.contains("s3cret-key") && !check.detail.is_empty()),
        "{checks:?}"
    );
    checks
}

fn state(checks: &[Check], step: &str) -> CheckState {
    checks.iter().find(|check| check.step == step).unwrap().state
}

fn detail<'a>(checks: &'a [Check], step: &str) -> &'a str {
    &checks.iter().find(|check| check.step == step).unwrap().detail
}

#[tokio::test]
async fn everything_works() {
    let server = Server::start(odoo).await;
    let checks = check(settings(&server.url, &[])).await;
    // The history that Odoo keeps is for administrators, and an API user need not be one.
    let (history, others): (Vec<_>, Vec<_>) =
        checks.iter().partition(|check| check.step == "rights: stage history");
    assert!(others.iter().all(|check| check.state == CheckState::Passed), "{checks:?}");
    assert_eq!(history[0].state, CheckState::Warning);
    assert!(history[0].detail.contains("Settings"), "{history:?}");
    let steps: Vec<_> = checks.iter().map(|check| check.step.as_str()).collect();
    assert_eq!(steps[..4], ["reachable", "version", "database", "login"]);
    assert_eq!(steps.len(), 5 + OBJECTS.len());
    assert_eq!(detail(&checks, "rights: crm.lead"), "7 records");
}

#[tokio::test]
async fn an_unreachable_server_leaves_the_rest_untried() {
    let server = Server::start(|_| Reply::Close).await;
    let checks = check(settings(&server.url, &[])).await;
    assert_eq!(state(&checks, "reachable"), CheckState::Failed);
    assert!(checks[1..].iter().all(|check| check.state == CheckState::NotTried), "{checks:?}");
    assert_eq!(checks.len(), 4 + OBJECTS.len());
}

#[tokio::test]
async fn a_wrong_database_is_told_with_the_ones_there_are() {
    let server = Server::start(|call| match (call.path.as_str(), call.method.as_str()) {
        ("/xmlrpc/2/db", "list") => Reply::Value(json!(["production", "training"])),
        (_, "authenticate") => {
            Reply::Fault(1, "Traceback (most recent call last):\nX: database \"nordwind\" does not exist")
        }
        _ => odoo(call),
    })
    .await;
    let checks = check(settings(&server.url, &[])).await;
    assert_eq!(
        (state(&checks, "version"), state(&checks, "database")),
        (CheckState::Passed, CheckState::Failed)
    );
    assert!(detail(&checks, "database").contains("production, training"));
    assert_eq!(state(&checks, "login"), CheckState::NotTried);
}

#[tokio::test]
async fn a_wrong_password_is_not_a_wrong_database() {
    let server = Server::start(odoo).await;
    let mut wrong = settings(&server.url, &[]);
    wrong.secret = "other".into();
    let checks = check(wrong).await;
    assert_eq!(
        (state(&checks, "database"), state(&checks, "login")),
        (CheckState::Passed, CheckState::Failed)
    );
    assert!(detail(&checks, "login").contains("API key"));
}

#[tokio::test]
async fn missing_rights_are_listed_with_their_cost() {
    let server = Server::start(|call| match (call.verb(), call.model()) {
        ("search_count", "crm.lead" | "crm.stage") => Reply::Fault(4, "You are not allowed to access this."),
        ("has_group", _) if call.params[5] == json!(["sales_team.group_sale_salesman_all_leads"]) => {
            Reply::Fault(1, "Traceback\nTypeError: Expected singleton: res.users()")
        }
        ("has_group", _) => Reply::Value(json!(false)),
        _ => odoo(call),
    })
    .await;
    let checks = check(settings(&server.url, &[])).await;
    assert_eq!(state(&checks, "rights: crm.lead"), CheckState::Failed);
    assert!(detail(&checks, "rights: crm.stage").contains("no deal can be told to be won"));
    assert_eq!(state(&checks, "rights: res.partner"), CheckState::Passed);
    assert_eq!(state(&checks, "rights: all deals"), CheckState::Warning);
}

#[tokio::test]
async fn an_untested_version_is_a_warning() {
    let server = Server::start(|call| match call.method.as_str() {
        "version" => Reply::Value(json!({ "server_version": "21.0", "server_version_info": [21, 0] })),
        _ => odoo(call),
    })
    .await;
    let checks = check(settings(&server.url, &[])).await;
    assert_eq!(state(&checks, "version"), CheckState::Warning);
    assert_eq!(state(&checks, "login"), CheckState::Passed);
}
