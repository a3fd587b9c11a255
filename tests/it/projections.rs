//! One projection never holds up another: a slow one is behind alone, one that cannot go on stands still alone.
//!
//! Runs the real normalizer and projector over the in-memory twins.

use std::sync::Arc;

use async_trait::async_trait;
use bson::rawdoc;
use salescommand_eventlog::EventLog as _;
use salescommand_eventlog::memory::MemoryLog;
use salescommand_normalizer::{Normalizer, RawMessage, publish_outbox};
use salescommand_projector::{ProjectionPosition, Setup, consumer_name, projections};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{Batch, Documents, Error, Layer, Layered, Operation, Unhurried, Write};
use salescommand_tests::platform::eventually;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::histories::{Step, log_of};
use crate::oracle;

const SLOW: &str = "dashboard_stats";

/// One consumer's commits wait for a permit each.
struct Slow {
    consumer: String,
    permits: Semaphore,
}

#[async_trait]
impl Layer for Slow {
    async fn commit(&self, inner: &dyn Documents, batch: Batch) -> Result<i64, Error> {
        if batch.consumer == self.consumer {
            self.permits.acquire().await.unwrap().forget();
        }
        inner.commit(batch).await
    }
}

fn deals(count: u16, amount: f64) -> Vec<Step> {
    let deal = |key: u16| {
        let payload = json!({
            "id": key, "name": "Deal", "type": "opportunity", "active": true, "probability": 50.0,
            "expected_revenue": amount, "create_date": "2026-10-01 08:00:00",
        });
        Step::upsert("crm.lead", key, payload)
    };
    (1..=count).map(deal).collect()
}

struct Pipeline {
    log: Arc<MemoryLog>,
    store: MemoryStore,
    normalizer: Normalizer,
}

impl Pipeline {
    async fn start() -> Self {
        let (log, store) = (Arc::new(MemoryLog::new()), MemoryStore::new());
        log.ensure_stream(&oracle::canonical_spec()).await.unwrap();
        let normalizer = Normalizer::open(Arc::new(store.clone()), oracle::mappers(), 1).await.unwrap();
        Self { log, store, normalizer }
    }

    async fn take(&mut self, raw: &[RawMessage]) {
        self.normalizer.apply(raw).await.unwrap();
        publish_outbox(&self.store, &*self.log, 1).await.unwrap();
    }

    async fn at(&self, projection: &str) -> ProjectionPosition {
        let stored = self.store.position(&consumer_name(projection, 1)).await.unwrap();
        stored.map(|stored| ProjectionPosition::decode(&stored.position).unwrap()).unwrap_or_default()
    }

    /// Waits until every projection but the slow one has everything.
    async fn others_are_done(&self) {
        let end = self.normalizer.position().outbox;
        for projection in projections().iter().filter(|projection| projection.name() != SLOW) {
            let done = async || (self.at(projection.name()).await.sequence == end).then_some(());
            eventually("the other projections to have everything", done).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_slow_projection_holds_up_no_other() {
    let mut pipeline = Pipeline::start().await;
    let consumer = consumer_name(SLOW, 1);
    let layer = Slow { consumer, permits: Semaphore::new(0) };
    let slow = Layered { inner: Arc::new(pipeline.store.clone()), layer };
    let (slow, stop) = (Arc::new(slow), CancellationToken::new());
    let ops = Arc::new(pipeline.store.clone());
    let setup = Setup { log: pipeline.log.clone(), store: slow.clone(), ops, pace: Arc::new(Unhurried) };
    let running = tokio::spawn(salescommand_projector::run(setup, stop.clone()));
    let raw = log_of("odoo", &[deals(50, 10.0), deals(50, 20.0)].concat());
    for batch in raw.chunks(10) {
        pipeline.take(batch).await;
        pipeline.others_are_done().await;
        assert_eq!(pipeline.at(SLOW).await.sequence, 0, "the slow one has not committed anything");
    }
    slow.layer.permits.add_permits(1_000);
    let end = pipeline.normalizer.position().outbox;
    let caught_up = async || (pipeline.at(SLOW).await.sequence == end).then_some(());
    eventually("the slow projection to catch up", caught_up).await.unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
    oracle::assert_same(&oracle::documents(&[raw], false).await, &oracle::compared(&pipeline.store));
}

#[tokio::test]
async fn a_projection_that_cannot_go_on_is_parked_alone() {
    let mut pipeline = Pipeline::start().await;
    let raw = log_of("odoo", &[deals(3, 10.0), deals(3, 20.0)].concat());
    pipeline.take(&raw[..3]).await;
    let stop = CancellationToken::new();
    let store = Arc::new(pipeline.store.clone());
    let setup =
        Setup { log: pipeline.log.clone(), store: store.clone(), ops: store, pace: Arc::new(Unhurried) };
    let running = tokio::spawn(salescommand_projector::run(setup, stop.clone()));
    let first = async || (pipeline.at(SLOW).await.sequence > 0).then_some(());
    eventually("the first deals to be in", first).await.unwrap();
    pipeline.others_are_done().await;

    // Somebody damages what the projection keeps of a deal.
    let state = "serving_dashboard_stats_state_g1";
    let damaged = pipeline.store.dump()[state].keys().next().unwrap().clone();
    let write = Write {
        collection: state.to_owned(),
        id: damaged.clone(),
        operation: Operation::Replace(rawdoc! { "_id": damaged, "applied": "what?" }),
    };
    let position = bson::Document::new();
    let batch = Batch { consumer: "vandal".into(), expected_revision: 0, position, writes: vec![write] };
    pipeline.store.commit(batch).await.unwrap();
    let before = pipeline.at(SLOW).await;
    pipeline.take(&raw[3..]).await;
    pipeline.others_are_done().await;
    let parked = async || pipeline.at(SLOW).await.parked.then_some(());
    eventually("the damaged projection to be parked", parked).await.unwrap();
    assert_eq!(pipeline.at(SLOW).await.sequence, before.sequence, "nothing was half done");
    assert!(!running.is_finished(), "the others go on");
    stop.cancel();
    running.await.unwrap().unwrap();
}
