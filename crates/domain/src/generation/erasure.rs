//! What an erasure has changed in the raw zone, until everything that was made of it before is gone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::canonical::FacetId;
use crate::raw::RawPosition;

/// What explains a difference that an erasure made, in the place of a changed part of a definition.
pub const ERASURE_PART: &str = "erasure";

/// What an erasure has changed. It names nobody; the id of a record that was keyed by an address is a digest of it, so
/// this record goes when the erasure is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Id of its receipt.
    #[serde(rename = "_id")]
    pub id: String,
    /// The canonical generations that were made of the raw zone as it was.
    pub holds: BTreeSet<u32>,
    /// What it has changed in the raw zone.
    #[serde(flatten)]
    pub changed: Changed,
    /// Counts changes of this record.
    pub revision: i64,
}

/// The records and events that an erasure has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Facets of the records of which an event was changed.
    #[serde(default)]
    pub records: BTreeSet<FacetId>,
    /// Of these, whose key was changed, and with it their facet: under both ids.
    #[serde(default)]
    pub renamed: BTreeSet<FacetId>,
    /// Changed events that say of no record whose they are.
    #[serde(default)]
    pub events: BTreeSet<RawPosition>,
}

impl Changed {
    /// Adds the record of a changed event, as it was called before and is called since.
    pub fn add_record(&mut self, before: FacetId, since: FacetId) {
        self.records.extend([before, since]);
        if before != since {
            self.renamed.extend([before, since]);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_record_that_keeps_its_key_is_not_renamed() {
        let id = |number| FacetId(Uuid::from_u128(number));
        let mut changed = Changed::default();
        changed.add_record(id(1), id(1));
        changed.add_record(id(2), id(3));
        assert_eq!(changed.records, [id(1), id(2), id(3)].into());
        assert_eq!(changed.renamed, [id(2), id(3)].into());
        let erasure = Erasure { id: "r".into(), holds: [1].into(), changed, revision: 1 };
        let text = serde_json::to_string(&erasure).unwrap();
        assert_eq!(serde_json::from_str::<Erasure>(&text).unwrap(), erasure);
    }
}
