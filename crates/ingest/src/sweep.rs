//! What is gone: the records that the log says are there, against those that are in the source.
//!
//! The keys of a block are listed and compared. A block with many records whose count is what it should be is not listed:
//! for a deleted record in it there would have to be one that was overlooked, and all are listed whenever everything has been
//! read. Whatever is missing is asked for in the source's own table. Only what is not there either is retracted: what was
//! hidden by a right that was lost stays as it was, and is read again when it comes back. While a block has hidden records it
//! is always listed, since one may be hidden in the place of another.

use std::ops::RangeInclusive;

use roaring::RoaringBitmap;
use salescommand_connectors::{Extent, MOST_ASKED, ObjectPlan, SourceError, Sweep};

use crate::known::{LAST_BLOCK, keys_of, keys_of_block};
use crate::object::{Halt, Session, insist};
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
const FEW: u64 = 100;
/// One of so many may vanish at once; more is a database that was exchanged or emptied rather than a day's work.
const SHARE: u64 = 4;

impl Session<'_> {
    /// Retracts the records of an object that are gone from the source, and reads those that were overlooked; now, or when
    /// everything is read the next time, as the object's plan says.
    pub(crate) async fn sweep(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        extent: Extent,
    ) -> Result<(), Halt> {
        if plan.sweep == Sweep::AfterFullReadings && extent != Extent::All {
            return Ok(());
        }
        let Some(known) = &self.known else { return Ok(()) };
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
        self.retract_gone(index, plan, all, &gone).await
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
            self.retract(index, plan, &texts).await?;
            if let Some(known) = &mut self.known {
                known.forget(self.context.ports, &plan.object, &keys.iter().copied().collect()).await?;
            }
        }
        Ok(())
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
