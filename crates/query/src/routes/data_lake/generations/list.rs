//! `GET /api/data-lake/generations`: everything that a page about generations shows at once.

use std::collections::BTreeMap;

use salescommand_domain::generation::{Generation, GenerationRole, ReplayState};
use salescommand_domain::raw::Vector;
use serde::Serialize;
use utoipa::ToSchema;

use super::SwitchPosition;
use crate::access::{Allowed, OpsRead};
use crate::consumers::Consumers;
use crate::error::ApiError;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::routes::data_lake::replays::ReplaySummary;
use crate::routes::data_lake::replays::people::People;

/// What a generation is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GenerationStanding {
    /// It is read.
    Active,
    /// It was read before the last switch.
    Previous,
    /// A replay builds it, or has built it and waits.
    Building,
    /// Nobody needs it; it will be dropped.
    Retired,
}

impl From<GenerationRole> for GenerationStanding {
    fn from(role: GenerationRole) -> Self {
        match role {
            GenerationRole::Active => Self::Active,
            GenerationRole::Previous => Self::Previous,
            GenerationRole::Building => Self::Building,
            GenerationRole::Retired => Self::Retired,
        }
    }
}

/// A place in a raw log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogPlace {
    /// The source instance.
    pub instance: String,
    /// Which epoch.
    #[schema(format = Int64)]
    pub epoch: u32,
    /// The last sequence that is in.
    #[schema(format = Int64)]
    pub sequence: u64,
}

/// The places of a vector, by instance.
pub(crate) fn places(vector: &Vector) -> Vec<LogPlace> {
    let logs = vector.iter();
    logs.map(|(instance, at)| LogPlace {
        instance: instance.to_string(),
        epoch: at.epoch,
        sequence: at.sequence,
    })
    .collect()
}

/// A generation that exists.
#[derive(Debug, Serialize, ToSchema)]
pub struct GenerationEntry {
    /// `canonical/2`, `dashboard_stats/3`.
    pub id: String,
    /// The projection; none for a canonical generation.
    pub projection: Option<String>,
    /// Its number.
    #[schema(format = Int64)]
    pub number: u32,
    /// The canonical generation that it is, or reads.
    #[schema(format = Int64)]
    pub canonical: u32,
    /// What it is there for.
    pub standing: GenerationStanding,
    /// What it is built with: the version of each part that decides what documents say.
    pub definition: BTreeMap<String, String>,
    /// The replay that builds it, or has built it.
    pub replay: Option<String>,
    /// How far it is in the raw logs; empty before its first event.
    pub position: Vec<LogPlace>,
}

/// Generations, and the replays that matter now.
#[derive(Debug, Serialize, ToSchema)]
pub struct GenerationList {
    /// Where the switch stands.
    pub switch: SwitchPosition,
    /// Every generation that exists.
    pub items: Vec<GenerationEntry>,
    /// Replays that are not over, the oldest first: the first that is not ready is the one under way.
    pub open_replays: Vec<ReplaySummary>,
    /// The newest verification that ended with a result.
    pub last_verification: Option<ReplaySummary>,
}

/// Generations: read, read before, being built
#[utoipa::path(get, path = "/api/data-lake/generations", tag = "data-lake", responses(
    (status = 200, description = "OK", body = GenerationList),
    SignedInProblems,
))]
pub(crate) async fn generations(allowed: Allowed<OpsRead>) -> Result<Reply<GenerationList>, ApiError> {
    let viewer = allowed.viewer().await?;
    let registry = &allowed.guarded().registry;
    let (held, replays) =
        tokio::try_join!(registry.generations(), registry.replays()).map_err(ApiError::store)?;
    let people = People::read(&allowed).await?;
    let entry = |generation: Generation| GenerationEntry {
        standing: viewer.active.role_of(&generation).into(),
        position: position(&viewer.consumers, &generation),
        id: generation.id,
        projection: generation.projection,
        number: generation.number,
        canonical: generation.canonical,
        definition: generation.definition,
        replay: generation.replay,
    };
    let open = replays.iter().rev().filter(|replay| !replay.state.is_final());
    let verified =
        replays.iter().find(|replay| replay.state == ReplayState::Verified && replay.comparison.is_some());
    Ok(Reply(GenerationList {
        items: held.into_iter().map(entry).collect(),
        open_replays: open.map(|replay| ReplaySummary::new(replay, &people)).collect(),
        last_verification: verified.map(|replay| ReplaySummary::new(replay, &people)),
        switch: viewer.active.into(),
    }))
}

fn position(consumers: &Consumers, generation: &Generation) -> Vec<LogPlace> {
    let vector = match &generation.projection {
        None => consumers.normalizer(generation.number),
        Some(projection) => {
            consumers.projection(projection, generation.number).map(|position| position.vector)
        }
    };
    vector.map(|vector| places(&vector)).unwrap_or_default()
}
