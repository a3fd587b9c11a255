//! Faults on real servers: processes and servers are killed, stopped, doubled, filled up and set back, and the
//! documents are in the end those of an undisturbed run, byte for byte. The undisturbed run is the oracle's, over the
//! very same raw log.
//!
//! `SALESCOMMAND_FAULT_EVENTS` says how many events a run has (20,000), `SALESCOMMAND_FAULT_SEEDS` with which seeds it
//! is done (`1`; several are separated by commas): the moments of the faults depend on them.

mod backup;
mod full;
mod kills;
mod stops;
mod tenant;

use std::time::{Duration, Instant};

use salescommand_domain::raw::{InstanceName, Position, RawPosition, raw_stream, raw_subject_filter};
use salescommand_eventlog::{BatchLimit, EventLog, Jobs as _, QueueSpec, StreamSpec};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_normalizer::{NormalizerPosition, RawMessage, canonical_stream, consumer_name};
use salescommand_odoo_simulator::Seed;
use salescommand_store::Documents;
use salescommand_store_mongo::MongoStore;
use salescommand_tests::load::{Random, RawEvent, outgoing};
use salescommand_tests::mongo::Settings;
use salescommand_tests::platform::{ODOO_LOGIN, ODOO_PASSWORD, Platform, eventually, today};

use crate::oracle::{self, Compared};
use crate::relay;

const EVENTS_VARIABLE: &str = "SALESCOMMAND_FAULT_EVENTS";
const SEEDS_VARIABLE: &str = "SALESCOMMAND_FAULT_SEEDS";
const EVENTS: u64 = 20_000;
/// How long the brokers of these tests remember message ids.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(10);
/// Between two looks at how far something is, when a moment is to be hit, and when an end is waited for.
const LOOK: Duration = Duration::from_millis(3);
const PATIENT_LOOK: Duration = Duration::from_millis(50);
/// What has not got on for this long stands still. How long all of it takes depends on the events and on the machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Length of a raw event.
const BYTES: usize = 900;
const INSTANCE: &str = "odoo";

/// How many events a run has.
fn events() -> u64 {
    std::env::var(EVENTS_VARIABLE).map_or(EVENTS, |text| text.parse().unwrap())
}

/// The seeds with which each test is done.
fn seeds() -> Vec<u64> {
    let seeds = std::env::var(SEEDS_VARIABLE).unwrap_or_else(|_| "1".to_owned());
    seeds.split(',').map(|seed| seed.trim().parse().unwrap()).collect()
}

/// Servers and processes of one run.
struct Scene {
    platform: Platform,
    log: NatsLog,
    store: MongoStore,
    random: Random,
    instance: InstanceName,
}

impl Scene {
    /// Servers only, with the streams that the processes will find.
    async fn start(seed: u64) -> Self {
        Self::with_room(seed, None, None).await
    }

    /// The same with streams that are no larger than this.
    async fn with_room(seed: u64, raw_bytes: Option<u64>, canonical_bytes: Option<u64>) -> Self {
        let company = Seed { leads: 1, partners: 1, activities: 0, ..Seed::new(seed, today()) };
        let scene = Self::with_servers(seed, company).await;
        scene.make_streams(raw_bytes, canonical_bytes).await;
        scene
    }

    async fn with_company(seed: u64, company: Seed) -> Self {
        let scene = Self::with_servers(seed, company).await;
        scene.make_streams(None, None).await;
        scene
    }

    async fn with_servers(seed: u64, company: Seed) -> Self {
        println!("seed {seed}: {SEEDS_VARIABLE}={seed} does the same again");
        // A killed writer's transaction is given up soon: there are many of them here.
        let settings = Settings { transaction_seconds: 2, ..Settings::default() };
        let platform = Platform::start_with(settings, company).await.unwrap();
        let log = connect(&platform).await;
        let store = platform.mongo.store("salescommand").await.unwrap();
        let instance = InstanceName::new(INSTANCE).unwrap();
        relay::keep_all(&log).await;
        Self { platform, log, store, random: Random::new(seed), instance }
    }

    /// Makes the streams with a short memory for message ids, and no larger than they may be.
    async fn make_streams(&self, raw_bytes: Option<u64>, canonical_bytes: Option<u64>) {
        let spec = |name: String, subject: String, max_bytes| StreamSpec {
            name,
            subjects: vec![subject],
            immutable: true,
            max_bytes,
            duplicate_window: DUPLICATE_WINDOW,
        };
        let raw = spec(raw_stream(&self.instance, 1), raw_subject_filter(&self.instance), raw_bytes);
        let canonical = spec(canonical_stream(1), "canonical.g1.>".to_owned(), canonical_bytes);
        for spec in [raw, canonical] {
            self.log.ensure_stream(&spec).await.unwrap();
        }
        // A job whose worker was killed comes again soon.
        let jobs = QueueSpec {
            name: "JOBS".to_owned(),
            subjects: vec!["jobs.>".to_owned()],
            answer_within: Duration::from_secs(1),
            duplicate_window: DUPLICATE_WINDOW,
        };
        self.log.ensure_queue(&jobs).await.unwrap();
    }

    /// Publishes events at once, as if connectors had long been at work.
    async fn publish(&self, events: &[RawEvent]) {
        let first = self.raw_end().await;
        let messages: Vec<_> = (first + 1..)
            .zip(events)
            .map(|(number, event)| outgoing(&self.instance, number, event).unwrap())
            .collect();
        self.log.publish(&raw_stream(&self.instance, 1), messages).await.unwrap();
    }

