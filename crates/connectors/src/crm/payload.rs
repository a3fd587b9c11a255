//! The payload of `crm` opportunities, written and read.
//!
//! Invariant: no payload, however shaped, makes the reader panic or guess; what is written reads back as it was.

use jiff::Timestamp;
use rust_decimal::Decimal;
use salescommand_domain::canonical::{
    Amount, CrmOpportunity, CurrencySource, Edited, FacetId, OpportunityEdit, Rejection, Status,
};
use salescommand_domain::iso_4217;
use salescommand_domain::money::CurrencyCode;
use serde_json::{Map, Value, json};

/// The payload of a record.
pub fn payload(record: CrmOpportunity, fields: &OpportunityEdit) -> Value {
    let mut written = Map::new();
    put(&mut written, "name", &fields.name, |name| json!(name));
    put(&mut written, "stage", &fields.stage, |stage| json!(stage));
    put(&mut written, "status", &fields.status, |status| json!(status));
    put(&mut written, "amount", &fields.amount, amount_written);
    put(&mut written, "probability_ppm", &fields.probability_ppm, |parts| json!(parts));
    put(&mut written, "owner", &fields.owner, |owner| json!(owner));
    put(&mut written, "close_date", &fields.close_date, |day| json!(day));
    json!({ "kind": kind(record), "fields": written })
}

fn kind(record: CrmOpportunity) -> &'static str {
    match record {
        CrmOpportunity::Edit(_) => "edit",
        CrmOpportunity::Deal(_) => "deal",
    }
}

fn put<T>(
    written: &mut Map<String, Value>,
    field: &str,
    edited: &Option<Edited<T>>,
    value: impl Fn(&T) -> Value,
) {
    if let Some(edited) = edited {
        let value = edited.value.as_ref().map_or(Value::Null, value);
        written.insert(field.to_owned(), json!({ "value": value, "at": edited.at, "by": edited.by }));
    }
}

fn amount_written(amount: &Amount) -> Value {
    let currency = match amount.currency {
        Some(CurrencySource::Iso(code, _)) => json!(code),
        _ => Value::Null,
    };
    json!({ "value": amount.value.normalize().to_string(), "currency": currency })
}

/// Reads the fields of a record's payload.
pub fn read(payload: &Value, record: CrmOpportunity) -> Result<OpportunityEdit, Rejection> {
    let payload = object(payload, "", &["kind", "fields"])?;
    let found = payload.get("kind").and_then(Value::as_str).unwrap_or_default();
    if found != kind(record) {
        let detail = format!("the key is that of {:?}, the payload says {found:?}", kind(record));
        return Err(Rejection::new("key_mismatch", "/kind", detail));
    }
    let known = ["name", "stage", "status", "amount", "probability_ppm", "owner", "close_date"];
    let fields = payload.get("fields").ok_or_else(|| missing("/fields"))?;
    let fields = object(fields, "/fields", &known)?;
    Ok(OpportunityEdit {
        name: edited(fields, "name", |value| value.as_str().map(str::to_owned), "a text")?,
        stage: edited(fields, "stage", id, "a facet id")?,
        status: edited(fields, "status", status, "open, won, lost or archived")?,
        amount: edited(fields, "amount", amount, "{value: decimal text, currency: ISO 4217 code}")?,
        probability_ppm: edited(fields, "probability_ppm", parts, "parts per million, 0 to 1000000")?,
        owner: edited(fields, "owner", id, "a facet id")?,
        close_date: edited(fields, "close_date", |value| value.as_str()?.parse().ok(), "a day, YYYY-MM-DD")?,
    })
}

/// An edited field; none if it is not edited.
fn edited<T>(
    fields: &Map<String, Value>,
    field: &str,
    value: impl Fn(&Value) -> Option<T>,
    expected: &str,
) -> Result<Option<Edited<T>>, Rejection> {
    let Some(found) = fields.get(field) else { return Ok(None) };
    let path = format!("/fields/{field}");
    let found = object(found, &path, &["value", "at", "by"])?;
    let part = |name: &str| found.get(name).ok_or_else(|| missing(&format!("{path}/{name}")));
    let wrong = |name: &str, expected: &str| wrong_type(&format!("{path}/{name}"), expected);
    let value = match part("value")? {
        Value::Null => None,
        given => Some(value(given).ok_or_else(|| wrong("value", expected))?),
    };
    let at: Option<Timestamp> = part("at")?.as_str().and_then(|at| at.parse().ok());
    let at = at.ok_or_else(|| wrong("at", "a moment, RFC 3339"))?;
    let by = id(part("by")?).ok_or_else(|| wrong("by", "a facet id"))?;
    Ok(Some(Edited { value, at, by }))
}

fn id(value: &Value) -> Option<FacetId> {
    value.as_str()?.parse().ok()
}

fn status(value: &Value) -> Option<Status> {
    match value.as_str()? {
        "open" => Some(Status::Open),
        "won" => Some(Status::Won),
        "lost" => Some(Status::Lost),
        "archived" => Some(Status::Archived),
        _ => None,
    }
}

fn parts(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|parts| u32::try_from(parts).ok())
}

/// An amount as a person wrote it: digits in a text, so that none is lost.
fn amount(value: &Value) -> Option<Amount> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let value: Decimal = fields.get("value")?.as_str()?.parse().ok()?;
    let code = fields.get("currency")?.as_str()?;
    let exponent = iso_4217::exponent(code)?;
    let currency = CurrencySource::Iso(CurrencyCode::new(code).ok()?, exponent);
    Some(Amount { value, currency: Some(currency) })
}

/// A record without unknown fields: one that is passed over in silence would be taken for edited by its author.
fn object<'v>(value: &'v Value, path: &str, known: &[&str]) -> Result<&'v Map<String, Value>, Rejection> {
    let fields = value.as_object().ok_or_else(|| wrong_type(path, "a record"))?;
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        Some(field) => {
            Err(Rejection::new("unknown_field", format!("{path}/{field}"), "is no field of this record"))
        }
        None => Ok(fields),
    }
}

fn missing(path: &str) -> Rejection {
    Rejection::new("missing_field", path, "is absent")
}

fn wrong_type(path: &str, expected: &str) -> Rejection {
    Rejection::new("wrong_type", path, format!("expected {expected}"))
}
