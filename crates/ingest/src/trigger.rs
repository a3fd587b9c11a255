//! Asking for a run, and the queue of runs asked for.

use std::time::Duration;

use salescommand_domain::raw::InstanceName;
use salescommand_domain::schedule::Selection;
use salescommand_eventlog::{Jobs, QueueSpec};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::held::Held;
use crate::run::{Demands, Run, RunRecord, RunState, Trigger};
use crate::runs::{RUNS_BUCKET, prepare};
use crate::{Error, Ports, RawWriter};

/// The queue of runs.
pub const JOBS_QUEUE: &str = "JOBS";
const JOBS_SUBJECT: &str = "jobs.sync";
/// A worker that is silent for this long has died.
pub(crate) const JOB_ANSWER_WITHIN: Duration = Duration::from_secs(30);
const ATTEMPTS: u32 = 8;

/// A run that is asked for, as it stands in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The run's id.
    pub run_id: Uuid,
    /// The source instance.
    pub instance: InstanceName,
    /// Which of its objects.
    #[serde(flatten)]
    pub selection: Selection,
    /// What is asked of it besides.
    #[serde(flatten)]
    pub demands: Demands,
    /// Who asked.
    pub trigger: Trigger,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct SyncRequest {
    /// Id of the run, chosen by the caller so that it can tell it before the run begins.
    pub run_id: Uuid,
    /// The source instance. Whether it exists is for the caller to know.
    pub instance: InstanceName,
    /// Which of its objects.
    pub selection: Selection,
    /// What is asked of it besides.
    pub demands: Demands,
    /// Who asked.
    pub trigger: Trigger,
}

/// Why no run was queued.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// One is under way or waiting.
    #[error("a run of this source is under way or waiting")]
    AlreadyRunning {
        /// Which one.
        run_id: Uuid,
    },
    /// The log failed.
    #[error("the run could not be queued")]
    Failed(#[from] Error),
}

/// Makes the queue.
pub async fn prepare_queue(jobs: &dyn Jobs) -> Result<(), salescommand_eventlog::Error> {
    jobs.ensure_queue(&QueueSpec {
        name: JOBS_QUEUE.to_owned(),
        subjects: vec!["jobs.>".to_owned()],
        answer_within: JOB_ANSWER_WITHIN,
        duplicate_window: Duration::from_secs(120),
    })
    .await
}

/// Queues a run; gives its id. Two requests at once make one run.
pub async fn request_sync(
    ports: &Ports,
    jobs: &dyn Jobs,
    request: SyncRequest,
) -> Result<Uuid, TriggerError> {
    let SyncRequest { run_id, instance, selection, demands, trigger } = request;
    let job = Job { run_id, instance, selection, demands, trigger };
    let instance = job.instance.clone();
    let queued = request_if(ports, jobs, &instance, |_| Some(job.clone())).await?;
    queued.ok_or_else(|| Error::Fenced(instance.to_string()).into())
}

/// Queues the run that is chosen in view of the one before, if any is; gives its id.
pub(crate) async fn request_if(
    ports: &Ports,
    jobs: &dyn Jobs,
    instance: &InstanceName,
    choose: impl Fn(Option<&RunRecord>) -> Option<Job>,
) -> Result<Option<Uuid>, TriggerError> {
    prepare(&*ports.log, &*ports.kv).await.map_err(Error::from)?;
    prepare_queue(jobs).await.map_err(Error::from)?;
    // Workers may lack the right to make streams, so the asking side makes the log.
    RawWriter::open(ports, instance, "", 0).await?;
    for _ in 0..ATTEMPTS {
        let key = instance.as_str().to_owned();
        let (mut held, previous) = Held::read::<RunRecord>(ports, RUNS_BUCKET, key).await?;
        if let Some(previous) = previous.as_ref().filter(|previous| previous.current().is_some()) {
            if previous.run.state == RunState::Queued {
                // Whoever queued it may have died before the job was added; a second time does no harm.
                enqueue(jobs, &job_of(previous)).await?;
            }
            return Err(TriggerError::AlreadyRunning { run_id: previous.run.run_id });
        }
        let Some(job) = choose(previous.as_ref()) else { return Ok(None) };
        let run = Run::queued(job.run_id, job.instance.clone(), job.trigger);
        let record =
            RunRecord::follow(previous.as_ref(), run, &job.selection, job.demands, ports.clock.now());
        match held.write(ports, &record).await {
            Ok(()) => {
                enqueue(jobs, &job).await?;
                return Ok(Some(job.run_id));
            }
            // Somebody else wrote first: look again.
            Err(Error::Fenced(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Fenced(instance.to_string()).into())
}

fn job_of(record: &RunRecord) -> Job {
    Job {
        run_id: record.run.run_id,
        instance: record.run.source.clone(),
        selection: record.selection.clone(),
        demands: record.demands,
        trigger: record.run.trigger,
    }
}

async fn enqueue(jobs: &dyn Jobs, job: &Job) -> Result<(), Error> {
    let subject = format!("{JOBS_SUBJECT}.{}", job.instance);
    let payload = serde_json::to_vec(job).map_err(|source| Error::State { what: subject.clone(), source })?;
    jobs.enqueue(JOBS_QUEUE, &subject, &job.run_id.to_string(), payload.into()).await?;
    Ok(())
}
