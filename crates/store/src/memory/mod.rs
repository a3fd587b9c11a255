//! The store's twin in memory: for tests, and nothing else.
//!
//! It behaves like the database behind the same contract (the conformance suite runs on both): fencing, unique
//! indexes, all or nothing. It must not be kinder: what the database refuses, it refuses.
//! Among equals a query gives documents in the order of their ids, which the database does not promise.

mod compare;
mod matching;
mod state;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bson::{Bson, RawDocumentBuf};
use salescommand_domain::access::{Scope, ScopeKey};

use self::state::State;
use crate::hashes::chunk_ids;
use crate::{
    ACTIVE_COLLECTION, ACTIVE_ID, Active, Batch, CollectionSpec, Condition, Documents, Error,
    HASHES_COLLECTION, Ops, POSITIONS_COLLECTION, Query, Referring, ScopedReads, StoredPosition,
    active_document, check_deletion, check_evidence, check_operational, check_query, check_rolled_up,
    check_scoped, stored_active, stored_position,
};

/// Every collection's documents, by id, as stored.
pub type Dump = BTreeMap<String, BTreeMap<String, RawDocumentBuf>>;

/// What goes wrong, once per entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The next commit fails and nothing is written.
    BeforeCommit,
    /// The next commit is written in full, and the caller is told that the store is unavailable. The same commit
    /// again then succeeds, as it does with a database whose answer was lost.
    AfterCommit,
    /// The next call of any kind fails and does nothing.
    Call,
}

/// A store in memory. A clone is another handle to the same documents.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    faults: VecDeque<Fault>,
    /// Batches that are in although their caller was told otherwise: consumer and expected revision.
    unsettled: BTreeMap<String, i64>,
}

impl Inner {
    /// The revision, if this batch is in and its caller does not know: the same call again succeeds.
    fn settle(&mut self, batch: &Batch) -> Result<Option<i64>, Error> {
        if self.unsettled.remove(&batch.consumer) != Some(batch.expected_revision) {
            return Ok(None);
        }
        let stored = self.state.position(&batch.consumer)?;
        let ours =
            stored.filter(|at| at.revision == batch.expected_revision + 1 && at.position == batch.position);
        Ok(ours.map(|at| at.revision))
    }

    /// Takes the fault that is due if it is one of these.
    fn fault(&mut self, due: &[Fault]) -> Option<Fault> {
        let next = self.faults.front().copied().filter(|fault| due.contains(fault))?;
        self.faults.pop_front();
        Some(next)
    }
}

fn unavailable() -> Error {
    Error::Unavailable("a fault was asked for".to_owned())
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the next `times` commits fail, or calls if the fault is [`Fault::Call`]. Faults queue up: one that was
    /// asked for earlier happens first.
    pub fn fail_next(&self, times: usize, fault: Fault) {
        self.lock().faults.extend(std::iter::repeat_n(fault, times));
    }

    /// Takes all faults back that have not happened.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Everything there is, positions, switch and operational collections too: to compare whole states.
    /// Collections without documents are left out.
    pub fn dump(&self) -> Dump {
        let inner = self.lock();
        let filled =
            inner.state.collections.iter().filter(|(_, collection)| !collection.documents.is_empty());
        filled.map(|(name, collection)| (name.clone(), collection.documents.clone())).collect()
    }

    /// A copy with documents of its own, as a backup is. Faults that were asked for stay behind.
    pub fn backup(&self) -> Self {
        let state = self.lock().state.clone();
        Self { inner: Arc::new(Mutex::new(Inner { state, ..Inner::default() })) }
    }

    /// Writes the switch, whatever stands there: what an operator's command does.
    pub fn set_active(&self, active: &Active) -> Result<(), Error> {
        let document = active_document(active)?;
        self.lock().state.put(ACTIVE_COLLECTION, ACTIVE_ID, document);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is all or nothing by itself, so a panic of another test thread leaves no half-change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless a call is to fail.
    fn reach(&self) -> Result<MutexGuard<'_, Inner>, Error> {
        let mut inner = self.lock();
        match inner.fault(&[Fault::Call]) {
            Some(_) => Err(unavailable()),
            None => Ok(inner),
        }
    }

    fn run(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        check_query(query)?;
        matching::run(self.reach()?.state.documents(collection), query)
    }

    fn read_active(&self) -> Result<Option<Active>, Error> {
        let inner = self.reach()?;
        let stored = inner.state.get(ACTIVE_COLLECTION, ACTIVE_ID);
        stored.map(|document| stored_active(document)).transpose()
    }
}

