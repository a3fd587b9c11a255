//! Rejects in the batch: written, superseded, decided about, and read again.
//!
//! Reading again never moves the position: the event is accepted in its place. When a person asks for it, the batch
//! that holds the decision does it; what was too new for this program is read again in steps when a program opens
//! that knows more.

use std::collections::{BTreeMap, BTreeSet};

use bson::Bson;
use salescommand_domain::canonical::{
    Facet, FacetBody, FacetId, QuarantineAction, QuarantineDecision, Rejection,
};
use salescommand_domain::raw::{Position, RawPosition};
use salescommand_store::work::{Work, decode};
use salescommand_store::{Condition, Direction, Query, facets_collection, quarantine_collection};

use crate::Error;
use crate::batch::Normalizer;
use crate::events::read_events;
use crate::fold::Gone;
use crate::history::Rejected;
use crate::incoming::{Change, Version, read};
use crate::quarantine::Quarantined;

/// Rejects that are read again per step.
const AGAIN_PER_STEP: usize = 200;
/// Reasons that a later program may have no more.
const TOO_NEW: [&str; 2] = ["future_format", "future_payload_schema"];

/// A reject that was read again.
pub struct Again {
    /// The reject as it was.
    pub reject: Quarantined,
    /// What it is now.
    pub content: Result<Version, Rejection>,
}

/// What a batch does to the rejects.
#[derive(Default)]
pub struct Rejects {
    /// New ones.
    pub new: Vec<Quarantined>,
    /// What was read again, and where it is: why it is still refused, or nothing.
    pub again: Vec<(Quarantined, Option<Rejection>)>,
    /// The rejects about which the batch decides something.
    pub decided: BTreeSet<String>,
    /// Every accepted version.
    pub passed: Vec<Passed>,
}

/// An accepted version, as far as rejects of the same record are concerned.
#[derive(Debug, Clone, Copy)]
pub struct Passed {
    /// Its record.
    pub facet: FacetId,
    /// Its place.
    pub at: Position,
    /// That the record is gone with it.
    pub gone: Option<Gone>,
}

impl Rejects {
    /// Notes an accepted version.
    pub fn pass(&mut self, raw: &RawPosition, version: &Version) {
        let (facet, at) = (version.facet, raw.position);
        self.passed.push(Passed { facet, at, gone: Gone::of(&version.change, at) });
        let about = version.source.key.parse::<RawPosition>();
        if about.is_ok_and(|about| QuarantineDecision::source(&about) == version.source) {
            self.decided.insert(version.source.key.clone());
        }
    }

    /// The last deletion of a record among the accepted versions behind a place.
    pub fn gone(&self, facet: FacetId, after: Position) -> Option<Gone> {
        let of_record = self.passed.iter().filter(|passed| passed.facet == facet && passed.at > after);
        of_record.filter_map(|passed| passed.gone).max()
    }
}

/// The raw position that a version asks to read again, if it does.
fn asks_again(version: &Version) -> Option<String> {
    let Change::Upsert(mapped) = &version.change else { return None };
    match &mapped.body {
        FacetBody::QuarantineDecision(decision) if decision.action == QuarantineAction::Retry => {
            Some(version.source.key.clone())
        }
        _ => None,
    }
}

impl Normalizer {
    /// Reads again what the decisions of a batch ask for.
    pub(crate) async fn read_again(&self, versions: &[(RawPosition, Version)]) -> Result<Vec<Again>, Error> {
        let asked: BTreeSet<String> =
            versions.iter().filter_map(|(_, version)| asks_again(version)).collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let collection = quarantine_collection(self.generation);
        let ids: Vec<String> = asked.into_iter().collect();
        let stored = self.consumer.store().get(&collection, &ids).await?;
        let rejects = stored.iter().map(|document| decode(&collection, document));
        self.again(rejects.collect::<Result<_, _>>()?).await
    }

    async fn again(&self, rejects: Vec<Quarantined>) -> Result<Vec<Again>, Error> {
        if rejects.is_empty() {
            return Ok(Vec::new());
        }
        let log = self.log.as_deref().ok_or_else(|| {
            Error::State(
                "a reject is to be read again, but this normalizer was opened without the raw log".into(),
            )
        })?;
        let positions: Vec<RawPosition> = rejects.iter().map(|reject| reject.raw.clone()).collect();
        let events = read_events(log, &positions).await?;
        // What an epoch that was deleted has held stays as it was refused.
        let found = rejects.into_iter().filter_map(|reject| {
            let event = events.get(&reject.raw)?;
            Some(Again { content: read(event, &self.mappers).content, reject })
        });
        Ok(found.collect())
    }

    /// Whether the program before this one has left what was too new for it.
    pub(crate) fn is_behind(&self) -> bool {
        self.position.reads != self.mappers.reads() || self.position.reading_again.is_some()
    }

