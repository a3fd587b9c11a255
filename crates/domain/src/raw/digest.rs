//! Digests: what makes two payloads the same, and what makes two publishes the same.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{InstanceName, ObjectName, Operation};

/// The first 16 bytes of a SHA-256, written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    /// Digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::finish(Sha256::new_with_prefix(bytes))
    }

    fn finish(hasher: Sha256) -> Self {
        let full = hasher.finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        Self(short)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let mut bytes = [0; 16];
        let legal = text.len() == 32 && text.is_ascii();
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = legal.then(|| &text[2 * index..2 * index + 2]);
            *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(NotADigest)?;
        }
        Ok(Self(bytes))
    }
}

/// Text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 32 hexadecimal digits")]
pub struct NotADigest;

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a record says, for the question "did it change?": operation and payload, without the top-level fields
/// that the connector declares volatile (recomputed at every read). Independent of the order of map keys. A record that
/// is gone is gone, whatever is said about it: what its deletion says first holds.
pub fn content_digest(operation: Operation, payload: &Value, volatile: &[&str]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([operation as u8]);
    match payload {
        _ if operation == Operation::Delete => hash_value(&mut hasher, &Value::Null),
        Value::Object(map) => {
            let mut entries: Vec<_> =
                map.iter().filter(|(key, _)| !volatile.contains(&key.as_str())).collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            hash_length(&mut hasher, b'{', entries.len());
            for (key, value) in entries {
                hash_text(&mut hasher, key);
                hash_value(&mut hasher, value);
            }
        }
        other => hash_value(&mut hasher, other),
    }
    Digest::finish(hasher)
}

/// The `Nats-Msg-Id` of a raw event: digest(instance, object, key, previous raw event of the record, content).
///
/// The previous event is part of it because A→B→A inside the duplicate window would otherwise lose the third
/// event: its content equals the first one's.
pub fn message_id(
    instance: &InstanceName,
    object: &ObjectName,
    key: &str,
    previous: Option<Digest>,
    content: Digest,
) -> Digest {
    let mut hasher = Sha256::new();
    hash_text(&mut hasher, instance.as_str());
    hash_text(&mut hasher, object.as_str());
    hash_text(&mut hasher, key);
    match previous {
        Some(digest) => {
            hasher.update([1]);
            hasher.update(digest.0);
        }
        None => hasher.update([0]),
    }
    hasher.update(content.0);
    Digest::finish(hasher)
}

/// The text of a message id: the digest that makes the event unique, and the digest of its content, so that whoever
/// cannot know which fields are volatile still knows the content that the writer compared.
pub fn message_id_text(id: Digest, content: Digest) -> String {
    format!("{id}-{content}")
}

/// The content digest in a message id; none in an id of somebody else's making.
pub fn content_of_message_id(text: &str) -> Option<Digest> {
    let (id, content) = text.split_once('-')?;
    id.parse::<Digest>().ok()?;
    content.parse().ok()
}

fn hash_value(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hasher.update(b"n"),
        Value::Bool(true) => hasher.update(b"t"),
        Value::Bool(false) => hasher.update(b"f"),
        Value::Number(number) => {
            hasher.update(b"#");
            hash_text(hasher, &number.to_string());
        }
        Value::String(text) => {
            hasher.update(b"s");
            hash_text(hasher, text);
        }
        Value::Array(items) => {
            hash_length(hasher, b'[', items.len());
            items.iter().for_each(|item| hash_value(hasher, item));
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            hash_length(hasher, b'{', entries.len());
            for (key, item) in entries {
                hash_text(hasher, key);
                hash_value(hasher, item);
            }
        }
    }
}

fn hash_text(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn hash_length(hasher: &mut Sha256, tag: u8, length: usize) {
    hasher.update([tag]);
    hasher.update((length as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn id(previous: Option<Digest>, content: Digest) -> Digest {
        let instance = InstanceName::new("odoo").unwrap();
        message_id(&instance, &ObjectName::new("crm.lead").unwrap(), "1", previous, content)
    }

    #[test]
    fn volatile_fields_and_key_order_do_not_count() {
        let one = json!({"name": "Deal", "state": "today", "amount": 1.5});
        let two = json!({"amount": 1.5, "state": "overdue", "name": "Deal"});
        let digest = |payload| content_digest(Operation::Upsert, payload, &["state"]);
        assert_eq!(digest(&one), digest(&two));
        assert_ne!(
            content_digest(Operation::Upsert, &one, &[]),
            content_digest(Operation::Upsert, &two, &[])
        );
        assert_ne!(digest(&one), content_digest(Operation::Delete, &one, &["state"]));
    }

    #[test]
    fn going_back_to_an_earlier_content_is_a_new_message() {
        let a = content_digest(Operation::Upsert, &json!({"x": 1}), &[]);
        let first = id(None, a);
        let second = id(Some(first), content_digest(Operation::Upsert, &json!({"x": 2}), &[]));
        assert_ne!(first, id(Some(second), a));
    }

    #[test]
    fn deletions_of_a_record_are_the_same_whatever_they_say() {
        let digest = |payload| content_digest(Operation::Delete, &payload, &[]);
        assert_eq!(digest(json!(null)), digest(json!({"merged_into": "17"})));
        // As every deletion was digested before one could say anything.
        let mut before = Sha256::new();
        before.update([Operation::Delete as u8]);
        before.update(b"n");
        assert_eq!(digest(json!({})), Digest::finish(before));
    }

    #[test]
    fn digest_text_round_trips() {
        let digest = Digest::of(b"x");
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"xyz\"").is_err());
        let content = Digest::of(b"y");
        assert_eq!(content_of_message_id(&message_id_text(digest, content)), Some(content));
        for other in ["", "abc", "order-17", &digest.to_string()] {
            assert_eq!(content_of_message_id(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn structure_is_part_of_the_digest(a in ".{0,8}", b in ".{0,8}") {
            let joined = json!({ "k": [format!("{a}{b}")] });
            let apart = json!({ "k": [a, b] });
            let digest = |payload| content_digest(Operation::Upsert, payload, &[]);
            prop_assert_ne!(digest(&joined), digest(&apart));
        }
    }
}
