//! The suites that run in Node: the front end's own tests, and the whole stack in a real browser.

use super::{Count, Outcome, Suite, count, own_stack};
use crate::frontend;
use crate::ports::free_port;
use crate::stack::services::{ODOO_DATABASE, ODOO_LOGIN, Plan};
use crate::workspace::on_path;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn frontend(suite: &Suite<'_>) -> Result<Outcome> {
    let folder = suite.context.workspace.frontend();
    frontend::install(&folder, suite.log, suite.step)?;
    // The generator of the client needs another TypeScript than the front end: it has packages of its own.
    frontend::install(&folder.join("tools/openapi"), suite.log, suite.step)?;
    let mut sum = Count::default();
    for script in ["check", "gen:check"] {
        sum = sum + suite.check(npm(&folder).args(["run", script]))?;
    }
    sum = sum + suite.tests(npm(&folder).arg("test"), count::vitest)?;
    Ok(Outcome::Ran(sum))
}

/// Known vulnerabilities of the packages that reach a browser. Where no audit is answered nothing is known, which is no failure.
pub fn advisories(suite: &Suite<'_>) -> Result<Outcome> {
    let folder = suite.context.workspace.frontend();
    let mut audit = npm(&folder);
    let count = suite.check(audit.args(["audit", "--omit=dev", "--package-lock-only", "--json"]))?;
    if fs::read_to_string(suite.log)?.contains(AUDIT_REPORT) {
        return Ok(Outcome::Ran(count));
    }
    Ok(Outcome::Skipped(format!(
        "the package index answers no audits; the output is in {}",
        suite.log.display()
    )))
}

/// What npm prints of an audit that was answered, whatever it found.
const AUDIT_REPORT: &str = "\"auditReportVersion\"";

fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).env("NO_COLOR", "1").env("CI", "1");
    command
}

pub fn browser(suite: &Suite<'_>) -> Result<Outcome> {
    let chromium = chromium()?;
    let folder = suite.context.workspace.root.join("tests/e2e");
    frontend::install(&folder, suite.log, suite.step)?;
    let provider = Provider { port: free_port()?, client_secret: "known to both" };
    let mail_port = free_port()?;
    let plan = Plan {
        settings: [provider.settings(), mail(mail_port)].concat(),
        ..own_stack::plan(suite, "browser")?
    };
    own_stack::with(&plan, || {
        let mut command = npm(&folder);
        command
            .arg("test")
            .env("BASE_URL", plan.ports.address())
            .env("SIM_URL", plan.ports.odoo_address())
            .env("SIM_DB", ODOO_DATABASE)
            .env("SIM_LOGIN", ODOO_LOGIN)
            .env("SIM_PASSWORD", &plan.secrets.simulator_api)
            .env("SIM_ADMIN_PASSWORD", &plan.secrets.simulator_admin)
            .env("OIDC_PORT", provider.port.to_string())
            .env("OIDC_CLIENT_ID", CLIENT_ID)
            .env("OIDC_CLIENT_SECRET", provider.client_secret)
            .env("SMTP_PORT", mail_port.to_string())
            .env("CHROMIUM", chromium);
        suite.tests(&mut command, count::node_test)
    })
}

/// The provider of sign-ins that the browser tests start, in the place of Microsoft.
struct Provider {
    port: u16,
    client_secret: &'static str,
}

/// What SalesCommand is called there.
const CLIENT_ID: &str = "salescommand";
/// The directory, and what its roles give; `tests/e2e/provider.mjs` has its people.
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const ROLES: &str = "Sales.Executives=executive Sales.Users=sales_user";

impl Provider {
    fn settings(&self) -> Vec<(&'static str, OsString)> {
        let authority = format!("http://localhost:{}", self.port);
        vec![
            ("SALESCOMMAND_AUTH__MS365__AUTHORITY", authority.into()),
            ("SALESCOMMAND_AUTH__MS365__TENANTS", TENANT.into()),
            ("SALESCOMMAND_AUTH__MS365__CLIENT_ID", CLIENT_ID.into()),
            ("SALESCOMMAND_AUTH__MS365__CLIENT_SECRET", self.client_secret.into()),
            ("SALESCOMMAND_AUTH__MS365__ROLES", ROLES.into()),
            ("SALESCOMMAND_AUTH__MS365__AUTHORITATIVE_DOMAINS", "securado.net".into()),
            ("SALESCOMMAND_AUTH__MS365__SIGN_OUT_AT_PROVIDER", "true".into()),
        ]
    }
}

/// The mail server that the browser tests start while they wait for letters.
fn mail(port: u16) -> Vec<(&'static str, OsString)> {
    vec![
        ("SALESCOMMAND_ALERTS__SMTP_URL", format!("smtp://127.0.0.1:{port}").into()),
        ("SALESCOMMAND_ALERTS__MAIL_FROM", "SalesCommand <salescommand@example.com>".into()),
    ]
}

fn chromium() -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os("CHROMIUM") {
        return Ok(PathBuf::from(chosen));
    }
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
        .iter()
        .find_map(|name| on_path(name))
        .context("no Chromium on PATH\n  fix: sudo apt-get install -y chromium, or set CHROMIUM to its path")
}
