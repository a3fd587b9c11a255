//! `GET /api/auth/me`.

use super::Session;
use crate::access::{Allowed, SignedIn};
use crate::error::{ApiError, Problem};
use crate::reply::Reply;

/// Who is signed in
#[utoipa::path(get, path = "/api/auth/me", tag = "auth", responses(
    (status = 200, description = "OK", body = Session),
    (status = 401, description = "Not signed in, or the access cookie has expired", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "A dependency is unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn me(allowed: Allowed<SignedIn>) -> Result<Reply<Session>, ApiError> {
    Ok(Reply(Session::new(&allowed.account, allowed.directory(), allowed.access_expires_at)))
}
