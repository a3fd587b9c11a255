//! The session keys: what keys that sign access tokens come from, and what seals what clients carry about.
//!
//! The present key signs and seals; former ones are still believed, so that a key can be replaced while everything runs. They are
//! known to query services alone; of the signing keys the public halves are published.

use secrecy::SecretString;

use crate::config::{KeyError, SymmetricKey};

/// The present session key and former ones.
#[derive(Debug)]
pub struct SessionKeys {
    present: SymmetricKey,
    former: Vec<SymmetricKey>,
}

impl SessionKeys {
    /// Takes the key that signs, and those that are still believed.
    pub fn new(present: SymmetricKey, former: Vec<SymmetricKey>) -> Self {
        Self { present, former }
    }

    /// Reads the key that signs, and those that are still believed, which are separated by commas or white space.
    pub fn from_base64(present: &SecretString, former: &SecretString) -> Result<Self, KeyError> {
        Ok(Self::new(SymmetricKey::from_base64(present)?, SymmetricKey::list_from_base64(former)?))
    }

    pub(crate) fn present(&self) -> &SymmetricKey {
        &self.present
    }

    pub(crate) fn former(&self) -> impl Iterator<Item = &SymmetricKey> {
        self.former.iter()
    }
}

impl From<SymmetricKey> for SessionKeys {
    fn from(key: SymmetricKey) -> Self {
        Self::new(key, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};

    use super::*;

    #[test]
    fn keys_are_read_from_a_list_and_never_shown() {
        let text = |byte: u8| BASE64_STANDARD.encode([byte; 32]);
        let former = format!("{},{}\n", text(2), text(3));
        let keys = SessionKeys::from_base64(&text(1).into(), &former.into()).unwrap();
        let id = |byte: u8| SymmetricKey::from_bytes(vec![byte; 32]).unwrap().id();
        let former: Vec<_> = keys.former().map(SymmetricKey::id).collect();
        assert_eq!((keys.present().id(), former), (id(1), vec![id(2), id(3)]));
        assert!(SessionKeys::from_base64(&text(1).into(), &"no key".into()).is_err());
        assert!(!format!("{keys:?}").contains(&text(1)));
    }
}
