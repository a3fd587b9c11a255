//! A database that was replaced by an older backup, in any state and however often: the events of the lost future
//! are void, what they said is made again from raw, and the documents are in the end those of an undisturbed run.
//!
//! Runs the real normalizer, publisher and projector over the in-memory twins; `faults.rs` does it on real servers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use salescommand_domain::canonical::VoidRange;
use salescommand_domain::raw::InstanceName;
use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{BatchLimit, EventLog as _, Outgoing};
use salescommand_normalizer::{Normalizer, RawMessage, canonical_stream, publish_outbox};
use salescommand_projector::{Projector, projections};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{Documents, Unhurried};
use tokio_util::sync::CancellationToken;

use crate::histories::{log_of, odoo_step};
use crate::oracle::{self, entries};

/// What happens next. Every numbered choice is taken modulo what there is.
#[derive(Debug, Clone)]
enum Deed {
    /// The normalizer takes this many raw events.
    Normalize(usize),
    Publish,
    /// One projection takes this many events, as far as it may.
    Project(usize, usize),
    Backup,
    /// The processes end, an earlier backup is put back, and the projector starts again; the normalizer too, or later.
    Restore(usize, bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (1usize..9).prop_map(Deed::Normalize),
        4 => Just(Deed::Publish),
        6 => (any::<usize>(), 1usize..9).prop_map(|(which, count)| Deed::Project(which, count)),
        2 => Just(Deed::Backup),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, late)| Deed::Restore(which, late)),
    ]
}

/// The pipeline on one broker whose database can be replaced.
struct Pipeline {
    log: MemoryLog,
    raw: Vec<RawMessage>,
    store: MemoryStore,
    backups: Vec<MemoryStore>,
    normalizer: Option<Normalizer>,
    projectors: Vec<Projector>,
}

impl Pipeline {
    async fn start(raw: Vec<RawMessage>) -> Self {
        let (log, store) = (MemoryLog::new(), MemoryStore::new());
        log.ensure_stream(&oracle::canonical_spec()).await.unwrap();
        let backups = vec![store.backup()];
        let mut pipeline = Self { log, raw, store, backups, normalizer: None, projectors: Vec::new() };
        pipeline.start_projector().await;
        pipeline
    }

    async fn start_projector(&mut self) {
        self.projectors.clear();
        for projection in projections() {
            let store: Arc<dyn Documents> = Arc::new(self.store.clone());
            self.projectors.push(Projector::open(store, projection, 1, 1, &Unhurried).await.unwrap());
        }
    }

    /// As the process does it: the stream's end is read before the position.
    async fn normalizer(&mut self) -> &mut Normalizer {
        if self.normalizer.is_none() {
            let store: Arc<dyn Documents> = Arc::new(self.store.clone());
            store.ensure(&salescommand_normalizer::specs(1)).await.unwrap();
            let end = self.log.stream(&canonical_stream(1)).await.unwrap().unwrap().last_sequence;
            let mut normalizer = Normalizer::open(store, oracle::mappers(), 1).await.unwrap();
            normalizer.adopt_stream(&self.log, end).await.unwrap();
            self.normalizer = Some(normalizer);
        }
        self.normalizer.as_mut().unwrap()
    }

    async fn run(&mut self, deed: Deed) {
        match deed {
            Deed::Normalize(count) => {
                let raw = self.raw.clone();
                let normalizer = self.normalizer().await;
                let instance = InstanceName::new("odoo").unwrap();
                let at = normalizer.position().of(&instance).sequence as usize;
                normalizer.apply(&raw[at..(at + count).min(raw.len())]).await.unwrap();
                while normalizer.settle().await.unwrap() {}
            }
            Deed::Publish => {
                // The publisher lives with the normalizer.
                self.normalizer().await;
                publish_outbox(&self.store, &self.log, 1).await.unwrap();
            }
            Deed::Project(which, count) => {
                let which = which % self.projectors.len();
                let projector = &mut self.projectors[which];
                let at = projector.position().sequence as u64;
                let mut reader = self.log.read_after(&canonical_stream(1), at).await.unwrap();
                let limit = BatchLimit { messages: count, bytes: 1 << 20, wait: Duration::ZERO };
                projector.apply(&entries(&reader.next(limit).await.unwrap())).await.unwrap();
            }
            Deed::Backup => self.backups.push(self.store.backup()),
            Deed::Restore(which, late) => {
                self.store = self.backups[which % self.backups.len()].backup();
                self.normalizer = None;
                if !late {
                    self.normalizer().await;
                }
                self.start_projector().await;
            }
        }
    }

