//! What the tests of several rooms share.

use salescommand_domain::raw::{Envelope, FORMAT_VERSION, InstanceName, ObjectName, Operation, Payload};
use uuid::Uuid;

use crate::Record;

/// The envelope in which a connector of an instance publishes a record.
pub(crate) fn envelope((instance, connector): (&str, &str), object: &str, record: Record) -> Envelope {
    Envelope {
        format: FORMAT_VERSION,
        event_id: Uuid::from_u128(7),
        instance: InstanceName::new(instance).unwrap(),
        connector: connector.to_owned(),
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
