//! Which of the driver's errors means what to the store's callers.
//!
//! Invariant: no text made here quotes a connection string or a stored value. The driver's texts may hold both,
//! so only a server's code, its name and its message are taken over, and the message not for duplicates.

use std::future::IntoFuture;
use std::time::Duration;

use bson::{RawBsonRef, RawDocument};
use mongodb::error::{Error as DriverError, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};
use salescommand_store::Error;

/// The longest wait for one answer. A stopped server keeps its connections open and says nothing.
pub(crate) const ANSWER: Duration = Duration::from_secs(20);
/// A document with this `_id` or unique field exists.
pub(crate) const DUPLICATE_KEY: i32 = 11_000;
/// The collection exists.
pub(crate) const NAMESPACE_EXISTS: i32 = 48;
/// The server has no such transaction: it was given up, or is over.
pub(crate) const NO_SUCH_TRANSACTION: i32 = 251;
/// Another transaction holds the document.
pub(crate) const WRITE_CONFLICT: i32 = 112;
/// What the storage engine has no code for: a full disk, for one.
pub(crate) const UNKNOWN_ERROR: i32 = 8;

/// Codes of servers that are no primary, start, stop, or are cut off, and of transactions they gave up; from
/// MongoDB's list of retryable errors and of transient transaction errors.
const TRANSIENT: [i32; 25] = [
    6, 7, 24, 50, 64, 89, 91, 112, 133, 134, 189, 211, 225, 244, 246, 251, 262, 290, 9001, 10058, 10107,
    11600, 11602, 13435, 13436,
];
const UNAUTHORIZED: i32 = 13;
const AUTHENTICATION_FAILED: i32 = 18;

const SIGN_IN: &str = "MongoDB did not accept the sign-in: check user, password and authSource of the connection \
                       string, and that this user may read and write the database";

/// Waits for an answer, but not for ever.
pub(crate) async fn within<T, F>(call: F) -> Result<T, Error>
where
    F: IntoFuture<Output = mongodb::error::Result<T>>,
{
    match tokio::time::timeout(ANSWER, call.into_future()).await {
        Ok(answer) => answer.map_err(classify),
        Err(_) => Err(silent()),
    }
}

/// No answer came in time.
pub(crate) fn silent() -> Error {
    Error::Unavailable(format!("no answer within {} s", ANSWER.as_secs()))
}

/// A connection string that cannot be read; the driver's text could quote it.
pub(crate) fn malformed(error: DriverError) -> Error {
    match *error.kind {
        ErrorKind::DnsResolve { .. } | ErrorKind::Io(_) => classify(error),
        _ => Error::Refused(
            "the connection string of MongoDB is malformed: it reads mongodb://user:password@host:port/?options, \
             with reserved characters of user and password percent-encoded"
                .to_owned(),
        ),
    }
}

/// The code that the server gave, if it was the server.
pub(crate) fn code(error: &DriverError) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        _ => None,
    }
}

/// Whether the server did what it was told, and ended the wait for what was to be acknowledged.
pub(crate) fn is_unacknowledged(error: &DriverError) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteConcernError(_)))
}

/// Translates an error.
pub(crate) fn classify(error: DriverError) -> Error {
    if let Some(why) = untrusted(&error) {
        return Error::Refused(why.to_owned());
    }
    match &*error.kind {
        ErrorKind::Io(cause) => Error::Unavailable(format!("connection failed ({})", cause.kind())),
        ErrorKind::ServerSelection { .. } => Error::Unavailable("no primary answers".to_owned()),
        ErrorKind::ConnectionPoolCleared { .. } => Error::Unavailable("connections were lost".to_owned()),
        ErrorKind::DnsResolve { .. } => Error::Unavailable("its name cannot be resolved".to_owned()),
        ErrorKind::Authentication { .. } => unauthenticated(&error),
        ErrorKind::Command(cause) => by_code(&error, cause.code, &cause.code_name, &cause.message),
        ErrorKind::Write(WriteFailure::WriteError(cause)) => {
            by_code(&error, cause.code, cause.code_name.as_deref().unwrap_or(""), &cause.message)
        }
        ErrorKind::Write(WriteFailure::WriteConcernError(cause)) => {
            Error::Unavailable(format!("a write was not acknowledged ({})", cause.code_name))
        }
        ErrorKind::InvalidTlsConfig { .. } => Error::Refused("TLS is not set up correctly".to_owned()),
        _ if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {
            Error::Unavailable("the transaction was given up".to_owned())
        }
        ErrorKind::SessionsNotSupported | ErrorKind::Transaction { .. } => {
            Error::Refused("this MongoDB has no transactions: it must be a replica set".to_owned())
        }
        ErrorKind::InvalidResponse { .. } => Error::Refused("an answer of MongoDB cannot be read".to_owned()),
        ErrorKind::Bson(_) => Error::Refused("a document cannot be encoded or decoded".to_owned()),
        ErrorKind::IncompatibleServer { message, .. } => Error::Refused(message.clone()),
        _ => Error::Refused("the driver of MongoDB failed".to_owned()),
    }
}

