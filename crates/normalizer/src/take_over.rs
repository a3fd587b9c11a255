//! Taking over: a generation that reads one source instance again begins with what another generation has made of all the
//! others.
//!
//! What is taken over is what stands for single records: facets, versions of history, deletions of records that are not
//! held, rejects. Links and golden records are a function of the facets, so they are resolved here once the facets are in,
//! and each is published once as it is made; versions of history are published as they are copied. Then the named
//! instance is read from its start, and the others from where the other generation stood when the first page was read.
//!
//! The other generation's writer goes on meanwhile. Each page holds everything of its records and is read between two of
//! its commits: the revision of its position is the same before and after. So a page is a state that its records really
//! had, and each page may be a later one than the page before. What happened between is read again from the raw logs (the
//! **tail**) and changes nothing where it is in already:
//!
//! - an accepted version is in if its record stands there or further. A record's place moves with its log, so if it
//!   stands at an event, everything before is in it; a deletion of a record that is not held has a document of its own;
//! - a rejected event is in if it stands in quarantine, and stays there for whoever asks to read it again;
//! - run tokens are taken from the place where the tail begins, so each event is outrun here if it was outrun there;
//! - a decision about a reject takes effect on both, the decision's own record and the reject, whichever has it already. An
//!   event that says of no record whose it is has its reject copied before all records, so a decision about it that is in
//!   the record it turned out to belong to cannot have been missed by its reject.
//!
//! Invariant: at the end of the tail all records of the other instances are what they are in the other generation where
//! that stands at the same place; nobody may compare or read this generation before ([`NormalizerPosition::taking_over`]).

use std::collections::BTreeSet;

use salescommand_domain::canonical::{CanonicalEvent, FacetId};
use salescommand_domain::raw::{InstanceName, Vector};
use salescommand_store::work::{Work, decode};
use salescommand_store::{
    Condition, Direction, Query, facets_collection, history_collection, normalizer_consumer,
    quarantine_collection, text_id,
};
use serde::{Deserialize, Serialize};

use crate::facets::Facets;
use crate::logs::RawMessage;
use crate::pages::{Page, origin, records, rejects_of_no_record};
use crate::position::{NormalizerPosition, without};
use crate::resolve::Resolver;
use crate::{Error, Normalizer};

/// Records per transaction.
pub(crate) const RECORDS_PER_STEP: usize = 500;
/// How often a page is read while the other generation moves on, each time a smaller one, before the step is given up for
/// now. A page of a few records is read within a fraction of a batch.
const ATTEMPTS: usize = 10;
/// What [`crate::Status::taking_over`] counts up to.
pub const WHOLE: u32 = 1_000_000;

/// What a new generation takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOver {
    /// The canonical generation from which it does.
    pub from: u32,
    /// The source instance of which it takes nothing over: its log is read again.
    pub source: InstanceName,
}

/// How far a generation is with taking over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakingOver {
    /// The canonical generation from which it takes over.
    pub from: u32,
    /// The source instance of which it takes nothing over.
    pub source: InstanceName,
    stage: Stage,
    /// What is done in this stage, up to this id; empty at its beginning.
    after: String,
    /// Where the other generation stood when the last page was read.
    until: Vector,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Copies the rejects of which nobody knows whose they are.
    Rejects,
    /// Copies everything of the records, by facet.
    Records,
    /// Makes links and golden records.
    Resolution,
    /// Reads what has happened since the first page was read.
    Tail,
}

impl TakingOver {
    /// At the very beginning.
    fn new(TakeOver { from, source }: TakeOver) -> Self {
        Self { from, source, stage: Stage::Rejects, after: String::new(), until: Vector::new() }
    }

    fn has_begun(&self) -> bool {
        self.stage != Stage::Rejects || !self.after.is_empty()
    }

    /// Whether everything is copied and resolved.
    pub(crate) fn is_at_tail(&self) -> bool {
        self.stage == Stage::Tail
    }

