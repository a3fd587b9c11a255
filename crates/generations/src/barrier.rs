//! Brings generations to the same place: the same raw vector, everything published, everything projected.

use std::time::{Duration, Instant};

use salescommand_domain::generation::Generation;
use salescommand_domain::raw::Vector;
use salescommand_normalizer::{Control, Status, canonical_stream};
use salescommand_projector::{ProjectionPosition, consumer_name};
use salescommand_store::{Documents, Generations};
use tokio_util::sync::CancellationToken;

use crate::normalizers::Normalizers;
use crate::plan::serving_definitions;
use crate::{Error, Setup};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Somebody who has not moved for this long will not arrive: the attempt is given up, and made again later.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the generations stand at the same vector and their projections have everything; gives the vector, or none
/// if they do not arrive. Whatever happens, the caller releases the normalizers afterwards.
pub(crate) async fn meet(
    setup: &Setup,
    normalizers: &Normalizers,
    sets: &[&Generations],
    registered: &[Generation],
    stop: &CancellationToken,
) -> Result<Option<Vector>, Error> {
    let mut waiting = Waiting { since: Instant::now(), last: String::new() };
    let vector = loop {
        if let Some(vector) = stand_together(normalizers, sets) {
            break vector;
        }
        let seen =
            format!("{:?}", sets.iter().map(|set| normalizers.status(set.canonical)).collect::<Vec<_>>());
        if waiting.in_vain(seen) || stop.is_cancelled() {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    };
    for set in sets {
        loop {
            let (drained, seen) = drained(setup, normalizers, set, registered).await?;
            if drained {
                break;
            }
            if waiting.in_vain(seen) || stop.is_cancelled() {
                return Ok(None);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(Some(vector))
}

/// Notices when nothing moves any more.
struct Waiting {
    since: Instant,
    last: String,
}

impl Waiting {
    fn in_vain(&mut self, seen: String) -> bool {
        if seen != self.last {
            *self = Self { since: Instant::now(), last: seen };
        }
        self.since.elapsed() > PATIENCE
    }
}

/// Directs everybody to the furthest place that anyone has reached; gives it when all stand there.
fn stand_together(normalizers: &Normalizers, sets: &[&Generations]) -> Option<Vector> {
    let statuses: Vec<Status> =
        sets.iter().map(|set| normalizers.status(set.canonical)).collect::<Option<_>>()?;
    if statuses.iter().any(|status| !status.open) {
        return None;
    }
    let mut furthest = Vector::new();
    for (instance, position) in statuses.iter().flat_map(|status| &status.vector) {
        let held = furthest.entry(instance.clone()).or_insert(*position);
        *held = (*held).max(*position);
    }
    let together = statuses.iter().all(|status| status.held && status.vector == furthest);
    for set in sets {
        normalizers.direct(set.canonical, Control::UpTo(furthest.clone()));
    }
    // Held where an earlier direction said is not enough: the direction must have been this one.
    together.then_some(furthest)
}

/// Whether a canonical generation's events are all published, and all in its projections.
async fn drained(
    setup: &Setup,
    normalizers: &Normalizers,
    set: &Generations,
    registered: &[Generation],
) -> Result<(bool, String), Error> {
    let outbox = normalizers.status(set.canonical).map_or(0, |status| status.outbox);
    let stream = setup.log.stream(&canonical_stream(set.canonical)).await?;
    let published = stream.map_or(0, |status| status.last_sequence);
    let mut all = u64::try_from(outbox).is_ok_and(|outbox| outbox == published);
    let mut seen = format!("{outbox} {published}");
    for (projection, generation) in &set.serving {
        if !is_followed(projection, *generation, registered) {
            continue;
        }
        let at = projected(&*setup.store, projection, *generation).await?;
        all &= at == outbox;
        seen.push_str(&format!(" {projection} {at}"));
    }
    Ok((all, seen))
}

/// A generation of an older version of its projection stands still: this program cannot go on with it.
fn is_followed(projection: &str, generation: u32, registered: &[Generation]) -> bool {
    let code = serving_definitions();
    registered
        .iter()
        .find(|held| held.projection.as_deref() == Some(projection) && held.number == generation)
        .is_some_and(|held| held.definition.iter().all(|(part, version)| code.get(part) == Some(version)))
}

/// The canonical sequence that a projection's generation has reached.
pub(crate) async fn projected(
    store: &dyn Documents,
    projection: &str,
    generation: u32,
) -> Result<i64, Error> {
    let stored = store.position(&consumer_name(projection, generation)).await?;
    let position = stored.map(|stored| ProjectionPosition::decode(&stored.position)).transpose();
    let position = position.map_err(|error| Error::State(error.to_string()))?;
    Ok(position.map_or(0, |position| position.sequence))
}
