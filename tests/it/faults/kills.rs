//! kill -9, twenty times in a run, at moments that a seed decides: of each process and of each server.
//!
//! A moment is a progress that has to be reached and a pause behind it. A kill counts only if there was work left:
//! one that hit nothing fails the test.

use std::collections::BTreeMap;
use std::time::Duration;

use salescommand_connectors::{ObjectPlan, Record};
use salescommand_ingest::{Ports, RawWriter};
use salescommand_odoo_simulator::Seed;
use salescommand_tests::load::{Load, RawEvent, object};
use salescommand_tests::platform::today;
use serde_json::Value;

use super::{BYTES, LOOK, PATIENT_LOOK, Scene, events, seeds};

const KILLS: u64 = 20;
/// Longest pause between a progress and the kill, in microseconds: a few transactions.
const LONGEST_PAUSE: u64 = 60_000;

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Process(&'static str),
    Nats,
    Mongo,
}

/// When.
#[derive(Debug)]
struct Moment {
    progress: u64,
    pause: Duration,
}

impl Scene {
    /// The moments of a run, spread over it; none so late that there may be nothing left to hit.
    fn moments(&mut self, total: u64) -> Vec<Moment> {
        let step = total * 85 / 100 / KILLS;
        let moment = |kill: u64| Moment {
            progress: kill * step + self.random.below(step),
            pause: Duration::from_micros(self.random.below(LONGEST_PAUSE)),
        };
        (0..KILLS).map(moment).collect()
    }

    async fn kill(&mut self, victim: Victim) {
        match victim {
            Victim::Process(name) => {
                self.platform.kill9(name).unwrap();
                self.platform.spawn(name, &[]).unwrap();
            }
            Victim::Nats => self.platform.nats.restart().unwrap(),
            Victim::Mongo => self.platform.mongo.restart().unwrap(),
        }
    }

    /// Kills the victim at every moment; `progress` tells how far it is of `total`.
    async fn kill_often(&mut self, victim: Victim, total: u64, progress: impl AsyncFn(&Self) -> u64) {
        for (kill, moment) in self.moments(total).into_iter().enumerate() {
            self.gets_to(moment.progress, LOOK, &progress).await;
            tokio::time::sleep(moment.pause).await;
            let before = progress(self).await;
            self.kill(victim).await;
            assert!(
                before < total,
                "kill {kill} of {victim:?} at {moment:?} hit nothing: all {total} were done"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_normalizer_is_killed_again_and_again() {
    for seed in seeds() {
        let mut scene = Scene::start(seed).await;
        scene.publish(&Load::new(seed, BYTES).mixed(events() as usize)).await;
        scene.spawn(&["normalizer", "projector"]);
        scene.kill_often(Victim::Process("normalizer"), events(), Scene::normalized).await;
        scene.verify().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_projector_is_killed_again_and_again() {
    for seed in seeds() {
        let mut scene = Scene::start(seed).await;
        scene.publish(&Load::new(seed, BYTES).mixed(events() as usize)).await;
        scene.spawn(&["normalizer"]);
        scene.gets_to(events(), PATIENT_LOOK, Scene::normalized).await;
        let total = scene.normalizer().await.outbox as u64;
        scene.spawn(&["projector"]);
        scene.kill_often(Victim::Process("projector"), total, Scene::projected).await;
        scene.verify().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mongod_is_killed_again_and_again() {
    for seed in seeds() {
        let mut scene = Scene::start(seed).await;
        scene.publish(&Load::new(seed, BYTES).mixed(events() as usize)).await;
        scene.spawn(&["normalizer", "projector"]);
        scene.kill_often(Victim::Mongo, events(), Scene::normalized).await;
        scene.verify().await;
    }
}

/// The broker goes away under everybody who uses it: a writer of raw events, the normalizer's reader, the publisher,
/// the projections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_is_killed_again_and_again() {
    for seed in seeds() {
        let mut scene = Scene::start(seed).await;
        let events = Load::new(seed, BYTES).mixed(events() as usize);
        let total = changing(&events);
        let (ports, instance) =
            (Ports::system(&super::connect(&scene.platform).await), scene.instance.clone());
        scene.spawn(&["normalizer", "projector"]);
        let written = events.clone();
        let writer = tokio::spawn(async move {
            let mut writer = loop {
                if let Ok(writer) = RawWriter::open(&ports, &instance, "odoo", 1).await {
                    break writer;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            for page in written.chunks(100) {
                write(&mut writer, page).await;
            }
        });
        scene.kill_often(Victim::Nats, total, Scene::raw_end).await;
        writer.await.unwrap();
        assert_eq!(scene.raw_end().await, total, "an event was lost, or is there twice");
        scene.verify().await;
    }
}

/// How many of the events change a record: a writer keeps the others to itself.
pub(super) fn changing(events: &[RawEvent]) -> u64 {
    let mut states: BTreeMap<(&str, u64), &Option<Value>> = BTreeMap::new();
    let mut changing = 0;
    for event in events {
        let before = states.insert((event.object, event.key), &event.payload);
        let unchanged = before.map_or(event.payload.is_none(), |before| *before == event.payload);
        changing += u64::from(!unchanged);
    }
    changing
}

/// Events as pages of a source: of one object and one kind, no record twice. A record's events keep their order.
fn pages(events: &[RawEvent]) -> Vec<Vec<&RawEvent>> {
    let mut events: Vec<_> = events.iter().collect();
    events.sort_by_key(|event| event.object);
    let mut pages: Vec<Vec<&RawEvent>> = Vec::new();
    for event in events {
        let fits = |page: &&mut Vec<&RawEvent>| {
            let first = page[0];
            let alike = first.object == event.object && first.payload.is_some() == event.payload.is_some();
            alike && page.iter().all(|other| other.key != event.key)
        };
        match pages.last_mut().filter(fits) {
            Some(page) => page.push(event),
            None => pages.push(vec![event]),
        }
    }
    pages
}

/// Writes some events; what fails because the broker is away or full is done again. Gives how often it failed.
pub(super) async fn write(writer: &mut RawWriter, events: &[RawEvent]) -> u64 {
    let mut failed = 0;
    for events in pages(events) {
        let object = object(events[0]).unwrap();
        let plan = ObjectPlan::new(object);
        let keys: Vec<_> = events.iter().map(|event| event.key.to_string()).collect();
        let record = |event: &&RawEvent| Record {
            key: event.key.to_string(),
            source_modified: None,
            subjects: Vec::new(),
            payload: event.payload.clone().unwrap_or(Value::Null),
        };
        let records: Vec<_> = events.iter().map(record).collect();
        loop {
            let written = match events[0].payload {
                Some(_) => writer.append(&plan, &records).await,
                None => writer.retract(&plan, &keys).await,
            };
            match written {
                Ok(_) => break,
                Err(error) => assert!(error.is_transient(), "{error:#?}"),
            }
            failed += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    failed
}

/// The connector reads a source of its own, page by page, and is killed between and within pages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connector_is_killed_again_and_again() {
    for seed in seeds() {
        let size = events() as usize;
        let company = Seed {
            leads: size * 22 / 100,
            partners: size / 10,
            // Two of five are done, and leave a message as well, some without being there any more.
            activities: size * 46 / 100,
            ..Seed::new(seed, today())
        };
        let mut scene = Scene::with_company(seed, company).await;
        scene.spawn(&["query", "normalizer", "projector"]);
        scene.add_source();
        scene.spawn(&["connect"]);
        scene.kill_often(Victim::Process("connect"), events() * 95 / 100, Scene::raw_end).await;
        scene.synced().await;
        scene.verify().await;
    }
}
