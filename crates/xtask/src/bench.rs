//! `cargo xtask bench`: builds a benchmark with optimisation and runs it on servers that it starts itself.

use anyhow::{Result, bail};

use crate::cli::{Organisation, Pipeline, Readers, Sync};
use crate::servers::Kind;
use crate::workspace::Workspace;

/// `cargo xtask bench pipeline`.
pub fn pipeline(options: &Pipeline) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut cargo = workspace.cargo();
    cargo
        .env("SALESCOMMAND_TEST_NATS_SERVER", Kind::Nats.ensure_program()?)
        .env("SALESCOMMAND_TEST_MONGOD", Kind::Mongo.ensure_program()?)
        .args(["bench", "--package", "salescommand-tests", "--bench", "pipeline", "--"]);
    if options.full {
        cargo.arg("--full");
    }
    if let Some(runs) = options.runs {
        cargo.args(["--runs", &runs.to_string()]);
    }
    for (name, numbers) in [("--events", &options.events), ("--bytes", &options.bytes)] {
        if let Some(numbers) = numbers {
            cargo.args([name, numbers]);
        }
    }
    if cargo.status()?.success() { Ok(()) } else { bail!("the benchmark failed; see above") }
}

/// `cargo xtask bench sync`.
pub fn sync(options: &Sync) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut cargo = workspace.cargo();
    cargo
        .env("SALESCOMMAND_TEST_NATS_SERVER", Kind::Nats.ensure_program()?)
        .args(["bench", "--package", "salescommand-tests", "--bench", "sync", "--"])
        .args(["--leads", &options.leads.to_string(), "--partners", &options.partners.to_string()])
        .args(["--runs", &options.runs.to_string()])
        .args(options.history.then_some("--history"));
    if cargo.status()?.success() { Ok(()) } else { bail!("the benchmark failed; see above") }
}

/// `cargo xtask bench readers`.
pub fn readers(options: &Readers) -> Result<()> {
    let numbers = [("--rounds", options.rounds), ("--leads", options.leads)];
    whole_product("readers", &numbers)
}

/// `cargo xtask bench organisation`.
pub fn organisation(options: &Organisation) -> Result<()> {
    let Organisation { people, reports, deals, rounds } = *options;
    let numbers = [("--people", people), ("--reports", reports), ("--deals", deals), ("--rounds", rounds)];
    whole_product("organisation", &numbers)
}

/// A benchmark that starts the product's processes.
fn whole_product(name: &str, numbers: &[(&str, u32)]) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut build = workspace.cargo();
    build.args(["build", "--profile", "bench", "--package", "salescommand"]);
    if !build.status()?.success() {
        bail!("salescommand could not be built; see above");
    }
    let mut cargo = workspace.cargo();
    cargo
        .env("SALESCOMMAND_TEST_NATS_SERVER", Kind::Nats.ensure_program()?)
        .env("SALESCOMMAND_TEST_MONGOD", Kind::Mongo.ensure_program()?)
        .env("SALESCOMMAND_TEST_BIN", workspace.target.join("release/salescommand"))
        .args(["bench", "--package", "salescommand-tests", "--bench", name, "--"]);
    for (option, number) in numbers {
        cargo.args([option.to_string(), number.to_string()]);
    }
    if cargo.status()?.success() { Ok(()) } else { bail!("the benchmark failed; see above") }
}
