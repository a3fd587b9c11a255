//! One batch: raw messages in, one transaction out.
//!
//! The state in memory moves on only when the transaction is in, so a failed batch is simply given again.

use std::collections::BTreeSet;
use std::sync::Arc;

use bson::{Binary, Bson, spec::BinarySubtype};
use salescommand_domain::canonical::{CanonicalEvent, CanonicalMessage, Facet, FacetId};
use salescommand_domain::raw::RawPosition;
use salescommand_store::work::{Work, decode};
use salescommand_store::{
    Condition, Consumer, Documents, Query, facets_collection, normalizer_consumer, outbox_collection,
    quarantine_collection,
};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::incoming::{Change, Version, read};
use crate::logs::RawMessage;
use crate::mappers::Mappers;
use crate::position::NormalizerPosition;
use crate::quarantine::{QuarantineState, Quarantined};
use crate::resolve::Resolver;
use crate::specs;

/// What a batch did, for metrics and logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Raw events that are now in.
    pub events: usize,
    /// Of these, rejected.
    pub rejected: usize,
    /// Of these, published by a run that a newer one had overtaken.
    pub outrun: usize,
    /// Canonical events that follow.
    pub published: usize,
}

/// An event that waits to be published: the document of the outbox.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OutboxEntry {
    /// The sequence, 20 digits.
    #[serde(rename = "_id")]
    pub id: String,
    /// Where it will be published.
    pub subject: String,
    /// The message, MessagePack.
    pub payload: Binary,
}

/// The id of an outbox entry; sorts as the sequence does.
pub(crate) fn outbox_id(sequence: i64) -> String {
    format!("{sequence:020}")
}

/// The one writer of a canonical generation.
pub struct Normalizer {
    pub(crate) consumer: Consumer,
    mappers: Mappers,
    pub(crate) generation: u32,
    pub(crate) position: NormalizerPosition,
}

impl Normalizer {
    /// Takes up where the stored position is.
    pub async fn open(store: Arc<dyn Documents>, mappers: Mappers, generation: u32) -> Result<Self, Error> {
        let (consumer, stored) =
            Consumer::open(store, normalizer_consumer(generation), &specs(generation)).await?;
        let position = stored.as_ref().map(NormalizerPosition::decode).transpose()?.unwrap_or_default();
        Ok(Self { consumer, mappers, generation, position })
    }

    /// Where it stands.
    pub fn position(&self) -> &NormalizerPosition {
        &self.position
    }

    /// Takes raw messages in, in the order given; each log's messages must be in its order. Messages that are in
    /// already are passed over.
    pub async fn apply(&mut self, messages: &[RawMessage]) -> Result<Outcome, Error> {
        self.recover().await?;
        let mut next = self.position.clone();
        let mut outcome = Outcome::default();
        let (mut versions, mut rejects) = (Vec::new(), Vec::new());
        for message in messages.iter() {
            let RawPosition { instance, position } = &message.raw;
            if *position <= next.of(instance) {
                continue;
            }
            next.vector.insert(instance.clone(), *position);
            outcome.events += 1;
            let incoming = read(message, &self.mappers);
            match incoming.content {
                Ok(version) if next.admits(instance, version.object(), version.run_token) => {
                    versions.push((incoming.raw, version));
                }
                Ok(_) => outcome.outrun += 1,
                Err((facet, rejection)) => {
                    rejects.push(Quarantined::new(incoming.raw, incoming.subject, facet, rejection));
                }
            }
        }
        if outcome.events == 0 {
            return Ok(outcome);
        }
        outcome.rejected = rejects.len();
        next.outrun += i64::try_from(outcome.outrun).unwrap_or_default();
        let mut work = Work::default();
        self.quarantine(&mut work, rejects, &versions).await?;
        let touched = self.fold(&mut work, versions).await?;
        let resolver = Resolver { store: self.consumer.store(), generation: self.generation };
        let events = resolver.resolve(&mut work, touched.clone(), &touched, &mut next).await?;
        outcome.published = self.commit(work, events, next).await?;
        Ok(outcome)
    }

    /// Takes one step of what a changed reference facet has left to do; tells whether there was a step.
    pub async fn settle(&mut self) -> Result<bool, Error> {
        self.recover().await?;
        let mut next = self.position.clone();
        if next.pending.is_empty() {
            return Ok(false);
        }
        let mut work = Work::default();
        let resolver = Resolver { store: self.consumer.store(), generation: self.generation };
        let dependents = resolver.next_dependents(&mut next).await?;
        let events = resolver.resolve(&mut work, dependents, &BTreeSet::new(), &mut next).await?;
        self.commit(work, events, next).await?;
        Ok(true)
    }

