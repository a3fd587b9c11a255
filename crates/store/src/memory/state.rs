//! What the twin holds, and the one function that changes several documents at once: all of them or none.

use std::collections::BTreeMap;

use bson::{RawDocument, RawDocumentBuf, rawdoc};

use super::{compare::compare, matching::values};
use crate::{
    Batch, CollectionSpec, Error, IndexKind, OPS_USERS, Operation, POSITIONS_COLLECTION, StoredPosition,
    Write, check_batch, position_document, revision_of, stored_position, text_id,
};

/// Documents by id, and what must be unique among them.
#[derive(Debug, Clone, Default)]
pub(super) struct Collection {
    pub(super) documents: BTreeMap<String, RawDocumentBuf>,
    unique: Vec<Vec<&'static str>>,
}

/// Everything stored.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) collections: BTreeMap<String, Collection>,
}

/// A document's state before a write, to take the write back.
type Before = (String, String, Option<RawDocumentBuf>);

impl State {
    pub(super) fn documents(&self, collection: &str) -> impl Iterator<Item = &RawDocumentBuf> {
        self.collections.get(collection).into_iter().flat_map(|collection| collection.documents.values())
    }

    pub(super) fn get(&self, collection: &str, id: &str) -> Option<&RawDocumentBuf> {
        self.collections.get(collection)?.documents.get(id)
    }

    pub(super) fn ensure(&mut self, spec: &CollectionSpec) {
        let collection = self.collections.entry(spec.name.clone()).or_default();
        for (fields, kind) in &spec.indexes {
            if *kind == IndexKind::Unique && !collection.unique.contains(fields) {
                collection.unique.push(fields.clone());
            }
        }
    }

    pub(super) fn ensure_operational(&mut self) {
        self.ensure(&CollectionSpec::plain(OPS_USERS).unique("email"));
        self.ensure(&CollectionSpec::plain(crate::OPS_REFRESH_TOKENS));
        for name in [
            crate::OPS_SOURCES,
            crate::OPS_GENERATIONS,
            crate::OPS_REPLAYS,
            crate::OPS_ERASURES,
            crate::OPS_AUDIT_OUTBOX,
            crate::OPS_ROLL_UPS,
        ] {
            self.ensure(&CollectionSpec::internal(name));
        }
    }

    pub(super) fn position(&self, consumer: &str) -> Result<Option<StoredPosition>, Error> {
        self.get(POSITIONS_COLLECTION, consumer).map(|document| stored_position(document)).transpose()
    }

    /// The transaction. On an error nothing has changed.
    pub(super) fn commit(&mut self, batch: Batch) -> Result<i64, Error> {
        check_batch(&batch)?;
        let stored = self.position(&batch.consumer)?.map_or(0, |position| position.revision);
        if stored != batch.expected_revision {
            return Err(Error::Fenced(batch.consumer));
        }
        let revision = stored + 1;
        let position = position_document(&batch.consumer, revision, &batch.position)?;
        let mut writes = batch.writes;
        // MongoDB's order: inserts, then replacements, then deletions; it decides what a unique index sees.
        writes.sort_by_key(|write| match write.operation {
            Operation::Insert(_) => 0,
            Operation::Replace(_) => 1,
            Operation::Delete => 2,
        });
        let mut done = Vec::with_capacity(writes.len());
        for write in writes {
            if let Err(error) = self.apply(write, &mut done) {
                self.take_back(done);
                return Err(error);
            }
        }
        self.put(POSITIONS_COLLECTION, &batch.consumer, position);
        Ok(revision)
    }

    fn apply(&mut self, write: Write, done: &mut Vec<Before>) -> Result<(), Error> {
        let Write { collection, id, operation } = write;
        let exists = self.get(&collection, &id).is_some();
        match operation {
            Operation::Insert(_) if exists => return Err(Error::Duplicate { collection, key: id }),
            Operation::Replace(_) | Operation::Delete if !exists => {
                return Err(Error::Refused(format!("{collection}/{id} should exist, and does not")));
            }
            Operation::Insert(document) | Operation::Replace(document) => {
                self.check_unique(&collection, &id, &document)?;
                let before = self.put(&collection, &id, id_first(document)?);
                done.push((collection, id, before));
            }
            Operation::Delete => {
                let before = self.remove(&collection, &id);
                done.push((collection, id, before));
            }
        }
        Ok(())
    }

    fn take_back(&mut self, done: Vec<Before>) {
        for (collection, id, before) in done.into_iter().rev() {
            match before {
                Some(document) => self.put(&collection, &id, document),
                None => self.remove(&collection, &id),
            };
        }
    }

    /// Writes one document outside a transaction.
    pub(super) fn insert(&mut self, collection: &str, document: RawDocumentBuf) -> Result<(), Error> {
        let id = text_id(&document)?.to_owned();
        if self.get(collection, &id).is_some() {
            return Err(Error::Duplicate { collection: collection.to_owned(), key: id });
        }
        self.check_unique(collection, &id, &document)?;
        self.put(collection, &id, id_first(document)?);
        Ok(())
    }

    pub(super) fn replace_if(
        &mut self,
        collection: &str,
        id: &str,
        expected_revision: i64,
        document: RawDocumentBuf,
    ) -> Result<bool, Error> {
        if text_id(&document)? != id {
            return Err(Error::Refused(format!("the replacement of {collection}/{id} is another document")));
        }
        let Some(stored) = self.get(collection, id) else { return Ok(false) };
        if revision_of(stored)? != Some(expected_revision) {
            return Ok(false);
        }
        self.check_unique(collection, id, &document)?;
        self.put(collection, id, id_first(document)?);
        Ok(true)
    }

    pub(super) fn put(
        &mut self,
        collection: &str,
        id: &str,
        document: RawDocumentBuf,
    ) -> Option<RawDocumentBuf> {
        self.collections.entry(collection.to_owned()).or_default().documents.insert(id.to_owned(), document)
    }

    pub(super) fn remove(&mut self, collection: &str, id: &str) -> Option<RawDocumentBuf> {
        self.collections.get_mut(collection)?.documents.remove(id)
    }

    fn check_unique(&self, name: &str, id: &str, document: &RawDocument) -> Result<(), Error> {
        let Some(collection) = self.collections.get(name) else { return Ok(()) };
        for fields in &collection.unique {
            for (other_id, other) in &collection.documents {
                let mut equal = other_id != id;
                for field in fields {
                    equal = equal && share_a_value(document, other, field)?;
                }
                if equal {
                    return Err(Error::Duplicate { collection: name.to_owned(), key: fields.join("+") });
                }
            }
        }
        Ok(())
    }
}

fn share_a_value(left: &RawDocument, right: &RawDocument, field: &str) -> Result<bool, Error> {
    let right = values(right, field, false)?;
    Ok(values(left, field, false)?.iter().any(|left| right.iter().any(|right| compare(left, right).is_eq())))
}

/// MongoDB stores `_id` first, wherever it stood.
fn id_first(document: RawDocumentBuf) -> Result<RawDocumentBuf, Error> {
    let unreadable = |error| Error::Refused(format!("a document is no legal BSON: {error}"));
    if let Some(Ok((name, _))) = document.iter().next()
        && name.as_str() == "_id"
    {
        return Ok(document);
    }
    let mut moved = rawdoc! { "_id": text_id(&document)? };
    for element in document.iter() {
        let (name, value) = element.map_err(unreadable)?;
        if name.as_str() != "_id" {
            moved.append(name, value);
        }
    }
    Ok(moved)
}
