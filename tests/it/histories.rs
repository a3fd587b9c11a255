//! Generated histories: raw logs of two Odoo instances that share people and companies, of `config` and of `crm`, with merges
//! and un-merges, late references, deletes, deals merged at their source, restores, rejects and versions that arrive out of the order of their time.
//!
//! Small on purpose: few records and few values, so that they meet often and a failing case shrinks to something
//! that one can read.

use bytes::Bytes;
use proptest::prelude::*;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::{CrmOpportunity, FacetId, SourceRef};
use salescommand_domain::raw::{
    Envelope, InstanceName, ObjectName, Operation, Payload, Position, RawPosition,
};
use salescommand_eventlog::Message;
use salescommand_normalizer::RawMessage;
use serde_json::{Value, json};

/// One raw event of a generated history: object, record, and its content; none is a delete.
#[derive(Debug, Clone)]
pub struct Step {
    /// The object.
    pub object: &'static str,
    /// The record.
    pub key: u16,
    /// What it says.
    pub payload: Option<Value>,
    /// Of a delete: the record that it was merged into, known or not.
    pub into: Option<u16>,
    /// How many ticks before its place in the log the source says it changed; none if the source does not say.
    pub age: Option<u8>,
}

impl Step {
    /// An upsert.
    pub fn upsert(object: &'static str, key: u16, payload: Value) -> Self {
        Self { object, key, payload: Some(payload), into: None, age: Some(0) }
    }
}

fn pick<T: Clone + std::fmt::Debug + 'static>(items: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(items.to_vec())
}

/// A many-to-one field of Odoo: an id, or `false` for none.
fn reference(most: u8) -> impl Strategy<Value = Value> {
    (0..=most).prop_map(|id| if id == 0 { json!(false) } else { json!(id) })
}

/// The longest history that a lead brings along.
const TRACKED: u16 = 5;

/// An entry of the history that Odoo keeps of a lead: the same each time it is read.
fn tracked(lead: u16, entry: u16) -> Value {
    let field = ["stage_id", "active", "lost_reason_id", "user_id", "expected_revenue"]
        [usize::from((lead + entry) % 5)];
    let (old, new) = (entry % 2, 1 - entry % 2 + lead % 2);
    json!({
        "id": lead * 10 + entry, "@field": field, "mail_message_id": entry / 2 + 1, "create_uid": lead,
        "create_date": format!("2023-11-14 2{}:{}0:00", entry / 2, lead),
        "old_value_integer": old, "new_value_integer": new, "old_value_float": old, "new_value_float": new,
    })
}

fn lead() -> impl Strategy<Value = Step> {
    let head = (1u16..5, any::<bool>(), pick(&[0.0, 25.0, 100.0]), pick(&[0.0, 100.0, 10.005, 9999.99]));
    let links = (reference(3), reference(3), reference(2), reference(2), reference(3));
    let rest =
        (pick(&["lead", "opportunity"]), pick(&[json!("2026-12-01"), json!(false), json!("2027-01-15")]));
    let tags = pick(&[json!([]), json!([1]), json!([2, 1])]);
    let history = prop_oneof![Just(None), (0..=TRACKED).prop_map(Some)];
    let more = (tags, reference(2), pick(&[0.0, 99.99]), reference(2), history);
    (head, links, rest, more).prop_map(
        |(
            (key, active, probability, amount),
            (stage, user, team, company, partner),
            (kind, deadline),
            (tags, reason, recurring, plan, history),
        )| {
            let mut payload = json!({
                "id": key, "name": format!("Deal {key}"), "type": kind, "active": active, "probability": probability,
                "expected_revenue": amount, "stage_id": stage, "user_id": user, "team_id": team,
                "company_id": company, "partner_id": partner, "date_deadline": deadline,
                "tag_ids": tags, "lost_reason_id": reason, "recurring_revenue": recurring, "recurring_plan": plan,
                "date_closed": "2023-11-14 22:20:00", "create_date": "2023-11-14 20:00:00",
            });
            if let Some(length) = history {
                payload["@tracking"] = (0..length).map(|entry| tracked(key, entry)).collect();
            }
            Step::upsert("crm.lead", key, payload)
        },
    )
}

