//! The contract of the store, in three parts for three kinds of users.

use async_trait::async_trait;
use bson::RawDocumentBuf;
use salescommand_domain::access::Scope;

use crate::{Active, Batch, CollectionSpec, Query, StoredPosition};

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, has no primary, or gave up a transaction. Try again.
    #[error("the document store is not reachable: {0}")]
    Unavailable(String),
    /// Another live copy of this consumer has moved the position. This one must end.
    #[error("consumer {0} is fenced: another copy moved its position")]
    Fenced(String),
    /// A document with this id or unique field exists.
    #[error("{collection} already has {key}")]
    Duplicate {
        /// Which collection.
        collection: String,
        /// Which document or field.
        key: String,
    },
    /// The database refused for good, or holds what this program cannot read.
    #[error("the document store refused: {0}")]
    Refused(String),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// For the normalizer and the projector, the writers of the canonical and the serving zone.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Makes sure that collections and indexes exist.
    async fn ensure(&self, collections: &[CollectionSpec]) -> Result<(), Error>;

    /// The documents with these ids, in no particular order; ids without a document are left out.
    async fn get(&self, collection: &str, ids: &[String]) -> Result<Vec<RawDocumentBuf>, Error>;

    /// The documents that match.
    async fn find(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error>;

    /// A consumer's position; none before its first batch.
    async fn position(&self, consumer: &str) -> Result<Option<StoredPosition>, Error>;

    /// Commits a transaction; gives the position's new revision. An unknown outcome is settled before it returns.
    async fn commit(&self, batch: Batch) -> Result<i64, Error>;

    /// Deletes the documents whose `_id` is not greater than this: what an outbox has behind it.
    async fn delete_up_to(&self, collection: &str, id: &str) -> Result<(), Error>;

    /// The switch, as it is.
    async fn active(&self) -> Result<Option<Active>, Error>;

    /// Writes the switch if there is none yet; gives what stands there afterwards.
    async fn ensure_active(&self, initial: &Active) -> Result<Active, Error>;

    /// Replaces the switch if it is as expected; tells whether it did. Readers see the one or the other, never a mixture.
    async fn switch_active(&self, expected: &Active, next: &Active) -> Result<bool, Error>;

    /// Drops collections with their indexes and bucket hashes, and the positions of consumers. What is not there is
    /// passed over. Never the collections or consumers of an active generation: the caller has made sure.
    async fn drop_generation(&self, collections: &[String], consumers: &[String]) -> Result<(), Error>;
}

/// Documents by which others are seen, as an account is by its deals: who may see one that is not deleted may see what it refers to,
/// which is the document that has its reference among its `facets.id`.
#[derive(Debug, Clone, Copy)]
pub struct Referring<'a> {
    /// Their collection.
    pub collection: &'a str,
    /// The field that refers, by the id of a facet.
    pub field: &'static str,
}

/// For the query service. Every read of documents takes a scope; a document is given only if its `scope_key` is in it, or if it is
/// asked for by documents that refer to it, and the scope has the `scope_key` of one of these.
#[async_trait]
pub trait ScopedReads: Send + Sync {
    /// The switch; a request reads it once.
    async fn active(&self) -> Result<Option<Active>, Error>;

    /// The documents that match and that the scope allows.
    async fn read(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error>;

    /// The documents that match and that the scope allows, or to which one refers that the scope allows.
    async fn read_referred(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error>;

    /// How many these are.
    async fn count_referred(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<u64, Error>;

    /// The documents that match of one roll-up: of the one that sums all that the scope allows. Other collections than those
    /// of roll-ups are refused.
    async fn read_rolled_up(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error>;

    /// The documents that match among those public by declaration (`scope_key: "public"`).
    async fn read_public(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error>;

    /// Documents of the canonical zone that have no scope of their own, by id: facets, links, quarantine entries. For
    /// whoever has read the record that they belong to through its reader's scope; other collections are refused.
    async fn evidence(&self, collection: &str, ids: &[String]) -> Result<Vec<RawDocumentBuf>, Error>;

    /// How many documents match that the scope allows; for the data lake's counts. Without a condition the answer of a
    /// scope that allows everything comes from the collection's metadata.
    async fn count(&self, collection: &str, scope: &Scope, query: &Query) -> Result<u64, Error>;

    /// The positions of all consumers, by name.
    async fn positions(&self) -> Result<Vec<(String, StoredPosition)>, Error>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<(), Error>;
}

/// For the owner of the operational collections (`ops_*`): accounts, sessions, sealed credentials.
#[async_trait]
pub trait Ops: Send + Sync {
    /// Makes sure that the operational collections and their indexes exist.
    async fn ensure_ops(&self) -> Result<(), Error>;

    /// Inserts a document; [`Error::Duplicate`] if its id or a unique field is taken.
    async fn insert(&self, collection: &str, document: RawDocumentBuf) -> Result<(), Error>;

    /// The documents that match.
    async fn list(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error>;

    /// Replaces the document with this id if its field `revision` is the expected one; tells whether it did.
    async fn replace_if(
        &self,
        collection: &str,
        id: &str,
        expected_revision: i64,
        document: RawDocumentBuf,
    ) -> Result<bool, Error>;

    /// Deletes the documents that match; gives how many.
    async fn delete(&self, collection: &str, query: &Query) -> Result<u64, Error>;
}
