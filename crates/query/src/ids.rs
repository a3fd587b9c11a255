//! Chance, as a parameter: identifiers and secrets that must not be guessable.

use std::fmt;

use uuid::Uuid;

/// The machine gave no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random numbers")]
pub struct NoRandomness;

/// Gives identifiers and secrets.
pub trait Ids: Send + Sync {
    /// A new time-ordered identifier: runs, requests.
    fn ordered(&self) -> Uuid;

    /// A new identifier that tells nothing: accounts, session families.
    fn random(&self) -> Uuid;

    /// Fills a buffer with secret random bytes.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Default)]
pub struct SystemIds;

impl fmt::Debug for SystemIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemIds")
    }
}

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the edge where identifiers of requests and runs are made")]
    fn ordered(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the edge where identifiers of accounts and sessions are made"
    )]
    fn random(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::fill(bytes).map_err(|_| NoRandomness)
    }
}
