//! The server's idea of now. Tests fix it and move it by hand; the binary follows the machine's clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// A clock shared by everything in one simulator.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Option<Timestamp>>>);

impl Clock {
    /// The machine's clock.
    pub fn machine() -> Self {
        Self(Arc::default())
    }

    /// A clock that stands until it is moved.
    pub fn fixed(at: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Some(at))))
    }

    /// The current moment.
    pub fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(machine_now)
    }

    /// Moves a clock that stands.
    pub fn advance(&self, by: Duration) {
        let mut at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *at = at.map(|at| at.checked_add(by).unwrap_or(Timestamp::MAX));
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of the simulated server")]
fn machine_now() -> Timestamp {
    Timestamp::now()
}
