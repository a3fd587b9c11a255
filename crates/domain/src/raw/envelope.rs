//! The envelope around every raw event.
//!
//! Written as MessagePack with named fields; foreign producers may send the same fields as JSON, told by the
//! `Content-Type` header. The payload is what the source sent, untouched. JSON Schema: `schemas/raw-envelope.json`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Digest, InstanceName, ObjectName};

/// The newest envelope format this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;
/// Content type of the binary form.
pub const MSGPACK_CONTENT_TYPE: &str = "application/msgpack";
/// Content type that foreign producers may use.
pub const JSON_CONTENT_TYPE: &str = "application/json";

/// What happened to the record in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// The payload is the record's full state.
    Upsert = 1,
    /// The record is gone; the payload may be empty.
    Delete = 2,
}

/// One immutable fact about one record of one source instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    /// Envelope format; see [`FORMAT_VERSION`].
    pub format: u32,
    /// UUIDv7 of the event, made where it was observed.
    pub event_id: Uuid,
    /// The source instance whose log this is.
    #[schemars(with = "String")]
    pub instance: InstanceName,
    /// The kind of connector that produced it: `odoo`, `csv`, a foreign producer's own word.
    pub connector: String,
    /// The object within the source: `crm.lead`.
    #[schemars(with = "String")]
    pub object: ObjectName,
    /// The record's permanent key within the object.
    pub key: String,
    /// Upsert or delete.
    pub operation: Operation,
    /// When the source says it last changed the record, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub source_modified: Option<Timestamp>,
    /// When the connector read it.
    #[schemars(with = "String")]
    pub observed: Timestamp,
    /// Revision of the lease under which the run published; 0 where there is no lease.
    #[serde(default)]
    pub run_token: u64,
    /// Version of the payload's shape, as the connector counts.
    pub payload_schema: u32,
    /// People whose personal data the payload holds, as `<object>:<key>` or an e-mail address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// What the source sent.
    pub payload: Payload,
}

/// A payload in the envelope, or where to find a large one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// In the envelope.
    Inline(Value),
    /// In the object store beside the log.
    Stored(PayloadRef),
}

/// A payload in the object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PayloadRef {
    /// Digest of the stored bytes (MessagePack of the payload); also the object's name.
    #[schemars(with = "String")]
    pub digest: Digest,
    /// Length of the stored bytes.
    pub size: u64,
}

/// Why bytes are no envelope that this program can read.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Neither form could be decoded.
    #[error("not an envelope: {0}")]
    Malformed(String),
    /// Written by a newer program. Kept, and read once this program knows the format.
    #[error("envelope format {0} is newer than {FORMAT_VERSION}, the newest this program knows")]
    FutureFormat(u32),
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Envelope {
    /// The binary form.
    pub fn to_msgpack(&self) -> Result<Vec<u8>, EnvelopeError> {
        rmp_serde::to_vec_named(self).map_err(|error| EnvelopeError::Malformed(error.to_string()))
    }

    /// Reads either form; JSON only where the content type says so.
    pub fn decode(bytes: &[u8], content_type: Option<&str>) -> Result<Self, EnvelopeError> {
        if content_type.is_some_and(|kind| kind.starts_with(JSON_CONTENT_TYPE)) {
            let format = serde_json::from_slice::<FormatOnly>(bytes).map(|head| head.format);
            Self::checked(format, || serde_json::from_slice(bytes))
        } else {
            let format = rmp_serde::from_slice::<FormatOnly>(bytes).map(|head| head.format);
            Self::checked(format, || rmp_serde::from_slice(bytes))
        }
    }

    fn checked<E: std::fmt::Display>(
        format: Result<u32, E>,
        decode: impl FnOnce() -> Result<Self, E>,
    ) -> Result<Self, EnvelopeError> {
        let malformed = |error: E| EnvelopeError::Malformed(error.to_string());
        let format = format.map_err(malformed)?;
        if format > FORMAT_VERSION {
            return Err(EnvelopeError::FutureFormat(format));
        }
        decode().map_err(malformed)
    }

    /// Subject of the record's history.
    pub fn subject(&self) -> String {
        super::raw_subject(&self.instance, &self.object, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn sample() -> Envelope {
        Envelope {
            format: FORMAT_VERSION,
            event_id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
            instance: InstanceName::new("odoo").unwrap(),
            connector: "odoo".into(),
            object: ObjectName::new("crm.lead").unwrap(),
            key: "7".into(),
            operation: Operation::Upsert,
            source_modified: Some("2026-11-01T10:00:00Z".parse().unwrap()),
            observed: "2026-11-01T10:00:05Z".parse().unwrap(),
            run_token: 3,
            payload_schema: 1,
            subjects: vec!["a@example.com".into()],
            payload: Payload::Inline(json!({"name": "Deal"})),
        }
    }

    fn arbitrary_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e300..1e300f64).prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,8}", inner, 0..6).prop_map(Value::from_iter),
            ]
        })
    }

    #[test]
    fn a_future_format_is_told_from_garbage() {
        let mut envelope = sample();
        envelope.format = 9;
        let bytes = envelope.to_msgpack().unwrap();
        assert!(matches!(Envelope::decode(&bytes, None), Err(EnvelopeError::FutureFormat(9))));
        assert!(matches!(Envelope::decode(b"\x01\x02", None), Err(EnvelopeError::Malformed(_))));
        assert!(matches!(
            Envelope::decode(b"{}", Some("application/json")),
            Err(EnvelopeError::Malformed(_))
        ));
    }

    proptest! {
        #[test]
        fn both_forms_round_trip(payload in arbitrary_json(), key in ".{1,20}", token in any::<u32>(), micros in 0i64..4_000_000_000_000_000) {
            let mut envelope = sample();
            envelope.payload = Payload::Inline(payload);
            envelope.key = key;
            envelope.run_token = u64::from(token);
            envelope.observed = Timestamp::from_microsecond(micros).unwrap();
            let binary = envelope.to_msgpack().unwrap();
            prop_assert_eq!(&Envelope::decode(&binary, Some(MSGPACK_CONTENT_TYPE)).unwrap(), &envelope);
            let text = serde_json::to_vec(&envelope).unwrap();
            prop_assert_eq!(&Envelope::decode(&text, Some("application/json; charset=utf-8")).unwrap(), &envelope);
        }

        #[test]
        fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Envelope::decode(&bytes, None);
            let _ = Envelope::decode(&bytes, Some(JSON_CONTENT_TYPE));
        }
    }
}
