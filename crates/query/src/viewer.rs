//! What one request may read: the generations as they are at its begin, and the scope of its user.
//!
//! The switch is read once, so no answer mixes generations. Every read of records goes through the scope; names
//! come from the directory, which is public to everyone who is signed in.

use std::fmt;
use std::sync::Arc;

use bson::{Bson, RawDocumentBuf};
use jiff::Timestamp;
use salescommand_domain::access::{Role, Scope};
use salescommand_domain::canonical::{Entity, Facet, FacetId, Golden};
use salescommand_store::{
    Active, Condition, Error as StoreError, Query, Referring, ScopedReads, canonical_collection,
    facets_collection, quarantine_collection, roll_up_keys_collection, roll_ups_collection,
    serving_collection,
};
use serde::de::DeserializeOwned;

use crate::consumers::Consumers;
use crate::delegations::Delegation;
use crate::directories::{Directories, Present};
use crate::directory::Directory;
use crate::document;
use crate::error::ApiError;
use crate::lineage::{Explained, explained};
use crate::roll_ups::RollUps;

/// Makes viewers.
pub(crate) struct Viewers {
    store: Arc<dyn ScopedReads>,
    roll_ups: Arc<RollUps>,
    directories: Directories,
}

impl fmt::Debug for Viewers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Viewers")
    }
}

/// Whose view it is.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) role: Role,
    /// The record by which their account is a person.
    pub(crate) person: FacetId,
    /// What is delegated to them, on whatever days.
    pub(crate) delegated: Vec<Delegation>,
}

/// One request's view.
pub(crate) struct Viewer {
    pub(crate) active: Active,
    pub(crate) scope: Arc<Scope>,
    pub(crate) consumers: Consumers,
    pub(crate) directory: Arc<Directory>,
    store: Arc<dyn ScopedReads>,
    roll_ups: Arc<RollUps>,
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Viewer")
            .field("active", &self.active)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Viewers {
    pub(crate) fn new(store: Arc<dyn ScopedReads>, roll_ups: RollUps) -> Self {
        Self { directories: Directories::new(store.clone()), store, roll_ups: Arc::new(roll_ups) }
    }

    /// What there is at a moment.
    pub(crate) async fn present(&self, now: Timestamp) -> Result<Present, StoreError> {
        self.directories.present(now).await
    }

    /// The view of a reader of what there is; `warming-up` before anything has been prepared.
    pub(crate) fn view(&self, reader: &Reader, present: Present) -> Result<Viewer, ApiError> {
        let Present { active, consumers, directory } = present;
        let active = active.ok_or_else(ApiError::warming_up)?;
        let holding = reader.delegated.iter().filter(|delegation| delegation.holds_on(directory.day));
        let delegators: Vec<FacetId> = holding.map(|delegation| delegation.delegator).collect();
        let scope = directory.scope(reader.role, reader.person, delegators);
        let (store, roll_ups) = (self.store.clone(), self.roll_ups.clone());
        Ok(Viewer { active, scope, consumers, directory, store, roll_ups })
    }
}

impl Viewer {
    /// Documents of a projection within the scope; none while the projection has no generation.
    pub(crate) async fn serving<T: DeserializeOwned>(
        &self,
        name: &str,
        query: &Query,
    ) -> Result<Vec<T>, ApiError> {
        let Some(generation) = self.active.serving.get(name) else { return Ok(Vec::new()) };
        let collection = serving_collection(name, *generation);
        let documents = self.store.read(&collection, &self.scope, query).await.map_err(ApiError::store)?;
        document::read_all(&documents).map_err(ApiError::store)
    }

    /// Sums of a projection within the scope: per scope key, or those of a wide scope together if they are kept so. The
    /// one comes to the same as the other.
    pub(crate) async fn sums<T: DeserializeOwned>(
        &self,
        name: &str,
        query: &Query,
    ) -> Result<Vec<T>, ApiError> {
        if RollUps::pays(&self.scope) {
            self.roll_ups.ask(&self.scope).await;
            if let Some(sums) = self.rolled_up(name, query).await.map_err(ApiError::store)? {
                return document::read_all(&sums).map_err(ApiError::store);
            }
        }
        self.serving(name, query).await
    }

    /// Sums out of the scope's roll-up; none if it is not kept. It is looked for before and after, since it may be taken
    /// away in between.
    async fn rolled_up(&self, name: &str, query: &Query) -> Result<Option<Vec<RawDocumentBuf>>, StoreError> {
        let Some(generation) = self.active.serving.get(name) else { return Ok(None) };
        let kept = roll_up_keys_collection(name, *generation);
        let kept = async || {
            let this = Query::all().only(&["_id"]);
            self.store.read_rolled_up(&kept, &self.scope, &this).await.map(|found| !found.is_empty())
        };
        if !kept().await? {
            return Ok(None);
        }
        let collection = roll_ups_collection(name, *generation);
        let sums = self.store.read_rolled_up(&collection, &self.scope, query).await?;
        Ok(kept().await?.then_some(sums))
    }