    /// Goes on behind an id, or to the next stage if there is nothing more.
    fn move_on(&mut self, last: Option<String>) {
        match last {
            Some(last) => self.after = last,
            None => {
                self.after.clear();
                self.stage = match self.stage {
                    Stage::Rejects => Stage::Records,
                    Stage::Records => Stage::Resolution,
                    Stage::Resolution | Stage::Tail => Stage::Tail,
                };
            }
        }
    }

    /// How much of the copying and resolving is done, in millionths: ids are spread evenly.
    pub(crate) fn share(&self) -> u32 {
        let at = self.after.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0);
        let of_stage = at * (WHOLE / 2 / 0x1_0000);
        match self.stage {
            Stage::Rejects => 0,
            Stage::Records => of_stage,
            Stage::Resolution => WHOLE / 2 + of_stage,
            Stage::Tail => WHOLE,
        }
    }
}

impl Normalizer {
    /// A new generation that takes over from another one; one that has begun goes on with what it is.
    #[must_use]
    pub fn taking_over(mut self, take_over: TakeOver) -> Self {
        if self.consumer.is_new() {
            self.position.taking_over = Some(TakingOver::new(take_over));
        }
        self
    }

    /// Takes over by pages of so many records, as far as a transaction should have so many.
    pub fn work_by_pages_of(&mut self, records: usize) {
        self.page = records.clamp(1, RECORDS_PER_STEP);
    }

    /// Whether there is something to copy or to resolve, or the tail has reached its end.
    pub(crate) fn has_to_take_over(&self) -> bool {
        self.position
            .taking_over
            .as_ref()
            .is_some_and(|state| !state.is_at_tail() || self.is_past(&state.until))
    }

    fn is_past(&self, until: &Vector) -> bool {
        let vector = &self.position.vector;
        until.iter().all(|(instance, until)| vector.get(instance).is_some_and(|at| at >= until))
    }

    /// Takes one step of copying or resolving; tells whether there was one.
    pub(crate) async fn take_over(&mut self) -> Result<bool, Error> {
        let Some(state) = self.position.taking_over.clone().filter(|state| !state.is_at_tail()) else {
            return Ok(false);
        };
        match state.stage {
            Stage::Rejects | Stage::Records => self.copy(state).await?,
            Stage::Resolution | Stage::Tail => self.resolve_copied(state).await?,
        }
        Ok(true)
    }

    /// Ends the tail when it has reached where the last page was read; tells whether it did.
    pub(crate) async fn end_taking_over(&mut self) -> Result<bool, Error> {
        if !self.position.taking_over.as_ref().is_some_and(|state| self.is_past(&state.until)) {
            return Ok(false);
        }
        let next = NormalizerPosition { taking_over: None, ..self.position.clone() };
        self.commit(Work::default(), Vec::new(), next).await?;
        Ok(true)
    }

    /// Which of some events stand in quarantine because they were taken over as rejects.
    pub(crate) async fn rejects_taken_over(
        &self,
        messages: &[RawMessage],
    ) -> Result<BTreeSet<String>, Error> {
        let Some(state) = &self.position.taking_over else { return Ok(BTreeSet::new()) };
        if !state.is_at_tail() {
            return Err(Error::State(
                "a batch came before another generation's records were taken over".into(),
            ));
        }
        let read_on = messages.iter().filter(|message| message.raw.instance != state.source);
        let ids: Vec<String> = read_on.map(|message| message.raw.to_string()).collect();
        let found = self.consumer.store().get(&quarantine_collection(self.generation), &ids).await?;
        found.iter().map(|reject| Ok(text_id(reject)?.to_owned())).collect()
    }

