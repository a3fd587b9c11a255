//! `POST /api/auth/logout`: ends the session, known or not; says where to sign out at the provider too, if that is
//! configured.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use salescommand_domain::audit::{Action, Actor, Target};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::App;
use crate::audit::Asked;
use crate::auth::{PROVIDER_COOKIE, REFRESH_COOKIE, cookie_of};
use crate::error::{ApiError, Problem};

/// Signed out here.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedOut {
    /// Go there to sign out at the provider too.
    pub provider_sign_out: String,
}

/// Sign out
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", responses(
    (status = 200, description = "Signed out here; the provider has a page to sign out there too", body = SignedOut),
    (status = 204, description = "Signed out"),
    (status = 403, description = "csrf-header-missing", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "store-unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn logout(
    State(app): State<Arc<App>>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(token) = cookie_of(&headers, REFRESH_COOKIE)
        && let Some(account) = app.sessions.owner(&token).await.map_err(ApiError::store)?
    {
        let target = Target::account(&account);
        let entry = asked.by(Actor::Account(account), Action::SessionEnded).on(target);
        app.audited(vec![entry], async { app.sessions.end(&token).await.map_err(ApiError::store) }).await?;
    }
    let provider = cookie_of(&headers, PROVIDER_COOKIE);
    let elsewhere = match &provider {
        Some(name) => app.providers.sign_out_address(name.expose_secret(), app.clock.now()).await,
        None => None,
    };
    let mut response = match elsewhere {
        Some(provider_sign_out) => axum::Json(SignedOut { provider_sign_out }).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    app.cookies.clear(response.headers_mut());
    Ok(response)
}
