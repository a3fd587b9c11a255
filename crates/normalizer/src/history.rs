//! History: each accepted version of an opportunity's records becomes a document with the rows that it gives.
//!
//! Nearly every version comes in the order of its time. Its predecessor is then the version that the stored facet
//! holds, so nothing has to be read for it. A version that comes out of order, a rejected one that is accepted later, or
//! one that does not bring all of the source's own history that its predecessor brought, or brings the first of it, makes
//! its record's rows anew from all of its versions; only those of its neighbours differ.
//!
//! Must not depend on batches or on the order in which logs are read: rows are a function of a record's accepted
//! versions, and of which versions between them were rejected.

use std::collections::{BTreeMap, BTreeSet};

use bson::Bson;
use salescommand_domain::canonical::history::{HistoryHead, HistoryStatement, HistoryVersion, derive};
use salescommand_domain::canonical::{CanonicalEvent, Entity, Facet, FacetId, LastVersion};
use salescommand_domain::raw::{Position, RawPosition};
use salescommand_store::work::{Work, decode};
use salescommand_store::{Condition, Documents, Query, text_id};

use crate::Error;
use crate::fold::Gone;
use crate::incoming::{Change, Version};

/// Raw positions of rejected versions, by record.
pub type Rejected = BTreeMap<FacetId, BTreeSet<Position>>;

/// Where versions are kept.
pub struct HistoryCollections<'a> {
    /// Those of opportunities.
    pub history: &'a str,
    /// Deletions of records that are not held.
    pub orphans: &'a str,
}

/// A version of the batch.
struct Fresh {
    document: HistoryVersion,
    /// What it follows, and where the version before it is in the log; none if its record's rows are made anew.
    follows: Option<(HistoryHead, Position)>,
}

/// Gathers the versions of a batch.
#[derive(Default)]
pub struct Historian {
    /// Deletions of records that are not held: no part of any history until the record turns out to be an opportunity.
    orphans: BTreeMap<FacetId, Vec<HistoryVersion>>,
    fresh: BTreeMap<FacetId, Vec<Fresh>>,
    /// Records whose rows are made anew.
    anew: BTreeSet<FacetId>,
    /// Ids of versions that were taken over with their records.
    known: BTreeSet<String>,
}

impl Historian {
    /// Looks up what was recorded of records that are not held.
    pub async fn load_orphans(
        &mut self,
        store: &dyn Documents,
        collection: &str,
        facets: Vec<FacetId>,
    ) -> Result<(), Error> {
        if facets.is_empty() {
            return Ok(());
        }
        for document in store.find(collection, &of_facets(facets)).await? {
            let version: HistoryVersion = decode(collection, &document)?;
            self.orphans.entry(version.facet).or_default().push(version);
        }
        Ok(())
    }

