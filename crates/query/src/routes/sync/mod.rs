//! Sources and their runs.

pub(crate) mod backfill;
pub(crate) mod cancel;
pub(crate) mod cursors;
pub(crate) mod events;
pub(crate) mod history;
pub(crate) mod hook;
pub(crate) mod log;
pub(crate) mod probe;
pub(crate) mod schedule;
pub(crate) mod sources;
pub(crate) mod status;
pub(crate) mod trigger;

use crate::error::ApiError;
use crate::sync::CommandError;

/// What became of a command about a source or a run.
fn problem(error: CommandError, about: &str) -> ApiError {
    match error {
        CommandError::AlreadyRunning => ApiError::sync_already_running(about),
        CommandError::Unavailable(_) => ApiError::broker_unavailable(error),
        CommandError::Refused(_) => ApiError::internal(error),
    }
}
