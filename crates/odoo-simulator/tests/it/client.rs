//! A small XML-RPC client of the tests' own, and the simulators they talk to. Values are written as JSON.

use std::net::SocketAddr;

use dxr::{FaultResponse, MethodCall, MethodResponse, Value as Dxr};
use jiff::civil::{Date, date};
use salescommand_odoo_simulator::{Config, Handle, Seed, Simulator};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const API: &str = "integration@salescommand.com";
pub const KRISHNA: &str = "krishna@securado.net";
pub const TODAY: Date = date(2026, 11, 23);

/// A simulator whose clock stands at noon of `TODAY`; every user of interest has the password `secret`.
pub async fn simulator() -> Handle {
    let config = Config::new(Seed::new(42, TODAY))
        .password("admin", "secret")
        .password(API, "secret")
        .password(KRISHNA, "secret")
        .password("am1@salescommand.com", "secret");
    Simulator::start(config).await.expect("the simulator starts")
}

/// The head and body of one HTTP exchange on a fresh connection.
pub async fn exchange(addr: SocketAddr, request: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(addr).await.expect("the simulator listens");
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    let mut bytes = Vec::new();
    // A connection broken on purpose ends the reading early; what came is what counts.
    let _ = stream.read_to_end(&mut bytes).await;
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    match split {
        Some(at) => (String::from_utf8_lossy(&bytes[..at]).into_owned(), bytes[at + 4..].to_vec()),
        None => (String::from_utf8_lossy(&bytes).into_owned(), Vec::new()),
    }
}

pub fn post(path: &str, kind: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nAccept-Encoding: gzip\r\n\r\n{body}",
        body.len()
    )
}

/// A fault as a test compares it: the code and the last line.
#[derive(Debug, PartialEq)]
pub struct Refused {
    pub code: i32,
    pub last_line: String,
    pub text: String,
}

pub type Answer = Result<Json, Refused>;

/// One call over XML-RPC.
pub async fn rpc(addr: SocketAddr, service: &str, method: &str, params: Json) -> Answer {
    let params = params.as_array().expect("params are a list").iter().map(to_dxr).collect();
    let body = MethodCall { name: method.into(), params }.to_xml().expect("the call is written");
    let (_, answer) = exchange(addr, &post(&format!("/xmlrpc/2/{service}"), "text/xml", &body)).await;
    parse(std::str::from_utf8(&answer).expect("the answer is UTF-8"))
}

/// Reads a response document.
pub fn parse(text: &str) -> Answer {
    if let Ok(response) = MethodResponse::from_xml(text) {
        return Ok(to_json(&response.value));
    }
    // The older entry point has names for codes; such a fault reads as code 0 here.
    let Ok(FaultResponse { fault }) = FaultResponse::from_xml(text) else {
        assert!(text.contains("<fault>"), "neither a response nor a fault: {text}");
        return Err(Refused { code: 0, last_line: String::new(), text: text.to_owned() });
    };
    let text = fault.string().to_owned();
    let last_line = text.trim_end().lines().last().unwrap_or_default().to_owned();
    Err(Refused { code: fault.code(), last_line, text })
}

/// A logged-in user.
#[derive(Clone, Copy)]
pub struct User {
    pub addr: SocketAddr,
    pub uid: i64,
}

impl User {
    pub async fn login(handle: &Handle, login: &str) -> Self {
        let addr = handle.addr;
        let uid = rpc(addr, "common", "authenticate", json!(["demo", login, "secret", {}]))
            .await
            .expect("no fault");
        Self { addr, uid: uid.as_i64().expect("the login is accepted") }
    }

    pub async fn call(&self, model: &str, method: &str, args: Json, kwargs: Json) -> Answer {
        let params = json!(["demo", self.uid, "secret", model, method, args, kwargs]);
        rpc(self.addr, "object", "execute_kw", params).await
    }

    /// `search_read` with archived rows, ordered by id.
    pub async fn all(&self, model: &str, domain: Json, fields: Json) -> Vec<Json> {
        let kwargs = json!({"fields": fields, "order": "id asc", "context": {"active_test": false}});
        let rows = self.call(model, "search_read", json!([domain]), kwargs).await.expect("the listing works");
        rows.as_array().expect("a list").clone()
    }

    pub async fn count(&self, model: &str, domain: Json) -> i64 {
        let kwargs = json!({"context": {"active_test": false}});
        let count = self.call(model, "search_count", json!([domain]), kwargs).await.expect("counting works");
        count.as_i64().expect("a number")
    }

    /// One row by id.
    pub async fn one(&self, model: &str, id: i64, fields: Json) -> Json {
        let rows =
            self.call(model, "read", json!([[id]]), json!({"fields": fields})).await.expect("the read works");
        rows[0].clone()
    }

    /// Creates one row.
    pub async fn create(&self, model: &str, values: Json) -> i64 {
        let id = self.call(model, "create", json!([values]), json!({})).await.expect("the row is created");
        id.as_i64().expect("an id")
    }

    pub async fn write(&self, model: &str, id: i64, values: Json) {
        let done = self.call(model, "write", json!([[id], values]), json!({})).await;
        assert_eq!(done, Ok(json!(true)));
    }
}

fn to_dxr(json: &Json) -> Dxr {
    match json {
        Json::Null => Dxr::Nil,
        Json::Bool(flag) => Dxr::Boolean(*flag),
        Json::Number(number) => number.as_i64().map_or_else(
            || Dxr::Double(number.as_f64().expect("a number")),
            |number| match i32::try_from(number) {
                Ok(small) => Dxr::Integer(small),
                Err(_) => Dxr::Long(number),
            },
        ),
        Json::String(text) => Dxr::String(text.clone()),
        Json::Array(items) => Dxr::Array(items.iter().map(to_dxr).collect()),
        Json::Object(members) => {
            Dxr::Struct(members.iter().map(|(name, value)| (name.clone(), to_dxr(value))).collect())
        }
    }
}

pub fn to_json(value: &Dxr) -> Json {
    match value {
        Dxr::Integer(number) => json!(number),
        Dxr::Long(number) => json!(number),
        Dxr::Boolean(flag) => json!(flag),
        Dxr::String(text) => json!(text),
        Dxr::Double(number) => json!(number),
        Dxr::Struct(members) => members.iter().map(|(name, value)| (name.clone(), to_json(value))).collect(),
        Dxr::Array(items) => items.iter().map(to_json).collect(),
        other => panic!("a response never carries {other:?}"),
    }
}
