//! Where things lie: this clone, cargo's target folder, the caches shared by all clones; and building the two binaries.

use crate::command;
use crate::progress::Step;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders of this clone.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo puts what it builds; may be shared with other clones.
    pub target: PathBuf,
}

impl Workspace {
    /// Finds the clone this program was started from, and asks cargo for its target folder.
    pub fn find() -> Result<Self> {
        // Set by `cargo run`; the compiled-in path serves a binary that was started by hand.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root =
            manifest.ancestors().nth(2).context("crates/xtask does not lie inside a workspace")?.to_owned();
        let output = Self::cargo_in(&root)
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .output()
            .context("cannot run cargo")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let target =
            metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?;
        Ok(Self { root, target: PathBuf::from(target) })
    }

    /// Where `up` keeps data, logs and secrets between runs.
    pub fn state(&self) -> PathBuf {
        self.root.join(".salescommand")
    }

    /// Where `test` leaves its report and logs; inside the clone, because the target folder may be shared.
    pub fn report(&self) -> PathBuf {
        self.root.join("target").join("test-report")
    }

    /// The front end's folder.
    pub fn frontend(&self) -> PathBuf {
        self.root.join("frontend")
    }

    /// `cargo`, in the root of the workspace.
    pub fn cargo(&self) -> Command {
        Self::cargo_in(&self.root)
    }

    fn cargo_in(root: &Path) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(root);
        // These describe xtask itself; a cargo below would hand them on to build scripts and rebuild what depends on them.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_")
                || text.starts_with("CARGO_MANIFEST_")
                || text == "CARGO_CRATE_NAME"
            {
                command.env_remove(&name);
            }
        }
        command
    }
}

/// The programs of this workspace that a stack runs.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// `salescommand`.
    pub salescommand: PathBuf,
    /// `salescommand-odoo-simulator`.
    pub simulator: PathBuf,
}

impl Binaries {
    /// Where they are once they have been built.
    pub fn at(workspace: &Workspace) -> Self {
        let folder = workspace.target.join("debug");
        Self {
            salescommand: folder.join("salescommand"),
            simulator: folder.join("salescommand-odoo-simulator"),
        }
    }

    /// Builds both in the dev profile; cargo's output goes to `log`.
    pub fn build(workspace: &Workspace, log: &Path) -> Result<Self> {
        let these = ["--package", "salescommand", "--package", "salescommand-odoo-simulator"];
        Self::build_of(workspace, log, &these)
    }

    /// Builds them beside all tests: what is chosen together has the same features, so that nothing that the tests have
    /// compiled is compiled again.
    pub fn build_beside_tests(workspace: &Workspace, log: &Path) -> Result<Self> {
        Self::build_of(workspace, log, &["--workspace", "--bins", "--tests"])
    }

    fn build_of(workspace: &Workspace, log: &Path, chosen: &[&str]) -> Result<Self> {
        let step = Step::start("Build of SalesCommand");
        let mut cargo = workspace.cargo();
        cargo.arg("build").args(chosen);
        let _ = std::fs::remove_file(log);
        if !command::run(&mut cargo, log, |line| step.update(line))?.success() {
            step.failed();
            bail!(
                "cargo build failed; full output in {}\n{}",
                log.display(),
                command::tail(log, 30).join("\n")
            );
        }
        let binaries = Self::at(workspace);
        for path in [&binaries.salescommand, &binaries.simulator] {
            if !path.is_file() {
                step.failed();
                bail!("cargo build succeeded, but {} is missing", path.display());
            }
        }
        step.done("ready");
        Ok(binaries)
    }
}

/// `$XDG_CACHE_HOME/salescommand` or `~/.cache/salescommand`: shared by all clones of this user.
pub fn user_cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => {
            let home = std::env::var_os("HOME").filter(|value| !value.is_empty());
            PathBuf::from(home.context("set HOME or XDG_CACHE_HOME: the servers are cached there")?)
                .join(".cache")
        }
    };
    Ok(base.join("salescommand"))
}

/// The first file called `name` in a folder of PATH that may be executed.
pub fn on_path(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_of_this_crate_is_found() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.root.join("nats.conf").is_file());
    }

    #[test]
    fn programs_are_looked_up_on_path() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program-here").is_none());
    }
}
