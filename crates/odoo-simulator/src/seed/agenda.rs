//! Activities: open, overdue and planned ones on open leads and customers, finished ones that were kept, and the
//! messages finished ones left.

use jiff::Timestamp;

use crate::activity::SUBTYPE_ACTIVITIES;
use crate::database::Record;

use super::Builder;
use super::names;
use super::organisation::Organisation;

/// Activity types by id: e-mail, call, meeting, to-do; calls and meetings are kept when done.
const TYPES: &[i64] = &[1, 2, 2, 2, 3, 3, 4];
const KEPT: &[i64] = &[2, 2, 3];

/// What an activity hangs on.
struct Document {
    model: &'static str,
    model_id: i64,
    id: i64,
    name: String,
    owner: Option<i64>,
    open: bool,
    /// Days since it was created.
    age: i64,
}

pub(super) fn build(builder: &mut Builder, organisation: &Organisation) {
    let documents = documents(builder);
    let open: Vec<usize> = (0..documents.len())
        .filter(|index| documents.get(*index).is_some_and(|document| document.open))
        .collect();
    let everyone: Vec<i64> = organisation.teams.iter().flat_map(|team| team.people.iter().copied()).collect();
    for index in 0..builder.seed.activities {
        let done = index % 5 < 2;
        let document = if done {
            builder.random.pick(&documents)
        } else {
            builder.random.pick(&open).and_then(|index| documents.get(*index))
        };
        let Some(document) = document else { continue };
        let user = document.owner.or_else(|| builder.random.id(&everyone)).unwrap_or(2);
        if done {
            finished(builder, document, user);
        } else {
            pending(builder, document, user);
        }
    }
}

fn documents(builder: &Builder) -> Vec<Document> {
    let model_id = |name: &str| {
        builder
            .database
            .rows("ir.model")
            .find(|(_, row)| row.get("model").as_text() == Some(name))
            .map_or(0, |(id, _)| id)
    };
    let today = builder.at_midnight();
    let collect = |model: &'static str, most: usize| {
        let model_id = model_id(model);
        builder.database.rows(model).filter(move |(id, _)| model != "res.partner" || *id > 30).take(most).map(
            move |(id, row)| Document {
                model,
                model_id,
                id,
                name: row.get("name").as_text().unwrap_or_default().to_owned(),
                owner: row.get("user_id").as_int(),
                open: row.get("active").as_bool() && row.get("stage_id").as_int() != Some(5),
                age: row
                    .get("create_date")
                    .as_instant()
                    .map_or(1, |at| (today.as_second() - at.as_second()) / 86_400)
                    .max(1),
            },
        )
    };
    collect("crm.lead", usize::MAX).chain(collect("res.partner", 40)).collect()
}

fn pending(builder: &mut Builder, document: &Document, user: i64) {
    let due = match builder.random.between(1, 10) {
        1..=4 => builder.random.between(1, 45),
        5 => 0,
        _ => -builder.random.between(1, 60),
    };
    let created = builder.random.between(1, document.age.min(due.max(0) + 40));
    let kind = builder.random.id(TYPES).unwrap_or(4);
    let record = activity(builder, document, (user, kind, due)).with("active", true);
    let at = builder.moment(created);
    builder.add("mail.activity", record, (at, at), user);
}

fn finished(builder: &mut Builder, document: &Document, user: i64) {
    let done = builder.random.between(1, document.age);
    let at = builder.moment(done);
    // Types that are not kept leave only the message.
    if builder.random.chance(15) {
        let kind = if builder.random.chance(50) { 1 } else { 4 };
        leave_message(builder, document, (user, kind, at));
    }
    let kind = builder.random.id(KEPT).unwrap_or(2);
    leave_message(builder, document, (user, kind, at));
    let due = done + builder.random.between(-5, 10);
    let record = activity(builder, document, (user, kind, due))
        .with("active", false)
        .with("date_done", builder.day(done));
    let created = builder.random.between(done, document.age);
    let created = builder.moment(created);
    builder.add("mail.activity", record, (created.min(at), at), user);
}

/// The message of an activity that a user has done.
fn leave_message(builder: &mut Builder, document: &Document, (user, kind, at): (i64, i64, Timestamp)) {
    let author = builder.database.row("res.users", user).map(|row| row.get("partner_id").clone());
    let message = Record::default()
        .with("message_type", "notification")
        .with("subtype_id", SUBTYPE_ACTIVITIES)
        .with("mail_activity_type_id", kind)
        .with("body", "<p>done</p>")
        .with("model", document.model)
        .with("res_id", document.id)
        .with("record_name", document.name.as_str())
        .with("author_id", author.unwrap_or_default())
        .with("date", at);
    builder.add("mail.message", message, (at, at), user);
}

fn activity(builder: &mut Builder, document: &Document, (user, kind, due): (i64, i64, i64)) -> Record {
    let summary = builder.random.word(names::SUMMARIES);
    Record::default()
        .with("res_model_id", document.model_id)
        .with("res_model", document.model)
        .with("res_id", document.id)
        .with("res_name", document.name.as_str())
        .with("activity_type_id", kind)
        .with("summary", Some(summary).filter(|summary| !summary.is_empty()))
        .with("user_id", user)
        .with("date_deadline", builder.day(due))
}
