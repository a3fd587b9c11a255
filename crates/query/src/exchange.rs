//! What every exchange has in common: request id, log line, metrics, security headers, and the writing of problems.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use crate::access::App;
use crate::error::ApiError;
use crate::{hooks, scim};

const REQUEST_ID: &str = "x-request-id";
/// What a page of another origin cannot send without asking first.
const CSRF_HEADER: &str = "x-requested-with";
const CSRF_VALUE: &str = "salescommand";

/// Everything from our own origin, nothing inline, nothing framed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; \
     font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// The id of a request, for whoever handles it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The outermost layer.
pub(crate) async fn accompany(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = app.ids.ordered().to_string();
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("http.request", request.id = request_id, http.method = %method, http.route = route);
    let response = async {
        let response = write_problem(next.run(request).await, &request_id);
        let (status, milliseconds) = (response.status().as_u16(), started.elapsed().as_millis());
        tracing::debug!(http.status = status, duration_ms = milliseconds, "request answered");
        response
    };
    let mut response = response.instrument(span).await;
    measure(&method, route, &response, started);
    app.load.count();
    secure(response.headers_mut(), app.cookies.secure);
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, request_id);
    }
    response
}

fn write_problem(mut response: Response, request_id: &str) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    error.log();
    let allow = response.headers_mut().remove(header::ALLOW);
    let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    let mut problem = error.write(request_id, allow);
    for cookie in cookies {
        problem.headers_mut().append(header::SET_COOKIE, cookie);
    }
    problem
}

fn measure(method: &Method, route: String, response: &Response, started: Instant) {
    let labels =
        [("method", method.to_string()), ("route", route), ("status", response.status().as_str().to_owned())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels).record(started.elapsed().as_secs_f64());
}

fn secure(headers: &mut HeaderMap, https: bool) {
    let fixed = [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// Refuses a changing request that a foreign page could have sent. Web hooks and directories show a key and no cookie is looked at,
/// so a page that sends one gains nothing by the browser it is in; what sends them cannot set the header.
pub(crate) async fn refuse_forged(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    let ours = request.headers().get(CSRF_HEADER).is_some_and(|value| value == CSRF_VALUE);
    let path = request.uri().path();
    let by_key = path.starts_with(hooks::PREFIX) || path.starts_with(scim::PREFIX);
    if changes && !ours && !by_key {
        ApiError::csrf_header_missing().into_response()
    } else {
        next.run(request).await
    }
}

/// Gives up on an answer that takes too long.
pub(crate) async fn limit_time(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(app.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timed_out(app.request_timeout.as_secs()).into_response(),
    }
}

/// What a panic becomes.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    ApiError::internal(format!("panic: {}", text.unwrap_or_default())).into_response()
}
