//! One batch: raw messages in, one transaction out.
//!
//! The state in memory moves on only when the transaction is in, so a failed batch is simply given again.

use std::collections::BTreeSet;
use std::sync::Arc;

use salescommand_domain::canonical::{CanonicalEvent, CanonicalMessage, Facet, FacetId};
use salescommand_domain::raw::RawPosition;
use salescommand_eventlog::EventLog;
use salescommand_store::work::Work;
use salescommand_store::{
    Consumer, Documents, history_collection, history_orphans_collection, normalizer_consumer,
    outbox_collection,
};

use crate::Error;
use crate::facets::Facets;
use crate::fold::{Gone, fold};
use crate::history::{Historian, HistoryCollections};
use crate::incoming::{Version, read};
use crate::logs::RawMessage;
use crate::mappers::Mappers;
use crate::position::NormalizerPosition;
use crate::publisher::{Entry, put};
use crate::quarantine::Quarantined;
use crate::resolve::Resolver;
use crate::retry::{Again, Rejects};
use crate::specs;
use crate::take_over::RECORDS_PER_STEP;

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

/// The one writer of a canonical generation.
pub struct Normalizer {
    pub(crate) consumer: Consumer,
    pub(crate) mappers: Mappers,
    /// The raw logs, for what is to be read again.
    pub(crate) log: Option<Arc<dyn EventLog>>,
    pub(crate) generation: u32,
    pub(crate) position: NormalizerPosition,
    /// Records per step of taking another generation's over.
    pub(crate) page: usize,
}

/// A version on its way into its record.
struct Accepted {
    raw: RawPosition,
    version: Version,
    /// The last deletion behind it that no facet holds.
    gone: Option<Gone>,
    /// It was rejected before and is accepted now, in its place; the others come in the order of their log.
    late: bool,
}

impl Normalizer {
    /// Takes up where the stored position is.
    pub async fn open(store: Arc<dyn Documents>, mappers: Mappers, generation: u32) -> Result<Self, Error> {
        let (consumer, stored) =
            Consumer::open(store, normalizer_consumer(generation), &specs(generation)).await?;
        let fresh = NormalizerPosition { reads: mappers.reads(), ..NormalizerPosition::default() };
        let position = stored.as_ref().map(NormalizerPosition::decode).transpose()?.unwrap_or(fresh);
        Ok(Self { consumer, mappers, log: None, generation, position, page: RECORDS_PER_STEP })
    }

    /// With the raw logs: without them, a reject that is to be read again is an error.
    #[must_use]
    pub fn reading(self, log: Arc<dyn EventLog>) -> Self {
        Self { log: Some(log), ..self }
    }

    /// Where it stands.
    pub fn position(&self) -> &NormalizerPosition {
        &self.position
    }

    /// Takes raw messages in, in the order given; each log's messages must be in its order. Messages that are in
    /// already are passed over. What [`Normalizer::settle`] has to do must be done before.
    pub async fn apply(&mut self, messages: &[RawMessage]) -> Result<Outcome, Error> {
        self.recover().await?;
        let rejected_already = self.rejects_taken_over(messages).await?;
        let mut next = self.position.clone();
        let mut outcome = Outcome::default();
        let (mut versions, mut rejects) = (Vec::new(), Rejects::default());
        for message in messages.iter() {
            let RawPosition { instance, position } = &message.raw;
            if *position <= next.of(instance) {
                continue;
            }
            next.vector.insert(instance.clone(), *position);
            outcome.events += 1;
            let incoming = read(message, &self.mappers);
            if let Some(head) = &incoming.head
                && !next.admits(instance, head.object(), head.run_token)
            {
                outcome.outrun += 1;
                continue;
            }
            if rejected_already.contains(&incoming.raw.to_string()) {
                continue;
            }
            match incoming.content {
                Ok(version) => versions.push((incoming.raw, version)),
                Err(rejection) => {
                    let facet = incoming.head.map(|head| head.source.facet_id());
                    rejects.new.push(Quarantined::new(incoming.raw, incoming.subject, facet, rejection));
                }
            }
        }
        if outcome.events == 0 {
            return Ok(outcome);
        }
        outcome.rejected = rejects.new.len();
        next.outrun += i64::try_from(outcome.outrun).unwrap_or_default();
        let again = self.read_again(&versions).await?;
        outcome.published = self.take_in(versions, rejects, again, next).await?;
        Ok(outcome)
    }

