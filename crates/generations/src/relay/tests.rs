//! The relay over the twins: what is told, and with a crash at every place that it is told once.
//!
//! The stream `CANONICAL` of these tests keeps every message, so that nothing that was told twice can hide; where it is
//! written anew, it is the product's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use salescommand_domain::Timestamp;
use salescommand_domain::access::ScopeKey;
use salescommand_domain::canonical::{
    Account, CanonicalEvent, CanonicalMessage, Entity, FacetId, Golden, GoldenBody, Reference, StageFacet,
    ToldEntity, ToldEvent, VoidRange,
};
use salescommand_domain::generation::{Changed, Definition, Erasure};
use salescommand_domain::raw::{InstanceName, Position, RawPosition, Vector};
use salescommand_eventlog::memory::{MemoryLog, abort_after};
use salescommand_eventlog::{EventLog, Outgoing, StreamSpec};
use salescommand_normalizer::{Mappers, NormalizerPosition, canonical_stream, consumer_name};
use salescommand_store::memory::MemoryStore;
use salescommand_store::work::Work;
use salescommand_store::{Active, Consumer, Documents as _, Ops as _, Unhurried};
use uuid::Uuid;

use super::told::{PLACE, STREAM};
use super::*;
use crate::Code;

struct NoCode;

#[async_trait]
impl Code for NoCode {
    async fn newest(&self) -> Result<Mappers, Error> {
        Ok(Mappers::new([]))
    }

    async fn of(&self, _definition: &Definition) -> Result<Mappers, Error> {
        self.newest().await
    }
}

fn odoo() -> InstanceName {
    InstanceName::new("odoo").unwrap()
}

fn id(number: u128) -> FacetId {
    FacetId(Uuid::from_u128(number))
}

/// An account's state.
fn account(number: u128, name: &str) -> CanonicalEvent {
    let version = vec![RawPosition { instance: odoo(), position: Position { epoch: 1, sequence: 1 } }];
    let golden = Golden {
        id: id(number),
        facets: Vec::new(),
        version,
        deleted: false,
        merged_into: None,
        flags: Vec::new(),
        updated_at: None,
        scope_key: ScopeKey::public(),
        body: GoldenBody::Account(Account { name: name.to_owned(), ..Account::default() }),
    };
    CanonicalEvent::Upserted { golden: Box::new(golden) }
}

fn gone(number: u128) -> CanonicalEvent {
    CanonicalEvent::Gone { entity: Entity::Account, id: id(number) }
}

fn stage(number: u128, name: &str) -> CanonicalEvent {
    let stage = StageFacet { name: name.to_owned(), ..StageFacet::default() };
    let (instance, reference) = (odoo(), Reference::Stage(stage));
    CanonicalEvent::Referenced { id: id(number), instance, deleted: false, reference }
}

/// What was told, in words: `3 Acme`, `3 gone`.
fn words(event: &ToldEvent) -> String {
    let number = event.id().0.as_u128();
    match event {
        ToldEvent::Upserted { golden } => match &golden.body {
            GoldenBody::Account(account) => format!("{number} {}", account.name),
            other => panic!("{other:?}"),
        },
        ToldEvent::Gone { .. } => format!("{number} gone"),
        ToldEvent::Referenced { reference: Reference::Stage(stage), .. } => {
            format!("{number} stage {}", stage.name)
        }
        other => panic!("{other:?}"),
    }
}

/// Twins with generations.
struct Bench {
    log: MemoryLog,
    store: Arc<MemoryStore>,
    consumers: BTreeMap<u32, Consumer>,
    positions: BTreeMap<u32, NormalizerPosition>,
}

