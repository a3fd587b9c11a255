//! Commands of operators on generations: replay, compare, switch, go back, verify.
//!
//! They leave wishes with the [`Operator`] and read the registry; the controller in the normalizer's process does the
//! work.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use indicatif::{ProgressBar, ProgressStyle};
use salescommand_domain::audit::{Action, Details, Draft, Target, TargetKind};
use salescommand_domain::generation::{Comparison, Gate, Replay, ReplayKind, ReplayState};
use salescommand_generations::{Operator, Refusal, Wanted};
use salescommand_ingest::{Ids, SystemIds};
use salescommand_query::generations::{GenerationCommands, GenerationError, ReplayOrder};
use salescommand_store::{Active, Generations, Registry};
use salescommand_store_mongo::MongoStore;
use serde::Serialize;
use serde_json::{Value, json};

use crate::audit_log::Shell;
use crate::cli::{self, Output};
use crate::config::Config;
use crate::{code, connections, listing};

/// Between two looks at a replay.
const LOOK: Duration = Duration::from_millis(300);
/// A replay that nobody has begun after this time waits for a normalizer.
const UNATTENDED: Duration = Duration::from_secs(15);

/// Hands what is asked for over HTTP to the operator that commands use too.
pub struct OperatorCommands(pub Operator);

#[async_trait]
impl GenerationCommands for OperatorCommands {
    async fn request(&self, order: ReplayOrder) -> Result<Replay, GenerationError> {
        let ReplayOrder { id, kind, switch, by, at } = order;
        self.0.request(Wanted { id, kind, switch, by, at }).await.map_err(refusal)
    }

    async fn cancel(&self, id: &str, by: &str) -> Result<Replay, GenerationError> {
        self.0.cancel(id, by).await.map_err(refusal)
    }

    async fn switch(&self, id: &str, accept: Option<String>, by: &str) -> Result<Replay, GenerationError> {
        self.0.switch(id, accept, by).await.map_err(refusal)
    }

    async fn roll_back(&self, from: &Generations) -> Result<Active, GenerationError> {
        self.0.roll_back(from).await.map_err(refusal)
    }

    async fn drop_previous(&self, previous: &Generations) -> Result<Active, GenerationError> {
        self.0.drop_previous(previous).await.map_err(refusal)
    }
}

fn refusal(refusal: Refusal) -> GenerationError {
    match refusal {
        Refusal::Store(error) => GenerationError::Store(error),
        Refusal::UnknownProjection { name, known } => GenerationError::UnknownProjection { name, known },
        Refusal::UnknownSource { name, known } => {
            GenerationError::UnknownSource { name: name.to_string(), known }
        }
        Refusal::Erasing => GenerationError::Erasing,
        Refusal::UnknownReplay(_) => GenerationError::UnknownReplay,
        Refusal::Over { state, .. } => GenerationError::Over(state),
        Refusal::NotReady { state, .. } => GenerationError::NotReady(state),
        Refusal::NothingBuilt => GenerationError::NothingBuilt,
        Refusal::NoPrevious => GenerationError::NoPrevious,
        Refusal::Moved => GenerationError::Moved,
    }
}

/// Who asks on the command line.
const OPERATOR: &str = "command line";

/// `salescommand replay …`.
pub async fn replay(config: &Config, replay: cli::Replay, output: Output) -> Result<()> {
    let desk = Desk::open(connections::store(config).await?);
    let kind = match (replay.source, replay.projection) {
        (Some(source), _) => ReplayKind::Source { source },
        (None, Some(projection)) => ReplayKind::Projection { projection },
        (None, None) => ReplayKind::Raw,
    };
    let id = desk.request(kind, replay.switch).await?;
    if replay.detach {
        return listing::print(output, &["replay"], &[json!({"replay": id})]);
    }
    let ended = follow(&desk.registry, &id).await?;
    show(output, &ended)?;
    match ended.state {
        ReplayState::Failed | ReplayState::Cancelled => bail!(outcome(&ended)),
        ReplayState::Ready if replay.switch => {
            bail!("the gate is shut; see `salescommand generation diff {id}`")
        }
        _ => Ok(()),
    }
}

