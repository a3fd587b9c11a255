//! `PATCH /api/users/{id}`.

use axum::http::{HeaderMap, header};
use salescommand_domain::access::Role;
use salescommand_domain::audit::{Action, Details, Draft, Target};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{User, problem};
use crate::access::{Allowed, UsersManage};
use crate::accounts::{AccountChange, AccountSummary, Changed};
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::routes::auth::SessionRole;

/// What is to change in an account; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// Display name.
    pub name: Option<String>,
    /// Role: it holds from the next request on.
    #[schema(value_type = Option<SessionRole>)]
    pub role: Option<Role>,
    /// Shut out, in every browser at once; or let in again.
    pub disabled: Option<bool>,
}

/// Change an account
///
/// Nobody changes their own role or shuts themselves out: so there is always somebody left who can undo it.
#[utoipa::path(patch, path = "/api/users/{id}", tag = "users", request_body = UserChange,
    params(
        ("id" = String, Path, description = "Account id"),
        ("If-Match" = String, Header, description = "The account's revision as it was read"),
    ),
    responses(
        (status = 200, description = "The account as it is now", body = User),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown-user", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "own-account, last-administrator", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "stale-version", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "version-required", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn change_user(
    allowed: Allowed<UsersManage>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(change): Body<UserChange>,
) -> Result<Reply<User>, ApiError> {
    let revision = revision(&headers)?;
    let UserChange { name, role, disabled } = change;
    if id == allowed.account.id && (role.is_some() || disabled == Some(true)) {
        return Err(ApiError::own_account());
    }
    let accounts = &allowed.app().accounts;
    let change = AccountChange { name, role, disabled };
    let before = accounts.detail(&id).await.map_err(problem)?.ok_or_else(ApiError::unknown_user)?.summary;
    let entries = entries(&allowed, &before, &change);
    let edit = async {
        match accounts.edit((&id, revision), change).await.map_err(problem)? {
            Changed::Now(changed) => Ok(changed),
            Changed::Stale => Err(ApiError::stale()),
            Changed::Unknown => Err(ApiError::unknown_user()),
        }
    };
    let changed = allowed.app().audited(entries, edit).await?;
    tracing::info!(
        account.id = allowed.account.id,
        user.id = id,
        user.role = ?changed.role,
        user.disabled = changed.disabled,
        "an account was changed"
    );
    if let Err(error) = allowed.app().people.announce(&changed).await {
        tracing::warn!(%error, user.id = id, "a changed account is not announced yet");
    }
    let detail = accounts.detail(&id).await.map_err(problem)?.ok_or_else(ApiError::unknown_user)?;
    Ok(Reply(User::new(detail, allowed.directory())))
}

/// What is written down of a change: an entry for each thing that becomes another one. What was before is what is there now: an
/// account that somebody else changes meanwhile is not changed here.
fn entries(allowed: &Allowed<UsersManage>, before: &AccountSummary, change: &AccountChange) -> Vec<Draft> {
    let entry = |action: Action| allowed.entry(action, Target::account(&before.id));
    let role = change.role.filter(|role| *role != before.role);
    let role = role
        .map(|role| entry(Action::AccountRoleChanged).detailed(Details::default().role(before.role, role)));
    let door = change.disabled.filter(|disabled| *disabled != before.disabled);
    let door = door.map(|out| entry(if out { Action::AccountDisabled } else { Action::AccountEnabled }));
    let renamed = change.name.as_ref().filter(|name| name.trim() != before.name);
    let renamed = renamed.map(|_| entry(Action::AccountRenamed));
    role.into_iter().chain(door).chain(renamed).collect()
}

/// The revision that a change is made of.
fn revision(headers: &HeaderMap) -> Result<i64, ApiError> {
    let given = headers.get(header::IF_MATCH).ok_or_else(ApiError::version_required)?;
    let text = given.to_str().unwrap_or_default().trim().trim_matches('"');
    text.parse().map_err(|_| ApiError::stale())
}
