//! Roll-ups: the sums of many scope keys together, so that a reader whose scope is wide reads as much as one whose scope
//! is narrow.
//!
//! Sums are kept per scope key. Whoever sees thousands of keys would read thousands of documents; so for the scopes that
//! readers ask for, the same sums are kept for all of their keys together, and are moved in the transaction that moves
//! the sums per key. A roll-up's own key is a digest of the keys that it sums: after a reorganisation a scope is another
//! roll-up, which is not there yet, and its reader sums per key until it is. No roll-up can be that of another scope.
//!
//! Which roll-ups there are depends on who reads, so they are no part of what is compared or replayed; what is in each
//! is a function of the sums per key. One whose sums leave 64 bits is not kept: its reader is told so, and nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use async_trait::async_trait;
use bson::Bson;
use salescommand_domain::access::ScopeKey;
use salescommand_domain::serving::SumDocument;
use salescommand_store::work::Work;
use salescommand_store::{
    CollectionSpec, Condition, Direction, Documents, OPS_ROLL_UPS, Ops, Query, roll_up_keys_collection,
    roll_ups_collection, serving_collection,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Scope keys whose sums are read at once.
const KEYS: usize = 500;
/// Documents that are read at once where all are read.
const PAGE: usize = 2_000;

/// A roll-up: its key, and the scope keys that it sums. Stored where readers ask for it, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollUp {
    /// See [`ScopeKey::roll_up`].
    #[serde(rename = "_id")]
    pub id: ScopeKey,
    /// The same, by which its reader finds it.
    pub scope_key: ScopeKey,
    /// The scope keys; none for every one that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<BTreeSet<ScopeKey>>,
}

impl RollUp {
    /// Whether its key is that of the keys that it says it sums.
    fn is_itself(&self) -> bool {
        let key = ScopeKey::roll_up(self.keys.as_ref().map(BTreeSet::iter));
        key == self.id && key == self.scope_key
    }
}

/// The roll-ups that a projection keeps.
#[derive(Debug, Default)]
pub struct Kept {
    roll_ups: BTreeMap<ScopeKey, Option<BTreeSet<ScopeKey>>>,
    /// The roll-ups that a scope key is in, but for those of every key.
    of: BTreeMap<ScopeKey, BTreeSet<ScopeKey>>,
    /// Roll-ups whose sums leave 64 bits.
    overflowing: BTreeSet<ScopeKey>,
}

impl Kept {
    fn insert(&mut self, RollUp { id, keys, .. }: RollUp) {
        for key in keys.iter().flatten() {
            self.of.entry(key.clone()).or_default().insert(id.clone());
        }
        self.roll_ups.insert(id, keys);
    }

    fn remove(&mut self, id: &ScopeKey) {
        for key in self.roll_ups.remove(id).flatten().iter().flatten() {
            if let Some(of) = self.of.get_mut(key) {
                of.remove(id);
                if of.is_empty() {
                    self.of.remove(key);
                }
            }
        }
    }

    /// The roll-ups that sum a scope key.
    fn of<'a>(&'a self, key: &'a ScopeKey) -> impl Iterator<Item = &'a ScopeKey> {
        let every = self.roll_ups.iter().filter(|(_, keys)| keys.is_none()).map(|(id, _)| id);
        every.chain(self.of.get(key).into_iter().flatten())
    }

    /// The roll-up from which another is made with the fewest steps, if that is less than making it from nothing.
    fn nearest(&self, wanted: &BTreeSet<ScopeKey>) -> Option<(&ScopeKey, &BTreeSet<ScopeKey>)> {
        let steps = |keys: &BTreeSet<ScopeKey>| keys.symmetric_difference(wanted).count();
        let all = self.roll_ups.iter().filter_map(|(id, keys)| Some((id, keys.as_ref()?)));
        // Sets of too different sizes are far from each other, and need no comparing.
        let near = all.filter(|(_, keys)| keys.len().abs_diff(wanted.len()) < wanted.len());
        let nearest = near.map(|(id, keys)| (steps(keys), id, keys)).min()?;
        (nearest.0 < wanted.len()).then_some((nearest.1, nearest.2))
    }
}

/// The sums of a projection that are rolled up.
#[async_trait]
pub trait RolledUp: Send + Sync {
    /// The collections of roll-ups in a serving generation.
    fn collections(&self, generation: u32) -> Vec<CollectionSpec>;

    /// The roll-ups that are kept.
    async fn kept(&self, store: &dyn Documents, generation: u32) -> Result<Kept, Error>;

    /// Moves roll-ups with what has been changed of the sums per key; removes those whose sums leave 64 bits, and gives them.
    async fn follow(
        &self,
        store: &dyn Documents,
        work: &mut Work,
        generation: u32,
        kept: &Kept,
    ) -> Result<BTreeSet<ScopeKey>, Error>;

