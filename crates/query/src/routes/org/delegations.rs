//! `/api/org/delegations`: who lets whom see what they see, on which days.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use salescommand_domain::access::Permission;
use salescommand_domain::audit::{Action, Target};
use salescommand_domain::canonical::FacetId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::spoken_of;
use crate::access::{Allowed, DashboardRead, OrgDelegate};
use crate::accounts::AccountSummary;
use crate::delegations::{Delegation, DelegationError, NewDelegation, particulars};
use crate::directory::PersonRef;
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Parameters, Path};
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::routes::users::problem;
use crate::viewer::Viewer;

/// For some days, somebody lets somebody else see what they see.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delegation)]
pub struct DelegationShown {
    /// Its id.
    pub id: String,
    /// Who delegates.
    pub from: PersonRef,
    /// Who sees more for it.
    pub to: PersonRef,
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
    /// Why.
    pub note: Option<String>,
    /// Holds today.
    pub holds: bool,
    /// You delegate.
    pub given: bool,
    /// You see more for it.
    pub received: bool,
    /// You may withdraw it.
    pub may_withdraw: bool,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Delegations that are not over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delegations)]
pub struct DelegationList {
    /// Today, in the reporting calendar.
    pub day: Date,
    /// The most days that one lasts.
    #[schema(format = Int32)]
    pub longest: u16,
    /// In the order of their first days.
    pub delegations: Vec<DelegationShown>,
}

/// Which delegations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DelegationParameters {
    /// Everybody's, for whoever manages accounts; without it, yours
    #[serde(default)]
    all: bool,
}

/// Delegations that are not over: yours and to you
#[utoipa::path(get, path = "/api/org/delegations", tag = "org", params(DelegationParameters), responses(
    (status = 200, description = "OK", body = DelegationList),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn delegations(
    allowed: Allowed<DashboardRead>,
    Parameters(wanted): Parameters<DelegationParameters>,
) -> Result<Reply<DelegationList>, ApiError> {
    if wanted.all && !allowed.account.role.may(Permission::UsersManage) {
        return Err(ApiError::forbidden(Permission::UsersManage));
    }
    let viewer = allowed.viewer().await?;
    let kept = &allowed.guarded().delegations;
    let found = if wanted.all { kept.all().await } else { kept.of(&allowed.account.id).await };
    let day = viewer.directory.day;
    let mut delegations = Vec::new();
    for delegation in found.map_err(ApiError::store)?.into_iter().filter(|found| found.last >= day) {
        delegations.push(shown(&allowed, &viewer, delegation).await?);
    }
    delegations.sort_by(|a, b| (a.first, &a.id).cmp(&(b.first, &b.id)));
    Ok(Reply(DelegationList { day, longest: kept.longest(), delegations }))
}

async fn shown<P>(
    allowed: &Allowed<P>,
    viewer: &Viewer,
    delegation: Delegation,
) -> Result<DelegationShown, ApiError> {
    let own = allowed.account.id.as_str();
    let (given, received) = (delegation.from == own, delegation.to == own);
    Ok(DelegationShown {
        from: person(allowed, viewer, (&delegation.from, delegation.delegator)).await?,
        to: person(allowed, viewer, (&delegation.to, delegation.delegate)).await?,
        holds: delegation.holds_on(viewer.directory.day),
        given,
        received,
        may_withdraw: may_withdraw(allowed, &delegation),
        id: delegation.id,
        first: delegation.first,
        last: delegation.last,
        note: delegation.note,
        made_at: delegation.made_at,
    })
}

/// The person of an account; one whom the directory does not know yet has the account's name.
async fn person<P>(
    allowed: &Allowed<P>,
    viewer: &Viewer,
    (account, facet): (&str, FacetId),
) -> Result<PersonRef, ApiError> {
    if let Some(known) = viewer.directory.person(facet) {
        return Ok(known);
    }
    let detail = allowed.app().accounts.detail(account).await.map_err(problem)?;
    Ok(PersonRef { id: facet.to_string(), name: detail.map(|found| found.summary.name).unwrap_or_default() })
}

/// Whoever delegates, whoever is delegated to, and whoever manages accounts.
fn may_withdraw<P>(allowed: &Allowed<P>, delegation: &Delegation) -> bool {
    let (account, role) = (allowed.account.id.as_str(), allowed.account.role);
    let concerned = delegation.from == account || delegation.to == account;
    role.may(Permission::UsersManage) || concerned && role.may(Permission::OrgDelegate)
}

