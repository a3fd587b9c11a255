//! What an erasure remembers while it is under way, and the receipt that is left of it.

use std::time::Duration;

use salescommand_domain::Timestamp;
use salescommand_domain::canonical::FacetId;
use salescommand_domain::generation::Changed;
use salescommand_domain::raw::{Digest, InstanceName, Position, RawPosition};
use salescommand_eventlog::{BatchLimit, Error as LogError, EventLog, Outgoing, StreamSpec};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use super::person::{Person, Subject};
use crate::archive::hexadecimal;
use crate::{Broker, Error};

/// Stream of receipts; only ever appended to.
pub const ERASURES_STREAM: &str = "ERASURES";
const RECEIPT_SUBJECT: &str = "erasures.receipt";
/// Says that nothing is left of what was made of the raw events before.
const COMPLETE_SUBJECT: &str = "erasures.complete";
/// Stream of the one erasure under way: its last message is the state.
const WORK_STREAM: &str = "ERASURE_WORK";
const WORK_SUBJECT: &str = "erasure.work";

/// What was done to one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochReceipt {
    /// Whose log.
    pub instance: InstanceName,
    /// Which epoch.
    pub epoch: u32,
    /// Events in it.
    pub events: u64,
    /// Events that held the person.
    pub redacted: u64,
    /// SHA-256 of the events before.
    pub sha256_before: String,
    /// SHA-256 of the events since.
    pub sha256_after: String,
    /// Whether the broker holds it.
    pub in_broker: bool,
    /// Whether an archive holds it.
    pub archived: bool,
}

/// The receipt of an erasure. It names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of the id, a line feed and the subject: whoever knows the subject can tell that the receipt is theirs.
    pub subject_sha256: String,
    /// `email` or `record`.
    pub subject_kind: String,
    /// How many strings of the person were looked for.
    pub strings: usize,
    /// Who asked for it.
    pub by: String,
    /// When it began.
    pub begun_at: Timestamp,
    /// When it was done.
    pub done_at: Timestamp,
    /// The epochs that were written anew.
    pub epochs: Vec<EpochReceipt>,
    /// Events that name the person and came in while it was under way: the source still has them.
    pub came_back: u64,
    /// The canonical generations that were made of the raw events as they were: they hold the person.
    pub to_rebuild: Vec<String>,
    /// When nothing was left of these; none as long as something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_at: Option<Timestamp>,
}

/// What is added to the receipts when an erasure is complete.
#[derive(Debug, Serialize, Deserialize)]
struct Complete {
    id: Uuid,
    at: Timestamp,
}

/// An epoch that is being written anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) instance: InstanceName,
    pub(super) epoch: u32,
    pub(super) in_broker: bool,
    pub(super) archived: bool,
    /// The new archive is there; the broker's stream may be gone.
    pub(super) written: Option<EpochReceipt>,
    /// The events that were changed.
    pub(super) hits: Vec<Hit>,
}

impl Pending {
    pub(super) fn is_of(&self, place: (&InstanceName, u32)) -> bool {
        (&self.instance, self.epoch) == place
    }

    /// Adds what was changed in this epoch.
    pub(super) fn tell(&self, changed: &mut Changed) {
        for hit in &self.hits {
            let position = Position { epoch: self.epoch, sequence: hit.sequence };
            match hit.record {
                Some((before, since)) => changed.add_record(before, since),
                None => {
                    changed.events.insert(RawPosition { instance: self.instance.clone(), position });
                }
            }
        }
    }
}

/// An event that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hit {
    pub(super) sequence: u64,
    /// Subject of its record, before and since.
    pub(super) before: String,
    pub(super) since: String,
    /// Digest of the event since.
    pub(super) event: Digest,
    /// Facet of its record, before and since; none if the event does not say whose it is.
    #[serde(default)]
    pub(super) record: Option<(FacetId, FacetId)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) id: Uuid,
    /// Salt of the words; gone with the work stream.
    pub(super) salt: String,
    pub(super) subject_sha256: String,
    pub(super) by: String,
    pub(super) begun_at: Timestamp,
    /// The strings found, since a second look at epochs that are written anew would find other ones.
    pub(super) person: Option<Person>,
    pub(super) pending: Option<Pending>,
    pub(super) epochs: Vec<EpochReceipt>,
    /// What was changed in the epochs that are done.
    #[serde(default)]
    pub(super) changed: Changed,
}

/// The state and where it is kept.
pub(super) struct Work<'a> {
    broker: &'a dyn Broker,
    last: u64,
    pub(super) state: State,
}

pub(super) fn subject_digest(id: Uuid, subject: &Subject) -> String {
    hexadecimal(&<Sha256 as sha2::Digest>::digest(format!("{id}\n{}", subject.as_str())))
}

