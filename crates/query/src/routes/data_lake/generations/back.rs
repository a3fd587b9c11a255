//! `POST /api/data-lake/generations/rollback` and `…/drop-previous`.
//!
//! A caller says what it saw, so that of two who ask at the same moment only one moves the switch: going back twice would
//! be going forward again.

use salescommand_domain::audit::{Action, Target, TargetKind};
use salescommand_store::Generations;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{GenerationSet, SwitchPosition, problem};
use crate::access::{Allowed, OpsManage};
use crate::error::{ApiError, Problem};
use crate::extract::Body;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// Going back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// What was seen as active.
    pub from: GenerationSet,
}

/// Giving the way back up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DropPreviousRequest {
    /// What was seen as previous.
    pub previous: GenerationSet,
}

/// Go back to what was read before the last switch
#[utoipa::path(post, path = "/api/data-lake/generations/rollback", tag = "data-lake", request_body = RollbackRequest,
    responses(
        (status = 200, description = "OK", body = SwitchPosition),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "no-previous-generation, switch-moved", body = Problem,
            content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn roll_back(
    allowed: Allowed<OpsManage>,
    Body(request): Body<RollbackRequest>,
) -> Result<Reply<SwitchPosition>, ApiError> {
    let from: Generations = request.from.into();
    let target = Target::new(TargetKind::Generation, from.canonical.to_string());
    let back = async { allowed.guarded().generations.roll_back(&from).await.map_err(problem) };
    let now = allowed.audited(allowed.entry(Action::ReplayRolledBack, target), back).await?;
    tracing::info!(
        account.id = allowed.account.id,
        from = from.canonical,
        canonical = now.canonical,
        serving = ?now.serving,
        "rolled back to the generations that were read before"
    );
    Ok(Reply(now.into()))
}

/// Give the way back up: drop what was read before the last switch
#[utoipa::path(post, path = "/api/data-lake/generations/drop-previous", tag = "data-lake",
    request_body = DropPreviousRequest,
    responses(
        (status = 200, description = "OK", body = SwitchPosition),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "no-previous-generation, switch-moved", body = Problem,
            content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn drop_previous(
    allowed: Allowed<OpsManage>,
    Body(request): Body<DropPreviousRequest>,
) -> Result<Reply<SwitchPosition>, ApiError> {
    let previous: Generations = request.previous.into();
    let target = Target::new(TargetKind::Generation, previous.canonical.to_string());
    let drop = async { allowed.guarded().generations.drop_previous(&previous).await.map_err(problem) };
    let now = allowed.audited(allowed.entry(Action::ReplayPreviousDropped, target), drop).await?;
    tracing::info!(
        account.id = allowed.account.id,
        canonical = previous.canonical,
        serving = ?previous.serving,
        "gave up the generations that were read before"
    );
    Ok(Reply(now.into()))
}
