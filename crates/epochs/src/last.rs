//! The newest events of a chain, with the ids that they were published with, back over the borders of its epochs.

use std::time::Duration;

use salescommand_domain::raw::{InstanceName, Position, raw_stream};
use salescommand_eventlog::{BatchLimit, Error as LogError, StoredMessage, StoredReader, StreamState};

use crate::{Archives, Broker, Chain, Error};

/// One portion.
const LIMIT: BatchLimit =
    BatchLimit { messages: 500, bytes: 4 * 1024 * 1024, wait: Duration::from_millis(500) };

/// The newest events of an instance, at most so many, in the order of its log: from the broker, and from the archives
/// where only they have an epoch. An epoch that is nowhere is [`Error::UnknownEpoch`].
pub async fn last_stored(
    broker: &dyn Broker,
    archives: &dyn Archives,
    instance: &InstanceName,
    most: usize,
) -> Result<Vec<(Position, StoredMessage)>, Error> {
    let chain = Chain::load(broker, instance).await?;
    let newest = chain.newest().map(|newest| newest.number).max(archives.newest(instance).await?);
    let mut found: Vec<(Position, StoredMessage)> = Vec::new();
    for epoch in (1..=newest.unwrap_or(0)).rev() {
        let wanted = most.saturating_sub(found.len());
        if wanted == 0 {
            break;
        }
        let mut older = last_of_epoch(broker, archives, (instance, epoch), wanted).await?;
        older.append(&mut found);
        found = older;
    }
    Ok(found)
}

async fn last_of_epoch(
    broker: &dyn Broker,
    archives: &dyn Archives,
    (instance, epoch): (&InstanceName, u32),
    most: usize,
) -> Result<Vec<(Position, StoredMessage)>, Error> {
    let stream = raw_stream(instance, epoch);
    let behind = |last: u64| last.saturating_sub(most as u64);
    let held = broker.stream(&stream).await?.filter(|held| held.state != StreamState::Building);
    let (mut reader, last): (Box<dyn StoredReader>, u64) = match held {
        Some(held) => (broker.read_stored(&stream, behind(held.last_sequence)).await?, held.last_sequence),
        None => {
            let nowhere = || Error::UnknownEpoch {
                instance: instance.clone(),
                position: Position { epoch, sequence: 0 },
            };
            let last = archives.describe(instance, epoch).await?.ok_or_else(nowhere)?.last_sequence;
            let reader = archives.read(instance, epoch, behind(last)).await?;
            (reader.ok_or_else(nowhere)?, last)
        }
    };
    let mut found = Vec::new();
    let mut at = behind(last);
    while at < last {
        let portion = reader.next_stored(LIMIT).await?;
        let Some(newest) = portion.last() else {
            return Err(LogError::Unavailable(format!("{stream} gives nothing behind event {at}")).into());
        };
        at = newest.message.sequence;
        // What came since the look belongs to a later one.
        let known = portion.into_iter().filter(|stored| stored.message.sequence <= last);
        found.extend(known.map(|stored| (Position { epoch, sequence: stored.message.sequence }, stored)));
    }
    Ok(found)
}
