//! The table of what becomes of members, held against what the normaliser does.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::mapping::fixture;
use super::{map, record};
use crate::ms365::describe::MAPPINGS;
use crate::ms365::objects::OBJECTS;

type Fields = Map<String, Json>;

/// What a payload becomes: entity and canonical fields; none if it becomes nothing or is refused.
fn canonical(object: &str, payload: &Fields) -> Result<Option<Fields>, ()> {
    let mapped = map(object, record(Json::Object(payload.clone()))).map_err(drop)?;
    let Some(mapped) = mapped else { return Ok(None) };
    let Json::Object(body) = serde_json::to_value(mapped.body).unwrap() else { panic!("no object") };
    let mut told = Fields::new();
    for (name, value) in body {
        match (name.as_str(), value) {
            ("kind", kind) => drop(told.insert("entity".to_owned(), kind)),
            ("custom", Json::Object(custom)) => {
                told.extend(custom.into_iter().map(|(name, value)| (format!("custom.{name}"), value)));
            }
            (_, value) => drop(told.insert(name, value)),
        }
    }
    Ok(Some(told))
}

fn differing(left: &Option<Fields>, right: &Option<Fields>) -> BTreeSet<String> {
    let (Some(left), Some(right)) = (left, right) else {
        let differ = left.is_some() != right.is_some();
        return if differ { BTreeSet::from(["entity".to_owned()]) } else { BTreeSet::new() };
    };
    let names = left.keys().chain(right.keys());
    names.filter(|name| left.get(*name) != right.get(*name)).cloned().collect()
}

/// Values that a member may have.
fn values(field: &str, rows: &[Fields]) -> Vec<Json> {
    let mut values: Vec<Json> = rows.iter().filter_map(|row| row.get(field).cloned()).collect();
    values.extend([
        Json::Null,
        json!(true),
        json!(false),
        json!("Changed"),
        json!("Guest"),
        json!("private"),
        json!("seriesMaster"),
        json!("2027-01-02T03:04:05Z"),
        json!(["Changed"]),
        json!({"id": "changed"}),
        json!({"dateTime": "2027-01-02T03:04:05", "timeZone": "UTC"}),
        json!([{"address": "changed@customer.example"}]),
    ]);
    values
}

#[test]
fn what_is_said_of_members_is_what_becomes_of_them() {
    assert_eq!(
        MAPPINGS.iter().map(|it| it.object).collect::<Vec<_>>(),
        OBJECTS.iter().map(|object| object.name).collect::<Vec<_>>()
    );
    let mut wrong = Vec::new();
    for (object, mapping) in OBJECTS.iter().zip(MAPPINGS) {
        let rows: Vec<Fields> =
            fixture(object.name).into_iter().map(|row| row.as_object().unwrap().clone()).collect();
        // Some members count only where others are empty.
        let thinned = rows.iter().flat_map(|row| {
            row.keys().map(|out| {
                let mut row = row.clone();
                row.remove(out);
                row
            })
        });
        let bases: Vec<Fields> = rows.iter().cloned().chain(thinned).collect();
        let (mut entities, mut changes) = (BTreeSet::new(), BTreeSet::new());
        for base in &bases {
            let Ok(before) = canonical(object.name, base) else { continue };
            entities.extend(before.iter().map(|told| told["entity"].as_str().unwrap().to_owned()));
            for field in object.members.iter().filter(|field| **field != "id") {
                for value in values(field, &rows) {
                    let mut changed = base.clone();
                    changed.insert((*field).to_owned(), value);
                    let Ok(after) = canonical(object.name, &changed) else { continue };
                    changes.extend(
                        differing(&before, &after).into_iter().map(|name| ((*field).to_owned(), name)),
                    );
                }
            }
        }
        let said: BTreeSet<_> =
            mapping.fields.iter().map(|it| (it.field.to_owned(), it.canonical.to_owned())).collect();
        let lacking: Vec<_> = changes.difference(&said).collect();
        let untrue: Vec<_> = said.difference(&changes).collect();
        let named: BTreeSet<_> = mapping.entities.iter().map(|entity| (*entity).to_owned()).collect();
        if !lacking.is_empty() || !untrue.is_empty() || entities != named {
            wrong.push(format!(
                "{}: lacking {lacking:?}, untrue {untrue:?}, becomes {entities:?}",
                object.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
