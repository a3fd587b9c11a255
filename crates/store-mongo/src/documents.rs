//! The writers' part: documents by id and by query, positions, the switch.

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf, doc};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use salescommand_store::{
    ACTIVE_COLLECTION, ACTIVE_ID, Active, Batch, CollectionSpec, Documents, Error, HASHES_COLLECTION,
    IndexKind, POSITIONS_COLLECTION, Query, StoredPosition, active_document, chunk_ids, stored_active,
    stored_position,
};

use crate::error::{DUPLICATE_KEY, NAMESPACE_EXISTS, classify, code, silent, within};
use crate::{MongoStore, drain};

/// Most ids in a query: 36-byte ids stay far below a command's 16 MiB.
const IDS: usize = 20_000;
/// Longest wait for indexes: a large collection takes its time.
const INDEXING: std::time::Duration = std::time::Duration::from_secs(600);

impl MongoStore {
    pub(crate) async fn read_active(&self) -> Result<Option<Active>, Error> {
        let collection = self.collection(ACTIVE_COLLECTION);
        let found = within(collection.find_one(doc! { "_id": ACTIVE_ID })).await?;
        found.map(|document| stored_active(&document)).transpose()
    }

    /// Creates what is missing. Another process may be doing the same.
    pub(crate) async fn create(&self, collections: &[CollectionSpec]) -> Result<(), Error> {
        let existing = within(self.db.list_collection_names()).await?;
        for spec in collections {
            if !existing.contains(&spec.name) {
                match tokio::time::timeout(crate::error::ANSWER, self.db.create_collection(&spec.name)).await
                {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) if code(&error) == Some(NAMESPACE_EXISTS) => {}
                    Ok(Err(error)) => return Err(classify(error)),
                    Err(_) => return Err(silent()),
                }
            }
            if spec.indexes.is_empty() {
                continue;
            }
            let collection = self.collection(&spec.name);
            let call = collection.create_indexes(spec.indexes.iter().map(index));
            match tokio::time::timeout(INDEXING, call).await {
                Ok(answer) => answer.map(|_| ()).map_err(classify)?,
                Err(_) => return Err(silent()),
            }
        }
        Ok(())
    }
}

fn index((fields, kind): &(Vec<&'static str>, IndexKind)) -> IndexModel {
    let keys: Document = fields.iter().map(|field| ((*field).to_owned(), bson::Bson::Int32(1))).collect();
    let options = match kind {
        IndexKind::Plain => None,
        IndexKind::Unique => Some(IndexOptions::builder().unique(true).build()),
        IndexKind::Sparse => Some(IndexOptions::builder().sparse(true).build()),
    };
    IndexModel::builder().keys(keys).options(options).build()
}

#[async_trait]
impl Documents for MongoStore {
    async fn ensure(&self, collections: &[CollectionSpec]) -> Result<(), Error> {
        let own = [POSITIONS_COLLECTION, ACTIVE_COLLECTION, HASHES_COLLECTION].map(CollectionSpec::internal);
        self.create(&own).await?;
        self.create(collections).await
    }

    async fn get(&self, collection: &str, ids: &[String]) -> Result<Vec<RawDocumentBuf>, Error> {
        let collection = self.collection(collection);
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS) {
            let batch_size = u32::try_from(ids.len() + 1).unwrap_or(u32::MAX);
            let find = collection.find(doc! { "_id": { "$in": ids } }).batch_size(batch_size);
            found.extend(drain(within(find).await?).await?);
        }
        Ok(found)
    }

    async fn find(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        self.run(collection, query).await
    }

    async fn position(&self, consumer: &str) -> Result<Option<StoredPosition>, Error> {
        let collection = self.collection(POSITIONS_COLLECTION);
        let found = within(collection.find_one(doc! { "_id": consumer })).await?;
        found.map(|document| stored_position(&document)).transpose()
    }

    async fn commit(&self, batch: Batch) -> Result<i64, Error> {
        self.transact(batch).await
    }

    async fn delete_up_to(&self, collection: &str, id: &str) -> Result<(), Error> {
        within(self.collection(collection).delete_many(doc! { "_id": { "$lte": id } })).await?;
        Ok(())
    }

    async fn active(&self) -> Result<Option<Active>, Error> {
        self.read_active().await
    }

    async fn ensure_active(&self, initial: &Active) -> Result<Active, Error> {
        if let Some(active) = self.read_active().await? {
            return Ok(active);
        }
        let document = active_document(initial)?;
        let insert = self.collection(ACTIVE_COLLECTION);
        match tokio::time::timeout(crate::error::ANSWER, insert.insert_one(document)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if code(&error) == Some(DUPLICATE_KEY) => {}
            Ok(Err(error)) => return Err(classify(error)),
            Err(_) => return Err(silent()),
        }
        self.read_active().await?.ok_or_else(|| Error::Refused("the switch was removed at once".to_owned()))
    }

    async fn switch_active(&self, expected: &Active, next: &Active) -> Result<bool, Error> {
        let unreadable = |_| Error::Refused("the switch is no legal BSON".to_owned());
        let mut wanted = Document::try_from(active_document(expected)?).map_err(unreadable)?;
        // Null matches what is not there; the optional field must not be what it is in another switch.
        wanted.entry("previous".to_owned()).or_insert(bson::Bson::Null);
        let collection = self.collection(ACTIVE_COLLECTION);
        let replaced = collection.replace_one(wanted, active_document(next)?);
        match tokio::time::timeout(crate::error::ANSWER, replaced).await {
            Ok(answer) => Ok(answer.map_err(classify)?.matched_count == 1),
            Err(_) => Err(silent()),
        }
    }

    async fn drop_generation(&self, collections: &[String], consumers: &[String]) -> Result<(), Error> {
        for name in collections {
            within(self.collection(name).drop()).await?;
            let sums = doc! { "_id": { "$in": chunk_ids(name) } };
            within(self.collection(HASHES_COLLECTION).delete_many(sums)).await?;
        }
        let positions = doc! { "_id": { "$in": consumers } };
        within(self.collection(POSITIONS_COLLECTION).delete_many(positions)).await?;
        Ok(())
    }
}
