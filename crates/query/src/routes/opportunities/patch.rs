//! `PATCH /api/opportunities/{id}`: sets, clears and gives back fields of an opportunity.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use salescommand_domain::canonical::CrmOpportunity;
use serde_json::Value;

use super::change::{Author, Change, OpportunityChange, check};
use super::record::{OpportunityAnswer, Record, answer_write};
use crate::access::{Allowed, RecordsWrite};
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::routes::SignedInProblems;
use crate::writes::{RecordWrite, Ticket, WriteAccepted, WriteState, publish};

/// Edit an opportunity
#[utoipa::path(patch, path = "/api/opportunities/{id}", tag = "opportunities", request_body = OpportunityChange,
    params(
        ("id" = String, Path, description = "Golden id, or the id of any record joined in it"),
        ("If-Match" = String, Header, description = "ETag of the record as it was read"),
    ),
    responses(
        (status = 200, description = "The change is in; the record as it is now", body = OpportunityAnswer),
        (status = 202, description = "Published; the token tells where it is", body = WriteAccepted),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown-record", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "stale-version", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields, write-rejected", body = Problem,
            content_type = "application/problem+json"),
        (status = 428, description = "version-required", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn edit_opportunity(
    allowed: Allowed<RecordsWrite>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Result<Response, ApiError> {
    let viewer = allowed.viewer().await?;
    let record = Record::find(&viewer, &id).await?;
    let expected = record.expected(&allowed, &headers)?;
    let author = Author { by: allowed.account.person_facet, at: allowed.app().clock.now() };
    let change = Change::read(&body, author)?;
    check(change.set(), Some(&record.golden), &viewer, "set.")?;
    let fields = change.applied(record.edited_fields());
    if fields.is_none() && record.edit().is_none_or(|edit| edit.deleted) {
        // Fields that nobody has edited were given back: the record is what its author wants already.
        return record.answer(&allowed, &viewer, StatusCode::OK, Some(WriteState::In)).await;
    }
    let write = RecordWrite {
        record: CrmOpportunity::Edit(record.target()),
        expected,
        fields,
        at: author.at,
        author: allowed.account.id.clone(),
    };
    let position = publish(&allowed, write).await?;
    let id = record.golden.id.to_string();
    tracing::info!(account.id = allowed.account.id, opportunity.id = id, "an opportunity was edited");
    answer_write(&allowed, Ticket::new(&allowed.account.id, id, position), StatusCode::OK).await
}
