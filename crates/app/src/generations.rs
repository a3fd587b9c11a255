//! Commands of operators on generations: replay, compare, switch, go back, verify.
//!
//! They write wishes into the registry and read it; the controller in the normalizer's process does the work.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use salescommand_domain::generation::{Command, Comparison, Gate, Reason, Replay, ReplayKind, ReplayState};
use salescommand_ingest::{Ids, SystemIds};
use salescommand_store::{Active, Documents, Registry};
use salescommand_store_mongo::MongoStore;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{self, Output};
use crate::config::Config;
use crate::{code, connections, listing};

/// Between two looks at a replay.
const LOOK: Duration = Duration::from_millis(300);
/// A replay that nobody has begun after this time waits for a normalizer.
const UNATTENDED: Duration = Duration::from_secs(15);

/// `salescommand replay …`.
pub async fn replay(config: &Config, replay: cli::Replay, output: Output) -> Result<()> {
    let registry = registry(connections::store(config).await?);
    let kind = match replay.projection {
        Some(projection) => ReplayKind::Projection { projection },
        None => ReplayKind::Raw,
    };
    let id = request(&registry, kind, replay.switch).await?;
    if replay.detach {
        return listing::print(output, &["replay"], &[json!({"replay": id})]);
    }
    let ended = follow(&registry, &id).await?;
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
    let registry = registry(connections::store(config).await?);
    let id = request(&registry, ReplayKind::Verify, false).await?;
    let ended = follow(&registry, &id).await?;
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
    let store = connections::store(config).await?;
    let registry = registry(store.clone());
    match command {
        cli::Generation::List => list(&store, &registry, output).await,
        cli::Generation::Diff { replay } => diff(&compared(&registry, replay).await?, output),
        cli::Generation::Switch { replay, accept_unexplained } => {
            let id = ready(&registry, replay).await?;
            let command = Command::Switch { accept: accept_unexplained };
            registry.command(&id, &command).await?.with_context(|| format!("there is no replay {id:?}"))?;
            let ended = follow(&registry, &id).await?;
            show(output, &ended)?;
            if ended.state == ReplayState::Switched {
                return Ok(());
            }
            bail!("the gate is shut; see `salescommand generation diff {id}`")
        }
        cli::Generation::Cancel { replay } => {
            let found = registry.command(&replay, &Command::Cancel).await?;
            found.with_context(|| format!("there is no replay {replay:?}"))?;
            show(output, &follow(&registry, &replay).await?)
        }
        cli::Generation::Rollback => rollback(&store, output).await,
        cli::Generation::DropPrevious => drop_previous(&store, output).await,
    }
}

fn registry(store: MongoStore) -> Registry {
    Registry::new(Arc::new(store))
}

async fn request(registry: &Registry, kind: ReplayKind, switch: bool) -> Result<String> {
    let id = SystemIds.next().to_string();
    let by = "command line".to_owned();
    let replay = Replay::requested(id.clone(), kind, Reason::Requested, by, switch, code::now());
    registry.request(&replay).await?;
    Ok(id)
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

async fn list(store: &MongoStore, registry: &Registry, output: Output) -> Result<()> {
    let active =
        Documents::active(store).await?.context("nothing has been built yet: start the normalizer")?;
    let rows: Vec<Value> = registry
        .generations()
        .await?
        .into_iter()
        .map(|generation| {
            let is_in = |canonical: u32, serving: &std::collections::BTreeMap<String, u32>| match &generation
                .projection
            {
                None => canonical == generation.number,
                Some(projection) => serving.get(projection) == Some(&generation.number),
            };
            let previous = active.previous.as_ref();
            let role = if is_in(active.canonical, &active.serving) {
                "active"
            } else if generation.retired {
                "retired"
            } else if previous.is_some_and(|held| is_in(held.canonical, &held.serving)) {
                "previous"
            } else {
                "building"
            };
            let definition: Vec<_> =
                generation.definition.iter().map(|(part, version)| format!("{part}={version}")).collect();
            json!({
                "generation": generation.id, "reads": generation.canonical, "role": role,
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

/// The controller drops what the switch does not name any more.
async fn drop_previous(store: &MongoStore, output: Output) -> Result<()> {
    let active =
        Documents::active(store).await?.context("nothing has been built yet: start the normalizer")?;
    let previous = active.previous.as_ref().context("there is no previous generation")?;
    let next = Active { previous: None, ..active.clone() };
    if !store.switch_active(&active, &next).await? {
        bail!("somebody else moved the switch at the same moment; look with `salescommand generation list`");
    }
    listing::print(
        output,
        &["canonical"],
        &[json!({"canonical": previous.canonical, "serving": previous.serving})],
    )
}

async fn rollback(store: &MongoStore, output: Output) -> Result<()> {
    let active =
        Documents::active(store).await?.context("nothing has been built yet: start the normalizer")?;
    let previous = active.previous.clone().context("there was no switch to go back from")?;
    let next: Active = active.moved_to(previous);
    if !store.switch_active(&active, &next).await? {
        bail!("somebody else moved the switch at the same moment; look with `salescommand generation list`");
    }
    listing::print(output, &["canonical"], &[json!({"canonical": next.canonical, "serving": next.serving})])
}
