//! Meetings on opportunities: past and planned, whole days, a repeated one now and then, and private ones.

use crate::database::Record;
use crate::value::utc_instant;

use super::Builder;
use super::random::Random;

/// Every so manieth lead has a meeting.
const EVERY: usize = 5;
/// How many leads are looked at.
const LEADS: usize = 1_000;
const NAMES: &[&str] = &["Kick-off", "Demonstration", "Contract review", "Workshop", "Site visit"];

pub(super) fn build(builder: &mut Builder) {
    // Meetings draw from a sequence of their own, whatever the rest draws.
    let mut random = Random::new(builder.seed.seed ^ 0xca1e_0da8);
    for name in ["Customer Meeting", "Internal Meeting"] {
        builder.register("calendar.event.type", Record::default().with("name", name));
    }
    builder.register("calendar.alarm", Record::default().with("name", "Notification - 15 Minutes"));
    let leads: Vec<(i64, Record)> = builder
        .database
        .rows("crm.lead")
        .take(LEADS)
        .filter(|(_, row)| !row.get("user_id").is_null())
        .step_by(EVERY)
        .map(|(id, row)| (id, row.clone()))
        .collect();
    for (number, (lead, record)) in leads.into_iter().enumerate() {
        let rule = (number % 12 == 5).then(|| {
            let rule = Record::default()
                .with("name", "Every week for 4 events")
                .with("rrule", "FREQ=WEEKLY;COUNT=4")
                .with("rrule_type", "weekly")
                .with("count", 4);
            builder.register("calendar.recurrence", rule)
        });
        // A repeated meeting is as many rows, all of the same rule.
        for week in 0..if rule.is_some() { 4 } else { 1 } {
            meeting(builder, &mut random, (number, lead, &record), rule.map(|rule| (rule, week)));
        }
    }
}

fn meeting(
    builder: &mut Builder,
    random: &mut Random,
    (number, lead, record): (usize, i64, &Record),
    repeated: Option<(i64, i64)>,
) {
    let owner = record.get("user_id").as_int().unwrap_or(2);
    let own = builder.database.row("res.users", owner).and_then(|row| row.get("partner_id").as_int());
    let invited: Vec<i64> = own.into_iter().chain(record.get("partner_id").as_int()).collect();
    let (days, hour) = (random.between(-14, 60), random.between(8, 16));
    let days = repeated.map_or(days, |(_, week)| 20 - 7 * week);
    let day = builder.day(days);
    let whole = number % 7 == 3;
    let hour = i8::try_from(hour).unwrap_or(9);
    let (from, to) = if whole { (8, 18) } else { (hour, hour + 1) };
    let at = |hour: i8| utc_instant(day.at(hour, 0, 0, 0));
    let private = number % 9 == 4;
    let event = Record::default()
        .with("name", random.word(NAMES))
        .with("active", true)
        .with("start", at(from))
        .with("stop", at(to))
        .with("start_date", whole.then_some(day))
        .with("stop_date", whole.then_some(day))
        .with("allday", whole)
        .with("duration", f64::from(to - from))
        .with("location", random.chance(30).then_some("Their office"))
        .with("description", "<p>Agenda follows.</p>")
        .with("privacy", if private { "private" } else { "public" })
        .with("show_as", "busy")
        .with("user_id", owner)
        .with("partner_ids", invited.clone())
        .with("opportunity_id", lead)
        .with("recurrency", repeated.is_some())
        .with("recurrence_id", repeated.map(|(rule, _)| rule))
        .with("follow_recurrence", repeated.is_some());
    let written = record.get("write_date").as_instant().unwrap_or_else(|| builder.at_midnight());
    let id = builder.add("calendar.event", event, (written, written), owner);
    for partner in invited {
        let name = builder.database.row("res.partner", partner).map(|row| row.get("complete_name").clone());
        let attendee = Record::default()
            .with("event_id", id)
            .with("partner_id", partner)
            .with("common_name", name.unwrap_or_default())
            .with("state", if Some(partner) == own { "accepted" } else { "needsAction" });
        builder.add("calendar.attendee", attendee, (written, written), owner);
    }
}
