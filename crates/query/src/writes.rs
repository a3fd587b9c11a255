//! Writing records: what is published for a write, and what becomes of it.
//!
//! The service publishes nothing by itself: [`RecordWrites`] does, behind the version that the author saw, and the
//! broker decides which of two authors was first. A write is *in* when canonical and every active projection have
//! passed its raw position; so an answer that says so is followed by figures that have it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use salescommand_domain::canonical::{CrmOpportunity, OpportunityEdit};
use salescommand_domain::raw::{InstanceName, Position};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Allowed;
use crate::error::ApiError;
use crate::viewer::Viewer;

/// How long an answer waits for its write to be in.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(40);
/// How often a record that is asked for under a key is tried against others that ask for it at the same moment.
const ATTEMPTS: usize = 3;
/// The purpose of sealed write tokens.
const PURPOSE: &str = "write";

/// One version of a record of `crm`.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordWrite {
    /// Which record.
    pub record: CrmOpportunity,
    /// The raw position of the version that the author saw; none if there was none.
    pub expected: Option<Position>,
    /// What it says from now on; none deletes the record.
    pub fields: Option<OpportunityEdit>,
    /// When.
    pub at: Timestamp,
    /// The account of the author.
    pub author: String,
}

/// Why a write was not published.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Somebody wrote the record since its author saw it.
    #[error("the record has a newer version")]
    Conflict {
        /// Where the record's last event is, if that is known.
        last: Option<Position>,
    },
    /// The event log cannot be reached; whether the write is in is not known.
    #[error("the event log is not reachable: {0}")]
    Unavailable(String),
    /// The event log refused.
    #[error("the event log refused the write: {0}")]
    Refused(String),
}

/// Publishes writes.
#[async_trait]
pub trait RecordWrites: Send + Sync {
    /// Publishes a version of a record if its last event is still the expected one; gives its raw position.
    async fn publish(&self, write: RecordWrite) -> Result<Position, WriteError>;

    /// What the event at a position of the log of `crm` says; none if it deletes its record.
    async fn written(&self, position: Position) -> Result<Option<OpportunityEdit>, WriteError>;
}

/// Where a write stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WriteState {
    /// It is in everything that this answer was read from.
    In,
    /// It is published and on its way.
    Waiting,
}

/// A write that is published and on its way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WriteAccepted {
    /// The record.
    pub id: String,
    /// Where the write stands.
    pub state: WriteState,
    /// Opaque; a read that sends it as `written` learns where the write stands.
    pub token: String,
}

/// A published write, as its author remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    /// The account that may ask.
    account: String,
    /// The record.
    pub(crate) id: String,
    position: Position,
}

/// The quarantine entry of a write, as far as its author is told.
#[derive(Deserialize)]
struct Rejected {
    reason: String,
    path: String,
    detail: String,
    state: String,
}

impl Ticket {
    pub(crate) fn new(account: &str, id: String, position: Position) -> Self {
        Self { account: account.to_owned(), id, position }
    }

    /// Opens a token that this account was given.
    pub(crate) fn open<P>(allowed: &Allowed<P>, token: &str) -> Result<Self, ApiError> {
        let malformed = || ApiError::malformed_query("written must be the token of a write of yours.");
        let text = allowed.guarded().seals.open(PURPOSE, token).ok_or_else(malformed)?;
        let ticket: Self = serde_json::from_str(&text).map_err(|_| malformed())?;
        if ticket.account == allowed.account.id { Ok(ticket) } else { Err(malformed()) }
    }

    /// What a client gets of it.
    pub(crate) fn accepted<P>(&self, allowed: &Allowed<P>) -> Result<WriteAccepted, ApiError> {
        let text = serde_json::to_string(self).map_err(ApiError::internal)?;
        let token = allowed.guarded().seals.seal(PURPOSE, &text);
        let token = token.ok_or_else(|| ApiError::internal("a token cannot be sealed"))?;
        Ok(WriteAccepted { id: self.id.clone(), state: WriteState::Waiting, token })
    }

    /// Where the write stands in what a viewer reads; a problem if it was rejected.
    pub(crate) async fn state(&self, viewer: &Viewer) -> Result<WriteState, ApiError> {
        let crm = InstanceName::crm();
        let seen = viewer.consumers.normalizer(viewer.active.canonical);
        let normalized =
            seen.and_then(|vector| vector.get(&crm).copied()).is_some_and(|at| at >= self.position);
        if !normalized {
            return Ok(WriteState::Waiting);
        }
        for rejected in viewer.quarantined::<Rejected>(&[quarantine_id(self.position)]).await? {
            // A later version that was accepted makes a rejected one unnecessary; nothing else does.
            if rejected.state != "superseded" {
                return Err(ApiError::write_rejected(&rejected.reason, &rejected.path, &rejected.detail));
            }
        }
        let mut serving = viewer.active.serving.iter();
        let projected = serving.all(|(name, generation)| {
            let position = viewer.consumers.projection(name, *generation);
            position.is_some_and(|position| position.covers(crm.as_str(), self.position))
        });
        Ok(if projected { WriteState::In } else { WriteState::Waiting })
    }

