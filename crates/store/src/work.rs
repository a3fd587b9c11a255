//! A unit of work: documents are loaded once, changed in memory, and become the writes of one transaction.
//!
//! Only documents that differ in their bytes from what was loaded are written: an insert, a replacement or a
//! deletion, never a blind upsert. Order of writes is by collection and id, whatever the order of changes.

use std::collections::BTreeMap;

use bson::RawDocumentBuf;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Change, Documents, Error, Operation, Write};

/// Documents of one batch, before and after.
#[derive(Default)]
pub struct Work {
    collections: BTreeMap<String, BTreeMap<String, Slot>>,
}

/// A document that was looked up.
#[derive(Default)]
struct Slot {
    before: Option<RawDocumentBuf>,
    after: After,
}

/// A document as it was and as it is; `None` where it was not there.
pub type Difference<T> = (Option<T>, Option<T>);

/// What becomes of it.
#[derive(Default)]
enum After {
    #[default]
    Unchanged,
    Put(RawDocumentBuf),
    Removed,
}

impl Slot {
    fn present(&self) -> Option<&RawDocumentBuf> {
        match &self.after {
            After::Unchanged => self.before.as_ref(),
            After::Put(document) => Some(document),
            After::Removed => None,
        }
    }

    /// Puts a document; tells whether that changes it.
    fn put(&mut self, document: RawDocumentBuf) -> bool {
        let changed = self.present().is_none_or(|held| held.as_bytes() != document.as_bytes());
        if changed {
            self.after = After::Put(document);
        }
        changed
    }
}

