//! The process that takes runs from the queue, one after the other.
//!
//! A job is kept alive while its run works, done when the run has ended for good or ill, and given back when this
//! process stops or the instance is busy. A job that comes again is the same run: it goes on from its cursors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use salescommand_connectors::{Reach, Settings};
use salescommand_domain::raw::InstanceName;
use salescommand_eventlog as eventlog;
use salescommand_eventlog::{Jobs, Requests};
use tokio_util::sync::CancellationToken;

use crate::drive::run_opened;
use crate::held::Held;
use crate::open::{Opener, open, open_registered};
use crate::run::{RunError, RunRecord, RunState};
use crate::runs::{RUNS_BUCKET, prepare};
use crate::trigger::{JOB_ANSWER_WITHIN, JOBS_QUEUE, Job, prepare_queue};
use crate::{Error, Options, Ports, RunRequest, compute_delay};

/// How long one look into the queue waits; also how soon a stop is noticed at the latest.
const LOOK: Duration = Duration::from_secs(5);
/// When a job comes again whose instance is busy, or whose configuration nobody hands out.
const LATER: Duration = Duration::from_secs(5);
/// The same, while nobody hands out configurations: at a start the query service is a moment behind.
const SOON: Duration = Duration::from_millis(500);

/// Takes and runs jobs. Cheap to clone: each clone that runs takes one job at a time.
#[derive(Clone)]
pub struct Worker {
    ports: Ports,
    jobs: Arc<dyn Jobs>,
    requests: Arc<dyn Requests>,
    options: Options,
    opener: Arc<Opener>,
    reach: Reach,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What becomes of a job.
enum Verdict {
    Done,
    Later(Duration),
}

impl Worker {
    /// A worker for every kind of connector that this program has.
    pub fn new(ports: Ports, jobs: Arc<dyn Jobs>, requests: Arc<dyn Requests>, options: Options) -> Self {
        let opener = Arc::new(open_registered);
        Self { ports, jobs, requests, options, opener, reach: Reach::default() }
    }

    /// A worker whose sources may be here only.
    #[must_use]
    pub fn reaching(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }

    /// A worker that opens sources in another way, for tests.
    #[must_use]
    pub fn with_opener(
        self,
        opener: impl Fn(&str, Settings) -> Result<Box<dyn salescommand_connectors::Source>, RunError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { opener: Arc::new(opener), ..self }
    }

    /// Works until it is told to stop; then it finishes the page, writes the cursor and gives the job back. Trouble
    /// with the log is waited out.
    pub async fn run(&self, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            match self.work_once(&stop).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "the worker waits for the event log");
                    let pause = compute_delay(failures, self.ports.ids.fraction());
                    failures = failures.saturating_add(1);
                    let _ = tokio::time::timeout(pause, stop.cancelled()).await;
                }
            }
        }
    }

    /// Takes one job and runs it, if one comes soon.
    pub async fn work_once(&self, stop: &CancellationToken) -> Result<(), Error> {
        prepare(&*self.ports.log, &*self.ports.kv).await?;
        prepare_queue(&*self.jobs).await?;
        let taken = tokio::select! {
            taken = self.jobs.take(JOBS_QUEUE, LOOK) => taken?,
            () = stop.cancelled() => None,
        };
        let Some(taken) = taken else { return Ok(()) };
        let Ok(job) = serde_json::from_slice::<Job>(taken.payload()) else {
            tracing::error!(subject = taken.subject(), "dropped a job that is not readable");
            return Ok(taken.done().await?);
        };
        let verdict = tokio::select! {
            verdict = self.handle(&job, stop) => verdict,
            lost = keep_alive(&*taken) => Err(lost),
        };
        match verdict {
            Ok(Verdict::Done) => taken.done().await?,
            Ok(Verdict::Later(delay)) => taken.give_back(delay).await?,
            Err(error) => {
                tracing::warn!(source = %job.instance, run.id = %job.run_id, error = %Chain(&error), "run given back");
                taken.give_back(LATER).await?;
            }
        }
        Ok(())
    }

    async fn handle(&self, job: &Job, stop: &CancellationToken) -> Result<Verdict, Error> {
        if stop.is_cancelled() {
            return Ok(Verdict::Later(Duration::ZERO));
        }
        if let Some(reason) = self.needless(job).await? {
            tracing::info!(source = %job.instance, run.id = %job.run_id, reason, "nothing to run");
            return Ok(Verdict::Done);
        }
        let opened = match open(&*self.requests, (&*self.opener, &self.reach), &job.instance).await {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(source = %job.instance, %error, "nobody hands out the configuration; later");
                return Ok(Verdict::Later(SOON));
            }
        };
        let request = RunRequest {
            run_id: job.run_id,
            instance: job.instance.clone(),
            connector: opened.kind,
            selection: job.selection.clone(),
            demands: job.demands,
            trigger: job.trigger,
        };
        tracing::info!(source = %job.instance, run.id = %job.run_id, "run begins");
        match run_opened(&self.ports, &request, opened.source, self.options, stop).await {
            Ok(report) => {
                let run = &report.record.run;
                tracing::info!(
                    source = %job.instance, run.id = %run.run_id, state = ?run.state,
                    read = run.read, published = run.published, unchanged = run.unchanged, rejected = run.rejected,
                    "run ended"
                );
                let interrupted = run.state == RunState::Interrupted;
                Ok(if interrupted { Verdict::Later(Duration::ZERO) } else { Verdict::Done })
            }
            Err(Error::Busy { until, .. }) => {
                tracing::info!(source = %job.instance, run.id = %job.run_id, %until, "another run holds it; later");
                Ok(Verdict::Later(LATER))
            }
            Err(error) => Err(error),
        }
    }

    /// Why a job need not run, if so.
    async fn needless(&self, job: &Job) -> Result<Option<&'static str>, Error> {
        let record = current_record(&self.ports, &job.instance).await?;
        Ok(record.and_then(|RunRecord { run, .. }| match run.state {
            state if run.run_id == job.run_id => state.is_final().then_some("the run has ended already"),
            RunState::Queued => Some("a later request takes its place"),
            _ => None,
        }))
    }
}

async fn current_record(ports: &Ports, instance: &InstanceName) -> Result<Option<RunRecord>, Error> {
    Ok(Held::read::<RunRecord>(ports, RUNS_BUCKET, instance.as_str().to_owned()).await?.1)
}

/// Tells the queue that the job is being worked on, three times in each period.
async fn keep_alive(job: &dyn eventlog::Job) -> Error {
    loop {
        tokio::time::sleep(JOB_ANSWER_WITHIN / 3).await;
        if let Err(error) = job.in_progress().await {
            // The lease protects the instance; at worst the job comes twice.
            tracing::debug!(%error, "job not kept alive");
        }
    }
}

/// An error with its causes, for a log line.
struct Chain<'a>(&'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
