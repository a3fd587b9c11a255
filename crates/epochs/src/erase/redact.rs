//! An event without the person's strings. Pure.
//!
//! Each string gets a word of its own, the same wherever it stands, so records that were joined by an address stay
//! joined, and nothing else about them changes: no field appears or goes, no number, no date, no reference.

use salescommand_domain::canonical::{FacetId, SourceRef};
use salescommand_domain::raw::{Digest, Envelope, JSON_CONTENT_TYPE, Payload};
use salescommand_eventlog::StoredMessage;
use serde_json::Value;

use super::person::{CONTACTS, PICTURES, Person, Reach};
use crate::Error;

/// Characters that may stand inside an address.
const IN_ADDRESS: &[char] = &['.', '_', '-', '+'];

/// Replaces a person's strings.
pub(super) struct Redactor {
    person: Person,
    salt: String,
    /// Lower-case characters and the word in their place, the longest first.
    needles: Vec<(Vec<char>, String, Reach)>,
}

/// What became of an event.
pub(super) struct Redacted {
    pub(super) stored: StoredMessage,
    /// The record's subject before, if its key held the person's string.
    pub(super) subject_before: Option<String>,
    /// The facet of its record, before and since; none if the event does not say whose it is.
    pub(super) record: Option<(FacetId, FacetId)>,
}

impl Redactor {
    pub(super) fn new(person: Person, salt: &str) -> Self {
        let word = |text: &String| word(salt, text);
        let needle = |(text, reach): (&String, &Reach)| (text.chars().collect(), word(text), *reach);
        let mut needles: Vec<(Vec<char>, String, Reach)> = person.strings.iter().map(needle).collect();
        needles.sort_by_key(|(needle, _, _)| std::cmp::Reverse(needle.len()));
        Self { person, salt: salt.to_owned(), needles }
    }

    /// How many strings it replaces.
    pub(super) fn strings(&self) -> usize {
        self.needles.len()
    }

    /// The event without the person; none if it holds nothing of them.
    pub(super) fn redact(&self, stored: &StoredMessage) -> Result<Option<Redacted>, Error> {
        let content_type = stored.message.content_type.as_deref();
        let Ok(mut envelope) = Envelope::decode(&stored.message.payload, content_type) else {
            return Ok(self.redact_unreadable(stored));
        };
        let before = envelope.clone();
        self.redact_envelope(&mut envelope);
        if envelope == before {
            return Ok(None);
        }
        let json = content_type.is_some_and(|kind| kind.starts_with(JSON_CONTENT_TYPE));
        let payload = if json {
            serde_json::to_vec(&envelope).map_err(|error| error.to_string())
        } else {
            envelope.to_msgpack().map_err(|error| error.to_string())
        };
        let sequence = stored.message.sequence;
        let payload = payload.map_err(|error| Error::NotNow(format!("event {sequence}: {error}")))?;
        let mut redacted = with_payload(stored, payload);
        redacted.record = Some((facet_of(&before), facet_of(&envelope)));
        if envelope.key != before.key {
            redacted.stored.message.subject = envelope.subject();
            redacted.subject_before = Some(stored.message.subject.clone());
        }
        Ok(Some(redacted))
    }

    fn redact_envelope(&self, envelope: &mut Envelope) {
        let named = self.person.is_named(envelope);
        let own = self.person.is_own(envelope);
        let alone = self.person.is_alone(envelope);
        envelope.key = self.replace(&envelope.key, false);
        for subject in envelope.subjects.iter_mut().filter(|subject| subject.contains('@')) {
            *subject = self.replace(subject, false);
        }
        if let Payload::Inline(payload) = &mut envelope.payload {
            self.redact_value(payload, None, Of { named, own, alone });
        }
    }

    fn redact_value(&self, value: &mut Value, field: Option<&str>, of: Of) {
        match value {
            Value::String(text) => {
                let field = field.map(str::to_lowercase).unwrap_or_default();
                let whole = (of.alone && CONTACTS.contains(&field.as_str()))
                    || (of.own && PICTURES.iter().any(|picture| field.starts_with(picture)));
                let replaced = self.replace(text, of.named);
                *text = if replaced == *text && whole && !is_word(text) && !text.trim().is_empty() {
                    word(&self.salt, &text.trim().to_lowercase())
                } else {
                    replaced
                };
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_value(item, field, of)),
            Value::Object(map) => {
                map.iter_mut().for_each(|(key, value)| self.redact_value(value, Some(key), of));
            }
            _ => {}
        }
    }

