//! What operators may ask for: a replay, its end, the switch, the way back. The command line and the HTTP API both come
//! here, so both refuse the same things.
//!
//! Wishes are written into the registry, and the controller in the normalizer's process takes them. Going back and giving
//! the way back up move the switch themselves, and name what they saw: whoever comes second is told, and moves nothing.

use std::sync::Arc;

use salescommand_domain::Timestamp;
use salescommand_domain::generation::{Command, Reason, Replay, ReplayKind, ReplayState};
use salescommand_domain::raw::InstanceName;
use salescommand_normalizer::{NormalizerPosition, consumer_name};
use salescommand_projector::projections;
use salescommand_store::{Active, Documents, Generations, Ops, Registry};

use crate::sources::holds_an_erased_person;

/// Why something that was asked for is not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The store did not do what was asked.
    #[error("the registry of generations cannot be reached")]
    Store(#[from] salescommand_store::Error),
    /// No projection of this name.
    #[error("there is no projection {name:?}; known: {}", known.join(", "))]
    UnknownProjection {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No raw log of this source instance has been read.
    #[error("there is no source {name}; known: {}", known.join(", "))]
    UnknownSource {
        /// What was asked for.
        name: InstanceName,
        /// What there is.
        known: Vec<String>,
    },
    /// What is read still holds a person who is being erased, so nothing may be taken over from it.
    #[error(
        "a person is being erased, and what is read still holds them: replay everything, or wait until the erasure is \
         complete"
    )]
    Erasing,
    /// No replay of this id.
    #[error("there is no replay {0:?}")]
    UnknownReplay(String),
    /// The replay has ended; nothing more will happen to it.
    #[error("the replay {id} is over")]
    Over {
        /// Which one.
        id: String,
        /// How it ended.
        state: ReplayState,
    },
    /// The replay was not compared yet, so nobody can know what a switch would bring.
    #[error("the replay {id} is not ready to switch: it has to be built and compared first")]
    NotReady {
        /// Which one.
        id: String,
        /// How far it is.
        state: ReplayState,
    },
    /// The normalizer has never run.
    #[error("nothing has been built yet: start the normalizer")]
    NothingBuilt,
    /// There was no switch, or the way back was given up.
    #[error("there is no previous generation to go back to")]
    NoPrevious,
    /// The switch is not where the operator saw it.
    #[error("the switch has moved since it was looked at; look with `salescommand generation list`")]
    Moved,
}

/// A replay that somebody wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The id that it gets.
    pub id: String,
    /// What is replayed.
    pub kind: ReplayKind,
    /// Switch by itself if the gate is open.
    pub switch: bool,
    /// Who asks.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Takes what operators ask for.
#[derive(Clone)]
pub struct Operator {
    store: Arc<dyn Documents>,
    registry: Registry,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Operator")
    }
}

impl Operator {
    /// An operator of this installation.
    pub fn new(store: Arc<dyn Documents>, ops: Arc<dyn Ops>) -> Self {
        Self { store, registry: Registry::new(ops) }
    }

    /// Asks for a replay. It begins when its turn comes.
    pub async fn request(&self, wanted: Wanted) -> Result<Replay, Refusal> {
        if let ReplayKind::Projection { projection } = &wanted.kind {
            let known: Vec<_> = projections().iter().map(|known| known.name().to_owned()).collect();
            if !known.contains(projection) {
                return Err(Refusal::UnknownProjection { name: projection.clone(), known });
            }
        }
        if let ReplayKind::Source { source } = &wanted.kind {
            self.may_take_over(source).await?;
        }
        let Wanted { id, kind, switch, by, at } = wanted;
        let replay = Replay::requested(id, kind, Reason::Requested, by, switch, at);
        self.registry.request(&replay).await?;
        Ok(replay)
    }