const EMAILS: [&str; 3] = ["a@example.com", "b@example.com", "c@example.com"];

fn partner() -> impl Strategy<Value = Step> {
    let vat = pick(&["BE0477472701", "", "FR12345678901"]);
    (1u16..4, any::<bool>(), pick(&EMAILS), vat, reference(3)).prop_map(
        |(key, is_company, email, vat, parent)| {
            let payload = json!({
                "id": key, "name": format!("Partner {key}"), "is_company": is_company, "email": email,
                "vat": if vat.is_empty() { json!(false) } else { json!(vat) }, "active": true,
                "commercial_partner_id": parent, "user_id": false,
            });
            Step::upsert("res.partner", key, payload)
        },
    )
}

fn small() -> impl Strategy<Value = Step> {
    let user = (1u16..4, pick(&EMAILS)).prop_map(|(key, login)| {
        let payload = json!({"id": key, "name": login, "login": login, "active": true, "share": false});
        Step::upsert("res.users", key, payload)
    });
    let stage = (1u16..4, any::<bool>()).prop_map(|(key, is_won)| {
        let payload = json!({"id": key, "name": format!("Stage {key}"), "sequence": key, "is_won": is_won});
        Step::upsert("crm.stage", key, payload)
    });
    let company = (1u16..3, 1u16..3).prop_map(|(key, currency)| {
        let payload = json!({"id": key, "name": format!("Company {key}"), "currency_id": currency});
        Step::upsert("res.company", key, payload)
    });
    let currency = (1u16..3, pick(&[("USD", 2), ("JPY", 0)])).prop_map(|(key, (name, places))| {
        let payload = json!({"id": key, "name": name, "decimal_places": places, "active": true});
        Step::upsert("res.currency", key, payload)
    });
    let team = (1u16..3, reference(3)).prop_map(|(key, leader)| {
        let payload =
            json!({"id": key, "name": format!("Team {key}"), "user_id": leader, "member_ids": [1, 2], "active": true});
        Step::upsert("crm.team", key, payload)
    });
    let label = (pick(&["crm.tag", "crm.lost.reason"]), 1u16..3, pick(&["A", "B"]))
        .prop_map(|(object, key, name)| Step::upsert(object, key, json!({"id": key, "name": name})));
    let plan = (1u16..3, pick(&[0, 1, 7])).prop_map(|(key, months)| {
        let payload = json!({"id": key, "name": format!("Plan {key}"), "number_of_months": months});
        Step::upsert("crm.recurring.plan", key, payload)
    });
    let employee = (1u16..4, reference(3), reference(3), any::<bool>()).prop_map(
        |(key, user, manager, active)| {
            let payload = json!({
                "id": key, "name": format!("Employee {key}"), "user_id": user, "parent_id": manager, "active": active,
            });
            Step::upsert("hr.employee", key, payload)
        },
    );
    prop_oneof![user, stage, company, currency, team, label, plan, employee]
}

fn activity() -> impl Strategy<Value = Step> {
    (1u16..4, reference(3), 1u16..5).prop_map(|(key, user, lead)| {
        let payload = json!({
            "id": key, "summary": "Call", "user_id": user, "res_model": "crm.lead", "res_id": lead, "active": true,
            "date_deadline": "2026-11-20", "create_date": "2026-11-01 10:00:00",
        });
        Step::upsert("mail.activity", key, payload)
    })
}

/// Mostly good records, some deletes, some that are rejected, some that were changed earlier than they come.
pub fn odoo_step() -> impl Strategy<Value = Step> {
    let upsert = prop_oneof![5 => lead(), 3 => partner(), 4 => small(), 1 => activity()];
    let age = prop_oneof![4 => Just(Some(0)), 1 => (1u8..12).prop_map(Some), 1 => Just(None)];
    let into = prop::option::of(1u16..6);
    (upsert, 0u8..12, into, age).prop_map(|(step, fate, into, age)| match fate {
        0 => Step { payload: None, into, age: None, ..step },
        1 => {
            let broken = json!({"id": step.key, "name": 7, "probability": "x", "stage_id": "y"});
            Step { payload: Some(broken), age, ..step }
        }
        _ => Step { age, ..step },
    })
}