    /// A text without the person's strings. `named`: also without those that are theirs only in an event that names
    /// them, where the text is nothing else.
    fn replace(&self, text: &str, named: bool) -> String {
        let lower = text.trim().to_lowercase();
        let whole = |(needle, _, reach): &&(Vec<char>, String, Reach)| {
            (named || *reach == Reach::Everywhere) && lower.chars().eq(needle.iter().copied())
        };
        if let Some((_, word, _)) = self.needles.iter().find(whole) {
            return word.clone();
        }
        let characters: Vec<char> = text.chars().collect();
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        while at < characters.len() {
            let found = self
                .needles
                .iter()
                .find(|(needle, _, reach)| *reach == Reach::Everywhere && stands_at(&characters, at, needle));
            match found {
                Some((needle, word, _)) => {
                    out.push_str(word);
                    at += needle.len();
                }
                None => {
                    out.push(characters[at]);
                    at += 1;
                }
            }
        }
        out
    }

    /// What no program of ours can read is searched byte by byte; nothing depends on its meaning.
    fn redact_unreadable(&self, stored: &StoredMessage) -> Option<Redacted> {
        let mut bytes = stored.message.payload.to_vec();
        let mut found = false;
        for (needle, _, reach) in &self.needles {
            let needle = needle.iter().collect::<String>().into_bytes();
            if *reach != Reach::Everywhere || needle.len() > bytes.len() {
                continue;
            }
            for at in 0..=bytes.len() - needle.len() {
                if bytes[at..at + needle.len()].eq_ignore_ascii_case(&needle) {
                    bytes[at..at + needle.len()].fill(b'x');
                    found = true;
                }
            }
        }
        found.then(|| with_payload(stored, bytes))
    }
}

/// In what relation an event stands to the person.
#[derive(Clone, Copy)]
struct Of {
    named: bool,
    own: bool,
    alone: bool,
}

fn with_payload(stored: &StoredMessage, payload: Vec<u8>) -> Redacted {
    let mut stored = stored.clone();
    // The id that it had is a digest of what it said.
    stored.message_id = Some(Digest::of(&payload).to_string());
    stored.message.payload = payload.into();
    Redacted { stored, subject_before: None, record: None }
}

fn facet_of(envelope: &Envelope) -> FacetId {
    let (instance, object) = (envelope.instance.clone(), envelope.object.clone());
    SourceRef { instance, object, key: envelope.key.clone() }.facet_id()
}

/// The word in place of a string: an address stays one.
fn word(salt: &str, text: &str) -> String {
    let digest = Digest::of(format!("{salt}\n{text}").as_bytes()).to_string();
    let word = format!("erased-{}", &digest[..12]);
    if text.contains('@') { format!("{word}@erased.invalid") } else { word }
}

fn is_word(text: &str) -> bool {
    text.starts_with("erased-")
}

/// Whether a needle stands at a place, and is not a part of a longer word or address.
fn stands_at(text: &[char], at: usize, needle: &[char]) -> bool {
    let Some(part) = text.get(at..at + needle.len()) else { return false };
    let same = |(a, b): (&char, &char)| a == b || a.to_lowercase().eq(std::iter::once(*b));
    if !part.iter().zip(needle).all(same) {
        return false;
    }
    let address = needle.contains(&'@');
    let before = at.checked_sub(1).map(|before| text[before]);
    let open_before = before.is_none_or(|c| !(c.is_alphanumeric() || address && IN_ADDRESS.contains(&c)));
    let (next, behind) = (text.get(at + needle.len()), text.get(at + needle.len() + 1));
    let open_behind = match next {
        Some(c) if address && matches!(c, '.' | '-') => behind.is_none_or(|c| !c.is_alphanumeric()),
        Some(c) => !c.is_alphanumeric(),
        None => true,
    };
    open_before && open_behind
}

#[cfg(test)]
mod tests {
    use super::super::person::Subject;
    use super::*;

    fn redactor(strings: &[(&str, Reach)]) -> Redactor {
        let mut person = Person::new(&Subject::parse("ann@x.com").unwrap());
        person.strings.extend(strings.iter().map(|(text, reach)| ((*text).to_owned(), *reach)));
        Redactor::new(person, "salt")
    }

    #[test]
    fn strings_are_found_as_words_and_addresses_and_not_within_others() {
        let redactor = redactor(&[("ann smith", Reach::Everywhere), ("ann", Reach::Named)]);
        let address = word("salt", "ann@x.com");
        for text in ["Write to Ann@X.com.", "<ann@x.com>", "ANN SMITH <ann@x.com>", "ann@x.com, bob@x.com"] {
            let replaced = redactor.replace(text, false);
            assert!(replaced.contains(&address) && !replaced.to_lowercase().contains("ann"), "{replaced}");
        }
        for text in ["joann@x.com", "mary.ann@x.com", "ann@x.com.au", "Joann Smithers", "Ann", "annual"] {
            assert_eq!(redactor.replace(text, false), text);
        }
        assert_eq!(redactor.replace("Ann", true), word("salt", "ann"));
        assert_eq!(redactor.replace("Annual plan of Ann", true), "Annual plan of Ann", "not as a part");
        assert_eq!(
            redactor.replace("Äpfel für Ann Smith!", false),
            format!("Äpfel für {}!", word("salt", "ann smith"))
        );
    }
}
