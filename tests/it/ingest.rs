//! The driver on a real NATS server: no record is lost, and none comes twice, when the broker is killed under it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use salescommand_connectors::{Check, Connected, Extent, ObjectPlan, Page, Record, Source, SourceError};
use salescommand_domain::raw::{Envelope, InstanceName, ObjectName, Payload};
use salescommand_domain::schedule::Selection;
use salescommand_eventlog::{BatchLimit, EventLog as _};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{
    Demands, Options, Ports, RawWriter, RunReport, RunRequest, RunState, SyncRequest, Trigger, Worker,
    all_runs, history, request_sync, run_once,
};
use salescommand_tests::nats::Nats;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PAGE: u64 = 100;

/// Records 0 to `records`, a hundred in a page; counts its pages.
#[derive(Clone)]
struct Numbers {
    records: u64,
    pages: Arc<AtomicU64>,
}

#[async_trait::async_trait]
impl Source for Numbers {
    async fn connect(&mut self) -> Result<Connected, SourceError> {
        let object = ObjectName::new("number").map_err(|error| unexpected(&error))?;
        Ok(Connected { plans: vec![ObjectPlan::new(object)], clock: None })
    }

    async fn page(&mut self, _: &ObjectName, _: Extent, from: Option<&Value>) -> Result<Page, SourceError> {
        self.pages.fetch_add(1, Ordering::SeqCst);
        let start = from.and_then(Value::as_u64).unwrap_or(0);
        let end = (start + PAGE).min(self.records);
        let record = |n: u64| Record {
            key: n.to_string(),
            source_modified: None,
            subjects: Vec::new(),
            payload: json!({"n": n, "text": "x".repeat(700)}),
        };
        let next = (end < self.records).then(|| json!(end));
        Ok(Page { records: (start..end).map(record).collect(), next, total: Some(self.records), calls: 1 })
    }

    async fn check(&mut self) -> Vec<Check> {
        Vec::new()
    }
}

fn unexpected(error: &dyn std::fmt::Display) -> SourceError {
    SourceError::Transient { message: error.to_string(), retry_after: None }
}

fn numbers(records: u64) -> Numbers {
    Numbers { records, pages: Arc::default() }
}

async fn connect(nats: &Nats) -> NatsLog {
    let (url, connect_within) = (nats.url(), Duration::from_secs(10));
    NatsLog::connect(NatsOptions { url, name: "test".into(), connect_within }).await.unwrap()
}

async fn run(log: &NatsLog, run_id: u128, source: &Numbers) -> Result<RunReport, salescommand_ingest::Error> {
    let request = RunRequest {
        run_id: Uuid::from_u128(run_id),
        instance: InstanceName::new("odoo").unwrap(),
        connector: "numbers".into(),
        selection: Selection::all(),
        demands: Demands::default(),
        trigger: Trigger::First,
    };
    let stop = CancellationToken::new();
    run_once(&Ports::system(log), &request, Box::new(source.clone()), Options::default(), &stop).await
}

