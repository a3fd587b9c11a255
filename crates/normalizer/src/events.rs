//! Reading raw events again by their positions: for a reject that is to be retried, and for mappings.

use std::collections::BTreeMap;
use std::time::Duration;

use salescommand_domain::raw::{InstanceName, Position, RawPosition, parse_raw_stream, raw_stream};
use salescommand_eventlog::{BatchLimit, Error, EventLog};

use crate::logs::RawMessage;

/// One portion.
const LIMIT: BatchLimit =
    BatchLimit { messages: 500, bytes: 4 * 1024 * 1024, wait: Duration::from_millis(500) };
/// Events further apart than this are not read in one go.
const NEAR: u64 = 500;

/// The events at some positions. What the log holds no more is not among them.
pub async fn read_events(
    log: &dyn EventLog,
    positions: &[RawPosition],
) -> Result<BTreeMap<RawPosition, RawMessage>, Error> {
    let mut wanted: Vec<&RawPosition> = positions.iter().collect();
    wanted.sort();
    wanted.dedup();
    let near = |a: &&RawPosition, b: &&RawPosition| {
        (&a.instance, a.position.epoch) == (&b.instance, b.position.epoch)
            && b.position.sequence - a.position.sequence <= NEAR
    };
    let mut found = BTreeMap::new();
    for run in wanted.chunk_by(near) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            let is_wanted = |message: &RawMessage| run.binary_search(&&message.raw).is_ok();
            let read = read_range(log, first, last.position.sequence).await?;
            found.extend(read.into_iter().filter(is_wanted).map(|message| (message.raw.clone(), message)));
        }
    }
    Ok(found)
}

/// The events of one epoch from a position up to a sequence. A log that is not there has none.
async fn read_range(log: &dyn EventLog, from: &RawPosition, to: u64) -> Result<Vec<RawMessage>, Error> {
    let RawPosition { instance, position: Position { epoch, sequence } } = from;
    let mut found: Vec<RawMessage> = Vec::new();
    let stream = raw_stream(instance, *epoch);
    let Some(status) = log.stream(&stream).await? else { return Ok(found) };
    let to = to.min(status.last_sequence);
    if *sequence > to || status.first_sequence > to {
        return Ok(found);
    }
    let mut reader = log.read_after(&stream, sequence.saturating_sub(1)).await?;
    loop {
        let messages = reader.next(LIMIT).await?;
        let ended = messages.last().is_none_or(|last| last.sequence >= to);
        let place = |message: salescommand_eventlog::Message| {
            let position = Position { epoch: *epoch, sequence: message.sequence };
            RawMessage { raw: RawPosition { instance: instance.clone(), position }, message }
        };
        found.extend(messages.into_iter().map(place).filter(|message| message.raw.position.sequence <= to));
        if ended {
            return Ok(found);
        }
    }
}

/// The whole log of an instance, in its order, as far as it reaches now. Epochs that are nowhere any more are left out.
pub async fn read_log(log: &dyn EventLog, instance: &InstanceName) -> Result<Vec<RawMessage>, Error> {
    let mut all = Vec::new();
    for epoch in 1..=newest_epoch(log, instance).await? {
        let from = RawPosition { instance: instance.clone(), position: Position { epoch, sequence: 1 } };
        all.extend(read_range(log, &from, u64::MAX).await?);
    }
    Ok(all)
}

/// The newest events of an instance, in the order of its log: at most so many, back over the borders of its epochs.
/// Epochs that are nowhere any more are left out.
pub async fn last_events(
    log: &dyn EventLog,
    instance: &InstanceName,
    most: usize,
) -> Result<Vec<RawMessage>, Error> {
    let mut found: Vec<RawMessage> = Vec::new();
    for epoch in (1..=newest_epoch(log, instance).await?).rev() {
        let wanted = most.saturating_sub(found.len()) as u64;
        let status = log.stream(&raw_stream(instance, epoch)).await?;
        let Some(last) = status.map(|status| status.last_sequence).filter(|_| wanted > 0) else { continue };
        let sequence = last.saturating_sub(wanted) + 1;
        let from = RawPosition { instance: instance.clone(), position: Position { epoch, sequence } };
        let mut older = read_range(log, &from, last).await?;
        older.append(&mut found);
        found = older;
    }
    Ok(found)
}

async fn newest_epoch(log: &dyn EventLog, instance: &InstanceName) -> Result<u32, Error> {
    let first = raw_stream(instance, 1);
    let streams = log.streams(first.trim_end_matches('1')).await?;
    let epochs = streams.iter().filter_map(|stream| parse_raw_stream(&stream.name));
    Ok(epochs.filter(|(of, _)| of == instance).map(|(_, epoch)| epoch).max().unwrap_or(0))
}
