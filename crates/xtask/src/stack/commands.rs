//! The commands `up`, `down`, `status`, `exec` and `reset`.

use super::services::Plan;
use super::{Stack, stop_all};
use crate::banner;
use crate::cli::{Exec, Output, Reset, Status, Up};
use crate::failure::Failure;
use crate::frontend;
use crate::interrupt;
use crate::preflight;
use crate::progress::{self, Step};
use crate::secrets::Secrets;
use crate::servers::Kind;
use crate::state::{Running, StateFolder};
use crate::workspace::{Binaries, Workspace};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

/// How long a foreground `up` may take to stop all its processes one after the other.
const SUPERVISOR_LIMIT: Duration = Duration::from_secs(60);

/// Starts everything, prints where it is, and stays until Ctrl-C unless detached.
pub fn up(options: &Up) -> Result<()> {
    let workspace = Workspace::find()?;
    let state = StateFolder::at(workspace.state());
    let lock = state.try_lock()?;
    if let Some(running) = state.running()? {
        if running.all_healthy() {
            print!("{}", banner::already_running(&running.ports, &state));
            return Ok(());
        }
        if lock.is_some() && running.any_alive() {
            progress::note("an earlier run left processes behind; they are stopped first");
            stop_all(&running);
        }
    }
    if lock.is_none() {
        bail!("another `cargo xtask up` is starting or stopping; see `cargo xtask status`");
    }
    preflight::check(&workspace, &options.ports)?;
    let plan = prepare(&workspace, state.clone(), options)?;
    let stack = Stack::start(&plan)?;
    // Nobody may be reading any more; that is no reason to stop what runs.
    let mut out = std::io::stdout();
    let _ =
        write!(out, "{}", banner::started(&plan.ports, &state, options.detach)).and_then(|()| out.flush());
    if options.detach { stack.detach() } else { stack.supervise() }
}

/// Gets servers, front end and programs ready.
fn prepare(workspace: &Workspace, state: StateFolder, options: &Up) -> Result<Plan> {
    let nats = Kind::Nats.resolve()?;
    let mongo = Kind::Mongo.resolve()?;
    interrupt::check()?;
    frontend::build(workspace, &fresh(&state, "frontend"))?;
    let binaries = Binaries::build(workspace, &state.log("build"))?;
    let secrets = Secrets::load_or_create(&state.path("secrets.json"))?;
    Ok(Plan {
        root: workspace.root.clone(),
        state,
        ports: options.ports.clone(),
        secrets,
        nats,
        mongo,
        binaries,
        settings: Vec::new(),
    })
}

fn fresh(state: &StateFolder, name: &str) -> std::path::PathBuf {
    let log = state.log(name);
    let _ = std::fs::remove_file(&log);
    log
}

/// Runs a command of the binary with the addresses and keys of the running stack. They go into the environment, as
/// they do for the processes of the stack. Ends with the command's own exit code.
pub fn exec(options: &Exec) -> Result<()> {
    let workspace = Workspace::find()?;
    let state = StateFolder::at(workspace.state());
    let Some(running) = state.running()? else {
        bail!("nothing is running; start it with `cargo xtask up`");
    };
    let plan = Plan {
        root: workspace.root.clone(),
        ports: running.ports,
        secrets: Secrets::load_or_create(&state.path("secrets.json"))?,
        nats: Kind::Nats.resolve()?,
        mongo: Kind::Mongo.resolve()?,
        binaries: Binaries::at(&workspace),
        settings: Vec::new(),
        state,
    };
    let status = plan.cli(&options.arguments).status().context("the command could not be started")?;
    std::process::exit(status.code().unwrap_or(1));
}

/// Stops what `up` started; nothing running is a success.
pub fn down() -> Result<()> {
    let state = StateFolder::at(Workspace::find()?.state());
    let Some(running) = state.running()? else {
        println!("SalesCommand is not running.");
        return Ok(());
    };
    stop(&state, &running)?;
    println!("SalesCommand is stopped. Its data is kept; `cargo xtask reset` deletes it.");
    Ok(())
}

fn stop(state: &StateFolder, running: &Running) -> Result<()> {
    if let Some(supervisor) = running.supervisor.as_ref().filter(|supervisor| supervisor.is_alive()) {
        let step = Step::start("Stopping the foreground `cargo xtask up`");
        supervisor.stop(SUPERVISOR_LIMIT);
        step.done("ended");
    }
    stop_all(running);
    if running.any_alive() {
        bail!("some processes could not be stopped; see `cargo xtask status`");
    }
    state.forget();
    Ok(())
}

/// Shows the processes. Fails with exit code 3 unless all of them serve.
pub fn status(options: &Status) -> Result<()> {
    let state = StateFolder::at(Workspace::find()?.state());
    let running = state.running()?;
    let rows = running.as_ref().map(rows).unwrap_or_default();
    match options.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&rows)?),
        Output::Table => print!("{}", table(&rows)),
    }
    if rows.is_empty() {
        bail!(Failure::Unreachable("SalesCommand is not running; start it with `cargo xtask up`".into()));
    }
    match rows.iter().filter(|row| row.health != "ok").count() {
        0 => Ok(()),
        ill => bail!(Failure::Unreachable(format!("{ill} of {} processes do not serve", rows.len()))),
    }
}

#[derive(serde::Serialize)]
struct Row {
    name: String,
    pid: u32,
    port: u16,
    /// "ok", or what is wrong.
    health: String,
    log: String,
}

fn rows(running: &Running) -> Vec<Row> {
    let row = |process: &crate::state::Process| Row {
        name: process.name.clone(),
        pid: process.identity.pid,
        port: process.port,
        health: match (process.identity.is_alive(), process.health.ask()) {
            (false, _) => "ended".into(),
            (true, Ok(())) => "ok".into(),
            (true, Err(answer)) => answer,
        },
        log: process.log.display().to_string(),
    };
    running.processes.iter().map(row).collect()
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    if !rows.is_empty() {
        text.push_str(&format!("{:<16} {:>8} {:>6}  {:<8} LOG\n", "PROCESS", "PID", "PORT", "HEALTH"));
    }
    for row in rows {
        text.push_str(&format!(
            "{:<16} {:>8} {:>6}  {:<8} {}\n",
            row.name, row.pid, row.port, row.health, row.log
        ));
    }
    text
}

/// Stops everything and deletes data, logs and secrets.
pub fn reset(options: &Reset) -> Result<()> {
    let state = StateFolder::at(Workspace::find()?.state());
    if !state.root().exists() {
        println!("There is nothing to delete.");
        return Ok(());
    }
    if !options.yes && !confirmed(&format!("Delete all demo data in {}?", state.root().display()))? {
        println!("Nothing was deleted.");
        return Ok(());
    }
    if let Some(running) = state.running()? {
        stop(&state, &running)?;
    }
    let _lock = state.try_lock()?.context("another `cargo xtask up` is starting; try again")?;
    std::fs::remove_dir_all(state.root())
        .with_context(|| format!("cannot delete {}", state.root().display()))?;
    println!("Deleted {}.", state.root().display());
    Ok(())
}

fn confirmed(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!(Failure::Usage(
            "nobody can be asked here: add --yes to delete the data without a question".into()
        ));
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up() {
        let row = Row { name: "nats".into(), pid: 12, port: 4222, health: "ok".into(), log: "/l".into() };
        let text = table(&[row]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].find("HEALTH"), lines[1].find("ok"));
        assert_eq!(table(&[]), "");
    }
}
