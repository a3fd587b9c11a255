//! `GET /api/data-lake/epochs`: the streams that each raw log consists of, and where each is.

use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, OpsRead};
use crate::error::ApiError;
use crate::raw_zone::EpochSummary;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// The epochs of all raw logs.
#[derive(Debug, Serialize, ToSchema)]
pub struct EpochList {
    /// By instance and number.
    pub items: Vec<EpochSummary>,
}

/// Epochs of the raw logs
#[utoipa::path(get, path = "/api/data-lake/epochs", tag = "data-lake", responses(
    (status = 200, description = "OK", body = EpochList),
    SignedInProblems,
))]
pub(crate) async fn epochs(allowed: Allowed<OpsRead>) -> Result<Reply<EpochList>, ApiError> {
    let items = allowed.guarded().raw_zone.epochs().await.map_err(ApiError::broker)?;
    Ok(Reply(EpochList { items }))
}