    /// Refuses what the controller would refuse when the replay's turn comes, as far as it can be seen from here.
    async fn may_take_over(&self, source: &InstanceName) -> Result<(), Refusal> {
        let active = self.active().await?;
        let stored =
            self.store.position(&consumer_name(active.canonical)).await?.ok_or(Refusal::NothingBuilt)?;
        let position = NormalizerPosition::decode(&stored.position)
            .map_err(|error| Refusal::Store(salescommand_store::Error::Refused(error.to_string())))?;
        if !position.vector.contains_key(source) {
            let known = position.vector.keys().map(ToString::to_string).collect();
            return Err(Refusal::UnknownSource { name: source.clone(), known });
        }
        if holds_an_erased_person(&self.registry, active.canonical).await? {
            return Err(Refusal::Erasing);
        }
        Ok(())
    }

    /// Stops a replay; what it has built is dropped.
    pub async fn cancel(&self, id: &str, by: &str) -> Result<Replay, Refusal> {
        self.open(id).await?;
        self.command(id, &Command::Cancel, by).await
    }

    /// Has a replay that is ready compared once more, and switched to if the gate is open then. With a reason it is
    /// switched to also if the gate is shut.
    pub async fn switch(&self, id: &str, accept: Option<String>, by: &str) -> Result<Replay, Refusal> {
        let replay = self.open(id).await?;
        if replay.state != ReplayState::Ready {
            return Err(Refusal::NotReady { id: replay.id, state: replay.state });
        }
        self.command(id, &Command::Switch { accept }, by).await
    }

    /// What is read, and what was read before.
    pub async fn active(&self) -> Result<Active, Refusal> {
        self.store.active().await?.ok_or(Refusal::NothingBuilt)
    }

    /// Goes back to what was read before the last switch; `from` is what the operator saw as active.
    pub async fn roll_back(&self, from: &Generations) -> Result<Active, Refusal> {
        let active = self.active().await?;
        let previous = active.previous.clone().ok_or(Refusal::NoPrevious)?;
        if active.generations() != *from {
            return Err(Refusal::Moved);
        }
        self.move_to(&active, active.moved_to(previous)).await
    }

    /// Gives the way back up: the controller drops what the switch does not name any more. `previous` is what the
    /// operator saw as previous.
    pub async fn drop_previous(&self, previous: &Generations) -> Result<Active, Refusal> {
        let active = self.active().await?;
        match &active.previous {
            None => Err(Refusal::NoPrevious),
            Some(held) if held != previous => Err(Refusal::Moved),
            Some(_) => self.move_to(&active, Active { previous: None, ..active.clone() }).await,
        }
    }

    async fn move_to(&self, from: &Active, next: Active) -> Result<Active, Refusal> {
        if self.store.switch_active(from, &next).await? { Ok(next) } else { Err(Refusal::Moved) }
    }

    async fn open(&self, id: &str) -> Result<Replay, Refusal> {
        let replay = self.registry.replay(id).await?;
        let replay = replay.ok_or_else(|| Refusal::UnknownReplay(id.to_owned()))?;
        still_open(replay)
    }

    async fn command(&self, id: &str, command: &Command, by: &str) -> Result<Replay, Refusal> {
        let replay = self.registry.command(id, command, by).await?;
        let replay = replay.ok_or_else(|| Refusal::UnknownReplay(id.to_owned()))?;
        // It may have ended between the look and the command; the registry leaves it as it is then.
        still_open(replay)
    }
}

fn still_open(replay: Replay) -> Result<Replay, Refusal> {
    if replay.state.is_final() {
        return Err(Refusal::Over { id: replay.id, state: replay.state });
    }
    Ok(replay)
}

#[cfg(test)]
mod tests {
    use salescommand_store::memory::MemoryStore;

    use super::*;

    struct Desk {
        store: Arc<MemoryStore>,
        operator: Operator,
        registry: Registry,
    }

