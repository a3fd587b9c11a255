//! `POST /api/users/{id}/reset`.

use axum::http::StatusCode;
use axum::response::Response;
use salescommand_domain::audit::{Action, Target};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ChoosePassword, handed, once, problem, wanted};
use crate::access::{Allowed, UsersManage};
use crate::error::{ApiError, Problem};
use crate::extract::{Parameters, Path};
use crate::mail::Occasion;
use crate::routes::SignedInProblems;

/// How the link is handed over.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResetParameters {
    /// Send it to the account's address, too
    #[serde(default)]
    mail: bool,
}

/// Make a link by which the owner of an account chooses another password
///
/// It is shown this once, and good once, for a day. The present password stays until it is used.
#[utoipa::path(post, path = "/api/users/{id}/reset", tag = "users",
    params(("id" = String, Path, description = "Account id"), ResetParameters),
    responses(
        (status = 200, description = "Made", body = ChoosePassword),
        (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown-user", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "mail-not-configured", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn reset_user(
    allowed: Allowed<UsersManage>,
    Path(id): Path<String>,
    Parameters(how): Parameters<ResetParameters>,
) -> Result<Response, ApiError> {
    let app = allowed.app();
    let occasion = wanted(app, how.mail, Occasion::Given)?;
    let make = async {
        let made = app.accounts.password_link(&allowed.guarded().seals, &id).await;
        made.map_err(problem)?.ok_or_else(ApiError::unknown_user)
    };
    let entry = allowed.entry(Action::PasswordLinkMade, Target::account(&id));
    let (owner, made) = allowed.audited(entry, make).await?;
    tracing::info!(account.id = allowed.account.id, user.id = id, "a link to choose a password was made");
    Ok(once(StatusCode::OK, handed(app, occasion, (&owner, made)).await))
}
