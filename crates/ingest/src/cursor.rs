//! Cursors: how far a run has come with an object.
//!
//! A cursor rests on a raw position. If the stream no longer reaches it (a broker restored from an older copy),
//! the pages that the cursor stands for may be gone, and the object is read again from the beginning.

use salescommand_connectors::{Extent, ObjectPlan};
use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, ObjectName, Position, raw_subject};
use salescommand_domain::schedule::TimeRange;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::held::{Held, Owned};
use crate::{Error, Ports};

pub(crate) const CURSORS_BUCKET: &str = "SYNC_CURSORS";

/// A cursor as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The run that wrote it.
    pub(crate) run_id: Uuid,
    /// Where the next page begins; the connector's own.
    pub(crate) next: Option<Value>,
    /// The raw position that it rests on.
    pub(crate) position: Position,
    /// Every page was read and published.
    pub(crate) complete: bool,
    /// When the first page of this reading was asked for.
    pub(crate) started_at: Timestamp,
    /// When it became complete.
    pub(crate) completed_at: Option<Timestamp>,
    /// Token of the run.
    pub(crate) token: u64,
    /// Set while a run finishes what another run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wrap: Option<Wrap>,
    /// What this reading asks for.
    #[serde(default = "all")]
    pub(crate) extent: Extent,
    /// With these fields: nobody goes on with others. Empty in what older versions wrote.
    #[serde(default)]
    pub(crate) fields: String,
    /// The source's clock when this reading began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<Timestamp>,
    /// What complete readings have read; none if nothing can be built on that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read: Option<Read>,
    /// How many records this reading has read so far.
    #[serde(default)]
    pub(crate) so_far: u64,
    /// Somebody has reset it then: the next run reads everything. None in what a run writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reset_at: Option<Timestamp>,
    /// The source's clock when what is gone was last looked for to the end; kept of objects whose records are merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) swept: Option<Timestamp>,
}

fn all() -> Extent {
    Extent::All
}

/// What complete readings of an object have read, by the source's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Read {
    /// Everything that was there when the last complete reading began.
    pub(crate) until: Timestamp,
    /// When the last reading of all records began.
    pub(crate) full_at: Timestamp,
    /// With these fields.
    pub(crate) fields: String,
    /// Since when the next reading asks for changes, as things are; none if it reads everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changes_from: Option<Timestamp>,
    /// When everything is read again at the latest, as things are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) full_due: Option<Timestamp>,
}

/// What a run wants of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) plan: &'a ObjectPlan,
    /// All records, whatever was read before.
    pub(crate) full: bool,
    /// The source's clock when the run connected.
    pub(crate) clock: Option<Timestamp>,
}

impl Wanted<'_> {
    /// What to ask for, after what was read before.
    fn extent(&self, read: Option<&Read>) -> Extent {
        let (Some(incremental), Some(clock), Some(read)) = (self.plan.incremental, self.clock, read) else {
            return Extent::All;
        };
        let full_is_due = clock.duration_since(read.full_at).unsigned_abs() >= incremental.full_every;
        if self.full || full_is_due || read.fields != self.plan.fields {
            return Extent::All;
        }
        // A clock that was set back has marked with moments before those that were read.
        let since = read.until.min(clock);
        since.checked_sub(incremental.overlap).map_or(Extent::All, Extent::ChangedSince)
    }

    /// What has been read when a reading that began at a moment is complete.
    pub(crate) fn read(
        &self,
        extent: Extent,
        clock: Option<Timestamp>,
        before: Option<&Read>,
    ) -> Option<Read> {
        let until = clock?;
        let full_at = match extent {
            Extent::All => until,
            Extent::ChangedSince(_) => before?.full_at,
            // A part tells nothing of the rest.
            Extent::ChangedWithin(_) => return before.cloned(),
        };
        let incremental = self.plan.incremental;
        Some(Read {
            until,
            full_at,
            fields: self.plan.fields.clone(),
            changes_from: incremental.and_then(|incremental| until.checked_sub(incremental.overlap).ok()),
            full_due: incremental.and_then(|incremental| full_at.checked_add(incremental.full_every).ok()),
        })
    }
}

