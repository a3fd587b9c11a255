//! `opportunity_history`: the versions of each opportunity's records with their rows of history.
//!
//! A version belongs to a record, a record to the opportunity that it is joined in. When records join or part, or the
//! opportunity's scope key changes, the versions follow; otherwise a new version is one new document.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bson::Bson;
use salescommand_domain::access::ScopeKey;
use salescommand_domain::canonical::history::HistoryVersion;
use salescommand_domain::canonical::{CanonicalEvent, Entity, FacetId, Golden};
use salescommand_domain::serving::OpportunityVersion;
use salescommand_store::work::{Work, decode};
use salescommand_store::{CollectionSpec, Condition, Documents, Query, serving_collection};
use serde::{Deserialize, Serialize};

use crate::{Error, Projection};

/// See the module.
pub struct OpportunityHistory;

const NAME: &str = "opportunity_history";
const STATE: &str = "opportunity_history_state";

/// Which opportunity a record is joined in: the document of the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Place {
    /// The record.
    #[serde(rename = "_id")]
    facet: FacetId,
    /// Sequence of the event that said so; 0 while none did.
    applied: i64,
    /// The opportunity; none while it is not known, and when it is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opportunity: Option<FacetId>,
    /// Who may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope_key: Option<ScopeKey>,
}

/// What some events say: versions, and which records an opportunity has.
#[derive(Default)]
struct Said<'a> {
    versions: Vec<&'a HistoryVersion>,
    opportunities: Vec<Membership<'a>>,
}

/// The records of an opportunity after an event; none if it is gone.
struct Membership<'a> {
    sequence: i64,
    opportunity: FacetId,
    golden: Option<&'a Golden>,
}

impl Membership<'_> {
    fn has(&self, facet: FacetId) -> bool {
        self.golden.is_some_and(|golden| golden.facets.iter().any(|member| member.id == facet))
    }
}

impl<'a> Said<'a> {
    fn of(events: &[(i64, &'a CanonicalEvent)]) -> Self {
        let mut said = Self::default();
        for (sequence, event) in events {
            let (opportunity, golden) = match event {
                CanonicalEvent::Upserted { golden } if golden.entity() == Entity::Opportunity => {
                    (golden.id, Some(&**golden))
                }
                CanonicalEvent::Gone { entity: Entity::Opportunity, id } => (*id, None),
                CanonicalEvent::Historied { version } => {
                    said.versions.push(version);
                    continue;
                }
                _ => continue,
            };
            said.opportunities.push(Membership { sequence: *sequence, opportunity, golden });
        }
        said
    }
}

/// The collections, and where they are.
struct Shelf<'a> {
    store: &'a dyn Documents,
    versions: String,
    places: String,
}

#[async_trait]
impl Projection for OpportunityHistory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn collections(&self, generation: u32) -> Vec<CollectionSpec> {
        vec![
            CollectionSpec::plain(serving_collection(NAME, generation))
                .index(&["opportunity", "_id"])
                .index(&["facet", "_id"]),
            CollectionSpec::internal(serving_collection(STATE, generation)).index(&["opportunity"]),
        ]
    }

    async fn apply(
        &self,
        generation: u32,
        store: &dyn Documents,
        work: &mut Work,
        events: &[(i64, &CanonicalEvent)],
    ) -> Result<(), Error> {
        let said = Said::of(events);
        let shelf = Shelf {
            store,
            versions: serving_collection(NAME, generation),
            places: serving_collection(STATE, generation),
        };
        let moved = shelf.place(work, &said).await?;
        shelf.follow(work, &moved).await?;
        shelf.put(work, &said.versions).await
    }
}