/// The keys in the log, in order.
async fn keys(log: &NatsLog) -> Vec<u64> {
    let last = log.stream("RAW_ODOO_E1").await.unwrap().unwrap().last_sequence;
    let mut reader = log.read_after("RAW_ODOO_E1", 0).await.unwrap();
    let limit = BatchLimit { messages: 1_000, bytes: 4 << 20, wait: Duration::from_secs(10) };
    let mut keys = Vec::new();
    while (keys.len() as u64) < last {
        for message in reader.next(limit).await.unwrap() {
            let envelope = Envelope::decode(&message.payload, message.content_type.as_deref()).unwrap();
            assert_eq!(envelope.subject(), message.subject);
            keys.push(envelope.key.parse().unwrap());
        }
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_under_a_run_costs_nothing() {
    let mut nats = Nats::start().unwrap();
    let log = connect(&nats).await;
    let source = numbers(8_000);
    let running = tokio::spawn({
        let (log, source) = (log.clone(), source.clone());
        async move { run(&log, 1, &source).await }
    });
    for pages in [10, 40] {
        while source.pages.load(Ordering::SeqCst) < pages && !running.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        nats.restart().unwrap();
    }
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.record.run.state, RunState::Succeeded, "{:?}", report.record.run);
    // In a page whose publish was cut off, what was lost is stored behind what was not: any order, each once.
    let keys = keys(&log).await;
    let distinct: BTreeSet<_> = keys.iter().copied().collect();
    assert_eq!((keys.len(), distinct.len(), distinct.last()), (8_000, 8_000, Some(&7_999)));
    let again = run(&log, 2, &source).await.unwrap().record.run;
    assert_eq!((again.state, again.published, again.unchanged), (RunState::Succeeded, 0, 8_000));
}

/// A record changes and changes back, all within a second and so well inside the broker's duplicate window: the third
/// event has the first one's content and must not be taken for it.
#[tokio::test]
async fn there_and_back_within_a_second_ends_where_it_began() {
    let nats = Nats::start().unwrap();
    let log = connect(&nats).await;
    let instance = InstanceName::new("odoo").unwrap();
    let mut writer = RawWriter::open(&Ports::system(&log), &instance, "numbers", 1).await.unwrap();
    let object = ObjectName::new("deal").unwrap();
    let plan = ObjectPlan::new(object);
    let states = ["A", "B", "A", "A", "B", "A"];
    for state in states {
        let payload = json!({"state": state});
        let record = Record { key: "1".into(), source_modified: None, subjects: Vec::new(), payload };
        writer.append(&plan, &[record]).await.unwrap();
    }
    let mut reader = log.read_after("RAW_ODOO_E1", 0).await.unwrap();
    let limit = BatchLimit { messages: 5, bytes: 4 << 20, wait: Duration::from_secs(10) };
    let mut stored = Vec::new();
    while stored.len() < 5 {
        for message in reader.next(limit).await.unwrap() {
            let envelope = Envelope::decode(&message.payload, None).unwrap();
            let Payload::Inline(payload) = envelope.payload else { panic!("a small payload is inline") };
            stored.push(payload["state"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(stored, ["A", "B", "A", "B", "A"], "the unchanged A in the middle is no event");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_runs_what_is_asked_for() {
    let nats = Nats::start().unwrap();
    let log = connect(&nats).await;
    let shared = Arc::new(log.clone());
    let source = numbers(1_500);
    let opened = source.clone();
    let worker = Worker::new(Ports::system(&log), shared.clone(), shared, Options::default())
        .with_opener(move |_, _| Ok(Box::new(opened.clone())));
    let answer =
        json!({"kind": "numbers", "title": "Numbers", "settings": {}, "secret": "s3cret"}).to_string();
    let mut questions =
        salescommand_eventlog::Requests::serve(&log, salescommand_ingest::OPEN_SUBJECT).await.unwrap();
    let serving = tokio::spawn(async move {
        while let Some(question) = futures::StreamExt::next(&mut questions).await {
            question.respond(answer.clone().into()).await.unwrap();
        }
    });
    let stop = CancellationToken::new();
    let working = tokio::spawn({
        let (worker, stop) = (worker.clone(), stop.clone());
        async move { worker.run(stop).await }
    });
    let instance = InstanceName::new("odoo").unwrap();
    let run_id = Uuid::from_u128(7);
    let request = SyncRequest {
        run_id,
        instance: instance.clone(),
        selection: Selection::all(),
        demands: Demands::default(),
        trigger: Trigger::Manual,
    };
    request_sync(&Ports::system(&log), &log, request).await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let runs = all_runs(&log).await.unwrap();
        if runs.first().is_some_and(|record| record.run.state == RunState::Succeeded) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{runs:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = history(&log, Some(&instance), 5).await.unwrap();
    assert_eq!(ended.iter().map(|r| (r.run.run_id, r.run.published)).collect::<Vec<_>>(), [(run_id, 1_500)]);
    stop.cancel();
    working.await.unwrap();
    serving.abort();
}
