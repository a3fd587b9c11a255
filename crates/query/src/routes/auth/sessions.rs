//! `GET /api/auth/sessions`, `DELETE /api/auth/sessions`, `DELETE /api/auth/sessions/{id}`: one's own sessions.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use salescommand_domain::audit::{Action, Details, Draft, Target};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, SignedIn};
use crate::auth::SessionDetail;
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// A session: a browser in which somebody is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionSummary {
    /// Its id, to end it by.
    pub id: String,
    /// What the browser says it is, such as "Firefox on Linux"; none if it says nothing that is known.
    pub device: Option<String>,
    /// The network address from which it was last renewed; behind a proxy that is the proxy's.
    pub address: Option<String>,
    /// When it began.
    pub first_seen: Timestamp,
    /// When it was last renewed, which a page in use does every few minutes.
    pub last_seen: Timestamp,
    /// When it ends by itself if it is not renewed.
    pub expires_at: Timestamp,
    /// It is the one that asks.
    pub current: bool,
}

/// The sessions of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    /// The latest used first.
    pub sessions: Vec<SessionSummary>,
}

impl SessionList {
    pub(crate) fn new(sessions: Vec<SessionDetail>, current: &str) -> Self {
        let summary = |session: SessionDetail| SessionSummary {
            current: session.id == current,
            id: session.id,
            device: session.place.device,
            address: session.place.address,
            first_seen: session.first_seen,
            last_seen: session.last_seen,
            expires_at: session.expires,
        };
        Self { sessions: sessions.into_iter().map(summary).collect() }
    }
}

/// One's sessions
#[utoipa::path(get, path = "/api/auth/sessions", tag = "auth", responses(
    (status = 200, description = "OK", body = SessionList),
    SignedInProblems,
))]
pub(crate) async fn sessions(allowed: Allowed<SignedIn>) -> Result<Reply<SessionList>, ApiError> {
    let found = allowed.app().sessions.list(&allowed.account.id).await.map_err(ApiError::store)?;
    Ok(Reply(SessionList::new(found, allowed.session())))
}

/// The entry of an end of one's own sessions: of one, or of all others.
fn ended(allowed: &Allowed<SignedIn>, which: &str) -> Draft {
    let own = Target::account(&allowed.account.id);
    allowed.entry(Action::SessionEnded, own).detailed(Details::default().kind(which))
}

/// End every other session of one's own
///
/// It holds from the next request on.
#[utoipa::path(delete, path = "/api/auth/sessions", tag = "auth", responses(
    (status = 204, description = "Only this session is left"),
    SignedInProblems,
))]
pub(crate) async fn end_other_sessions(allowed: Allowed<SignedIn>) -> Result<StatusCode, ApiError> {
    let (sessions, own) = (&allowed.app().sessions, &allowed.account.id);
    let end = async { sessions.end_others(own, allowed.session()).await.map_err(ApiError::store) };
    allowed.audited(ended(&allowed, "others"), end).await?;
    tracing::info!(account.id = allowed.account.id, "the other sessions were ended");
    Ok(StatusCode::NO_CONTENT)
}

/// End a session of one's own
///
/// It holds from the next request on. A session of somebody else is answered as one that is not there.
#[utoipa::path(delete, path = "/api/auth/sessions/{id}", tag = "auth",
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 204, description = "Ended; if it was the one that asks, its cookies are taken away"),
        (status = 404, description = "unknown-session", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn end_session(
    allowed: Allowed<SignedIn>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let app = allowed.app();
    let end = async {
        let ended = app.sessions.end_one(&allowed.account.id, &id).await.map_err(ApiError::store)?;
        ended.then_some(()).ok_or_else(ApiError::unknown_session)
    };
    allowed.audited(ended(&allowed, "one"), end).await?;
    tracing::info!(account.id = allowed.account.id, "a session was ended");
    let mut response = StatusCode::NO_CONTENT.into_response();
    if id == allowed.session() {
        app.cookies.clear(response.headers_mut());
    }
    Ok(response)
}
