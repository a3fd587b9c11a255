//! How much room the raw zone has left, told long before it is full.
//!
//! What fills is the broker's storage, or a stream that was given a size of its own. Epochs themselves do not fill: at
//! their size they are sealed and the next is opened. One that has grown well beyond it means that nobody does.

use salescommand_eventlog::{Error as LogError, Storage};

use crate::{Broker, Chain};

/// From here on somebody has to make room.
pub const WARNING_PERCENT: u64 = 70;
/// From here on there is no time to lose.
pub const URGENT_PERCENT: u64 = 90;
/// An epoch this much larger than its size was not sealed.
const OVERGROWN_PERCENT: u64 = 130;

/// How pressing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// There is room.
    Fine,
    /// Somebody has to make room.
    Warning,
    /// Soon the raw zone takes nothing more.
    Urgent,
}

/// The room of the raw zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The broker's storage.
    pub storage: Storage,
    /// Bytes of all raw streams.
    pub raw_bytes: u64,
    /// The chains.
    pub chains: Vec<Chain>,
    /// Size at which an epoch is sealed; 0 for never.
    pub epoch_max_bytes: u64,
}

/// Something that fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// How pressing it is.
    pub pressure: Pressure,
    /// What was found.
    pub text: String,
}

impl Room {
    /// Measures.
    pub async fn measure(broker: &dyn Broker, epoch_max_bytes: u64) -> Result<Self, LogError> {
        let storage = broker.storage().await?;
        let chains = Chain::all(broker).await?;
        let epochs = chains.iter().flat_map(|chain| &chain.epochs);
        let raw_bytes = epochs.map(|epoch| epoch.status.bytes).sum();
        Ok(Self { storage, raw_bytes, chains, epoch_max_bytes })
    }

    /// What is about to be full, the most pressing first.
    pub fn alarms(&self) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        if let Some(limit) = self.storage.limit {
            alarms.extend(fills("the broker's storage", self.storage.used, limit));
        }
        for newest in self.chains.iter().filter_map(Chain::newest) {
            let (status, size) = (&newest.status, self.epoch_max_bytes);
            if let Some(limit) = status.max_bytes {
                alarms.extend(fills(&status.name, status.bytes, limit));
            }
            if size > 0 && percent(status.bytes, size) >= OVERGROWN_PERCENT && !newest.is_sealed() {
                let text = format!(
                    "{} has {}, and is to be sealed at {}: does the normalizer run?",
                    status.name,
                    bytes(status.bytes),
                    bytes(size)
                );
                alarms.push(Alarm { pressure: Pressure::Warning, text });
            }
        }
        alarms.sort_by_key(|alarm| std::cmp::Reverse(alarm.pressure));
        alarms
    }
}

fn fills(what: &str, used: u64, limit: u64) -> Option<Alarm> {
    let percent = percent(used, limit);
    let pressure = match percent {
        URGENT_PERCENT.. => Pressure::Urgent,
        WARNING_PERCENT.. => Pressure::Warning,
        _ => return None,
    };
    let text = format!("{what} is {percent}% full: {} of {}", bytes(used), bytes(limit));
    Some(Alarm { pressure, text })
}

fn percent(used: u64, limit: u64) -> u64 {
    let percent = u128::from(used) * 100 / u128::from(limit.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

/// Bytes as a person reads them.
fn bytes(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.iter().find(|(_, shift)| bytes >= 1 << shift);
    match unit {
        Some((unit, shift)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use salescommand_eventlog::memory::MemoryLog;

    use super::*;
    use crate::tests::{event, instance, publish};

    #[tokio::test]
    async fn tells_long_before_anything_is_full() {
        let log = MemoryLog::new();
        publish(&log, (0..100).map(|n| event("a", n)).collect()).await;
        let pressure = async |limit: Option<u64>, size: u64| {
            log.limit_storage(limit);
            let room = Room::measure(&log, size).await.unwrap();
            assert_eq!(room.raw_bytes, room.storage.used);
            room.alarms().first().map(|alarm| (alarm.pressure, alarm.text.clone()))
        };
        let used = Room::measure(&log, 0).await.unwrap().raw_bytes;
        assert_eq!(pressure(None, 0).await, None);
        assert_eq!(pressure(Some(used * 10), used).await, None, "an epoch at its size is no alarm");
        let (level, text) = pressure(Some(used * 100 / 71), 0).await.unwrap();
        assert_eq!(level, Pressure::Warning);
        assert!(text.contains("the broker's storage is 7"), "{text}");
        assert_eq!(pressure(Some(used), 0).await.map(|(level, _)| level), Some(Pressure::Urgent));
        let (level, text) = pressure(None, used / 2).await.unwrap();
        assert!(level == Pressure::Warning && text.contains("RAW_TEST_E1"), "{text}");
        log.limit("RAW_TEST_E1", Some(used + 1));
        let (level, text) = pressure(None, 0).await.unwrap();
        assert!(level == Pressure::Urgent && text.contains("RAW_TEST_E1"), "{text}");
        crate::seal(&log, &crate::NoArchives, &instance()).await.unwrap();
        assert_eq!(pressure(None, used / 2).await, None, "a sealed epoch does not grow");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!([5, 2048, 1 << 30, 3 << 29].map(bytes), ["5 bytes", "2.0 KiB", "1.0 GiB", "1.5 GiB"]);
        assert_eq!(percent(u64::MAX, 1), u64::MAX);
    }
}
