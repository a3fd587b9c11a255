//! Epochs on a real NATS server.

use std::sync::Arc;
use std::time::Duration;

use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::raw::{Envelope, InstanceName, ObjectName, Payload, Position};
use salescommand_epochs::{
    ArchivedLog, Chain, ChainReader, FolderArchives, NoArchives, archive, cover, delete, maintain, restore,
    seal,
};
use salescommand_eventlog::{Administration as _, BatchLimit, EventLog, StoredMessage};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{Ports, RawWriter};
use salescommand_tests::mongo::Mongo;
use salescommand_tests::nats::Nats;
use serde_json::{Value, json};

async fn connect(url: String) -> NatsLog {
    let options = NatsOptions { url, name: "test".into(), connect_within: Duration::from_secs(10) };
    NatsLog::connect(options).await.unwrap()
}

fn instance() -> InstanceName {
    InstanceName::new("odoo").unwrap()
}

fn plan() -> ObjectPlan {
    let object = ObjectName::new("lead").unwrap();
    ObjectPlan { volatile: &["age"], ..ObjectPlan::new(object) }
}

fn record(key: u64, payload: Value) -> Record {
    Record { key: key.to_string(), source_modified: None, subjects: Vec::new(), payload }
}

async fn append(log: &NatsLog, records: &[Record]) -> (u64, u64) {
    let mut writer = RawWriter::open(&Ports::system(log), &instance(), "odoo", 0).await.unwrap();
    let written = writer.append(&plan(), records).await.unwrap();
    (written.published, written.unchanged)
}

