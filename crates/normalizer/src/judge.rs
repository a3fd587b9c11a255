//! What would become of a raw event: for trying a mapping out, and for checking a producer. Writes nothing.

use salescommand_domain::canonical::Rejection;

use crate::incoming::{Change, read};
use crate::logs::RawMessage;
use crate::mappers::Mappers;

/// What would become of a raw event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is a version of this kind of thing: `account`, `stage`, ….
    Accepted(String),
    /// The record is gone.
    Deleted,
    /// It is kept in raw and says nothing.
    Silent,
    /// It would go to quarantine.
    Rejected(Rejection),
}

/// Judges one raw event.
pub fn judge(message: &RawMessage, mappers: &Mappers) -> Verdict {
    match read(message, mappers).content {
        Ok(version) => match version.change {
            Change::Upsert(mapped) => {
                let body = serde_json::to_value(&mapped.body).unwrap_or_default();
                Verdict::Accepted(body["kind"].as_str().unwrap_or_default().to_owned())
            }
            Change::Delete(_) => Verdict::Deleted,
            Change::Nothing => Verdict::Silent,
        },
        Err(rejection) => Verdict::Rejected(rejection),
    }
}
