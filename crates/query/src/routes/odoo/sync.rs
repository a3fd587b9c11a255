//! `POST /api/odoo/sources/{source}/sync`.

use axum::Json;
use axum::http::StatusCode;

use super::require;
use crate::access::{Allowed, SyncTrigger};
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::routes::SignedInProblems;
use crate::routes::sync::trigger::{SyncScope, SyncTriggered, sync};

/// Start a sync of an Odoo
///
/// As `POST /api/sync/trigger`.
#[utoipa::path(post, path = "/api/odoo/sources/{source}/sync", tag = "odoo",
    params(("source" = String, Path, description = "The source")),
    request_body = SyncScope,
    responses(
        (status = 202, description = "Queued", body = SyncTriggered),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "sync-already-running", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn sync_odoo_source(
    allowed: Allowed<SyncTrigger>,
    Path(name): Path<String>,
    Body(scope): Body<SyncScope>,
) -> Result<(StatusCode, Json<SyncTriggered>), ApiError> {
    require(&allowed, &name).await?;
    sync(&allowed, name, scope).await
}
