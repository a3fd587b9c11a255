//! Money: integer minor units and an ISO 4217 code.
//!
//! A decimal amount becomes money once, rounded half-even to the currency's exponent; sums are checked. Amounts
//! of different currencies never add up here.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An ISO 4217 code: three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CurrencyCode([u8; 3]);

/// A currency as its source declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Currency {
    /// ISO 4217 code.
    #[schemars(with = "String")]
    pub code: CurrencyCode,
    /// Digits after the decimal point: 2 for USD, 0 for JPY, 3 for KWD.
    pub exponent: u8,
}

/// An amount in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "FlatMoney", into = "FlatMoney")]
#[schemars(!from, !into)]
pub struct Money {
    /// Integer minor units (cents for USD).
    pub minor: i64,
    /// Which currency.
    #[schemars(flatten)]
    pub currency: Currency,
}

/// As it is written: three fields.
#[derive(Serialize, Deserialize)]
struct FlatMoney {
    minor: i64,
    code: CurrencyCode,
    exponent: u8,
}

impl From<FlatMoney> for Money {
    fn from(FlatMoney { minor, code, exponent }: FlatMoney) -> Self {
        Self { minor, currency: Currency { code, exponent } }
    }
}

impl From<Money> for FlatMoney {
    fn from(Money { minor, currency: Currency { code, exponent } }: Money) -> Self {
        Self { minor, code, exponent }
    }
}

/// Why an amount cannot be money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three capital letters.
    #[error("currency code {0:?} must be three capital letters (ISO 4217)")]
    Code(String),
    /// Does not fit 64 bits of minor units, or is not a number.
    #[error("amount {0} is outside what can be held in minor units")]
    Range(String),
}

impl CurrencyCode {
    /// Checks and wraps a code.
    pub fn new(code: &str) -> Result<Self, MoneyError> {
        match code.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|letter| letter.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(MoneyError::Code(code.to_owned())),
        }
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl TryFrom<String> for CurrencyCode {
    type Error = MoneyError;
    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::new(&code)
    }
}

impl From<CurrencyCode> for String {
    fn from(code: CurrencyCode) -> String {
        code.to_string()
    }
}

impl Currency {
    /// A decimal amount in this currency, rounded half-even to its exponent.
    pub fn money(self, amount: Decimal) -> Result<Money, MoneyError> {
        let out_of_range = || MoneyError::Range(amount.to_string());
        let scale = Decimal::from(10u64.checked_pow(u32::from(self.exponent)).ok_or_else(out_of_range)?);
        let minor = amount
            .checked_mul(scale)
            .ok_or_else(out_of_range)?
            .round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
        let minor = i64::try_from(minor).map_err(|_| out_of_range())?;
        Ok(Money { minor, currency: self })
    }
}

impl Money {
    /// `self × parts ÷ 1,000,000`, rounded half-even to whole minor units.
    ///
    /// Used for amount × probability; a probability is at most one, so the result always fits.
    pub fn scaled_ppm(self, parts: u32) -> Self {
        let product = i128::from(self.minor) * i128::from(parts.min(1_000_000));
        let (quotient, remainder) = (product.div_euclid(1_000_000), product.rem_euclid(1_000_000));
        let round_up = remainder > 500_000 || (remainder == 500_000 && quotient % 2 != 0);
        let minor = quotient + i128::from(round_up);
        Self { minor: i64::try_from(minor).unwrap_or(self.minor), currency: self.currency }
    }
}

/// Reads a source's floating-point amount as the shortest decimal that names it, the one a person typed.
pub fn decimal_of_f64(amount: f64) -> Result<Decimal, MoneyError> {
    let out_of_range = || MoneyError::Range(amount.to_string());
    if !amount.is_finite() {
        return Err(out_of_range());
    }
    let text = format!("{amount:e}");
    Decimal::from_scientific(&text).map_err(|_| out_of_range())
}

/// Sums per currency; adding never mixes currencies and never wraps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MoneyBag(BTreeMap<Currency, i64>);

