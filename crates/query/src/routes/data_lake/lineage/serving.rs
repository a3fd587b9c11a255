//! `GET /api/data-lake/lineage/serving/{collection}/{id}`: the canonical records behind a prepared document.
//!
//! Of sums, the deals in them, by the same cells that the projection uses; of a feed item, its activity; of a directory
//! entry, its person, team or reference record; of a version in the history, its record and its deal.

use bson::Bson;
use salescommand_domain::canonical::{Entity, FacetId, Golden};
use salescommand_domain::serving::{Day, DayBuckets, OpportunityVersion, StageSummary, Sums};
use salescommand_store::{Condition, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::shown::{LineageSource, RawEventRef, Speller};
use super::sums::{Traced, traced};
use crate::access::{Allowed, DataLakeRead};
use crate::error::{ApiError, Problem};
use crate::extract::{Parameters, Path};
use crate::freshness::Meta;
use crate::money::Money;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::routes::data_lake::entities::{EntityItem, item};
use crate::viewer::Viewer;

const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 1_000;

/// The collections that can be traced.
const COLLECTIONS: [&str; 5] =
    ["dashboard_stats", "pipeline_summary", "activity_feed", "directory", "opportunity_history"];

/// Which part of a document.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PartParameters {
    /// Only this day of a month of sums, YYYY-MM-DD or `undated`
    day: Option<String>,
    /// Records per page, default 50
    #[param(minimum = 1, maximum = 1000, value_type = Option<i32>)]
    limit: Option<usize>,
    /// next_after of the page before
    after: Option<String>,
}

/// Sums over deals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineageSums {
    /// Deals.
    pub count: i64,
    /// Of these, without an amount.
    pub unvalued: i64,
    /// Sums per currency.
    pub amounts: Vec<Money>,
    /// The same by probability.
    pub weighted: Vec<Money>,
}

impl From<&Sums> for LineageSums {
    fn from(sums: &Sums) -> Self {
        let (amounts, weighted) =
            sums.money().map(|(amount, weighted)| (Money::from(amount), Money::from(weighted))).unzip();
        Self { count: sums.count, unvalued: sums.unvalued, amounts, weighted }
    }
}

/// A record behind a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineageRecord {
    /// The record.
    pub record: EntityItem,
    /// Where its own lineage is.
    pub lineage: String,
    /// Every raw event it was made of; for `ops:read`.
    pub events: Option<Vec<RawEventRef>>,
}

/// The lineage of a prepared document.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServingLineage {
    /// Freshness.
    pub meta: Meta,
    /// The projection.
    pub collection: String,
    /// The document.
    pub id: String,
    /// What the document says, of the day that was asked for; none for documents that are no sums.
    pub document: Option<LineageSums>,
    /// What the records come to.
    pub found: Option<LineageSums>,
    /// Whether the sums are what their deals make; none for other documents. False while a projection is behind; if it
    /// stays so, it is a defect.
    pub agrees: Option<bool>,
    /// A page of the records, by id.
    pub records: Vec<LineageRecord>,
    /// Source records: the reference record that a directory entry is, or the one of a version in the history, with the
    /// raw event that the version is.
    pub references: Vec<LineageSource>,
    /// `after` of the next page; none after the last.
    pub next_after: Option<String>,
}

/// The records behind a prepared document
#[utoipa::path(get, path = "/api/data-lake/lineage/serving/{collection}/{id}", tag = "data-lake",
    params(
        ("collection" = String, Path, description = "dashboard_stats, pipeline_summary, activity_feed, directory, opportunity_history"),
        ("id" = String, Path, description = "Id of the document"),
        PartParameters,
    ),
    responses(
        (status = 200, description = "OK", body = ServingLineage),
        (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown-document", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn serving_lineage(
    allowed: Allowed<DataLakeRead>,
    Path((collection, id)): Path<(String, String)>,
    Parameters(wanted): Parameters<PartParameters>,
) -> Result<Reply<ServingLineage>, ApiError> {
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::malformed_query(format!("limit must be 1 to {LARGEST_LIMIT}.")));
    }
    let day = wanted.day.as_deref().map(day).transpose()?;
    let (viewer, evidence) = tokio::try_join!(allowed.viewer(), allowed.evidence())?;
    let speller = Speller::new(&allowed, &viewer.directory);
    let mut behind = match collection.as_str() {
        "dashboard_stats" => {
            let scope_key = |document: &DayBuckets| document.scope_key.as_str().to_owned();
            Behind::sums(traced(&viewer, &id, scope_key, day).await?)
        }
        "pipeline_summary" => {
            let scope_key = |document: &StageSummary| document.scope_key.as_str().to_owned();
            Behind::sums(traced(&viewer, &id, scope_key, None).await?)
        }
        "activity_feed" => Behind::activity(&viewer, &id).await?,
        "directory" => Behind::directory(&viewer, &id, &speller).await?,
        "opportunity_history" => Behind::version(&viewer, &id, &speller).await?,
        _ => None,
    }
    .ok_or_else(|| ApiError::unknown_document(&COLLECTIONS))?;
    let next_after = behind.page(wanted.after.as_deref(), limit)?;
    let records = behind.records.into_iter().map(|golden| record(golden, &viewer, &speller));
    Ok(Reply(ServingLineage {
        meta: evidence.meta(&viewer),
        collection,
        id,
        document: behind.document,
        found: behind.found,
        agrees: behind.agrees,
        records: records.collect(),
        references: behind.references,
        next_after,
    }))
}

