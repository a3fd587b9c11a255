//! `DELETE /api/users/{id}/sessions`.

use axum::http::StatusCode;
use salescommand_domain::audit::{Action, Target};

use super::problem;
use crate::access::{Allowed, UsersManage};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::routes::SignedInProblems;

/// Sign an account out in every browser
///
/// It holds from the next request on.
#[utoipa::path(delete, path = "/api/users/{id}/sessions", tag = "users",
    params(("id" = String, Path, description = "Account id")),
    responses(
        (status = 204, description = "No session of it is left"),
        (status = 404, description = "unknown-user", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn sign_out_user(
    allowed: Allowed<UsersManage>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let sign_out = async {
        let known = allowed.app().accounts.sign_out(&id).await.map_err(problem)?;
        known.then_some(()).ok_or_else(ApiError::unknown_user)
    };
    allowed.audited(allowed.entry(Action::SessionEnded, Target::account(&id)), sign_out).await?;
    tracing::info!(account.id = allowed.account.id, user.id = id, "an account was signed out everywhere");
    Ok(StatusCode::NO_CONTENT)
}
