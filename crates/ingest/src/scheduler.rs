//! Starting runs by the clock, and because of hints.
//!
//! The scheduler keeps no state of its own: what is due follows from the schedule and from when each object was asked for
//! last, which stands in the record of runs and is written together with the request. So any number of schedulers may look
//! at the same time, and one that was away makes up for it with one run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use salescommand_domain::Timestamp;
use salescommand_domain::raw::InstanceName;
use salescommand_domain::schedule::{Hints, Schedule, Selection, is_paused};
use salescommand_eventlog::Jobs;
use tokio_util::sync::CancellationToken;

use crate::alerts::Condition;
use crate::hints::hints;
use crate::run::{Demands, RunRecord, RunState, Trigger};
use crate::trigger::{Job, TriggerError, request_if};
use crate::{Ports, all_runs, compute_delay};

/// How often schedules are looked at; a cadence has minutes.
const LOOK: Duration = Duration::from_secs(5);

/// A source with its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// The source instance.
    pub instance: InstanceName,
    /// When it is to be read.
    pub schedule: Schedule,
    /// When the schedule was set.
    pub since: Timestamp,
}

/// The schedules of all sources, kept by whoever owns their configuration.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// All of them, as they are now; a text that says why they cannot be told.
    async fn all(&self) -> Result<Vec<Scheduled>, String>;

    /// What is wrong with SalesCommand's own inputs at a moment, the instance `config`; nothing, for whoever has none.
    async fn own_conditions(&self, _now: Timestamp) -> Result<BTreeSet<Condition>, String> {
        Ok(BTreeSet::new())
    }
}

/// Asks for what is due, until stopped. Trouble is told once and waited out.
pub async fn keep_schedules(
    ports: Ports,
    jobs: Arc<dyn Jobs>,
    schedules: Arc<dyn Schedules>,
    stop: CancellationToken,
) {
    let look = || look(&ports, &*jobs, &*schedules);
    keep_looking(&ports, LOOK, "schedules wait", &stop, look).await;
}

/// Looks again and again until stopped. Trouble is logged once, as what `waits` for it, and waited out.
pub(crate) async fn keep_looking<L>(
    ports: &Ports,
    every: Duration,
    waits: &'static str,
    stop: &CancellationToken,
    look: impl Fn() -> L,
) where
    L: Future<Output = Result<(), String>>,
{
    let mut failures: u32 = 0;
    while !stop.is_cancelled() {
        let pause = match look().await {
            Ok(()) => {
                failures = 0;
                every
            }
            Err(problem) => {
                if failures == 0 {
                    tracing::warn!(problem, "{waits}");
                }
                failures = failures.saturating_add(1);
                every.max(compute_delay(failures, ports.ids.fraction()))
            }
        };
        let _ = tokio::time::timeout(pause, stop.cancelled()).await;
    }
}

/// The record of runs of each source that ever had one.
pub(crate) async fn runs_by_source(ports: &Ports) -> Result<BTreeMap<InstanceName, RunRecord>, String> {
    let runs = all_runs(&*ports.kv).await.map_err(|error| error.to_string())?;
    Ok(runs.into_iter().map(|record| (record.run.source.clone(), record)).collect())
}

/// Looks once at each source.
pub(crate) async fn look(ports: &Ports, jobs: &dyn Jobs, schedules: &dyn Schedules) -> Result<(), String> {
    let scheduled = schedules.all().await?;
    // Hints before runs: one that comes in between is served by the next look.
    let hinted = hints(&*ports.kv).await.map_err(|error| error.to_string())?;
    let hinted: BTreeMap<_, _> = hinted.into_iter().collect();
    let runs = runs_by_source(ports).await?;
    let mut problem = Ok(());
    for source in scheduled {
        let hints = hinted.get(source.instance.as_str());
        // Most looks find nothing, and cost no more than this.
        if due(ports, &source, hints, runs.get(&source.instance)).is_none() {
            continue;
        }
        let choose = |record: Option<&RunRecord>| due(ports, &source, hints, record);
        match request_if(ports, jobs, &source.instance, choose).await {
            Ok(Some(run_id)) => tracing::info!(source = %source.instance, run.id = %run_id, "a run is due"),
            // Somebody else was first.
            Ok(None) | Err(TriggerError::AlreadyRunning { .. }) => {}
            Err(TriggerError::Failed(error)) => problem = Err(format!("{}: {error}", source.instance)),
        }
    }
    problem
}

/// The run that is due, if one is. What the clock asks for goes first; what was hinted at and is not in it follows.
fn due(ports: &Ports, source: &Scheduled, hints: Option<&Hints>, record: Option<&RunRecord>) -> Option<Job> {
    if record.is_some_and(|record| record.run.state == RunState::Running || is_paused(record.failures)) {
        return None;
    }
    // One that has waited in the queue since the last slot is queued again, should whoever asked for it have died on the way.
    let asked = record.map(|record| record.asked.clone()).unwrap_or_default();
    let now = ports.clock.now();
    let by_clock = source.schedule.due(&asked, source.since, now).map(|due| (due, Trigger::Schedule));
    let by_hint = || hints?.due(&asked, now).map(|due| (due, Trigger::Webhook));
    let failed = || failed(source, hints?, record?, now).map(|due| (due, Trigger::Webhook));
    let (selection, trigger) = by_clock.or_else(by_hint).or_else(failed)?;
    Some(Job {
        run_id: ports.ids.next(),
        instance: source.instance.clone(),
        selection,
        demands: Demands::default(),
        trigger,
    })
}

/// What no slot makes up for, after a run that did not read it. One that a person ended is not begun again.
fn failed(source: &Scheduled, hints: &Hints, record: &RunRecord, now: Timestamp) -> Option<Selection> {
    if record.run.state == RunState::Cancelled {
        return None;
    }
    let (read, failed) = (record.read_last(), record.run.state == RunState::Failed);
    hints.failed(&source.schedule, &record.asked, (&read, failed), now)
}
