//! Property: whatever the interleaving of two sources' logs, and however their events are grouped into batches and
//! delivered again, the canonical and serving documents are the same, byte for byte.
//!
//! Runs the real normalizer, mappers and projector over the in-memory twins.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use salescommand_domain::raw::{
    Envelope, InstanceName, ObjectName, Operation, Payload, Position, RawPosition,
};
use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{EventLog as _, Message, Outgoing};
use salescommand_normalizer::RawMessage;
use salescommand_store::memory::MemoryStore;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::oracle;

/// One raw event of a generated history: object, record, and its content; none is a delete.
#[derive(Debug, Clone)]
struct Step {
    object: &'static str,
    key: u16,
    payload: Option<Value>,
}

fn pick<T: Clone + std::fmt::Debug + 'static>(items: Vec<T>) -> impl Strategy<Value = T> {
    prop::sample::select(items)
}

fn reference(most: u8) -> impl Strategy<Value = Value> {
    (0..=most).prop_map(|id| if id == 0 { json!(false) } else { json!(id) })
}

fn lead() -> impl Strategy<Value = Step> {
    let amounts = pick(vec![0.0, 100.0, 10.005, 12.345, 9999.99]);
    let head = (1u16..6, any::<bool>(), pick(vec![0.0, 25.0, 100.0]), amounts);
    let links = (reference(3), reference(3), reference(2), reference(2), reference(3));
    (head, links, pick(vec!["lead", "opportunity"])).prop_map(
        |((key, active, probability, amount), (stage, user, team, company, partner), kind)| Step {
            object: "crm.lead",
            key,
            payload: Some(json!({
                "id": key, "name": format!("Deal {key}"), "type": kind, "active": active, "probability": probability,
                "expected_revenue": amount, "stage_id": stage, "user_id": user, "team_id": team,
                "company_id": company, "partner_id": partner, "date_deadline": "2026-12-01",
                "date_closed": "2026-11-03 23:30:00", "create_date": "2026-10-01 08:00:00",
            })),
        },
    )
}

fn partner() -> impl Strategy<Value = Step> {
    let emails = pick(vec!["a@example.com", "b@example.com", "c@example.com"]);
    (1u16..4, any::<bool>(), emails, pick(vec!["BE0477472701", "", "FR12345678901"]), reference(3)).prop_map(
        |(key, is_company, email, vat, parent)| Step {
            object: "res.partner",
            key,
            payload: Some(json!({
                "id": key, "name": format!("Partner {key}"), "is_company": is_company, "email": email,
                "vat": if vat.is_empty() { json!(false) } else { json!(vat) }, "active": true,
                "commercial_partner_id": parent, "user_id": false,
            })),
        },
    )
}

fn small() -> impl Strategy<Value = Step> {
    let user = (1u16..4, pick(vec!["ann@example.com", "bob@example.com", "cy@example.com"])).prop_map(
        |(key, login)| {
            let payload = json!({"id": key, "name": login, "login": login, "active": true, "share": false});
            Step { object: "res.users", key, payload: Some(payload) }
        },
    );
    let stage = (1u16..4, any::<bool>()).prop_map(|(key, is_won)| {
        let payload = json!({"id": key, "name": format!("Stage {key}"), "sequence": key, "is_won": is_won});
        Step { object: "crm.stage", key, payload: Some(payload) }
    });
    let company = (1u16..3, 1u16..3).prop_map(|(key, currency)| {
        let payload = json!({"id": key, "name": format!("Company {key}"), "currency_id": currency});
        Step { object: "res.company", key, payload: Some(payload) }
    });
    let currency = (1u16..3, pick(vec![("USD", 2), ("JPY", 0)])).prop_map(|(key, (name, places))| {
        let payload = json!({"id": key, "name": name, "decimal_places": places, "active": true});
        Step { object: "res.currency", key, payload: Some(payload) }
    });
    let team = (1u16..3, reference(3)).prop_map(|(key, leader)| {
        let payload = json!({"id": key, "name": format!("Team {key}"), "user_id": leader, "member_ids": [1, 2], "active": true});
        Step { object: "crm.team", key, payload: Some(payload) }
    });
    prop_oneof![user, stage, company, currency, team]
}

fn activity() -> impl Strategy<Value = Step> {
    (1u16..4, reference(3), 1u16..6).prop_map(|(key, user, lead)| Step {
        object: "mail.activity",
        key,
        payload: Some(json!({
            "id": key, "summary": "Call", "user_id": user, "res_model": "crm.lead", "res_id": lead, "active": true,
            "date_deadline": "2026-11-20", "create_date": "2026-11-01 10:00:00",
        })),
    })
}

/// Mostly good records, some deletes, some that are rejected.
fn step() -> impl Strategy<Value = Step> {
    let upsert = prop_oneof![4 => lead(), 3 => partner(), 4 => small(), 1 => activity()];
    (upsert, 0u8..12).prop_map(|(step, fate)| match fate {
        0 => Step { payload: None, ..step },
        1 => Step {
            payload: Some(json!({"id": step.key, "name": 7, "probability": "x", "stage_id": "y"})),
            ..step
        },
        _ => step,
    })
}

