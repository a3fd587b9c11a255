//! Typed documents from and to the store's raw ones.

use bson::RawDocumentBuf;
use salescommand_store::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a document; what cannot be read is a defect of this program or of the data, not a reason to try again.
pub(crate) fn read<T: DeserializeOwned>(document: &RawDocumentBuf) -> Result<T, Error> {
    bson::deserialize_from_slice(document.as_bytes())
        .map_err(|error| Error::Refused(format!("unreadable document: {error}")))
}

/// Reads many.
pub(crate) fn read_all<T: DeserializeOwned>(documents: &[RawDocumentBuf]) -> Result<Vec<T>, Error> {
    documents.iter().map(read).collect()
}

/// Writes a document.
pub(crate) fn write<T: Serialize>(document: &T) -> Result<RawDocumentBuf, Error> {
    bson::serialize_to_raw_document_buf(document)
        .map_err(|error| Error::Refused(format!("a document cannot be written: {error}")))
}
