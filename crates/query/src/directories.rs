//! The directory that is read now, kept until its position moves or another day begins.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use salescommand_store::{Active, Error as StoreError, Query, ScopedReads, serving_collection};

use crate::consumers::Consumers;
use crate::directory::Directory;
use crate::document;

/// The projection of names and reporting lines.
pub(crate) const DIRECTORY: &str = "directory";

/// Reads directories and keeps the last one.
pub(crate) struct Directories {
    store: Arc<dyn ScopedReads>,
    /// The directory of (serving generation, position revision).
    kept: Mutex<Option<(u32, i64, Arc<Directory>)>>,
}

impl fmt::Debug for Directories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directories")
    }
}

impl Directories {
    pub(crate) fn new(store: Arc<dyn ScopedReads>) -> Self {
        Self { store, kept: Mutex::default() }
    }

    /// The directory that is read at a moment; empty while nothing has been prepared.
    pub(crate) async fn present(&self, now: Timestamp) -> Result<Arc<Directory>, StoreError> {
        let Some(active) = self.store.active().await? else { return Ok(Arc::default()) };
        let consumers = Consumers::new(self.store.positions().await?);
        self.of(&active, &consumers, now).await
    }

    /// The directory of these generations, at a moment.
    pub(crate) async fn of(
        &self,
        active: &Active,
        consumers: &Consumers,
        now: Timestamp,
    ) -> Result<Arc<Directory>, StoreError> {
        let Some(generation) = active.serving.get(DIRECTORY).copied() else { return Ok(Arc::default()) };
        // The revision was read before the documents: what is kept may be newer than its revision, never older.
        let revision = consumers.projection(DIRECTORY, generation).map(|position| position.revision);
        if let (Some(revision), Some((kept_generation, kept_revision, directory))) =
            (revision, &mut *self.kept())
            && (*kept_generation, *kept_revision) == (generation, revision)
        {
            let day = directory.calendar.day_of(now);
            if directory.day != day {
                *directory = Arc::new(directory.on(day));
            }
            return Ok(directory.clone());
        }
        let documents =
            self.store.read_public(&serving_collection(DIRECTORY, generation), &Query::all()).await?;
        let directory = Arc::new(Directory::build(document::read_all(&documents)?, now));
        *self.kept() = revision.map(|revision| (generation, revision, directory.clone()));
        Ok(directory)
    }

    fn kept(&self) -> MutexGuard<'_, Option<(u32, i64, Arc<Directory>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
