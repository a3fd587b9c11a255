//! Who is to be erased, and by which strings one would find them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use salescommand_domain::raw::{Envelope, InstanceName, Payload};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields of a person's own record that say who they are, wherever they stand in it.
const NAMES: &[&str] = &[
    "name",
    "first_name",
    "last_name",
    "firstname",
    "lastname",
    "given_name",
    "surname",
    "full_name",
    "nickname",
];
/// Fields by which a person is reached; in an event that is about one person only, they are that person's.
pub(super) const CONTACTS: &[&str] = &[
    "contact_name",
    "email",
    "email_from",
    "email_normalized",
    "email_cc",
    "login",
    "mail",
    "user_principal_name",
    "phone",
    "mobile",
    "phone_sanitized",
    "mobile_sanitized",
    "fax",
    "street",
    "street2",
    "address",
];
/// Fields of a person's own record that are blanked as a whole.
pub(super) const PICTURES: &[&str] = &["image", "avatar", "photo", "signature"];

/// A subject that is neither an e-mail address nor a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject is an e-mail address, or a record as `<object>:<key>`, such as res.partner:17")]
pub struct NotASubject;

/// An entry of an envelope's `subjects`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An e-mail address, in lower case.
    Email(String),
    /// A record, as `<object>:<key>`.
    Record(String),
}

impl Subject {
    /// Reads a subject.
    pub fn parse(text: &str) -> Result<Self, NotASubject> {
        let text = text.trim();
        let is_email =
            text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'));
        let is_record =
            text.split_once(':').is_some_and(|(object, key)| !object.is_empty() && !key.is_empty());
        if text.chars().any(char::is_whitespace) {
            Err(NotASubject)
        } else if is_email {
            Ok(Self::Email(text.to_lowercase()))
        } else if is_record {
            Ok(Self::Record(text.to_owned()))
        } else {
            Err(NotASubject)
        }
    }

    /// As it stands in envelopes.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(text) | Self::Record(text) => text,
        }
    }
}

/// Where a string of the person is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Reach {
    /// Only in events that name the person, and only as a whole value: it may be anybody's.
    Named,
    /// Wherever it stands: nobody else has it.
    Everywhere,
}

/// What is known of the person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Person {
    /// Their entries in `subjects`, in lower case: what they are.
    pub(super) aliases: BTreeSet<String>,
    /// Addresses that were found at them, in lower case. Another record with one of these names the person, but need not
    /// be theirs: a mailbox may be shared.
    pub(super) addresses: BTreeSet<String>,
    /// Their strings, in lower case.
    pub(super) strings: BTreeMap<String, Reach>,
}

impl Person {
    pub(super) fn new(subject: &Subject) -> Self {
        let mut person = Self::default();
        person.aliases.insert(subject.as_str().to_lowercase());
        if let Subject::Email(email) = subject {
            person.strings.insert(email.clone(), Reach::Everywhere);
        }
        person
    }

    /// Whether an event names the person among its subjects.
    pub(super) fn is_named(&self, envelope: &Envelope) -> bool {
        envelope.subjects.iter().any(|subject| self.knows(subject))
    }

    fn knows(&self, subject: &str) -> bool {
        let subject = subject.to_lowercase();
        self.aliases.contains(&subject) || self.addresses.contains(&subject)
    }

    /// Whether an event names the person and nobody else.
    pub(super) fn is_alone(&self, envelope: &Envelope) -> bool {
        self.is_named(envelope) && envelope.subjects.iter().all(|subject| self.knows(subject))
    }

    /// Whether an event is a record of the person, and not one that only names them.
    pub(super) fn is_own(&self, envelope: &Envelope) -> bool {
        if envelope.instance == InstanceName::config() {
            // One account, one person and one address are the same there.
            return self.is_named(envelope);
        }
        let own = format!("{}:{}", envelope.object, envelope.key);
        let is_alias = |subject: &String| self.aliases.contains(&subject.to_lowercase());
        envelope.subjects.contains(&own) && envelope.subjects.iter().any(is_alias)
    }

    /// Learns from an event what else is the person's; whether that was anything new.
    pub(super) fn learn(&mut self, envelope: &Envelope) -> bool {
        if !self.is_own(envelope) {
            return false;
        }
        let before = (self.aliases.len(), self.addresses.len(), self.strings.len());
        // The person's own record names them by all that they are called.
        for subject in &envelope.subjects {
            let subject = subject.to_lowercase();
            if subject.contains('@') {
                self.strings.insert(subject.clone(), Reach::Everywhere);
                self.addresses.insert(subject);
            } else {
                self.aliases.insert(subject);
            }
        }
        if let Payload::Inline(payload) = &envelope.payload {
            self.learn_strings(None, payload);
        }
        before != (self.aliases.len(), self.addresses.len(), self.strings.len())
    }

    fn learn_strings(&mut self, field: Option<&str>, value: &Value) {
        match value {
            Value::String(text) => {
                let wanted = |known: &[&str]| {
                    field.is_some_and(|field| known.contains(&field.to_lowercase().as_str()))
                };
                let text = text.trim().to_lowercase();
                if (wanted(NAMES) || wanted(CONTACTS)) && text.chars().count() > 1 {
                    let reach = reach(&text);
                    self.strings.insert(text, reach);
                }
            }
            Value::Object(map) => map.iter().for_each(|(key, value)| self.learn_strings(Some(key), value)),
            Value::Array(items) => items.iter().for_each(|item| self.learn_strings(field, item)),
            _ => {}
        }
    }
}

/// An e-mail address, a telephone number and a name of several words belong to one person; a single word does not.
fn reach(text: &str) -> Reach {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let is_email = text.contains('@');
    let is_telephone = digits >= 6 && letters == 0;
    let is_name = text.split_whitespace().count() > 1 && letters >= 5 && digits == 0;
    if is_email || is_telephone || is_name { Reach::Everywhere } else { Reach::Named }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_addresses_or_records() {
        assert_eq!(Subject::parse(" Ann@X.com "), Ok(Subject::Email("ann@x.com".into())));
        assert_eq!(Subject::parse("res.partner:17"), Ok(Subject::Record("res.partner:17".into())));
        for bad in ["", "ann", "ann@x", "@x.com", "a b@x.com", ":1", "x:"] {
            assert!(Subject::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_may_be_anybodys_is_replaced_in_their_events_only() {
        for text in ["ann@x.com", "+49 30 1234567", "ann smith"] {
            assert_eq!(reach(text), Reach::Everywhere, "{text}");
        }
        for text in ["ann", "main street 5", "12345", "berlin"] {
            assert_eq!(reach(text), Reach::Named, "{text}");
        }
    }
}
