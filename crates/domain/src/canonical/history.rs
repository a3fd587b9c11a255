//! The history of an opportunity: a pure function of **all** accepted versions of its records.
//!
//! A record's versions stand in the order of their valid time (when the source says it changed, else when it was
//! read), then of their raw position. Neighbours are compared: each field that differs gives one row, with the
//! interval in which it changed and the evidence for it. So a version that comes late, or is accepted long after it
//! was rejected, takes its place and changes the rows of its neighbours only.
//!
//! A source may keep a history of its own and send it along with a version ([`TrackedChange`]): then it says what happened
//! between two versions, and only what it does not account for is taken from their difference.
//!
//! Two times are kept: `valid_at` (in the world, by the source) and `known_at` (when we read it). [`rows`] can be asked
//! what was known at an instant, [`state`] what was valid at an instant.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Edited, FacetBody, FacetId, OpportunityEdit, OpportunityFacet, OutcomeRule};
use crate::raw::{Position, RawPosition};

mod bitemporal;
mod tracked;

pub use bitemporal::{HistoryRow, HistoryState, known, rows, state};
pub use tracked::{TrackedChange, either_closed, may_be_same};

/// What a row is about: a field, or the record's existence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryField {
    /// The record came to be.
    Created,
    /// The record was deleted. To a value: merged into that record, a facet id.
    Deleted,
    /// The record was there again.
    Restored,
    /// Lead or opportunity.
    Kind,
    /// Stage: a facet id.
    Stage,
    /// Open, won, lost or archived; an object with both answers where the stage decides.
    Status,
    /// Amount: decimal text, unrounded.
    Amount,
    /// Where the amount's currency is found.
    Currency,
    /// Probability in parts per million.
    Probability,
    /// Owner: a facet id.
    Owner,
    /// Team: a facet id.
    Team,
    /// Expected close date.
    CloseDate,
}

/// How we know when something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryEvidence {
    /// The source says when, exactly.
    SourceHistory,
    /// Two versions differ: it changed between the first's reading and the second's time.
    ObservedDiff,
    /// Nothing shows the state before (a first version), or what lies between was rejected.
    Inferred,
}

/// The exact time of a field's present value, as the source gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryMark {
    /// When.
    pub at: Timestamp,
    /// Who did it, if that is known: a facet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<FacetId>,
}

/// What one version states of the tracked fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HistoryStatement {
    /// The fields; one that is not there has no value (in an edit: is not edited).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<HistoryField, Value>,
    /// Exact times, for fields whose time is given.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub marks: BTreeMap<HistoryField, HistoryMark>,
    /// When the source made the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// All changes that the source itself had written down by then, in any order; none if it keeps no such history, or lets
    /// us read none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracked: Option<Vec<TrackedChange>>,
    /// An edit over the sources, not a record of a source.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub edit: bool,
}

/// A row: one field changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryChange {
    /// What.
    pub field: HistoryField,
    /// From which value; none for "no value".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// To which value; none for "no value".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
    /// When at the latest; exactly then if the evidence is the source's own history.
    pub valid_at: Timestamp,
    /// When at the earliest; none if that is not known or the time is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How we know.
    pub evidence: HistoryEvidence,
    /// Who did it, if that is known: a facet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<FacetId>,
}

/// One accepted version of a record and the rows that it gives: the document of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryVersion {
    /// Facet, valid time, epoch and sequence: sorts as the versions of a facet do.
    #[serde(rename = "_id")]
    pub id: String,
    /// The record.
    pub facet: FacetId,
    /// The raw event.
    pub raw: RawPosition,
    /// When it was so, by the source; else when it was read.
    pub valid_at: Timestamp,
    /// When it was read.
    pub known_at: Timestamp,
    /// What it states; none for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<HistoryStatement>,
    /// Of a deletion: the record that took its content in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<FacetId>,
    /// Raw positions of versions that were rejected between this one and the accepted one before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Position>,
    /// The rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<HistoryChange>,
}

/// Makes every legal instant positive, so that its digits sort as time does.
const NANOSECONDS_OFFSET: i128 = 400_000_000_000_000_000_000;

impl HistoryVersion {
    /// A version without rows as yet.
    pub fn new(
        facet: FacetId,
        raw: RawPosition,
        (valid_at, known_at): (Timestamp, Timestamp),
        statement: Option<HistoryStatement>,
    ) -> Self {
        let Position { epoch, sequence } = raw.position;
        let time = valid_at.as_nanosecond() + NANOSECONDS_OFFSET;
        let id = format!("{facet}/{time:021}/{epoch:010}/{sequence:020}");
        let (gaps, changes) = (Vec::new(), Vec::new());
        Self { id, facet, raw, valid_at, known_at, statement, merged_into: None, gaps, changes }
    }
}

