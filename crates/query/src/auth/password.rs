//! Password hashes: argon2id with the parameters OWASP names as the least (19 MiB, two passes, one lane).
//!
//! A check takes tens of milliseconds and 19 MiB, so it runs on the blocking pool and only a few run at a time;
//! a check for an unknown account does the same work against a hash that no password has.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::ids::Ids;

/// Memory in KiB.
const MEMORY_KIB: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Checks at the same time: bounds the memory that sign-in attempts can take.
const CHECKS_AT_ONCE: usize = 4;

/// A password could not be hashed or checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a password could not be hashed: {0}")]
pub(crate) struct PasswordError(String);

/// Hashes and checks passwords.
pub(crate) struct Passwords {
    argon: Argon2<'static>,
    nobodys: String,
    ids: Arc<dyn Ids>,
    permits: Arc<Semaphore>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    /// Prepares the hash that stands in for unknown accounts.
    pub(crate) fn new(ids: Arc<dyn Ids>) -> Result<Self, PasswordError> {
        let params =
            Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| PasswordError(error.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobodys = hash_with(&argon, &secret_bytes(&*ids)?, &salt(&*ids)?)?;
        Ok(Self { argon, nobodys, ids, permits: Arc::new(Semaphore::new(CHECKS_AT_ONCE)) })
    }

    /// The PHC string of a password.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let (argon, salt) = (self.argon.clone(), salt(&*self.ids)?);
        self.blocking(move || hash_with(&argon, password.expose_secret().as_bytes(), &salt)).await?
    }

    /// Whether a hash was made with other parameters than the present ones.
    pub(crate) fn is_outdated(hash: &str) -> bool {
        !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"))
    }

    /// Whether the password is the one of this hash. Without a hash it works as long and says no.
    pub(crate) async fn verify(
        &self,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let (argon, known) = (self.argon.clone(), hash.is_some());
        let hash = hash.unwrap_or_else(|| self.nobodys.clone());
        let matches = self.blocking(move || {
            let parsed = PasswordHash::new(&hash).map_err(|error| PasswordError(error.to_string()))?;
            Ok(argon.verify_password(password.expose_secret().as_bytes(), &parsed).is_ok())
        });
        Ok(matches.await?? && known)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit =
            self.permits.clone().acquire_owned().await.map_err(|error| PasswordError(error.to_string()))?;
        // The permit goes with the work: a client that hangs up must not free it early.
        let held = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(held).await.map_err(|error| PasswordError(error.to_string()))
    }
}

fn hash_with(argon: &Argon2<'static>, password: &[u8], salt: &[u8]) -> Result<String, PasswordError> {
    let hash: PasswordHash =
        argon.hash_password_with_salt(password, salt).map_err(|error| PasswordError(error.to_string()))?;
    Ok(hash.to_string())
}

fn salt(ids: &dyn Ids) -> Result<[u8; 16], PasswordError> {
    let mut salt = [0; 16];
    ids.fill(&mut salt).map_err(|error| PasswordError(error.to_string()))?;
    Ok(salt)
}

fn secret_bytes(ids: &dyn Ids) -> Result<[u8; 32], PasswordError> {
    let mut bytes = [0; 32];
    ids.fill(&mut bytes).map_err(|error| PasswordError(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SystemIds;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_matches() {
        let passwords = Passwords::new(Arc::new(SystemIds)).unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(!Passwords::is_outdated(&hash));
        assert!(Passwords::is_outdated("$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$aGFzaA"));
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("battery staple".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn more_checks_than_a_few_stand_in_line() {
        let passwords = Arc::new(Passwords::new(Arc::new(SystemIds)).unwrap());
        let all = passwords.permits.clone().acquire_many_owned(4).await.unwrap();
        let mut checks = Vec::new();
        for _ in 0..20 {
            let passwords = passwords.clone();
            checks.push(tokio::spawn(async move { passwords.verify("guess".into(), None).await }));
        }
        let first = tokio::time::timeout(std::time::Duration::from_millis(200), &mut checks[0]).await;
        assert!(first.is_err(), "a check does not wait for its turn");
        drop(all);
        for check in checks {
            assert!(!check.await.unwrap().unwrap());
        }
        assert_eq!(passwords.permits.available_permits(), CHECKS_AT_ONCE);
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_error_not_a_match() {
        let passwords = Passwords::new(Arc::new(SystemIds)).unwrap();
        assert!(passwords.verify("x".into(), Some("plain".to_owned())).await.is_err());
    }
}
