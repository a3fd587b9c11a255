//! Property: a generation that takes over from another one, at any moment, page by page, while that one goes on, and reads
//! one source again, ends with the documents of a full replay, byte for byte; whatever crashes on the way.
//!
//! Runs the real normalizer, mappers and projector over the in-memory twins. The store is restless: whenever the new
//! generation looks at the other one, that may take a batch in first, also between two looks at one page.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bson::RawDocumentBuf;
use proptest::prelude::*;
use salescommand_domain::raw::{Envelope, InstanceName, parse_raw_stream, raw_stream, raw_subject_filter};
use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{EventLog, Outgoing, StreamSpec};
use salescommand_normalizer::{
    Mappers, Normalizer, RawMessage, TakeOver, canonical_stream, publish_outbox, specs,
};
use salescommand_projector::{Projector, projections};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{Documents, Error, Layer, Layered, Query, StoredPosition, Unhurried, stored_sums};
use serde_json::json;
use tokio::sync::Mutex;

use crate::histories::{Step, choices, config_step, crm_step, log_of, odoo_step, shuffle};
use crate::oracle::{self, Compared};
use crate::quarantine;

/// The generation that goes on: its writer, what it has before it, and when it takes the next of it.
struct Live {
    normalizer: Normalizer,
    batches: VecDeque<Vec<RawMessage>>,
    moves: VecDeque<bool>,
}

impl Live {
    async fn take(&mut self, batch: &[RawMessage]) {
        while self.normalizer.settle().await.unwrap() {}
        self.normalizer.apply(batch).await.unwrap();
        while self.normalizer.settle().await.unwrap() {}
    }

    async fn may_move(&mut self) {
        if self.moves.pop_front() == Some(true)
            && let Some(batch) = self.batches.pop_front()
        {
            self.take(&batch).await;
        }
    }

    /// Takes what is left in, and then this.
    async fn finish(&mut self, last: &[RawMessage]) {
        for batch in std::mem::take(&mut self.batches) {
            self.take(&batch).await;
        }
        self.take(last).await;
    }
}

/// What goes on whenever the new generation looks at the other one.
struct Restless(Mutex<Live>);

impl Restless {
    async fn looked_at(&self, name: &str) {
        if name.ends_with("_g1") {
            self.0.lock().await.may_move().await;
        }
    }
}

#[async_trait]
impl Layer for Restless {
    async fn get(
        &self,
        inner: &dyn Documents,
        collection: &str,
        ids: &[String],
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        self.looked_at(collection).await;
        inner.get(collection, ids).await
    }

    async fn find(
        &self,
        inner: &dyn Documents,
        collection: &str,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        self.looked_at(collection).await;
        inner.find(collection, query).await
    }

    async fn position(&self, inner: &dyn Documents, consumer: &str) -> Result<Option<StoredPosition>, Error> {
        self.looked_at(consumer).await;
        inner.position(consumer).await
    }
}

/// How the copying goes.
#[derive(Debug, Clone)]
struct Course {
    /// The source that is read again, of those there are.
    source: usize,
    /// After how many batches the copying begins.
    begin: usize,
    /// Records per page.
    page: usize,
    /// Whether the other generation goes on when it is looked at.
    moves: Vec<bool>,
    /// Whether the new generation is opened anew before a step.
    crashes: Vec<bool>,
    /// Before which step both generations go on with the newer program.
    upgrade: usize,
}

fn course() -> impl Strategy<Value = Course> {
    let often = prop_oneof![Just(0.1), Just(0.5), Just(0.9)];
    let moves = often.prop_flat_map(|often| prop::collection::vec(prop::bool::weighted(often), 0..80));
    let crashes = prop::collection::vec(prop::bool::weighted(0.2), 1..20);
    (any::<usize>(), any::<usize>(), 1usize..7, moves, crashes, 0usize..30).prop_map(
        |(source, begin, page, moves, crashes, upgrade)| Course {
            source,
            begin,
            page,
            moves,
            crashes,
            upgrade,
        },
    )
}

/// What is copied, over which raw logs, by whom.
struct Scene {
    log: Arc<MemoryLog>,
    logs: Vec<Vec<RawMessage>>,
    programs: [Mappers; 2],
}

impl Scene {
    async fn open(&self, store: Arc<dyn Documents>, program: usize, generation: u32) -> Normalizer {
        store.ensure(&specs(generation)).await.unwrap();
        let mappers = self.programs[program].clone();
        Normalizer::open(store, mappers, generation).await.unwrap().reading(self.log.clone())
    }

