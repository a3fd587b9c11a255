//! `GET /api/data-lake/quarantine/{instance}/{epoch}/{sequence}`: one reject with its raw event.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use salescommand_domain::raw::{JSON_CONTENT_TYPE, RawPosition, raw_stream};
use salescommand_eventlog::{BatchLimit, Error as LogError, EventLog, Message};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Reject, position, reject};
use crate::access::{Allowed, OpsRead};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// Longest wait for one raw event.
const WITHIN: Duration = Duration::from_secs(2);

/// A raw event as it stands in the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct RawEvent {
    /// Its `Content-Type`; MessagePack if it has none.
    pub content_type: Option<String>,
    /// The envelope, if its bytes can be read as MessagePack or JSON.
    #[schema(value_type = Option<Object>)]
    pub envelope: Option<Value>,
    /// Its bytes in base64, if they cannot.
    pub bytes: Option<String>,
}

/// A rejected raw event with its content.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectDetail {
    /// Why it was rejected and what became of it.
    pub reject: Reject,
    /// The event, out of the broker or out of the archive of its epoch; none if it is in neither.
    pub event: Option<RawEvent>,
    /// Why there is no event; none if there is one.
    pub event_missing: Option<EventMissing>,
}

/// Why a raw event cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventMissing {
    /// Its epoch is neither in the broker nor among the archives that this service reads.
    EpochNowhere,
    /// Its epoch is there, and does not hold it: the broker has lost its end.
    NotInEpoch,
    /// The archive of its epoch is damaged.
    ArchiveDamaged,
}

/// One rejected raw event
#[utoipa::path(get, path = "/api/data-lake/quarantine/{instance}/{epoch}/{sequence}", tag = "data-lake",
    params(
        ("instance" = String, Path, description = "Source instance"),
        ("epoch" = i64, Path, minimum = 0, maximum = 4_294_967_295_i64, description = "Epoch of its log"),
        ("sequence" = i64, Path, minimum = 0, description = "Sequence in the epoch"),
    ),
    responses(
        (status = 200, description = "OK", body = RejectDetail),
        (status = 404, description = "reject-unknown", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn reject_detail(
    allowed: Allowed<OpsRead>,
    Path(place): Path<(String, u32, u64)>,
) -> Result<Reply<RejectDetail>, ApiError> {
    let about = position(place)?;
    let viewer = allowed.viewer().await?;
    let unknown = || ApiError::reject_unknown(&about.to_string());
    let found = reject(&viewer, &about).await?.ok_or_else(unknown)?;
    let (event, event_missing) = match read(&*allowed.guarded().log, &about).await {
        Ok(Some(message)) => (Some(raw_event(message)), None),
        Ok(None) => (None, Some(EventMissing::NotInEpoch)),
        Err(LogError::Missing(_)) => (None, Some(EventMissing::EpochNowhere)),
        // The broker refuses no reading of what it has.
        Err(LogError::Refused(cause)) => {
            tracing::warn!(raw = %about, cause, "a rejected event cannot be read");
            (None, Some(EventMissing::ArchiveDamaged))
        }
        Err(error) => return Err(ApiError::broker(error)),
    };
    Ok(Reply(RejectDetail { reject: found.into(), event, event_missing }))
}

async fn read(log: &dyn EventLog, at: &RawPosition) -> Result<Option<Message>, LogError> {
    let (stream, sequence) = (raw_stream(&at.instance, at.position.epoch), at.position.sequence);
    let status = log.stream(&stream).await?.ok_or_else(|| LogError::Missing(stream.clone()))?;
    if !(status.first_sequence..=status.last_sequence).contains(&sequence) {
        return Ok(None);
    }
    let mut reader = log.read_after(&stream, sequence.saturating_sub(1)).await?;
    let found = reader.next(BatchLimit { messages: 1, bytes: 1, wait: WITHIN }).await?;
    Ok(found.into_iter().find(|message| message.sequence == sequence))
}

fn raw_event(message: Message) -> RawEvent {
    let json = message.content_type.as_deref().is_some_and(|kind| kind.starts_with(JSON_CONTENT_TYPE));
    let envelope: Option<Value> = if json {
        serde_json::from_slice(&message.payload).ok()
    } else {
        rmp_serde::from_slice(&message.payload).ok()
    };
    let bytes = envelope.is_none().then(|| BASE64_STANDARD.encode(&message.payload));
    RawEvent { content_type: message.content_type, envelope, bytes }
}
