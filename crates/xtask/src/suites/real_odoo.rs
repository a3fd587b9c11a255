//! The suite that reads a real Odoo server, where this machine can have one.

use super::rust::has_nextest;
use super::{Outcome, Suite, count, rust};
use crate::ports::Ports;
use crate::workspace::user_cache;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Exit code of the script when this machine cannot have the server.
const CANNOT: i32 = 3;

pub fn run(suite: &Suite<'_>) -> Result<Outcome> {
    let script = suite.context.workspace.root.join("tests/real-odoo/server.sh");
    let check = Command::new(&script).arg("check").output()?;
    if check.status.code() == Some(CANNOT) {
        return Ok(Outcome::Skipped(String::from_utf8_lossy(&check.stdout).trim().to_owned()));
    }
    let server = Server { script, folder: user_cache()?.join("odoo-14"), port: Ports::free()?.odoo };
    // What was begun is stopped, whatever becomes of it.
    let outcome = server.start(suite).and_then(|()| tests(suite, &server));
    let stopped = server.stop(suite);
    let outcome = outcome?;
    stopped?;
    Ok(outcome)
}

fn tests(suite: &Suite<'_>, server: &Server) -> Result<Outcome> {
    let mut cargo = suite.cargo();
    cargo
        .env("SALESCOMMAND_TEST_REAL_ODOO", format!("http://127.0.0.1:{}", server.port))
        .env("SALESCOMMAND_TEST_REAL_ODOO_DATABASE", "scenario");
    let count = if has_nextest() {
        let filter = format!("package({}) and test(/^real_odoo::/)", rust::SERVER_TESTS);
        cargo.args(["nextest", "run", "--workspace", "--run-ignored", "only", "-E", &filter]);
        suite.tests(&mut cargo, count::nextest)?
    } else {
        cargo.args(["test", "--package", rust::SERVER_TESTS, "--", "--ignored", "real_odoo::"]);
        suite.tests(&mut cargo, count::cargo_test)?
    };
    Ok(rust::none_is_a_failure(count))
}

/// The server, in a folder outside of the clone: it is installed once.
struct Server {
    script: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Server {
    fn start(&self, suite: &Suite<'_>) -> Result<()> {
        suite.step.update("installing Odoo, once; starting it");
        self.told(suite, "start", &[self.port.to_string()])
    }

    fn stop(&self, suite: &Suite<'_>) -> Result<()> {
        self.told(suite, "stop", &[])
    }

    fn told(&self, suite: &Suite<'_>, command: &str, further: &[String]) -> Result<()> {
        let mut script = Command::new(&self.script);
        let done = suite.check(script.arg(command).arg(&self.folder).args(further))?;
        if done.failed > 0 {
            bail!("{} {} failed; its output is in {}", self.script.display(), command, suite.log.display());
        }
        Ok(())
    }
}
