//! Activities, their types, and as much of messages as activities leave behind.

use super::{Field as F, Kind, Level, Model};

const CATEGORIES: &[(&str, &str)] = &[
    ("default", "None"),
    ("upload_file", "Upload Document"),
    ("phonecall", "Phonecall"),
    ("meeting", "Meeting"),
];
const CHAINING: &[(&str, &str)] =
    &[("suggest", "Suggest Next Activity"), ("trigger", "Trigger Next Activity")];
const DECORATIONS: &[(&str, &str)] = &[("warning", "Alert"), ("danger", "Error")];
const STATES: &[(&str, &str)] =
    &[("overdue", "Overdue"), ("today", "Today"), ("planned", "Planned"), ("done", "Done")];
const MESSAGE_TYPES: &[(&str, &str)] = &[
    ("email", "Incoming Email"),
    ("comment", "Comment"),
    ("email_outgoing", "Outgoing Email"),
    ("notification", "System notification"),
    ("auto_comment", "Automated Targeted Notification"),
    ("user_notification", "User Specific Notification"),
    ("sms", "SMS"),
    ("snailmail", "Snailmail"),
];

pub(super) fn models() -> Vec<Model> {
    vec![
        activity(),
        activity_type(),
        message(),
        Model::new(
            "mail.message.subtype",
            "Message subtypes",
            "sequence, id",
            vec![
                F::char("name", "Message Type").required(),
                F::integer("sequence", "Sequence"),
                F::char("res_model", "Model"),
                F::boolean("internal", "Internal Only"),
                F::boolean("default", "Default"),
                F::boolean("hidden", "Hidden"),
            ],
        )
        .access(Level::Portal, Level::Settings),
    ]
}

fn activity() -> Model {
    let fields = vec![
        F::many2one("res_model_id", "Document Model", "ir.model").required().cascade(),
        F::char("res_model", "Related Document Model").readonly(),
        F::special("res_id", "Related Document ID", Kind::Many2oneReference),
        F::char("res_name", "Document Name").readonly(),
        F::many2one("activity_type_id", "Activity Type", "mail.activity.type").restrict(),
        F::selection("chaining_type", "Chaining Type", CHAINING).computed(),
        F::selection("activity_category", "Action", CATEGORIES).computed(),
        F::selection("activity_decoration", "Decoration Type", DECORATIONS).computed(),
        F::char("icon", "Icon").computed(),
        F::char("summary", "Summary"),
        F::html("note", "Note"),
        F::date("date_deadline", "Due Date").required(),
        F::date("date_done", "Done Date").readonly(),
        F::boolean("active", "Active"),
        F::boolean("automated", "Automated activity").readonly(),
        F::many2one("user_id", "Assigned to", "res.users").required().cascade(),
        F::many2one("request_partner_id", "Requesting Partner", "res.partner"),
        F::many2one("calendar_event_id", "Calendar Meeting", "calendar.event").cascade(),
        F::many2one("previous_activity_type_id", "Previous Activity Type", "mail.activity.type").readonly(),
        F::many2one("recommended_activity_type_id", "Recommended Activity Type", "mail.activity.type"),
        F::selection("state", "State", STATES).computed(),
        F::boolean("can_write", "Can Write").computed(),
    ];
    Model::new("mail.activity", "Activity", "date_deadline ASC", fields)
        .access(Level::Internal, Level::Internal)
}

fn activity_type() -> Model {
    let fields = vec![
        F::char("name", "Name").required(),
        F::char("summary", "Default Summary"),
        F::integer("sequence", "Sequence"),
        F::boolean("active", "Active"),
        F::selection("category", "Action", CATEGORIES),
        F::selection("chaining_type", "Chaining Type", CHAINING).required(),
        F::selection("decoration_type", "Decoration Type", DECORATIONS),
        F::integer("delay_count", "Schedule"),
        F::selection(
            "delay_unit",
            "Delay units",
            &[("days", "days"), ("weeks", "weeks"), ("months", "months")],
        )
        .required(),
        F::char("icon", "Icon"),
        F::boolean("keep_done", "Keep Done"),
        F::selection("res_model", "Model", &[("crm.lead", "Lead/Opportunity"), ("res.partner", "Contact")]),
    ];
    let mut model = Model::new("mail.activity.type", "Activity Type", "sequence, id", fields)
        .access(Level::Internal, Level::Settings);
    // The real model redefines this field and forgets that nobody may edit it.
    for creator in model.fields.iter_mut().filter(|field| field.name == "create_uid") {
        creator.readonly = false;
    }
    model
}

fn message() -> Model {
    let fields = vec![
        F::char("subject", "Subject"),
        F::many2one("parent_id", "Parent Message", "mail.message"),
        F::one2many("child_ids", "Child Messages", "mail.message", "parent_id"),
        F::datetime("date", "Date"),
        F::html("body", "Contents"),
        F::selection("message_type", "Type", MESSAGE_TYPES).required(),
        F::many2one("subtype_id", "Subtype", "mail.message.subtype"),
        F::char("model", "Related Document Model"),
        F::special("res_id", "Related Document ID", Kind::Many2oneReference),
        F::char("record_name", "Message Record Name"),
        F::many2one("mail_activity_type_id", "Mail Activity Type", "mail.activity.type"),
        F::many2one("author_id", "Author", "res.partner"),
        F::char("email_from", "From"),
        F::boolean("is_internal", "Employee Only"),
        F::char("preview", "Preview").computed(),
        F::many2many("partner_ids", "Recipients", "res.partner"),
        F::char("message_id", "Message-Id").readonly(),
        F::char("reply_to", "Reply-To"),
        F::boolean("starred", "Starred").computed(),
        F::many2many("starred_partner_ids", "Favorited By", "res.partner"),
        F::datetime("pinned_at", "Pinned"),
        F::one2many("tracking_value_ids", "Tracking values", "mail.tracking.value", "mail_message_id")
            .restricted(Level::Settings),
    ];
    Model::new("mail.message", "Message", "id desc", fields).access(Level::Portal, Level::Internal)
}
