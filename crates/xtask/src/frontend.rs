//! The front end: packages and bundle, each made anew only when its inputs changed.
//!
//! The digests lie inside `node_modules`, which git ignores and `npm ci` empties: a fresh install always builds afresh.

use crate::command;
use crate::interrupt;
use crate::progress::{self, Step};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the bundle depends on, below `frontend/`. A missing entry counts as empty.
const INPUTS: [&str; 7] =
    ["package.json", "package-lock.json", "index.html", "tsconfig.json", "vite.config.ts", "src", "public"];
/// Outside of `frontend/`: the client's types are generated from it.
const OPENAPI: &str = "schemas/openapi.json";

/// Makes `frontend/dist` current. Does nothing when no input changed.
pub fn build(workspace: &Workspace, log: &Path) -> Result<()> {
    let step = Step::start("Front end");
    match build_through(workspace, log, &step) {
        Ok(outcome) => {
            step.done(outcome);
            Ok(())
        }
        Err(error) => {
            step.failed();
            Err(error)
        }
    }
}

fn build_through(workspace: &Workspace, log: &Path, step: &Step) -> Result<&'static str> {
    let folder = workspace.frontend();
    install(&folder, log, step)?;
    let stamp = folder.join("node_modules/.salescommand-build");
    let mut inputs: Vec<PathBuf> = INPUTS.iter().map(|name| folder.join(name)).collect();
    inputs.push(workspace.root.join(OPENAPI));
    let wanted = digest_of(&inputs)?;
    if folder.join("dist/index.html").is_file() && is_stamped(&stamp, &wanted) {
        return Ok("unchanged");
    }
    step.update("npm run build");
    npm(&folder, &["run", "build"], log, step)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok("built")
}

/// Installs the packages of `folder` as its lock file says, unless they are there already.
pub fn install(folder: &Path, log: &Path, step: &Step) -> Result<()> {
    let stamp = folder.join("node_modules/.salescommand-install");
    let wanted = digest_of(&[folder.join("package.json"), folder.join("package-lock.json")])?;
    if is_stamped(&stamp, &wanted) {
        return Ok(());
    }
    step.update("npm ci: fetching packages (about a minute the first time)");
    let installed = install_packages(folder, log, step);
    interrupt::check()?;
    installed.context("npm could not install the packages\n  fix: check the network, or the `registry` and proxy settings of npm (`npm config list`)")?;
    fs::create_dir_all(folder.join("node_modules"))?; // a package without dependencies gets none
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// `npm ci`; where it refuses the lock file, `npm install --no-save`, which honours the lock file and leaves it as it is.
///
/// A package index that serves only the packages of one system (a company's mirror, say) makes `npm ci` refuse a lock file
/// because of the optional packages of the other systems, which nobody needs here.
fn install_packages(folder: &Path, log: &Path, step: &Step) -> Result<()> {
    let Err(refused) = npm(folder, &["ci", "--no-audit", "--no-fund"], log, step) else { return Ok(()) };
    if !command::tail(log, 400).iter().any(|line| line.contains("can only install packages when")) {
        return Err(refused);
    }
    progress::note("npm ci refused the lock file; npm install takes its place (see the log)");
    npm(folder, &["install", "--no-save", "--no-audit", "--no-fund"], log, step)
}

fn npm(folder: &Path, arguments: &[&str], log: &Path, step: &Step) -> Result<()> {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(folder);
    if !command::run(&mut command, log, |line| step.update(line))?.success() {
        let said = complaints(&command::tail(log, 400)).join("\n    ");
        bail!("npm {} failed; full output in {}\n    {said}", arguments.join(" "), log.display());
    }
    Ok(())
}

/// What matters of a failed run. npm says why first and then prints its manual; other tools say why last.
fn complaints(lines: &[String]) -> Vec<&str> {
    let own = lines.iter().filter_map(|line| line.strip_prefix("npm error ")).take(8);
    let own: Vec<&str> = own.collect();
    if own.first().is_some_and(|line| line.starts_with("code ") && !line.ends_with("ELIFECYCLE")) {
        return own;
    }
    let others: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| !line.starts_with("npm ")).collect();
    others[others.len().saturating_sub(15)..].to_vec()
}

fn is_stamped(stamp: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == wanted)
}

/// One digest over names and contents of files and folders, independent of the order the disk lists them in.
fn digest_of(inputs: &[PathBuf]) -> Result<String> {
    let mut files = Vec::new();
    for input in inputs {
        collect(input, &mut files).with_context(|| format!("cannot list {}", input.display()))?;
    }
    files.sort();
    let mut hasher = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hasher.update(file.as_os_str().as_encoded_bytes());
        hasher.update([0]);
        hasher.update((content.len() as u64).to_le_bytes());
        hasher.update(content);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npm_says_why_first_and_tools_say_why_last() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let lock =
            lines("npm error code EUSAGE\nnpm error `npm ci` can only …\nnpm error\nnpm error Options:");
        assert_eq!(complaints(&lock)[..2], ["code EUSAGE", "`npm ci` can only …"]);
        let build = lines("src/a.ts: Unexpected token\nnpm error code ELIFECYCLE\nnpm error exit 1");
        assert_eq!(complaints(&build), ["src/a.ts: Unexpected token"]);
    }

    #[test]
    fn the_digest_follows_names_and_contents() {
        let folder = tempfile::tempdir().unwrap();
        let src = folder.path().join("src/a");
        fs::create_dir_all(&src).unwrap();
        fs::write(src.join("x.ts"), "1").unwrap();
        let inputs = [folder.path().join("src"), folder.path().join("missing")];
        let first = digest_of(&inputs).unwrap();
        assert_eq!(first, digest_of(&inputs).unwrap());
        fs::write(src.join("x.ts"), "2").unwrap();
        let second = digest_of(&inputs).unwrap();
        assert_ne!(first, second);
        fs::rename(src.join("x.ts"), src.join("y.ts")).unwrap();
        assert_ne!(second, digest_of(&inputs).unwrap());
    }
}