/// What to do about a certificate that does not hold. The driver tells of it in words only.
fn untrusted(error: &DriverError) -> Option<&'static str> {
    let told = match &*error.kind {
        ErrorKind::Io(cause) => cause.to_string(),
        ErrorKind::ServerSelection { message, .. } => message.clone(),
        _ => return None,
    };
    // An authority of the same name with another key is another authority.
    if told.contains("UnknownIssuer") || told.contains("BadSignature") {
        return Some(
            "its certificate is signed by nobody who is trusted here; name the file of its authority in MONGODB_URI, \
             as tlsCAFile",
        );
    }
    if told.contains("NotValidForName") || told.contains("not valid for name") {
        return Some("its certificate is for another name than the one in MONGODB_URI");
    }
    let certificate = told.contains("invalid peer certificate");
    certificate.then_some("its certificate does not hold")
}

/// A sign-in can also fail because the connection broke under it.
fn unauthenticated(error: &DriverError) -> Error {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(DriverError { kind, .. }) = cause.downcast_ref::<DriverError>()
            && matches!(**kind, ErrorKind::Io(_))
        {
            return Error::Unavailable("connection failed during the sign-in".to_owned());
        }
        source = cause.source();
    }
    Error::Refused(SIGN_IN.to_owned())
}

fn by_code(error: &DriverError, code: i32, name: &str, message: &str) -> Error {
    if code == UNAUTHORIZED || code == AUTHENTICATION_FAILED {
        return Error::Refused(SIGN_IN.to_owned());
    }
    if TRANSIENT.contains(&code) || error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
        return Error::Unavailable(format!("MongoDB answered {name} ({code})"));
    }
    if code == DUPLICATE_KEY {
        return Error::Refused(format!("a unique index does not allow it ({name})"));
    }
    let message: String = message.chars().take(200).collect();
    Error::Refused(format!("MongoDB answered {name} ({code}): {message}"))
}

/// A duplicate key: which one, by the write's error as the server sent it. Values of unique fields are not quoted.
pub(crate) fn duplicate(collection: &str, write_error: Option<&RawDocument>) -> Error {
    let names = write_error.and_then(|error| error.get_document("keyPattern").ok());
    let names: Vec<&str> =
        names.into_iter().flatten().filter_map(|field| Some(field.ok()?.0.as_str())).collect();
    let id = write_error
        .filter(|_| names == ["_id"])
        .and_then(|error| error.get_document("keyValue").ok()?.get_str("_id").ok());
    let key = match id {
        Some(id) => id.to_owned(),
        None if names.is_empty() => "this key".to_owned(),
        None => names.join("+"),
    };
    Error::Duplicate { collection: collection.to_owned(), key }
}

/// The first error of a write command's answer.
pub(crate) fn first_write_error(answer: &RawDocument) -> Option<&RawDocument> {
    match answer.get_array("writeErrors").ok()?.into_iter().next()?.ok()? {
        RawBsonRef::Document(error) => Some(error),
        _ => None,
    }
}

/// Translates an error of a single document's write. The driver keeps of a duplicate key only the server's text, so
/// the index is read from that: `E11000 duplicate key error collection: … index: email_1 dup key: …`.
pub(crate) fn classify_write(collection: &str, id: &str, error: DriverError) -> Error {
    let ErrorKind::Write(WriteFailure::WriteError(cause)) = &*error.kind else { return classify(error) };
    if cause.code != DUPLICATE_KEY {
        return classify(error);
    }
    let index = cause.message.split(" index: ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let key = match index {
        Some("_id_") => id.to_owned(),
        Some(index) => index.trim_end_matches("_1").replace("_1_", "+"),
        None => "this key".to_owned(),
    };
    Error::Duplicate { collection: collection.to_owned(), key }
}
