//! Following a source that keeps places in its history for us: delta tokens, change logs.
//!
//! An object has parts (mailboxes, folders), each with a place of its own, which moves on only after everything before it is in
//! the log. A part without a place, or whose place the source no longer knows, is listed as a whole. Then what is known and was
//! not listed is asked for by its key, and only what the source says is not there is retracted: what was listed by a process
//! that has ended counts as not listed, what moved to another part is not gone, and neither is what only can no longer be read.
//! What is there and no listing tells of is told as it is now.
//!
//! A part that is not there any more is asked for in the same way. What stays of it (the mailbox of an account that is disabled) is
//! asked for by one of its records at each reading, and by all of them at each listing and once that one is gone. Should the part
//! come back, it is listed as a whole.
//!
//! The object's own cursor ([`crate::cursor`]) says how far the reading of all parts is, so that people see and reset it like
//! any other.

use std::collections::{BTreeMap, BTreeSet};

use salescommand_connectors::{
    Extent, Followed, MOST_ASKED, ObjectPlan, PART_NOT_READABLE, Record, SourceError, Then,
};
use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, Position};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::cursor::{Bookmark, CURSORS_BUCKET, Cursor, Read};
use crate::feed_keys::{PartKeys, part_key};
use crate::held::{Held, Owned};
use crate::object::{Halt, Session, insist};
use crate::run_log::Level;
use crate::sweep::{FEW, SHARE};

/// So often a part is begun anew in a run before that is given up.
const MOST_RESTARTS: u32 = 3;
/// So many pages in a row may tell nothing that was not told before.
const MOST_STALE: u32 = 50;
/// So many parts may vanish at once, whatever their share.
const FEW_PARTS: usize = 10;

/// How far a part was followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Place {
    /// The run that wrote it.
    run_id: Uuid,
    token: u64,
    /// The part's name.
    part: String,
    /// Where the next page begins; the connector's own. None: everything has to be listed.
    next: Option<Value>,
    /// Everything is being listed.
    listing: bool,
    /// When the last listing began.
    listed_at: Timestamp,
    /// The run has read it to its end.
    complete: bool,
    /// It was not there any more, and what was in it has been asked for.
    closed: bool,
    /// Of a part that is closed, a record that was there all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remains: Option<String>,
    /// The raw position that it rests on.
    position: Position,
}

impl Owned for Place {
    fn same_owner(&self, other: &Self) -> bool {
        self.token == other.token && self.run_id == other.run_id
    }
}

/// A reading of all parts.
struct Reading {
    /// Parts that were listed last before this moment are listed.
    listed_since: Timestamp,
    /// When it began.
    began: Timestamp,
    cursor: Cursor,
}

/// Asks the source's feeds, again while it has passing trouble.
macro_rules! ask {
    ($session:ident, $index:ident, $plan:ident, |$feeds:ident| $question:expr) => {
        insist!(
            $session.context,
            $index,
            $plan,
            match $session.source.feeds() {
                Some($feeds) => $question.await,
                None => Err(without_feeds($plan)),
            }
        )
    };
}

