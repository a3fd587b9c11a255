//! `cargo xtask test`: every suite, a line for each, a report, and the sum as the last line.
//!
//! A failing suite never stops the others. The last line of stdout is exactly `N passed, N failed`; scripts read it.

mod api_fuzz;
mod count;
mod node;
mod own_stack;
mod real_odoo;
mod report;
mod rust;

use crate::cli::Test;
use crate::command;
use crate::failure::Failure;
use crate::frontend;
use crate::interrupt;
use crate::progress::Step;
use crate::workspace::{Binaries, Workspace};
use anyhow::{Context as _, Result, anyhow, bail};
use clap::ValueEnum;
use count::Count;
use report::{Entry, Report};
use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// How many lines of a failing suite's log are shown at once; the whole log lies beside the report.
const SHOWN_LINES: usize = 80;

/// A suite, in the order they run: the quick ones that fail most often first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Formatting of all Rust code
    Fmt,
    /// Lints of all Rust code; a warning is a failure
    Clippy,
    /// Licences, banned crates and sources (needs cargo-deny)
    Deny,
    /// Known vulnerabilities and withdrawn releases of crates (needs cargo-deny and the advisory database)
    Advisories,
    /// Known vulnerabilities of what the page in the browser is made of (needs a package index that answers audits)
    NpmAdvisories,
    /// Unit and property tests of every crate
    Unit,
    /// Examples in the documentation of every crate
    Doc,
    /// Types, lints, generated client and tests of the front end
    Frontend,
    /// Tests on a real NATS and MongoDB
    Integration,
    /// The same, with processes and servers killed
    Faults,
    /// The HTTP API, with whatever schemathesis invents from its description
    ApiFuzz,
    /// The whole stack in a real browser
    Browser,
    /// A real Odoo server, read while people work on it; only when asked for, with --real-odoo or by name
    RealOdoo,
}

/// How a suite ended, when it could be run.
enum Outcome {
    Ran(Count),
    Skipped(String),
}

/// What the suites share.
struct Context {
    workspace: Workspace,
    full: bool,
    binaries: OnceCell<Binaries>,
    bundle: OnceCell<()>,
}

/// Runs the chosen suites, or all.
pub fn run(options: &Test) -> Result<()> {
    let workspace = Workspace::find()?;
    let folder = workspace.report();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let context =
        Context { workspace, full: options.full, binaries: OnceCell::new(), bundle: OnceCell::new() };
    let chosen = Name::value_variants().iter().filter(|name| options.chooses(**name));
    let mut report = Report::default();
    for name in chosen {
        interrupt::check()?;
        let entry = run_one(&context, *name);
        println!("{}", entry.line());
        show_failure(&entry);
        report.suites.push(entry);
        report.write(&folder.join("report.json"))?;
    }
    let sum = report.sum();
    println!("\nReport: {}", folder.join("report.json").display());
    println!("{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed > 0 { bail!(Failure::Told) } else { Ok(()) }
}

fn run_one(context: &Context, name: Name) -> Entry {
    let title = name.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let log = context.workspace.report().join(format!("{title}.log"));
    let _ = fs::remove_file(&log);
    let step = Step::start(&title);
    let begun = Instant::now();
    let suite = Suite { context, log: &log, step: &step };
    let outcome = match name {
        Name::Fmt => rust::fmt(&suite),
        Name::Clippy => rust::clippy(&suite),
        Name::Deny => rust::deny(&suite),
        Name::Advisories => rust::advisories(&suite),
        Name::NpmAdvisories => node::advisories(&suite),
        Name::Unit => rust::unit(&suite),
        Name::Doc => rust::doc(&suite),
        Name::Integration => rust::integration(&suite),
        Name::Faults => rust::faults(&suite),
        Name::Frontend => node::frontend(&suite),
        Name::ApiFuzz => api_fuzz::run(&suite),
        Name::Browser => node::browser(&suite),
        Name::RealOdoo => real_odoo::run(&suite),
    };
    drop(step);
    Entry::new(title, outcome, begun.elapsed(), log)
}

fn show_failure(entry: &Entry) {
    if entry.failed == 0 {
        return;
    }
    for line in command::tail(&entry.log, SHOWN_LINES) {
        println!("    {line}");
    }
    if let Some(note) = &entry.note {
        println!("    {}", note.replace('\n', "\n    "));
    }
    println!("    whole log: {}", entry.log.display());
}

/// One suite while it runs.
struct Suite<'a> {
    context: &'a Context,
    log: &'a Path,
    step: &'a Step,
}

impl Suite<'_> {
    /// Runs a program whose success is one test.
    fn check(&self, command: &mut Command) -> Result<Count> {
        let success = command::run(command, self.log, |line| self.step.update(line))?.success();
        Ok(Count::of_one(success))
    }

    /// Runs a program whose output tells how many tests passed and failed.
    fn tests(&self, command: &mut Command, read: fn(&str) -> Count) -> Result<Count> {
        let before = fs::metadata(self.log).map_or(0, |meta| meta.len());
        let success = command::run(command, self.log, |line| self.step.update(line))?.success();
        let bytes = fs::read(self.log)?;
        let start = usize::try_from(before).unwrap_or(0).min(bytes.len());
        let text = command::strip_colours(&String::from_utf8_lossy(&bytes[start..]));
        Ok(read(&text).with_status(success))
    }

    fn cargo(&self) -> Command {
        let mut cargo = self.context.workspace.cargo();
        cargo.env("CARGO_TERM_COLOR", "never");
        cargo
    }

    /// The front end's bundle: the query service takes it in when it is compiled.
    fn bundle(&self) -> Result<()> {
        if self.context.bundle.get().is_some() {
            return Ok(());
        }
        let workspace = &self.context.workspace;
        let log = fresh_log(workspace, "bundle");
        let built = frontend::build(workspace, &log);
        if built.is_err() {
            // Rust still compiles without a page; the suite `frontend` reports the failure.
            fs::create_dir_all(workspace.frontend().join("dist"))?;
        }
        let _ = self.context.bundle.set(());
        Ok(())
    }

    /// Our programs, built once.
    fn binaries(&self) -> Result<&Binaries> {
        if let Some(binaries) = self.context.binaries.get() {
            return Ok(binaries);
        }
        self.bundle()?;
        let log = self.context.workspace.report().join("build.log");
        let binaries = Binaries::build_beside_tests(&self.context.workspace, &log)?;
        let _ = self.context.binaries.set(binaries);
        self.context.binaries.get().ok_or_else(|| anyhow!("the programs were not built"))
    }
}

fn fresh_log(workspace: &Workspace, name: &str) -> PathBuf {
    let log = workspace.report().join(format!("{name}.log"));
    let _ = fs::remove_file(&log);
    log
}
