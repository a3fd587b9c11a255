//! `DELETE /api/opportunities/{id}`: withdraws what was written here.
//!
//! A deal made here is deleted. Of a deal that a source has the edit is withdrawn, and all its fields follow the
//! source again: what a source has can be deleted there only.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use salescommand_domain::canonical::CrmOpportunity;
use salescommand_domain::raw::Position;

use super::record::{OpportunityAnswer, Record, answer_write};
use crate::access::{Allowed, RecordsWrite};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::routes::SignedInProblems;
use crate::writes::{RecordWrite, Ticket, WriteAccepted, publish};

/// Withdraw an edit, or delete a deal made here
#[utoipa::path(delete, path = "/api/opportunities/{id}", tag = "opportunities",
    params(
        ("id" = String, Path, description = "Golden id, or the id of any record joined in it"),
        ("If-Match" = String, Header, description = "ETag of the record as it was read"),
    ),
    responses(
        (status = 200, description = "Withdrawn; the record as it is now", body = OpportunityAnswer),
        (status = 202, description = "Published; the token tells where it is", body = WriteAccepted),
        (status = 404, description = "unknown-record", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "nothing-to-withdraw", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "stale-version", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "version-required", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn withdraw_opportunity(
    allowed: Allowed<RecordsWrite>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let viewer = allowed.viewer().await?;
    let record = Record::find(&viewer, &id).await?;
    let seen = record.expected(&allowed, &headers)?;
    let (withdrawn, expected) = withdrawn(&record, seen)?;
    let write = RecordWrite {
        record: withdrawn,
        expected,
        fields: None,
        at: allowed.app().clock.now(),
        author: allowed.account.id.clone(),
    };
    let position = publish(&allowed, write).await?;
    let id = record.golden.id.to_string();
    tracing::info!(
        account.id = allowed.account.id,
        opportunity.id = id,
        "what was written of an opportunity was withdrawn"
    );
    answer_write(&allowed, Ticket::new(&allowed.account.id, id, position), StatusCode::OK).await
}

/// Which record goes, and at which version.
fn withdrawn(
    record: &Record,
    seen: Option<Position>,
) -> Result<(CrmOpportunity, Option<Position>), ApiError> {
    let edited = record.edit().is_some_and(|edit| !edit.deleted);
    if edited && record.is_of_a_source() {
        return Ok((CrmOpportunity::Edit(record.target()), seen));
    }
    // A deal of one's own goes as it is now: that somebody has edited it since is told by the edit's version.
    if record.edit().map(|edit| edit.position) != seen {
        return Err(ApiError::stale());
    }
    let deal = record.own_deals().next().map(|(deal, facet)| (deal, Some(facet.position)));
    deal.ok_or_else(ApiError::nothing_to_withdraw)
}
