//! How fast a reading goes, and when it will be at its end.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

/// How far back the pace is measured: long enough that a slow page does not make the end jump, short enough that a source
/// which has become slower is noticed.
const WINDOW: Duration = Duration::from_secs(60);
/// A pace is told only after so long: the first page alone says little.
const LEAST: Duration = Duration::from_secs(2);

/// How much had been read when, over the last minute.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    looks: VecDeque<(Timestamp, u64)>,
}

impl Pace {
    /// Notes how much has been read by now. A look that is not later than the one before, by a clock that was set back, begins
    /// the measurement anew.
    pub fn note(&mut self, now: Timestamp, read: u64) {
        if self.looks.back().is_some_and(|(last, before)| *last > now || *before > read) {
            self.looks.clear();
        }
        self.looks.push_back((now, read));
        // The last look from before the window stays: from it on, the window is measured.
        while self.looks.get(1).is_some_and(|(second, _)| passed(*second, now) >= WINDOW) {
            self.looks.pop_front();
        }
    }

    /// Records in a second, over the last minute or since the first look; none until that says something.
    pub fn per_second(&self) -> Option<f64> {
        let ((first, before), (last, read)) = (self.looks.front()?, self.looks.back()?);
        let time = passed(*first, *last);
        (time >= LEAST).then(|| (read - before) as f64 / time.as_secs_f64())
    }
}

fn passed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Seconds until everything is read: what is left at the pace of the last minute. None if it is not known how much there is, or
/// how fast it goes, or if nothing moves or nothing is left.
pub fn seconds_left(read: u64, total: Option<u64>, per_second: Option<f64>) -> Option<u64> {
    let left = total?.checked_sub(read).filter(|left| *left > 0)?;
    let seconds = left as f64 / per_second.filter(|pace| *pace > 0.0)?;
    // A hundred years are no forecast.
    (seconds < 3e9).then_some(seconds.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_pace_is_that_of_the_last_minute() {
        let mut pace = Pace::default();
        assert_eq!(pace.per_second(), None);
        pace.note(at(0), 0);
        pace.note(at(1), 500);
        assert_eq!(pace.per_second(), None, "a second says little");
        for second in 2..=100 {
            pace.note(at(second), 1_000);
        }
        assert_eq!(pace.per_second(), Some(0.0), "nothing has moved for more than a minute");
        for second in 101..=160 {
            pace.note(at(second), 1_000 + (second as u64 - 100) * 20);
        }
        assert_eq!(pace.per_second(), Some(20.0));
        pace.note(at(50), 2_200);
        assert_eq!(pace.per_second(), None, "the clock was set back");
    }

    #[test]
    fn the_end_is_what_is_left_at_that_pace() {
        assert_eq!(seconds_left(50, Some(200), Some(10.0)), Some(15));
        assert_eq!(seconds_left(50, Some(201), Some(10.0)), Some(16), "rounded up");
        assert_eq!(seconds_left(50, None, Some(10.0)), None, "how much there is, is not known");
        assert_eq!(seconds_left(50, Some(200), None), None, "how fast it goes, is not known");
        assert_eq!(seconds_left(50, Some(200), Some(0.0)), None, "nothing moves");
        assert_eq!(seconds_left(200, Some(200), Some(10.0)), None, "nothing is left");
        assert_eq!(seconds_left(210, Some(200), Some(10.0)), None, "more came than was said");
        assert_eq!(seconds_left(0, Some(u64::MAX), Some(1e-9)), None);
    }

    proptest! {
        #[test]
        fn a_steady_reading_ends_when_it_was_said(per_second in 1_u64..5_000, seconds in 2_u64..600, more in 0_u64..100_000) {
            let mut pace = Pace::default();
            for second in 0..=seconds {
                pace.note(at(second as i64), second * per_second);
            }
            let read = seconds * per_second;
            let left = seconds_left(read, Some(read + more), pace.per_second()).unwrap_or(0);
            prop_assert!(left.abs_diff(more.div_ceil(per_second)) <= 1);
        }
    }
}
