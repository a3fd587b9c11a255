//! Leads, stages, teams and the lists a lead refers to.

use super::{Field as F, Kind, Level, Model};

const PRIORITIES: &[(&str, &str)] = &[("0", "Low"), ("1", "Medium"), ("2", "High"), ("3", "Very High")];
const TYPES: &[(&str, &str)] = &[("lead", "Lead"), ("opportunity", "Opportunity")];
const ACTIVITY_STATES: &[(&str, &str)] =
    &[("overdue", "Overdue"), ("today", "Today"), ("planned", "Planned")];
const KANBAN_STATES: &[(&str, &str)] = &[
    ("grey", "No next activity planned"),
    ("red", "Next activity late"),
    ("green", "Next activity is planned"),
];
const QUALITY: &[(&str, &str)] = &[("correct", "Correct"), ("incorrect", "Incorrect")];

pub(super) fn models() -> Vec<Model> {
    let list = |name, label| {
        Model::new(name, label, "name", vec![F::char("name", "Name").required()])
            .access(Level::Internal, Level::OwnDocuments)
    };
    let mut utm = [
        list("utm.source", "UTM Source"),
        list("utm.medium", "UTM Medium"),
        list("utm.campaign", "UTM Campaign"),
    ];
    for archivable in utm.iter_mut().skip(1) {
        archivable.fields.push(F::boolean("active", "Active"));
    }
    // A campaign has a key of its own beside the name that people give it.
    if let Some(campaign) = utm.last_mut() {
        campaign.fields.push(F::char("title", "Campaign Name"));
    }
    [lead(), team(), team_member(), stage(), lost_reason(), tag(), recurring_plan()]
        .into_iter()
        .chain(utm)
        .collect()
}

/// The dialogues of the web interface that change leads.
pub(super) fn dialogues() -> Vec<Model> {
    let fields = vec![
        F::many2many("lead_ids", "Leads", "crm.lead"),
        F::many2one("lost_reason_id", "Lost Reason", "crm.lost.reason"),
        F::html("lost_feedback", "Closing Note"),
    ];
    vec![
        Model::new("crm.lead.lost", "Get Lost Reason", "id", fields)
            .access(Level::OwnDocuments, Level::OwnDocuments),
    ]
}

fn stage() -> Model {
    let fields = vec![
        F::char("name", "Stage Name").required(),
        F::integer("sequence", "Sequence"),
        F::boolean("is_won", "Is Won Stage?"),
        F::text("requirements", "Requirements"),
        F::many2one("team_id", "Sales Team", "crm.team"),
        F::boolean("fold", "Folded in Pipeline"),
        F::integer("team_count", "team_count").computed(),
    ];
    Model::new("crm.stage", "CRM Stages", "sequence, name, id", fields)
}

fn lost_reason() -> Model {
    let fields = vec![
        F::char("name", "Description").required(),
        F::boolean("active", "Active"),
        F::integer("leads_count", "Leads Count").computed(),
    ];
    Model::new("crm.lost.reason", "Opp. Lost Reason", "id", fields)
        .access(Level::OwnDocuments, Level::SalesAdministrator)
}

fn tag() -> Model {
    let fields = vec![F::char("name", "Tag Name").required(), F::integer("color", "Color")];
    Model::new("crm.tag", "CRM Tag", "id", fields).access(Level::OwnDocuments, Level::OwnDocuments)
}

fn recurring_plan() -> Model {
    let fields = vec![
        F::char("name", "Plan Name").required(),
        F::integer("number_of_months", "# Months").required(),
        F::boolean("active", "Active"),
        F::integer("sequence", "Sequence"),
    ];
    Model::new("crm.recurring.plan", "CRM Recurring revenue plans", "sequence", fields)
        .access(Level::OwnDocuments, Level::SalesAdministrator)
}

fn lead() -> Model {
    let mut fields = lead_pipeline();
    fields.extend(lead_contact());
    fields.extend(lead_activity());
    fields.extend(lead_orders());
    Model::new("crm.lead", "Lead/Opportunity", "priority desc, id desc", fields)
        .access(Level::OwnDocuments, Level::OwnDocuments)
}

fn lead_pipeline() -> Vec<F> {
    let currency = "company_currency";
    vec![
        F::char("name", "Opportunity").required(),
        F::selection("type", "Type", TYPES).required(),
        F::boolean("active", "Active"),
        F::selection("priority", "Priority", PRIORITIES),
        F::many2one("stage_id", "Stage", "crm.stage").restrict(),
        F::many2one("user_id", "Salesperson", "res.users"),
        F::many2one("team_id", "Sales Team", "crm.team"),
        F::many2one("company_id", "Company", "res.company"),
        F::many2one(currency, "Currency", "res.currency").computed(),
        F::monetary("expected_revenue", "Expected Revenue", currency),
        F::monetary("prorated_revenue", "Prorated Revenue", currency).readonly(),
        F::monetary("recurring_revenue", "Recurring Revenues", currency),
        F::many2one("recurring_plan", "Recurring Plan", "crm.recurring.plan"),
        F::monetary("recurring_revenue_monthly", "Expected MRR", currency).readonly(),
        F::monetary("recurring_revenue_prorated", "Prorated Recurring Revenues", currency).readonly(),
        F::monetary("recurring_revenue_monthly_prorated", "Prorated MRR", currency).readonly(),
        F::float("probability", "Probability"),
        F::float("automated_probability", "Automated Probability").readonly(),
        F::boolean("is_automated_probability", "Is automated probability?").computed(),
        F::date("date_deadline", "Expected Closing"),
        F::datetime("date_open", "Assignment Date").readonly(),
        F::datetime("date_closed", "Closed Date").readonly(),
        F::datetime("date_conversion", "Conversion Date").readonly(),
        F::datetime("date_last_stage_update", "Last Stage Update").readonly(),
        F::float("day_open", "Days to Assign").readonly(),
        F::float("day_close", "Days to Close").readonly(),
        F::many2one("lost_reason_id", "Lost Reason", "crm.lost.reason").restrict(),
        F::many2many("tag_ids", "Tags", "crm.tag"),
        F::many2one("source_id", "Source", "utm.source"),
        F::many2one("medium_id", "Medium", "utm.medium"),
        F::many2one("campaign_id", "Campaign", "utm.campaign"),
        F::char("referred", "Referred By"),
        F::integer("color", "Color Index"),
        F::html("description", "Notes"),
        F::datetime("date_automation_last", "Last Action").readonly(),
        F::special("duration_tracking", "Status time", Kind::Json).computed(),
        F::special("lead_properties", "Properties", Kind::Properties),
    ]
}

