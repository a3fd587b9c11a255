//! Replays: asked for, under way, compared, ended.

pub(crate) mod command;
pub(crate) mod comparison;
pub(crate) mod list;
pub(crate) mod people;
pub(crate) mod show;
pub(crate) mod start;

use std::collections::BTreeMap;

use jiff::Timestamp;
use salescommand_domain::generation::{self as domain, Command, Comparison, Reason, Replay};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use comparison::GateState;
use people::People;

/// What is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayKind {
    /// The raw logs, into a new canonical generation with its serving ones.
    Raw,
    /// The raw log of one source instance, beside what is read of all others, into a new canonical generation with its
    /// serving ones.
    Source,
    /// The canonical stream, for one projection.
    Projection,
    /// The raw logs, into a scratch generation that is compared and dropped.
    Verify,
}

impl From<&domain::ReplayKind> for ReplayKind {
    fn from(kind: &domain::ReplayKind) -> Self {
        match kind {
            domain::ReplayKind::Raw => Self::Raw,
            domain::ReplayKind::Source { .. } => Self::Source,
            domain::ReplayKind::Projection { .. } => Self::Projection,
            domain::ReplayKind::Verify => Self::Verify,
        }
    }
}

/// Why there is a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayReason {
    /// A person asked.
    Requested,
    /// The program, or a mapping, is not what the active generation was built with.
    NewDefinition,
    /// The schedule of verifications.
    Schedule,
    /// A person's data was erased from the raw zone.
    Erasure,
}

impl From<Reason> for ReplayReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Requested => Self::Requested,
            Reason::NewDefinition => Self::NewDefinition,
            Reason::Schedule => Self::Schedule,
            Reason::Erasure => Self::Erasure,
        }
    }
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// Waits for its turn.
    Requested,
    /// Reads.
    Building,
    /// Both generations stand at the same place and are compared.
    Comparing,
    /// Compared; waits for the command to switch.
    Ready,
    /// What it built is read.
    Switched,
    /// It was a verification, and the result is there.
    Verified,
    /// A person stopped it.
    Cancelled,
    /// It could not be built.
    Failed,
}

impl From<domain::ReplayState> for ReplayState {
    fn from(state: domain::ReplayState) -> Self {
        match state {
            domain::ReplayState::Requested => Self::Requested,
            domain::ReplayState::Building => Self::Building,
            domain::ReplayState::Comparing => Self::Comparing,
            domain::ReplayState::Ready => Self::Ready,
            domain::ReplayState::Switched => Self::Switched,
            domain::ReplayState::Verified => Self::Verified,
            domain::ReplayState::Cancelled => Self::Cancelled,
            domain::ReplayState::Failed => Self::Failed,
        }
    }
}

/// What a person wants of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayCommand {
    /// Stop, and drop what was built.
    Cancel,
    /// Compare once more, and switch if the gate is open.
    Switch,
}

/// How fast a replay goes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReplayProgress {
    /// Events that are in.
    #[schema(format = Int64)]
    pub done: u64,
    /// Events that there are now.
    #[schema(format = Int64)]
    pub total: u64,
    /// Per second, over the last seconds.
    pub events_per_second: f64,
    /// Seconds until the end at this speed; none while it stands still.
    #[schema(format = Int64)]
    pub eta_seconds: Option<u64>,
}

/// The result of a comparison in four numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ComparisonResult {
    /// Whether the new generation may be read.
    pub gate: GateState,
    /// Collections that were compared.
    #[schema(format = Int64)]
    pub compared: u64,
    /// Documents that differ.
    #[schema(format = Int64)]
    pub differing: u64,
    /// Of these, documents for which no changed definition is a reason.
    #[schema(format = Int64)]
    pub unexplained: u64,
}

impl From<&Comparison> for ComparisonResult {
    fn from(comparison: &Comparison) -> Self {
        Self {
            gate: comparison.gate().into(),
            compared: comparison.compared,
            differing: comparison.differing(),
            unexplained: comparison.unexplained(),
        }
    }
}

/// A replay, without the details of its comparison.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReplaySummary {
    /// Its id.
    pub id: String,
    /// What is replayed.
    pub kind: ReplayKind,
    /// The source instance, of a replay of one.
    pub source: Option<String>,
    /// The projection, of a replay of one.
    pub projection: Option<String>,
    /// Why there is a replay.
    pub reason: ReplayReason,
    /// Who asked, for people to read; none for the program itself.
    pub requested_by: Option<String>,
    /// Switches by itself if the gate is open.
    pub switch: bool,
    /// How far it is.
    pub state: ReplayState,
    /// What a person wants of it, or wanted last.
    pub command: Option<ReplayCommand>,
    /// Who gave the last command.
    pub commanded_by: Option<String>,
    /// Why differences that nothing explains were accepted.
    pub accepted_because: Option<String>,
    /// The canonical generation that it builds, if it does.
    #[schema(format = Int64)]
    pub canonical: Option<u32>,
    /// The serving generations that it builds.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub serving: BTreeMap<String, u32>,
    /// How fast it goes.
    pub progress: Option<ReplayProgress>,
    /// What the last comparison has shown.
    pub result: Option<ComparisonResult>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl ReplaySummary {
    pub(super) fn new(replay: &Replay, people: &People) -> Self {
        let (source, projection) = match &replay.kind {
            domain::ReplayKind::Source { source } => (Some(source.to_string()), None),
            domain::ReplayKind::Projection { projection } => (None, Some(projection.clone())),
            domain::ReplayKind::Raw | domain::ReplayKind::Verify => (None, None),
        };
        let (command, accepted_because) = match &replay.command {
            None => (None, None),
            Some(Command::Cancel) => (Some(ReplayCommand::Cancel), None),
            Some(Command::Switch { accept }) => (Some(ReplayCommand::Switch), accept.clone()),
        };
        Self {
            id: replay.id.clone(),
            kind: (&replay.kind).into(),
            source,
            projection,
            reason: replay.reason.into(),
            requested_by: people.name(&replay.requested_by),
            switch: replay.switch,
            state: replay.state.into(),
            command,
            commanded_by: replay.commanded_by.as_deref().and_then(|by| people.name(by)),
            accepted_because,
            canonical: replay.canonical,
            serving: replay.serving.clone(),
            progress: replay.progress.as_ref().map(|progress| ReplayProgress {
                done: progress.done,
                total: progress.total,
                events_per_second: progress.events_per_second,
                eta_seconds: progress.eta_seconds,
            }),
            result: replay.comparison.as_ref().map(ComparisonResult::from),
            error: replay.error.clone(),
            requested_at: replay.requested_at,
            started_at: replay.started_at,
            finished_at: replay.finished_at,
        }
    }
}