/// A record that a link may name: of one entity mostly, so that links join, and sometimes one that never comes.
fn end() -> impl Strategy<Value = Value> {
    let object = pick(&["crm.lead", "crm.lead", "res.partner", "res.users", "crm.stage"]);
    (pick(&["odoo-a", "odoo-b"]), object, 1u16..5).prop_map(
        |(instance, object, key)| json!({"instance": instance, "object": object, "key": key.to_string()}),
    )
}

/// Links, ignored keys, persons with managers, manager edges and the calendar, all of which come, change and go.
pub fn config_step() -> impl Strategy<Value = Step> {
    let link =
        (1u16..5, end(), end()).prop_map(|(key, a, b)| Step::upsert("link", key, json!({"a": a, "b": b})));
    let ignored =
        (1u16..3, pick(&["user", "contact", "account"]), pick(&EMAILS)).prop_map(|(key, entity, email)| {
            Step::upsert("ignored_key", key, json!({"key": format!("{entity}:email:{email}")}))
        });
    let person = (1u16..3, pick(&EMAILS), pick(&EMAILS)).prop_map(|(key, email, manager)| {
        Step::upsert("person", key, json!({"email": email, "manager_email": manager}))
    });
    let user = || {
        (pick(&["odoo-a", "odoo-b"]), 1u16..5).prop_map(
            |(instance, key)| json!({"instance": instance, "object": "res.users", "key": key.to_string()}),
        )
    };
    let manager = prop_oneof![4 => user(), 1 => Just(json!("nobody"))];
    let edge = (1u16..3, user(), manager, pick(&["2023-11-15", "2023-12-01"])).prop_map(
        |(key, person, manager, from)| {
            let payload = json!({"person": person, "manager": manager, "from": from, "note": "Stands in."});
            Step::upsert("manager_edge", key, payload)
        },
    );
    let calendar = pick(&["UTC", "Asia/Tokyo"])
        .prop_map(|zone| Step::upsert("calendar", 0, json!({"time_zone": zone, "fiscal_year_start": 1})));
    let step = prop_oneof![6 => link, 2 => ignored, 1 => person, 1 => calendar, 1 => edge];
    (step, 0u8..4).prop_map(|(step, fate)| if fate == 0 { Step { payload: None, ..step } } else { step })
}

/// Which record of `crm` a number stands for: 1 to 8 edit the deals of the two instances, 9 is a deal made here.
pub fn crm_record(number: u16) -> CrmOpportunity {
    if number > 8 {
        return CrmOpportunity::Deal(uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0009));
    }
    let instance = if number > 4 { "odoo-b" } else { "odoo-a" };
    CrmOpportunity::Edit(facet_of(instance, "crm.lead", (number - 1) % 4 + 1))
}

fn facet_of(instance: &str, object: &str, key: u16) -> FacetId {
    let (instance, object) = (InstanceName::new(instance).unwrap(), ObjectName::new(object).unwrap());
    SourceRef { instance, object, key: key.to_string() }.facet_id()
}

