//! Hints that something has changed in a source: kept until it was read, by whoever looks at schedules.
//!
//! A hint is an object's name and a moment, in the bucket [`HINTS_BUCKET`] by compare-and-set. Nothing takes it out again: like
//! a slot of a schedule it is served once the object was asked for after it. So a process that dies anywhere loses none, and
//! hints that come while a run waits or is under way make one run behind it, however many they are.

use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_domain::schedule::Hints;
use salescommand_eventlog::{Error as LogError, KeyValue};

use crate::{Error, Ports};

/// Bucket of hints: key = instance, value = [`Hints`] in JSON.
pub(crate) const HINTS_BUCKET: &str = "SYNC_HINTS";
/// So many others may write between a look and a write.
const ATTEMPTS: u32 = 8;

/// Takes a hint that an object of a source has changed. Durable when it returns. That the source has such an object is for the
/// caller to know.
pub async fn hint(ports: &Ports, instance: &InstanceName, object: &ObjectName) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let found = match ports.kv.get(HINTS_BUCKET, instance.as_str()).await {
            Err(LogError::Missing(_)) => {
                ports.kv.ensure_bucket(HINTS_BUCKET).await?;
                None
            }
            found => found?,
        };
        let known =
            found.as_ref().map(|entry| decode(instance, &entry.value)).transpose()?.unwrap_or_default();
        let Some(hints) = known.with(object, ports.clock.now()) else { return Ok(()) };
        let bytes = serde_json::to_vec(&hints).map_err(|source| unreadable(instance, source))?;
        let expected = found.map_or(0, |entry| entry.revision);
        match ports.kv.put_if(HINTS_BUCKET, instance.as_str(), expected, bytes.into()).await {
            Ok(_) => return Ok(()),
            // Somebody else wrote first: look again.
            Err(LogError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Fenced(instance.to_string()))
}

/// The hints of each source that ever had one.
pub(crate) async fn hints(kv: &dyn KeyValue) -> Result<Vec<(String, Hints)>, Error> {
    let entries = match kv.entries(HINTS_BUCKET).await {
        // Before the first one there is no bucket.
        Err(LogError::Missing(_)) => Vec::new(),
        entries => entries?,
    };
    entries.into_iter().map(|(name, entry)| Ok((name.clone(), decode(&name, &entry.value)?))).collect()
}

fn decode(instance: &(impl std::fmt::Display + ?Sized), bytes: &[u8]) -> Result<Hints, Error> {
    serde_json::from_slice(bytes).map_err(|source| unreadable(instance, source))
}

fn unreadable(instance: &(impl std::fmt::Display + ?Sized), source: serde_json::Error) -> Error {
    Error::State { what: format!("{HINTS_BUCKET}/{instance}"), source }
}
