//! The data lake: its health, its counts, its records.

pub(crate) mod entities;
pub(crate) mod epochs;
pub(crate) mod generations;
pub(crate) mod health;
pub(crate) mod lineage;
pub(crate) mod quarantine;
pub(crate) mod replays;
pub(crate) mod stats;