#[async_trait]
impl Documents for MemoryStore {
    async fn ensure(&self, collections: &[CollectionSpec]) -> Result<(), Error> {
        let mut inner = self.reach()?;
        collections.iter().for_each(|spec| inner.state.ensure(spec));
        Ok(())
    }

    async fn get(&self, collection: &str, ids: &[String]) -> Result<Vec<RawDocumentBuf>, Error> {
        let inner = self.reach()?;
        let ids: std::collections::BTreeSet<_> = ids.iter().collect();
        Ok(ids.into_iter().filter_map(|id| inner.state.get(collection, id).cloned()).collect())
    }

    async fn find(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        self.run(collection, query)
    }

    async fn position(&self, consumer: &str) -> Result<Option<StoredPosition>, Error> {
        self.reach()?.state.position(consumer)
    }

    async fn commit(&self, batch: Batch) -> Result<i64, Error> {
        let mut inner = self.lock();
        let fault = inner.fault(&[Fault::Call, Fault::BeforeCommit, Fault::AfterCommit]);
        if !matches!(fault, None | Some(Fault::AfterCommit)) {
            return Err(unavailable());
        }
        let (consumer, expected) = (batch.consumer.clone(), batch.expected_revision);
        let revision = match inner.settle(&batch)? {
            Some(revision) => revision,
            None => inner.state.commit(batch)?,
        };
        if fault.is_some() {
            inner.unsettled.insert(consumer, expected);
            return Err(unavailable());
        }
        Ok(revision)
    }

    async fn delete_up_to(&self, collection: &str, id: &str) -> Result<(), Error> {
        let mut inner = self.reach()?;
        if let Some(collection) = inner.state.collections.get_mut(collection) {
            collection.documents.retain(|stored, _| stored.as_str() > id);
        }
        Ok(())
    }

    async fn active(&self) -> Result<Option<Active>, Error> {
        self.read_active()
    }

    async fn ensure_active(&self, initial: &Active) -> Result<Active, Error> {
        let document = active_document(initial)?;
        {
            let mut inner = self.reach()?;
            if inner.state.get(ACTIVE_COLLECTION, ACTIVE_ID).is_none() {
                inner.state.put(ACTIVE_COLLECTION, ACTIVE_ID, document);
            }
        }
        Ok(self.read_active()?.unwrap_or_else(|| initial.clone()))
    }

    async fn switch_active(&self, expected: &Active, next: &Active) -> Result<bool, Error> {
        let (expected, next) = (active_document(expected)?, active_document(next)?);
        let mut inner = self.reach()?;
        let is_expected = inner.state.get(ACTIVE_COLLECTION, ACTIVE_ID) == Some(&expected);
        if is_expected {
            inner.state.put(ACTIVE_COLLECTION, ACTIVE_ID, next);
        }
        Ok(is_expected)
    }

    async fn drop_generation(&self, collections: &[String], consumers: &[String]) -> Result<(), Error> {
        let mut inner = self.reach()?;
        for name in collections {
            inner.state.collections.remove(name);
            for id in chunk_ids(name) {
                inner.state.remove(HASHES_COLLECTION, &id);
            }
        }
        for consumer in consumers {
            inner.state.remove(POSITIONS_COLLECTION, consumer);
        }
        Ok(())
    }
}

#[async_trait]
impl ScopedReads for MemoryStore {
    async fn active(&self) -> Result<Option<Active>, Error> {
        self.read_active()
    }

    async fn read(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        check_scoped(collection)?;
        let Some(keys) = scope.keys() else { return self.run(collection, query) };
        let keys = keys.iter().map(|key| Bson::from(key.as_str())).collect();
        self.run(collection, &query.clone().with(Condition::In("scope_key".to_owned(), keys)))
    }

    async fn read_referred(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        check_scoped(by.collection)?;
        check_scoped(collection)?;
        let Some(keys) = scope.keys() else { return self.run(collection, query) };
        let there = Query::all().with(Condition::Eq("deleted".to_owned(), Bson::Boolean(false)));
        let mut referred = Vec::new();
        for document in self.read(by.collection, scope, &there).await? {
            referred.extend(matching::values(&document, by.field, false)?);
        }
        referred.retain(|id| *id != Bson::Null);
        let keys = keys.iter().map(|key| Bson::from(key.as_str())).collect();
        let seen = vec![
            Condition::In("scope_key".to_owned(), keys),
            Condition::In("facets.id".to_owned(), referred),
        ];
        self.run(collection, &query.clone().with(Condition::Any(seen)))
    }

