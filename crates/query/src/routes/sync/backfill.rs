//! `POST /api/sync/sources/{source}/backfill`: queues a run that reads what has changed within a range.

use axum::Json;
use axum::http::StatusCode;
use jiff::Timestamp;
use salescommand_domain::schedule::TimeRange;
use serde::Deserialize;
use utoipa::ToSchema;

use super::trigger::{SyncTriggered, queue};
use crate::access::{Allowed, SyncTrigger};
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::sync::SyncCommand;

/// What to read again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackfillRequest {
    /// Only these objects; all if none is named.
    pub objects: Option<Vec<String>>,
    /// What has last changed at this moment of the source's clock, or later,
    pub from: Timestamp,
    /// and before this one.
    pub to: Timestamp,
}

/// Read a range again
///
/// A run that reads what the source says has last changed within a range, and publishes what is new or differs. It moves no
/// cursor, and says nothing of what is gone.
#[utoipa::path(post, path = "/api/sync/sources/{source}/backfill", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    request_body = BackfillRequest,
    responses(
        (status = 202, description = "Queued", body = SyncTriggered),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "sync-already-running", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        crate::routes::SignedInProblems,
    ))]
pub(crate) async fn backfill(
    allowed: Allowed<SyncTrigger>,
    Path(source): Path<String>,
    Body(request): Body<BackfillRequest>,
) -> Result<(StatusCode, Json<SyncTriggered>), ApiError> {
    let range = TimeRange::new(request.from, request.to);
    let range = range.map_err(|error| ApiError::invalid_field("to", format!("{error}.")))?;
    let command = SyncCommand {
        run_id: allowed.app().ids.ordered(),
        source,
        objects: request.objects.unwrap_or_default(),
        full: false,
        accept_deletions: false,
        accept_schema: false,
        backfill: Some(range),
        requested_by: allowed.account.id.clone(),
    };
    queue(&allowed, command).await
}
