//! From changed facets to golden records and events.
//!
//! A golden record must be made anew when a facet in it changes, when its component gains or loses a facet, and
//! when a reference facet that it depends on changes. Many dependents (a renamed currency, a new time zone) are
//! worked off in steps that the position remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bson::Bson;
use salescommand_domain::canonical::{
    CanonicalEvent, Entity, Facet, FacetBody, FacetId, Golden, IdentityKey, Links, Lookup, Reference, merge,
};
use salescommand_store::work::{Work, decode};
use salescommand_store::{
    Condition, Direction, Documents, Query, canonical_collection, facets_collection, links_collection,
};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::facets::Facets;
use crate::identity::{KeyChange, KeyGraph, Source};
use crate::position::{NormalizerPosition, PendingTarget};

/// Dependents that are resolved within the batch that changed what they depend on; more wait for steps of their own.
const INLINE_DEPENDENTS: usize = 1_000;
/// Dependents per step.
const DEPENDENTS_PER_STEP: usize = 500;

/// The document of the link table.
#[derive(Serialize, Deserialize)]
struct Link {
    #[serde(rename = "_id")]
    facet: FacetId,
    golden: FacetId,
}

#[derive(Deserialize)]
struct OnlyId {
    #[serde(rename = "_id")]
    id: FacetId,
}

/// Resolves over one generation of the store.
pub struct Resolver<'a> {
    /// The store.
    pub store: &'a dyn Documents,
    /// The canonical generation.
    pub generation: u32,
    /// The facets of the batch.
    pub facets: Facets<'a>,
}

/// What the link table says before and after.
struct Relinked {
    before: BTreeMap<FacetId, FacetId>,
    after: Links,
    /// Every facet that was or is joined with an affected one, and the link records between them.
    concerned: BTreeSet<FacetId>,
    /// Facets and link records of each golden record.
    members: BTreeMap<FacetId, BTreeSet<FacetId>>,
}

impl Relinked {
    fn golden_before(&self, facet: FacetId) -> FacetId {
        self.before.get(&facet).copied().unwrap_or(facet)
    }

    fn members_of(&self, golden: FacetId) -> BTreeSet<FacetId> {
        self.members.get(&golden).cloned().unwrap_or_else(|| BTreeSet::from([golden]))
    }
}