impl Bench {
    /// With a stream that keeps everything that is told.
    async fn keeping_all() -> Self {
        let bench = Self::new().await;
        let words = ToldEntity::ALL.iter().map(|entity| format!("canonical.{entity}.*"));
        bench.stream(STREAM, words.chain([PLACE.to_owned()]).collect()).await;
        bench
    }

    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        store.ensure_ops().await.unwrap();
        let bench =
            Self { log: MemoryLog::new(), store, consumers: BTreeMap::new(), positions: BTreeMap::new() };
        bench.activate(1);
        bench
    }

    async fn stream(&self, name: &str, subjects: Vec<String>) {
        let duplicate_window = Duration::from_secs(1);
        let spec =
            StreamSpec { name: name.into(), subjects, immutable: true, max_bytes: None, duplicate_window };
        self.log.ensure_stream(&spec).await.unwrap();
    }

    fn activate(&self, canonical: u32) {
        let serving = BTreeMap::new();
        let active = Active { canonical, serving, org_version: 1, previous: None };
        self.store.set_active(&active).unwrap();
    }

    /// A generation says more, and is so far in raw then.
    async fn says(&mut self, generation: u32, events: Vec<CanonicalEvent>, raw: u64) {
        self.publishes(generation, events).await;
        self.numbers(generation, raw, |_| {}).await;
    }

    async fn publishes(&mut self, generation: u32, events: Vec<CanonicalEvent>) {
        self.stream(&canonical_stream(generation), vec![format!("canonical.g{generation}.>")]).await;
        let outgoing = events.into_iter().map(|event| {
            let message = CanonicalMessage { event, vector: None };
            Outgoing {
                subject: message.subject(generation),
                message_id: None,
                expected_last_sequence: None,
                content_type: None,
                payload: message.encode().unwrap().into(),
            }
        });
        self.log.publish(&canonical_stream(generation), outgoing.collect()).await.unwrap();
    }

    /// The normalizer's position: everything in the stream is numbered.
    async fn numbers(&mut self, generation: u32, raw: u64, change: impl FnOnce(&mut NormalizerPosition)) {
        let end = self.log.stream(&canonical_stream(generation)).await.unwrap().unwrap().last_sequence;
        let position = self.positions.entry(generation).or_default();
        position.outbox = end as i64;
        position.vector = Vector::from([(odoo(), Position { epoch: 1, sequence: raw })]);
        change(position);
        let (name, store) = (consumer_name(generation), self.store.clone());
        let mut consumer = match self.consumers.remove(&generation) {
            Some(consumer) => consumer,
            None => Consumer::open(store, name, &[]).await.unwrap().0,
        };
        consumer.commit(position.encode().unwrap(), Work::default()).await.unwrap();
        self.consumers.insert(generation, consumer);
    }

    fn setup(&self) -> Setup {
        Setup {
            log: Arc::new(self.log.clone()),
            administration: Arc::new(self.log.clone()),
            store: self.store.clone(),
            ops: self.store.clone(),
            code: Arc::new(NoCode),
            pace: Arc::new(Unhurried),
            now: || Timestamp::UNIX_EPOCH,
            verify_every: None,
        }
    }

    /// Relays until there is nothing more to do.
    async fn settle(&self) -> Result<(), Error> {
        let mut relay = Relay::open(self.setup()).await?;
        let active = self.store.active().await?.unwrap().canonical;
        loop {
            relay.step().await?;
            let place = &relay.place;
            let busy = place.walk.is_some() || place.rewrite.is_some() || place.generation != active;
            let numbered = self.positions.get(&active).map_or(0, |position| position.outbox as u64);
            if !busy && place.sequence == numbered {
                return Ok(());
            }
        }
    }

    /// Everything that was told, in order.
    async fn told(&self) -> Vec<String> {
        let mut reader = self.log.read_after(STREAM, 0).await.unwrap();
        let limit = BatchLimit { messages: 100_000, bytes: usize::MAX, wait: Duration::ZERO };
        let messages = reader.next(limit).await.unwrap();
        let told = messages.iter().filter(|message| message.subject != PLACE);
        told.map(|message| words(&ToldMessage::decode(&message.payload).unwrap().event)).collect()
    }

    async fn told_since(&self, before: &[String]) -> Vec<String> {
        let told = self.told().await;
        assert_eq!(&told[..before.len()], before, "what was told stays told");
        told[before.len()..].to_vec()
    }
}

#[tokio::test(start_paused = true)]
async fn each_change_is_told_once_and_nothing_else() {
    let mut bench = Bench::keeping_all().await;
    bench.settle_empty().await;
    let progressed = CanonicalEvent::Progressed;
    let events = vec![account(1, "Acme"), stage(7, "New"), progressed.clone(), account(2, "Bolt"), gone(9)];
    bench.says(1, events, 4).await;
    bench.settle().await.unwrap();
    assert_eq!(bench.told().await, ["1 Acme", "7 stage New", "2 Bolt"], "who was never told is not gone");
    let before = bench.told().await;
    let there_and_back =
        vec![account(1, "Acme"), account(2, "Bolts"), account(2, "Bolt"), progressed, gone(1)];
    bench.says(1, there_and_back, 8).await;
    bench.settle().await.unwrap();
    bench.settle().await.unwrap();
    assert_eq!(bench.told_since(&before).await, ["2 Bolts", "2 Bolt", "1 gone"]);
}

