//! `POST /api/users/{id}/reset`.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use salescommand_domain::audit::{Action, Target};

use super::{ChoosePassword, link, once, problem};
use crate::access::{Allowed, UsersManage};
use crate::error::{ApiError, Problem};
use crate::routes::SignedInProblems;

/// Make a link by which the owner of an account chooses another password
///
/// It is shown this once, and good once, for a day. The present password stays until it is used.
#[utoipa::path(post, path = "/api/users/{id}/reset", tag = "users",
    params(("id" = String, Path, description = "Account id")),
    responses(
        (status = 200, description = "Made", body = ChoosePassword),
        (status = 404, description = "unknown-user", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn reset_user(
    allowed: Allowed<UsersManage>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let make = async {
        let made = allowed.app().accounts.password_link(&allowed.guarded().seals, &id).await;
        made.map_err(problem)?.ok_or_else(ApiError::unknown_user)
    };
    let made = allowed.audited(allowed.entry(Action::PasswordLinkMade, Target::account(&id)), make).await?;
    tracing::info!(account.id = allowed.account.id, user.id = id, "a link to choose a password was made");
    Ok(once(StatusCode::OK, link(&allowed, made)))
}
