//! One row of an answer as a raw record.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::{Map, Value as Json};

use super::messages;
use super::objects::{Kind, Object};
use crate::Record;

/// Member of the payload that holds the Odoo types of the custom fields in it; no field can have this name.
pub(super) const CUSTOM_TYPES: &str = "@custom";

/// Makes a raw record of a row; none if the row has no id.
pub(super) fn record(
    object: &Object,
    custom: &BTreeMap<String, String>,
    mut row: Map<String, Json>,
) -> Option<(i64, Record)> {
    let id = row.get("id").and_then(Json::as_i64)?;
    for (field, value) in &mut row {
        let kind = object.kind(field).or_else(|| custom.get(field).and_then(|kind| Kind::of_custom(kind)));
        if kind == Some(Kind::Many) {
            sort_ids(value);
        }
    }
    if !custom.is_empty() {
        let types = custom.iter().map(|(name, kind)| (name.clone(), Json::from(kind.as_str()))).collect();
        row.insert(CUSTOM_TYPES.to_owned(), Json::Object(types));
    }
    let record = Record {
        key: id.to_string(),
        source_modified: row.get("write_date").and_then(Json::as_str).and_then(moment),
        subjects: subjects(object.name, id, &row),
        payload: Json::Object(row),
    };
    Some((id, record))
}

/// Odoo's text form of a moment: `YYYY-MM-DD HH:MM:SS`, always UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let civil: civil::DateTime = text.parse().ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The e-mail address in a text such as `Ann Smith <ann@example.com>`; the first one if there are several.
pub(super) fn email_address(text: &str) -> Option<&str> {
    let between = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"' | '\'' | '(' | ')');
    text.split(between)
        .find(|word| word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()))
}

fn sort_ids(value: &mut Json) {
    if let Json::Array(ids) = value
        && ids.iter().all(Json::is_i64)
    {
        ids.sort_by_key(Json::as_i64);
    }
}

/// Whose personal data a row holds.
fn subjects(object: &str, id: i64, row: &Map<String, Json>) -> Vec<String> {
    let text = |field: &str| row.get(field).and_then(Json::as_str);
    let customer = |id: i64| Some(format!("res.partner:{id}")).filter(|_| id > 0);
    let reference = |field: &str| {
        let reference = row.get(field)?;
        reference.as_i64().or_else(|| reference.get(0)?.as_i64())
    };
    let partner = |field: &str| reference(field).and_then(customer);
    let about_customer = |model: &str| partner("res_id").filter(|_| text(model) == Some("res.partner"));
    let email = |field: &str| text(field).and_then(email_address).map(str::to_lowercase);
    let found = match object {
        "res.partner" => vec![customer(id), email("email")],
        "res.users" => {
            vec![Some(format!("res.users:{id}")), partner("partner_id"), email("login"), email("email")]
        }
        "hr.employee" => {
            let user = reference("user_id").filter(|id| *id > 0).map(|id| format!("res.users:{id}"));
            vec![user, email("work_email")]
        }
        "crm.lead" => vec![partner("partner_id"), email("email_from")],
        "mail.activity" => vec![about_customer("res_model")],
        messages::OBJECT => vec![partner("author_id"), about_customer("model")],
        "calendar.event" => {
            let invited = row.get("partner_ids").and_then(Json::as_array).into_iter().flatten();
            invited.filter_map(Json::as_i64).map(customer).chain([about_customer("res_model")]).collect()
        }
        _ => Vec::new(),
    };
    let mut subjects: Vec<String> = found.into_iter().flatten().collect();
    subjects.sort();
    subjects.dedup();
    subjects
}
