//! `GET /api/users/{id}/sessions`.

use super::problem;
use crate::access::{Allowed, UsersManage};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::routes::auth::sessions::SessionList;

/// The sessions of an account
#[utoipa::path(get, path = "/api/users/{id}/sessions", tag = "users",
    params(("id" = String, Path, description = "Account id")),
    responses(
        (status = 200, description = "OK", body = SessionList),
        (status = 404, description = "unknown-user", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn user_sessions(
    allowed: Allowed<UsersManage>,
    Path(id): Path<String>,
) -> Result<Reply<SessionList>, ApiError> {
    let app = allowed.app();
    app.accounts.detail(&id).await.map_err(problem)?.ok_or_else(ApiError::unknown_user)?;
    let found = app.sessions.list(&id).await.map_err(ApiError::store)?;
    Ok(Reply(SessionList::new(found, allowed.session())))
}
