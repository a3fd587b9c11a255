//! The raw zone: envelopes, names, subjects and positions.
//!
//! Nothing here talks to a broker; it says what is written there and how it is named.

mod digest;
mod envelope;
mod names;
mod position;

pub use digest::{Digest, content_digest, message_id};
pub use envelope::{
    Envelope, EnvelopeError, FORMAT_VERSION, JSON_CONTENT_TYPE, MSGPACK_CONTENT_TYPE, Operation, Payload,
    PayloadRef,
};
pub use names::{InstanceName, NameError, ObjectName, raw_stream, raw_subject, raw_subject_filter};
pub use position::{Position, PositionError, RawPosition, Vector};
