//! Meetings, who was invited to them, and the rules of repeated ones.

use super::base::TIME_ZONES;
use super::{Field as F, Kind, Level, Model};

const PRIVACY: &[(&str, &str)] =
    &[("public", "Public"), ("private", "Private"), ("confidential", "Only internal users")];
const SHOW_AS: &[(&str, &str)] = &[("free", "Available"), ("busy", "Busy")];
const ANSWERS: &[(&str, &str)] =
    &[("needsAction", "Needs Action"), ("tentative", "Maybe"), ("declined", "No"), ("accepted", "Yes")];
const REPETITIONS: &[(&str, &str)] =
    &[("daily", "Days"), ("weekly", "Weeks"), ("monthly", "Months"), ("yearly", "Years")];

pub(super) fn models() -> Vec<Model> {
    let list = |name, label| {
        Model::new(name, label, "id", vec![F::char("name", "Name").required()])
            .access(Level::Internal, Level::Settings)
    };
    vec![
        event(),
        attendee(),
        recurrence(),
        list("calendar.event.type", "Event Meeting Type"),
        list("calendar.alarm", "Event Alarm"),
    ]
}

fn event() -> Model {
    let fields = vec![
        F::char("name", "Meeting Subject").required(),
        F::boolean("active", "Active"),
        F::datetime("start", "Start").required(),
        F::datetime("stop", "Stop").required(),
        F::date("start_date", "Start Date"),
        F::date("stop_date", "End Date"),
        F::boolean("allday", "All Day"),
        F::float("duration", "Duration"),
        F::selection("event_tz", "Timezone", TIME_ZONES).described_stored(false),
        F::char("location", "Location"),
        F::char("videocall_location", "Meeting URL").readonly(),
        F::html("description", "Description"),
        F::selection("privacy", "Privacy", PRIVACY).required(),
        F::selection("show_as", "Show as", SHOW_AS).required(),
        F::many2one("user_id", "Organizer", "res.users"),
        F::many2one("partner_id", "Scheduled by", "res.partner").computed(),
        F::many2many("partner_ids", "Attendees", "res.partner"),
        F::one2many("attendee_ids", "Participant", "calendar.attendee", "event_id"),
        F::many2many("categ_ids", "Tags", "calendar.event.type"),
        F::many2many("alarm_ids", "Reminders", "calendar.alarm"),
        F::many2one("res_model_id", "Document Model", "ir.model").cascade(),
        F::char("res_model", "Document Model Name").readonly(),
        F::special("res_id", "Document ID", Kind::Many2oneReference),
        F::many2one("opportunity_id", "Opportunity", "crm.lead"),
        F::one2many("activity_ids", "Activities", "mail.activity", "calendar_event_id"),
        F::boolean("recurrency", "Recurrent"),
        F::many2one("recurrence_id", "Recurrence Rule", "calendar.recurrence"),
        F::boolean("follow_recurrence", "Follow Recurrence"),
        F::char("rrule", "Recurrent Rule").computed().editable(),
        F::selection("rrule_type", "Recurrence", REPETITIONS).computed().editable(),
        // Of the module that keeps meetings in Outlook as well.
        F::char("ms_universal_event_id", "Universal event Id"),
    ];
    Model::new("calendar.event", "Calendar Event", "start desc", fields)
        .access(Level::Internal, Level::Internal)
}

fn attendee() -> Model {
    let fields = vec![
        F::many2one("event_id", "Meeting linked", "calendar.event").required().cascade(),
        F::many2one("partner_id", "Attendee", "res.partner").required().readonly().cascade(),
        F::char("email", "Email").computed(),
        F::char("phone", "Phone").computed(),
        F::char("common_name", "Common name").readonly(),
        F::selection("state", "Status", ANSWERS),
    ];
    Model::new("calendar.attendee", "Calendar Attendee Information", "create_date ASC", fields)
        .access(Level::Internal, Level::Internal)
}

fn recurrence() -> Model {
    let fields = vec![
        F::char("name", "Name").readonly(),
        F::char("rrule", "Rrule"),
        F::selection("rrule_type", "Rrule Type", REPETITIONS),
        F::integer("count", "Count"),
    ];
    Model::new("calendar.recurrence", "Event Recurrence Rule", "id", fields)
        .access(Level::Internal, Level::Internal)
}
