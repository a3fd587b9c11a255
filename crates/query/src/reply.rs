//! How a successful read is answered: JSON with a weak ETag.
//!
//! The ETag is a digest of the body without what moves by the clock alone (`age_seconds`); that is why it is weak.
//! Answers depend on who asks, so nothing may be kept by shared caches.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::digest::sha256_hex;
use crate::error::ApiError;

/// Fields that move with the clock alone.
const VOLATILE: [&str; 1] = ["age_seconds"];

/// A read's answer.
#[derive(Debug)]
pub(crate) struct Reply<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match body_and_tag(&self.0) {
            Ok((body, tag)) => {
                let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
                let headers = response.headers_mut();
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
                headers.insert(header::VARY, HeaderValue::from_static("Cookie"));
                if let Ok(tag) = HeaderValue::from_str(&tag) {
                    headers.insert(header::ETAG, tag);
                }
                response
            }
            Err(error) => ApiError::internal(error).into_response(),
        }
    }
}

fn body_and_tag(answer: &impl Serialize) -> Result<(Vec<u8>, String), serde_json::Error> {
    let body = serde_json::to_vec(answer)?;
    let mut value: Value = serde_json::from_slice(&body)?;
    still(&mut value);
    let tag = weak_tag(&serde_json::to_vec(&value)?);
    Ok((body, tag))
}

/// Digest of an answer without what moves by the clock alone.
pub(crate) fn digest_of(answer: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(answer)?;
    still(&mut value);
    Ok(sha256_hex(&serde_json::to_vec(&value)?).get(..32).unwrap_or_default().to_owned())
}

/// A weak tag over bytes.
pub(crate) fn weak_tag(bytes: &[u8]) -> String {
    format!("W/\"{}\"", sha256_hex(bytes).get(..32).unwrap_or_default())
}

fn still(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            VOLATILE.iter().for_each(|field| drop(fields.remove(*field)));
            fields.values_mut().for_each(still);
        }
        Value::Array(items) => items.iter_mut().for_each(still),
        _ => {}
    }
}

/// Answers 304 when the client has what would be sent.
pub(crate) async fn not_modified(request: Request, next: Next) -> Response {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    let held: Vec<_> = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect();
    let response = next.run(request).await;
    if !asks || response.status() != StatusCode::OK || !has(&held, response.headers()) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, axum::body::Body::empty())
}

/// Weak comparison (RFC 9110, 8.8.3.2).
fn has(held: &[HeaderValue], headers: &HeaderMap) -> bool {
    let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()) else { return false };
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let lists = held.iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim() == "*" || bare(one) == bare(tag))
}