    /// Sums what is stored per key, and notes that the roll-up is kept from now on. Does nothing, and says so, if the sums
    /// leave 64 bits.
    async fn build(
        &self,
        store: &dyn Documents,
        work: &mut Work,
        generation: u32,
        kept: &Kept,
        wanted: &RollUp,
    ) -> Result<bool, Error>;

    /// Removes a roll-up.
    async fn remove(
        &self,
        store: &dyn Documents,
        work: &mut Work,
        generation: u32,
        id: &ScopeKey,
    ) -> Result<(), Error>;
}

/// The sums of a projection whose documents are `D`.
pub(crate) struct SumsOf<D> {
    projection: &'static str,
    index: &'static [&'static str],
    documents: PhantomData<fn() -> D>,
}

impl<D> SumsOf<D> {
    /// The sums of a projection, found by these fields.
    pub(crate) const fn projection(projection: &'static str, index: &'static [&'static str]) -> Self {
        Self { projection, index, documents: PhantomData }
    }
}

/// Sums that are being rolled up.
struct Rolled<D> {
    /// Documents of some roll-ups, by id.
    documents: BTreeMap<String, D>,
    /// Roll-ups whose sums leave 64 bits.
    overflowing: BTreeSet<ScopeKey>,
}

impl<D: SumDocument> Rolled<D> {
    fn new() -> Self {
        Self { documents: BTreeMap::new(), overflowing: BTreeSet::new() }
    }

    /// Adds a document of another key, or takes it away.
    fn merge(&mut self, roll_up: &ScopeKey, document: &D, sign: i64) {
        let empty = document.of_another(roll_up);
        let held = self.documents.entry(empty.id().to_owned()).or_insert(empty);
        if held.merge(document, sign).is_err() {
            self.overflowing.insert(roll_up.clone());
        }
    }
}

#[async_trait]
impl<D: SumDocument + Serialize + DeserializeOwned + Send + Sync> RolledUp for SumsOf<D> {
    fn collections(&self, generation: u32) -> Vec<CollectionSpec> {
        vec![
            CollectionSpec::internal(roll_ups_collection(self.projection, generation)).index(self.index),
            CollectionSpec::internal(roll_up_keys_collection(self.projection, generation)),
        ]
    }

    async fn kept(&self, store: &dyn Documents, generation: u32) -> Result<Kept, Error> {
        let collection = roll_up_keys_collection(self.projection, generation);
        let mut kept = Kept::default();
        for document in store.find(&collection, &Query::all()).await? {
            kept.insert(salescommand_store::work::decode(&collection, &document)?);
        }
        Ok(kept)
    }

    async fn follow(
        &self,
        store: &dyn Documents,
        work: &mut Work,
        generation: u32,
        kept: &Kept,
    ) -> Result<BTreeSet<ScopeKey>, Error> {
        let changed = work.changed::<D>(&serving_collection(self.projection, generation))?;
        let mut moved = Rolled::new();
        for (document, sign) in changed.iter().flat_map(|(before, after)| [(before, -1), (after, 1)]) {
            let Some(document) = document else { continue };
            for roll_up in kept.of(document.scope_key()) {
                moved.merge(roll_up, document, sign);
            }
        }
        let Rolled { documents, mut overflowing } = moved;
        let collection = roll_ups_collection(self.projection, generation);
        work.load(store, &collection, documents.keys().cloned()).await?;
        for (id, by) in documents.into_iter().filter(|(_, by)| !by.is_empty()) {
            let held: Option<D> = work.get(&collection, &id)?;
            let mut document = held.unwrap_or_else(|| by.of_another(by.scope_key()));
            if document.merge(&by, 1).is_err() {
                overflowing.insert(by.scope_key().clone());
            } else if document.is_empty() {
                work.remove(&collection, &id);
            } else {
                work.put(&collection, &id, &document)?;
            }
        }
        for id in &overflowing {
            self.remove(store, work, generation, id).await?;
        }
        Ok(overflowing)
    }

    async fn build(
        &self,
        store: &dyn Documents,
        work: &mut Work,
        generation: u32,
        kept: &Kept,
        wanted: &RollUp,
    ) -> Result<bool, Error> {
        let per_key = serving_collection(self.projection, generation);
        let collection = roll_ups_collection(self.projection, generation);
        let mut rolled = Rolled::<D>::new();
        match &wanted.keys {
            None => every(store, &per_key, &wanted.id, &mut rolled).await?,
            Some(keys) => match kept.nearest(keys) {
                None => of_keys(store, &per_key, keys.iter(), &wanted.id, &mut rolled, 1).await?,
                Some((base, summed)) => {
                    of_keys(store, &collection, [base].into_iter(), &wanted.id, &mut rolled, 1).await?;
                    let (more, less) = (keys.difference(summed), summed.difference(keys));
                    of_keys(store, &per_key, less, &wanted.id, &mut rolled, -1).await?;
                    of_keys(store, &per_key, more, &wanted.id, &mut rolled, 1).await?;
                }
            },
        }
        if !rolled.overflowing.is_empty() {
            return Ok(false);
        }
        for (id, document) in rolled.documents.iter().filter(|(_, document)| !document.is_empty()) {
            work.insert(&collection, id, document)?;
        }
        let keys = roll_up_keys_collection(self.projection, generation);
        work.insert(&keys, wanted.id.as_str(), wanted)?;
        Ok(true)
    }

