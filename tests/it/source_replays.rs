//! Replays of one source: over the twins with the controller, and with the binary on real servers, where two sources that
//! share people and companies go on while one of them is read again and the normalizer is killed.

use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::Timestamp;
use salescommand_domain::generation::{
    Changed, Command, Erasure, Gate, Reason, Replay, ReplayKind, ReplayState,
};
use salescommand_domain::raw::{
    InstanceName, Position, RawPosition, Vector, parse_raw_stream, raw_stream, raw_subject_filter,
};
use salescommand_eventlog::{EventLog, Outgoing, StreamSpec};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_generations::{Operator, Refusal, Wanted};
use salescommand_normalizer::{NormalizerPosition, RawMessage, TakingOver, consumer_name};
use salescommand_store::Documents;
use salescommand_store_mongo::MongoStore;
use salescommand_tests::load::{Load, outgoing};
use salescommand_tests::platform::{Platform, eventually};
use serde_json::json;

use crate::generations::{World, right, with_odoo, wrong};
use crate::histories::{Step, log_of};
use crate::oracle::{self, Compared};

fn name(name: &str) -> InstanceName {
    InstanceName::new(name).unwrap()
}

fn of(source: &str) -> ReplayKind {
    ReplayKind::Source { source: name(source) }
}

fn raw_spec(instance: &InstanceName) -> StreamSpec {
    StreamSpec {
        name: raw_stream(instance, 1),
        subjects: vec![raw_subject_filter(instance)],
        immutable: true,
        max_bytes: None,
        duplicate_window: Duration::from_secs(10),
    }
}

/// Appends steps to an instance's raw log.
async fn publish(log: &dyn EventLog, instance: &str, steps: &[Step]) {
    let stream = raw_stream(&name(instance), 1);
    log.ensure_stream(&raw_spec(&name(instance))).await.unwrap();
    let held = log.stream(&stream).await.unwrap().unwrap().last_sequence as usize;
    // Only the number of the steps before counts.
    let all = [vec![steps[0].clone(); held], steps.to_vec()].concat();
    let outgoing = |raw: RawMessage| Outgoing {
        message_id: None,
        expected_last_sequence: None,
        content_type: None,
        subject: raw.message.subject,
        payload: raw.message.payload,
    };
    let messages = log_of(instance, &all).split_off(held).into_iter().map(outgoing).collect();
    log.publish(&stream, messages).await.unwrap();
}

fn references() -> Vec<Step> {
    let login = |key: u16| format!("user{key}@example.com");
    let user = |key: u16| json!({"id": key, "name": login(key), "login": login(key), "active": true, "share": false});
    let mut steps = vec![
        Step::upsert("res.currency", 1, json!({"id": 1, "name": "USD", "decimal_places": 2, "active": true})),
        Step::upsert("res.company", 1, json!({"id": 1, "name": "Us", "currency_id": 1})),
        Step::upsert("crm.stage", 1, json!({"id": 1, "name": "New", "sequence": 1, "is_won": false})),
    ];
    steps.extend((1..=20).map(|key| Step::upsert("res.users", key, user(key))));
    steps
}

fn deals(keys: std::ops::RangeInclusive<u16>, amount: f64) -> Vec<Step> {
    let deal = |key: u16| {
        let payload = json!({
            "id": key, "name": format!("Deal {key}"), "type": "opportunity", "active": true, "probability": 50.0,
            "expected_revenue": amount, "company_id": 1, "stage_id": 1, "create_date": "2026-10-01 08:00:00",
            "user_id": key % 20 + 1,
        });
        Step::upsert("crm.lead", key, payload)
    };
    keys.map(deal).collect()
}

/// A deal that goes, one that comes back, one that cannot be read, and one whose reject a later version supersedes.
fn accidents() -> Vec<Step> {
    let gone = |key| Step { payload: None, age: None, ..deals(key..=key, 1.0).remove(0) };
    let broken = |key| Step::upsert("crm.lead", key, json!({"id": key, "probability": "x"}));
    let mut steps = vec![gone(3), gone(4), broken(5), broken(6), gone(60_000)];
    steps.extend(deals(4..=4, 44.0));
    steps.extend(deals(6..=6, 66.0));
    steps
}

/// The ends of the raw logs.
async fn ends(log: &dyn EventLog) -> Vector {
    let mut ends = Vector::new();
    for stream in log.streams("RAW_").await.unwrap() {
        let Some((instance, epoch)) = parse_raw_stream(&stream.name) else { continue };
        ends.insert(instance, Position { epoch, sequence: stream.last_sequence });
    }
    ends
}

