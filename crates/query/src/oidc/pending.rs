//! A sign-in that has been begun: what has to come back with it, in a sealed cookie.
//!
//! The cookie is `SameSite=Lax`, since the provider's redirect comes from another site, and lives ten minutes. It is
//! good once: whoever brings the answer of the provider also uses its state up, in the store.

use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bson::Bson;
use jiff::Timestamp;
use salescommand_store::{Condition, Error as StoreError, OPS_USED_SIGN_INS, Ops, Query};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Refusal;
use crate::digest::sha256_hex;
use crate::document;
use crate::ids::{Ids, NoRandomness};
use crate::seal::Seals;

/// Holds the sign-in that has been begun.
pub(crate) const PENDING_COOKIE: &str = "sc_pending";
/// How long somebody may take at the provider, in seconds.
pub(crate) const PENDING_SECONDS: i64 = 600;
const PURPOSE: &str = "sign-in through a provider";
/// The longest path that is led back to.
const LONGEST_PATH: usize = 512;

/// What has to come back, and where to go then.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) provider: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) next: String,
    expires: i64,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// A state that has come back. Times are seconds since 1970.
#[derive(Serialize)]
struct UsedState {
    #[serde(rename = "_id")]
    digest: String,
    expires: i64,
}

impl Pending {
    pub(crate) fn begin(
        ids: &dyn Ids,
        provider: &str,
        next: &str,
        now: Timestamp,
    ) -> Result<Self, NoRandomness> {
        Ok(Self {
            provider: provider.to_owned(),
            state: secret(ids)?,
            nonce: secret(ids)?,
            verifier: secret(ids)?,
            next: local_path(next),
            expires: now.as_second() + PENDING_SECONDS,
        })
    }

    /// The PKCE challenge, method S256 (RFC 7636).
    pub(crate) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    /// The cookie's value.
    pub(crate) fn seal(&self, seals: &Seals) -> Option<String> {
        seals.seal(PURPOSE, &serde_json::to_string(self).ok()?)
    }

    /// Opens the cookie of the browser that brings this state from this provider.
    pub(crate) fn open(
        seals: &Seals,
        sealed: &str,
        (provider, state): (&str, &str),
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let text = seals.open(PURPOSE, sealed).ok_or(Refusal::StateInvalid)?;
        let pending: Self = serde_json::from_str(&text).map_err(|_| Refusal::StateInvalid)?;
        if pending.provider != provider || pending.state != state {
            return Err(Refusal::StateInvalid);
        }
        if pending.expires <= now.as_second() { Err(Refusal::SignInExpired) } else { Ok(pending) }
    }

    /// Uses the state up. The store decides between two that come at the same time.
    pub(crate) async fn use_up(&self, ops: &Arc<dyn Ops>, now: Timestamp) -> Result<(), Refusal> {
        let used = UsedState { digest: sha256_hex(self.state.as_bytes()), expires: self.expires };
        let written = async {
            let over = Condition::Lt("expires".to_owned(), Bson::Int64(now.as_second()));
            ops.delete(OPS_USED_SIGN_INS, &Query::all().with(over)).await?;
            ops.insert(OPS_USED_SIGN_INS, document::write(&used)?).await
        };
        match written.await {
            Ok(()) => Ok(()),
            Err(StoreError::Duplicate { .. }) => Err(Refusal::AlreadyUsed),
            Err(error) => {
                tracing::warn!(%error, "a sign-in cannot be recorded");
                Err(Refusal::Unavailable)
            }
        }
    }
}

fn secret(ids: &dyn Ids) -> Result<String, NoRandomness> {
    let mut bytes = [0; 32];
    ids.fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// A path of this site, never another site's and never the interface for programs.
pub(crate) fn local_path(path: &str) -> String {
    let local = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= LONGEST_PATH
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
        && !["/api", "/sign-in"].iter().any(|prefix| path.starts_with(prefix));
    if local { path.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SymmetricKey;
    use crate::ids::SystemIds;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seals(byte: u8) -> Seals {
        Seals::new(&SymmetricKey::from_bytes(vec![byte; 32]).unwrap().into())
    }

    #[test]
    fn opens_for_its_provider_and_its_state_within_its_time() {
        let pending = Pending::begin(&SystemIds, "one", "/overview", at(1_000)).unwrap();
        let sealed = pending.seal(&seals(1)).unwrap();
        let open = |key, provider: &str, state: &str, second| {
            Pending::open(&seals(key), &sealed, (provider, state), at(second)).map(|opened| opened.nonce)
        };
        assert_eq!(open(1, "one", &pending.state, 1_599), Ok(pending.nonce.clone()));
        assert_eq!(open(1, "one", &pending.state, 1_600), Err(Refusal::SignInExpired));
        assert_eq!(open(1, "two", &pending.state, 1_000), Err(Refusal::StateInvalid));
        assert_eq!(open(1, "one", "another", 1_000), Err(Refusal::StateInvalid));
        assert_eq!(open(2, "one", &pending.state, 1_000), Err(Refusal::StateInvalid));
        assert!(!sealed.contains(&pending.verifier));
    }

    #[test]
    fn the_challenge_is_the_one_of_the_standards_example() {
        let mut pending = Pending::begin(&SystemIds, "one", "/", at(0)).unwrap();
        pending.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        assert_eq!(pending.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn only_paths_of_this_site_are_led_back_to() {
        for good in ["/", "/overview?view=table", "/opportunities/x#y"] {
            assert_eq!(local_path(good), good);
        }
        let long = format!("/{}", "x".repeat(600));
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "x",
            "/a\nb",
            "/api/meta",
            &long,
        ] {
            assert_eq!(local_path(bad), "/", "{bad}");
        }
    }
}
