//! Who maps which raw event, and the definition that names all of them.
//!
//! Mappers come in from outside: this crate names no vendor. A **room** is code of this program, found by the
//! connector word of the envelope. A **mapping** is a compiled program of a foreign instance, found by the instance.
//!
//! Invariants: which mapper reads an event is a function of the event and of this table alone; the table is fixed
//! for the life of a generation, and [`Mappers::definition`] names everything in it that can change a document.

use std::collections::BTreeMap;
use std::sync::Arc;

use salescommand_domain::canonical::{Mapped, Mapper, PayloadSchema, Rejection};
use salescommand_domain::raw::{Envelope, EnvelopeFormats, InstanceName, Payload, RawPosition};

/// The mapper of one connector kind, as code.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// The connector's word in envelopes.
    pub kind: &'static str,
    /// Raised when the mapper's output changes.
    pub version: u32,
    /// The instance that alone may speak this word: SalesCommand's own logs are mapped by rooms of their own, and
    /// a foreign producer must not pass for one of them.
    pub only: Option<&'static str>,
    /// Objects whose payload has had more than one shape; the others are at version 1.
    pub schemas: &'static [PayloadSchema],
    /// The mapper.
    pub map: Mapper,
}

/// A compiled mapping. Pure: the same envelope gives the same answer on any machine.
pub type Mapping = Arc<dyn Fn(&Envelope) -> Result<Option<Mapped>, Rejection> + Send + Sync>;

#[derive(Clone)]
struct Foreign {
    position: RawPosition,
    mapping: Mapping,
}

/// Every mapper of a generation. Cheap to clone.
#[derive(Clone)]
pub struct Mappers {
    formats: EnvelopeFormats,
    rooms: BTreeMap<&'static str, Room>,
    foreign: BTreeMap<InstanceName, Foreign>,
}

impl std::fmt::Debug for Mappers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Mappers").field(&self.definition()).finish()
    }
}

impl Mappers {
    /// Rooms only.
    pub fn new(rooms: impl IntoIterator<Item = Room>) -> Self {
        let rooms = rooms.into_iter().map(|room| (room.kind, room)).collect();
        Self { formats: EnvelopeFormats::CURRENT, rooms, foreign: BTreeMap::new() }
    }

    /// With other formats of envelopes than those of this program.
    #[must_use]
    pub fn with_formats(self, formats: EnvelopeFormats) -> Self {
        Self { formats, ..self }
    }

    /// The formats of envelopes that can be read.
    pub fn formats(&self) -> EnvelopeFormats {
        self.formats
    }

    /// Adds the mapping of a foreign instance, which stands at a raw position of `config`.
    #[must_use]
    pub fn with_mapping(mut self, instance: InstanceName, position: RawPosition, mapping: Mapping) -> Self {
        self.foreign.insert(instance, Foreign { position, mapping });
        self
    }

    /// What these mappers are: `mapper:<kind>` → its version, `mapping:<instance>` → the raw position
    /// `<instance>/<epoch>/<sequence>` of the event that holds the program.
    pub fn definition(&self) -> BTreeMap<String, String> {
        let rooms =
            self.rooms.values().map(|room| (format!("mapper:{}", room.kind), room.version.to_string()));
        let foreign = self
            .foreign
            .iter()
            .map(|(instance, foreign)| (format!("mapping:{instance}"), foreign.position.to_string()));
        rooms.chain(foreign).collect()
    }

    /// What this program can read: envelopes up to a format, payloads up to a version. When it changes, what was too
    /// new before is read again.
    pub fn reads(&self) -> String {
        let mut reads = format!("format {}", self.formats.newest());
        for room in self.rooms.values() {
            for schema in room.schemas {
                reads.push_str(&format!("; {} {} {}", room.kind, schema.object, schema.newest()));
            }
        }
        reads
    }

    /// Maps an upsert. The room of the connector's word first; a mapping speaks for its instance where there is none.
    pub fn map(&self, envelope: Envelope) -> Result<Option<Mapped>, Rejection> {
        if let Some(room) = self.rooms.get(envelope.connector.as_str()) {
            check_own(room, &envelope)?;
            return (room.map)(&up_to_date(room, envelope)?);
        }
        match self.foreign.get(&envelope.instance) {
            Some(foreign) => (foreign.mapping)(&envelope),
            None => Err(self.no_mapping(&envelope)),
        }
    }