impl Bench {
    /// An installation in which nothing has been built yet.
    async fn settle_empty(&mut self) {
        self.says(1, Vec::new(), 0).await;
        self.settle().await.unwrap();
        assert!(self.told().await.is_empty());
    }
}

/// An installation that has data already, and its changes.
async fn followed() -> Bench {
    let mut bench = Bench::keeping_all().await;
    let mut events = vec![account(1, "Acme"), account(2, "Bolt"), account(1, "Acme Ltd"), account(3, "Corp")];
    events.extend((10..20).map(|number| account(number, "Some")));
    bench.says(1, events, 20).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn what_is_there_before_the_first_start_is_told_once_wherever_it_crashes() {
    let whole = followed().await;
    whole.settle().await.unwrap();
    let expected = whole.told().await;
    assert_eq!(expected[..3], ["2 Bolt", "1 Acme Ltd", "3 Corp"], "the last of each, in the stream's order");
    assert_eq!(expected.len(), 13);
    crash_everywhere(followed, async |_| {}, &expected).await;
}

/// Crashes at each poll of a relay over what `change` makes of `begin`'s bench; goes on, and finds what was expected.
async fn crash_everywhere(
    begin: impl AsyncFn() -> Bench,
    change: impl AsyncFn(&mut Bench),
    expected: &[String],
) {
    for polls in 1.. {
        let mut bench = begin().await;
        change(&mut bench).await;
        let before = bench.log.stream(STREAM).await.unwrap().map_or(0, |status| status.messages);
        let told = if before > 0 { bench.told().await } else { Vec::new() };
        let whole = abort_after(polls, bench.settle()).await;
        bench.settle().await.unwrap();
        assert_eq!(bench.told_since(&told).await, expected, "after {polls} polls");
        if let Some(whole) = whole {
            whole.unwrap();
            assert!(polls > 8, "only {polls} polls: nothing was crashed in the middle");
            return;
        }
    }
}

/// A first generation that was told, and a second one beside it.
async fn switched() -> Bench {
    let mut bench = followed().await;
    bench.says(1, vec![stage(7, "New"), stage(8, "Old"), account(4, "Gone by then"), gone(4)], 24).await;
    bench.settle().await.unwrap();
    let mut events: Vec<_> = (10..20).map(|number| account(number, "Some")).collect();
    events.extend([account(1, "Acme"), account(5, "New here"), stage(7, "Fresh")]);
    events.extend([account(1, "Acme Ltd"), account(2, "Bolt Inc"), CanonicalEvent::Progressed]);
    bench.says(2, events, 24).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_switch_tells_what_differs_once_and_back_once() {
    let bench = switched().await;
    let before = bench.told().await;
    bench.settle().await.unwrap();
    assert_eq!(bench.told().await, before, "a generation that is not active tells nothing");
    bench.activate(2);
    bench.settle().await.unwrap();
    bench.settle().await.unwrap();
    let differing = bench.told_since(&before).await;
    assert_eq!(differing, ["5 New here", "7 stage Fresh", "2 Bolt Inc", "3 gone", "8 gone"]);
    let before = bench.told().await;
    bench.activate(1);
    bench.settle().await.unwrap();
    let back = bench.told_since(&before).await;
    assert_eq!(back, ["2 Bolt", "3 Corp", "7 stage New", "8 stage Old", "5 gone"]);
    crash_everywhere(switched, async |bench| bench.activate(2), &differing).await;
}

#[tokio::test(start_paused = true)]
async fn a_switch_to_the_same_tells_nothing() {
    let mut bench = followed().await;
    bench.settle().await.unwrap();
    let before = bench.told().await;
    let mut events: Vec<_> = (10..20).rev().map(|number| account(number, "Some")).collect();
    events.extend([account(3, "Corp"), account(2, "Bolt"), account(1, "Acme Ltd")]);
    bench.says(2, events, 20).await;
    bench.activate(2);
    bench.settle().await.unwrap();
    assert_eq!(bench.told().await, before);
    bench.says(2, vec![account(3, "Corp SE")], 21).await;
    bench.settle().await.unwrap();
    assert_eq!(bench.told_since(&before).await, ["3 Corp SE"]);
}

#[tokio::test(start_paused = true)]
async fn a_walk_waits_until_the_generation_has_what_was_told() {
    let mut bench = followed().await;
    bench.settle().await.unwrap();
    bench.says(1, vec![account(3, "Corp SE")], 21).await;
    bench.settle().await.unwrap();
    let before = bench.told().await;
    let mut events: Vec<_> = (10..20).map(|number| account(number, "Some")).collect();
    events.extend([account(3, "Corp"), account(2, "Bolt"), account(1, "Acme Ltd")]);
    bench.says(2, events, 20).await;
    bench.activate(2);
    let mut relay = Relay::open(bench.setup()).await.unwrap();
    for _ in 0..20 {
        assert_eq!(relay.step().await.unwrap(), Next::Look);
    }
    bench.says(2, vec![account(3, "Corp SE")], 21).await;
    bench
        .numbers(2, 21, |position| position.pending = serde_json::from_value(PENDING.clone()).unwrap())
        .await;
    assert_eq!(relay.step().await.unwrap(), Next::Look, "records are still to be made anew");
    bench.numbers(2, 21, |position| position.pending.clear()).await;
    bench.settle().await.unwrap();
    assert_eq!(bench.told().await, before, "nobody was taken back to an older state");
}

static PENDING: std::sync::LazyLock<serde_json::Value> =
    std::sync::LazyLock::new(|| serde_json::json!([{ "target": id(1), "after": "" }]));

#[tokio::test(start_paused = true)]
async fn what_a_lost_database_said_is_neither_told_nor_taken_for_what_is() {
    let mut bench = followed().await;
    bench.settle().await.unwrap();
    bench.says(1, vec![account(3, "Corp SE"), account(6, "Of a lost future")], 22).await;
    bench.settle().await.unwrap();
    let before = bench.told().await;
    // An older backup: the stream is ahead of it, then its end is declared void, and raw is read again.
    bench.numbers(1, 20, |position| position.outbox = 14).await;
    let mut relay = Relay::open(bench.setup()).await.unwrap();
    assert_eq!(relay.step().await.unwrap(), Next::Look, "numbers that are not given yet wait");
    bench.publishes(1, vec![account(3, "Corp SE"), account(7, "Other")]).await;
    bench.numbers(1, 22, |position| position.void = vec![VoidRange { after: 14, last: 16 }]).await;
    bench.settle().await.unwrap();
    assert_eq!(bench.told_since(&before).await, ["7 Other", "6 gone"]);
    // A record whose last event is void stands where it stood before.
    let before = bench.told().await;
    bench.publishes(1, vec![account(2, "Bolt of a lost future")]).await;
    bench.numbers(1, 23, |position| position.void.push(VoidRange { after: 18, last: 19 })).await;
    bench.says(2, Vec::new(), 0).await;
    bench.activate(2);
    bench.numbers(2, 23, |_| {}).await;
    bench.settle().await.unwrap();
    bench.activate(1);
    bench.settle().await.unwrap();
    let told = bench.told_since(&before).await;
    assert!(told.contains(&"2 Bolt".to_owned()), "{told:?}");
    assert!(!told.iter().any(|told| told.contains("lost future")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn of_two_live_relays_one_is_told_that_it_is_second() {
    let mut bench = Bench::keeping_all().await;
    bench.settle_empty().await;
    let setup = bench.setup();
    let (mut one, mut other) = (Relay::open(setup.clone()).await.unwrap(), Relay::open(setup).await.unwrap());
    bench.says(1, vec![account(1, "Acme")], 1).await;
    one.step().await.unwrap();
    let late = other.step().await;
    assert!(matches!(&late, Err(Error::Log(LogError::Conflict { .. }))), "{late:?}");
    bench.says(1, vec![account(2, "Bolt")], 2).await;
    let mut other = Relay::open(bench.setup()).await.unwrap();
    other.step().await.unwrap();
    let late = one.step().await;
    assert!(matches!(&late, Err(Error::Log(LogError::Conflict { .. }))), "{late:?}");
    // Both all the time, each taking up after it was told.
    bench.says(1, (3..150).map(|number| account(number, "Some")).collect(), 150).await;
    let (one, other) = (bench.settle_however_often(), bench.settle_however_often());
    tokio::join!(one, other);
    let told = bench.told().await;
    let mut expected = vec!["1 Acme".to_owned(), "2 Bolt".to_owned()];
    expected.extend((3..150).map(|number| format!("{number} Some")));
    assert_eq!(told, expected, "each once, in order");
}

impl Bench {
    async fn settle_however_often(&self) {
        while let Err(error) = self.settle().await {
            assert!(matches!(error, Error::Log(_)), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_doubles_nothing() {
    for stored in [0, 1] {
        let mut bench = Bench::keeping_all().await;
        bench.settle_empty().await;
        bench.says(1, vec![account(1, "Acme"), account(2, "Bolt")], 2).await;
        bench.log.fail_next_publish(stored);
        assert!(bench.settle().await.is_err());
        bench.settle().await.unwrap();
        assert_eq!(bench.told().await, ["1 Acme", "2 Bolt"]);
    }
}

/// A person was erased: a first generation was told, a second one without them is active.
async fn erased() -> Bench {
    let mut bench = Bench::new().await;
    let mut events = vec![account(1, "Ann"), account(1, "Ann Example"), account(2, "Bolt"), gone(2)];
    events.extend((100..112).map(|number| account(number, "Some")));
    events.push(account(3, "Corp"));
    bench.says(1, events, 9).await;
    bench.settle().await.unwrap();
    let mut events = vec![account(1, "erased"), account(3, "Corp")];
    events.extend((100..112).map(|number| account(number, "Some")));
    bench.says(2, events, 9).await;
    bench.activate(2);
    bench
}

#[tokio::test(start_paused = true)]
async fn after_an_erasure_the_stream_is_written_anew_wherever_it_crashes() {
    let held = [1].into();
    let changed = Changed::default();
    let erasure = Erasure { id: "r".into(), holds: held, changed, revision: 1 };
    for polls in 1.. {
        let bench = erased().await;
        bench.settle().await.unwrap();
        assert!(may_hold(&bench.log, &[1].into()).await.unwrap());
        let end = bench.log.stream(STREAM).await.unwrap().unwrap().last_sequence;
        Registry::new(bench.store.clone()).add_erasure(&erasure).await.unwrap();
        let whole = abort_after(polls, bench.rewrite()).await;
        bench.rewrite().await;
        let status = bench.log.stream(STREAM).await.unwrap().unwrap();
        assert!(status.first_sequence > end, "nothing of before is left: {status:?}");
        let mut told = bench.told().await;
        told.sort();
        let mut expected = vec!["1 erased".to_owned(), "3 Corp".to_owned()];
        expected.extend((100..112).map(|number| format!("{number} Some")));
        expected.sort();
        assert_eq!(told, expected, "after {polls} polls");
        // What a crash behind the last piece has left.
        Relay::open(bench.setup()).await.unwrap();
        assert!(bench.log.streams("CANONICAL_COPY_").await.unwrap().is_empty());
        assert!(!may_hold(&bench.log, &[1].into()).await.unwrap());
        if whole.is_some() {
            assert!(polls > 20, "only {polls} polls: nothing was crashed in the middle");
            return;
        }
    }
}

impl Bench {
    /// Relays until the stream is written anew.
    async fn rewrite(&self) {
        let mut relay = Relay::open(self.setup()).await.unwrap();
        while relay.place.rewrite.is_some() || relay.place.told_of != [2].into() {
            relay.step().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_who_write_the_stream_anew_lose_nothing() {
    let bench = erased().await;
    bench.settle().await.unwrap();
    let held = [1].into();
    let erasure = Erasure { id: "r".into(), holds: held, changed: Changed::default(), revision: 1 };
    Registry::new(bench.store.clone()).add_erasure(&erasure).await.unwrap();
    tokio::join!(bench.rewrite_however_often(), bench.rewrite_however_often());
    let mut told = bench.told().await;
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 14, "{told:?}");
    Relay::open(bench.setup()).await.unwrap();
    assert!(!may_hold(&bench.log, &[1].into()).await.unwrap());
}

impl Bench {
    async fn rewrite_however_often(&self) {
        loop {
            let attempt = async {
                let mut relay = Relay::open(self.setup()).await?;
                while relay.place.rewrite.is_some() || relay.place.told_of != [2].into() {
                    relay.step().await?;
                }
                Ok::<_, Error>(())
            };
            match attempt.await {
                Ok(()) => return,
                Err(error) => assert!(matches!(error, Error::Log(_)), "{error}"),
            }
        }
    }
}
