//! What people write in SalesCommand, published into the log of `crm`.

use std::sync::Arc;

use async_trait::async_trait;
use salescommand_connectors::{ObjectPlan, Record, crm};
use salescommand_domain::canonical::{CrmOpportunity, OpportunityEdit};
use salescommand_domain::raw::{Envelope, InstanceName, Operation, Payload, Position, RawPosition};
use salescommand_eventlog::{Error as LogError, EventLog};
use salescommand_ingest::{Error, Ports, RawWriter};
use salescommand_normalizer::{RawMessage, read_events};
use salescommand_query::writes::{RecordWrite, RecordWrites, WriteError};
use serde_json::Value;

/// The connector's word in envelopes.
const CONNECTOR: &str = "crm";

/// Publishes writes with the driver's writer.
pub struct CrmLog {
    /// The driver's ports.
    pub ports: Ports,
    /// The log as readers see it: with the epochs that only their archives hold.
    pub readable: Arc<dyn EventLog>,
}

impl CrmLog {
    /// Makes the log if there is none, so that the normalizer finds it and the first edit does not wait for it.
    pub async fn prepare(&self) -> Result<(), LogError> {
        match RawWriter::open(&self.ports, &InstanceName::crm(), CONNECTOR, 0).await {
            Ok(_) => Ok(()),
            Err(Error::Log(error)) => Err(error),
            Err(other) => Err(LogError::Refused(other.to_string())),
        }
    }
}

#[async_trait]
impl RecordWrites for CrmLog {
    async fn publish(&self, write: RecordWrite) -> Result<Position, WriteError> {
        let mut writer =
            RawWriter::open(&self.ports, &InstanceName::crm(), CONNECTOR, 0).await.map_err(refusal)?;
        let source = write.record.source();
        let payload_schema = crm::PAYLOAD_SCHEMA;
        let plan = ObjectPlan { payload_schema, ..ObjectPlan::new(source.object) };
        let operation = if write.fields.is_some() { Operation::Upsert } else { Operation::Delete };
        let record = Record {
            key: source.key,
            source_modified: Some(write.at),
            subjects: vec![format!("account:{}", write.author)],
            payload: write.fields.map_or(Value::Null, |fields| crm::payload(write.record, &fields)),
        };
        writer.amend(&plan, operation, &record, write.expected).await.map_err(refusal)
    }

    async fn written(&self, position: Position) -> Result<Option<OpportunityEdit>, WriteError> {
        let raw = RawPosition { instance: InstanceName::crm(), position };
        let found = read_events(&*self.readable, std::slice::from_ref(&raw)).await;
        let found = found.map_err(|error| refusal(Error::Log(error)))?;
        let nowhere = || WriteError::Refused(format!("{raw} is in neither the broker nor an archive"));
        fields(found.get(&raw).ok_or_else(nowhere)?)
    }
}

/// What an event says of its record; none if it deletes it.
fn fields(message: &RawMessage) -> Result<Option<OpportunityEdit>, WriteError> {
    let RawMessage { raw, message } = message;
    let unreadable =
        |what: &dyn std::fmt::Display| WriteError::Refused(format!("{raw} cannot be read: {what}"));
    let envelope = Envelope::decode(&message.payload, message.content_type.as_deref());
    let envelope = envelope.map_err(|error| unreadable(&error))?;
    let record =
        CrmOpportunity::of_key(&envelope.key).ok_or_else(|| unreadable(&"it is no opportunity's"))?;
    match (envelope.operation, &envelope.payload) {
        (Operation::Upsert, Payload::Inline(payload)) => {
            crm::read(payload, record).map(Some).map_err(|rejection| unreadable(&rejection))
        }
        _ => Ok(None),
    }
}

fn refusal(error: Error) -> WriteError {
    match error {
        Error::Stale { last } => WriteError::Conflict { last },
        error if error.is_transient() => WriteError::Unavailable(error.to_string()),
        error => WriteError::Refused(error.to_string()),
    }
}
