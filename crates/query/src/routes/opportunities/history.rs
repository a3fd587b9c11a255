//! `GET /api/opportunities/{id}/history`: how an opportunity became what it is, at two instants.
//!
//! `as_of` asks what was valid then, `known_at` what was known then; without them, now.

use std::collections::BTreeMap;

use bson::Bson;
use jiff::Timestamp;
use salescommand_domain::canonical::history::{HistoryField, HistoryRow, HistoryVersion, rows, state};
use salescommand_domain::canonical::{Entity, FacetId, Golden};
use salescommand_domain::serving::OpportunityVersion;
use salescommand_store::{Condition, Direction, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::record::Record;
use crate::access::{Allowed, DashboardRead};
use crate::error::{ApiError, Problem};
use crate::extract::{Parameters, Path};
use crate::freshness::Meta;
use crate::merged::name_of;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::viewer::Viewer;

/// The projection.
const OPPORTUNITY_HISTORY: &str = "opportunity_history";
/// Versions that are read at most.
const MOST_VERSIONS: usize = 5_000;

/// Which instants.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryParameters {
    /// What was valid then (RFC 3339); now if absent
    #[param(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
    /// What was known then (RFC 3339); now if absent
    #[param(value_type = Option<String>, format = DateTime)]
    known_at: Option<Timestamp>,
}

/// One field changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpportunityHistoryRow {
    /// The record it changed in: a facet id.
    pub facet: String,
    /// created, deleted, restored, kind, stage, status, amount, currency, probability, owner, team, close_date. A record that
    /// was merged is deleted to the record that has its content, and there merged_from is a row of its own.
    pub field: String,
    /// From which value; none for no value. A status that the stage decides is an object with in_won_stage and elsewhere; one that
    /// is archived or lost, nobody knows which, has any_of; a field that an edit has cleared has cleared.
    pub from: Option<Value>,
    /// To which value; none for no value.
    pub to: Option<Value>,
    /// When at the latest; exactly then if the evidence is source_history.
    pub valid_at: Timestamp,
    /// When at the earliest; none if that is not known, or the time is exact.
    pub since: Option<Timestamp>,
    /// source_history, observed_diff or inferred.
    pub evidence: String,
    /// Who did it, if that is known: a facet id.
    pub by: Option<String>,
    /// When it was read.
    pub known_at: Timestamp,
    /// A person's edit, not a source.
    pub edit: bool,
    /// Versions in between were rejected.
    pub gap: bool,
}

/// The history of an opportunity.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpportunityHistory {
    /// Freshness.
    pub meta: Meta,
    /// Golden id.
    pub id: String,
    /// A record of it existed then.
    pub exists: bool,
    /// Its fields then.
    pub fields: BTreeMap<String, Value>,
    /// What had changed until then, in the order of valid time.
    pub rows: Vec<OpportunityHistoryRow>,
    /// What stages, teams, people and merged opportunities are called that the rows name, by id.
    pub names: BTreeMap<String, String>,
}