    /// Golden records within the scope. Teams are public by declaration.
    pub(crate) async fn golden<T: DeserializeOwned>(
        &self,
        entity: Entity,
        query: &Query,
    ) -> Result<Vec<T>, ApiError> {
        let collection = canonical_collection(entity, self.active.canonical);
        let deals = canonical_collection(Entity::Opportunity, self.active.canonical);
        let documents = match seen_by(entity, &deals) {
            _ if entity == Entity::Team => self.store.read_public(&collection, query).await,
            Some(by) => self.store.read_referred(&collection, &self.scope, by, query).await,
            None => self.store.read(&collection, &self.scope, query).await,
        };
        document::read_all(&documents.map_err(ApiError::store)?).map_err(ApiError::store)
    }

    /// The golden record that a facet belongs to, within the scope: by its own id or that of any facet joined in it,
    /// former golden ids among them.
    pub(crate) async fn record(&self, entity: Entity, id: FacetId) -> Result<Option<Golden>, ApiError> {
        for field in ["_id", "facets.id"] {
            let by = Condition::Eq(field.to_owned(), Bson::from(id.to_string()));
            let found = self.golden(entity, &Query::all().with(by).limited(1)).await?;
            if let Some(golden) = found.into_iter().next() {
                return Ok(Some(golden));
            }
        }
        Ok(None)
    }

    /// A record that was read through the scope, with the reasons of its fields.
    pub(crate) async fn explained(&self, golden: &Golden) -> Result<Option<Explained>, ApiError> {
        explained(&*self.store, self.active.canonical, golden).await.map_err(ApiError::store)
    }

    /// Facets of records that were read through the scope, and what those depend on.
    pub(crate) async fn facets(&self, ids: &[String]) -> Result<Vec<Facet>, ApiError> {
        self.evidence(&facets_collection(self.active.canonical), ids).await
    }

    /// Quarantine entries of writes that their author asks about.
    pub(crate) async fn quarantined<T: DeserializeOwned>(&self, ids: &[String]) -> Result<Vec<T>, ApiError> {
        self.evidence(&quarantine_collection(self.active.canonical), ids).await
    }

    async fn evidence<T: DeserializeOwned>(
        &self,
        collection: &str,
        ids: &[String],
    ) -> Result<Vec<T>, ApiError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let documents = self.store.evidence(collection, ids).await.map_err(ApiError::store)?;
        document::read_all(&documents).map_err(ApiError::store)
    }

    /// Documents within the scope; those without a scope of their own only for a reader who sees everything.
    pub(crate) async fn documents<T: DeserializeOwned>(
        &self,
        collection: &str,
        query: &Query,
    ) -> Result<Vec<T>, ApiError> {
        let documents = self.store.read(collection, &self.scope, query).await.map_err(ApiError::store)?;
        document::read_all(&documents).map_err(ApiError::store)
    }

    /// How many documents of a collection match within the scope; those without a scope of their own only for a reader
    /// who sees everything.
    pub(crate) async fn count(&self, collection: &str, query: &Query) -> Result<u64, ApiError> {
        self.store.count(collection, &self.scope, query).await.map_err(ApiError::store)
    }

    /// How many golden records of an entity are within the scope, deleted ones too. Teams are public by declaration.
    pub(crate) async fn golden_count(&self, entity: Entity) -> Result<u64, ApiError> {
        let collection = canonical_collection(entity, self.active.canonical);
        let deals = canonical_collection(Entity::Opportunity, self.active.canonical);
        if let Some(by) = seen_by(entity, &deals) {
            let count = self.store.count_referred(&collection, &self.scope, by, &Query::all()).await;
            return count.map_err(ApiError::store);
        }
        if entity != Entity::Team {
            return self.count(&collection, &Query::all()).await;
        }
        let teams = self.store.read_public(&collection, &Query::all().only(&["_id"])).await;
        Ok(teams.map_err(ApiError::store)?.len() as u64)
    }
}

/// The deals by which records of an entity are seen: whoever sees one of them sees what it refers to.
fn seen_by(entity: Entity, deals: &str) -> Option<Referring<'_>> {
    let field = match entity {
        Entity::Account => "body.account",
        Entity::Contact => "body.contact",
        Entity::Activity | Entity::Opportunity | Entity::Team | Entity::User => return None,
    };
    Some(Referring { collection: deals, field })
}
