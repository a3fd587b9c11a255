//! What runs had to say, as ingest keeps it with them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The last lines of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunLog {
    /// How many lines before them are no longer there.
    #[serde(default)]
    #[schema(format = Int64, required = true)]
    pub dropped: u64,
    /// The lines, in order.
    #[serde(default)]
    #[schema(required = true)]
    pub lines: Vec<RunLogLine>,
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunLogLine {
    /// When it was said first.
    pub at: Timestamp,
    /// How much it matters.
    pub level: RunLogLevel,
    /// The object that it is about; none if it is about the whole run.
    #[serde(default)]
    pub object: Option<String>,
    /// What was said.
    pub text: String,
    /// How often in a row.
    #[schema(format = Int64)]
    pub times: u64,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunLogLevel {
    /// Good to know.
    Info,
    /// Something was not as it should be, and the run went on.
    Warn,
    /// Something was not read because of it.
    Error,
}

/// What is read of a run when its log is wanted.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordedLog {
    pub(crate) run_id: String,
    #[serde(default)]
    pub(crate) log: RunLog,
}
