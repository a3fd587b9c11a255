//! What records what happened: values before and after a change, and the registry that resolves their names.

use super::{Field as F, Kind, Level, Model};

pub(super) fn models() -> Vec<Model> {
    vec![tracking_value(), model_data(), model_fields()]
}

fn tracking_value() -> Model {
    let fields = vec![
        F::many2one("field_id", "Field", "ir.model.fields").readonly(),
        F::special("field_info", "Removed field information", Kind::Json),
        F::integer("old_value_integer", "Old Value Integer").readonly(),
        F::float("old_value_float", "Old Value Float").readonly(),
        F::char("old_value_char", "Old Value Char").readonly(),
        F::text("old_value_text", "Old Value Text").readonly(),
        F::datetime("old_value_datetime", "Old Value DateTime").readonly(),
        F::integer("new_value_integer", "New Value Integer").readonly(),
        F::float("new_value_float", "New Value Float").readonly(),
        F::char("new_value_char", "New Value Char").readonly(),
        F::text("new_value_text", "New Value Text").readonly(),
        F::datetime("new_value_datetime", "New Value Datetime").readonly(),
        F::many2one("currency_id", "Currency", "res.currency").readonly(),
        F::many2one("mail_message_id", "Message ID", "mail.message").required().cascade(),
    ];
    Model::new("mail.tracking.value", "Mail Tracking Value", "id DESC", fields)
        .access(Level::Settings, Level::Settings)
}

fn model_data() -> Model {
    let fields = vec![
        F::char("name", "External Identifier").required(),
        F::char("module", "Module").required(),
        F::char("complete_name", "Complete ID").computed(),
        F::char("model", "Model Name").required(),
        F::special("res_id", "Record ID", Kind::Many2oneReference),
        F::boolean("noupdate", "Non Updatable"),
    ];
    Model::new("ir.model.data", "Model Data", "module, model, name", fields)
        .access(Level::Settings, Level::Settings)
}

fn model_fields() -> Model {
    let fields = vec![
        F::char("name", "Field Name").required(),
        F::char("model", "Model Name").required(),
        F::many2one("model_id", "Model", "ir.model").required().cascade(),
        F::char("field_description", "Field Label").required(),
        F::selection("ttype", "Field Type", TYPES).required(),
        F::char("relation", "Related Model"),
        F::char("relation_field", "Relation Field"),
        F::boolean("required", "Required"),
        F::boolean("readonly", "Readonly"),
        F::boolean("store", "Stored"),
    ];
    Model::new("ir.model.fields", "Fields", "name", fields).access(Level::Settings, Level::Settings)
}

const TYPES: &[(&str, &str)] = &[
    ("boolean", "boolean"),
    ("char", "char"),
    ("date", "date"),
    ("datetime", "datetime"),
    ("float", "float"),
    ("html", "html"),
    ("integer", "integer"),
    ("json", "json"),
    ("many2many", "many2many"),
    ("many2one", "many2one"),
    ("many2one_reference", "many2one_reference"),
    ("monetary", "monetary"),
    ("one2many", "one2many"),
    ("properties", "properties"),
    ("properties_definition", "properties_definition"),
    ("selection", "selection"),
    ("text", "text"),
];
