//! Tests of the driver over the twin, with a source that does as it is told.

mod alerts;
mod amend;
mod changes;
mod crashes;
mod cursors;
mod epochs;
mod hints;
mod logs;
mod runs;
mod schedules;
mod schemas;
mod sweeps;
mod worker;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use salescommand_connectors::{
    Census, Check, Connected, Extent, FieldSchema, Incremental, Merged, ObjectPlan, Page, Record, Source,
    SourceError, Sweep,
};
use salescommand_domain::Timestamp;
use salescommand_domain::raw::{Envelope, InstanceName, ObjectName, Operation, Payload};
use salescommand_domain::schedule::Selection;
use salescommand_epochs::Chain;
use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{BatchLimit, EventLog as _};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Clock, Demands, Error, Ids, Options, Ports, RunReport, RunRequest, Trigger, run_once};

/// A clock that stands still until it is moved.
#[derive(Default)]
struct HandClock(Mutex<Timestamp>);

impl HandClock {
    fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Ids in a row, and no jitter.
#[derive(Default)]
struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }

    fn fraction(&self) -> f64 {
        0.5
    }
}

/// A log, its ports and a source.
struct Bench {
    log: MemoryLog,
    clock: Arc<HandClock>,
    ports: Ports,
    source: Scripted,
}

impl Bench {
    fn new() -> Self {
        let log = MemoryLog::new();
        let clock = Arc::new(HandClock::default());
        let (shared, ids) = (Arc::new(log.clone()), Arc::new(CountedIds::default()));
        let ports = Ports { log: shared.clone(), kv: shared, clock: clock.clone(), ids };
        Self { log, clock, ports, source: Scripted::default() }
    }

    async fn run(&self, run_id: u128) -> Result<RunReport, Error> {
        let source = Box::new(self.source.clone());
        run_once(&self.ports, &request(run_id), source, Options::default(), &CancellationToken::new()).await
    }

    /// Every event of every epoch that is there, in order.
    async fn events(&self) -> Vec<Envelope> {
        let limit = BatchLimit { messages: 100_000, bytes: 1 << 30, wait: Duration::ZERO };
        let mut events = Vec::new();
        for epoch in Chain::load(&self.log, &instance()).await.unwrap().epochs {
            let mut reader = self.log.read_after(&epoch.status.name, 0).await.unwrap();
            for message in reader.next(limit).await.unwrap() {
                events.push(Envelope::decode(&message.payload, message.content_type.as_deref()).unwrap());
            }
        }
        events
    }

    /// What the log says of each record now; nothing of those that are gone.
    async fn latest(&self) -> BTreeMap<(String, String), Value> {
        let events = self.events().await.into_iter();
        let mut latest: BTreeMap<_, _> = events.map(|e| ((e.object.to_string(), e.key.clone()), e)).collect();
        latest.retain(|_, event| event.operation == Operation::Upsert);
        latest.into_iter().map(|(record, event)| (record, inline(event.payload))).collect()
    }

    /// What the source says of each record.
    fn expected(&self) -> BTreeMap<(String, String), Value> {
        let state = self.source.state.lock().unwrap();
        let of = |(object, records): (&String, &Vec<Record>)| {
            let record = |r: &Record| ((object.clone(), r.key.clone()), r.payload.clone());
            records.iter().map(record).collect::<Vec<_>>()
        };
        state.objects.iter().flat_map(of).collect()
    }
}

fn inline(payload: Payload) -> Value {
    match payload {
        Payload::Inline(value) => value,
        Payload::Stored(_) => panic!("a stored payload"),
    }
}

fn instance() -> InstanceName {
    InstanceName::new("test").unwrap()
}

fn request(run_id: u128) -> RunRequest {
    RunRequest {
        run_id: Uuid::from_u128(run_id),
        instance: instance(),
        connector: "scripted".to_owned(),
        selection: Selection::all(),
        demands: Demands::default(),
        trigger: Trigger::Manual,
    }
}

