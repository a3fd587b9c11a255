//! How much of the store background tasks take.
//!
//! A replay must not be felt by readers. Of all background tasks that share a [`Considerate`] one works at a time, in
//! pieces that are small while somebody reads, and after each piece all of them rest: the longer, the more is read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{MutexGuard, Notify};
use tokio::time::Instant;

use crate::{CollectionSpec, Documents, Error};

/// What a task asks before each piece of work.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Waits for this task's turn, which lasts as long as what is given.
    async fn turn(&self) -> Turn<'_>;

    /// The most events that the next piece of work should have.
    fn piece(&self) -> usize;
}

/// Leave to work; the others wait until it is dropped.
pub struct Turn<'a> {
    /// When the next turn may begin; none where nobody waits for anybody.
    next: Option<MutexGuard<'a, Instant>>,
    began: Instant,
    share: f64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(next) = &mut self.next {
            let now = Instant::now();
            **next = now + rest(self.share, now - self.began);
        }
    }
}

/// Making a collection with its indexes is as much work as taking in so many events.
const COLLECTION: usize = SMALL_PIECE;

/// Makes sure that collections and their indexes exist, a few in a turn.
pub async fn ensure_at_pace(
    store: &dyn Documents,
    collections: &[CollectionSpec],
    pace: &dyn Pace,
) -> Result<(), Error> {
    for piece in collections.chunks((pace.piece() / COLLECTION).max(1)) {
        let _turn = pace.turn().await;
        store.ensure(piece).await?;
    }
    Ok(())
}

/// The largest piece of work, in events.
const PIECE: usize = 1_000;
/// The largest while somebody reads. With smaller ones a replay is mostly the fixed cost of transactions.
const SMALL_PIECE: usize = 100;

/// Never waits: for tasks that readers wait for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unhurried;

#[async_trait]
impl Pace for Unhurried {
    async fn turn(&self) -> Turn<'_> {
        Turn { next: None, began: Instant::now(), share: 1.0 }
    }

    fn piece(&self) -> usize {
        PIECE
    }
}

/// Tells how much is read.
#[async_trait]
pub trait Readers: Send + Sync {
    /// Answers given in the last second; none if nobody serves readers.
    async fn rate(&self) -> Option<f64>;
}

/// The share of the time in which background tasks may work while much is read. A read that meets a piece of work takes
/// longer. `cargo xtask bench readers` at 200 answers a second on 2 cores: with a tenth the slowest hundredth of the
/// answers takes 1.1 to 1.2 times as long as at rest, with a fifth 1.3 times, with all the time 1.5 times.
const LEAST_SHARE: f64 = 0.1;
/// Answers a second up to which they may work all the time.
const FEW: f64 = 10.0;
/// Fewer are nobody: a monitor, a page left open.
const NOBODY: f64 = 2.0;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// How often is asked how much is read, as long as there is work.
const LOOK: Duration = Duration::from_millis(500);

/// Rests so that readers do not notice. One for all background tasks of a process; somebody must run
/// [`Considerate::watch`].
pub struct Considerate {
    readers: Arc<dyn Readers>,
    /// Answers a second; none before anybody was asked.
    rate: Mutex<Option<f64>>,
    next: tokio::sync::Mutex<Instant>,
    worked: Notify,
}

impl Considerate {
    /// Considerate towards these readers. Until it knows better it takes them for many.
    pub fn new(readers: Arc<dyn Readers>) -> Self {
        let next = tokio::sync::Mutex::new(Instant::now());
        Self { readers, rate: Mutex::default(), next, worked: Notify::new() }
    }

    /// Asks for ever how much is read, as long as anybody works.
    pub async fn watch(&self) {
        loop {
            self.worked.notified().await;
            let rate = self.readers.rate().await.unwrap_or_default();
            *self.rate.lock().unwrap_or_else(PoisonError::into_inner) = Some(rate);
            tokio::time::sleep(LOOK).await;
        }
    }

    fn rate(&self) -> Option<f64> {
        *self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Pace for Considerate {
    async fn turn(&self) -> Turn<'_> {
        self.worked.notify_one();
        let next = self.next.lock().await;
        tokio::time::sleep_until(*next).await;
        Turn { next: Some(next), began: Instant::now(), share: share(self.rate()) }
    }

    fn piece(&self) -> usize {
        if self.rate().is_some_and(|rate| rate < NOBODY) { PIECE } else { SMALL_PIECE }
    }
}

/// The share of the time in which may be worked at this rate of answers.
fn share(rate: Option<f64>) -> f64 {
    rate.map_or(LEAST_SHARE, |rate| (FEW / rate.max(FEW)).max(LEAST_SHARE))
}

/// How long to rest after a piece of work, so that the share is kept.
fn rest(share: f64, worked: Duration) -> Duration {
    worked.mul_f64(1.0 / share - 1.0).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many answers a second.
    struct Reading(Option<f64>);

    #[async_trait]
    impl Readers for Reading {
        async fn rate(&self) -> Option<f64> {
            self.0
        }
    }

    async fn considerate(rate: Option<f64>) -> Arc<Considerate> {
        let pace = Arc::new(Considerate::new(Arc::new(Reading(rate))));
        assert_eq!(pace.piece(), SMALL_PIECE, "nothing is known yet");
        tokio::spawn({
            let pace = pace.clone();
            async move { pace.watch().await }
        });
        drop(pace.turn().await);
        tokio::time::sleep(Duration::from_secs(5)).await;
        pace
    }

    /// Works so long in a turn, and then waits for the next.
    async fn waits_after(pace: &Considerate, worked: Duration) -> Duration {
        let turn = pace.turn().await;
        tokio::time::sleep(worked).await;
        drop(turn);
        let ended = Instant::now();
        drop(pace.turn().await);
        ended.elapsed()
    }

    #[test]
    fn the_more_is_read_the_smaller_the_share() {
        assert!((share(None) - LEAST_SHARE).abs() < 1e-9, "who knows");
        assert!((share(Some(0.0)) - 1.0).abs() < 1e-9);
        assert!((share(Some(FEW)) - 1.0).abs() < 1e-9);
        assert!((share(Some(2.0 * FEW)) - 0.5).abs() < 1e-9);
        assert!((share(Some(1e6)) - LEAST_SHARE).abs() < 1e-9, "never nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn while_much_is_read_pieces_are_small_and_rests_long() {
        let pace = considerate(Some(200.0)).await;
        assert_eq!(pace.piece(), SMALL_PIECE);
        let waited = waits_after(&pace, Duration::from_millis(10)).await;
        assert!(waited >= Duration::from_millis(90) && waited < Duration::from_millis(95), "{waited:?}");
        assert!(waits_after(&pace, Duration::from_secs(60)).await <= LONGEST_REST + Duration::from_millis(1));
    }

    #[tokio::test(start_paused = true)]
    async fn when_nobody_reads_all_the_time_is_theirs() {
        for nobody in [None, Some(0.0), Some(1.0)] {
            let pace = considerate(nobody).await;
            assert_eq!(pace.piece(), PIECE);
            assert!(waits_after(&pace, Duration::from_millis(10)).await < Duration::from_millis(2));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_works_at_a_time() {
        let pace = considerate(None).await;
        let turn = pace.turn().await;
        let second = tokio::time::timeout(Duration::from_secs(9), pace.turn()).await;
        assert!(second.is_err());
        drop(turn);
        let _second = pace.turn().await;
    }
}
