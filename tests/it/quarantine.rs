//! Properties of the quarantine over the in-memory twins: decisions and rejects commute, and a database that was fed
//! live by an older program and then by a newer one holds what the newer one makes of the whole logs.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use salescommand_domain::canonical::{
    FacetBody, Mapped, PayloadSchema, QuarantineDecision, Rejection, StageFacet,
};
use salescommand_domain::raw::{
    Envelope, EnvelopeFormats, InstanceName, JSON_CONTENT_TYPE, Position, RawPosition, raw_stream,
    raw_subject_filter,
};
use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{EventLog, Message, Outgoing, StreamSpec};
use salescommand_normalizer::{Mappers, Normalizer, RawMessage, Room};
use salescommand_store::Documents;
use salescommand_store::memory::MemoryStore;
use serde_json::{Value, json};

use crate::oracle::{assert_same, compared};

/// Accepts what is up to `most`; a record may say nothing.
fn map_up_to(most: u64, field: &str, envelope: &Envelope) -> Result<Option<Mapped>, Rejection> {
    let salescommand_domain::raw::Payload::Inline(payload) = &envelope.payload else { unreachable!() };
    let level = payload["level"].as_u64().unwrap();
    if level > most {
        return Err(Rejection::new("too_hard", "/level", format!("{level} is more than {most}")));
    }
    if payload["silent"] == true {
        return Ok(None);
    }
    let body = StageFacet { name: payload[field].to_string(), order: 0, is_won: false };
    Ok(Some(Mapped { body: FacetBody::Stage(body), keys: Vec::new(), refs: Vec::new() }))
}

/// From the payload's first shape to its second.
fn renamed(mut payload: Value) -> Result<Value, Rejection> {
    payload["title"] = payload["name"].take();
    Ok(payload)
}

fn bumped(mut envelope: Value) -> Result<Value, String> {
    envelope["format"] = json!(2);
    Ok(envelope)
}

fn rooms(fake: Room) -> Mappers {
    let config = salescommand_connectors::descriptor("config").unwrap();
    let config =
        Room { kind: "config", version: 1, only: Some("config"), schemas: config.schemas, map: config.map };
    Mappers::new([config, fake])
}

pub fn old_program() -> Mappers {
    rooms(Room {
        kind: "fake",
        version: 1,
        only: None,
        schemas: &[],
        map: |envelope| map_up_to(0, "name", envelope),
    })
}

/// Knows a later format and a later payload, and maps more.
pub fn new_program() -> Mappers {
    let schemas = &[PayloadSchema { object: "thing", upcasts: &[renamed] }];
    rooms(Room {
        kind: "fake",
        version: 1,
        only: None,
        schemas,
        map: |envelope| map_up_to(1, "title", envelope),
    })
    .with_formats(EnvelopeFormats { upcasts: &[bumped] })
}

/// An event of the fake source.
#[derive(Debug, Clone)]
pub struct Step {
    key: u8,
    delete: bool,
    level: u8,
    silent: bool,
    schema: u8,
    format: u8,
    token: u8,
    readable: bool,
}

pub fn step() -> impl Strategy<Value = Step> {
    let odd = (0u8..10, 0u8..10, 1u8..4, 1u8..4, 0u8..4, 0u8..20);
    (1u8..4, prop::bool::weighted(0.2), prop::sample::select(vec![0u8, 0, 1, 1, 2]), odd).prop_map(
        |(key, delete, level, (silent, _, schema, format, token, readable))| Step {
            key,
            delete,
            level,
            silent: silent == 0,
            schema,
            format,
            token,
            readable: readable > 0,
        },
    )
}

/// A decision: about which event of the fake log, and whether it is a waiver, a retry, or withdrawn.
pub fn decision() -> impl Strategy<Value = (u64, u8)> {
    (1u64..24, 0u8..4)
}

pub struct Logs {
    pub log: MemoryLog,
    pub fake: Vec<RawMessage>,
    pub config: Vec<RawMessage>,
}

fn instance(name: &str) -> InstanceName {
    InstanceName::new(name).unwrap()
}

fn envelope(of: &str, object: &str, key: String, payload: Option<Value>) -> Value {
    json!({
        "format": 1, "event_id": "0192f0c4-0000-7000-8000-000000000001", "instance": of,
        "connector": if of == "config" { "config" } else { "fake" }, "object": object, "key": key,
        "operation": if payload.is_some() { "upsert" } else { "delete" }, "observed": "2026-11-25T08:00:00Z",
        "payload_schema": 1, "payload": {"inline": payload.unwrap_or(Value::Null)},
    })
}

fn fake_event(number: usize, step: &Step) -> (String, Value) {
    let payload = json!({"level": step.level, "silent": step.silent, if step.schema == 1 { "name" } else { "title" }: number});
    let mut event = envelope("fake", "thing", step.key.to_string(), (!step.delete).then_some(payload));
    event["payload_schema"] = step.schema.into();
    event["format"] = step.format.into();
    event["run_token"] = step.token.into();
    if !step.readable {
        event["operation"] = "merge".into();
    }
    (format!("raw.fake.thing.{}", step.key), event)
}

fn decision_event(about: u64, what: u8, time: usize) -> (String, Value) {
    let about = RawPosition { instance: instance("fake"), position: Position { epoch: 1, sequence: about } };
    let source = QuarantineDecision::source(&about);
    let payload = match what {
        0 => None,
        1 => Some(json!({"decision": "waive", "reason": "known", "at": time})),
        _ => Some(json!({"decision": "retry", "at": time})),
    };
    let subject = salescommand_domain::raw::raw_subject(&source.instance, &source.object, &source.key);
    (subject, envelope("config", QuarantineDecision::OBJECT, source.key, payload))
}

