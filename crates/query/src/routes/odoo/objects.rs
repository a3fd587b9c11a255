//! `GET /api/odoo/sources/{source}/objects`.

use axum::Json;

use super::require;
use crate::access::{Allowed, OpsManage};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::routes::SignedInProblems;
use crate::routes::sync::probe::{SourceObjects, discover};

/// The objects and fields of an Odoo, and what becomes of them
///
/// Asks that Odoo, as `POST /api/sync/sources/{source}/discover` does: labels and types are those of its database. Each object
/// says which entities its records become, each field which canonical fields it decides.
#[utoipa::path(get, path = "/api/odoo/sources/{source}/objects", tag = "odoo",
    params(("source" = String, Path, description = "The source")),
    responses(
        (status = 200, description = "OK", body = SourceObjects),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "source-sealed", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "source-failed", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn odoo_objects(
    allowed: Allowed<OpsManage>,
    Path(name): Path<String>,
) -> Result<Json<SourceObjects>, ApiError> {
    require(&allowed, &name).await?;
    discover(&allowed, &name).await.map(Json)
}
