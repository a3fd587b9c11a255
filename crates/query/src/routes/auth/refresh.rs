//! `POST /api/auth/refresh`: a new pair of tokens for a refresh token that was not used before.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use salescommand_domain::audit::{Action, Actor, Outcome, Target};
use secrecy::ExposeSecret;

use super::{granted, session_problem};
use crate::access::App;
use crate::audit::Asked;
use crate::auth::{PROVIDER_COOKIE, REFRESH_COOKIE, SessionError, cookie_of};
use crate::error::{ApiError, Problem};
use crate::routes::users::problem;

/// Renew the access cookie
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth", responses(
    (status = 200, description = "OK", body = super::Session),
    (status = 401, description = "session-expired, directory-disabled", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "csrf-header-missing", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "store-unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn refresh(
    State(app): State<Arc<App>>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(token) = cookie_of(&headers, REFRESH_COOKIE) else { return Ok(signed_out(&app)) };
    let grant = match app.sessions.renew(&token, asked.place.clone()).await {
        Ok(grant) => grant,
        Err(SessionError::Over) => return Ok(signed_out(&app)),
        Err(SessionError::Reused(account)) => {
            let entry = asked.by(Actor::Anonymous, Action::SessionReuseDetected);
            app.record(entry.on(Target::account(account)).ended(Outcome::Refused)).await?;
            return Ok(signed_out(&app));
        }
        Err(error) => return Err(session_problem(error)),
    };
    match app.accounts.enabled(&grant.account).await.map_err(ApiError::store)? {
        Some(account) if app.is_kept_out(&account).await.map_err(problem)? => {
            app.put_out(&account.id).await?;
            Ok(without_cookies(&app, ApiError::directory_disabled(StatusCode::UNAUTHORIZED)))
        }
        Some(account) => {
            let mut response = granted(&app, &account, grant).await?;
            let provider = cookie_of(&headers, PROVIDER_COOKIE);
            if let Some(Ok(known)) = provider.map(|name| app.providers.named(name.expose_secret())) {
                app.cookies.remember_provider(response.headers_mut(), &known.settings.name);
            }
            Ok(response)
        }
        None => {
            app.sessions.end(&grant.refresh).await.map_err(ApiError::store)?;
            Ok(signed_out(&app))
        }
    }
}

/// The session is over, so its cookies go.
fn signed_out(app: &App) -> Response {
    without_cookies(app, ApiError::session_expired())
}

fn without_cookies(app: &App, problem: ApiError) -> Response {
    let mut response = problem.into_response();
    app.cookies.clear(response.headers_mut());
    response
}
