//! `GET /api/opportunities`: deals within the reader's scope, page by page.
//!
//! Pages follow the id, so a deal that changes is neither missed nor shown twice. Leads and deleted deals are left out,
//! as they are in every figure.

use std::collections::BTreeSet;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bson::Bson;
use salescommand_domain::access::ScopeKey;
use salescommand_domain::canonical::{Entity, FacetId, Golden, Status};
use salescommand_store::{Condition, Direction, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::shown::{OpportunityItem, crm_facets, shown, status_of, status_word};
use crate::access::{Allowed, DataLakeRead};
use crate::directory::Directory;
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::freshness::Meta;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::writes::{Ticket, WriteState};

const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 200;
/// All that there are.
const STATUSES: [Status; 4] = [Status::Open, Status::Won, Status::Lost, Status::Archived];

/// Which deals.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    /// Only open, won, lost or archived ones
    #[param(pattern = "^(open|won|lost|archived)$")]
    status: Option<String>,
    /// Only those in this stage; `none` for those without one
    #[param(pattern = "^(none|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")]
    stage: Option<String>,
    /// Only this person's, by golden id or by the id of any of their records
    #[param(pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    owner: Option<String>,
    /// Rows per page, default 50
    #[param(minimum = 1, maximum = 200, value_type = Option<i32>)]
    limit: Option<usize>,
    /// next_cursor of the page before
    cursor: Option<String>,
    /// The token of a write of yours; the answer then says where it stands
    written: Option<String>,
}

/// A page of deals.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpportunityPage {
    /// Freshness.
    pub meta: Meta,
    /// The deals, by id.
    pub items: Vec<OpportunityItem>,
    /// Cursor of the next page; none after the last.
    pub next_cursor: Option<String>,
    /// Where the write is whose token was sent as `written`.
    pub write: Option<WriteState>,
}

/// Deals in the reader's scope
#[utoipa::path(get, path = "/api/opportunities", tag = "opportunities", params(ListParameters), responses(
    (status = 200, description = "OK", body = OpportunityPage),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "write-rejected", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn opportunities(
    allowed: Allowed<DataLakeRead>,
    Parameters(wanted): Parameters<ListParameters>,
) -> Result<Reply<OpportunityPage>, ApiError> {
    let ticket = wanted.written.as_deref().map(|token| Ticket::open(&allowed, token)).transpose()?;
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::malformed_query(format!("limit must be 1 to {LARGEST_LIMIT}.")));
    }
    let (viewer, evidence) = tokio::try_join!(allowed.viewer(), allowed.evidence())?;
    let write = match ticket {
        Some(ticket) => Some(ticket.state(&viewer).await?),
        None => None,
    };
    let query = query(&wanted, &viewer.directory)?.limited(limit + 1);
    let mut records: Vec<Golden> = viewer.golden(Entity::Opportunity, &query).await?;
    let more = records.len() > limit;
    records.truncate(limit);
    let next_cursor = records.last().filter(|_| more).map(|last| cursor(last.id));
    let written = crm_facets(&viewer, &records).await?;
    let items = records.iter().filter_map(|golden| shown(golden, &written, &viewer.directory)).collect();
    Ok(Reply(OpportunityPage { meta: evidence.meta(&viewer), items, next_cursor, write }))
}

fn query(wanted: &ListParameters, directory: &Directory) -> Result<Query, ApiError> {
    let eq = |field: &str, value: &str| Condition::Eq(field.to_owned(), Bson::from(value));
    let mut query = Query::all()
        .with(Condition::Eq("deleted".to_owned(), Bson::Boolean(false)))
        .with(eq("body.opportunity_kind", "opportunity"))
        .sorted("_id", Direction::Ascending);
    // Every status is asked for by name: behind equal values of all fields before it, the index has the ids in order.
    query = match &wanted.status {
        None => {
            let words = STATUSES.map(|status| Bson::from(status_word(status)));
            query.with(Condition::In("body.status".to_owned(), words.into()))
        }
        Some(status) => {
            let status = status_of(status)
                .ok_or_else(|| ApiError::malformed_query("status must be open, won, lost or archived."))?;
            query.with(eq("body.status", status_word(status)))
        }
    };
    match wanted.stage.as_deref() {
        None => {}
        Some("none") => query = query.with(Condition::Eq("body.stage".to_owned(), Bson::Null)),
        Some(stage) => query = query.with(eq("body.stage", &id("stage", stage)?.to_string())),
    }
    if let Some(owner) = &wanted.owner {
        let given = id("owner", owner)?;
        let person = directory.tree.person_of(given).unwrap_or(given);
        let facets: BTreeSet<FacetId> =
            directory.tree.facets_of(person).iter().copied().chain([given]).collect();
        // The scope key of an owned deal is its owner's, so the filter narrows what the indexes begin with.
        let keys = facets.iter().map(|facet| Bson::from(ScopeKey::owner(*facet).as_str())).collect();
        query = query.with(Condition::In("scope_key".to_owned(), keys));
    }
    if let Some(after) = &wanted.cursor {
        query = query.with(Condition::Gt("_id".to_owned(), Bson::from(read_cursor(after)?.to_string())));
    }
    Ok(query)
}

fn id(parameter: &str, text: &str) -> Result<FacetId, ApiError> {
    text.parse().map_err(|_| ApiError::malformed_query(format!("{parameter} must be an id.")))
}

fn cursor(last: FacetId) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("opportunities:{last}"))
}

fn read_cursor(cursor: &str) -> Result<FacetId, ApiError> {
    let malformed =
        || ApiError::malformed_query("cursor must be the next_cursor of a page of opportunities.");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| malformed())?;
    let text = String::from_utf8(bytes).map_err(|_| malformed())?;
    text.strip_prefix("opportunities:").and_then(|id| id.parse().ok()).ok_or_else(malformed)
}