impl HistoryStatement {
    /// What a facet's content states; none for what is no opportunity.
    pub fn of(body: &FacetBody) -> Option<Self> {
        match body {
            FacetBody::Opportunity(deal) => Some(Self::of_deal(deal)),
            FacetBody::OpportunityEdit(edit) => Some(Self::of_edit(edit)),
            _ => None,
        }
    }

    /// Whether it brings everything that the source had written down by an earlier version, as that one brought it; or neither
    /// brings anything of the kind.
    pub fn continues(&self, earlier: &Self) -> bool {
        match (&earlier.tracked, &self.tracked) {
            (None, None) => true,
            (Some(earlier), Some(now)) => earlier.iter().all(|change| now.contains(change)),
            _ => false,
        }
    }

    fn of_edit(edit: &OpportunityEdit) -> Self {
        use HistoryField as Field;
        let mut statement = Self { edit: true, ..Self::default() };
        statement.edited(Field::Stage, edit.stage.as_ref(), |stage| value(stage));
        statement.edited(Field::Status, edit.status.as_ref(), |status| value(status));
        statement.edited(Field::Amount, edit.amount.as_ref(), |amount| Some(decimal(amount.value)));
        statement.edited(Field::Currency, edit.amount.as_ref(), |amount| value(amount.currency));
        statement.edited(Field::Probability, edit.probability_ppm.as_ref(), |parts| value(parts));
        statement.edited(Field::Owner, edit.owner.as_ref(), |owner| value(owner));
        statement.edited(Field::CloseDate, edit.close_date.as_ref(), |day| value(day));
        statement
    }

    fn edited<T>(
        &mut self,
        field: HistoryField,
        edited: Option<&Edited<T>>,
        value: impl Fn(&T) -> Option<Value>,
    ) {
        if let Some(edited) = edited {
            let set = edited.value.as_ref().and_then(value);
            self.fields.insert(field, set.unwrap_or_else(cleared));
            self.marks.insert(field, HistoryMark { at: edited.at, by: Some(edited.by) });
        }
    }

    fn of_deal(deal: &OpportunityFacet) -> Self {
        use HistoryField as Field;
        let amount = deal.amount.as_ref();
        let fields = [
            (Field::Kind, value(deal.opportunity_kind)),
            (Field::Stage, value(deal.stage)),
            (Field::Status, Some(status_value(deal.outcome))),
            (Field::Amount, amount.map(|amount| decimal(amount.value))),
            (Field::Currency, value(amount.and_then(|amount| amount.currency))),
            (Field::Probability, deal.probability_ppm.map(Value::from)),
            (Field::Owner, value(deal.owner)),
            (Field::Team, value(deal.team)),
            (Field::CloseDate, value(deal.close_date)),
        ];
        let times = [
            (Field::Stage, deal.staged_at),
            (Field::Owner, deal.assigned_at),
            (Field::Status, deal.closed_at),
        ];
        let mark = |(field, at): (Field, Option<Timestamp>)| Some((field, HistoryMark { at: at?, by: None }));
        Self {
            fields: fields.into_iter().filter_map(|(field, value)| Some((field, value?))).collect(),
            marks: times.into_iter().filter_map(mark).collect(),
            created_at: deal.created_at,
            tracked: deal.tracked.clone(),
            edit: false,
        }
    }
}

/// A value as JSON; none for "no value".
fn value(value: impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok().filter(|value| !value.is_null())
}

fn decimal(value: Decimal) -> Value {
    Value::from(value.normalize().to_string())
}

/// The value of a field that an edit has cleared: "nothing", whatever the sources say.
fn cleared() -> Value {
    serde_json::json!({ "cleared": true })
}

/// A status as far as the record alone decides it. Which answer holds is the stage's to say, as it is now.
pub fn status_value(rule: OutcomeRule) -> Value {
    let word = |status| serde_json::to_value(status).unwrap_or_default();
    if rule.in_won_stage == rule.elsewhere {
        return word(rule.elsewhere);
    }
    serde_json::json!({ "in_won_stage": word(rule.in_won_stage), "elsewhere": word(rule.elsewhere) })
}

/// What is known of a record when its next version comes.
#[derive(Debug, Clone, Default)]
pub struct HistoryHead {
    /// What the last version that stated something stated; none before the first.
    pub stated: Option<HistoryStatement>,
    /// Whether it was deleted since.
    pub deleted: bool,
    /// Valid and known time of the version before; none before the first.
    pub times: Option<(Timestamp, Timestamp)>,
}

impl HistoryHead {
    /// Gives a version its rows, and moves on behind it: one that brings everything that the source had written down by the
    /// version before it, or that like this one has nothing of the kind. If it does not, rows are to be made of all versions
    /// together ([`derive`]).
    pub fn advance(&mut self, version: &mut HistoryVersion) {
        let tracked = tracked::fresh(self.stated.as_ref(), version.statement.as_ref());
        self.advance_by(version, &tracked);
    }

