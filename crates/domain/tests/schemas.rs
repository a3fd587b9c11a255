//! The JSON Schemas of the raw envelope, for producers in other languages, and of what readers outside are told: generated
//! from the code, kept in `schemas/`, and held against what the code writes and reads.

use std::path::Path;

use proptest::prelude::*;
use salescommand_domain::canonical::ToldMessage;
use salescommand_domain::raw::{Envelope, InstanceName, ObjectName, Operation, Payload};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use uuid::Uuid;

fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Envelope>();
    schema.insert("title".into(), json!("SalesCommand raw envelope"));
    schema.to_value()
}

#[test]
fn the_schema_in_the_repository_is_that_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/raw-envelope.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let held = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        held == text,
        "schemas/raw-envelope.json is not what the code says; run the tests with UPDATE_SCHEMAS=1"
    );
}

/// What a producer in another language sends, by hand.
fn foreign() -> Value {
    json!({
        "format": 1, "event_id": "0192f0c4-0000-7000-8000-000000000001", "instance": "tickets", "connector": "tickets",
        "object": "ticket", "key": "17", "operation": "upsert", "observed": "2026-11-23T08:00:00Z",
        "payload_schema": 1, "payload": {"inline": {"title": "Printer on fire"}}
    })
}

#[test]
fn a_foreign_producers_envelope_is_valid_and_readable() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    assert!(validator.is_valid(&foreign()));
    let bytes = serde_json::to_vec(&foreign()).unwrap();
    let envelope = Envelope::decode(&bytes, Some("application/json")).unwrap();
    assert_eq!(envelope.subject(), "raw.tickets.ticket.17");
}

#[test]
fn what_the_schema_refuses_cannot_be_read_either() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (field, wrong) in
        [("operation", json!("merge")), ("payload", json!({"elsewhere": 1})), ("format", json!("x"))]
    {
        let mut envelope = foreign();
        envelope[field] = wrong;
        assert!(!validator.is_valid(&envelope), "{field}");
        assert!(
            Envelope::decode(&serde_json::to_vec(&envelope).unwrap(), Some("application/json")).is_err(),
            "{field}"
        );
    }
}

proptest! {
    #[test]
    fn what_the_code_writes_is_valid(key in ".{1,20}", text in ".{0,30}", number in any::<i32>(), deleted in any::<bool>()) {
        let envelope = Envelope {
            format: 1,
            event_id: uuid::Uuid::from_u128(7),
            instance: InstanceName::new("odoo").unwrap(),
            connector: "odoo".into(),
            object: ObjectName::new("crm.lead").unwrap(),
            key,
            operation: if deleted { Operation::Delete } else { Operation::Upsert },
            source_modified: None,
            observed: "2026-11-23T08:00:00Z".parse().unwrap(),
            run_token: 3,
            payload_schema: 1,
            subjects: vec![text.clone()],
            payload: Payload::Inline(json!({"name": text, "amount": number})),
        };
        let validator = jsonschema::validator_for(&schema()).unwrap();
        prop_assert!(validator.is_valid(&serde_json::to_value(&envelope).unwrap()));
    }
}

/// The schema of what readers outside are told.
fn told() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<ToldMessage>();
    schema.insert("title".into(), json!("SalesCommand canonical message"));
    schema.to_value()
}

#[test]
fn the_schema_of_what_is_told_is_that_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/canonical-message.schema.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&told()).unwrap());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let held = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        held == text,
        "schemas/canonical-message.schema.json is not what the code says; run the tests with UPDATE_SCHEMAS=1"
    );
}

#[test]
fn what_is_told_is_valid_and_what_is_not_told_is_not() {
    let validator = jsonschema::validator_for(&told()).unwrap();
    let (mut valid, mut others) = (0, 0);
    for line in include_str!("canonical_messages_1.jsonl").lines() {
        let mut message: Value = serde_json::from_str(line).unwrap();
        let object = message.as_object_mut().unwrap();
        object.insert("schema".into(), json!(1));
        object.remove("vector");
        let is_told = !["historied", "progressed"].contains(&message["event"]["change"].as_str().unwrap());
        let errors: Vec<_> = validator.iter_errors(&message).map(|error| error.to_string()).collect();
        assert_eq!(errors.is_empty(), is_told, "{message}: {errors:?}");
        *(if is_told { &mut valid } else { &mut others }) += 1;
        if is_told {
            let bytes = serde_json::to_vec(&message).unwrap();
            let written = ToldMessage::decode(&bytes).unwrap().encode().unwrap();
            let written: Value = serde_json::from_slice(&written).unwrap();
            assert!(validator.is_valid(&written) && written == message, "{written}");
        }
    }
    assert_eq!((valid, others), (8, 2));
    let again = json!({"schema": 1, "again": true, "event": {"change": "gone", "entity": "stage", "id": Uuid::nil()}});
    assert!(validator.is_valid(&again));
    for (wrong, why) in [
        (json!({"event": again["event"]}), "no schema"),
        (json!({"schema": 1, "event": {"change": "gone", "entity": "lead", "id": "x"}}), "no such entity"),
    ] {
        assert!(!validator.is_valid(&wrong), "{why}");
    }
}
