//! How many 1 KB documents a second go through `commit()`, next to a bare loop of inserts by the driver.
//!
//! `MONGODB_URI=mongodb://… cargo run --release -p salescommand-store-mongo --example commit_speed [batches]`
//! It writes into the database `commit_speed` and drops it.

use std::time::Instant;

use bson::{RawDocumentBuf, doc, rawdoc};
use mongodb::options::{Acknowledgment, WriteConcern};
use salescommand_store::{Batch, CollectionSpec, Documents, Operation, Write};
use salescommand_store_mongo::{MongoStore, admin};

const PER_BATCH: usize = 1_000;
const COLLECTION: &str = "canonical_facets_g1";

fn document(id: usize, version: i64) -> (String, RawDocumentBuf) {
    let id = format!("{id:08}-0000-5000-8000-000000000000");
    let text = "x".repeat(900);
    (id.clone(), rawdoc! { "_id": id, "version": version, "name": "A deal of some size", "text": text })
}

fn writes(from: usize, version: i64) -> Vec<Write> {
    let write = |id| {
        let (id, document) = document(id, version);
        let operation = if version == 0 { Operation::Insert(document) } else { Operation::Replace(document) };
        Write { collection: COLLECTION.to_owned(), id, operation }
    };
    (from..from + PER_BATCH).map(write).collect()
}

fn report(what: &str, documents: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what:<55} {:>8.0} documents/s", documents as f64 / seconds);
}

async fn bare_inserts(uri: &str, batches: usize) -> Result<(), Box<dyn std::error::Error>> {
    let client = mongodb::Client::with_uri_str(uri).await?;
    let collection = client.database("commit_speed").collection::<RawDocumentBuf>("bare");
    let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let prepared: Vec<Vec<RawDocumentBuf>> = (0..batches)
        .map(|n| (n * PER_BATCH..(n + 1) * PER_BATCH).map(|id| document(id, 0).1).collect())
        .collect();
    let started = Instant::now();
    for documents in &prepared {
        collection.insert_many(documents).write_concern(durable.clone()).await?;
    }
    report("bare inserts, 1,000 a command, no transaction", batches * PER_BATCH, started);
    Ok(())
}

async fn commits(
    store: &MongoStore,
    what: &str,
    revision: &mut i64,
    prepared: Vec<Vec<Write>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let documents = prepared.iter().map(Vec::len).sum();
    let started = Instant::now();
    for writes in prepared {
        let position = doc! { "odoo": { "epoch": 1, "sequence": *revision } };
        let batch = Batch { consumer: "speed".to_owned(), expected_revision: *revision, position, writes };
        *revision = store.commit(batch).await?;
    }
    report(what, documents, started);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let uri = std::env::var("MONGODB_URI")?;
    let batches: usize = std::env::args().nth(1).map_or(Ok(30), |text| text.parse())?;
    let store = MongoStore::connect(&uri, "commit_speed").await?;
    admin::drop_database(&store).await?;
    store.ensure(&[CollectionSpec::plain(COLLECTION), CollectionSpec::plain("bare")]).await?;
    bare_inserts(&uri, batches).await?;
    let mut revision = 0;
    let new: Vec<_> = (0..batches).map(|n| writes(n * PER_BATCH, 0)).collect();
    commits(&store, "commit(), 1,000 new", &mut revision, new).await?;
    let changed: Vec<_> = (0..batches).map(|n| writes(n * PER_BATCH, 1)).collect();
    commits(&store, "commit(), 1,000 replacements", &mut revision, changed).await?;
    let both: Vec<_> = (0..batches)
        .map(|n| [writes((batches + n) * PER_BATCH, 0), writes(n * PER_BATCH, 2)].concat())
        .collect();
    commits(&store, "commit(), 1,000 new and 1,000 replacements", &mut revision, both).await?;
    admin::drop_database(&store).await?;
    Ok(())
}