    /// Takes one step of reading again what was too new for the program before this one; tells whether there was one.
    pub(crate) async fn catch_up(&mut self) -> Result<bool, Error> {
        if !self.is_behind() {
            return Ok(false);
        }
        let reads = self.mappers.reads();
        let mut next = self.position.clone();
        let after =
            if next.reads == reads { next.reading_again.take().unwrap_or_default() } else { String::new() };
        let collection = quarantine_collection(self.generation);
        let too_new = TOO_NEW.into_iter().map(Bson::from).collect();
        let query = Query::all()
            .with(Condition::In("reason".to_owned(), too_new))
            .with(Condition::Gt("_id".to_owned(), after.into()))
            .sorted("_id", Direction::Ascending)
            .limited(AGAIN_PER_STEP);
        let stored = self.consumer.store().find(&collection, &query).await?;
        let rejects: Vec<Quarantined> =
            stored.iter().map(|document| decode(&collection, document)).collect::<Result<_, _>>()?;
        next.reads = reads;
        next.reading_again = match rejects.last() {
            Some(last) if rejects.len() == AGAIN_PER_STEP => Some(last.id.clone()),
            _ => None,
        };
        let again = self.again(rejects).await?;
        self.take_in(Vec::new(), Rejects::default(), again, next).await?;
        Ok(true)
    }

    /// Brings the rejects to the state that follows from the batch. Facets have been folded before. Gives all rejects
    /// there are of the records that have versions in the batch.
    pub(crate) async fn settle_rejects(&self, work: &mut Work, rejects: Rejects) -> Result<Rejected, Error> {
        let collection = quarantine_collection(self.generation);
        let store = self.consumer.store();
        let facets: BTreeSet<String> = rejects.passed.iter().map(|passed| passed.facet.to_string()).collect();
        let of_facets = Query::all()
            .with(Condition::In("facet".to_owned(), facets.into_iter().map(Bson::from).collect()));
        let mut entries: BTreeMap<String, Quarantined> = BTreeMap::new();
        for document in store.find(&collection, &of_facets).await? {
            let entry: Quarantined = decode(&collection, &document)?;
            entries.insert(entry.id.clone(), entry);
        }
        entries.extend(rejects.new.iter().map(|entry| (entry.id.clone(), entry.clone())));
        let ids = entries.keys().cloned().chain(rejects.decided.iter().cloned());
        work.load(store, &collection, ids.chain(rejects.again.iter().map(|(reject, _)| reject.id.clone())))
            .await?;
        for id in rejects.decided {
            if let Some(entry) = work.get::<Quarantined>(&collection, &id)? {
                entries.entry(id).or_insert(entry);
            }
        }
        for (reject, rejection) in rejects.again {
            match rejection {
                None => {
                    entries.remove(&reject.id);
                    work.remove(&collection, &reject.id);
                }
                Some(rejection) => {
                    let entry = entries.entry(reject.id.clone()).or_insert(reject);
                    entry.reason = rejection.reason.to_owned();
                    (entry.path, entry.detail) = (rejection.path, rejection.detail);
                }
            }
        }
        let mut rejected = Rejected::new();
        for entry in entries.values() {
            if let Some(facet) = entry.facet {
                rejected.entry(facet).or_default().insert(entry.raw.position);
            }
        }
        self.write_rejects(work, entries, &rejects.passed).await?;
        Ok(rejected)
    }

    async fn write_rejects(
        &self,
        work: &mut Work,
        entries: BTreeMap<String, Quarantined>,
        passed: &[Passed],
    ) -> Result<(), Error> {
        let (collection, facets) =
            (quarantine_collection(self.generation), facets_collection(self.generation));
        let decision = |entry: &Quarantined| QuarantineDecision::source(&entry.raw).facet_id().to_string();
        let decisions: Vec<String> = entries.values().map(decision).collect();
        work.load(self.consumer.store(), &facets, decisions).await?;
        let mut by_facet: BTreeMap<FacetId, Vec<&Passed>> = BTreeMap::new();
        for version in passed {
            by_facet.entry(version.facet).or_default().push(version);
        }
        for (id, mut entry) in entries {
            let later = entry.facet.and_then(|facet| by_facet.get(&facet));
            later.into_iter().flatten().for_each(|passed| entry.passed_by(passed));
            let held: Option<Facet> = work.get(&facets, &decision(&entry))?;
            let decided = held.filter(|held| !held.deleted).map(|held| held.body);
            entry.settle(match &decided {
                Some(FacetBody::QuarantineDecision(decision)) => Some(decision),
                _ => None,
            });
            work.put(&collection, &id, &entry)?;
        }
        Ok(())
    }
}