/// A run that takes up the cursor of one that was interrupted reads from there to the end, so that even a source that never lasts
/// for a whole run is read to its end; then it reads the beginning, which may have changed since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wrap {
    /// Where it took up; the beginning is read up to here.
    pub(crate) until: Value,
    /// The end was reached; it is reading the beginning.
    pub(crate) wrapped: bool,
}

/// Where a run begins with an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Start {
    /// The same run has already finished it, before it was interrupted.
    Done,
    /// At a page.
    At {
        /// `next` of the page before; none for the first page.
        next: Option<Value>,
        /// See [`Wrap`].
        wrap: Option<Wrap>,
        /// When this reading began, if another process began it.
        started_at: Option<Timestamp>,
        /// What to ask for.
        extent: Extent,
        /// The source's clock when this reading began.
        clock: Option<Timestamp>,
        /// How many records of this reading were read before.
        so_far: u64,
        /// The stream has lost what the cursor stood for.
        rewound: bool,
    },
}

impl Owned for Cursor {
    fn same_owner(&self, other: &Self) -> bool {
        self.token == other.token && self.run_id == other.run_id
    }
}

impl Cursor {
    /// Key of an object's cursor: `<instance>.<escaped object>`.
    pub(crate) fn key(instance: &InstanceName, object: &ObjectName) -> String {
        // The subject of a record with an empty key is `raw.<instance>.<escaped object>.=`.
        let subject = raw_subject(instance, object, "");
        let key = subject.strip_prefix("raw.").and_then(|rest| rest.strip_suffix(".="));
        key.unwrap_or(&subject).to_owned()
    }

    /// Key of how far a back-fill of an object has come: beside the cursor, which it leaves alone.
    pub(crate) fn backfill_key(instance: &InstanceName, object: &ObjectName) -> String {
        format!("{}.backfill", Self::key(instance, object))
    }

    /// The cursor as it is when somebody has reset it: nothing counts as read. It is nobody's, so a run under way finds that it
    /// was written by another one.
    pub(crate) fn reset(&self, id: Uuid, now: Timestamp) -> Self {
        Self {
            run_id: id,
            next: None,
            position: self.position,
            complete: false,
            started_at: now,
            completed_at: None,
            token: 0,
            wrap: None,
            extent: Extent::All,
            fields: String::new(),
            clock: None,
            read: None,
            so_far: 0,
            reset_at: Some(now),
            swept: self.swept,
        }
    }

    /// Where the same run goes on.
    fn resume(&self) -> Start {
        if self.complete {
            return Start::Done;
        }
        Start::At {
            next: self.next.clone(),
            wrap: self.wrap.clone(),
            started_at: Some(self.started_at),
            extent: self.extent,
            clock: self.clock,
            so_far: self.so_far,
            rewound: false,
        }
    }
}

/// The cursor of a reading under way, as its run writes it.
#[derive(Debug)]
pub(crate) struct Bookmark {
    held: Held,
    /// Somebody has reset the cursor since this run has read it. The reading goes on to its end, which harms nobody, and the
    /// cursor stays reset, so that the next run reads everything.
    reset: bool,
}

impl Bookmark {
    /// Reads a cursor in order to write it later.
    pub(crate) async fn open(ports: &Ports, key: String) -> Result<(Self, Option<Cursor>), Error> {
        let (held, cursor) = Held::read(ports, CURSORS_BUCKET, key).await?;
        Ok((Self { held, reset: false }, cursor))
    }

