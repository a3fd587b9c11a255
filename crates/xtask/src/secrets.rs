//! The random secrets of a development stack: made at the first start, kept in one file that only its owner may read.
//!
//! They reach processes through the environment only. The type has no `Debug`, so that they cannot slip into a log.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Every secret of one state folder.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// NATS user `platform`.
    pub nats_platform: String,
    /// NATS user `connector`.
    pub nats_connector: String,
    /// NATS user `normalizer`.
    #[serde(default)]
    pub nats_normalizer: String,
    /// NATS user `projector`.
    #[serde(default)]
    pub nats_projector: String,
    /// NATS user `query`.
    #[serde(default)]
    pub nats_query: String,
    /// MongoDB user `salescommand` (root of the development server).
    pub mongo_root: String,
    /// The key file by which members of the replica set know each other (base64).
    pub mongo_keyfile: String,
    /// Signs sessions and tokens: 32 bytes, base64.
    pub session_key: String,
    /// Seals stored credentials: 32 bytes, base64.
    pub master_key: String,
    /// Odoo simulator: administration calls.
    pub simulator_admin: String,
    /// Odoo simulator: the integration user's password.
    pub simulator_api: String,
}

impl Secrets {
    /// Reads `path`, or makes new secrets and writes them there with mode 0600. A file of an earlier version gets those that it
    /// lacks.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        match fs::read(path) {
            Ok(bytes) => {
                let mut secrets: Self = serde_json::from_slice(&bytes).with_context(|| {
                    format!("{} is damaged; `cargo xtask reset` starts afresh", path.display())
                })?;
                if secrets.complete()? {
                    write_private(path, &serde_json::to_vec_pretty(&secrets)?)?;
                }
                Ok(secrets)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let secrets = Self::generate()?;
                write_private(path, &serde_json::to_vec_pretty(&secrets)?)?;
                Ok(secrets)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Makes what is missing; whether anything was.
    fn complete(&mut self) -> Result<bool> {
        let mut changed = false;
        for secret in [&mut self.nats_normalizer, &mut self.nats_projector, &mut self.nats_query] {
            if secret.is_empty() {
                *secret = password()?;
                changed = true;
            }
        }
        Ok(changed)
    }

    fn generate() -> Result<Self> {
        Ok(Self {
            nats_platform: password()?,
            nats_connector: password()?,
            nats_normalizer: password()?,
            nats_projector: password()?,
            nats_query: password()?,
            mongo_root: password()?,
            mongo_keyfile: base64(&random::<96>()?),
            session_key: base64(&random::<32>()?),
            master_key: base64(&random::<32>()?),
            simulator_admin: password()?,
            simulator_api: password()?,
        })
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let _ = fs::remove_file(&partial);
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&partial, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// 40 characters, letters and digits with a letter first: safe in URLs and in configuration files without quoting.
fn password() -> Result<String> {
    let hex: String = random::<20>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("p{}", &hex[1..]))
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot read random bytes from /dev/urandom")?;
    Ok(bytes)
}

/// Standard base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| (group << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for position in 0..4 {
            if position > chunk.len() {
                text.push('=');
            } else {
                let index = (group >> (18 - 6 * position)) & 63;
                text.push(char::from(ALPHABET[index as usize]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn base64_matches_the_vectors_of_rfc_4648() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in vectors {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn secrets_are_private_random_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        let first = Secrets::load_or_create(&path).unwrap();
        let second = Secrets::load_or_create(&path).unwrap();
        assert_eq!(first.session_key, second.session_key);
        assert_ne!(first.session_key, first.master_key);
        assert_ne!(first.nats_platform, first.nats_connector);
        assert_eq!(first.session_key.len(), 44);
        assert_eq!(first.nats_platform.len(), 40);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_of_an_earlier_version_gets_what_it_lacks_and_keeps_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        let whole = Secrets::load_or_create(&path).unwrap();
        let mut earlier = serde_json::to_value(&whole).unwrap();
        earlier.as_object_mut().unwrap().remove("nats_query");
        fs::write(&path, earlier.to_string()).unwrap();
        let completed = Secrets::load_or_create(&path).unwrap();
        assert_eq!(completed.nats_query.len(), 40);
        assert_eq!(completed.master_key, whole.master_key);
        assert_eq!(Secrets::load_or_create(&path).unwrap().nats_query, completed.nats_query);
    }

    #[test]
    fn a_damaged_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        fs::write(&path, "{").unwrap();
        assert!(Secrets::load_or_create(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"{");
    }
}
