//! The projector as a process: one task per projection.

use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::canonical::{CanonicalEvent, CanonicalMessage};
use salescommand_eventlog::{BatchLimit, EventLog, Message};
use salescommand_store::work::Work;
use salescommand_store::{Active, Consumer, Documents};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Error;
use crate::projection::{Projection, ProjectionPosition, consumer_name, projections};

/// A transaction holds at most this.
const LIMIT: BatchLimit =
    BatchLimit { messages: 1_000, bytes: 4 * 1024 * 1024, wait: Duration::from_millis(250) };
/// First pause after a failure; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A dependency that is down is retried for ever, at this interval in the end.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The switch of a new installation: the first generation of everything.
pub fn initial_active() -> Active {
    let serving = projections().iter().map(|projection| (projection.name().to_owned(), 1)).collect();
    Active { canonical: 1, serving, org_version: 1, previous: None }
}

/// One projection of one serving generation.
pub struct Projector {
    projection: Arc<dyn Projection>,
    generation: u32,
    consumer: Consumer,
    position: ProjectionPosition,
}

impl Projector {
    /// Takes up where the stored position is.
    pub async fn open(
        store: Arc<dyn Documents>,
        projection: Arc<dyn Projection>,
        generation: u32,
        canonical: u32,
    ) -> Result<Self, Error> {
        let collections = projection.collections(generation);
        store.ensure(&collections).await?;
        let name = consumer_name(projection.name(), generation);
        let (consumer, stored) = Consumer::open(store, name, &collections).await?;
        let fresh = ProjectionPosition {
            canonical: canonical.into(),
            version: projection.version().into(),
            ..ProjectionPosition::default()
        };
        let position = stored.as_ref().map(ProjectionPosition::decode).transpose()?.unwrap_or(fresh);
        Ok(Self { projection, generation, consumer, position })
    }

    /// Where it stands.
    pub fn position(&self) -> &ProjectionPosition {
        &self.position
    }

    /// Brings canonical messages in, in one transaction. Messages that are in already are passed over.
    pub async fn apply(&mut self, messages: &[Message]) -> Result<(), Error> {
        if let Some(position) = self.consumer.recover().await? {
            self.position = ProjectionPosition::decode(&position)?;
        }
        let mut next = self.position.clone();
        let mut events: Vec<(i64, CanonicalEvent)> = Vec::with_capacity(messages.len());
        for message in messages {
            let sequence =
                i64::try_from(message.sequence).map_err(|error| Error::State(error.to_string()))?;
            if sequence <= next.sequence {
                continue;
            }
            let canonical: CanonicalMessage = rmp_serde::from_slice(&message.payload)
                .map_err(|error| Error::State(format!("{} #{sequence}: {error}", message.subject)))?;
            next.sequence = sequence;
            next.vector = canonical.vector.unwrap_or(next.vector);
            events.push((sequence, canonical.event));
        }
        if events.is_empty() {
            return Ok(());
        }
        let mut work = Work::default();
        self.projection.apply(self.generation, self.consumer.store(), &mut work, &events).await?;
        self.consumer.commit(next.encode()?, work).await?;
        self.position = next;
        Ok(())
    }
}

/// Runs every projection of the active generations until `stop`, or until one is fenced or meets state that it
/// cannot read. A broker or database that is down is waited for.
pub async fn run(
    log: Arc<dyn EventLog>,
    store: Arc<dyn Documents>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let mut pause = FIRST_PAUSE;
    let active = loop {
        match store.ensure_active(&initial_active()).await {
            Ok(active) => break active,
            Err(error) => wait_or_fail(error.into(), &mut pause).await?,
        }
        if stop.is_cancelled() {
            return Ok(());
        }
    };
    let ended = stop.child_token();
    let tasks = TaskTracker::new();
    let mut running = Vec::new();
    for projection in projections() {
        let task = run_one(log.clone(), store.clone(), projection, active.clone(), ended.clone());
        running.push(tasks.spawn(task));
    }
    tasks.close();
    tasks.wait().await;
    for task in running {
        task.await.map_err(|error| Error::State(error.to_string()))??;
    }
    Ok(())
}

async fn run_one(
    log: Arc<dyn EventLog>,
    store: Arc<dyn Documents>,
    projection: Arc<dyn Projection>,
    active: Active,
    stop: CancellationToken,
) -> Result<(), Error> {
    let generation = active.serving.get(projection.name()).copied().unwrap_or(1);
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        // Opened anew after each failure: the stored position is the only truth.
        let followed = async {
            let mut projector =
                Projector::open(store.clone(), projection.clone(), generation, active.canonical).await?;
            follow(&*log, &mut projector, active.canonical, &mut pause, &stop).await
        };
        if let Err(error) = followed.await
            && let Err(error) = wait_or_fail(error, &mut pause).await
        {
            // One projection that cannot go on ends the process, so that somebody looks.
            stop.cancel();
            return Err(error);
        }
    }
    Ok(())
}

/// Follows the canonical stream until stopped or until something fails.
async fn follow(
    log: &dyn EventLog,
    projector: &mut Projector,
    canonical: u32,
    pause: &mut Duration,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let stream = format!("CANONICAL_G{canonical}");
    let from =
        u64::try_from(projector.position().sequence).map_err(|error| Error::State(error.to_string()))?;
    let mut reader = log.read_after(&stream, from).await?;
    loop {
        let messages = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            messages = reader.next(LIMIT) => messages?,
        };
        projector.apply(&messages).await?;
        *pause = FIRST_PAUSE;
        metrics::counter!("projector_events_total", "projection" => projector.projection.name())
            .increment(messages.len() as u64);
    }
}

/// Waits after a passing error; gives a final one back. A stream that is not there yet is waited for.
async fn wait_or_fail(error: Error, pause: &mut Duration) -> Result<(), Error> {
    let missing = matches!(&error, Error::Log(salescommand_eventlog::Error::Missing(_)));
    if !missing && !error.is_transient() {
        return Err(error);
    }
    if !missing {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        tracing::warn!(%error, cause, "waiting for a dependency");
    }
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(LONGEST_PAUSE);
    Ok(())
}
