//! Identity over the store: loads as much of the key graph as a batch touches, and joins it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, RawDocumentBuf};
use salescommand_domain::canonical::{
    Components, Facet, FacetId, IdentityKey, KEY_HOLDERS_LIMIT, Node, Role, components,
};
use salescommand_store::work::{Work, decode};
use salescommand_store::{Condition, Direction, Documents, Query};
use serde::Deserialize;

use crate::Error;

/// The part of the key graph that a batch touches: every facet in it with its keys after the batch, and the keys
/// that are crowded after the batch.
#[derive(Default)]
pub struct KeyGraph {
    nodes: BTreeMap<FacetId, Node>,
    crowded: BTreeSet<IdentityKey>,
    /// Every key that was followed.
    seen: BTreeSet<IdentityKey>,
    /// Facets that list or listed a key, and those whose self keys are or were listed.
    linked: BTreeSet<FacetId>,
}

/// A facet of the batch, as it is stored and as it will be.
pub struct KeyChange {
    /// The facet.
    pub id: FacetId,
    /// As stored; none if it is new.
    before: Option<Node>,
    /// After the batch.
    after: Node,
}

impl KeyChange {
    /// What matters for identity of a facet's change.
    pub fn new(id: FacetId, before: Option<&Facet>, after: &Facet) -> Self {
        let node = |facet: &Facet| Node { role: facet.body.role(), keys: facet.keys.clone() };
        Self { id, before: before.map(node), after: node(after) }
    }
}

/// Where the graph is loaded from. What is read stays in the work, so that nothing is read a second time.
pub struct Source<'a> {
    /// The store.
    pub store: &'a dyn Documents,
    /// The facets' collection.
    pub facets: &'a str,
}

/// What the graph needs of a stored facet.
#[derive(Deserialize)]
struct Holder {
    #[serde(rename = "_id")]
    id: FacetId,
    #[serde(default)]
    keys: Vec<IdentityKey>,
    body: Kind,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

impl Holder {
    fn node(self) -> (FacetId, Node) {
        (self.id, Node { role: Role::of_kind(&self.body.kind), keys: self.keys })
    }
}

/// The keys of the batch's facets, before and after.
struct Changes {
    changed: BTreeSet<FacetId>,
    /// How many facets of an entity will list each key.
    joining: BTreeMap<IdentityKey, usize>,
}

impl KeyGraph {
    /// Loads the closure around the facets of a batch: everything that was joined with them, or will be.
    ///
    /// A key that is crowded before and after the batch joins nobody, so its holders are not followed; a key that
    /// becomes crowded or stops being so concerns all its holders. A listed self key leads to the facet whose it is.
    pub async fn load(source: Source<'_>, work: &mut Work, changes: Vec<KeyChange>) -> Result<Self, Error> {
        let mut graph = Self::default();
        let (batch, mut frontier) = graph.begin(changes);
        while !frontier.is_empty() {
            graph.seen.extend(frontier.iter().cloned());
            let mut found = source.holders(work, &frontier, batch.changed.len()).await?;
            found.extend(graph.targets(&source, work, &frontier).await?);
            frontier = graph.follow(&frontier, &found, &batch);
        }
        // A facet that lists nothing, and whom nobody lists or listed, has no place in the link table.
        let linked = std::mem::take(&mut graph.linked);
        graph.nodes.retain(|id, _| linked.contains(id));
        Ok(graph)
    }

    /// Takes the batch's own facets in; gives the keys to begin with.
    fn begin(&mut self, changes: Vec<KeyChange>) -> (Changes, BTreeSet<IdentityKey>) {
        let changed = changes.iter().map(|change| change.id).collect();
        let mut batch = Changes { changed, joining: BTreeMap::new() };
        let mut frontier = BTreeSet::new();
        for KeyChange { id, before, after: node } in changes {
            for node in before.iter().chain([&node]) {
                self.note_linked(id, node);
                frontier.extend(followed(id, node));
            }
            if matches!(node.role, Role::Of(_)) {
                for key in &node.keys {
                    *batch.joining.entry(key.clone()).or_default() += 1;
                }
            }
            self.nodes.insert(id, node);
        }
        (batch, frontier)
    }

    fn note_linked(&mut self, id: FacetId, node: &Node) {
        if !node.keys.is_empty() {
            self.linked.insert(id);
            self.linked.extend(node.keys.iter().filter_map(IdentityKey::as_facet));
        }
    }

    /// Takes in what holds the keys; gives the keys that lead on.
    fn follow(
        &mut self,
        frontier: &BTreeSet<IdentityKey>,
        found: &BTreeMap<FacetId, Node>,
        batch: &Changes,
    ) -> BTreeSet<IdentityKey> {
        let mut next = BTreeSet::new();
        let by_key = holders_by_key(found);
        for key in frontier {
            let stored = by_key.get(key).map(Vec::as_slice).unwrap_or_default();
            if key.as_facet().is_none() && self.is_left_alone(key, stored, batch) {
                continue;
            }
            for (id, node) in stored {
                let Entry::Vacant(vacant) = self.nodes.entry(*id) else { continue };
                next.extend(followed(*id, node).into_iter().filter(|key| !self.seen.contains(key)));
                vacant.insert((*node).clone());
                self.note_linked(*id, node);
            }
        }
        next
    }

