//! Following the canonical stream, whatever happens to broker, database and other copies.

use std::sync::Arc;
use std::time::Duration;

use salescommand_store::{Documents, Ops, Pace};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::feed::Feed;
use crate::projection::Projection;
use crate::projector::Projector;

/// First pause after a failure; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A dependency that is down is retried for ever, at this interval in the end.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Between two looks whether the normalizer has said what becomes of events that the database does not know.
const AHEAD_PAUSE: Duration = Duration::from_millis(500);
/// A position that did not move for this long belongs to nobody who lives.
const STAND_BY: Duration = Duration::from_secs(5);
/// Between two looks whether readers want other roll-ups.
const ROLL_UPS: Duration = Duration::from_millis(500);
/// A parked projection is tried again at this interval.
const PARKED: Duration = Duration::from_secs(60);

/// Events that are read and decoded at once: at most so many, and at most so many pieces of work.
const READ: (usize, usize) = (1_000, 4);

/// What a projection's generation is followed with.
pub(crate) struct Following {
    /// The canonical stream.
    pub(crate) feed: Arc<Feed>,
    pub(crate) store: Arc<dyn Documents>,
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) generation: u32,
    pub(crate) canonical: u32,
    pub(crate) pace: Arc<dyn Pace>,
    /// Where readers ask for roll-ups; none while nobody reads the generation.
    pub(crate) asked: Option<Arc<dyn Ops>>,
}

/// Follows the canonical stream for ever. A broker or database that is down is waited for; fenced, it stands by; when it
/// cannot go on, it is parked.
pub(crate) async fn follow_for_ever(following: Following, stop: CancellationToken) {
    let Following { feed, store, projection, generation, canonical, pace, asked } = following;
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        // Opened anew after each failure: the stored position is the only truth.
        let opened = Projector::open(store.clone(), projection.clone(), generation, canonical, &*pace).await;
        let (error, projector) = match opened {
            Ok(mut projector) => {
                match follow(&feed, &*pace, asked.as_deref(), &mut projector, &mut pause, &stop).await {
                    Ok(()) => return,
                    Err(error) => (error, Some(projector)),
                }
            }
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
    feed: &Arc<Feed>,
    pace: &dyn Pace,
    asked: Option<&dyn Ops>,
    projector: &mut Projector,
    pause: &mut Duration,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let mut follower = feed.follow(projector.position().sequence);
    let name = projector.projection.name();
    let mut looked: Option<Instant> = None;
    loop {
        if let Some(asked) = asked.filter(|_| looked.is_none_or(|at| at.elapsed() >= ROLL_UPS)) {
            let more = projector.roll_up(asked).await?;
            looked = (!more).then(Instant::now);
        }
        let entries = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            entries = follower.next(READ.0.min(READ.1 * pace.piece())) => entries?,
        };
        let mut rest = entries.as_slice();
        while !rest.is_empty() {
            let Some(turn) = stop.run_until_cancelled(pace.turn()).await else { return Ok(()) };
            let piece = rest.get(..pace.piece()).unwrap_or(rest);
            let dealt = projector.apply(piece).await?;
            drop(turn);
            rest = rest.get(dealt..).unwrap_or_default();
            if dealt == 0 {
                tracing::warn!(
                    projection = name,
                    "the stream is ahead of the database; waiting for the normalizer"
                );
                sleep(AHEAD_PAUSE, stop).await;
            }
        }
        *pause = FIRST_PAUSE;
        metrics::counter!("projector_events_total", "projection" => name).increment(entries.len() as u64);
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
