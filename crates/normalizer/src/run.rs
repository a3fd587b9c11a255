//! The normalizer as a task: reads, applies, publishes, until it is told to stop.
//!
//! It can be told to stand still at a place ([`Control::UpTo`]): two generations are compared there. A generation that
//! is being built beside an active one is slowed down by its [`Pace`].

use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::canonical::Entity;
use salescommand_domain::raw::{RawPosition, Vector};
use salescommand_eventlog::{EventLog, StreamSpec};
use salescommand_store::{
    CollectionSpec, Documents, Pace, canonical_collection, ensure_at_pace, facets_collection,
    history_collection, history_orphans_collection, links_collection, outbox_collection,
    quarantine_collection,
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::logs::{RawLogs, RawMessage};
use crate::mappers::Mappers;
use crate::{Error, Normalizer, TakeOver, TakingOver, canonical_stream, publish_outbox};

/// First pause after a failure; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A dependency that is down is retried for ever, at this interval in the end.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The outbox is looked at this often even without a hint.
const OUTBOX_INTERVAL: Duration = Duration::from_millis(500);

/// Conflicts in a row after which the publisher knows that it is fenced.
const LATE_PUBLISHES: u32 = 5;

/// The collections of a canonical generation, with their indexes.
pub fn specs(generation: u32) -> Vec<CollectionSpec> {
    let mut specs = vec![
        CollectionSpec::plain(facets_collection(generation)).index(&["refs", "_id"]).index(&["keys"]),
        CollectionSpec::plain(links_collection(generation)).index(&["golden"]),
        CollectionSpec::plain(history_collection(generation)).index(&["facet"]),
        CollectionSpec::internal(history_orphans_collection(generation)).index(&["facet"]),
        CollectionSpec::internal(outbox_collection(generation)),
        CollectionSpec::plain(quarantine_collection(generation))
            .index(&["facet"])
            .index(&["reason", "_id"])
            .index(&["state", "_id"]),
    ];
    for entity in Entity::ALL {
        // Pages of a list follow the id, within a scope or without one.
        let collection = CollectionSpec::plain(canonical_collection(entity, generation))
            .index(&["scope_key", "deleted", "_id"])
            .index(&["deleted", "_id"])
            .sparse("merged_into");
        // References to these are by facet, and they can have more than one: an edit is a facet of its deal.
        let joinable =
            matches!(entity, Entity::Account | Entity::Contact | Entity::Opportunity | Entity::User);
        let collection = if joinable { collection.index(&["facets.id"]) } else { collection };
        specs.push(if entity == Entity::Opportunity { with_list_indexes(collection) } else { collection });
    }
    specs
}

/// Indexes of the list of opportunities: for each of its filters, with a scope and without one, the page follows the id
/// within equal values of all fields before it. The status is the last of these: a list of every status asks for each.
fn with_list_indexes(collection: CollectionSpec) -> CollectionSpec {
    const KIND: &str = "body.opportunity_kind";
    collection
        .index(&["scope_key", "deleted", KIND, "body.status", "_id"])
        .index(&["scope_key", "deleted", KIND, "body.stage", "body.status", "_id"])
        .index(&["deleted", KIND, "body.status", "_id"])
        .index(&["deleted", KIND, "body.stage", "body.status", "_id"])
        // Whose deals an account or a contact has decides who sees it.
        .index(&["body.account"])
        .index(&["body.contact"])
}

/// The canonical stream: kept whole, since every projection may be rebuilt from it.
fn stream_spec(generation: u32) -> StreamSpec {
    StreamSpec {
        name: canonical_stream(generation),
        subjects: vec![format!("canonical.g{generation}.>")],
        immutable: true,
        max_bytes: None,
        duplicate_window: Duration::from_secs(120),
    }
}

/// A generation's normalizer, before it runs.
pub struct Task {
    /// Raw logs, and the canonical stream.
    pub log: Arc<dyn EventLog>,
    /// Documents.
    pub store: Arc<dyn Documents>,
    /// What raw events mean.
    pub mappers: Mappers,
    /// The canonical generation.
    pub generation: u32,
    /// What it takes over from another generation before it reads anything; none if it reads everything itself.
    pub take_over: Option<TakeOver>,
    /// How much of the store it may take.
    pub pace: Arc<dyn Pace>,
    /// Where to.
    pub control: watch::Receiver<Control>,
    /// Where it is.
    pub status: watch::Sender<Status>,
}

/// Where a normalizer is to go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Control {
    /// To the end of every log, and on with them.
    #[default]
    Follow,
    /// No further than this in any log, and in no other log. Where it is further already, it stays.
    UpTo(Vector),
}

