//! Sealed text: what a client carries about and must neither read nor change, such as the version in an ETag.
//!
//! AES-256-GCM under a key of its own. The nonce is a keyed digest of what is sealed, so the same content gives the
//! same text: an ETag must not change by itself. What was sealed for one purpose does not open for another. The
//! present key seals; what a former one has sealed still opens.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use sha2::{Digest as _, Sha256};

use crate::config::SymmetricKey;
use crate::session_keys::SessionKeys;

const NONCE_BYTES: usize = 12;

/// Seals and opens.
pub(crate) struct Seals {
    present: Seal,
    former: Vec<Seal>,
}

/// Under one key.
struct Seal {
    cipher: Aes256Gcm,
    nonce_key: [u8; 32],
}

impl std::fmt::Debug for Seals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seals")
    }
}

impl Seals {
    /// Keys of their own, derived from the service's.
    pub(crate) fn new(keys: &SessionKeys) -> Self {
        Self { present: Seal::new(keys.present()), former: keys.former().map(Seal::new).collect() }
    }

    /// Seals text for a purpose; none if the cipher refuses, which it does for gigabytes only.
    pub(crate) fn seal(&self, purpose: &str, text: &str) -> Option<String> {
        self.present.seal(purpose, text)
    }

    /// A keyed digest of text, in hexadecimal: who has the present key can tell whether it is of a given text, and nobody else.
    pub(crate) fn digest(&self, purpose: &str, text: &str) -> String {
        self.present.digest(purpose, text)
    }

    /// Opens what was sealed for this purpose under one of the keys.
    pub(crate) fn open(&self, purpose: &str, sealed: &str) -> Option<String> {
        std::iter::once(&self.present).chain(&self.former).find_map(|seal| seal.open(purpose, sealed))
    }
}

impl Seal {
    fn new(key: &SymmetricKey) -> Self {
        let derived = |name: &[u8]| -> [u8; 32] {
            Sha256::new()
                .chain_update(b"salescommand seal\0")
                .chain_update(name)
                .chain_update(key.bytes())
                .finalize()
                .into()
        };
        Self { cipher: Aes256Gcm::new(&derived(b"text\0").into()), nonce_key: derived(b"nonce\0") }
    }

    fn seal(&self, purpose: &str, text: &str) -> Option<String> {
        let nonce = self.nonce(purpose, text);
        let payload = Payload { msg: text.as_bytes(), aad: purpose.as_bytes() };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn open(&self, purpose: &str, sealed: &str) -> Option<String> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
        String::from_utf8(self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()?).ok()
    }

    fn digest(&self, purpose: &str, text: &str) -> String {
        // Not what a nonce is: of that one half is known to whoever holds a sealed text.
        self.nonce(&format!("digest\0{purpose}"), text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn nonce(&self, purpose: &str, text: &str) -> [u8; NONCE_BYTES] {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(self.nonce_key)
            .chain_update((purpose.len() as u64).to_le_bytes())
            .chain_update(purpose)
            .chain_update(text)
            .finalize()
            .into();
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&digest[..NONCE_BYTES]);
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seals(byte: u8) -> Seals {
        Seals::new(&key(byte).into())
    }

    fn key(byte: u8) -> SymmetricKey {
        SymmetricKey::from_bytes(vec![byte; 32]).unwrap()
    }

    #[test]
    fn opens_for_its_purpose_and_under_its_key_only() {
        let sealed = seals(1).seal("etag", "crm/1/17").unwrap();
        assert_eq!(seals(1).open("etag", &sealed).as_deref(), Some("crm/1/17"));
        assert_eq!(seals(1).seal("etag", "crm/1/17").as_ref(), Some(&sealed), "sealed alike");
        assert_eq!(seals(1).open("write", &sealed), None);
        assert_eq!(seals(2).open("etag", &sealed), None);
        assert!(!sealed.contains("17"));
    }

    #[test]
    fn former_keys_open_and_the_present_one_seals() {
        let sealed = seals(1).seal("etag", "crm/1/17").unwrap();
        let replaced = Seals::new(&SessionKeys::new(key(2), vec![key(3), key(1)]));
        assert_eq!(replaced.open("etag", &sealed).as_deref(), Some("crm/1/17"));
        assert_eq!(replaced.open("write", &sealed), None);
        assert_eq!(replaced.seal("etag", "crm/1/17"), seals(2).seal("etag", "crm/1/17"));
    }

    #[test]
    fn changed_text_does_not_open() {
        let sealed = seals(1).seal("etag", "crm/1/17").unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(seals(1).open("etag", std::str::from_utf8(&changed).unwrap()), None, "{index}");
        }
        for garbage in ["", "x", "AAAAAAAAAAAAAAAA", "é"] {
            assert_eq!(seals(1).open("etag", garbage), None);
        }
    }
}
