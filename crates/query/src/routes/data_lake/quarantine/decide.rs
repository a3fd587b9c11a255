//! `POST /api/data-lake/quarantine/{instance}/{epoch}/{sequence}/retry` and `…/waive`.
//!
//! A decision is published first and takes effect in the normalizer; the answer waits a little for that.

use std::time::Duration;

use salescommand_domain::audit::{Action, Target, TargetKind};
use salescommand_domain::canonical::QuarantineAction;
use salescommand_domain::raw::{InstanceName, Position, RawPosition};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Reject, RejectState, position, reject};
use crate::access::{Allowed, OpsManage};
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::quarantine::QuarantineVerdict;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::viewer::Viewer;
use crate::writes::problem;

/// How long an answer waits for the normalizer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(40);
/// Longest reason of a waiver, in characters.
const LONGEST_REASON: usize = 500;

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionOutcome {
    /// The event is accepted; it is in quarantine no more.
    Accepted,
    /// The event was read again and is still rejected.
    Rejected,
    /// The event is waived.
    Waived,
    /// The decision is published and on its way.
    Pending,
}

/// What became of a decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decided {
    /// The outcome.
    pub outcome: DecisionOutcome,
    /// The reject as it is now; none if the event is accepted.
    pub reject: Option<Reject>,
}

/// Why an event is left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiveRequest {
    /// For those who ask later.
    pub reason: String,
}

/// Read a rejected event again
#[utoipa::path(post, path = "/api/data-lake/quarantine/{instance}/{epoch}/{sequence}/retry", tag = "data-lake",
    params(
        ("instance" = String, Path, description = "Source instance"),
        ("epoch" = i64, Path, minimum = 0, maximum = 4_294_967_295_i64, description = "Epoch of its log"),
        ("sequence" = i64, Path, minimum = 0, description = "Sequence in the epoch"),
    ),
    responses(
        (status = 200, description = "OK", body = Decided),
        (status = 404, description = "reject-unknown", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn retry_reject(
    allowed: Allowed<OpsManage>,
    Path(place): Path<(String, u32, u64)>,
) -> Result<Reply<Decided>, ApiError> {
    decide(&allowed, position(place)?, QuarantineAction::Retry, None).await
}

/// Leave a rejected event out
#[utoipa::path(post, path = "/api/data-lake/quarantine/{instance}/{epoch}/{sequence}/waive", tag = "data-lake",
    params(
        ("instance" = String, Path, description = "Source instance"),
        ("epoch" = i64, Path, minimum = 0, maximum = 4_294_967_295_i64, description = "Epoch of its log"),
        ("sequence" = i64, Path, minimum = 0, description = "Sequence in the epoch"),
    ),
    request_body = WaiveRequest,
    responses(
        (status = 200, description = "OK", body = Decided),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "reject-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn waive_reject(
    allowed: Allowed<OpsManage>,
    Path(place): Path<(String, u32, u64)>,
    Body(request): Body<WaiveRequest>,
) -> Result<Reply<Decided>, ApiError> {
    let reason = request.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        let detail = format!("must have 1 to {LONGEST_REASON} characters: a waiver says why.");
        return Err(ApiError::invalid_field("reason", detail));
    }
    decide(&allowed, position(place)?, QuarantineAction::Waive, Some(reason)).await
}

async fn decide(
    allowed: &Allowed<OpsManage>,
    about: RawPosition,
    action: QuarantineAction,
    reason: Option<String>,
) -> Result<Reply<Decided>, ApiError> {
    let viewer = allowed.viewer().await?;
    if reject(&viewer, &about).await?.is_none() {
        return Err(ApiError::reject_unknown(&about.to_string()));
    }
    let verdict = QuarantineVerdict {
        about: about.clone(),
        action,
        reason,
        at: allowed.app().clock.now(),
        author: allowed.account.id.clone(),
    };
    // The reason is a person's text; it stands with the decision.
    let entry = match action {
        QuarantineAction::Retry => Action::QuarantineRetried,
        QuarantineAction::Waive => Action::QuarantineWaived,
    };
    let entry = allowed.entry(entry, Target::new(TargetKind::Reject, about.to_string()));
    let decide = async { allowed.guarded().quarantine.decide(verdict).await.map_err(problem) };
    let decided_at = allowed.audited(entry, decide).await?;
    tracing::info!(account.id = allowed.account.id, raw.position = %about, ?action, "a decision about a reject");
    let decided = match taken(allowed, decided_at).await? {
        Some(viewer) => outcome(reject(&viewer, &about).await?.map(Reject::from)),
        None => Decided { outcome: DecisionOutcome::Pending, reject: None },
    };
    Ok(Reply(decided))
}

fn outcome(reject: Option<Reject>) -> Decided {
    let outcome = match &reject {
        None => DecisionOutcome::Accepted,
        Some(reject) if reject.state == RejectState::Waived => DecisionOutcome::Waived,
        Some(_) => DecisionOutcome::Rejected,
    };
    Decided { outcome, reject }
}

/// Waits a little for the normalizer to pass a position of `config`.
async fn taken(allowed: &Allowed<OpsManage>, at: Position) -> Result<Option<Viewer>, ApiError> {
    let config = InstanceName::config();
    let waiting = async {
        loop {
            let viewer = allowed.viewer_now().await?;
            let seen = viewer.consumers.normalizer(viewer.active.canonical);
            if seen.and_then(|vector| vector.get(&config).copied()).is_some_and(|seen| seen >= at) {
                return Ok(viewer);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(outcome) => outcome.map(Some),
        Err(_) => Ok(None),
    }
}
