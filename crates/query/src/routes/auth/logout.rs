//! `POST /api/auth/logout`: ends the session, known or not.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::access::App;
use crate::auth::{REFRESH_COOKIE, cookie_of};
use crate::error::{ApiError, Problem};

/// Sign out
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", responses(
    (status = 204, description = "Signed out"),
    (status = 403, description = "csrf-header-missing", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "store-unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    if let Some(token) = cookie_of(&headers, REFRESH_COOKIE) {
        app.sessions.end(&token).await.map_err(ApiError::store)?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    app.cookies.clear(response.headers_mut());
    Ok(response)
}
