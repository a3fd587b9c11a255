//! `POST /api/opportunities`: a deal made in SalesCommand.
//!
//! With an `Idempotency-Key` the record's key is derived from the author and that key, and the broker takes one first
//! event of it: so a request that is repeated makes nothing new, whatever became of the answer before, and whichever
//! process gets it.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use salescommand_domain::canonical::CrmOpportunity;
use salescommand_domain::raw::Position;
use serde_json::Value;

use super::change::{Author, Change, OpportunityFields, check};
use super::record::{OpportunityAnswer, answer_write};
use crate::access::{Allowed, RecordsWrite};
use crate::error::{ApiError, Problem};
use crate::extract::Body;
use crate::routes::SignedInProblems;
use crate::writes::{RecordWrite, Ticket, WriteAccepted, made_before, publish, publish_once};

/// The header, as HTTP spells it.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Its longest value.
const LONGEST_KEY: usize = 255;

/// Make an opportunity
#[utoipa::path(post, path = "/api/opportunities", tag = "opportunities", request_body = OpportunityFields,
    params((
        "Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]([ -~]{0,253}[!-~])?$",
        description = "1 to 255 printable ASCII characters of your choice. Repeated with the same key and body, the request makes nothing new and is answered with the deal that was made",
    )),
    responses(
        (status = 201, description = "Made, now or by the same request before; Location and ETag are those of the record",
            body = OpportunityAnswer),
        (status = 202, description = "Published; the token tells where it is", body = WriteAccepted),
        (status = 400, description = "malformed-body, malformed-idempotency-key", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields, write-rejected, idempotency-key-reused", body = Problem,
            content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn make_opportunity(
    allowed: Allowed<RecordsWrite>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Result<Response, ApiError> {
    let asked = asked_for(&allowed, &headers)?;
    let viewer = allowed.viewer().await?;
    let author = Author { by: allowed.account.person_facet, at: allowed.app().clock.now() };
    let fields = Change::read_new(&body, author)?;
    let record = asked.unwrap_or_else(|| CrmOpportunity::Deal(allowed.app().ids.ordered()));
    if asked.is_some()
        && let Some(position) = made_before(&allowed, &viewer, record, &fields).await?
    {
        // What was right then is not judged again: a stage may have gone since.
        return answer(&allowed, record, position).await;
    }
    check(&fields, None, &viewer, "")?;
    let write = RecordWrite {
        record,
        expected: None,
        fields: Some(fields),
        at: author.at,
        author: allowed.account.id.clone(),
    };
    let position = match asked {
        Some(_) => publish_once(&allowed, write).await?,
        None => publish(&allowed, write).await?,
    };
    let id = record.source().facet_id();
    tracing::info!(account.id = allowed.account.id, opportunity.id = %id, "an opportunity was made");
    answer(&allowed, record, position).await
}

/// The record that a request with an `Idempotency-Key` asks for; none without one.
fn asked_for(
    allowed: &Allowed<RecordsWrite>,
    headers: &HeaderMap,
) -> Result<Option<CrmOpportunity>, ApiError> {
    let Some(given) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = given.to_str().unwrap_or_default().trim();
    if !(1..=LONGEST_KEY).contains(&key.len()) {
        return Err(ApiError::malformed_idempotency_key(LONGEST_KEY));
    }
    Ok(Some(CrmOpportunity::asked_for(&allowed.account.id, key)))
}

async fn answer(
    allowed: &Allowed<RecordsWrite>,
    record: CrmOpportunity,
    position: Position,
) -> Result<Response, ApiError> {
    let id = record.source().facet_id().to_string();
    let location = HeaderValue::from_str(&format!("/api/opportunities/{id}")).map_err(ApiError::internal)?;
    let ticket = Ticket::new(&allowed.account.id, id, position);
    let mut response = answer_write(allowed, ticket, StatusCode::CREATED).await?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
