//! `merge_opportunity`: one lead is kept and takes what it lacks from the others, which are deleted.
//!
//! Observed on 17 and 18: one survives, the others are unlinked without a tombstone, the call ends in the fault that no
//! recordset can be marshalled, and all of it has committed. From the published code of these versions
//! (`crm/models/crm_lead.py`, `_merge_opportunity` and what it calls), and not observed: who survives, which fields it takes,
//! what happens to messages, activities, meetings and orders, the note, and the limit of five.

use std::cmp::Reverse;

use crate::activity::insert_message;
use crate::database::{Database, Record};
use crate::fault::Fault;
use crate::lead::{derive, lead_model};
use crate::tracking;
use crate::value::Value;
use crate::wire::Wire;
use crate::writer::Writer;

/// So many at once; a lead that was merged is gone for good.
const MOST: usize = 5;

/// Fields of which the first lead that has a value gives it.
const FIRST: &[&str] = &[
    "campaign_id",
    "medium_id",
    "source_id",
    "name",
    "user_id",
    "color",
    "company_id",
    "team_id",
    "referred",
    "stage_id",
    "expected_revenue",
    "recurring_plan",
    "recurring_revenue",
    "date_deadline",
    "partner_id",
    "partner_name",
    "contact_name",
    "email_from",
    "function",
    "mobile",
    "phone",
    "website",
];

/// Fields that come as a whole, from the lead that has most of them.
const ADDRESS: &[&str] = &["street", "street2", "city", "zip", "country_id"];

/// Merges leads.
pub(crate) fn merge(writer: &mut Writer<'_>, ids: &[i64]) -> Result<Wire, Fault> {
    if ids.len() < 2 {
        return Err(Fault::user(
            "Please select more than one element (lead or opportunity) from the list view.",
        ));
    }
    if ids.len() > MOST {
        let message =
            format!("To prevent data loss, Leads and Opportunities can only be merged by groups of {MOST}.");
        return Err(Fault::user(message));
    }
    let model = lead_model()?;
    writer.check_present(model, ids)?;
    let ranked = by_confidence(writer.database, ids);
    let Some(((head, kept), others)) = ranked.split_first() else { return Ok(Wire::Nil) };
    let note = tracking::about(*head, kept, tracking::external(writer.database, "mail.mt_note"));
    insert_message(writer, note.with("body", summary(others)));
    for (id, lead) in others {
        hand_over(writer, (*id, lead), *head);
    }
    writer.store(model.name, *head, merged(kept, others));
    let gone: Vec<i64> = others.iter().map(|(id, _)| *id).collect();
    writer.unlink(model, &gone)?;
    Ok(Wire::Opaque("<class 'odoo.api.crm.lead'>".into()))
}

/// The leads, the one to be kept first: not a lost lead, an opportunity, in a later stage, more probable, older.
fn by_confidence(database: &Database, ids: &[i64]) -> Vec<(i64, Record)> {
    let mut leads: Vec<(i64, Record)> =
        ids.iter().filter_map(|id| Some((*id, database.row("crm.lead", *id)?.clone()))).collect();
    let rank = |id: i64, lead: &Record| {
        let is_opportunity = lead.get("type").as_text() == Some("opportunity");
        let stage = lead.get("stage_id").as_int().and_then(|id| database.row("crm.stage", id));
        let sequence = stage.and_then(|stage| stage.get("sequence").as_int()).unwrap_or(0);
        #[expect(clippy::cast_possible_truncation, reason = "a probability, in parts per million")]
        let probability = (lead.get("probability").as_float() * 10_000.0) as i64;
        let valid = is_opportunity || lead.get("active").as_bool();
        (Reverse((valid, is_opportunity, sequence, probability)), id)
    };
    leads.sort_by_key(|(id, lead)| rank(*id, lead));
    leads
}

/// What the lead that is kept becomes.
fn merged(kept: &Record, others: &[(i64, Record)]) -> Record {
    let leads: Vec<&Record> = std::iter::once(kept).chain(others.iter().map(|(_, lead)| lead)).collect();
    let mut kept = kept.clone();
    for field in FIRST.iter().copied() {
        let first = leads.iter().map(|lead| lead.get(field)).find(|value| has_value(value));
        kept.set(field, first.cloned().unwrap_or_default());
    }
    let filled = |lead: &Record| ADDRESS.iter().filter(|field| has_value(lead.get(field))).count();
    let most = leads.iter().map(|lead| filled(lead)).max();
    if let Some(source) = leads.iter().find(|lead| Some(filled(lead)) == most) {
        for field in ADDRESS.iter().copied() {
            kept.set(field, source.get(field).clone());
        }
    }
    if leads.iter().any(|lead| lead.get("type").as_text() == Some("opportunity")) {
        kept.set("type", Value::from("opportunity"));
    }
    let priority = leads.iter().filter_map(|lead| lead.get("priority").as_text()).max();
    kept.set("priority", priority.map_or(Value::Null, Value::from));
    let mut tags: Vec<i64> =
        leads.iter().flat_map(|lead| lead.get("tag_ids").as_ids().iter().copied()).collect();
    tags.sort_unstable();
    tags.dedup();
    kept.set("tag_ids", tags.into());
    let notes: Vec<&str> = leads.iter().filter_map(|lead| lead.get("description").as_text()).collect();
    kept.set("description", Some(notes.join("<br/><br/>")).filter(|text| !text.is_empty()).into());
    let reason = leads.iter().map(|lead| lead.get("lost_reason_id")).find(|reason| has_value(reason));
    let reason = reason.filter(|_| kept.get("probability").as_float() == 0.0).cloned();
    kept.set("lost_reason_id", reason.unwrap_or_default());
    derive(&mut kept);
    kept
}