/// Waits until what is read has everything; gives its canonical generation.
async fn caught_up(log: &dyn EventLog, store: &dyn Documents) -> u32 {
    let ends = ends(log).await;
    let found = eventually("what is read to catch up", async || {
        let active = store.active().await.ok()??;
        let stored = store.position(&consumer_name(active.canonical)).await.ok()??;
        let position = NormalizerPosition::decode(&stored.position).ok()?;
        let mut all = position.vector == ends;
        for (projection, generation) in &active.serving {
            let name = salescommand_projector::consumer_name(projection, *generation);
            let stored = store.position(&name).await.ok()??;
            all &= stored.position.get_i64("sequence").ok()? == position.outbox;
        }
        all.then_some(active.canonical)
    });
    found.await.unwrap()
}

async fn two_sources() -> World {
    let world = World::start().await;
    for source in ["odoo-a", "odoo-b"] {
        publish(&*world.log, source, &[references(), deals(1..=900, 10.0), accidents()].concat()).await;
    }
    assert_eq!(caught_up(&*world.log, &*world.store).await, 1);
    world
}

#[tokio::test]
async fn one_source_is_read_again_while_all_go_on_and_is_switched_to() {
    let world = two_sources().await;
    let id = world.request(of("odoo-b"), true).await;
    let log = world.log.clone();
    let going_on = tokio::spawn(async move {
        for round in 0..30u16 {
            let source = if round % 2 == 0 { "odoo-a" } else { "odoo-b" };
            publish(&*log, source, &deals(round + 1..=round + 20, f64::from(round))).await;
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    });
    let replay = world.reaches(&id, ReplayState::Switched).await;
    let comparison = replay.comparison.unwrap();
    assert_eq!((comparison.gate(), comparison.differing()), (Gate::Open, 0), "{:?}", comparison.collections);
    assert_eq!((replay.canonical, replay.taken_from), (Some(2), Some(1)));
    going_on.await.unwrap();
    assert_eq!(caught_up(&*world.log, &*world.store).await, 2);
    let verify = world.request(ReplayKind::Verify, false).await;
    let verified = world.reaches(&verify, ReplayState::Verified).await;
    assert_eq!(verified.comparison.unwrap().differing(), 0, "it is what raw says");
    world.end().await;
}

#[tokio::test]
async fn a_replay_of_a_source_survives_crashes_and_a_switch_of_what_it_takes_over() {
    let mut world = two_sources().await;
    let id = world.request(of("odoo-a"), false).await;
    world.crash_as_it_gets_on(&id, 5).await;
    world.reaches(&id, ReplayState::Ready).await;
    oracle::assert_same(&world.of_generation(1), &world.of_generation(2));
    world.registry.command(&id, &Command::Switch { accept: None }, "test").await.unwrap();
    world.reaches(&id, ReplayState::Switched).await;
    // What was taken over is taken over again.
    let again = world.request(of("config"), true).await;
    let failed = world.reaches(&again, ReplayState::Failed).await;
    assert!(failed.error.unwrap().contains("there is no raw log of config"), "nothing was configured");
    let again = world.request(of("odoo-b"), true).await;
    assert_eq!(world.reaches(&again, ReplayState::Switched).await.taken_from, Some(2));
    world.end().await;
}

#[tokio::test]
async fn what_a_cancelled_replay_of_a_source_has_taken_over_goes() {
    let world = two_sources().await;
    let id = world.request(of("odoo-a"), false).await;
    world.registry.command(&id, &Command::Cancel, "test").await.unwrap();
    world.reaches_end(&id).await;
    world.loses(2).await;
    world.end().await;
}

/// Ends the replay that a raised version asks for by itself.
async fn without_a_full_replay(world: &mut World, mappers: salescommand_normalizer::Mappers) {
    world.crash().await;
    *world.program.0.lock().unwrap() = mappers;
    world.spawn();
    let asked = eventually("the full replay to be asked for", async || {
        let replays = world.registry.replays().await.ok()?;
        replays.iter().find(|replay| replay.reason == Reason::NewDefinition).map(|replay| replay.id.clone())
    });
    let id = asked.await.unwrap();
    world.registry.command(&id, &Command::Cancel, "test").await.unwrap();
    let replay = world.reaches_end(&id).await;
    assert_eq!(replay.state, ReplayState::Cancelled, "this test is too slow");
}

#[tokio::test]
async fn a_mapper_that_reads_other_sources_too_must_not_have_changed() {
    let mut world = two_sources().await;
    without_a_full_replay(&mut world, with_odoo(2, right)).await;
    let id = world.request(of("odoo-a"), true).await;
    let failed = world.reaches(&id, ReplayState::Failed).await;
    let error = failed.error.unwrap();
    assert!(error.contains("mapper:odoo") && error.contains("salescommand replay"), "{error}");
    assert!(world.store.dump().into_keys().all(|name| !name.contains("facets_g3")), "nothing was built");
    world.end().await;
}

#[tokio::test]
async fn a_mapper_of_the_source_alone_may_have_changed_and_explains_what_differs() {
    let mut world = World::start().await;
    publish(&*world.log, "odoo-a", &[references(), deals(1..=200, 10.0), accidents()].concat()).await;
    let zone = json!({"time_zone": "Asia/Tokyo", "fiscal_year_start": 1});
    publish(&*world.log, "config", &[Step::upsert("calendar", 0, zone)]).await;
    caught_up(&*world.log, &*world.store).await;
    without_a_full_replay(&mut world, with_odoo(2, wrong)).await;
    let id = world.request(of("odoo-a"), true).await;
    let comparison = world.reaches(&id, ReplayState::Switched).await.comparison.unwrap();
    assert_eq!(comparison.changed_definition, ["mapper:odoo".to_owned()].into());
    assert!(comparison.differing() > 0 && comparison.unexplained() == 0, "{comparison:?}");
    let verify = world.request(ReplayKind::Verify, false).await;
    assert_eq!(world.reaches(&verify, ReplayState::Verified).await.comparison.unwrap().differing(), 0);
    world.end().await;
}

#[tokio::test]
async fn nothing_is_taken_over_from_what_holds_an_erased_person_or_by_an_unknown_name() {
    let world = two_sources().await;
    let operator = Operator::new(world.store.clone(), world.store.clone());
    let wanted = |id: &str, source: &str| Wanted {
        id: id.into(),
        kind: of(source),
        switch: false,
        by: "test".into(),
        at: Timestamp::UNIX_EPOCH,
    };
    let refused = operator.request(wanted("x", "nothing")).await.unwrap_err();
    assert!(matches!(&refused, Refusal::UnknownSource { known, .. } if known == &["odoo-a", "odoo-b"]));
    let unknown = world.request(of("nothing"), false).await;
    let failed = world.reaches(&unknown, ReplayState::Failed).await;
    assert!(failed.error.unwrap().contains("there are: odoo-a, odoo-b"));

    let receipt = uuid::Uuid::from_u128(1).to_string();
    let erasure = Erasure { id: receipt, holds: [1].into(), changed: Changed::default(), revision: 1 };
    world.registry.add_erasure(&erasure).await.unwrap();
    let refused = operator.request(wanted("y", "odoo-a")).await.unwrap_err();
    assert!(matches!(refused, Refusal::Erasing), "{refused}");
    let held = world.request(of("odoo-a"), false).await;
    let failed = world.reaches(&held, ReplayState::Failed).await;
    assert!(failed.error.unwrap().contains("being erased"));
    world.end().await;
}

/// Servers, and raw logs of two sources that share their users.
struct Scene {
    platform: Platform,
    log: NatsLog,
    store: MongoStore,
}

const EVENTS: usize = 2_500;

impl Scene {
    async fn start() -> Self {
        let platform = Platform::start().await.unwrap();
        let connect_within = Duration::from_secs(10);
        let options = NatsOptions { url: platform.nats.url(), name: "source-replay".into(), connect_within };
        let log = NatsLog::connect(options).await.unwrap();
        let store = platform.mongo.store("salescommand").await.unwrap();
        Self { platform, log, store }
    }

    async fn publish(&self, source: &str, load: &[salescommand_tests::load::RawEvent]) {
        let (instance, stream) = (name(source), raw_stream(&name(source), 1));
        self.log.ensure_stream(&raw_spec(&instance)).await.unwrap();
        let first = self.log.stream(&stream).await.unwrap().unwrap().last_sequence;
        let numbered = (first + 1..).zip(load);
        let messages = numbered.map(|(number, event)| outgoing(&instance, number, event).unwrap()).collect();
        self.log.publish(&stream, messages).await.unwrap();
    }

    async fn raw(&self) -> Vec<RawMessage> {
        let mut all = Vec::new();
        for (instance, end) in ends(&self.log).await {
            let stream = raw_stream(&instance, end.epoch);
            for message in oracle::messages(&self.log, &stream).await {
                let position = Position { epoch: end.epoch, sequence: message.sequence };
                all.push(RawMessage { raw: RawPosition { instance: instance.clone(), position }, message });
            }
        }
        all
    }

    /// The documents that are read, under the names of the first generation.
    async fn documents(&self) -> Compared {
        let active = Documents::active(&self.store).await.unwrap().unwrap();
        oracle::stored(&self.store, &active).await
    }

    /// Where a replay stands, and what its generation is taking over, if it has begun.
    async fn taking_over(&self, id: &str) -> (ReplayState, Option<Option<TakingOver>>) {
        let replay = self.replay(id).await.unwrap();
        let there = match replay.canonical {
            Some(canonical) => self.store.position(&consumer_name(canonical)).await.unwrap(),
            None => None,
        };
        let there = there.map(|at| NormalizerPosition::decode(&at.position).unwrap());
        (replay.state, there.map(|at| at.taking_over))
    }

    async fn replay(&self, id: &str) -> Option<Replay> {
        salescommand_store::Registry::new(Arc::new(self.store.clone())).replay(id).await.ok()?
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_reads_one_source_again_over_kills_while_both_go_on() {
    let mut scene = Scene::start().await;
    let mut loads = [Load::new(1, 600), Load::new(2, 600)];
    for (source, load) in ["odoo-a", "odoo-b"].into_iter().zip(&mut loads) {
        scene.publish(source, &load.mixed(EVENTS)).await;
    }
    for process in ["normalizer", "projector"] {
        scene.platform.spawn(process, &[]).unwrap();
    }
    assert_eq!(caught_up(&scene.log, &scene.store).await, 1);
    let refused = scene.platform.run(&["replay", "--source", "nothing"], "").unwrap_err();
    assert!(refused.to_string().contains("known: odoo-a, odoo-b"), "{refused}");
    let usage = scene.platform.run(&["replay", "--source", "No Name"], "").unwrap_err();
    assert!(usage.to_string().contains("must be 1 to 32 of"), "{usage}");

    let asked = ["replay", "--source", "odoo-b", "--switch", "--detach"];
    let id = scene.platform.run_json(&asked).unwrap()[0]["replay"].as_str().unwrap().to_owned();
    let (mut seen, mut last) = (Vec::new(), None);
    for kill in 0..6 {
        for (source, load) in ["odoo-a", "odoo-b"].into_iter().zip(&mut loads) {
            scene.publish(source, &load.changes(100)).await;
        }
        // The first two wherever it is; the others once something has been taken over, each further on than the one before.
        let hit = eventually("more to be taken over", async || {
            let hit = scene.taking_over(&id).await;
            let is_further = hit.1.is_some() && hit.1 != last;
            (kill < 2 || is_further || hit.0.is_final()).then_some(hit)
        });
        let hit = hit.await.unwrap_or_else(|error| panic!("{error}\n{}", scene.platform.log("normalizer")));
        seen.push((hit.0, hit.1.as_ref().map(Option::is_some)));
        last = hit.1;
        scene.platform.kill9("normalizer").unwrap();
        scene.platform.spawn("normalizer", &[]).unwrap();
    }
    println!("killed at {seen:?}");
    assert!(seen.contains(&(ReplayState::Building, Some(true))), "no kill hit the taking over: {seen:?}");
    let switched = eventually("the replay to end", async || {
        let replay = scene.replay(&id).await?;
        replay.state.is_final().then_some(replay)
    });
    let replay =
        switched.await.unwrap_or_else(|error| panic!("{error}\n{}", scene.platform.log("normalizer")));
    assert_eq!(replay.state, ReplayState::Switched, "{:?} {:?}", replay.error, replay.comparison);
    assert_eq!(replay.comparison.unwrap().differing(), 0);
    assert_eq!(caught_up(&scene.log, &scene.store).await, 2);
    let expected = oracle::documents(&[scene.raw().await], false).await;
    assert!(
        expected["canonical_opportunities_g1"].len() > 1_000 && expected["canonical_links_g1"].len() >= 40
    );
    oracle::assert_same(&expected, &scene.documents().await);
    let verified = scene.platform.run_json(&["verify"]).unwrap();
    assert_eq!(verified[0]["differing"], 0);
}
