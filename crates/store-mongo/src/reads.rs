//! The query service's part: reads that take a scope.

use async_trait::async_trait;
use bson::{Bson, RawDocumentBuf, doc};
use salescommand_domain::access::{Scope, ScopeKey};
use salescommand_store::{
    Active, Condition, Direction, Documents, Error, POSITIONS_COLLECTION, Query, ScopedReads, StoredPosition,
    check_evidence, check_query, check_rolled_up, check_scoped, stored_position, text_id,
};

use crate::MongoStore;
use crate::error::within;
use crate::filter::filter;

/// The field that decides who may see a document.
const SCOPE_KEY: &str = "scope_key";

#[async_trait]
impl ScopedReads for MongoStore {
    async fn active(&self) -> Result<Option<Active>, Error> {
        self.read_active().await
    }

    async fn read(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        check_scoped(collection)?;
        match within_scope(scope, query) {
            Some(query) => self.run(collection, &query).await,
            None => Ok(Vec::new()),
        }
    }

    async fn read_rolled_up(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        check_rolled_up(collection)?;
        let own = Condition::Eq(SCOPE_KEY.to_owned(), Bson::from(scope.roll_up().as_str()));
        self.run(collection, &query.clone().with(own)).await
    }

    async fn read_public(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        check_scoped(collection)?;
        let public = Condition::Eq(SCOPE_KEY.to_owned(), Bson::from(ScopeKey::public().as_str()));
        self.run(collection, &query.clone().with(public)).await
    }

    async fn evidence(&self, collection: &str, ids: &[String]) -> Result<Vec<RawDocumentBuf>, Error> {
        check_evidence(collection)?;
        Documents::get(self, collection, ids).await
    }

    async fn count(&self, collection: &str, scope: &Scope, query: &Query) -> Result<u64, Error> {
        check_scoped(collection)?;
        let Some(query) = within_scope(scope, query) else { return Ok(0) };
        if !query.conditions.is_empty() {
            check_query(&query)?;
            return within(self.collection(collection).count_documents(filter(&query.conditions))).await;
        }
        // From the collection's metadata: after a crash of the database it may be off by a little for a while.
        within(self.collection(collection).estimated_document_count()).await
    }

    async fn positions(&self) -> Result<Vec<(String, StoredPosition)>, Error> {
        let by_name = Query::all().sorted("_id", Direction::Ascending);
        let found = self.run(POSITIONS_COLLECTION, &by_name).await?;
        found.iter().map(|document| Ok((text_id(document)?.to_owned(), stored_position(document)?))).collect()
    }

    async fn ping(&self) -> Result<(), Error> {
        within(self.db.run_command(doc! { "ping": 1 })).await?;
        Ok(())
    }
}

/// A query of no more than a scope allows; none if it allows nothing.
fn within_scope(scope: &Scope, query: &Query) -> Option<Query> {
    let Some(keys) = scope.keys() else { return Some(query.clone()) };
    let keys: Vec<_> = keys.iter().map(|key| Bson::from(key.as_str())).collect();
    (!keys.is_empty()).then(|| query.clone().with(Condition::In(SCOPE_KEY.to_owned(), keys)))
}
