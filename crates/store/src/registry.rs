//! The registry of generations and replays, over the operational collections.
//!
//! The controller of replays owns the records; people's wishes (a request, a command) come in as inserts and as changes
//! by compare-and-set, so neither side overwrites the other.

use std::collections::BTreeSet;
use std::sync::Arc;

use bson::RawDocumentBuf;
use salescommand_domain::generation::{Command, Erasure, Generation, GenerationRole, Replay, ReplayState};
use serde::{Deserialize, Serialize};

use crate::work::{decode, encode};
use crate::{Active, Condition, Error, Generations, OPS_ERASURES, OPS_GENERATIONS, OPS_REPLAYS, Ops, Query};

/// How often a command is tried against a controller that keeps changing the record.
const ATTEMPTS: usize = 20;

/// Generations and replays.
#[derive(Clone)]
pub struct Registry {
    ops: Arc<dyn Ops>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Registry")
    }
}

impl Registry {
    /// The registry in these operational collections.
    pub fn new(ops: Arc<dyn Ops>) -> Self {
        Self { ops }
    }

    /// Every generation that exists, by id.
    pub async fn generations(&self) -> Result<Vec<Generation>, Error> {
        let found = self.ops.list(OPS_GENERATIONS, &Query::all()).await?;
        let mut generations: Vec<Generation> = decoded(OPS_GENERATIONS, &found)?;
        generations.sort_by(|a, b| (&a.projection, a.number).cmp(&(&b.projection, b.number)));
        Ok(generations)
    }

    /// Adds a generation; one that is there already stays as it is.
    pub async fn add_generation(&self, generation: &Generation) -> Result<(), Error> {
        match self.ops.insert(OPS_GENERATIONS, encode(OPS_GENERATIONS, generation)?).await {
            Err(Error::Duplicate { .. }) => Ok(()),
            other => other,
        }
    }

    /// Marks a generation as not needed any more.
    pub async fn retire(&self, generation: &Generation) -> Result<(), Error> {
        let retired = Generation { retired: true, revision: generation.revision + 1, ..generation.clone() };
        self.replace(OPS_GENERATIONS, &generation.id, generation.revision, &retired).await.map(drop)
    }

    /// Takes a generation off the list.
    pub async fn remove_generation(&self, id: &str) -> Result<(), Error> {
        self.ops.delete(OPS_GENERATIONS, &by_id(id)).await.map(drop)
    }

    /// Every replay there ever was, the newest first.
    pub async fn replays(&self) -> Result<Vec<Replay>, Error> {
        let found = self.ops.list(OPS_REPLAYS, &Query::all()).await?;
        let mut replays: Vec<Replay> = decoded(OPS_REPLAYS, &found)?;
        replays.sort_by(|a, b| (b.requested_at, &b.id).cmp(&(a.requested_at, &a.id)));
        Ok(replays)
    }

    /// One replay.
    pub async fn replay(&self, id: &str) -> Result<Option<Replay>, Error> {
        let found = self.ops.list(OPS_REPLAYS, &by_id(id)).await?;
        Ok(decoded(OPS_REPLAYS, &found)?.pop())
    }

