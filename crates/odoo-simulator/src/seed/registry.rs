//! The registry of the installation: models, fields, and the external ids under which what was installed is found in
//! any database.

use crate::database::Record;
use crate::schema::{Kind, Schema};

use super::Builder;

/// How many models the catalogue registers, each at a moment of its own; the others were installed later.
pub(super) const FIRST_MODELS: usize = 26;

/// Module and name of rows with fixed places.
const EXTERNAL: &[(&str, &[(&str, &str)])] = &[
    (
        "mail.message.subtype",
        &[
            ("mail", "mt_comment"),
            ("mail", "mt_note"),
            ("mail", "mt_activities"),
            ("crm", "mt_lead_create"),
            ("crm", "mt_lead_stage"),
            ("crm", "mt_lead_won"),
            ("crm", "mt_lead_lost"),
            ("crm", "mt_lead_restored"),
        ],
    ),
    (
        "mail.activity.type",
        &[
            ("mail", "mail_activity_data_email"),
            ("mail", "mail_activity_data_call"),
            ("mail", "mail_activity_data_meeting"),
            ("mail", "mail_activity_data_todo"),
            ("mail", "mail_activity_data_upload_document"),
        ],
    ),
    ("crm.stage", &[("crm", "stage_lead1"), ("crm", "stage_lead2"), ("crm", "stage_lead3")]),
    ("crm.lost.reason", &[("crm", "lost_reason_1"), ("crm", "lost_reason_2"), ("crm", "lost_reason_3")]),
    ("res.company", &[("base", "main_company")]),
    ("res.users", &[("base", "user_root"), ("base", "user_admin")]),
];

/// Groups do not stand in one row.
const GROUPS: &[(&str, &str, i64)] = &[
    ("base", "group_user", 1),
    ("base", "group_erp_manager", 2),
    ("base", "group_system", 4),
    ("base", "group_portal", 10),
    ("base", "group_public", 11),
    ("sales_team", "group_sale_salesman", 21),
    ("sales_team", "group_sale_salesman_all_leads", 22),
    ("sales_team", "group_sale_manager", 23),
];

pub(super) fn build(builder: &mut Builder) {
    for model in Schema::get().models().iter().skip(FIRST_MODELS) {
        builder.register("ir.model", Record::default().with("name", model.label).with("model", model.name));
    }
    subtypes(builder);
    for (model, names) in EXTERNAL {
        for (id, (module, name)) in (1_i64..).zip(*names) {
            external(builder, (module, name), model, id);
        }
    }
    for (module, name, id) in GROUPS {
        external(builder, (module, name), "res.groups", *id);
    }
    fields(builder);
}

fn external(builder: &mut Builder, (module, name): (&str, &str), model: &str, id: i64) {
    let record = Record::default()
        .with("module", module)
        .with("name", name)
        .with("model", model)
        .with("res_id", id)
        .with("noupdate", true);
    builder.register("ir.model.data", record);
}

/// What each subtype is for.
fn subtypes(builder: &mut Builder) {
    for (id, model, internal) in [
        (2, None, true),
        (3, None, true),
        (4, Some("crm.lead"), false),
        (5, Some("crm.lead"), false),
        (6, Some("crm.lead"), false),
        (7, Some("crm.lead"), false),
        (8, Some("crm.lead"), false),
    ] {
        if let Some(row) = builder.database.edit("mail.message.subtype", id) {
            row.set("res_model", model.into());
            row.set("internal", internal.into());
        }
    }
}

fn fields(builder: &mut Builder) {
    let models: Vec<(i64, String)> = builder
        .database
        .rows("ir.model")
        .filter_map(|(id, row)| Some((id, row.get("model").as_text()?.to_owned())))
        .collect();
    for (model_id, name) in models {
        let Some(model) = Schema::get().model(&name) else { continue };
        for field in &model.fields {
            let record = Record::default()
                .with("name", field.name)
                .with("model", model.name)
                .with("model_id", model_id)
                .with("field_description", field.label)
                .with("ttype", field.kind.name())
                .with("relation", field.relation)
                .with("relation_field", field.inverse.filter(|_| field.kind == Kind::One2many))
                .with("required", field.required)
                .with("readonly", field.readonly)
                .with("store", field.store);
            builder.register("ir.model.fields", record);
        }
    }
}
