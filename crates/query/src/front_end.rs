//! The single-page application, embedded in the binary.
//!
//! Files with a digest in their name never change, so browsers keep them for good; `index.html` is asked for every
//! time. Any path outside `/api` that is no file is a page of the application.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;
use crate::reply::weak_tag;

/// What `npm run build` wrote; empty if it has not run.
#[derive(RustEmbed)]
#[folder = "../../frontend/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
/// Where the build puts files with a digest in their name.
const HASHED: &str = "assets/";
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
    <title>SalesCommand</title></head><body><h1>The front end is not built</h1>\
    <p>Run <code>cargo xtask up</code>, or build it with <code>npm --prefix frontend run build</code> \
    and start SalesCommand again.</p><p>The API works: see <a href=\"/api/docs\">/api/docs</a>.</p></body></html>\n";

/// Answers whatever no route did.
pub(crate) async fn fallback(request: Request) -> Response {
    let path = request.uri().path();
    let is_api = path == "/api" || path.starts_with("/api/");
    if is_api || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::unknown_route(path).into_response();
    }
    let name = path.trim_start_matches('/');
    if let Some(file) = Files::get(name).filter(|_| name != INDEX) {
        return answer(name, file);
    }
    // A missing file must not turn into a page: the browser would take HTML for a script.
    if name.starts_with(HASHED) {
        return ApiError::unknown_route(path).into_response();
    }
    match Files::get(INDEX) {
        Some(index) => answer(INDEX, index),
        None => not_built(),
    }
}

fn answer(name: &str, file: EmbeddedFile) -> Response {
    let content_type = HeaderValue::from_str(file.metadata.mimetype());
    let tag = HeaderValue::from_str(&weak_tag(&file.metadata.sha256_hash()));
    let keep = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = file.data.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    if let Ok(tag) = tag {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn not_built() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, NOT_BUILT).into_response()
}