fn plan(object: &str) -> ObjectPlan {
    let object = ObjectName::new(object).unwrap();
    ObjectPlan { volatile: &["age"], ..ObjectPlan::new(object) }
}

fn record(key: usize, payload: Value) -> Record {
    Record { key: key.to_string(), source_modified: None, subjects: Vec::new(), payload }
}

type OnPage = Arc<dyn Fn(u64) + Send + Sync>;

/// A source of records in memory, in pages of three; its cursor is the first key that was not read.
#[derive(Clone, Default)]
struct Scripted {
    state: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    objects: BTreeMap<String, Vec<Record>>,
    /// Errors of the next pages.
    errors: Vec<SourceError>,
    /// Pages asked for: object and where they begin.
    asked: Vec<(String, u64)>,
    /// Called with the number of pages asked for before.
    on_page: Option<OnPage>,
    /// Pages that never come, by number.
    hang_at: Option<u64>,
    /// Its clock, and how its changes are read.
    clock: Option<Timestamp>,
    incremental: Option<Incremental>,
    /// When records say that they have changed: object and key.
    changed: BTreeMap<(String, String), Timestamp>,
    /// What its fields are called.
    fields: String,
    /// Its fields with their types, all guarded but those that begin with `x`.
    schema: BTreeMap<String, String>,
    /// What was asked for since the last look.
    extents: Vec<Extent>,
    /// Whether it tells which records are there, and those that may not be read: object and key.
    census: bool,
    hidden: BTreeSet<(String, String)>,
    /// What is gone is looked for only after everything was read.
    swept_seldom: bool,
    /// Ranges of keys that were listed.
    listed: u64,
    /// Which records went into which, whether the source tells, and since when it was asked about what is gone.
    merged: BTreeMap<String, String>,
    merges: bool,
    asked_since: Vec<Option<Timestamp>>,
}

impl Scripted {
    fn put(&self, object: &str, count: usize, version: &str) {
        let records = (0..count).map(|n| record(n, json!({"name": format!("{object} {n}"), "v": version})));
        self.state.lock().unwrap().objects.insert(object.to_owned(), records.collect());
    }

    fn fail(&self, errors: impl IntoIterator<Item = SourceError>) {
        self.state.lock().unwrap().errors.extend(errors);
    }

    fn on_page(&self, act: impl Fn(u64) + Send + Sync + 'static) {
        self.state.lock().unwrap().on_page = Some(Arc::new(act));
    }

    fn hang_at(&self, page: Option<u64>) {
        self.state.lock().unwrap().hang_at = page;
    }