    /// Everything to its end.
    async fn finish(mut self) -> oracle::Compared {
        self.run(Deed::Normalize(self.raw.len())).await;
        self.run(Deed::Publish).await;
        let end = self.log.stream(&canonical_stream(1)).await.unwrap().unwrap().last_sequence as i64;
        for which in 0..self.projectors.len() {
            self.run(Deed::Project(which, usize::MAX)).await;
            assert_eq!(self.projectors[which].position().sequence, end, "a projection waits for ever");
        }
        oracle::compared(&self.store)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_older_database_gives_the_documents_of_an_undisturbed_run(
        steps in prop::collection::vec(odoo_step(), 10..60),
        deeds in prop::collection::vec(deed(), 10..60),
    ) {
        let raw = log_of("odoo", &steps);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let found = runtime.block_on(async {
            let mut pipeline = Pipeline::start(raw.clone()).await;
            for deed in deeds {
                pipeline.run(deed).await;
            }
            pipeline.finish().await
        });
        let expected = runtime.block_on(oracle::documents(&[raw], false));
        oracle::assert_same(&expected, &found);
    }
}

fn from_the_future() -> Outgoing {
    Outgoing {
        subject: "canonical.g1.progress.all".into(),
        message_id: None,
        expected_last_sequence: None,
        content_type: None,
        payload: Bytes::from_static(b"from a lost future"),
    }
}

/// The processes themselves: an empty database beside a stream that is not.
#[tokio::test]
async fn the_processes_go_on_behind_a_lost_future() {
    let (log, store) = (Arc::new(MemoryLog::new()), Arc::new(MemoryStore::new()));
    log.ensure_stream(&oracle::canonical_spec()).await.unwrap();
    log.publish("CANONICAL_G1", vec![from_the_future(), from_the_future()]).await.unwrap();
    let stop = CancellationToken::new();
    let setup = salescommand_projector::Setup {
        log: log.clone(),
        store: store.clone(),
        ops: store.clone(),
        pace: Arc::new(Unhurried),
    };
    let projector = tokio::spawn(salescommand_projector::run(setup, stop.clone()));
    let task = salescommand_normalizer::Task {
        log,
        store: store.clone(),
        mappers: oracle::mappers(),
        generation: 1,
        take_over: None,
        pace: Arc::new(Unhurried),
        control: tokio::sync::watch::channel(salescommand_normalizer::Control::Follow).1,
        status: tokio::sync::watch::Sender::default(),
    };
    let normalizer = tokio::spawn(salescommand_normalizer::run(task, stop.clone()));
    salescommand_tests::platform::eventually("the lost events to be passed over", async || {
        let position =
            store.position(&salescommand_projector::consumer_name("directory", 1)).await.ok()??;
        (position.position.get_i64("sequence").ok()? == 2).then_some(())
    })
    .await
    .unwrap();
    stop.cancel();
    projector.await.unwrap().unwrap();
    normalizer.await.unwrap().unwrap();
    let position = store.position(&salescommand_normalizer::consumer_name(1)).await.unwrap().unwrap();
    let position = salescommand_normalizer::NormalizerPosition::decode(&position.position).unwrap();
    assert_eq!((position.outbox, position.void), (2, vec![VoidRange { after: 0, last: 2 }]));
}

/// Another database has published under the numbers that wait here: they are void, and what waits goes behind them.
#[tokio::test]
async fn what_waits_is_numbered_behind_the_events_of_another_database() {
    let (log, store) = (Arc::new(MemoryLog::new()), Arc::new(MemoryStore::new()));
    log.ensure_stream(&oracle::canonical_spec()).await.unwrap();
    let open = async || Normalizer::open(store.clone(), oracle::mappers(), 1).await.unwrap();
    let step = crate::histories::Step { object: "crm.stage", key: 1, payload: None, into: None, age: None };
    open().await.apply(&log_of("odoo", &[step])).await.unwrap();
    log.publish("CANONICAL_G1", vec![from_the_future()]).await.unwrap();
    let mut normalizer = open().await;
    normalizer.adopt_stream(&*log, 1).await.unwrap();
    assert_eq!(normalizer.position().void, [VoidRange { after: 0, last: 1 }]);
    assert_eq!(normalizer.position().outbox, 2);
    assert_eq!(publish_outbox(&*store, &*log, 1).await.unwrap(), 1);
    // Agreed upon once, it stays so.
    let mut normalizer = open().await;
    let before = normalizer.position().clone();
    normalizer.adopt_stream(&*log, 2).await.unwrap();
    assert_eq!(*normalizer.position(), before);
}
