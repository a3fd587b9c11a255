//! Answers of real servers, where `ODOO_RECORDINGS` names a folder with `wire/*.response.xml`. They stay outside
//! the repository; without the variable only the fixtures are held against the same expectations.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::super::objects::{self, Kind, OBJECTS, Object};
use super::super::wire::{Answer, parse};
use super::{fixture, map, records};

/// What every page of records must satisfy: each maps without rejection, twice alike, and has its id as key.
fn expect_page(object: &'static Object, answer: &str) -> usize {
    let records = records(object, &BTreeMap::new(), answer);
    for record in &records {
        let once = map(object.name, record.clone());
        assert!(once.is_ok(), "{} {}: {once:?}", object.name, record.key);
        assert_eq!(once, map(object.name, record.clone()));
        assert_eq!(record.payload["id"].to_string(), record.key);
        let dated = record.payload.get("write_date").is_some_and(Json::is_string);
        assert_eq!(record.source_modified.is_some(), dated, "{} {}", object.name, record.key);
    }
    records.len()
}

fn recordings() -> Option<PathBuf> {
    std::env::var_os("ODOO_RECORDINGS").map(PathBuf::from)
}

#[test]
fn fixtures_meet_the_expectations_of_recordings() {
    for object in OBJECTS {
        assert!(expect_page(object, fixture(object.name)) > 0);
    }
}

#[test]
fn every_recorded_answer_is_read() {
    let Some(folder) = recordings() else { return };
    let (mut values, mut faults, mut bytes, mut rows) = (0, 0, 0, BTreeMap::new());
    for entry in std::fs::read_dir(folder.join("wire")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".response.xml") else { continue };
        let body = std::fs::read_to_string(&path).unwrap();
        bytes += body.len();
        match parse(&body) {
            Ok(Answer::Value(_)) => values += 1,
            Ok(Answer::Fault(fault)) => {
                assert!((1..=4).contains(&fault.code) && !fault.message.is_empty(), "{name}");
                faults += 1;
            }
            // An HTML page, and the interface whose fault codes are texts, which this connector does not call.
            Err(_) => assert!(matches!(name, "fault.get_method" | "fault.xmlrpc1_string_code"), "{name}"),
        }
        if let Some(object) = name.strip_prefix("search_read.").and_then(objects::object) {
            rows.insert(object.name, expect_page(object, &body));
        }
    }
    println!("{values} values and {faults} faults in {bytes} bytes; pages mapped: {rows:?}");
    assert!(values > 0 && rows.len() >= 10, "{rows:?}");
}

#[test]
fn field_types_are_those_of_the_real_server() {
    let Some(folder) = recordings() else { return };
    for object in OBJECTS {
        let Ok(text) = std::fs::read_to_string(folder.join(format!("fields_get/{}.json", object.name)))
        else {
            // Of a module that the server does not have.
            assert!(object.optional, "{}", object.name);
            continue;
        };
        let fields: Json = serde_json::from_str(&text).unwrap();
        for (name, kind) in object.fields {
            let Some(field) = fields.get(*name) else {
                println!("{} has no {name}", object.name);
                continue;
            };
            let found = match field["type"].as_str().unwrap() {
                "one2many" => Some(Kind::Many),
                "many2one_reference" => Some(Kind::Integer),
                other => Kind::of_custom(other),
            };
            assert_eq!(found, Some(*kind), "{} {name}", object.name);
        }
    }
}
