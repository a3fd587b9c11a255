//! Answers to requests that are refused, as RFC 7644, section 3.12 has them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::MEDIA_TYPE;
use crate::error::ApiError;

const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A refusal. Nothing of what was sent is said again, except for names of attributes.
#[derive(Debug, Clone)]
pub(crate) struct ScimError {
    status: StatusCode,
    /// The standard's word.
    kind: Option<&'static str>,
    detail: String,
    retry_after: Option<u64>,
}

impl ScimError {
    fn new(status: StatusCode, kind: Option<&'static str>, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), retry_after: None }
    }

    /// No key, or a wrong one.
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            None,
            "Send the token of this provider: Authorization: Bearer TOKEN.",
        )
    }

    /// Too many wrong keys.
    pub(crate) fn too_many(seconds: u64) -> Self {
        let detail = format!("Too many wrong tokens. Try again in {seconds} seconds.");
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, None, detail) }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, None, "There is no such resource.")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, None, "This resource does not take that method.")
    }

    pub(crate) fn not_implemented() -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, None, "Search with GET /Users and a filter.")
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, None, "Send the body as application/scim+json.")
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, None, format!("A body may have at most {limit} bytes."))
    }

    pub(crate) fn stale() -> Self {
        let detail = "The resource has changed since it was read.";
        Self::new(StatusCode::PRECONDITION_FAILED, None, detail)
    }

    pub(crate) fn invalid_filter(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some("invalidFilter"), detail)
    }

    pub(crate) fn invalid_path(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some("invalidPath"), detail)
    }

    pub(crate) fn invalid_syntax(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some("invalidSyntax"), detail)
    }

    pub(crate) fn invalid_value(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some("invalidValue"), detail)
    }

    pub(crate) fn no_target(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some("noTarget"), detail)
    }

    pub(crate) fn mutability(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some("mutability"), detail)
    }

    pub(crate) fn uniqueness(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, Some("uniqueness"), detail)
    }

    /// What cannot be now, and is no matter of a value that is taken.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, None, detail)
    }

    /// The word that the audit log has for it.
    pub(crate) fn code(&self) -> &'static str {
        self.kind.unwrap_or(match self.status {
            StatusCode::NOT_FOUND => "not-found",
            StatusCode::CONFLICT => "conflict",
            StatusCode::PRECONDITION_FAILED => "stale-version",
            _ => "unavailable",
        })
    }

    /// Whether it is trouble of ours.
    pub(crate) fn is_failure(&self) -> bool {
        self.status.is_server_error()
    }
}

/// Trouble of ours: logged with its cause, told without.
impl From<ApiError> for ScimError {
    fn from(error: ApiError) -> Self {
        error.log();
        let (status, detail) = error.told();
        Self::new(status, None, detail)
    }
}

impl IntoResponse for ScimError {
    fn into_response(self) -> Response {
        let mut body = json!({ "schemas": [SCHEMA], "status": self.status.as_str(), "detail": self.detail });
        if let Some(kind) = self.kind {
            body["scimType"] = kind.into();
        }
        let mut response =
            (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body.to_string()).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
