//! `lead_properties` as custom fields: `lead_properties.<name>` with its label, its type and its value.
//!
//! The name stays when somebody changes the label, and is nothing to read. Where a value is the key of something that has a
//! label of its own (an option, a tag, another record), it is that label.

use salescommand_domain::canonical::{Custom, Rejection};
use serde_json::{Map, Value as Json, json};

use super::payload::Payload;
use crate::odoo::properties::FIELD;

/// The properties of a lead that have a value.
pub(super) fn custom(payload: &Payload<'_>) -> Result<Custom, Rejection> {
    let mut custom = Custom::new();
    for property in payload.list(FIELD)? {
        let Json::Object(property) = property else {
            return Err(payload.wrong_type(FIELD, "a list of properties"));
        };
        let text = |member: &str| property.get(member).and_then(Json::as_str).unwrap_or_default();
        let (name, odoo_type) = (text("name"), text("type"));
        if name.is_empty() {
            return Err(payload.wrong_type(FIELD, "properties that have a name"));
        }
        let value = value(property, odoo_type)
            .map_err(|expected| payload.wrong_type(FIELD, &format!("{name} to be {expected}")))?;
        let Some(value) = value else { continue };
        let described = json!({ "label": text("string"), "type": odoo_type, "value": value });
        custom.insert(format!("{FIELD}.{name}"), described);
    }
    Ok(custom)
}

/// The value of a property; none if it is empty. Fails with what it should have been. A type that is not known passes as it
/// is.
fn value(property: &Map<String, Json>, odoo_type: &str) -> Result<Option<Json>, &'static str> {
    let Some(value) = property.get("value").filter(|value| !value.is_null()) else { return Ok(None) };
    if odoo_type == "boolean" {
        return if value.is_boolean() { Ok(Some(value.clone())) } else { Err("true or false") };
    }
    if *value == Json::Bool(false) {
        return Ok(None);
    }
    let expected = match odoo_type {
        "char" | "text" | "html" | "date" | "datetime" => {
            value.is_string().then_some(value.clone()).ok_or("a text")
        }
        "integer" => value.is_i64().then_some(value.clone()).ok_or("a whole number"),
        "float" => value.is_number().then_some(value.clone()).ok_or("a number"),
        "selection" => {
            value.is_string().then(|| labelled(property.get("selection"), value)).ok_or("an option")
        }
        "tags" => each(value, |tag| labelled(property.get("tags"), tag)),
        "many2one" => Ok(name_of(value)),
        "many2many" => each(value, name_of),
        _ => Ok(value.clone()),
    }?;
    let empty = expected == json!("") || expected == json!([]);
    Ok(Some(expected).filter(|_| !empty))
}

fn each(list: &Json, of: impl Fn(&Json) -> Json) -> Result<Json, &'static str> {
    list.as_array().map(|list| list.iter().map(of).collect()).ok_or("a list")
}

/// The label of a key among `[key, label, …]`; the key itself if it is not among them.
fn labelled(options: Option<&Json>, key: &Json) -> Json {
    let options = options.and_then(Json::as_array).into_iter().flatten();
    let mut found = options.filter(|option| option.get(0) == Some(key));
    found.next().and_then(|option| option.get(1)).unwrap_or(key).clone()
}

/// The name in `[id, name]`; else what there is.
fn name_of(reference: &Json) -> Json {
    reference.get(1).filter(|name| name.is_string()).unwrap_or(reference).clone()
}
