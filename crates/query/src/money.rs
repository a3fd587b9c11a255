//! Money as the API spells it.

use salescommand_domain::money::{self, MoneyBag};
use serde::Serialize;
use utoipa::ToSchema;

/// Integer minor units of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Money {
    /// ISO 4217 code.
    pub currency: String,
    /// Minor units: cents for USD.
    pub minor: i64,
    /// Digits after the decimal point.
    #[schema(format = Int32)]
    pub exponent: u8,
}

impl From<money::Money> for Money {
    fn from(money: money::Money) -> Self {
        Self {
            currency: money.currency.code.to_string(),
            minor: money.minor,
            exponent: money.currency.exponent,
        }
    }
}

/// Sums per currency, by code.
pub(crate) fn amounts(bag: &MoneyBag) -> Vec<Money> {
    bag.amounts().map(Money::from).collect()
}
