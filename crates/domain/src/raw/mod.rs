//! The raw zone: envelopes, names, subjects and positions.
//!
//! Nothing here talks to a broker; it says what is written there and how it is named.

mod deletion;
mod digest;
mod envelope;
mod names;
mod position;

pub use deletion::MergedAway;
pub use digest::{Digest, NotADigest, content_digest, content_of_message_id, message_id, message_id_text};
pub use envelope::{
    Envelope, EnvelopeError, EnvelopeFormats, EnvelopeHead, FORMAT_VERSION, FormatStep, JSON_CONTENT_TYPE,
    MSGPACK_CONTENT_TYPE, Operation, Payload, PayloadRef,
};
pub use names::{
    InstanceName, NameError, ObjectName, parse_raw_object, parse_raw_stream, raw_stream, raw_subject,
    raw_subject_filter,
};
pub use position::{Position, PositionError, RawPosition, Vector};