impl Shelf<'_> {
    /// Brings the places up to date; gives the records that had one and have another now.
    async fn place(&self, work: &mut Work, said: &Said<'_>) -> Result<BTreeSet<FacetId>, Error> {
        let mut members = self.load(work, said).await?;
        let mut moved = BTreeSet::new();
        for event in &said.opportunities {
            let held = members.remove(&event.opportunity).unwrap_or_default();
            for facet in held.into_iter().filter(|facet| !event.has(*facet)) {
                // It may have been placed elsewhere by an event in between.
                let is = work.get::<Place>(&self.places, &facet.to_string())?;
                if is.is_some_and(|is| is.opportunity != Some(event.opportunity)) {
                    continue;
                }
                let nowhere = Place { facet, applied: event.sequence, opportunity: None, scope_key: None };
                moved.extend(self.set(work, nowhere)?);
            }
            for facet in event.golden.iter().flat_map(|golden| &golden.facets) {
                let place = Place {
                    facet: facet.id,
                    applied: event.sequence,
                    opportunity: Some(event.opportunity),
                    scope_key: event.golden.map(|golden| golden.scope_key.clone()),
                };
                moved.extend(self.set(work, place)?);
                members.entry(event.opportunity).or_default().insert(facet.id);
            }
        }
        Ok(moved)
    }

    /// Loads the places that the events may change; gives the records that the opportunities have so far.
    async fn load(
        &self,
        work: &mut Work,
        said: &Said<'_>,
    ) -> Result<BTreeMap<FacetId, BTreeSet<FacetId>>, Error> {
        let goldens = said.opportunities.iter().filter_map(|event| event.golden);
        let listed = goldens.flat_map(|golden| &golden.facets).map(|facet| facet.id);
        let known: BTreeSet<FacetId> =
            listed.chain(said.versions.iter().map(|version| version.facet)).collect();
        work.load(self.store, &self.places, known.iter().map(FacetId::to_string)).await?;
        let opportunities: BTreeSet<FacetId> =
            said.opportunities.iter().map(|event| event.opportunity).collect();
        let mut members: BTreeMap<FacetId, BTreeSet<FacetId>> = BTreeMap::new();
        if opportunities.is_empty() {
            return Ok(members);
        }
        let ids = opportunities.iter().map(|id| Bson::from(id.to_string())).collect();
        let query = Query::all().with(Condition::In("opportunity".to_owned(), ids));
        for document in self.store.find(&self.places, &query).await? {
            let place: Place = decode(&self.places, &document)?;
            work.hold(&self.places, &place.facet.to_string(), document);
            members.entry(place.opportunity.unwrap_or(place.facet)).or_default().insert(place.facet);
        }
        Ok(members)
    }

    /// Sets a place if the event is newer than the one that set it; gives the record if it had another one.
    fn set(&self, work: &mut Work, place: Place) -> Result<Option<FacetId>, Error> {
        let id = place.facet.to_string();
        let held: Option<Place> = work.get(&self.places, &id)?;
        if held.as_ref().is_some_and(|held| held.applied >= place.applied) {
            return Ok(None);
        }
        work.put(&self.places, &id, &place)?;
        let same =
            |held: &Place| (held.opportunity, &held.scope_key) == (place.opportunity, &place.scope_key);
        Ok(held.filter(|held| !same(held)).map(|held| held.facet))
    }

    /// Takes the versions of records along that have another place.
    async fn follow(&self, work: &mut Work, moved: &BTreeSet<FacetId>) -> Result<(), Error> {
        if moved.is_empty() {
            return Ok(());
        }
        let facets = moved.iter().map(|facet| Bson::from(facet.to_string())).collect();
        let query = Query::all().with(Condition::In("facet".to_owned(), facets));
        for document in self.store.find(&self.versions, &query).await? {
            let held: OpportunityVersion = decode(&self.versions, &document)?;
            work.hold(&self.versions, &held.version.id.clone(), document);
            self.put_one(work, held.version)?;
        }
        Ok(())
    }

    /// Puts versions into their places.
    async fn put(&self, work: &mut Work, versions: &[&HistoryVersion]) -> Result<(), Error> {
        work.load(self.store, &self.versions, versions.iter().map(|version| version.id.clone())).await?;
        for version in versions {
            let id = version.facet.to_string();
            if work.get::<Place>(&self.places, &id)?.is_none() {
                // Remembered, so that its versions are found when its place is known.
                let facet = version.facet;
                work.put(
                    &self.places,
                    &id,
                    &Place { facet, applied: 0, opportunity: None, scope_key: None },
                )?;
            }
            self.put_one(work, (*version).clone())?;
        }
        Ok(())
    }

    fn put_one(&self, work: &mut Work, version: HistoryVersion) -> Result<(), Error> {
        let place: Option<Place> = work.get(&self.places, &version.facet.to_string())?;
        let (opportunity, scope_key) =
            place.map(|place| (place.opportunity, place.scope_key)).unwrap_or_default();
        let id = version.id.clone();
        work.put(&self.versions, &id, &OpportunityVersion { opportunity, scope_key, version })?;
        Ok(())
    }
}
