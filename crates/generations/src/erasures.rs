//! Erasures that are not complete: what still holds the person is given up once something without them is read.
//!
//! The switch to what was built anew is that of any replay. Behind it nothing is kept that was made of the raw events as
//! they were: no way back, no replay that was ready, no verification's scratch; and what readers outside were told is
//! written anew. When the last of it is gone, the receipt is completed.

use std::collections::BTreeSet;

use salescommand_domain::generation::{Generation, Replay, ReplayState};
use salescommand_normalizer::canonical_stream;
use salescommand_store::Active;
use uuid::Uuid;

use crate::Error;
use crate::controller::Controller;
use crate::sources::with_copies;

impl Controller {
    /// The next step of every erasure that is not complete.
    pub(crate) async fn see_to_erasures(
        &mut self,
        active: &Active,
        registered: &[Generation],
        open: &[Replay],
    ) -> Result<(), Error> {
        for (id, holds) in self.registry.erasure_holds().await? {
            // What was taken over from there since holds the person too.
            let holds = with_copies(holds, &self.registry.replays().await?);
            if holds.contains(&active.canonical) {
                continue;
            }
            if active.previous.as_ref().is_some_and(|previous| holds.contains(&previous.canonical)) {
                let next = Active { previous: None, ..active.clone() };
                // Whoever has moved the switch meanwhile is seen at the next look.
                self.setup.store.switch_active(active, &next).await?;
                continue;
            }
            for replay in open.iter().filter(|replay| is_built_on(replay, registered, &holds)) {
                let mut replay = replay.clone();
                replay.error = Some("it was built of what an erasure has changed since".to_owned());
                self.end(replay, ReplayState::Cancelled).await?;
            }
            if !self.is_anything_left(&holds, registered).await? {
                self.complete(&id).await?;
            }
        }
        Ok(())
    }

    async fn is_anything_left(
        &self,
        holds: &BTreeSet<u32>,
        registered: &[Generation],
    ) -> Result<bool, Error> {
        if registered.iter().any(|held| holds.contains(&held.canonical)) {
            return Ok(true);
        }
        for generation in holds {
            if self.setup.log.stream(&canonical_stream(*generation)).await?.is_some() {
                return Ok(true);
            }
        }
        crate::relay::may_hold(&*self.setup.log, holds).await
    }

    async fn complete(&self, id: &str) -> Result<(), Error> {
        let receipt: Uuid = id
            .parse()
            .map_err(|error| Error::State(format!("the erasure {id:?} has no receipt: {error}")))?;
        salescommand_epochs::complete(&*self.setup.log, receipt, (self.setup.now)()).await?;
        self.registry.remove_erasure(id).await?;
        tracing::info!(erasure = id, "an erasure is complete: nothing is left of what was built before");
        Ok(())
    }
}

/// Whether something that a replay builds is made of raw events as they were.
fn is_built_on(replay: &Replay, registered: &[Generation], holds: &BTreeSet<u32>) -> bool {
    let is_its = |held: &&Generation| match &held.projection {
        None => replay.canonical == Some(held.number),
        Some(projection) => replay.serving.get(projection) == Some(&held.number),
    };
    registered.iter().filter(is_its).any(|held| holds.contains(&held.canonical))
}

#[cfg(test)]
mod tests {
    use salescommand_domain::Timestamp;
    use salescommand_domain::generation::{Reason, ReplayKind};

    use super::*;

    #[test]
    fn a_replay_holds_what_its_generations_read() {
        let kind = ReplayKind::Projection { projection: "feed".into() };
        let now = Timestamp::UNIX_EPOCH;
        let mut replay = Replay::requested("r".into(), kind, Reason::Requested, String::new(), false, now);
        replay.serving = [("feed".to_owned(), 3)].into();
        let registered = [
            Generation::canonical(1, Default::default(), None),
            Generation::serving("feed", 3, 2, Default::default(), None),
            Generation::serving("stats", 3, 1, Default::default(), None),
        ];
        assert!(is_built_on(&replay, &registered, &[2].into()));
        assert!(!is_built_on(&replay, &registered, &[1].into()));
    }
}
