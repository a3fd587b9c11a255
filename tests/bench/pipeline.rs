//! The pipeline as a process of its own: normalizer, publisher and projector, as the product runs them.
//!
//! Says `ready`, begins when a line comes, ends when its input ends.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use salescommand_connectors::DESCRIPTORS;
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_normalizer::{Mappers, Room};
use salescommand_store::{Active, Documents, Layered, Unhurried};
use salescommand_store_mongo::MongoStore;
use tokio_util::sync::CancellationToken;

use crate::record::Recorder;

/// Tells the program that it is this process; holds the generation.
pub const CHILD: &str = "SALESCOMMAND_BENCH_GENERATION";
/// Address of the broker.
pub const NATS: &str = "SALESCOMMAND_BENCH_NATS";
/// Address of the database.
pub const MONGO: &str = "SALESCOMMAND_BENCH_MONGO";
/// Name of the database.
pub const DATABASE: &str = "SALESCOMMAND_BENCH_DATABASE";
/// Folder in which every transaction is recorded, if it is.
pub const RECORD: &str = "SALESCOMMAND_BENCH_RECORD";

/// The switch of one generation.
pub fn active(generation: u32) -> Active {
    let serving = salescommand_projector::projections();
    let serving = serving.iter().map(|projection| (projection.name().to_owned(), generation)).collect();
    Active { canonical: generation, serving, ..salescommand_projector::initial_active() }
}

fn mappers() -> Mappers {
    let room = |room: &&salescommand_connectors::Descriptor| Room {
        kind: room.kind,
        version: room.version,
        only: None,
        schemas: room.schemas,
        map: room.map,
    };
    Mappers::new(DESCRIPTORS.iter().map(room))
}

/// Runs until the input ends.
pub async fn run() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let generation: u32 = variable(CHILD).parse().unwrap();
    let options =
        NatsOptions { url: variable(NATS), name: "bench".into(), connect_within: Duration::from_secs(10) };
    let log = Arc::new(NatsLog::connect(options).await.unwrap());
    let mongo = MongoStore::connect(&variable(MONGO), &variable(DATABASE)).await.unwrap();
    mongo.ensure_active(&active(generation)).await.unwrap();
    let ops = Arc::new(mongo.clone());
    salescommand_store::Ops::ensure_ops(&*ops).await.unwrap();
    let store: Arc<dyn Documents> = match std::env::var_os(RECORD) {
        Some(folder) => {
            let layer = Recorder::new(PathBuf::from(folder));
            Arc::new(Layered { inner: Arc::new(mongo), layer })
        }
        None => Arc::new(mongo),
    };
    let mut lines = std::io::stdin().lock().lines();
    println!("ready");
    lines.next().unwrap().unwrap();
    let stop = CancellationToken::new();
    let task = salescommand_normalizer::Task {
        log: log.clone(),
        store: store.clone(),
        mappers: mappers(),
        generation,
        take_over: None,
        pace: Arc::new(Unhurried),
        control: tokio::sync::watch::channel(salescommand_normalizer::Control::Follow).1,
        status: tokio::sync::watch::Sender::default(),
    };
    let normalizer = salescommand_normalizer::run(task, stop.clone());
    let pace = Arc::new(Unhurried);
    let setup = salescommand_projector::Setup { log, store, ops, pace };
    let running = [
        tokio::spawn(async move { normalizer.await.unwrap() }),
        tokio::spawn({
            let stop = stop.clone();
            async move { salescommand_projector::run(setup, stop).await.unwrap() }
        }),
    ];
    tokio::task::spawn_blocking(move || std::io::stdin().lock().lines().next()).await.unwrap();
    stop.cancel();
    for task in running {
        task.await.unwrap();
    }
}