    fn asked(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

fn transient() -> SourceError {
    SourceError::Transient { message: "too slow".into(), retry_after: None }
}

fn permanent(code: &'static str) -> SourceError {
    SourceError::Permanent { code, message: "no".into(), fix: "ask the administrator".into() }
}

#[async_trait]
impl Source for Scripted {
    async fn connect(&mut self) -> Result<Connected, SourceError> {
        tokio::task::yield_now().await;
        let state = self.state.lock().unwrap();
        let (incremental, fields) = (state.incremental, &state.fields);
        let sweep = if state.swept_seldom { Sweep::AfterFullReadings } else { Sweep::AfterEveryReading };
        let field = |(name, kind): (&String, &String)| {
            (name.clone(), FieldSchema { kind: kind.clone(), guarded: !name.starts_with('x') })
        };
        let schema: BTreeMap<_, _> = state.schema.iter().map(field).collect();
        let plan = |object: &String| ObjectPlan {
            incremental,
            fields: fields.clone(),
            schema: schema.clone(),
            sweep,
            merges: state.merges,
            ..plan(object)
        };
        let plans = state.objects.keys().map(plan).collect();
        Ok(Connected { plans, clock: state.clock })
    }

    async fn page(
        &mut self,
        object: &ObjectName,
        extent: Extent,
        from: Option<&Value>,
    ) -> Result<Page, SourceError> {
        tokio::task::yield_now().await;
        let (number, on_page, hangs) = {
            let state = self.state.lock().unwrap();
            let number = state.asked.len() as u64;
            (number, state.on_page.clone(), state.hang_at == Some(number))
        };
        if let Some(act) = on_page {
            act(number);
        }
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut state = self.state.lock().unwrap();
        let start = from.and_then(Value::as_u64).unwrap_or(0);
        state.asked.push((object.to_string(), start));
        state.extents.push(extent);
        if !state.errors.is_empty() {
            return Err(state.errors.remove(0));
        }
        let changed = |record: &Record| state.changed.get(&(object.to_string(), record.key.clone())).copied();
        let asked_for = |record: &&Record| match extent {
            Extent::All => true,
            Extent::ChangedSince(moment) => changed(record).is_some_and(|changed| changed >= moment),
            Extent::ChangedWithin(range) => changed(record).is_some_and(|changed| range.contains(changed)),
        };
        let all: Vec<&Record> = state.readable(object).filter(asked_for).collect();
        let key = |record: &Record| record.key.parse::<u64>().unwrap();
        let behind = all.iter().filter(|record| key(record) >= start);
        let records: Vec<Record> = behind.take(3).map(|record| (*record).clone()).collect();
        let last = records.last().map(key).filter(|last| all.iter().any(|record| key(record) > *last));
        let next = last.map(|last| json!(last + 1));
        Ok(Page { records, next, total: Some(all.len() as u64), calls: 1 })
    }

    fn census(&mut self) -> Option<&mut dyn Census> {
        let census = self.state.lock().unwrap().census;
        census.then_some(self)
    }

    async fn check(&mut self) -> Vec<Check> {
        Vec::new()
    }
}

impl Script {
    /// The records of an object that may be read.
    fn readable(&self, object: &ObjectName) -> impl Iterator<Item = &Record> {
        let may_be_read = |record: &&Record| !self.hidden.contains(&(object.to_string(), record.key.clone()));
        self.objects[object.as_str()].iter().filter(may_be_read)
    }
}

fn number(record: &Record) -> u32 {
    record.key.parse().unwrap()
}

#[async_trait]
impl Census for Scripted {
    async fn count(&mut self, object: &ObjectName, keys: RangeInclusive<u32>) -> Result<u64, SourceError> {
        tokio::task::yield_now().await;
        let state = self.state.lock().unwrap();
        Ok(state.readable(object).filter(|record| keys.contains(&number(record))).count() as u64)
    }

    async fn keys(
        &mut self,
        object: &ObjectName,
        keys: RangeInclusive<u32>,
    ) -> Result<Vec<u32>, SourceError> {
        tokio::task::yield_now().await;
        let mut state = self.state.lock().unwrap();
        state.listed += 1;
        Ok(state.readable(object).map(number).filter(|key| keys.contains(key)).collect())
    }

    async fn existing(&mut self, object: &ObjectName, keys: &[u32]) -> Result<Vec<u32>, SourceError> {
        tokio::task::yield_now().await;
        let state = self.state.lock().unwrap();
        Ok(state.objects[object.as_str()].iter().map(number).filter(|key| keys.contains(key)).collect())
    }

    async fn read(&mut self, object: &ObjectName, keys: &[u32]) -> Result<Vec<Record>, SourceError> {
        tokio::task::yield_now().await;
        let state = self.state.lock().unwrap();
        Ok(state.readable(object).filter(|record| keys.contains(&number(record))).cloned().collect())
    }

    async fn merged(
        &mut self,
        _object: &ObjectName,
        gone: &[Record],
        since: Option<Timestamp>,
    ) -> Result<Vec<Merged>, SourceError> {
        tokio::task::yield_now().await;
        let mut state = self.state.lock().unwrap();
        state.asked_since.push(since);
        assert!(gone.iter().all(|record| record.payload.is_object()), "as they were last read");
        let told = gone.iter().filter_map(|record| {
            let into = state.merged.get(&record.key)?.clone();
            Some(Merged { key: record.key.clone(), into, evidence: "told".to_owned() })
        });
        Ok(told.collect())
    }
}
