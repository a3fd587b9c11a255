//! A consumer's hold on its position: commits batches, and finds out what became of one whose answer was lost.

use std::sync::Arc;

use bson::Document;

use crate::{Batch, Documents, Error, Write};

/// A consumer between two transactions.
pub struct Consumer {
    store: Arc<dyn Documents>,
    name: String,
    revision: i64,
    /// A position whose commit ended in a passing error: it may be in.
    attempted: Option<Document>,
}

impl Consumer {
    /// Takes the position up; gives what is stored, none before the first batch.
    pub async fn open(store: Arc<dyn Documents>, name: String) -> Result<(Self, Option<Document>), Error> {
        let stored = store.position(&name).await?;
        let revision = stored.as_ref().map_or(0, |stored| stored.revision);
        let consumer = Self { store, name, revision, attempted: None };
        Ok((consumer, stored.map(|stored| stored.position)))
    }

    /// The store it writes to.
    pub fn store(&self) -> &dyn Documents {
        &*self.store
    }

    /// To be called before a batch is made: if the last commit ended in a passing error and is in after all, gives
    /// its position, so that the batch is not made a second time.
    pub async fn recover(&mut self) -> Result<Option<Document>, Error> {
        let Some(attempted) = &self.attempted else { return Ok(None) };
        let stored = self.store.position(&self.name).await?;
        let is_in = stored
            .as_ref()
            .is_some_and(|stored| stored.revision == self.revision + 1 && stored.position == *attempted);
        self.revision += i64::from(is_in);
        Ok(self.attempted.take().filter(|_| is_in))
    }

    /// Commits a batch; [`Error::Fenced`] if another copy has moved the position.
    pub async fn commit(&mut self, position: Document, writes: Vec<Write>) -> Result<(), Error> {
        let batch = Batch {
            consumer: self.name.clone(),
            expected_revision: self.revision,
            position: position.clone(),
            writes,
        };
        match self.store.commit(batch).await {
            Ok(revision) => {
                self.revision = revision;
                Ok(())
            }
            Err(error) => {
                self.attempted = error.is_transient().then_some(position);
                Err(error)
            }
        }
    }
}