impl Control {
    fn admits(&self, raw: &RawPosition) -> bool {
        match self {
            Self::Follow => true,
            Self::UpTo(limit) => limit.get(&raw.instance).is_some_and(|last| raw.position <= *last),
        }
    }

    fn is_reached(&self, at: &Vector) -> bool {
        match self {
            Self::Follow => false,
            Self::UpTo(limit) => {
                limit.iter().all(|(instance, last)| at.get(instance).is_some_and(|at| at >= last))
            }
        }
    }
}

/// Where a normalizer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// It has opened its position.
    pub open: bool,
    /// What is in.
    pub vector: Vector,
    /// Number of the last canonical event.
    pub outbox: i64,
    /// It stands still where [`Control::UpTo`] says.
    pub held: bool,
    /// How much it has taken over from another generation, of [`crate::WHOLE`]; none when that is done, or if it never
    /// does. Until then its documents are at no place.
    pub taking_over: Option<u32>,
}

/// Runs a generation's normalizer until `stop`, or until it is fenced or meets state that it cannot read.
/// A broker or database that is down is waited for.
pub async fn run(task: Task, stop: CancellationToken) -> Result<(), Error> {
    let ended = stop.child_token();
    let Task { log, store, mappers, generation, take_over, pace, control, status } = task;
    let opened = open(&log, &store, (mappers, take_over), generation, &*pace, &ended).await?;
    let Some(normalizer) = opened else { return Ok(()) };
    let tasks = TaskTracker::new();
    let hint = Arc::new(Notify::new());
    let publisher =
        tasks.spawn(publish(log.clone(), store, generation, hint.clone(), pace.clone(), ended.clone()));
    let mut following = Following { normalizer, hint, pace, control, status };
    let applied = following.apply_all(&log, &tasks, &ended).await;
    ended.cancel();
    tasks.close();
    tasks.wait().await;
    let published = publisher.await.map_err(|error| Error::State(error.to_string()))?;
    applied.and(published)
}

async fn open(
    log: &Arc<dyn EventLog>,
    store: &Arc<dyn Documents>,
    (mappers, take_over): (Mappers, Option<TakeOver>),
    generation: u32,
    pace: &dyn Pace,
    stop: &CancellationToken,
) -> Result<Option<Normalizer>, Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        let attempt = async {
            ensure_at_pace(&**store, &specs(generation), pace).await?;
            log.ensure_stream(&stream_spec(generation)).await?;
            // The end is read before the position: a live copy that goes on meanwhile is not taken for a lost future.
            let end =
                log.stream(&canonical_stream(generation)).await?.map_or(0, |status| status.last_sequence);
            let mut normalizer =
                Normalizer::open(store.clone(), mappers.clone(), generation).await?.reading(log.clone());
            if let Some(take_over) = take_over.clone() {
                normalizer = normalizer.taking_over(take_over);
            }
            normalizer.adopt_stream(&**log, end).await?;
            Ok(normalizer)
        };
        match attempt.await {
            Ok(normalizer) => return Ok(Some(normalizer)),
            Err(error) => wait_or_fail(error, &mut pause).await?,
        }
        if stop.is_cancelled() {
            return Ok(None);
        }
    }
}

/// A normalizer on its way.
struct Following {
    normalizer: Normalizer,
    hint: Arc<Notify>,
    pace: Arc<dyn Pace>,
    control: watch::Receiver<Control>,
    status: watch::Sender<Status>,
}

impl Following {
    async fn apply_all(
        &mut self,
        log: &Arc<dyn EventLog>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        self.settle(stop).await?;
        while !stop.is_cancelled() {
            // What was read beyond a limit is read again: the logs are opened anew behind the position.
            let reading = stop.child_token();
            let from = self.normalizer.position().vector.clone();
            let logs = RawLogs::start(log.clone(), from, tasks, reading.clone());
            let applied = self.apply_until_told(logs, stop).await;
            reading.cancel();
            applied?;
        }
        Ok(())
    }

