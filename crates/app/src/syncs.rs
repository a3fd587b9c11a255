//! `salescommand sync …`, and what `salescommand source …` says of cursors.

use anyhow::{Context, Result, bail};
use salescommand_domain::Timestamp;
use salescommand_domain::audit::{Action, Details, Target, TargetKind};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_domain::schedule::{Selection, TimeRange};
use salescommand_eventlog_nats::NatsLog;
use salescommand_ingest::{
    Cancelled, Demands, Ports, Run, SyncRequest, Trigger, all_runs, cancel_run, cursors, find_run, history,
    request_sync, reset_cursors,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit_log::Shell;
use crate::cli::{self, Output};
use crate::config::Config;
use crate::{connections, follow, listing};

/// Columns of a run.
const COLUMNS: &[&str] = &[
    "source",
    "state",
    "read",
    "published",
    "unchanged",
    "rejected",
    "deleted",
    "started_at",
    "finished_at",
    "seconds",
    "calls",
    "bytes",
    "rate_limits",
    "run_id",
];
/// Runs that `sync history` shows.
const HISTORY_LENGTH: usize = 50;

/// `salescommand sync …`.
pub async fn sync(config: &Config, command: cli::Sync, output: Output) -> Result<()> {
    let log = connections::log_for_command(config).await?;
    let ports = Ports::system(&log);
    match command {
        cli::Sync::Run { name, objects, full, accept_deletions, accept_schema, from, to, follow } => {
            let backfill = from.zip(to).map(|(from, to)| TimeRange::new(from, to)).transpose()?;
            let objects: Vec<_> = objects.into_iter().map(ObjectName::new).collect::<Result<_, _>>()?;
            let request = SyncRequest {
                run_id: ports.ids.next(),
                instance: InstanceName::new(name)?,
                selection: Selection::of(objects),
                demands: Demands { full, accept_deletions, accept_schema, backfill },
                trigger: Trigger::Cli,
            };
            let run_id = asked_for(config, &ports, &log, request).await?;
            run(&ports, run_id, follow, output).await
        }
        cli::Sync::Cancel { run } => {
            let target = Target::new(TargetKind::Run, run.to_string());
            let entry = Shell::entry(Action::SyncCancelled).on(target);
            Shell::open(config).await?.audited(entry, cancel(&ports, run, output)).await
        }
        cli::Sync::Log { run } => show_log(&ports, run, output).await,
        cli::Sync::Status => {
            let runs = all_runs(&*ports.kv).await?.into_iter().map(|record| row(&record.run));
            listing::print(output, COLUMNS, &runs.collect::<Result<Vec<_>>>()?)
        }
        cli::Sync::History { name } => {
            let name = name.map(InstanceName::new).transpose()?;
            let runs = history(&*ports.log, name.as_ref(), HISTORY_LENGTH).await?;
            let runs = runs.into_iter().map(|record| row(&record.run));
            listing::print(output, COLUMNS, &runs.collect::<Result<Vec<_>>>()?)
        }
    }
}

/// Asks for a run, and writes that down.
async fn asked_for(config: &Config, ports: &Ports, log: &NatsLog, request: SyncRequest) -> Result<Uuid> {
    let demands = &request.demands;
    let details = Details::default()
        .reference(&request.run_id.to_string())
        .with("full", demands.full)
        .with("accept_deletions", demands.accept_deletions)
        .with("accept_schema", demands.accept_schema)
        .with("backfill", demands.backfill.is_some());
    let entry = Shell::entry(Action::SyncTriggered).on(Target::source(request.instance.as_str()));
    let ask = async { Ok(request_sync(ports, log, request).await?) };
    Shell::open(config).await?.audited(entry.detailed(details), ask).await
}

async fn run(ports: &Ports, run_id: Uuid, follow: bool, output: Output) -> Result<()> {
    if !follow {
        return listing::print(output, &["run_id"], &[json!({"run_id": run_id})]);
    }
    let run = follow::follow(ports, run_id, output).await?;
    if !matches!(output, Output::Json | Output::Jsonl) {
        listing::print(output, COLUMNS, &[row(&run)?])?;
    }
    match run.error {
        Some(error) => bail!("{} {}", error.message, error.fix),
        None => Ok(()),
    }
}

async fn cancel(ports: &Ports, run: Uuid, output: Output) -> Result<()> {
    let outcome = match cancel_run(ports, run).await? {
        Cancelled::Ended => "cancelled",
        Cancelled::Asked => "ends when the page under way is read",
        Cancelled::Nothing => {
            bail!("there is no run {run} that is queued or under way; see `sync status`")
        }
    };
    listing::print(output, &["run_id", "outcome"], &[json!({"run_id": run, "outcome": outcome})])
}

async fn show_log(ports: &Ports, run: Uuid, output: Output) -> Result<()> {
    let found = find_run(&*ports.log, &*ports.kv, run).await?;
    let found = found.with_context(|| format!("there is no run {run}; see `sync history`"))?;
    if found.log.dropped > 0 {
        eprintln!("{} lines before these are no longer there", found.log.dropped);
    }
    let lines: Vec<_> = found.log.lines.into_iter().collect();
    listing::print(output, &["at", "level", "object", "times", "text"], &lines)
}

/// `salescommand source cursors`.
pub async fn show_cursors(config: &Config, name: String, output: Output) -> Result<()> {
    let log = connections::log_for_command(config).await?;
    let found = cursors(&log, &InstanceName::new(name)?).await?;
    if matches!(output, Output::Json | Output::Jsonl) {
        return listing::print(output, &[], &found);
    }
    let rows: Vec<_> = found
        .into_iter()
        .map(|cursor| {
            let state = match (cursor.reset_at, cursor.complete) {
                (Some(_), _) => "reset",
                (None, true) => "complete",
                (None, false) => "in the middle",
            };
            let position = format!("{}/{}", cursor.position.epoch, cursor.position.sequence);
            json!({
                "object": cursor.object, "state": state, "read": cursor.read, "read_through": cursor.read_through,
                "changes_from": cursor.changes_from, "full_due": cursor.full_due, "position": position,
            })
        })
        .collect();
    let columns = ["object", "state", "read", "read_through", "changes_from", "full_due", "position"];
    listing::print(output, &columns, &rows)
}

/// `salescommand source reset`.
pub async fn reset(config: &Config, name: String, objects: Vec<String>, output: Output) -> Result<()> {
    let log = connections::log_for_command(config).await?;
    let (ports, instance) = (Ports::system(&log), InstanceName::new(name)?);
    let objects: Vec<_> = objects.into_iter().map(ObjectName::new).collect::<Result<_, _>>()?;
    let known = cursors(&*ports.kv, &instance).await?;
    if let Some(unknown) = objects.iter().find(|object| known.iter().all(|cursor| cursor.object != **object))
    {
        bail!("no object {unknown} of this source has been read; see `source cursors {instance}`");
    }
    let reset = reset_cursors(&ports, &instance, &objects).await?;
    let rows: Vec<_> =
        reset.into_iter().map(|object| json!({"object": object, "next_run": "everything"})).collect();
    listing::print(output, &["object", "next_run"], &rows)
}

/// A run in a line, with how long it took.
fn row(run: &Run) -> Result<Value> {
    let mut row = serde_json::to_value(run)?;
    let seconds = |(from, to): (Timestamp, Timestamp)| to.duration_since(from).as_secs();
    row["seconds"] = json!(run.started_at.zip(run.finished_at).map(seconds));
    Ok(row)
}
