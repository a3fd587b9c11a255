//! The table of what becomes of fields, held against what the normaliser does.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::super::describe::MAPPINGS;
use super::super::objects::{Kind, OBJECTS, Object};
use super::super::{messages, properties};
use super::mapping::record;
use super::{additions, fixture_records, fixture_users, map};

type Fields = Map<String, Json>;

/// What a payload becomes: entity and canonical fields, in the words of the table; none if it becomes nothing or is refused.
fn canonical(object: &str, payload: &Fields) -> Result<Option<Fields>, ()> {
    let mut payload = payload.clone();
    if object == messages::OBJECT {
        let looked_up = [messages::AUTHOR_USER, messages::CATEGORY, messages::ICON, messages::TYPE_NAME];
        looked_up.iter().for_each(|member| drop(payload.remove(*member)));
        additions().complete(&mut payload);
    }
    let mapped = map(object, record(Json::Object(payload))).map_err(drop)?;
    let Some(mapped) = mapped else { return Ok(None) };
    let Json::Object(body) = serde_json::to_value(mapped.body).unwrap() else { panic!("no object") };
    let mut told = Fields::new();
    for (name, value) in body {
        match (name.as_str(), value) {
            ("kind", kind) => drop(told.insert("entity".to_owned(), kind)),
            ("outcome", outcome) => drop(told.insert("status".to_owned(), outcome)),
            ("staged_at", at) => drop(told.insert("history.stage".to_owned(), at)),
            ("assigned_at", at) => drop(told.insert("history.owner".to_owned(), at)),
            ("labels", Json::Object(labels)) => told.extend(labels),
            ("custom", Json::Object(custom)) => {
                // Each property stands for itself; the table names what they all come from.
                let field = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
                told.extend(
                    custom.into_iter().map(|(name, value)| (format!("custom.{}", field(&name)), value)),
                );
            }
            (_, value) => drop(told.insert(name, value)),
        }
    }
    Ok(Some(told))
}

/// The canonical fields in which two readings differ.
fn differing(left: &Option<Fields>, right: &Option<Fields>) -> BTreeSet<String> {
    let (left, right) = match (left, right) {
        (Some(left), Some(right)) if left["entity"] == right["entity"] => (left, right),
        (None, None) => return BTreeSet::new(),
        // Something else, or nothing: then all fields differ, and that is why.
        _ => return BTreeSet::from(["entity".to_owned()]),
    };
    let names = left.keys().chain(right.keys());
    names.filter(|name| left.get(*name) != right.get(*name)).cloned().collect()
}

/// Values that a field may have: what other records have there, and some that none has.
fn values(object: &str, field: &str, kind: Option<Kind>, records: &[Fields]) -> Vec<Json> {
    let mut values: Vec<Json> = records.iter().filter_map(|fields| fields.get(field).cloned()).collect();
    values.extend(match kind {
        Some(Kind::Text) => vec![
            json!("Changed"),
            json!("who@changed.example"),
            json!("CHF"),
            json!("crm.lead"),
            json!("lead"),
        ],
        Some(Kind::Integer) => vec![json!(3), json!(41)],
        Some(Kind::Decimal) => vec![json!(0.0), json!(42.5)],
        Some(Kind::Flag) => vec![json!(true)],
        Some(Kind::Day) => vec![json!("2027-01-02")],
        Some(Kind::Moment) => vec![json!("2027-01-02 03:04:05")],
        Some(Kind::One) => vec![json!(4242)],
        Some(Kind::Many) => vec![json!([4242])],
        None => vec![json!([{ "name": "p", "type": "char", "string": "P", "value": "x" }])],
    });
    if (object, field) == (messages::OBJECT, "author_id") {
        values.extend(fixture_users().iter().map(|user| user["partner_id"].clone()));
    }
    values.push(json!(false));
    let mut seen = BTreeSet::new();
    values.retain(|value| seen.insert(value.to_string()));
    values
}

/// The records, and each again with some of its fields, since some fields count only where others are empty.
fn thinned(records: &[Fields]) -> Vec<Fields> {
    let mut bases = records.to_vec();
    let mut chance: u64 = 7;
    for fields in records {
        for keep in [25, 50, 75].repeat(8) {
            let mut kept = fields.clone();
            kept.retain(|name, _| {
                chance =
                    chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Without these most records are refused.
                let keep = if matches!(name.as_str(), "name" | "login") { 85 } else { keep };
                name == "id" || (chance >> 33) % 100 < keep
            });
            bases.push(kept);
        }
    }
    bases
}

/// All that a change of one field of an object was seen to change, and what its records became.
fn observed(object: &Object) -> (BTreeSet<String>, BTreeSet<(String, String)>) {
    let records: Vec<Fields> = fixture_records(object.name)
        .into_iter()
        .map(|record| match record.payload {
            Json::Object(fields) => fields,
            other => panic!("{other}"),
        })
        .collect();
    let more = (object.name == "crm.lead").then_some((properties::FIELD, None));
    let fields: Vec<_> = object.fields.iter().map(|(name, kind)| (*name, Some(*kind))).chain(more).collect();
    let (mut entities, mut changes) = (BTreeSet::new(), BTreeSet::new());
    for base in thinned(&records) {
        let Ok(before) = canonical(object.name, &base) else { continue };
        entities.extend(before.iter().map(|told| told["entity"].as_str().unwrap().to_owned()));
        for (field, kind) in &fields {
            for value in values(object.name, field, *kind, &records) {
                let mut changed = base.clone();
                changed.insert((*field).to_owned(), value);
                let Ok(after) = canonical(object.name, &changed) else { continue };
                changes
                    .extend(differing(&before, &after).into_iter().map(|name| ((*field).to_owned(), name)));
            }
        }
    }
    (entities, changes)
}

#[test]
fn what_is_said_of_fields_is_what_becomes_of_them() {
    let names = |mapped: &[crate::ObjectMapping]| mapped.iter().map(|it| it.object).collect::<Vec<_>>();
    assert_eq!(names(MAPPINGS), OBJECTS.iter().map(|object| object.name).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (object, mapping) in OBJECTS.iter().zip(MAPPINGS) {
        let (entities, changes) = observed(object);
        let said = mapping.fields.iter().map(|it| (it.field.to_owned(), it.canonical.to_owned()));
        let said: BTreeSet<_> = said.collect();
        let lacking: Vec<_> = changes.difference(&said).collect();
        let untrue: Vec<_> = said.difference(&changes).collect();
        let said: BTreeSet<_> = mapping.entities.iter().map(|entity| (*entity).to_owned()).collect();
        if !lacking.is_empty() || !untrue.is_empty() || entities != said {
            wrong.push(format!(
                "{}: lacking {lacking:?}, untrue {untrue:?}, becomes {entities:?}",
                object.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
