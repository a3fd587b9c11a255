//! Activities: what creating, finishing and scheduling one does.

use crate::database::Record;
use crate::fault::Fault;
use crate::partner;
use crate::schema::{Model, Schema};
use crate::value::Value;
use crate::wire::Wire;
use crate::writer::Writer;

/// Subtype of the message a finished activity leaves behind.
pub(crate) const SUBTYPE_ACTIVITIES: i64 = 3;
/// Subtype of a note.
pub(crate) const SUBTYPE_NOTE: i64 = 2;

/// Columns that follow from the document.
///
/// # Errors
/// Fault 2 when the document does not exist.
pub(crate) fn on_create(writer: &Writer<'_>, record: &mut Record) -> Result<(), Fault> {
    if record.get("user_id").is_null() {
        record.set("user_id", Value::Int(writer.session.uid));
    }
    if record.get("date_deadline").is_null() {
        record.set("date_deadline", Value::Date(writer.session.today()));
    }
    let model = record.get("res_model_id").as_int().and_then(|id| writer.database.row("ir.model", id));
    let Some(model) = model.and_then(|row| row.get("model").as_text()).map(str::to_owned) else {
        return Ok(());
    };
    let target = record.get("res_id").as_int().unwrap_or(0);
    let name = partner::display_name(writer.database, writer.session, &model, target)
        .ok_or_else(|| Fault::missing(&model, &[target], writer.session.uid))?;
    record.set("res_model", Value::Text(model));
    record.set("res_name", Value::Text(name));
    Ok(())
}

/// `action_feedback`: a message remains; the activity goes, or stays archived when its type keeps done ones. Returns
/// the id of the last message.
pub(crate) fn feedback(writer: &mut Writer<'_>, ids: &[i64], text: &str) -> Result<Wire, Fault> {
    writer.check_present(model("mail.activity")?, ids)?;
    let mut last = Wire::Bool(false);
    for id in ids {
        let Some(record) = writer.database.row("mail.activity", *id).cloned() else { continue };
        let kind = record
            .get("activity_type_id")
            .as_int()
            .and_then(|kind| writer.database.row("mail.activity.type", kind));
        let keep = kind.is_some_and(|kind| kind.get("keep_done").as_bool());
        let kind_name = kind.and_then(|kind| kind.get("name").as_text()).unwrap_or("Activity");
        let summary = record.get("summary").as_text().unwrap_or_default();
        let body = format!("<p><span>{kind_name}</span> done: <span>{summary}</span></p><div>{text}</div>");
        let message = Record::default()
            .with("message_type", "notification")
            .with("subtype_id", SUBTYPE_ACTIVITIES)
            .with("mail_activity_type_id", record.get("activity_type_id").clone())
            .with("body", body)
            .with("model", record.get("res_model").clone())
            .with("res_id", record.get("res_id").clone())
            .with("record_name", record.get("res_name").clone());
        last = Wire::Int(insert_message(writer, message));
        if keep {
            let today = writer.session.today();
            writer.touch("mail.activity", *id, |row| {
                row.set("active", Value::Bool(false));
                row.set("date_done", Value::Date(today));
            });
        } else {
            writer.database.remove("mail.activity", *id);
        }
    }
    Ok(last)
}

/// `activity_schedule` on a document: creates one activity per record.
pub(crate) fn schedule(
    writer: &mut Writer<'_>,
    document: &'static Model,
    ids: &[i64],
    values: &Wire,
) -> Result<(), Fault> {
    writer.check_present(document, ids)?;
    let wanted = values.get("activity_type_id").and_then(Wire::as_int);
    let kind = wanted.or_else(|| {
        let name = match values.get("act_type_xmlid").and_then(Wire::as_text).unwrap_or_default() {
            "mail.mail_activity_data_call" => "Call",
            "mail.mail_activity_data_meeting" => "Meeting",
            "mail.mail_activity_data_email" => "Email",
            _ => "To-Do",
        };
        writer
            .database
            .rows("mail.activity.type")
            .find(|(_, row)| row.get("name").as_text() == Some(name))
            .map(|(id, _)| id)
    });
    let known =
        writer.database.rows("ir.model").find(|(_, row)| row.get("model").as_text() == Some(document.name));
    let model_id = known.map(|(id, _)| id);
    for id in ids {
        let mut members = vec![("res_id".to_owned(), Wire::Int(*id))];
        members.extend(model_id.map(|id| ("res_model_id".to_owned(), Wire::Int(id))));
        members.extend(kind.map(|id| ("activity_type_id".to_owned(), Wire::Int(id))));
        for name in ["summary", "note", "date_deadline", "user_id"] {
            members.extend(values.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        writer.create(model("mail.activity")?, &Wire::Struct(members))?;
    }
    Ok(())
}

/// `message_post`: a note on one document; its id.
pub(crate) fn post(
    writer: &mut Writer<'_>,
    document: &'static Model,
    ids: &[i64],
    values: &Wire,
) -> Result<Wire, Fault> {
    writer.check_present(document, ids)?;
    let text = |name: &str| values.get(name).and_then(Wire::as_text).map(str::to_owned);
    let recipients = values.get("partner_ids").and_then(Wire::as_array).unwrap_or_default();
    let recipients: Vec<i64> = recipients.iter().filter_map(Wire::as_int).collect();
    let mut last = Wire::Bool(false);
    for id in ids {
        let name = partner::display_name(writer.database, writer.session, document.name, *id);
        let message = Record::default()
            .with("message_type", text("message_type").unwrap_or_else(|| "notification".into()))
            .with("subtype_id", SUBTYPE_NOTE)
            .with("subject", text("subject"))
            .with("body", text("body"))
            .with("partner_ids", recipients.clone())
            .with("model", document.name)
            .with("res_id", *id)
            .with("record_name", name);
        last = Wire::Int(insert_message(writer, message));
    }
    Ok(last)
}

/// `toggle_message_starred`: a mark of the caller's own, which leaves the message's `write_date` alone.
pub(crate) fn toggle_starred(
    writer: &mut Writer<'_>,
    model: &'static Model,
    ids: &[i64],
) -> Result<Wire, Fault> {
    writer.check_present(model, ids)?;
    let Some(own) = partner::of_user(writer.database, writer.session) else { return Ok(Wire::Nil) };
    for id in ids {
        let Some(row) = writer.database.edit(model.name, *id) else { continue };
        let mut starred = row.get("starred_partner_ids").as_ids().to_vec();
        if starred.contains(&own) {
            starred.retain(|partner| *partner != own);
        } else {
            starred.push(own);
        }
        row.set("starred_partner_ids", starred.into());
    }
    Ok(Wire::Nil)
}

/// Adds a message the caller writes now.
pub(crate) fn insert_message(writer: &mut Writer<'_>, message: Record) -> i64 {
    let author = partner::of_user(writer.database, writer.session);
    let message = message.with("author_id", author).with("date", writer.session.noted());
    let message = writer.stamped(message);
    writer.database.insert("mail.message", message)
}

fn model(name: &str) -> Result<&'static Model, Fault> {
    Schema::get().model(name).ok_or_else(|| Fault::user(format!("Object {name} doesn't exist")))
}
