//! `GET /api/sync/history`: finished runs, newest first.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::{Allowed, SyncRead};
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::reply::Reply;
use crate::sync::Run;

const DEFAULT_LIMIT: u32 = 20;
const LARGEST_LIMIT: u32 = 200;

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryParameters {
    /// Only this source's
    source: Option<String>,
    /// Most runs, default 20
    #[param(minimum = 1, maximum = 200, value_type = Option<i32>)]
    limit: Option<u32>,
}

/// Newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncHistory {
    /// Finished runs.
    pub runs: Vec<Run>,
}

/// Past runs, newest first
#[utoipa::path(get, path = "/api/sync/history", tag = "sync", params(HistoryParameters), responses(
    (status = 200, description = "OK", body = SyncHistory),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    crate::routes::SignedInProblems,
))]
pub(crate) async fn sync_history(
    allowed: Allowed<SyncRead>,
    Parameters(wanted): Parameters<HistoryParameters>,
) -> Result<Reply<SyncHistory>, ApiError> {
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::malformed_query(format!("limit must be 1 to {LARGEST_LIMIT}.")));
    }
    let book = allowed.guarded().runs.book().await.map_err(ApiError::broker)?;
    let runs = book.history().filter(|run| wanted.source.as_ref().is_none_or(|source| *source == run.source));
    Ok(Reply(SyncHistory { runs: runs.take(limit as usize).cloned().collect() }))
}
