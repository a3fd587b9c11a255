//! The controller: looks at the registry again and again, and takes the next step of what is due.
//!
//! Every step is safe to take twice, so a controller that was killed takes up where the records say. What a person does
//! meanwhile (a command, a rollback) is seen at the next look.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use salescommand_domain::generation::{Definition, Generation, Reason, Replay, ReplayKind, ReplayState};
use salescommand_domain::raw::Digest;
use salescommand_normalizer::{Mappers, canonical_stream};
use salescommand_projector::projections;
use salescommand_store::{Active, Registry};
use tokio_util::sync::CancellationToken;

use crate::normalizers::{Normalizers, definition};
use crate::replay::{Archived, Speedometer};
use crate::{Error, Setup, plan, sources};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(300);
/// The log in which mappings are published.
const CONFIGURATION: &str = "RAW_CONFIG_E";
/// A generation that nobody needs is dropped this long after it was seen: its last readers and writers are gone by then.
const GRACE: Duration = Duration::from_secs(5);
/// The first and the longest pause while a dependency is down.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Runs the canonical generations and every replay until `stop`, or until the active generation cannot go on, and tells
/// readers outside what the active generation says. A broker or database that is down is waited for.
pub async fn run(setup: Setup, stop: CancellationToken) -> Result<(), Error> {
    let relaying = stop.child_token();
    let relay = crate::relay::run(setup.clone(), relaying.clone());
    let control = async {
        let outcome = control(setup, stop).await;
        relaying.cancel();
        outcome
    };
    let (outcome, ()) = tokio::join!(control, relay);
    outcome
}

async fn control(setup: Setup, stop: CancellationToken) -> Result<(), Error> {
    let mut controller = Controller::new(setup, stop.child_token());
    let mut pause = PAUSES.0;
    let outcome = loop {
        let wait = match controller.look().await {
            Ok(()) => {
                pause = PAUSES.0;
                LOOK
            }
            Err(error) if error.is_transient() => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%error, cause, "waiting for a dependency");
                pause = (pause * 2).min(PAUSES.1);
                pause
            }
            Err(error) => break Err(error),
        };
        tokio::select! {
            () = stop.cancelled() => break Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    };
    controller.normalizers.stop_all().await;
    outcome
}

pub(crate) struct Controller {
    pub(crate) setup: Setup,
    pub(crate) registry: Registry,
    pub(crate) normalizers: Normalizers,
    pub(crate) stop: CancellationToken,
    /// What this program would build now, and the extent of the configuration log that it rests on.
    newest: Option<(u64, Mappers)>,
    pub(crate) speeds: BTreeMap<String, Speedometer>,
    pub(crate) archived: Archived,
    doomed: BTreeMap<String, Instant>,
}

impl Controller {
    fn new(setup: Setup, stop: CancellationToken) -> Self {
        let registry = Registry::new(setup.ops.clone());
        let normalizers = Normalizers::new(setup.clone(), stop.clone());
        Self {
            setup,
            registry,
            normalizers,
            stop,
            newest: None,
            speeds: BTreeMap::new(),
            archived: Archived::new(),
            doomed: BTreeMap::new(),
        }
    }

    /// One look at everything.
    async fn look(&mut self) -> Result<(), Error> {
        if self.newest.is_none() {
            self.setup.ops.ensure_ops().await?;
        }
        let active = self.setup.store.ensure_active(&salescommand_projector::initial_active()).await?;
        let mappers = self.newest().await?;
        let registered = self.register(&active, &mappers).await?;
        let open = self.registry.open_replays().await?;
        self.keep_running(&active, &open, &registered).await?;
        self.see_to_ended(&active, &open).await?;
        self.ask_for_what_is_due(&active, &registered, &open, &mappers).await?;
        let busy = open
            .iter()
            .find(|replay| replay.state != ReplayState::Requested && replay.state != ReplayState::Ready);
        for replay in &open {
            let waits = replay.state == ReplayState::Requested && busy.is_some();
            if !waits {
                self.step(replay.clone(), &active, &registered).await?;
            }
            if replay.state == ReplayState::Requested {
                break;
            }
        }
        self.see_to_erasures(&active, &registered, &open).await?;
        self.drop_what_nobody_needs(&registered).await
    }

