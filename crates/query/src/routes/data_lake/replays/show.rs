//! `GET /api/data-lake/replays/{replay}`: one replay with what its comparison has shown.

use serde::Serialize;
use utoipa::ToSchema;

use super::ReplaySummary;
use super::comparison::ComparisonDetail;
use super::people::People;
use crate::access::{Allowed, OpsRead};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// A replay with its comparison.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayDetail {
    /// The replay.
    pub replay: ReplaySummary,
    /// What its last comparison has shown; none before the first.
    pub comparison: Option<ComparisonDetail>,
}

/// One replay with its comparison
#[utoipa::path(get, path = "/api/data-lake/replays/{replay}", tag = "data-lake",
    params(("replay" = String, Path, description = "Id of the replay")),
    responses(
        (status = 200, description = "OK", body = ReplayDetail),
        (status = 404, description = "replay-unknown", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn replay_detail(
    allowed: Allowed<OpsRead>,
    Path(id): Path<String>,
) -> Result<Reply<ReplayDetail>, ApiError> {
    let found = allowed.guarded().registry.replay(&id).await.map_err(ApiError::store)?;
    let replay = found.ok_or_else(ApiError::replay_unknown)?;
    let people = People::read(&allowed).await?;
    Ok(Reply(ReplayDetail {
        comparison: replay.comparison.as_ref().map(ComparisonDetail::from),
        replay: ReplaySummary::new(&replay, &people),
    }))
}
