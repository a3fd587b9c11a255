//! The one error of the HTTP edge, as RFC 9457 problem documents.
//!
//! Named constructors say which answer a caller chose; nothing turns into a 500 by a silent conversion. The cause
//! of an internal error goes to the log with the request id, never to the client.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use salescommand_domain::access::Permission;
use salescommand_domain::canonical::{Entity, FacetId};
use salescommand_eventlog as eventlog;
use salescommand_store as store;
use serde::Serialize;
use utoipa::ToSchema;

use crate::connectors::ConnectorError;
use crate::hooks::told;
use crate::readiness::HealthCheck;
use crate::sources::SourceError;

mod audit;
mod org;
mod replays;
mod requests;
mod users;

/// Seconds after which a client may try a dependency again: a driver's own reconnect takes about that long.
const DEPENDENCY_RETRY_SECONDS: u64 = 5;

/// RFC 9457 problem document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of this code.
    pub title: String,
    /// HTTP status.
    #[schema(format = Int32)]
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// A stable word for programs.
    pub code: String,
    /// What a person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The fields that are wrong, where fields are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
    /// Of a record that was merged into another one: the golden id of that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
    /// Names the request in the server's log.
    pub request_id: String,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Which field, as a path into the body: `set.amount`.
    pub field: String,
    /// What is wrong, and what to do.
    pub detail: String,
}

/// What few problems say. Behind a pointer: an error is moved about much more often than it names fields.
#[derive(Debug, Clone, Default)]
struct Particulars {
    errors: Vec<FieldError>,
    merged_into: Option<String>,
}

