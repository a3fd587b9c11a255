//! The suites of the Rust code.

use super::{Count, Outcome, Suite, count};
use crate::servers::Kind;
use crate::workspace::{on_path, user_cache};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// The package of the tests that need real servers.
pub const SERVER_TESTS: &str = "salescommand-tests";

pub fn fmt(suite: &Suite<'_>) -> Result<Outcome> {
    suite.check(suite.cargo().args(["fmt", "--all", "--check"])).map(Outcome::Ran)
}

pub fn clippy(suite: &Suite<'_>) -> Result<Outcome> {
    suite.bundle()?;
    let mut cargo = suite.cargo();
    suite
        .check(cargo.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
        .map(Outcome::Ran)
}

pub fn deny(suite: &Suite<'_>) -> Result<Outcome> {
    let checked = cargo_deny(suite, &["check", "licenses", "bans", "sources"])?;
    Ok(checked.map_or_else(without_deny, Outcome::Ran))
}

/// Known vulnerabilities, and releases that were withdrawn. Without the database nothing is known, which is no failure.
pub fn advisories(suite: &Suite<'_>) -> Result<Outcome> {
    if cargo_deny(suite, &["fetch", "db"])?.is_some_and(|fetched| fetched.failed > 0) {
        return Ok(Outcome::Skipped(format!(
            "the advisory database (RustSec's git repository) cannot be fetched; the output is in {}",
            suite.log.display()
        )));
    }
    let checked = cargo_deny(suite, &["check", "advisories"])?;
    Ok(checked.map_or_else(without_deny, Outcome::Ran))
}

/// Runs `cargo deny`, if this machine has it or gets it now; its success is one test.
fn cargo_deny(suite: &Suite<'_>, arguments: &[&str]) -> Result<Option<Count>> {
    let program = match deny_program() {
        Some(program) => program,
        None if suite.context.full => install_deny(suite)?,
        None => return Ok(None),
    };
    let mut command = Command::new(program);
    command.current_dir(&suite.context.workspace.root).args(["deny", "--color=never"]).args(arguments);
    suite.check(&mut command).map(Some)
}

fn without_deny() -> Outcome {
    Outcome::Skipped(
        "cargo-deny is not installed; `cargo xtask test --full` installs it (several minutes, once)".into(),
    )
}

fn deny_program() -> Option<PathBuf> {
    on_path("cargo-deny").or_else(|| user_cache().ok().map(deny_in)).filter(|program| program.is_file())
}

fn deny_in(cache: PathBuf) -> PathBuf {
    cache.join("tools/bin/cargo-deny")
}

fn install_deny(suite: &Suite<'_>) -> Result<PathBuf> {
    let cache = user_cache()?;
    let mut cargo = suite.cargo();
    cargo.args(["install", "cargo-deny", "--locked", "--root"]).arg(cache.join("tools"));
    if suite.check(&mut cargo)?.failed > 0 {
        bail!("cargo-deny could not be installed");
    }
    Ok(deny_in(cache))
}

pub fn unit(suite: &Suite<'_>) -> Result<Outcome> {
    suite.bundle()?;
    let mut cargo = suite.cargo();
    if suite.context.full {
        // A thousand invented organisations.
        cargo.env("SALESCOMMAND_TEST_CASES", "1000");
    }
    if has_nextest() {
        // The whole workspace in each suite, and its tests chosen by filter: what is left out would change features.
        let filter = format!("not package({SERVER_TESTS})");
        cargo.args(["nextest", "run", "--workspace", "--no-tests", "pass", "-E", &filter]);
        if suite.context.full {
            cargo.args(["--profile", "full"]);
        }
        return suite.tests(&mut cargo, count::nextest).map(Outcome::Ran);
    }
    cargo.args([
        "test",
        "--workspace",
        "--exclude",
        SERVER_TESTS,
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
    ]);
    suite.tests(&mut cargo, count::cargo_test).map(Outcome::Ran)
}

pub fn doc(suite: &Suite<'_>) -> Result<Outcome> {
    suite.bundle()?;
    let mut cargo = suite.cargo();
    cargo.args(["test", "--workspace", "--doc", "--no-fail-fast"]);
    suite.tests(&mut cargo, count::cargo_test).map(Outcome::Ran)
}

pub fn integration(suite: &Suite<'_>) -> Result<Outcome> {
    on_servers(suite, "not test(/^faults::/)", &["--skip", "faults::"])
}

pub fn faults(suite: &Suite<'_>) -> Result<Outcome> {
    on_servers(suite, "test(/^faults::/)", &["faults::"])
}

/// Runs the chosen server tests with the programs they start in their environment.
fn on_servers(suite: &Suite<'_>, nextest_filter: &str, test_filter: &[&str]) -> Result<Outcome> {
    let nats = Kind::Nats.ensure_program()?;
    let mongod = Kind::Mongo.ensure_program()?;
    let binaries = suite.binaries()?;
    let mut cargo = suite.cargo();
    cargo
        .env("SALESCOMMAND_TEST_NATS_SERVER", nats)
        .env("SALESCOMMAND_TEST_MONGOD", mongod)
        .env("SALESCOMMAND_TEST_BIN", &binaries.salescommand)
        .env("SALESCOMMAND_TEST_SIMULATOR", &binaries.simulator);
    if suite.context.full {
        // The long matrix: more events, more seeds, and the time it takes.
        cargo.env("SALESCOMMAND_FAULT_EVENTS", "50000").env("SALESCOMMAND_FAULT_SEEDS", "1,2,3");
        // Twenty times something happens in each.
        cargo.env("SALESCOMMAND_TEST_COMPANIES", "50");
        // Eight levels, and a branch of five thousand that moves.
        cargo.env("SALESCOMMAND_TEST_PEOPLE", "60000");
    }
    if has_nextest() {
        let filter = format!("package({SERVER_TESTS}) and {nextest_filter}");
        cargo.args(["nextest", "run", "--workspace", "--no-tests", "pass", "-E", &filter]);
        if suite.context.full {
            cargo.args(["--profile", "full"]);
        }
        return suite.tests(&mut cargo, count::nextest).map(none_is_a_failure);
    }
    cargo.args(["test", "--package", SERVER_TESTS, "--no-fail-fast", "--"]).args(test_filter);
    suite.tests(&mut cargo, count::cargo_test).map(none_is_a_failure)
}

/// A filter that matches nothing would look like success.
pub fn none_is_a_failure(count: Count) -> Outcome {
    Outcome::Ran(count.with_status(count.passed > 0))
}

pub fn has_nextest() -> bool {
    on_path("cargo-nextest").is_some()
}
