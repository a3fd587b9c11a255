//! Attempts per key in a sliding window, in memory.
//!
//! An attempt counts when it begins, so that many at once cannot slip through; a success takes its own back.
//! Per process: two query services each have their own window.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Most keys that are remembered; beyond it the key that was quiet the longest is forgotten.
const MOST_KEYS: usize = 10_000;

/// A limit of attempts.
#[derive(Debug)]
pub(crate) struct Throttle {
    limit: usize,
    window: Duration,
    attempts: Mutex<HashMap<String, VecDeque<Timestamp>>>,
}

impl Throttle {
    pub(crate) fn new(limit: usize, window: Duration) -> Self {
        Self { limit, window, attempts: Mutex::new(HashMap::new()) }
    }

    /// Counts an attempt, or says after how many seconds there may be another one.
    pub(crate) fn admit(&self, key: &str, now: Timestamp) -> Result<(), u64> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= MOST_KEYS && !attempts.contains_key(key) {
            self.make_room(&mut attempts, now);
        }
        let of_key = attempts.entry(key.to_owned()).or_default();
        while of_key.front().is_some_and(|at| self.age(*at, now) >= self.window) {
            of_key.pop_front();
        }
        match of_key.front() {
            Some(oldest) if of_key.len() >= self.limit => {
                let rest = self.window.saturating_sub(self.age(*oldest, now));
                Err(rest.as_secs().max(1))
            }
            _ => {
                of_key.push_back(now);
                Ok(())
            }
        }
    }

    /// Takes the attempts of a key back.
    pub(crate) fn forget(&self, key: &str) {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Takes one attempt of a key back: the latest.
    pub(crate) fn take_back(&self, key: &str) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_key) = attempts.get_mut(key) {
            of_key.pop_back();
        }
    }

    fn make_room(&self, attempts: &mut HashMap<String, VecDeque<Timestamp>>, now: Timestamp) {
        attempts.retain(|_, of_key| of_key.back().is_some_and(|at| self.age(*at, now) < self.window));
        if attempts.len() >= MOST_KEYS {
            let quietest =
                attempts.iter().min_by_key(|(_, of_key)| of_key.back().copied()).map(|(key, _)| key.clone());
            quietest.map(|key| attempts.remove(&key));
        }
    }

    fn age(&self, at: Timestamp, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(at)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_window_slides() {
        let throttle = Throttle::new(2, Duration::from_secs(60));
        assert_eq!(throttle.admit("a", at(0)), Ok(()));
        assert_eq!(throttle.admit("a", at(30)), Ok(()));
        assert_eq!(throttle.admit("a", at(40)), Err(20));
        assert_eq!(throttle.admit("b", at(40)), Ok(()));
        assert_eq!(throttle.admit("a", at(60)), Ok(()));
        assert_eq!(throttle.admit("a", at(61)), Err(29));
        throttle.take_back("a");
        assert_eq!(throttle.admit("a", at(62)), Ok(()));
        throttle.forget("a");
        assert_eq!(throttle.admit("a", at(62)), Ok(()));
    }

    #[test]
    fn memory_stays_bounded() {
        let throttle = Throttle::new(2, Duration::from_secs(60));
        for number in 0..MOST_KEYS + 50 {
            throttle.admit(&number.to_string(), at(number as i64 / 1_000)).unwrap();
        }
        assert!(throttle.attempts.lock().unwrap().len() <= MOST_KEYS);
    }
}
