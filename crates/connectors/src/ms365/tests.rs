//! Tests of the Microsoft 365 room.

mod describe;
mod mapping;
mod reading;
mod settings;

use salescommand_domain::canonical::{Mapped, Rejection};
use salescommand_domain::raw::{Envelope, FORMAT_VERSION, InstanceName, ObjectName, Operation, Payload};
use salescommand_graph_simulator::{CLIENT_ID, Handle, TENANT_ID};
use secrecy::SecretString;
use serde_json::Value as Json;
use uuid::Uuid;

use super::DESCRIPTOR;
use crate::{Reach, Record, Settings, Source};

const SECRET: &str = "s3cret-of-the-application";

fn settings(url: &str, more: &[(&str, &str)]) -> Settings {
    let own = [("tenant", TENANT_ID), ("client_id", CLIENT_ID), ("authority", url), ("graph", url)];
    let plain =
        own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings { plain, secret: SecretString::from(SECRET), reach: Reach::Any }
}

fn source(handle: &Handle, more: &[(&str, &str)]) -> Box<dyn Source> {
    DESCRIPTOR.open.unwrap()(settings(&handle.url(), more)).unwrap()
}

fn envelope(object: &str, record: Record) -> Envelope {
    Envelope {
        format: FORMAT_VERSION,
        event_id: Uuid::from_u128(7),
        instance: InstanceName::new("ms365").unwrap(),
        connector: "ms365".to_owned(),
        object: ObjectName::new(object).unwrap(),
        key: record.key,
        operation: Operation::Upsert,
        source_modified: record.source_modified,
        observed: "2026-08-01T00:00:00Z".parse().unwrap(),
        run_token: 0,
        payload_schema: 1,
        subjects: record.subjects,
        payload: Payload::Inline(record.payload),
    }
}

fn map(object: &str, record: Record) -> Result<Option<Mapped>, Rejection> {
    (DESCRIPTOR.map)(&envelope(object, record))
}

/// A record of a payload, under the key that it belongs under.
fn record(payload: Json) -> Record {
    let id = payload["id"].as_str().unwrap_or_default();
    let key = match payload["@mailbox"].as_str() {
        Some(mailbox) => format!("{mailbox}/{id}"),
        None => id.to_owned(),
    };
    Record { key, source_modified: None, subjects: Vec::new(), payload }
}
