//! A running stack: started in order, watched, stopped in reverse order.
//!
//! Invariants: whatever was started is recorded before the next thing starts, so a killed `up` leaves nothing that `down` cannot
//! find; and a stack that is dropped without [`Stack::detach`] is stopped.

pub mod commands;
mod first_sync;
pub mod services;
#[cfg(test)]
mod tests;

use crate::command;
use crate::interrupt;
use crate::process::Identity;
use crate::progress::{self, Step};
use crate::state::{Process, Running, StateFolder};
use anyhow::{Context, Result, bail};
use services::{Plan, Service};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to serve: a journal to recover after a hard stop takes its time.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How long a process may take to end by itself.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// Started processes.
pub struct Stack {
    state: StateFolder,
    running: Running,
    children: Vec<Child>,
    owned: bool,
}

impl Stack {
    /// Starts everything of `plan` and waits until it serves, the first synchronisation included.
    /// What was started is stopped again when a step fails.
    pub fn start(plan: &Plan) -> Result<Self> {
        let running =
            Running { supervisor: Identity::own(), ports: plan.ports.clone(), processes: Vec::new() };
        let mut stack = Self { state: plan.state.clone(), running, children: Vec::new(), owned: true };
        for service in plan.servers()? {
            stack.launch(&service)?;
        }
        stack.initialise_mongo(plan)?;
        for service in plan.programs()? {
            stack.launch(&service)?;
        }
        first_sync::wait(&mut stack)?;
        Ok(stack)
    }

    fn launch(&mut self, service: &Service) -> Result<()> {
        interrupt::check()?;
        let step = Step::start(service.title);
        match self.spawn(service).and_then(|()| self.wait_healthy(service, &step)) {
            Ok(()) => {
                step.done(&format!("serves on 127.0.0.1:{}", service.port));
                Ok(())
            }
            Err(error) => {
                step.failed();
                Err(error)
            }
        }
    }

    fn spawn(&mut self, service: &Service) -> Result<()> {
        let log = self.state.log(service.name);
        self.state.create("logs")?;
        if log.is_file() {
            fs::rename(&log, log.with_extension("previous.log"))
                .context("cannot put the earlier log aside")?;
        }
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = service.command();
        command.current_dir(self.state.root());
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        // A group of its own: Ctrl-C in the terminal reaches us alone, and we stop the processes in order. A closed terminal
        // does not reach it either, which is all that `--detach` needs.
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {}", service.title))?;
        let identity = Identity::of(child.id());
        self.children.push(child);
        let identity = identity.with_context(|| died(service.title, &log))?;
        let health = service.health.clone();
        self.running.processes.push(Process {
            name: service.name.into(),
            identity,
            port: service.port,
            health,
            log,
        });
        self.state.record(&self.running)
    }

    fn wait_healthy(&mut self, service: &Service, step: &Step) -> Result<()> {
        let begun = Instant::now();
        loop {
            interrupt::check()?;
            self.check_alive()?;
            let Err(answer) = service.health.ask() else {
                return Ok(());
            };
            if begun.elapsed() >= START_LIMIT {
                let log = self.state.log(service.name);
                let lines = last_words(&log);
                bail!(
                    "{} does not serve after {} s: {answer}\n  log: {}\n    {lines}",
                    service.title,
                    START_LIMIT.as_secs(),
                    log.display()
                );
            }
            step.update(&answer);
            std::thread::sleep(POLL);
        }
    }

    fn initialise_mongo(&self, plan: &Plan) -> Result<()> {
        let Some(mut initialise) = plan.initialise_mongo() else {
            return Ok(());
        };
        let step = Step::start("Replica set");
        let log = self.state.log("dev-init-mongo");
        let _ = fs::remove_file(&log);
        let status = command::run(&mut initialise, &log, |line| step.update(line));
        if status.is_ok_and(|status| status.success()) {
            step.done("ready");
            return Ok(());
        }
        step.failed();
        interrupt::check()?;
        bail!("the MongoDB server could not be set up\n  log: {}\n    {}", log.display(), last_words(&log))
    }

    /// Fails with the last words of a process that has died.
    fn check_alive(&mut self) -> Result<()> {
        for child in &mut self.children {
            let _ = child.try_wait();
        }
        match self.running.processes.iter().find(|process| !process.identity.is_alive()) {
            Some(process) => bail!("{}", died(&process.name, &process.log)),
            None => Ok(()),
        }
    }

    /// Watches until Ctrl-C (then all is stopped and this succeeds) or until a process dies (then the rest is stopped and this fails).
    pub fn supervise(mut self) -> Result<()> {
        while !interrupt::requested() {
            self.check_alive()?;
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Leaves everything running, for `down` to stop.
    pub fn detach(mut self) -> Result<()> {
        self.running.supervisor = None;
        self.state.record(&self.running)?;
        self.owned = false;
        Ok(())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        stop_all(&self.running);
        for child in &mut self.children {
            let _ = child.try_wait();
        }
        self.state.forget();
    }
}

/// Stops the processes of a record, the last started first.
pub fn stop_all(running: &Running) {
    for process in running.processes.iter().rev().filter(|process| process.identity.is_alive()) {
        let step = Step::start(&format!("Stopping {}", process.name));
        if process.identity.stop(STOP_LIMIT) {
            step.done("ended");
        } else {
            step.done(&format!("did not end within {} s and was killed", STOP_LIMIT.as_secs()));
            progress::note(&format!("its log: {}", process.log.display()));
        }
    }
}

fn died(name: &str, log: &Path) -> String {
    format!("{name} has ended by itself\n  log: {}\n    {}", log.display(), last_words(log))
}

/// The end of a log, indented. Long lines are cut: MongoDB writes JSON of several hundred characters.
fn last_words(log: &Path) -> String {
    let lines = command::tail(log, 12);
    let short = lines.iter().map(|line| line.chars().take(240).collect::<String>());
    short.collect::<Vec<_>>().join("\n    ")
}
