//! One object of a run: page by page, publish, then the cursor.

use std::time::Duration;

use salescommand_connectors::{Extent, ObjectPlan, Page, Record, Source, SourceError, Sweep};
use salescommand_domain::Timestamp;
use salescommand_domain::raw::InstanceName;
use salescommand_eventlog as eventlog;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cursor::{Bookmark, Cursor, Start, Wanted, after_page};
use crate::drive::Options;
use crate::known::Known;
use crate::lease::Lease;
use crate::progress::Progress;
use crate::run::{Demands, ObjectState, Phase};
use crate::run_log::Level;
use crate::writer::{RawWriter, Written};
use crate::{Error, Ports, compute_delay};

/// The longest that a source's own wish for a pause is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Why an object was not read to its end.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The process is to stop; the run goes on elsewhere.
    Stopped,
    /// The source failed for good, or too often.
    Source(SourceError),
    /// The log failed, or the run was overtaken.
    Driver(Error),
}

impl<E: Into<Error>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Driver(error.into())
    }
}

/// What is written at once.
#[derive(Clone, Copy)]
enum Change<'a> {
    Append(&'a [Record]),
    Retract(&'a [Record]),
}

/// Asks the source, again while it has passing trouble; counts the requests.
macro_rules! insist {
    ($context:expr, $index:ident, $plan:ident, $question:expr) => {{
        let context = $context;
        let mut attempt = 0;
        loop {
            context.may_go_on()?;
            let answer = $question;
            context.progress.object($index, |object| object.effort.calls += 1);
            match answer {
                Ok(answer) => break answer,
                Err(error) => {
                    attempt += 1;
                    context.wait_after($index, $plan, error, attempt).await?;
                }
            }
        }
    }};
}
pub(crate) use insist;

/// What reading and writing share.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) instance: &'a InstanceName,
    pub(crate) lease: &'a Lease,
    pub(crate) progress: &'a Progress,
    pub(crate) stop: &'a CancellationToken,
    pub(crate) options: Options,
}

/// An object whose pages were read.
pub(crate) struct Paged {
    /// What was asked for.
    pub(crate) extent: Extent,
    /// Its cursor as it is once it is known what could not be read; none if it is so already.
    pub(crate) pending: Option<(Bookmark, Cursor)>,
}

/// What all objects of a run share.
pub(crate) struct Session<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) run_id: Uuid,
    pub(crate) demands: Demands,
    /// The source's clock when the run connected.
    pub(crate) clock: Option<Timestamp>,
    /// What the log may say is there; none if the source cannot be asked what is.
    pub(crate) known: Option<Known>,
    pub(crate) writer: RawWriter,
    pub(crate) source: Box<dyn Source>,
}

