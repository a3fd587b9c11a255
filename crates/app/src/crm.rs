//! What people write in SalesCommand, published into the log of `crm`.

use async_trait::async_trait;
use salescommand_connectors::{ObjectPlan, Record, crm};
use salescommand_domain::raw::{InstanceName, Operation, Position};
use salescommand_eventlog::Error as LogError;
use salescommand_ingest::{Error, Ports, RawWriter};
use salescommand_query::writes::{RecordWrite, RecordWrites, WriteError};
use serde_json::Value;

/// The connector's word in envelopes.
const CONNECTOR: &str = "crm";

/// Publishes writes with the driver's writer.
pub struct CrmLog {
    /// The driver's ports.
    pub ports: Ports,
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
        let plan = ObjectPlan {
            object: source.object,
            payload_schema: crm::PAYLOAD_SCHEMA,
            volatile: &[],
            missing_fields: Vec::new(),
        };
        let operation = if write.fields.is_some() { Operation::Upsert } else { Operation::Delete };
        let record = Record {
            key: source.key,
            source_modified: Some(write.at),
            subjects: vec![format!("account:{}", write.author)],
            payload: write.fields.map_or(Value::Null, |fields| crm::payload(write.record, &fields)),
        };
        writer.amend(&plan, operation, &record, write.expected).await.map_err(refusal)
    }
}

fn refusal(error: Error) -> WriteError {
    match error {
        Error::Stale { last } => WriteError::Conflict { last },
        error if error.is_transient() => WriteError::Unavailable(error.to_string()),
        error => WriteError::Refused(error.to_string()),
    }
}
