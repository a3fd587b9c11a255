//! `GET /api/audit`.

use jiff::Timestamp;
use salescommand_audit::Filter;
use salescommand_domain::audit::Actor;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{AuditEntry, Names};
use crate::access::{Allowed, AuditRead};
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

const USUAL_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 200;

/// Which entries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParameters {
    /// By whom: `account:ID`, `person:ID`, `shell:NAME`, `system` or `anonymous`
    actor: Option<String>,
    /// Beginning of the action: `account.` or `session.refused`
    action: Option<String>,
    /// Id of what something was done to
    target: Option<String>,
    /// At this moment or later
    from: Option<Timestamp>,
    /// Before this moment
    to: Option<Timestamp>,
    /// `next` of the page before
    #[param(minimum = 0)]
    before: Option<i64>,
    /// Entries per page, 50 if nothing is said, 200 at most
    #[param(minimum = 1, maximum = 200, value_type = Option<i32>)]
    limit: Option<usize>,
}

/// A filter by whoever acted.
pub(super) fn filter(actor: Option<String>) -> Result<Filter, ApiError> {
    let actor = actor.map(|actor| actor.parse::<Actor>()).transpose();
    let actor = actor.map_err(|error| ApiError::malformed_query(format!("{error}.")))?;
    Ok(Filter { actor: actor.map(|actor| actor.to_string()), ..Filter::default() })
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// The newest first.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins; none if this is the last. A page of a filter may have few entries, or none, and a next one:
    /// an answer looks at so many entries only.
    #[schema(format = Int64)]
    pub next: Option<u64>,
    /// How far back was looked.
    pub searched_to: Option<Timestamp>,
}

/// The audit log
///
/// Who did what, the newest first. Entries come a moment after what they tell of is answered.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(AuditParameters), responses(
    (status = 200, description = "OK", body = AuditPage),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn audit_entries(
    allowed: Allowed<AuditRead>,
    Parameters(wanted): Parameters<AuditParameters>,
) -> Result<Reply<AuditPage>, ApiError> {
    let limit = wanted.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::malformed_query(format!("limit must be 1 to {LARGEST_LIMIT}.")));
    }
    let AuditParameters { actor, action, target, from, to, before, .. } = wanted;
    let before = before.map(u64::try_from).transpose();
    let before = before.map_err(|_| ApiError::malformed_query("before must be 0 or more.".to_owned()))?;
    let filter = Filter { action, target, from, to, ..filter(actor)? };
    let found = allowed.guarded().audit.page(&filter, before, limit).await;
    let found = found.map_err(ApiError::audit_log)?;
    let names = Names::of(&allowed, &found.entries).await?;
    let entries = found.entries.into_iter().map(|entry| names.shown(entry)).collect();
    Ok(Reply(AuditPage { entries, next: found.next, searched_to: found.searched_to }))
}
