//! A store behind a layer that looks at what goes through: everything else is passed on.

use std::sync::Arc;

use async_trait::async_trait;
use bson::RawDocumentBuf;

use crate::{Active, Batch, CollectionSpec, Documents, Error, Query, StoredPosition};

/// What a layer does differently. By itself each method passes on what it gets.
#[async_trait]
pub trait Layer: Send + Sync {
    /// See [`Documents::get`].
    async fn get(
        &self,
        inner: &dyn Documents,
        collection: &str,
        ids: &[String],
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        inner.get(collection, ids).await
    }

    /// See [`Documents::find`].
    async fn find(
        &self,
        inner: &dyn Documents,
        collection: &str,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        inner.find(collection, query).await
    }

    /// See [`Documents::position`].
    async fn position(&self, inner: &dyn Documents, consumer: &str) -> Result<Option<StoredPosition>, Error> {
        inner.position(consumer).await
    }

    /// See [`Documents::commit`].
    async fn commit(&self, inner: &dyn Documents, batch: Batch) -> Result<i64, Error> {
        inner.commit(batch).await
    }
}

/// A store with a layer over it.
pub struct Layered<L> {
    /// The store below.
    pub inner: Arc<dyn Documents>,
    /// What is over it.
    pub layer: L,
}

#[async_trait]
impl<L: Layer> Documents for Layered<L> {
    async fn ensure(&self, collections: &[CollectionSpec]) -> Result<(), Error> {
        self.inner.ensure(collections).await
    }

    async fn get(&self, collection: &str, ids: &[String]) -> Result<Vec<RawDocumentBuf>, Error> {
        self.layer.get(&*self.inner, collection, ids).await
    }

    async fn find(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        self.layer.find(&*self.inner, collection, query).await
    }

    async fn position(&self, consumer: &str) -> Result<Option<StoredPosition>, Error> {
        self.layer.position(&*self.inner, consumer).await
    }

    async fn commit(&self, batch: Batch) -> Result<i64, Error> {
        self.layer.commit(&*self.inner, batch).await
    }

    async fn delete_up_to(&self, collection: &str, id: &str) -> Result<(), Error> {
        self.inner.delete_up_to(collection, id).await
    }

    async fn active(&self) -> Result<Option<Active>, Error> {
        self.inner.active().await
    }

    async fn ensure_active(&self, initial: &Active) -> Result<Active, Error> {
        self.inner.ensure_active(initial).await
    }

    async fn switch_active(&self, expected: &Active, next: &Active) -> Result<bool, Error> {
        self.inner.switch_active(expected, next).await
    }

    async fn drop_generation(&self, collections: &[String], consumers: &[String]) -> Result<(), Error> {
        self.inner.drop_generation(collections, consumers).await
    }
}
