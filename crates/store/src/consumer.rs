//! A consumer's hold on its position: commits batches, keeps the bucket hashes of what it writes, and finds out what
//! became of a commit whose answer was lost.

use std::sync::Arc;

use bson::Document;

use crate::hashes::{Hashes, Moved};
use crate::unwritten::unwritten;
use crate::work::Work;
use crate::{Batch, Change, CollectionSpec, Documents, Error};

/// A consumer between two transactions.
pub struct Consumer {
    store: Arc<dyn Documents>,
    name: String,
    revision: i64,
    hashes: Hashes,
    /// A position whose commit ended in a passing error, and what the sums are if it is in.
    attempted: Option<(Document, Moved)>,
}

impl Consumer {
    /// Takes the position up; gives what is stored, none before the first batch. `collections` are those that it
    /// writes; the sums of the compared ones are kept.
    pub async fn open(
        store: Arc<dyn Documents>,
        name: String,
        collections: &[CollectionSpec],
    ) -> Result<(Self, Option<Document>), Error> {
        let stored = store.position(&name).await?;
        let revision = stored.as_ref().map_or(0, |stored| stored.revision);
        let compared = collections.iter().filter(|spec| spec.compared).map(|spec| spec.name.clone());
        let hashes = Hashes::of(compared.collect());
        let store = if stored.is_none() { unwritten(store, collections).await? } else { store };
        let consumer = Self { store, name, revision, hashes, attempted: None };
        Ok((consumer, stored.map(|stored| stored.position)))
    }

    /// Whether nothing has been committed yet.
    pub fn is_new(&self) -> bool {
        self.revision == 0
    }

    /// The store it writes to.
    pub fn store(&self) -> &dyn Documents {
        &*self.store
    }

    /// To be called before a batch is made: if the last commit ended in a passing error and is in after all, gives
    /// its position, so that the batch is not made a second time.
    pub async fn recover(&mut self) -> Result<Option<Document>, Error> {
        let Some((attempted, _)) = &self.attempted else { return Ok(None) };
        let stored = self.store.position(&self.name).await?;
        let is_in = stored
            .as_ref()
            .is_some_and(|stored| stored.revision == self.revision + 1 && stored.position == *attempted);
        self.revision += i64::from(is_in);
        let Some((position, moved)) = self.attempted.take().filter(|_| is_in) else { return Ok(None) };
        self.hashes.settle(moved);
        Ok(Some(position))
    }

    /// Commits a batch; [`Error::Fenced`] if another copy has moved the position.
    pub async fn commit(&mut self, position: Document, work: Work) -> Result<(), Error> {
        let changes = work.into_changes();
        let (moved, sums) = self.hashes.moved(&*self.store, &changes).await?;
        let writes = changes.into_iter().map(Change::into_write).chain(sums).collect();
        let batch = Batch {
            consumer: self.name.clone(),
            expected_revision: self.revision,
            position: position.clone(),
            writes,
        };
        match self.store.commit(batch).await {
            Ok(revision) => {
                self.revision = revision;
                self.hashes.settle(moved);
                Ok(())
            }
            Err(error) => {
                self.attempted = error.is_transient().then_some((position, moved));
                Err(error)
            }
        }
    }
}
