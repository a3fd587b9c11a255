//! What is read: objects in order, their fields, and what a missing right costs.
//!
//! A field is listed with the type Odoo gives it, which decides how `false` is read later. Not listed on purpose:
//! `lead_properties` (faults the whole page on older leads; see [`super::properties`]), `duration_tracking` and an activity's `state`
//! (recomputed at every read), `company_currency` (depends on who reads), counters and other computed fields.

use serde_json::Value as Json;

use super::messages;

/// The types of Odoo fields, as far as they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `char`, `text`, `html`, `selection`.
    Text,
    /// `integer`, and `many2one_reference`, which is a plain id.
    Integer,
    /// `float`, `monetary`.
    Decimal,
    /// `boolean`.
    Flag,
    /// `date`.
    Day,
    /// `datetime`, in UTC.
    Moment,
    /// `many2one`.
    One,
    /// `one2many`, `many2many`.
    Many,
}

impl Kind {
    /// The kind of a custom field's Odoo type; none for types that are not carried (binary, one2many, json, …).
    pub fn of_custom(odoo_type: &str) -> Option<Self> {
        Some(match odoo_type {
            "char" | "text" | "html" | "selection" => Self::Text,
            "integer" => Self::Integer,
            "float" | "monetary" => Self::Decimal,
            "boolean" => Self::Flag,
            "date" => Self::Day,
            "datetime" => Self::Moment,
            "many2one" => Self::One,
            "many2many" => Self::Many,
            _ => return None,
        })
    }
}

/// An object of the source.
#[derive(Debug)]
pub(super) struct Object {
    /// Odoo's model name.
    pub name: &'static str,
    /// The fields wanted, with their types. `id` and `write_date` are read of every object.
    pub fields: &'static [(&'static str, Kind)],
    /// Whether custom fields (`x_…`) are read as well.
    pub custom: bool,
    /// The terms that a record must meet to be read; none for all records.
    pub terms: fn() -> Vec<Json>,
    /// The server drops what the user may not read after it has applied the limit, so pages come back short, or empty in
    /// mid-stream, and to count is to fetch.
    pub thinned: bool,
    /// Members of the payload that make no change.
    pub volatile: &'static [&'static str],
    /// It belongs to a module that many do without: if it is not there, or may not be read, that is no failure.
    pub optional: bool,
    /// What we lose if it cannot be read, and who may read it.
    pub cost: &'static str,
}

use Kind::{Day, Decimal, Flag, Integer, Many, Moment, One, Text};

/// All records, whose pages the server fills.
const PLAIN: Object = Object {
    name: "",
    fields: &[],
    custom: false,
    terms: Vec::new,
    thinned: false,
    volatile: &[],
    optional: false,
    cost: "",
};

/// A list that deals are labelled from, and whose entries can be archived.
const LIST: Object = Object { fields: &[("active", Flag), ("create_date", Moment), ("name", Text)], ..PLAIN };