impl Resolver<'_> {
    /// Makes everything anew that depends on the given facets. `touched` are those whose own content changed.
    /// Gives the events, in an order that depends on ids alone.
    pub async fn resolve(
        &mut self,
        work: &mut Work,
        facets: BTreeSet<FacetId>,
        touched: &BTreeSet<FacetId>,
        next: &mut NormalizerPosition,
    ) -> Result<Vec<CanonicalEvent>, Error> {
        let affected = self.with_dependents(facets, next).await?;
        self.resolve_these(work, affected, touched).await
    }

    /// Makes everything anew that the given facets take part in, and nothing that only depends on them.
    pub async fn resolve_these(
        &mut self,
        work: &mut Work,
        affected: BTreeSet<FacetId>,
        touched: &BTreeSet<FacetId>,
    ) -> Result<Vec<CanonicalEvent>, Error> {
        self.facets.load(work, affected.iter().copied().collect()).await?;
        let links = self.relink(work, &affected).await?;
        let concerned: BTreeSet<FacetId> = affected.union(&links.concerned).copied().collect();
        let mut goldens: BTreeSet<FacetId> = BTreeSet::new();
        for facet in &concerned {
            goldens.insert(links.after.golden_of(*facet));
            goldens.insert(links.after.golden_of(links.golden_before(*facet)));
        }
        let made = self.make(work, &goldens, &links).await?;
        self.facets.load(work, concerned.iter().copied().collect()).await?;
        let gone = self.gone(work, &concerned, &links, &made)?;
        let mut events = self.write(work, made, gone).await?;
        events.extend(self.references(work, touched)?);
        Ok(events)
    }

    /// The next dependents of the first pending target; moves the target on, or takes it off the list.
    pub async fn next_dependents(&self, next: &mut NormalizerPosition) -> Result<BTreeSet<FacetId>, Error> {
        let Some(first) = next.pending.first_mut() else { return Ok(BTreeSet::new()) };
        let query = depends_on([first.target])
            .with(Condition::Gt("_id".to_owned(), Bson::from(first.after.as_str())))
            .sorted("_id", Direction::Ascending)
            .limited(DEPENDENTS_PER_STEP);
        let found = self.ids(&query).await?;
        match found.iter().next_back() {
            Some(last) if found.len() == DEPENDENTS_PER_STEP => first.after = last.to_string(),
            _ => {
                next.pending.remove(0);
            }
        }
        Ok(found)
    }

    /// Adds everything that depends on the facets, at any distance; puts off what would be too much.
    async fn with_dependents(
        &self,
        facets: BTreeSet<FacetId>,
        next: &mut NormalizerPosition,
    ) -> Result<BTreeSet<FacetId>, Error> {
        let room = facets.len() + INLINE_DEPENDENTS;
        let mut affected = facets.clone();
        let mut frontier = facets;
        while !frontier.is_empty() {
            let query = depends_on(frontier.iter().copied()).limited(room + 1);
            let found = self.ids(&query).await?;
            let fresh: BTreeSet<FacetId> = found.difference(&affected).copied().collect();
            if found.len() > room || affected.len() + fresh.len() > room {
                self.put_off(&frontier, next).await?;
                break;
            }
            affected.extend(fresh.iter().copied());
            frontier = fresh;
        }
        Ok(affected)
    }

    /// Remembers the targets that have dependents at all.
    async fn put_off(&self, targets: &BTreeSet<FacetId>, next: &mut NormalizerPosition) -> Result<(), Error> {
        for target in targets {
            if self.ids(&depends_on([*target]).limited(1)).await?.is_empty() {
                continue;
            }
            // A target that is already being worked off begins again: its dependents have seen the older content.
            next.pending.retain(|pending| pending.target != *target);
            next.pending.push(PendingTarget { target: *target, after: String::new() });
        }
        Ok(())
    }

    async fn ids(&self, query: &Query) -> Result<BTreeSet<FacetId>, Error> {
        let facets = facets_collection(self.generation);
        let found = self.store.find(&facets, &query.clone().only(&["_id"])).await?;
        let ids = found.iter().map(|document| Ok(decode::<OnlyId>(&facets, document)?.id));
        ids.collect()
    }

    /// Joins the affected facets anew and brings the link table up to date.
    async fn relink(&mut self, work: &mut Work, affected: &BTreeSet<FacetId>) -> Result<Relinked, Error> {
        let mut changes = Vec::new();
        for id in affected {
            if let Some(after) = self.facets.get(work, *id)? {
                let before = self.facets.before(work, *id)?;
                changes.push(KeyChange::new(*id, before.as_ref(), &after));
            }
        }
        let source = Source { store: self.store, facets: self.facets.collection() };
        let graph = KeyGraph::load(source, work, changes).await?;
        let components = graph.components();
        let collection = links_collection(self.generation);
        work.load(self.store, &collection, graph.facets().map(|facet| facet.to_string())).await?;
        let mut links = Relinked {
            before: BTreeMap::new(),
            after: components.links,
            concerned: graph.facets().collect(),
            members: components.joined_by,
        };
        for facet in graph.facets() {
            let id = facet.to_string();
            let held: Option<Link> = work.get(&collection, &id)?;
            let golden = links.after.golden_of(facet);
            links.members.entry(golden).or_default().insert(facet);
            if let Some(held) = held {
                links.before.insert(facet, held.golden);
            }
            if golden == facet {
                work.remove(&collection, &id);
            } else {
                work.put(&collection, &id, &Link { facet, golden })?;
            }
        }
        Ok(links)
    }

    /// Merges the components.
    async fn make(
        &mut self,
        work: &mut Work,
        goldens: &BTreeSet<FacetId>,
        links: &Relinked,
    ) -> Result<BTreeMap<(Entity, FacetId), Golden>, Error> {
        let members: BTreeSet<FacetId> =
            goldens.iter().flat_map(|golden| links.members_of(*golden)).collect();
        let known = self.load_closure(work, members).await?;
        let mut made = BTreeMap::new();
        for golden in goldens {
            let members = links.members_of(*golden);
            let facets: Vec<&Facet> =
                members.iter().filter_map(|member| known.0.get(member).map(|facet| &**facet)).collect();
            if let Some(golden) = merge(&facets, &known) {
                made.insert((golden.entity(), golden.id), golden);
            }
        }
        Ok(made)
    }

    /// Loads facets and, at any distance, those whose content they depend on or whose self keys they list.
    async fn load_closure(&mut self, work: &mut Work, facets: BTreeSet<FacetId>) -> Result<Known, Error> {
        let mut known = BTreeMap::new();
        let mut seen = facets.clone();
        let mut frontier = facets;
        while !frontier.is_empty() {
            self.facets.load(work, frontier.iter().copied().collect()).await?;
            let mut next = BTreeSet::new();
            for id in &frontier {
                if let Some(facet) = self.facets.get(work, *id)? {
                    let listed = facet.keys.iter().filter_map(IdentityKey::as_facet);
                    let needed = facet.refs.iter().copied().chain(listed);
                    next.extend(needed.filter(|needed| seen.insert(*needed)));
                    known.insert(*id, facet);
                }
            }
            frontier = next;
        }
        Ok(Known(known))
    }

    /// Golden records that were and are no more.
    fn gone(
        &self,
        work: &Work,
        concerned: &BTreeSet<FacetId>,
        links: &Relinked,
        made: &BTreeMap<(Entity, FacetId), Golden>,
    ) -> Result<BTreeSet<(Entity, FacetId)>, Error> {
        let mut gone = BTreeSet::new();
        for facet in concerned {
            let entity = self.facets.before(work, *facet)?.and_then(|before| before.body.entity());
            let former = entity.map(|entity| (entity, links.golden_before(*facet)));
            gone.extend(former.filter(|former| !made.contains_key(former)));
        }
        Ok(gone)
    }

    /// Writes the golden records that differ, removes those that are gone, and says so.
    async fn write(
        &self,
        work: &mut Work,
        made: BTreeMap<(Entity, FacetId), Golden>,
        gone: BTreeSet<(Entity, FacetId)>,
    ) -> Result<Vec<CanonicalEvent>, Error> {
        let mut ids: BTreeMap<Entity, Vec<String>> = BTreeMap::new();
        for (entity, id) in made.keys().chain(&gone) {
            // A golden record has the id of one of its facets: no facet yet, no golden record yet.
            if made.contains_key(&(*entity, *id)) && !self.facets.was_stored(work, *id)? {
                work.absent(&canonical_collection(*entity, self.generation), id.to_string());
                continue;
            }
            ids.entry(*entity).or_default().push(id.to_string());
        }
        for (entity, ids) in ids {
            work.load(self.store, &canonical_collection(entity, self.generation), ids).await?;
        }
        let mut events = Vec::new();
        for (entity, id) in gone {
            if work.remove(&canonical_collection(entity, self.generation), &id.to_string()) {
                events.push(CanonicalEvent::Gone { entity, id });
            }
        }
        for ((entity, id), golden) in made {
            if work.put(&canonical_collection(entity, self.generation), &id.to_string(), &golden)? {
                events.push(CanonicalEvent::Upserted { golden: Box::new(golden) });
            }
        }
        Ok(events)
    }

    /// Announces changed reference data.
    fn references(&mut self, work: &Work, touched: &BTreeSet<FacetId>) -> Result<Vec<CanonicalEvent>, Error> {
        let mut events = Vec::new();
        for id in touched {
            let Some(facet) = self.facets.get(work, *id)? else { continue };
            let reference = match &facet.body {
                FacetBody::Stage(stage) => Reference::Stage(stage.clone()),
                FacetBody::Label(label) => Reference::Label(label.clone()),
                FacetBody::Company(company) => Reference::Company(company.clone()),
                FacetBody::Calendar(calendar) => Reference::Calendar(calendar.clone()),
                FacetBody::ManagerEdge(declared) => Reference::ManagerEdge(declared.edge.clone()),
                _ => continue,
            };
            events.push(CanonicalEvent::Referenced {
                id: *id,
                instance: facet.source.instance.clone(),
                deleted: facet.deleted,
                reference,
            });
        }
        Ok(events)
    }
}

/// What merging looks things up in.
struct Known(BTreeMap<FacetId, Arc<Facet>>);

impl Lookup for Known {
    fn facet(&self, id: FacetId) -> Option<&Facet> {
        self.0.get(&id).map(|facet| &**facet)
    }
}

fn depends_on(targets: impl IntoIterator<Item = FacetId>) -> Query {
    let targets = targets.into_iter().map(|target| Bson::from(target.to_string())).collect();
    Query::all().with(Condition::In("refs".to_owned(), targets))
}
