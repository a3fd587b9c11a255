//! The program as far as it decides what documents say: the mappers of its rooms.

use std::sync::Arc;

use async_trait::async_trait;
use salescommand_connectors::DESCRIPTORS;
use salescommand_domain::Timestamp;
use salescommand_domain::generation::Definition;
use salescommand_eventlog::EventLog;
use salescommand_generations::{Code, Error};
use salescommand_normalizer::{Mappers, Room, load_mappings};

use crate::mappings;

/// This program, and the log that holds the mappings of foreign instances.
pub struct Program {
    /// Raw logs.
    pub log: Arc<dyn EventLog>,
}

impl Program {
    async fn mappers(&self, definition: Option<&Definition>) -> Result<Mappers, Error> {
        load_mappings(&*self.log, rooms(), mappings::compile, definition).await.map_err(|error| match error {
            salescommand_normalizer::Error::Log(error) => Error::Log(error),
            other => Error::Mappers(other.to_string()),
        })
    }
}

#[async_trait]
impl Code for Program {
    async fn newest(&self) -> Result<Mappers, Error> {
        self.mappers(None).await
    }

    async fn of(&self, definition: &Definition) -> Result<Mappers, Error> {
        self.mappers(Some(definition)).await
    }
}

/// The mappers of every room. What only SalesCommand publishes, only its own instance of that name may say.
pub fn rooms() -> Mappers {
    Mappers::new(DESCRIPTORS.iter().map(|room| Room {
        kind: room.kind,
        version: room.version,
        only: room.open.is_none().then_some(room.kind),
        schemas: room.schemas,
        map: room.map,
    }))
}

/// The present moment, for records of what was done; documents never hold it.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the program: operational records tell when things happened"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}