    fn source(&self, course: &Course) -> InstanceName {
        let logs: Vec<_> = self.logs.iter().filter(|log| !log.is_empty()).collect();
        logs[course.source % logs.len()][0].raw.instance.clone()
    }

    /// One generation goes on by the first batches and then takes the last one in; another one takes over from it meanwhile
    /// and ends by the second batches.
    async fn copy(
        &self,
        course: &Course,
        (batches, last): (Vec<Vec<RawMessage>>, &[RawMessage]),
        again: &[Vec<RawMessage>],
    ) -> MemoryStore {
        let inner = MemoryStore::new();
        let mut live = Live {
            normalizer: self.open(Arc::new(inner.clone()), 0, 1).await,
            batches: batches.into(),
            moves: course.moves.clone().into(),
        };
        // It has read something before anything can be taken over.
        for _ in 0..=course.begin % live.batches.len() {
            let batch = live.batches.pop_front().unwrap();
            live.take(&batch).await;
        }
        let store = Arc::new(Layered { inner: Arc::new(inner.clone()), layer: Restless(Mutex::new(live)) });
        let take_over = TakeOver { from: 1, source: self.source(course) };
        let mut program = 0;
        let open = async |program: usize| {
            let mut normalizer = self.open(store.clone(), program, 2).await.taking_over(take_over.clone());
            normalizer.work_by_pages_of(course.page);
            normalizer
        };
        let mut normalizer = open(program).await;
        for (step, crash) in course.crashes.iter().cycle().enumerate() {
            if step == course.upgrade {
                program = 1;
                store.layer.0.lock().await.normalizer = self.open(Arc::new(inner.clone()), program, 1).await;
            }
            if *crash || step == course.upgrade {
                normalizer = open(program).await;
            }
            if !normalizer.settle().await.unwrap() {
                break;
            }
        }
        store.layer.0.lock().await.normalizer = self.open(Arc::new(inner.clone()), 1, 1).await;
        let mut normalizer = open(1).await;
        while normalizer.settle().await.unwrap() {}
        store.layer.0.lock().await.finish(last).await;
        for batch in again {
            normalizer.apply(batch).await.unwrap();
            while normalizer.settle().await.unwrap() {}
        }
        assert_eq!(normalizer.position().taking_over, None, "the tail has an end");
        let there = store.layer.0.lock().await.normalizer.position().clone();
        let here = normalizer.position();
        assert_eq!((&here.vector, &here.tokens), (&there.vector, &there.tokens));
        inner
    }

    /// A full replay.
    async fn replay(&self, batches: &[Vec<RawMessage>]) -> MemoryStore {
        let store = MemoryStore::new();
        let mut normalizer = self.open(Arc::new(store.clone()), 1, 2).await;
        for batch in batches {
            normalizer.apply(batch).await.unwrap();
            while normalizer.settle().await.unwrap() {}
        }
        store
    }
}

/// Projects the second generation from its canonical stream, and gives its documents.
async fn served(store: &MemoryStore) -> Compared {
    let (log, stream) = (MemoryLog::new(), canonical_stream(2));
    log.ensure_stream(&spec(&stream, "canonical.g2.>")).await.unwrap();
    let shared: Arc<dyn Documents> = Arc::new(store.clone());
    publish_outbox(&*shared, &log, 2).await.unwrap();
    let events = oracle::entries(&oracle::messages(&log, &stream).await);
    for projection in projections() {
        let mut projector = Projector::open(shared.clone(), projection, 2, 2, &Unhurried).await.unwrap();
        for portion in events.chunks(50) {
            projector.apply(portion).await.unwrap();
        }
    }
    let mut found = oracle::compared(store);
    found.retain(|name, _| name.ends_with("_g2"));
    found
}

/// The bucket sums say that the generations are equal, as their documents do.
async fn assert_equal_sums(store: &MemoryStore) {
    for (one, two) in specs(1).into_iter().zip(specs(2)).filter(|(spec, _)| spec.compared) {
        let sums = stored_sums(store, &one.name).await.unwrap();
        let unequal = sums.differing(&stored_sums(store, &two.name).await.unwrap());
        assert!(unequal.is_empty(), "{} differs in the buckets {unequal:?}", one.name);
    }
}

fn spec(stream: &str, subjects: &str) -> StreamSpec {
    StreamSpec {
        name: stream.into(),
        subjects: vec![subjects.into()],
        immutable: true,
        max_bytes: None,
        duplicate_window: Duration::from_secs(10),
    }
}

