//! What this machine can do: reading a log alone, and writing recorded documents alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bson::raw::RawArrayBuf;
use bson::{RawDocumentBuf, rawdoc};
use mongodb::Database;
use salescommand_eventlog::{BatchLimit, EventLog as _};
use salescommand_eventlog_nats::NatsLog;
use salescommand_store::{Batch, Documents as _, Operation};
use salescommand_store_mongo::MongoStore;

use crate::record::Tape;

/// Reads a stream and throws it away.
pub async fn fetch(log: &NatsLog, stream: &str, events: u64) -> Duration {
    let begun = Instant::now();
    let mut reader = log.read_after(stream, 0).await.unwrap();
    let limit = BatchLimit { messages: 500, bytes: 2 << 20, wait: Duration::from_secs(10) };
    let mut read = 0;
    while read < events {
        read += reader.next(limit).await.unwrap().len() as u64;
    }
    begun.elapsed()
}

/// Writes tapes, one writer each, every batch one transaction with its position.
pub async fn transactions(store: &MongoStore, tapes: Vec<Tape>) -> (Duration, Vec<Tape>) {
    let begun = Instant::now();
    let mut writers = Vec::new();
    for mut tape in tapes {
        let store = store.clone();
        writers.push(tokio::spawn(async move {
            while let Some(batch) = tape.transaction() {
                store.commit(batch).await.unwrap();
            }
            tape
        }));
    }
    let mut tapes = Vec::new();
    for writer in writers {
        tapes.push(writer.await.unwrap());
    }
    (begun.elapsed(), tapes)
}

/// The same without transactions: each document is guarded by the sequence that it was written at, and the position
/// follows. What is in already is not written again.
pub async fn guarded(db: &Database, tapes: Vec<Tape>) -> (Duration, Vec<Tape>) {
    let begun = Instant::now();
    let mut writers = Vec::new();
    for mut tape in tapes {
        let db = db.clone();
        writers.push(tokio::spawn(async move {
            while let Some(batch) = tape.transaction() {
                write_guarded(&db, batch).await;
            }
            tape
        }));
    }
    let mut tapes = Vec::new();
    for writer in writers {
        tapes.push(writer.await.unwrap());
    }
    (begun.elapsed(), tapes)
}

async fn write_guarded(db: &Database, batch: Batch) {
    let sequence = batch.expected_revision + 1;
    let durable = || rawdoc! { "w": "majority", "j": true };
    let mut updates: BTreeMap<String, RawArrayBuf> = BTreeMap::new();
    let mut deletes: BTreeMap<String, RawArrayBuf> = BTreeMap::new();
    for write in batch.writes {
        let id = write.id.as_str();
        match write.operation {
            Operation::Insert(document) | Operation::Replace(document) => {
                let entry = rawdoc! {
                    "q": { "_id": id, "_at": { "$lt": sequence } }, "u": guarded_document(document, sequence),
                    "upsert": true, "multi": false,
                };
                updates.entry(write.collection).or_default().push(entry);
            }
            Operation::Delete => {
                deletes.entry(write.collection).or_default().push(rawdoc! { "q": { "_id": id }, "limit": 1 });
            }
        }
    }
    for (collection, updates) in updates {
        let update = rawdoc! {
            "update": collection, "ordered": false, "updates": updates, "writeConcern": durable(),
        };
        db.run_raw_command(update).await.unwrap();
    }
    for (collection, deletes) in deletes {
        let delete = rawdoc! {
            "delete": collection, "ordered": false, "deletes": deletes, "writeConcern": durable(),
        };
        db.run_raw_command(delete).await.unwrap();
    }
    let mut position = RawArrayBuf::new();
    let consumer = batch.consumer.as_str();
    position
        .push(rawdoc! { "q": { "_id": consumer }, "u": { "_id": consumer, "at": sequence }, "upsert": true });
    let update = rawdoc! { "update": "positions", "updates": position, "writeConcern": durable() };
    db.run_raw_command(update).await.unwrap();
}

fn guarded_document(mut document: RawDocumentBuf, sequence: i64) -> RawDocumentBuf {
    document.append(bson::cstr!("_at"), sequence);
    document
}
