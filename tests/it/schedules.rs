//! Schedules and cancelling on a real NATS server, with a connector's rights.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use salescommand_connectors::{Check, Connected, Extent, ObjectPlan, Page, Record, Source, SourceError};
use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_domain::schedule::{Schedule, Selection};
use salescommand_eventlog::{EventLog as _, Requests as _};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{
    Cancelled, Clock, Demands, OPEN_SUBJECT, OpenQuestion, Options, Ports, Run, RunState, Scheduled,
    Schedules, SyncRequest, Trigger, Worker, all_runs, cancel_run, keep_schedules, request_sync,
};
use salescommand_tests::nats::Nats;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PAGE: u64 = 50;

/// Records 0 to `records`, which may grow.
#[derive(Clone)]
struct Numbers(Arc<AtomicU64>);

#[async_trait::async_trait]
impl Source for Numbers {
    async fn connect(&mut self) -> Result<Connected, SourceError> {
        let object = ObjectName::new("number")
            .map_err(|error| SourceError::Transient { message: error.to_string(), retry_after: None })?;
        Ok(Connected { plans: vec![ObjectPlan::new(object)], clock: None })
    }

    async fn page(&mut self, _: &ObjectName, _: Extent, from: Option<&Value>) -> Result<Page, SourceError> {
        let records = self.0.load(Ordering::SeqCst);
        let start = from.and_then(Value::as_u64).unwrap_or(0);
        let end = (start + PAGE).min(records);
        let record = |n: u64| Record {
            key: n.to_string(),
            source_modified: None,
            subjects: Vec::new(),
            payload: json!({"n": n}),
        };
        let next = (end < records).then(|| json!(end));
        Ok(Page { records: (start..end).map(record).collect(), next, total: None, calls: 1 })
    }

    async fn check(&mut self) -> Vec<Check> {
        Vec::new()
    }
}

/// A clock that stands still until it is moved.
#[derive(Clone)]
struct HandClock(Arc<Mutex<Timestamp>>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Both sources every ten minutes.
struct Both;

#[async_trait::async_trait]
impl Schedules for Both {
    async fn all(&self) -> Result<Vec<Scheduled>, String> {
        let schedule = Schedule { cadence: "10m".parse().unwrap(), objects: BTreeMap::new() };
        let of = |name| Scheduled {
            instance: InstanceName::new(name).unwrap(),
            schedule: schedule.clone(),
            since: Timestamp::UNIX_EPOCH,
        };
        Ok(vec![of("endless"), of("small")])
    }
}

async fn connect(url: String) -> NatsLog {
    let connect_within = Duration::from_secs(10);
    NatsLog::connect(NatsOptions { url, name: "test".into(), connect_within }).await.unwrap()
}

/// The run of a source, once it is as wished.
async fn until(log: &NatsLog, source: &str, wished: impl Fn(&Run) -> bool) -> Run {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let runs = all_runs(log).await.unwrap();
        let run = runs.into_iter().map(|record| record.run).find(|run| run.source.as_str() == source);
        match run {
            Some(run) if wished(&run) => return run,
            run => assert!(Instant::now() < deadline, "{run:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn events(log: &NatsLog, stream: &str) -> u64 {
    log.stream(stream).await.unwrap().unwrap().messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_begins_runs_side_by_side_and_somebody_ends_one() {
    let nats = Nats::start().unwrap();
    let (platform, connector) = (connect(nats.url()).await, connect(nats.connector_url()).await);
    let clock = HandClock(Arc::new(Mutex::new(Timestamp::UNIX_EPOCH)));
    let ports = |log: &NatsLog| Ports { clock: Arc::new(clock.clone()), ..Ports::system(log) };
    let (endless, small) = (Numbers(Arc::new(u64::MAX.into())), Numbers(Arc::new(120.into())));

    let mut questions = platform.serve(OPEN_SUBJECT).await.unwrap();
    tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            let asked: OpenQuestion = serde_json::from_slice(question.payload()).unwrap();
            let answer = json!({"kind": asked.name, "title": "", "settings": {}, "secret": "x"});
            question.respond(answer.to_string().into()).await.unwrap();
        }
    });
    let sources = BTreeMap::from([("endless", endless.clone()), ("small", small)]);
    let shared = Arc::new(connector.clone());
    let worker = Worker::new(ports(&connector), shared.clone(), shared, Options::default())
        .with_opener(move |kind, _| Ok(Box::new(sources[kind].clone())));
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    // The platform makes the streams; a connector may not.
    salescommand_ingest::prepare(&platform, &platform).await.unwrap();
    salescommand_ingest::prepare_queue(&platform).await.unwrap();
    for _ in 0..2 {
        let (worker, until) = (worker.clone(), stop.clone());
        tasks.spawn(async move { worker.run(until).await });
        // And two who look at the clock.
        let jobs = Arc::new(platform.clone());
        tasks.spawn(keep_schedules(ports(&platform), jobs, Arc::new(Both), stop.clone()));
    }

    *clock.0.lock().unwrap() = Timestamp::from_second(600).unwrap();
    let done = until(&platform, "small", |run| run.state == RunState::Succeeded).await;
    assert_eq!((done.trigger, done.published), (Trigger::Schedule, 120));
    let running = until(&platform, "endless", |run| run.read > 100).await;
    assert_eq!(running.state, RunState::Running, "the long one goes on beside it");

    assert_eq!(cancel_run(&ports(&platform), running.run_id).await.unwrap(), Cancelled::Asked);
    let ended = until(&platform, "endless", |run| run.state.is_final()).await;
    assert_eq!((ended.state, ended.run_id), (RunState::Cancelled, running.run_id));
    let published = events(&platform, "RAW_ENDLESS_E1").await;
    assert_eq!(published, ended.published, "its pages were finished");

    endless.0.store(published + 70, Ordering::SeqCst);
    let request = SyncRequest {
        run_id: Uuid::from_u128(9),
        instance: InstanceName::new("endless").unwrap(),
        selection: Selection::all(),
        demands: Demands::default(),
        trigger: Trigger::Cli,
    };
    request_sync(&ports(&platform), &platform, request).await.unwrap();
    let last = until(&platform, "endless", |run| run.state == RunState::Succeeded).await;
    assert_eq!(last.published, 70, "it went on where the other one was cancelled");
    assert_eq!(events(&platform, "RAW_ENDLESS_E1").await, published + 70);
    assert_eq!(events(&platform, "RAW_SMALL_E1").await, 120);
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}
