//! The facets of a batch, decoded once.

use std::collections::BTreeMap;
use std::sync::Arc;

use salescommand_domain::canonical::{Facet, FacetId};
use salescommand_store::work::Work;
use salescommand_store::{Documents, facets_collection};

use crate::Error;

/// Facets as they stand in a unit of work, kept as values beside it. Every facet of a batch is put through here.
pub struct Facets<'a> {
    store: &'a dyn Documents,
    collection: String,
    decoded: BTreeMap<FacetId, Option<Arc<Facet>>>,
}

impl<'a> Facets<'a> {
    /// Those of a generation.
    pub fn new(store: &'a dyn Documents, generation: u32) -> Self {
        Self { store, collection: facets_collection(generation), decoded: BTreeMap::new() }
    }

    /// Their collection.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// Loads those that are not loaded yet.
    pub async fn load(&self, work: &mut Work, ids: Vec<FacetId>) -> Result<(), Error> {
        let ids = ids.iter().filter(|id| !self.decoded.contains_key(id));
        let ids: Vec<String> = ids.map(FacetId::to_string).collect();
        Ok(work.load(self.store, &self.collection, ids).await?)
    }

    /// A loaded facet as it stands now.
    pub fn get(&mut self, work: &Work, id: FacetId) -> Result<Option<Arc<Facet>>, Error> {
        if let Some(found) = self.decoded.get(&id) {
            return Ok(found.clone());
        }
        let found = work.get::<Facet>(&self.collection, &id.to_string())?.map(Arc::new);
        self.decoded.insert(id, found.clone());
        Ok(found)
    }

    /// A loaded facet as it was before the batch.
    pub fn before(&self, work: &Work, id: FacetId) -> Result<Option<Facet>, Error> {
        Ok(work.before(&self.collection, &id.to_string())?)
    }

    /// Whether a loaded facet was there before the batch.
    pub fn was_stored(&self, work: &Work, id: FacetId) -> Result<bool, Error> {
        Ok(work.was_stored(&self.collection, &id.to_string())?)
    }

    /// Puts a loaded facet; tells whether that changes it.
    pub fn put(&mut self, work: &mut Work, facet: Facet) -> Result<bool, Error> {
        let changed = work.put(&self.collection, &facet.id.to_string(), &facet)?;
        self.decoded.insert(facet.id, Some(Arc::new(facet)));
        Ok(changed)
    }
}
