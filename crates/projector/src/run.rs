//! The projector as a process: one task per projection.

use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::canonical::{CanonicalEvent, CanonicalMessage, Numbering, Standing};
use salescommand_eventlog::{BatchLimit, EventLog, Message};
use salescommand_store::work::Work;
use salescommand_store::{Active, Consumer, Documents, normalizer_consumer};
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

/// Between two looks whether the normalizer has said what becomes of events that the database does not know.
const AHEAD_PAUSE: Duration = Duration::from_millis(500);
/// A position that did not move for this long belongs to nobody who lives.
const STAND_BY: Duration = Duration::from_secs(5);
/// A parked projection is tried again at this interval.
const PARKED: Duration = Duration::from_secs(60);

/// The switch of a new installation: the first generation of everything.
pub fn initial_active() -> Active {
    let serving = projections().iter().map(|projection| (projection.name().to_owned(), 1)).collect();
    Active { canonical: 1, serving, org_version: 1, previous: None }
}

/// One projection of one serving generation.
pub struct Projector {
    projection: Arc<dyn Projection>,
    generation: u32,
    canonical: u32,
    consumer: Consumer,
    position: ProjectionPosition,
    /// What was last known of the stream's numbers; asked for again when an event is ahead of it.
    numbering: Numbering,
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
        let numbering = Numbering::default();
        Ok(Self { projection, generation, canonical, consumer, position, numbering })
    }

    /// Where it stands.
    pub fn position(&self) -> &ProjectionPosition {
        &self.position
    }

    /// Brings canonical messages in, in one transaction; gives how many of them are dealt with. Messages that are in
    /// already, or that the database has declared void, are passed over. Those that the database has not numbered yet
    /// are of a future that was lost with it: they wait until the normalizer has declared them void.
    pub async fn apply(&mut self, messages: &[Message]) -> Result<usize, Error> {
        if let Some(position) = self.consumer.recover().await? {
            self.position = ProjectionPosition::decode(&position)?;
        }
        self.refresh(messages).await?;
        let mut next = self.position.clone();
        let mut dealt = 0;
        let mut events: Vec<(i64, CanonicalEvent)> = Vec::with_capacity(messages.len());
        for message in messages {
            let sequence =
                i64::try_from(message.sequence).map_err(|error| Error::State(error.to_string()))?;
            let standing = self.numbering.standing(sequence);
            if sequence > next.sequence && standing == Standing::Ahead {
                break;
            }
            dealt += 1;
            if sequence <= next.sequence {
                continue;
            }
            next.sequence = sequence;
            if standing == Standing::Void {
                continue;
            }
            let canonical: CanonicalMessage = rmp_serde::from_slice(&message.payload)
                .map_err(|error| Error::State(format!("{} #{sequence}: {error}", message.subject)))?;
            next.vector = canonical.vector.unwrap_or(next.vector);
            events.push((sequence, canonical.event));
        }
        if next.sequence == self.position.sequence {
            return Ok(dealt);
        }
        next.parked = false;
        let mut work = Work::default();
        self.projection.apply(self.generation, self.consumer.store(), &mut work, &events).await?;
        self.consumer.commit(next.encode()?, work).await?;
        self.position = next;
        Ok(dealt)
    }

    /// Asks which numbers count when a message is ahead of what was known.
    async fn refresh(&mut self, messages: &[Message]) -> Result<(), Error> {
        let known = u64::try_from(self.numbering.outbox).unwrap_or(0);
        if messages.last().is_some_and(|last| last.sequence > known) {
            let stored = self.consumer.store().position(&normalizer_consumer(self.canonical)).await?;
            let numbering = stored.map(|stored| bson::deserialize_from_document(stored.position)).transpose();
            self.numbering = numbering.map_err(|error| Error::State(error.to_string()))?.unwrap_or_default();
        }
        Ok(())
    }

    /// Records that it cannot go on, so that readers know; its documents stay as they are.
    async fn park(&mut self) -> Result<(), Error> {
        if self.position.parked {
            return Ok(());
        }
        let next = ProjectionPosition { parked: true, ..self.position.clone() };
        self.consumer.commit(next.encode()?, Work::default()).await?;
        self.position = next;
        Ok(())
    }
}

