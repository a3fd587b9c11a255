//! What a failure of the audit log is to whoever asks, and what any problem is to the audit log.

use axum::http::StatusCode;
use salescommand_audit::Error;
use salescommand_domain::audit::Outcome;

use super::{ApiError, DEPENDENCY_RETRY_SECONDS};

impl ApiError {
    /// Its status, and what it says happened.
    pub(crate) fn told(self) -> (StatusCode, String) {
        (self.status, self.detail)
    }

    /// What came of an action that got this answer.
    pub(crate) fn outcome(&self) -> (Outcome, &'static str) {
        let outcome = if self.status.is_client_error() { Outcome::Refused } else { Outcome::Failed };
        (outcome, self.code)
    }

    /// An action that could not be written down, so it was not done.
    pub(crate) fn not_written_down(error: &Error) -> Self {
        let detail = "What is done here is written down first, and that cannot be done at the moment. Nothing was changed.";
        Self::audit(error, detail)
    }

    /// An action whose end could not be written down, so nobody is told that it is done.
    pub(crate) fn end_not_written_down(error: &Error) -> Self {
        let detail = "What came of it could not be written down. It may be done: look before you try again.";
        Self::audit(error, detail)
    }

    /// The log itself, which somebody wants to read.
    pub(crate) fn audit_log(error: Error) -> Self {
        match error {
            Error::Store(error) => Self::store(error),
            Error::Log(error) => Self::broker(error),
            other @ Error::State(_) => Self::internal(other),
        }
    }

    pub(crate) fn malformed_head() -> Self {
        Self::malformed_query("since must be POSITION:HASH, as an earlier check has told its head.")
    }

    fn audit(error: &Error, detail: &str) -> Self {
        if !error.is_transient() {
            return Self::internal(error);
        }
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "audit-unavailable",
            "The audit log cannot be written",
            detail,
        )
        .fix("Check that MongoDB runs: `salescommand doctor` says what it found.")
        .retry_after(DEPENDENCY_RETRY_SECONDS)
        .cause(error)
    }
}
