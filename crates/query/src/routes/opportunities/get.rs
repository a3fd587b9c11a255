//! `GET /api/opportunities/{id}`: one opportunity, by its golden id or by the id of any record joined in it.
//!
//! One that was merged into another one is gone, and the answer says into which, to whoever may see that one; to everybody
//! else it is absent.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::record::{OpportunityAnswer, Record};
use crate::access::{Allowed, DataLakeRead};
use crate::error::{ApiError, Problem};
use crate::extract::{Parameters, Path};
use crate::routes::SignedInProblems;
use crate::writes::{Ticket, WriteAccepted, WriteState};

/// Which write the reader waits for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WrittenParameters {
    /// The token of a write of yours; the answer then says where it stands
    written: Option<String>,
}

/// One opportunity
#[utoipa::path(get, path = "/api/opportunities/{id}", tag = "opportunities", operation_id = "opportunity",
    params(("id" = String, Path, description = "Golden id, or the id of any record joined in it"), WrittenParameters),
    responses(
        (status = 200, description = "OK; the ETag is the version that a change names in If-Match",
            body = OpportunityAnswer),
        (status = 202, description = "The record of the write is on its way", body = WriteAccepted),
        (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown-record", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "merged-away: `merged_into` is the opportunity that has its content", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "write-rejected", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn opportunity(
    allowed: Allowed<DataLakeRead>,
    Path(id): Path<String>,
    Parameters(wanted): Parameters<WrittenParameters>,
) -> Result<Response, ApiError> {
    let ticket = wanted.written.map(|token| Ticket::open(&allowed, &token)).transpose()?;
    let viewer = allowed.viewer().await?;
    let write = match &ticket {
        Some(ticket) => Some(ticket.state(&viewer).await?),
        None => None,
    };
    match (Record::find(&viewer, &id).await, &ticket) {
        (Err(_), Some(ticket)) if write == Some(WriteState::Waiting) && ticket.id == id => {
            Ok((StatusCode::ACCEPTED, axum::Json(ticket.accepted(&allowed)?)).into_response())
        }
        (record, _) => {
            let record = record?;
            record.not_merged_away(&viewer).await?;
            record.answer(&allowed, &viewer, StatusCode::OK, write).await
        }
    }
}
