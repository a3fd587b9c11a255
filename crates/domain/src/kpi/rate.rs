//! Rates with their uncertainty.

/// A share of a total, with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Numerator.
    pub part: i64,
    /// Denominator.
    pub whole: i64,
    /// `part ÷ whole`; none when there is nothing to divide by (rule R6: never 0).
    pub value: Option<f64>,
    /// Lower end of the Wilson 95% interval.
    pub low: Option<f64>,
    /// Upper end of the Wilson 95% interval.
    pub high: Option<f64>,
}

/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// `part` of `part + rest`, with the Wilson score interval (E. B. Wilson, JASA 22, 1927; rule R7).
pub fn rate(part: i64, rest: i64) -> Rate {
    let whole = part + rest;
    if part < 0 || rest < 0 || whole == 0 {
        return Rate { part, whole, value: None, low: None, high: None };
    }
    let n = whole as f64;
    let p = part as f64 / n;
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Rate {
        part,
        whole,
        value: Some(p),
        low: Some(((centre - spread) / scale).max(0.0)),
        high: Some(((centre + spread) / scale).min(1.0)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_closed_is_no_rate() {
        assert_eq!(rate(0, 0).value, None);
    }

    #[test]
    fn agrees_with_a_published_example() {
        // 8 of 10: Wilson 95% is 0.490 to 0.943 (Newcombe, Statistics in Medicine 17, 1998).
        let rate = rate(8, 2);
        assert!((rate.low.unwrap() - 0.490).abs() < 0.001 && (rate.high.unwrap() - 0.943).abs() < 0.001);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_rate(part in 0i64..100_000, rest in 0i64..100_000) {
            let rate = rate(part, rest);
            if let (Some(value), Some(low), Some(high)) = (rate.value, rate.low, rate.high) {
                prop_assert!((0.0..=1.0).contains(&low) && low <= value + 1e-12 && value <= high + 1e-12 && high <= 1.0);
            } else {
                prop_assert_eq!(part + rest, 0);
            }
        }
    }
}