    /// Waits a little for the write to be in; gives the view that has it, or none if it takes longer.
    pub(crate) async fn wait<P>(&self, allowed: &Allowed<P>) -> Result<Option<Viewer>, ApiError> {
        let waiting = async {
            loop {
                let viewer = allowed.viewer_now().await?;
                if self.state(&viewer).await? == WriteState::In {
                    return Ok(viewer);
                }
                tokio::time::sleep(INTERVAL).await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(outcome) => outcome.map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// Publishes a write. What was written since its author saw the record, and was rejected, is no newer version: the next
/// write goes behind it, so a record does not stay locked by an event in quarantine.
pub(crate) async fn publish<P>(allowed: &Allowed<P>, write: RecordWrite) -> Result<Position, ApiError> {
    let writes = &allowed.guarded().writes;
    match writes.publish(write.clone()).await {
        Err(WriteError::Conflict { last: Some(last) }) if is_rejected(allowed, &write, last).await? => {
            writes.publish(RecordWrite { expected: Some(last), ..write }).await.map_err(problem)
        }
        outcome => outcome.map_err(problem),
    }
}

/// Publishes a record that its author asks for under a key of their own, once: whoever asks again with the same fields
/// gets the position at which the first one stands; other fields under the same key are a problem.
pub(crate) async fn publish_once<P>(allowed: &Allowed<P>, write: RecordWrite) -> Result<Position, ApiError> {
    for _ in 0..ATTEMPTS {
        match allowed.guarded().writes.publish(write.clone()).await {
            // The broker has decided between two at once. The second attempt of the other one sees where the first is.
            Err(WriteError::Conflict { last: None }) => {}
            Err(WriteError::Conflict { last: Some(last) }) => {
                let asked = write.fields.as_ref();
                return is_the_same(allowed, asked, last).await.map(|()| last);
            }
            outcome => return outcome.map_err(problem),
        }
    }
    Err(ApiError::broker_unavailable("the record keeps changing"))
}

/// Where the record stands that was made under a key before; none if there is none yet. A problem if it was made with
/// other fields.
pub(crate) async fn made_before<P>(
    allowed: &Allowed<P>,
    viewer: &Viewer,
    record: CrmOpportunity,
    fields: &OpportunityEdit,
) -> Result<Option<Position>, ApiError> {
    let found = viewer.facets(&[record.source().facet_id().to_string()]).await?;
    let Some(facet) = found.first() else { return Ok(None) };
    // One that was deleted since was made by the version that stated it last.
    let at = facet.stated_at();
    is_the_same(allowed, Some(fields), at).await?;
    Ok(Some(facet.position))
}

async fn is_the_same<P>(
    allowed: &Allowed<P>,
    asked: Option<&OpportunityEdit>,
    at: Position,
) -> Result<(), ApiError> {
    let written = allowed.guarded().writes.written(at).await.map_err(problem)?;
    let same = written.zip(asked).is_some_and(|(written, asked)| written.says_the_same(asked));
    if same { Ok(()) } else { Err(ApiError::idempotency_key_reused()) }
}

/// Whether the record's last event was rejected, and with it all that came behind the version its author saw.
async fn is_rejected<P>(allowed: &Allowed<P>, write: &RecordWrite, last: Position) -> Result<bool, ApiError> {
    let viewer = allowed.viewer_now().await?;
    // In this order: once the last event is in quarantine, the facet has taken everything before it.
    let rejected = viewer.quarantined::<Rejected>(&[quarantine_id(last)]).await?;
    let facet = write.record.source().facet_id().to_string();
    let accepted = viewer.facets(&[facet]).await?.first().map(|facet| facet.position);
    Ok(!rejected.is_empty() && accepted == write.expected)
}

fn quarantine_id(position: Position) -> String {
    format!("{}/{}/{}", InstanceName::crm(), position.epoch, position.sequence)
}

/// What a failed publish becomes.
pub(crate) fn problem(error: WriteError) -> ApiError {
    match error {
        WriteError::Conflict { .. } => ApiError::stale(),
        WriteError::Unavailable(_) => ApiError::broker_unavailable(error),
        WriteError::Refused(_) => ApiError::internal(error),
    }
}
