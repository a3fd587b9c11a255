//! Why a record says what it says: its facets and what they depend on, put through the merge once more, which this
//! time writes its reasons down.
//!
//! Facets have no scope of their own: whoever calls this has read the record through its reader's scope.

use std::collections::{BTreeMap, BTreeSet};

use salescommand_domain::canonical::{Explanation, Facet, FacetId, Golden, explain};
use salescommand_store::{Error as StoreError, ScopedReads, facets_collection};

use crate::document;

/// A record's facets, and for each of its fields why it is so.
#[derive(Debug)]
pub struct Explained {
    /// The facets joined in it, ascending by id.
    pub facets: Vec<Facet>,
    /// The record as the merge makes it of them, with its reasons.
    pub explanation: Explanation,
}

/// Explains a golden record of a canonical generation; none if its facets are gone since it was read.
pub async fn explained(
    store: &dyn ScopedReads,
    canonical: u32,
    golden: &Golden,
) -> Result<Option<Explained>, StoreError> {
    let members: BTreeSet<FacetId> = golden.facets.iter().map(|facet| facet.id).collect();
    let known = closure(store, &facets_collection(canonical), members.clone()).await?;
    let component: Vec<&Facet> = members.iter().filter_map(|id| known.get(id)).collect();
    let explanation = explain(&component, &known);
    let facets = component.into_iter().cloned().collect();
    Ok(explanation.map(|explanation| Explained { facets, explanation }))
}

/// Facets and, at any distance, those whose content they depend on.
async fn closure(
    store: &dyn ScopedReads,
    collection: &str,
    members: BTreeSet<FacetId>,
) -> Result<BTreeMap<FacetId, Facet>, StoreError> {
    let mut known: BTreeMap<FacetId, Facet> = BTreeMap::new();
    let mut seen = members.clone();
    let mut frontier = members;
    while !frontier.is_empty() {
        let ids: Vec<_> = frontier.iter().map(FacetId::to_string).collect();
        let found: Vec<Facet> = document::read_all(&store.evidence(collection, &ids).await?)?;
        frontier =
            found.iter().flat_map(|facet| facet.refs.iter().copied()).filter(|id| seen.insert(*id)).collect();
        known.extend(found.into_iter().map(|facet| (facet.id, facet)));
    }
    Ok(known)
}
