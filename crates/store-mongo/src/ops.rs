//! The operational collections: single documents, no transactions, a revision against lost updates.

use async_trait::async_trait;
use bson::{RawDocumentBuf, doc};
use salescommand_store::{
    CollectionSpec, Error, OPS_AUDIT_OUTBOX, OPS_DELEGATIONS, OPS_ERASURES, OPS_GENERATIONS, OPS_IDENTITIES,
    OPS_REFRESH_TOKENS, OPS_REPLAYS, OPS_ROLL_UPS, OPS_SOURCES, OPS_USED_SIGN_INS, OPS_USERS, Ops, Query,
    check_deletion, check_operational, text_id,
};

use crate::error::{ANSWER, classify_write, silent, within};
use crate::{MongoStore, filter};

#[async_trait]
impl Ops for MongoStore {
    async fn ensure_ops(&self) -> Result<(), Error> {
        let collections = [
            CollectionSpec::plain(OPS_USERS)
                .unique("email")
                .index(&["person_facet"])
                .index(&["scim.external_id"])
                .index(&["scim.user_name_key"])
                .index(&["scim.emails.key"]),
            CollectionSpec::plain(OPS_REFRESH_TOKENS).index(&["family"]).index(&["user"]),
            CollectionSpec::plain(OPS_IDENTITIES).index(&["account"]),
            CollectionSpec::plain(OPS_USED_SIGN_INS).index(&["expires"]),
            CollectionSpec::plain(OPS_DELEGATIONS).index(&["to"]).index(&["from"]),
            CollectionSpec::plain(OPS_SOURCES),
            CollectionSpec::plain(OPS_GENERATIONS),
            CollectionSpec::plain(OPS_REPLAYS),
            CollectionSpec::plain(OPS_ERASURES),
            CollectionSpec::plain(OPS_AUDIT_OUTBOX).index(&["open"]),
            CollectionSpec::plain(OPS_ROLL_UPS).index(&["asked_on"]),
        ];
        self.create(&collections).await
    }

    async fn insert(&self, collection: &str, document: RawDocumentBuf) -> Result<(), Error> {
        check_operational(collection)?;
        let id = text_id(&document)?.to_owned();
        let target = self.collection(collection);
        match tokio::time::timeout(ANSWER, target.insert_one(document)).await {
            Ok(answer) => answer.map(|_| ()).map_err(|error| classify_write(collection, &id, error)),
            Err(_) => Err(silent()),
        }
    }

    async fn list(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        check_operational(collection)?;
        self.run(collection, query).await
    }

    async fn replace_if(
        &self,
        collection: &str,
        id: &str,
        expected_revision: i64,
        document: RawDocumentBuf,
    ) -> Result<bool, Error> {
        check_operational(collection)?;
        if text_id(&document)? != id {
            return Err(Error::Refused(format!("the replacement of {collection}/{id} is another document")));
        }
        let target = self.collection(collection);
        let wanted = doc! { "_id": id, "revision": expected_revision };
        match tokio::time::timeout(ANSWER, target.replace_one(wanted, document)).await {
            Ok(Ok(answer)) => Ok(answer.matched_count == 1),
            Ok(Err(error)) => Err(classify_write(collection, id, error)),
            Err(_) => Err(silent()),
        }
    }

    async fn delete(&self, collection: &str, query: &Query) -> Result<u64, Error> {
        check_operational(collection)?;
        check_deletion(query)?;
        let answer =
            within(self.collection(collection).delete_many(filter::filter(&query.conditions))).await?;
        Ok(answer.deleted_count)
    }
}
