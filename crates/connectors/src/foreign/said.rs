//! Reads what a mapping has said, and says where it went wrong.

use salescommand_domain::canonical::Rejection;
use serde::Deserialize;
use serde_json::Value;

use super::words::Words;

/// Reads what a mapping has said.
pub(super) fn read(said: Value) -> Result<Words, Rejection> {
    let Value::Object(mut fields) = said else {
        return Err(Rejection::new(
            "wrong_type",
            "",
            format!("the mapping must say a record or null, not {}", shown(&said)),
        ));
    };
    let kind = match fields.remove("kind") {
        Some(Value::String(kind)) => kind,
        Some(other) => {
            return Err(Rejection::new(
                "wrong_type",
                "/kind",
                format!("expected a text, found {}", shown(&other)),
            ));
        }
        None => {
            return Err(Rejection::new(
                "missing_field",
                "/kind",
                "the mapping must say which kind of thing the record is",
            ));
        }
    };
    let fields = Value::Object(fields);
    Ok(match kind.as_str() {
        "account" => Words::Account(fields_of(fields)?),
        "contact" => Words::Contact(fields_of(fields)?),
        "opportunity" => Words::Opportunity(Box::new(fields_of(fields)?)),
        "activity" => Words::Activity(fields_of(fields)?),
        "user" => Words::User(fields_of(fields)?),
        "team" => Words::Team(fields_of(fields)?),
        "stage" => Words::Stage(fields_of(fields)?),
        "label" => Words::Label(fields_of(fields)?),
        "company" => Words::Company(fields_of(fields)?),
        "currency" => Words::Currency(fields_of(fields)?),
        other => return Err(Rejection::new("out_of_range", "/kind", format!("there is no kind {other:?}"))),
    })
}

/// The kind has been taken off before: within a tagged enum the place of a fault would be lost.
fn fields_of<'de, T: Deserialize<'de>>(fields: Value) -> Result<T, Rejection> {
    serde_path_to_error::deserialize(fields).map_err(|error| {
        let path: String = error.path().iter().filter_map(segment).collect();
        let message = error.inner().to_string();
        let named = |prefix: &str| message.strip_prefix(prefix)?.split('`').next();
        if let Some(field) = named("missing field `") {
            return Rejection::new("missing_field", format!("{path}/{field}"), "is not there");
        }
        let reason = match &message {
            message if message.starts_with("unknown field") => "unknown_field",
            message
                if ["invalid type", "expected an ISO", "expected a name"]
                    .iter()
                    .any(|beginning| message.starts_with(beginning)) =>
            {
                "wrong_type"
            }
            _ => "out_of_range",
        };
        Rejection::new(reason, path, message)
    })
}

fn segment(segment: &serde_path_to_error::Segment) -> Option<String> {
    use serde_path_to_error::Segment::{Enum, Map, Seq, Unknown};
    match segment {
        Map { key } | Enum { variant: key } => {
            Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
        }
        Seq { index } => Some(format!("/{index}")),
        Unknown => None,
    }
}

/// A value for a person to recognise, shortened.
fn shown(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}