    fn spawn(&mut self, names: &[&'static str]) {
        for name in names {
            self.platform.spawn(name, &[]).unwrap();
        }
    }

    /// End of the raw log; 0 while the broker is away.
    async fn raw_end(&self) -> u64 {
        let status = self.log.stream(&raw_stream(&self.instance, 1)).await;
        status.ok().flatten().map_or(0, |status| status.last_sequence)
    }

    async fn normalizer(&self) -> NormalizerPosition {
        let stored = self.store.position(&consumer_name(1)).await.ok().flatten();
        stored.map(|stored| NormalizerPosition::decode(&stored.position).unwrap()).unwrap_or_default()
    }

    /// Canonical events that the database has made, read once it is there again.
    async fn stored_outbox(&self) -> u64 {
        let stored = async || self.store.position(&consumer_name(1)).await.ok()?;
        let stored = eventually("the database to be there", stored).await.unwrap();
        NormalizerPosition::decode(&stored.position).unwrap().outbox as u64
    }

    async fn canonical_end(&self) -> u64 {
        self.log.stream(&canonical_stream(1)).await.unwrap().unwrap().last_sequence
    }

    /// Adds the simulator as a source and asks for a synchronisation.
    fn add_source(&self) {
        let url = self.platform.odoo.url();
        let what = ["source", "add", "--kind", "odoo", "--name", INSTANCE];
        let place = ["--database", "demo", "--login", ODOO_LOGIN, "--url", url.as_str()];
        self.platform.run(&[what.as_slice(), &place].concat(), ODOO_PASSWORD).unwrap();
        self.platform.run(&["sync", "run", INSTANCE], "").unwrap();
    }

    /// Waits until something has come to a goal, for as long as it gets on.
    async fn gets_to(&self, goal: u64, look: Duration, progress: impl AsyncFn(&Self) -> u64) {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            let at = progress(self).await;
            if at >= goal {
                return;
            }
            if at > seen {
                (seen, since) = (at, Instant::now());
            }
            assert!(
                since.elapsed() < PATIENCE,
                "stands still at {at} of {goal}\n{}\n{}",
                self.platform.log("normalizer"),
                self.platform.log("projector")
            );
            tokio::time::sleep(look).await;
        }
    }

    /// Waits until the synchronisation has succeeded.
    async fn synced(&self) {
        let succeeded = async || {
            let runs = self.platform.run_json(&["sync", "status"]).ok()?;
            (runs[0]["state"] == "succeeded").then_some(())
        };
        eventually("the sync to end", succeeded)
            .await
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.platform.log("connect")));
    }

    /// Raw events that are in the canonical documents; 0 while the database is away.
    async fn normalized(&self) -> u64 {
        self.normalizer().await.of(&self.instance).sequence
    }

    /// Canonical events that are in every projection; 0 while the database is away.
    async fn projected(&self) -> u64 {
        let mut least = u64::MAX;
        for projection in salescommand_projector::projections() {
            let name = salescommand_projector::consumer_name(projection.name(), 1);
            let stored = self.store.position(&name).await.ok().flatten();
            let sequence = stored.and_then(|stored| stored.position.get_i64("sequence").ok()).unwrap_or(0);
            least = least.min(sequence as u64);
        }
        least
    }

    /// Waits until everything published is in every document.
    async fn settled(&self) {
        self.gets_to(self.raw_end().await, PATIENT_LOOK, Self::normalized).await;
        // What is left of changed reference data makes events after the last raw one.
        loop {
            let made = self.normalizer().await.outbox as u64;
            // A database that does not answer has made nothing.
            self.gets_to(made.max(1), PATIENT_LOOK, Self::projected).await;
            let position = self.normalizer().await;
            if made > 0 && position.outbox as u64 == made && position.pending.is_empty() {
                return;
            }
            tokio::time::sleep(PATIENT_LOOK).await;
        }
    }

    /// Waits for the end of everything and compares a whole run with an undisturbed one.
    async fn verify(&self) {
        let end = self.raw_end().await;
        assert!(end >= events() * 9 / 10, "{end} raw events only");
        self.compare().await;
    }

    /// Waits for the end of everything and compares with the undisturbed run.
    async fn compare(&self) {
        self.settled().await;
        let raw = self.raw_log().await;
        let expected = oracle::documents(&[raw], false).await;
        assert!(expected["canonical_opportunities_g1"].len() > 500);
        oracle::assert_same(&expected, &self.documents().await);
        relay::level(&self.log, &self.store, 1).await;
        relay::assert_told(&self.log, &self.store, 1).await;
    }

    /// All events of the raw log.
    async fn raw_log(&self) -> Vec<RawMessage> {
        let (stream, end) = (raw_stream(&self.instance, 1), self.raw_end().await);
        let mut reader = self.log.read_after(&stream, 0).await.unwrap();
        let mut messages = Vec::new();
        while (messages.len() as u64) < end {
            let limit = BatchLimit { messages: 1_000, bytes: 8 << 20, wait: Duration::from_millis(250) };
            messages.extend(reader.next(limit).await.unwrap());
        }
        let place = |message: salescommand_eventlog::Message| {
            let position = Position { epoch: 1, sequence: message.sequence };
            RawMessage { raw: RawPosition { instance: self.instance.clone(), position }, message }
        };
        messages.into_iter().map(place).collect()
    }

    /// Every compared document in the database.
    async fn documents(&self) -> Compared {
        oracle::stored(&self.store, &salescommand_projector::initial_active()).await
    }
}

async fn connect(platform: &Platform) -> NatsLog {
    let connect_within = Duration::from_secs(10);
    NatsLog::connect(NatsOptions { url: platform.nats.url(), name: "fault-test".into(), connect_within })
        .await
        .unwrap()
}
