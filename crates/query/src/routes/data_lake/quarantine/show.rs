//! `GET /api/data-lake/quarantine/{instance}/{epoch}/{sequence}`: one reject with its raw event.

use std::time::Duration;

use axum::extract::Path;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use salescommand_domain::raw::{JSON_CONTENT_TYPE, RawPosition, raw_stream};
use salescommand_eventlog::{BatchLimit, Error as LogError, EventLog, Message};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Reject, position, reject};
use crate::access::{Allowed, OpsRead};
use crate::error::{ApiError, Problem};
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
    /// The event; none if its epoch is not in the broker any more.
    pub event: Option<RawEvent>,
}

/// One rejected raw event
#[utoipa::path(get, path = "/api/data-lake/quarantine/{instance}/{epoch}/{sequence}", tag = "data-lake",
    params(
        ("instance" = String, Path, description = "Source instance"),
        ("epoch" = i64, Path, description = "Epoch of its log"),
        ("sequence" = i64, Path, description = "Sequence in the epoch"),
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
    let event = match read(&*allowed.guarded().log, &about).await {
        Ok(message) => message.map(raw_event),
        Err(LogError::Missing(_)) => None,
        Err(error) => return Err(ApiError::broker(error)),
    };
    Ok(Reply(RejectDetail { reject: found.into(), event }))
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
