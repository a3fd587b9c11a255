//! `GET /api/sync/runs/{run}/log`: what a run had to say.

use crate::access::{Allowed, SyncRead};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::reply::Reply;
use crate::run_log::RunLog;

/// What a run had to say
///
/// Waits, requests made again, records that could not be stored, fields that have changed or may not be read, objects that were
/// held back, and why: the last 200 lines. They are kept as long as the run is remembered.
#[utoipa::path(get, path = "/api/sync/runs/{run}/log", tag = "sync",
    params(("run" = String, Path, description = "Id of the run")),
    responses(
        (status = 200, description = "OK", body = RunLog),
        (status = 404, description = "run-unknown", body = Problem, content_type = "application/problem+json"),
        crate::routes::SignedInProblems,
    ))]
pub(crate) async fn sync_run_log(
    allowed: Allowed<SyncRead>,
    Path(run): Path<String>,
) -> Result<Reply<RunLog>, ApiError> {
    let log = allowed.guarded().runs.log_of(&run).await.map_err(ApiError::broker)?;
    log.map(Reply).ok_or_else(|| ApiError::run_unknown(&run))
}
