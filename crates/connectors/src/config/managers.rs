//! Who somebody reports to, from one day to another, as a person has declared.
//!
//! Both ends are here: what the program writes, and what is read. `schemas/config-manager-edge.json` says the same for
//! other programs.

use jiff::Timestamp;
use jiff::civil::Date;
use salescommand_domain::canonical::{
    FacetBody, ManagerEdge, ManagerEdgeFacet, ManagerEvidence, Mapped, Rejection,
};
use serde_json::{Map, Value, json};

use super::identity::end;
use super::text;

/// What stands for the manager of somebody who reports to nobody.
const NOBODY: &str = "nobody";

/// The payload of a `manager_edge`.
pub fn manager_edge_payload(declared: &ManagerEdgeFacet) -> Value {
    let ManagerEdgeFacet { edge, note, set_by, set_at } = declared;
    let manager = edge.manager.map_or_else(|| NOBODY.to_owned(), |manager| manager.to_string());
    let mut payload = json!({"person": edge.person.to_string(), "manager": manager});
    let optional = [
        ("from", edge.from.map(|day| day.to_string())),
        ("until", edge.until.map(|day| day.to_string())),
        ("note", note.clone()),
        ("set_by", set_by.map(|account| account.to_string())),
        ("set_at", set_at.map(|at| at.to_string())),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            payload[field] = Value::from(value);
        }
    }
    payload
}

/// A manager edge. That the two are known, and no circle is closed, depends on other records: the tree decides it.
pub(super) fn manager_edge(fields: &Map<String, Value>) -> Result<Mapped, Rejection> {
    let person = end(fields, "person")?;
    let manager = match fields.get("manager").and_then(Value::as_str) {
        Some(NOBODY) => None,
        _ => Some(end(fields, "manager")?),
    };
    let (from, until): (Option<Date>, Option<Date>) = (day(fields, "from")?, day(fields, "until")?);
    let note = text(fields, "note")?;
    let set_by = match fields.get("set_by") {
        None | Some(Value::Null) => None,
        Some(_) => Some(end(fields, "set_by")?),
    };
    let set_at: Option<Timestamp> =
        parsed(fields, "set_at", "expected a moment, such as 2026-08-01T09:00:00Z")?;
    let edge = ManagerEdge { person, manager, evidence: ManagerEvidence::Manual, from, until };
    let declared = ManagerEdgeFacet { edge, note, set_by, set_at };
    let wrong = |(field, problem)| Rejection::new("out_of_range", format!("/{field}"), problem);
    declared.check().map_err(wrong)?;
    Ok(Mapped { body: FacetBody::ManagerEdge(declared), keys: Vec::new(), refs: Vec::new() })
}

fn day(fields: &Map<String, Value>, field: &str) -> Result<Option<Date>, Rejection> {
    parsed(fields, field, "expected a day, such as 2026-08-01")
}

fn parsed<T: std::str::FromStr>(
    fields: &Map<String, Value>,
    field: &str,
    expected: &str,
) -> Result<Option<T>, Rejection> {
    let Some(text) = text(fields, field)? else { return Ok(None) };
    let wrong = || Rejection::new("out_of_range", format!("/{field}"), format!("{expected}, found {text:?}"));
    text.parse().map(Some).map_err(|_| wrong())
}
