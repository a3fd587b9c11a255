//! The server's idea of now. Tests fix it and move it by hand; the binary follows the machine's clock, shifted when
//! the demo pins its day.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

#[derive(Clone, Copy, Debug)]
enum Source {
    /// The machine's clock plus a shift.
    Machine(SignedDuration),
    /// A moment that moves only when told.
    Fixed(Timestamp),
}

/// What one clock remembers.
#[derive(Clone, Copy, Debug)]
struct State {
    source: Source,
    /// Start of the latest transaction.
    started: Timestamp,
}

/// A clock shared by everything in one simulator.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<State>>);

/// Between a whole second a test has set and the first transaction in it.
const FIRST_START: SignedDuration = SignedDuration::from_micros(104_729);
/// Between the starts of two transactions in one second that stands still.
const NEXT_START: SignedDuration = SignedDuration::from_micros(17);

impl Clock {
    /// The machine's clock.
    pub fn machine() -> Self {
        Self::from_source(Source::Machine(SignedDuration::ZERO))
    }

    /// The machine's clock, shifted so that it reads `start` now.
    pub fn starting_at(start: Timestamp) -> Self {
        Self::from_source(Source::Machine(start.duration_since(machine_now())))
    }

    /// A clock that stands at `at` until it is moved.
    pub fn fixed(at: Timestamp) -> Self {
        Self::from_source(Source::Fixed(at))
    }

    /// The current moment, whole microseconds.
    pub fn now(&self) -> Timestamp {
        let now = match self.lock().source {
            Source::Machine(shift) => machine_now().checked_add(shift).unwrap_or(Timestamp::MAX),
            Source::Fixed(at) => at,
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// The start of a new transaction: now. Where the clock stands on a whole second, a fraction of that second later
    /// and later than the one before, because no transaction of a real server starts on a whole second, and what
    /// compares with the value as sent must not find it by luck.
    pub(crate) fn start(&self) -> Timestamp {
        let now = self.now();
        let mut state = self.lock();
        if matches!(state.source, Source::Fixed(_)) && now.subsec_nanosecond() == 0 {
            let same_second = state.started > now && state.started.as_second() == now.as_second();
            let (from, by) = if same_second { (state.started, NEXT_START) } else { (now, FIRST_START) };
            state.started = from.checked_add(by).unwrap_or(now);
            return state.started;
        }
        now
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let Ok(by) = SignedDuration::try_from(by) else { return };
        let mut state = self.lock();
        state.source = match state.source {
            Source::Machine(shift) => Source::Machine(shift.saturating_add(by)),
            Source::Fixed(at) => Source::Fixed(at.checked_add(by).unwrap_or(Timestamp::MAX)),
        };
    }

    /// Sets a fixed moment.
    pub fn set(&self, at: Timestamp) {
        self.lock().source = Source::Fixed(at);
    }

    fn from_source(source: Source) -> Self {
        Self(Arc::new(Mutex::new(State { source, started: Timestamp::MIN })))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the simulator asks the machine for the time"
)]
fn machine_now() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_in_a_second_that_stands_still_start_one_after_the_other() {
        let noon = Timestamp::from_second(1_000_000).unwrap_or_default();
        let clock = Clock::fixed(noon);
        let (first, second) = (clock.start(), clock.start());
        assert!(noon < first && first < second && second.as_second() == noon.as_second());
        assert_eq!(clock.now(), noon, "only starts are moved");
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.start().as_second(), noon.as_second() + 1);
        let exact = Timestamp::from_microsecond(1_000_000_000_925_372).unwrap_or_default();
        clock.set(exact);
        assert_eq!(clock.start(), exact, "a fraction a test has set is kept");
    }
}
