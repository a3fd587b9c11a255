//! `/api/sync/sources/{source}/hook`: the key by which a source may hint at changes.

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use salescommand_domain::audit::{Action, Target};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, OpsManage};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::routes::SignedInProblems;

/// A web hook that was made. This is shown once: only a digest of the key is stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceHook {
    /// The source.
    pub source: String,
    /// Where it answers, key included, by `http.public_url`.
    pub url: String,
    /// The part of that behind the address of this service, should the source reach it under another one.
    pub path: String,
    /// The key alone, for whoever can send it as a bearer token to the path without its last segment.
    #[schema(format = Password)]
    pub key: String,
    /// When it was made.
    pub hooked_at: Option<Timestamp>,
}

/// Give a source a web hook
///
/// Makes the key by which the source may hint at changes. One that there was is worth nothing any more.
#[utoipa::path(post, path = "/api/sync/sources/{source}/hook", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    responses(
        (status = 200, description = "Made", body = SourceHook),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "source-hookless", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn rotate_hook(
    allowed: Allowed<OpsManage>,
    Path(name): Path<String>,
) -> Result<([(HeaderName, &'static str); 1], Json<SourceHook>), ApiError> {
    let guarded = allowed.guarded();
    let make = async { guarded.sources.rotate_hook(&name).await.map_err(ApiError::sources) };
    let (source, key) = allowed.audited(allowed.entry(Action::HookMade, Target::source(&name)), make).await?;
    tracing::info!(account.id = allowed.account.id, source.name = name, "a web hook was made");
    let path = key.path(&source.name);
    let hook = SourceHook {
        url: format!("{}{path}", guarded.public_url),
        path,
        key: key.expose().to_owned(),
        hooked_at: source.hooked_at,
        source: source.name,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(hook)))
}

/// Take a source's web hook away
///
/// Its key is worth nothing any more. What was hinted at before is still read.
#[utoipa::path(delete, path = "/api/sync/sources/{source}/hook", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    responses(
        (status = 204, description = "There is none any more"),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn close_hook(
    allowed: Allowed<OpsManage>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let close = async { allowed.guarded().sources.close_hook(&name).await.map_err(ApiError::sources) };
    allowed.audited(allowed.entry(Action::HookClosed, Target::source(&name)), close).await?;
    tracing::info!(account.id = allowed.account.id, source.name = name, "a web hook was taken away");
    Ok(StatusCode::NO_CONTENT)
}
