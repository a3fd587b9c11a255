//! The projector as a process: one task per projection and serving generation that is kept up to date.
//!
//! Which ones those are, the registry says: the active ones, those a replay builds, and the previous ones. A generation
//! of another version of its projection stands still, since this program cannot go on with it; a new one is being built.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::generation::{Generation, projection_part};
use salescommand_eventlog::EventLog;
use salescommand_store::{Active, Documents, Ops, Pace, Registry, Unhurried};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::feed::Feed;
use crate::follow::{Following, follow_for_ever};
use crate::projection::{Projection, projections};

/// Between two looks at the registry.
const LOOK: Duration = Duration::from_millis(500);
/// Pause while the store is away.
const AWAY: Duration = Duration::from_secs(1);

/// The switch of a new installation: the first generation of everything.
pub fn initial_active() -> Active {
    let serving = projections().iter().map(|projection| (projection.name().to_owned(), 1)).collect();
    Active { canonical: 1, serving, org_version: 1, previous: None }
}

/// What the projector works with.
#[derive(Clone)]
pub struct Setup {
    /// Canonical streams.
    pub log: Arc<dyn EventLog>,
    /// Documents and the switch.
    pub store: Arc<dyn Documents>,
    /// The registry's collections.
    pub ops: Arc<dyn Ops>,
    /// The pace of what is built beside what is read.
    pub pace: Arc<dyn Pace>,
}

/// A generation that is to be followed.
struct Target {
    projection: Arc<dyn Projection>,
    generation: u32,
    canonical: u32,
    /// Nobody reads it yet.
    building: bool,
}

/// Projection, generation, and whether nobody reads it yet.
type Name = (String, u32, bool);

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What runs, and the canonical streams that it reads.
#[derive(Default)]
struct Followed {
    running: BTreeMap<Name, Running>,
    feeds: BTreeMap<u32, Arc<Feed>>,
}

/// Runs every projection of the generations that are kept up to date, until `stop`. A broker or database that is down is
/// waited for; a projection that is fenced stands by; one that cannot go on is parked. None of these holds up another.
pub async fn run(setup: Setup, stop: CancellationToken) -> Result<(), Error> {
    let mut followed = Followed::default();
    while !stop.is_cancelled() {
        let pause = match targets(&setup).await {
            Ok(targets) => {
                followed.keep_running(&setup, targets, &stop).await;
                LOOK
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "the projector waits for the document store");
                AWAY
            }
            Err(error) => {
                followed.stop_all().await;
                return Err(error);
            }
        };
        // Being told to stop ends the pause; that is all there is to know.
        let _ = tokio::time::timeout(pause, stop.cancelled()).await;
    }
    followed.stop_all().await;
    Ok(())
}

impl Followed {
    async fn keep_running(&mut self, setup: &Setup, targets: Vec<Target>, stop: &CancellationToken) {
        let name =
            |target: &Target| (target.projection.name().to_owned(), target.generation, target.building);
        let wanted: Vec<_> = targets.iter().map(name).collect();
        let unwanted: Vec<_> = self.running.keys().filter(|held| !wanted.contains(held)).cloned().collect();
        for name in unwanted {
            if let Some(held) = self.running.remove(&name) {
                held.stop.cancel();
                let _ended = held.task.await;
            }
        }
        self.feeds.retain(|canonical, _| targets.iter().any(|target| target.canonical == *canonical));
        for target in targets {
            let feed = self.feeds.entry(target.canonical);
            let feed = feed.or_insert_with(|| Feed::new(setup.log.clone(), target.canonical)).clone();
            self.running.entry(name(&target)).or_insert_with(|| {
                let stop = stop.child_token();
                let pace: Arc<dyn Pace> =
                    if target.building { setup.pace.clone() } else { Arc::new(Unhurried) };
                let following = Following {
                    feed,
                    store: setup.store.clone(),
                    projection: target.projection,
                    generation: target.generation,
                    canonical: target.canonical,
                    pace,
                    asked: (!target.building).then(|| setup.ops.clone()),
                };
                Running { stop: stop.clone(), task: tokio::spawn(follow_for_ever(following, stop)) }
            });
        }
    }

    async fn stop_all(&mut self) {
        self.running.values().for_each(|held| held.stop.cancel());
        while let Some((_, held)) = self.running.pop_first() {
            let _ended = held.task.await;
        }
    }
}

/// The generations to follow, by the switch and the registry.
async fn targets(setup: &Setup) -> Result<Vec<Target>, Error> {
    let active = setup.store.ensure_active(&initial_active()).await?;
    let registered = Registry::new(setup.ops.clone()).generations().await?;
    Ok(chosen(&active, &registered))
}

fn chosen(active: &Active, registered: &[Generation]) -> Vec<Target> {
    let mut targets = Vec::new();
    for projection in projections() {
        let name = projection.name();
        let read = active.serving.get(name).copied();
        let before = active.previous.as_ref().and_then(|previous| previous.serving.get(name).copied());
        let version = projection.version().to_string();
        let own = registered.iter().filter(|held| held.projection.as_deref() == Some(name));
        let mut known = false;
        for held in own {
            known |= Some(held.number) == read;
            if held.retired || held.definition.get(&projection_part(name)) != Some(&version) {
                continue;
            }
            targets.push(Target {
                projection: projection.clone(),
                generation: held.number,
                canonical: held.canonical,
                building: ![read, before].contains(&Some(held.number)),
            });
        }
        // A new installation's generations are read before anybody has registered them.
        if let Some(generation) = read.filter(|_| !known) {
            let canonical = active.canonical;
            targets.push(Target { projection, generation, canonical, building: false });
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(name: &str, number: u32, version: &str) -> Generation {
        let definition = [(projection_part(name), version.to_owned())].into();
        Generation::serving(name, number, 1, definition, None)
    }

    fn numbers(registered: &[Generation]) -> Vec<(u32, bool)> {
        let chosen = chosen(&initial_active(), registered);
        let directory = chosen.iter().filter(|target| target.projection.name() == "directory");
        directory.map(|target| (target.generation, target.building)).collect()
    }

    #[test]
    fn what_is_read_is_followed_before_anybody_has_registered_it() {
        assert_eq!(numbers(&[]), [(1, false)]);
        assert_eq!(numbers(&[registered("dashboard_stats", 1, "1")]), [(1, false)]);
    }

    #[test]
    fn a_new_generation_is_built_beside_and_a_retired_one_is_left() {
        let directory = |number: u32| {
            let now = projections().iter().find(|it| it.name() == "directory").unwrap().version();
            registered("directory", number, &now.to_string())
        };
        assert_eq!(numbers(&[directory(1), directory(2)]), [(1, false), (2, true)]);
        let retired = Generation { retired: true, ..directory(2) };
        assert_eq!(numbers(&[directory(1), retired]), [(1, false)]);
    }

    #[test]
    fn a_generation_of_another_version_stands_still() {
        assert_eq!(numbers(&[registered("directory", 1, "0")]), []);
    }
}
