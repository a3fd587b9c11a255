//! `GET /api/dashboard/overview`: the overview page in one answer, within the reader's scope.
//!
//! Reads prepared documents only: the buckets of open deals, those of won and lost deals in the period's months,
//! the stage sums, and the newest activities.

use std::collections::{BTreeMap, BTreeSet};

use bson::Bson;
use salescommand_domain::canonical::{Entity, FacetId, Golden, GoldenBody};
use salescommand_domain::kpi::{self, Period};
use salescommand_domain::money::MoneyError;
use salescommand_domain::serving::{DayBuckets, FeedItem, StageSummary};
use salescommand_store::{Condition, Direction, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::figures::{
    ActivityItem, ClosedDeals, OpenPipeline, PeriodShown, RecordRef, ScopeShown, StagePipeline,
    WeightedPipeline, WinRate, stages,
};
use crate::access::{Allowed, DashboardRead};
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::freshness::Meta;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::viewer::Viewer;

/// The newest activities that the page shows.
const ACTIVITIES: usize = 20;

/// Which period.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OverviewParameters {
    /// Fiscal quarter, YYYY-Qn; default the current one
    #[param(pattern = "^(19[0-9]{2}|2[01][0-9]{2}|2200)-Q[1-4]$")]
    period: Option<String>,
}

/// The overview page in one answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overview {
    /// Freshness.
    pub meta: Meta,
    /// Whose records.
    pub scope: ScopeShown,
    /// Of which quarter the closed deals are.
    pub period: PeriodShown,
    /// Open deals.
    pub open_pipeline: OpenPipeline,
    /// Open deals by probability.
    pub weighted_pipeline: WeightedPipeline,
    /// Won in the period.
    pub won: ClosedDeals,
    /// Lost in the period.
    pub lost: ClosedDeals,
    /// Won of closed in the period.
    pub win_rate: WinRate,
    /// Open deals by stage, in the order of the pipeline.
    pub pipeline_by_stage: Vec<StagePipeline>,
    /// Newest first.
    pub activity: Vec<ActivityItem>,
}

/// Overview figures in the reader's scope
#[utoipa::path(get, path = "/api/dashboard/overview", tag = "dashboard", params(OverviewParameters), responses(
    (status = 200, description = "OK", body = Overview),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn overview(
    allowed: Allowed<DashboardRead>,
    Parameters(wanted): Parameters<OverviewParameters>,
) -> Result<Reply<Overview>, ApiError> {
    let (viewer, evidence) = tokio::try_join!(allowed.viewer(), allowed.evidence())?;
    let period = period(wanted.period.as_deref(), evidence.now, &viewer)?;
    let prepared = tokio::try_join!(buckets(&viewer, &period), summaries(&viewer), activity(&viewer))?;
    let meta = evidence.meta(&viewer);
    Overview::new(meta, period, &viewer, prepared).map(Reply).map_err(ApiError::internal)
}

/// Day buckets, stage sums, newest activities.
type Prepared = (Vec<DayBuckets>, Vec<StageSummary>, Vec<ActivityItem>);

impl Overview {
    fn new(meta: Meta, period: Period, viewer: &Viewer, prepared: Prepared) -> Result<Self, MoneyError> {
        let (buckets, summaries, activity) = prepared;
        let figures = kpi::overview(&buckets, &period)?;
        let by_stage = kpi::pipeline_by_stage(&summaries)?;
        Ok(Self {
            meta,
            scope: ScopeShown::new(&viewer.scope),
            period: PeriodShown::from(period),
            open_pipeline: OpenPipeline::from(&figures.open),
            weighted_pipeline: WeightedPipeline::from(&figures.open),
            won: ClosedDeals::from(&figures.won),
            lost: ClosedDeals::from(&figures.lost),
            win_rate: WinRate::from(figures.win_rate),
            pipeline_by_stage: stages(&by_stage, &viewer.directory),
            activity,
        })
    }
}

fn period(key: Option<&str>, now: jiff::Timestamp, viewer: &Viewer) -> Result<Period, ApiError> {
    let calendar = &viewer.directory.calendar;
    let period = match key {
        Some(key) => Period::parse(key, calendar),
        None => Period::quarter_of(now, calendar),
    };
    period.map_err(|error| ApiError::malformed_query(error.to_string()))
}

