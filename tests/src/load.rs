//! Load: raw events of an invented Odoo of any size, the same for the same seed.
//!
//! Events are made without a source and without a clock, so that a fault test or a benchmark gets tens of thousands
//! of them at once. It must not publish: its callers do, each in the way that it is about.

use bytes::Bytes;
use salescommand_domain::Timestamp;
use salescommand_domain::raw::{
    Envelope, FORMAT_VERSION, InstanceName, MSGPACK_CONTENT_TYPE, NameError, ObjectName, Operation, Payload,
};
use salescommand_eventlog::Outgoing;
use serde_json::{Value, json};
use uuid::Uuid;

const USERS: u64 = 40;
const TEAMS: u64 = 5;
const STAGES: u64 = 8;
/// Second 0 of the invented company: 2026-01-01.
const BEGINNING: i64 = 1_767_225_600;
const WORDS: [&str; 16] = [
    "quarter", "offer", "signed", "meeting", "renewal", "upgrade", "budget", "harbour", "silver", "invoice",
    "follow", "orchid", "discount", "north", "delivery", "contract",
];

/// A small generator of reproducible chance (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same seed, the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, of any size.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..limit`; 0 if there is none.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw().checked_rem(limit).unwrap_or(0)
    }
}

/// What happened to one record.
#[derive(Debug, Clone, PartialEq)]
pub struct RawEvent {
    /// The object.
    pub object: &'static str,
    /// The record.
    pub key: u64,
    /// Its state; none when it was deleted.
    pub payload: Option<Value>,
}

/// An invented company that grows and changes.
#[derive(Debug)]
pub struct Load {
    random: Random,
    /// About how long an event is.
    bytes: usize,
    leads: u64,
    partners: u64,
    activities: u64,
    changes: u64,
}

impl Load {
    /// A company without records; its events will have about this many bytes.
    pub fn new(seed: u64, bytes: usize) -> Self {
        let random = Random::new(seed);
        Self { random, bytes, leads: 0, partners: 0, activities: 0, changes: 0 }
    }

    /// What everything refers to: currencies, company, stages, users, teams.
    pub fn reference(&self) -> Vec<RawEvent> {
        let event = |object, key, payload| RawEvent { object, key, payload: Some(payload) };
        let currency = |key: u64, name: &str| {
            event("res.currency", key, json!({"id": key, "name": name, "decimal_places": 2, "active": true}))
        };
        let mut events = vec![currency(1, "EUR"), currency(2, "USD")];
        events.push(event("res.company", 1, json!({"id": 1, "name": "Company", "currency_id": 1})));
        for key in 1..=STAGES {
            let is_won = key == STAGES;
            let stage = json!({"id": key, "name": format!("Stage {key}"), "sequence": key, "is_won": is_won});
            events.push(event("crm.stage", key, stage));
        }
        for key in 1..=USERS {
            let login = format!("user{key}@example.com");
            let user = json!({"id": key, "name": format!("User {key}"), "login": login, "active": true,
                "share": false});
            events.push(event("res.users", key, user));
        }
        for key in 1..=TEAMS {
            let members: Vec<u64> = (1..=USERS).filter(|user| user % TEAMS == key - 1).collect();
            let team = json!({"id": key, "name": format!("Team {key}"), "user_id": key, "member_ids": members,
                "active": true});
            events.push(event("crm.team", key, team));
        }
        events
    }

    /// New records: partners, deals and activities, as a first synchronisation brings them.
    pub fn backfill(&mut self, count: usize) -> Vec<RawEvent> {
        (0..count).map(|_| self.new_record()).collect()
    }

    /// Changes of deals that exist.
    pub fn changes(&mut self, count: usize) -> Vec<RawEvent> {
        (0..count).map(|_| self.change()).collect()
    }

    /// Everything that happens to a source: reference data, then new records, changes, deletes, restores, and records
    /// that nobody can understand.
    pub fn mixed(&mut self, count: usize) -> Vec<RawEvent> {
        let mut events = self.reference();
        while events.len() < count {
            let event = match self.random.below(100) {
                0..=54 => self.new_record(),
                55..=94 => self.change(),
                95..=96 => RawEvent { payload: None, ..self.change() },
                _ => self.reject(),
            };
            events.push(event);
        }
        events
    }

    fn new_record(&mut self) -> RawEvent {
        match self.random.below(20) {
            0..=3 => self.partner(),
            4..=8 if self.leads > 0 => self.activity(),
            _ => {
                self.leads += 1;
                self.lead(self.leads)
            }
        }
    }

