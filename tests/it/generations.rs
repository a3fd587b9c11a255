//! Replays over the twins: equal generations switch, a defect of a mapper keeps the gate shut, a new version explains its
//! differences, and a controller that was killed takes up where it was.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::{FacetBody, Mapped, Mapper, Rejection};
use salescommand_domain::generation::{Command, Definition, Gate, Reason, Replay, ReplayKind, ReplayState};
use salescommand_domain::raw::{Envelope, InstanceName, Position};
use salescommand_epochs::{ArchivedLog, Archives, FolderArchives, NoArchives, archive, delete, seal};
use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{EventLog, Outgoing, StreamSpec};
use salescommand_generations::{Code, Setup};
use salescommand_normalizer::{Mappers, NormalizerPosition, RawMessage, Room};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{Considerate, Documents, Readers, Registry};
use salescommand_tests::platform::eventually;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::histories::{Step, log_of};
use crate::oracle::{self, Compared};

/// A program whose mappers a test changes.
pub struct Program(pub Mutex<Mappers>);

#[async_trait]
impl Code for Program {
    async fn newest(&self) -> Result<Mappers, salescommand_generations::Error> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn of(&self, _definition: &Definition) -> Result<Mappers, salescommand_generations::Error> {
        self.newest().await
    }
}

/// The product's mappers, with another one for Odoo.
pub fn with_odoo(version: u32, map: Mapper) -> Mappers {
    Mappers::new(salescommand_connectors::DESCRIPTORS.iter().map(|room| {
        let own = room.kind == "odoo";
        Room {
            kind: room.kind,
            version: if own { version } else { room.version },
            only: room.open.is_none().then_some(room.kind),
            schemas: room.schemas,
            map: if own { map } else { room.map },
        }
    }))
}

pub fn right(envelope: &Envelope) -> Result<Option<Mapped>, Rejection> {
    (salescommand_connectors::descriptor("odoo").unwrap().map)(envelope)
}

/// Gets one deal's amount wrong by a cent.
pub fn wrong(envelope: &Envelope) -> Result<Option<Mapped>, Rejection> {
    let mut mapped = right(envelope)?;
    if let Some(Mapped { body: FacetBody::Opportunity(deal), .. }) = &mut mapped
        && envelope.key == "7"
        && let Some(amount) = &mut deal.amount
    {
        amount.value += "0.01".parse::<rust_decimal::Decimal>().unwrap();
    }
    Ok(mapped)
}

/// As if a little were read: pieces of work are small, and nobody rests.
struct SomeReaders;

#[async_trait]
impl Readers for SomeReaders {
    async fn rate(&self) -> Option<f64> {
        Some(5.0)
    }
}

/// Normalizers, replays and projections over twins.
pub struct World {
    pub log: Arc<MemoryLog>,
    pub store: Arc<MemoryStore>,
    pub program: Arc<Program>,
    pub registry: Registry,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    pub published: usize,
    archives: Arc<dyn Archives>,
}

impl World {
    pub async fn start() -> Self {
        Self::start_over(Arc::new(NoArchives)).await
    }

    /// With epochs that only their archives hold.
    pub async fn start_over(archives: Arc<dyn Archives>) -> Self {
        let store = Arc::new(MemoryStore::new());
        let mut world = Self {
            log: Arc::new(MemoryLog::new()),
            registry: Registry::new(store.clone()),
            store,
            program: Arc::new(Program(Mutex::new(with_odoo(1, right)))),
            stop: CancellationToken::new(),
            tasks: Vec::new(),
            published: 0,
            archives,
        };
        world.spawn();
        world
    }

    pub fn spawn(&mut self) {
        self.stop = CancellationToken::new();
        let pace = Arc::new(Considerate::new(Arc::new(SomeReaders)));
        let setup = Setup {
            log: Arc::new(ArchivedLog::new(self.log.clone(), self.archives.clone())),
            administration: self.log.clone(),
            store: self.store.clone(),
            ops: self.store.clone(),
            code: self.program.clone(),
            pace: pace.clone(),
            now: || Timestamp::UNIX_EPOCH,
            verify_every: None,
        };
        let (store, log) = (self.store.clone(), self.log.clone());
        let projector =
            salescommand_projector::Setup { log, store: store.clone(), ops: store, pace: pace.clone() };
        let (one, other, third) = (self.stop.clone(), self.stop.clone(), self.stop.clone());
        self.tasks = vec![
            tokio::spawn(async move { salescommand_generations::run(setup, one).await.unwrap() }),
            tokio::spawn(async move { salescommand_projector::run(projector, other).await.unwrap() }),
            tokio::spawn(async move { third.run_until_cancelled(pace.watch()).await.unwrap_or_default() }),
        ];
    }

