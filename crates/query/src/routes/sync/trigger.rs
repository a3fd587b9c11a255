//! `POST /api/sync/trigger`: queues a run of one source.
//!
//! Two triggers at the same moment may both find no open run; the queue (message id, one run per source at a
//! time) decides then.

use axum::Json;
use axum::http::StatusCode;
use salescommand_domain::audit::{Action, Details, Target};
use salescommand_domain::raw::ObjectName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem;
use crate::access::{Allowed, SyncTrigger};
use crate::error::{ApiError, Problem};
use crate::extract::Body;
use crate::sync::SyncCommand;

/// What to sync.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncTriggerRequest {
    /// The source.
    pub source: String,
    /// Only these objects; all if none is named.
    pub objects: Option<Vec<String>>,
    /// Read all records, and not only what has changed since the last sync.
    #[serde(default)]
    pub full: bool,
    /// Retract what is gone from the source, even if that is a large share of its records.
    #[serde(default)]
    pub accept_deletions: bool,
    /// Read objects although fields of theirs are gone, no longer permitted, or have another type.
    #[serde(default)]
    pub accept_schema: bool,
}

/// What of a source to sync, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncScope {
    /// Only these objects; all if none is named.
    pub objects: Option<Vec<String>>,
    /// Read all records, and not only what has changed since the last sync.
    #[serde(default)]
    pub full: bool,
    /// Retract what is gone from the source, even if that is a large share of its records.
    #[serde(default)]
    pub accept_deletions: bool,
    /// Read objects although fields of theirs are gone, no longer permitted, or have another type.
    #[serde(default)]
    pub accept_schema: bool,
}

/// The run that was queued.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncTriggered {
    /// Its id.
    pub run_id: String,
    /// The source.
    pub source: String,
}

/// Start a sync
#[utoipa::path(post, path = "/api/sync/trigger", tag = "sync", request_body = SyncTriggerRequest, responses(
    (status = 202, description = "Queued", body = SyncTriggered),
    (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "sync-already-running", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
    crate::routes::SignedInProblems,
))]
pub(crate) async fn sync_trigger(
    allowed: Allowed<SyncTrigger>,
    Body(request): Body<SyncTriggerRequest>,
) -> Result<(StatusCode, Json<SyncTriggered>), ApiError> {
    let SyncTriggerRequest { source, objects, full, accept_deletions, accept_schema } = request;
    sync(&allowed, source, SyncScope { objects, full, accept_deletions, accept_schema }).await
}

/// Queues a sync of a source that somebody asked for.
pub(in crate::routes) async fn sync(
    allowed: &Allowed<SyncTrigger>,
    source: String,
    scope: SyncScope,
) -> Result<(StatusCode, Json<SyncTriggered>), ApiError> {
    let command = SyncCommand {
        run_id: allowed.app().ids.ordered(),
        source,
        objects: scope.objects.unwrap_or_default(),
        full: scope.full,
        accept_deletions: scope.accept_deletions,
        accept_schema: scope.accept_schema,
        backfill: None,
        requested_by: allowed.account.id.clone(),
    };
    queue(allowed, command).await
}

/// Queues a run of a source that is there and has none.
pub(super) async fn queue(
    allowed: &Allowed<SyncTrigger>,
    command: SyncCommand,
) -> Result<(StatusCode, Json<SyncTriggered>), ApiError> {
    if let Some(Err(error)) = command.objects.iter().map(|name| ObjectName::new(&**name)).find(Result::is_err)
    {
        return Err(ApiError::invalid_field("objects", error.to_string()));
    }
    let evidence = allowed.present_evidence().await?;
    let (run_id, source) = (command.run_id, command.source.clone());
    if !evidence.sources.iter().any(|known| known.name == source) {
        return Err(ApiError::source_unknown(&source));
    }
    if evidence.runs.current(&source).is_some() {
        return Err(ApiError::sync_already_running(&source));
    }
    let details = Details::default()
        .reference(&run_id.to_string())
        .names(command.objects.iter().map(String::as_str))
        .with("full", command.full)
        .with("accept_deletions", command.accept_deletions)
        .with("accept_schema", command.accept_schema)
        .with("backfill", command.backfill.is_some());
    let entry = allowed.entry(Action::SyncTriggered, Target::source(&source)).detailed(details);
    let enqueue = async {
        allowed.guarded().commands.enqueue_sync(command).await.map_err(|error| problem(error, &source))
    };
    allowed.audited(entry, enqueue).await?;
    tracing::info!(account.id = allowed.account.id, source.name = source, run.id = %run_id, "a sync was asked for");
    Ok((StatusCode::ACCEPTED, Json(SyncTriggered { run_id: run_id.to_string(), source })))
}
