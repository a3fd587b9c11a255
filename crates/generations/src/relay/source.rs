//! The generation that is told: its stream, and which of its numbers count.

use std::collections::BTreeMap;
use std::sync::Arc;

use salescommand_domain::canonical::{CanonicalSchemas, Numbering, Standing, ToldEntity, ToldEvent};
use salescommand_domain::raw::Vector;
use salescommand_eventlog::{Error as LogError, EventLog, Message};
use salescommand_normalizer::{NormalizerPosition, canonical_stream, consumer_name};
use salescommand_store::Documents;

use super::place::Place;
use crate::Error;

/// A generation's stream.
pub(super) struct Source {
    log: Arc<dyn EventLog>,
    store: Arc<dyn Documents>,
    pub(super) generation: u32,
    pub(super) stream: String,
    /// What was last known of its normalizer.
    pub(super) numbering: Numbering,
    pub(super) vector: Vector,
    /// Nothing of what changed reference data is left to be done.
    pub(super) settled: bool,
}

impl Source {
    pub(super) async fn open(
        log: Arc<dyn EventLog>,
        store: Arc<dyn Documents>,
        generation: u32,
    ) -> Result<Self, Error> {
        let stream = canonical_stream(generation);
        let (numbering, vector) = (Numbering::default(), Vector::new());
        let mut source = Self { log, store, generation, stream, numbering, vector, settled: false };
        source.refresh().await?;
        Ok(source)
    }

    /// Asks how far its normalizer is.
    pub(super) async fn refresh(&mut self) -> Result<(), Error> {
        let stored = self.store.position(&consumer_name(self.generation)).await?;
        let position = stored.map(|stored| NormalizerPosition::decode(&stored.position)).transpose();
        let position = position
            .map_err(|source| Error::Normalizer { generation: self.generation, source })?
            .unwrap_or_default();
        let NormalizerPosition { vector, outbox, void, pending, .. } = position;
        self.numbering = Numbering { outbox, void };
        self.settled = pending.is_empty();
        self.vector = vector;
        Ok(())
    }

    /// The last number given.
    pub(super) fn numbered(&self) -> u64 {
        u64::try_from(self.numbering.outbox).unwrap_or(0)
    }

    /// What an event with this number is.
    pub(super) fn standing(&self, sequence: u64) -> Standing {
        i64::try_from(sequence).map_or(Standing::Ahead, |number| self.numbering.standing(number))
    }

    /// The last number that is known to be void.
    pub(super) fn judged(&self) -> u64 {
        self.numbering.void.iter().filter_map(|range| u64::try_from(range.last).ok()).max().unwrap_or(0)
    }

    /// Whether a place rests on events that were declared void since: they are of a database that is no more.
    pub(super) fn is_lost(&self, place: &Place) -> bool {
        place.sequence > place.judged && self.void_after(place.sequence).is_some()
    }

    /// What of an event is told; none of what is not for readers outside.
    pub(super) fn event(&self, message: &Message) -> Result<Option<ToldEvent>, Error> {
        if self.told_subject(&message.subject).is_none() {
            return Ok(None);
        }
        let decoded = CanonicalSchemas::CURRENT.decode(&message.payload);
        let place = || format!("{} #{}", message.subject, message.sequence);
        let decoded = decoded.map_err(|error| Error::State(format!("{}: {error}", place())))?;
        Ok(ToldEvent::of(decoded.event))
    }

    /// The subject under which a record of this stream is told; none of history and progress.
    fn told_subject(&self, subject: &str) -> Option<String> {
        let rest = subject.strip_prefix("canonical.g")?.strip_prefix(&self.generation.to_string())?;
        let (word, id) = rest.strip_prefix('.')?.split_once('.')?;
        ToldEntity::from_word(word).map(|entity| format!("canonical.{entity}.{id}"))
    }

    /// Where the last event of each record stands that counts and is not behind a sequence. Records are named by the
    /// subjects under which they are told; one without such an event is left out. The witness is the subject of the very
    /// event at that sequence: an answer without it is of a copy of the stream that is behind.
    pub(super) async fn last_up_to(
        &self,
        subjects: &[String],
        sequence: u64,
        witness: Option<&str>,
    ) -> Result<BTreeMap<String, u64>, Error> {
        let prefix = format!("canonical.g{}.", self.generation);
        let own = |told: &String| told.strip_prefix("canonical.").map(|rest| format!("{prefix}{rest}"));
        let (mut asked, end) = (BTreeMap::from([(sequence, subjects.to_vec())]), sequence);
        let mut found = BTreeMap::new();
        while let Some((sequence, told)) = asked.pop_last() {
            if sequence == 0 || told.is_empty() {
                continue;
            }
            let mut subjects: Vec<String> = told.iter().filter_map(own).collect();
            subjects.extend(witness.map(str::to_owned));
            let mut last = self.log.last_by_subject_up_to(&self.stream, &subjects, sequence).await?;
            if witness.is_some() {
                let seen = last.pop().flatten().map_or(0, |last| last.sequence);
                if sequence == end && seen != end {
                    let text = format!("{} answers as if it ended before {end}", self.stream);
                    return Err(LogError::Unavailable(text).into());
                }
            }
            for (told, last) in told.into_iter().zip(last) {
                let Some(last) = last else { continue };
                // What a lost database said does not count: what the record said before that does.
                match self.void_after(last.sequence) {
                    Some(after) => asked.entry(after).or_default().push(told),
                    None => {
                        found.insert(told, last.sequence);
                    }
                }
            }
        }
        Ok(found)
    }

    /// The last number before the void range in which a sequence stands; none if it counts.
    fn void_after(&self, sequence: u64) -> Option<u64> {
        let number = i64::try_from(sequence).ok()?;
        let range = self.numbering.void.iter().find(|range| range.after < number && number <= range.last)?;
        u64::try_from(range.after).ok()
    }
}
