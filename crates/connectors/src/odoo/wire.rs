//! XML-RPC on the wire and JSON in memory.
//!
//! Invariants: an answer is either a value or a fault, never guessed from bytes; nothing of a body that could not
//! be read goes into an error. Doubles stay exact, `<nil/>` becomes `null`, dates become Odoo's own text form.
//! Nesting is bounded by the parser (128), so that no answer can exhaust the stack.

use std::borrow::Cow;

use dxr::{FaultResponse, MethodCall, MethodResponse, Value};
use serde_json::Value as Json;

/// What a server answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// The method's result.
    Value(Json),
    /// The method failed.
    Fault(Fault),
}

/// A fault, reduced to what a person can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// 1 unexpected, 2 user error or missing record, 3 login refused, 4 not allowed.
    pub code: i32,
    /// One line: the last one of a traceback, otherwise the text.
    pub message: String,
}

/// A body that is no XML-RPC answer, or a call that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an XML-RPC message")]
pub(super) struct WireError;

/// The body of a call.
pub(super) fn call(method: &'static str, params: Vec<Value>) -> Result<String, WireError> {
    let call = MethodCall { name: Cow::Borrowed(method), params };
    let xml = call.to_xml().map_err(|_| WireError)?;
    Ok(format!("<?xml version='1.0'?>\n{xml}"))
}

/// Reads an answer.
pub(super) fn parse(body: &str) -> Result<Answer, WireError> {
    // Errors of the parser quote the whole body; they are dropped.
    if let Ok(response) = MethodResponse::from_xml(body) {
        return Ok(Answer::Value(json(response.value)));
    }
    let FaultResponse { fault } = FaultResponse::from_xml(body).map_err(|_| WireError)?;
    Ok(Answer::Fault(Fault { code: fault.code(), message: summary(fault.string()) }))
}

/// Reads an answer over JSON-RPC (`odoo/http.py`: an error bears the name of the exception's class in its data).
pub(super) fn parse_json(body: &str) -> Result<Answer, WireError> {
    let mut answer: Json = serde_json::from_str(body).map_err(|_| WireError)?;
    if let Some(result) = answer.get_mut("result") {
        return Ok(Answer::Value(result.take()));
    }
    let data = answer.get("error").and_then(|error| error.get("data")).ok_or(WireError)?;
    let text = |name: &str| data.get(name).and_then(Json::as_str).unwrap_or_default();
    let code = match text("name").rsplit('.').next().unwrap_or_default() {
        "AccessDenied" => 3,
        "AccessError" => 4,
        "UserError" | "ValidationError" | "MissingError" => 2,
        _ => 1,
    };
    Ok(Answer::Fault(Fault { code, message: summary(text("message")) }))
}

/// The last line of a traceback; the whole text, on one line, otherwise.
pub(super) fn summary(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let traceback = lines.first().is_some_and(|line| line.starts_with("Traceback"));
    if traceback { lines.last().copied().unwrap_or_default().to_owned() } else { lines.join(" ") }
}

/// An XML-RPC value as JSON.
pub(super) fn json(value: Value) -> Json {
    match value {
        Value::Integer(number) => number.into(),
        Value::Long(number) => number.into(),
        Value::Boolean(flag) => flag.into(),
        Value::String(text) => text.into(),
        // JSON has no NaN and no infinities; as text they are refused where a number is expected.
        Value::Double(number) => {
            serde_json::Number::from_f64(number).map_or_else(|| number.to_string().into(), Json::Number)
        }
        Value::DateTime(at) => format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
        .into(),
        Value::Base64(_) => base64_text(&value).into(),
        Value::Array(items) => items.into_iter().map(json).collect(),
        Value::Struct(members) => {
            Json::Object(members.into_iter().map(|(name, value)| (name, json(value))).collect())
        }
        // `Nil`, and whatever a later version of the crate adds.
        _ => Json::Null,
    }
}

/// Base64 as it stands on the wire, which is how Odoo's own text form of binaries looks.
fn base64_text(value: &Value) -> String {
    let xml = value.to_xml().unwrap_or_default();
    let text = xml.split_once("<base64>").and_then(|(_, rest)| rest.split_once("</base64>"));
    text.map(|(text, _)| text.to_owned()).unwrap_or_default()
}

/// JSON as an XML-RPC value, for arguments.
pub(super) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => i32::try_from(whole).map_or(Value::Long(whole), Value::Integer),
            None => Value::Double(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(value).collect()),
        Json::Object(members) => {
            Value::Struct(members.iter().map(|(name, item)| (name.clone(), value(item))).collect())
        }
    }
}
