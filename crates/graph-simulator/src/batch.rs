//! `$batch`: up to 20 requests in one, each with an answer of its own.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::fault::Reply;

const MOST: usize = 20;

/// A part of a batch.
pub(crate) struct Part {
    pub id: String,
    pub method: String,
    pub url: String,
    pub prefer: String,
}

/// The parts of a batch.
pub(crate) fn parts(body: &[u8]) -> Result<Vec<Part>, Reply> {
    let invalid = |message: &str| Reply::error(StatusCode::BAD_REQUEST, "BadRequest", message);
    let body: Value = serde_json::from_slice(body).map_err(|_| invalid("Invalid JSON"))?;
    let requests = body["requests"].as_array().ok_or_else(|| invalid("Invalid batch payload format."))?;
    if requests.len() > MOST {
        return Err(invalid("Number of batch request steps exceeds the maximum value of 20."));
    }
    let mut ids = BTreeSet::new();
    let part = |request: &Value| {
        let text = |name: &str| request[name].as_str().map(str::to_owned);
        let (id, method, url) = (text("id")?, text("method")?, text("url")?);
        let prefer = request["headers"].as_object().into_iter().flatten();
        let prefer = prefer.filter(|(name, _)| name.eq_ignore_ascii_case("prefer"));
        let prefer = prefer.filter_map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ");
        ids.insert(id.to_lowercase()).then_some(Part { id, method, url, prefer })
    };
    let parts: Option<Vec<Part>> = requests.iter().map(part).collect();
    parts.ok_or_else(|| invalid("Every request needs an id of its own, a method and a url."))
}

/// The answers, last one first: their order says nothing.
pub(crate) fn answer(replies: Vec<(String, Reply)>) -> Reply {
    let responses: Vec<Value> = replies
        .into_iter()
        .rev()
        .map(|(id, reply)| {
            let mut headers: Map<String, Value> =
                [("Content-Type".to_owned(), "application/json".into())].into_iter().collect();
            headers.extend(reply.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
            json!({"id": id, "status": reply.status.as_u16(), "headers": headers, "body": reply.body})
        })
        .collect();
    Reply::ok(json!({"responses": responses}))
}