/// `salescommand verify`.
pub async fn verify(config: &Config, output: Output) -> Result<()> {
    let desk = Desk::open(connections::store(config).await?);
    let id = desk.request(ReplayKind::Verify, false).await?;
    let ended = follow(&desk.registry, &id).await?;
    show(output, &ended)?;
    match (&ended.state, &ended.comparison) {
        (ReplayState::Verified, Some(comparison)) if comparison.differing() == 0 => Ok(()),
        (ReplayState::Verified, _) => {
            bail!("what is read is not what raw says; see `salescommand generation diff {id}`")
        }
        _ => bail!(outcome(&ended)),
    }
}

/// `salescommand generation …`.
pub async fn generation(config: &Config, command: cli::Generation, output: Output) -> Result<()> {
    let Desk { operator, registry, shell } = Desk::open(connections::store(config).await?);
    match command {
        cli::Generation::List => list(&operator, &registry, output).await,
        cli::Generation::Diff { replay } => diff(&compared(&registry, replay).await?, output),
        cli::Generation::Switch { replay, accept_unexplained } => {
            let id = ready(&registry, replay).await?;
            let details = Details::default().with("accept_unexplained", accept_unexplained.is_some());
            let entry = replay_entry(Action::ReplaySwitched, &id).detailed(details);
            let switch = async { Ok(operator.switch(&id, accept_unexplained, OPERATOR).await?) };
            shell.audited(entry, switch).await?;
            let ended = follow(&registry, &id).await?;
            show(output, &ended)?;
            if ended.state == ReplayState::Switched {
                return Ok(());
            }
            bail!("the gate is shut; see `salescommand generation diff {id}`")
        }
        cli::Generation::Cancel { replay } => {
            let cancel = async { Ok(operator.cancel(&replay, OPERATOR).await?) };
            shell.audited(replay_entry(Action::ReplayCancelled, &replay), cancel).await?;
            show(output, &follow(&registry, &replay).await?)
        }
        cli::Generation::Rollback => {
            let seen = operator.active().await?.generations();
            let target = Target::new(TargetKind::Generation, seen.canonical.to_string());
            let back = async { Ok(operator.roll_back(&seen).await?) };
            let now = shell.audited(Shell::entry(Action::ReplayRolledBack).on(target), back).await?;
            shown_set(output, &now.generations())
        }
        cli::Generation::DropPrevious => {
            let previous = operator.active().await?.previous.ok_or(Refusal::NoPrevious)?;
            let target = Target::new(TargetKind::Generation, previous.canonical.to_string());
            let entry = Shell::entry(Action::ReplayPreviousDropped).on(target);
            let drop = async { Ok(operator.drop_previous(&previous).await?) };
            shell.audited(entry, drop).await?;
            shown_set(output, &previous)
        }
    }
}

fn replay_entry(action: Action, id: &str) -> Draft {
    Shell::entry(action).on(Target::new(TargetKind::Replay, id))
}

/// What commands work with.
struct Desk {
    operator: Operator,
    registry: Registry,
    shell: Shell,
}

impl Desk {
    fn open(store: MongoStore) -> Self {
        let (shell, store) = (Shell::new(&store), Arc::new(store));
        Self { operator: Operator::new(store.clone(), store.clone()), registry: Registry::new(store), shell }
    }

    async fn request(&self, kind: ReplayKind, switch: bool) -> Result<String> {
        let id = SystemIds.next().to_string();
        let word = match &kind {
            ReplayKind::Raw => "raw",
            ReplayKind::Source { .. } => "source",
            ReplayKind::Projection { .. } => "projection",
            ReplayKind::Verify => "verify",
        };
        let entry = replay_entry(Action::ReplayStarted, &id);
        let entry = entry.detailed(Details::default().kind(word).with("switch", switch));
        let wanted = Wanted { id, kind, switch, by: OPERATOR.to_owned(), at: code::now() };
        let ask = async { Ok(self.operator.request(wanted).await?.id) };
        self.shell.audited(entry, ask).await
    }
}

fn shown_set(output: Output, set: &Generations) -> Result<()> {
    listing::print(output, &["canonical"], &[json!({"canonical": set.canonical, "serving": set.serving})])
}

