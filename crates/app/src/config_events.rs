//! SalesCommand's own inputs to the pipeline: accounts, persons and the calendar, as raw events of `config`.
//!
//! They go through the same writer as any source's records, so publishing the same again publishes nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use salescommand_connectors::{ObjectPlan, Record, config};
use salescommand_domain::canonical::{
    FacetId, IdentityKey, MANAGER_EDGE_OBJECT, ManagerEdgeFacet, QuarantineDecision,
};
use salescommand_domain::raw::{InstanceName, ObjectName, Position};
use salescommand_ingest::{Ports, RawWriter};
use salescommand_normalizer::MAPPING_OBJECT;
use salescommand_query::accounts::AccountSummary;
use salescommand_query::quarantine::QuarantineVerdict;
use serde_json::{Value, json};

/// An account of somebody who may sign in.
pub fn account(account: &AccountSummary) -> (&'static str, Record) {
    let mut payload = json!({"email": account.email, "name": account.name});
    if !account.directory.is_empty() {
        payload["directory"] = json!(account.directory);
    }
    record("account", &account.id, vec![account.email.clone()], payload)
}

/// A person, and who their manager is.
pub fn person(email: &str, manager_email: Option<&str>) -> (&'static str, Record) {
    let mut payload = json!({"email": email});
    if let Some(manager) = manager_email {
        payload["manager_email"] = Value::from(manager);
    }
    record("person", email, vec![email.to_owned()], payload)
}

/// The reporting calendar.
pub fn calendar(time_zone: &str, fiscal_year_start: u8) -> (&'static str, Record) {
    record(
        "calendar",
        "default",
        Vec::new(),
        json!({"time_zone": time_zone, "fiscal_year_start": fiscal_year_start}),
    )
}

/// A decision about a reject. The moment is part of it, so that asking a second time is a new event.
pub fn decision(verdict: &QuarantineVerdict) -> (&'static str, Record) {
    let mut payload = json!({
        "decision": verdict.action, "at": verdict.at, "by": verdict.author,
    });
    if let Some(reason) = &verdict.reason {
        payload["reason"] = Value::from(reason.as_str());
    }
    record(QuarantineDecision::OBJECT, &verdict.about.to_string(), Vec::new(), payload)
}

/// The mapping of a foreign instance.
pub fn mapping(instance: &InstanceName, program: &str, description: Option<&str>) -> (&'static str, Record) {
    let mut payload = json!({ "program": program });
    if let Some(description) = description {
        payload["description"] = Value::from(description);
    }
    record(MAPPING_OBJECT, instance.as_str(), Vec::new(), payload)
}

/// Two records are one thing. Declared twice, it is one record.
pub fn link(a: FacetId, b: FacetId) -> (&'static str, Record) {
    record("link", &format!("{a}+{b}"), Vec::new(), config::link_payload(a, b))
}

/// Who somebody reports to. Declared again from the same day on, it takes the place of the former.
pub fn manager_edge(declared: &ManagerEdgeFacet) -> (&'static str, Record) {
    let key = declared.edge.source().key;
    record(MANAGER_EDGE_OBJECT, &key, Vec::new(), config::manager_edge_payload(declared))
}

/// An identity key joins nothing. A key that holds somebody's address names them.
pub fn ignored_key(key: &IdentityKey) -> (&'static str, Record) {
    let address = key.as_str().rsplit(':').next().filter(|value| value.contains('@'));
    let subjects = address.map(str::to_owned).into_iter().collect();
    record("ignored_key", key.as_str(), subjects, config::ignored_key_payload(key))
}

fn record(object: &'static str, key: &str, subjects: Vec<String>, payload: Value) -> (&'static str, Record) {
    (object, Record { key: key.to_owned(), source_modified: None, subjects, payload })
}

/// Publishes configuration records; unchanged ones are passed over.
/// Gives the end of the log.
pub async fn publish(ports: &Ports, records: Vec<(&'static str, Record)>) -> Result<Position> {
    let mut by_object: BTreeMap<&'static str, Vec<Record>> = BTreeMap::new();
    for (object, record) in records {
        by_object.entry(object).or_default().push(record);
    }
    let mut writer = writer(ports).await?;
    for (object, records) in by_object {
        writer.append(&plan(object)?, &records).await.context(UNWRITABLE)?;
    }
    Ok(writer.end())
}

/// Takes a configuration record back; one that is not there is passed over.
pub async fn retract(ports: &Ports, (object, record): (&'static str, Record)) -> Result<()> {
    writer(ports).await?.retract(&plan(object)?, &[record.key]).await.context(UNWRITABLE)?;
    Ok(())
}

/// Takes the record of a declared manager edge back. Gives the end of the log.
pub async fn retract_edge(ports: &Ports, key: &str) -> Result<Position> {
    let mut writer = writer(ports).await?;
    writer.retract(&plan(MANAGER_EDGE_OBJECT)?, &[key.to_owned()]).await.context(UNWRITABLE)?;
    Ok(writer.end())
}

const UNWRITABLE: &str = "the configuration log cannot be written";

async fn writer(ports: &Ports) -> Result<RawWriter> {
    RawWriter::open(ports, &InstanceName::config(), "config", 0).await.context(UNWRITABLE)
}

fn plan(object: &str) -> Result<ObjectPlan> {
    let payload_schema = config::PAYLOAD_SCHEMA;
    Ok(ObjectPlan { payload_schema, ..ObjectPlan::new(ObjectName::new(object)?) })
}
