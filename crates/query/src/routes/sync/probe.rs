//! `/api/sync/sources/{source}/test` and `…/discover`: looking at a source through its connector.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, OpsManage};
use crate::connectors::{SourceCheck, SourceObject, works};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::routes::SignedInProblems;
use crate::sources::OpenedSource;

/// A connection test.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceTest {
    /// Whether the source can be read. A warning says what is lost all the same.
    pub works: bool,
    /// Its steps.
    pub checks: Vec<SourceCheck>,
}

/// What a source has.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceObjects {
    /// In the order of reading.
    pub objects: Vec<SourceObject>,
    /// Requests to read everything once, as far as the source says how much there is.
    #[schema(format = Int64)]
    pub calls: u64,
    /// Seconds that takes, by the first page of each object.
    pub seconds: f64,
}

/// Test the connection to a source, step by step
#[utoipa::path(post, path = "/api/sync/sources/{source}/test", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    responses(
        (status = 200, description = "Tested", body = SourceTest),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "source-sealed", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn test_source(
    allowed: Allowed<OpsManage>,
    Path(name): Path<String>,
) -> Result<Json<SourceTest>, ApiError> {
    test(&allowed, &name).await.map(Json)
}

/// Tests the connection to a source.
pub(in crate::routes) async fn test(
    allowed: &Allowed<OpsManage>,
    name: &str,
) -> Result<SourceTest, ApiError> {
    let source = open(allowed, name).await?;
    let checks = allowed.guarded().connectors.test(source).await.map_err(ApiError::connector)?;
    Ok(SourceTest { works: works(&checks), checks })
}

/// What a source has: objects, fields, a sample of each, and what reading all of it takes
#[utoipa::path(post, path = "/api/sync/sources/{source}/discover", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    responses(
        (status = 200, description = "Looked at", body = SourceObjects),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "source-sealed", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "source-failed", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn discover_source(
    allowed: Allowed<OpsManage>,
    Path(name): Path<String>,
) -> Result<Json<SourceObjects>, ApiError> {
    discover(&allowed, &name).await.map(Json)
}

/// Looks at what a source has.
pub(in crate::routes) async fn discover(
    allowed: &Allowed<OpsManage>,
    name: &str,
) -> Result<SourceObjects, ApiError> {
    let source = open(allowed, name).await?;
    let objects = allowed.guarded().connectors.discover(source).await.map_err(ApiError::connector)?;
    let calls = objects.iter().filter_map(|object| object.calls).sum();
    let seconds = objects.iter().filter_map(|object| object.seconds).sum();
    Ok(SourceObjects { objects, calls, seconds })
}

async fn open(allowed: &Allowed<OpsManage>, name: &str) -> Result<OpenedSource, ApiError> {
    allowed.guarded().sources.open(name).await.map_err(ApiError::sources)
}