    pub(crate) async fn newest(&mut self) -> Result<Mappers, Error> {
        let configuration = self.setup.log.streams(CONFIGURATION).await?;
        let extent = configuration.iter().map(|stream| stream.last_sequence).sum();
        if let Some((held, mappers)) = &self.newest
            && *held == extent
        {
            return Ok(mappers.clone());
        }
        let mappers = self.setup.code.newest().await?;
        self.newest = Some((extent, mappers.clone()));
        Ok(mappers)
    }

    /// The generations that exist; those of a new installation are registered with what the program is then.
    async fn register(&self, active: &Active, mappers: &Mappers) -> Result<Vec<Generation>, Error> {
        let mut registered = self.registry.generations().await?;
        let mut wanted = vec![Generation::canonical(active.canonical, definition(mappers), None)];
        for projection in projections() {
            let Some(number) = active.serving.get(projection.name()) else { continue };
            let definition = plan::serving_definition(&*projection);
            wanted.push(Generation::serving(projection.name(), *number, active.canonical, definition, None));
        }
        wanted.retain(|wanted| registered.iter().all(|held| held.id != wanted.id));
        if !wanted.is_empty() {
            for generation in &wanted {
                self.registry.add_generation(generation).await?;
            }
            // Another process may have registered them first, with what it is.
            registered = self.registry.generations().await?;
        }
        Ok(registered)
    }

    /// Runs the active generation, those being built, and the previous one as long as this program is what it was built
    /// with: so that the way back leads to fresh figures.
    async fn keep_running(
        &mut self,
        active: &Active,
        open: &[Replay],
        registered: &[Generation],
    ) -> Result<(), Error> {
        let mut wanted: BTreeMap<u32, bool> = BTreeMap::from([(active.canonical, false)]);
        let built = open.iter().filter(|replay| replay.state != ReplayState::Requested);
        for generation in built.filter_map(|replay| replay.canonical) {
            wanted.entry(generation).or_insert(true);
        }
        let previous = active.previous.as_ref().map(|previous| previous.canonical);
        for generation in registered.iter().filter(|held| held.projection.is_none() && !held.retired) {
            let building = wanted.get(&generation.number).copied();
            let is_previous = building.is_none() && previous == Some(generation.number);
            let role = building.unwrap_or(false);
            if building.is_none() && !is_previous {
                continue;
            }
            if !self.normalizers.runs(generation.number, role) {
                let mappers = self.setup.code.of(&generation.definition).await?;
                if is_previous && definition(&mappers) != generation.definition {
                    continue;
                }
                let replay = open.iter().find(|replay| replay.canonical == Some(generation.number));
                let take_over = replay.and_then(sources::take_over);
                self.normalizers.start(generation.number, mappers, role, take_over).await;
            }
            wanted.insert(generation.number, role);
        }
        for generation in self.normalizers.generations() {
            if !wanted.contains_key(&generation) {
                self.normalizers.stop(generation).await;
            }
        }
        Ok(())
    }

    /// The active generation's end is the controller's; a built one's is that of its replay.
    async fn see_to_ended(&mut self, active: &Active, open: &[Replay]) -> Result<(), Error> {
        for (generation, error) in self.normalizers.ended().await {
            if generation == active.canonical {
                return Err(error);
            }
            let text = chain(&error);
            tracing::error!(generation, error = text, "a generation cannot be built on");
            if let Some(replay) = open.iter().find(|replay| replay.canonical == Some(generation)) {
                let mut replay = replay.clone();
                replay.error = Some(text);
                self.end(replay, ReplayState::Failed).await?;
            }
        }
        Ok(())
    }

