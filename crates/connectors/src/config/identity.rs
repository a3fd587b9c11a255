//! Declarations about identity: two records are one thing, or a key joins nothing.
//!
//! Both ends are here: what the program writes, and what is read. `schemas/config-link.json` and
//! `schemas/config-ignored-key.json` say the same for other programs.

use salescommand_domain::canonical::{
    FacetBody, FacetId, IdentityKey, IgnoredKeyFacet, LinkFacet, Mapped, Rejection, SourceRef,
};
use salescommand_domain::raw::{InstanceName, ObjectName};
use serde_json::{Map, Value, json};

use super::required;

/// The payload of a `link`: two records are one thing.
pub fn link_payload(a: FacetId, b: FacetId) -> Value {
    json!({"a": a.to_string(), "b": b.to_string()})
}

/// The payload of an `ignored_key`: this key joins nothing.
pub fn ignored_key_payload(key: &IdentityKey) -> Value {
    json!({"key": key.as_str()})
}

/// Two records are one thing. Its keys are their self keys.
pub(super) fn link(fields: &Map<String, Value>) -> Result<Mapped, Rejection> {
    let (a, b) = (end(fields, "a")?, end(fields, "b")?);
    if a == b {
        return Err(Rejection::new("out_of_range", "/b", "is the same record as a; a link joins two"));
    }
    let keys = vec![IdentityKey::facet(a), IdentityKey::facet(b)];
    Ok(Mapped { body: FacetBody::Link(LinkFacet { a, b }), keys, refs: Vec::new() })
}

/// A key joins nothing.
pub(super) fn ignored_key(fields: &Map<String, Value>) -> Result<Mapped, Rejection> {
    let text = required(fields, "key")?;
    let key = IdentityKey::parse(&text).ok_or_else(|| {
        Rejection::new("out_of_range", "/key", "expected an identity key such as user:email:ann@example.com")
    })?;
    let body = FacetBody::IgnoredKey(IgnoredKeyFacet { key: key.clone() });
    Ok(Mapped { body, keys: vec![key], refs: Vec::new() })
}

/// One end of a link or an edge: a facet id, or which record of which source.
pub(super) fn end(fields: &Map<String, Value>, field: &str) -> Result<FacetId, Rejection> {
    match fields.get(field) {
        Some(Value::Object(record)) => source(record, field),
        _ => {
            let text = required(fields, field)?;
            text.parse().map_err(|_| {
                let expected = "expected a facet id (UUID) or {instance, object, key}";
                Rejection::new("out_of_range", format!("/{field}"), expected)
            })
        }
    }
}

fn source(record: &Map<String, Value>, field: &str) -> Result<FacetId, Rejection> {
    let part = |name: &str| {
        required(record, name)
            .map_err(|rejection| Rejection { path: format!("/{field}{}", rejection.path), ..rejection })
    };
    let illegal = |name: &str, error: &dyn std::fmt::Display| {
        Rejection::new("out_of_range", format!("/{field}/{name}"), error.to_string())
    };
    let instance = InstanceName::new(part("instance")?).map_err(|error| illegal("instance", &error))?;
    let object = ObjectName::new(part("object")?).map_err(|error| illegal("object", &error))?;
    Ok(SourceRef { instance, object, key: part("key")? }.facet_id())
}