/// Every event of the chain, through the reader that the normalizer uses.
async fn read_chain(log: Arc<dyn EventLog>, from: Position, count: usize) -> Vec<(Position, Envelope)> {
    let mut reader = ChainReader::new(log, instance(), from);
    let limit = BatchLimit { messages: 500, bytes: 4 << 20, wait: Duration::from_millis(250) };
    let mut found = Vec::new();
    tokio::time::timeout(Duration::from_secs(60), async {
        while found.len() < count {
            let portion = reader.next(limit).await.unwrap();
            for message in portion.messages {
                let position = Position { epoch: portion.epoch, sequence: message.sequence };
                let envelope = Envelope::decode(&message.payload, message.content_type.as_deref()).unwrap();
                found.push((position, envelope));
            }
        }
    })
    .await
    .unwrap_or_else(|_| panic!("the chain has fewer than {count} events"));
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_follows_the_epochs_with_its_own_rights() {
    let nats = Nats::start().unwrap();
    let platform = connect(nats.url()).await;
    RawWriter::open(&Ports::system(&platform), &instance(), "odoo", 0).await.unwrap();
    let connector = connect(nats.connector_url()).await;
    let records: Vec<_> = (0..4_000).map(|n| record(n, json!({"n": n, "text": "x".repeat(200)}))).collect();
    let ports = Ports::system(&connector);
    let write = async {
        let mut writer = RawWriter::open(&ports, &instance(), "odoo", 0).await.unwrap();
        let mut published = 0;
        for page in records.chunks(100) {
            loop {
                match writer.append(&plan(), page).await {
                    Ok(written) => break published += written.published,
                    // Between two epochs.
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        published
    };
    let roll = async {
        loop {
            maintain(&platform, &NoArchives, 100_000).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let published = tokio::select! {
        published = write => published,
        () = roll => 0,
    };
    assert_eq!(published, 4_000);
    // Maintenance was dropped wherever it was, between sealing and opening, say: the next one completes it.
    maintain(&platform, &NoArchives, 100_000).await.unwrap();
    let chain = Chain::load(&platform, &instance()).await.unwrap();
    assert!(chain.epochs.len() > 3, "only {} epochs", chain.epochs.len());
    let events: u64 = chain.epochs.iter().map(|epoch| epoch.status.messages).sum();
    assert_eq!(events, 4_000, "each record once");
    let read = read_chain(Arc::new(platform.clone()), Position::START, 4_000).await;
    assert!(read.windows(2).all(|pair| pair[0].0 < pair[1].0));

    // A second full sync, over epochs that are there, and over heads alone.
    assert_eq!(append(&connector, &records).await, (0, 4_000));
    let sealed = seal(&platform, &NoArchives, &instance()).await.unwrap();
    cover(&platform, &instance(), sealed).await.unwrap();
    for epoch in Chain::load(&platform, &instance()).await.unwrap().epochs {
        if epoch.is_sealed() {
            assert!(platform.delete_stream(&epoch.status.name).await.unwrap());
        }
    }
    assert_eq!(append(&connector, &records).await, (0, 4_000), "heads alone");
    let back = [record(7, json!({"n": 8})), record(7, json!({"n": 7, "text": "x".repeat(200)}))];
    assert_eq!(append(&connector, &back).await, (2, 0), "there and back again");
    let from = Position { epoch: sealed + 1, sequence: 0 };
    let last = read_chain(Arc::new(platform.clone()), from, 2).await.pop().unwrap().1;
    assert_eq!(last.payload, Payload::Inline(json!({"n": 7, "text": "x".repeat(200)})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn epochs_survive_a_broker_killed_between_sealing_and_opening() {
    let mut nats = Nats::start().unwrap();
    let platform = connect(nats.url()).await;
    assert_eq!(append(&platform, &[record(1, json!("A"))]).await, (1, 0));
    platform.seal("RAW_ODOO_E1").await.unwrap();
    nats.restart().unwrap();
    let platform = connect(nats.url()).await;
    maintain(&platform, &NoArchives, 0).await.unwrap();
    nats.restart().unwrap();
    let connector = connect(nats.connector_url()).await;
    assert_eq!(append(&connector, &[record(1, json!("A"))]).await, (0, 1));
    assert_eq!(append(&connector, &[record(1, json!("B"))]).await, (1, 0));
    let platform = connect(nats.url()).await;
    let read: Vec<_> = read_chain(Arc::new(platform.clone()), Position::START, 2)
        .await
        .into_iter()
        .map(|(at, _)| at)
        .collect();
    assert_eq!(read, [Position { epoch: 1, sequence: 1 }, Position { epoch: 2, sequence: 1 }]);
}

/// Everything that an epoch holds.
async fn stored(log: &NatsLog, epoch: u32, count: usize) -> Vec<StoredMessage> {
    salescommand_eventlog::conformance::stored(log, &format!("RAW_ODOO_E{epoch}"), count).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archived_epochs_are_restored_into_an_empty_broker_and_read_without_one() {
    let nats = Nats::start().unwrap();
    let platform = connect(nats.url()).await;
    let folder = tempfile::tempdir().unwrap();
    let archives = FolderArchives::new(folder.path());
    let now = "2026-11-25T12:00:00Z".parse().unwrap();
    let records: Vec<_> = (0..3_000).map(|n| record(n, json!({"n": n, "text": "y".repeat(500)}))).collect();
    append(&platform, &records[..2_000]).await;
    seal(&platform, &NoArchives, &instance()).await.unwrap();
    append(&platform, &records[2_000..]).await;
    seal(&platform, &NoArchives, &instance()).await.unwrap();
    let before = (stored(&platform, 1, 2_000).await, stored(&platform, 2, 1_000).await);
    for epoch in [1, 2] {
        let manifest = archive(&platform, &archives, &instance(), epoch, now).await.unwrap();
        assert!(manifest.file_bytes < manifest.payload_bytes / 3, "{manifest:?}");
    }

    // A broker that has nothing gets the same streams, the later one first; connectors go on behind them.
    let other = Nats::start().unwrap();
    let empty = connect(other.url()).await;
    for epoch in [2, 1] {
        restore(&empty, &archives, &instance(), epoch).await.unwrap();
    }
    assert_eq!((stored(&empty, 1, 2_000).await, stored(&empty, 2, 1_000).await), before);
    maintain(&empty, &archives, 0).await.unwrap();
    let connector = connect(other.connector_url()).await;
    assert_eq!(append(&connector, &records).await, (0, 3_000), "the digest chain goes on");
    assert_eq!(append(&connector, &[record(1, json!("changed"))]).await, (1, 0));
    assert_eq!(Chain::load(&empty, &instance()).await.unwrap().newest().unwrap().number, 3);

    // An epoch that was deleted is read from its archive, and restored beside the open one.
    assert!(delete(&platform, &archives, &instance(), 1).await.unwrap());
    let readable = Arc::new(ArchivedLog::new(Arc::new(platform.clone()), Arc::new(archives.clone())));
    let read = read_chain(readable, Position::START, 3_000).await;
    assert_eq!(
        (read[0].0, read[1_999].0.epoch, read[2_999].0.epoch),
        (Position { epoch: 1, sequence: 1 }, 1, 2)
    );
    restore(&platform, &archives, &instance(), 1).await.unwrap();
    assert_eq!(stored(&platform, 1, 2_000).await, before.0);
    assert_eq!(read_chain(Arc::new(platform.clone()), Position::START, 3_000).await, read);
}

/// Runs the binary against its servers (what operators do is written down in the database); whether it succeeded, and what it
/// printed.
fn salescommand(
    (nats, mongo): (&Nats, &Mongo),
    folder: Option<&std::path::Path>,
    arguments: &[&str],
) -> (bool, String) {
    let binary =
        std::env::var_os("SALESCOMMAND_TEST_BIN").expect("SALESCOMMAND_TEST_BIN names the built binary");
    let mut command = std::process::Command::new(binary);
    command.args(arguments).env("NATS_URL", nats.url()).env_remove("SALESCOMMAND_RAW__ARCHIVE_DIR");
    command.env("MONGODB_URI", format!("{}?directConnection=true", mongo.uri()));
    if let Some(folder) = folder {
        command.env("SALESCOMMAND_RAW__ARCHIVE_DIR", folder);
    }
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_frees_space_and_erases_on_the_command_line() {
    let (nats, mongo) = (Nats::start().unwrap(), Mongo::start().await.unwrap());
    let log = connect(nats.url()).await;
    let folder = tempfile::tempdir().unwrap();
    let ann = Record {
        subjects: vec!["ann@example.com".to_owned()],
        ..record(7, json!({"email_from": "ann@example.com"}))
    };
    append(&log, &[record(1, json!({"n": 1})), ann]).await;
    let run = |arguments: &[&str]| salescommand((&nats, &mongo), Some(folder.path()), arguments);
    let done = |arguments: &[&str]| -> Value {
        let (done, text) = run(&[arguments, &["--output", "json"]].concat());
        assert!(done, "{arguments:?}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    };
    let refused = |arguments: &[&str], why: &str| {
        let (done, text) = run(arguments);
        assert!(!done && text.contains(why), "{arguments:?}: {text}");
    };
    assert_eq!(done(&["epoch", "list"])[0]["state"], "open");
    refused(&["epoch", "seal", "nobody"], "has no raw log");
    refused(&["epoch", "delete", "odoo", "--epoch", "1"], "is not archived");
    assert_eq!(done(&["epoch", "seal", "odoo"])[0]["sealed"], 1);
    let (without, text) = salescommand((&nats, &mongo), None, &["epoch", "archive", "odoo"]);
    assert!(!without && text.contains("SALESCOMMAND_RAW__ARCHIVE_DIR"), "{text}");
    assert_eq!(done(&["epoch", "archive", "odoo"])[0]["events"], 2);
    assert_eq!(done(&["epoch", "delete", "odoo", "--epoch", "1"])[0]["deleted"], true);
    assert_eq!(done(&["epoch", "list"])[0]["state"], "archived");
    assert_eq!(done(&["epoch", "restore", "odoo", "--epoch", "1"])[0]["epoch"], 1);

    refused(&["erase", "--subject", "Ann"], "e-mail address");
    let receipt = done(&["erase", "--subject", "Ann@example.com", "--by", "dpo"]);
    assert_eq!((&receipt[0]["by"], &receipt[0]["epochs"][0]["redacted"]), (&json!("dpo"), &json!(1)));
    assert_eq!(done(&["erase", "--receipts"]), receipt);
    let events = stored(&log, 1, 2).await;
    assert!(events.iter().all(|event| !String::from_utf8_lossy(&event.message.payload).contains("ann@")));
}