    /// Takes accepted versions in, those of the batch in their order and then those that were read again, and commits
    /// all that follows; gives the number of events.
    pub(crate) async fn take_in(
        &mut self,
        versions: Vec<(RawPosition, Version)>,
        mut rejects: Rejects,
        again: Vec<Again>,
        mut next: NormalizerPosition,
    ) -> Result<usize, Error> {
        let in_log_order = |(raw, version)| Accepted { raw, version, gone: None, late: false };
        let mut accepted: Vec<_> = versions.into_iter().map(in_log_order).collect();
        for Again { reject, content } in again {
            let (raw, gone) = (reject.raw.clone(), reject.gone());
            rejects.again.push((reject, content.as_ref().err().cloned()));
            accepted.extend(content.ok().map(|version| Accepted { raw, version, gone, late: true }));
        }
        accepted.iter().for_each(|version| rejects.pass(&version.raw, &version.version));
        // Those of the batch stand in the order of their log, before the deletions behind them.
        for late in accepted.iter_mut().filter(|version| version.late) {
            late.gone = late.gone.max(rejects.gone(late.version.facet, late.raw.position));
        }
        let (mut work, mut history) = (Work::default(), Historian::default());
        let (store, generation) = (self.consumer.store(), self.generation);
        let (kept, orphans) = (history_collection(generation), history_orphans_collection(generation));
        let collections = HistoryCollections { history: &kept, orphans: &orphans };
        if self.position.taking_over.is_some() {
            let late = accepted.iter().filter(|version| version.late);
            history
                .load_known(store, &collections, late.map(|version| (&version.raw, &version.version)))
                .await?;
        }
        let mut facets = Facets::new(store, generation);
        let touched = self.fold(&mut work, &mut facets, accepted, &mut history).await?;
        let rejected = self.settle_rejects(&mut work, rejects).await?;
        next.orphans |= history.has_orphans();
        let mut resolver = Resolver { store, generation, facets };
        let mut events = resolver.resolve(&mut work, touched.clone(), &touched, &mut next).await?;
        events.extend(history.finish(store, &mut work, &collections, &rejected).await?);
        self.commit(work, events, next).await
    }

    /// Whether [`Normalizer::settle`] has anything to do.
    pub(crate) fn has_left(&self) -> bool {
        !self.position.pending.is_empty() || self.is_behind() || self.has_to_take_over()
    }

    /// Takes one step of what is to be done before the next batch: of taking another generation's records over, of what
    /// a changed reference facet has left, of reading again what was too new for the program before this one. Tells
    /// whether there was a step.
    pub async fn settle(&mut self) -> Result<bool, Error> {
        self.recover().await?;
        if self.take_over().await? {
            return Ok(true);
        }
        if self.position.pending.is_empty() {
            return Ok(self.catch_up().await? || self.end_taking_over().await?);
        }
        let mut next = self.position.clone();
        let mut work = Work::default();
        let (store, generation) = (self.consumer.store(), self.generation);
        let mut resolver = Resolver { store, generation, facets: Facets::new(store, generation) };
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
        facets: &mut Facets<'_>,
        versions: Vec<Accepted>,
        history: &mut Historian,
    ) -> Result<BTreeSet<FacetId>, Error> {
        facets.load(work, versions.iter().map(|version| version.version.facet).collect()).await?;
        if self.position.orphans {
            let mut unheld = Vec::new();
            for Accepted { version, .. } in &versions {
                let held = facets.get(work, version.facet)?;
                unheld.extend(held.is_none().then_some(version.facet));
            }
            let collection = history_orphans_collection(self.generation);
            history.load_orphans(self.consumer.store(), &collection, unheld).await?;
        }
        let mut touched = BTreeSet::new();
        for Accepted { raw, version, gone, late } in versions {
            let held = facets.get(work, version.facet)?;
            // A record is ahead of its log only if it was taken over from another generation, and then has all of it.
            if !late && held.as_deref().is_some_and(|held| raw.position <= held.position) {
                continue;
            }
            let last_version = if late && history.knows(&raw, &version) {
                held.as_deref().and_then(|held| held.last_version)
            } else {
                history.record(held.as_deref(), &raw, &version)
            };
            let folded = fold(held.as_deref(), gone, &raw, version);
            let Some(facet) = folded.or_else(|| held.as_deref().cloned()) else { continue };
            let (id, facet) = (facet.id, Facet { last_version, ..facet });
            if facets.put(work, facet)? {
                touched.insert(id);
            }
        }
        Ok(touched)
    }

    /// Numbers the events, and commits everything with the new position.
    pub(crate) async fn commit(
        &mut self,
        mut work: Work,
        mut events: Vec<CanonicalEvent>,
        mut next: NormalizerPosition,
    ) -> Result<usize, Error> {
        let settled = next.pending.is_empty() && next.is_resolved();
        if events.is_empty() && settled {
            events.push(CanonicalEvent::Progressed);
        }
        let last = events.len();
        let mut entries = Vec::with_capacity(last);
        for (index, event) in events.into_iter().enumerate() {
            let vector = (settled && index + 1 == last).then(|| next.vector.clone());
            entries.push(Entry::new(&CanonicalMessage { event, vector }, self.generation)?);
        }
        next.outbox = put(&mut work, &outbox_collection(self.generation), next.outbox, entries)?;
        self.consumer.commit(next.encode()?, work).await?;
        self.position = next;
        Ok(last)
    }
}
