//! `POST /api/sync/runs/{run}/cancel`.

use axum::Json;
use axum::http::StatusCode;
use salescommand_domain::audit::{Action, Target, TargetKind};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem;
use crate::access::{Allowed, SyncTrigger};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::sync::CancelOutcome;

/// A run that was cancelled.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncCancelled {
    /// Its id.
    pub run_id: String,
    /// What became of it.
    pub outcome: CancelOutcome,
}

/// Cancel a run
///
/// What it has published stays; the next run goes on from there.
#[utoipa::path(post, path = "/api/sync/runs/{run}/cancel", tag = "sync",
    params(("run" = String, Path, description = "Id of the run")),
    responses(
        (status = 202, description = "Cancelled, or about to be", body = SyncCancelled),
        (status = 404, description = "run-unknown", body = Problem, content_type = "application/problem+json"),
        crate::routes::SignedInProblems,
    ))]
pub(crate) async fn sync_cancel(
    allowed: Allowed<SyncTrigger>,
    Path(run): Path<String>,
) -> Result<(StatusCode, Json<SyncCancelled>), ApiError> {
    let run_id: Uuid = run.parse().map_err(|_| ApiError::run_unknown(&run))?;
    let entry = allowed.entry(Action::SyncCancelled, Target::new(TargetKind::Run, run_id.to_string()));
    let cancel = async {
        let cancelled = allowed.guarded().commands.cancel_sync(run_id).await;
        cancelled.map_err(|error| problem(error, &run))?.ok_or_else(|| ApiError::run_unknown(&run))
    };
    let outcome = allowed.audited(entry, cancel).await?;
    tracing::info!(account.id = allowed.account.id, run.id = %run_id, ?outcome, "a sync was cancelled");
    Ok((StatusCode::ACCEPTED, Json(SyncCancelled { run_id: run_id.to_string(), outcome })))
}
