//! SalesCommand's own inputs as a source: the organisation's calendar, accounts of people who sign in, persons with
//! their managers, and what somebody has declared about the identity of records.
//!
//! The program publishes these events itself (`salescommand` commands and the API), so there is nothing to open.
//! What an event says has been checked before it was published and is checked again here: the log outlives the
//! code that wrote it.
//!
//! | object | key | payload |
//! |---|---|---|
//! | `calendar` | `default` | `{time_zone, fiscal_year_start}` |
//! | `account` | account id (UUID) | `{email, name, directory?: [{directory, object}, …]}`: `directory` names its records in directories |
//! | `person` | e-mail address | `{email, manager_email?}` |
//! | `link` | any | `{a, b}`, each a facet id or `{instance, object, key}`: the two records are one thing |
//! | `ignored_key` | any | `{key}`: this identity key joins nothing |
//! | `quarantine_decision` | `<instance>/<epoch>/<sequence>` | `{decision: "retry" \| "waive", reason?}`; a waiver has a reason |
//! | `manager_edge` | `<person>` or `<person>/<first day>` | `{person, manager, from?, until?, note?, set_by?, set_at?}`: who somebody reports to; `manager` may be `"nobody"` |
//! | `mapping` | a foreign instance | `{program, description?}`: takes effect with the next generation, so it says nothing here |
//!
//! A link, an ignored key or a manager edge that is deleted declares nothing any more.

use jiff::tz::TimeZone;
use salescommand_domain::canonical::{
    CalendarFacet, Entity, FacetBody, FacetId, IdentityKey, MANAGER_EDGE_OBJECT, Mapped, Rejection,
    SourceRef, User,
};
use salescommand_domain::raw::{Envelope, InstanceName, ObjectName, Payload};
use serde_json::{Map, Value};

use crate::Descriptor;

mod decisions;
mod identity;
mod managers;
#[cfg(test)]
mod tests;

pub use identity::{ignored_key_payload, link_payload};
pub use managers::manager_edge_payload;

/// Version of the payloads' shape.
pub const PAYLOAD_SCHEMA: u32 = 1;

/// The connector kind `config`.
pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    kind: "config",
    title: "SalesCommand configuration",
    open: None,
    version: 1,
    objects: &[],
    often: &[],
    schemas: &[],
    map,
};

fn map(envelope: &Envelope) -> Result<Option<Mapped>, Rejection> {
    let Payload::Inline(Value::Object(fields)) = &envelope.payload else {
        return Err(Rejection::new("wrong_type", "", "expected a record"));
    };
    let mapped = match envelope.object.as_str() {
        "calendar" => calendar(fields)?,
        "account" => account(fields)?,
        "person" => person(fields)?,
        "link" => identity::link(fields)?,
        "ignored_key" => identity::ignored_key(fields)?,
        "quarantine_decision" => decisions::quarantine(fields, &envelope.key)?,
        MANAGER_EDGE_OBJECT => managers::manager_edge(fields)?,
        "mapping" => return decisions::mapping(fields).map(|()| None),
        other => {
            return Err(Rejection::new(
                "unknown_object",
                "",
                format!("there is no configuration object {other}"),
            ));
        }
    };
    Ok(Some(mapped))
}

fn calendar(fields: &Map<String, Value>) -> Result<Mapped, Rejection> {
    let time_zone = required(fields, "time_zone")?;
    TimeZone::get(&time_zone).map_err(|_| {
        Rejection::new("out_of_range", "/time_zone", format!("{time_zone:?} is no IANA time zone"))
    })?;
    let month =
        fields.get("fiscal_year_start").and_then(Value::as_u64).and_then(|month| u8::try_from(month).ok());
    let fiscal_year_start = month
        .filter(|month| (1..=12).contains(month))
        .ok_or_else(|| Rejection::new("out_of_range", "/fiscal_year_start", "expected a month, 1 to 12"))?;
    let body = FacetBody::Calendar(CalendarFacet { time_zone, fiscal_year_start });
    Ok(Mapped { body, keys: Vec::new(), refs: Vec::new() })
}

/// Somebody who may sign in here; joins the user of the same address in any source, and those records of directories whose
/// owner signs in to it.
fn account(fields: &Map<String, Value>) -> Result<Mapped, Rejection> {
    let email = address(&required(fields, "email")?);
    let mut mapped = user(email, text(fields, "name")?.unwrap_or_default(), None);
    let records = match fields.get("directory") {
        None | Some(Value::Null) => return Ok(mapped),
        Some(Value::Array(records)) => records,
        Some(_) => return Err(Rejection::new("wrong_type", "/directory", "expected a list")),
    };
    for (place, record) in records.iter().enumerate() {
        let at = format!("/directory/{place}");
        let record =
            record.as_object().ok_or_else(|| Rejection::new("wrong_type", &*at, "expected a record"))?;
        let [directory, object] = ["directory", "object"].map(|name| required(record, name));
        let key = IdentityKey::directory_object(Entity::User, &directory?, &object?);
        mapped
            .keys
            .push(key.ok_or_else(|| Rejection::new("out_of_range", &*at, "has white space in an id"))?);
    }
    Ok(mapped)
}

/// Somebody in the reporting tree, whether or not they may sign in.
fn person(fields: &Map<String, Value>) -> Result<Mapped, Rejection> {
    let email = address(&required(fields, "email")?);
    let manager = text(fields, "manager_email")?.map(|manager| person_id(&address(&manager))).transpose()?;
    Ok(user(email, String::new(), manager))
}

fn user(email: String, name: String, manager: Option<FacetId>) -> Mapped {
    let keys = IdentityKey::email(Entity::User, &email).into_iter().collect();
    let body = FacetBody::User(User {
        name,
        email: Some(email),
        active: true,
        manager,
        directory: false,
        directory_accounts: Vec::new(),
    });
    Mapped { body, keys, refs: Vec::new() }
}

/// The facet of a person.
fn person_id(email: &str) -> Result<FacetId, Rejection> {
    let object =
        ObjectName::new("person").map_err(|error| Rejection::new("unknown_object", "", error.to_string()))?;
    Ok(SourceRef { instance: InstanceName::config(), object, key: email.to_owned() }.facet_id())
}

fn address(text: &str) -> String {
    text.to_lowercase()
}

fn required(fields: &Map<String, Value>, field: &str) -> Result<String, Rejection> {
    text(fields, field)?
        .ok_or_else(|| Rejection::new("missing_field", format!("/{field}"), "is empty or absent"))
}

fn text(fields: &Map<String, Value>, field: &str) -> Result<Option<String>, Rejection> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(_) => Err(Rejection::new("wrong_type", format!("/{field}"), "expected a text")),
    }
}
