//! Mappings out of the log of `config`: the programs with which foreign instances are read.
//!
//! A mapping is a raw event of object `mapping`; its key is the instance. A generation's mappings are fixed for its
//! life, so they are loaded once: those that its definition names, or, for a new one, the newest.

use std::collections::BTreeMap;

use salescommand_domain::raw::{Envelope, InstanceName, Operation, Payload, RawPosition};
use salescommand_eventlog::EventLog;
use serde_json::Value;

use crate::Error;
use crate::events::{read_events, read_log};
use crate::logs::RawMessage;
use crate::mappers::{Mappers, Mapping};

/// The object of `config` that holds mappings.
pub const MAPPING_OBJECT: &str = "mapping";
/// How a definition names the mapping of an instance.
const PART: &str = "mapping:";

/// Compiles a program; an error says for people what is wrong with it.
pub type Compile = fn(&str) -> Result<Mapping, String>;

/// A mapping as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMapping {
    /// The instance.
    pub instance: InstanceName,
    /// Where it stands.
    pub position: RawPosition,
    /// The program.
    pub program: String,
    /// What people say about it.
    pub description: Option<String>,
}

/// Adds to the rooms the mappings that a definition names; the newest ones if there is no definition yet.
///
/// A mapping that a definition names and that cannot be had is [`Error::State`]: the generation would be another one.
/// Of the newest, one that this program cannot compile is passed over for the one before it.
pub async fn load_mappings(
    log: &dyn EventLog,
    rooms: Mappers,
    compile: Compile,
    definition: Option<&BTreeMap<String, String>>,
) -> Result<Mappers, Error> {
    let Some(definition) = definition else {
        let newest = newest(&stored_mappings(log).await?, compile);
        return Ok(newest.into_iter().fold(rooms, with));
    };
    let parts = definition.iter().filter(|(part, _)| part.starts_with(PART));
    let named = parts.map(|(part, position)| {
        position.parse::<RawPosition>().map_err(|error| Error::State(format!("{part}: {error}")))
    });
    let named = named.collect::<Result<Vec<_>, _>>()?;
    let events = read_events(log, &named).await?;
    let mut mappers = rooms;
    for position in named {
        let lost = || Error::State(format!("the mapping at {position} is not in the log any more"));
        let stored = events.get(&position).and_then(stored).ok_or_else(lost)?;
        let cannot =
            |problem| Error::State(format!("the mapping of {} cannot be used: {problem}", stored.instance));
        let mapping = compile(&stored.program).map_err(cannot)?;
        mappers = with(mappers, (stored, mapping));
    }
    Ok(mappers)
}

fn with(mappers: Mappers, (stored, mapping): (StoredMapping, Mapping)) -> Mappers {
    mappers.with_mapping(stored.instance, stored.position, mapping)
}

/// Every mapping that the log holds for an instance that has not been taken off, in the order of the log.
pub async fn stored_mappings(log: &dyn EventLog) -> Result<Vec<StoredMapping>, Error> {
    let mut mappings: Vec<StoredMapping> = Vec::new();
    for message in read_log(log, &InstanceName::config()).await? {
        match stored(&message) {
            Some(mapping) => mappings.push(mapping),
            None => {
                if let Some(instance) = taken_off(&message) {
                    mappings.retain(|mapping| mapping.instance != instance);
                }
            }
        }
    }
    Ok(mappings)
}

fn newest(stored: &[StoredMapping], compile: Compile) -> Vec<(StoredMapping, Mapping)> {
    let mut newest = BTreeMap::new();
    for mapping in stored {
        match compile(&mapping.program) {
            Ok(compiled) => {
                newest.insert(mapping.instance.clone(), (mapping.clone(), compiled));
            }
            Err(problem) => {
                tracing::warn!(source.instance = %mapping.instance, problem, "a mapping cannot be used");
            }
        }
    }
    newest.into_values().collect()
}

fn envelope(message: &RawMessage) -> Option<Envelope> {
    let envelope =
        Envelope::decode(&message.message.payload, message.message.content_type.as_deref()).ok()?;
    let is_mapping =
        envelope.object.as_str() == MAPPING_OBJECT && envelope.instance == InstanceName::config();
    is_mapping.then_some(envelope)
}

fn stored(message: &RawMessage) -> Option<StoredMapping> {
    let envelope = envelope(message).filter(|envelope| envelope.operation == Operation::Upsert)?;
    let Payload::Inline(payload) = &envelope.payload else { return None };
    let text = |field: &str| payload.get(field).and_then(Value::as_str).map(str::to_owned);
    Some(StoredMapping {
        instance: InstanceName::new(&*envelope.key).ok()?,
        position: message.raw.clone(),
        program: text("program")?,
        description: text("description"),
    })
}

fn taken_off(message: &RawMessage) -> Option<InstanceName> {
    let envelope = envelope(message).filter(|envelope| envelope.operation == Operation::Delete)?;
    InstanceName::new(envelope.key).ok()
}
