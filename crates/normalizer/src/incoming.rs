//! From a raw message to an accepted facet version or a reject. Pure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use salescommand_domain::Timestamp;
use salescommand_domain::canonical::{FacetId, Mapped, Rejection, SourceRef};
use salescommand_domain::raw::{
    Envelope, EnvelopeError, InstanceName, ObjectName, Operation, Payload, RawPosition,
};

use crate::logs::RawMessage;
use crate::mappers::Mappers;

/// A raw message, decoded and mapped as far as it goes.
pub struct Incoming {
    /// Where it is.
    pub raw: RawPosition,
    /// Its subject.
    pub subject: String,
    /// What it is.
    pub content: Result<Version, (Option<FacetId>, Rejection)>,
}

/// An accepted version of a record.
pub struct Version {
    /// The record.
    pub source: SourceRef,
    /// Its facet.
    pub facet: FacetId,
    /// The run that published it.
    pub run_token: u64,
    /// When the source says it changed.
    pub source_modified: Option<Timestamp>,
    /// What it says.
    pub change: Change,
}

impl Version {
    /// The object, for run tokens.
    pub fn object(&self) -> &ObjectName {
        &self.source.object
    }
}

/// What a version says.
pub enum Change {
    /// Full state.
    Upsert(Box<Mapped>),
    /// Gone at the source.
    Delete,
    /// Kept in raw; says nothing canonical.
    Nothing,
}

/// Decodes, checks and maps one message. Never panics: a panic in a mapper rejects that record.
pub fn read(message: &RawMessage, mappers: &Mappers) -> Incoming {
    let content = envelope(message).and_then(|envelope| {
        let source = SourceRef {
            instance: envelope.instance.clone(),
            object: envelope.object.clone(),
            key: envelope.key.clone(),
        };
        let facet = source.facet_id();
        match change(&envelope, mappers) {
            Ok(change) => Ok(Version {
                source,
                facet,
                run_token: envelope.run_token,
                source_modified: envelope.source_modified,
                change,
            }),
            Err(rejection) => Err((Some(facet), rejection)),
        }
    });
    Incoming { raw: message.raw.clone(), subject: message.message.subject.clone(), content }
}

fn envelope(message: &RawMessage) -> Result<Envelope, (Option<FacetId>, Rejection)> {
    let bytes = &message.message.payload;
    let envelope = Envelope::decode(bytes, message.message.content_type.as_deref()).map_err(|error| {
        let reason = match error {
            EnvelopeError::Malformed(_) => "malformed_envelope",
            EnvelopeError::FutureFormat(_) => "future_format",
        };
        (None, Rejection::new(reason, "", error.to_string()))
    })?;
    check_subject(&envelope, &message.raw.instance, &message.message.subject)
        .map_err(|rejection| (None, rejection))?;
    Ok(envelope)
}

/// A producer may speak for its own instance only, and a record's history is one subject.
fn check_subject(envelope: &Envelope, instance: &InstanceName, subject: &str) -> Result<(), Rejection> {
    let expected = envelope.subject();
    if envelope.instance == *instance && expected == subject {
        return Ok(());
    }
    Err(Rejection::new("wrong_subject", "/subject", format!("published on {subject}, belongs on {expected}")))
}

fn change(envelope: &Envelope, mappers: &Mappers) -> Result<Change, Rejection> {
    if envelope.operation == Operation::Delete {
        return Ok(Change::Delete);
    }
    if let Payload::Stored(reference) = &envelope.payload {
        let detail = format!("{} bytes in the object store cannot be mapped by this version", reference.size);
        return Err(Rejection::new("payload_stored", "/payload", detail));
    }
    let mapped = catch_unwind(AssertUnwindSafe(|| mappers.map(envelope))).map_err(|_| {
        Rejection::new("mapper_panic", "", "the mapper failed on this record; this is a defect")
    })??;
    Ok(mapped.map_or(Change::Nothing, |mapped| Change::Upsert(Box::new(mapped))))
}