impl Work {
    /// Loads documents that are not yet loaded. Ids without a document are remembered as absent.
    pub async fn load(
        &mut self,
        store: &dyn Documents,
        collection: &str,
        ids: impl IntoIterator<Item = String>,
    ) -> Result<(), Error> {
        let slots = self.slots(collection);
        let missing: Vec<String> = ids.into_iter().filter(|id| !slots.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = store.get(collection, &missing).await?;
        slots.extend(missing.into_iter().map(|id| (id, Slot::default())));
        for document in found {
            let id = document_id(collection, &document)?;
            slots.insert(id, Slot { before: Some(document), after: After::Unchanged });
        }
        Ok(())
    }

    /// Takes note that there is no document of this id, as is known without looking.
    pub fn absent(&mut self, collection: &str, id: String) {
        self.slots(collection).entry(id).or_default();
    }

    /// Takes in a document that was read by a query; one that is loaded already stays as it is.
    pub fn hold(&mut self, collection: &str, id: &str, document: RawDocumentBuf) {
        let slot = self.slots(collection).entry(id.to_owned());
        slot.or_insert_with(|| Slot { before: Some(document), after: After::Unchanged });
    }

    /// A loaded document as it stands now.
    pub fn get<T: DeserializeOwned>(&self, collection: &str, id: &str) -> Result<Option<T>, Error> {
        let slot = self.slot(collection, id)?;
        slot.present().map(|document| decode(collection, document)).transpose()
    }

    /// A loaded document as it was before this work.
    pub fn before<T: DeserializeOwned>(&self, collection: &str, id: &str) -> Result<Option<T>, Error> {
        let slot = self.slot(collection, id)?;
        slot.before.as_ref().map(|document| decode(collection, document)).transpose()
    }

    /// Whether a loaded document was there before this work.
    pub fn was_stored(&self, collection: &str, id: &str) -> Result<bool, Error> {
        Ok(self.slot(collection, id)?.before.is_some())
    }

    fn slots(&mut self, collection: &str) -> &mut BTreeMap<String, Slot> {
        self.collections.entry(collection.to_owned()).or_default()
    }

    fn slot(&self, collection: &str, id: &str) -> Result<&Slot, Error> {
        let slot = self.collections.get(collection).and_then(|slots| slots.get(id));
        slot.ok_or_else(|| Error::Refused(format!("{collection}/{id} was used without being loaded")))
    }

    /// Puts a loaded document; tells whether that changes it.
    pub fn put<T: Serialize>(&mut self, collection: &str, id: &str, document: &T) -> Result<bool, Error> {
        let document = encode(collection, document)?;
        let slot = self.collections.get_mut(collection).and_then(|slots| slots.get_mut(id));
        let slot =
            slot.ok_or_else(|| Error::Refused(format!("{collection}/{id} was put without being loaded")))?;
        Ok(slot.put(document))
    }

    /// Puts a document that is loaded or known to be new.
    pub fn insert<T: Serialize>(&mut self, collection: &str, id: &str, document: &T) -> Result<(), Error> {
        let document = encode(collection, document)?;
        self.slots(collection).entry(id.to_owned()).or_default().put(document);
        Ok(())
    }

    /// Puts a document that is known to be new, byte for byte as it stands elsewhere.
    pub fn insert_as_it_is(&mut self, collection: &str, document: RawDocumentBuf) -> Result<(), Error> {
        let id = document_id(collection, &document)?;
        self.slots(collection).entry(id).or_default().put(document);
        Ok(())
    }

    /// Removes a loaded document; tells whether it was there.
    pub fn remove(&mut self, collection: &str, id: &str) -> bool {
        let slot = self.collections.get_mut(collection).and_then(|slots| slots.get_mut(id));
        let Some(slot) = slot else { return false };
        let was_there = slot.present().is_some();
        slot.after = After::Removed;
        was_there
    }

    /// The documents of a collection that differ from before: as they were and as they are.
    pub fn changed<T: DeserializeOwned>(&self, collection: &str) -> Result<Vec<Difference<T>>, Error> {
        let mut changed = Vec::new();
        for slot in self.collections.get(collection).into_iter().flat_map(BTreeMap::values) {
            let (before, after) = (slot.before.as_ref(), slot.present());
            if before.map(|held| held.as_bytes()) != after.map(|held| held.as_bytes()) {
                let decoded = |held: Option<&RawDocumentBuf>| {
                    held.map(|document| decode(collection, document)).transpose()
                };
                changed.push((decoded(before)?, decoded(after)?));
            }
        }
        Ok(changed)
    }

    /// Whether nothing differs from before.
    pub fn is_unchanged(&self) -> bool {
        let same = |slot: &Slot| {
            let (before, after) = (slot.before.as_ref(), slot.present());
            before.map(|held| held.as_bytes()) == after.map(|held| held.as_bytes())
        };
        self.collections.values().flat_map(BTreeMap::values).all(same)
    }

    /// What differs from before.
    pub fn into_changes(self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (collection, slots) in self.collections {
            for (id, Slot { before, after }) in slots {
                let after = match after {
                    After::Unchanged => continue,
                    After::Put(document) => Some(document),
                    After::Removed => None,
                };
                // Also what was changed there and back.
                if before.as_ref().map(|held| held.as_bytes()) != after.as_ref().map(|held| held.as_bytes()) {
                    changes.push(Change { collection: collection.clone(), id, before, after });
                }
            }
        }
        changes
    }
}

impl Change {
    /// The write that makes it so.
    pub(crate) fn into_write(self) -> Write {
        let operation = match (self.before, self.after) {
            (None, Some(after)) => Operation::Insert(after),
            (Some(_), Some(after)) => Operation::Replace(after),
            (_, None) => Operation::Delete,
        };
        Write { collection: self.collection, id: self.id, operation }
    }
}

/// Encodes a value as a document.
pub fn encode<T: Serialize>(collection: &str, value: &T) -> Result<RawDocumentBuf, Error> {
    bson::serialize_to_raw_document_buf(value)
        .map_err(|error| Error::Refused(format!("a document of {collection} cannot be encoded: {error}")))
}

/// Decodes a document.
pub fn decode<T: DeserializeOwned>(collection: &str, document: &RawDocumentBuf) -> Result<T, Error> {
    bson::deserialize_from_slice(document.as_bytes())
        .map_err(|error| Error::Refused(format!("a document of {collection} cannot be read: {error}")))
}

fn document_id(collection: &str, document: &RawDocumentBuf) -> Result<String, Error> {
    let id = document.get_str("_id");
    id.map(str::to_owned)
        .map_err(|error| Error::Refused(format!("a document of {collection} has no text id: {error}")))
}