impl Session<'_> {
    /// Follows an object in all its parts.
    pub(crate) async fn follow(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        followed: Followed,
    ) -> Result<(), Halt> {
        let context = self.context;
        let key = Cursor::key(context.instance, &plan.object);
        let (mut bookmark, before) = Bookmark::open(context.ports, key).await?;
        let Some(mut reading) = self.begin(plan, followed, before) else {
            let note = "read before this run was interrupted";
            context.progress.object(index, |object| object.note(note));
            return Ok(());
        };
        context.bookmark(&mut bookmark, index, &reading.cursor).await?;
        context.progress.object(index, |object| {
            object.since = match reading.cursor.extent {
                Extent::ChangedSince(since) => Some(since),
                Extent::All | Extent::ChangedWithin(_) => None,
            };
        });
        let parts = ask!(self, index, plan, |feeds| feeds.parts(&plan.object));
        let mut places = self.places(plan).await?;
        let mut unreadable = Vec::new();
        for part in &parts {
            let place = places.remove(part);
            match self.follow_part(index, plan, &reading, (part, place)).await {
                Err(Halt::Source(SourceError::Permanent { code: PART_NOT_READABLE, message, fix })) => {
                    unreadable.push((message, fix));
                }
                outcome => reading.cursor.so_far += outcome?,
            }
        }
        if let Some((message, fix)) = unreadable.first() {
            let (some, all) = (unreadable.len(), parts.len());
            if some == all {
                return Err(Halt::Source(SourceError::Permanent {
                    code: "not-allowed",
                    message: message.clone(),
                    fix: fix.clone(),
                }));
            }
            let note =
                format!("{some} of {all} parts cannot be read; what was read of them stays: {message}");
            context.progress.tell(index, Level::Info, &note);
        }
        self.close_parts(index, plan, (parts.len(), reading.cursor.extent), places).await?;
        let full_at = reading.listed_since;
        let cursor = Cursor {
            complete: true,
            completed_at: Some(context.ports.clock.now()),
            position: self.writer.end(),
            read: Some(Read {
                until: reading.began,
                full_at,
                fields: plan.fields.clone(),
                changes_from: Some(reading.began),
                full_due: full_at.checked_add(followed.full_every).ok(),
            }),
            ..reading.cursor
        };
        context.bookmark(&mut bookmark, index, &cursor).await
    }

    /// The reading that this run does; none if it has done it before it was interrupted.
    fn begin(&self, plan: &ObjectPlan, followed: Followed, before: Option<Cursor>) -> Option<Reading> {
        let now = self.context.ports.clock.now();
        let lost = before.as_ref().is_some_and(|cursor| !self.writer.reaches(cursor.position));
        let own = before
            .as_ref()
            .filter(|cursor| cursor.run_id == self.run_id && !lost && cursor.reset_at.is_none());
        if own.is_some_and(|cursor| cursor.complete) {
            return None;
        }
        let read = before.as_ref().and_then(|cursor| cursor.read.clone()).filter(|read| {
            let due = now.duration_since(read.full_at).unsigned_abs() >= followed.full_every;
            !lost && !due && !self.demands.full && read.fields == plan.fields
        });
        // A listing that was interrupted goes on, whichever run began it: parts that it has listed are not listed again.
        let unfinished = before.as_ref().filter(|cursor| {
            let is_listing = !cursor.complete && cursor.extent == Extent::All && cursor.fields == plan.fields;
            is_listing && !lost && cursor.reset_at.is_none() && (own.is_some() || !self.demands.full)
        });
        let (began, listed_since, extent) = match (unfinished, &read) {
            (Some(cursor), _) => (cursor.clock.unwrap_or(now), cursor.clock.unwrap_or(now), Extent::All),
            (None, Some(read)) => (now, read.full_at, Extent::ChangedSince(read.until)),
            (None, None) => (now, now, Extent::All),
        };
        let cursor = Cursor {
            run_id: self.run_id,
            next: None,
            position: self.writer.end(),
            complete: false,
            started_at: now,
            completed_at: None,
            token: self.context.lease.token(),
            wrap: None,
            extent,
            fields: plan.fields.clone(),
            clock: Some(began),
            read,
            so_far: own.map_or(0, |cursor| cursor.so_far),
            reset_at: None,
            swept: None,
        };
        Some(Reading { listed_since, began, cursor })
    }

    /// The places of an object's parts, by part.
    async fn places(&self, plan: &ObjectPlan) -> Result<BTreeMap<String, (Held, Place)>, Halt> {
        let prefix = format!("{}.", place_prefix(self.context.instance, plan));
        let mut places = BTreeMap::new();
        for (key, entry) in self.context.ports.kv.entries(CURSORS_BUCKET).await? {
            if key.starts_with(&prefix) {
                let (held, place) = Held::found::<Place>(CURSORS_BUCKET, key, &entry)?;
                places.insert(place.part.clone(), (held, place));
            }
        }
        Ok(places)
    }

    /// Follows a part to its end; gives how many records it told.
    async fn follow_part(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        reading: &Reading,
        (part, stored): (&str, Option<(Held, Place)>),
    ) -> Result<u64, Halt> {
        let context = self.context;
        let (mut held, stored) = match stored {
            Some((held, place)) => (held, Some(place)),
            None => {
                let key = format!(
                    "{}.{}",
                    place_prefix(context.instance, plan),
                    part_token(context.instance, plan, part)
                );
                (Held::read::<Place>(context.ports, CURSORS_BUCKET, key).await?.0, None)
            }
        };
        let usable = stored.filter(|place| {
            place.listed_at >= reading.listed_since && !place.closed && self.writer.reaches(place.position)
        });
        if usable.as_ref().is_some_and(|place| place.run_id == self.run_id && place.complete) {
            return Ok(0);
        }
        let run_id = self.run_id;
        let anew = |position| Place {
            run_id,
            token: context.lease.token(),
            part: part.to_owned(),
            next: None,
            listing: true,
            listed_at: context.ports.clock.now(),
            complete: false,
            closed: false,
            remains: None,
            position,
        };
        // What has happened since pages were begun by a run that has ended is told behind them.
        let mut is_behind = usable.as_ref().is_some_and(|place| place.next.is_some() && !place.complete);
        let mut place = match usable.filter(|place| place.next.is_some()) {
            Some(place) => Place { run_id, token: context.lease.token(), complete: false, ..place },
            None => anew(self.writer.end()),
        };
        let (mut keys, mut told, mut restarts, mut stale, mut read) = (None, BTreeSet::new(), 0, 0, 0);
        loop {
            let from = place.next.clone();
            let changes = ask!(self, index, plan, |feeds| feeds.changes(&plan.object, part, from.as_ref()));
            let calls = u64::from(changes.calls.saturating_sub(1));
            context.progress.object(index, |object| object.effort.calls += calls);
            context.progress.received(index, self.source.received());
            if changes.then == Then::Anew {
                restarts += 1;
                if restarts > MOST_RESTARTS {
                    return Err(Halt::Source(forgetful(plan)));
                }
                context.progress.tell(
                    index,
                    Level::Info,
                    "the source no longer knows the place; listed anew",
                );
                (place, told, is_behind) = (anew(self.writer.end()), BTreeSet::new(), false);
                held.write(context.ports, &place).await?;
                continue;
            }
            let is_empty = changes.records.is_empty() && changes.gone.is_empty() && changes.left.is_empty();
            if keys.is_none() && !is_empty {
                keys = Some(self.open_keys(plan, part).await?);
            }
            if let Some(keys) = &mut keys {
                keys.enter(context.ports, changes.records.iter().map(|record| &record.key)).await?;
                let known = |record: &Record| keys.all().any(|key| *key == record.key);
                let left: Vec<Record> = changes.left.into_iter().filter(known).collect();
                self.publish(index, plan, &left).await?;
            }
            self.publish(index, plan, &changes.records).await?;
            self.retract_told(index, plan, keys.as_mut(), &changes.gone).await?;
            read += changes.records.len() as u64;
            let before = told.len();
            told.extend(changes.records.into_iter().map(|record| record.key));
            told.extend(changes.gone);
            stale = if told.len() > before { 0 } else { stale + 1 };
            match changes.then {
                Then::More(next) if place.next.as_ref() == Some(&next) || stale > MOST_STALE => {
                    return Err(Halt::Source(no_end(plan)));
                }
                Then::More(next) => place.next = Some(next),
                Then::Until(Some(next)) if is_behind => {
                    (place.next, is_behind) = (Some(next), false);
                }
                Then::Until(next) => {
                    place.next = next;
                    place.complete = true;
                }
                Then::Anew => {}
            }
            place.position = self.writer.end();
            if place.complete {
                break;
            }
            held.write(context.ports, &place).await?;
        }
        if place.listing {
            let keys = match keys {
                Some(keys) => keys,
                None => self.open_keys(plan, part).await?,
            };
            self.compare(index, plan, part, keys, &told).await?;
            place.listing = false;
            place.position = self.writer.end();
        }
        held.write(context.ports, &place).await?;
        Ok(read)
    }

    async fn open_keys(&self, plan: &ObjectPlan, part: &str) -> Result<PartKeys, Halt> {
        let owner = (self.run_id, self.context.lease.token());
        Ok(PartKeys::open(self.context.ports, (self.context.instance, &plan.object, part), owner).await?)
    }

    /// Retracts what the source itself says is gone.
    async fn retract_told(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        keys: Option<&mut PartKeys>,
        gone: &[String],
    ) -> Result<(), Halt> {
        if gone.is_empty() {
            return Ok(());
        }
        let records: Vec<Record> = gone.iter().cloned().map(Record::gone).collect();
        self.retract(index, plan, &records).await?;
        if let Some(keys) = keys {
            keys.forget(self.context.ports, &gone.iter().cloned().collect()).await?;
        }
        Ok(())
    }

    /// After everything was listed: retracts what is known, was not listed, and is not there.
    async fn compare(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        part: &str,
        mut keys: PartKeys,
        told: &BTreeSet<String>,
    ) -> Result<(), Halt> {
        let missing: Vec<String> = keys.all().filter(|key| !told.contains(*key)).cloned().collect();
        let gone = self.not_existing(index, plan, &missing, Some(part)).await?;
        let all = keys.len() as u64;
        if gone.len() as u64 > FEW.max(all / SHARE) && !self.demands.accept_deletions {
            return Err(Halt::Source(too_many(plan, gone.len(), keys.len(), "records")));
        }
        self.retract_told(index, plan, Some(&mut keys), &gone).await
    }

    /// Those of some keys whose records the source says are not there. What is there and was not listed in a part, nor will be in
    /// another one, is told as it is now.
    async fn not_existing(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        keys: &[String],
        unlisted_in: Option<&str>,
    ) -> Result<Vec<String>, Halt> {
        let mut gone = Vec::new();
        for keys in keys.chunks(MOST_ASKED) {
            let found = ask!(self, index, plan, |feeds| feeds.existing(&plan.object, keys, unlisted_in));
            let there: BTreeSet<&str> = found.iter().map(|there| there.key.as_str()).collect();
            gone.extend(keys.iter().filter(|key| !there.contains(key.as_str())).cloned());
            let now: Vec<Record> = found.into_iter().filter_map(|there| there.record).collect();
            if !now.is_empty() {
                self.publish(index, plan, &now).await?;
            }
        }
        Ok(gone)
    }

    /// Asks for what was in parts that are not there any more.
    async fn close_parts(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        (there, extent): (usize, Extent),
        places: BTreeMap<String, (Held, Place)>,
    ) -> Result<(), Halt> {
        let (closed, mut vanished): (Vec<_>, Vec<_>) =
            places.into_values().partition(|(_, place)| place.closed);
        let remaining: Vec<String> = closed.iter().filter_map(|(_, place)| place.remains.clone()).collect();
        let gone: BTreeSet<String> =
            self.not_existing(index, plan, &remaining, None).await?.into_iter().collect();
        let is_gone = |place: &Place| place.remains.as_ref().is_some_and(|remains| gone.contains(remains));
        let (emptied, closed): (Vec<_>, Vec<_>) = closed.into_iter().partition(|(_, place)| is_gone(place));
        vanished.extend(emptied);
        let all = there + vanished.len();
        if vanished.len() > FEW_PARTS.max(all / 4) && !self.demands.accept_deletions {
            return Err(Halt::Source(too_many(plan, vanished.len(), all, "parts")));
        }
        if extent == Extent::All {
            vanished.extend(closed.into_iter().filter(|(_, place)| place.remains.is_some()));
        }
        for (mut held, place) in vanished {
            let mut keys = self.open_keys(plan, &place.part).await?;
            let known: Vec<String> = keys.all().cloned().collect();
            let gone = self.not_existing(index, plan, &known, None).await?;
            self.retract_told(index, plan, Some(&mut keys), &gone).await?;
            let (run_id, token) = (self.run_id, self.context.lease.token());
            let (remains, position) = (keys.all().next().cloned(), self.writer.end());
            let closed = Place { run_id, token, next: None, closed: true, remains, position, ..place };
            held.write(self.context.ports, &closed).await?;
        }
        Ok(())
    }
}