    /// Writes the cursor, unless it was reset; tells whether that was found out just now.
    pub(crate) async fn write(&mut self, ports: &Ports, cursor: &Cursor) -> Result<bool, Error> {
        if self.reset {
            return Ok(false);
        }
        let fenced = match self.held.write(ports, cursor).await {
            Err(Error::Fenced(key)) => key,
            outcome => return outcome.map(|()| false),
        };
        let (_, present) = Held::read::<Cursor>(ports, CURSORS_BUCKET, fenced.clone()).await?;
        self.reset = present.is_some_and(|present| present.reset_at.is_some());
        if self.reset { Ok(true) } else { Err(Error::Fenced(fenced)) }
    }
}

impl Start {
    /// Decides from the cursor found, the run, and whether the log has lost what the cursor rests on.
    pub(crate) fn decide(cursor: Option<&Cursor>, run_id: Uuid, lost: bool, wanted: Wanted<'_>) -> Self {
        let anew = |extent, rewound| Self::At {
            next: None,
            wrap: None,
            started_at: None,
            extent,
            clock: wanted.clock,
            so_far: 0,
            rewound,
        };
        let Some(cursor) = cursor else { return anew(Extent::All, false) };
        if lost {
            return anew(Extent::All, true);
        }
        // A user's rights may have changed while the run was interrupted: with other fields nobody goes on, and where changes are
        // asked for later, what was read before is read once more at the end.
        let same_fields = cursor.fields == wanted.plan.fields;
        let rests = cursor.complete || wanted.plan.incremental.is_none();
        if cursor.run_id == run_id && same_fields && rests {
            return cursor.resume();
        }
        let extent = wanted.extent(cursor.read.as_ref());
        if cursor.complete || extent != cursor.extent || !same_fields {
            return anew(extent, false);
        }
        let wrap = cursor.next.clone().map(|until| Wrap { until, wrapped: false });
        let (next, clock) = (cursor.next.clone(), wanted.clock);
        Self::At { next, wrap, started_at: None, extent, clock, so_far: 0, rewound: false }
    }

    /// The same for a back-fill: it goes on only where the same run was.
    pub(crate) fn of_backfill(
        cursor: Option<&Cursor>,
        run_id: Uuid,
        lost: bool,
        range: TimeRange,
        fields: &str,
    ) -> Self {
        let extent = Extent::ChangedWithin(range);
        let is_own = |cursor: &&Cursor| {
            cursor.run_id == run_id && cursor.extent == extent && cursor.fields == fields && !lost
        };
        let own = cursor.filter(is_own);
        own.map_or(
            Self::At {
                next: None,
                wrap: None,
                started_at: None,
                extent,
                clock: None,
                so_far: 0,
                rewound: false,
            },
            Cursor::resume,
        )
    }
}

/// Where to go on after a page; none when all is read.
pub(crate) fn after_page(next: Option<Value>, wrap: &mut Option<Wrap>) -> Option<Option<Value>> {
    match (next, wrap) {
        (Some(next), Some(Wrap { until, wrapped: true })) if next == *until => None,
        (Some(next), _) => Some(Some(next)),
        (None, Some(wrap)) if !wrap.wrapped => {
            wrap.wrapped = true;
            Some(None)
        }
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_legal_and_names_the_object() {
        let instance = InstanceName::new("odoo-eu").unwrap();
        assert_eq!(Cursor::key(&instance, &ObjectName::new("crm.lead").unwrap()), "odoo-eu.crm=2Elead");
    }

    #[test]
    fn the_beginning_is_read_after_the_end_and_no_further_than_needed() {
        let mut wrap = Some(Wrap { until: json!(20), wrapped: false });
        assert_eq!(after_page(Some(json!(30)), &mut wrap), Some(Some(json!(30))));
        assert_eq!(after_page(None, &mut wrap), Some(None));
        assert_eq!(after_page(Some(json!(10)), &mut wrap), Some(Some(json!(10))));
        assert_eq!(after_page(Some(json!(20)), &mut wrap), None);
        assert_eq!(after_page(None, &mut wrap), None, "pages that shifted end the reading at the end");
        assert_eq!(after_page(None, &mut None), None);
    }
}
