//! `GET /api/sync/status`.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, SyncRead};
use crate::error::ApiError;
use crate::freshness::{Evidence, SourceState};
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::routes::sync::schedule::SourceSchedule;
use crate::sources::SourceSummary;
use crate::sync::{AlertCondition, Run};

/// Something that is wrong with a source.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceAlert {
    /// What.
    pub condition: AlertCondition,
    /// Since when that is known.
    pub since: Timestamp,
}

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
    /// What is wrong with it, as people were told.
    pub alerts: Vec<SourceAlert>,
    /// When it is read by itself.
    pub schedule: SourceSchedule,
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

/// The status of one source.
pub(in crate::routes) fn status_of(source: &SourceSummary, evidence: &Evidence) -> SourceStatus {
    let alerts =
        evidence.runs.alerts(&source.name).map(|(condition, since)| SourceAlert { condition, since });
    SourceStatus {
        name: source.name.clone(),
        kind: source.kind.clone(),
        title: source.title.clone(),
        url: source.url().to_owned(),
        state: evidence.state(&source.name),
        last_complete_sync: evidence.last_complete_sync(&source.name),
        alerts: alerts.collect(),
        schedule: SourceSchedule::of(source, &evidence.runs),
        current: evidence.runs.current(&source.name).cloned(),
        last: evidence.runs.last(&source.name).cloned(),
    }
}
