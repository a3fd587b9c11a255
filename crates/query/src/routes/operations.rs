//! Probes, metrics, and the description of the API: for machines and their keepers, without a session.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::access::App;
use crate::docs::STYLE;

/// `GET /healthz`: the process lives. Asks nobody.
pub(crate) async fn healthz() -> Response {
    let mut response = "ok".into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET /readyz`: it can do its work.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let readiness = app.probes.readiness().await;
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, axum::Json(readiness)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET /metrics`: Prometheus text.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
        .into_response()
}

/// `GET /api/openapi.json`.
pub(crate) async fn openapi(State(app): State<Arc<App>>) -> Response {
    described(&app, "application/json", app.description.json.clone())
}

/// `GET /api/docs`: the same for people, written on the server.
pub(crate) async fn docs(State(app): State<Arc<App>>) -> Response {
    described(&app, "text/html; charset=utf-8", app.description.page.clone())
}

/// `GET /api/docs/style.css`.
pub(crate) async fn docs_style(State(app): State<Arc<App>>) -> Response {
    described(&app, "text/css; charset=utf-8", STYLE.to_owned())
}

fn described(app: &App, content_type: &'static str, body: String) -> Response {
    let mut response = ([(header::CONTENT_TYPE, content_type)], body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&app.description.tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
