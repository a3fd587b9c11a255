//! Names of source instances and objects, and the streams and subjects made of them.
//!
//! A record's whole history is one subject: `raw.<instance>.<object>.<record key>`. Object and key are escaped
//! to legal subject tokens without collisions (every byte outside `A-Z a-z 0-9 _ -` becomes `=XX`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a source instance: 1 to 32 of `a-z`, `0-9` and `-`, beginning with a letter.
///
/// Two databases of one kind are two instances. `config` and `crm` are SalesCommand's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceName(String);

/// The name of an object within a source, as the source spells it (`crm.lead`, `Opportunity`): 1 to 128
/// characters without white space or control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName(String);

/// A name that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a legal instance name.
    #[error("instance name {0:?} must be 1 to 32 of a-z, 0-9 and '-', beginning with a letter")]
    Instance(String),
    /// Not a legal object name.
    #[error("object name {0:?} must be 1 to 128 characters without white space")]
    Object(String),
}

impl InstanceName {
    /// Checks and wraps a name.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        let legal = name.len() <= 32
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if legal { Ok(Self(name)) } else { Err(NameError::Instance(name)) }
    }

    /// SalesCommand's own configuration: persons, accounts, calendar, manager edges.
    pub fn config() -> Self {
        Self("config".to_owned())
    }

    /// What people write in SalesCommand: edits of records, and records made here.
    pub fn crm() -> Self {
        Self("crm".to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ObjectName {
    /// Checks and wraps a name.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        let legal =
            (1..=128).contains(&name.len()) && !name.chars().any(|c| c.is_whitespace() || c.is_control());
        if legal { Ok(Self(name)) } else { Err(NameError::Object(name)) }
    }

    /// A name that this program itself gives to an object of its own instances: a literal that keeps the rule.
    pub(crate) fn own(name: &'static str) -> Self {
        Self(name.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_name {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(name)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}
text_name!(InstanceName);
text_name!(ObjectName);

/// The stream that holds one epoch of an instance's log: `RAW_<INSTANCE>_E<epoch>`.
pub fn raw_stream(instance: &InstanceName, epoch: u32) -> String {
    format!("RAW_{}_E{epoch}", instance.as_str().to_ascii_uppercase())
}

/// Instance and epoch of a raw stream's name.
pub fn parse_raw_stream(name: &str) -> Option<(InstanceName, u32)> {
    let (instance, epoch) = name.strip_prefix("RAW_")?.rsplit_once("_E")?;
    Some((InstanceName::new(instance.to_ascii_lowercase()).ok()?, epoch.parse().ok()?))
}

/// The subject of one record's history.
pub fn raw_subject(instance: &InstanceName, object: &ObjectName, key: &str) -> String {
    format!("raw.{instance}.{}.{}", token(object.as_str()), token(key))
}

/// The filter that matches every record of an instance.
pub fn raw_subject_filter(instance: &InstanceName) -> String {
    format!("raw.{instance}.>")
}

/// The object that an escaped token names; none if it names none.
pub fn parse_raw_object(token: &str) -> Option<ObjectName> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if is_plain(*first) {
            bytes.push(*first);
            continue;
        }
        if *first != b'=' {
            return None;
        }
        let (digits, behind) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = behind;
    }
    ObjectName::new(String::from_utf8(bytes).ok()?).ok()
}

/// Escapes text to one subject token; injective, and never empty.
fn token(text: &str) -> String {
    if text.is_empty() {
        return "=".to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("={byte:02X}"));
        }
    }
    out
}

/// Whether a byte stands for itself in a token.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_the_stream_and_subject_of_a_record() {
        let instance = InstanceName::new("odoo-eu").unwrap();
        let object = ObjectName::new("crm.lead").unwrap();
        assert_eq!(raw_stream(&instance, 3), "RAW_ODOO-EU_E3");
        assert_eq!(parse_raw_stream("RAW_ODOO-EU_E3"), Some((instance.clone(), 3)));
        assert!(parse_raw_stream("RAW_X").is_none() && parse_raw_stream("CANONICAL_G1").is_none());
        assert_eq!(raw_subject(&instance, &object, "17"), "raw.odoo-eu.crm=2Elead.17");
    }

    #[test]
    fn refuses_names_that_would_not_be_one_token() {
        for bad in ["", "Odoo", "9lives", "a.b", "a b", "a_b", &"x".repeat(33)] {
            assert!(InstanceName::new(bad).is_err(), "{bad:?}");
        }
        assert!(ObjectName::new("crm lead").is_err());
    }

    proptest! {
        #[test]
        fn tokens_are_legal_and_never_collide(a in ".{0,40}", b in ".{0,40}") {
            let legal = |t: &str| !t.is_empty() && t.bytes().all(|c| c.is_ascii_alphanumeric() || b"=_-".contains(&c));
            prop_assert!(legal(&token(&a)));
            prop_assert_eq!(a == b, token(&a) == token(&b));
        }

        #[test]
        fn an_object_is_found_again_by_its_token(name in ".{0,40}", any in "[=0-9A-Za-z_-]{0,9}") {
            prop_assert_eq!(parse_raw_object(&token(&name)), ObjectName::new(name).ok());
            parse_raw_object(&any);
        }
    }
}
