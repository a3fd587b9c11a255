//! The directory that is read now, kept until its documents change or another day begins.
//!
//! Of a large organisation it is tens of thousands of documents, so it is read by one request at a time; whoever needs
//! the same waits for it. What a request is given is never older than the positions that it has read.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use salescommand_store::{Active, Error as StoreError, Query, ScopedReads, serving_collection};

use crate::consumers::{Consumers, Content};
use crate::directory::Directory;
use crate::document;

/// The projection of names and reporting lines.
pub(crate) const DIRECTORY: &str = "directory";

/// Reads directories and keeps the last one.
pub(crate) struct Directories {
    store: Arc<dyn ScopedReads>,
    kept: Mutex<Option<Kept>>,
    /// Held by the request that reads.
    reading: tokio::sync::Mutex<()>,
    /// How many times documents have begun to be read.
    begun: AtomicU64,
}

/// What there is at one moment: which generations are read, how far each consumer is, and who is who.
#[derive(Clone, Default)]
pub(crate) struct Present {
    /// None while nothing has been prepared.
    pub(crate) active: Option<Active>,
    pub(crate) consumers: Consumers,
    /// Not older than the positions.
    pub(crate) directory: Arc<Directory>,
}

/// A directory, and of what it is.
struct Kept {
    generation: u32,
    /// What the documents were when reading began: they may be newer, never older.
    content: Option<Content>,
    /// Which reading it was.
    reading: u64,
    directory: Arc<Directory>,
}

impl fmt::Debug for Directories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directories")
    }
}

impl Directories {
    pub(crate) fn new(store: Arc<dyn ScopedReads>) -> Self {
        Self {
            store,
            kept: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            begun: AtomicU64::new(0),
        }
    }

    /// What there is at a moment. The switch is read once, and everything else of what it names.
    pub(crate) async fn present(&self, now: Timestamp) -> Result<Present, StoreError> {
        let Some(active) = self.store.active().await? else { return Ok(Present::default()) };
        let consumers = Consumers::new(self.store.positions().await?);
        let directory = self.of(&active, &consumers, now).await?;
        Ok(Present { active: Some(active), consumers, directory })
    }

    /// The directory of these generations, at a moment.
    async fn of(
        &self,
        active: &Active,
        consumers: &Consumers,
        now: Timestamp,
    ) -> Result<Arc<Directory>, StoreError> {
        let Some(generation) = active.serving.get(DIRECTORY).copied() else { return Ok(Arc::default()) };
        let content = consumers.projection(DIRECTORY, generation).map(|position| position.content());
        // Positions have been read: a reading that begins from here on sees what they say, and maybe more.
        let begun = self.begun.load(Ordering::SeqCst);
        let same = |kept: &Kept| content.is_some() && kept.content == content;
        if let Some(directory) = self.kept_if(generation, now, same) {
            return Ok(directory);
        }
        let _turn = self.reading.lock().await;
        if let Some(directory) = self.kept_if(generation, now, |kept| same(kept) || kept.reading > begun) {
            return Ok(directory);
        }
        let reading = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let found = self.store.read_public(&serving_collection(DIRECTORY, generation), &Query::all()).await?;
        let make = move || Ok::<_, StoreError>(Directory::build(document::read_all(&found)?, now));
        // Others are served meanwhile.
        let made = tokio::task::spawn_blocking(make).await;
        let failed = |error| StoreError::Refused(format!("the directory could not be made: {error}"));
        let directory = Arc::new(made.map_err(failed)??);
        *self.kept() = Some(Kept { generation, content, reading, directory: directory.clone() });
        Ok(directory)
    }

    /// The directory that is kept, of the day of a moment, if it is of this generation and good enough.
    fn kept_if(
        &self,
        generation: u32,
        now: Timestamp,
        is_good: impl Fn(&Kept) -> bool,
    ) -> Option<Arc<Directory>> {
        let mut kept = self.kept();
        let kept = kept.as_mut().filter(|kept| kept.generation == generation && is_good(kept))?;
        let day = kept.directory.calendar.day_of(now);
        if kept.directory.day != day {
            kept.directory = Arc::new(kept.directory.on(day));
        }
        Some(kept.directory.clone())
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
