//! The moment of a request, as a parameter: the one place of this crate that reads a clock.

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge where time enters; everything else takes it as a parameter"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
