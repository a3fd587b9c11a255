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

/// A clock shared by everything in one simulator.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Source>>);

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
        let now = match *self.lock() {
            Source::Machine(shift) => machine_now().checked_add(shift).unwrap_or(Timestamp::MAX),
            Source::Fixed(at) => at,
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let Ok(by) = SignedDuration::try_from(by) else { return };
        let mut source = self.lock();
        *source = match *source {
            Source::Machine(shift) => Source::Machine(shift.saturating_add(by)),
            Source::Fixed(at) => Source::Fixed(at.checked_add(by).unwrap_or(Timestamp::MAX)),
        };
    }

    /// Sets a fixed moment.
    pub fn set(&self, at: Timestamp) {
        *self.lock() = Source::Fixed(at);
    }

    fn from_source(source: Source) -> Self {
        Self(Arc::new(Mutex::new(source)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Source> {
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