    /// Copies a page, if the other generation stands still for long enough.
    async fn copy(&mut self, mut state: TakingOver) -> Result<(), Error> {
        let Some((there, page)) = self.read_between_commits(&state).await? else { return Ok(()) };
        if there.taking_over.is_some() {
            return Err(Error::State(format!("g{} is not complete itself", state.from)));
        }
        let mut next = self.position.clone();
        if !state.has_begun() {
            next.stand_where(&there, &state.source);
        }
        next.orphans |= there.orphans;
        let (mut work, mut events) = (Work::default(), Vec::new());
        let history = history_collection(self.generation);
        for (collection, document) in page.documents {
            if origin(&document)? == state.source {
                continue;
            }
            let name = collection(self.generation);
            if name == history {
                events.push(CanonicalEvent::Historied { version: decode(&name, &document)? });
            }
            work.insert_as_it_is(&name, document)?;
        }
        state.until = without(&there.vector, &state.source);
        state.move_on(page.last);
        next.taking_over = Some(state);
        self.commit(work, events, next).await?;
        Ok(())
    }

    /// A page, and where the other generation's writer stood while it was read; none if it moved on each time.
    async fn read_between_commits(
        &self,
        state: &TakingOver,
    ) -> Result<Option<(NormalizerPosition, Page)>, Error> {
        let (store, name) = (self.consumer.store(), normalizer_consumer(state.from));
        let gone = || Error::State(format!("g{} is not there any more", state.from));
        let mut size = self.page;
        for _ in 0..ATTEMPTS {
            let before = store.position(&name).await?.ok_or_else(gone)?;
            let page = match state.stage {
                Stage::Rejects => rejects_of_no_record(store, state.from, &state.after, size).await?,
                _ => records(store, state.from, &state.after, size).await?,
            };
            let since = store.position(&name).await?.ok_or_else(gone)?;
            if before.revision == since.revision {
                return Ok(Some((NormalizerPosition::decode(&before.position)?, page)));
            }
            size = (size / 2).max(1);
        }
        Ok(None)
    }

    /// Makes the golden records of a page of facets. Everything they may refer to is in, so none is made in vain.
    async fn resolve_copied(&mut self, mut state: TakingOver) -> Result<(), Error> {
        let (store, generation) = (self.consumer.store(), self.generation);
        let collection = facets_collection(generation);
        let query = Query::all()
            .with(Condition::Gt("_id".to_owned(), state.after.as_str().into()))
            .sorted("_id", Direction::Ascending)
            .limited(self.page);
        let found = store.find(&collection, &query).await?;
        let last = found.last().filter(|_| found.len() == self.page).map(|facet| text_id(facet));
        state.move_on(last.transpose()?.map(str::to_owned));
        let mut work = Work::default();
        let mut page: BTreeSet<FacetId> = BTreeSet::new();
        for facet in found {
            let id = text_id(&facet)?.to_owned();
            page.insert(id.parse().map_err(|error| Error::State(format!("{collection}/{id}: {error}")))?);
            work.hold(&collection, &id, facet);
        }
        let mut resolver = Resolver { store, generation, facets: Facets::new(store, generation) };
        let events = resolver.resolve_these(&mut work, page.clone(), &page).await?;
        let next = NormalizerPosition { taking_over: Some(state), ..self.position.clone() };
        self.commit(work, events, next).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taking_over() -> TakingOver {
        TakingOver::new(TakeOver { from: 1, source: InstanceName::new("odoo").unwrap() })
    }

    #[test]
    fn the_stages_follow_each_other_and_the_share_only_grows() {
        let mut state = taking_over();
        assert!(!state.has_begun());
        let mut shares = vec![state.share()];
        for last in ["config/1/4711", "", "7fff", "ffff", "", "0001", "", ""] {
            state.move_on((!last.is_empty()).then(|| last.to_owned()));
            shares.push(state.share());
            assert!(state.has_begun());
        }
        assert!(state.is_at_tail() && shares.is_sorted(), "{shares:?}");
        assert_eq!(shares.last(), Some(&WHOLE));
    }

    #[test]
    fn a_position_reads_as_it_was_written_and_one_of_before_too() {
        let mut position = NormalizerPosition { taking_over: Some(taking_over()), ..Default::default() };
        assert_eq!(NormalizerPosition::decode(&position.encode().unwrap()).unwrap(), position);
        position.taking_over = None;
        let stored = position.encode().unwrap();
        assert!(!stored.contains_key("taking_over"));
        assert_eq!(NormalizerPosition::decode(&stored).unwrap(), position);
    }
}
