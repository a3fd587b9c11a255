//! `POST /api/auth/login`: the same answer, after the same work, whether the account or the password is wrong.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::{LoginRequest, granted, session_problem};
use crate::access::App;
use crate::accounts::{Account, AccountError};
use crate::audit::Asked;
use crate::error::{ApiError, Problem};
use crate::extract::Body;

/// Sign in
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = LoginRequest, responses(
    (status = 200, description = "OK", body = super::Session),
    (status = 401, description = "invalid-credentials", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "csrf-header-missing, directory-disabled", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "too-many-attempts", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "store-unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn login(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(request): Body<LoginRequest>,
) -> Result<Response, ApiError> {
    let (address, email) = (&asked.address, &request.email);
    let key = format!("{address} {}", email.trim().to_lowercase());
    admit(&app, address, &key)?;
    let opened = app.accounts.open(email, request.password).await;
    settle(&app, address, &key, &opened);
    let Some(account) = opened.map_err(problem)? else {
        app.refused(&asked, email).await?;
        return Err(ApiError::invalid_credentials());
    };
    app.admit_sign_in(&asked, (&account, "password")).await?;
    let grant = app.sessions.begin(&account.id, asked.place.clone()).await.map_err(session_problem)?;
    app.signed_in(&asked, (&account, "password"), &grant).await?;
    let mut response = granted(&app, &account, grant).await?;
    app.cookies.forget_provider(response.headers_mut());
    Ok(response)
}

fn admit(app: &App, address: &str, key: &str) -> Result<(), ApiError> {
    let now = app.clock.now();
    app.attempts_per_address.admit(address, now).map_err(ApiError::too_many_attempts)?;
    app.attempts_per_account.admit(key, now).map_err(ApiError::too_many_attempts)
}

/// Only a wrong password or name stays counted; a success takes the account's former attempts back too.
fn settle(app: &App, address: &str, key: &str, opened: &Result<Option<Account>, AccountError>) {
    let outcome = match opened {
        Ok(Some(_)) => "accepted",
        Ok(None) => "refused",
        Err(_) => "failed",
    };
    metrics::counter!("sign_ins_total", "outcome" => outcome).increment(1);
    match opened {
        Ok(Some(_)) => app.attempts_per_account.forget(key),
        Ok(None) => return tracing::info!("a sign-in was refused"),
        Err(_) => app.attempts_per_account.take_back(key),
    }
    app.attempts_per_address.take_back(address);
}

fn problem(error: AccountError) -> ApiError {
    match error {
        AccountError::Store(error) => ApiError::store(error),
        other => ApiError::internal(other),
    }
}
