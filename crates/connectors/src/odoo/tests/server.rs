//! A server for tests: answers each call with what a function says, on a real socket.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::wire;
use super::{activity_types, custom_fields, fixture, fixture_users};
use crate::odoo::objects::{self, Kind};
use crate::odoo::properties::DEFINITION;
use crate::odoo::wire::{Answer, parse};

/// Where JSON-RPC is spoken.
pub(super) const JSON_PATH: &str = "/jsonrpc";

/// A call as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub path: String,
    pub method: String,
    pub params: Vec<Json>,
}

impl Call {
    /// The model of an `execute_kw`.
    pub fn model(&self) -> &str {
        self.params.get(3).and_then(Json::as_str).unwrap_or_default()
    }

    /// The method of an `execute_kw`, or of the call itself.
    pub fn verb(&self) -> &str {
        self.params.get(4).and_then(Json::as_str).unwrap_or(&self.method)
    }

    /// A keyword argument of an `execute_kw`.
    pub fn keyword(&self, name: &str) -> Option<&Json> {
        self.params.get(6)?.get(name)
    }
}

/// How to answer.
pub(super) enum Reply {
    Value(Json),
    Fault(i32, &'static str),
    /// Status line and headers without the last line break, and the body.
    Http(String, Vec<u8>),
    /// Says how long the body is, sends half of it, and hangs up.
    CutOff,
    /// Hangs up without an answer.
    Close,
    /// Never answers.
    Hang,
}

pub(super) struct Server {
    pub url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&calls), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, &log, &*answer).await });
            }
        });
        Self { url, calls, task }
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// Calls of one method of one model.
    pub fn calls_of(&self, model: &str, verb: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.model() == model && call.verb() == verb).collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Call>>,
    answer: &(dyn Fn(&Call) -> Reply + Send + Sync),
) {
    let Some((path, body)) = request(&mut stream).await else { return };
    let Some(call) = read(path, &body) else { return };
    let reply = answer(&call);
    let in_json = call.path == JSON_PATH;
    log.lock().unwrap().push(call);
    let xml = |body: String| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n", body.len());
        (head, body.into_bytes())
    };
    let json = |body: Json| {
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
        (head, body.into_bytes())
    };
    let (head, body) = match reply {
        Reply::Value(value) if in_json => json(json!({ "jsonrpc": "2.0", "id": 1, "result": value })),
        Reply::Fault(_, text) if in_json => {
            let data = json!({ "name": "builtins.ValueError", "message": text });
            json(json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": 200, "data": data } }))
        }
        Reply::Value(value) => xml(dxr::MethodResponse { value: wire::value(&value) }.to_xml().unwrap()),
        Reply::Fault(code, text) => {
            xml(dxr::FaultResponse { fault: dxr::Fault::new(code, text.to_owned()) }.to_xml().unwrap())
        }
        Reply::Http(head, body) => (head, body),
        Reply::CutOff => ("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n".to_owned(), vec![b' '; 500]),
        Reply::Close => return,
        Reply::Hang => std::future::pending().await,
    };
    let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
    let _ = stream.write_all(&body).await;
    let _ = stream.shutdown().await;
}

/// The call in a request.
fn read(path: String, body: &str) -> Option<Call> {
    if path == JSON_PATH {
        let call: Json = serde_json::from_str(body).ok()?;
        let params = call["params"]["args"].as_array()?.clone();
        return Some(Call { path, method: call["params"]["method"].as_str()?.to_owned(), params });
    }
    let call = dxr::MethodCall::from_xml(body).ok()?;
    let params = call.params.into_iter().map(wire::json).collect();
    Some(Call { path, method: call.name.into_owned(), params })
}

