//! Where the relay stands. Every piece that it publishes ends with this, so what is told and how far it is are one.

use std::collections::BTreeSet;

use salescommand_domain::raw::Vector;
use serde::{Deserialize, Serialize};

/// Where the relay stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The generation that is told.
    pub(super) generation: u32,
    /// Its events up to here are told; while it is walked through, those that the walk covers.
    pub(super) sequence: u64,
    /// Which of its numbers up to here are void was known. What is void behind that was not, and may have been told.
    pub(super) judged: u64,
    /// No more of raw than this is in what was told.
    pub(super) vector: Vector,
    /// Generations whose words may stand in the stream's files.
    pub(super) told_of: BTreeSet<u32>,
    /// What is to be compared before events are followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) walk: Option<Walk>,
    /// The stream is being written anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rewrite: Option<Rewrite>,
}

/// A walk through a generation: tells what differs from what was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Walk {
    /// Which stream is walked through.
    pub(super) part: Part,
    /// Where in it the walk is.
    pub(super) after: u64,
    /// The end of `CANONICAL` when the walk began: what is behind was told by the walk itself.
    pub(super) told_until: u64,
    /// Subject of the last event that the walk covers; none if there is no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) witness: Option<String>,
}

/// The two streams of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    /// The generation's: what it says that was told otherwise, or not at all.
    Said,
    /// `CANONICAL`: what was told and is not in the generation.
    Told,
}

/// How far the stream is written anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rewrite {
    /// What stands before this place is being copied.
    Copying,
    /// The copy is complete; it is being put back.
    Restoring {
        /// The sequence at which copying began: everything up to it goes.
        start: u64,
        /// The part of the copy that is put back.
        after: u64,
    },
}

impl Place {
    /// Takes in what was told of a generation, and how far in raw it can be at most.
    pub(super) fn told(&mut self, generation: u32, vector: &Vector) {
        self.told_of.insert(generation);
        for (instance, position) in vector {
            let held = self.vector.entry(instance.clone()).or_insert(*position);
            *held = (*held).max(*position);
        }
    }
}

/// Whether everything up to some places is in.
pub(super) fn covers(vector: &Vector, needed: &Vector) -> bool {
    needed.iter().all(|(instance, position)| vector.get(instance).is_some_and(|at| at >= position))
}
