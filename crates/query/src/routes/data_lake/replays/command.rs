//! `POST /api/data-lake/replays/{replay}/cancel` and `…/switch`: commands, which the controller takes at its next look.

use axum::Json;
use axum::http::StatusCode;
use salescommand_domain::audit::{Action, Details, Target, TargetKind};
use salescommand_domain::generation::Replay;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ReplaySummary;
use super::people::People;
use crate::access::{Allowed, OpsManage};
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::routes::SignedInProblems;
use crate::routes::data_lake::generations::problem;

/// Longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// How to switch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchRequest {
    /// Switch also if something differs that nothing explains, for this reason. It stays on record.
    pub accept_unexplained: Option<String>,
}

/// Stop a replay, and drop what it has built
#[utoipa::path(post, path = "/api/data-lake/replays/{replay}/cancel", tag = "data-lake",
    params(("replay" = String, Path, description = "Id of the replay")),
    responses(
        (status = 202, description = "Asked for", body = ReplaySummary),
        (status = 404, description = "replay-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "replay-over", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn cancel_replay(
    allowed: Allowed<OpsManage>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<ReplaySummary>), ApiError> {
    let by = &allowed.account.id;
    let entry = allowed.entry(Action::ReplayCancelled, Target::new(TargetKind::Replay, &id));
    let cancel = async { allowed.guarded().generations.cancel(&id, by).await.map_err(problem) };
    let replay = allowed.audited(entry, cancel).await?;
    tracing::info!(account.id = by, replay.id = id, "a replay is to be cancelled");
    answer(&allowed, &replay).await
}

/// Compare once more, and switch to what a replay has built
#[utoipa::path(post, path = "/api/data-lake/replays/{replay}/switch", tag = "data-lake",
    params(("replay" = String, Path, description = "Id of the replay")),
    request_body = SwitchRequest,
    responses(
        (status = 202, description = "Asked for", body = ReplaySummary),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "replay-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "replay-over, replay-not-ready", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn switch_replay(
    allowed: Allowed<OpsManage>,
    Path(id): Path<String>,
    Body(request): Body<SwitchRequest>,
) -> Result<(StatusCode, Json<ReplaySummary>), ApiError> {
    let accept = request.accept_unexplained.map(reason).transpose()?;
    let accepted = accept.is_some();
    let by = &allowed.account.id;
    let entry = allowed.entry(Action::ReplaySwitched, Target::new(TargetKind::Replay, &id));
    let entry = entry.detailed(Details::default().with("accept_unexplained", accepted));
    let switch = async { allowed.guarded().generations.switch(&id, accept, by).await.map_err(problem) };
    let replay = allowed.audited(entry, switch).await?;
    tracing::info!(account.id = by, replay.id = id, accepted, "a replay is to be switched to");
    answer(&allowed, &replay).await
}

fn reason(given: String) -> Result<String, ApiError> {
    let reason = given.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        let detail = format!("must have 1 to {LONGEST_REASON} characters: it says why.");
        return Err(ApiError::invalid_field("accept_unexplained", detail));
    }
    Ok(reason)
}

async fn answer(
    allowed: &Allowed<OpsManage>,
    replay: &Replay,
) -> Result<(StatusCode, Json<ReplaySummary>), ApiError> {
    let people = People::read(allowed).await?;
    Ok((StatusCode::ACCEPTED, Json(ReplaySummary::new(replay, &people))))
}
