//! What a comparison has shown, as the API spells it.

use salescommand_domain::generation::{self as domain, Gate};
use serde::Serialize;
use utoipa::ToSchema;

use crate::money::Money;
use crate::routes::data_lake::generations::list::{LogPlace, places};

/// Whether the new generation may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// Equal, or a changed definition explains every difference.
    Open,
    /// Something differs that nothing explains: a defect.
    Shut,
}

impl From<Gate> for GateState {
    fn from(gate: Gate) -> Self {
        match gate {
            Gate::Open => Self::Open,
            Gate::Shut => Self::Shut,
        }
    }
}

/// A document that differs.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceSample {
    /// Its id.
    pub id: String,
    /// Where it differs, as JSON pointers; empty if only one generation has it.
    pub fields: Vec<String>,
    /// Only what is read has it.
    pub only_before: bool,
    /// Only what was built has it.
    pub only_after: bool,
    /// The changed parts of the definition that explain it; empty if none does.
    pub explained_by: Vec<String>,
}

/// What differs in a collection.
#[derive(Debug, Serialize, ToSchema)]
pub struct CollectionComparison {
    /// Its name, without a generation.
    pub collection: String,
    /// Documents in what is read.
    #[schema(format = Int64)]
    pub before: u64,
    /// Documents in what was built.
    #[schema(format = Int64)]
    pub after: u64,
    /// Only in what is read.
    #[schema(format = Int64)]
    pub only_before: u64,
    /// Only in what was built.
    #[schema(format = Int64)]
    pub only_after: u64,
    /// In both, and different.
    #[schema(format = Int64)]
    pub changed: u64,
    /// Of all these, not explained by a changed definition.
    #[schema(format = Int64)]
    pub unexplained: u64,
    /// Some of them, unexplained ones first.
    pub samples: Vec<DifferenceSample>,
}

/// All deals' amounts in a currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct MoneyComparison {
    /// In what is read.
    pub before: Money,
    /// In what was built.
    pub after: Money,
}

/// What a comparison has shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparisonDetail {
    /// Where in the raw logs both stood.
    pub position: Vec<LogPlace>,
    /// The parts of the definition that differ.
    pub changed_definition: Vec<String>,
    /// Collections with a difference; those that are equal are only counted.
    pub collections: Vec<CollectionComparison>,
    /// Amounts per currency.
    pub money: Vec<MoneyComparison>,
}

impl From<&domain::Comparison> for ComparisonDetail {
    fn from(comparison: &domain::Comparison) -> Self {
        Self {
            position: places(&comparison.vector),
            changed_definition: comparison.changed_definition.iter().cloned().collect(),
            collections: comparison.collections.iter().map(collection).collect(),
            money: comparison.money.iter().map(money).collect(),
        }
    }
}

fn collection(found: &domain::CollectionDifference) -> CollectionComparison {
    let sample = |sample: &domain::Sample| DifferenceSample {
        id: sample.id.clone(),
        fields: sample.fields.clone(),
        only_before: sample.only_before,
        only_after: sample.only_after,
        explained_by: sample.explained_by.clone(),
    };
    CollectionComparison {
        collection: found.collection.clone(),
        before: found.before,
        after: found.after,
        only_before: found.only_before,
        only_after: found.only_after,
        changed: found.changed,
        unexplained: found.unexplained,
        samples: found.samples.iter().map(sample).collect(),
    }
}

fn money(total: &domain::MoneyTotal) -> MoneyComparison {
    // `USD2`: the code, and the digit that is its exponent.
    let (currency, exponent) = total.currency.split_at_checked(3).unwrap_or((&total.currency, ""));
    let exponent = exponent.parse().unwrap_or(0);
    let of = |minor| Money { currency: currency.to_owned(), minor, exponent };
    MoneyComparison { before: of(total.before), after: of(total.after) }
}
