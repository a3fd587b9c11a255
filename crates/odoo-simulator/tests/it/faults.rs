//! The faults of bad calls, and the troubles a test can order.

use std::time::{Duration, Instant};

use salescommand_odoo_simulator::{Config, Matching, Seed, Simulator, Trouble};
use serde_json::{Value as Json, json};

use super::client::{API, TODAY, User, exchange, post, simulator};

/// Model, method, arguments, keywords, code, and a part of the last line.
fn bad_calls() -> Json {
    json!([
        ["crm.lead", "search_read", [[]], {"fields": ["nope"]}, 1, "ValueError: Invalid field 'nope' on model 'crm.lead'"],
        ["crm.lead", "search_read", [[]], {"order": "nope asc"}, 1, "ValueError: Invalid field 'nope' on model 'crm.lead'"],
        ["crm.lead", "search", [[["nope", "=", 1]]], {}, 1, "Invalid field crm.lead.nope in leaf"],
        ["crm.lead", "search", [[["id", "~~", 1]]], {}, 1, "Invalid leaf"],
        ["crm.lead", "search", [["|", ["id", "=", 1]]], {}, 1, "ValueError"],
        ["crm.lead", "search_read", [[]], {"nope": 1}, 1, "unexpected keyword argument 'nope'"],
        ["crm.lead", "search", [[]], {"order": "id asc; drop"}, 2, "Invalid \"order\" specified (id asc; drop)"],
        ["crm.lead", "create", [{"name": "x", "type": "zzz"}], {}, 1, "ValueError: Wrong value for crm.lead.type"],
        ["crm.lead", "create", [{"name": "x", "nope": 1}], {}, 1, "Invalid field 'nope' on model 'crm.lead'"],
        ["crm.lead", "create", [{"type": "lead"}], {}, 2, "Field: Opportunity (name)"],
        ["crm.lead", "create", [{"name": "x", "stage_id": 99_999_999}], {}, 2, "Constraint: crm_lead_stage_id_fkey"],
        ["crm.lead", "write", [[99_999_999], {"name": "x"}], {}, 2, "(Record: crm.lead(99999999,), User: "],
        ["crm.lead", "no_such_method", [[]], {}, 1, "AttributeError: The method 'crm.lead.no_such_method' does not exist"],
        ["crm.lead", "has_access", [[], "read"], {}, 1, "AttributeError"],
        ["crm.lead", "_cron_update", [[]], {}, 4, "Private methods (such as _cron_update) cannot be called remotely."],
        ["crm.nope", "search", [[]], {}, 2, "Object crm.nope doesn't exist"],
        ["res.partner", "write", [[40], {"parent_id": 40}], {}, 2, "its own parent"],
        ["crm.team", "search_read", [[]], {"fields": ["dashboard_graph_data"]}, 2, ""],
    ])
}

#[tokio::test]
async fn bad_calls_get_the_code_and_last_line_of_the_real_server() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let before = handle.data().snapshot();
    for case in bad_calls().as_array().unwrap() {
        let text = |index: usize| case[index].as_str().unwrap();
        let refused = api.call(text(0), text(1), case[2].clone(), case[3].clone()).await.unwrap_err();
        assert_eq!(json!(refused.code), case[4], "{case}: {}", refused.text);
        assert!(refused.last_line.contains(text(5)), "{case}: {}", refused.last_line);
    }
    assert!(handle.data().snapshot() == before, "a failed call leaves no trace");
}

#[tokio::test]
async fn a_batch_that_fails_halfway_is_rolled_back() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let before = api.count("crm.lead", json!([])).await;
    let batch = json!([[{"name": "Good"}, {"name": "Bad", "stage_id": 77}]]);
    assert_eq!(api.call("crm.lead", "create", batch, json!({})).await.unwrap_err().code, 2);
    assert_eq!(api.count("crm.lead", json!([])).await, before);
}

