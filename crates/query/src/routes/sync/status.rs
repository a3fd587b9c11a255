//! `GET /api/sync/status`.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, SyncRead};
use crate::error::ApiError;
use crate::freshness::{Evidence, SourceState};
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::sources::SourceSummary;
use crate::sync::Run;

/// One source with its runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceStatus {
    /// The source.
    pub name: String,
    /// Connector kind.
    pub kind: String,
    /// Name for people.
    pub title: String,
    /// Its address.
    pub url: String,
    /// Its state.
    pub state: SourceState,
    /// When the last complete sync ended.
    pub last_complete_sync: Option<Timestamp>,
    /// The run that is queued or under way.
    pub current: Option<Run>,
    /// The last finished run.
    pub last: Option<Run>,
}

/// Each source with its current and last run.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncStatus {
    /// By name.
    pub sources: Vec<SourceStatus>,
}

/// Each source with its current and last run
#[utoipa::path(get, path = "/api/sync/status", tag = "sync", responses(
    (status = 200, description = "OK", body = SyncStatus),
    SignedInProblems,
))]
pub(crate) async fn sync_status(allowed: Allowed<SyncRead>) -> Result<Reply<SyncStatus>, ApiError> {
    let evidence = allowed.present_evidence().await?;
    let sources = evidence.sources.iter().map(|source| status_of(source, &evidence));
    Ok(Reply(SyncStatus { sources: sources.collect() }))
}

fn status_of(source: &SourceSummary, evidence: &Evidence) -> SourceStatus {
    SourceStatus {
        name: source.name.clone(),
        kind: source.kind.clone(),
        title: source.title.clone(),
        url: source.url().to_owned(),
        state: evidence.state(&source.name),
        last_complete_sync: evidence.last_complete_sync(&source.name),
        current: evidence.runs.current(&source.name).cloned(),
        last: evidence.runs.last(&source.name).cloned(),
    }
}
