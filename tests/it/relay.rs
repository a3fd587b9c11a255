//! What readers outside are told (stream `CANONICAL`), on real servers: each change once, a switch as its differences, over
//! kill -9 and beside a second live copy. And a reader with its own rights, as the documentation has it.
//!
//! The stream of these tests keeps every message, so that nothing that was told twice can hide.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::canonical::{
    CanonicalEvent, CanonicalMessage, Entity, Golden, ToldEntity, ToldEvent, ToldMessage,
};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_eventlog::{Administration as _, EventLog, Outgoing, StreamSpec};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{Ports, RawWriter};
use salescommand_normalizer::{NormalizerPosition, canonical_stream, consumer_name};
use salescommand_store::work::decode;
use salescommand_store::{Documents, Query, canonical_collection};
use salescommand_store_mongo::MongoStore;
use salescommand_tests::nats::Nats;
use salescommand_tests::platform::{PATIENCE, Platform, eventually, repository};
use serde_json::{Value, json};

use crate::oracle::messages;

const STREAM: &str = "CANONICAL";
const PLACE: &str = "canonical.relay";
const MAPPING: &str = r#"
def ref($object): if . == null then null else {object: $object, key: tostring} end;
.object as $object | .payload |
if $object == "column" then {kind: "stage", name: .title, order: .position, is_won: (.done // false)}
elif $object == "customer" then CUSTOMER
elif $object == "deal" then {
    kind: "opportunity", name: .title, amount: {value: .value, currency: "EUR"}, probability: 0.5,
    stage: (.column | ref("column")), customer: (.customer | ref("customer"))
}
else null end
"#;

/// The mapping in two versions: the second one names some customers otherwise, and leaves some out.
fn mapping(second: bool) -> String {
    let named = r#"{kind: "account", name: .name}"#;
    let other = r#"(if .hidden then null else {kind: "account", name: (.name + (if .vip then " (VIP)" else "" end))} end)"#;
    MAPPING.replace("CUSTOMER", if second { other } else { named })
}

fn subjects() -> Vec<String> {
    ToldEntity::ALL.iter().map(|entity| format!("canonical.{entity}.*")).chain([PLACE.to_owned()]).collect()
}

/// Makes the stream so that it keeps every message.
pub async fn keep_all(log: &NatsLog) {
    let spec = StreamSpec {
        name: STREAM.into(),
        subjects: subjects(),
        immutable: true,
        max_bytes: None,
        duplicate_window: Duration::from_secs(10),
    };
    log.ensure_stream(&spec).await.unwrap();
}

/// Everything that was told, in order.
async fn told(log: &NatsLog) -> Vec<ToldEvent> {
    let told = messages(log, STREAM).await.into_iter().filter(|message| message.subject != PLACE);
    told.map(|message| ToldMessage::decode(&message.payload).unwrap().event).collect()
}

/// Where the relay stands, as it has written it.
async fn place(log: &NatsLog) -> Option<Value> {
    let found = log.last_by_subject(STREAM, &[PLACE.to_owned()]).await.ok()?;
    serde_json::from_slice(&found[0].as_ref()?.payload).ok()
}

/// Waits until a generation is told as far as its normalizer is, for as long as the relay gets on.
pub async fn level(log: &NatsLog, store: &MongoStore, generation: u32) {
    let (mut seen, mut since) = (None, Instant::now());
    loop {
        let at = place(log).await;
        if let Some(place) = &at
            && place["generation"] == generation
            && place.get("walk").is_none()
            && Some(&place["sequence"]) == numbered(store, generation).await.as_ref()
        {
            return;
        }
        if at != seen {
            (seen, since) = (at, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "the relay to readers outside stands still at {seen:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The last number that a generation has given to an event.
async fn numbered(store: &MongoStore, generation: u32) -> Option<Value> {
    let stored = store.position(&consumer_name(generation)).await.ok()??;
    Some(json!(NormalizerPosition::decode(&stored.position).ok()?.outbox))
}

/// What a generation says of each record, as it is told: golden records by its documents, reference data by its stream.
async fn states(log: &NatsLog, store: &MongoStore, generation: u32) -> BTreeMap<String, ToldEvent> {
    let mut states = BTreeMap::new();
    for event in said(log, generation).await {
        if matches!(event, ToldEvent::Referenced { .. }) {
            states.insert(event.subject(), event);
        }
    }
    for entity in Entity::ALL {
        let collection = canonical_collection(entity, generation);
        for document in Documents::find(store, &collection, &Query::all()).await.unwrap() {
            let golden: Golden = decode(&collection, &document).unwrap();
            let event = ToldEvent::Upserted { golden: Box::new(golden) };
            states.insert(event.subject(), event);
        }
    }
    states
}

/// What a generation's stream says to readers outside, in order.
async fn said(log: &NatsLog, generation: u32) -> Vec<ToldEvent> {
    let said = messages(log, &canonical_stream(generation)).await;
    let schemas = salescommand_domain::canonical::CanonicalSchemas::CURRENT;
    said.iter().filter_map(|message| ToldEvent::of(schemas.decode(&message.payload).unwrap().event)).collect()
}

/// The last of what was told is what a generation says; and nothing was told twice in a row.
pub async fn assert_told(log: &NatsLog, store: &MongoStore, generation: u32) {
    let mut last: BTreeMap<String, ToldEvent> = BTreeMap::new();
    for event in told(log).await {
        let before = last.insert(event.subject(), event.clone());
        assert_ne!(before.as_ref(), Some(&event), "told twice");
    }
    last.retain(|_, event| !event.is_gone());
    let expected = states(log, store, generation).await;
    let names = |states: &BTreeMap<String, ToldEvent>| states.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&last), names(&expected), "who is there");
    for (subject, expected) in expected {
        assert_eq!(last[&subject], expected, "{subject}");
    }
}

async fn connect(url: String) -> NatsLog {
    let connect_within = Duration::from_secs(10);
    NatsLog::connect(NatsOptions { url, name: "relay-test".into(), connect_within }).await.unwrap()
}

struct Row(&'static str, String, Value);

fn customer(key: u32) -> Row {
    let payload =
        json!({"name": format!("Customer {key}"), "vip": key.is_multiple_of(5), "hidden": key % 10 == 3});
    Row("customer", key.to_string(), payload)
}

fn deal(key: u32, value: u32) -> Row {
    let payload =
        json!({"title": format!("Deal {key}"), "value": value, "column": 1 + key % 2, "customer": key % 60});
    Row("deal", key.to_string(), payload)
}

async fn publish(log: &NatsLog, rows: &[Row]) {
    let instance = InstanceName::new("tickets").unwrap();
    let mut writer = RawWriter::open(&Ports::system(log), &instance, "tickets", 0).await.unwrap();
    for rows in rows.chunk_by(|one, other| one.0 == other.0) {
        let object = ObjectName::new(rows[0].0).unwrap();
        let plan = ObjectPlan::new(object);
        let record = |Row(_, key, payload): &Row| Record {
            key: key.clone(),
            source_modified: None,
            subjects: Vec::new(),
            payload: payload.clone(),
        };
        let records: Vec<Record> = rows.iter().map(record).collect();
        writer.append(&plan, &records).await.unwrap();
    }
}

/// Waits until everything published is in a generation.
async fn normalized(log: &NatsLog, store: &MongoStore, generation: u32) {
    eventually("everything to be normalised", async || {
        let stored = store.position(&consumer_name(generation)).await.ok()??;
        let position = NormalizerPosition::decode(&stored.position).ok()?;
        let streams = log.streams("RAW_TICKETS_E").await.ok()?;
        let at = position.of(&InstanceName::new("tickets").ok()?);
        (streams.last()?.last_sequence == at.sequence).then_some(())
    })
    .await
    .unwrap();
}

async fn active(store: &MongoStore) -> u32 {
    Documents::active(store).await.unwrap().unwrap().canonical
}

/// The states that one generation must be told by when another one was.
fn differences(
    from: &BTreeMap<String, ToldEvent>,
    to: &BTreeMap<String, ToldEvent>,
) -> BTreeMap<String, ToldEvent> {
    let changed = to.iter().filter(|(subject, event)| from.get(*subject) != Some(event));
    let mut differences: BTreeMap<_, _> =
        changed.map(|(subject, event)| (subject.clone(), event.clone())).collect();
    for (subject, event) in from.iter().filter(|(subject, _)| !to.contains_key(*subject)) {
        let gone = ToldEvent::Gone { entity: event.entity(), id: event.id() };
        differences.insert(subject.clone(), gone);
    }
    differences
}

/// What was told behind so many messages is these differences, each once.
async fn assert_told_since(log: &NatsLog, before: usize, expected: &BTreeMap<String, ToldEvent>) {
    let told = told(log).await.split_off(before);
    let by_subject: BTreeMap<_, _> = told.iter().map(|event| (event.subject(), event.clone())).collect();
    let mut counts: BTreeMap<String, Vec<&ToldEvent>> = BTreeMap::new();
    told.iter().for_each(|event| counts.entry(event.subject()).or_default().push(event));
    let twice: Vec<_> = counts.values().filter(|events| events.len() > 1).collect();
    assert!(twice.is_empty(), "each once, not {twice:#?}");
    assert_eq!(&by_subject, expected);
}

/// Servers and processes, with customers and columns; the relay has begun before there was anything to tell.
async fn begin() -> (Platform, NatsLog, MongoStore) {
    let mut platform = Platform::start().await.unwrap();
    let log = connect(platform.nats.url()).await;
    let store = platform.mongo.store("salescommand").await.unwrap();
    keep_all(&log).await;
    let first = platform.write("first.jq", &mapping(false)).unwrap();
    platform.run(&["source", "add", "--kind", "foreign", "--name", "tickets"], "").unwrap();
    platform.run(&["mapping", "set", "tickets", "--file", &first], "").unwrap();
    for process in ["normalizer", "projector"] {
        platform.spawn(process, &[]).unwrap();
    }
    eventually("the relay to begin", async || place(&log).await?.get("walk").is_none().then_some(()))
        .await
        .unwrap();
    let columns = (1..=2).map(|key| {
        let payload = json!({"title": format!("Column {key}"), "position": key, "done": key == 2});
        Row("column", key.to_string(), payload)
    });
    publish(&log, &columns.chain((0..60).map(customer)).collect::<Vec<_>>()).await;
    (platform, log, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_told_once_over_kills_and_beside_a_second_copy() {
    let (mut platform, log, store) = begin().await;
    // Killed while it has something to tell, again and again.
    for round in 1..=5 {
        let end = log.stream(STREAM).await.unwrap().unwrap().last_sequence;
        publish(&log, &(0..400).map(|key| deal(key, round * 1_000 + key)).collect::<Vec<_>>()).await;
        eventually("something to be told", async || {
            let status = log.stream(STREAM).await.ok()??;
            (status.last_sequence > end + 1).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}\n{}", platform.log("normalizer")));
        platform.kill9("normalizer").unwrap();
        platform.spawn("normalizer", &[]).unwrap();
    }
    normalized(&log, &store, 1).await;
    level(&log, &store, 1).await;
    assert_told(&log, &store, 1).await;
    let mut expected: Vec<ToldEvent> = Vec::new();
    let mut last = BTreeMap::new();
    for event in said(&log, 1).await {
        if last.insert(event.subject(), event.clone()).as_ref() != Some(&event) {
            expected.push(event);
        }
    }
    assert!(expected.len() >= 62 + 400, "{}", expected.len());
    assert_eq!(told(&log).await, expected, "what the stream said, in its order");

    beside_a_second_copy(&mut platform, &log, &store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_tells_nothing_and_another_definition_its_differences_wherever_it_is_killed() {
    let (mut platform, log, store) = begin().await;
    publish(&log, &(0..400).map(|key| deal(key, key)).collect::<Vec<_>>()).await;
    publish(&log, &(0..100).map(|key| deal(key, 1_000 + key)).collect::<Vec<_>>()).await;
    normalized(&log, &store, 1).await;
    level(&log, &store, 1).await;
    let before = told(&log).await.len();
    platform.run(&["replay", "--switch"], "").unwrap();
    assert_eq!(active(&store).await, 2);
    level(&log, &store, 2).await;
    assert_eq!(told(&log).await.len(), before, "the same definition: there is nothing to tell");
    assert_told(&log, &store, 2).await;
    let second = platform.write("second.jq", &mapping(true)).unwrap();
    another_definition(&mut platform, &log, &store, &second).await;
}

/// One that slept while another went on tells nothing of its own when it wakes up.
async fn beside_a_second_copy(platform: &mut Platform, log: &NatsLog, store: &MongoStore) {
    platform.signal("normalizer", Signal::SIGSTOP).unwrap();
    platform.spawn("normalizer-2", &[]).unwrap();
    publish(log, &(0..200).map(|key| deal(key, 9_000 + key)).collect::<Vec<_>>()).await;
    normalized(log, store, 1).await;
    level(log, store, 1).await;
    platform.signal("normalizer", Signal::SIGCONT).unwrap();
    publish(log, &(200..400).map(|key| deal(key, 9_000 + key)).collect::<Vec<_>>()).await;
    let over = eventually("one of two normalizers to end", async || {
        ["normalizer", "normalizer-2"].into_iter().find(|name| matches!(platform.ended(name), Ok(Some(_))))
    });
    let over = over.await.unwrap();
    let other = if over == "normalizer" { "normalizer-2" } else { "normalizer" };
    normalized(log, store, 1).await;
    level(log, store, 1).await;
    assert_told(log, store, 1).await;
    assert!(platform.ended(other).unwrap().is_none(), "the other one goes on");
}

/// Looks again without a pause: a walk through little is over soon.
async fn at_once(what: &str, mut look: impl AsyncFnMut() -> Option<()>) {
    let began = Instant::now();
    while look().await.is_none() {
        assert!(began.elapsed() < PATIENCE, "waited for {what}");
    }
}

/// Another mapping tells what differs, once; going back tells it back, once; wherever the walk is killed.
async fn another_definition(platform: &mut Platform, log: &NatsLog, store: &MongoStore, mapping: &str) {
    let before = told(log).await.len();
    platform.run(&["mapping", "set", "tickets", "--file", mapping], "").unwrap();
    // A definition that is not what is read makes a replay by itself.
    let switched = eventually("the new definition to be read", async || {
        let active = Documents::active(store).await.ok()??.canonical;
        (active > 2).then_some(active)
    });
    let new = switched.await.unwrap_or_else(|error| panic!("{error:#}\n{}", platform.log("normalizer")));
    level(log, store, new).await;
    let (old_states, new_states) = (states(log, store, 2).await, states(log, store, new).await);
    let (there, back) = (differences(&old_states, &new_states), differences(&new_states, &old_states));
    let gone = there.values().filter(|event| event.is_gone()).count();
    assert!(there.len() > gone && gone == 6, "{} differ, {gone} of them are gone", there.len());
    assert_told_since(log, before, &there).await;
    let (mut hits, mut rounds) = (0, 0);
    while hits < 4 || rounds < 6 {
        rounds += 1;
        assert!(rounds <= 20, "only {hits} kills hit a walk");
        let before = told(log).await.len();
        platform.run(&["generation", "rollback"], "").unwrap();
        let to = active(store).await;
        at_once("the walk to begin", async || (place(log).await?["generation"] == to).then_some(())).await;
        platform.kill9("normalizer").unwrap();
        hits += u32::from(place(log).await.unwrap().get("walk").is_some());
        platform.spawn("normalizer", &[]).unwrap();
        level(log, store, to).await;
        assert_told_since(log, before, if to == new { &there } else { &back }).await;
        assert_told(log, store, to).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_follows_with_rights_of_its_own_and_no_others() {
    let nats = Nats::start_with(&["reader"]).unwrap();
    let log = connect(nats.url()).await;
    log.ensure_latest(STREAM, &subjects()).await.unwrap();
    let told = |number: u32, name: &str| {
        let id = format!("00000000-0000-0000-0000-{number:012}");
        let golden = json!({
            "_id": id, "facets": [], "version": [], "deleted": false, "scope_key": "public",
            "body": {"entity": "account", "name": name},
        });
        let event = json!({"change": "upserted", "golden": golden});
        let event: ToldEvent = serde_json::from_value(event).unwrap();
        let subject = event.subject();
        let payload = ToldMessage::new(event).encode().unwrap().into();
        let (message_id, expected_last_sequence) = (None, None);
        Outgoing {
            subject,
            message_id,
            expected_last_sequence,
            content_type: Some("application/json"),
            payload,
        }
    };
    let place = Outgoing { subject: PLACE.into(), payload: "{}".into(), ..told(1, "") };
    let some: Vec<_> = (0..450).map(|number| told(number, "Acme")).chain([place.clone()]).collect();
    log.publish_together(STREAM, 0, some).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let follow = || {
        let (address, user, password) = nats.reader();
        let output = Command::new("python3")
            .arg(repository().join("docs/examples/follow/follow.py"))
            .arg("--once")
            .env("NATS_ADDRESS", address)
            .env("NATS_USER", user)
            .env("NATS_PASSWORD", password)
            .current_dir(folder.path())
            .output()
            .expect("python3 must be there: the reader is a program that is not ours");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        let names = lines.lines().map(|line| {
            let message: Value = serde_json::from_str(line).unwrap();
            message["event"]["golden"]["body"]["name"].as_str().unwrap().to_owned()
        });
        names.collect::<Vec<_>>()
    };
    assert_eq!(follow(), vec!["Acme"; 450], "everything that is, over several portions");
    assert!(follow().is_empty());
    let news = vec![told(7, "Bolt"), told(900, "Corp"), place];
    log.publish_together(STREAM, 451, news).await.unwrap();
    assert_eq!(follow(), ["Bolt", "Corp"], "what came since, and only the last of a record");

    // It may neither write nor read anything else, nor have anything delivered elsewhere.
    let (address, user, password) = nats.reader();
    let options = async_nats::ConnectOptions::with_user_and_password(user, password)
        .custom_inbox_prefix("_INBOX_reader")
        .request_timeout(Some(Duration::from_millis(500)));
    let reader = options.connect(format!("nats://{address}")).await.unwrap();
    log.ensure_stream(&StreamSpec {
        name: "CANONICAL_G1".into(),
        subjects: vec!["canonical.g1.>".into()],
        immutable: true,
        max_bytes: None,
        duplicate_window: Duration::from_secs(10),
    })
    .await
    .unwrap();
    let message = CanonicalMessage { event: CanonicalEvent::Progressed, vector: None };
    let said = message.encode().unwrap();
    let outgoing = Outgoing { subject: message.subject(1), payload: said.into(), ..told(1, "") };
    log.publish("CANONICAL_G1", vec![outgoing]).await.unwrap();
    for subject in [
        "canonical.account.x",
        "$JS.API.DIRECT.GET.CANONICAL_G1",
        "$JS.API.CONSUMER.CREATE.CANONICAL.mine",
        "$JS.API.STREAM.PURGE.CANONICAL",
        "$JS.API.STREAM.DELETE.CANONICAL",
    ] {
        let answer = reader.request(subject, r#"{"last_by_subj": ">"}"#.into()).await;
        assert!(answer.is_err(), "{subject}: {answer:?}");
    }
    let own = reader.request("$JS.API.DIRECT.GET.CANONICAL", r#"{"last_by_subj": ">"}"#.into()).await;
    assert!(own.is_ok(), "{own:?}");
    assert_eq!(log.stream(STREAM).await.unwrap().unwrap().last_sequence, 454, "nothing was written");
}