impl Session<'_> {
    /// Reads an object to its end, then looks for what is gone. A back-fill looks at a part, and says nothing of the rest.
    pub(crate) async fn read(&mut self, index: usize, plan: &ObjectPlan) -> Result<(), Halt> {
        self.settle_schema(index, plan).await?;
        if let Some(followed) = plan.followed {
            return self.follow(index, plan, followed).await;
        }
        let read = self.read_pages(index, plan).await?;
        if self.demands.backfill.is_some() {
            return Ok(());
        }
        self.context.progress.object(index, |object| object.phase = Phase::Comparing);
        let swept = self.sweep(index, plan, read).await;
        self.context.progress.received(index, self.source.received());
        swept
    }

    /// The bookmark of an object, and where this run begins with it.
    async fn start(&self, plan: &ObjectPlan) -> Result<(Bookmark, Option<Cursor>, Start), Halt> {
        let Context { ports, instance, .. } = self.context;
        let key = match self.demands.backfill {
            Some(_) => Cursor::backfill_key(instance, &plan.object),
            None => Cursor::key(instance, &plan.object),
        };
        let (bookmark, cursor) = Bookmark::open(ports, key).await?;
        let lost = cursor.as_ref().is_some_and(|cursor| !self.writer.reaches(cursor.position));
        let start = match self.demands.backfill {
            Some(range) => Start::of_backfill(cursor.as_ref(), self.run_id, lost, range, &plan.fields),
            None => Start::decide(cursor.as_ref(), self.run_id, lost, self.wanted(plan)),
        };
        // Of a log that has lost events nothing counts as read.
        Ok((bookmark, cursor.map(|cursor| Cursor { read: cursor.read.filter(|_| !lost), ..cursor }), start))
    }

    fn wanted<'p>(&self, plan: &'p ObjectPlan) -> Wanted<'p> {
        // Of an object of which no key is known, everything has yet to be.
        let unknown = self.known.as_ref().is_some_and(|known| !known.knows(&plan.object));
        Wanted { plan, full: self.demands.full || unknown, clock: self.clock }
    }

    /// Whether what is gone is looked for after a reading. What the user's rights hide is found out on the way, so until then
    /// nothing counts as read: what changes while it is hidden is long past when the rights come back.
    pub(crate) fn sweeps(&self, plan: &ObjectPlan, extent: Extent) -> bool {
        let now = plan.sweep != Sweep::AfterFullReadings || extent == Extent::All;
        now && self.known.is_some() && self.demands.backfill.is_none()
    }

    async fn read_pages(&mut self, index: usize, plan: &ObjectPlan) -> Result<Paged, Halt> {
        if self.demands.backfill.is_some() {
            self.doubt_other_fields(plan).await?;
        }
        let (mut bookmark, cursor, start) = self.start(plan).await?;
        let wanted = self.wanted(plan);
        let Start::At { mut next, mut wrap, started_at, extent, clock, mut so_far, rewound } = start else {
            let note = "read before this run was interrupted";
            self.context.progress.object(index, |object| object.note(note));
            return Ok(Paged { extent: cursor.map_or(Extent::All, |cursor| cursor.extent), pending: None });
        };
        let swept = cursor.as_ref().and_then(|cursor| cursor.swept);
        let read = cursor.and_then(|cursor| cursor.read);
        // Of what is read with other fields from here on, that which was read before says nothing any more, however far this
        // run comes.
        let before = read.clone().filter(|read| read.fields == plan.fields);
        let (context, run_id, sweeps) = (self.context, self.run_id, self.sweeps(plan, extent));
        context.progress.object(index, |object| {
            object.before = so_far;
            (object.since, object.until) = match extent {
                Extent::All => (None, None),
                Extent::ChangedSince(since) => (Some(since), None),
                Extent::ChangedWithin(range) => (Some(range.from()), Some(range.to())),
            };
        });
        if rewound {
            let note = "the log had lost events; read again from the beginning";
            context.progress.tell(index, Level::Warn, note);
        }
        let started_at = started_at.unwrap_or_else(|| context.ports.clock.now());
        let mark = |next, position, wrap, so_far| Cursor {
            run_id,
            next,
            position,
            complete: false,
            started_at,
            completed_at: None,
            token: context.lease.token(),
            wrap,
            extent,
            fields: plan.fields.clone(),
            clock,
            read: before.clone(),
            so_far,
            reset_at: None,
            swept,
        };
        if read != before {
            let begun = mark(next.clone(), self.writer.end(), wrap.clone(), so_far);
            context.bookmark(&mut bookmark, index, &begun).await?;
        }
        let mut page = context.page(&mut *self.source, index, plan, extent, next.as_ref()).await?;
        loop {
            let onward = after_page(page.next, &mut wrap);
            let is_last = onward.is_none();
            next = onward.flatten();
            so_far += page.records.len() as u64;
            let (source, writer, known) = (&mut *self.source, &mut self.writer, &mut self.known);
            let mut complete = None;
            let write = async {
                context.publish(writer, known.as_mut(), index, plan, &page.records).await?;
                let cursor = mark(next.clone(), writer.end(), wrap.clone(), so_far);
                if is_last {
                    complete = Some(Cursor {
                        complete: true,
                        completed_at: Some(context.ports.clock.now()),
                        read: wanted.read(extent, clock, before.as_ref()),
                        ..cursor.clone()
                    });
                }
                let now = if sweeps { &cursor } else { complete.as_ref().unwrap_or(&cursor) };
                context.bookmark(&mut bookmark, index, now).await
            };
            if is_last {
                write.await?;
                return Ok(Paged {
                    extent,
                    pending: complete.filter(|_| sweeps).map(|cursor| (bookmark, cursor)),
                });
            }
            // The source works on the next page while the log takes this one. Whatever becomes of the next one, this one is
            // published and its cursor written first.
            let (written, following) =
                tokio::join!(write, context.page(source, index, plan, extent, next.as_ref()));
            written?;
            page = following?;
        }
    }

    /// Publishes records.
    pub(crate) async fn publish(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        records: &[Record],
    ) -> Result<(), Halt> {
        self.context.publish(&mut self.writer, self.known.as_mut(), index, plan, records).await
    }

    /// Publishes that records are gone, with what their payloads say about it.
    pub(crate) async fn retract(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        gone: &[Record],
    ) -> Result<(), Halt> {
        let written = self.context.write(&mut self.writer, index, plan, Change::Retract(gone)).await?;
        self.context.progress.object(index, |object| object.deleted += written.published);
        Ok(())
    }

    /// Some records as the log has them last; a log that is away is waited for.
    pub(crate) async fn last_read(
        &mut self,
        index: usize,
        plan: &ObjectPlan,
        keys: &[String],
    ) -> Result<Vec<Record>, Halt> {
        let mut attempt = 0;
        loop {
            self.context.lease.check()?;
            match self.writer.last_read(plan, keys).await {
                Ok(records) => return Ok(records),
                Err(error) => self.context.wait_for_log(index, plan, error, attempt).await?,
            }
            attempt += 1;
        }
    }
}