fn log_of(instance: &str, steps: &[Step]) -> Vec<RawMessage> {
    let instance = InstanceName::new(instance).unwrap();
    let message = |(index, step): (usize, &Step)| {
        let sequence = index as u64 + 1;
        let envelope = Envelope {
            format: 1,
            event_id: uuid::Uuid::from_u128(u128::from(sequence)),
            instance: instance.clone(),
            connector: "odoo".into(),
            object: ObjectName::new(step.object).unwrap(),
            key: step.key.to_string(),
            operation: if step.payload.is_some() { Operation::Upsert } else { Operation::Delete },
            source_modified: Some(
                salescommand_domain::Timestamp::from_second(1_700_000_000 + index as i64).unwrap(),
            ),
            observed: salescommand_domain::Timestamp::from_second(1_700_000_500).unwrap(),
            run_token: 1,
            payload_schema: 1,
            subjects: Vec::new(),
            payload: Payload::Inline(step.payload.clone().unwrap_or(Value::Null)),
        };
        let position = RawPosition { instance: instance.clone(), position: Position { epoch: 1, sequence } };
        let payload = Bytes::from(envelope.to_msgpack().unwrap());
        RawMessage {
            raw: position,
            message: Message { sequence, subject: envelope.subject(), content_type: None, payload },
        }
    };
    steps.iter().enumerate().map(message).collect()
}

/// Merges two logs by a list of choices, and cuts the result into batches; some batches come twice.
fn shuffle(one: &[RawMessage], two: &[RawMessage], choices: &[(bool, u8)]) -> Vec<Vec<RawMessage>> {
    let (mut a, mut b) = (one.iter().peekable(), two.iter().peekable());
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut turn = choices.iter().cycle();
    while a.peek().is_some() || b.peek().is_some() {
        let Some((first, cut)) = turn.next() else { break };
        let next = if (*first && a.peek().is_some()) || b.peek().is_none() { a.next() } else { b.next() };
        batch.extend(next.cloned());
        if *cut < 3 {
            if *cut == 0 {
                batches.push(batch.clone());
            }
            batches.push(std::mem::take(&mut batch));
        }
    }
    batches.push(batch);
    batches
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_the_same_documents(
        one in prop::collection::vec(step(), 1..40),
        two in prop::collection::vec(step(), 1..40),
        choices in prop::collection::vec((any::<bool>(), 0u8..12), 8..80),
    ) {
        let (one, two) = (log_of("odoo-a", &one), log_of("odoo-b", &two));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let whole: Vec<RawMessage> = one.iter().chain(&two).cloned().collect();
        let expected = runtime.block_on(oracle::documents(&[whole], false));
        let shuffled = runtime.block_on(oracle::documents(&shuffle(&one, &two, &choices), true));
        oracle::assert_same(&expected, &shuffled);
    }
}

/// A stage with more deals than one batch resolves: the rest is worked off in steps, and ends the same as if the
/// stage had been a winning one from the beginning.
#[tokio::test]
async fn a_changed_stage_reaches_every_deal() {
    let stage = |is_won: bool| Step {
        object: "crm.stage",
        key: 1,
        payload: Some(json!({"id": 1, "name": "Stage", "sequence": 1, "is_won": is_won})),
    };
    let lead = |key: u16| {
        json!({
            "id": key, "name": "Deal", "type": "opportunity", "active": true, "probability": 50.0, "stage_id": 1,
            "expected_revenue": 0.0, "date_closed": "2026-11-03 10:00:00", "create_date": "2026-10-01 08:00:00",
        })
    };
    let mut steps = vec![stage(false)];
    steps.extend((1..=2_500).map(|key: u16| Step { object: "crm.lead", key, payload: Some(lead(key)) }));
    steps.push(stage(true));
    let found = oracle::documents(&[log_of("odoo", &steps[..2_501]), log_of("odoo", &steps)], true).await;
    let sums = &found["serving_dashboard_stats_g1"];
    assert!(
        sums.keys().any(|id| id.contains("won_by_closed_on"))
            && found["canonical_opportunities_g1"].len() == 2_500
    );
    assert!(
        !sums.keys().any(|id| id.contains("open_by_close_date")),
        "no deal is open any more: {:?}",
        sums.keys()
    );
    assert!(!found.contains_key("serving_pipeline_summary_g1"), "no deal is open any more");
}

/// A database that was restored from an older backup than the canonical stream must not go on in silence.
#[tokio::test]
async fn a_database_older_than_the_canonical_stream_is_refused() {
    let (log, store) = (MemoryLog::new(), MemoryStore::new());
    log.ensure_stream(&oracle::canonical_spec()).await.unwrap();
    let event = Outgoing {
        subject: "canonical.g1.progress.all".into(),
        message_id: None,
        expected_last_sequence: None,
        content_type: None,
        payload: Bytes::from_static(b"from the future"),
    };
    log.publish("CANONICAL_G1", vec![event]).await.unwrap();
    let stop = CancellationToken::new();
    let ran = salescommand_normalizer::run(Arc::new(log), Arc::new(store), oracle::mappers(), 1, stop).await;
    assert!(ran.unwrap_err().to_string().contains("CANONICAL_G1 ends at 1"));
}
