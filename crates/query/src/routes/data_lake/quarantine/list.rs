//! `GET /api/data-lake/quarantine`: rejects by state, source and reason, page by page, with counts per reason.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use salescommand_domain::raw::{InstanceName, RawPosition};
use salescommand_store::{Condition, Direction, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Reject, RejectState, StoredReject, collection};
use crate::access::{Allowed, OpsRead};
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::freshness::Meta;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::viewer::Viewer;

const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 200;

/// The reasons that there are; others, from another program, are counted together.
const REASONS: [&str; 17] = [
    "future_format",
    "future_payload_schema",
    "key_mismatch",
    "malformed_envelope",
    "mapper_panic",
    "mapping_failed",
    "mapping_limit",
    "missing_field",
    "no_mapping",
    "out_of_range",
    "payload_not_loaded",
    "payload_stored",
    "reserved_connector",
    "unknown_field",
    "unknown_object",
    "wrong_subject",
    "wrong_type",
];

/// Which rejects.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuarantineParameters {
    /// Only in this state
    state: Option<RejectState>,
    /// Only of this source instance
    #[param(pattern = "^[a-z][a-z0-9-]{0,31}$")]
    source: Option<String>,
    /// Only with this reason
    reason: Option<String>,
    /// Rows per page, default 50
    #[param(minimum = 1, maximum = 200, value_type = Option<i32>)]
    limit: Option<usize>,
    /// next_cursor of the page before
    cursor: Option<String>,
}

/// How many rejects have a reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonCount {
    /// The reason; `other` for all that this program does not know.
    pub reason: String,
    /// How many.
    #[schema(format = Int64)]
    pub count: u64,
}

/// A page of rejects.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuarantinePage {
    /// Freshness.
    pub meta: Meta,
    /// The rejects, by id.
    pub items: Vec<Reject>,
    /// Counts per reason under the filters of state and source; none are left out.
    pub counts: Vec<ReasonCount>,
    /// Cursor of the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// Rejected raw events
#[utoipa::path(get, path = "/api/data-lake/quarantine", tag = "data-lake", params(QuarantineParameters), responses(
    (status = 200, description = "OK", body = QuarantinePage),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn quarantine(
    allowed: Allowed<OpsRead>,
    Parameters(wanted): Parameters<QuarantineParameters>,
) -> Result<Reply<QuarantinePage>, ApiError> {
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::malformed_query(format!("limit must be 1 to {LARGEST_LIMIT}.")));
    }
    let filters = filters(&wanted)?;
    let (viewer, evidence) = tokio::try_join!(allowed.viewer(), allowed.evidence())?;
    let mut query = filters.clone().sorted("_id", Direction::Ascending).limited(limit + 1);
    if let Some(reason) = &wanted.reason {
        query = query.with(Condition::Eq("reason".to_owned(), reason.as_str().into()));
    }
    if let Some(cursor) = &wanted.cursor {
        query = query.with(Condition::Gt("_id".to_owned(), read_cursor(cursor)?.into()));
    }
    let mut found: Vec<StoredReject> = viewer.documents(&collection(&viewer), &query).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| BASE64_URL_SAFE_NO_PAD.encode(&last.id));
    let counts = counts(&viewer, &filters).await?;
    let items = found.into_iter().map(Reject::from).collect();
    Ok(Reply(QuarantinePage { meta: evidence.meta(&viewer), items, counts, next_cursor }))
}

async fn counts(viewer: &Viewer, filters: &Query) -> Result<Vec<ReasonCount>, ApiError> {
    let mut counts = Vec::new();
    let mut rest = viewer.count(&collection(viewer), filters).await?;
    for reason in REASONS {
        if rest == 0 {
            break;
        }
        let of_reason = filters.clone().with(Condition::Eq("reason".to_owned(), reason.into()));
        let count = viewer.count(&collection(viewer), &of_reason).await?;
        rest = rest.saturating_sub(count);
        counts.push(ReasonCount { reason: reason.to_owned(), count });
    }
    counts.push(ReasonCount { reason: "other".to_owned(), count: rest });
    counts.retain(|of_reason| of_reason.count > 0);
    Ok(counts)
}

fn filters(wanted: &QuarantineParameters) -> Result<Query, ApiError> {
    let mut query = Query::all();
    if let Some(state) = wanted.state {
        query = query.with(Condition::Eq("state".to_owned(), state.word().into()));
    }
    if let Some(source) = &wanted.source {
        let name = InstanceName::new(&**source);
        name.map_err(|error| ApiError::malformed_query(format!("source: {error}.")))?;
        // Ids begin with the instance and a slash; the character behind the slash ends the range.
        query = query
            .with(Condition::Gte("_id".to_owned(), format!("{source}/").into()))
            .with(Condition::Lt("_id".to_owned(), format!("{source}0").into()));
    }
    Ok(query)
}

fn read_cursor(cursor: &str) -> Result<String, ApiError> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.filter(|text| text.parse::<RawPosition>().is_ok())
        .ok_or_else(|| ApiError::malformed_query("cursor must be the next_cursor of a page."))
}
