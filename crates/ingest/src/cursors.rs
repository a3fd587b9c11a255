//! Cursors as people see them, and resetting them.
//!
//! A reset is written by compare-and-set, like a run's own writing. A run under way finds out at its next page: it goes on to
//! its end and leaves the reset cursor as it is (see [`Bookmark`](crate::cursor::Bookmark)). The raw zone stays: what is read
//! again and is as its last event says is not published.

use salescommand_connectors::Extent;
use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, ObjectName, Position, parse_raw_object};
use salescommand_eventlog::{Error as LogError, KeyValue};
use serde::Serialize;
use uuid::Uuid;

use crate::cursor::{CURSORS_BUCKET, Cursor};
use crate::held::Held;
use crate::{Error, Ports};

/// A run writes a cursor with each page; more often than this in a row it is not faster than a look and a write.
const ATTEMPTS: u32 = 16;

/// How far an object has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CursorState {
    /// The object.
    pub object: ObjectName,
    /// The last reading came to its end; otherwise the next run goes on in its middle, or begins anew after a reset.
    pub complete: bool,
    /// Records that the last reading has read so far.
    pub read: u64,
    /// Since which moment of the source's clock that reading asks for changes; none if it asks for everything.
    pub since: Option<Timestamp>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it came to its end.
    pub completed_at: Option<Timestamp>,
    /// The run that wrote this; none after a reset.
    pub run_id: Option<Uuid>,
    /// The raw position that it rests on: a log that no longer reaches it makes the object be read anew.
    pub position: Position,
    /// Everything has been read that was there at this moment of the source's clock; none if nothing counts as read.
    pub read_through: Option<Timestamp>,
    /// Since when the next reading asks for changes; none if it reads everything.
    pub changes_from: Option<Timestamp>,
    /// When everything was read last, by the source's clock.
    pub full_at: Option<Timestamp>,
    /// When everything is read again at the latest; none if that is so at each reading.
    pub full_due: Option<Timestamp>,
    /// When somebody reset it, if no run has read the object since.
    pub reset_at: Option<Timestamp>,
}

impl CursorState {
    fn of(object: ObjectName, cursor: Cursor) -> Self {
        let read = cursor.read;
        Self {
            object,
            complete: cursor.complete,
            read: cursor.so_far,
            since: match cursor.extent {
                Extent::ChangedSince(since) => Some(since),
                Extent::All | Extent::ChangedWithin(_) => None,
            },
            started_at: cursor.started_at,
            completed_at: cursor.completed_at,
            run_id: cursor.reset_at.is_none().then_some(cursor.run_id),
            position: cursor.position,
            read_through: read.as_ref().map(|read| read.until),
            changes_from: read.as_ref().and_then(|read| read.changes_from),
            full_at: read.as_ref().map(|read| read.full_at),
            full_due: read.and_then(|read| read.full_due),
            reset_at: cursor.reset_at,
        }
    }
}

/// The cursors of a source, by object. Objects that were never read have none.
pub async fn cursors(kv: &dyn KeyValue, instance: &InstanceName) -> Result<Vec<CursorState>, Error> {
    let entries = match kv.entries(CURSORS_BUCKET).await {
        // Before the first run there is no bucket.
        Err(LogError::Missing(_)) => Vec::new(),
        entries => entries?,
    };
    let mut states = Vec::new();
    for (key, entry) in entries {
        let Some(object) = object_of(instance, &key) else { continue };
        let (_, cursor) = Held::found::<Cursor>(CURSORS_BUCKET, key, &entry)?;
        states.push(CursorState::of(object, cursor));
    }
    states.sort_by(|a, b| a.object.cmp(&b.object));
    Ok(states)
}

/// Resets the cursors of a source, of these objects or of all if none is named, so that the next run reads everything of them;
/// gives those that were reset. Objects without a cursor are read as a whole anyway.
pub async fn reset_cursors(
    ports: &Ports,
    instance: &InstanceName,
    only: &[ObjectName],
) -> Result<Vec<ObjectName>, Error> {
    let mut reset = Vec::new();
    for CursorState { object, .. } in cursors(&*ports.kv, instance).await? {
        if only.is_empty() || only.contains(&object) {
            reset_cursor(ports, Cursor::key(instance, &object)).await?;
            tracing::info!(source = %instance, %object, "the cursor was reset");
            reset.push(object);
        }
    }
    Ok(reset)
}

async fn reset_cursor(ports: &Ports, key: String) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let (mut held, cursor) = Held::read::<Cursor>(ports, CURSORS_BUCKET, key.clone()).await?;
        let Some(cursor) = cursor else { return Ok(()) };
        match held.write(ports, &cursor.reset(ports.ids.next(), ports.clock.now())).await {
            // A run has written in between: look again.
            Err(Error::Fenced(_)) => {}
            outcome => return outcome,
        }
    }
    Err(Error::Fenced(key))
}

/// The object of a cursor's key; none for other sources' cursors, and for how far back-fills have come.
fn object_of(instance: &InstanceName, key: &str) -> Option<ObjectName> {
    parse_raw_object(key.strip_prefix(instance.as_str())?.strip_prefix('.')?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back() {
        let instance = InstanceName::new("odoo").unwrap();
        let object = ObjectName::new("crm.lead").unwrap();
        assert_eq!(object_of(&instance, &Cursor::key(&instance, &object)), Some(object.clone()));
        assert_eq!(object_of(&instance, &Cursor::backfill_key(&instance, &object)), None);
        let other = InstanceName::new("odoo-eu").unwrap();
        assert_eq!(object_of(&instance, &Cursor::key(&other, &object)), None);
    }
}
