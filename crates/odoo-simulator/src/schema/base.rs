//! Users, groups, companies, currencies, partners and employees.

use super::{Field as F, Level, Model};

const ADDRESS_TYPES: &[(&str, &str)] = &[
    ("contact", "Contact"),
    ("invoice", "Invoice Address"),
    ("delivery", "Delivery Address"),
    ("other", "Other Address"),
];
const COMPANY_TYPES: &[(&str, &str)] = &[("person", "Individual"), ("company", "Company")];
const POSITIONS: &[(&str, &str)] = &[("after", "After Amount"), ("before", "Before Amount")];
const LANGUAGES: &[(&str, &str)] = &[("en_US", "English (US)")];
pub(super) const TIME_ZONES: &[(&str, &str)] = &[
    ("UTC", "UTC"),
    ("America/New_York", "America/New_York"),
    ("Europe/Berlin", "Europe/Berlin"),
    ("Europe/Istanbul", "Europe/Istanbul"),
];

pub(super) fn models() -> Vec<Model> {
    vec![
        users(),
        Model::new("res.groups", "Access Groups", "name", vec![F::char("name", "Name").required()])
            .access(Level::Internal, Level::Settings),
        company(),
        currency(),
        currency_rate(),
        partner(),
        Model::new(
            "res.partner.category",
            "Partner Tags",
            "name",
            vec![F::char("name", "Tag Name").required(), F::boolean("active", "Active")],
        )
        .access(Level::Internal, Level::OwnDocuments),
        Model::new(
            "res.country",
            "Country",
            "name",
            vec![F::char("name", "Country Name").required(), F::char("code", "Country Code").required()],
        )
        .access(Level::Internal, Level::Settings),
        employee(),
        department(),
        Model::new(
            "ir.model",
            "Models",
            "model",
            vec![F::char("name", "Model Description").required(), F::char("model", "Model").required()],
        )
        .access(Level::Settings, Level::Settings),
        Model::new(
            "ir.config_parameter",
            "System Parameter",
            "key",
            vec![F::char("key", "Key").required(), F::text("value", "Value").required()],
        )
        .access(Level::Settings, Level::Settings),
    ]
}

fn users() -> Model {
    let fields = vec![
        F::char("login", "Login").required(),
        F::char("name", "Name").computed().editable(),
        F::char("email", "Email").computed().editable(),
        F::char("email_normalized", "Normalized Email").computed(),
        F::char("phone", "Phone").computed().editable(),
        F::char("mobile", "Mobile").computed().editable(),
        F::char("function", "Job Position").computed().editable(),
        F::boolean("active", "Active"),
        F::boolean("active_partner", "Partner is Active").computed(),
        F::boolean("share", "Share User").readonly(),
        F::many2one("partner_id", "Related Partner", "res.partner").required().restrict(),
        F::many2one("company_id", "Company", "res.company").required().restrict(),
        F::many2many("company_ids", "Companies", "res.company"),
        F::many2many("groups_id", "Groups", "res.groups"),
        F::selection("lang", "Language", LANGUAGES).described_stored(false),
        F::selection("tz", "Timezone", TIME_ZONES).described_stored(false),
        F::datetime("login_date", "Latest authentication").computed().editable(),
        F::many2one("sale_team_id", "User Sales Team", "crm.team").computed().described_stored(true),
        F::many2many("crm_team_ids", "Sales Teams", "crm.team").computed(),
        F::one2many("crm_team_member_ids", "Sales Team Members", "crm.team.member", "user_id"),
        F::one2many("employee_ids", "Related employee", "hr.employee", "user_id"),
        F::many2one("employee_id", "Company employee", "hr.employee").computed(),
        F::selection(
            "notification_type",
            "Notification",
            &[("email", "Handle by Emails"), ("inbox", "Handle in Odoo")],
        )
        .required(),
        F::boolean("totp_enabled", "Two-factor authentication").computed(),
        F::char("signup_token", "Signup Token").computed().editable().restricted(Level::Settings),
    ];
    Model::new("res.users", "User", "name, login", fields).access(Level::Internal, Level::Settings)
}

fn company() -> Model {
    let fields = vec![
        F::char("name", "Company Name").required(),
        F::boolean("active", "Active"),
        F::integer("sequence", "Sequence"),
        F::many2one("currency_id", "Currency", "res.currency").required().restrict(),
        F::many2one("partner_id", "Partner", "res.partner").required().restrict(),
        F::many2one("parent_id", "Parent Company", "res.company").restrict(),
        F::one2many("child_ids", "Branches", "res.company", "parent_id"),
        F::many2many("user_ids", "Accepted Users", "res.users").computed().editable().described_stored(true),
        F::char("email", "Email").computed().editable().described_stored(true),
        F::char("phone", "Phone").computed().editable().described_stored(true),
        F::char("website", "Website Link").computed().editable(),
        F::char("vat", "Tax ID").computed().editable(),
        F::many2one("country_id", "Country", "res.country").computed().editable(),
        F::integer("fiscalyear_last_day", "Fiscalyear Last Day").required(),
        F::selection(
            "fiscalyear_last_month",
            "Fiscalyear Last Month",
            &[
                ("1", "January"),
                ("2", "February"),
                ("3", "March"),
                ("4", "April"),
                ("5", "May"),
                ("6", "June"),
                ("7", "July"),
                ("8", "August"),
                ("9", "September"),
                ("10", "October"),
                ("11", "November"),
                ("12", "December"),
            ],
        )
        .required(),
    ];
    Model::new("res.company", "Companies", "sequence, name", fields).access(Level::Internal, Level::Settings)
}

