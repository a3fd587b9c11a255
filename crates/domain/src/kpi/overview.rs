//! The overview: open and weighted pipeline, won and lost in a period, win rate, pipeline by stage.

use std::collections::BTreeMap;

use super::{Period, Rate, rate};
use crate::canonical::FacetId;
use crate::money::{MoneyBag, MoneyError};
use crate::serving::{Day, DayBuckets, Measure, StageSummary, Sums};

/// A number of deals and what they are worth, per currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figure {
    /// Deals.
    pub count: i64,
    /// Of these, without an amount (rule R6: counted, never zero).
    pub unvalued: i64,
    /// Of these, without a date.
    pub undated: i64,
    /// Σ amount, per currency.
    pub amounts: MoneyBag,
    /// Σ amount × probability, per currency.
    pub weighted: MoneyBag,
}

impl Figure {
    fn add(&mut self, sums: &Sums) -> Result<(), MoneyError> {
        self.count += sums.count;
        self.unvalued += sums.unvalued;
        for (amount, weighted) in sums.money() {
            self.amounts.add(amount)?;
            self.weighted.add(weighted)?;
        }
        Ok(())
    }
}

/// The figures of the overview.
#[derive(Debug, Clone, PartialEq)]
pub struct OverviewFigures {
    /// Open deals, whatever their expected close date.
    pub open: Figure,
    /// Won within the period.
    pub won: Figure,
    /// Lost within the period.
    pub lost: Figure,
    /// Won ÷ (won + lost), by count, both closed within the period.
    pub win_rate: Rate,
}

/// Sums prepared buckets. The caller has read the buckets of its scope; those of other periods may be among them.
pub fn overview(buckets: &[DayBuckets], period: &Period) -> Result<OverviewFigures, MoneyError> {
    let (mut open, mut won, mut lost) = (Figure::default(), Figure::default(), Figure::default());
    for bucket in buckets {
        for (day, sums) in &bucket.days {
            let in_period = matches!(day, Day::On(date) if period.contains(*date));
            match bucket.measure {
                Measure::OpenByCloseDate => {
                    open.add(sums)?;
                    open.undated += if *day == Day::Undated { sums.count } else { 0 };
                }
                Measure::WonByClosedOn if in_period => won.add(sums)?,
                Measure::LostByClosedOn if in_period => lost.add(sums)?,
                Measure::WonByClosedOn | Measure::LostByClosedOn | Measure::CreatedByCreatedOn => {}
            }
        }
    }
    let win_rate = rate(won.count, lost.count);
    Ok(OverviewFigures { open, won, lost, win_rate })
}

/// Open deals in one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageFigure {
    /// The stage; none for deals without one.
    pub stage: Option<FacetId>,
    /// Its deals.
    pub figure: Figure,
}

/// Sums the prepared stage documents of a scope, one figure per stage, by stage id.
pub fn pipeline_by_stage(summaries: &[StageSummary]) -> Result<Vec<StageFigure>, MoneyError> {
    let mut stages: BTreeMap<Option<FacetId>, Figure> = BTreeMap::new();
    for summary in summaries {
        stages.entry(summary.stage).or_default().add(&summary.sums)?;
    }
    Ok(stages.into_iter().map(|(stage, figure)| StageFigure { stage, figure }).collect())
}
