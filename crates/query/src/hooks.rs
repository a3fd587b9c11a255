//! Keys of web hooks, by which a source tells that something has changed in it.
//!
//! A key is 256 random bits, made here, shown once and stored as its digest. Odoo can be told no more than an address, so the
//! key may stand at the end of a path: [`told`] is how paths are told to anybody.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::digest::sha256_hex;
use crate::ids::{Ids, NoRandomness};

/// Where hooks answer; source and key follow.
pub(crate) const PREFIX: &str = "/api/odoo/hooks/";
/// The connector kind whose sources may have a hook.
pub const HOOKED_KIND: &str = "odoo";
/// Length of a key as it is shown: 32 bytes in Base64.
const KEY_LENGTH: usize = 43;

/// A key, as it is shown once.
pub struct HookKey(SecretString);

impl fmt::Debug for HookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookKey")
    }
}

impl HookKey {
    /// A new one.
    pub(crate) fn generate(ids: &dyn Ids) -> Result<Self, NoRandomness> {
        let mut bytes = [0; 32];
        ids.fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    /// What somebody says is one; none if it cannot be.
    pub(crate) fn presented(text: &str) -> Option<Self> {
        (text.len() == KEY_LENGTH).then(|| Self(text.into()))
    }

    /// What is stored of it.
    pub(crate) fn digest(&self) -> HookDigest {
        HookDigest(sha256_hex(self.0.expose_secret().as_bytes()))
    }

    /// The key itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The path at which the hook of a source answers to this key.
    pub fn path(&self, source: &str) -> String {
        format!("{PREFIX}{source}/{}", self.expose())
    }
}

/// The SHA-256 digest of a key. A key has as many random bits as this, so neither salt nor stretching adds anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HookDigest(String);

impl HookDigest {
    /// Whether it is a key's, in a time that does not tell how much of it is.
    pub(crate) fn is_of(&self, key: &HookKey) -> bool {
        self.0.as_bytes().ct_eq(key.digest().0.as_bytes()).into()
    }
}

/// A path without the key that may be in it.
pub(crate) fn told(path: &str) -> Cow<'_, str> {
    // A doubled slash or another spelling answers nothing, and still has the key in it.
    match path.to_ascii_lowercase().find("hooks") {
        Some(_) if path.trim_start_matches('/').to_ascii_lowercase().starts_with("api") => {
            Cow::Owned(format!("{PREFIX}…"))
        }
        _ => Cow::Borrowed(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SystemIds;

    #[test]
    fn a_key_is_its_digest_s_and_no_other_s() {
        let (key, other) = (HookKey::generate(&SystemIds).unwrap(), HookKey::generate(&SystemIds).unwrap());
        assert_eq!(key.expose().len(), KEY_LENGTH);
        assert!(key.digest().is_of(&key) && !key.digest().is_of(&other));
        assert!(key.digest().is_of(&HookKey::presented(key.expose()).unwrap()));
        assert!(HookKey::presented("short").is_none());
        assert!(!format!("{key:?} {:?}", key.digest()).contains(key.expose()));
    }

    #[test]
    fn a_path_is_told_without_its_key() {
        for path in ["/api/odoo/hooks/erp/s3cret", "//api/odoo/hooks/erp/s3cret/", "/API/odoo/Hooks//s3cret"]
        {
            assert_eq!(told(path), "/api/odoo/hooks/…");
        }
        for path in ["/api/odoo/sources", "/hooks.js", "/"] {
            assert_eq!(told(path), path);
        }
    }
}
