//! What is read apart from pages, or not at all: properties of leads, and objects of modules that many do without.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::server::{Call, JSON_PATH, Reply, Server, odoo};
use super::settings;
use crate::odoo::DESCRIPTOR;
use crate::odoo::properties::{DEFINITION, FIELD};
use crate::{CheckState, Connected, Extent, ObjectPlan, Source, SourceError};

const UNSENDABLE: &str =
    "Traceback (most recent call last):\nTypeError: cannot marshal None unless allow_none is enabled";

async fn connect(server: &Server) -> (Box<dyn Source>, Result<Connected, SourceError>) {
    let mut source = DESCRIPTOR.open.unwrap()(settings(&server.url, &[])).unwrap();
    let connected = source.connect().await;
    (source, connected)
}

fn lead_plan(connected: &Connected) -> &ObjectPlan {
    connected.plans.iter().find(|plan| plan.object.as_str() == "crm.lead").unwrap()
}

/// Nine leads: 1 to 7 of a team that has defined properties, of which 2 and 5 were never written; 8 of another, 9 of none.
fn leads_with_properties(call: &Call, defined: bool) -> Reply {
    match (call.model(), call.verb()) {
        ("crm.lead", "fields_get") => Reply::Value(json!({
            "name": { "type": "char" }, "team_id": { "type": "many2one" }, "write_date": { "type": "datetime" },
            "lead_properties": { "type": "properties" },
        })),
        ("crm.team", "search_read") if call.keyword("fields") == Some(&json!([DEFINITION])) => {
            let definition =
                if defined { json!([{ "name": "seats", "type": "integer" }]) } else { json!([]) };
            Reply::Value(json!([{ "id": 4, DEFINITION: definition }, { "id": 5, DEFINITION: false }]))
        }
        ("crm.lead", "search_read") => {
            let team = |id: i64| match id {
                1..=7 => json!(4),
                8 => json!(5),
                _ => json!(false),
            };
            let row = |id: i64| json!({ "id": id, "name": "Deal", "team_id": team(id), "write_date": "2026-06-01 10:00:00" });
            Reply::Value((1..=9).map(row).collect())
        }
        ("crm.lead", "read") => {
            assert_eq!(call.keyword("fields"), Some(&json!([FIELD])));
            let ids = call.params[5][0].as_array().unwrap();
            let unwritten = |id: &Json| [json!(2), json!(5)].contains(id);
            if call.path != JSON_PATH && ids.iter().any(unwritten) {
                return Reply::Fault(1, UNSENDABLE);
            }
            let property =
                |id: &Json| json!([{ "name": "seats", "type": "integer", "string": "Seats", "value": id }]);
            let value = |id: &Json| if unwritten(id) { Json::Null } else { property(id) };
            Reply::Value(ids.iter().map(|id| json!({ "id": id, FIELD: value(id) })).collect())
        }
        _ => odoo(call),
    }
}

/// The requests by which properties were read: the count and the page are two more.
async fn reads_of_properties(server: &Server) -> Vec<Call> {
    let (mut source, connected) = connect(server).await;
    let connected = connected.unwrap();
    let lead = lead_plan(&connected);
    let page = source.page(&lead.object, Extent::All, None).await.unwrap();
    let with: Vec<&str> = page
        .records
        .iter()
        .filter(|record| record.payload.get(FIELD).is_some())
        .map(|record| record.key.as_str())
        .collect();
    assert_eq!(with, ["1", "3", "4", "6", "7"]);
    assert!(
        page.records
            .iter()
            .filter(|record| with.contains(&record.key.as_str()))
            .all(|record| { record.payload[FIELD][0]["value"] == record.key.parse::<i64>().unwrap() })
    );
    let reads = server.calls_of("crm.lead", "read");
    let asked: BTreeSet<i64> = reads
        .iter()
        .flat_map(|call| call.params[5][0].as_array().unwrap().iter().filter_map(Json::as_i64))
        .collect();
    assert_eq!(asked, (1..=7).collect(), "nothing is asked of leads whose team has defined none");
    assert_eq!(page.calls as usize, 2 + reads.len(), "the count, the page, and these");
    assert!(!lead.schema.contains_key(FIELD), "a team that gives them up holds up no reading");
    reads
}

