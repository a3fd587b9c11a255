//! Rejected raw events: list, show, decide. For operators: a reject belongs to nobody's scope.

pub(crate) mod decide;
pub(crate) mod list;
pub(crate) mod show;

use salescommand_domain::raw::{InstanceName, Position, RawPosition};
use salescommand_store::quarantine_collection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::viewer::Viewer;

/// What became of a rejected event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RejectState {
    /// Waits for a fix.
    Open,
    /// A later version of the record was accepted.
    Superseded,
    /// Somebody has decided to leave it out.
    Waived,
}

impl RejectState {
    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Superseded => "superseded",
            Self::Waived => "waived",
        }
    }
}

/// A rejected raw event, as stored.
#[derive(Debug, Clone, Deserialize)]
struct StoredReject {
    #[serde(rename = "_id")]
    id: String,
    raw: RawPosition,
    subject: String,
    reason: String,
    path: String,
    detail: String,
    state: RejectState,
    note: Option<String>,
}

/// A rejected raw event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Reject {
    /// `<instance>/<epoch>/<sequence>`.
    pub id: String,
    /// The source instance.
    pub source: String,
    /// Subject of the record's history.
    pub subject: String,
    /// A stable word.
    pub reason: String,
    /// The offending field, as a JSON pointer; empty for the whole.
    pub path: String,
    /// What was found and what was expected.
    pub detail: String,
    /// What became of it.
    pub state: RejectState,
    /// Why it was waived.
    pub note: Option<String>,
}

impl From<StoredReject> for Reject {
    fn from(stored: StoredReject) -> Self {
        Self {
            id: stored.id,
            source: stored.raw.instance.to_string(),
            subject: stored.subject,
            reason: stored.reason,
            path: stored.path,
            detail: stored.detail,
            state: stored.state,
            note: stored.note,
        }
    }
}

/// The raw position that a path names.
fn position((instance, epoch, sequence): (String, u32, u64)) -> Result<RawPosition, ApiError> {
    let unknown = |_| ApiError::reject_unknown(&format!("{instance}/{epoch}/{sequence}"));
    let name = InstanceName::new(&*instance).map_err(unknown)?;
    Ok(RawPosition { instance: name, position: Position { epoch, sequence } })
}

/// The reject of a raw event; none if the event is not in quarantine.
async fn reject(viewer: &Viewer, about: &RawPosition) -> Result<Option<StoredReject>, ApiError> {
    Ok(viewer.quarantined(&[about.to_string()]).await?.pop())
}

/// The collection that a viewer reads.
fn collection(viewer: &Viewer) -> String {
    quarantine_collection(viewer.active.canonical)
}