fn currency() -> Model {
    let fields = vec![
        F::char("name", "Currency").required(),
        F::char("full_name", "Name"),
        F::char("symbol", "Symbol").required(),
        F::boolean("active", "Active"),
        F::float("rounding", "Rounding Factor"),
        F::integer("decimal_places", "Decimal Places").readonly(),
        F::selection("position", "Symbol Position", POSITIONS),
        F::char("currency_unit_label", "Currency Unit"),
        F::char("currency_subunit_label", "Currency Subunit"),
        F::float("rate", "Current Rate").computed(),
        F::float("inverse_rate", "Inverse Rate").computed(),
        F::date("date", "Date").computed(),
        F::one2many("rate_ids", "Rates", "res.currency.rate", "currency_id"),
    ];
    Model::new("res.currency", "Currency", "active desc, name", fields)
        .access(Level::Internal, Level::Settings)
}

fn currency_rate() -> Model {
    let fields = vec![
        F::date("name", "Date").required(),
        F::float("rate", "Technical Rate"),
        F::float("company_rate", "Company Rate").computed().editable(),
        F::float("inverse_company_rate", "Inverse Company Rate").computed().editable(),
        F::many2one("currency_id", "Currency", "res.currency").required().readonly().cascade(),
        F::many2one("company_id", "Company", "res.company"),
    ];
    Model::new("res.currency.rate", "Currency Rate", "name desc, id", fields)
        .access(Level::Internal, Level::Settings)
}

fn partner() -> Model {
    let fields = vec![
        F::char("name", "Name"),
        F::char("complete_name", "Complete Name").readonly(),
        F::boolean("active", "Active"),
        F::boolean("is_company", "Is a Company"),
        F::selection("company_type", "Company Type", COMPANY_TYPES).computed().editable(),
        F::selection("type", "Address Type", ADDRESS_TYPES),
        F::many2one("parent_id", "Related Company", "res.partner"),
        F::char("parent_name", "Parent name").computed(),
        F::one2many("child_ids", "Contact", "res.partner", "parent_id"),
        F::many2one("commercial_partner_id", "Commercial Entity", "res.partner").readonly(),
        F::char("commercial_company_name", "Company Name Entity").readonly(),
        F::char("company_name", "Company Name"),
        F::char("email", "Email"),
        F::char("email_normalized", "Normalized Email").readonly(),
        F::char("phone", "Phone"),
        F::char("phone_sanitized", "Sanitized Number").readonly(),
        F::char("mobile", "Mobile"),
        F::char("website", "Website Link"),
        F::char("vat", "Tax ID"),
        F::char("ref", "Reference"),
        F::char("function", "Job Position"),
        F::char("street", "Street"),
        F::char("street2", "Street2"),
        F::char("city", "City"),
        F::char("zip", "Zip"),
        F::many2one("country_id", "Country", "res.country").restrict(),
        F::selection("lang", "Language", LANGUAGES),
        F::selection("tz", "Timezone", TIME_ZONES),
        F::many2many("category_id", "Tags", "res.partner.category"),
        F::one2many("activity_ids", "Activities", "mail.activity", "res_id").restricted(Level::Internal),
        F::many2one("user_id", "Salesperson", "res.users"),
        F::one2many("user_ids", "Users", "res.users", "partner_id"),
        F::many2one("team_id", "Sales Team", "crm.team"),
        F::many2one("company_id", "Company", "res.company"),
        F::html("comment", "Notes"),
        F::boolean("employee", "Employee"),
        F::boolean("partner_share", "Share Partner").readonly(),
        F::integer("customer_rank", "Customer Rank"),
        F::integer("supplier_rank", "Supplier Rank"),
        F::boolean("message_is_follower", "Is Follower").computed(),
        F::boolean("is_blacklisted", "Blacklist").computed().restricted(Level::Internal),
        F::integer("opportunity_count", "Opportunity Count").computed(),
        F::char("signup_token", "Signup Token").computed().editable().restricted(Level::Settings),
    ];
    Model::new("res.partner", "Contact", "complete_name ASC, id DESC", fields)
        .access(Level::Portal, Level::OwnDocuments)
}

fn employee() -> Model {
    let fields = vec![
        F::char("name", "Employee Name"),
        F::boolean("active", "Active"),
        F::many2one("user_id", "User", "res.users"),
        F::many2one("parent_id", "Manager", "hr.employee"),
        F::one2many("child_ids", "Direct subordinates", "hr.employee", "parent_id"),
        F::many2one("coach_id", "Coach", "hr.employee"),
        F::many2one("department_id", "Department", "hr.department"),
        F::many2one("company_id", "Company", "res.company").required().restrict(),
        F::char("job_title", "Job Title"),
        F::char("work_email", "Work Email"),
        F::char("work_phone", "Work Phone"),
        F::char("mobile_phone", "Work Mobile"),
    ];
    Model::new("hr.employee", "Employee", "name", fields).access(Level::Internal, Level::Settings)
}

fn department() -> Model {
    let fields = vec![
        F::char("name", "Department Name").required(),
        F::boolean("active", "Active"),
        F::many2one("parent_id", "Parent Department", "hr.department"),
        F::many2one("manager_id", "Manager", "hr.employee"),
        F::many2one("company_id", "Company", "res.company"),
    ];
    Model::new("hr.department", "Department", "name", fields).access(Level::Internal, Level::Settings)
}