/// As the language of the original sees it: nothing, empty text and zero are no value.
fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Text(text) => !text.is_empty(),
        Value::Float(amount) => *amount != 0.0,
        Value::Int(number) => *number != 0,
        _ => true,
    }
}

/// The note on the lead that is kept: it names each of the others.
fn summary(others: &[(i64, Record)]) -> String {
    let of = |lead: &Record| {
        let name = escaped(lead.get("name").as_text().unwrap_or_default());
        format!(
            "<div><span>Merged the Lead/Opportunity</span> <span class=\"fw-bold\">{name}</span> \
             <span>into this one.</span></div>"
        )
    };
    let lines: String = others.iter().map(|(_, lead)| of(lead)).collect();
    format!("<div class=\"crm_lead_merge_summary\">{lines}</div>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What hangs on a lead that goes moves to the one that stays, and is written: messages, which get a subject with its name,
/// open activities, meetings that are not archived, orders. Notifications to single people, activities that are done, and
/// archived meetings stay and go with it, or lose it.
fn hand_over(writer: &mut Writer<'_>, (gone, lead): (i64, &Record), head: i64) {
    let name = lead.get("name").as_text().unwrap_or_default().to_owned();
    let on_it = |row: &Record, model: &str| {
        row.get("res_id").as_int() == Some(gone) && row.get(model).as_text() == Some("crm.lead")
    };
    let messages = writer.database.ids_where("mail.message", |row| {
        on_it(row, "model") && row.get("message_type").as_text() != Some("user_notification")
    });
    for id in messages {
        writer.touch("mail.message", id, |row| {
            let subject = row.get("subject").as_text().filter(|subject| !subject.is_empty());
            let subject = match subject {
                Some(subject) => format!("From {name} : {subject}"),
                None => format!("From {name}"),
            };
            row.set("subject", Value::Text(subject));
            row.set("res_id", Value::Int(head));
        });
    }
    let document = writer.database.row("crm.lead", head).map(|row| row.get("name").clone());
    let open = |row: &Record| on_it(row, "res_model") && row.get("active").as_bool();
    for id in writer.database.ids_where("mail.activity", open) {
        let document = document.clone().unwrap_or_default();
        writer.touch("mail.activity", id, |row| {
            row.set("res_id", Value::Int(head));
            row.set("res_name", document);
        });
    }
    let meets =
        |row: &Record| row.get("opportunity_id").as_int() == Some(gone) && row.get("active").as_bool();
    for id in writer.database.ids_where("calendar.event", meets) {
        writer.touch("calendar.event", id, |row| {
            row.set("opportunity_id", Value::Int(head));
            row.set("res_id", Value::Int(head));
        });
    }
    for id in writer.database.ids_where("sale.order", |row| row.get("opportunity_id").as_int() == Some(gone))
    {
        writer.touch("sale.order", id, |row| row.set("opportunity_id", Value::Int(head)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(name: &str) -> Record {
        Record::default().with("name", name).with("type", "opportunity").with("active", true)
    }

    #[test]
    fn the_one_that_is_kept_takes_what_it_lacks() {
        let first =
            lead("First").with("expected_revenue", 0.0).with("city", "Berlin").with("tag_ids", vec![3, 1]);
        let second = lead("Second")
            .with("expected_revenue", 7.0)
            .with("phone", "1")
            .with("city", "Rome")
            .with("zip", "00100")
            .with("tag_ids", vec![2, 3])
            .with("priority", "2");
        let kept = merged(&first, &[(2, second)]);
        assert_eq!(kept.get("name").as_text(), Some("First"));
        assert_eq!((kept.get("expected_revenue").as_float(), kept.get("phone").as_text()), (7.0, Some("1")));
        assert_eq!(kept.get("city").as_text(), Some("Rome"), "an address is taken as a whole");
        assert_eq!(
            (kept.get("tag_ids").as_ids(), kept.get("priority").as_text()),
            (&[1, 2, 3][..], Some("2"))
        );
    }

    #[test]
    fn the_note_names_each_of_the_others() {
        let body = summary(&[(2, lead("R&D <3")), (3, lead("Chairs"))]);
        assert!(body.contains(">R&amp;D &lt;3<") && body.contains(">Chairs<"), "{body}");
    }
}
