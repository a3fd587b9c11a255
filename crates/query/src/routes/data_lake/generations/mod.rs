//! Generations: what is read, what was read before, what is being built; and the way back.

pub(crate) mod back;
pub(crate) mod list;

use std::collections::BTreeMap;

use salescommand_store::{Active, Generations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::generations::GenerationError;

/// A canonical generation and the serving generations that read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerationSet {
    /// The canonical generation.
    #[schema(format = Int64, minimum = 0, maximum = 4_294_967_295_i64)]
    pub canonical: u32,
    /// The serving generation of each projection.
    #[schema(value_type = BTreeMap<String, GenerationNumber>)]
    pub serving: BTreeMap<String, u32>,
}

/// Number of a generation.
#[derive(ToSchema)]
#[schema(format = Int64, minimum = 0, maximum = 4_294_967_295_i64)]
#[expect(dead_code, reason = "describes a number with its limits")]
pub struct GenerationNumber(u32);

impl From<Generations> for GenerationSet {
    fn from(set: Generations) -> Self {
        Self { canonical: set.canonical, serving: set.serving }
    }
}

impl From<GenerationSet> for Generations {
    fn from(set: GenerationSet) -> Self {
        Self { canonical: set.canonical, serving: set.serving }
    }
}

/// Where the switch stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SwitchPosition {
    /// What is read.
    pub active: GenerationSet,
    /// What was read before the last switch; none if there was none, or if the way back was given up.
    pub previous: Option<GenerationSet>,
}

impl From<Active> for SwitchPosition {
    fn from(active: Active) -> Self {
        Self { active: active.generations().into(), previous: active.previous.map(GenerationSet::from) }
    }
}

/// What a command that was not taken becomes.
pub(in crate::routes::data_lake) fn problem(error: GenerationError) -> ApiError {
    match error {
        GenerationError::Store(error) => ApiError::store(error),
        GenerationError::UnknownProjection { name, known } => ApiError::projection_unknown(&name, &known),
        GenerationError::UnknownSource { name, known } => ApiError::source_not_read(&name, &known),
        GenerationError::Erasing => ApiError::erasure_open(),
        GenerationError::UnknownReplay => ApiError::replay_unknown(),
        GenerationError::Over(state) => ApiError::replay_over(state),
        GenerationError::NotReady(state) => ApiError::replay_not_ready(state),
        GenerationError::NoPrevious => ApiError::no_previous_generation(),
        GenerationError::Moved => ApiError::switch_moved(),
        GenerationError::NothingBuilt => ApiError::warming_up(),
    }
}
