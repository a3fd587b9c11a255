//! How fresh an answer is: `meta`.
//!
//! `as_of` is no clock time but a watermark: the end of the newest complete sync of which everything is in the
//! figures. So the same data gives the same body, and a body's ETag holds until something changes. Only
//! `age_seconds` moves by itself; it is left out of the ETag. Before the first complete sync there is no
//! watermark, and `as_of` is the moment of the request.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use salescommand_domain::kpi::DEFINITION_VERSION;
use serde::Serialize;
use utoipa::ToSchema;

use crate::sources::SourceSummary;
use crate::sync::{RunBook, RunState};
use crate::viewer::Viewer;

/// The state of a source, worst news first: running, failing, stale, ok.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// No run yet.
    NeverRun,
    /// The last complete sync is recent.
    Ok,
    /// A run is queued or under way.
    Running,
    /// The last run did not succeed.
    Failing,
    /// The last complete sync is too long ago, or there was none.
    Stale,
}

/// How fresh one source is, and whether all it read is in the figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceFreshness {
    /// The source.
    pub name: String,
    /// Connector kind.
    pub kind: String,
    /// Name for people.
    pub title: String,
    /// Its state.
    pub state: SourceState,
    /// When the last complete sync ended.
    pub last_complete_sync: Option<Timestamp>,
    /// Seconds since then.
    pub age_seconds: Option<i64>,
    /// Everything that sync read is in these figures.
    pub projected: bool,
}

/// Which generations an answer was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Generation {
    /// Canonical generation.
    #[schema(format = Int64)]
    pub canonical: u32,
    /// Serving generation of each projection.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub serving: BTreeMap<String, u32>,
}

/// What the figures of an answer rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Meta {
    /// End of the newest complete sync that is wholly in the figures; the request's moment before the first one.
    pub as_of: Timestamp,
    /// Which generations it was read from.
    pub generation: Generation,
    /// Version of the KPI definitions.
    #[schema(format = Int64)]
    pub definition_version: u32,
    /// Each source's freshness, by name.
    pub sources: Vec<SourceFreshness>,
}

/// What freshness is computed from.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) sources: Vec<SourceSummary>,
    pub(crate) runs: RunBook,
    pub(crate) now: Timestamp,
    pub(crate) stale_after: Duration,
}

impl Evidence {
    /// The `meta` of an answer to this viewer.
    pub(crate) fn meta(&self, viewer: &Viewer) -> Meta {
        let sources: Vec<_> = self.sources.iter().map(|source| self.freshness(source, viewer)).collect();
        let in_figures = sources.iter().filter(|source| source.projected);
        Meta {
            as_of: in_figures.filter_map(|source| source.last_complete_sync).max().unwrap_or(self.now),
            generation: Generation {
                canonical: viewer.active.canonical,
                serving: viewer.active.serving.clone(),
            },
            definition_version: DEFINITION_VERSION,
            sources,
        }
    }

    /// When the last complete sync of a source ended.
    pub(crate) fn last_complete_sync(&self, source: &str) -> Option<Timestamp> {
        self.runs.last_complete(source).map(|complete| complete.finished_at)
    }

    /// The state of a source.
    pub(crate) fn state(&self, source: &str) -> SourceState {
        if self.runs.current(source).is_some() {
            return SourceState::Running;
        }
        let Some(last) = self.runs.last(source) else { return SourceState::NeverRun };
        if matches!(last.state, RunState::Failed | RunState::Interrupted) {
            return SourceState::Failing;
        }
        match self.last_complete_sync(source).map(|at| self.age(at)) {
            Some(age) if age <= self.stale_after => SourceState::Ok,
            _ => SourceState::Stale,
        }
    }

    fn freshness(&self, source: &SourceSummary, viewer: &Viewer) -> SourceFreshness {
        let last_complete_sync = self.last_complete_sync(&source.name);
        SourceFreshness {
            name: source.name.clone(),
            kind: source.kind.clone(),
            title: source.title.clone(),
            state: self.state(&source.name),
            last_complete_sync,
            age_seconds: last_complete_sync.and_then(|at| i64::try_from(self.age(at).as_secs()).ok()),
            projected: self.projected(&source.name, viewer),
        }
    }

    /// Whether every active projection has what the last complete sync read.
    fn projected(&self, source: &str, viewer: &Viewer) -> bool {
        let Some(end) = self.runs.last_complete(source).map(|complete| complete.position) else {
            return false;
        };
        let mut serving = viewer.active.serving.iter();
        serving.all(|(name, generation)| {
            let position = viewer.consumers.projection(name, *generation);
            // An empty source has nothing that could be missing.
            end.sequence == 0 || position.is_some_and(|position| position.covers(source, end))
        })
    }

    fn age(&self, at: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(at)).unwrap_or_default()
    }
}