    /// Ends everything at once, as a crash would: nothing is waited for.
    pub async fn crash(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            let _aborted = task.await;
        }
        // What the controller had started ends when its token does.
        self.stop.cancel();
    }

    async fn publish(&mut self, steps: &[Step]) {
        let mut all = vec![json_free(); self.published];
        all.extend_from_slice(steps);
        let messages: Vec<RawMessage> = log_of("odoo", &all).split_off(self.published);
        self.published += steps.len();
        let spec = StreamSpec {
            name: "RAW_ODOO_E1".into(),
            subjects: vec!["raw.odoo.>".into()],
            immutable: true,
            max_bytes: None,
            duplicate_window: Duration::from_secs(10),
        };
        self.log.ensure_stream(&spec).await.unwrap();
        let outgoing = |raw: RawMessage| Outgoing {
            message_id: None,
            expected_last_sequence: None,
            content_type: None,
            subject: raw.message.subject,
            payload: raw.message.payload,
        };
        self.log.publish("RAW_ODOO_E1", messages.into_iter().map(outgoing).collect()).await.unwrap();
    }

    /// Waits until a canonical generation and the serving generations read from it have everything.
    pub async fn caught_up(&self) {
        let end = Position { epoch: 1, sequence: self.published as u64 };
        eventually("the active generations to catch up", async || {
            let active = Documents::active(&*self.store).await.ok()??;
            let name = salescommand_normalizer::consumer_name(active.canonical);
            let stored = self.store.position(&name).await.ok()??;
            let position = NormalizerPosition::decode(&stored.position).ok()?;
            let mut all = position.vector.values().any(|at| *at == end);
            for (projection, generation) in &active.serving {
                let name = salescommand_projector::consumer_name(projection, *generation);
                let stored = self.store.position(&name).await.ok()??;
                all &= stored.position.get_i64("sequence").ok()? == position.outbox;
            }
            all.then_some(())
        })
        .await
        .unwrap();
    }

    pub async fn request(&self, kind: ReplayKind, switch: bool) -> String {
        let id = format!("r{}", self.registry.replays().await.unwrap().len());
        let replay = Replay::requested(
            id.clone(),
            kind,
            Reason::Requested,
            "test".into(),
            switch,
            Timestamp::UNIX_EPOCH,
        );
        assert!(self.registry.request(&replay).await.unwrap());
        id
    }

    pub async fn reaches(&self, id: &str, state: ReplayState) -> Replay {
        let found = eventually("the replay to get there", async || {
            let replay = self.registry.replay(id).await.ok()??;
            let done = replay.state == state && replay.command.is_none() || replay.state.is_final();
            done.then_some(replay)
        });
        let replay = found.await.unwrap();
        assert_eq!(replay.state, state, "{:?}", replay.error);
        replay
    }

    /// Waits until nothing is left of a generation: no document and no stream.
    pub async fn loses(&self, generation: u32) {
        let (suffix, stream) =
            (format!("_g{generation}"), salescommand_normalizer::canonical_stream(generation));
        let gone = eventually("what was built to be dropped", async || {
            let left = self.store.dump().into_keys().any(|name| name.ends_with(suffix.as_str()));
            let stream = self.log.stream(&stream).await.ok()?.is_some();
            (!left && !stream).then_some(())
        });
        gone.await.unwrap();
    }

    /// Waits until a replay is over, however it ended.
    pub async fn reaches_end(&self, id: &str) -> Replay {
        let found = eventually("the replay to end", async || {
            let replay = self.registry.replay(id).await.ok()??;
            replay.state.is_final().then_some(replay)
        });
        found.await.unwrap()
    }

    /// Crashes whenever the replay has got on since the last crash, so many times at most.
    pub async fn crash_as_it_gets_on(&mut self, id: &str, times: usize) {
        for _ in 0..times {
            let seen = self.registry.replay(id).await.unwrap().unwrap();
            if seen.state.is_final() {
                return;
            }
            eventually("the replay to get on", async || {
                let replay = self.registry.replay(id).await.ok()??;
                (replay.revision > seen.revision).then_some(())
            })
            .await
            .unwrap();
            self.crash().await;
            self.spawn();
        }
    }

    /// The compared documents of one generation, under the names of the first.
    pub fn of_generation(&self, generation: u32) -> Compared {
        let ending = format!("_g{generation}");
        let own = oracle::compared(&self.store)
            .into_iter()
            .filter_map(|(name, documents)| Some((format!("{}_g1", name.strip_suffix(&ending)?), documents)));
        own.collect()
    }

    pub async fn end(mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            task.await.unwrap();
        }
    }
}