/// Who is to see what somebody sees, on which days.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDelegationBody {
    /// Who delegates, by the id of a person; none: you. Somebody else only for whoever manages accounts.
    pub from: Option<String>,
    /// Who is to see more, by the id of a person.
    pub to: String,
    /// The first day; none: today.
    pub first: Option<Date>,
    /// The last day.
    pub last: Date,
    /// Why.
    pub note: Option<String>,
}

/// Let a colleague see what you see, for some days
///
/// They see your records and those of everyone below you, and nothing that was delegated to you. What they change, they
/// change in their own name.
#[utoipa::path(post, path = "/api/org/delegations", tag = "org", request_body = NewDelegationBody, responses(
    (status = 201, description = "Made", body = DelegationShown),
    (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn delegate(
    allowed: Allowed<OrgDelegate>,
    Body(new): Body<NewDelegationBody>,
) -> Result<Response, ApiError> {
    let viewer = allowed.viewer().await?;
    let own = viewer.directory.tree.person_of(allowed.account.person_facet);
    let from = match &new.from {
        Some(id) => Some(spoken_of(&viewer, "from", id)?).filter(|from| Some(*from) != own),
        None => None,
    };
    if from.is_some() && !allowed.account.role.may(Permission::UsersManage) {
        return Err(ApiError::forbidden(Permission::UsersManage));
    }
    let from = match from {
        Some(from) => account_of(&allowed, &viewer, ("from", from)).await?,
        None => allowed.account.clone().summary(),
    };
    let to = spoken_of(&viewer, "to", &new.to)?;
    let to = account_of(&allowed, &viewer, ("to", to)).await?;
    let today = viewer.directory.day;
    let days = (new.first.unwrap_or(today), new.last);
    let entry = allowed.entry(Action::DelegationMade, Target::account(&to.id));
    let entry = entry.detailed(particulars(&from.id, days));
    let (note, made_by) = (new.note.as_deref(), Some(allowed.account.id.as_str()));
    let made = NewDelegation { from: &from, to: &to, days, note, made_by };
    let make = async {
        allowed.guarded().delegations.make(made, today).await.map_err(|error| match error {
            DelegationError::Invalid(field, why) => ApiError::invalid_field(field, why),
            DelegationError::Store(error) => ApiError::store(error),
        })
    };
    let made = allowed.audited(entry, make).await?;
    tracing::info!(
        account.id = allowed.account.id,
        delegation.id = made.id,
        from = made.from,
        to = made.to,
        last = %made.last,
        "a delegation was made"
    );
    let made = shown(&allowed, &viewer, made).await?;
    Ok((StatusCode::CREATED, axum::Json(made)).into_response())
}

/// The account by which a person signs in.
async fn account_of(
    allowed: &Allowed<OrgDelegate>,
    viewer: &Viewer,
    (field, person): (&str, FacetId),
) -> Result<AccountSummary, ApiError> {
    let facets = viewer.directory.tree.facets_of(person);
    let found = allowed.app().accounts.of_person(facets).await.map_err(problem)?;
    found.into_iter().next().ok_or_else(|| ApiError::invalid_field(field, "has no account here"))
}

/// Withdraw a delegation
///
/// It holds no more from the next request on.
#[utoipa::path(delete, path = "/api/org/delegations/{id}", tag = "org",
    params(("id" = String, Path, description = "Id of the delegation")),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 404, description = "unknown-delegation", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn withdraw_delegation(
    allowed: Allowed<OrgDelegate>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let kept = &allowed.guarded().delegations;
    let found = kept.find(&id).await.map_err(ApiError::store)?;
    let found =
        found.filter(|found| may_withdraw(&allowed, found)).ok_or_else(ApiError::unknown_delegation)?;
    let entry = allowed.entry(Action::DelegationWithdrawn, Target::account(&found.to));
    let entry = entry.detailed(particulars(&found.from, (found.first, found.last)));
    let withdraw = async {
        let was_there = kept.withdraw(&id).await.map_err(ApiError::store)?;
        was_there.then_some(()).ok_or_else(ApiError::unknown_delegation)
    };
    allowed.audited(entry, withdraw).await?;
    tracing::info!(account.id = allowed.account.id, delegation.id = id, "a delegation was withdrawn");
    Ok(StatusCode::NO_CONTENT)
}
