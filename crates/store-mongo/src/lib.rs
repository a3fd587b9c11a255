//! MongoDB behind the store's contract. The only crate that names the driver.
//!
//! Invariants: one [`Batch`](salescommand_store::Batch) is one transaction, with its position compared and set
//! first; everything is read from and written to a majority and the journal; no text of an error or a log holds a
//! connection string, a password or a document. It must not interpret documents beyond `_id`, `revision` and
//! `scope_key`.
//!
//! Only features common to MongoDB 6.0 and 8.0 are used: writes are commands with arrays.

pub mod admin;
mod command;
mod documents;
mod error;
mod filter;
mod ops;
mod reads;
mod referred;
mod scoped;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use bson::{RawDocumentBuf, doc};
use mongodb::action::Find;
use mongodb::options::{Acknowledgment, ClientOptions, DatabaseOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Collection, Database};
use salescommand_store::{Error, Query, check_query};

use crate::error::{classify, within};

/// How long to look for a primary before a call is [`Error::Unavailable`]. The connection string may say otherwise.
const SERVER_SELECTION: Duration = Duration::from_secs(5);
/// Under this name the database lists our connections.
const APP_NAME: &str = "salescommand";
/// Documents per answer of a cursor: large, for answers are read to their end.
const CURSOR_BATCH: u32 = 1_000;

/// A database of MongoDB. A clone shares its connections.
#[derive(Clone)]
pub struct MongoStore {
    db: Database,
    unsettled: Arc<transaction::Unsettled>,
}

impl std::fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MongoStore").field("database", &self.db.name()).finish_non_exhaustive()
    }
}

impl MongoStore {
    /// Connects, and asks the server once. The connection string holds a password: it is neither logged nor
    /// part of any error.
    ///
    /// [`Error::Unavailable`] if no primary answers within about 5 s; [`Error::Refused`], with what to do, if the
    /// string is malformed, the sign-in fails, or the server is no member of a replica set.
    pub async fn connect(uri: &str, database: &str) -> Result<Self, Error> {
        let client = client(uri).await?;
        let concerns =
            DatabaseOptions::builder().read_concern(ReadConcern::majority()).write_concern(durable());
        let db = client.database_with_options(database, concerns.build());
        let store = Self { db, unsettled: Arc::default() };
        let hello = within(store.db.run_command(doc! { "hello": 1 })).await?;
        if !hello.contains_key("setName") {
            let text = "MongoDB is no member of a replica set, so it has no transactions: start it with --replSet \
                        and initiate the set (one member is enough)";
            return Err(Error::Refused(text.to_owned()));
        }
        Ok(store)
    }

    /// How large the server's cache may get, in bytes; none if this user may not ask (the role `clusterMonitor` may).
    pub async fn cache_bytes(&self) -> Result<Option<u64>, Error> {
        let mut ask = doc! { "serverStatus": 1 };
        // Everything else that it would measure.
        for section in ["repl", "metrics", "locks", "network", "transactions", "asserts", "opLatencies"] {
            ask.insert(section, 0);
        }
        let status = match within(self.db.run_command(ask)).await {
            Err(Error::Refused(_)) => return Ok(None),
            status => status?,
        };
        let cache = status.get_document("wiredTiger").and_then(|engine| engine.get_document("cache"));
        Ok(command::whole(cache.ok().and_then(|cache| cache.get("maximum bytes configured"))))
    }

    fn collection(&self, name: &str) -> Collection<RawDocumentBuf> {
        self.db.collection(name)
    }

    /// Runs a query to its end.
    async fn run(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        check_query(query)?;
        if query.limit == Some(0) {
            // To MongoDB, a limit of 0 is none.
            return Ok(Vec::new());
        }
        let collection = self.collection(collection);
        drain(within(Self::asked(&collection, query)).await?).await
    }

    /// A query as it is asked.
    fn asked<'a>(collection: &'a Collection<RawDocumentBuf>, query: &Query) -> Find<'a, RawDocumentBuf> {
        let mut find = collection.find(filter::filter(&query.conditions)).batch_size(CURSOR_BATCH);
        if !query.sort.is_empty() {
            find = find.sort(filter::sort(&query.sort));
        }
        if let Some(limit) = query.limit {
            find = find.limit(i64::try_from(limit).unwrap_or(i64::MAX));
        }
        if !query.fields.is_empty() {
            find = find.projection(filter::projection(&query.fields));
        }
        find
    }
}

/// Reads a cursor to its end, without decoding.
async fn drain(mut cursor: mongodb::Cursor<RawDocumentBuf>) -> Result<Vec<RawDocumentBuf>, Error> {
    let mut found = Vec::new();
    while within(cursor.advance()).await? {
        found.push(cursor.current().to_owned());
    }
    Ok(found)
}

/// Acknowledged by a majority, each of which has it in its journal.
fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}

async fn client(uri: &str) -> Result<Client, Error> {
    let mut options = ClientOptions::parse(uri).await.map_err(error::malformed)?;
    options.server_selection_timeout.get_or_insert(SERVER_SELECTION);
    options.connect_timeout.get_or_insert(SERVER_SELECTION);
    options.app_name.get_or_insert_with(|| APP_NAME.to_owned());
    Client::with_options(options).map_err(classify)
}
