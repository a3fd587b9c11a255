//! Faults on real servers: processes are killed -9 in the middle of a sync, and the documents are in the end those of
//! an undisturbed run, byte for byte. The undisturbed run is the oracle's, over the very same raw logs.

use std::collections::BTreeMap;
use std::time::Duration;

use salescommand_domain::raw::{InstanceName, Position, RawPosition};
use salescommand_eventlog::{BatchLimit, EventLog};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_normalizer::{NormalizerPosition, RawMessage, consumer_name};
use salescommand_odoo_simulator::{Matching, Trouble};
use salescommand_store::{Documents, Query};
use salescommand_store_mongo::MongoStore;
use salescommand_tests::platform::{ODOO_LOGIN, ODOO_PASSWORD, Platform, eventually};

use crate::oracle::{self, Compared};

/// Kills, each at a moment when the sync was still going on.
const KILLS: usize = 5;

async fn connect(platform: &Platform) -> (NatsLog, MongoStore) {
    let options = NatsOptions {
        url: platform.nats.url(),
        name: "fault-test".into(),
        connect_within: Duration::from_secs(10),
    };
    (NatsLog::connect(options).await.unwrap(), platform.mongo.store("salescommand").await.unwrap())
}

/// All events of an instance's log.
async fn raw_log(log: &NatsLog, instance: &str) -> Vec<RawMessage> {
    let instance = InstanceName::new(instance).unwrap();
    let stream = salescommand_domain::raw::raw_stream(&instance, 1);
    let Some(status) = log.stream(&stream).await.unwrap() else { return Vec::new() };
    let mut reader = log.read_after(&stream, 0).await.unwrap();
    let mut messages = Vec::new();
    while (messages.len() as u64) < status.last_sequence {
        let limit = BatchLimit { messages: 1_000, bytes: 8 << 20, wait: Duration::from_millis(250) };
        messages.extend(reader.next(limit).await.unwrap());
    }
    let place = |message: salescommand_eventlog::Message| RawMessage {
        raw: RawPosition {
            instance: instance.clone(),
            position: Position { epoch: 1, sequence: message.sequence },
        },
        message,
    };
    messages.into_iter().map(place).collect()
}

/// Every compared document in the database.
async fn stored(store: &MongoStore) -> Compared {
    let mut names: Vec<String> =
        salescommand_normalizer::specs(1).into_iter().map(|spec| spec.name).collect();
    for projection in salescommand_projector::projections() {
        names.extend(projection.collections(1).into_iter().map(|spec| spec.name));
    }
    let mut found = BTreeMap::new();
    for name in names.into_iter().filter(|name| oracle::is_compared(name)) {
        let documents = Documents::find(store, &name, &Query::all()).await.unwrap();
        let by_id = |document: bson::RawDocumentBuf| {
            (document.get_str("_id").unwrap().to_owned(), document.into_bytes())
        };
        let documents: BTreeMap<_, _> = documents.into_iter().map(by_id).collect();
        if !documents.is_empty() {
            found.insert(name, documents);
        }
    }
    found
}

async fn normalizer_at(store: &MongoStore) -> NormalizerPosition {
    let stored = Documents::position(store, &consumer_name(1)).await.unwrap();
    stored.map(|stored| NormalizerPosition::decode(&stored.position).unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_normalizer_and_projector_leave_the_documents_of_an_undisturbed_run() {
    let mut platform = Platform::start().await.unwrap();
    // Slow pages, so that there is a middle to be killed in.
    platform
        .odoo
        .faults()
        .always(Matching::method("search_read"), Trouble::Delay(Duration::from_millis(400)));
    for name in ["query", "connect", "normalizer", "projector"] {
        platform.spawn(name, &[]).unwrap();
    }
    let add = [
        "source",
        "add",
        "--kind",
        "odoo",
        "--name",
        "odoo",
        "--database",
        "demo",
        "--login",
        ODOO_LOGIN,
        "--url",
    ];
    let url = platform.odoo.url();
    let add: Vec<&str> = add.into_iter().chain([url.as_str()]).collect();
    platform.run(&add, ODOO_PASSWORD).unwrap();
    platform.run(&["sync", "run", "odoo"], "").unwrap();
    let (log, store) = connect(&platform).await;

    let mut revision = 0;
    for _ in 0..KILLS {
        // Each kill comes right behind a transaction, while more is to come.
        revision = eventually("the normalizer to go on", async || {
            let position = Documents::position(&store, &consumer_name(1)).await.ok()??;
            (position.revision > revision).then_some(position.revision)
        })
        .await
        .unwrap();
        let runs = platform.run_json(&["sync", "status"]).unwrap();
        assert_eq!(runs[0]["state"], "running", "the sync was over before the kill: {runs}");
        platform.kill9("normalizer").unwrap();
        platform.kill9("projector").unwrap();
        platform.spawn("normalizer", &[]).unwrap();
        platform.spawn("projector", &[]).unwrap();
    }

    let instance = InstanceName::new("odoo").unwrap();
    let raw = eventually("the sync to end", async || {
        let runs = platform.run_json(&["sync", "status"]).ok()?;
        (runs[0]["state"] == "succeeded").then_some(runs[0]["published"].as_u64()?)
    })
    .await
    .unwrap();
    eventually("everything to be normalised", async || {
        (normalizer_at(&store).await.of(&instance).sequence == raw).then_some(())
    })
    .await
    .unwrap_or_else(|error| panic!("{error:#}\n{}", platform.log("normalizer")));
    let head = normalizer_at(&store).await.outbox;
    for projection in salescommand_projector::projections() {
        let name = salescommand_projector::consumer_name(projection.name(), 1);
        eventually("everything to be projected", async || {
            let stored = Documents::position(&store, &name).await.ok()??;
            (stored.position.get_i64("sequence").ok()? == head).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}\n{}", platform.log("projector")));
    }

    let messages = raw_log(&log, "odoo").await;
    assert_eq!(messages.len() as u64, raw);
    let expected = oracle::documents(&[messages], false).await;
    assert!(expected["canonical_opportunities_g1"].len() > 500);
    oracle::assert_same(&expected, &stored(&store).await);
}
