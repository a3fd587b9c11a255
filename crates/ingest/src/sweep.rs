//! What is gone: the records that the log says are there, against those that are in the source.
//!
//! The keys of a block are listed and compared. A block with many records whose count is what it should be is not listed:
//! for a deleted record in it there would have to be one that was overlooked, and all are listed whenever everything has been
//! read. Whatever is missing is asked for in the source's own table. Only what is not there either is retracted: what was
//! hidden by a right that was lost stays as it was, and is read again when it comes back. While a block has hidden records it
//! is always listed, since one may be hidden in the place of another.
//!
//! Of what is gone, a source whose records are merged is asked once, before it is retracted, into which other record it went;
//! the retraction says so. For that it is noted until when everything known was there: an older merge is another record's.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use roaring::RoaringBitmap;
use salescommand_connectors::{Extent, MOST_ASKED, Merged, ObjectPlan, Record, SourceError};
use salescommand_domain::Timestamp;
use salescommand_domain::raw::MergedAway;
use serde_json::Value;

use crate::Error;
use crate::cursor::{CURSORS_BUCKET, Cursor, Read};
use crate::held::Held;
use crate::known::{LAST_BLOCK, keys_of, keys_of_block};
use crate::object::{Halt, Paged, Session, insist};
use crate::run_log::Level;

/// Asks the source's census, again while it has passing trouble.
macro_rules! ask {
    ($session:ident, $index:ident, $plan:ident, |$census:ident| $question:expr) => {
        insist!(
            $session.context,
            $index,
            $plan,
            match $session.source.census() {
                Some($census) => $question.await,
                None => Err(without_census($plan)),
            }
        )
    };
}

/// So many records may vanish at once, whatever their share.
pub(crate) const FEW: u64 = 100;
/// One of so many may vanish at once; more is a database that was exchanged or emptied rather than a day's work.
pub(crate) const SHARE: u64 = 4;