const COUNT: &str = "<methodCall><methodName>execute_kw</methodName><params><param><value>demo</value></param>\
    <param><value><int>2</int></value></param><param><value>secret</value></param>\
    <param><value>crm.lead</value></param><param><value>search_count</value></param>\
    <param><value><array><data><value><array><data></data></array></value></data></array></value></param></params></methodCall>";

#[tokio::test]
async fn ordered_troubles_happen_once_and_are_counted() {
    let handle = simulator().await;
    let count = || async { exchange(handle.addr, &post("/xmlrpc/2/object", "text/xml", COUNT)).await };
    let faults = handle.faults();
    let leads = || Matching::call("crm.lead", "search_count");

    faults.next(1, leads(), Trouble::Refuse);
    assert_eq!(count().await, (String::new(), Vec::new()));
    faults.next(1, leads(), Trouble::CutAfter(30));
    let (head, body) = count().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body.len(), 30);
    assert!(!head.contains("Content-Length: 30"), "the announced length is the whole one");
    faults.next(1, leads(), Trouble::InternalError);
    assert!(count().await.0.starts_with("HTTP/1.1 500"));
    faults.next(1, leads(), Trouble::TooManyRequests { seconds: 7 });
    let (head, _) = count().await;
    assert!(head.starts_with("HTTP/1.1 429") && head.to_lowercase().contains("retry-after: 7"), "{head}");
    faults.next(1, leads(), Trouble::HtmlPage);
    assert!(count().await.1.starts_with(b"<!doctype html>"));
    faults.next(1, leads(), Trouble::Garbage);
    assert!(String::from_utf8(count().await.1).unwrap().contains("not xml"));
    faults.next(1, leads(), Trouble::Fault { code: 2, text: "busy".into() });
    assert!(String::from_utf8(count().await.1).unwrap().contains("busy"));
    faults.next(1, leads(), Trouble::Delay(Duration::from_millis(80)));
    let began = Instant::now();
    count().await;
    assert!(began.elapsed() >= Duration::from_millis(80));
    faults.once_after(1, leads(), Trouble::InternalError);
    assert!(count().await.0.starts_with("HTTP/1.1 200"));
    assert!(count().await.0.starts_with("HTTP/1.1 500"));
    faults.always(Matching::method("search_count"), Trouble::InternalError);
    assert!(count().await.0.starts_with("HTTP/1.1 500"));
    assert!(count().await.0.starts_with("HTTP/1.1 500"));
    faults.clear();
    assert!(count().await.0.starts_with("HTTP/1.1 200"));
    assert_eq!(faults.calls_of("crm.lead", "search_count"), 13);
    assert_eq!(faults.calls(), 13);
}

#[tokio::test]
async fn a_stopped_server_refuses_connections_and_can_come_back_on_its_port() {
    let handle = simulator().await;
    let addr = handle.addr;
    handle.shutdown().await.unwrap();
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    let config = Config { listen: addr, ..Config::new(Seed::new(42, TODAY)) };
    let handle = Simulator::start(config.password(API, "secret")).await.unwrap();
    assert_eq!(handle.addr, addr);
    User::login(&handle, API).await;
}

#[tokio::test]
async fn a_lost_answer_leaves_the_change_behind() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    handle.faults().next(1, Matching::call("crm.lead", "create"), Trouble::LoseAnswer);
    let body = "<methodCall><methodName>execute_kw</methodName><params><param><value>demo</value></param>\
        <param><value><int>2</int></value></param><param><value>secret</value></param>\
        <param><value>crm.lead</value></param><param><value>create</value></param>\
        <param><value><array><data><value><struct><member><name>name</name><value>Lost answer</value></member></struct>\
        </value></data></array></value></param></params></methodCall>";
    let (head, _) = exchange(handle.addr, &post("/xmlrpc/2/object", "text/xml", body)).await;
    assert_eq!(head, "");
    assert_eq!(api.count("crm.lead", json!([["name", "=", "Lost answer"]])).await, 1);
}
