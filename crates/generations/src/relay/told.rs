//! The stream `CANONICAL`: what was told last of each record, and the one writer's hold on it.
//!
//! Every piece is published right behind the end that this writer knows, in one piece with its place: all of it or
//! nothing. A second live writer is told by the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use salescommand_domain::canonical::{ToldEntity, ToldEvent, ToldMessage};
use salescommand_eventlog::{Administration, Error as LogError, EventLog, Outgoing};

use super::place::Place;
use crate::Error;

/// The stream for readers outside.
pub(crate) const STREAM: &str = "CANONICAL";
/// Subject of the relay's own place.
pub(super) const PLACE: &str = "canonical.relay";
const JSON: &str = "application/json";
/// Copies of the stream while it is written anew, by the sequence at which copying began.
const COPIES: &str = "CANONICAL_COPY_";

/// What was told last of a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Last {
    /// This.
    Event(ToldEvent),
    /// Something that this program cannot read.
    Unreadable,
}

impl Last {
    pub(super) fn read(payload: &[u8]) -> Self {
        match ToldMessage::decode(payload) {
            Ok(message) => Self::Event(message.event),
            Err(_) => Self::Unreadable,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Event(event) if event.is_gone())
    }
}

/// Whether a state has to be told, given what was told last.
pub(super) fn is_news(last: Option<&Last>, event: &ToldEvent) -> bool {
    match last {
        None => !event.is_gone(),
        Some(Last::Unreadable) => true,
        Some(Last::Event(last)) => last != event,
    }
}

/// The stream as its writer sees it.
pub(super) struct Told {
    log: Arc<dyn EventLog>,
    /// Its last sequence.
    pub(super) end: u64,
    /// The place that stands there; none if nothing was ever told.
    pub(super) place: Option<Place>,
}

impl Told {
    /// Takes the stream up, or makes it.
    pub(super) async fn open(
        log: Arc<dyn EventLog>,
        administration: &dyn Administration,
    ) -> Result<Self, Error> {
        let words = ToldEntity::ALL.iter().map(|entity| format!("canonical.{entity}.*"));
        let subjects: Vec<String> = words.chain([PLACE.to_owned()]).collect();
        administration.ensure_latest(STREAM, &subjects).await?;
        let (end, place) = look(&*log).await?;
        if place.as_ref().is_none_or(|place| place.rewrite.is_none()) {
            // Of a rewriting that was ended by a crash right behind its last piece. A newer copy is somebody else's.
            for copy in log.streams(COPIES).await? {
                let start = copy.name.strip_prefix(COPIES).and_then(|start| start.parse::<u64>().ok());
                if start.is_some_and(|start| start <= end) {
                    administration.delete_stream(&copy.name).await?;
                }
            }
        }
        Ok(Self { log, end, place })
    }

    /// Publishes what there is to tell, with the place where the relay stands then.
    pub(super) async fn publish(&mut self, messages: Vec<ToldMessage>, place: &Place) -> Result<(), Error> {
        let mut outgoing = Vec::with_capacity(messages.len() + 1);
        for message in messages {
            let payload = message.encode().map_err(|error| Error::State(error.to_string()))?;
            outgoing.push(json(message.event.subject(), payload));
        }
        outgoing.push(json(PLACE.to_owned(), encoded(place)?));
        let count = outgoing.len() as u64;
        self.log.publish_together(STREAM, self.end, outgoing).await?;
        self.end += count;
        self.place = Some(place.clone());
        Ok(())
    }

    /// What was told last under some subjects. It is asked for together with the place, so an answer from a copy of the
    /// stream that is behind is not taken for what was told.
    pub(super) async fn last(&self, subjects: &[String]) -> Result<BTreeMap<String, Last>, Error> {
        let mut asked = subjects.to_vec();
        asked.push(PLACE.to_owned());
        let mut found = self.log.last_by_subject(STREAM, &asked).await?;
        let place = found.pop().flatten().map_or(0, |place| place.sequence);
        if place > self.end {
            return Err(LogError::Conflict { subject: STREAM.to_owned(), expected: self.end }.into());
        }
        if place < self.end {
            return Err(behind(place, self.end));
        }
        let found = found.into_iter().flatten();
        Ok(found.map(|message| (message.subject.clone(), Last::read(&message.payload))).collect())
    }
}

