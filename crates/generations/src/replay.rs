//! How far a replay is, and how fast.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use salescommand_domain::generation::{Progress, Replay};
use salescommand_domain::raw::{InstanceName, Position, Vector, parse_raw_stream, raw_stream};
use salescommand_eventlog::EventLog;
use salescommand_normalizer::{WHOLE, canonical_stream};

use crate::{Error, Setup, barrier};

/// A speed is measured over this long at least.
const MEASURED: Duration = Duration::from_secs(2);
/// A generation that is no further behind than this is compared: the rest is read while the active one waits.
const NEARLY: u64 = 500;

/// Events there are, and events that are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) done: u64,
    pub(crate) total: u64,
}

impl Extent {
    pub(crate) fn is_nearly_all(self) -> bool {
        self.total.saturating_sub(self.done) <= NEARLY
    }

    /// What is done while records are still taken over: this much of it, in parts of [`WHOLE`].
    pub(crate) fn of_which_share(self, taken_over: Option<u32>) -> Self {
        let Some(share) = taken_over else { return self };
        let done = u128::from(self.done) * u128::from(share) / u128::from(WHOLE);
        Self { done: u64::try_from(done).unwrap_or(self.done), ..self }
    }
}

/// The last sequences of epochs that only their archives hold. An archived epoch never changes, so each is asked for once.
pub(crate) type Archived = BTreeMap<(InstanceName, u32), u64>;

/// How far a canonical generation is in the raw zone: in the broker, and in the archives of epochs that only they hold.
pub(crate) async fn of_raw(
    log: &dyn EventLog,
    vector: &Vector,
    archived: &mut Archived,
) -> Result<Extent, Error> {
    let mut epochs: BTreeMap<InstanceName, BTreeMap<u32, u64>> = BTreeMap::new();
    for stream in log.streams("RAW_").await? {
        if let Some((instance, epoch)) = parse_raw_stream(&stream.name) {
            epochs.entry(instance).or_default().insert(epoch, stream.last_sequence);
        }
    }
    let mut extent = Extent { done: 0, total: 0 };
    for (instance, mut epochs) in epochs {
        let newest = epochs.last_key_value().map_or(0, |(epoch, _)| *epoch);
        for epoch in (1..newest).filter(|epoch| !epochs.contains_key(epoch)).collect::<Vec<_>>() {
            if let Some(last) = last_of_archived(log, (&instance, epoch), archived).await? {
                epochs.insert(epoch, last);
            }
        }
        let at = vector.get(&instance).copied().unwrap_or(Position::START);
        for (epoch, last) in epochs {
            extent.total += last;
            extent.done += match epoch.cmp(&at.epoch) {
                std::cmp::Ordering::Less => last,
                std::cmp::Ordering::Equal => at.sequence.min(last),
                std::cmp::Ordering::Greater => 0,
            };
        }
    }
    Ok(extent)
}

async fn last_of_archived(
    log: &dyn EventLog,
    (instance, epoch): (&InstanceName, u32),
    archived: &mut Archived,
) -> Result<Option<u64>, Error> {
    let place = (instance.clone(), epoch);
    if let Some(last) = archived.get(&place) {
        return Ok(Some(*last));
    }
    let Some(status) = log.stream(&raw_stream(instance, epoch)).await? else { return Ok(None) };
    archived.insert(place, status.last_sequence);
    Ok(Some(status.last_sequence))
}

/// How far the serving generations of a replay are in their canonical stream: the slowest counts.
pub(crate) async fn of_canonical(setup: &Setup, replay: &Replay, canonical: u32) -> Result<Extent, Error> {
    let stream = setup.log.stream(&canonical_stream(canonical)).await?;
    let total = stream.map_or(0, |status| status.last_sequence);
    let mut done = total;
    for (projection, generation) in &replay.serving {
        let at = barrier::projected(&*setup.store, projection, *generation).await?;
        done = done.min(u64::try_from(at).unwrap_or(0));
    }
    Ok(Extent { done, total })
}

/// Measures speed between two looks.
#[derive(Debug)]
pub(crate) struct Speedometer {
    since: Instant,
    done: u64,
    per_second: f64,
}

impl Speedometer {
    pub(crate) fn new(done: u64) -> Self {
        Self { since: Instant::now(), done, per_second: 0.0 }
    }

    /// The progress to show.
    pub(crate) fn progress(&mut self, extent: Extent) -> Progress {
        let elapsed = self.since.elapsed();
        if elapsed >= MEASURED || self.per_second == 0.0 {
            let read = extent.done.saturating_sub(self.done);
            self.per_second = read as f64 / elapsed.as_secs_f64().max(0.001);
            if elapsed >= MEASURED {
                (self.since, self.done) = (Instant::now(), extent.done);
            }
        }
        let left = extent.total.saturating_sub(extent.done) as f64;
        let eta = (self.per_second > 0.0).then(|| (left / self.per_second).ceil() as u64);
        Progress {
            done: extent.done,
            total: extent.total,
            events_per_second: self.per_second,
            eta_seconds: eta,
        }
    }
}

#[cfg(test)]
mod tests {
    use salescommand_eventlog::memory::MemoryLog;
    use salescommand_eventlog::{Outgoing, StreamSpec};

    use super::*;

    async fn fill(log: &MemoryLog, stream: &str, count: usize) {
        let spec = StreamSpec {
            name: stream.into(),
            subjects: vec![format!("{stream}.>")],
            immutable: true,
            max_bytes: None,
            duplicate_window: Duration::from_secs(1),
        };
        log.ensure_stream(&spec).await.unwrap();
        let message = |n: usize| Outgoing {
            subject: format!("{stream}.{n}"),
            message_id: None,
            expected_last_sequence: None,
            content_type: None,
            payload: Default::default(),
        };
        log.publish(stream, (0..count).map(message).collect()).await.unwrap();
    }

    #[tokio::test]
    async fn events_of_all_epochs_count() {
        let log = MemoryLog::new();
        for (stream, count) in [("RAW_A_E1", 5), ("RAW_A_E2", 3), ("RAW_B_E1", 4), ("CANONICAL_G1", 9)] {
            fill(&log, stream, count).await;
        }
        let name = |name: &str| InstanceName::new(name).unwrap();
        let vector = Vector::from([(name("a"), Position { epoch: 2, sequence: 1 })]);
        assert_eq!(of_raw(&log, &vector, &mut Archived::new()).await.unwrap(), Extent { done: 6, total: 12 });
    }

    #[test]
    fn the_end_is_told_from_the_speed() {
        let mut meter =
            Speedometer { since: Instant::now() - Duration::from_secs(10), done: 100, per_second: 0.0 };
        let progress = meter.progress(Extent { done: 1_100, total: 2_100 });
        assert!((90.0..=100.0).contains(&progress.events_per_second));
        assert!((10..=12).contains(&progress.eta_seconds.unwrap()));
        let still = Speedometer::new(5).progress(Extent { done: 5, total: 9 });
        assert_eq!(still.eta_seconds, None);
    }
}