    fn no_mapping(&self, envelope: &Envelope) -> Rejection {
        let known: Vec<_> = self.rooms.keys().copied().collect();
        let detail = format!(
            "{:?} is no connector of this program ({}), and {} has no mapping in this generation",
            envelope.connector,
            known.join(", "),
            envelope.instance
        );
        Rejection::new("no_mapping", "/connector", detail)
    }
}

fn check_own(room: &Room, envelope: &Envelope) -> Result<(), Rejection> {
    match room.only {
        Some(only) if envelope.instance.as_str() != only => {
            let detail = format!("only the instance {only} may say so");
            Err(Rejection::new("reserved_connector", "/connector", detail))
        }
        _ => Ok(()),
    }
}

/// Brings the payload to the shape that the mapper reads. What is newer than this program waits for a newer one.
fn up_to_date(room: &Room, mut envelope: Envelope) -> Result<Envelope, Rejection> {
    let schema = room.schemas.iter().find(|schema| schema.object == envelope.object.as_str());
    let newest = schema.map_or(1, PayloadSchema::newest);
    let given = envelope.payload_schema;
    if given > newest {
        let detail = format!(
            "version {given} of {} is newer than {newest}, the newest this program reads",
            envelope.object
        );
        return Err(Rejection::new("future_payload_schema", "/payload_schema", detail));
    }
    let behind = usize::try_from(given).ok().and_then(|given| given.checked_sub(1));
    let Some(behind) = behind else {
        return Err(Rejection::new("out_of_range", "/payload_schema", "versions are counted from 1"));
    };
    let steps = schema.map_or(&[][..], |schema| schema.upcasts.get(behind..).unwrap_or_default());
    if let Payload::Inline(payload) = envelope.payload {
        let payload = steps.iter().try_fold(payload, |payload, upcast| upcast(payload))?;
        envelope.payload = Payload::Inline(payload);
        envelope.payload_schema = newest;
    }
    Ok(envelope)
}

#[cfg(test)]
mod tests {
    use salescommand_domain::raw::{FORMAT_VERSION, ObjectName, Operation, Position};
    use serde_json::json;

    use super::*;

    fn says(word: &'static str) -> Result<Option<Mapped>, Rejection> {
        Err(Rejection::new(word, "", ""))
    }

    fn mappers() -> Mappers {
        let position =
            RawPosition { instance: InstanceName::config(), position: Position { epoch: 1, sequence: 17 } };
        let rooms = [
            Room { kind: "odoo", version: 3, only: None, schemas: &[], map: |_| says("room") },
            Room { kind: "config", version: 1, only: Some("config"), schemas: &[], map: |_| says("own") },
        ];
        Mappers::new(rooms).with_mapping(
            InstanceName::new("tickets").unwrap(),
            position,
            Arc::new(|_| says("mapping")),
        )
    }

    fn asked(instance: &str, connector: &str) -> &'static str {
        let envelope = Envelope {
            format: FORMAT_VERSION,
            event_id: uuid::Uuid::nil(),
            instance: InstanceName::new(instance).unwrap(),
            connector: connector.into(),
            object: ObjectName::new("thing").unwrap(),
            key: "1".into(),
            operation: Operation::Upsert,
            source_modified: None,
            observed: "2026-11-25T08:00:00Z".parse().unwrap(),
            run_token: 0,
            payload_schema: 1,
            subjects: Vec::new(),
            payload: Payload::Inline(json!({})),
        };
        mappers().map(envelope).unwrap_err().reason
    }

    #[test]
    fn a_known_word_is_read_by_its_room_and_others_by_the_instances_mapping() {
        assert_eq!(asked("odoo-eu", "odoo"), "room");
        assert_eq!(asked("tickets", "tickets"), "mapping");
        assert_eq!(asked("tickets", "odoo"), "room");
        assert_eq!(asked("other", "tickets"), "no_mapping");
    }

    #[test]
    fn nobody_passes_for_the_configuration() {
        assert_eq!(asked("config", "config"), "own");
        assert_eq!(asked("tickets", "config"), "reserved_connector");
    }

    #[test]
    fn the_definition_names_every_mapper() {
        let expected = [("mapper:config", "1"), ("mapper:odoo", "3"), ("mapping:tickets", "config/1/17")];
        let expected = expected.map(|(part, is)| (part.to_owned(), is.to_owned())).into();
        assert_eq!(mappers().definition(), expected);
    }
}
