//! The record of the run under way: changed in memory at will, written at most twice a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use salescommand_domain::pace::{Pace, seconds_left};
use salescommand_domain::raw::{ObjectName, Position};

use crate::drive::RunRequest;
use crate::held::Held;
use crate::run::{ObjectRun, ObjectState, Phase, Run, RunError, RunRecord, RunState};
use crate::run_log::Level;
use crate::runs::{RUNS_BUCKET, interrupted, remember};
use crate::{Error, Ports};

const WRITE_EVERY: Duration = Duration::from_millis(500);
/// Triggers may write between a look and a write; more often than this in a row they do not.
const ATTEMPTS: u32 = 8;

pub(crate) struct Progress {
    ports: Ports,
    held: tokio::sync::Mutex<Held>,
    record: Mutex<RunRecord>,
    /// The objects that the source has, once it has said so.
    objects: Mutex<Option<Vec<ObjectName>>>,
    /// Bytes of the source's answers that have been counted.
    received: AtomicU64,
}

impl Progress {
    /// Takes over the instance's record. A run that its process left behind goes to the history as interrupted.
    pub(crate) async fn begin(ports: &Ports, request: &RunRequest, token: u64) -> Result<Self, Error> {
        let mut attempt = 0;
        loop {
            let key = request.instance.as_str().to_owned();
            let (mut held, previous) = Held::read::<RunRecord>(ports, RUNS_BUCKET, key).await?;
            let mut record = first_record(ports, request, token, previous.as_ref());
            if let Some(left) =
                previous.filter(|left| left.run.state == RunState::Running && left.token != token)
            {
                tracing::warn!(source = %request.instance, run.id = %left.run.run_id, "a run was interrupted");
                if left.run.run_id == request.run_id {
                    let text = "its process ended in the middle; the run goes on in another one";
                    record.log.push(ports.clock.now(), Level::Warn, None, text);
                }
                remember(ports, &interrupted(ports, &left)).await?;
            }
            match held.write(ports, &record).await {
                Ok(()) => {
                    let (held, record) = (tokio::sync::Mutex::new(held), Mutex::new(record));
                    let (ports, objects, received) = (ports.clone(), Mutex::default(), AtomicU64::new(0));
                    return Ok(Self { ports, held, record, objects, received });
                }
                // A trigger has queued a run since; this run holds the lease, so it goes first.
                Err(Error::Fenced(_)) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Notes which objects the source has, whether they are read in this run or not.
    pub(crate) fn found(&self, objects: Vec<ObjectName>) {
        *self.objects.lock().unwrap_or_else(PoisonError::into_inner) = Some(objects);
    }

    /// Changes the run.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Run)) {
        let mut record = self.record();
        change(&mut record.run);
        record.run.sum();
    }

    /// Changes one of its objects.
    pub(crate) fn object(&self, index: usize, change: impl FnOnce(&mut ObjectRun)) {
        self.change(|run| {
            if let Some(object) = run.objects.get_mut(index) {
                change(object);
            }
        });
    }

    /// Tells something about an object: beside it, and in the run's log.
    pub(crate) fn tell(&self, index: usize, level: Level, text: &str) {
        self.object(index, |object| object.note(text));
        self.log(Some(index), level, text);
    }

    /// Adds a line to the run's log, about one of its objects or about all of it.
    pub(crate) fn log(&self, index: Option<usize>, level: Level, text: &str) {
        let now = self.ports.clock.now();
        let mut record = self.record();
        let object = index.and_then(|index| record.run.objects.get(index));
        let object = object.map(|object| object.object.clone());
        record.log.push(now, level, object, text);
    }

    /// Counts what the source has sent since it was asked last, with the object that it was asked about.
    pub(crate) fn received(&self, index: usize, in_all: Option<u64>) {
        let Some(in_all) = in_all else { return };
        let before = self.received.fetch_max(in_all, Ordering::Relaxed);
        self.object(index, |object| object.effort.bytes += in_all.saturating_sub(before));
    }

    /// Brings the pace of what is being read up to date.
    fn measure(&self, paces: &mut BTreeMap<usize, Pace>) {
        let now = self.ports.clock.now();
        for (index, object) in self.record().run.objects.iter_mut().enumerate() {
            (object.per_second, object.seconds_left) = (None, None);
            if object.state != ObjectState::Running {
                continue;
            }
            let pace = paces.entry(index).or_default();
            pace.note(now, object.read);
            object.per_second = pace.per_second();
            object.seconds_left = seconds_left(object.before + object.read, object.total, object.per_second);
        }
    }

    /// Writes what has changed, until somebody else owns the record; tells how it ended.
    pub(crate) async fn keep(&self) -> Error {
        let mut written = self.record().clone();
        let mut paces = BTreeMap::new();
        loop {
            tokio::time::sleep(WRITE_EVERY).await;
            self.measure(&mut paces);
            let current = self.record().clone();
            if current == written {
                continue;
            }
            match self.held.lock().await.write_once(&self.ports, &current).await {
                Ok(()) => written = current,
                Err(fenced @ Error::Fenced(_)) => return fenced,
                Err(error) => tracing::debug!(%error, "progress not written; trying again"),
            }
        }
    }

    /// Writes the end of this process's part of the run, and remembers it.
    pub(crate) async fn finish(
        &self,
        state: RunState,
        error: Option<RunError>,
        position: Position,
    ) -> Result<RunRecord, Error> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let record = {
            let mut record = self.record();
            record.run.state = state;
            if let Some(error) = &error {
                let text = format!("{} {}", error.message, error.fix);
                record.log.conclude(self.ports.clock.now(), &text);
            }
            record.run.error = error;
            for object in &mut record.run.objects {
                (object.per_second, object.seconds_left) = (None, None);
                object.phase = Phase::default();
            }
            record.conclude(position, self.ports.clock.now(), objects.as_deref());
            record.clone()
        };
        // History first: a crash between the two leaves a run that is marked interrupted later, none that is lost.
        if !record.is_quiet() {
            remember(&self.ports, &record).await?;
        }
        self.held.lock().await.write(&self.ports, &record).await?;
        Ok(record)
    }

    fn record(&self) -> MutexGuard<'_, RunRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn first_record(ports: &Ports, request: &RunRequest, token: u64, previous: Option<&RunRecord>) -> RunRecord {
    let same = previous.filter(|previous| previous.run.run_id == request.run_id);
    let mut run = Run::queued(request.run_id, request.instance.clone(), request.trigger);
    run.state = RunState::Running;
    run.started_at = same.and_then(|same| same.run.started_at).or_else(|| Some(ports.clock.now()));
    let mut record = RunRecord::follow(previous, run, &request.selection, request.demands, ports.clock.now());
    if let Some(same) = same {
        // It was asked for when it was queued.
        (record.asked, record.last) = (same.asked.clone(), same.last.clone());
        record.log = same.log.clone();
    }
    RunRecord { token, ..record }
}
