//! Fiscal quarters.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::canonical::CalendarFacet;

/// A period of days: `start` is in it, `end` is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// `2026-Q4`.
    pub key: String,
    /// `Q4 2026`.
    pub label: String,
    /// First day.
    pub start: Date,
    /// First day after it.
    pub end: Date,
}

/// A period that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("period {0:?} must look like 2026-Q4, with a year from 1900 to 2200")]
pub struct PeriodError(String);

impl Period {
    /// The fiscal quarter in which a moment falls. A fiscal year is named after the calendar year in which it ends.
    pub fn quarter_of(now: Timestamp, calendar: &CalendarFacet) -> Result<Self, PeriodError> {
        let zone = TimeZone::get(&calendar.time_zone).unwrap_or(TimeZone::UTC);
        let today = now.to_zoned(zone).date();
        let first = i16::from(calendar.fiscal_year_start.clamp(1, 12));
        let into_year = (i16::from(today.month()) - first).rem_euclid(12);
        let begins = if i16::from(today.month()) >= first { today.year() } else { today.year() - 1 };
        let year = if first == 1 { begins } else { begins + 1 };
        Self::quarter(year, into_year / 3 + 1, calendar)
    }

    /// Reads `2026-Q4`.
    pub fn parse(key: &str, calendar: &CalendarFacet) -> Result<Self, PeriodError> {
        let wrong = || PeriodError(key.to_owned());
        let (year, quarter) = key.split_once("-Q").ok_or_else(wrong)?;
        let year: i16 = year.parse().map_err(|_| wrong())?;
        let quarter: i16 = quarter.parse().map_err(|_| wrong())?;
        if !(1900..=2200).contains(&year) || !(1..=4).contains(&quarter) {
            return Err(wrong());
        }
        Self::quarter(year, quarter, calendar)
    }

    fn quarter(year: i16, quarter: i16, calendar: &CalendarFacet) -> Result<Self, PeriodError> {
        let key = format!("{year}-Q{quarter}");
        let first = calendar.fiscal_year_start.clamp(1, 12);
        let begins = if first == 1 { year } else { year - 1 };
        let outside = |_| PeriodError(key.clone());
        let year_start = Date::new(begins, i8::try_from(first).unwrap_or(1), 1).map_err(outside)?;
        let start = year_start.checked_add(((quarter - 1) * 3).months()).map_err(outside)?;
        let end = start.checked_add(3.months()).map_err(outside)?;
        Ok(Self { label: format!("Q{quarter} {year}"), key, start, end })
    }

    /// Whether a day is in it.
    pub fn contains(&self, day: Date) -> bool {
        self.start <= day && day < self.end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar(zone: &str, start: u8) -> CalendarFacet {
        CalendarFacet { time_zone: zone.to_owned(), fiscal_year_start: start }
    }

    #[test]
    fn quarters_follow_the_fiscal_year_and_the_zone() {
        let at = |text: &str, calendar: &CalendarFacet| {
            let period = Period::quarter_of(text.parse().unwrap(), calendar).unwrap();
            (period.key, period.start.to_string(), period.end.to_string())
        };
        let plain = calendar("UTC", 1);
        assert_eq!(
            at("2026-11-23T08:00:00Z", &plain),
            ("2026-Q4".into(), "2026-10-01".into(), "2027-01-01".into())
        );
        let april = calendar("UTC", 4);
        assert_eq!(
            at("2026-02-01T00:00:00Z", &april),
            ("2026-Q4".into(), "2026-01-01".into(), "2026-04-01".into())
        );
        assert_eq!(
            at("2026-04-01T00:00:00Z", &april),
            ("2027-Q1".into(), "2026-04-01".into(), "2026-07-01".into())
        );
        let muscat = calendar("Asia/Muscat", 1);
        assert_eq!(at("2026-12-31T21:00:00Z", &muscat).0, "2027-Q1");
    }

    #[test]
    fn unreadable_periods_are_refused() {
        for bad in ["", "2026", "2026-Q5", "2026-Q0", "x-Q1", "99999-Q1", "-5-Q1"] {
            assert!(Period::parse(bad, &calendar("UTC", 1)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_is_in_its_quarter_and_the_key_reads_back(seconds in 0i64..4_000_000_000, start in 1u8..=12) {
            let calendar = calendar("UTC", start);
            let now = Timestamp::from_second(seconds).unwrap();
            let period = Period::quarter_of(now, &calendar).unwrap();
            prop_assert!(period.contains(now.to_zoned(TimeZone::UTC).date()));
            prop_assert_eq!(Period::parse(&period.key, &calendar).unwrap(), period);
        }
    }
}
