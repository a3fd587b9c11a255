//! The master keys: what seals the credentials of sources.
//!
//! A credential is sealed with AES-256-GCM and bound to what it belongs to, so a sealed text that is moved elsewhere does
//! not open. It names the key that sealed it. The present key seals; former ones still open, so that a key can be replaced
//! while everything runs.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::config::{KeyError, SymmetricKey};
use crate::ids::Ids;

const NONCE_BYTES: usize = 12;

/// The present master key and former ones.
#[derive(Clone)]
pub struct MasterKeys {
    present: MasterKey,
    former: Vec<MasterKey>,
}

#[derive(Clone)]
struct MasterKey {
    id: String,
    cipher: Aes256Gcm,
}

/// A sealed text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sealed {
    /// Which master key opens it.
    pub(crate) key_id: String,
    /// Base64 of nonce and ciphertext.
    nonce_and_ciphertext: String,
}

/// Why a sealed text does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It was sealed with a key that is not here; its id.
    ForeignKey(String),
    /// Somebody changed it, or it belongs elsewhere.
    Changed,
}

impl MasterKeys {
    /// Takes the key that seals, and those that still open.
    pub fn new(present: &SymmetricKey, former: &[SymmetricKey]) -> Result<Self, KeyError> {
        let former = former.iter().map(MasterKey::new).collect::<Result<_, _>>()?;
        Ok(Self { present: MasterKey::new(present)?, former })
    }

    /// Reads the key that seals, and those that still open, which are separated by commas or white space.
    pub fn from_base64(present: &SecretString, former: &SecretString) -> Result<Self, KeyError> {
        let former = SymmetricKey::list_from_base64(former)?;
        Self::new(&SymmetricKey::from_base64(present)?, &former)
    }

    /// Seals a text for what it belongs to; none without random numbers.
    pub(crate) fn seal(&self, ids: &dyn Ids, binding: &[u8], text: &SecretString) -> Option<Sealed> {
        let mut nonce = [0; NONCE_BYTES];
        ids.fill(&mut nonce).ok()?;
        let payload = Payload { msg: text.expose_secret().as_bytes(), aad: binding };
        let ciphertext = self.present.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        let nonce_and_ciphertext = BASE64_STANDARD.encode([nonce.as_slice(), &ciphertext].concat());
        Some(Sealed { key_id: self.present.id.clone(), nonce_and_ciphertext })
    }

    /// Opens a text that belongs to this.
    pub(crate) fn open(&self, binding: &[u8], sealed: &Sealed) -> Result<SecretString, Closed> {
        let mut keys = std::iter::once(&self.present).chain(&self.former);
        let key = keys.find(|key| key.id == sealed.key_id);
        let key = key.ok_or_else(|| Closed::ForeignKey(sealed.key_id.clone()))?;
        key.open(binding, &sealed.nonce_and_ciphertext).ok_or(Closed::Changed)
    }

    /// Whether a text is sealed with the present key.
    pub(crate) fn is_present(&self, sealed: &Sealed) -> bool {
        sealed.key_id == self.present.id
    }
}

impl MasterKey {
    fn new(key: &SymmetricKey) -> Result<Self, KeyError> {
        let cipher = Aes256Gcm::new_from_slice(key.bytes()).map_err(|_| KeyError)?;
        Ok(Self { id: key.id(), cipher })
    }

    fn open(&self, binding: &[u8], nonce_and_ciphertext: &str) -> Option<SecretString> {
        let bytes = BASE64_STANDARD.decode(nonce_and_ciphertext).ok()?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: ciphertext, aad: binding };
        let plain = self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()?;
        String::from_utf8(plain).ok().map(SecretString::from)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeys({} and {} former)", self.present.id, self.former.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SystemIds;

    fn key(byte: u8) -> SymmetricKey {
        SymmetricKey::from_bytes(vec![byte; 32]).unwrap()
    }

    fn keys(present: u8, former: &[u8]) -> MasterKeys {
        let former: Vec<_> = former.iter().map(|byte| key(*byte)).collect();
        MasterKeys::new(&key(present), &former).unwrap()
    }

    fn opened(keys: &MasterKeys, binding: &[u8], sealed: &Sealed) -> Result<String, Closed> {
        keys.open(binding, sealed).map(|text| text.expose_secret().to_owned())
    }

    #[test]
    fn former_keys_open_and_the_present_one_seals() {
        let sealed = keys(1, &[]).seal(&SystemIds, b"odoo", &"hunter2".into()).unwrap();
        let replaced = keys(2, &[3, 1]);
        assert_eq!(opened(&replaced, b"odoo", &sealed).as_deref(), Ok("hunter2"));
        assert!(!replaced.is_present(&sealed));
        let anew = replaced.seal(&SystemIds, b"odoo", &"hunter2".into()).unwrap();
        assert!(replaced.is_present(&anew));
        assert_eq!(opened(&keys(2, &[]), b"odoo", &anew).as_deref(), Ok("hunter2"));
        assert_eq!(opened(&keys(1, &[]), b"odoo", &anew), Err(Closed::ForeignKey(key(2).id())));
    }

    #[test]
    fn a_text_opens_for_what_it_belongs_to_and_unchanged_only() {
        let keys = keys(1, &[]);
        let sealed = keys.seal(&SystemIds, b"odoo", &"hunter2".into()).unwrap();
        assert_eq!(opened(&keys, b"other", &sealed), Err(Closed::Changed));
        for index in 0..sealed.nonce_and_ciphertext.len() {
            let mut text = sealed.nonce_and_ciphertext.clone().into_bytes();
            text[index] = if text[index] == b'A' { b'B' } else { b'A' };
            let changed = Sealed { nonce_and_ciphertext: String::from_utf8(text).unwrap(), ..sealed.clone() };
            assert_eq!(opened(&keys, b"odoo", &changed), Err(Closed::Changed), "{index}");
        }
    }

    #[test]
    fn keys_are_read_from_a_list() {
        let text = |byte| BASE64_STANDARD.encode([byte; 32]);
        let former = format!("{},{}\n", text(2), text(3));
        let read = MasterKeys::from_base64(&text(1).into(), &former.into()).unwrap();
        let sealed = keys(3, &[]).seal(&SystemIds, b"odoo", &"hunter2".into()).unwrap();
        assert_eq!(opened(&read, b"odoo", &sealed).as_deref(), Ok("hunter2"));
        assert!(MasterKeys::from_base64(&text(1).into(), &"no key".into()).is_err());
        assert!(!format!("{read:?}").contains(&text(1)));
    }
}