    /// The same, with the changes that are told by this version.
    fn advance_by(&mut self, version: &mut HistoryVersion, tracked: &[TrackedChange]) {
        let when = Interval::new(self.times, version);
        version.changes = match (&self.stated, &version.statement) {
            (None, None) => Vec::new(),
            (None, Some(first)) => created(first, version, tracked),
            (Some(_), None) if self.deleted => Vec::new(),
            (Some(_), None) => {
                let to = version.merged_into.and_then(value);
                vec![HistoryChange { to, ..when.row(HistoryField::Deleted) }]
            }
            (Some(before), Some(after)) => {
                let restored = self.deleted.then(|| when.row(HistoryField::Restored));
                restored.into_iter().chain(differences(before, after, &when, tracked)).collect()
            }
        };
        self.deleted = version.statement.is_none() && self.stated.is_some();
        self.stated = version.statement.clone().or_else(|| self.stated.take());
        self.times = Some((version.valid_at, version.known_at));
    }
}

/// Gives all versions of one record their rows. They must be in the order of their ids.
pub fn derive(versions: &mut [HistoryVersion]) {
    let mut head = HistoryHead::default();
    let tracked = tracked::by_version(versions);
    for (version, tracked) in versions.iter_mut().zip(&tracked) {
        head.advance_by(version, tracked);
    }
}

/// When a difference between two versions came about.
#[derive(Clone, Copy)]
struct Interval {
    since: Option<Timestamp>,
    until: Timestamp,
    evidence: HistoryEvidence,
    /// `since` is the moment at which the record was made, when it had values already.
    creation: bool,
}

impl Interval {
    /// What the version before said held at least until it was read, if it was read before this one's time.
    fn new(before: Option<(Timestamp, Timestamp)>, version: &HistoryVersion) -> Self {
        let until = version.valid_at;
        let since = before.map(|(valid, known)| if known <= until { known } else { valid });
        let unseen = before.is_none() || !version.gaps.is_empty();
        let evidence = if unseen { HistoryEvidence::Inferred } else { HistoryEvidence::ObservedDiff };
        Self { since, until, evidence, creation: false }
    }

    fn row(&self, field: HistoryField) -> HistoryChange {
        let Self { since, until, evidence, .. } = *self;
        HistoryChange { field, from: None, to: None, valid_at: until, since, evidence, by: None }
    }

    /// The row of a field; with the exact time, where the source gives one within the interval.
    fn exact(&self, field: HistoryField, mark: Option<&HistoryMark>) -> HistoryChange {
        let row = self.row(field);
        let begun =
            |at: Timestamp| self.since.is_none_or(|since| since < at || (self.creation && since == at));
        match mark.filter(|mark| mark.at <= self.until && begun(mark.at)) {
            Some(HistoryMark { at, by }) => HistoryChange {
                valid_at: *at,
                since: None,
                evidence: HistoryEvidence::SourceHistory,
                by: *by,
                ..row
            },
            None => row,
        }
    }
}

/// The first version: the record came to be, and since then each field has got the value that it has.
fn created(
    first: &HistoryStatement,
    version: &HistoryVersion,
    tracked: &[TrackedChange],
) -> Vec<HistoryChange> {
    let made = first.created_at.map(|at| HistoryMark { at, by: None });
    let unknown = HistoryEvidence::Inferred;
    let when = Interval { since: None, until: version.valid_at, evidence: unknown, creation: true };
    let begin = when.exact(HistoryField::Created, made.as_ref());
    let known = (begin.evidence == HistoryEvidence::SourceHistory).then_some(begin.valid_at);
    let when = Interval { since: known, ..when };
    let nothing = HistoryStatement::default();
    let fields = differences(&nothing, first, &when, tracked);
    [begin].into_iter().chain(fields).collect()
}

fn differences<'a>(
    before: &'a HistoryStatement,
    after: &'a HistoryStatement,
    when: &'a Interval,
    tracked: &'a [TrackedChange],
) -> impl Iterator<Item = HistoryChange> + 'a {
    let fields = HistoryField::VALUES.iter();
    fields.flat_map(move |field| {
        let (from, to) = (before.fields.get(field), after.fields.get(field));
        let mark = after.marks.get(field).filter(|mark| before.marks.get(field) != Some(mark));
        let mut told = tracked.iter().filter(|change| change.field == *field).peekable();
        if told.peek().is_some() {
            return tracked::rows(told, (from, to), when, mark);
        }
        let row = || HistoryChange { from: from.cloned(), to: to.cloned(), ..when.exact(*field, mark) };
        (from != to).then(row).into_iter().collect()
    })
}

impl HistoryField {
    /// Those that have values.
    const VALUES: [Self; 9] = [
        Self::Kind,
        Self::Stage,
        Self::Status,
        Self::Amount,
        Self::Currency,
        Self::Probability,
        Self::Owner,
        Self::Team,
        Self::CloseDate,
    ];
}