impl<'a> Work<'a> {
    /// Takes up the erasure of this subject that was interrupted, or begins one. Another one that was interrupted has to
    /// be finished first.
    pub(super) async fn begin(broker: &'a dyn Broker, subject: &Subject, new: State) -> Result<Self, Error> {
        broker.ensure_latest(WORK_STREAM, &[WORK_SUBJECT.to_owned()]).await?;
        let Some(message) = broker.last_message(WORK_STREAM).await? else {
            let mut work = Self { broker, last: 0, state: new };
            work.save().await?;
            return Ok(work);
        };
        let state: State = serde_json::from_slice(&message.payload)
            .map_err(|error| LogError::Refused(format!("{WORK_STREAM} is not readable: {error}")))?;
        if state.subject_sha256 != subject_digest(state.id, subject) {
            return Err(Error::NotNow(format!(
                "another erasure, begun at {} by {}, was not finished; give its subject again first",
                state.begun_at, state.by
            )));
        }
        Ok(Self { broker, last: message.sequence, state })
    }

    /// Writes the state; a second process at the same work is fenced.
    pub(super) async fn save(&mut self) -> Result<(), Error> {
        let payload =
            serde_json::to_vec(&self.state).map_err(|error| LogError::Refused(error.to_string()))?;
        let message = Outgoing {
            subject: WORK_SUBJECT.to_owned(),
            message_id: None,
            expected_last_sequence: Some(self.last),
            content_type: Some("application/json"),
            payload: payload.into(),
        };
        let published = self.broker.publish(WORK_STREAM, vec![message]).await?;
        self.last = published.first().map_or(self.last, |published| published.sequence);
        Ok(())
    }

    /// Writes the receipt and forgets everything else.
    pub(super) async fn finish(self, receipt: &Receipt) -> Result<(), Error> {
        let spec = StreamSpec {
            name: ERASURES_STREAM.to_owned(),
            subjects: vec!["erasures.>".to_owned()],
            immutable: true,
            max_bytes: None,
            duplicate_window: Duration::from_secs(120),
        };
        self.broker.ensure_stream(&spec).await?;
        let message = outgoing(RECEIPT_SUBJECT, receipt.id.to_string(), receipt)?;
        self.broker.publish(ERASURES_STREAM, vec![message]).await?;
        self.broker.delete_stream(WORK_STREAM).await?;
        Ok(())
    }
}

fn outgoing(subject: &str, message_id: String, content: &impl Serialize) -> Result<Outgoing, LogError> {
    let payload = serde_json::to_vec(content).map_err(|error| LogError::Refused(error.to_string()))?;
    Ok(Outgoing {
        subject: subject.to_owned(),
        message_id: Some(message_id),
        expected_last_sequence: None,
        content_type: Some("application/json"),
        payload: payload.into(),
    })
}

/// Adds to the receipts that nothing is left of what an erasure has left to be built anew. Said twice, it holds since
/// the first time.
pub async fn complete(log: &dyn EventLog, id: Uuid, at: Timestamp) -> Result<(), LogError> {
    let message = outgoing(COMPLETE_SUBJECT, format!("{id}-complete"), &Complete { id, at })?;
    log.publish(ERASURES_STREAM, vec![message]).await.map(drop)
}

/// All receipts, oldest first.
pub async fn receipts(log: &dyn EventLog) -> Result<Vec<Receipt>, LogError> {
    let last = log.stream(ERASURES_STREAM).await?.map_or(0, |status| status.last_sequence);
    let mut found: Vec<Receipt> = Vec::new();
    if last == 0 {
        return Ok(found);
    }
    let mut reader = log.read_after(ERASURES_STREAM, 0).await?;
    let limit = BatchLimit { messages: 100, bytes: 1 << 20, wait: Duration::from_secs(2) };
    let mut at = 0;
    while at < last {
        let messages = reader.next(limit).await?;
        at = messages.last().map_or(last, |message| message.sequence);
        for message in messages {
            if message.subject == COMPLETE_SUBJECT {
                let complete: Complete = read(&message.payload)?;
                if let Some(receipt) = found.iter_mut().find(|receipt| receipt.id == complete.id) {
                    receipt.complete_at.get_or_insert(complete.at);
                }
            } else {
                let receipt: Receipt = read(&message.payload)?;
                // One whose writing was interrupted was written again.
                found.retain(|held| held.id != receipt.id);
                found.push(receipt);
            }
        }
    }
    Ok(found)
}

fn read<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, LogError> {
    serde_json::from_slice(payload).map_err(|error| LogError::Refused(format!("{ERASURES_STREAM}: {error}")))
}