    async fn count_referred(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<u64, Error> {
        Ok(self.read_referred(collection, scope, by, query).await?.len() as u64)
    }

    async fn read_rolled_up(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        check_rolled_up(collection)?;
        let own = Condition::Eq("scope_key".to_owned(), Bson::from(scope.roll_up().as_str()));
        self.run(collection, &query.clone().with(own))
    }

    async fn read_public(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        check_scoped(collection)?;
        let public = Condition::Eq("scope_key".to_owned(), Bson::from(ScopeKey::public().as_str()));
        self.run(collection, &query.clone().with(public))
    }

    async fn evidence(&self, collection: &str, ids: &[String]) -> Result<Vec<RawDocumentBuf>, Error> {
        check_evidence(collection)?;
        Documents::get(self, collection, ids).await
    }

    async fn count(&self, collection: &str, scope: &Scope, query: &Query) -> Result<u64, Error> {
        Ok(self.read(collection, scope, query).await?.len() as u64)
    }

    async fn positions(&self) -> Result<Vec<(String, StoredPosition)>, Error> {
        let inner = self.reach()?;
        let Some(stored) = inner.state.collections.get(POSITIONS_COLLECTION) else { return Ok(Vec::new()) };
        stored
            .documents
            .iter()
            .map(|(name, document)| Ok((name.clone(), stored_position(document)?)))
            .collect()
    }

    async fn ping(&self) -> Result<(), Error> {
        self.reach().map(|_| ())
    }
}

#[async_trait]
impl Ops for MemoryStore {
    async fn ensure_ops(&self) -> Result<(), Error> {
        self.reach()?.state.ensure_operational();
        Ok(())
    }

    async fn insert(&self, collection: &str, document: RawDocumentBuf) -> Result<(), Error> {
        check_operational(collection)?;
        self.reach()?.state.insert(collection, document)
    }

    async fn list(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        check_operational(collection)?;
        self.run(collection, query)
    }

    async fn replace_if(
        &self,
        collection: &str,
        id: &str,
        expected_revision: i64,
        document: RawDocumentBuf,
    ) -> Result<bool, Error> {
        check_operational(collection)?;
        self.reach()?.state.replace_if(collection, id, expected_revision, document)
    }

    async fn delete(&self, collection: &str, query: &Query) -> Result<u64, Error> {
        check_operational(collection)?;
        check_deletion(query)?;
        let doomed = self.run(collection, query)?;
        let mut inner = self.lock();
        for document in &doomed {
            inner.state.remove(collection, crate::text_id(document)?);
        }
        Ok(doomed.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;
    use crate::{Operation, Write};

    fn batch(expected_revision: i64, id: &str) -> Result<Batch, Error> {
        let document = RawDocumentBuf::try_from(&doc! { "_id": id })
            .map_err(|error| Error::Refused(error.to_string()))?;
        let write = Write { collection: "c".into(), id: id.into(), operation: Operation::Insert(document) };
        Ok(Batch {
            consumer: "n".into(),
            expected_revision,
            position: doc! { "at": id },
            writes: vec![write],
        })
    }

    #[tokio::test]
    async fn a_lost_answer_leaves_the_batch_in() -> Result<(), Error> {
        let store = MemoryStore::new();
        store.fail_next(1, Fault::BeforeCommit);
        assert!(store.commit(batch(0, "a")?).await.is_err_and(|error| error.is_transient()));
        assert!(store.dump().is_empty());
        store.fail_next(1, Fault::AfterCommit);
        assert!(store.commit(batch(0, "a")?).await.is_err_and(|error| error.is_transient()));
        assert_eq!(store.dump()["c"].len(), 1);
        assert_eq!(store.commit(batch(0, "a")?).await?, 1);
        assert!(matches!(store.commit(batch(0, "a")?).await, Err(Error::Fenced(_))));
        assert_eq!(store.commit(batch(1, "b")?).await?, 2);
        Ok(())
    }

    #[tokio::test]
    async fn a_call_fails_as_often_as_asked() -> Result<(), Error> {
        let store = MemoryStore::new();
        store.fail_next(2, Fault::Call);
        assert!(store.ping().await.is_err());
        assert!(store.find("c", &Query::all()).await.is_err());
        store.ping().await
    }
}