    /// A definition that is not what the active generation was built with makes a replay by itself, once.
    async fn ask_for_what_is_due(
        &self,
        active: &Active,
        registered: &[Generation],
        open: &[Replay],
        mappers: &Mappers,
    ) -> Result<(), Error> {
        let definition = definition(mappers);
        let canonical = format!("canonical/{}", active.canonical);
        let held = registered.iter().find(|held| held.id == canonical).map(|held| &held.definition);
        if held.is_some_and(|held| *held != definition) {
            return self.ask(ReplayKind::Raw, Reason::NewDefinition, &digest(&definition)?).await;
        }
        for projection in projections() {
            let wanted = plan::serving_definition(&*projection);
            let number = active.serving.get(projection.name());
            let held = registered.iter().find(|held| {
                held.projection.as_deref() == Some(projection.name()) && Some(&held.number) == number
            });
            if held.map(|held| &held.definition) != Some(&wanted) {
                let kind = ReplayKind::Projection { projection: projection.name().to_owned() };
                let id = format!("{}-v{}-g{}", projection.name(), projection.version(), active.canonical);
                self.ask(kind, Reason::NewDefinition, &id).await?;
            }
        }
        self.ask_for_verification(open).await
    }

    async fn ask_for_verification(&self, open: &[Replay]) -> Result<(), Error> {
        let Some(every) = self.setup.verify_every else { return Ok(()) };
        if open.iter().any(|replay| plan::reads_raw(&replay.kind)) {
            return Ok(());
        }
        let replays = self.registry.replays().await?;
        let last = replays.iter().find(|replay| replay.state == ReplayState::Verified);
        let now = (self.setup.now)();
        let due =
            last.and_then(|last| last.requested_at.saturating_add(every).ok()).is_none_or(|due| due <= now);
        if due {
            let id = format!("verify-{}", now.as_millisecond());
            self.ask(ReplayKind::Verify, Reason::Schedule, &id).await?;
        }
        Ok(())
    }

    async fn ask(&self, kind: ReplayKind, reason: Reason, id: &str) -> Result<(), Error> {
        let switch = reason == Reason::NewDefinition;
        let id = format!("auto-{id}");
        let replay = Replay::requested(id.clone(), kind, reason, String::new(), switch, (self.setup.now)());
        if self.registry.request(&replay).await? {
            tracing::info!(replay = id, "a replay is due");
        }
        Ok(())
    }

    /// Retires generations that are neither read nor built, and drops them after a while.
    async fn drop_what_nobody_needs(&mut self, registered: &[Generation]) -> Result<(), Error> {
        // In this order: a replay that is over has moved the switch before, so its generations are in the one or the other.
        let open = self.registry.open_replays().await?;
        let active = &self.setup.store.ensure_active(&salescommand_projector::initial_active()).await?;
        let mut seen = BTreeSet::new();
        for generation in registered.iter().filter(|held| !plan::is_kept(held, active, &open)) {
            seen.insert(generation.id.clone());
            let since = *self.doomed.entry(generation.id.clone()).or_insert_with(Instant::now);
            if !generation.retired {
                self.registry.retire(generation).await?;
            } else if since.elapsed() >= GRACE {
                self.discard(generation).await?;
            }
        }
        self.doomed.retain(|id, _| seen.contains(id));
        Ok(())
    }

    async fn discard(&mut self, generation: &Generation) -> Result<(), Error> {
        if generation.projection.is_none() {
            self.normalizers.stop(generation.number).await;
        }
        let (collections, consumers) = plan::belongings(generation);
        for collection in &collections {
            let _turn = self.setup.pace.turn().await;
            self.setup.store.drop_generation(std::slice::from_ref(collection), &[]).await?;
        }
        self.setup.store.drop_generation(&[], &consumers).await?;
        if generation.projection.is_none() {
            self.setup.administration.delete_stream(&canonical_stream(generation.number)).await?;
        }
        self.registry.remove_generation(&generation.id).await?;
        tracing::info!(generation = generation.id, "dropped a generation");
        Ok(())
    }
}

/// A short name for a definition.
fn digest(definition: &Definition) -> Result<String, Error> {
    let text = serde_json::to_vec(definition).map_err(|error| Error::State(error.to_string()))?;
    Ok(Digest::of(&text).to_string())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
