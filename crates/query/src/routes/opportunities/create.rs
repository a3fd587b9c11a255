//! `POST /api/opportunities`: a deal made in SalesCommand.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use salescommand_domain::canonical::CrmOpportunity;
use serde_json::Value;

use super::change::{Author, Change, OpportunityFields, check};
use super::record::{OpportunityAnswer, answer_write};
use crate::access::{Allowed, RecordsWrite};
use crate::error::{ApiError, Problem};
use crate::extract::Body;
use crate::routes::SignedInProblems;
use crate::writes::{RecordWrite, Ticket, WriteAccepted, publish};

/// Make an opportunity
#[utoipa::path(post, path = "/api/opportunities", tag = "opportunities", request_body = OpportunityFields,
    responses(
        (status = 201, description = "Made; Location and ETag are those of the record", body = OpportunityAnswer),
        (status = 202, description = "Published; the token tells where it is", body = WriteAccepted),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields, write-rejected", body = Problem,
            content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn make_opportunity(
    allowed: Allowed<RecordsWrite>,
    Body(body): Body<Value>,
) -> Result<Response, ApiError> {
    let viewer = allowed.viewer().await?;
    let author = Author { by: allowed.account.person_facet, at: allowed.app().clock.now() };
    let fields = Change::read_new(&body, author)?;
    check(&fields, None, &viewer, "")?;
    let record = CrmOpportunity::Deal(allowed.app().ids.ordered());
    let write = RecordWrite {
        record,
        expected: None,
        fields: Some(fields),
        at: author.at,
        author: allowed.account.id.clone(),
    };
    let position = publish(&allowed, write).await?;
    let id = record.source().facet_id().to_string();
    tracing::info!(account.id = allowed.account.id, opportunity.id = id, "an opportunity was made");
    let location = HeaderValue::from_str(&format!("/api/opportunities/{id}")).map_err(ApiError::internal)?;
    let ticket = Ticket::new(&allowed.account.id, id, position);
    let mut response = answer_write(&allowed, ticket, StatusCode::CREATED).await?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
