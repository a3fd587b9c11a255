//! `GET /api/users`.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{User, problem};
use crate::access::{Allowed, UsersManage};
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

const USUAL_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 200;

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserParameters {
    /// Beginning of the address
    q: Option<String>,
    /// `next` of the page before
    after: Option<String>,
    /// Accounts per page, 50 if nothing is said, 200 at most
    #[param(minimum = 1, maximum = 200, value_type = Option<i32>)]
    limit: Option<usize>,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserPage {
    /// In the order of their addresses.
    pub users: Vec<User>,
    /// Where the next page begins; none if this is the last.
    pub next: Option<String>,
}

/// The accounts
#[utoipa::path(get, path = "/api/users", tag = "users", params(UserParameters), responses(
    (status = 200, description = "OK", body = UserPage),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn users(
    allowed: Allowed<UsersManage>,
    Parameters(wanted): Parameters<UserParameters>,
) -> Result<Reply<UserPage>, ApiError> {
    let limit = wanted.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::malformed_query(format!("limit must be 1 to {LARGEST_LIMIT}.")));
    }
    let which = (wanted.q.as_deref().unwrap_or_default(), wanted.after.as_deref());
    let found = allowed.app().accounts.page(which, limit + 1).await.map_err(problem)?;
    let user = |detail| User::new(detail, allowed.directory());
    let mut users: Vec<User> = found.into_iter().map(user).collect();
    let more = users.len() > limit;
    users.truncate(limit);
    let next = users.last().filter(|_| more).map(|last| last.email.clone());
    Ok(Reply(UserPage { users, next }))
}
