//! The records of generations and replays, as they stand in the operational collections.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Comparison, Definition};
use crate::raw::InstanceName;

/// A generation that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// `canonical/2`, `dashboard_stats/3`.
    #[serde(rename = "_id")]
    pub id: String,
    /// The projection; none for a canonical generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<String>,
    /// Its number.
    pub number: u32,
    /// The canonical generation that it is, or reads.
    pub canonical: u32,
    /// What it is built with.
    pub definition: Definition,
    /// The replay that builds it; none for those of a new installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// Nobody needs it any more: it is not written, and will be dropped.
    #[serde(default)]
    pub retired: bool,
    /// Counts changes of this record.
    pub revision: i64,
}

impl Generation {
    /// The record of a canonical generation.
    pub fn canonical(number: u32, definition: Definition, replay: Option<String>) -> Self {
        let (id, projection, canonical) = (format!("canonical/{number}"), None, number);
        Self { id, projection, number, canonical, definition, replay, retired: false, revision: 1 }
    }

    /// The record of a projection's generation.
    pub fn serving(
        projection: &str,
        number: u32,
        canonical: u32,
        definition: Definition,
        replay: Option<String>,
    ) -> Self {
        let id = format!("{projection}/{number}");
        Self {
            id,
            projection: Some(projection.to_owned()),
            number,
            canonical,
            definition,
            replay,
            retired: false,
            revision: 1,
        }
    }
}

/// What a generation is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationRole {
    /// It is read.
    Active,
    /// It was read before the last switch, and one command goes back to it.
    Previous,
    /// A replay builds it, or has built it and waits.
    Building,
    /// Nobody needs it any more; it will be dropped.
    Retired,
}

/// What is replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReplayKind {
    /// The raw logs: a new canonical generation and its serving ones.
    Raw,
    /// The raw log of one source instance, beside what the active generation holds of all others: a new canonical
    /// generation and its serving ones.
    Source {
        /// The source instance.
        source: InstanceName,
    },
    /// The canonical stream of the active generation, for one projection.
    Projection {
        /// Its name.
        projection: String,
    },
    /// The raw logs, into a scratch generation that is compared and dropped.
    Verify,
}

/// Why there is a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A person asked.
    Requested,
    /// The program, or a mapping, is not what the active generation was built with.
    NewDefinition,
    /// The schedule of verifications.
    Schedule,
    /// A person's data was erased from the raw zone.
    Erasure,
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// Waits for its turn.
    Requested,
    /// Reads.
    Building,
    /// Both generations stand still at the same place and are compared.
    Comparing,
    /// Built and compared; follows the logs, and waits for the command to switch.
    Ready,
    /// Its generations are the active ones.
    Switched,
    /// It was a verification, and the result is there.
    Verified,
    /// A person stopped it; its generations are dropped.
    Cancelled,
    /// It could not be built; its generations are dropped.
    Failed,
}

impl ReplayState {
    /// Nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Switched | Self::Verified | Self::Cancelled | Self::Failed)
    }
}

/// What a person wants of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Stop, and drop what was built.
    Cancel,
    /// Compare once more, and switch if the gate is open.
    Switch {
        /// Switch in spite of unexplained differences, for this reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accept: Option<String>,
    },
}

/// How fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Events that are in.
    pub done: u64,
    /// Events that there are now.
    pub total: u64,
    /// Per second, over the last seconds.
    pub events_per_second: f64,
    /// Seconds until the end, at this speed; none while it stands still.
    pub eta_seconds: Option<u64>,
}

/// A replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// What is replayed.
    #[serde(flatten)]
    pub kind: ReplayKind,
    /// Why.
    pub reason: Reason,
    /// Who asked; empty for the program itself.
    pub requested_by: String,
    /// Switch by itself if the gate is open.
    pub switch: bool,
    /// How far it is.
    pub state: ReplayState,
    /// The canonical generation that it builds, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<u32>,
    /// The canonical generation from which it takes over what it does not read again, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_from: Option<u32>,
    /// The serving generations that it builds.
    #[serde(default)]
    pub serving: BTreeMap<String, u32>,
    /// How fast it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What the last comparison has shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What a person wants.
    #[serde(default, skip_serializing_if = "Option::is_none", flatten)]
    pub command: Option<Command>,
    /// Who gave the last command; none if nobody gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commanded_by: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Counts changes of this record.
    pub revision: i64,
}

impl Replay {
    /// A replay that waits for its turn.
    pub fn requested(
        id: String,
        kind: ReplayKind,
        reason: Reason,
        requested_by: String,
        switch: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            kind,
            reason,
            requested_by,
            switch,
            state: ReplayState::Requested,
            canonical: None,
            taken_from: None,
            serving: BTreeMap::new(),
            progress: None,
            comparison: None,
            command: None,
            commanded_by: None,
            error: None,
            requested_at: now,
            started_at: None,
            finished_at: None,
            revision: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_as_it_was_written() {
        let mut replay = Replay::requested(
            "r".into(),
            ReplayKind::Raw,
            Reason::Requested,
            "ann@example.com".into(),
            true,
            Timestamp::UNIX_EPOCH,
        );
        for command in [None, Some(Command::Cancel), Some(Command::Switch { accept: Some("known".into()) })] {
            replay.command = command;
            let text = serde_json::to_string(&replay).unwrap();
            assert_eq!(serde_json::from_str::<Replay>(&text).unwrap(), replay, "{text}");
        }
    }

    #[test]
    fn a_sources_record_names_it_and_those_of_before_are_read() {
        let source = InstanceName::new("odoo-eu").unwrap();
        let kind = ReplayKind::Source { source };
        let now = Timestamp::UNIX_EPOCH;
        let mut replay = Replay::requested("r".into(), kind, Reason::Requested, String::new(), false, now);
        replay.taken_from = Some(4);
        let text = serde_json::to_string(&replay).unwrap();
        assert!(text.contains(r#""kind":"source","source":"odoo-eu""#), "{text}");
        assert_eq!(serde_json::from_str::<Replay>(&text).unwrap(), replay);
        let before = r#"{
            "_id": "r", "kind": "projection", "projection": "directory", "reason": "requested", "requested_by": "",
            "switch": false, "state": "ready", "serving": {"directory": 2}, "requested_at": "1970-01-01T00:00:00Z",
            "revision": 3
        }"#;
        let read: Replay = serde_json::from_str(before).unwrap();
        assert_eq!((read.taken_from, read.revision), (None, 3));
        assert_eq!(read.kind, ReplayKind::Projection { projection: "directory".into() });
    }
}