/// The end of the stream and the place that stands there.
async fn look(log: &dyn EventLog) -> Result<(u64, Option<Place>), Error> {
    let Some(status) = log.stream(STREAM).await? else { return Ok((0, None)) };
    let end = status.last_sequence;
    let found = log.last_by_subject(STREAM, &[PLACE.to_owned()]).await?;
    match found.into_iter().next().flatten() {
        Some(message) if message.sequence == end => Ok((end, Some(decoded(&message.payload)?))),
        Some(message) => Err(behind(message.sequence, end)),
        None if status.messages > 0 => Err(behind(0, end)),
        // It was emptied to be written anew.
        None => Ok((end, copied(log, end).await?)),
    }
}

fn behind(place: u64, end: u64) -> Error {
    let text = format!("{STREAM} ends at {end}, and the relay's place in it stands at {place}");
    LogError::Unavailable(text).into()
}

/// The place that a complete copy holds.
pub(super) async fn copied(log: &dyn EventLog, start: u64) -> Result<Option<Place>, Error> {
    let copy = copy_stream(start);
    if log.stream(&copy).await?.is_none() {
        return Ok(None);
    }
    let found = log.last_by_subject(&copy, &[copy_subject(start, PLACE)]).await?;
    found.into_iter().next().flatten().map(|message| decoded(&message.payload)).transpose()
}

/// The stream that holds the copy that was begun at a sequence.
pub(super) fn copy_stream(start: u64) -> String {
    format!("{COPIES}{start}")
}

/// A subject of `CANONICAL` in that copy.
pub(super) fn copy_subject(start: u64, subject: &str) -> String {
    format!("canonical-copy.{start}.{subject}")
}

pub(super) fn json(subject: String, payload: Vec<u8>) -> Outgoing {
    Outgoing {
        subject,
        message_id: None,
        expected_last_sequence: None,
        content_type: Some(JSON),
        payload: payload.into(),
    }
}

pub(super) fn encoded(place: &Place) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(place).map_err(|error| Error::State(error.to_string()))
}

fn decoded(payload: &[u8]) -> Result<Place, Error> {
    serde_json::from_slice(payload)
        .map_err(|error| Error::State(format!("the relay's place in {STREAM} cannot be read: {error}")))
}

/// Whether words of some generations may still stand in the stream's files.
pub(crate) async fn may_hold(log: &dyn EventLog, generations: &BTreeSet<u32>) -> Result<bool, Error> {
    let (end, place) = match look(log).await {
        // It is being written at this moment; whoever asks looks again.
        Err(error) if error.is_transient() => return Ok(true),
        looked => looked?,
    };
    if !log.streams(COPIES).await?.is_empty() {
        return Ok(true);
    }
    match place {
        Some(place) => Ok(place.rewrite.is_some() || !place.told_of.is_disjoint(generations)),
        None => Ok(end > 0),
    }
}

/// How far readers outside were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relayed {
    /// The generation that they are told.
    pub generation: u32,
    /// Its last event that they were told.
    pub sequence: u64,
    /// They are being told what differs, after a switch or an erasure: what the generation says since comes afterwards.
    pub comparing: bool,
}

/// How far readers outside were told; none if nothing was.
pub async fn relayed(log: &dyn EventLog) -> Result<Option<Relayed>, Error> {
    let (_, place) = look(log).await?;
    Ok(place.map(|place| Relayed {
        generation: place.generation,
        sequence: place.sequence,
        comparing: place.walk.is_some() || place.rewrite.is_some(),
    }))
}
