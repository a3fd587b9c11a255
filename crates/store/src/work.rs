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
    documents: BTreeMap<(String, String), Slot>,
}

#[derive(Default)]
struct Slot {
    before: Option<RawDocumentBuf>,
    after: Option<RawDocumentBuf>,
}

impl Work {
    /// Loads documents that are not yet loaded. Ids without a document are remembered as absent.
    pub async fn load(
        &mut self,
        store: &dyn Documents,
        collection: &str,
        ids: impl IntoIterator<Item = String>,
    ) -> Result<(), Error> {
        let missing: Vec<String> = ids
            .into_iter()
            .filter(|id| !self.documents.contains_key(&(collection.to_owned(), id.clone())))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = store.get(collection, &missing).await?;
        for id in missing {
            self.documents.insert((collection.to_owned(), id), Slot::default());
        }
        for document in found {
            let id = document_id(collection, &document)?;
            let slot = Slot { before: Some(document.clone()), after: Some(document) };
            self.documents.insert((collection.to_owned(), id), slot);
        }
        Ok(())
    }

    /// Takes in a document that was read by a query; one that is loaded already stays as it is.
    pub fn hold(&mut self, collection: &str, id: &str, document: RawDocumentBuf) {
        let slot = self.documents.entry((collection.to_owned(), id.to_owned()));
        slot.or_insert_with(|| Slot { before: Some(document.clone()), after: Some(document) });
    }

    /// A loaded document as it stands now.
    pub fn get<T: DeserializeOwned>(&self, collection: &str, id: &str) -> Result<Option<T>, Error> {
        let slot = self.slot(collection, id)?;
        slot.after.as_ref().map(|document| decode(collection, document)).transpose()
    }

    /// A loaded document as it was before this work.
    pub fn before<T: DeserializeOwned>(&self, collection: &str, id: &str) -> Result<Option<T>, Error> {
        let slot = self.slot(collection, id)?;
        slot.before.as_ref().map(|document| decode(collection, document)).transpose()
    }

    fn slot(&self, collection: &str, id: &str) -> Result<&Slot, Error> {
        let slot = self.documents.get(&(collection.to_owned(), id.to_owned()));
        slot.ok_or_else(|| Error::Refused(format!("{collection}/{id} was used without being loaded")))
    }

    /// Puts a loaded document; tells whether that changes it.
    pub fn put<T: Serialize>(&mut self, collection: &str, id: &str, document: &T) -> Result<bool, Error> {
        let document = encode(collection, document)?;
        let key = (collection.to_owned(), id.to_owned());
        let slot = self.documents.get_mut(&key);
        let slot =
            slot.ok_or_else(|| Error::Refused(format!("{collection}/{id} was put without being loaded")))?;
        let changed = slot.after.as_ref().is_none_or(|held| held.as_bytes() != document.as_bytes());
        slot.after = Some(document);
        Ok(changed)
    }

    /// Puts a document that is loaded or known to be new.
    pub fn insert<T: Serialize>(&mut self, collection: &str, id: &str, document: &T) -> Result<(), Error> {
        let document = encode(collection, document)?;
        self.documents.entry((collection.to_owned(), id.to_owned())).or_default().after = Some(document);
        Ok(())
    }

    /// Removes a loaded document; tells whether it was there.
    pub fn remove(&mut self, collection: &str, id: &str) -> bool {
        let key = (collection.to_owned(), id.to_owned());
        self.documents.get_mut(&key).is_some_and(|slot| slot.after.take().is_some())
    }

    /// What differs from before.
    pub fn into_changes(self) -> Vec<Change> {
        let changed = self.documents.into_iter().filter_map(|((collection, id), Slot { before, after })| {
            let same = match (&before, &after) {
                (None, None) => true,
                (Some(before), Some(after)) => before.as_bytes() == after.as_bytes(),
                _ => false,
            };
            (!same).then_some(Change { collection, id, before, after })
        });
        changed.collect()
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
