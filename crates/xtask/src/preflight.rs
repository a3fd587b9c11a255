//! What must be in order before `up` starts anything: every finding at once, each with its remedy.
//!
//! Only looks; changes nothing.

use crate::ports::{self, Ports};
use crate::servers::Kind;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// The oldest Node the front end's tools run on.
const NODE: (u32, u32) = (20, 19);
/// Cargo's output, node_modules, the servers and their data after a first run, in MiB.
const DISK_NEEDED: u64 = 6 * 1024;

/// A thing that is wrong, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, one sentence.
    pub problem: String,
    /// What mends it.
    pub fix: String,
}

impl Finding {
    fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { problem: problem.into(), fix: fix.into() }
    }
}

/// Checks ports, tools, libraries and disk. Fails with all findings together.
pub fn check(workspace: &Workspace, ports: &Ports) -> Result<()> {
    let mut findings = taken_ports(ports);
    findings.extend(missing_tools());
    findings.extend(missing_libraries());
    findings.extend(little_disk(&workspace.target));
    if findings.is_empty() {
        crate::progress::note("Preflight: ports, Node, npm, Python, libraries and disk space are in order");
        return Ok(());
    }
    bail!("{}", describe(&findings));
}

/// All findings as text.
pub fn describe(findings: &[Finding]) -> String {
    let mut text = format!("this machine is not ready ({} to mend)", findings.len());
    for finding in findings {
        text.push_str(&format!("\n  ✘ {}\n    fix: {}", finding.problem, finding.fix));
    }
    text
}

fn taken_ports(ports: &Ports) -> Vec<Finding> {
    let mut wanted = vec![
        ("SalesCommand", ports.http, "--http-port"),
        ("the demo Odoo server", ports.odoo, "--odoo-port"),
    ];
    if Kind::Nats.address().is_none() {
        wanted.push(("NATS", ports.nats, "--nats-port"));
        wanted.push(("NATS monitoring", ports.nats_monitor, "--nats-monitor-port"));
    }
    if Kind::Mongo.address().is_none() {
        wanted.push(("MongoDB", ports.mongo, "--mongo-port"));
    }
    let taken = wanted.iter().filter(|(_, port, _)| !ports::is_free(*port));
    let mut findings: Vec<Finding> =
        taken.map(|(name, port, flag)| port_finding(name, *port, flag)).collect();
    for (index, (name, port, flag)) in wanted.iter().enumerate() {
        if let Some((other, ..)) = wanted[..index].iter().find(|(_, earlier, _)| earlier == port) {
            findings.push(Finding::new(
                format!("port {port} was given to both {other} and {name}"),
                format!("choose another with {flag}"),
            ));
        }
    }
    findings
}

fn port_finding(name: &str, port: u16, flag: &str) -> Finding {
    let other = if port < 50_000 { port + 10_000 } else { port - 10_000 };
    Finding::new(
        format!("port {port}, needed by {name}, is taken by another program"),
        format!(
            "choose another with {flag} {other}, or find and stop the program: ss -ltnp 'sport = :{port}'"
        ),
    )
}

fn missing_tools() -> Vec<Finding> {
    let node = "install Node 20.19 or newer with npm (https://nodejs.org, or your system's packages), and put it on PATH";
    let mut findings = Vec::new();
    match output_of("node", &["--version"]) {
        None => findings.push(Finding::new("Node is not installed", node)),
        Some(version) if !node_is_new_enough(&version) => {
            findings.push(Finding::new(format!("Node {} is too old", version.trim()), node));
        }
        Some(_) if output_of("npm", &["--version"]).is_none() => {
            findings.push(Finding::new("npm does not run", node));
        }
        Some(_) => {}
    }
    let downloads =
        [Kind::Nats, Kind::Mongo].iter().any(|kind| kind.address().is_none() && kind.installed().is_none());
    if downloads && output_of("python3", &["--version"]).is_none() {
        findings.push(Finding::new(
            "Python 3 is not installed; it fetches the servers",
            "sudo apt-get install -y python3 python3-pip, or set NATS_URL and MONGODB_URI to running servers",
        ));
    } else if downloads && output_of("python3", &["-m", "pip", "--version"]).is_none() {
        findings.push(Finding::new(
            "Python has no pip; it fetches the servers",
            "sudo apt-get install -y python3-pip, or set NATS_URL and MONGODB_URI to running servers",
        ));
    }
    findings
}

