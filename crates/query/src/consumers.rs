//! Consumers' positions, as the normalizer and the projections store them.
//!
//! Their documents belong to those crates; here only the fields that say how far they are get read: `vector`
//! (instance → epoch, sequence) and, of a projection, `sequence` in the canonical stream and its `version`, and `parked`.

use std::sync::Arc;

use bson::{Bson, Document};
use salescommand_domain::raw::{Position, Vector};
use salescommand_store::StoredPosition;

/// The positions of all consumers, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consumers(Arc<[(String, StoredPosition)]>);

impl Consumers {
    pub(crate) fn new(positions: Vec<(String, StoredPosition)>) -> Self {
        Self(positions.into())
    }

    /// How far the normalizer of a generation is in the raw logs.
    pub(crate) fn normalizer(&self, canonical: u32) -> Option<Vector> {
        self.of(&format!("normalizer_g{canonical}")).and_then(|stored| vector(&stored.position))
    }

    /// The last number that a generation's normalizer has given to an event, published or not.
    pub(crate) fn numbered(&self, canonical: u32) -> u64 {
        let stored = self.of(&format!("normalizer_g{canonical}"));
        stored.and_then(|stored| stored.position.get("outbox").and_then(whole)).unwrap_or(0)
    }

    /// A projection's position.
    pub(crate) fn projection(&self, name: &str, generation: u32) -> Option<ProjectionPosition> {
        let stored = self.of(&format!("projection_{name}_g{generation}"))?;
        Some(ProjectionPosition {
            revision: stored.revision,
            vector: vector(&stored.position).unwrap_or_default(),
            sequence: stored.position.get("sequence").and_then(whole).unwrap_or(0),
            version: stored.position.get("version").and_then(whole).unwrap_or(0),
            parked: stored.position.get_bool("parked").unwrap_or(false),
            changed: stored.position.get("changed").and_then(whole),
        })
    }

    fn of(&self, name: &str) -> Option<&StoredPosition> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, stored)| stored)
    }
}

/// Of when a projection's documents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// This event was the last that changed any.
    Changed(u64),
    /// So many transactions there have been, whatever they changed.
    Revision(i64),
}

/// Where a projection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProjectionPosition {
    /// Counts its transactions: another one means that its documents may have changed.
    pub(crate) revision: i64,
    /// All raw events up to here are in its documents.
    pub(crate) vector: Vector,
    /// Last event of the canonical stream that is in.
    pub(crate) sequence: u64,
    /// Version of the definition that wrote the documents.
    pub(crate) version: u64,
    /// It met what it cannot read, and stands still.
    pub(crate) parked: bool,
    /// The last event that changed its documents; none if an older program wrote them.
    pub(crate) changed: Option<u64>,
}

impl ProjectionPosition {
    /// What its documents are told apart by: another one means that they may have changed.
    pub(crate) fn content(&self) -> Content {
        self.changed.map_or(Content::Revision(self.revision), Content::Changed)
    }

    /// Whether everything up to a raw position is in.
    pub(crate) fn covers(&self, instance: &str, end: Position) -> bool {
        self.vector.iter().any(|(name, position)| name.as_str() == instance && *position >= end)
    }
}

fn vector(position: &Document) -> Option<Vector> {
    let vector = position.get_document("vector").ok()?.clone();
    bson::deserialize_from_document(vector)
        .inspect_err(|error| tracing::warn!(%error, "an unreadable position"))
        .ok()
}

fn whole(value: &Bson) -> Option<u64> {
    match value {
        Bson::Int32(number) => u64::try_from(*number).ok(),
        Bson::Int64(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}