    /// Applies what comes, until stopped or told to go elsewhere.
    async fn apply_until_told(&mut self, mut logs: RawLogs, stop: &CancellationToken) -> Result<(), Error> {
        let control = self.control.borrow_and_update().clone();
        loop {
            let held = control.is_reached(&self.normalizer.position().vector);
            self.report(held);
            let messages = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = changed(&mut self.control) => return Ok(()),
                messages = logs.next(), if !held => messages?,
            };
            let Some(mut messages) = messages else { return Ok(()) };
            messages.retain(|message| control.admits(&message.raw));
            let mut rest = messages.as_slice();
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(self.pace.piece().min(rest.len()));
                apply_one(&mut self.normalizer, piece, &*self.pace, stop).await?;
                self.hint.notify_one();
                self.settle(stop).await?;
                if self.control.has_changed().unwrap_or_default() {
                    // What is left of what was read is read again.
                    return Ok(());
                }
                self.report(false);
                rest = behind;
            }
        }
    }

    /// Works off what is to be done before the next batch.
    async fn settle(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        let mut pause = FIRST_PAUSE;
        while self.normalizer.has_left()
            && let Some(turn) = stop.run_until_cancelled(self.pace.turn()).await
        {
            if self.normalizer.position().taking_over.is_some() {
                // This may take long; somebody wants to know how far it is.
                self.report(false);
                self.normalizer.work_by_pages_of(self.pace.piece());
            }
            let settled = self.normalizer.settle().await;
            drop(turn);
            match settled {
                Ok(true) => self.hint.notify_one(),
                Ok(false) => return Ok(()),
                Err(error) => wait_or_fail(error, &mut pause).await?,
            }
        }
        Ok(())
    }

    fn report(&self, held: bool) {
        let position = self.normalizer.position();
        self.status.send_replace(Status {
            open: true,
            vector: position.vector.clone(),
            outbox: position.outbox,
            held,
            taking_over: position.taking_over.as_ref().map(TakingOver::share),
        });
    }
}

/// Waits for another direction; for ever if nobody gives directions any more.
async fn changed(control: &mut watch::Receiver<Control>) {
    if control.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Applies a batch, again and again while a dependency is down.
async fn apply_one(
    normalizer: &mut Normalizer,
    messages: &[RawMessage],
    pace: &dyn Pace,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let mut pause = FIRST_PAUSE;
    while let Some(turn) = stop.run_until_cancelled(pace.turn()).await {
        let applied = normalizer.apply(messages).await;
        drop(turn);
        match applied {
            Ok(outcome) => {
                metrics::counter!("normalizer_events_total").increment(outcome.events as u64);
                metrics::counter!("normalizer_rejected_total").increment(outcome.rejected as u64);
                metrics::counter!("normalizer_outrun_total").increment(outcome.outrun as u64);
                return Ok(());
            }
            Err(error) => wait_or_fail(error, &mut pause).await?,
        }
    }
    Ok(())
}

async fn publish(
    log: Arc<dyn EventLog>,
    store: Arc<dyn Documents>,
    generation: u32,
    hint: Arc<Notify>,
    pace: Arc<dyn Pace>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let mut pause = FIRST_PAUSE;
    let mut conflicts = 0;
    while let Some(turn) = stop.run_until_cancelled(pace.turn()).await {
        let published = publish_outbox(&*store, &*log, generation).await;
        drop(turn);
        match published {
            Ok(_) => (pause, conflicts) = (FIRST_PAUSE, 0),
            // An own publish that was thought lost may have arrived late; a second live publisher goes on conflicting.
            Err(Error::Log(salescommand_eventlog::Error::Conflict { .. })) if conflicts < LATE_PUBLISHES => {
                conflicts += 1;
            }
            Err(error) => {
                let waited = wait_or_fail(error, &mut pause).await;
                if waited.is_err() {
                    // The whole process ends: without its publisher nothing would arrive any more.
                    stop.cancel();
                    return waited;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = hint.notified() => {}
            () = tokio::time::sleep(OUTBOX_INTERVAL) => {}
        }
    }
    Ok(())
}

/// Waits after a passing error; gives a final one back.
async fn wait_or_fail(error: Error, pause: &mut Duration) -> Result<(), Error> {
    if !error.is_transient() {
        return Err(error);
    }
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    tracing::warn!(%error, cause, "waiting for a dependency");
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(LONGEST_PAUSE);
    Ok(())
}
