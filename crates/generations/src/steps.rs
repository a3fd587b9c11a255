//! The steps of a replay: gets its generations, builds, is compared, switches, ends.

use std::collections::BTreeMap;

use salescommand_domain::generation::{
    Command, Comparison, Definition, Gate, Generation, Replay, ReplayKind, ReplayState,
};
use salescommand_domain::raw::{Envelope, InstanceName, Vector, parse_raw_stream};
use salescommand_projector::projections;
use salescommand_store::{Active, Generations};

use crate::barrier::meet;
use crate::compare::{Question, compare};
use crate::controller::Controller;
use crate::normalizers::definition;
use crate::replay::{Speedometer, of_canonical, of_raw};
use crate::{Error, plan};

impl Controller {
    /// The next step of a replay. A record that somebody else changed meanwhile is looked at again later.
    pub(crate) async fn step(
        &mut self,
        replay: Replay,
        active: &Active,
        registered: &[Generation],
    ) -> Result<(), Error> {
        if replay.command == Some(Command::Cancel) {
            return self.end(replay, ReplayState::Cancelled).await;
        }
        match replay.state {
            ReplayState::Requested => self.begin(replay, active, registered).await,
            ReplayState::Building => self.watch(replay, active, registered).await,
            ReplayState::Comparing => self.compare(replay, active, registered).await,
            ReplayState::Ready if replay.command.is_some() => {
                self.advance(replay, ReplayState::Comparing).await
            }
            _ => Ok(()),
        }
    }

    /// Gives a replay its generations.
    async fn begin(
        &mut self,
        mut replay: Replay,
        active: &Active,
        registered: &[Generation],
    ) -> Result<(), Error> {
        let (canonical, serving) = plan::next_numbers(active, &self.registry.replays().await?);
        let mut reads = active.canonical;
        match &replay.kind {
            ReplayKind::Projection { projection } => {
                let Some(number) = serving.get(projection) else {
                    let why = format!("there is no projection {projection}");
                    return self.fail(replay, why).await;
                };
                replay.serving = BTreeMap::from([(projection.clone(), *number)]);
            }
            kind @ (ReplayKind::Raw | ReplayKind::Source { .. } | ReplayKind::Verify) => {
                reads = canonical;
                replay.taken_from = matches!(kind, ReplayKind::Source { .. }).then_some(active.canonical);
                replay.canonical = Some(canonical);
                replay.serving = serving;
            }
        }
        // The record comes first: numbers that stand in one are never given again.
        replay.started_at = Some((self.setup.now)());
        replay.state = ReplayState::Building;
        if !self.registry.write(&mut replay).await? {
            return Ok(());
        }
        match self.add_generations(&replay, reads, registered).await? {
            Some(refused) => self.fail(replay, refused).await,
            None => Ok(()),
        }
    }

    /// Registers what a replay builds; also when it was killed before it had. Gives the reason if it may not be built.
    async fn add_generations(
        &mut self,
        replay: &Replay,
        reads: u32,
        registered: &[Generation],
    ) -> Result<Option<String>, Error> {
        let id = Some(replay.id.clone());
        let is_there = |held: &Generation| held.projection.is_none() && Some(held.number) == replay.canonical;
        let mut made_with = None;
        if replay.canonical.is_some() && !registered.iter().any(is_there) {
            let definition = definition(&self.newest().await?);
            let refused = self.taking_over_is_refused(replay, &definition, registered).await?;
            if refused.is_some() {
                return Ok(refused);
            }
            made_with = Some(definition);
        }
        for projection in projections() {
            let Some(number) = replay.serving.get(projection.name()) else { continue };
            let definition = plan::serving_definition(&*projection);
            let serving = Generation::serving(projection.name(), *number, reads, definition, id.clone());
            self.registry.add_generation(&serving).await?;
        }
        if let (Some(number), Some(definition)) = (replay.canonical, made_with) {
            self.registry.add_generation(&Generation::canonical(number, definition, id)).await?;
        }
        Ok(None)
    }

    async fn fail(&mut self, mut replay: Replay, why: String) -> Result<(), Error> {
        replay.error = Some(why);
        self.end(replay, ReplayState::Failed).await
    }

    /// Shows the progress, and goes on when nearly everything is in.
    async fn watch(
        &mut self,
        mut replay: Replay,
        active: &Active,
        registered: &[Generation],
    ) -> Result<(), Error> {
        let reads = replay.canonical.unwrap_or(active.canonical);
        if let Some(refused) = self.add_generations(&replay, reads, registered).await? {
            return self.fail(replay, refused).await;
        }
        let mut extent = of_canonical(&self.setup, &replay, reads).await?;
        let mut nearly = extent.is_nearly_all();
        if let Some(canonical) = replay.canonical {
            let Some(status) = self.normalizers.status(canonical).filter(|status| status.open) else {
                return Ok(());
            };
            let raw = of_raw(&*self.setup.log, &status.vector, &mut self.archived).await?;
            nearly &= raw.is_nearly_all() && status.taking_over.is_none();
            extent = raw.of_which_share(status.taking_over);
        }
        let speed = self.speeds.entry(replay.id.clone()).or_insert_with(|| Speedometer::new(extent.done));
        let progress = speed.progress(extent);
        metrics::gauge!("replay_progress_ratio", "replay" => replay.id.clone())
            .set(progress.done as f64 / progress.total.max(1) as f64);
        replay.progress = Some(progress);
        if nearly {
            replay.state = ReplayState::Comparing;
        }
        self.registry.write(&mut replay).await?;
        Ok(())
    }

