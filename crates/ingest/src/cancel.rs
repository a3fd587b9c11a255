//! Cancelling a run.
//!
//! A run that nobody works on is ended where it is recorded. One that is under way is asked to end: whoever asks writes the
//! run's id into the bucket [`CANCELS_BUCKET`], whoever works on it looks there, finishes the page, writes the cursor and ends.
//! If its process has died, the next one that takes the run up finds the wish and ends it.

use std::convert::Infallible;
use std::future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use salescommand_domain::raw::InstanceName;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::drive::RunRequest;
use crate::held::{Held, Owned};
use crate::run::{RunRecord, RunState};
use crate::runs::{RUNS_BUCKET, all_runs, prepare, remember};
use crate::{Error, Ports};

/// Bucket of the runs that are to end: key = instance, value = a run's id in JSON.
pub(crate) const CANCELS_BUCKET: &str = "SYNC_CANCELS";
/// How often who works on a run looks.
const LOOK: Duration = Duration::from_secs(1);
/// A run may begin between a look and a write; more often than this in a row its record does not change hands.
const ATTEMPTS: u32 = 8;

/// The wish that a run ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Wish {
    run_id: Uuid,
}

impl Owned for Wish {
    /// Nobody's: whoever wishes last is heard.
    fn same_owner(&self, _: &Self) -> bool {
        true
    }
}

/// What became of the wish to cancel a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// Nobody worked on it; it has ended.
    Ended,
    /// Who works on it ends after the page under way.
    Asked,
    /// There is no such run that is queued, under way or interrupted.
    Nothing,
}

/// Cancels a run. What it has published stays, and the next run goes on from there.
pub async fn cancel_run(ports: &Ports, run_id: Uuid) -> Result<Cancelled, Error> {
    prepare(&*ports.log, &*ports.kv).await?;
    for _ in 0..ATTEMPTS {
        let found = all_runs(&*ports.kv).await?.into_iter().find(|record| record.run.run_id == run_id);
        let Some(instance) = found.map(|record| record.run.source) else { return Ok(Cancelled::Nothing) };
        let key = instance.as_str().to_owned();
        let (mut held, record) = Held::read::<RunRecord>(ports, RUNS_BUCKET, key).await?;
        let Some(mut record) = record.filter(|record| record.run.run_id == run_id) else { continue };
        match record.run.state {
            RunState::Running => {
                wish(ports, &instance, run_id).await?;
                return Ok(Cancelled::Asked);
            }
            RunState::Queued | RunState::Interrupted => {}
            RunState::Succeeded | RunState::Failed | RunState::Cancelled => return Ok(Cancelled::Nothing),
        }
        record.run.state = RunState::Cancelled;
        record.run.finished_at = Some(ports.clock.now());
        match held.write(ports, &record).await {
            Ok(()) => {
                // Should this not come to pass, the history lacks a run that read nothing more.
                remember(ports, &record).await?;
                return Ok(Cancelled::Ended);
            }
            // It has just begun: look again.
            Err(Error::Fenced(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Fenced(run_id.to_string()))
}

async fn wish(ports: &Ports, instance: &InstanceName, run_id: Uuid) -> Result<(), Error> {
    let (mut held, _) = Held::read::<Wish>(ports, CANCELS_BUCKET, instance.as_str().to_owned()).await?;
    held.write(ports, &Wish { run_id }).await
}

/// Whether the run under way is to end.
pub(crate) struct Cancelling {
    ports: Ports,
    instance: InstanceName,
    run_id: Uuid,
    cancelled: AtomicBool,
    stop: CancellationToken,
}

impl Cancelling {
    /// For a run that also ends when `stop` says so.
    pub(crate) fn new(ports: &Ports, request: &RunRequest, stop: &CancellationToken) -> Self {
        Self {
            ports: ports.clone(),
            instance: request.instance.clone(),
            run_id: request.run_id,
            cancelled: AtomicBool::new(false),
            stop: stop.child_token(),
        }
    }

    /// Says that the run is to stop, for this reason or another.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Whether somebody has cancelled it.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Looks until the run is to end, then stops it.
    pub(crate) async fn watch(&self) -> Infallible {
        loop {
            match Held::read::<Wish>(&self.ports, CANCELS_BUCKET, self.instance.as_str().to_owned()).await {
                Ok((_, Some(wish))) if wish.run_id == self.run_id => {
                    tracing::info!(source = %self.instance, run.id = %self.run_id, "the run is cancelled");
                    self.cancelled.store(true, Ordering::Relaxed);
                    self.stop.cancel();
                    return future::pending().await;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "whether the run is cancelled is not known; looking again")
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
