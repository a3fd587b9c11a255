//! How a position and the switch stand in the database: one form for every implementation.
//!
//! A position is `{_id: consumer, revision, position}`; the switch is the one document [`ACTIVE_ID`].

use bson::{Document, RawBsonRef, RawDocument, RawDocumentBuf, rawdoc};

use crate::{Active, Error, StoredPosition};

/// The `_id` of the switch.
pub const ACTIVE_ID: &str = "active";

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::Refused(format!("a stored document cannot be read: {error}"))
}

/// The text under `_id`. [`Error::Refused`] if there is none, or it is no text.
pub fn text_id(document: &RawDocument) -> Result<&str, Error> {
    match document.get("_id") {
        Ok(Some(RawBsonRef::String(id))) => Ok(id),
        Ok(_) => Err(Error::Refused("a document needs an `_id` that is text".to_owned())),
        Err(error) => Err(Error::Refused(format!("a document is no legal BSON: {error}"))),
    }
}

/// The field `revision`, if it is a whole number.
pub fn revision_of(document: &RawDocument) -> Result<Option<i64>, Error> {
    match document.get("revision").map_err(unreadable)? {
        Some(RawBsonRef::Int64(number)) => Ok(Some(number)),
        Some(RawBsonRef::Int32(number)) => Ok(Some(i64::from(number))),
        _ => Ok(None),
    }
}

/// A position as a document.
pub fn position_document(
    consumer: &str,
    revision: i64,
    position: &Document,
) -> Result<RawDocumentBuf, Error> {
    let position = RawDocumentBuf::try_from(position)
        .map_err(|error| Error::Refused(format!("the position is no legal BSON: {error}")))?;
    Ok(rawdoc! { "_id": consumer, "revision": revision, "position": position })
}

/// A document as a position.
pub fn stored_position(document: &RawDocument) -> Result<StoredPosition, Error> {
    let revision = revision_of(document)?;
    let position = document.get_document("position").ok().and_then(|position| position.try_into().ok());
    match (revision, position) {
        (Some(revision), Some(position)) => Ok(StoredPosition { revision, position }),
        _ => Err(Error::Refused("a stored position cannot be read".to_owned())),
    }
}

/// The switch as a document.
pub fn active_document(active: &Active) -> Result<RawDocumentBuf, Error> {
    let mut document = rawdoc! { "_id": ACTIVE_ID };
    let fields = bson::serialize_to_raw_document_buf(active).map_err(unreadable)?;
    for element in fields.iter() {
        let (name, value) = element.map_err(unreadable)?;
        document.append(name, value);
    }
    Ok(document)
}

/// A document as the switch.
pub fn stored_active(document: &RawDocument) -> Result<Active, Error> {
    bson::deserialize_from_slice(document.as_bytes()).map_err(unreadable)
}