impl Context<'_> {
    /// One page, tried again while the source has passing trouble.
    async fn page(
        self,
        source: &mut dyn Source,
        index: usize,
        plan: &ObjectPlan,
        extent: Extent,
        from: Option<&Value>,
    ) -> Result<Page, Halt> {
        let page = insist!(self, index, plan, source.page(&plan.object, extent, from).await);
        self.progress.object(index, |object| {
            object.state = ObjectState::Running;
            object.total = page.total.or(object.total);
            // One was counted with the answer.
            object.effort.calls += u64::from(page.calls.saturating_sub(1));
        });
        self.progress.received(index, source.received());
        Ok(page)
    }

    /// Writes how far an object has come.
    pub(crate) async fn bookmark(
        self,
        bookmark: &mut Bookmark,
        index: usize,
        cursor: &Cursor,
    ) -> Result<(), Halt> {
        if bookmark.write(self.ports, cursor).await? {
            self.progress.tell(index, Level::Info, "its cursor was reset: the next run reads all of it");
        }
        Ok(())
    }

    /// Waits after a failed attempt; the error itself if there is to be no further one.
    pub(crate) async fn wait_after(
        self,
        index: usize,
        plan: &ObjectPlan,
        error: SourceError,
        attempt: u32,
    ) -> Result<(), Halt> {
        let pause = pause_after(&error, attempt, self.options.attempts, self.ports.ids.fraction());
        let Some(pause) = pause else { return Err(Halt::Source(error)) };
        tracing::info!(source = %self.instance, object = %plan.object, attempt, %error, "source trouble; waiting");
        let asked_to_wait = matches!(error, SourceError::Transient { retry_after: Some(_), .. });
        self.progress.object(index, |object| {
            object.note(&format!("tried again after: {error}"));
            object.effort.retries += 1;
            object.effort.rate_limits += u64::from(asked_to_wait);
        });
        self.progress.log(Some(index), Level::Warn, &trouble(&error, asked_to_wait, pause));
        self.wait(index, Phase::WaitingForSource, pause).await
    }

    /// Waits, and counts that.
    async fn wait(self, index: usize, phase: Phase, pause: Duration) -> Result<(), Halt> {
        let mut before = Phase::default();
        self.progress.object(index, |object| before = std::mem::replace(&mut object.phase, phase));
        let waited = self.pause(pause).await;
        self.progress.object(index, |object| {
            object.phase = before;
            if waited.is_ok() {
                object.effort.waited_ms += u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            }
        });
        waited
    }

    /// Publishes records; a log that is full or away is waited for.
    async fn publish(
        self,
        writer: &mut RawWriter,
        known: Option<&mut Known>,
        index: usize,
        plan: &ObjectPlan,
        records: &[Record],
    ) -> Result<(), Halt> {
        if let Some(known) = known {
            known.enter(self.ports, &plan.object, records).await?;
        }
        let written = self.write(writer, index, plan, Change::Append(records)).await?;
        self.progress.object(index, |object| {
            object.read += records.len() as u64;
            object.published += written.published;
            object.unchanged += written.unchanged;
            object.rejected += written.rejected.len() as u64;
            // A few by name; the count tells the rest.
            for rejected in written.rejected.iter().take(3) {
                object.note(&format!("record {} rejected: {}", rejected.key, rejected.detail));
            }
        });
        for rejected in &written.rejected {
            let text = format!("record {} rejected: {}", rejected.key, rejected.detail);
            self.progress.log(Some(index), Level::Error, &text);
        }
        Ok(())
    }

    async fn write(
        self,
        writer: &mut RawWriter,
        index: usize,
        plan: &ObjectPlan,
        change: Change<'_>,
    ) -> Result<Written, Halt> {
        let mut attempt = 0;
        loop {
            // A stop does not hinder: what was read is published, and its cursor written, first.
            self.lease.check()?;
            let written = match change {
                Change::Append(records) => writer.append(plan, records).await,
                Change::Retract(gone) => writer.retract_as(plan, gone).await,
            };
            match written {
                Ok(written) => return Ok(written),
                Err(error) => self.wait_for_log(index, plan, error, attempt).await?,
            }
            attempt += 1;
        }
    }

    /// Waits after the log has failed; the error itself if waiting does not help.
    async fn wait_for_log(
        self,
        index: usize,
        plan: &ObjectPlan,
        error: Error,
        attempt: u32,
    ) -> Result<(), Halt> {
        if !error.is_transient() {
            return Err(error.into());
        }
        let note = match &error {
            Error::Log(eventlog::Error::Full(_)) => "waited for room: the raw zone is full",
            _ => "waited for the event log",
        };
        tracing::warn!(source = %self.instance, object = %plan.object, attempt, note);
        self.progress.tell(index, Level::Warn, note);
        let pause = compute_delay(attempt, self.ports.ids.fraction());
        self.wait(index, Phase::WaitingForLog, pause).await
    }

    pub(crate) fn may_go_on(self) -> Result<(), Halt> {
        if self.stop.is_cancelled() {
            return Err(Halt::Stopped);
        }
        self.lease.check().map_err(Halt::Driver)
    }

    async fn pause(self, pause: Duration) -> Result<(), Halt> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.stop.cancelled() => Err(Halt::Stopped),
        }
    }
}

/// What a failed attempt that is followed by another one says in the run's log.
pub(crate) fn trouble(error: &SourceError, asked_to_wait: bool, pause: Duration) -> String {
    let seconds = pause.as_secs_f64();
    if asked_to_wait {
        return format!("{error}; the source asked to be left alone: waited {seconds:.1} s");
    }
    format!("{error}; tried again after {seconds:.1} s")
}

/// How long to wait after a failed attempt, counted from 1; none if it was the last one.
pub(crate) fn pause_after(error: &SourceError, attempt: u32, attempts: u32, random: f64) -> Option<Duration> {
    let SourceError::Transient { retry_after, .. } = error else { return None };
    let jittered = compute_delay(attempt.saturating_sub(1), random);
    (attempt < attempts.max(1)).then(|| jittered.max(retry_after.unwrap_or_default().min(LONGEST_PAUSE)))
}