/// Stands for steps that were published before; only their number counts.
fn json_free() -> Step {
    Step::upsert("crm.lead", 1, json!({}))
}

fn deals(keys: std::ops::RangeInclusive<u16>, amount: f64) -> Vec<Step> {
    let deal = |key: u16| {
        let payload = json!({
            "id": key, "name": format!("Deal {key}"), "type": "opportunity", "active": true, "probability": 50.0,
            "expected_revenue": amount, "company_id": 1, "stage_id": 1, "create_date": "2026-10-01 08:00:00",
        });
        Step::upsert("crm.lead", key, payload)
    };
    keys.map(deal).collect()
}

fn references() -> Vec<Step> {
    vec![
        Step::upsert("res.currency", 1, json!({"id": 1, "name": "USD", "decimal_places": 2, "active": true})),
        Step::upsert("res.company", 1, json!({"id": 1, "name": "Us", "currency_id": 1})),
        Step::upsert("crm.stage", 1, json!({"id": 1, "name": "New", "sequence": 1, "is_won": false})),
    ]
}

#[tokio::test]
async fn an_equal_generation_is_switched_to_and_back_and_stays_fresh() {
    let mut world = World::start().await;
    world.publish(&[references(), deals(1..=300, 10.0), deals(1..=40, 20.0)].concat()).await;
    world.caught_up().await;
    let before = world.of_generation(1);
    assert!(before["canonical_opportunities_g1"].len() == 300);

    let id = world.request(ReplayKind::Raw, true).await;
    let replay = world.reaches(&id, ReplayState::Switched).await;
    let comparison = replay.comparison.unwrap();
    assert_eq!((comparison.gate(), comparison.differing()), (Gate::Open, 0));
    let progress = replay.progress.unwrap();
    assert_eq!((progress.done, progress.total), (343, 343));
    oracle::assert_same(&before, &world.of_generation(2));

    // What is published now reaches what is read and what was read before.
    world.publish(&deals(1..=5, 30.0)).await;
    world.caught_up().await;
    let active = Documents::active(&*world.store).await.unwrap().unwrap();
    assert_eq!(active.canonical, 2);
    let back = active.moved_to(active.previous.clone().unwrap());
    assert!(world.store.switch_active(&active, &back).await.unwrap());
    world.caught_up().await;
    oracle::assert_same(&world.of_generation(1), &world.of_generation(2));
    world.end().await;
}

#[tokio::test]
async fn a_defect_keeps_the_gate_shut_and_what_it_built_goes_when_it_is_cancelled() {
    let mut world = World::start().await;
    world.publish(&[references(), deals(1..=50, 10.0)].concat()).await;
    world.caught_up().await;
    *world.program.0.lock().unwrap() = with_odoo(1, wrong);
    let id = world.request(ReplayKind::Raw, true).await;
    let replay = world.reaches(&id, ReplayState::Ready).await;
    let comparison = replay.comparison.unwrap();
    assert_eq!(comparison.gate(), Gate::Shut);
    let deals = comparison.collections.iter().find(|found| found.collection == "canonical_opportunities");
    let deals = deals.unwrap();
    assert_eq!((deals.changed, deals.unexplained), (1, 1));
    assert!(deals.samples[0].fields.contains(&"/body/amount/minor".to_owned()), "{:?}", deals.samples);
    assert_eq!(comparison.money.len(), 1);
    assert_eq!((comparison.money[0].before, comparison.money[0].after), (50_000, 50_001));
    assert_eq!(Documents::active(&*world.store).await.unwrap().unwrap().canonical, 1);

    // The command compares once more, and is refused by the same rule.
    world.registry.command(&id, &Command::Switch { accept: None }, "test").await.unwrap();
    world.reaches(&id, ReplayState::Ready).await;
    assert_eq!(Documents::active(&*world.store).await.unwrap().unwrap().canonical, 1);
    world.registry.command(&id, &Command::Cancel, "test").await.unwrap();
    world.loses(2).await;
    world.end().await;
}

