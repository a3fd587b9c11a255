//! The epochs of an instance that the broker holds.

use std::collections::BTreeMap;

use salescommand_domain::raw::{InstanceName, Position, parse_raw_stream, raw_stream};
use salescommand_eventlog::{Error as LogError, EventLog, StreamState, StreamStatus};

/// An epoch in the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its number; the first is 1.
    pub number: u32,
    /// Its stream.
    pub status: StreamStatus,
}

/// The epochs of one instance that the broker holds, oldest first. One that is being built again is not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Whose log.
    pub instance: InstanceName,
    /// Its epochs.
    pub epochs: Vec<Epoch>,
}

impl Chain {
    /// The chain of one instance; without epochs if there is none.
    pub async fn load(log: &dyn EventLog, instance: &InstanceName) -> Result<Self, LogError> {
        let first = raw_stream(instance, 1);
        let streams = log.streams(first.trim_end_matches('1')).await?;
        let chain = group(streams).remove(instance);
        Ok(chain.unwrap_or_else(|| Self { instance: instance.clone(), epochs: Vec::new() }))
    }

    /// The chains of all instances, by name.
    pub async fn all(log: &dyn EventLog) -> Result<Vec<Self>, LogError> {
        Ok(group(log.streams("RAW_").await?).into_values().collect())
    }

    /// The newest epoch.
    pub fn newest(&self) -> Option<&Epoch> {
        self.epochs.last()
    }

    /// One epoch.
    pub fn epoch(&self, number: u32) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.number == number)
    }

    /// Whether the chain holds what a position stands for: false if its epoch ends before it, which means that the
    /// broker has lost events. An epoch that is not in the broker was archived whole.
    pub fn reaches(&self, position: Position) -> bool {
        match self.epoch(position.epoch) {
            Some(epoch) => position.sequence <= epoch.status.last_sequence,
            None => self.newest().is_some_and(|newest| newest.number > position.epoch),
        }
    }
}

impl Epoch {
    /// Whether it takes no more events.
    pub fn is_sealed(&self) -> bool {
        self.status.state == StreamState::Sealed
    }
}

fn group(streams: Vec<StreamStatus>) -> BTreeMap<InstanceName, Chain> {
    let mut chains: BTreeMap<InstanceName, Chain> = BTreeMap::new();
    for status in streams {
        if status.state == StreamState::Building {
            continue;
        }
        let Some((instance, number)) = parse_raw_stream(&status.name) else { continue };
        let empty = || Chain { instance: instance.clone(), epochs: Vec::new() };
        chains.entry(instance.clone()).or_insert_with(empty).epochs.push(Epoch { number, status });
    }
    chains.values_mut().for_each(|chain| chain.epochs.sort_by_key(|epoch| epoch.number));
    chains
}