/// Path and body of a request.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.to_lowercase().split_once("content-length:")?.1.lines().next()?.trim().parse().ok()?;
            if body.len() >= length {
                return Some((head.split(' ').nth(1)?.to_owned(), body.to_owned()));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

/// What others than administrators hear when they ask for the history of leads.
const NO_ADMINISTRATOR: &str =
    "You are not allowed to access 'Mail Tracking Value' (mail.tracking.value) records.";

/// A small Odoo that holds the fixtures.
pub(super) fn odoo(call: &Call) -> Reply {
    if call.path == "/xmlrpc/2/common" {
        return match call.verb() {
            "version" => Reply::Value(
                json!({ "server_version": "17.0", "server_version_info": [17, 0, 0, "final", 0, ""] }),
            ),
            _ => Reply::Value(if call.params[2] == json!("s3cret-key") { json!(2) } else { json!(false) }),
        };
    }
    if call.verb() == "has_group" {
        return Reply::Value(json!(true));
    }
    match (call.model(), call.verb()) {
        ("mail.activity.type", "read") => {
            let types = activity_types().into_iter().filter(|row| asked_for(call, &row["id"]));
            return Reply::Value(types.map(Json::from).collect());
        }
        // No team has defined properties of leads.
        ("crm.team", "search_read") if call.keyword("fields") == Some(&json!([DEFINITION])) => {
            return Reply::Value(json!([]));
        }
        // The history of leads is for administrators.
        ("mail.tracking.value", _) => return Reply::Fault(4, NO_ADMINISTRATOR),
        ("res.users", "search") if call.params[5][0] == json!([["share", "=", false]]) => {
            return Reply::Value(fixture_users().iter().map(|row| row["id"].clone()).collect());
        }
        _ => {}
    }
    let Some(object) = objects::object(call.model()) else { return Reply::Value(json!(true)) };
    let custom = custom_fields(object.name);
    match call.verb() {
        "fields_get" => {
            let stored = |kind: &str| json!({ "type": kind, "store": true });
            let mut fields: serde_json::Map<String, Json> =
                object.fields.iter().map(|(name, kind)| ((*name).to_owned(), stored(word(*kind)))).collect();
            fields.extend(custom.iter().map(|(name, kind)| (name.clone(), stored(kind))));
            fields.insert("write_date".to_owned(), stored("datetime"));
            fields.insert("x_photo".to_owned(), stored("binary"));
            fields.insert("x_computed".to_owned(), json!({ "type": "char", "store": false }));
            Reply::Value(Json::Object(fields))
        }
        "search_count" => Reply::Value(json!(rows(object.name).len())),
        "search_read" => Reply::Value(select(call, rows(object.name))),
        "search" => Reply::Value(
            select(call, rows(object.name)).as_array().unwrap().iter().map(|row| row["id"].clone()).collect(),
        ),
        "read" => {
            Reply::Value(rows(object.name).into_iter().filter(|row| asked_for(call, &row["id"])).collect())
        }
        other => panic!("unexpected {other}"),
    }
}

/// The type Odoo gives to a field of a kind.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "char",
        Kind::Integer => "integer",
        Kind::Decimal => "float",
        Kind::Flag => "boolean",
        Kind::Day => "date",
        Kind::Moment => "datetime",
        Kind::One => "many2one",
        Kind::Many => "many2many",
    }
}

pub(super) fn rows(object: &str) -> Vec<Json> {
    match parse(fixture(object)) {
        Ok(Answer::Value(Json::Array(rows))) => rows,
        other => panic!("{other:?}"),
    }
}

/// Whether a `read` asks for an id.
fn asked_for(call: &Call, id: &Json) -> bool {
    call.params[5][0].as_array().unwrap().contains(id)
}

/// What a keyset page asks for.
fn select(call: &Call, rows: Vec<Json>) -> Json {
    let object = objects::object(call.model()).unwrap();
    let domain = call.params[5][0].as_array().unwrap();
    let (terms, place) = domain.split_at((object.terms)().len());
    assert_eq!(terms, (object.terms)());
    assert!(place.is_empty() || place[0][0] == json!("id") && place[0][1] == json!(">"), "{domain:?}");
    assert_eq!(call.keyword("order"), Some(&json!("id asc")));
    assert_eq!(call.keyword("context"), Some(&json!({ "active_test": false })));
    let after = place.first().and_then(|term| term[2].as_i64()).unwrap_or(0);
    let limit = call.keyword("limit").and_then(Json::as_u64).unwrap();
    rows.into_iter().filter(|row| row["id"].as_i64() > Some(after)).take(limit as usize).collect()
}
