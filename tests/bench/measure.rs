//! One case: so many events of such a length, several times, each time with this machine's limits beside it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use salescommand_domain::raw::{InstanceName, raw_stream, raw_subject_filter};
use salescommand_eventlog::{EventLog as _, StreamSpec};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_normalizer::NormalizerPosition;
use salescommand_projector::{ProjectionPosition, consumer_name, projections};
use salescommand_store::{CollectionSpec, Documents as _, normalizer_consumer};
use salescommand_store_mongo::MongoStore;
use salescommand_tests::load::{Load, RawEvent, outgoing};
use salescommand_tests::mongo::{Mongo, Settings};
use salescommand_tests::nats::Nats;

use crate::limits;
use crate::pipeline;
use crate::record::{Tape, ends};

/// Between two looks at the positions.
const LOOK: Duration = Duration::from_millis(10);
/// Without any progress for this long, something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most changes that are measured: they take long, and what counts is how many documents there are.
const MOST_CHANGES: u64 = 100_000;
/// Events published at once.
const PAGE: usize = 2_000;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// How many new records there are.
    pub events: u64,
    /// About how long each is.
    pub bytes: usize,
    /// How often; medians are shown.
    pub runs: usize,
}

impl Case {
    fn changes(&self) -> u64 {
        self.events.min(MOST_CHANGES)
    }
}

/// One pass over events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pass {
    /// How many.
    pub events: u64,
    /// Until everything was canonical.
    pub canonical: Duration,
    /// Until everything was in every projection.
    pub serving: Duration,
    /// Reading the raw events alone.
    pub fetch: Duration,
    /// Writing the same documents alone, in the same transactions.
    pub transactions: Duration,
    /// Writing them guarded by a sequence instead.
    pub guarded: Duration,
    /// The pipeline's largest resident set so far, in KiB.
    pub peak: u64,
    /// Transactions of the normalizer, and of the projection that made most.
    pub commits: (i64, i64),
}

/// The runs of a case.
pub struct Measured {
    /// Average length of the raw events.
    pub bytes: u64,
    /// A back-fill into empty collections, run by run: what a replay does.
    pub replay: Vec<Pass>,
    /// Changes of deals that exist.
    pub live: Vec<Pass>,
}

/// Servers of the benchmark.
pub struct Servers {
    brokers: [Broker; 2],
    mongo: Mongo,
    generation: u32,
}

/// A broker of its own for the run that is timed, and one for the run that is recorded.
struct Broker {
    nats: Nats,
    log: NatsLog,
}

impl Broker {
    async fn start() -> Self {
        let nats = Nats::start().unwrap();
        let connect_within = Duration::from_secs(10);
        let options = NatsOptions { url: nats.url(), name: "bench".into(), connect_within };
        let log = NatsLog::connect(options).await.unwrap();
        Self { nats, log }
    }

    /// The pipeline reads every raw log there is: the last run's goes.
    async fn clear(&self) {
        let (address, user, password) = self.nats.platform();
        let options = async_nats::ConnectOptions::with_user_and_password(user, password);
        let client = options.connect(address).await.unwrap();
        let jetstream = async_nats::jetstream::new(client);
        for stream in self.log.streams("").await.unwrap() {
            jetstream.delete_stream(&stream.name).await.unwrap();
        }
    }
}

impl Servers {
    /// Starts them.
    pub async fn start() -> Self {
        let settings = Settings { cache_mib: 2_048, transaction_seconds: 60 };
        let mongo = Mongo::start_with(settings).await.unwrap();
        Self { brokers: [Broker::start().await, Broker::start().await], mongo, generation: 0 }
    }

    /// Measures a case.
    pub async fn measure(&mut self, case: Case) -> Measured {
        let mut measured = Measured { bytes: 0, replay: Vec::new(), live: Vec::new() };
        for _ in 0..case.runs {
            self.generation += 1;
            let mut passes = [Pass::default(); 2];
            let tape = tempfile::tempdir().unwrap();
            measured.bytes = self.timed(case, &mut passes).await;
            // What was measured is said at once: the limits of a large case take as long again.
            for (name, pass) in ["replay", "live"].iter().zip(&passes) {
                let (canonical, serving) = (pass.canonical.as_secs_f64(), pass.serving.as_secs_f64());
                eprintln!(
                    "{} x {} B, {name}: canonical after {canonical:.1} s, serving after {serving:.1} s, {} MiB",
                    pass.events,
                    measured.bytes,
                    pass.peak / 1_024
                );
            }
            self.forget("timed").await;
            let boundary = self.taped(case, tape.path()).await;
            self.forget("taped").await;
            self.limits(tape.path(), &boundary, &mut passes).await;
            measured.replay.push(passes[0]);
            measured.live.push(passes[1]);
            for name in ["transactions", "guarded"] {
                self.forget(name).await;
            }
        }
        measured
    }