impl Session<'_> {
    /// Retracts the records of an object that are gone from the source, and reads those that were overlooked; now, or when
    /// everything is read the next time, as the object's plan says.
    pub(crate) async fn sweep(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        Paged { extent, pending }: Paged,
    ) -> Result<(), Halt> {
        let Some(known) = self.known.as_ref().filter(|_| self.sweeps(plan, extent)) else { return Ok(()) };
        let mut blocks = known.blocks(&plan.object);
        for number in self.overlooked_blocks(index, plan, &blocks).await? {
            blocks.push((number, RoaringBitmap::new(), RoaringBitmap::new()));
        }
        let (mut all, mut gone, mut unreadable) = (0, RoaringBitmap::new(), 0);
        for (number, known, hidden) in blocks {
            all += known.len();
            let keys = keys_of_block(number);
            let many = known.len() > self.context.options.list_up_to;
            let by_count = many && extent != Extent::All && hidden.is_empty();
            if by_count && self.count(index, plan, keys.clone()).await? == known.len() {
                continue;
            }
            let seen = self.keys(index, plan, keys).await?;
            let missing = &known - &seen;
            let existing = self.existing(index, plan, &missing).await?;
            gone |= &missing - &existing;
            unreadable += existing.len();
            // Overlooked, or readable again: a change in the meantime may be long before what is asked for. They count as
            // hidden until they are published, so that a crash leaves none of them out.
            let wanted = (&seen - &known) | (&seen & &hidden);
            if !wanted.is_empty() {
                self.hide(plan, number, &hidden | &wanted).await?;
            }
            let read = self.reread(index, plan, &wanted).await?;
            self.hide(plan, number, existing | (wanted - read)).await?;
        }
        if unreadable > 0 {
            let note =
                format!("{unreadable} records exist and can no longer be read; they stay as they were");
            self.context.progress.tell(index, Level::Warn, &note);
        }
        if let Some((mut bookmark, cursor)) = pending {
            self.context.bookmark(&mut bookmark, index, &cursor).await?;
        }
        self.retract_gone(index, plan, all, &gone).await?;
        if plan.merges { self.note_swept(plan).await } else { Ok(()) }
    }

    /// Blocks of which no key is known and in which the source has records all the same. Where there are none, as nearly
    /// always, that takes one question for each gap between known blocks.
    async fn overlooked_blocks(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        known: &[(u32, RoaringBitmap, RoaringBitmap)],
    ) -> Result<Vec<u32>, Halt> {
        let mut gaps = Vec::new();
        let mut next = 0;
        for number in known.iter().map(|(number, ..)| *number).chain([LAST_BLOCK + 1]) {
            if next < number {
                gaps.push((next, number - 1));
            }
            next = number + 1;
        }
        let mut overlooked = Vec::new();
        while let Some((first, last)) = gaps.pop() {
            let keys = *keys_of_block(first).start()..=*keys_of_block(last).end();
            if self.count(index, plan, keys).await? == 0 {
                continue;
            }
            if first == last {
                overlooked.push(first);
                continue;
            }
            let middle = first.midpoint(last);
            gaps.extend([(middle + 1, last), (first, middle)]);
        }
        Ok(overlooked)
    }

    /// Retracts what is gone, unless it is more than may be gone at once.
    async fn retract_gone(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        all: u64,
        gone: &RoaringBitmap,
    ) -> Result<(), Halt> {
        if gone.len() > FEW.max(all / SHARE) && !self.demands.accept_deletions {
            return Err(Halt::Source(too_many(plan, gone.len(), all)));
        }
        let keys: Vec<_> = gone.iter().collect();
        for keys in keys.chunks(MOST_ASKED) {
            let texts: Vec<_> = keys.iter().map(u32::to_string).collect();
            let merged = if plan.merges { self.merged(index, plan, &texts).await? } else { Vec::new() };
            self.retract(index, plan, &deletions(texts, merged)).await?;
            if let Some(known) = &mut self.known {
                known.forget(self.context.ports, &plan.object, &keys.iter().copied().collect()).await?;
            }
        }
        Ok(())
    }

    /// Which of some records that are gone were merged into another one.
    async fn merged(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        keys: &[String],
    ) -> Result<Vec<Merged>, Halt> {
        let last = self.last_read(index, plan, keys).await?;
        if last.is_empty() {
            return Ok(Vec::new());
        }
        let since = self.last_there(plan).await?;
        let merged = ask!(self, index, plan, |census| census.merged(&plan.object, &last, since));
        if !merged.is_empty() {
            let note = format!("{} records were merged into others", merged.len());
            self.context.progress.object(index, |object| object.note(&note));
        }
        Ok(merged)
    }

    /// When every known record was there, by the source's clock: at the last sweep, less the time for which a transaction
    /// that was open then is not seen.
    async fn last_there(&self, plan: &ObjectPlan) -> Result<Option<Timestamp>, Halt> {
        let (_, cursor) = self.cursor(plan).await?;
        let swept = cursor.and_then(|cursor| cursor.swept);
        let overlap = plan.incremental.map(|incremental| incremental.overlap).unwrap_or_default();
        Ok(swept.and_then(|swept| swept.checked_sub(overlap).ok()))
    }

    /// Notes that everything that is known now was there when the run connected. If somebody resets the cursor in between, the
    /// next sweep asks from further back.
    async fn note_swept(&self, plan: &ObjectPlan) -> Result<(), Halt> {
        let Some(clock) = self.clock else { return Ok(()) };
        self.change_cursor(plan, |cursor| Some(Cursor { swept: Some(clock), ..cursor })).await
    }

    /// A back-fill with other fields than those that are in the log leaves records behind that no later run may take for read. If
    /// somebody resets the cursor in between, that says the same.
    pub(crate) async fn doubt_other_fields(&self, plan: &ObjectPlan) -> Result<(), Halt> {
        let other = |read: &Read| read.fields != plan.fields;
        let doubted = |cursor: Cursor| {
            let doubtful = cursor.fields != plan.fields || cursor.read.as_ref().is_some_and(other);
            doubtful.then(|| Cursor { fields: String::new(), read: None, ..cursor })
        };
        self.change_cursor(plan, doubted).await
    }

    /// Changes an object's cursor, if there is one and it is to be another one; what somebody has reset in between stays so.
    async fn change_cursor(
        &self,
        plan: &ObjectPlan,
        change: impl FnOnce(Cursor) -> Option<Cursor>,
    ) -> Result<(), Halt> {
        let (mut held, cursor) = self.cursor(plan).await?;
        let Some(changed) = cursor.and_then(change) else { return Ok(()) };
        match held.write(self.context.ports, &changed).await {
            Err(Error::Fenced(_)) => Ok(()),
            outcome => Ok(outcome?),
        }
    }

    async fn cursor(&self, plan: &ObjectPlan) -> Result<(Held, Option<Cursor>), Halt> {
        let key = Cursor::key(self.context.instance, &plan.object);
        Ok(Held::read(self.context.ports, CURSORS_BUCKET, key).await?)
    }

    /// Reads and publishes the records of some keys; gives the keys of those that came.
    async fn reread(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        keys: &RoaringBitmap,
    ) -> Result<RoaringBitmap, Halt> {
        let keys: Vec<_> = keys.iter().collect();
        let mut read = RoaringBitmap::new();
        for keys in keys.chunks(MOST_ASKED) {
            let records = ask!(self, index, plan, |census| census.read(&plan.object, keys));
            self.publish(index, plan, &records).await?;
            read |= keys_of(&records);
        }
        Ok(read)
    }

    async fn hide(&mut self, plan: &ObjectPlan, number: u32, keys: RoaringBitmap) -> Result<(), Halt> {
        if let Some(known) = &mut self.known {
            known.hide(self.context.ports, &plan.object, number, keys).await?;
        }
        Ok(())
    }

    async fn count(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        keys: RangeInclusive<u32>,
    ) -> Result<u64, Halt> {
        Ok(ask!(self, index, plan, |census| census.count(&plan.object, keys.clone())))
    }

    async fn keys(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        keys: RangeInclusive<u32>,
    ) -> Result<RoaringBitmap, Halt> {
        let found = ask!(self, index, plan, |census| census.keys(&plan.object, keys.clone()));
        Ok(found.into_iter().collect())
    }

    /// Those of some keys whose records exist.
    async fn existing(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        keys: &RoaringBitmap,
    ) -> Result<RoaringBitmap, Halt> {
        let keys: Vec<_> = keys.iter().collect();
        let mut existing = RoaringBitmap::new();
        for keys in keys.chunks(MOST_ASKED) {
            existing.extend(ask!(self, index, plan, |census| census.existing(&plan.object, keys)));
        }
        Ok(existing)
    }
}

