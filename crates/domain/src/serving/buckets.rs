//! Prepared sums: per scope key and local day, in minor units per currency.
//!
//! A deal contributes to a few cells; a change takes its former contribution out and puts the new one in, so the
//! sums are a function of the present deals alone. Cells that come to nothing are removed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::access::ScopeKey;
use crate::canonical::{FacetId, Golden, GoldenBody, OpportunityKind, Status};
use crate::money::{Currency, CurrencyCode, Money, MoneyError};

/// Count and money of some deals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Deals.
    pub count: i64,
    /// Of these, without an amount.
    pub unvalued: i64,
    /// Minor units per currency; the key is the code and its exponent: `USD2`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub currencies: BTreeMap<String, MinorUnits>,
}

/// Sums in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinorUnits {
    /// Deals with an amount in this currency.
    pub count: i64,
    /// Σ amount.
    pub amount: i64,
    /// Σ amount × probability, each deal rounded half-even.
    pub weighted: i64,
}

impl Sums {
    /// The sums of a single deal.
    fn of(amount: Option<Money>, weighted: Option<Money>) -> Self {
        let mut sums = Self { count: 1, unvalued: i64::from(amount.is_none()), currencies: BTreeMap::new() };
        if let Some(money) = amount {
            let weighted = weighted.map_or(0, |weighted| weighted.minor);
            let units = MinorUnits { count: 1, amount: money.minor, weighted };
            sums.currencies.insert(format!("{}{}", money.currency.code, money.currency.exponent), units);
        }
        sums
    }

    /// Amount and weighted amount per currency.
    pub fn money(&self) -> impl Iterator<Item = (Money, Money)> + '_ {
        self.currencies.iter().filter_map(|(key, units)| {
            let code = CurrencyCode::new(key.get(..3)?).ok()?;
            let currency = Currency { code, exponent: key.get(3..)?.parse().ok()? };
            Some((Money { minor: units.amount, currency }, Money { minor: units.weighted, currency }))
        })
    }

    /// Adds other sums; fails if a sum leaves 64 bits.
    pub fn add(&mut self, other: &Self) -> Result<(), MoneyError> {
        self.apply(other, 1)
    }

    /// Adds (`sign` 1) or takes away (`sign` -1); fails if a sum leaves 64 bits.
    fn apply(&mut self, other: &Self, sign: i64) -> Result<(), MoneyError> {
        let moved = |held: i64, by: i64| {
            let by = by.checked_mul(sign);
            by.and_then(|by| held.checked_add(by))
                .ok_or_else(|| MoneyError::Range(format!("{held} and more")))
        };
        self.count = moved(self.count, other.count)?;
        self.unvalued = moved(self.unvalued, other.unvalued)?;
        for (key, units) in &other.currencies {
            let held = self.currencies.entry(key.clone()).or_default();
            held.count = moved(held.count, units.count)?;
            held.amount = moved(held.amount, units.amount)?;
            held.weighted = moved(held.weighted, units.weighted)?;
        }
        self.currencies.retain(|_, units| *units != MinorUnits::default());
        Ok(())
    }

    fn is_nothing(&self) -> bool {
        self.count == 0 && self.unvalued == 0 && self.currencies.is_empty()
    }
}

/// What is counted by day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Open deals by expected close date.
    OpenByCloseDate,
    /// Won deals by the day they were won.
    WonByClosedOn,
    /// Lost deals by the day they were lost.
    LostByClosedOn,
    /// All deals by the day they were created.
    CreatedByCreatedOn,
}

impl Measure {
    fn word(self) -> &'static str {
        match self {
            Self::OpenByCloseDate => "open_by_close_date",
            Self::WonByClosedOn => "won_by_closed_on",
            Self::LostByClosedOn => "lost_by_closed_on",
            Self::CreatedByCreatedOn => "created_by_created_on",
        }
    }
}

/// A local day, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Day {
    /// This day.
    On(Date),
    /// The deal has no such date.
    Undated,
}

impl From<Option<Date>> for Day {
    fn from(date: Option<Date>) -> Self {
        date.map_or(Self::Undated, Self::On)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On(date) => date.fmt(f),
            Self::Undated => f.write_str("undated"),
        }
    }
}

