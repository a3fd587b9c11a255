//! Generations: what they were built with, replays that build new ones, and what a comparison of two has shown.
//!
//! A **canonical generation** is everything that was made of the raw zone; a **serving generation** is what one
//! projection made of a canonical generation. A **replay** builds new ones beside the active ones, compares, and may
//! switch. Nothing here does I/O; the rule of the gate is [`Comparison::gate`].

mod comparison;
mod erasure;
mod replay;

pub use comparison::{
    CollectionDifference, Comparison, Gate, MoneyTotal, Sample, changed_parts, differing_fields,
};
pub use erasure::{Changed, ERASURE_PART, Erasure};
pub use replay::{Command, Generation, GenerationRole, Progress, Reason, Replay, ReplayKind, ReplayState};

use std::collections::BTreeMap;

/// What a generation was built with: the version of each part that decides what documents say. `mapper:odoo` → `1`,
/// `mapping:tickets` → `config/1/17` (the raw position of the mapping), `merge` → `1`, `projection:dashboard_stats` → `1`.
pub type Definition = BTreeMap<String, String>;

/// The part of a definition that is a projection's version.
pub fn projection_part(projection: &str) -> String {
    format!("projection:{projection}")
}
