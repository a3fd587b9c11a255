//! `POST /api/odoo/sources/{source}/test`.

use axum::Json;

use super::require;
use crate::access::{Allowed, OpsManage};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::routes::SignedInProblems;
use crate::routes::sync::probe::{self, SourceTest};

/// Test the connection to an Odoo, right by right
///
/// As `POST /api/sync/sources/{source}/test`.
#[utoipa::path(post, path = "/api/odoo/sources/{source}/test", tag = "odoo",
    params(("source" = String, Path, description = "The source")),
    responses(
        (status = 200, description = "Tested", body = SourceTest),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "source-sealed", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn test_odoo_source(
    allowed: Allowed<OpsManage>,
    Path(name): Path<String>,
) -> Result<Json<SourceTest>, ApiError> {
    require(&allowed, &name).await?;
    probe::test(&allowed, &name).await.map(Json)
}