impl MoneyBag {
    /// Adds an amount; fails if the sum leaves 64 bits.
    pub fn add(&mut self, money: Money) -> Result<(), MoneyError> {
        let sum = self.0.entry(money.currency).or_default();
        *sum = sum
            .checked_add(money.minor)
            .ok_or_else(|| MoneyError::Range(format!("{sum} + {}", money.minor)))?;
        Ok(())
    }

    /// The sums, by currency code.
    pub fn amounts(&self) -> impl Iterator<Item = Money> + '_ {
        self.0.iter().map(|(currency, minor)| Money { minor: *minor, currency: *currency })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(exponent: u8) -> Currency {
        Currency { code: CurrencyCode::new("USD").unwrap(), exponent }
    }

    #[test]
    fn rounds_half_even_once() {
        let minor = |text: &str, exponent| currency(exponent).money(text.parse().unwrap()).unwrap().minor;
        assert_eq!(minor("10.005", 2), 1000);
        assert_eq!(minor("10.015", 2), 1002);
        assert_eq!(minor("12.345", 2), 1234);
        assert_eq!(minor("-10.015", 2), -1002);
        assert_eq!(minor("1500.5", 0), 1500);
        assert_eq!(minor("1.2345", 3), 1234);
    }

    #[test]
    fn reads_floats_as_typed() {
        let text = |amount: f64| decimal_of_f64(amount).unwrap().normalize().to_string();
        assert_eq!(text(10.005), "10.005");
        assert_eq!(text(1e-5), "0.00001");
        assert_eq!(text(9_007_199_254_740_992.0), "9007199254740992");
        assert!(decimal_of_f64(f64::NAN).is_err());
        assert!(decimal_of_f64(1e300).is_err());
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert!(currency(2).money(Decimal::MAX).is_err());
        assert!(currency(2).money("92233720368547758.08".parse().unwrap()).is_err());
        assert!(CurrencyCode::new("usd").is_err());
        let mut bag = MoneyBag::default();
        let most = Money { minor: i64::MAX, currency: currency(2) };
        bag.add(most).unwrap();
        assert!(bag.add(most).is_err());
    }

    #[test]
    fn weighs_half_even() {
        let weigh = |minor, ppm| Money { minor, currency: currency(2) }.scaled_ppm(ppm).minor;
        assert_eq!(weigh(5, 500_000), 2);
        assert_eq!(weigh(7, 500_000), 4);
        assert_eq!(weigh(100, 333_300), 33);
        assert_eq!(weigh(-5, 500_000), -2);
        assert_eq!(weigh(i64::MAX, 1_000_000), i64::MAX);
    }

    proptest! {
        #[test]
        fn minor_units_are_within_half_of_the_amount(mantissa in -10_000_000_000_000i64..10_000_000_000_000, scale in 0u32..6, exponent in 0u8..4) {
            let amount = Decimal::new(mantissa, scale);
            let money = currency(exponent).money(amount).unwrap();
            let back = Decimal::new(money.minor, u32::from(exponent));
            prop_assert!((back - amount).abs() <= Decimal::new(5, u32::from(exponent) + 1));
        }

        #[test]
        fn order_of_adding_does_not_matter(mut minors in prop::collection::vec(-1_000_000_000i64..1_000_000_000, 0..20)) {
            let sum = |minors: &[i64]| {
                let mut bag = MoneyBag::default();
                minors.iter().for_each(|minor| bag.add(Money { minor: *minor, currency: currency(2) }).unwrap());
                bag
            };
            let forward = sum(&minors);
            minors.reverse();
            prop_assert_eq!(forward, sum(&minors));
        }

        #[test]
        fn weighing_never_exceeds_the_amount(minor in any::<i64>(), parts in 0u32..=1_000_000) {
            let weighed = Money { minor, currency: currency(2) }.scaled_ppm(parts).minor;
            prop_assert!(weighed.unsigned_abs() <= minor.unsigned_abs());
        }
    }
}