    async fn desk() -> Desk {
        let store = Arc::new(MemoryStore::new());
        store.ensure_ops().await.unwrap();
        let operator = Operator::new(store.clone(), store.clone());
        Desk { registry: Registry::new(store.clone()), operator, store }
    }

    fn wanted(id: &str, kind: ReplayKind) -> Wanted {
        Wanted { id: id.into(), kind, switch: false, by: "ann".into(), at: Timestamp::UNIX_EPOCH }
    }

    fn set(canonical: u32) -> Generations {
        Generations { canonical, serving: [("directory".to_owned(), canonical)].into() }
    }

    fn active(canonical: u32, previous: Option<u32>) -> Active {
        Active { canonical, serving: set(canonical).serving, org_version: 1, previous: previous.map(set) }
    }

    #[tokio::test]
    async fn only_known_projections_are_replayed() {
        let desk = desk().await;
        let of = |name: &str| ReplayKind::Projection { projection: name.into() };
        let refused = desk.operator.request(wanted("a", of("nothing"))).await.unwrap_err();
        assert!(refused.to_string().contains("known: "), "{refused}");
        desk.operator.request(wanted("b", of("directory"))).await.unwrap();
        let asked = desk.registry.replay("b").await.unwrap().unwrap();
        assert_eq!((asked.requested_by.as_str(), asked.state), ("ann", ReplayState::Requested));
    }

    #[tokio::test]
    async fn a_replay_is_switched_to_only_when_it_is_ready_and_cancelled_only_while_it_is_open() {
        let desk = desk().await;
        desk.operator.request(wanted("a", ReplayKind::Raw)).await.unwrap();
        let refused = desk.operator.switch("a", None, "bob").await.unwrap_err();
        assert!(matches!(refused, Refusal::NotReady { state: ReplayState::Requested, .. }), "{refused}");
        let mut held = desk.registry.replay("a").await.unwrap().unwrap();
        held.state = ReplayState::Ready;
        assert!(desk.registry.write(&mut held).await.unwrap());
        let told = desk.operator.switch("a", Some("known".into()), "bob").await.unwrap();
        assert_eq!(told.command, Some(Command::Switch { accept: Some("known".into()) }));
        assert_eq!(told.commanded_by.as_deref(), Some("bob"));
        let mut held = desk.registry.replay("a").await.unwrap().unwrap();
        held.state = ReplayState::Switched;
        assert!(desk.registry.write(&mut held).await.unwrap());
        let refused = desk.operator.cancel("a", "bob").await.unwrap_err();
        assert!(matches!(refused, Refusal::Over { state: ReplayState::Switched, .. }), "{refused}");
        let refused = desk.operator.cancel("z", "bob").await.unwrap_err();
        assert!(matches!(refused, Refusal::UnknownReplay(_)), "{refused}");
    }

    #[tokio::test]
    async fn going_back_moves_the_switch_once_however_often_it_is_asked_for() {
        let desk = desk().await;
        assert!(matches!(desk.operator.roll_back(&set(1)).await, Err(Refusal::NothingBuilt)));
        desk.store.set_active(&active(1, None)).unwrap();
        assert!(matches!(desk.operator.roll_back(&set(1)).await, Err(Refusal::NoPrevious)));
        desk.store.set_active(&active(2, Some(1))).unwrap();
        let back = desk.operator.roll_back(&set(2)).await.unwrap();
        assert_eq!(back, active(1, Some(2)));
        // The second of two who pressed the same button does not undo what the first has done.
        assert!(matches!(desk.operator.roll_back(&set(2)).await, Err(Refusal::Moved)));
        assert!(matches!(desk.operator.drop_previous(&set(1)).await, Err(Refusal::Moved)));
        assert_eq!(desk.operator.drop_previous(&set(2)).await.unwrap(), active(1, None));
        assert!(matches!(desk.operator.drop_previous(&set(2)).await, Err(Refusal::NoPrevious)));
    }
}