    async fn timed(&self, case: Case, passes: &mut [Pass; 2]) -> u64 {
        let mut run = Run::start(self, &self.brokers[0], case).await;
        run.back_fill().await;
        let stream = raw_stream(&run.instance, 1);
        let status = run.broker.log.stream(&stream).await.unwrap().unwrap();
        let mut process = Process::start(&run, "timed", None).await;
        let mut before = (0, 0);
        for (index, pass) in passes.iter_mut().enumerate() {
            pass.events = if index == 0 { case.events } else { case.changes() };
            pass.fetch = limits::fetch(&run.broker.log, &stream, pass.events).await;
            let begun = Instant::now();
            process.begin();
            if index == 1 {
                run.publish_many(case.changes(), Load::changes).await;
            }
            (pass.canonical, pass.serving) = process.finished(&run, begun).await;
            pass.peak = process.peak();
            let commits = process.commits().await;
            pass.commits = (commits.0 - before.0, commits.1 - before.1);
            before = commits;
        }
        status.bytes / status.messages
    }

    /// The same again, recorded: what it wrote is the measure of the limit. Gives where each pass ends.
    async fn taped(&self, case: Case, tape: &Path) -> [BTreeMap<String, u64>; 2] {
        let mut run = Run::start(self, &self.brokers[1], case).await;
        run.back_fill().await;
        let mut process = Process::start(&run, "taped", Some(tape)).await;
        process.begin();
        process.finished(&run, Instant::now()).await;
        let back_fill = ends(tape);
        run.publish_many(case.changes(), Load::changes).await;
        process.finished(&run, Instant::now()).await;
        [back_fill, ends(tape)]
    }

    async fn limits(&self, tape: &Path, boundary: &[BTreeMap<String, u64>; 2], passes: &mut [Pass; 2]) {
        let names = ["transactions", "guarded"].map(|name| self.database(name));
        let uri = self.uri();
        let stores = [
            MongoStore::connect(&uri, &names[0]).await.unwrap(),
            MongoStore::connect(&uri, &names[1]).await.unwrap(),
        ];
        for store in &stores {
            store.ensure(&self.collections()).await.unwrap();
        }
        let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
        let guarded = client.database(&names[1]);
        let up_to = |tapes: &mut [Tape], index: usize| {
            for tape in tapes {
                let before = index.checked_sub(1).and_then(|before| boundary[before].get(tape.consumer()));
                tape.up_to(&boundary[index], before.copied().unwrap_or(0));
            }
        };
        let mut tapes = Tape::all(tape);
        for (index, pass) in passes.iter_mut().enumerate() {
            up_to(&mut tapes, index);
            (pass.transactions, tapes) = limits::transactions(&stores[0], tapes).await;
        }
        let mut tapes = Tape::all(tape);
        for (index, pass) in passes.iter_mut().enumerate() {
            up_to(&mut tapes, index);
            (pass.guarded, tapes) = limits::guarded(&guarded, tapes).await;
        }
    }

    /// Drops a database whose time is over, and gives its disk back before anything else is measured: a large case
    /// would not fit four times.
    async fn forget(&self, name: &str) {
        let client = mongodb::Client::with_uri_str(self.uri()).await.unwrap();
        client.database(&self.database(name)).drop().await.unwrap();
        // Files of what is dropped go with a checkpoint.
        client.database("admin").run_command(bson::doc! { "fsync": 1 }).await.unwrap();
    }

    fn collections(&self) -> Vec<CollectionSpec> {
        let mut all = salescommand_normalizer::specs(self.generation);
        for projection in projections() {
            all.extend(projection.collections(self.generation));
        }
        all
    }

    fn database(&self, name: &str) -> String {
        format!("bench_{name}_{}", self.generation)
    }

    fn uri(&self) -> String {
        format!("{}?directConnection=true", self.mongo.uri())
    }
}

/// One run on one broker, with an empty raw log.
struct Run<'a> {
    servers: &'a Servers,
    broker: &'a Broker,
    case: Case,
    instance: InstanceName,
    load: Load,
    published: u64,
}

impl<'a> Run<'a> {
    async fn start(servers: &'a Servers, broker: &'a Broker, case: Case) -> Self {
        broker.clear().await;
        let instance = InstanceName::new("odoo").unwrap();
        let spec = StreamSpec {
            name: raw_stream(&instance, 1),
            subjects: vec![raw_subject_filter(&instance)],
            immutable: true,
            max_bytes: None,
            duplicate_window: Duration::from_secs(10),
        };
        broker.log.ensure_stream(&spec).await.unwrap();
        Self { servers, broker, case, instance, load: Load::new(42, case.bytes), published: 0 }
    }

