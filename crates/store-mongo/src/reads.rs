//! The query service's part: reads that take a scope.

use async_trait::async_trait;
use bson::{Bson, RawDocumentBuf, doc};
use salescommand_domain::access::{Scope, ScopeKey};
use salescommand_store::{
    Active, Condition, Direction, Documents, Error, POSITIONS_COLLECTION, Query, Referring, ScopedReads,
    StoredPosition, check_evidence, check_rolled_up, check_scoped, stored_position, text_id,
};

use crate::MongoStore;
use crate::error::within;
use crate::scoped::SCOPE_KEY;

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
        self.read_within(collection, scope, query).await
    }

    async fn read_referred(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        check_scoped(by.collection)?;
        check_scoped(collection)?;
        self.read_seen(collection, scope, by, query).await
    }

    async fn count_referred(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<u64, Error> {
        check_scoped(by.collection)?;
        check_scoped(collection)?;
        self.count_seen(collection, scope, by, query).await
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
        self.count_within(collection, scope, query).await
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
