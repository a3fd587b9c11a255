//! HTTP: who asks, what for, and what goes wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;

use crate::clock::Clock;
use crate::fault::{Faults, Reply};
use crate::query::Question;
use crate::sign_in::{Application, Tokens};
use crate::tenant::Tenant;
use crate::{TENANT_ID, batch, directory, outlook};

/// Longest request read.
const MOST_BYTES: usize = 1_000_000;

/// One tenant, served.
pub(crate) struct Engine {
    pub tenant: Mutex<Tenant>,
    pub tokens: Mutex<Tokens>,
    pub faults: Faults,
    pub clock: Clock,
    pub client: String,
    pub secret: String,
    /// Records on a page at most, of what has pages of the server's own length.
    pub pages: usize,
    pub base: String,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn router(engine: Arc<Engine>) -> Router {
    Router::new().fallback(handle).with_state(engine)
}

async fn handle(State(engine): State<Arc<Engine>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MOST_BYTES).await.unwrap_or_default();
    let target = head.uri.path_and_query().map(|it| it.as_str().to_owned()).unwrap_or_default();
    let reply = engine.answer(&head.method, &target, &head.headers, &body);
    engine.sent(reply)
}

impl Engine {
    fn answer(&self, method: &Method, target: &str, headers: &HeaderMap, body: &[u8]) -> Reply {
        let path = target.split('?').next().unwrap_or_default();
        if let Some(tenant) = path.strip_suffix("/oauth2/v2.0/token") {
            if let Some(trouble) = self.faults.meet(path) {
                return trouble.reply();
            }
            let known = Application { tenant: TENANT_ID, client: &self.client, secret: &self.secret };
            let tenant = tenant.trim_matches('/');
            return locked(&self.tokens).hand_out(&known, tenant, body, self.clock.now());
        }
        let text = |name: HeaderName| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let token = text(header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
        if !locked(&self.tokens).admits(token, self.clock.now()) {
            let message = "Access token has expired or is not yet valid.";
            return Reply::error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message);
        }
        if path == "/v1.0/$batch" && method == Method::POST {
            if let Some(trouble) = self.faults.meet(path) {
                return trouble.reply();
            }
            let parts = match batch::parts(body) {
                Ok(parts) => parts,
                Err(refusal) => return refusal,
            };
            let replies = parts.into_iter().map(|part| {
                let reply = self.one(&part.method, &part.url, &part.prefer);
                (part.id, reply)
            });
            return batch::answer(replies.collect());
        }
        let prefer: Vec<_> = headers.get_all("prefer").iter().filter_map(|it| it.to_str().ok()).collect();
        self.one(method.as_str(), target, &prefer.join(", "))
    }

    /// A request of its own, or a part of a batch.
    fn one(&self, method: &str, target: &str, prefer: &str) -> Reply {
        if let Some(trouble) = self.faults.meet(target.split('?').next().unwrap_or_default()) {
            return trouble.reply();
        }
        let Some(question) = Question::read(&self.base, target, prefer) else {
            return Reply::bad_request("Invalid version.");
        };
        if method != "GET" {
            return Reply::error(
                StatusCode::METHOD_NOT_ALLOWED,
                "Request_BadRequest",
                "This server is only read.",
            );
        }
        let tenant = locked(&self.tenant);
        let about_mailbox = outlook::answer(&tenant, &question, self.pages);
        let needed = match &about_mailbox {
            Some(_) => outlook::permissions(&question),
            None => directory::permissions(&question),
        };
        if !needed.iter().any(|role| tenant.roles.contains(*role)) {
            let (code, message) = match about_mailbox {
                Some(_) => ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
                None => ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
            };
            return Reply::error(StatusCode::FORBIDDEN, code, message);
        }
        let answer = about_mailbox.or_else(|| directory::answer(&tenant, &question, self.pages));
        let unknown = || Err(Reply::bad_request("Resource not found for the segment."));
        answer.unwrap_or_else(unknown).unwrap_or_else(|refusal| refusal)
    }

    fn sent(&self, reply: Reply) -> Response<Body> {
        let kind =
            if reply.body.is_string() { "text/html" } else { "application/json;odata.metadata=minimal" };
        let text = match reply.body {
            Value::String(page) => page,
            body => body.to_string(),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = reply.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&self.clock.now()).unwrap_or_default();
        let more = [("date", date), ("request-id", "94fb3b52-452a-4535-a601-69e0a90e3aa2".to_owned())];
        for (name, value) in reply.headers.into_iter().chain(more) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