/// Records that are gone, each with what is to be said about it.
fn deletions(keys: Vec<String>, merged: Vec<Merged>) -> Vec<Record> {
    let into = |Merged { key, into, evidence }: Merged| {
        (key, MergedAway { merged_into: into, evidence: Some(evidence) }.payload())
    };
    let mut said: BTreeMap<String, Value> = merged.into_iter().map(into).collect();
    let deletion = |key: String| {
        let payload = said.remove(&key).unwrap_or_default();
        Record { key, source_modified: None, subjects: Vec::new(), payload }
    };
    keys.into_iter().map(deletion).collect()
}

fn without_census(plan: &ObjectPlan) -> SourceError {
    SourceError::Permanent {
        code: "no-census",
        message: format!("{}: the source no longer tells which records are there", plan.object),
        fix: "this is an error of the program".to_owned(),
    }
}

fn too_many(plan: &ObjectPlan, gone: u64, all: u64) -> SourceError {
    SourceError::Permanent {
        code: "mass-deletion",
        message: format!(
            "{}: {gone} of {all} records are gone from the source; none of them was retracted",
            plan.object
        ),
        fix: "check that the address and database are the right ones and were not set back; if the records were \
              deleted, run `salescommand sync run NAME --accept-deletions` once"
            .to_owned(),
    }
}