/// Runs every projection of the active generations until `stop`. A broker or database that is down is waited for; a
/// projection that is fenced stands by; one that cannot go on is parked. None of these holds up another projection.
pub async fn run(
    log: Arc<dyn EventLog>,
    store: Arc<dyn Documents>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let mut pause = FIRST_PAUSE;
    let active = loop {
        match store.ensure_active(&initial_active()).await {
            Ok(active) => break active,
            Err(error) if error.is_transient() => wait(&error.into(), &mut pause, &stop).await,
            Err(error) => return Err(error.into()),
        }
        if stop.is_cancelled() {
            return Ok(());
        }
    };
    let tasks = TaskTracker::new();
    let mut running = Vec::new();
    for projection in projections() {
        let task = run_one(log.clone(), store.clone(), projection, active.clone(), stop.clone());
        running.push(tasks.spawn(task));
    }
    tasks.close();
    tasks.wait().await;
    for task in running {
        task.await.map_err(|error| Error::State(error.to_string()))?;
    }
    Ok(())
}

async fn run_one(
    log: Arc<dyn EventLog>,
    store: Arc<dyn Documents>,
    projection: Arc<dyn Projection>,
    active: Active,
    stop: CancellationToken,
) {
    let generation = active.serving.get(projection.name()).copied().unwrap_or(1);
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        // Opened anew after each failure: the stored position is the only truth.
        let opened = Projector::open(store.clone(), projection.clone(), generation, active.canonical).await;
        let (error, projector) = match opened {
            Ok(mut projector) => match follow(&*log, &mut projector, &mut pause, &stop).await {
                Ok(()) => return,
                Err(error) => (error, Some(projector)),
            },
            Err(error) => (error, None),
        };
        match &error {
            Error::Store(salescommand_store::Error::Fenced(consumer)) => {
                stand_by(&*store, consumer, &stop).await;
            }
            _ if may_pass(&error) => wait(&error, &mut pause, &stop).await,
            _ => park(&error, projection.name(), projector, &stop).await,
        }
    }
}

/// Follows the canonical stream until stopped or until something fails.
async fn follow(
    log: &dyn EventLog,
    projector: &mut Projector,
    pause: &mut Duration,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let stream = format!("CANONICAL_G{}", projector.canonical);
    let from =
        u64::try_from(projector.position().sequence).map_err(|error| Error::State(error.to_string()))?;
    let mut reader = log.read_after(&stream, from).await?;
    let name = projector.projection.name();
    loop {
        let messages = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            messages = reader.next(LIMIT) => messages?,
        };
        let mut rest = messages.as_slice();
        while !rest.is_empty() {
            let dealt = projector.apply(rest).await?;
            rest = rest.get(dealt..).unwrap_or_default();
            if !rest.is_empty() && dealt == 0 {
                tracing::warn!(
                    projection = name,
                    "the stream is ahead of the database; waiting for the normalizer"
                );
                sleep(AHEAD_PAUSE, stop).await;
            }
            if stop.is_cancelled() {
                return Ok(());
            }
        }
        *pause = FIRST_PAUSE;
        metrics::counter!("projector_events_total", "projection" => name).increment(messages.len() as u64);
        metrics::gauge!("projector_parked", "projection" => name).set(0.0);
    }
}

/// Another live copy moved the position: waits until that copy has stopped moving it, then takes over again.
async fn stand_by(store: &dyn Documents, consumer: &str, stop: &CancellationToken) {
    tracing::warn!(consumer, "another live copy runs this projection; standing by");
    metrics::counter!("projector_fenced_total").increment(1);
    let mut seen = None;
    while !stop.is_cancelled() {
        let found = store.position(consumer).await.ok().flatten().map(|stored| stored.revision);
        if found.is_some() && found == seen {
            return;
        }
        seen = found;
        sleep(STAND_BY, stop).await;
    }
}

/// A projection that meets what it cannot read says so and stands still; the others go on. It is tried again at
/// intervals, since somebody may have mended what it met.
async fn park(error: &Error, name: &'static str, projector: Option<Projector>, stop: &CancellationToken) {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::error!(projection = name, %error, cause, "the projection is parked: it cannot go on; the others do");
    metrics::gauge!("projector_parked", "projection" => name).set(1.0);
    if let Some(mut projector) = projector
        && let Err(error) = projector.park().await
    {
        tracing::warn!(projection = name, %error, "that the projection is parked could not be recorded");
    }
    sleep(PARKED, stop).await;
}

/// Whether the same may succeed soon. A stream that is not there yet is waited for.
fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Log(salescommand_eventlog::Error::Missing(_))) || error.is_transient()
}

async fn wait(error: &Error, pause: &mut Duration, stop: &CancellationToken) {
    if error.is_transient() {
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        tracing::warn!(%error, cause, "waiting for a dependency");
    }
    sleep(*pause, stop).await;
    *pause = (*pause * 2).min(LONGEST_PAUSE);
}

async fn sleep(time: Duration, stop: &CancellationToken) {
    // Being told to stop ends the pause; that is all there is to know.
    let _ = tokio::time::timeout(time, stop.cancelled()).await;
}