    /// Whether a key is crowded before and after the batch; remembers it if it is so after.
    fn is_left_alone(&mut self, key: &IdentityKey, stored: &[(FacetId, &Node)], batch: &Changes) -> bool {
        let counted = stored.iter().filter(|(_, node)| matches!(node.role, Role::Of(_)));
        let (before, unchanged) = counted.fold((0, 0), |(before, unchanged), (id, _)| {
            (before + 1, unchanged + usize::from(!batch.changed.contains(id)))
        });
        let joining = batch.joining.get(key).copied().unwrap_or_default();
        let after = unchanged + joining > KEY_HOLDERS_LIMIT;
        if after {
            self.crowded.insert(key.clone());
        }
        before > KEY_HOLDERS_LIMIT && after
    }

    /// The facets whose self keys these are, as far as they are not in the graph yet and have been seen.
    async fn targets(
        &self,
        source: &Source<'_>,
        work: &mut Work,
        keys: &BTreeSet<IdentityKey>,
    ) -> Result<BTreeMap<FacetId, Node>, Error> {
        let targets = keys.iter().filter_map(IdentityKey::as_facet);
        let targets: Vec<FacetId> = targets.filter(|target| !self.nodes.contains_key(target)).collect();
        work.load(source.store, source.facets, targets.iter().map(FacetId::to_string)).await?;
        let mut found = BTreeMap::new();
        for target in targets {
            let holder: Option<Holder> = work.before(source.facets, &target.to_string())?;
            found.extend(holder.map(Holder::node));
        }
        Ok(found)
    }

    /// Every facet in the graph.
    pub fn facets(&self) -> impl Iterator<Item = FacetId> + '_ {
        self.nodes.keys().copied()
    }

    /// Who is joined with whom after the batch.
    pub fn components(&self) -> Components {
        components(&self.nodes, &self.crowded)
    }
}

impl Source<'_> {
    /// The stored holders of some keys. Of a very crowded key only so many that it is certain to be crowded.
    async fn holders(
        &self,
        work: &mut Work,
        keys: &BTreeSet<IdentityKey>,
        changes: usize,
    ) -> Result<BTreeMap<FacetId, Node>, Error> {
        let most = KEY_HOLDERS_LIMIT + 1 + changes;
        let generous = keys.len() * (KEY_HOLDERS_LIMIT + 1) + most;
        let found = self.store.find(self.facets, &holding(keys).limited(generous)).await?;
        if found.len() < generous {
            return self.take(work, found);
        }
        let explicit = keys.iter().filter(|key| key.as_facet().is_some());
        let mut holders = self.take(work, self.store.find(self.facets, &holding(explicit)).await?)?;
        for key in keys.iter().filter(|key| key.as_facet().is_none()) {
            let some = holding([key]).sorted("_id", Direction::Ascending).limited(most);
            holders.extend(self.take(work, self.store.find(self.facets, &some).await?)?);
        }
        Ok(holders)
    }

    fn take(
        &self,
        work: &mut Work,
        documents: Vec<RawDocumentBuf>,
    ) -> Result<BTreeMap<FacetId, Node>, Error> {
        let mut nodes = BTreeMap::new();
        for document in documents {
            let (id, node) = decode::<Holder>(self.facets, &document)?.node();
            work.hold(self.facets, &id.to_string(), document);
            nodes.insert(id, node);
        }
        Ok(nodes)
    }
}

/// The keys that lead from a facet to others: those that it lists, and its own, whatever it is: a link to something
/// that joins nothing, such as a stage, is flagged, and so concerns who is on the other side.
fn followed(id: FacetId, node: &Node) -> Vec<IdentityKey> {
    node.keys.iter().cloned().chain([IdentityKey::facet(id)]).collect()
}

/// Who holds a key: by listing it, or because it is its own self key.
fn holders_by_key(found: &BTreeMap<FacetId, Node>) -> BTreeMap<IdentityKey, Vec<(FacetId, &Node)>> {
    let mut by_key: BTreeMap<IdentityKey, Vec<(FacetId, &Node)>> = BTreeMap::new();
    for (id, node) in found {
        for key in node.keys.iter().cloned().chain([IdentityKey::facet(*id)]) {
            by_key.entry(key).or_default().push((*id, node));
        }
    }
    by_key
}

fn holding<'a>(keys: impl IntoIterator<Item = &'a IdentityKey>) -> Query {
    let keys = keys.into_iter().map(|key| Bson::from(key.as_str())).collect();
    Query::all().with(Condition::In("keys".to_owned(), keys))
}