#[tokio::test]
async fn a_raised_version_is_replayed_and_switched_to_by_itself() {
    let mut world = World::start().await;
    world.publish(&[references(), deals(1..=50, 10.0)].concat()).await;
    world.caught_up().await;
    world.crash().await;
    *world.program.0.lock().unwrap() = with_odoo(2, wrong);
    world.spawn();
    eventually("the new generation to be read", async || {
        let active = Documents::active(&*world.store).await.ok()??;
        (active.canonical == 2).then_some(())
    })
    .await
    .unwrap();
    let replays = world.registry.replays().await.unwrap();
    assert_eq!(replays.len(), 1, "asked for once");
    let comparison = replays[0].comparison.as_ref().unwrap();
    assert_eq!(comparison.changed_definition, ["mapper:odoo".to_owned()].into());
    assert!(comparison.differing() > 0 && comparison.unexplained() == 0, "{comparison:?}");
    world.end().await;
}

#[tokio::test]
async fn a_verification_proves_equality_and_finds_damage() {
    let mut world = World::start().await;
    world.publish(&[references(), deals(1..=50, 10.0)].concat()).await;
    world.caught_up().await;
    let id = world.request(ReplayKind::Verify, false).await;
    let verified = world.reaches(&id, ReplayState::Verified).await;
    let progress = verified.progress.unwrap();
    assert_eq!((progress.done, progress.total, progress.eta_seconds), (53, 53, None), "all of raw was read");
    assert_eq!(verified.comparison.unwrap().differing(), 0);
    assert_eq!(Documents::active(&*world.store).await.unwrap().unwrap().canonical, 1);
    world.end().await;
}

#[tokio::test]
async fn a_projections_own_replay_leaves_the_canonical_zone_alone() {
    let mut world = World::start().await;
    world.publish(&[references(), deals(1..=50, 10.0)].concat()).await;
    world.caught_up().await;
    let id = world.request(ReplayKind::Projection { projection: "dashboard_stats".into() }, true).await;
    let replay = world.reaches(&id, ReplayState::Switched).await;
    assert_eq!(replay.comparison.unwrap().differing(), 0);
    let active = Documents::active(&*world.store).await.unwrap().unwrap();
    assert_eq!((active.canonical, active.serving["dashboard_stats"], active.serving["directory"]), (1, 2, 1));
    let unknown = world.request(ReplayKind::Projection { projection: "nothing".into() }, true).await;
    let failed = eventually("the replay to fail", async || {
        let replay = world.registry.replay(&unknown).await.ok()??;
        (replay.state == ReplayState::Failed).then_some(replay)
    });
    assert!(failed.await.unwrap().error.unwrap().contains("no projection nothing"));
    world.end().await;
}

#[tokio::test]
async fn a_replay_survives_crashes_of_its_controller() {
    let mut world = World::start().await;
    world.publish(&[references(), deals(1..=3_000, 10.0)].concat()).await;
    world.caught_up().await;
    let id = world.request(ReplayKind::Raw, true).await;
    world.crash_as_it_gets_on(&id, 4).await;
    let replay = world.reaches(&id, ReplayState::Switched).await;
    assert_eq!(replay.comparison.unwrap().differing(), 0);
    oracle::assert_same(&world.of_generation(1), &world.of_generation(2));
    world.end().await;
}

#[tokio::test]
async fn progress_counts_epochs_that_only_the_archive_holds() {
    let folder = tempfile::tempdir().unwrap();
    let archives = FolderArchives::new(folder.path());
    let mut world = World::start_over(Arc::new(archives.clone())).await;
    // More than what a comparison would wait for: were they not counted, it would begin before they are read.
    world.publish(&[references(), deals(1..=1_500, 10.0)].concat()).await;
    world.caught_up().await;
    let (odoo, now) = (InstanceName::new("odoo").unwrap(), Timestamp::UNIX_EPOCH);
    seal(&*world.log, &archives, &odoo).await.unwrap();
    archive(&*world.log, &archives, &odoo, 1, now).await.unwrap();
    delete(&*world.log, &archives, &odoo, 1).await.unwrap();
    assert!(world.log.stream("RAW_ODOO_E1").await.unwrap().is_none());
    let id = world.request(ReplayKind::Raw, true).await;
    let replay = world.reaches(&id, ReplayState::Switched).await;
    let progress = replay.progress.unwrap();
    assert_eq!((progress.done, progress.total), (1_503, 1_503));
    assert_eq!(replay.comparison.unwrap().differing(), 0);
    world.end().await;
}
