//! The suite that lets schemathesis invent requests from the OpenAPI document, and scim2-tester keep accounts over SCIM, against a
//! stack of its own.

use super::{Outcome, Suite, count, own_stack};
use crate::workspace::{on_path, user_cache};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The token of a directory that is there for the suite alone.
const TOKEN: &str = "the token of a directory of a test";
/// A provider whose directory keeps accounts; nobody signs in through it.
const DIRECTORY: [(&str, &str); 3] = [
    ("SALESCOMMAND_AUTH__OIDC__DIRECTORY__ISSUER", "https://directory.invalid"),
    ("SALESCOMMAND_AUTH__OIDC__DIRECTORY__CLIENT_ID", "salescommand"),
    ("SALESCOMMAND_AUTH__OIDC__DIRECTORY__SCIM_TOKEN", TOKEN),
];
/// Beside the packages in the virtual environment: what was installed.
const INSTALLED: &str = "installed.txt";

pub fn run(suite: &Suite<'_>) -> Result<Outcome> {
    let Some(python) = on_path("python3") else {
        return Ok(Outcome::Skipped("there is no python3 on PATH".into()));
    };
    let folder = suite.context.workspace.root.join("tests/api-fuzz");
    let Some(interpreter) = environment(suite, &python, &folder.join("requirements.txt"))? else {
        return Ok(Outcome::Skipped(format!(
            "schemathesis could not be installed: python3 needs its module venv (Debian: apt-get install -y python3-venv) and \
             a package index that it can reach; the output is in {}",
            suite.log.display()
        )));
    };
    let mut plan = own_stack::plan(suite, "api-fuzz")?;
    plan.settings.extend(DIRECTORY.map(|(name, value)| (name, value.into())));
    own_stack::with(&plan, || {
        let mut fuzz = Command::new(&interpreter);
        fuzz.arg(folder.join("fuzz.py")).env("BASE_URL", plan.ports.address()).env("PYTHONUNBUFFERED", "1");
        fuzz.env("FUZZ_SCIM_TOKEN", TOKEN);
        if suite.context.full {
            fuzz.env("FUZZ_FULL", "1");
        }
        suite.tests(&mut fuzz, count::node_test)
    })
}

/// The interpreter of a virtual environment with the required packages, outside of the clone: it is installed once. None where
/// it cannot be.
fn environment(suite: &Suite<'_>, python: &Path, requirements: &Path) -> Result<Option<PathBuf>> {
    let folder = user_cache()?.join("api-fuzz");
    let (interpreter, installed) = (folder.join("bin/python"), folder.join(INSTALLED));
    let wanted = fs::read_to_string(requirements)?;
    if fs::read_to_string(&installed).is_ok_and(|held| held == wanted) && interpreter.is_file() {
        return Ok(Some(interpreter));
    }
    suite.step.update("installing schemathesis, once");
    let _ = fs::remove_dir_all(&folder);
    let mut make = Command::new(python);
    make.args(["-m", "venv"]).arg(&folder);
    let mut install = Command::new(&interpreter);
    install
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(requirements);
    for command in [&mut make, &mut install] {
        if suite.check(command)?.failed > 0 {
            return Ok(None);
        }
    }
    fs::write(&installed, wanted).context("cannot write into the virtual environment")?;
    Ok(Some(interpreter))
}
