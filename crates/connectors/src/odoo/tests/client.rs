//! Every way a call can fail: what is said, whether it is worth another try, and that no secret gets out.

use std::time::Duration;

use serde_json::json;

use super::server::{Reply, Server, odoo};
use super::settings;
use crate::odoo::DESCRIPTOR;
use crate::{Extent, Settings, Source, SourceError};

fn open(settings: Settings) -> Box<dyn Source> {
    DESCRIPTOR.open.unwrap()(settings).unwrap()
}

/// The error of connecting to a server that answers everything alike.
async fn error_of(reply: impl Fn() -> Reply + Send + Sync + 'static) -> SourceError {
    let server = Server::start(move |_| reply()).await;
    connect(settings(&server.url, &[("call_timeout_seconds", "1")])).await
}

async fn connect(settings: Settings) -> SourceError {
    let error = open(settings).connect().await.unwrap_err();
    assert!(!format!("{error:?}").contains("s3cret-key"), "{error:?}");
    error
}

fn http(status: &str, headers: &str, body: &str) -> Reply {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n", body.len());
    Reply::Http(head, body.as_bytes().to_vec())
}

fn code(error: &SourceError) -> &'static str {
    match error {
        SourceError::Permanent { code, .. } => code,
        SourceError::Transient { .. } => "transient",
    }
}

fn told(error: &SourceError) -> String {
    match error {
        SourceError::Permanent { message, fix, .. } => format!("{message}; {fix}"),
        SourceError::Transient { message, .. } => message.clone(),
    }
}

#[tokio::test]
async fn login_refused_in_all_its_forms() {
    assert_eq!(code(&error_of(|| Reply::Value(json!(false))).await), "login-refused");
    assert_eq!(code(&error_of(|| Reply::Fault(3, "Access Denied")).await), "login-refused");
    let gone = || {
        Reply::Fault(
            2,
            "Record does not exist or has been deleted.\n(Record: res.users(99999,), User: 99999)",
        )
    };
    assert_eq!(code(&error_of(gone).await), "login-refused");
}

#[tokio::test]
async fn an_unknown_database_is_told_from_other_tracebacks() {
    let text = "Traceback (most recent call last):\n  File \"db.py\", line 1, in connect\npsycopg2.OperationalError: connection to server failed: FATAL:  database \"nordwint\" does not exist\n\n";
    let error = error_of(move || Reply::Fault(1, text)).await;
    assert_eq!(code(&error), "unknown-database");
    assert!(told(&error).contains("nordwint") && !told(&error).contains("Traceback"), "{error:?}");
    let busy = || {
        Reply::Fault(
            1,
            "Traceback (most recent call last):\npsycopg2.OperationalError: the database system is starting up",
        )
    };
    assert_eq!(code(&error_of(busy).await), "transient");
    let other =
        || Reply::Fault(1, "Traceback (most recent call last):\n  File \"x.py\"\nKeyError: 'whatever'");
    let error = error_of(other).await;
    assert_eq!(code(&error), "server-fault");
    assert!(told(&error).contains("KeyError: 'whatever'") && !told(&error).contains("x.py"), "{error:?}");
}