/// A request that gets a problem document for an answer.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    fix: Option<Box<str>>,
    particulars: Option<Box<Particulars>>,
    retry_after: Option<u64>,
    /// For the log only.
    cause: Option<Box<str>>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            fix: None,
            particulars: None,
            retry_after: None,
            cause: None,
        }
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into().into_boxed_str());
        self
    }

    fn with(mut self, particulars: Particulars) -> Self {
        self.particulars = Some(Box::new(particulars));
        self
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    fn cause(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string().into_boxed_str());
        self
    }

    pub(crate) fn malformed_body(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-body",
            "The request body is not what is expected",
            detail,
        )
    }

    pub(crate) fn malformed_query(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-query", "A parameter is not what is expected", detail)
    }

    pub(crate) fn unsupported_media_type() -> Self {
        let detail = "Send the body as JSON, with Content-Type: application/json.";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body is not JSON",
            detail,
        )
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        let detail = format!("A request body may have at most {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The request body is too large", detail)
    }

    pub(crate) fn invalid_credentials() -> Self {
        let detail = "The e-mail address or the password is wrong.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid-credentials", "Sign-in failed", detail)
    }

    pub(crate) fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not-signed-in", "Not signed in", "Sign in to see this.")
    }

    pub(crate) fn access_expired() -> Self {
        let detail = "The access token is no longer good; renew it.";
        Self::new(StatusCode::UNAUTHORIZED, "access-expired", "Access expired", detail)
    }

    pub(crate) fn session_expired() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "session-expired",
            "Session expired",
            "The session is over. Sign in again.",
        )
    }

    pub(crate) fn too_many_attempts(retry_after: u64) -> Self {
        let detail = format!("Too many sign-in attempts. Try again in {retry_after} seconds.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Too many attempts", detail)
            .retry_after(retry_after)
    }

    pub(crate) fn csrf_header_missing() -> Self {
        let detail = "A request that changes something must carry the header X-Requested-With: salescommand.";
        Self::new(StatusCode::FORBIDDEN, "csrf-header-missing", "Request refused", detail)
    }

    pub(crate) fn forbidden(permission: Permission) -> Self {
        let word = crate::routes::auth::permission_word(permission);
        let detail = format!("Your role does not include {word}.");
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not permitted", detail)
            .fix("Ask a Super Admin for a role that includes it.")
    }

    pub(crate) fn unknown_route(path: &str) -> Self {
        let detail = format!("There is no {} here.", told(path));
        Self::new(StatusCode::NOT_FOUND, "unknown-route", "Not found", detail)
            .fix("See /api/docs for every operation.")
    }

    pub(crate) fn method_not_allowed(method: &str, path: &str) -> Self {
        let detail = format!("{} does not take {method}.", told(path));
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
            .fix("See /api/docs for every operation.")
    }

    pub(crate) fn unknown_entity_type(given: &str) -> Self {
        let known: Vec<_> = Entity::ALL.into_iter().map(Entity::plural).collect();
        let detail = format!("There is no entity type {given:?}. Known types: {}.", known.join(", "));
        Self::new(StatusCode::NOT_FOUND, "unknown-entity-type", "Unknown entity type", detail)
    }

    pub(crate) fn reject_unknown(id: &str) -> Self {
        let detail = format!("Nothing in quarantine has the id {id:?}.");
        Self::new(StatusCode::NOT_FOUND, "reject-unknown", "Unknown reject", detail)
            .fix("It may have been accepted since; `salescommand quarantine list` shows what is there.")
    }

    pub(crate) fn source_unknown(name: &str) -> Self {
        let detail = format!("There is no source {name:?}.");
        Self::new(StatusCode::NOT_FOUND, "source-unknown", "Unknown source", detail)
            .fix("`salescommand source list` shows the sources, `salescommand source add` makes one.")
    }

    /// One answer for a wrong key, a source that is not there, and one that has no hook.
    pub(crate) fn hook_unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "hook-unknown", "Not found", "No web hook answers here.")
            .fix("`salescommand source hook NAME --rotate` gives a source a new address.")
    }

    pub(crate) fn too_many_wrong_keys(retry_after: u64) -> Self {
        let detail = format!("Too many wrong keys. Try again in {retry_after} seconds.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Too many attempts", detail)
            .retry_after(retry_after)
    }

    /// What a failed call of the sources becomes.
    pub(crate) fn sources(error: SourceError) -> Self {
        match error {
            SourceError::Unknown(name) => Self::source_unknown(&name),
            SourceError::Store(error) => Self::store(error),
            SourceError::NameTaken(_) | SourceError::Reserved(_) => {
                let fix = "Choose another name; `GET /api/sync/sources` shows those that are taken.";
                Self::new(StatusCode::CONFLICT, "source-name-taken", "The name is taken", error.to_string())
                    .fix(fix)
            }
            SourceError::Sealed(_) | SourceError::ForeignKey { .. } => {
                let fix = "Set its credential again.";
                Self::new(
                    StatusCode::CONFLICT,
                    "source-sealed",
                    "The credential does not open",
                    error.to_string(),
                )
                .fix(fix)
            }
            SourceError::Hookless { .. } => Self::new(
                StatusCode::CONFLICT,
                "source-hookless",
                "The source sends no hints",
                error.to_string(),
            ),
            SourceError::Sealing | SourceError::Contended(_) => Self::internal(error),
        }
    }

    /// What a connector did not do.
    pub(crate) fn connector(error: ConnectorError) -> Self {
        match error {
            ConnectorError::UnknownKind { .. } => {
                Self::invalid_fields(vec![FieldError { field: "kind".to_owned(), detail: error.to_string() }])
            }
            ConnectorError::WrongSetting { setting, problem } => {
                Self::invalid_fields(vec![FieldError { field: setting, detail: problem }])
            }
            ConnectorError::Source { message, fix } => Self::new(
                StatusCode::BAD_GATEWAY,
                "source-failed",
                "The source did not answer as it should",
                message,
            )
            .fix(fix),
        }
    }

    pub(crate) fn cursor_unknown(object: &str) -> Self {
        let detail = format!("No object {object:?} of this source has been read.");
        Self::new(StatusCode::NOT_FOUND, "cursor-unknown", "Unknown cursor", detail)
            .fix("`salescommand source cursors NAME` shows those that have been.")
    }

    pub(crate) fn run_unknown(run: &str) -> Self {
        let detail = format!("There is no run {run:?}, or it has ended, or it is no longer remembered.");
        Self::new(StatusCode::NOT_FOUND, "run-unknown", "Unknown run", detail)
            .fix("`salescommand sync status` shows the runs.")
    }

    pub(crate) fn sync_already_running(source: &str) -> Self {
        let detail = format!("A sync of {source} is queued or running.");
        Self::new(StatusCode::CONFLICT, "sync-already-running", "Sync already running", detail)
            .fix("Wait for it, or end it with `salescommand sync cancel RUN`.")
    }

    /// A record that is not there, or that the reader may not know of: the same answer.
    pub(crate) fn unknown_record(entity: Entity) -> Self {
        let detail = format!("There is no such {entity}, or you may not see it.");
        Self::new(StatusCode::NOT_FOUND, "unknown-record", "Unknown record", detail)
    }

    /// A prepared document that is not there, or that the reader may not know of: the same answer.
    pub(crate) fn unknown_document(collections: &[&str]) -> Self {
        let detail =
            format!("There is no such document in {}, or you may not see it.", collections.join(", "));
        Self::new(StatusCode::NOT_FOUND, "unknown-document", "Unknown document", detail)
    }

    pub(crate) fn version_required() -> Self {
        let detail = "A change of a record says in If-Match which version it changes.";
        Self::new(StatusCode::PRECONDITION_REQUIRED, "version-required", "If-Match is missing", detail)
            .fix("Read the record, and send its ETag as If-Match.")
    }

    pub(crate) fn stale() -> Self {
        let detail = "Somebody has changed the record since you read it.";
        Self::new(StatusCode::PRECONDITION_FAILED, "stale-version", "Changed in the meantime", detail)
            .fix("Read the record again, and decide whether your change still holds.")
    }

    pub(crate) fn malformed_idempotency_key(longest: usize) -> Self {
        let detail = format!("Idempotency-Key must be 1 to {longest} printable ASCII characters.");
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-idempotency-key",
            "The Idempotency-Key is not what is expected",
            detail,
        )
    }

    pub(crate) fn idempotency_key_reused() -> Self {
        let detail = "You have used this Idempotency-Key for another body.";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "The Idempotency-Key was used before",
            detail,
        )
        .fix("Send the body with which it was used first, or a key of its own.")
    }

    /// A record whose content went into another one, which the reader may see.
    pub(crate) fn merged_away(into: FacetId) -> Self {
        let detail = format!("The record was merged into another one, {into}.");
        Self::new(StatusCode::GONE, "merged-away", "Merged into another record", detail)
            .fix("Ask for that one; the history of this one is still there.")
            .with(Particulars { merged_into: Some(into.to_string()), ..Particulars::default() })
    }

    pub(crate) fn nothing_to_withdraw() -> Self {
        let detail = "Nobody has edited this record in SalesCommand, and it was not made here.";
        Self::new(StatusCode::CONFLICT, "nothing-to-withdraw", "Nothing to withdraw", detail)
            .fix("Delete the record in the source that has it.")
    }

    pub(crate) fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let detail =
            errors.iter().map(|error| format!("{}: {}", error.field, error.detail)).collect::<Vec<_>>();
        let detail = detail.join("; ");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Fields are wrong", detail)
            .with(Particulars { errors, ..Particulars::default() })
    }

    /// A write that was published and that the normalizer did not accept.
    pub(crate) fn write_rejected(reason: &str, path: &str, detail: &str) -> Self {
        let text = format!("The change was published and is in quarantine: {reason} at {path}.");
        let errors = vec![FieldError { field: path.to_owned(), detail: detail.to_owned() }];
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "write-rejected", "The change was rejected", text)
            .with(Particulars { errors, ..Particulars::default() })
    }

    /// The zones have not been built yet: the normalizer has never run.
    pub(crate) fn warming_up() -> Self {
        let detail = "Nothing has been prepared yet; the normalizer and the projector have not run.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "warming-up", "Not ready yet", detail)
            .fix("Start `salescommand all`, or `salescommand normalizer` and `salescommand projector`.")
            .retry_after(DEPENDENCY_RETRY_SECONDS)
    }

    pub(crate) fn timed_out(seconds: u64) -> Self {
        let detail = format!("The answer was not ready within {seconds} seconds.");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timed-out", "Took too long", detail)
            .retry_after(DEPENDENCY_RETRY_SECONDS)
    }

    /// What a failed call of the store becomes.
    pub(crate) fn store(error: store::Error) -> Self {
        if !error.is_transient() {
            return Self::internal(error);
        }
        let detail = "The document store cannot be reached at the moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", "Store unavailable", detail)
            .fix("Check that MongoDB runs: `salescommand doctor` says what it found.")
            .retry_after(DEPENDENCY_RETRY_SECONDS)
            .cause(error)
    }

    /// What a failed call of the event log becomes.
    pub(crate) fn broker(error: eventlog::Error) -> Self {
        if error.is_transient() { Self::broker_unavailable(error) } else { Self::internal(error) }
    }

    pub(crate) fn broker_unavailable(cause: impl ToString) -> Self {
        let detail = "The event log cannot be reached at the moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "broker-unavailable", "Event log unavailable", detail)
            .fix("Check that NATS runs: `salescommand doctor` says what it found.")
            .retry_after(DEPENDENCY_RETRY_SECONDS)
            .cause(cause)
    }

    pub(crate) fn internal(cause: impl ToString) -> Self {
        let detail = "Something went wrong on the server. The log has the details under this request id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail).cause(cause)
    }

    /// The same as a line of a health report.
    pub(crate) fn as_check(&self, name: &str) -> HealthCheck {
        self.log();
        HealthCheck::down(name, self.detail.clone(), self.fix.as_deref().unwrap_or_default())
    }

    pub(crate) fn log(&self) {
        let Some(cause) = &self.cause else { return };
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(code = self.code, cause, "request failed");
        } else {
            tracing::warn!(code = self.code, cause, "request not answered");
        }
    }

    /// The final answer. Only the outermost layer knows the request's id, so it does the writing.
    pub(crate) fn write(self, request_id: &str, allow: Option<HeaderValue>) -> Response {
        let Particulars { errors, merged_into } = self.particulars.map(|it| *it).unwrap_or_default();
        let problem = Problem {
            kind: format!("/problems/{}", self.code),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.to_owned(),
            fix: self.fix.map(String::from),
            errors,
            merged_into,
            request_id: request_id.to_owned(),
        };
        let mut response = (self.status, axum::Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = allow {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

/// Carries the error to the layer that writes it.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
