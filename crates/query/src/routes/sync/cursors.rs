//! `GET /api/sync/sources/{source}/cursors` and `POST /api/sync/sources/{source}/cursors/reset`.

use axum::Json;
use salescommand_domain::audit::{Action, Details, Target};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem;
use crate::access::{Allowed, OpsManage, OpsRead};
use crate::cursors::SourceCursor;
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::reply::Reply;

/// How far each object of a source has been read.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceCursors {
    /// By object; one that was never read has none.
    pub cursors: Vec<SourceCursor>,
}

/// Which cursors to reset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CursorReset {
    /// Of these objects; of all if none is named.
    pub objects: Option<Vec<String>>,
}

/// What the next run reads as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct CursorsReset {
    /// The objects whose cursors were reset.
    pub objects: Vec<String>,
}

/// How far each object of a source has been read
#[utoipa::path(get, path = "/api/sync/sources/{source}/cursors", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    responses(
        (status = 200, description = "OK", body = SourceCursors),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        crate::routes::SignedInProblems,
    ))]
pub(crate) async fn source_cursors(
    allowed: Allowed<OpsRead>,
    Path(source): Path<String>,
) -> Result<Reply<SourceCursors>, ApiError> {
    Ok(Reply(SourceCursors { cursors: cursors(&allowed, &source).await? }))
}

/// Reset cursors
///
/// The next run reads everything of these objects again. The raw zone stays, and what is read again and has not changed is not
/// published a second time. A run under way goes on to its end, and does not undo the reset.
#[utoipa::path(post, path = "/api/sync/sources/{source}/cursors/reset", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    request_body = CursorReset,
    responses(
        (status = 200, description = "Reset", body = CursorsReset),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "source-unknown, cursor-unknown", body = Problem, content_type = "application/problem+json"),
        crate::routes::SignedInProblems,
    ))]
pub(crate) async fn reset_cursors(
    allowed: Allowed<OpsManage>,
    Path(source): Path<String>,
    Body(request): Body<CursorReset>,
) -> Result<Json<CursorsReset>, ApiError> {
    let objects = request.objects.unwrap_or_default();
    let known = cursors(&allowed, &source).await?;
    if let Some(unknown) = objects.iter().find(|object| known.iter().all(|cursor| cursor.object != **object))
    {
        return Err(ApiError::cursor_unknown(unknown));
    }
    let entry = allowed.entry(Action::SyncCursorReset, Target::source(&source));
    let entry = entry.detailed(Details::default().names(objects.iter().map(String::as_str)));
    let reset = async {
        let reset = allowed.guarded().commands.reset_cursors(&source, objects).await;
        reset.map_err(|error| problem(error, &source))
    };
    let objects = allowed.audited(entry, reset).await?;
    tracing::info!(account.id = allowed.account.id, source.name = source, ?objects, "cursors were reset");
    Ok(Json(CursorsReset { objects }))
}

async fn cursors<P>(allowed: &Allowed<P>, source: &str) -> Result<Vec<SourceCursor>, ApiError> {
    let guarded = allowed.guarded();
    guarded.sources.show(source).await.map_err(ApiError::sources)?;
    guarded.commands.cursors(source).await.map_err(|error| problem(error, source))
}
