//! What is kept is what is there, and not older than what the request knows of.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use bson::{RawDocumentBuf, doc};
use salescommand_domain::access::{Role, Scope, ScopeKey};
use salescommand_domain::canonical::FacetId;
use salescommand_domain::serving::{DirectoryEntry, DirectoryFact};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{Batch, Documents, Operation, Referring, StoredPosition, Write};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::*;

/// People below the one at the top: enough for a scope that is kept.
const BELOW: u128 = 80;

/// A store whose reads of documents are counted, and answered when they are let.
struct Slow {
    inner: MemoryStore,
    reads: AtomicUsize,
    let_through: Semaphore,
}

#[async_trait]
impl ScopedReads for Slow {
    async fn active(&self) -> Result<Option<Active>, StoreError> {
        ScopedReads::active(&self.inner).await
    }

    async fn read(&self, c: &str, scope: &Scope, query: &Query) -> Result<Vec<RawDocumentBuf>, StoreError> {
        self.inner.read(c, scope, query).await
    }

    async fn read_referred(
        &self,
        c: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        self.inner.read_referred(c, scope, by, query).await
    }

    async fn count_referred(
        &self,
        c: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<u64, StoreError> {
        self.inner.count_referred(c, scope, by, query).await
    }

    async fn read_rolled_up(
        &self,
        c: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        self.inner.read_rolled_up(c, scope, query).await
    }

    /// Reads at once, and answers later: what it says may be old by then.
    async fn read_public(&self, c: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, StoreError> {
        let found = self.inner.read_public(c, query).await;
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.let_through.acquire().await.unwrap().forget();
        found
    }

    async fn evidence(&self, c: &str, ids: &[String]) -> Result<Vec<RawDocumentBuf>, StoreError> {
        self.inner.evidence(c, ids).await
    }

    async fn count(&self, c: &str, scope: &Scope, query: &Query) -> Result<u64, StoreError> {
        self.inner.count(c, scope, query).await
    }

    async fn positions(&self) -> Result<Vec<(String, StoredPosition)>, StoreError> {
        self.inner.positions().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
}

struct World {
    store: Arc<Slow>,
    directories: Arc<Directories>,
    active: Active,
}

fn id(number: u128) -> FacetId {
    FacetId(Uuid::from_u128(number))
}

fn now() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

impl World {
    /// One at the top (0) and everybody else below, at the event 1; reads are answered at once.
    async fn new() -> Self {
        let slow = Slow {
            inner: MemoryStore::new(),
            reads: AtomicUsize::new(0),
            let_through: Semaphore::new(Semaphore::MAX_PERMITS),
        };
        let store = Arc::new(slow);
        let serving = [(DIRECTORY.to_owned(), 1)].into();
        let active = Active { canonical: 1, serving, org_version: 1, previous: None };
        let world = Self { directories: Arc::new(Directories::new(store.clone())), store, active };
        let people = (0..=BELOW).map(|number| (number, (number > 0).then_some(0))).collect();
        world.change(people, 1, Some(1)).await;
        world
    }

    /// People and whom they report to, with the position that goes with it.
    async fn change(&self, people: Vec<(u128, Option<u128>)>, sequence: i64, changed: Option<i64>) {
        let collection = serving_collection(DIRECTORY, 1);
        let mut writes = Vec::new();
        for (number, manager) in people {
            let (id, facets) = (id(number), vec![id(number)]);
            let name = format!("Person {number} at {sequence}");
            let manager = manager.map(self::id);
            let fact = DirectoryFact::Person { name, active: true, facets, manager, accounts: Vec::new() };
            let entry = DirectoryEntry { id, scope_key: ScopeKey::public(), fact };
            let document = bson::serialize_to_raw_document_buf(&entry).unwrap();
            let id = id.to_string();
            let held = self.store.inner.get(&collection, std::slice::from_ref(&id)).await.unwrap();
            let operation =
                if held.is_empty() { Operation::Insert(document) } else { Operation::Replace(document) };
            writes.push(Write { collection: collection.clone(), id, operation });
        }
        let consumer = format!("projection_{DIRECTORY}_g1");
        let expected_revision =
            Documents::position(&self.store.inner, &consumer).await.unwrap().map_or(0, |at| at.revision);
        let mut position = doc! { "vector": {}, "sequence": sequence, "version": 3_i64 };
        if let Some(changed) = changed {
            position.insert("changed", changed);
        }
        self.store.inner.commit(Batch { consumer, expected_revision, position, writes }).await.unwrap();
    }

    async fn consumers(&self) -> Consumers {
        Consumers::new(self.store.positions().await.unwrap())
    }

    async fn directory(&self) -> Arc<Directory> {
        self.directories.of(&self.active, &self.consumers().await, now()).await.unwrap()
    }

    /// A request that has read its positions already.
    async fn request(&self) -> tokio::task::JoinHandle<Arc<Directory>> {
        let (directories, active) = (self.directories.clone(), self.active.clone());
        let consumers = self.consumers().await;
        tokio::spawn(async move { directories.of(&active, &consumers, now()).await.unwrap() })
    }

    fn reads(&self) -> usize {
        self.store.reads.load(Ordering::SeqCst)
    }
}

fn sees(directory: &Directory, person: u128) -> usize {
    directory.scope(Role::SalesManager, id(person), Vec::new()).people()
}

#[tokio::test]
async fn what_changes_no_entry_leaves_directory_and_scopes_as_they_are() {
    let world = World::new().await;
    let first = world.directory().await;
    let scope = first.scope(Role::SalesManager, id(0), Vec::new());
    for sequence in 2..5 {
        world.change(Vec::new(), sequence, Some(1)).await;
        let again = world.directory().await;
        assert!(Arc::ptr_eq(&first, &again) && world.reads() == 1);
        assert!(Arc::ptr_eq(&scope, &again.scope(Role::SalesManager, id(0), Vec::new())));
    }
    world.change(vec![(1, None)], 5, Some(5)).await;
    let changed = world.directory().await;
    assert_eq!((sees(&first, 0), sees(&changed, 0)), (81, 80), "a scope is that of its own directory");
    assert_eq!(world.reads(), 2);
}

#[tokio::test]
async fn scopes_are_told_apart_by_who_delegates_and_by_the_day() {
    let world = World::new().await;
    world.change(vec![(200, None), (201, Some(200))], 2, Some(2)).await;
    let directory = world.directory().await;
    let scope = |delegators: &[u128]| {
        let delegators = delegators.iter().map(|number| id(*number)).collect();
        directory.scope(Role::SalesManager, id(0), delegators)
    };
    assert_eq!((scope(&[]).people(), scope(&[200]).people(), scope(&[201]).people()), (81, 83, 82));
    assert_eq!(scope(&[]).people(), 81, "whoever asked in between");
    assert!(directory.scope(Role::Executive, id(0), Vec::new()).keys().is_none());
    let tomorrow = directory.on(directory.day.tomorrow().unwrap());
    assert!(!Arc::ptr_eq(&scope(&[]), &tomorrow.scope(Role::SalesManager, id(0), Vec::new())));
}

#[tokio::test]
async fn of_an_older_program_every_transaction_counts() {
    let world = World::new().await;
    world.change(Vec::new(), 2, None).await;
    world.directory().await;
    world.directory().await;
    assert_eq!(world.reads(), 1);
    world.change(vec![(1, None)], 3, None).await;
    assert_eq!(sees(&*world.directory().await, 0), 80);
    world.change(vec![(1, Some(0))], 4, Some(4)).await;
    assert_eq!(sees(&*world.directory().await, 0), 81);
}

#[tokio::test]
async fn requests_wait_for_one_reading_and_never_get_one_that_is_older_than_they() {
    let world = World::new().await;
    // Nothing is answered from here on until it is let.
    let answers = world.store.let_through.forget_permits(Semaphore::MAX_PERMITS);
    assert!(answers > 0);
    let early = world.request().await;
    while world.reads() < 1 {
        tokio::task::yield_now().await;
    }
    // The first reading has its documents; then somebody moves, and many know of it.
    world.change(vec![(1, None)], 2, Some(2)).await;
    let mut late = Vec::new();
    for _ in 0..10 {
        late.push(world.request().await);
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.reads(), 1, "one at a time");
    world.store.let_through.add_permits(2);
    assert_eq!(sees(&early.await.unwrap(), 0), 81);
    for request in late {
        assert_eq!(sees(&request.await.unwrap(), 0), 80, "what they knew of is in");
    }
    assert_eq!(world.reads(), 2, "one reading for all of them");
}
