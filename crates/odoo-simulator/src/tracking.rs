//! The messages a transaction writes about leads: one for each lead it created, and one with the values before and
//! after for each lead whose tracked fields it changed, under the subtype that says what happened.

use crate::activity::insert_message;
use crate::compute;
use crate::database::{Database, Record};
use crate::reader::Reader;
use crate::schema::{Field, Kind, Schema};
use crate::value::{Value, utc_instant};
use crate::writer::Writer;

/// The fields of a lead whose changes are written down, in the order of the values.
pub(crate) const TRACKED: &[&str] = &[
    "stage_id",
    "user_id",
    "team_id",
    "active",
    "lost_reason_id",
    "expected_revenue",
    "recurring_revenue",
    "type",
    "partner_id",
    "partner_name",
    "contact_name",
    "email_from",
    "phone",
];

/// Writes the messages about everything that changed since `base`. What only the database did, such as clearing a
/// reference to a deleted row, is no change in this sense.
pub(crate) fn write_down(writer: &mut Writer<'_>, base: &Database) {
    let chatter = writer.session.chatter;
    let started = Value::Instant(writer.session.started);
    for id in writer.database.changed_since(base, "crm.lead") {
        let Some(now) = writer.database.row("crm.lead", id).cloned() else { continue };
        match base.row("crm.lead", id) {
            None if chatter.creation => {
                let body = "<p>Lead/Opportunity created</p>";
                let subtype = external(writer.database, "crm.mt_lead_create");
                let message = about(id, &now, subtype).with("body", body);
                insert_message(writer, message);
            }
            Some(before) if chatter.tracking && now.get("write_date") == &started => {
                tracked(writer, id, (&before.clone(), &now));
            }
            _ => {}
        }
    }
}

fn tracked(writer: &mut Writer<'_>, id: i64, (before, now): (&Record, &Record)) {
    let changed: Vec<&str> =
        TRACKED.iter().copied().filter(|name| differs(before.get(name), now.get(name))).collect();
    if changed.is_empty() {
        return;
    }
    let subtype = external(writer.database, subtype_of(&changed, now));
    let message = insert_message(writer, about(id, now, subtype).with("body", ""));
    for name in changed {
        let reader = Reader::new(writer.database, writer.session);
        let Some(value) = value_row(&reader, name, (before, now)) else { continue };
        let field = field_id(writer.database, name);
        let value = value.with("mail_message_id", message).with("field_id", field);
        let value = writer.stamped(value);
        writer.database.insert("mail.tracking.value", value);
    }
}

/// Whether two values differ to a reader: empty text, zero and false are as good as nothing.
fn differs(before: &Value, now: &Value) -> bool {
    let empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Text(text) => text.is_empty(),
        Value::Float(amount) => *amount == 0.0,
        _ => false,
    };
    before != now && !(empty(before) && empty(now))
}

/// The external id of the subtype that says what happened.
pub(crate) fn subtype_of(changed: &[&str], now: &Record) -> &'static str {
    let has = |name: &str| changed.contains(&name);
    if has("stage_id") && now.get("probability").as_float() >= 100.0 {
        "crm.mt_lead_won"
    } else if has("lost_reason_id") && !now.get("lost_reason_id").is_null() {
        "crm.mt_lead_lost"
    } else if has("stage_id") {
        "crm.mt_lead_stage"
    } else if has("active") && now.get("active").as_bool() {
        "crm.mt_lead_restored"
    } else if has("active") {
        "crm.mt_lead_lost"
    } else {
        "mail.mt_note"
    }
}

/// A message on a lead, without author and stamps.
pub(crate) fn about(lead: i64, record: &Record, subtype: Option<i64>) -> Record {
    Record::default()
        .with("message_type", "notification")
        .with("subtype_id", subtype)
        .with("model", "crm.lead")
        .with("res_id", lead)
        .with("record_name", record.get("name").clone())
}

