//! Tests of the Microsoft 365 room.

mod describe;
mod mapping;
mod reading;
mod settings;

use salescommand_domain::canonical::{Mapped, Rejection};
use salescommand_domain::raw::Envelope;
use salescommand_graph_simulator::{CLIENT_ID, Handle, TENANT_ID};
use secrecy::SecretString;
use serde_json::Value as Json;

use super::DESCRIPTOR;
use crate::{Reach, Record, Settings, Source, testing};

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
    testing::envelope(("ms365", "ms365"), object, record)
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
