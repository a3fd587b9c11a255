//! No payload and no answer, however shaped, makes the room panic.

use std::collections::BTreeMap;

use dxr::Value;
use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use super::super::objects::{self, OBJECTS};
use super::super::wire::{Answer, json, parse, value};
use super::{fixture_records, map, record};
use crate::Record;

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        Just("2026-13-45".to_owned()),
        Just("9999-12-31 23:59:60".to_owned()),
        Just("-9999-01-01 00:00:00".to_owned()),
        Just("@custom".to_owned()),
        Just("EUR".to_owned()),
        Just("a@b@c".to_owned()),
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        odd_text().prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-z_@]{0,8}", inner, 0..4).prop_map(Json::from_iter),
        ]
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(Value::Integer),
        any::<i64>().prop_map(Value::Long),
        any::<bool>().prop_map(Value::Boolean),
        any::<f64>().prop_map(Value::Double),
        odd_text().prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::Base64),
        Just(Value::DateTime("20260228T23:59:59".parse().unwrap())),
        Just(Value::Nil),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map("[a-z_]{1,9}", inner, 0..5).prop_map(Value::Struct),
        ]
    })
}

/// A fixture record with some of its fields replaced.
fn disturbed() -> impl Strategy<Value = (&'static str, Map<String, Json>)> {
    let object = prop::sample::select(OBJECTS.iter().map(|object| object.name).collect::<Vec<_>>());
    (
        object,
        any::<prop::sample::Index>(),
        prop::collection::vec((any::<prop::sample::Index>(), any_json()), 0..5),
    )
        .prop_map(|(object, which, changes)| {
            let records = fixture_records(object);
            let mut payload = which.get(&records).payload.as_object().unwrap().clone();
            let names: Vec<String> = payload.keys().cloned().collect();
            for (field, value) in changes {
                payload.insert(field.get(&names).clone(), value);
            }
            (object, payload)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn mapping_a_disturbed_record_never_panics((object, payload) in disturbed()) {
        let key = payload.get("id").map(Json::to_string).unwrap_or_default();
        let record = Record { key, source_modified: None, subjects: Vec::new(), payload: Json::Object(payload) };
        let first = map(object, record.clone());
        prop_assert_eq!(&first, &map(object, record));
        if let Err(rejection) = first {
            prop_assert!(!rejection.reason.is_empty() && rejection.detail.chars().count() < 200);
        }
    }

    #[test]
    fn mapping_anything_never_panics(payload in any_json(), which in any::<prop::sample::Index>()) {
        let object = which.get(OBJECTS);
        let record = Record { key: "1".to_owned(), source_modified: None, subjects: Vec::new(), payload };
        let _ = map(object.name, record);
    }

    #[test]
    fn making_a_record_of_any_row_never_panics((object, row) in disturbed(), types in any_json()) {
        let custom: BTreeMap<String, String> = row.keys().map(|name| (name.clone(), types.to_string())).collect();
        let _ = record::record(objects::object(object).unwrap(), &custom, row);
    }

    #[test]
    fn any_value_becomes_json_and_survives_the_wire(original in any_value()) {
        let expected = json(original.clone());
        // Control characters cannot stand in XML, and a carriage return is read as a line feed.
        let body = dxr::MethodResponse { value: original }.to_xml().unwrap();
        if let Ok(Answer::Value(read)) = parse(&body) {
            let plain = |json: &Json| !json.to_string().contains("\\r");
            prop_assert!(!plain(&expected) || read == expected, "{read} {expected}");
        }
    }

    #[test]
    fn any_json_becomes_a_value_and_comes_back(original in any_json()) {
        let back = json(value(&original));
        let whole = |json: &Json| json.as_i64().is_some() || json.as_u64().is_none();
        if whole(&original) && !original.is_object() && !original.is_array() {
            prop_assert_eq!(back, original);
        }
    }

    #[test]
    fn parsing_anything_never_panics(body in ".{0,200}") {
        let _ = parse(&body);
    }
}
