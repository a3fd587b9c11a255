//! The figures of the overview as the API spells them.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use salescommand_domain::access::{self, Scope};
use salescommand_domain::canonical::{self, FacetId};
use salescommand_domain::kpi::{Figure, Period, Rate, StageFigure};
use salescommand_domain::serving::FeedItem;
use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::{Directory, PersonRef};
use crate::money::{Money, amounts};

/// How wide a scope is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScopeKind)]
pub enum ScopeKind {
    /// Every record.
    All,
    /// A reporting tree.
    Team,
    /// One's own records.
    Own,
}

/// Whose records the figures are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Scope)]
pub struct ScopeShown {
    /// How wide it is.
    pub kind: ScopeKind,
    /// For people.
    pub label: String,
    /// How many people's records it covers.
    #[schema(format = Int64)]
    pub people: u64,
}

impl ScopeShown {
    pub(super) fn new(scope: &Scope) -> Self {
        let (kind, label) = match scope.kind() {
            access::ScopeKind::All => (ScopeKind::All, "Everyone"),
            access::ScopeKind::Team if scope.delegated() > 0 => {
                (ScopeKind::Team, "You and those you stand in for")
            }
            access::ScopeKind::Team => (ScopeKind::Team, "You and your team"),
            access::ScopeKind::Own => (ScopeKind::Own, "Only you"),
        };
        Self { kind, label: label.to_owned(), people: scope.people() as u64 }
    }
}

/// A fiscal quarter; the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Period)]
pub struct PeriodShown {
    /// `2026-Q4`.
    pub key: String,
    /// `Q4 2026`.
    pub label: String,
    /// First day.
    pub start: Date,
    /// First day after it.
    pub end: Date,
}

impl From<Period> for PeriodShown {
    fn from(period: Period) -> Self {
        Self { key: period.key, label: period.label, start: period.start, end: period.end }
    }
}

/// Open deals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenPipeline {
    /// Deals.
    pub count: i64,
    /// Of these, without an amount.
    pub unvalued: i64,
    /// Of these, without an expected close date.
    pub undated: i64,
    /// Sums per currency.
    pub amounts: Vec<Money>,
}

impl From<&Figure> for OpenPipeline {
    fn from(figure: &Figure) -> Self {
        Self {
            count: figure.count,
            unvalued: figure.unvalued,
            undated: figure.undated,
            amounts: amounts(&figure.amounts),
        }
    }
}

/// Open deals, each amount by its probability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WeightedPipeline {
    /// Deals.
    pub count: i64,
    /// Sums per currency.
    pub amounts: Vec<Money>,
}

impl From<&Figure> for WeightedPipeline {
    fn from(figure: &Figure) -> Self {
        Self { count: figure.count, amounts: amounts(&figure.weighted) }
    }
}

/// Deals closed in the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClosedDeals {
    /// Deals.
    pub count: i64,
    /// Of these, without an amount.
    pub unvalued: i64,
    /// Sums per currency.
    pub amounts: Vec<Money>,
}

impl From<&Figure> for ClosedDeals {
    fn from(figure: &Figure) -> Self {
        Self { count: figure.count, unvalued: figure.unvalued, amounts: amounts(&figure.amounts) }
    }
}

/// Won over closed in the period with its Wilson 95 % interval.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WinRate {
    /// Won deals.
    pub won: i64,
    /// Lost deals.
    pub lost: i64,
    /// 0 to 1; none when nothing closed.
    pub rate: Option<f64>,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
    /// Why there is no rate.
    pub reason: Option<String>,
}

impl From<Rate> for WinRate {
    fn from(rate: Rate) -> Self {
        let reason = rate.value.is_none().then(|| "no deal closed in this period".to_owned());
        let lost = rate.whole - rate.part;
        Self { won: rate.part, lost, rate: rate.value, low: rate.low, high: rate.high, reason }
    }
}

