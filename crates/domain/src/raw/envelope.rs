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
const _: () = assert!(EnvelopeFormats::CURRENT.upcasts.len() + 1 == FORMAT_VERSION as usize);
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
    /// The record is gone. The payload may be empty, or say which record of the same object took its content in:
    /// `{"merged_into": key, "evidence": text}`.
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

/// Brings an envelope from one format to the next; an error says for people what is wrong with it. Pure.
pub type FormatStep = fn(Value) -> Result<Value, String>;

/// The formats that can be read: the newest as it is, and each older one by a step to the next. The raw log keeps every
/// format that was ever written, so a step is never taken away.
#[derive(Debug, Clone, Copy)]
pub struct EnvelopeFormats {
    /// The step from format 1 to 2, from 2 to 3, and so on.
    pub upcasts: &'static [FormatStep],
}

impl EnvelopeFormats {
    /// Those of this program.
    pub const CURRENT: Self = Self { upcasts: &[] };

    /// The newest format.
    pub fn newest(&self) -> u32 {
        u32::try_from(self.upcasts.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Reads an envelope.
    pub fn decode(&self, bytes: &[u8], content_type: Option<&str>) -> Result<Envelope, EnvelopeError> {
        if is_json(content_type) {
            let format = serde_json::from_slice::<FormatOnly>(bytes).map(|head| head.format);
            self.checked(format, || serde_json::from_slice(bytes), || serde_json::from_slice(bytes))
        } else {
            let format = rmp_serde::from_slice::<FormatOnly>(bytes).map(|head| head.format);
            self.checked(format, || rmp_serde::from_slice(bytes), || rmp_serde::from_slice(bytes))
        }
    }

    fn checked<E: std::fmt::Display>(
        &self,
        format: Result<u32, E>,
        newest: impl FnOnce() -> Result<Envelope, E>,
        older: impl FnOnce() -> Result<Value, E>,
    ) -> Result<Envelope, EnvelopeError> {
        let malformed = |error: E| EnvelopeError::Malformed(error.to_string());
        let format = format.map_err(malformed)?;
        if format > self.newest() {
            return Err(EnvelopeError::FutureFormat { format, newest: self.newest() });
        }
        let behind = usize::try_from(format).ok().and_then(|format| format.checked_sub(1));
        let behind = behind.ok_or_else(|| EnvelopeError::Malformed("formats are counted from 1".into()))?;
        match self.upcasts.get(behind..) {
            None | Some([]) => newest().map_err(malformed),
            Some(steps) => {
                let read = older().map_err(malformed)?;
                let read = steps.iter().try_fold(read, |envelope, upcast| upcast(envelope));
                let read =
                    read.and_then(|read| serde_json::from_value(read).map_err(|error| error.to_string()));
                read.map_err(EnvelopeError::Malformed)
            }
        }
    }
}

/// Why bytes are no envelope that this program can read.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Neither form could be decoded.
    #[error("not an envelope: {0}")]
    Malformed(String),
    /// Written by a newer program. Kept, and read once this program knows the format.
    #[error("envelope format {format} is newer than {newest}, the newest this program knows")]
    FutureFormat {
        /// Its format.
        format: u32,
        /// The newest that is known.
        newest: u32,
    },
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// The fields that have the same name and meaning in every format that there will ever be: enough to know which record
/// an event is about, and which run published it, even if the rest cannot be read yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EnvelopeHead {
    /// Envelope format.
    pub format: u32,
    /// The source instance whose log this is.
    pub instance: InstanceName,
    /// The object within the source.
    pub object: ObjectName,
    /// The record's permanent key within the object.
    pub key: String,
    /// Revision of the lease under which the run published; 0 where there is no lease.
    #[serde(default)]
    pub run_token: u64,
}

impl EnvelopeHead {
    /// Reads the head of an envelope of any format; none if even that is not there.
    pub fn decode(bytes: &[u8], content_type: Option<&str>) -> Option<Self> {
        if is_json(content_type) {
            serde_json::from_slice(bytes).ok()
        } else {
            rmp_serde::from_slice(bytes).ok()
        }
    }

    /// Subject of the record's history.
    pub fn subject(&self) -> String {
        super::raw_subject(&self.instance, &self.object, &self.key)
    }
}

fn is_json(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|kind| kind.starts_with(JSON_CONTENT_TYPE))
}

impl Envelope {
    /// The binary form.
    pub fn to_msgpack(&self) -> Result<Vec<u8>, EnvelopeError> {
        rmp_serde::to_vec_named(self).map_err(|error| EnvelopeError::Malformed(error.to_string()))
    }

    /// Reads either form, of every format that this program knows; JSON only where the content type says so.
    pub fn decode(bytes: &[u8], content_type: Option<&str>) -> Result<Self, EnvelopeError> {
        EnvelopeFormats::CURRENT.decode(bytes, content_type)
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
        assert!(matches!(
            Envelope::decode(&bytes, None),
            Err(EnvelopeError::FutureFormat { format: 9, newest: FORMAT_VERSION })
        ));
        assert!(matches!(Envelope::decode(b"\x01\x02", None), Err(EnvelopeError::Malformed(_))));
        assert!(matches!(
            Envelope::decode(b"{}", Some("application/json")),
            Err(EnvelopeError::Malformed(_))
        ));
    }

    #[test]
    fn an_older_format_is_brought_up_to_the_newest() {
        fn renamed(mut envelope: Value) -> Result<Value, String> {
            let fields = envelope.as_object_mut().ok_or("no record")?;
            let kind = fields.remove("kind").ok_or("no kind")?;
            fields.insert("connector".into(), kind);
            fields.insert("format".into(), json!(3));
            Ok(envelope)
        }
        let formats = EnvelopeFormats { upcasts: &[Ok, renamed] };
        let mut old = serde_json::to_value(sample()).unwrap();
        old["kind"] = old.as_object_mut().unwrap().remove("connector").unwrap();
        for (format, bytes) in [
            (1, rmp_serde::to_vec_named(&old).unwrap()),
            (2, {
                old["format"] = json!(2);
                rmp_serde::to_vec_named(&old).unwrap()
            }),
        ] {
            let read = formats.decode(&bytes, None).unwrap();
            assert_eq!((read.connector.as_str(), read.format), ("odoo", 3), "format {format}");
        }
        assert!(formats.decode(&rmp_serde::to_vec_named(&json!({"format": 0})).unwrap(), None).is_err());
    }

    #[test]
    fn the_head_of_a_future_envelope_is_read() {
        let future = json!({"format": 9, "instance": "odoo", "object": "crm.lead", "key": "7", "run_token": 3,
            "payload": {"chunks": [1, 2]}, "signature": "x"});
        let head = EnvelopeHead::decode(&rmp_serde::to_vec_named(&future).unwrap(), None).unwrap();
        assert_eq!((head.subject().as_str(), head.run_token), ("raw.odoo.crm=2Elead.7", 3));
        let text = future.to_string();
        assert_eq!(EnvelopeHead::decode(text.as_bytes(), Some(JSON_CONTENT_TYPE)), Some(head));
        assert_eq!(EnvelopeHead::decode(b"{}", Some(JSON_CONTENT_TYPE)), None);
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
