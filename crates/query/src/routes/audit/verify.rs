//! `GET /api/audit/verify`.

use salescommand_domain::audit::Head;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::{Allowed, AuditRead};
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// Most entries that one answer checks; who wants more goes on from its head.
const MOST: u64 = 100_000;

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyParameters {
    /// `head` of an earlier answer: the chain is checked from that entry on, and that it is still the same
    since: Option<String>,
}

/// Where the chain is broken.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditBreak {
    /// The first position that is not what it must be.
    #[schema(format = Int64)]
    pub position: u64,
    /// `missing`, `unreadable`, `misplaced`, `changed` or `not_as_kept`.
    pub kind: String,
    /// In words.
    pub detail: String,
}

/// What a walk along the chain has shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditVerified {
    /// How many entries were checked.
    #[schema(format = Int64)]
    pub entries: u64,
    /// The last entry that is what it must be: `POSITION:HASH`. Kept elsewhere, it shows later that nothing before it was
    /// changed.
    pub head: String,
    /// The last position there is.
    #[schema(format = Int64)]
    pub end: u64,
    /// Everything up to the end was checked, or a break was found. Otherwise go on with `since` at `head`.
    pub complete: bool,
    /// The first break; none if the chain is whole.
    pub broken: Option<AuditBreak>,
}

/// Check the audit log
///
/// Walks along the chain and says whether each entry is the one that the next one was tied to.
#[utoipa::path(get, path = "/api/audit/verify", tag = "audit", params(VerifyParameters), responses(
    (status = 200, description = "OK", body = AuditVerified),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn verify_audit(
    allowed: Allowed<AuditRead>,
    Parameters(wanted): Parameters<VerifyParameters>,
) -> Result<Reply<AuditVerified>, ApiError> {
    let since = wanted.since.map(|head| head.parse::<Head>()).transpose();
    let since = since.map_err(|_| ApiError::malformed_head())?;
    let found = allowed.guarded().audit.verify(since, MOST).await.map_err(ApiError::audit_log)?;
    if let Some(broken) = &found.broken {
        tracing::error!(
            position = broken.position,
            kind = broken.kind.word(),
            "the audit log is broken: {broken}"
        );
    }
    Ok(Reply(AuditVerified {
        entries: found.entries,
        head: found.head.to_string(),
        end: found.end,
        complete: found.complete(),
        broken: found.broken.map(|broken| AuditBreak {
            position: broken.position,
            kind: broken.kind.word().to_owned(),
            detail: broken.to_string(),
        }),
    }))
}