    /// Finds out whether a commit whose answer was lost is in.
    async fn recover(&mut self) -> Result<(), Error> {
        if let Some(position) = self.consumer.recover().await? {
            self.position = NormalizerPosition::decode(&position)?;
        }
        Ok(())
    }

    /// Folds the accepted versions into facets; gives those that changed.
    async fn fold(
        &self,
        work: &mut Work,
        versions: Vec<(RawPosition, Version)>,
    ) -> Result<BTreeSet<FacetId>, Error> {
        let facets = facets_collection(self.generation);
        let ids: Vec<_> = versions.iter().map(|(_, version)| version.facet.to_string()).collect();
        work.load(self.consumer.store(), &facets, ids).await?;
        let mut touched = BTreeSet::new();
        for (raw, version) in versions {
            let id = version.facet.to_string();
            let held: Option<Facet> = work.get(&facets, &id)?;
            if held.as_ref().is_some_and(|held| held.position >= raw.position) {
                continue;
            }
            let Some(facet) = next_version(held, raw, version) else { continue };
            if work.put(&facets, &id, &facet)? {
                touched.insert(facet.id);
            }
        }
        Ok(touched)
    }

    /// Writes the rejects, and marks those that a later version of the same record has made unnecessary.
    async fn quarantine(
        &self,
        work: &mut Work,
        rejects: Vec<Quarantined>,
        versions: &[(RawPosition, Version)],
    ) -> Result<(), Error> {
        let collection = quarantine_collection(self.generation);
        let facets = versions.iter().map(|(_, version)| Bson::from(version.facet.to_string())).collect();
        let open = Query::all()
            .with(Condition::In("facet".to_owned(), facets))
            .with(Condition::Eq("state".to_owned(), Bson::from("open")));
        let mut entries = rejects;
        for document in self.consumer.store().find(&collection, &open).await? {
            entries.push(decode(&collection, &document)?);
        }
        work.load(self.consumer.store(), &collection, entries.iter().map(|entry| entry.id.clone())).await?;
        for mut entry in entries {
            let superseded = versions.iter().any(|(raw, version)| {
                Some(version.facet) == entry.facet && raw.position > entry.raw.position
            });
            if superseded {
                entry.state = QuarantineState::Superseded;
            }
            work.put(&collection, &entry.id.clone(), &entry)?;
        }
        Ok(())
    }

    /// Numbers the events, and commits everything with the new position.
    async fn commit(
        &mut self,
        mut work: Work,
        mut events: Vec<CanonicalEvent>,
        mut next: NormalizerPosition,
    ) -> Result<usize, Error> {
        let settled = next.pending.is_empty();
        if events.is_empty() && settled {
            events.push(CanonicalEvent::Progressed);
        }
        let last = events.len();
        let outbox = outbox_collection(self.generation);
        for (index, event) in events.into_iter().enumerate() {
            next.outbox += 1;
            let vector = (settled && index + 1 == last).then(|| next.vector.clone());
            let message = CanonicalMessage { event, vector };
            let bytes = rmp_serde::to_vec_named(&message).map_err(|error| Error::State(error.to_string()))?;
            let entry = OutboxEntry {
                id: outbox_id(next.outbox),
                subject: message.subject(self.generation),
                payload: Binary { subtype: BinarySubtype::Generic, bytes },
            };
            work.insert(&outbox, &entry.id.clone(), &entry)?;
        }
        self.consumer.commit(next.encode()?, work).await?;
        self.position = next;
        Ok(last)
    }
}

/// A facet after one more version; none if nothing is known of it and nothing is said.
fn next_version(held: Option<Facet>, raw: RawPosition, version: Version) -> Option<Facet> {
    match version.change {
        Change::Upsert(mapped) => {
            let (mut keys, mut refs) = (mapped.keys, mapped.refs);
            keys.sort();
            keys.dedup();
            refs.sort();
            refs.dedup();
            Some(Facet {
                id: version.facet,
                source: version.source,
                position: raw.position,
                source_modified: version.source_modified,
                deleted: false,
                body: mapped.body,
                keys,
                refs,
            })
        }
        Change::Delete | Change::Nothing => held.map(|held| held.gone(raw.position)),
    }
}
