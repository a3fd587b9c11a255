//! Asking for a run, and the queue of runs asked for.

use std::time::Duration;

use salescommand_domain::raw::{InstanceName, ObjectName};
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
    /// Only these objects; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Vec<ObjectName>>,
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
    /// Only these objects; none for all.
    pub objects: Option<Vec<ObjectName>>,
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
    prepare(&*ports.log, &*ports.kv).await.map_err(Error::from)?;
    prepare_queue(jobs).await.map_err(Error::from)?;
    let SyncRequest { run_id, instance, objects, demands, trigger } = request;
    // Workers may lack the right to make streams, so the asking side makes the log.
    RawWriter::open(ports, &instance, "", 0).await?;
    let job = Job { run_id, instance, objects, demands, trigger };
    for _ in 0..ATTEMPTS {
        let key = job.instance.as_str().to_owned();
        let (mut held, previous) = Held::read::<RunRecord>(ports, RUNS_BUCKET, key).await?;
        if let Some(current) = previous.as_ref().and_then(RunRecord::current) {
            let run_id = current.run_id;
            if current.state == RunState::Queued {
                // Whoever queued it may have died before the job was added; a second time does no harm.
                let objects = previous.as_ref().and_then(|previous| previous.only.clone());
                let demands = previous.as_ref().map_or_else(Demands::default, |previous| previous.demands);
                let (instance, trigger) = (job.instance.clone(), current.trigger);
                enqueue(jobs, &Job { run_id, instance, objects, demands, trigger }).await?;
            }
            return Err(TriggerError::AlreadyRunning { run_id });
        }
        match held.write(ports, &queued(&job, previous)).await {
            Ok(()) => {
                enqueue(jobs, &job).await?;
                return Ok(job.run_id);
            }
            // Somebody else wrote first: look again.
            Err(Error::Fenced(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Fenced(job.instance.to_string()).into())
}

fn queued(job: &Job, previous: Option<RunRecord>) -> RunRecord {
    let last = previous.as_ref().and_then(RunRecord::last_ended).cloned().map(Box::new);
    RunRecord {
        run: Run::queued(job.run_id, job.instance.clone(), job.trigger),
        token: 0,
        position: None,
        only: job.objects.clone(),
        demands: job.demands,
        last_complete: previous.and_then(|previous| previous.last_complete),
        last,
    }
}

async fn enqueue(jobs: &dyn Jobs, job: &Job) -> Result<(), Error> {
    let subject = format!("{JOBS_SUBJECT}.{}", job.instance);
    let payload = serde_json::to_vec(job).map_err(|source| Error::State { what: subject.clone(), source })?;
    jobs.enqueue(JOBS_QUEUE, &subject, &job.run_id.to_string(), payload.into()).await?;
    Ok(())
}
