//! `GET /api/data-lake/health`: broker, store and sources, each with what to do. Answers also when they are down.

use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, DataLakeRead};
use crate::error::ApiError;
use crate::freshness::{Evidence, SourceState};
use crate::readiness::{HealthCheck, HealthStatus, worst};
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// Health of the parts.
#[derive(Debug, Serialize, ToSchema)]
pub struct LakeHealth {
    /// The worst of the checks.
    pub status: HealthStatus,
    /// One per part.
    pub checks: Vec<HealthCheck>,
}

/// Health of the parts
#[utoipa::path(get, path = "/api/data-lake/health", tag = "data-lake", responses(
    (status = 200, description = "OK", body = LakeHealth),
    SignedInProblems,
))]
pub(crate) async fn lake_health(allowed: Allowed<DataLakeRead>) -> Result<Reply<LakeHealth>, ApiError> {
    let probes = &allowed.app().probes;
    let (event_log, store, projections, raw_zone, evidence) = tokio::join!(
        probes.event_log(),
        probes.store(),
        probes.projections(),
        probes.raw_zone(),
        allowed.evidence()
    );
    let mut checks = vec![event_log, store, projections, raw_zone];
    match allowed.viewer().await {
        Ok(viewer) => {
            checks.push(HealthCheck::ok("generation", format!("g{} is active", viewer.active.canonical)))
        }
        Err(error) => checks.push(error.as_check("generation")),
    }
    if let Ok(evidence) = evidence {
        checks.extend(evidence.sources.iter().map(|source| source_check(&source.name, &evidence)));
    }
    Ok(Reply(LakeHealth { status: worst(&checks), checks }))
}

fn source_check(source: &str, evidence: &Evidence) -> HealthCheck {
    let name = format!("source:{source}");
    let run = format!("Run `salescommand sync run {source}`, or start a sync on the Sources page.");
    match evidence.state(source) {
        SourceState::Ok => HealthCheck::ok(&name, "the last sync is complete"),
        SourceState::Running => HealthCheck::ok(&name, "a sync is queued or running"),
        SourceState::NeverRun => HealthCheck::degraded(&name, "never synced", run),
        SourceState::Stale => HealthCheck::degraded(&name, "the last complete sync is too long ago", run),
        SourceState::Failing => {
            let error = evidence.runs.last(source).and_then(|run| run.error.as_ref());
            let detail = error.map_or("the last sync did not finish", |error| error.message.as_str());
            HealthCheck::degraded(&name, detail, error.map_or(run, |error| error.fix.clone()))
        }
    }
}
