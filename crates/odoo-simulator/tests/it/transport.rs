//! HTTP as the real server does it, and what it says to broken requests.

use serde_json::json;

use super::client::{exchange, parse, post, rpc, simulator};

const VERSION: &str =
    "<?xml version='1.0'?><methodCall><methodName>version</methodName><params></params></methodCall>";

#[tokio::test]
async fn every_answer_closes_the_connection_and_has_the_usual_headers() {
    let handle = simulator().await;
    let (head, body) = exchange(handle.addr, &post("/xmlrpc/2/common", "text/xml", VERSION)).await;
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("HTTP/1.1 200 OK"));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.contains(&"Connection: close"), "{head}");
    assert!(lines.contains(&"Content-Type: text/xml; charset=utf-8"), "{head}");
    assert!(lines.contains(&format!("Content-Length: {}", body.len()).as_str()), "{head}");
    assert!(lines.contains(&"Date: Mon, 23 Nov 2026 12:00:00 GMT"), "{head}");
    assert!(lines.iter().any(|line| line.starts_with("Server: Werkzeug/")), "{head}");
    assert!(!head.to_lowercase().contains("content-encoding"));
    let version = parse(std::str::from_utf8(&body).unwrap()).unwrap();
    assert_eq!(version["server_version_info"], json!([17, 0, 0, "final", 0, ""]));
}

#[tokio::test]
async fn only_post_is_served() {
    let handle = simulator().await;
    let (head, body) =
        exchange(handle.addr, "GET /xmlrpc/2/common HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 405 METHOD NOT ALLOWED"), "{head}");
    assert!(head.contains("Allow: POST"), "{head}");
    assert!(body.starts_with(b"<!doctype html>"));
    let (head, _) = exchange(handle.addr, &post("/nowhere", "text/xml", VERSION)).await;
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[tokio::test]
async fn other_content_types_work_but_a_form_does_not() {
    let handle = simulator().await;
    for kind in ["application/xml", "text/plain", "application/octet-stream"] {
        let (_, body) = exchange(handle.addr, &post("/xmlrpc/2/common", kind, VERSION)).await;
        assert!(parse(std::str::from_utf8(&body).unwrap()).is_ok(), "{kind}");
    }
    let (head, body) =
        exchange(handle.addr, &post("/xmlrpc/2/common", "application/x-www-form-urlencoded", VERSION)).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(parse(std::str::from_utf8(&body).unwrap()).unwrap_err().code, 1);
}

#[tokio::test]
async fn malformed_and_unknown_requests_are_faults_with_status_200() {
    let handle = simulator().await;
    for (path, body) in [
        ("/xmlrpc/2/object", "<methodCall><oops"),
        ("/xmlrpc/2/object", ""),
        ("/xmlrpc/2/nope", VERSION),
        ("/xmlrpc/2/common", "<methodCall><methodName>nope</methodName></methodCall>"),
    ] {
        let (head, answer) = exchange(handle.addr, &post(path, "text/xml", body)).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert_eq!(parse(std::str::from_utf8(&answer).unwrap()).unwrap_err().code, 1, "{body}");
    }
}

#[tokio::test]
async fn the_older_entry_point_names_its_fault_codes() {
    let handle = simulator().await;
    let call = "<methodCall><methodName>execute_kw</methodName><params>\
        <param><value>demo</value></param><param><value><int>2</int></value></param>\
        <param><value>wrong</value></param><param><value>res.users</value></param>\
        <param><value>search</value></param><param><value><array><data/></array></value></param></params></methodCall>";
    let (_, answer) = exchange(handle.addr, &post("/xmlrpc/object", "text/xml", call)).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.contains("<name>faultCode</name>\n<value><string>AccessDenied</string></value>"),
        "{answer}"
    );
}

#[tokio::test]
async fn databases_are_listed_without_login() {
    let handle = simulator().await;
    assert_eq!(rpc(handle.addr, "db", "list", json!([])).await, Ok(json!(["demo"])));
}

#[tokio::test]
async fn every_spelling_of_a_value_is_read() {
    let handle = simulator().await;
    // Untyped text, i4, i8, nil, a typed date, and an integer wider than 32 bits.
    let leaf = |value: &str| {
        format!(
            "<methodCall><methodName>execute_kw</methodName><params><param><value>demo</value></param>\
             <param><value><i4>2</i4></value></param><param><value><string>secret</string></value></param>\
             <param><value>crm.lead</value></param><param><value>search_count</value></param>\
             <param><value><array><data><value><array><data><value><array><data>{value}</data></array></value>\
             </data></array></value></data></array></value></param></params></methodCall>"
        )
    };
    for (value, some) in [
        ("<value>partner_id</value><value>=</value><value><nil/></value>", true),
        ("<value>id</value><value>&lt;</value><value><i8>3000000000</i8></value>", true),
        ("<value>id</value><value>=</value><value><int>3000000000</int></value>", false),
        (
            "<value>write_date</value><value>&gt;=</value>\
             <value><dateTime.iso8601>20200101T00:00:00</dateTime.iso8601></value>",
            true,
        ),
    ] {
        let (_, answer) = exchange(handle.addr, &post("/xmlrpc/2/object", "text/xml", &leaf(value))).await;
        let count = parse(std::str::from_utf8(&answer).unwrap()).unwrap().as_i64().unwrap();
        assert_eq!(count > 0, some, "{value}");
    }
}