/// Shows progress until a replay is over, or waits for a command.
pub async fn follow(registry: &Registry, id: &str) -> Result<Replay> {
    let bar = ProgressBar::no_length();
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}")?);
    let began = std::time::Instant::now();
    loop {
        let replay = registry.replay(id).await?.with_context(|| format!("there is no replay {id:?}"))?;
        if replay.state.is_final() || (replay.state == ReplayState::Ready && replay.command.is_none()) {
            bar.finish_and_clear();
            return Ok(replay);
        }
        if replay.state == ReplayState::Requested && began.elapsed() > UNATTENDED {
            bar.set_message("waiting: another replay is under way, or no normalizer runs");
        } else if let Some(progress) = &replay.progress {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            let eta = progress.eta_seconds.map_or_else(String::new, |seconds| format!(", {seconds} s left"));
            bar.set_message(format!(
                "{} {:.0} events/s{eta}",
                word(&replay.state),
                progress.events_per_second
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn word<T: Serialize>(value: &T) -> String {
    let text = serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned));
    text.unwrap_or_default()
}

/// How a replay ended, for people.
pub fn outcome(replay: &Replay) -> String {
    let error = replay.error.as_deref().unwrap_or("no reason was recorded");
    format!("the replay is {}: {error}", word(&replay.state))
}

fn show(output: Output, replay: &Replay) -> Result<()> {
    let comparison = replay.comparison.as_ref();
    let row = json!({
        "replay": replay.id,
        "state": replay.state,
        "canonical": replay.canonical,
        "events": replay.progress.as_ref().map(|progress| progress.done),
        "gate": comparison.map(Comparison::gate),
        "differing": comparison.map(Comparison::differing),
        "unexplained": comparison.map(Comparison::unexplained),
        "error": replay.error,
    });
    let columns = ["replay", "state", "canonical", "events", "gate", "differing", "unexplained", "error"];
    listing::print(output, &columns, &[row])
}

async fn list(operator: &Operator, registry: &Registry, output: Output) -> Result<()> {
    let active = operator.active().await?;
    let rows: Vec<Value> = registry
        .generations()
        .await?
        .into_iter()
        .map(|generation| {
            let definition: Vec<_> =
                generation.definition.iter().map(|(part, version)| format!("{part}={version}")).collect();
            json!({
                "generation": generation.id, "reads": generation.canonical, "role": active.role_of(&generation),
                "definition": definition.join(" "), "replay": generation.replay,
            })
        })
        .collect();
    listing::print(output, &["generation", "reads", "role", "definition", "replay"], &rows)
}

async fn compared(registry: &Registry, id: Option<String>) -> Result<Replay> {
    let mut replays = registry.replays().await?.into_iter().filter(|replay| replay.comparison.is_some());
    match id {
        Some(id) => replays
            .find(|replay| replay.id == id)
            .with_context(|| format!("there is no replay {id:?} that was compared")),
        None => replays.next().context("no replay has been compared yet: see `salescommand replay --help`"),
    }
}

async fn ready(registry: &Registry, id: Option<String>) -> Result<String> {
    if let Some(id) = id {
        return Ok(id);
    }
    let mut ready = registry.open_replays().await?;
    ready.retain(|replay| replay.state == ReplayState::Ready);
    match ready.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => bail!("no replay is ready; start one with `salescommand replay`"),
        several => {
            let ids: Vec<_> = several.iter().map(|replay| replay.id.as_str()).collect();
            bail!("several replays are ready, name one: {}", ids.join(", "))
        }
    }
}

fn diff(replay: &Replay, output: Output) -> Result<()> {
    let Some(comparison) = &replay.comparison else { bail!("the replay {} was not compared", replay.id) };
    if output == Output::Json {
        return listing::print(output, &[], std::slice::from_ref(comparison));
    }
    let columns = ["collection", "before", "after", "changed", "only_before", "only_after", "unexplained"];
    listing::print(output, &columns, &comparison.collections)?;
    if output == Output::Table {
        let gate = if comparison.gate() == Gate::Open { "open" } else { "shut" };
        let changed: Vec<_> = comparison.changed_definition.iter().map(String::as_str).collect();
        let changed = if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") };
        listing::print_raw(&format!(
            "\n{} collections compared; changed in the definition: {changed}; the gate is {gate}\n",
            comparison.compared
        ));
        for total in &comparison.money {
            listing::print_raw(&format!("{}  {} → {}\n", total.currency, total.before, total.after));
        }
        for sample in comparison.collections.iter().flat_map(|found| &found.samples) {
            let why = if sample.explained_by.is_empty() {
                "unexplained".to_owned()
            } else {
                sample.explained_by.join(", ")
            };
            listing::print_raw(&format!("{}  {}  {why}\n", sample.id, sample.fields.join(" ")));
        }
    }
    Ok(())
}
