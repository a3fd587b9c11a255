//! What the broker's errors mean to the port.

use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use salescommand_eventlog::Error;

use crate::connect::Watched;

/// An error that JetStream answered with. `name` is the stream or bucket.
pub(crate) fn answered(error: &jetstream::Error, name: &str, expected: u64) -> Error {
    let text = error.to_string();
    match error.error_code() {
        ErrorCode::STREAM_NOT_FOUND => Error::Missing(name.to_owned()),
        // A subject has moved on to another stream, or is about to.
        ErrorCode::STREAM_NOT_MATCH | ErrorCode::STREAM_SEALED => Error::Sealed(name.to_owned()),
        ErrorCode::STREAM_WRONG_LAST_SEQUENCE | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => {
            Error::Conflict { subject: name.to_owned(), expected }
        }
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::MEMORY_RESOURCES_EXCEEDED
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED => Error::Full(name.to_owned()),
        // The store says "maximum bytes exceeded" and the like; anything else is trouble with the disk.
        ErrorCode::STREAM_STORE_FAILED if text.contains("maximum") => Error::Full(name.to_owned()),
        // The same id is being stored right now: the next attempt finds it.
        ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT
        // Messages of a batch were lost on their way, or abandoned batches are still in the broker's memory.
        | ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH
        | ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT
        | ErrorCode::STREAM_OFFLINE
        | ErrorCode::STREAM_TOO_MANY_REQUESTS
        | ErrorCode::STREAM_STORE_FAILED => Error::Unavailable(text),
        _ if matches!(error.code(), 408 | 500 | 503) => Error::Unavailable(text),
        _ => Error::Refused(text),
    }
}

/// A publish that got no good answer. A stream that does not answer may be missing or only starting; the caller
/// finds out which.
pub(crate) fn publish(
    error: &PublishError,
    name: &str,
    subject: &str,
    expected: u64,
    since: std::time::Instant,
    watched: &Watched,
) -> Error {
    match error.kind() {
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
            Error::Conflict { subject: subject.to_owned(), expected }
        }
        PublishErrorKind::MaxPayloadExceeded => {
            Error::Refused(format!("{subject}: larger than the broker takes"))
        }
        PublishErrorKind::StreamNotFound => Error::Missing(name.to_owned()),
        PublishErrorKind::TimedOut => watched.unanswered(since, subject),
        _ => match source_of(error) {
            Some(answer) => answered(answer, name, expected),
            None => Error::Unavailable(error.to_string()),
        },
    }
}

/// Whether the broker refused a piece as a whole that it takes message by message: one of the messages is there already, or the
/// stream takes no pieces.
pub(crate) fn wants_one_by_one(error: &PublishError) -> bool {
    let code = source_of(error).map(jetstream::Error::error_code);
    matches!(
        code,
        Some(ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE | ErrorCode::ATOMIC_PUBLISH_DISABLED)
    )
}

/// A message that could not be handed to the connection.
pub(crate) fn send(error: &async_nats::client::PublishError, subject: &str) -> Error {
    match error.kind() {
        async_nats::client::PublishErrorKind::MaxPayloadExceeded => {
            Error::Refused(format!("{subject}: larger than the broker takes"))
        }
        _ => Error::Unavailable(format!("{subject}: {error}")),
    }
}

/// A stream's description that could not be read.
pub(crate) fn get_stream(
    error: &GetStreamError,
    name: &str,
    since: std::time::Instant,
    watched: &Watched,
) -> Error {
    match error.kind() {
        GetStreamErrorKind::JetStream(answer) => answered(&answer, name, 0),
        GetStreamErrorKind::Request => watched.unanswered(since, name),
        GetStreamErrorKind::EmptyName | GetStreamErrorKind::InvalidStreamName => {
            Error::Refused(format!("{name:?} is no stream name"))
        }
    }
}

/// JetStream's own answer somewhere among the causes of a client error.
pub(crate) fn source_of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a jetstream::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(answer) = error.downcast_ref::<jetstream::Error>() {
            return Some(answer);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(code: u64, err_code: u64, description: &str) -> Error {
        let answer = serde_json::json!({"code": code, "err_code": err_code, "description": description});
        answered(&serde_json::from_value(answer).unwrap(), "S", 7)
    }

    #[test]
    fn tells_full_from_fenced_from_refused() {
        assert!(matches!(from(400, 10071, "wrong last sequence: 3"), Error::Conflict { expected: 7, .. }));
        assert!(matches!(from(503, 10077, "maximum bytes exceeded"), Error::Full(_)));
        assert!(matches!(from(503, 10077, "write error"), Error::Unavailable(_)));
        assert!(matches!(from(404, 10059, "stream not found"), Error::Missing(_)));
        assert!(matches!(from(400, 10060, "expected stream does not match"), Error::Sealed(_)));
        assert!(matches!(
            from(503, 10008, "JetStream system temporarily unavailable"),
            Error::Unavailable(_)
        ));
    }
}