fn node_is_new_enough(version: &str) -> bool {
    let mut parts = version.trim().trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= NODE,
        _ => false,
    }
}

/// Libraries of the pinned mongod, before 42 MB are fetched in vain.
fn missing_libraries() -> Vec<Finding> {
    if Kind::Mongo.address().is_some() || !crate::servers::wheel::platform_is_supported() {
        return Vec::new();
    }
    if let Some(program) = Kind::Mongo.installed() {
        let output = Command::new(&program).arg("--version").output();
        let broken = output.ok().filter(|output| !output.status.success());
        return broken
            .map(|output| {
                let text = crate::servers::explain_mongod(&program, &String::from_utf8_lossy(&output.stderr));
                let (problem, fix) = text.split_once("\n  fix:  ").unwrap_or((&text, "set MONGODB_URI"));
                Finding::new(problem, fix)
            })
            .into_iter()
            .collect();
    }
    // Where the loader's list cannot be read, `mongod --version` after the download still tells.
    let listed = output_of("ldconfig", &["-p"]).or_else(|| output_of("/sbin/ldconfig", &["-p"]));
    listed.map(|list| absent_libraries(&list)).unwrap_or_default()
}

fn absent_libraries(list: &str) -> Vec<Finding> {
    let needed = [("libcurl.so.4", "libcurl4"), ("libcrypto.so.3", "libssl3")];
    let absent = needed.iter().filter(|(library, _)| !list.contains(library));
    absent
        .map(|(library, package)| {
            Finding::new(
                format!("the library {library} is missing; MongoDB needs it"),
                format!(
                    "sudo apt-get install -y {package}   (Debian 13, Ubuntu 24.04 and newer: {package}t64)"
                ),
            )
        })
        .collect()
}

fn little_disk(folder: &Path) -> Option<Finding> {
    let existing = folder.ancestors().find(|path| path.is_dir())?;
    let listing = output_of("df", &["-Pm", &existing.to_string_lossy()])?;
    let free = free_mebibytes(&listing)?;
    // After a first build most of it is there already.
    let needed = if folder.join("debug").is_dir() { DISK_NEEDED / 4 } else { DISK_NEEDED };
    (free < needed).then(|| {
        Finding::new(
            format!("{free} MiB are free at {}; about {needed} MiB are needed", existing.display()),
            "free some space, or point CARGO_TARGET_DIR to a larger disk",
        )
    })
}

/// The fourth column of `df -Pm`.
fn free_mebibytes(listing: &str) -> Option<u64> {
    listing.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

/// What a program prints when it succeeds.
fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn every_finding_is_told_at_once_with_its_fix() {
        let text = describe(&[port_finding("NATS", 4222, "--nats-port"), Finding::new("a", "b")]);
        assert!(text.contains("2 to mend"), "{text}");
        assert!(text.contains("--nats-port 14222"), "{text}");
        assert!(text.ends_with("✘ a\n    fix: b"), "{text}");
    }

    #[test]
    fn a_taken_and_a_doubled_port_are_found() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut ports = Ports::free().unwrap();
        assert_eq!(taken_ports(&ports), []);
        ports.http = held.local_addr().unwrap().port();
        let findings = taken_ports(&ports);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].fix.contains("--http-port"));
        ports.http = ports.odoo;
        assert!(taken_ports(&ports)[0].problem.contains("given to both"));
    }

    #[test]
    fn node_versions_are_compared_as_numbers() {
        assert!(node_is_new_enough("v20.19.0\n") && node_is_new_enough("v100.0.0"));
        assert!(!node_is_new_enough("v20.9.1") && !node_is_new_enough("v9.99.0") && !node_is_new_enough("?"));
    }

    #[test]
    fn absent_libraries_are_named_with_their_packages() {
        assert_eq!(absent_libraries("libcurl.so.4 => /x\nlibcrypto.so.3 => /y"), []);
        let findings = absent_libraries("libcrypto.so.3 => /y");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].fix.contains("apt-get install -y libcurl4"));
    }

    #[test]
    fn free_space_is_the_fourth_column() {
        let listing = "Filesystem 1048576-blocks Used Available Capacity Mounted on\n/dev/vda 258048 13000 80123 15% /\n";
        assert_eq!(free_mebibytes(listing), Some(80_123));
    }
}