#[tokio::test]
async fn properties_are_read_of_all_leads_that_have_some() {
    let server = Server::start(|call| leads_with_properties(call, true)).await;
    let reads = reads_of_properties(&server).await;
    let paths: Vec<&str> = reads.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(paths, ["/xmlrpc/2/object", JSON_PATH]);
}

#[tokio::test]
async fn where_json_does_not_get_through_properties_are_read_by_halves() {
    let server = Server::start(|call| match call.path.as_str() {
        JSON_PATH => Reply::Http("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n".to_owned(), Vec::new()),
        _ => leads_with_properties(call, true),
    })
    .await;
    let reads = reads_of_properties(&server).await;
    assert_eq!(reads.iter().filter(|call| call.path == JSON_PATH).count(), 1, "asked once");
    assert!(reads.len() <= 13, "down to the two that fail, by halves: {}", reads.len());
}

#[tokio::test]
async fn where_no_team_defines_properties_they_cost_nothing() {
    let server = Server::start(|call| leads_with_properties(call, false)).await;
    let (mut source, connected) = connect(&server).await;
    let without = connected.unwrap();
    let lead = lead_plan(&without);
    let page = source.page(&lead.object, Extent::All, None).await.unwrap();
    assert!(server.calls_of("crm.lead", "read").is_empty() && page.calls == 2);
    assert!(page.records.iter().all(|record| record.payload.get(FIELD).is_none()));

    let server = Server::start(|call| leads_with_properties(call, true)).await;
    let with = connect(&server).await.1.unwrap();
    assert_ne!(
        lead.fields,
        lead_plan(&with).fields,
        "all leads are read again when the first team defines some"
    );
}

#[tokio::test]
async fn another_fault_of_properties_is_no_empty_value() {
    let server = Server::start(|call| match (call.model(), call.verb()) {
        ("crm.lead", "read") => Reply::Fault(1, "Traceback (most recent call last):\nValueError: broken"),
        _ => leads_with_properties(call, true),
    })
    .await;
    let (mut source, connected) = connect(&server).await;
    let connected = connected.unwrap();
    let error = source.page(&lead_plan(&connected).object, Extent::All, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Permanent { code: "server-fault", .. }), "{error:?}");
}

#[tokio::test]
async fn a_module_that_is_not_there_or_closed_is_left_out() {
    type Answer = fn(&Call) -> Reply;
    let absent: Answer = |call| match call.model() {
        "hr.employee" => Reply::Fault(2, "Object hr.employee doesn't exist"),
        _ => odoo(call),
    };
    let closed: Answer = |call| match (call.model(), call.verb()) {
        ("hr.employee", "search" | "search_count") => {
            Reply::Fault(4, "You are not allowed to access 'Employee'.")
        }
        _ => odoo(call),
    };
    for answer in [absent, closed] {
        let server = Server::start(answer).await;
        let (mut source, connected) = connect(&server).await;
        let connected = connected.unwrap();
        assert!(connected.plans.iter().all(|plan| plan.object.as_str() != "hr.employee"));
        let checks = source.check().await;
        let known = ["rights: hr.employee", "rights: stage history"];
        let others = checks.iter().filter(|check| !known.contains(&check.step.as_str()));
        assert!(others.into_iter().all(|check| check.state == CheckState::Passed), "{checks:?}");
        let check = checks.iter().find(|check| check.step == "rights: hr.employee").unwrap();
        assert_eq!(check.state, CheckState::Warning);
        assert!(check.detail.contains("manager"), "{}", check.detail);
    }
    let broken = Server::start(|call| match call.model() {
        "hr.employee" => Reply::Fault(1, "Traceback (most recent call last):\nValueError: broken"),
        _ => odoo(call),
    })
    .await;
    assert!(connect(&broken).await.1.is_err(), "what is broken is not absent");
}
