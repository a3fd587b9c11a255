//! `POST /api/data-lake/replays`: asks for a replay or a verification.
//!
//! Two who ask at the same moment may both find no open one; they get two, one after the other, and lose time only.

use axum::Json;
use axum::http::StatusCode;
use salescommand_domain::audit::{Action, Details, Target, TargetKind};
use salescommand_domain::generation as domain;
use salescommand_domain::raw::InstanceName;
use serde::Deserialize;
use utoipa::ToSchema;

use super::people::People;
use super::{ReplayKind, ReplaySummary};
use crate::access::{Allowed, OpsManage};
use crate::error::{ApiError, Problem};
use crate::extract::Body;
use crate::generations::ReplayOrder;
use crate::routes::SignedInProblems;
use crate::routes::data_lake::generations::problem;

/// What to replay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// What is replayed.
    pub kind: ReplayKind,
    /// Which source instance, for the kind `source`.
    pub source: Option<String>,
    /// Which projection, for the kind `projection`.
    pub projection: Option<String>,
    /// Switch by itself if the gate is open: if all is equal, or a changed definition explains every difference.
    #[serde(default)]
    #[schema(required = false)]
    pub switch: bool,
}

impl ReplayRequest {
    fn kind(self) -> Result<domain::ReplayKind, ApiError> {
        let only = |field: &str| ApiError::invalid_field(field, format!("goes with kind {field} only."));
        let missing = |field: &str| ApiError::invalid_field(field, format!("is missing: kind is {field}."));
        let (kind, source, projection) = (self.kind, self.source, self.projection);
        if source.is_some() && kind != ReplayKind::Source {
            return Err(only("source"));
        }
        if projection.is_some() && kind != ReplayKind::Projection {
            return Err(only("projection"));
        }
        match kind {
            ReplayKind::Raw => Ok(domain::ReplayKind::Raw),
            ReplayKind::Source => {
                let name = source.ok_or_else(|| missing("source"))?;
                let source = InstanceName::new(&*name).map_err(|_| ApiError::source_unknown(&name))?;
                Ok(domain::ReplayKind::Source { source })
            }
            ReplayKind::Projection => {
                let projection = projection.ok_or_else(|| missing("projection"))?;
                Ok(domain::ReplayKind::Projection { projection })
            }
            ReplayKind::Verify if self.switch => Err(ApiError::invalid_field(
                "switch",
                "a verification builds nothing to switch to; leave it out.",
            )),
            ReplayKind::Verify => Ok(domain::ReplayKind::Verify),
        }
    }
}

/// Start a replay or a verification
#[utoipa::path(post, path = "/api/data-lake/replays", tag = "data-lake", request_body = ReplayRequest, responses(
    (status = 202, description = "Asked for", body = ReplaySummary),
    (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "source-unknown, projection-unknown", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "replay-already-open, erasure-open", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn start_replay(
    allowed: Allowed<OpsManage>,
    Body(request): Body<ReplayRequest>,
) -> Result<(StatusCode, Json<ReplaySummary>), ApiError> {
    let switch = request.switch;
    let kind = request.kind()?;
    let open = allowed.guarded().registry.open_replays().await.map_err(ApiError::store)?;
    if let Some(same) = open.iter().find(|replay| replay.kind == kind) {
        return Err(ApiError::replay_already_open(&same.id));
    }
    let (id, by) = (allowed.app().ids.ordered().to_string(), allowed.account.id.clone());
    let order = ReplayOrder { id, kind, switch, by, at: allowed.app().clock.now() };
    let details = Details::default().kind(kind_word(&order.kind)).with("switch", switch);
    let target = Target::new(TargetKind::Replay, &order.id);
    let entry = allowed.entry(Action::ReplayStarted, target).detailed(details);
    let ask = async { allowed.guarded().generations.request(order).await.map_err(problem) };
    let replay = allowed.audited(entry, ask).await?;
    tracing::info!(account.id = allowed.account.id, replay.id = replay.id, kind = ?replay.kind, switch, "a replay was asked for");
    let people = People::read(&allowed).await?;
    Ok((StatusCode::ACCEPTED, Json(ReplaySummary::new(&replay, &people))))
}

fn kind_word(kind: &domain::ReplayKind) -> &'static str {
    match kind {
        domain::ReplayKind::Raw => "raw",
        domain::ReplayKind::Source { .. } => "source",
        domain::ReplayKind::Projection { .. } => "projection",
        domain::ReplayKind::Verify => "verify",
    }
}