impl Logs {
    pub async fn of(steps: &[Step], decisions: &[(u64, u8)]) -> Self {
        let log = MemoryLog::new();
        let fake = steps.iter().enumerate().map(|(number, step)| fake_event(number, step)).collect();
        let fake = publish(&log, "fake", fake).await;
        let config = decisions.iter().enumerate();
        let config = config.map(|(time, (about, what))| decision_event(*about, *what, time)).collect();
        let config = publish(&log, "config", config).await;
        Self { log, fake, config }
    }

    async fn normalizer(&self, store: &MemoryStore, program: Mappers) -> Normalizer {
        let shared: Arc<dyn Documents> = Arc::new(store.clone());
        shared.ensure(&salescommand_normalizer::specs(1)).await.unwrap();
        Normalizer::open(shared, program, 1).await.unwrap().reading(Arc::new(self.log.clone()))
    }
}

async fn publish(log: &MemoryLog, name: &str, events: Vec<(String, Value)>) -> Vec<RawMessage> {
    let (instance, stream) = (instance(name), raw_stream(&instance(name), 1));
    let spec = StreamSpec {
        name: stream.clone(),
        subjects: vec![raw_subject_filter(&instance)],
        immutable: true,
        max_bytes: None,
        duplicate_window: std::time::Duration::from_secs(1),
    };
    log.ensure_stream(&spec).await.unwrap();
    let mut messages = Vec::new();
    for (subject, event) in events {
        let payload = Bytes::from(event.to_string());
        let outgoing = Outgoing {
            subject: subject.clone(),
            message_id: None,
            expected_last_sequence: None,
            content_type: Some(JSON_CONTENT_TYPE),
            payload: payload.clone(),
        };
        let sequence = log.publish(&stream, vec![outgoing]).await.unwrap()[0].sequence;
        let raw = RawPosition { instance: instance.clone(), position: Position { epoch: 1, sequence } };
        let content_type = Some(JSON_CONTENT_TYPE.to_owned());
        messages.push(RawMessage { raw, message: Message { sequence, subject, content_type, payload } });
    }
    messages
}

async fn apply(normalizer: &mut Normalizer, batches: &[Vec<RawMessage>]) {
    while normalizer.settle().await.unwrap() {}
    for batch in batches {
        normalizer.apply(batch).await.unwrap();
        while normalizer.settle().await.unwrap() {}
    }
}

/// Merges two logs by a list of choices, cut into batches.
fn shuffle(one: &[RawMessage], two: &[RawMessage], choices: &[(bool, bool)]) -> Vec<Vec<RawMessage>> {
    let (mut a, mut b) = (one.iter().peekable(), two.iter().peekable());
    let (mut batches, mut batch) = (Vec::new(), Vec::new());
    for (first, cut) in choices.iter().cycle() {
        let next = if (*first && a.peek().is_some()) || b.peek().is_none() { a.next() } else { b.next() };
        let Some(next) = next else { break };
        batch.push(next.clone());
        if *cut {
            batches.push(std::mem::take(&mut batch));
        }
    }
    batches.push(batch);
    batches
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn decisions_and_rejects_commute(
        steps in prop::collection::vec(step(), 1..24),
        decisions in prop::collection::vec(decision(), 0..12),
        choices in prop::collection::vec((any::<bool>(), any::<bool>()), 8..40),
    ) {
        runtime().block_on(async {
            let logs = Logs::of(&steps, &decisions).await;
            let (expected, found) = (MemoryStore::new(), MemoryStore::new());
            let whole = logs.fake.iter().chain(&logs.config).cloned().collect::<Vec<_>>();
            apply(&mut logs.normalizer(&expected, old_program()).await, &[whole]).await;
            let batches = shuffle(&logs.fake, &logs.config, &choices);
            apply(&mut logs.normalizer(&found, old_program()).await, &batches).await;
            assert_same(&compared(&expected), &compared(&found));
        });
    }

    /// What was too new is read again by itself, the rest when somebody asks for it.
    #[test]
    fn a_newer_program_and_a_retry_give_what_a_replay_gives(
        steps in prop::collection::vec(step(), 1..24),
        decisions in prop::collection::vec(decision(), 0..8),
        (cut, config_cut) in (0usize..24, 0usize..8),
        choices in prop::collection::vec((any::<bool>(), any::<bool>()), 8..40),
    ) {
        runtime().block_on(async {
            let everything = (1..=steps.len() as u64).map(|about| (about, 3));
            let all: Vec<_> = decisions.iter().copied().chain(everything).collect();
            let logs = Logs::of(&steps, &all).await;
            let (cut, config_cut) = (cut.min(steps.len()), config_cut.min(decisions.len()));
            let (live, rebuilt) = (MemoryStore::new(), MemoryStore::new());
            let before = shuffle(&logs.fake[..cut], &logs.config[..config_cut], &choices);
            apply(&mut logs.normalizer(&live, old_program()).await, &before).await;
            let after = shuffle(&logs.fake[cut..], &logs.config[config_cut..], &choices);
            apply(&mut logs.normalizer(&live, new_program()).await, &after).await;
            let whole = logs.config.iter().chain(&logs.fake).cloned().collect::<Vec<_>>();
            apply(&mut logs.normalizer(&rebuilt, new_program()).await, &[whole]).await;
            assert_same(&compared(&rebuilt), &compared(&live));
        });
    }
}
