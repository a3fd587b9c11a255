//! How much of the store a background task takes.
//!
//! A replay must not be felt by readers. [`Considerate`] measures how long a small read takes while the background tasks
//! work and while they all rest, and lets them rest as long as needed for the difference to stay small.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Notify, watch};

use crate::Documents;

/// What a task asks after each piece of work.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Rests for as long as the others need; `worked` is how long the last piece took.
    async fn after(&self, worked: Duration);
}

/// Never rests: for tasks that readers wait for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unhurried;

#[async_trait]
impl Pace for Unhurried {
    async fn after(&self, _worked: Duration) {}
}

/// The share of the time in which a task may work: never nothing, so that it always gets on.
const SHARES: (f64, f64) = (0.05, 1.0);
/// A read may take this much longer than at rest.
const TOLERANCE: f64 = 1.25;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(500);
/// Probes while the tasks work, between two quiet moments, and their distance.
const BUSY_PROBES: (u32, Duration) = (20, Duration::from_millis(30));
/// Probes in a quiet moment, and their distance.
const QUIET_PROBES: (u32, Duration) = (5, Duration::from_millis(6));
/// How long pieces of work may still go on after a quiet moment was called.
const UNWINDING: Duration = Duration::from_millis(40);

/// Rests so that the store's answers stay as quick as without the task. One for all background tasks of a process;
/// somebody must run [`Considerate::watch`].
pub struct Considerate {
    store: Arc<dyn Documents>,
    share: Mutex<f64>,
    quiet: watch::Sender<bool>,
    worked: Notify,
}

impl Considerate {
    /// Considerate towards the readers of this store. It begins slowly.
    pub fn new(store: Arc<dyn Documents>) -> Self {
        Self { store, share: Mutex::new(SHARES.0), quiet: watch::Sender::new(false), worked: Notify::new() }
    }

    /// Measures for ever, as long as anybody works.
    pub async fn watch(&self) {
        loop {
            self.worked.notified().await;
            let busy = self.probe(BUSY_PROBES).await;
            self.quiet.send_replace(true);
            tokio::time::sleep(UNWINDING).await;
            let at_rest = self.probe(QUIET_PROBES).await;
            self.quiet.send_replace(false);
            let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
            *share = adapted(*share, median(busy), median(at_rest));
        }
    }

    /// Microseconds that small reads take.
    async fn probe(&self, (times, distance): (u32, Duration)) -> Vec<f64> {
        let mut samples = Vec::new();
        for _ in 0..times {
            tokio::time::sleep(distance).await;
            let began = Instant::now();
            if self.store.active().await.is_ok() {
                samples.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
        samples
    }
}

/// Rises slowly while reads are quick, falls fast when they are not.
fn adapted(share: f64, busy: Option<f64>, at_rest: Option<f64>) -> f64 {
    let (Some(busy), Some(at_rest)) = (busy, at_rest) else { return share };
    let next = if busy > at_rest * TOLERANCE { share * 0.7 } else { share + 0.1 };
    next.clamp(SHARES.0, SHARES.1)
}

/// How long to rest after a piece of work, so that the share is kept.
fn rest(share: f64, worked: Duration) -> Duration {
    worked.mul_f64(1.0 / share - 1.0).min(LONGEST_REST)
}

fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().filter(|_| samples.len() >= 3)
}

#[async_trait]
impl Pace for Considerate {
    async fn after(&self, worked: Duration) {
        self.worked.notify_one();
        let share = *self.share.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = rest(share, worked);
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
        let mut quiet = self.quiet.subscribe();
        // The sender lives as long as this, so there is always an end of the quiet.
        let _ended = quiet.wait_for(|quiet| !quiet).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_falls_fast_and_rises_slowly_within_its_limits() {
        assert!((adapted(0.5, Some(100.0), Some(100.0)) - 0.6).abs() < 1e-9);
        assert!((adapted(0.5, Some(126.0), Some(100.0)) - 0.35).abs() < 1e-9);
        assert!((adapted(0.06, Some(900.0), Some(100.0)) - SHARES.0).abs() < 1e-9, "never nothing");
        assert!((adapted(0.99, Some(90.0), Some(100.0)) - SHARES.1).abs() < 1e-9, "never more than all");
        assert!((adapted(0.4, None, Some(100.0)) - 0.4).abs() < 1e-9, "a store that is away tells nothing");
    }

    #[test]
    fn rest_keeps_the_share_and_has_an_end() {
        let worked = Duration::from_millis(40);
        assert_eq!(rest(0.5, worked), worked);
        assert_eq!(rest(1.0, worked), Duration::ZERO);
        assert_eq!(rest(0.05, worked), LONGEST_REST);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_works_in_a_quiet_moment() {
        let pace = Arc::new(Considerate::new(Arc::new(crate::memory::MemoryStore::new())));
        pace.quiet.send_replace(true);
        let waiting = tokio::spawn({
            let pace = pace.clone();
            async move { pace.after(Duration::from_millis(1)).await }
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!waiting.is_finished());
        pace.quiet.send_replace(false);
        waiting.await.unwrap();
    }
}