/// What is behind a document.
struct Behind {
    document: Option<LineageSums>,
    found: Option<LineageSums>,
    agrees: Option<bool>,
    records: Vec<Golden>,
    references: Vec<LineageSource>,
}

impl Behind {
    fn of(records: Vec<Golden>, references: Vec<LineageSource>) -> Self {
        Self { document: None, found: None, agrees: None, records, references }
    }

    fn sums(traced: Option<Traced>) -> Option<Self> {
        traced.map(|traced| Self {
            document: Some(LineageSums::from(&traced.document)),
            found: Some(LineageSums::from(&traced.found)),
            agrees: Some(traced.agrees),
            records: traced.deals,
            references: Vec::new(),
        })
    }

    async fn activity(viewer: &Viewer, id: &str) -> Result<Option<Self>, ApiError> {
        let Some(id) = held(viewer, "activity_feed", id).await? else { return Ok(None) };
        let records = viewer.record(Entity::Activity, id).await?.into_iter().collect();
        Ok(Some(Self::of(records, Vec::new())))
    }

    /// Names are public; the person behind one is shown to those who may see the person.
    async fn directory(viewer: &Viewer, id: &str, speller: &Speller<'_>) -> Result<Option<Self>, ApiError> {
        let Ok(id) = id.parse::<FacetId>() else { return Ok(None) };
        if !viewer.directory.knows(id) {
            return Ok(None);
        }
        let mut records = Vec::new();
        for entity in [Entity::User, Entity::Team] {
            records.extend(viewer.record(entity, id).await?);
        }
        let facets = if records.is_empty() { viewer.facets(&[id.to_string()]).await? } else { Vec::new() };
        let facets = facets.iter().filter(|facet| facet.body.entity().is_none());
        let references = facets.map(|facet| speller.source(facet.id, &facet.source, facet.position));
        Ok(Some(Self::of(records, references.collect())))
    }

    /// A version in the history is one raw event of one record of a deal.
    async fn version(viewer: &Viewer, id: &str, speller: &Speller<'_>) -> Result<Option<Self>, ApiError> {
        let by_id = Query::all().with(Condition::Eq("_id".to_owned(), Bson::from(id))).limited(1);
        let found = viewer.serving::<OpportunityVersion>("opportunity_history", &by_id).await?;
        let Some(OpportunityVersion { version, .. }) = found.into_iter().next() else { return Ok(None) };
        let records = viewer.record(Entity::Opportunity, version.facet).await?.into_iter().collect();
        let facets = viewer.facets(&[version.facet.to_string()]).await?;
        let source = facets.iter().map(|facet| speller.source(facet.id, &facet.source, version.raw.position));
        Ok(Some(Self::of(records, source.collect())))
    }

    /// Keeps one page; gives where the next begins.
    fn page(&mut self, after: Option<&str>, limit: usize) -> Result<Option<String>, ApiError> {
        if let Some(after) = after {
            let after: FacetId = after
                .parse()
                .map_err(|_| ApiError::malformed_query("after must be the next_after of the page before."))?;
            self.records.retain(|golden| golden.id > after);
        }
        let more = self.records.len() > limit;
        self.records.truncate(limit);
        Ok(self.records.last().filter(|_| more).map(|last| last.id.to_string()))
    }
}

/// The id of a document that is in the reader's scope.
async fn held(viewer: &Viewer, collection: &str, id: &str) -> Result<Option<FacetId>, ApiError> {
    let by_id = Query::all().with(Condition::Eq("_id".to_owned(), Bson::from(id))).limited(1);
    let found = viewer.serving::<bson::Document>(collection, &by_id).await?;
    Ok(if found.is_empty() { None } else { id.parse().ok() })
}

fn record(golden: Golden, viewer: &Viewer, speller: &Speller<'_>) -> LineageRecord {
    LineageRecord {
        lineage: format!("/api/data-lake/lineage/{}/{}", golden.entity().plural(), golden.id),
        events: speller.events(&golden.version),
        record: item(golden, &viewer.directory),
    }
}

fn day(text: &str) -> Result<Day, ApiError> {
    text.parse().map_err(|_| ApiError::malformed_query("day must be YYYY-MM-DD or undated."))
}