    async fn back_fill(&mut self) {
        let reference = self.load.reference();
        self.publish(&reference).await;
        self.publish_many(self.case.events - reference.len() as u64, Load::backfill).await;
    }

    /// Publishes so many events, without holding all in memory.
    async fn publish_many(&mut self, count: u64, make: fn(&mut Load, usize) -> Vec<RawEvent>) {
        let mut left = count as usize;
        while left > 0 {
            let page = left.min(PAGE);
            let events = make(&mut self.load, page);
            self.publish(&events).await;
            left -= page;
        }
    }

    async fn publish(&mut self, events: &[RawEvent]) {
        let stream = raw_stream(&self.instance, 1);
        for page in events.chunks(PAGE) {
            let mut messages = Vec::with_capacity(page.len());
            for event in page {
                self.published += 1;
                messages.push(outgoing(&self.instance, self.published, event).unwrap());
            }
            // A broker that is busy beyond its answer's time is asked again, as connectors do: ids keep each message single.
            let mut attempts = 0;
            while let Err(error) = self.broker.log.publish(&stream, messages.clone()).await {
                attempts += 1;
                assert!(error.is_transient() && attempts < 10, "{error}");
            }
        }
    }
}

/// The pipeline's process. Killed when dropped.
struct Process {
    child: Child,
    input: ChildStdin,
    store: MongoStore,
    generation: u32,
    waits: bool,
}

impl Process {
    async fn start(run: &Run<'_>, name: &str, record: Option<&Path>) -> Self {
        let (servers, database) = (run.servers, run.servers.database(name));
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .env(pipeline::CHILD, servers.generation.to_string())
            .env(pipeline::NATS, run.broker.nats.url())
            .env(pipeline::MONGO, servers.uri())
            .env(pipeline::DATABASE, &database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(folder) = record {
            command.env(pipeline::RECORD, folder);
        }
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut ready = String::new();
        BufReader::new(output).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "the pipeline did not start");
        let store = MongoStore::connect(&servers.uri(), &database).await.unwrap();
        Self { child, input, store, generation: servers.generation, waits: true }
    }

    /// Lets it begin, if it has not begun.
    fn begin(&mut self) {
        // A second line would end it.
        if std::mem::take(&mut self.waits) {
            self.input.write_all(b"go\n").unwrap();
        }
    }

    /// Waits until everything published is canonical, then until it is in every projection; how long each took.
    async fn finished(&self, run: &Run<'_>, begun: Instant) -> (Duration, Duration) {
        let mut canonical = None;
        let (mut seen, mut moved) = (0, Instant::now());
        loop {
            let (normalized, outbox, projected) = self.positions(run).await;
            if canonical.is_none() && normalized == run.published {
                canonical = Some(begun.elapsed());
            }
            if let Some(canonical) = canonical
                && projected == outbox
            {
                return (canonical, begun.elapsed());
            }
            if seen != normalized as i64 + projected {
                (seen, moved) = (normalized as i64 + projected, Instant::now());
            }
            assert!(
                moved.elapsed() < PATIENCE,
                "no progress: {normalized} raw events, {projected} projected"
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Raw events that are in, canonical events made, canonical events that are in every projection.
    async fn positions(&self, run: &Run<'_>) -> (u64, i64, i64) {
        let stored = self.store.position(&normalizer_consumer(self.generation)).await.unwrap();
        let position = stored.map(|stored| NormalizerPosition::decode(&stored.position).unwrap());
        let position = position.unwrap_or_default();
        let mut least = i64::MAX;
        for projection in projections() {
            let name = consumer_name(projection.name(), self.generation);
            let stored = self.store.position(&name).await.unwrap();
            let at = stored.map(|stored| ProjectionPosition::decode(&stored.position).unwrap().sequence);
            least = least.min(at.unwrap_or(0));
        }
        (position.of(&run.instance).sequence, position.outbox, least)
    }

    /// Transactions so far: of the normalizer, and of the projection that made most.
    async fn commits(&self) -> (i64, i64) {
        let normalizer = self.store.position(&normalizer_consumer(self.generation)).await.unwrap();
        let mut most = 0;
        for projection in projections() {
            let stored =
                self.store.position(&consumer_name(projection.name(), self.generation)).await.unwrap();
            most = most.max(stored.map_or(0, |stored| stored.revision));
        }
        (normalizer.map_or(0, |stored| stored.revision), most)
    }

    /// Its largest resident set so far, in KiB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
