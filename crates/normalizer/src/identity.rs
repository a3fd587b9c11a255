//! Identity over the store: loads as much of the key graph as a batch touches, and joins it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use bson::Bson;
use salescommand_domain::canonical::{Facet, FacetId, IdentityKey, KEY_HOLDERS_LIMIT, Links, components};
use salescommand_store::work::decode;
use salescommand_store::{Condition, Documents, Query};
use serde::Deserialize;

use crate::Error;

/// The part of the key graph that a batch touches: every facet in it with its keys after the batch, and the keys
/// that are crowded after the batch.
#[derive(Default)]
pub struct KeyGraph {
    keys: BTreeMap<FacetId, Vec<IdentityKey>>,
    crowded: BTreeSet<IdentityKey>,
}

#[derive(Deserialize)]
struct Holder {
    #[serde(rename = "_id")]
    id: FacetId,
    #[serde(default)]
    keys: Vec<IdentityKey>,
}

/// A facet of the batch: its keys as stored, and as they will be.
pub struct KeyChange<'a> {
    /// The facet.
    pub id: FacetId,
    /// Keys that the stored version has.
    pub before: &'a [IdentityKey],
    /// The facet after the batch.
    pub after: &'a Facet,
}

impl KeyGraph {
    /// Loads the closure around the facets of a batch: everything that was joined with them, or will be.
    ///
    /// A key that is crowded before and after the batch joins nobody, so its holders are not followed; a key that
    /// becomes crowded or stops being so concerns all its holders.
    pub async fn load(store: &dyn Documents, facets: &str, changes: &[KeyChange<'_>]) -> Result<Self, Error> {
        let mut graph = Self::default();
        let changed: BTreeSet<FacetId> = changes.iter().map(|change| change.id).collect();
        let mut joining: BTreeMap<&IdentityKey, usize> = BTreeMap::new();
        for key in changes.iter().flat_map(|change| &change.after.keys) {
            *joining.entry(key).or_default() += 1;
        }
        let mut frontier: BTreeSet<IdentityKey> = BTreeSet::new();
        for change in changes {
            graph.keys.insert(change.id, change.after.keys.clone());
            frontier.extend(change.before.iter().chain(&change.after.keys).cloned());
        }
        let mut seen: BTreeSet<IdentityKey> = BTreeSet::new();
        while !frontier.is_empty() {
            seen.extend(frontier.iter().cloned());
            let holders = load_holders(store, facets, &frontier, changes.len()).await?;
            let by_key = holders_by_key(&holders);
            let mut next = BTreeSet::new();
            for key in &frontier {
                let stored = by_key.get(key).map(Vec::as_slice).unwrap_or_default();
                let unchanged = stored.iter().filter(|holder| !changed.contains(&holder.id)).count();
                let joining = joining.get(key).copied().unwrap_or_default();
                let (before, after) =
                    (stored.len() > KEY_HOLDERS_LIMIT, unchanged + joining > KEY_HOLDERS_LIMIT);
                if after {
                    graph.crowded.insert(key.clone());
                }
                if before && after {
                    continue;
                }
                for holder in stored {
                    if let Entry::Vacant(vacant) = graph.keys.entry(holder.id) {
                        vacant.insert(holder.keys.clone());
                        next.extend(holder.keys.iter().filter(|key| !seen.contains(*key)).cloned());
                    }
                }
            }
            frontier = next;
        }
        Ok(graph)
    }

    /// Every facet in the graph.
    pub fn facets(&self) -> impl Iterator<Item = FacetId> + '_ {
        self.keys.keys().copied()
    }

    /// The links after the batch.
    pub fn links(&self) -> Links {
        components(self.keys.iter().map(|(id, keys)| (*id, keys.as_slice())), &self.crowded)
    }
}

/// The stored holders of some keys. Of a very crowded key only so many that it is certain to be crowded.
async fn load_holders(
    store: &dyn Documents,
    facets: &str,
    keys: &BTreeSet<IdentityKey>,
    changes: usize,
) -> Result<Vec<Holder>, Error> {
    let most = KEY_HOLDERS_LIMIT + 1 + changes;
    let generous = keys.len() * (KEY_HOLDERS_LIMIT + 1) + most;
    let all = query(keys.iter()).limited(generous);
    let found = holders(facets, store.find(facets, &all).await?)?;
    if found.len() < generous {
        return Ok(found);
    }
    let mut bounded: BTreeMap<FacetId, Holder> = BTreeMap::new();
    for key in keys {
        let some = query([key]).sorted("_id", salescommand_store::Direction::Ascending).limited(most);
        bounded.extend(
            holders(facets, store.find(facets, &some).await?)?.into_iter().map(|holder| (holder.id, holder)),
        );
    }
    Ok(bounded.into_values().collect())
}

fn holders_by_key(holders: &[Holder]) -> BTreeMap<&IdentityKey, Vec<&Holder>> {
    let mut by_key: BTreeMap<&IdentityKey, Vec<&Holder>> = BTreeMap::new();
    for holder in holders {
        for key in &holder.keys {
            by_key.entry(key).or_default().push(holder);
        }
    }
    by_key
}

fn query<'a>(keys: impl IntoIterator<Item = &'a IdentityKey>) -> Query {
    let keys = keys.into_iter().map(|key| Bson::from(key.as_str())).collect();
    Query::all().with(Condition::In("keys".to_owned(), keys)).only(&["keys"])
}

fn holders(facets: &str, documents: Vec<bson::RawDocumentBuf>) -> Result<Vec<Holder>, Error> {
    documents.iter().map(|document| decode(facets, document).map_err(Error::from)).collect()
}
