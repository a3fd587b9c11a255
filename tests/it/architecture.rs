//! The shape of the workspace as `docs/architecture.md` draws it: who may depend on whom, where drivers are named,
//! that every module says what it is for, and that files stay readable.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crate, and the crates of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("connectors", &["domain"]),
    ("eventlog", &["domain"]),
    ("eventlog-nats", &["eventlog", "domain"]),
    ("epochs", &["eventlog", "domain"]),
    ("ingest", &["connectors", "epochs", "eventlog", "domain"]),
    ("store", &["domain"]),
    ("store-mongo", &["store", "domain"]),
    ("audit", &["eventlog", "store", "domain"]),
    ("normalizer", &["epochs", "eventlog", "store", "domain"]),
    ("projector", &["eventlog", "store", "domain"]),
    ("generations", &["normalizer", "projector", "epochs", "eventlog", "store", "domain"]),
    ("query", &["audit", "eventlog", "store", "domain"]),
    ("odoo-simulator", &[]),
    ("graph-simulator", &[]),
    ("xtask", &[]),
];

/// Drivers and vendor protocols, and the only crate that may name each.
const DRIVERS: &[(&str, &[&str])] = &[
    ("async-nats", &["eventlog-nats"]),
    ("mongodb", &["store-mongo"]),
    ("axum", &["query", "odoo-simulator", "graph-simulator"]),
    ("dxr", &["connectors", "odoo-simulator"]),
    ("reqwest", &["connectors", "query", "salescommand"]),
];

/// Longest file of production code, in lines.
const LONGEST_FILE: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Normal dependencies of each workspace package, by name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().unwrap();
    let names = |package: &Value| {
        let normal = |d: &&Value| d["kind"].is_null();
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(normal).map(|d| d["name"].as_str().unwrap().to_owned()).collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), names(package))).collect()
}

/// Every Rust file below a folder.
pub fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn arrows_are_those_of_the_map() {
    let dependencies = dependencies();
    for (name, allowed) in ARROWS {
        let package = format!("salescommand-{name}");
        let used = dependencies.get(&package).unwrap_or_else(|| panic!("{package} is not in the workspace"));
        let ours = used.iter().filter_map(|dependency| dependency.strip_prefix("salescommand-"));
        let forbidden: Vec<_> = ours.filter(|dependency| !allowed.contains(dependency)).collect();
        assert!(forbidden.is_empty(), "{name} may not depend on {forbidden:?}; see docs/architecture.md");
    }
}

#[test]
fn drivers_are_named_in_one_place() {
    let dependencies = dependencies();
    for (driver, allowed) in DRIVERS {
        let users =
            dependencies.iter().filter(|(_, used)| used.contains(*driver)).map(|(package, _)| package);
        let strangers: Vec<_> = users
            .filter(|package| *package != "salescommand-tests")
            .filter(|package| !allowed.contains(&package.trim_start_matches("salescommand-")))
            .collect();
        assert!(strangers.is_empty(), "{driver} is named by {strangers:?}");
    }
}

#[test]
fn every_module_says_what_it_is_for_and_stays_readable() {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    let mut complaints = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        if !text.starts_with("//!") {
            complaints.push(format!("{name} does not open with `//!`"));
        }
        let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
        let is_test = name.contains("/tests/") || name.ends_with("tests.rs") || name.contains("/conformance");
        if !is_test && production > LONGEST_FILE {
            complaints
                .push(format!("{name} has {production} lines of production code, more than {LONGEST_FILE}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
