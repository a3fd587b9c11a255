//! Requests that cannot be read.

use axum::http::StatusCode;

use super::{ApiError, FieldError};

impl ApiError {
    pub(crate) fn malformed_path() -> Self {
        let detail = "A part of the address is no text, or no number where one is expected.";
        Self::new(StatusCode::BAD_REQUEST, "malformed-path", "The address is not what is expected", detail)
    }

    /// One field that is wrong.
    pub(crate) fn invalid_field(field: &str, detail: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError { field: field.to_owned(), detail: detail.into() }])
    }
}
