//! `GET /api/data-lake/replays`: replays and verifications, the newest first.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::people::People;
use super::{ReplayKind, ReplaySummary};
use crate::access::{Allowed, OpsRead};
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

const DEFAULT_LIMIT: usize = 20;
const LARGEST_LIMIT: usize = 200;

/// Which replays.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplayParameters {
    /// Only of this kind: `verify` for verifications with their results
    kind: Option<ReplayKind>,
    /// Most replays, default 20
    #[param(minimum = 1, maximum = 200, value_type = Option<i32>)]
    limit: Option<usize>,
}

/// Newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayList {
    /// The replays.
    pub items: Vec<ReplaySummary>,
}

/// Replays and verifications, the newest first
#[utoipa::path(get, path = "/api/data-lake/replays", tag = "data-lake", params(ReplayParameters), responses(
    (status = 200, description = "OK", body = ReplayList),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn replays(
    allowed: Allowed<OpsRead>,
    Parameters(wanted): Parameters<ReplayParameters>,
) -> Result<Reply<ReplayList>, ApiError> {
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::malformed_query(format!("limit must be 1 to {LARGEST_LIMIT}.")));
    }
    let held = allowed.guarded().registry.replays().await.map_err(ApiError::store)?;
    let people = People::read(&allowed).await?;
    let found = held.iter().filter(|replay| wanted.kind.is_none_or(|kind| kind == (&replay.kind).into()));
    let items = found.take(limit).map(|replay| ReplaySummary::new(replay, &people)).collect();
    Ok(Reply(ReplayList { items }))
}
