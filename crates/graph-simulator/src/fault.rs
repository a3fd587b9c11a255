//! Errors in the words of Graph, and troubles that a test orders.

use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use serde_json::{Value, json};

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

impl Reply {
    pub fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body }
    }

    pub fn error(status: StatusCode, code: &str, message: &str) -> Self {
        let inner = json!({
            "date": "2026-11-23T12:00:00",
            "request-id": "94fb3b52-452a-4535-a601-69e0a90e3aa2",
            "client-request-id": "94fb3b52-452a-4535-a601-69e0a90e3aa2",
        });
        let body = json!({"error": {"code": code, "message": message, "innerError": inner}});
        Self { status, headers: Vec::new(), body }
    }

    pub fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    /// A record of the directory that is not there.
    pub fn not_found(id: &str) -> Self {
        let message = format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
        );
        Self::error(StatusCode::NOT_FOUND, "Request_ResourceNotFound", &message)
    }

    /// An item of a mailbox that is not there.
    pub fn no_item() -> Self {
        let message = "The specified object was not found in the store.";
        Self::error(StatusCode::NOT_FOUND, "ErrorItemNotFound", message)
    }

    pub fn bad_request(message: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }
}

/// What goes wrong with a request, or with a part of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 429; with this `Retry-After`, if any.
    TooManyRequests(Option<&'static str>),
    /// 503; with this `Retry-After`, if any.
    Unavailable(Option<&'static str>),
    /// 504.
    GatewayTimeout,
    /// 500 with a page for people.
    Page,
}

impl Trouble {
    pub(crate) fn reply(&self) -> Reply {
        let late = |reply: Reply, after: &Option<&'static str>| match after {
            Some(after) => reply.with("retry-after", *after),
            None => reply,
        };
        match self {
            Self::TooManyRequests(after) => {
                let message = "Please retry again later.";
                late(Reply::error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message), after)
            }
            Self::Unavailable(after) => {
                let message = "The service is temporarily unavailable.";
                late(Reply::error(StatusCode::SERVICE_UNAVAILABLE, "serviceNotAvailable", message), after)
            }
            Self::GatewayTimeout => {
                Reply::error(StatusCode::GATEWAY_TIMEOUT, "UnknownError", "The gateway timed out.")
            }
            Self::Page => Reply {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                headers: Vec::new(),
                body: Value::String("<!doctype html><title>Error</title>".to_owned()),
            },
        }
    }
}

/// Troubles to come, and how much was asked.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Ordered>);

#[derive(Debug, Default)]
struct Ordered {
    /// How many requests pass before each.
    coming: Vec<(usize, Trouble)>,
    every: Option<(u64, Trouble)>,
    met: u64,
    asked: Vec<String>,
}

impl Faults {
    /// Lets one of the next requests fail: the one behind so many others.
    pub fn once_after(&self, others: usize, trouble: Trouble) {
        self.lock().coming.push((others, trouble));
    }

    /// Lets every so many requests fail; none if no trouble is given.
    pub fn every(&self, trouble: Option<(u64, Trouble)>) {
        self.lock().every = trouble;
    }

    /// Paths that were asked for since the last look, parts of batches included.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().asked)
    }

    /// Counts a request, and tells what goes wrong with it.
    pub(crate) fn meet(&self, path: &str) -> Option<Trouble> {
        let mut ordered = self.lock();
        ordered.asked.push(path.to_owned());
        ordered.met += 1;
        let due = ordered.coming.iter().position(|(others, _)| *others == 0);
        let due = due.map(|index| ordered.coming.remove(index).1);
        ordered.coming.iter_mut().for_each(|(others, _)| *others = others.saturating_sub(1));
        let met = ordered.met;
        due.or_else(|| {
            ordered.every.as_ref().filter(|(every, _)| met.is_multiple_of(*every)).map(|it| it.1.clone())
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ordered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
