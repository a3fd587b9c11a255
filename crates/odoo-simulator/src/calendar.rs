//! Meetings: what creating or changing one does, and what of a private one others see. Nothing here moves the
//! `write_date` of the opportunity a meeting belongs to.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::activity::insert_message;
use crate::database::Record;
use crate::partner;
use crate::reader::Reader;
use crate::tracking;
use crate::value::{Value, utc_date, utc_instant};
use crate::writer::{Given, Writer};

/// What anybody may read of a private meeting.
const PUBLIC: &[&str] = &[
    "id",
    "active",
    "allday",
    "duration",
    "start",
    "stop",
    "start_date",
    "stop_date",
    "event_tz",
    "user_id",
    "partner_id",
    "privacy",
    "show_as",
    "recurrency",
    "recurrence_id",
    "follow_recurrence",
    "rrule",
    "rrule_type",
];

/// What somebody who is not invited reads instead of the name of a private meeting.
pub(crate) const BUSY: &str = "Busy";

/// Whether the session reads this field of the meeting masked.
pub(crate) fn masked(reader: &Reader<'_>, record: &Record, field: &str) -> bool {
    if record.get("privacy").as_text() != Some("private") || PUBLIC.contains(&field) {
        return false;
    }
    let session = reader.session;
    let own = partner::of_user(reader.database, session);
    let invited = own.is_some_and(|own| record.get("partner_ids").as_ids().contains(&own));
    !invited && record.get("user_id").as_int() != Some(session.uid)
}

/// Defaults of a new meeting.
pub(crate) fn on_create(writer: &Writer<'_>, record: &mut Record, given: &Given) {
    let own = partner::of_user(writer.database, writer.session);
    let defaults = [
        ("user_id", Value::Int(writer.session.uid)),
        ("partner_ids", Value::from(own.into_iter().collect::<Vec<_>>())),
        ("privacy", Value::from("public")),
        ("show_as", Value::from("busy")),
    ];
    for (name, value) in defaults {
        if !given.contains(name) {
            record.set(name, value);
        }
    }
    on_change(writer, record, given);
}

/// Columns that follow from others: the hours of a whole day, the end, the length, the document's model.
pub(crate) fn on_change(writer: &Writer<'_>, record: &mut Record, given: &Given) {
    if record.get("allday").as_bool() {
        whole_day(record);
    }
    let start = record.get("start").as_instant();
    let hours = record.get("duration").as_float();
    if let (Some(start), true) = (start, record.get("stop").is_null()) {
        record.set("stop", Value::Instant(after(start, if hours > 0.0 { hours } else { 1.0 })));
    }
    if let (Some(start), Some(stop)) = (start, record.get("stop").as_instant())
        && !given.contains("duration")
    {
        let hours = stop.duration_since(start).as_secs_f64() / 3_600.0;
        record.set("duration", Value::Float((hours * 100.0).round() / 100.0));
    }
    let model = record.get("res_model_id").as_int().and_then(|id| writer.database.row("ir.model", id));
    record.set("res_model", model.map_or(Value::Null, |model| model.get("model").clone()));
}

/// A whole day lasts from eight to six, whatever the time zone.
fn whole_day(record: &mut Record) {
    for (date, moment, hour) in [("start_date", "start", 8), ("stop_date", "stop", 18)] {
        let day = record.get(date).as_date().or_else(|| record.get(moment).as_instant().map(utc_date));
        record.set(date, day.into());
        record.set(moment, day.and_then(|day| utc_instant(day.at(hour, 0, 0, 0))).into());
    }
}

fn after(start: Timestamp, hours: f64) -> Timestamp {
    let length = SignedDuration::try_from_secs_f64(hours * 3_600.0).unwrap_or(SignedDuration::ZERO);
    start.checked_add(length).unwrap_or(start)
}

/// A new meeting has its invitations, and its opportunity a note about it.
pub(crate) fn after_create(writer: &mut Writer<'_>, id: i64) {
    invite(writer, id);
    let lead = writer.database.row("calendar.event", id).and_then(|row| row.get("opportunity_id").as_int());
    if let Some(lead) = lead
        && let Some(record) = writer.database.row("crm.lead", lead)
        && writer.session.chatter.creation
    {
        let note = tracking::about(lead, record, tracking::external(writer.database, "mail.mt_note"));
        insert_message(writer, note.with("body", "<p>Meeting scheduled</p>"));
    }
}

/// One invitation for each attendee: new ones are added, those of people no longer invited deleted.
pub(crate) fn invite(writer: &mut Writer<'_>, id: i64) {
    let Some(event) = writer.database.row("calendar.event", id) else { return };
    let organiser = event.get("user_id").as_int().and_then(|user| writer.database.row("res.users", user));
    let organiser = organiser.and_then(|user| user.get("partner_id").as_int());
    let wanted: BTreeSet<i64> = event.get("partner_ids").as_ids().iter().copied().collect();
    let mut invited = BTreeSet::new();
    for attendee in
        writer.database.ids_where("calendar.attendee", |row| row.get("event_id").as_int() == Some(id))
    {
        let row = writer.database.row("calendar.attendee", attendee);
        match row.and_then(|row| row.get("partner_id").as_int()).filter(|partner| wanted.contains(partner)) {
            Some(partner) => {
                invited.insert(partner);
            }
            None => writer.database.remove("calendar.attendee", attendee),
        }
    }
    for partner in wanted.difference(&invited) {
        let name = partner::display_name(writer.database, writer.session, "res.partner", *partner);
        let state = if organiser == Some(*partner) { "accepted" } else { "needsAction" };
        let record = Record::default()
            .with("event_id", id)
            .with("partner_id", *partner)
            .with("common_name", name)
            .with("state", state);
        let record = writer.stamped(record);
        writer.database.insert("calendar.attendee", record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::parse_instant;

    #[test]
    fn a_whole_day_lasts_from_eight_to_six() {
        let at = |text: &str| parse_instant(text).unwrap();
        let mut record = Record::default()
            .with("start", at("2026-11-24 13:30:00"))
            .with("stop_date", utc_date(at("2026-11-25 00:00:00")));
        whole_day(&mut record);
        assert_eq!(record.get("start").as_instant(), Some(at("2026-11-24 08:00:00")));
        assert_eq!(record.get("stop").as_instant(), Some(at("2026-11-25 18:00:00")));
        assert_eq!(record.get("start_date").as_date(), Some(utc_date(at("2026-11-24 00:00:00"))));
        assert_eq!(after(at("2026-11-24 08:00:00"), 1.5), at("2026-11-24 09:30:00"));
    }
}