fn place_prefix(instance: &InstanceName, plan: &ObjectPlan) -> String {
    format!("{}.place", Cursor::key(instance, &plan.object))
}

/// The escaped name of a part.
fn part_token(instance: &InstanceName, plan: &ObjectPlan, part: &str) -> String {
    let key = part_key(instance, &plan.object, part);
    key.rsplit('.').next().unwrap_or_default().to_owned()
}

fn without_feeds(plan: &ObjectPlan) -> SourceError {
    permanent("no-feeds", plan, "the source no longer tells what happens", "this is an error of the program")
}

fn no_end(plan: &ObjectPlan) -> SourceError {
    let message = "the source sends pages without end that tell nothing new";
    permanent(
        "unexpected-answer",
        plan,
        message,
        "run it again later with --full; if it stays so, tell the vendor",
    )
}

fn forgetful(plan: &ObjectPlan) -> SourceError {
    let message = format!("{}: the source forgets every place that it hands out", plan.object);
    SourceError::Transient { message, retry_after: None }
}

fn permanent(code: &'static str, plan: &ObjectPlan, message: &str, fix: &str) -> SourceError {
    SourceError::Permanent { code, message: format!("{}: {message}", plan.object), fix: fix.to_owned() }
}

fn too_many(plan: &ObjectPlan, gone: usize, all: usize, what: &str) -> SourceError {
    permanent(
        "mass-deletion",
        plan,
        &format!("{gone} of {all} {what} are gone from the source; none of them was retracted"),
        "check that the source is the right one and its rights are as they were; if they were deleted, run \
         `salescommand sync run NAME --accept-deletions` once",
    )
}