/// All open deals, and those closed in the months of the period.
async fn buckets(viewer: &Viewer, period: &Period) -> Result<Vec<DayBuckets>, ApiError> {
    let measure = |words: &[&str]| Condition::In("measure".to_owned(), texts(words.iter().copied()));
    let months = Condition::In("month".to_owned(), texts(months(period).iter().map(String::as_str)));
    let open = Query::all().with(measure(&["open_by_close_date"]));
    let closed = Query::all().with(measure(&["won_by_closed_on", "lost_by_closed_on"])).with(months);
    let (mut open, closed) = tokio::try_join!(
        viewer.sums::<DayBuckets>("dashboard_stats", &open),
        viewer.sums::<DayBuckets>("dashboard_stats", &closed),
    )?;
    open.extend(closed);
    Ok(open)
}

async fn summaries(viewer: &Viewer) -> Result<Vec<StageSummary>, ApiError> {
    viewer.sums("pipeline_summary", &Query::all()).await
}

/// A quarter has at most three months, whatever day it begins on: periods begin on the first.
fn months(period: &Period) -> Vec<String> {
    let days = (0..3).filter_map(|ahead| period.start.checked_add(jiff::Span::new().months(ahead)).ok());
    days.map(|day| format!("{:04}-{:02}", day.year(), day.month())).collect()
}

fn texts<'a>(words: impl Iterator<Item = &'a str>) -> Vec<Bson> {
    words.map(|word| Bson::String(word.to_owned())).collect()
}

/// The newest activities with what they are about, as far as the reader may see that.
async fn activity(viewer: &Viewer) -> Result<Vec<ActivityItem>, ApiError> {
    // A feed goes by time, stored as milliseconds; what has none is not in it.
    let timed = Condition::Gte("at".to_owned(), Bson::Int64(i64::MIN));
    // Both downwards, so that the database reads its index backwards instead of sorting all there is.
    let newest =
        Query::all().with(timed).sorted("at", Direction::Descending).sorted("_id", Direction::Descending);
    let items: Vec<FeedItem> = viewer.serving("activity_feed", &newest.limited(ACTIVITIES)).await?;
    let names = related_names(viewer, &items).await?;
    let shown = |item: FeedItem| ActivityItem::new(item, &viewer.directory, &names);
    Ok(items.into_iter().filter_map(shown).collect())
}

/// Names of what activities are about, read within the scope: a record that is not visible has no name here.
async fn related_names(
    viewer: &Viewer,
    items: &[FeedItem],
) -> Result<BTreeMap<FacetId, RecordRef>, ApiError> {
    let mut wanted: BTreeMap<Entity, BTreeSet<String>> = BTreeMap::new();
    for related in items.iter().filter_map(|item| item.related) {
        wanted.entry(related.entity).or_default().insert(related.id.to_string());
    }
    let mut names = BTreeMap::new();
    for (entity, ids) in wanted {
        let ids = texts(ids.iter().map(String::as_str));
        let query = Query::all().with(Condition::In(reference_field(entity).to_owned(), ids));
        for golden in viewer.golden::<Golden>(entity, &query).await? {
            let facets: Vec<_> = golden.facets.iter().map(|facet| facet.id).collect();
            let record = record_ref(entity, golden);
            names.extend(facets.into_iter().map(|facet| (facet, record.clone())));
        }
    }
    Ok(names)
}

/// References are facet ids. Where records can have several facets there is an index over them; the others have the
/// id of their only facet.
fn reference_field(entity: Entity) -> &'static str {
    match entity {
        Entity::Account | Entity::Contact | Entity::Opportunity | Entity::User => "facets.id",
        Entity::Activity | Entity::Team => "_id",
    }
}

fn record_ref(entity: Entity, golden: Golden) -> RecordRef {
    let name = match golden.body {
        GoldenBody::Account(account) => account.name,
        GoldenBody::Contact(contact) => contact.name,
        GoldenBody::Opportunity(deal) => deal.name,
        GoldenBody::Activity(activity) => activity.subject,
        GoldenBody::User(user) => user.name,
        GoldenBody::Team(team) => team.name,
    };
    RecordRef { entity: entity.singular().to_owned(), id: golden.id.to_string(), name }
}