/// Puts a raw log where it belongs, for what is read again.
async fn publish(log: &MemoryLog, messages: &[RawMessage]) {
    let Some(first) = messages.first() else { return };
    let (instance, stream) = (&first.raw.instance, raw_stream(&first.raw.instance, 1));
    assert!(parse_raw_stream(&stream).is_some());
    log.ensure_stream(&spec(&stream, &raw_subject_filter(instance))).await.unwrap();
    let outgoing = |raw: &RawMessage| Outgoing {
        subject: raw.message.subject.clone(),
        message_id: None,
        expected_last_sequence: None,
        content_type: None,
        payload: raw.message.payload.clone(),
    };
    log.publish(&stream, messages.iter().map(outgoing).collect()).await.unwrap();
}

/// Gives the events other run tokens: some are outrun.
fn with_tokens(mut log: Vec<RawMessage>, tokens: &[u8]) -> Vec<RawMessage> {
    for (raw, token) in log.iter_mut().zip(tokens.iter().cycle()) {
        let mut envelope = Envelope::decode(&raw.message.payload, None).unwrap();
        envelope.run_token = (*token).into();
        raw.message.payload = envelope.to_msgpack().unwrap().into();
    }
    log
}

/// Decisions about events of the two sources, of which some are rejected and some are nowhere.
fn decision() -> impl Strategy<Value = Step> {
    (0u16..60, 0u8..4).prop_map(|(about, what)| match what {
        0 => Step { payload: None, ..Step::upsert("quarantine_decision", about, json!(null)) },
        1 => Step::upsert(
            "quarantine_decision",
            about,
            json!({"decision": "waive", "reason": "known", "at": 1}),
        ),
        _ => Step::upsert("quarantine_decision", about, json!({"decision": "retry", "at": what})),
    })
}

/// Two sources that share people and companies, what is configured and decided, and what people edit.
fn logs() -> impl Strategy<Value = Vec<Vec<RawMessage>>> {
    let odoo = || (prop::collection::vec(odoo_step(), 1..40), prop::collection::vec(0u8..4, 1..12));
    let config = prop::collection::vec(prop_oneof![2 => config_step(), 1 => decision()], 0..16);
    (odoo(), odoo(), config, prop::collection::vec(crm_step(), 0..16)).prop_map(|(one, two, config, crm)| {
        let a = with_tokens(log_of("odoo-a", &one.0), &one.1);
        let b = with_tokens(log_of("odoo-b", &two.0), &two.1);
        vec![a, b, log_of("config", &config), log_of("crm", &crm)]
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_taken_over_at_any_moment_and_read_again_is_a_full_replay(
        logs in logs(),
        (before, again, replay) in (choices(), choices(), choices()),
        course in course(),
    ) {
        block_on(async {
            let log = Arc::new(MemoryLog::new());
            for messages in &logs {
                publish(&log, messages).await;
            }
            let batches = |choices: &_| shuffle(&logs, choices);
            let (before, again, replay) = (batches(&before), batches(&again), batches(&replay));
            let programs = [oracle::mappers(), oracle::mappers()];
            let scene = Scene { log, logs, programs };
            let copied = scene.copy(&course, (before, &[]), &again).await;
            assert_equal_sums(&copied).await;
            oracle::assert_same(&served(&scene.replay(&replay).await).await, &served(&copied).await);
        });
    }

    /// A program that knows more may take over from one that knew less, in the midst of it.
    #[test]
    fn rejects_are_taken_over_whatever_is_decided_about_them_meanwhile(
        steps in prop::collection::vec(quarantine::step(), 1..24),
        decisions in prop::collection::vec(quarantine::decision(), 0..8),
        (before, again, replay) in (choices(), choices(), choices()),
        course in course(),
    ) {
        block_on(async {
            let everything = (1..=steps.len() as u64).map(|about| (about, 3));
            let all: Vec<_> = decisions.iter().copied().chain(everything).collect();
            let logs = quarantine::Logs::of(&steps, &all).await;
            let (log, logs) = (Arc::new(logs.log), vec![logs.fake, logs.config]);
            // With the newer program, everything is asked for once more.
            let (early, last) = logs[1].split_at(decisions.len());
            let before = shuffle(&[logs[0].clone(), early.to_vec()], &before);
            let (again, replay) = (shuffle(&logs, &again), shuffle(&logs, &replay));
            let last = last.to_vec();
            let programs = [quarantine::old_program(), quarantine::new_program()];
            let scene = Scene { log, logs, programs };
            let copied = scene.copy(&course, (before, &last), &again).await;
            assert_equal_sums(&copied).await;
            oracle::assert_same(&served(&scene.replay(&replay).await).await, &served(&copied).await);
        });
    }
}