/// How an opportunity became what it is
#[utoipa::path(get, path = "/api/opportunities/{id}/history", tag = "opportunities",
    params(("id" = String, Path, description = "Golden id, or the id of any record joined in it"), HistoryParameters),
    responses(
        (status = 200, description = "OK", body = OpportunityHistory),
        (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown-record", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn opportunity_history(
    allowed: Allowed<DashboardRead>,
    Path(id): Path<String>,
    Parameters(wanted): Parameters<HistoryParameters>,
) -> Result<Reply<OpportunityHistory>, ApiError> {
    let (viewer, evidence) = tokio::try_join!(allowed.viewer(), allowed.evidence())?;
    let golden = Record::find(&viewer, &id).await?.golden;
    let versions = versions_of(&viewer, std::slice::from_ref(&golden)).await?;
    let then = state(&versions, wanted.as_of, wanted.known_at);
    let own = rows(&versions, wanted.as_of, wanted.known_at);
    let others = viewer.merged_from(&golden).await?;
    let of_others = versions_of(&viewer, &others).await?;
    let mut merges = rows(&of_others, wanted.as_of, wanted.known_at);
    merges.retain(|row| golden.facets.iter().any(|facet| merged_into(row) == Some(facet.id)));
    let mut names = names(&viewer, &own);
    names.extend(others.iter().flat_map(called));
    if let Some(into) = golden.merged_into
        && let Some(heir) = viewer.record(Entity::Opportunity, into).await?
    {
        names.extend(called(&heir));
    }
    let mut rows: Vec<_> =
        own.into_iter().map(shown).chain(merges.into_iter().filter_map(taken_in)).collect();
    rows.sort_by_key(|row| row.valid_at);
    Ok(Reply(OpportunityHistory {
        meta: evidence.meta(&viewer),
        id: golden.id.to_string(),
        exists: then.exists,
        fields: then.fields.into_iter().map(|(field, value)| (word(field), value)).collect(),
        names,
        rows,
    }))
}

/// The versions of some opportunities' records.
async fn versions_of(viewer: &Viewer, opportunities: &[Golden]) -> Result<Vec<HistoryVersion>, ApiError> {
    if opportunities.is_empty() {
        return Ok(Vec::new());
    }
    let ids = opportunities.iter().map(|golden| Bson::from(golden.id.to_string())).collect();
    let query = Query::all()
        .with(Condition::In("opportunity".to_owned(), ids))
        .sorted("_id", Direction::Ascending)
        .limited(MOST_VERSIONS);
    let served: Vec<OpportunityVersion> = viewer.serving(OPPORTUNITY_HISTORY, &query).await?;
    Ok(served.into_iter().map(|served| served.version).collect())
}

/// The record that one went into, if a row says so.
fn merged_into(row: &HistoryRow) -> Option<FacetId> {
    if row.change.field != HistoryField::Deleted {
        return None;
    }
    row.change.to.as_ref()?.as_str()?.parse().ok()
}

/// The end of another record, as the one that took it in tells it.
fn taken_in(row: HistoryRow) -> Option<OpportunityHistoryRow> {
    let into = merged_into(&row)?;
    let from = row.facet.to_string();
    let row =
        OpportunityHistoryRow { facet: into.to_string(), field: "merged_from".to_owned(), ..shown(row) };
    Some(OpportunityHistoryRow { to: Some(Value::from(from)), ..row })
}

/// What a record is called, by the ids that rows name it by.
fn called(golden: &Golden) -> impl Iterator<Item = (String, String)> {
    golden.facets.iter().map(|facet| (facet.id.to_string(), name_of(golden).to_owned()))
}

/// The word of an enumeration as it is stored.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn shown(row: HistoryRow) -> OpportunityHistoryRow {
    let HistoryRow { facet, known_at, edit, gap, change, .. } = row;
    OpportunityHistoryRow {
        facet: facet.to_string(),
        field: word(change.field),
        from: change.from,
        to: change.to,
        valid_at: change.valid_at,
        since: change.since,
        evidence: word(change.evidence),
        by: change.by.map(|by| by.to_string()),
        known_at,
        edit,
        gap,
    }
}

/// What the directory calls the stages, teams and people in the rows.
fn names(viewer: &Viewer, rows: &[HistoryRow]) -> BTreeMap<String, String> {
    let values = rows.iter().flat_map(|row| [row.change.from.as_ref(), row.change.to.as_ref()]).flatten();
    let ids = values.filter_map(|value| value.as_str()?.parse::<FacetId>().ok());
    let named = ids.chain(rows.iter().filter_map(|row| row.change.by)).filter_map(|id| {
        let person = viewer.directory.person(id).map(|person| person.name);
        let stage = || viewer.directory.stage(id).map(|stage| stage.name.clone());
        let name = person.or_else(stage).or_else(|| viewer.directory.team(id).map(str::to_owned))?;
        Some((id.to_string(), name))
    });
    named.collect()
}
