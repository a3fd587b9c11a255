//! How long to wait before trying again.

use std::time::Duration;

/// The first wait is at most this.
const BASE: Duration = Duration::from_millis(500);
/// No wait is longer, so that a source that is back is noticed within a minute.
const CAP: Duration = Duration::from_secs(60);

/// Exponential back-off with full jitter: anything between nothing and the doubled bound, so that many clients of
/// one server that went down do not come back in step. `attempt` counts from 0, `random` is in 0..1.
pub fn compute_delay(attempt: u32, random: f64) -> Duration {
    let bound = BASE.saturating_mul(1 << attempt.min(16)).min(CAP);
    let share = if random.is_finite() { random.clamp(0.0, 1.0) } else { 1.0 };
    bound.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn doubles_up_to_a_minute() {
        assert_eq!(compute_delay(0, 1.0), Duration::from_millis(500));
        assert_eq!(compute_delay(3, 1.0), Duration::from_secs(4));
        assert_eq!(compute_delay(7, 1.0), Duration::from_secs(60));
        assert_eq!(compute_delay(2, 0.5), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn never_panics_and_never_exceeds_the_bound(attempt: u32, random: f64) {
            prop_assert!(compute_delay(attempt, random) <= CAP);
        }

        #[test]
        fn grows_with_the_attempt(attempt in 0u32..40, random in 0.0..1.0f64) {
            prop_assert!(compute_delay(attempt, random) <= compute_delay(attempt + 1, random));
        }
    }
}