    fn change(&mut self) -> RawEvent {
        let key = 1 + self.random.below(self.leads.max(1));
        self.leads = self.leads.max(1);
        self.lead(key)
    }

    fn reject(&mut self) -> RawEvent {
        let RawEvent { object, key, .. } = self.change();
        self.changes += 1;
        let payload = json!({"id": key, "name": self.changes, "probability": "much", "stage_id": "first"});
        RawEvent { object, key, payload: Some(payload) }
    }

    fn lead(&mut self, key: u64) -> RawEvent {
        // No two states of a deal are the same: the writer would recognise them.
        self.changes += 1;
        let stage = 1 + self.random.below(STAGES);
        let day = |days: u64| format!("2026-{:02}-{:02}", 1 + days / 28 % 12, 1 + days % 28);
        let (created, closes) = (day(key % 150), day(180 + self.random.below(150)));
        let amount = 100 * (1 + self.random.below(5_000)) + self.changes % 100;
        let payload = json!({
            "id": key, "name": format!("Deal {key}"), "type": "opportunity", "active": self.random.below(12) > 0,
            "probability": self.random.below(101), "expected_revenue": amount, "stage_id": stage,
            "user_id": 1 + self.random.below(USERS), "team_id": 1 + self.random.below(TEAMS), "company_id": 1,
            "partner_id": self.reference_to(self.partners), "date_deadline": closes,
            "date_closed": format!("{closes} 10:00:00"), "create_date": format!("{created} 08:00:00"),
            "priority": "1", "email_from": format!("buyer{key}@example.org"), "x_change": self.changes,
            "x_note": self.text(420),
        });
        RawEvent { object: "crm.lead", key, payload: Some(payload) }
    }

    fn partner(&mut self) -> RawEvent {
        self.partners += 1;
        let key = self.partners;
        let payload = json!({
            "id": key, "name": format!("Customer {key}"), "is_company": true, "active": true,
            "email": format!("office@customer{key}.example"), "vat": false, "commercial_partner_id": key,
            "user_id": 1 + self.random.below(USERS), "x_note": self.text(380),
        });
        RawEvent { object: "res.partner", key, payload: Some(payload) }
    }

    fn activity(&mut self) -> RawEvent {
        self.activities += 1;
        let key = self.activities;
        let day = 1 + self.random.below(28);
        let payload = json!({
            "id": key, "summary": format!("Call {key}"), "user_id": 1 + self.random.below(USERS),
            "res_model": "crm.lead", "res_id": 1 + self.random.below(self.leads), "active": true,
            "date_deadline": format!("2026-09-{day:02}"), "create_date": "2026-08-01 10:00:00",
            "x_note": self.text(370),
        });
        RawEvent { object: "mail.activity", key, payload: Some(payload) }
    }

    /// One of the records so far; `false`, as Odoo says it, if there is none.
    fn reference_to(&mut self, most: u64) -> Value {
        if most == 0 { json!(false) } else { json!(1 + self.random.below(most)) }
    }

    /// Text that fills an event up to its length, beside so many bytes of envelope and other fields.
    fn text(&mut self, beside: usize) -> String {
        let length = self.bytes.saturating_sub(beside);
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            let chance = self.random.draw();
            let word = WORDS.get((chance % 16) as usize).copied().unwrap_or_default();
            text.push_str(word);
            text.push(' ');
            text.push_str(&(chance >> 40).to_string());
            text.push(' ');
        }
        text
    }
}

/// The event as it is published: `number` is its place among all events of the instance.
pub fn outgoing(instance: &InstanceName, number: u64, event: &RawEvent) -> anyhow::Result<Outgoing> {
    let at = Timestamp::from_second(BEGINNING + i64::try_from(number)?)?;
    let envelope = Envelope {
        format: FORMAT_VERSION,
        event_id: Uuid::from_u128(u128::from(number)),
        instance: instance.clone(),
        connector: "odoo".to_owned(),
        object: object(event)?,
        key: event.key.to_string(),
        operation: if event.payload.is_some() { Operation::Upsert } else { Operation::Delete },
        source_modified: Some(at),
        observed: at,
        run_token: 1,
        payload_schema: 1,
        subjects: Vec::new(),
        payload: Payload::Inline(event.payload.clone().unwrap_or(Value::Null)),
    };
    Ok(Outgoing {
        subject: envelope.subject(),
        message_id: Some(number.to_string()),
        expected_last_sequence: None,
        content_type: Some(MSGPACK_CONTENT_TYPE),
        payload: Bytes::from(envelope.to_msgpack()?),
    })
}

/// The object's name.
pub fn object(event: &RawEvent) -> Result<ObjectName, NameError> {
    ObjectName::new(event.object)
}