fn lead_orders() -> Vec<F> {
    vec![
        F::one2many("order_ids", "Orders", "sale.order", "opportunity_id"),
        F::integer("quotation_count", "Number of Quotations").computed(),
        F::integer("sale_order_count", "Number of Sale Orders").computed(),
        F::monetary("sale_amount_total", "Sum of Orders", "company_currency").computed(),
    ]
}

fn lead_contact() -> Vec<F> {
    vec![
        F::many2one("partner_id", "Customer", "res.partner"),
        F::char("partner_name", "Company Name"),
        F::char("contact_name", "Contact Name"),
        F::char("email_from", "Email"),
        F::char("email_normalized", "Normalized Email").readonly(),
        F::char("email_domain_criterion", "Email Domain Criterion").readonly(),
        F::integer("duplicate_lead_count", "Potential Duplicate Lead Count").computed(),
        F::selection("email_state", "Email Quality", QUALITY).readonly(),
        F::char("phone", "Phone"),
        F::char("phone_sanitized", "Sanitized Number").readonly(),
        F::char("mobile", "Mobile"),
        F::char("function", "Job Position"),
        F::char("website", "Website"),
        F::char("street", "Street"),
        F::char("street2", "Street2"),
        F::char("city", "City"),
        F::char("zip", "Zip"),
        F::many2one("country_id", "Country", "res.country"),
    ]
}

fn lead_activity() -> Vec<F> {
    vec![
        F::one2many("activity_ids", "Activities", "mail.activity", "res_id").restricted(Level::Internal),
        F::selection("kanban_state", "Kanban State", KANBAN_STATES).computed(),
        F::selection("activity_state", "Activity State", ACTIVITY_STATES)
            .computed()
            .restricted(Level::Internal),
        F::many2one("activity_user_id", "Responsible User", "res.users")
            .computed()
            .restricted(Level::Internal),
        F::many2one("activity_type_id", "Next Activity Type", "mail.activity.type")
            .computed()
            .editable()
            .restricted(Level::Internal),
        F::date("activity_date_deadline", "Next Activity Deadline").computed().restricted(Level::Internal),
        F::char("activity_summary", "Next Activity Summary")
            .computed()
            .editable()
            .restricted(Level::Internal),
        F::one2many("message_ids", "Messages", "mail.message", "res_id"),
    ]
}

fn team() -> Model {
    let fields = vec![
        F::char("name", "Sales Team").required(),
        F::boolean("active", "Active"),
        F::integer("sequence", "Sequence"),
        F::many2one("company_id", "Company", "res.company"),
        F::many2one("currency_id", "Currency", "res.currency").computed(),
        F::many2one("user_id", "Team Leader", "res.users"),
        F::many2many("member_ids", "Salespersons", "res.users").computed().editable(),
        F::one2many("crm_team_member_ids", "Sales Team Members", "crm.team.member", "crm_team_id"),
        F::one2many(
            "crm_team_member_all_ids",
            "Sales Team Members (incl. inactive)",
            "crm.team.member",
            "crm_team_id",
        ),
        F::char("alias_name", "Alias Name").computed().editable(),
        F::boolean("assignment_enabled", "Lead Assign").computed(),
        F::boolean("use_leads", "Leads"),
        F::boolean("use_opportunities", "Pipeline"),
        F::integer("color", "Color Index"),
        F::float("invoiced_target", "Invoicing Target"),
        F::text("dashboard_graph_data", "Dashboard Graph Data").computed(),
        F::special("lead_properties_definition", "Lead Properties", Kind::PropertiesDefinition),
    ];
    Model::new("crm.team", "Sales Team", "sequence ASC, create_date DESC, id DESC", fields)
}

fn team_member() -> Model {
    let fields = vec![
        F::many2one("crm_team_id", "Sales Team", "crm.team").required().cascade(),
        F::many2one("user_id", "Salesperson", "res.users").required().cascade(),
        F::boolean("active", "Active"),
        F::char("name", "Name").computed().editable(),
        F::char("email", "Email").computed(),
        F::many2one("company_id", "Company", "res.company").computed(),
        F::integer("assignment_max", "Average Leads Capacity (on 30 days)"),
    ];
    Model::new("crm.team.member", "Sales Team Member", "create_date ASC, id", fields)
}
