//! How much is read: what background tasks ask before they take more of the database than readers leave them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The subject at which a query service says how many answers a second it gives, as a decimal number in text.
pub const LOAD_SUBJECT: &str = "svc.query.load";

/// Answers are counted over this long.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts the answers of one query service.
#[derive(Debug)]
pub struct Load(Mutex<Windows>);

#[derive(Debug)]
struct Windows {
    began: Instant,
    present: u32,
    /// Answers a second in the window before.
    before: f64,
}

impl Default for Load {
    fn default() -> Self {
        Self(Mutex::new(Windows { began: Instant::now(), present: 0, before: 0.0 }))
    }
}

impl Load {
    /// An answer was given.
    pub(crate) fn count(&self) {
        self.windows(Instant::now(), |windows| windows.present += 1);
    }

    /// Answers a second, of late.
    pub fn rate(&self) -> f64 {
        self.windows(Instant::now(), |windows| windows.before)
    }

    fn windows<T>(&self, now: Instant, then: impl FnOnce(&mut Windows) -> T) -> T {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = now.saturating_duration_since(windows.began);
        if elapsed >= WINDOW {
            // Of a window that nobody closed for long, the rate over all that time.
            let before = f64::from(windows.present) / elapsed.as_secs_f64();
            *windows = Windows { began: now, present: 0, before };
        }
        then(&mut windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_second() {
        let load = Load::default();
        let began = load.windows(Instant::now(), |windows| windows.began);
        let at = |millis| began + Duration::from_millis(millis);
        for answer in 0..200 {
            load.windows(at(answer * 5), |windows| windows.present += 1);
        }
        assert!((load.windows(at(1_000), |windows| windows.before) - 200.0).abs() < 1.0);
        assert!(
            load.windows(at(9_000), |windows| windows.before).abs() < f64::EPSILON,
            "nobody reads any more"
        );
    }
}