/// Open deals in one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StagePipeline {
    /// The stage; `none` for deals without one.
    pub stage_id: String,
    /// Its name.
    pub name: String,
    /// The source it belongs to: two sources may have a stage of the same name.
    pub source: Option<String>,
    /// Its place in the pipeline.
    pub order: i64,
    /// Deals.
    pub count: i64,
    /// Of these, without an amount.
    pub unvalued: i64,
    /// Sums per currency.
    pub amounts: Vec<Money>,
    /// The same by probability.
    pub weighted: Vec<Money>,
}

/// Behind every stage that has a place; a whole number that any JSON reader holds exactly.
const LAST: i64 = 1_000_000;

/// The stages in the order of the pipeline; unnamed ones and deals without a stage come last.
pub(super) fn stages(figures: &[StageFigure], directory: &Directory) -> Vec<StagePipeline> {
    let shown = |stage_figure: &StageFigure| {
        let known = stage_figure.stage.and_then(|stage| directory.stage(stage));
        let unnamed = if stage_figure.stage.is_some() { "Unknown stage" } else { "No stage" };
        let figure = &stage_figure.figure;
        StagePipeline {
            stage_id: stage_figure.stage.map_or_else(|| "none".to_owned(), |stage| stage.to_string()),
            name: known.map_or_else(|| unnamed.to_owned(), |stage| stage.name.clone()),
            source: known.map(|stage| stage.source.to_string()),
            order: known.map_or(LAST, |stage| stage.order),
            count: figure.count,
            unvalued: figure.unvalued,
            amounts: amounts(&figure.amounts),
            weighted: amounts(&figure.weighted),
        }
    };
    let mut stages: Vec<_> = figures.iter().map(shown).collect();
    stages.sort_by(|a, b| (a.order, &a.name, &a.stage_id).cmp(&(b.order, &b.name, &b.stage_id)));
    stages
}

/// What an activity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// A telephone call.
    Call,
    /// A message.
    Email,
    /// A meeting.
    Meeting,
    /// A task.
    Task,
    /// A note.
    Note,
    /// Anything else.
    Other,
}

/// Whether an activity is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityState {
    /// To be done.
    Open,
    /// Done.
    Done,
    /// Given up.
    Cancelled,
}

/// A record with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecordRef {
    /// `opportunity`, `account`, ….
    pub entity: String,
    /// Golden id.
    pub id: String,
    /// Display name.
    pub name: String,
}

/// One activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActivityItem {
    /// Golden id.
    pub id: String,
    /// What it is.
    pub kind: ActivityKind,
    /// Subject line.
    pub subject: String,
    /// When it was made.
    pub at: Timestamp,
    /// Due date.
    pub due: Option<Date>,
    /// Whether it is done.
    pub state: ActivityState,
    /// Whose it is.
    pub owner: Option<PersonRef>,
    /// What it is about, if the reader may see that.
    pub related: Option<RecordRef>,
}

impl ActivityItem {
    /// None for an item without a time.
    pub(super) fn new(
        item: FeedItem,
        directory: &Directory,
        names: &BTreeMap<FacetId, RecordRef>,
    ) -> Option<Self> {
        Some(Self {
            id: item.id.to_string(),
            kind: match item.activity_kind {
                canonical::ActivityKind::Call => ActivityKind::Call,
                canonical::ActivityKind::Email => ActivityKind::Email,
                canonical::ActivityKind::Meeting => ActivityKind::Meeting,
                canonical::ActivityKind::Task => ActivityKind::Task,
                canonical::ActivityKind::Note => ActivityKind::Note,
                canonical::ActivityKind::Other => ActivityKind::Other,
            },
            subject: item.subject,
            at: item.at?,
            due: item.due,
            state: match item.state {
                canonical::ActivityState::Open => ActivityState::Open,
                canonical::ActivityState::Done => ActivityState::Done,
                canonical::ActivityState::Cancelled => ActivityState::Cancelled,
            },
            owner: item.owner.and_then(|owner| directory.person(owner)),
            related: item.related.and_then(|related| names.get(&related.id).cloned()),
        })
    }
}