/// The record an external id such as `crm.mt_lead_won` stands for. Ids differ from database to database.
pub(crate) fn external(database: &Database, name: &str) -> Option<i64> {
    let (module, name) = name.split_once('.')?;
    let is =
        |row: &Record| row.get("name").as_text() == Some(name) && row.get("module").as_text() == Some(module);
    database.rows("ir.model.data").find(|(_, row)| is(row)).and_then(|(_, row)| row.get("res_id").as_int())
}

/// One field of a lead before and after, in the columns of its type; neither message nor field is set.
pub(crate) fn value_row(
    reader: &Reader<'_>,
    name: &str,
    (before, now): (&Record, &Record),
) -> Option<Record> {
    let field = Schema::get().model("crm.lead")?.field(name)?;
    let mut record = Record::default();
    if field.kind == Kind::Monetary {
        record.set("currency_id", Value::reference(compute::lead_currency(reader, now)));
    }
    for (columns, value) in [(&OLD, before.get(name)), (&NEW, now.get(name))] {
        put(reader, &mut record, columns, (field, value));
    }
    Some(record)
}

/// The columns of one side of a change: integer, float, text, long text, moment.
type Columns = [&'static str; 5];
const OLD: Columns =
    ["old_value_integer", "old_value_float", "old_value_char", "old_value_text", "old_value_datetime"];
const NEW: Columns =
    ["new_value_integer", "new_value_float", "new_value_char", "new_value_text", "new_value_datetime"];

fn put(
    reader: &Reader<'_>,
    record: &mut Record,
    [integer, float, char, text, datetime]: &Columns,
    (field, value): (&Field, &Value),
) {
    match field.kind {
        Kind::Many2one => {
            let name = value.as_int().and_then(|id| reader.display_name(field.relation?, id));
            record.set(integer, value.clone());
            record.set(char, name.into());
        }
        Kind::Boolean => record.set(integer, Value::Int(i64::from(value.as_bool()))),
        Kind::Integer => record.set(integer, value.clone()),
        Kind::Float | Kind::Monetary => record.set(float, value.clone()),
        Kind::Selection => {
            let label = field.selection.iter().find(|(key, _)| value.as_text() == Some(*key));
            record.set(char, label.map(|(_, label)| *label).into());
        }
        Kind::Text => record.set(text, value.clone()),
        Kind::Datetime => record.set(datetime, value.clone()),
        Kind::Date => {
            let midnight = value.as_date().and_then(|date| utc_instant(date.at(0, 0, 0, 0)));
            record.set(datetime, midnight.into());
        }
        _ => record.set(char, value.clone()),
    }
}

/// The registered field of a lead.
pub(crate) fn field_id(database: &Database, name: &str) -> Option<i64> {
    let is = |row: &Record| {
        row.get("name").as_text() == Some(name) && row.get("model").as_text() == Some("crm.lead")
    };
    database.rows("ir.model.fields").find(|(_, row)| is(row)).map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subtype_says_what_happened() {
        let won = Record::default().with("probability", 100.0).with("active", true);
        let open = Record::default().with("probability", 40.0).with("active", true);
        let lost = Record::default().with("probability", 0.0).with("active", false);
        let reason = lost.clone().with("lost_reason_id", 1);
        for (changed, now, subtype) in [
            (&["stage_id"][..], &won, "crm.mt_lead_won"),
            (&["stage_id", "user_id"], &open, "crm.mt_lead_stage"),
            (&["active", "lost_reason_id"], &reason, "crm.mt_lead_lost"),
            (&["active"], &lost, "crm.mt_lead_lost"),
            (&["active"], &open, "crm.mt_lead_restored"),
            (&["expected_revenue"], &won, "mail.mt_note"),
        ] {
            assert_eq!(subtype_of(changed, now), subtype, "{changed:?}");
        }
    }

    #[test]
    fn nothing_and_an_empty_value_are_no_difference() {
        assert!(!differs(&Value::Null, &Value::Float(0.0)));
        assert!(!differs(&Value::Text(String::new()), &Value::Null));
        assert!(differs(&Value::Bool(true), &Value::Bool(false)));
        assert!(differs(&Value::Null, &Value::Int(3)));
    }
}
