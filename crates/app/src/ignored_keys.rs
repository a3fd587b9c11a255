//! `salescommand ignored-key`: declares that an identity key joins nothing, and takes that back.
//!
//! A declaration is a raw event of `config`, keyed by the identity key, so declaring it twice publishes it once.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use salescommand_domain::canonical::IdentityKey;
use salescommand_domain::raw::{Envelope, InstanceName, Operation, Payload};
use salescommand_ingest::Ports;
use salescommand_normalizer::{RawMessage, read_log};
use serde::Serialize;
use serde_json::Value;

use crate::cli::{self, Output};
use crate::config::Config;
use crate::{config_events, connections, epochs, listing};

/// The object of `config`.
const OBJECT: &str = "ignored_key";

/// A declaration, as the listing shows it.
#[derive(Serialize)]
struct Declared {
    key: String,
}

/// `salescommand ignored-key …`.
pub async fn ignored_key(config: &Config, command: &cli::IgnoredKey, output: Output) -> Result<()> {
    let log = connections::log_for_command(config).await?;
    let ports = Ports::system(&log);
    let declared = match command {
        cli::IgnoredKey::Add { key } => {
            let key = parsed(key)?;
            config_events::publish(&ports, vec![config_events::ignored_key(&key)]).await?;
            vec![shown(key.as_str())]
        }
        cli::IgnoredKey::Remove { key } => {
            let key = parsed(key)?;
            config_events::retract(&ports, config_events::ignored_key(&key)).await?;
            vec![shown(key.as_str())]
        }
        cli::IgnoredKey::List => {
            let messages = read_log(&*epochs::readable(config, &log), &InstanceName::config()).await?;
            in_force(&messages).values().map(|key| shown(key)).collect()
        }
    };
    listing::print(output, &["key"], &declared)
}

fn parsed(text: &str) -> Result<IdentityKey> {
    IdentityKey::parse(text).with_context(|| {
        format!(
            "{text:?} is no identity key: say <entity>:<kind>:<value>, such as user:email:ann@example.com"
        )
    })
}

fn shown(key: &str) -> Declared {
    Declared { key: key.to_owned() }
}

/// The declared keys by the record that declares them: its last event says the key, and has not taken it back. They are
/// few and looked up by nobody but people, so they are read from the log and have no index among the facets.
fn in_force(messages: &[RawMessage]) -> BTreeMap<String, String> {
    let mut declared = BTreeMap::new();
    for message in messages {
        let content_type = message.message.content_type.as_deref();
        let Ok(envelope) = Envelope::decode(&message.message.payload, content_type) else { continue };
        if envelope.object.as_str() != OBJECT {
            continue;
        }
        match (envelope.operation, &envelope.payload) {
            (Operation::Delete, _) => {
                declared.remove(&envelope.key);
            }
            (Operation::Upsert, Payload::Inline(payload)) => {
                // What cannot be read is in quarantine, and the version before it stays in force.
                if let Some(key) = payload.get("key").and_then(Value::as_str).and_then(IdentityKey::parse) {
                    declared.insert(envelope.key, key.as_str().to_owned());
                }
            }
            (Operation::Upsert, _) => {}
        }
    }
    declared
}

#[cfg(test)]
mod tests {
    use salescommand_domain::raw::{FORMAT_VERSION, ObjectName, Position, RawPosition};
    use salescommand_eventlog::Message;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn event(sequence: u64, object: &str, key: &str, payload: Option<Value>) -> RawMessage {
        let envelope = Envelope {
            format: FORMAT_VERSION,
            event_id: Uuid::from_u128(u128::from(sequence)),
            instance: InstanceName::config(),
            connector: "config".to_owned(),
            object: ObjectName::new(object).unwrap(),
            key: key.to_owned(),
            operation: if payload.is_some() { Operation::Upsert } else { Operation::Delete },
            source_modified: None,
            observed: "2026-11-25T12:00:00Z".parse().unwrap(),
            run_token: 0,
            payload_schema: 1,
            subjects: Vec::new(),
            payload: Payload::Inline(payload.unwrap_or_default()),
        };
        let raw = RawPosition { instance: InstanceName::config(), position: Position { epoch: 1, sequence } };
        let payload = envelope.to_msgpack().unwrap().into();
        RawMessage {
            raw,
            message: Message { sequence, subject: envelope.subject(), content_type: None, payload },
        }
    }

    #[test]
    fn the_last_word_about_a_key_is_in_force() {
        let says = |key: &str| Some(json!({ "key": key }));
        let events = [
            event(1, OBJECT, "one", says("user:email:ann@example.com")),
            event(2, OBJECT, "two", says("account:tax:BE0477472701")),
            event(3, "person", "two", None),
            event(4, OBJECT, "one", None),
            event(5, OBJECT, "two", says("no key")),
            event(6, OBJECT, "three", says("user:email:bob@example.com")),
        ];
        let keys: Vec<String> = in_force(&events).into_values().collect();
        assert_eq!(keys, ["user:email:bob@example.com", "account:tax:BE0477472701"]);
    }

    #[test]
    fn what_is_no_key_is_refused_before_it_is_published() {
        assert!(parsed(" user:email:ann@example.com ").is_ok());
        assert!(parsed("ann@example.com").is_err() && parsed("deal:email:x").is_err());
    }
}
