//! `POST /api/auth/forgot-password`: one answer, at once, whatever there is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::App;
use crate::audit::Asked;
use crate::error::{ApiError, Problem};
use crate::extract::Body;

/// Whose password is forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgottenPassword {
    /// Sign-in name.
    pub email: String,
}

/// Ask for a link to choose another password
///
/// If there is an account with this address that a password opens, or that has none yet, its owner gets an e-mail with a link that is
/// good once, for an hour. The answer is the same in any case, and does not wait for it.
#[utoipa::path(post, path = "/api/auth/forgot-password", tag = "auth", request_body = ForgottenPassword, responses(
    (status = 202, description = "Taken"),
    (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "csrf-header-missing", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "too-many-attempts", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn forgot_password(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(forgotten): Body<ForgottenPassword>,
) -> Result<StatusCode, ApiError> {
    app.forgot_password(asked, forgotten.email)?;
    Ok(StatusCode::ACCEPTED)
}