#[tokio::test]
async fn a_missing_right_names_object_and_cost() {
    let server = Server::start(|call| match (call.model(), call.verb()) {
        ("crm.lead", "search_count" | "search_read") => Reply::Fault(4, "You are not allowed to access 'Lead/Opportunity' (crm.lead) records.\n\nContact your administrator."),
        _ => odoo(call),
    })
    .await;
    let mut source = open(settings(&server.url, &[]));
    let plans = source.connect().await.unwrap().plans;
    let lead = plans.iter().find(|plan| plan.object.as_str() == "crm.lead").unwrap();
    let error = source.page(&lead.object, Extent::All, None).await.unwrap_err();
    assert_eq!(code(&error), "not-allowed");
    assert!(
        told(&error).contains("crm.lead")
            && told(&error).contains("pipeline")
            && told(&error).contains("All Documents"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_database_without_crm_is_told() {
    let server = Server::start(|call| match call.model() {
        "crm.team" => Reply::Fault(2, "Object crm.team doesn't exist"),
        _ => odoo(call),
    })
    .await;
    let error = connect(settings(&server.url, &[])).await;
    assert_eq!(code(&error), "missing-module");
    assert!(told(&error).contains("CRM app"), "{error:?}");
}

#[tokio::test]
async fn a_fault_that_quotes_the_password_does_not_pass_it_on() {
    let error =
        error_of(|| Reply::Fault(1, "Traceback\nTypeError: bad call('nordwind', 's3cret-key')")).await;
    assert!(told(&error).contains("bad call('nordwind', '***')"), "{error:?}");
}

#[tokio::test]
async fn wrong_addresses_are_permanent() {
    for reply in [
        || {
            http(
                "200 OK",
                "Content-Type: text/html\r\n",
                "<!DOCTYPE html>\n<html><body>Welcome</body></html>",
            )
        },
        || http("404 NOT FOUND", "", "<html>Not found</html>"),
        || http("405 METHOD NOT ALLOWED", "", ""),
        || http("401 Unauthorized", "", "who are you"),
    ] {
        let error = error_of(reply).await;
        assert_eq!(code(&error), "wrong-url", "{error:?}");
        assert!(told(&error).contains("url") && !told(&error).contains("Welcome"), "{error:?}");
    }
    assert_eq!(code(&error_of(|| http("200 OK", "", "{\"jsonrpc\": 2}")).await), "unexpected-answer");
    assert_eq!(
        code(
            &error_of(|| Reply::Http(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_owned(),
                vec![0xff, 0xfe]
            ))
            .await
        ),
        "unexpected-answer"
    );
}

#[tokio::test]
async fn a_redirect_is_reported_and_never_followed() {
    let other = Server::start(odoo).await;
    let target = format!("Location: {}/xmlrpc/2/common?token=abc\r\n", other.url);
    let server = Server::start(move |_| http("301 Moved Permanently", &target, "")).await;
    let error = connect(settings(&server.url, &[])).await;
    assert_eq!(code(&error), "wrong-url");
    assert!(
        told(&error).contains(&format!("set `url` to {}", other.url)) && !told(&error).contains("token"),
        "{error:?}"
    );
    assert!(other.calls().is_empty(), "credentials went to another host");
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn passing_troubles_are_transient() {
    for reply in [|| Reply::Close, || Reply::CutOff, || Reply::Hang, || http("502 Bad Gateway", "", "")] {
        let error = error_of(reply).await;
        assert_eq!(code(&error), "transient", "{error:?}");
    }
    let busy = error_of(|| http("503 Service Unavailable", "Retry-After: 17\r\n", "")).await;
    assert!(
        matches!(busy, SourceError::Transient { retry_after: Some(pause), .. } if pause == Duration::from_secs(17)),
        "{busy:?}"
    );
}

#[tokio::test]
async fn nobody_listening_is_told_as_such() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = connect(settings(&url, &[])).await;
    assert_eq!(code(&error), "transient");
    assert!(told(&error).contains("refuses connections"), "{error:?}");
}

#[tokio::test]
async fn https_to_a_port_that_speaks_http_is_a_tls_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ =
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = connect(settings(&url, &[])).await;
    task.abort();
    assert_eq!(code(&error), "tls", "{error:?}");
    assert!(told(&error).contains("http://"), "{error:?}");
}

#[tokio::test]
async fn the_password_goes_into_the_body_only() {
    let server = Server::start(odoo).await;
    open(settings(&server.url, &[])).connect().await.unwrap();
    let calls = server.calls();
    assert!(calls.iter().all(|call| !call.path.contains("s3cret-key")));
    assert_eq!(calls.iter().filter(|call| call.method == "authenticate").count(), 1);
}