    /// Brings both to the same place, compares, and decides. The normalizers are released whatever happens.
    async fn compare(
        &mut self,
        replay: Replay,
        active: &Active,
        registered: &[Generation],
    ) -> Result<(), Error> {
        let target = plan::target(&replay, active);
        let outcome = self.compare_held(replay, active, &target, registered).await;
        self.normalizers.release();
        outcome
    }

    async fn compare_held(
        &mut self,
        mut replay: Replay,
        active: &Active,
        target: &Generations,
        registered: &[Generation],
    ) -> Result<(), Error> {
        let current = active.generations();
        if current == *target {
            // It switched, and was killed before it could say so.
            return self.end(replay, ReplayState::Switched).await;
        }
        let sets = [&current, target];
        let Some(vector) = meet(&self.setup, &self.normalizers, &sets, registered, &self.stop).await? else {
            tracing::warn!(replay = replay.id, "the generations did not meet, trying again");
            return Ok(());
        };
        self.show_all_read(&mut replay, &vector).await?;
        let before = self.definition_of(&current, registered);
        let after = self.definition_of(target, registered);
        let pairs = plan::pairs(&current, target);
        let kinds = self.kinds().await?;
        let erasures = self.registry.erasures().await?;
        let question = Question {
            pairs: &pairs,
            before: &before,
            after: &after,
            kinds: &kinds,
            erasures: &erasures,
            vector,
        };
        let comparison = compare(&*self.setup.store, question).await?;
        report(&replay, &comparison);
        let gate = comparison.gate();
        replay.comparison = Some(comparison);
        if replay.kind == ReplayKind::Verify {
            return self.end(replay, ReplayState::Verified).await;
        }
        let accepted = matches!(&replay.command, Some(Command::Switch { accept: Some(_) }));
        let wanted = replay.switch || replay.command.is_some();
        if wanted && (gate == Gate::Open || accepted) {
            // The comparison is on record before anybody reads the new generation.
            if !self.registry.write(&mut replay).await? {
                return Ok(());
            }
            return self.switch(replay, active, target).await;
        }
        replay.command = None;
        replay.switch = false;
        self.advance(replay, ReplayState::Ready).await
    }

    /// While a replay is watched its progress ends at "nearly all"; where both have met, everything up to there is in.
    async fn show_all_read(&mut self, replay: &mut Replay, vector: &Vector) -> Result<(), Error> {
        let Some(progress) = &mut replay.progress else { return Ok(()) };
        if replay.canonical.is_some() {
            let extent = of_raw(&*self.setup.log, vector, &mut self.archived).await?;
            (progress.done, progress.total) = (extent.done, extent.total);
        } else {
            progress.done = progress.total;
        }
        progress.eta_seconds = None;
        Ok(())
    }

    async fn switch(&mut self, replay: Replay, active: &Active, target: &Generations) -> Result<(), Error> {
        let next = active.moved_to(target.clone());
        if self.setup.store.switch_active(active, &next).await? {
            tracing::info!(replay = replay.id, canonical = target.canonical, "switched to a new generation");
            return self.end(replay, ReplayState::Switched).await;
        }
        // Somebody has moved the switch meanwhile; compare with what is read now.
        Ok(())
    }

    fn definition_of(&self, set: &Generations, registered: &[Generation]) -> Definition {
        let belongs = |held: &&Generation| match &held.projection {
            None => held.number == set.canonical,
            Some(projection) => set.serving.get(projection) == Some(&held.number),
        };
        registered.iter().filter(belongs).flat_map(|held| held.definition.clone()).collect()
    }

    /// The connector kind of each instance, by the last event of its log: sources may have been removed, logs are not.
    pub(crate) async fn kinds(&self) -> Result<BTreeMap<InstanceName, String>, Error> {
        let mut kinds = BTreeMap::new();
        for stream in self.setup.log.streams("RAW_").await? {
            let Some((instance, _)) = parse_raw_stream(&stream.name) else { continue };
            let Some(last) = self.setup.log.last_message(&stream.name).await? else { continue };
            if let Ok(envelope) = Envelope::decode(&last.payload, last.content_type.as_deref()) {
                kinds.insert(instance, envelope.connector);
            }
        }
        Ok(kinds)
    }

    async fn advance(&mut self, mut replay: Replay, state: ReplayState) -> Result<(), Error> {
        replay.state = state;
        self.registry.write(&mut replay).await?;
        Ok(())
    }

    pub(crate) async fn end(&mut self, mut replay: Replay, state: ReplayState) -> Result<(), Error> {
        replay.finished_at = Some((self.setup.now)());
        if state == ReplayState::Switched
            && let Some(progress) = &mut replay.progress
        {
            progress.eta_seconds = None;
        }
        self.speeds.remove(&replay.id);
        self.advance(replay, state).await
    }
}

/// Says what a comparison has shown, in the log and in the metrics.
fn report(replay: &Replay, comparison: &Comparison) {
    let (differing, unexplained) = (comparison.differing(), comparison.unexplained());
    if unexplained > 0 {
        tracing::error!(
            replay = replay.id,
            differing,
            unexplained,
            "generations differ and nothing explains it"
        );
    } else {
        tracing::info!(replay = replay.id, differing, "generations compared");
    }
    if replay.kind == ReplayKind::Verify {
        metrics::gauge!("verification_unexplained_documents").set(unexplained as f64);
        metrics::counter!("verifications_total", "equal" => if unexplained == 0 { "true" } else { "false" })
            .increment(1);
    }
}
