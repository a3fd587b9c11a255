//! From a raw message to an accepted facet version or a reject. Pure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use salescommand_domain::Timestamp;
use salescommand_domain::canonical::{FacetId, Mapped, Rejection, SourceRef};
use salescommand_domain::raw::{
    Envelope, EnvelopeError, EnvelopeHead, InstanceName, MergedAway, ObjectName, Operation, Payload,
    RawPosition,
};

use crate::logs::RawMessage;
use crate::mappers::Mappers;

/// A raw message, decoded and mapped as far as it goes.
pub struct Incoming {
    /// Where it is.
    pub raw: RawPosition,
    /// Its subject.
    pub subject: String,
    /// Whose it is, if that can be told.
    pub head: Option<Head>,
    /// What it is.
    pub content: Result<Version, Rejection>,
}

/// Which record an event is about, and the run that published it. Known of events of a future format too: what a run
/// may overwrite must not depend on whether its events could be read.
#[derive(Debug, Clone)]
pub struct Head {
    /// The record.
    pub source: SourceRef,
    /// The run that published it.
    pub run_token: u64,
}

impl Head {
    /// The object, for run tokens.
    pub fn object(&self) -> &ObjectName {
        &self.source.object
    }
}

/// An accepted version of a record.
#[derive(Debug, Clone)]
pub struct Version {
    /// The record.
    pub source: SourceRef,
    /// Its facet.
    pub facet: FacetId,
    /// When the source says it changed.
    pub source_modified: Option<Timestamp>,
    /// When it was read.
    pub observed: Timestamp,
    /// What it says.
    pub change: Change,
}

/// What a version says.
#[derive(Debug, Clone)]
pub enum Change {
    /// Full state.
    Upsert(Box<Mapped>),
    /// Gone at the source; into the record named, if it was merged.
    Delete(Option<FacetId>),
    /// Kept in raw; says nothing canonical.
    Nothing,
}

/// Decodes, checks and maps one message. Never panics: a panic in a mapper rejects that record.
pub fn read(message: &RawMessage, mappers: &Mappers) -> Incoming {
    let (bytes, kind) = (&message.message.payload, message.message.content_type.as_deref());
    let head = EnvelopeHead::decode(bytes, kind)
        .filter(|head| belongs(&head.instance, &head.subject(), message))
        .map(|head| Head {
            source: SourceRef { instance: head.instance, object: head.object, key: head.key },
            run_token: head.run_token,
        });
    let content = envelope(message, mappers).and_then(|envelope| {
        let source = SourceRef {
            instance: envelope.instance.clone(),
            object: envelope.object.clone(),
            key: envelope.key.clone(),
        };
        let (facet, observed) = (source.facet_id(), envelope.observed);
        let source_modified = envelope.source_modified;
        let change = change(&source, envelope, mappers)?;
        Ok(Version { source, facet, source_modified, observed, change })
    });
    Incoming { raw: message.raw.clone(), subject: message.message.subject.clone(), head, content }
}

fn envelope(message: &RawMessage, mappers: &Mappers) -> Result<Envelope, Rejection> {
    let bytes = &message.message.payload;
    let kind = message.message.content_type.as_deref();
    let envelope = mappers.formats().decode(bytes, kind).map_err(|error| {
        let reason = match error {
            EnvelopeError::Malformed(_) => "malformed_envelope",
            EnvelopeError::FutureFormat { .. } => "future_format",
        };
        Rejection::new(reason, "", error.to_string())
    })?;
    let (expected, found) = (envelope.subject(), &message.message.subject);
    if belongs(&envelope.instance, &expected, message) {
        return Ok(envelope);
    }
    Err(Rejection::new("wrong_subject", "/subject", format!("published on {found}, belongs on {expected}")))
}

/// A producer may speak for its own instance only, and a record's history is one subject.
fn belongs(instance: &InstanceName, subject: &str, message: &RawMessage) -> bool {
    *instance == message.raw.instance && subject == message.message.subject
}

fn change(source: &SourceRef, envelope: Envelope, mappers: &Mappers) -> Result<Change, Rejection> {
    if envelope.operation == Operation::Delete {
        return Ok(Change::Delete(merged_into(source, &envelope.payload)));
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

/// The record that a deleted one was merged into, if its deletion names one beside itself.
fn merged_into(source: &SourceRef, payload: &Payload) -> Option<FacetId> {
    let key = MergedAway::of(payload)?.merged_into;
    (key != source.key).then(|| SourceRef { key, ..source.clone() }.facet_id())
}