    async fn remove(
        &self,
        store: &dyn Documents,
        work: &mut Work,
        generation: u32,
        id: &ScopeKey,
    ) -> Result<(), Error> {
        let (collection, keys) = (
            roll_ups_collection(self.projection, generation),
            roll_up_keys_collection(self.projection, generation),
        );
        let own = Condition::Eq("scope_key".to_owned(), Bson::from(id.as_str()));
        for document in store.find(&collection, &Query::all().with(own)).await? {
            let held: D = salescommand_store::work::decode(&collection, &document)?;
            work.hold(&collection, held.id(), document);
            work.remove(&collection, held.id());
        }
        work.load(store, &keys, [id.as_str().to_owned()]).await?;
        work.remove(&keys, id.as_str());
        Ok(())
    }
}

/// Merges the documents of some keys.
async fn of_keys<'a, D: SumDocument + DeserializeOwned>(
    store: &dyn Documents,
    collection: &str,
    keys: impl Iterator<Item = &'a ScopeKey>,
    roll_up: &ScopeKey,
    rolled: &mut Rolled<D>,
    sign: i64,
) -> Result<(), Error> {
    let keys: Vec<_> = keys.map(|key| Bson::from(key.as_str())).collect();
    for some in keys.chunks(KEYS) {
        let of_these = Condition::In("scope_key".to_owned(), some.to_vec());
        for document in store.find(collection, &Query::all().with(of_these)).await? {
            rolled.merge(roll_up, &salescommand_store::work::decode(collection, &document)?, sign);
        }
    }
    Ok(())
}

/// Merges all documents.
async fn every<D: SumDocument + DeserializeOwned>(
    store: &dyn Documents,
    collection: &str,
    roll_up: &ScopeKey,
    rolled: &mut Rolled<D>,
) -> Result<(), Error> {
    let page = Query::all().sorted("_id", Direction::Ascending).limited(PAGE);
    let mut next = Some(page.clone());
    while let Some(query) = next.take() {
        for document in store.find(collection, &query).await? {
            let document: D = salescommand_store::work::decode(collection, &document)?;
            rolled.merge(roll_up, &document, 1);
            next = Some(page.clone().with(Condition::Gt("_id".to_owned(), document.id().into())));
        }
    }
    Ok(())
}

/// What is to be done about roll-ups at one look: at most one is made, so that events do not wait for many.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) build: Option<RollUp>,
    pub(crate) remove: Vec<ScopeKey>,
}

/// Asks which roll-ups readers want.
pub(crate) async fn due(ops: &dyn Ops, kept: &Kept) -> Result<Due, Error> {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(rename = "_id")]
        id: ScopeKey,
    }
    let decode = |document: &_| salescommand_store::work::decode::<Asked>(OPS_ROLL_UPS, document);
    let asked = ops.list(OPS_ROLL_UPS, &Query::all().only(&["_id"])).await?;
    let asked =
        asked.iter().map(|document| Ok(decode(document)?.id)).collect::<Result<BTreeSet<_>, Error>>()?;
    let remove = kept.roll_ups.keys().filter(|id| !asked.contains(*id)).cloned().collect();
    let mut build = None;
    let missing = |id: &&ScopeKey| !kept.roll_ups.contains_key(*id) && !kept.overflowing.contains(*id);
    for id in asked.iter().filter(missing) {
        let this = Query::all().with(Condition::Eq("_id".to_owned(), Bson::from(id.as_str())));
        let Some(found) = ops.list(OPS_ROLL_UPS, &this).await?.pop() else { continue };
        let wanted: RollUp = salescommand_store::work::decode(OPS_ROLL_UPS, &found)?;
        if wanted.is_itself() {
            build = Some(wanted);
            break;
        }
        tracing::warn!(roll_up = %id, "a roll-up is asked for whose key is not that of what it sums; it is not made");
    }
    Ok(Due { build, remove })
}

impl Kept {
    /// Takes note of what has been committed.
    pub(crate) fn take(&mut self, due: Due) {
        due.remove.iter().for_each(|id| self.remove(id));
        due.build.into_iter().for_each(|wanted| self.insert(wanted));
    }

    /// These are not kept: their sums leave 64 bits.
    pub(crate) fn give_up(&mut self, overflowing: BTreeSet<ScopeKey>) {
        for id in &overflowing {
            tracing::warn!(roll_up = %id, "the sums of a roll-up leave 64 bits; it is not kept");
            self.remove(id);
        }
        self.overflowing.extend(overflowing);
    }

    /// Nobody wants any.
    pub(crate) fn is_empty(&self) -> bool {
        self.roll_ups.is_empty()
    }
}