/// Every object, in the order of reading.
pub(super) static OBJECTS: &[Object] = &[
    Object {
        name: "res.currency",
        fields: &[
            ("active", Flag),
            ("create_date", Moment),
            ("decimal_places", Integer),
            ("full_name", Text),
            ("name", Text),
            ("position", Text),
            ("rounding", Decimal),
            ("symbol", Text),
        ],
        cost: "without it every amount is without a currency; any internal user may read it",
        ..PLAIN
    },
    Object {
        name: "res.company",
        fields: &[
            ("active", Flag),
            ("create_date", Moment),
            ("currency_id", One),
            ("name", Text),
            ("parent_id", One),
            ("partner_id", One),
        ],
        cost: "without it every amount is without a currency; add the API user to every company",
        ..PLAIN
    },
    Object {
        name: "res.users",
        fields: &[
            ("active", Flag),
            ("company_id", One),
            ("company_ids", Many),
            ("create_date", Moment),
            ("email", Text),
            ("login", Text),
            ("name", Text),
            ("partner_id", One),
            ("sale_team_id", One),
            ("share", Flag),
        ],
        cost: "without it deals have no owner by name and nobody sees their own; any internal user may read it",
        ..PLAIN
    },
    Object {
        name: "hr.employee",
        fields: &[
            ("active", Flag),
            ("create_date", Moment),
            ("name", Text),
            ("parent_id", One),
            ("user_id", One),
            ("work_email", Text),
        ],
        optional: true,
        cost: "without it Odoo says nobody's manager, and the leaders of teams stand in for them; install Employees, \
               or give the API user Employees / Officer",
        ..PLAIN
    },
    Object {
        name: "crm.team",
        fields: &[
            ("active", Flag),
            ("company_id", One),
            ("create_date", Moment),
            ("member_ids", Many),
            ("name", Text),
            ("sequence", Integer),
            ("user_id", One),
        ],
        cost: "without it there are no team figures; give the API user Sales / User: All Documents",
        ..PLAIN
    },
    Object {
        name: "crm.stage",
        fields: &[
            ("create_date", Moment),
            ("fold", Flag),
            ("is_won", Flag),
            ("name", Text),
            ("sequence", Integer),
            ("team_id", One),
        ],
        cost: "without it no deal can be told to be won; give the API user Sales / User: All Documents",
        ..PLAIN
    },
    Object {
        name: "crm.tag",
        fields: &[("create_date", Moment), ("name", Text)],
        cost: "without it deals have no tags; give the API user Sales / User: All Documents",
        ..PLAIN
    },
    Object {
        name: "crm.lost.reason",
        cost: "without it nobody knows why deals were lost; give the API user Sales / User: All Documents",
        ..LIST
    },
    Object {
        name: "crm.recurring.plan",
        fields: &[
            ("active", Flag),
            ("create_date", Moment),
            ("name", Text),
            ("number_of_months", Integer),
            ("sequence", Integer),
        ],
        cost: "without it recurring revenue has no period; give the API user Sales / User: All Documents",
        ..PLAIN
    },
    Object {
        name: "utm.source",
        fields: &[("create_date", Moment), ("name", Text)],
        cost: "without it deals do not say where they came from; any internal user may read it",
        ..PLAIN
    },
    Object {
        name: "utm.medium",
        cost: "without it deals do not say by which way they came; any internal user may read it",
        ..LIST
    },
    Object {
        name: "utm.campaign",
        fields: &[("active", Flag), ("create_date", Moment), ("name", Text), ("title", Text)],
        cost: "without it deals do not say for which campaign they came; any internal user may read it",
        ..PLAIN
    },
    Object {
        name: "res.partner",
        fields: &[
            ("active", Flag),
            ("category_id", Many),
            ("city", Text),
            ("commercial_partner_id", One),
            ("company_id", One),
            ("company_registry", Text),
            ("country_id", One),
            ("create_date", Moment),
            ("email", Text),
            ("employee", Flag),
            ("function", Text),
            ("industry_id", One),
            ("is_company", Flag),
            ("lang", Text),
            ("mobile", Text),
            ("name", Text),
            ("parent_id", One),
            ("phone", Text),
            ("ref", Text),
            ("state_id", One),
            ("street", Text),
            ("street2", Text),
            ("team_id", One),
            ("type", Text),
            ("user_id", One),
            ("vat", Text),
            ("website", Text),
            ("zip", Text),
        ],
        custom: true,
        cost: "without it deals have no account and no contact; give the API user Sales / User: All Documents",
        ..PLAIN
    },
    Object {
        name: "crm.lead",
        fields: LEAD_FIELDS,
        custom: true,
        cost: "without it there is no pipeline at all; give the API user Sales / User: All Documents",
        ..PLAIN
    },
    Object {
        name: "mail.activity",
        fields: &[
            ("active", Flag),
            ("activity_category", Text),
            ("activity_type_id", One),
            ("automated", Flag),
            ("calendar_event_id", One),
            ("create_date", Moment),
            ("date_deadline", Day),
            ("date_done", Day),
            ("display_name", Text),
            ("icon", Text),
            ("note", Text),
            ("request_partner_id", One),
            ("res_id", Integer),
            ("res_model", Text),
            ("res_name", Text),
            ("summary", Text),
            ("user_id", One),
        ],
        cost: "without it there are no calls, meetings and tasks; give the API user Sales / User: All Documents",
        ..PLAIN
    },
    Object {
        name: "calendar.event",
        fields: &[
            ("active", Flag),
            ("allday", Flag),
            ("create_date", Moment),
            ("ms_universal_event_id", Text),
            ("name", Text),
            ("opportunity_id", One),
            ("partner_ids", Many),
            ("privacy", Text),
            ("recurrency", Flag),
            ("res_id", Integer),
            ("res_model", Text),
            ("start", Moment),
            ("stop", Moment),
            ("user_id", One),
        ],
        cost: "without it meetings have no time; any internal user may read it",
        ..PLAIN
    },
    Object {
        name: messages::OBJECT,
        fields: &[
            ("author_id", One),
            ("create_date", Moment),
            ("date", Moment),
            ("mail_activity_type_id", One),
            ("message_type", Text),
            ("model", Text),
            ("record_name", Text),
            ("res_id", Integer),
            ("subject", Text),
        ],
        terms: messages::terms,
        thinned: true,
        volatile: messages::VOLATILE,
        cost: "without it nothing that was done is counted; give the API user Sales / User: All Documents",
        ..PLAIN
    },
];

/// `lost_reason` is what `lost_reason_id` was called up to Odoo 15.
static LEAD_FIELDS: &[(&str, Kind)] = &[
    ("active", Flag),
    ("automated_probability", Decimal),
    ("campaign_id", One),
    ("city", Text),
    ("company_id", One),
    ("contact_name", Text),
    ("country_id", One),
    ("create_date", Moment),
    ("date_closed", Moment),
    ("date_conversion", Moment),
    ("date_deadline", Day),
    ("date_last_stage_update", Moment),
    ("date_open", Moment),
    ("description", Text),
    ("email_from", Text),
    ("expected_revenue", Decimal),
    ("function", Text),
    ("lost_reason", One),
    ("lost_reason_id", One),
    ("medium_id", One),
    ("mobile", Text),
    ("name", Text),
    ("partner_id", One),
    ("partner_name", Text),
    ("phone", Text),
    ("priority", Text),
    ("probability", Decimal),
    ("prorated_revenue", Decimal),
    ("recurring_plan", One),
    ("recurring_revenue", Decimal),
    ("recurring_revenue_monthly", Decimal),
    ("referred", Text),
    ("source_id", One),
    ("stage_id", One),
    ("state_id", One),
    ("street", Text),
    ("street2", Text),
    ("tag_ids", Many),
    ("team_id", One),
    ("type", Text),
    ("user_id", One),
    ("website", Text),
    ("zip", Text),
];

/// An object by its name.
pub(super) fn object(name: &str) -> Option<&'static Object> {
    OBJECTS.iter().find(|object| object.name == name)
}

impl Object {
    /// The type of one of its fields.
    pub fn kind(&self, field: &str) -> Option<Kind> {
        self.fields.iter().find(|(name, _)| *name == field).map(|(_, kind)| *kind)
    }
}
