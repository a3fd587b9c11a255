//! Positions in the raw zone.
//!
//! A position is (instance, epoch, sequence) everywhere; a consumer of several logs stands at a vector of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::InstanceName;

/// A place in one instance's log. Epochs follow each other, so the order is (epoch, sequence).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Which stream of the chain; the first is 1.
    pub epoch: u32,
    /// The sequence in that stream; the first is 1, and 0 stands before it.
    pub sequence: u64,
}

impl Position {
    /// Before the first event of the first epoch.
    pub const START: Self = Self { epoch: 1, sequence: 0 };
}

/// A place in the raw zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RawPosition {
    /// Whose log.
    pub instance: InstanceName,
    /// Where in it.
    #[serde(flatten)]
    pub position: Position,
}

/// Where a consumer of all raw logs stands: for each instance, the last event that is in.
pub type Vector = BTreeMap<InstanceName, Position>;
