//! What the first leads left behind while they went through the pipeline: a message when they were created, and one
//! with the values before and after when they moved, were won, or were lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::database::Record;
use crate::reader::Reader;
use crate::schema::Level;
use crate::session::{Chatter, Session};
use crate::tracking;
use crate::value::{Value, utc_instant};

use super::Builder;

/// How many leads have their history; more would make large data sets needlessly large.
const LEADS: usize = 1_000;

/// About how many notifications there are: more than a page of those to others, whoever reads.
const DIGESTS: usize = 480;

/// One change of a lead.
struct Change {
    at: Timestamp,
    fields: &'static [&'static str],
    before: Record,
    now: Record,
}

/// What is looked up once.
struct Registered {
    subtypes: BTreeMap<&'static str, i64>,
    fields: BTreeMap<&'static str, i64>,
}

impl Registered {
    fn of(builder: &Builder) -> Self {
        let subtypes = ["crm.mt_lead_create", "crm.mt_lead_stage", "crm.mt_lead_won", "crm.mt_lead_lost"];
        let subtypes = subtypes
            .into_iter()
            .filter_map(|name| Some((name, tracking::external(&builder.database, name)?)));
        let fields = tracking::TRACKED
            .iter()
            .filter_map(|name| Some((*name, tracking::field_id(&builder.database, name)?)));
        Self { subtypes: subtypes.collect(), fields: fields.collect() }
    }

    fn subtype(&self, name: &str) -> Option<i64> {
        self.subtypes.get(name).copied()
    }
}

pub(super) fn build(builder: &mut Builder) {
    digests(builder);
    let registered = Registered::of(builder);
    let leads: Vec<(i64, Record)> =
        builder.database.rows("crm.lead").take(LEADS).map(|(id, row)| (id, row.clone())).collect();
    for (id, lead) in leads {
        let Some(created) = lead.get("create_date").as_instant() else { continue };
        let author = lead.get("user_id").as_int().unwrap_or(2);
        let message = tracking::about(id, &lead, registered.subtype("crm.mt_lead_create"))
            .with("body", "<p>Lead/Opportunity created</p>");
        say(builder, message, (created, author));
        for change in changes(&lead, created) {
            let subtype = registered.subtype(tracking::subtype_of(change.fields, &change.now));
            let message = tracking::about(id, &lead, subtype).with("body", "");
            let message = say(builder, message, (change.at, author));
            values(builder, (message, &registered), &change, author);
        }
    }
}

/// Notifications to single people, sent by one transaction and attached to nothing. Only their recipients may read
/// them, administrators included, so that every reader of messages meets whole pages of nothing.
fn digests(builder: &mut Builder) {
    let people: Vec<Value> = builder
        .database
        .rows("res.users")
        .filter(|(id, row)| *id > 6 && row.get("active").as_bool())
        .map(|(_, row)| row.get("partner_id").clone())
        .collect();
    let day = builder.day(30).at(6, 0, 0, 250_731_000);
    let at = utc_instant(day).unwrap_or(Timestamp::UNIX_EPOCH);
    let each = DIGESTS / people.len().max(1);
    let recipients = people.iter().filter_map(Value::as_int);
    for partner in recipients.flat_map(|partner| std::iter::repeat_n(partner, each)) {
        let message = Record::default()
            .with("message_type", "user_notification")
            .with("subject", "Your week")
            .with("body", "<p>Your week in numbers</p>")
            .with("partner_ids", vec![partner]);
        say(builder, message, (at, 1));
    }
}

/// The changes that lead to what the lead is now, the oldest first.
fn changes(lead: &Record, created: Timestamp) -> Vec<Change> {
    let mut changes = Vec::new();
    let moved = lead.get("date_last_stage_update").as_instant().filter(|at| *at > created);
    let spent = match lead.get("x_durations") {
        Value::Durations(spent) => spent.keys().copied().collect(),
        _ => Vec::new(),
    };
    if let Some(at) = moved {
        let now = lead.clone().with("active", true);
        let last = spent.last().copied().unwrap_or(1);
        let before = now.clone().with("stage_id", last).with("probability", 0.0);
        changes.push(Change { at, fields: &["stage_id"], before, now });
    }
    let closed = lead.get("date_closed").as_instant();
    if let (Some(at), false) = (closed, lead.get("active").as_bool()) {
        let mut before = lead.clone().with("active", true);
        before.set("lost_reason_id", Value::Null);
        let fields: &[&str] =
            if lead.get("lost_reason_id").is_null() { &["active"] } else { &["active", "lost_reason_id"] };
        changes.push(Change { at, fields, before, now: lead.clone() });
    }
    changes
}

fn values(builder: &mut Builder, (message, registered): (i64, &Registered), change: &Change, author: i64) {
    let session = Session {
        uid: author,
        level: Level::Settings,
        companies: vec![1],
        active_test: false,
        chatter: Chatter { creation: false, tracking: false },
        started: change.at,
        now: change.at,
        withheld: Arc::default(),
    };
    for field in change.fields {
        let reader = Reader::new(&builder.database, &session);
        let row = tracking::value_row(&reader, field, (&change.before, &change.now));
        if let Some(row) = row {
            let field = registered.fields.get(field).copied();
            let row = row.with("mail_message_id", message).with("field_id", field);
            builder.add("mail.tracking.value", row, (change.at, change.at), author);
        }
    }
}

fn say(builder: &mut Builder, message: Record, (at, author): (Timestamp, i64)) -> i64 {
    let partner = builder.database.row("res.users", author).map(|row| row.get("partner_id").clone());
    let message = message.with("author_id", partner.unwrap_or_default()).with("date", at);
    builder.add("mail.message", message, (at, at), author)
}