impl FromStr for Day {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        if text == "undated" { Ok(Self::Undated) } else { text.parse().map(Self::On) }
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A month of day buckets of one scope key and measure: the document of `dashboard_stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayBuckets {
    /// `<scope key>|<measure>|<month>`.
    #[serde(rename = "_id")]
    pub id: String,
    /// Who may see it.
    pub scope_key: ScopeKey,
    /// What is counted.
    pub measure: Measure,
    /// `2026-11`, or `undated`.
    pub month: String,
    /// Sums per day.
    pub days: BTreeMap<Day, Sums>,
}

/// Open deals of one scope key and stage: the document of `pipeline_summary`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSummary {
    /// `<scope key>|<stage>`.
    #[serde(rename = "_id")]
    pub id: String,
    /// Who may see it.
    pub scope_key: ScopeKey,
    /// The stage; none for deals without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<FacetId>,
    /// Its sums.
    pub sums: Sums,
}

/// What the sums need to know of a deal; kept per deal, so that a change can take the former out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealFacts {
    /// Who may see it.
    pub scope_key: ScopeKey,
    /// Open, won, lost, archived.
    pub status: Status,
    /// Stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<FacetId>,
    /// Amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Weighted amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Money>,
    /// Expected close date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_date: Option<Date>,
    /// Day it was won or lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_on: Option<Date>,
    /// Day it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_on: Option<Date>,
}

impl DealFacts {
    /// The facts of a golden record that counts: an opportunity (not a lead) that is not deleted (rule R8).
    pub fn of(golden: &Golden) -> Option<Self> {
        let GoldenBody::Opportunity(deal) = &golden.body else { return None };
        let counts = deal.opportunity_kind == OpportunityKind::Opportunity && !golden.deleted;
        counts.then(|| Self {
            scope_key: golden.scope_key.clone(),
            status: deal.status,
            stage: deal.stage,
            amount: deal.amount,
            weighted: deal.weighted,
            close_date: deal.close_date,
            closed_on: deal.closed_on,
            created_on: deal.created_on,
        })
    }
}

/// Which sum a deal goes into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellKey {
    /// A day of [`DayBuckets`].
    Day(Measure, Day),
    /// A [`StageSummary`].
    Stage(Option<FacetId>),
}

/// A deal's contribution to one sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Whose sums.
    pub scope_key: ScopeKey,
    /// Which of them.
    pub key: CellKey,
    /// What it adds.
    pub sums: Sums,
}

/// The day buckets a deal is in.
pub fn day_cells(deal: &DealFacts) -> Vec<Cell> {
    let sums = Sums::of(deal.amount, deal.weighted);
    let cell = |measure, date: Option<Date>| Cell {
        scope_key: deal.scope_key.clone(),
        key: CellKey::Day(measure, date.into()),
        sums: sums.clone(),
    };
    let mut cells = vec![cell(Measure::CreatedByCreatedOn, deal.created_on)];
    match deal.status {
        Status::Open => cells.push(cell(Measure::OpenByCloseDate, deal.close_date)),
        Status::Won => cells.push(cell(Measure::WonByClosedOn, deal.closed_on)),
        Status::Lost => cells.push(cell(Measure::LostByClosedOn, deal.closed_on)),
        Status::Archived => {}
    }
    cells
}

/// The stage summary a deal is in; only open deals are.
pub fn stage_cell(deal: &DealFacts) -> Option<Cell> {
    (deal.status == Status::Open).then(|| Cell {
        scope_key: deal.scope_key.clone(),
        key: CellKey::Stage(deal.stage),
        sums: Sums::of(deal.amount, deal.weighted),
    })
}

impl Cell {
    /// Id of the document that holds the sum.
    pub fn document_id(&self) -> String {
        match self.key {
            CellKey::Day(measure, day) => format!("{}|{}|{}", self.scope_key, measure.word(), month(day)),
            CellKey::Stage(stage) => stage_id(&self.scope_key, stage),
        }
    }
}

fn stage_id(scope_key: &ScopeKey, stage: Option<FacetId>) -> String {
    match stage {
        Some(stage) => format!("{scope_key}|{stage}"),
        None => format!("{scope_key}|none"),
    }
}

fn month(day: Day) -> String {
    match day {
        Day::On(date) => format!("{:04}-{:02}", date.year(), date.month()),
        Day::Undated => "undated".to_owned(),
    }
}

/// A document of sums.
pub trait SumDocument: Sized {
    /// An empty document for a cell; none if the cell is another kind's.
    fn empty(cell: &Cell) -> Option<Self>;

    /// Adds (`sign` 1) or takes away (`sign` -1) a cell of this document; fails if a sum leaves 64 bits.
    fn apply(&mut self, cell: &Cell, sign: i64) -> Result<(), MoneyError>;

    /// Nothing is left in it.
    fn is_empty(&self) -> bool;

    /// Its id.
    fn id(&self) -> &str;

    /// Whose sums it holds.
    fn scope_key(&self) -> &ScopeKey;

    /// An empty document for the same sums of somebody else.
    fn of_another(&self, scope_key: &ScopeKey) -> Self;

    /// Adds (`sign` 1) or takes away (`sign` -1) the sums of another document; fails if a sum leaves 64 bits.
    fn merge(&mut self, other: &Self, sign: i64) -> Result<(), MoneyError>;
}

impl SumDocument for DayBuckets {
    fn empty(cell: &Cell) -> Option<Self> {
        let CellKey::Day(measure, day) = cell.key else { return None };
        Some(Self {
            id: cell.document_id(),
            scope_key: cell.scope_key.clone(),
            measure,
            month: month(day),
            days: BTreeMap::new(),
        })
    }

    fn apply(&mut self, cell: &Cell, sign: i64) -> Result<(), MoneyError> {
        let CellKey::Day(_, day) = cell.key else { return Ok(()) };
        let sums = self.days.entry(day).or_default();
        sums.apply(&cell.sums, sign)?;
        if sums.is_nothing() {
            self.days.remove(&day);
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn scope_key(&self) -> &ScopeKey {
        &self.scope_key
    }

    fn of_another(&self, scope_key: &ScopeKey) -> Self {
        let (measure, month) = (self.measure, self.month.clone());
        let id = format!("{scope_key}|{}|{month}", measure.word());
        Self { id, scope_key: scope_key.clone(), measure, month, days: BTreeMap::new() }
    }

    fn merge(&mut self, other: &Self, sign: i64) -> Result<(), MoneyError> {
        for (day, sums) in &other.days {
            let held = self.days.entry(*day).or_default();
            held.apply(sums, sign)?;
            if held.is_nothing() {
                self.days.remove(day);
            }
        }
        Ok(())
    }
}

impl SumDocument for StageSummary {
    fn empty(cell: &Cell) -> Option<Self> {
        let CellKey::Stage(stage) = cell.key else { return None };
        Some(Self { id: cell.document_id(), scope_key: cell.scope_key.clone(), stage, sums: Sums::default() })
    }

    fn apply(&mut self, cell: &Cell, sign: i64) -> Result<(), MoneyError> {
        self.sums.apply(&cell.sums, sign)
    }

    fn is_empty(&self) -> bool {
        self.sums.is_nothing()
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn scope_key(&self) -> &ScopeKey {
        &self.scope_key
    }

    fn of_another(&self, scope_key: &ScopeKey) -> Self {
        let id = stage_id(scope_key, self.stage);
        Self { id, scope_key: scope_key.clone(), stage: self.stage, sums: Sums::default() }
    }

    fn merge(&mut self, other: &Self, sign: i64) -> Result<(), MoneyError> {
        self.sums.apply(&other.sums, sign)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn deal(status: Status, minor: Option<i64>, day: Option<i8>) -> DealFacts {
        let currency = Currency { code: CurrencyCode::new("USD").unwrap(), exponent: 2 };
        let amount = minor.map(|minor| Money { minor, currency });
        let date = day.map(|day| Date::new(2026, 11, day).unwrap());
        DealFacts {
            scope_key: ScopeKey::public(),
            status,
            stage: None,
            amount,
            weighted: amount.map(|amount| amount.scaled_ppm(500_000)),
            close_date: date,
            closed_on: date,
            created_on: date,
        }
    }

    fn fold(deals: &[(DealFacts, i64)]) -> BTreeMap<String, DayBuckets> {
        let mut documents: BTreeMap<String, DayBuckets> = BTreeMap::new();
        for (deal, sign) in deals {
            for cell in day_cells(deal) {
                let id = cell.document_id();
                let document = documents.entry(id).or_insert_with(|| DayBuckets::empty(&cell).unwrap());
                document.apply(&cell, *sign).unwrap();
            }
        }
        documents.retain(|_, document| !document.is_empty());
        documents
    }

    #[test]
    fn a_document_reads_back() {
        let documents =
            fold(&[(deal(Status::Open, Some(1050), Some(3)), 1), (deal(Status::Open, None, None), 1)]);
        for document in documents.values() {
            let text = serde_json::to_string(document).unwrap();
            assert_eq!(&serde_json::from_str::<DayBuckets>(&text).unwrap(), document);
        }
        assert_eq!(documents.len(), 4);
    }

    fn arbitrary_deal() -> impl Strategy<Value = DealFacts> {
        let status = prop::sample::select(vec![Status::Open, Status::Won, Status::Lost, Status::Archived]);
        (status, prop::option::of(-10_000i64..10_000), prop::option::of(1i8..28))
            .prop_map(|(status, minor, day)| deal(status, minor, day))
    }

    proptest! {
        #[test]
        fn taking_out_what_was_put_in_leaves_what_the_rest_gives(
            stay in prop::collection::vec(arbitrary_deal(), 0..10),
            leave in prop::collection::vec(arbitrary_deal(), 0..10),
        ) {
            let mut moves: Vec<_> = leave.iter().cloned().map(|deal| (deal, 1)).collect();
            moves.extend(stay.iter().cloned().map(|deal| (deal, 1)));
            moves.extend(leave.into_iter().map(|deal| (deal, -1)));
            let rest: Vec<_> = stay.into_iter().map(|deal| (deal, 1)).collect();
            prop_assert_eq!(fold(&moves), fold(&rest));
        }
    }
}