    /// Looks up which of some versions are recorded already.
    pub async fn load_known(
        &mut self,
        store: &dyn Documents,
        collections: &HistoryCollections<'_>,
        versions: impl Iterator<Item = (&RawPosition, &Version)>,
    ) -> Result<(), Error> {
        let ids: Vec<String> = versions.map(|(raw, version)| rowless(raw, version, None).id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        for collection in [collections.history, collections.orphans] {
            for document in store.get(collection, &ids).await? {
                self.known.insert(text_id(&document)?.to_owned());
            }
        }
        Ok(())
    }

    /// Whether a version was found to be recorded already.
    pub fn knows(&self, raw: &RawPosition, version: &Version) -> bool {
        !self.known.is_empty() && self.known.contains(&rowless(raw, version, None).id)
    }

    /// Whether a deletion of a record that was not held has been recorded in this batch or was looked up.
    pub fn has_orphans(&self) -> bool {
        !self.orphans.is_empty()
    }

    /// Takes an accepted version in; `held` is the record before it. Gives what the record is to remember of it.
    pub fn record(
        &mut self,
        held: Option<&Facet>,
        raw: &RawPosition,
        version: &Version,
    ) -> Option<LastVersion> {
        let last = held.and_then(|held| held.last_version);
        let Some(statement) = stated(held, &version.change) else {
            // Something else than an opportunity: what the record holds is no longer what the last version stated.
            return last.map(|last| LastVersion { in_order: false, ..last });
        };
        let document = rowless(raw, version, statement);
        let valid_at = document.valid_at;
        let orphans = self.orphans.get(&version.facet).map(Vec::as_slice).unwrap_or_default();
        if orphans.iter().any(|orphan| orphan.id == document.id) {
            // A deletion that was taken over from another generation, and is read again.
            return None;
        }
        let last = last.or_else(|| orphaned(orphans));
        let position = raw.position;
        let head = match (held, last) {
            (Some(held), Some(last)) => head(held, last, (position, valid_at), document.statement.as_ref()),
            (Some(_), None) => None,
            (None, None) => Some(HistoryHead::default()),
            (None, Some(last)) => {
                let after_all = orphans.iter().all(|orphan| orphan.raw.position < position);
                let times = Some((last.valid_at, last.known_at));
                (after_all && last.valid_at <= valid_at)
                    .then(|| HistoryHead { times, ..HistoryHead::default() })
            }
        };
        let before = orphans.iter().map(|orphan| orphan.raw.position).max();
        let since = held.map(|held| held.position).or(before).unwrap_or(Position::START);
        let follows = head.map(|head| (head, since));
        let in_order = follows.is_some();
        if !in_order {
            self.anew.insert(version.facet);
        }
        if held.is_none() && document.statement.is_none() {
            self.orphans.entry(version.facet).or_default().push(document);
            return None;
        }
        let orphans =
            if held.is_none() { self.orphans.remove(&version.facet) } else { None }.unwrap_or_default();
        if !orphans.is_empty() {
            self.anew.insert(version.facet);
        }
        let orphans = orphans.into_iter().map(|document| Fresh { document, follows: None });
        self.fresh.entry(version.facet).or_default().extend(orphans.chain([Fresh { document, follows }]));
        let newest = last.is_none_or(|last| last.valid_at <= valid_at);
        let present = LastVersion { valid_at, known_at: version.observed, in_order };
        Some(last.filter(|_| !newest).map_or(present, |last| LastVersion { in_order, ..last }))
    }

    /// Writes the batch's versions, and those whose rows they change; says so.
    pub async fn finish(
        mut self,
        store: &dyn Documents,
        work: &mut Work,
        collections: &HistoryCollections<'_>,
        rejected: &Rejected,
    ) -> Result<Vec<CanonicalEvent>, Error> {
        let orphans = std::mem::take(&mut self.orphans);
        work.load(store, collections.orphans, orphans.values().flatten().map(|orphan| orphan.id.clone()))
            .await?;
        for orphan in orphans.into_values().flatten() {
            work.put(collections.orphans, &orphan.id, &orphan)?;
        }
        let collection = collections.history;
        let mut stored = self.load(store, work, collection).await?;
        let mut events = Vec::new();
        for (facet, fresh) in std::mem::take(&mut self.fresh) {
            let new: BTreeSet<String> = fresh.iter().map(|version| version.document.id.clone()).collect();
            let rejected = rejected.get(&facet);
            let mut versions: Vec<_> = fresh.into_iter().map(|version| version.derived(rejected)).collect();
            if self.anew.contains(&facet) {
                versions.extend(stored.remove(&facet).unwrap_or_default());
                make_anew(rejected, &mut versions);
            }
            for version in versions {
                if new.contains(&version.id) {
                    work.insert(collection, &version.id, &version)?;
                } else if !work.put(collection, &version.id, &version)? {
                    continue;
                }
                events.push(CanonicalEvent::Historied { version: Box::new(version) });
            }
        }
        Ok(events)
    }

    /// The stored versions of the records whose rows are made anew.
    async fn load(
        &self,
        store: &dyn Documents,
        work: &mut Work,
        collection: &str,
    ) -> Result<BTreeMap<FacetId, Vec<HistoryVersion>>, Error> {
        let mut stored: BTreeMap<FacetId, Vec<HistoryVersion>> = BTreeMap::new();
        if self.anew.is_empty() {
            return Ok(stored);
        }
        for document in store.find(collection, &of_facets(self.anew.iter().copied())).await? {
            let version: HistoryVersion = decode(collection, &document)?;
            work.hold(collection, &version.id, document);
            stored.entry(version.facet).or_default().push(version);
        }
        Ok(stored)
    }
}

impl Fresh {
    /// The version with its rows, as far as it stands behind the version before it.
    fn derived(self, rejected: Option<&BTreeSet<Position>>) -> HistoryVersion {
        let mut document = self.document;
        if let Some((mut head, since)) = self.follows {
            document.gaps = between(rejected, since, document.raw.position);
            head.advance(&mut document);
        }
        document
    }
}

/// A version without rows as yet, which states this.
fn rowless(raw: &RawPosition, version: &Version, statement: Option<HistoryStatement>) -> HistoryVersion {
    let valid_at = version.source_modified.unwrap_or(version.observed);
    let merged_into = Gone::of(&version.change, raw.position).and_then(|gone| gone.merged_into);
    let times = (valid_at, version.observed);
    HistoryVersion { merged_into, ..HistoryVersion::new(version.facet, raw.clone(), times, statement) }
}

/// Makes the rows of all of a record's versions anew.
fn make_anew(rejected: Option<&BTreeSet<Position>>, versions: &mut [HistoryVersion]) {
    versions.sort_by_key(|version| version.raw.position);
    let mut since = Position::START;
    for version in versions.iter_mut() {
        version.gaps = between(rejected, since, version.raw.position);
        since = version.raw.position;
    }
    versions.sort_by(|a, b| a.id.cmp(&b.id));
    derive(versions);
}

/// The rejects between two places of a log.
fn between(rejected: Option<&BTreeSet<Position>>, after: Position, before: Position) -> Vec<Position> {
    let rejected = rejected.into_iter().flatten();
    rejected.filter(|position| **position > after && **position < before).copied().collect()
}

fn of_facets(facets: impl IntoIterator<Item = FacetId>) -> Query {
    let facets = facets.into_iter().map(|facet| Bson::from(facet.to_string())).collect();
    Query::all().with(Condition::In("facet".to_owned(), facets))
}

/// The latest of a record's deletions before it was ever held.
fn orphaned(orphans: &[HistoryVersion]) -> Option<LastVersion> {
    let latest = orphans.iter().max_by_key(|orphan| (orphan.valid_at, orphan.raw.position))?;
    Some(LastVersion { valid_at: latest.valid_at, known_at: latest.known_at, in_order: true })
}

/// What a version states: none within for a deletion, none at all if it is no version of an opportunity.
fn stated(held: Option<&Facet>, change: &Change) -> Option<Option<HistoryStatement>> {
    let of_opportunity = |held: &Facet| held.body.entity() == Some(Entity::Opportunity);
    match change {
        Change::Upsert(mapped) => HistoryStatement::of(&mapped.body).map(Some),
        // What was never held may have been an opportunity.
        Change::Delete(_) => held.is_none_or(of_opportunity).then_some(None),
        Change::Nothing => held.is_some_and(of_opportunity).then_some(None),
    }
}

/// What a version in order follows: the version that the record holds. None if it is out of order, or if its rows are not
/// made of these two alone.
fn head(
    held: &Facet,
    last: LastVersion,
    (position, valid_at): (Position, salescommand_domain::Timestamp),
    now: Option<&HistoryStatement>,
) -> Option<HistoryHead> {
    let in_order = last.in_order && held.position < position && last.valid_at <= valid_at;
    let stated = in_order.then(|| HistoryStatement::of(&held.body))??;
    if now.is_some_and(|now| !now.continues(&stated)) {
        return None;
    }
    let times = Some((last.valid_at, last.known_at));
    Some(HistoryHead { stated: Some(stated), deleted: held.deleted, times })
}
