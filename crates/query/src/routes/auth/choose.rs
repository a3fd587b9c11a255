//! `POST /api/auth/choose-password` by a link, `PUT /api/auth/password` by the present one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use salescommand_domain::audit::{Action, Details, Target};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{granted, session_problem};
use crate::access::{Allowed, App, SignedIn};
use crate::audit::Asked;
use crate::error::{ApiError, Problem};
use crate::extract::Body;
use crate::routes::SignedInProblems;
use crate::routes::users::problem;

/// A password by a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChoice {
    /// What stands behind `#` in the link.
    #[schema(value_type = String, format = Password)]
    pub token: SecretString,
    /// The password.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// Another password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The present one.
    #[schema(value_type = String, format = Password)]
    pub present: SecretString,
    /// The new one.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// Choose a password by a link
///
/// The link is good once. Every session of the account ends.
#[utoipa::path(post, path = "/api/auth/choose-password", tag = "auth", request_body = PasswordChoice, responses(
    (status = 204, description = "Chosen: sign in with it"),
    (status = 403, description = "csrf-header-missing", body = Problem, content_type = "application/problem+json"),
    (status = 410, description = "link-over: wrong, used, or too old", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "weak-password", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "too-many-attempts", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "store-unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn choose_password(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(choice): Body<PasswordChoice>,
) -> Result<StatusCode, ApiError> {
    let chosen = app.choose_password(&asked, choice.token, choice.password).await?;
    tracing::info!(user.id = chosen.id, "a password was chosen by a link");
    Ok(StatusCode::NO_CONTENT)
}

/// Change one's password
///
/// Every other session of the account ends; this one goes on.
#[utoipa::path(put, path = "/api/auth/password", tag = "auth", request_body = PasswordChange, responses(
    (status = 200, description = "Changed", body = super::Session),
    (status = 412, description = "stale-version", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "weak-password, wrong-password", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "too-many-attempts", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn change_password(
    allowed: Allowed<SignedIn>,
    Body(change): Body<PasswordChange>,
) -> Result<Response, ApiError> {
    let (app, account) = (allowed.app(), &allowed.account);
    let key = format!("{} {}", allowed.asked.address, account.email);
    app.attempts_per_account.admit(&key, app.clock.now()).map_err(ApiError::too_many_attempts)?;
    let entry = allowed.entry(Action::PasswordChanged, Target::account(&account.id));
    let entry = entry.detailed(Details::default().by("password"));
    let change = async {
        let opened = app.accounts.open(&account.email, change.present).await.map_err(problem)?;
        let opened = opened.ok_or_else(ApiError::wrong_password)?;
        app.attempts_per_account.forget(&key);
        let changed = app.accounts.replace_password(opened, change.password).await.map_err(problem)?;
        changed.ok_or_else(ApiError::stale)
    };
    allowed.audited(entry, change).await?;
    tracing::info!(account.id = account.id, "a password was changed");
    let grant =
        app.sessions.begin(&account.id, allowed.asked.place.clone()).await.map_err(session_problem)?;
    granted(app, account, grant).await
}