    /// Asks for a replay; tells whether it is new: one with this id may have been asked for before.
    pub async fn request(&self, replay: &Replay) -> Result<bool, Error> {
        match self.ops.insert(OPS_REPLAYS, encode(OPS_REPLAYS, replay)?).await {
            Ok(()) => Ok(true),
            Err(Error::Duplicate { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a replay if nobody else has since it was read; its revision moves on. Tells whether it was written.
    pub async fn write(&self, replay: &mut Replay) -> Result<bool, Error> {
        let expected = replay.revision;
        replay.revision += 1;
        let written = self.replace(OPS_REPLAYS, &replay.id, expected, replay).await?;
        if !written {
            replay.revision = expected;
        }
        Ok(written)
    }

    /// Leaves a command of somebody with a replay that is not over; gives the replay, or none if there is no such one. A
    /// command to a replay that is over changes nothing.
    pub async fn command(&self, id: &str, command: &Command, by: &str) -> Result<Option<Replay>, Error> {
        for _ in 0..ATTEMPTS {
            let Some(mut replay) = self.replay(id).await? else { return Ok(None) };
            if replay.state.is_final() {
                return Ok(Some(replay));
            }
            replay.command = Some(command.clone());
            replay.commanded_by = Some(by.to_owned());
            if self.write(&mut replay).await? {
                return Ok(Some(replay));
            }
        }
        Err(Error::Unavailable(format!("the replay {id} keeps changing")))
    }

    /// The replays that are not over, the oldest first.
    pub async fn open_replays(&self) -> Result<Vec<Replay>, Error> {
        let mut open: Vec<_> =
            self.replays().await?.into_iter().filter(|replay| !ReplayState::is_final(replay.state)).collect();
        open.reverse();
        Ok(open)
    }

    /// Remembers what an erasure has changed; one that is remembered already stays as it is.
    pub async fn add_erasure(&self, erasure: &Erasure) -> Result<(), Error> {
        match self.ops.insert(OPS_ERASURES, encode(OPS_ERASURES, erasure)?).await {
            Err(Error::Duplicate { .. }) => Ok(()),
            other => other,
        }
    }

    /// The erasures that are not complete, with all that they have changed.
    pub async fn erasures(&self) -> Result<Vec<Erasure>, Error> {
        decoded(OPS_ERASURES, &self.ops.list(OPS_ERASURES, &Query::all()).await?)
    }

    /// The erasures that are not complete, by id, and the canonical generations that hold what was before.
    pub async fn erasure_holds(&self) -> Result<Vec<(String, BTreeSet<u32>)>, Error> {
        let found = self.ops.list(OPS_ERASURES, &Query::all().only(&["holds"])).await?;
        let held: Vec<Holds> = decoded(OPS_ERASURES, &found)?;
        Ok(held.into_iter().map(|held| (held.id, held.holds)).collect())
    }

    /// Forgets what an erasure has changed.
    pub async fn remove_erasure(&self, id: &str) -> Result<(), Error> {
        self.ops.delete(OPS_ERASURES, &by_id(id)).await.map(drop)
    }

    async fn replace<T: Serialize>(
        &self,
        collection: &str,
        id: &str,
        expected: i64,
        record: &T,
    ) -> Result<bool, Error> {
        self.ops.replace_if(collection, id, expected, encode(collection, record)?).await
    }
}

/// An erasure without what it has changed, which may be much.
#[derive(Deserialize)]
struct Holds {
    #[serde(rename = "_id")]
    id: String,
    holds: BTreeSet<u32>,
}

impl Active {
    /// What a generation is there for, as the switch stands.
    pub fn role_of(&self, generation: &Generation) -> GenerationRole {
        if self.generations().holds(generation) {
            GenerationRole::Active
        } else if generation.retired {
            GenerationRole::Retired
        } else if self.previous.as_ref().is_some_and(|previous| previous.holds(generation)) {
            GenerationRole::Previous
        } else {
            GenerationRole::Building
        }
    }
}

impl Generations {
    fn holds(&self, generation: &Generation) -> bool {
        match &generation.projection {
            None => self.canonical == generation.number,
            Some(projection) => self.serving.get(projection) == Some(&generation.number),
        }
    }
}

fn decoded<T: serde::de::DeserializeOwned>(
    collection: &str,
    documents: &[RawDocumentBuf],
) -> Result<Vec<T>, Error> {
    documents.iter().map(|document| decode(collection, document)).collect()
}

fn by_id(id: &str) -> Query {
    Query::all().with(Condition::Eq("_id".to_owned(), id.into()))
}

#[cfg(test)]
mod tests {
    use salescommand_domain::Timestamp;
    use salescommand_domain::generation::{Reason, ReplayKind};

    use super::*;
    use crate::memory::MemoryStore;

    fn replay(id: &str, second: i64) -> Replay {
        let now = Timestamp::from_second(second).unwrap();
        Replay::requested(id.into(), ReplayKind::Verify, Reason::Requested, String::new(), false, now)
    }

    #[tokio::test]
    async fn a_command_meets_the_controllers_own_changes() {
        let store = Arc::new(MemoryStore::new());
        store.ensure_ops().await.unwrap();
        let registry = Registry::new(store);
        assert!(registry.request(&replay("b", 2)).await.unwrap());
        assert!(registry.request(&replay("a", 1)).await.unwrap());
        assert!(!registry.request(&replay("a", 9)).await.unwrap(), "asked twice is asked once");
        let mut held = registry.replay("a").await.unwrap().unwrap();
        registry.command("a", &Command::Cancel, "ann").await.unwrap().unwrap();
        assert!(!registry.write(&mut held).await.unwrap(), "the command would have been lost");
        let mut held = registry.replay("a").await.unwrap().unwrap();
        assert_eq!(
            (held.command.clone(), held.commanded_by.as_deref()),
            (Some(Command::Cancel), Some("ann"))
        );
        held.state = ReplayState::Cancelled;
        assert!(registry.write(&mut held).await.unwrap());
        let open = registry.open_replays().await.unwrap();
        assert_eq!(open.iter().map(|replay| replay.id.as_str()).collect::<Vec<_>>(), ["b"]);
        let late = registry.command("a", &Command::Switch { accept: None }, "bob").await.unwrap().unwrap();
        assert_eq!(late.command, Some(Command::Cancel), "what is over stays as it is");
    }

    #[tokio::test]
    async fn a_generation_is_added_once_and_removed() {
        let store = Arc::new(MemoryStore::new());
        store.ensure_ops().await.unwrap();
        let registry = Registry::new(store);
        let first = Generation::canonical(1, [("merge".to_owned(), "1".to_owned())].into(), None);
        let other = Generation::canonical(1, [("merge".to_owned(), "2".to_owned())].into(), None);
        registry.add_generation(&first).await.unwrap();
        registry.add_generation(&other).await.unwrap();
        assert_eq!(registry.generations().await.unwrap(), std::slice::from_ref(&first));
        registry.retire(&first).await.unwrap();
        assert!(registry.generations().await.unwrap()[0].retired);
        registry.remove_generation(&first.id).await.unwrap();
        assert!(registry.generations().await.unwrap().is_empty());
    }

    #[test]
    fn the_switch_says_what_a_generation_is_there_for() {
        let of = |canonical: u32, stats: u32| Generations {
            canonical,
            serving: [("dashboard_stats".to_owned(), stats)].into(),
        };
        let active =
            Active { canonical: 2, serving: of(2, 4).serving, org_version: 1, previous: Some(of(1, 4)) };
        let canonical = |number: u32| Generation::canonical(number, Default::default(), None);
        let retired = Generation { retired: true, ..canonical(9) };
        let stats = Generation::serving("dashboard_stats", 4, 2, Default::default(), None);
        let roles =
            [canonical(2), canonical(1), canonical(3), retired, stats].map(|held| active.role_of(&held));
        use GenerationRole::{Active as Read, Building, Previous, Retired};
        assert_eq!(roles, [Read, Previous, Building, Retired, Read]);
    }
}
