//! `POST /api/users`.

use axum::http::StatusCode;
use axum::response::Response;
use salescommand_domain::access::Role;
use salescommand_domain::audit::{Action, Details, Target};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Invited, User, handed, once, problem, wanted};
use crate::access::{Allowed, UsersManage};
use crate::accounts::AccountSummary;
use crate::error::{ApiError, Problem};
use crate::extract::Body;
use crate::mail::Occasion;
use crate::routes::SignedInProblems;
use crate::routes::auth::SessionRole;

/// Somebody who is to have an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Sign-in name; the person with this verified address in a source is the same person.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Role.
    #[schema(value_type = SessionRole)]
    pub role: Role,
    /// Send the link to the address, too.
    #[serde(default)]
    pub mail: bool,
}

/// Make an account
///
/// It has no password. The answer has a link, to be handed to its owner, who chooses one by it; it is shown this once.
#[utoipa::path(post, path = "/api/users", tag = "users", request_body = Invitation, responses(
    (status = 201, description = "Made", body = Invited),
    (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "email-taken, mail-not-configured", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn invite_user(
    allowed: Allowed<UsersManage>,
    Body(new): Body<Invitation>,
) -> Result<Response, ApiError> {
    let (app, accounts, seals) = (allowed.app(), &allowed.app().accounts, &allowed.guarded().seals);
    let occasion = wanted(app, new.mail, Occasion::Invited)?;
    let entry = allowed.asked_for(Action::AccountCreated).detailed(Details::default().of_role(new.role));
    let invite = async { accounts.invite((&new.email, &new.name, new.role)).await.map_err(problem) };
    let target = |made: &AccountSummary| Some(Target::account(&made.id));
    let made = app.audited_making(vec![entry], invite, target).await?;
    tracing::info!(account.id = allowed.account.id, user.id = made.id, user.role = ?made.role, "an account was made");
    // Should the pipeline not be told now, signing in does it.
    if let Err(error) = allowed.app().people.announce(&made).await {
        tracing::warn!(%error, user.id = made.id, "an account is not announced yet");
    }
    let detail = accounts.detail(&made.id).await.map_err(problem)?.ok_or_else(ApiError::unknown_user)?;
    let made = accounts.password_link(seals, &made.id).await.map_err(problem)?;
    let (owner, link) = made.ok_or_else(ApiError::unknown_user)?;
    let link = handed(app, occasion, (&owner, link)).await;
    Ok(once(StatusCode::CREATED, Invited { user: User::new(detail, allowed.directory()), link }))
}