/// What people write: edits of deals that are there, come later or never, fields that are cleared and given back,
/// withdrawn edits, a deal of one's own, and some payloads that are rejected.
pub fn crm_step() -> impl Strategy<Value = Step> {
    let edited = |value: Value, at: u8| {
        let by = facet_of("odoo-a", "res.users", 1).to_string();
        json!({"value": value, "at": tick(at.into()).to_string(), "by": by})
    };
    let stage = prop_oneof![
        Just(Value::Null),
        (1u16..4).prop_map(|key| json!(facet_of("odoo-a", "crm.stage", key).to_string())),
    ];
    let owner = (1u16..4).prop_map(|key| json!(facet_of("odoo-b", "res.users", key).to_string()));
    let amount = pick(&[json!(null), json!({"value": "10.005", "currency": "EUR"}), json!({"value": "x"})]);
    let fields = (stage, owner, amount, pick(&[json!("open"), json!("won"), json!("lost")]));
    (1u16..11, fields, 0u8..40, any::<u8>(), 0u8..6).prop_map(
        move |(key, (stage, owner, amount, status), at, which, fate)| {
            let all = [
                ("name", json!(format!("Edited {at}"))),
                ("stage", stage),
                ("owner", owner),
                ("amount", amount),
                ("status", status),
            ];
            let kind = if key > 8 { "deal" } else { "edit" };
            let some = all.into_iter().enumerate().filter(|(bit, _)| key > 8 || which & (1 << bit) > 0);
            let fields: serde_json::Map<_, _> =
                some.map(|(_, (field, value))| (field.to_owned(), edited(value, at))).collect();
            let payload = (fate > 0).then(|| json!({"kind": kind, "fields": fields}));
            Step { object: "opportunity", key, payload, into: None, age: Some(0) }
        },
    )
}

/// A moment of the log: one event each ten minutes.
pub fn tick(index: usize) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + 600 * index as i64).unwrap()
}

fn record_key(step: &Step) -> String {
    match step.object {
        "calendar" => "default".to_owned(),
        "opportunity" => crm_record(step.key).source().key,
        // Of an event of one of the two instances.
        "quarantine_decision" => {
            format!("odoo-{}/1/{}", if step.key.is_multiple_of(2) { "a" } else { "b" }, step.key / 2 + 1)
        }
        _ => step.key.to_string(),
    }
}

/// A raw log with these steps.
pub fn log_of(instance: &str, steps: &[Step]) -> Vec<RawMessage> {
    let instance = InstanceName::new(instance).unwrap();
    let connector = if ["config", "crm"].contains(&instance.as_str()) { instance.as_str() } else { "odoo" };
    let connector = connector.to_owned();
    let message = |(index, step): (usize, &Step)| {
        let sequence = index as u64 + 1;
        let envelope = Envelope {
            format: 1,
            event_id: uuid::Uuid::from_u128(u128::from(sequence)),
            instance: instance.clone(),
            connector: connector.clone(),
            object: ObjectName::new(step.object).unwrap(),
            key: record_key(step),
            operation: if step.payload.is_some() { Operation::Upsert } else { Operation::Delete },
            source_modified: step.age.map(|age| tick(index.saturating_sub(age.into()))),
            observed: tick(index + 1),
            run_token: 1,
            payload_schema: 1,
            subjects: Vec::new(),
            payload: Payload::Inline(match (&step.payload, step.into) {
                (Some(payload), _) => payload.clone(),
                (None, Some(into)) => json!({"merged_into": into.to_string(), "evidence": "told"}),
                (None, None) => Value::Null,
            }),
        };
        let raw = RawPosition { instance: instance.clone(), position: Position { epoch: 1, sequence } };
        let payload = Bytes::from(envelope.to_msgpack().unwrap());
        RawMessage {
            raw,
            message: Message { sequence, subject: envelope.subject(), content_type: None, payload },
        }
    };
    steps.iter().enumerate().map(message).collect()
}

/// Whose turn it is, and where a batch ends (below 3; 0: it comes twice).
pub type Choice = (u8, u8);

/// Choices for [`shuffle`].
pub fn choices() -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec((any::<u8>(), 0u8..12), 8..60)
}

/// Merges logs by a list of choices, and cuts the result into batches; some batches come twice.
pub fn shuffle(logs: &[Vec<RawMessage>], choices: &[Choice]) -> Vec<Vec<RawMessage>> {
    let mut rest: Vec<_> = logs.iter().map(|log| log.iter()).collect();
    let (mut batches, mut batch) = (Vec::new(), Vec::new());
    for (whose, cut) in choices.iter().cycle() {
        rest.retain(|log| log.len() > 0);
        let Some(turn) = usize::from(*whose).checked_rem(rest.len()) else { break };
        batch.extend(rest[turn].next().cloned());
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
