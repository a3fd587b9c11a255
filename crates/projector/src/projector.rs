//! One projection of one serving generation: brings canonical messages into its documents.

use std::collections::BTreeSet;
use std::sync::Arc;

use salescommand_domain::canonical::{CanonicalEvent, Numbering, Standing};
use salescommand_store::work::Work;
use salescommand_store::{Consumer, Documents, Ops, Pace, ensure_at_pace, normalizer_consumer};

use crate::Error;
use crate::feed::CanonicalEntry;
use crate::projection::{Projection, ProjectionPosition, consumer_name};
use crate::roll_up::{self, Kept};

/// One projection of one serving generation.
pub struct Projector {
    pub(crate) projection: Arc<dyn Projection>,
    generation: u32,
    pub(crate) canonical: u32,
    consumer: Consumer,
    position: ProjectionPosition,
    /// What was last known of the stream's numbers; asked for again when an event is ahead of it.
    numbering: Numbering,
    /// The roll-ups that move with the documents.
    kept: Kept,
}

impl Projector {
    /// Takes up where the stored position is. What is missing of its collections is made at a pace.
    pub async fn open(
        store: Arc<dyn Documents>,
        projection: Arc<dyn Projection>,
        generation: u32,
        canonical: u32,
        pace: &dyn Pace,
    ) -> Result<Self, Error> {
        let collections = projection.collections(generation);
        ensure_at_pace(&*store, &collections, pace).await?;
        let name = consumer_name(projection.name(), generation);
        let (consumer, stored) = Consumer::open(store, name, &collections).await?;
        let fresh = ProjectionPosition {
            canonical: canonical.into(),
            version: projection.version().into(),
            ..ProjectionPosition::default()
        };
        let position = stored.as_ref().map(ProjectionPosition::decode).transpose()?.unwrap_or(fresh);
        let numbering = Numbering::default();
        let kept = match projection.rolled_up() {
            Some(sums) => sums.kept(consumer.store(), generation).await?,
            None => Kept::default(),
        };
        Ok(Self { projection, generation, canonical, consumer, position, numbering, kept })
    }

    /// Where it stands.
    pub fn position(&self) -> &ProjectionPosition {
        &self.position
    }

    /// Brings canonical events in, in one transaction; gives how many of them are dealt with. Those that are in
    /// already, or that the database has declared void, are passed over. Those that the database has not numbered yet
    /// are of a future that was lost with it: they wait until the normalizer has declared them void.
    pub async fn apply(&mut self, entries: &[CanonicalEntry]) -> Result<usize, Error> {
        if let Some(position) = self.consumer.recover().await? {
            self.position = ProjectionPosition::decode(&position)?;
        }
        self.refresh(entries).await?;
        let mut next = self.position.clone();
        let mut dealt = 0;
        let mut events: Vec<(i64, &CanonicalEvent)> = Vec::with_capacity(entries.len());
        for CanonicalEntry { sequence, message } in entries {
            let sequence = *sequence;
            let standing = self.numbering.standing(sequence);
            if sequence > next.sequence && standing == Standing::Ahead {
                break;
            }
            dealt += 1;
            if sequence <= next.sequence {
                continue;
            }
            next.sequence = sequence;
            if standing == Standing::Void {
                continue;
            }
            let message = message.as_ref().map_err(|error| Error::State(error.clone()))?;
            if let Some(vector) = &message.vector {
                next.vector.clone_from(vector);
            }
            events.push((sequence, &message.event));
        }
        if next.sequence == self.position.sequence {
            return Ok(dealt);
        }
        next.parked = false;
        let mut work = Work::default();
        self.projection.apply(self.generation, self.consumer.store(), &mut work, &events).await?;
        let overflowing = match self.projection.rolled_up().filter(|_| !self.kept.is_empty()) {
            Some(sums) => sums.follow(self.consumer.store(), &mut work, self.generation, &self.kept).await?,
            None => BTreeSet::new(),
        };
        // An older program may have changed documents without saying so.
        if next.changed.is_none() || !work.is_unchanged() {
            next.changed = Some(next.sequence);
        }
        self.consumer.commit(next.encode()?, work).await?;
        self.kept.give_up(overflowing);
        self.position = next;
        Ok(dealt)
    }

    /// Asks which numbers count when a message is ahead of what was known.
    async fn refresh(&mut self, entries: &[CanonicalEntry]) -> Result<(), Error> {
        if entries.last().is_some_and(|last| last.sequence > self.numbering.outbox) {
            let stored = self.consumer.store().position(&normalizer_consumer(self.canonical)).await?;
            let numbering = stored.map(|stored| bson::deserialize_from_document(stored.position)).transpose();
            self.numbering = numbering.map_err(|error| Error::State(error.to_string()))?.unwrap_or_default();
        }
        Ok(())
    }

    /// Makes the roll-ups that readers want and have not got, one at a time, and removes those that nobody wants any more.
    /// Tells whether more may be due. What is there moves with the documents from then on: both are in the same
    /// transactions, and between two of this consumer's transactions no document changes.
    ///
    /// After an error this projector must be opened anew: it cannot know whether a roll-up is in.
    pub async fn roll_up(&mut self, ops: &dyn Ops) -> Result<bool, Error> {
        let Some(sums) = self.projection.rolled_up() else { return Ok(false) };
        let mut due = roll_up::due(ops, &self.kept).await?;
        if due.build.is_none() && due.remove.is_empty() {
            return Ok(false);
        }
        let (store, mut work) = (self.consumer.store(), Work::default());
        for id in &due.remove {
            sums.remove(store, &mut work, self.generation, id).await?;
        }
        let mut overflowing = BTreeSet::new();
        if let Some(wanted) = due.build.take() {
            if sums.build(store, &mut work, self.generation, &self.kept, &wanted).await? {
                due.build = Some(wanted);
            } else {
                overflowing.insert(wanted.id);
            }
        }
        self.consumer.commit(self.position.encode()?, work).await?;
        let more = due.build.is_some();
        self.kept.take(due);
        self.kept.give_up(overflowing);
        Ok(more)
    }

    /// Records that it cannot go on, so that readers know; its documents stay as they are.
    pub(crate) async fn park(&mut self) -> Result<(), Error> {
        if self.position.parked {
            return Ok(());
        }
        let next = ProjectionPosition { parked: true, ..self.position.clone() };
        self.consumer.commit(next.encode()?, Work::default()).await?;
        self.position = next;
        Ok(())
    }
}
