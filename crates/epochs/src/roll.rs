//! Sealing the open epoch and opening the next.
//!
//! The order is: seal (which also frees the subjects), then open. In between nobody can write; whoever crashed there
//! left a chain whose newest epoch is sealed, and the next [`maintain`] opens the following one. Every step may be taken
//! twice, and by two processes at once: sealing a sealed stream changes nothing, an existing stream is left as it is,
//! and the broker refuses a second stream for the same subjects, so a process that slept cannot bring an old epoch back.

use std::time::Duration;

use salescommand_domain::raw::{InstanceName, raw_stream, raw_subject_filter};
use salescommand_eventlog::{Error as LogError, EventLog, StreamSpec, StreamState};

use crate::heads::heads_through;
use crate::{Archives, Broker, Chain, Error, cover};

/// How long the broker remembers message ids: longer than a publish can be under way.
pub const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// How an epoch is kept.
pub(crate) fn epoch_spec(instance: &InstanceName, epoch: u32) -> StreamSpec {
    StreamSpec {
        name: raw_stream(instance, epoch),
        subjects: vec![raw_subject_filter(instance)],
        immutable: true,
        max_bytes: None,
        duplicate_window: DUPLICATE_WINDOW,
    }
}

/// The open epoch of an instance; the first one is made if there is none. A chain whose newest epoch is sealed waits for
/// the platform to open the next: [`LogError::Unavailable`].
pub async fn open_newest(log: &dyn EventLog, instance: &InstanceName) -> Result<Chain, LogError> {
    let mut chain = Chain::load(log, instance).await?;
    if chain.epochs.is_empty() {
        let gone = heads_through(log, instance).await?;
        log.ensure_stream(&epoch_spec(instance, gone + 1)).await?;
        chain = Chain::load(log, instance).await?;
    }
    match chain.newest() {
        Some(newest) if !newest.is_sealed() => Ok(chain),
        Some(newest) => {
            let stream = &newest.status.name;
            Err(LogError::Unavailable(format!("{stream} is sealed and the next epoch is not open yet")))
        }
        None => Err(LogError::Unavailable(format!("the first epoch of {instance} is being made"))),
    }
}

/// Seals the open epoch and opens the next; gives the number of the sealed one. An epoch without events is not sealed:
/// then it is the one before that is given, or 0.
pub async fn seal(
    broker: &dyn Broker,
    archives: &dyn Archives,
    instance: &InstanceName,
) -> Result<u32, Error> {
    let chain = Chain::load(broker, instance).await?;
    let Some(newest) = chain.newest() else {
        return Err(Error::NotNow(format!("{instance} has no raw log; see `salescommand epoch list`")));
    };
    if newest.status.state == StreamState::Open {
        if newest.status.last_sequence == 0 {
            return Ok(newest.number.saturating_sub(1));
        }
        broker.seal(&newest.status.name).await?;
        tracing::info!(stream = newest.status.name, "epoch sealed");
    }
    open_next(broker, archives, instance, newest.number).await?;
    Ok(newest.number)
}

/// Opens the epoch that follows a sealed one, and every archived one.
async fn open_next(
    broker: &dyn Broker,
    archives: &dyn Archives,
    instance: &InstanceName,
    sealed: u32,
) -> Result<(), LogError> {
    let archived = archives.newest(instance).await?.unwrap_or(0);
    let next = epoch_spec(instance, sealed.max(archived) + 1);
    broker.ensure_stream(&next).await?;
    tracing::info!(stream = next.name, "epoch opened");
    Ok(())
}

/// One round of care for all chains: an open epoch that has reached `max_bytes` (0: never) is sealed, a chain without
/// an open epoch gets one, sealed epochs get their heads.
pub async fn maintain(broker: &dyn Broker, archives: &dyn Archives, max_bytes: u64) -> Result<(), Error> {
    for chain in Chain::all(broker).await? {
        let Some(newest) = chain.newest() else { continue };
        let full = max_bytes > 0 && newest.status.bytes >= max_bytes;
        let sealed = if full || newest.is_sealed() {
            seal(broker, archives, &chain.instance).await?
        } else {
            newest.number.saturating_sub(1)
        };
        let oldest = chain.epochs.first().map_or(1, |epoch| epoch.number);
        // Heads begin with the first epoch. Where that is gone without them, after a restore of part of a chain, there
        // is nothing to be done here; records are looked up in the epochs that there are.
        let from = heads_through(broker, &chain.instance).await?;
        if sealed > from && oldest <= from + 1 {
            match cover(broker, &chain.instance, sealed).await {
                // Somebody else does it.
                Err(Error::Log(LogError::Conflict { .. })) => {}
                done => done?,
            }
        }
    }
    Ok(())
}
