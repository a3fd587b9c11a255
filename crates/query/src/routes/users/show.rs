//! `GET /api/users/{id}`.

use super::{User, problem};
use crate::access::{Allowed, UsersManage};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// An account
#[utoipa::path(get, path = "/api/users/{id}", tag = "users",
    params(("id" = String, Path, description = "Account id")),
    responses(
        (status = 200, description = "OK", body = User),
        (status = 404, description = "unknown-user", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn user(
    allowed: Allowed<UsersManage>,
    Path(id): Path<String>,
) -> Result<Reply<User>, ApiError> {
    let found =
        allowed.app().accounts.detail(&id).await.map_err(problem)?.ok_or_else(ApiError::unknown_user)?;
    Ok(Reply(User::new(found, allowed.directory())))
}
