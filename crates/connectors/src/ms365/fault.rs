//! What went wrong, in words a person can act on.
//!
//! Invariants: every message names the cause and every permanent error the remedy; none holds the secret, a token, or a link,
//! which holds a place in somebody's data. Graph's own texts are for people and change: what is done depends on codes alone.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use serde_json::Value as Json;

use super::objects::Object;
use crate::reach::OutOfReach;
pub(super) use crate::source::{permanent, transient};
use crate::{PART_NOT_READABLE, SourceError};

/// Longest text of a server that is passed on, in characters.
const MESSAGE_LIMIT: usize = 300;

/// Why a call gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// Graph refuses.
    Refused(Refusal),
    /// There is no usable answer.
    Broken(SourceError),
}

/// A refusal, as Graph words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Its codes, outermost first.
    pub codes: Vec<String>,
    /// Its text, for people.
    pub message: String,
}

impl From<SourceError> for CallError {
    fn from(error: SourceError) -> Self {
        Self::Broken(error)
    }
}

impl Refusal {
    /// Reads the body of an answer with an error status.
    pub fn of(status: u16, body: &Json) -> Self {
        let mut codes = Vec::new();
        let mut at = body.get("error");
        let message = at.and_then(|error| error.get("message")).and_then(Json::as_str).unwrap_or_default();
        while let Some(error) = at {
            codes.extend(
                error.get("code").and_then(Json::as_str).filter(|code| !code.is_empty()).map(str::to_owned),
            );
            at = error.get("innerError").or_else(|| error.get("innererror"));
        }
        Self { status, codes, message: message.chars().take(MESSAGE_LIMIT).collect() }
    }

    fn has(&self, code: &str) -> bool {
        self.codes.iter().any(|own| own.eq_ignore_ascii_case(code))
    }

    /// The place that was asked behind is not known any more.
    pub fn is_lost_place(&self) -> bool {
        self.status == 410
            || matches!(self.status, 400 | 404)
                && ["syncStateNotFound", "syncStateInvalid", "resyncRequired"]
                    .iter()
                    .any(|code| self.has(code))
    }

    /// What was asked for does not exist. A mailbox that is switched off does, and may come back.
    pub fn is_gone(&self) -> bool {
        self.status == 404 && !self.has("MailboxNotEnabledForRESTAPI")
    }

    fn words(&self) -> String {
        let code = self.codes.first().map_or_else(|| format!("HTTP {}", self.status), Clone::clone);
        if self.message.is_empty() { code } else { format!("{code}: {}", self.message) }
    }
}

impl CallError {
    /// The error to report for a call about an object.
    pub fn into_source_error(self, object: Option<&Object>) -> SourceError {
        let refusal = match self {
            Self::Broken(error) => return error,
            Self::Refused(refusal) => refusal,
        };
        let about = object.map(|object| format!("{}: ", object.name)).unwrap_or_default();
        if refusal.status == 403 {
            let fix = object.map_or_else(
                || "give the application the permissions that docs/how-to/connect-microsoft-365.md lists".to_owned(),
                |object| {
                    format!(
                        "give the app registration the application permission {} with admin consent, or leave {} out of the \
                         setting `objects`; {}",
                        object.permission, object.name, object.cost
                    )
                },
            );
            let message = format!("{about}Graph does not let the application read it ({})", refusal.words());
            return permanent("not-allowed", message, fix);
        }
        permanent(
            "unexpected-answer",
            format!("{about}Graph refused what was asked ({})", refusal.words()),
            "run it again with --full; if it stays so, report it with this message",
        )
    }

    /// The same for a call about one mailbox, which may be the only one that cannot be read.
    pub fn into_part_error(self, object: &Object) -> SourceError {
        match self {
            Self::Refused(refusal) if matches!(refusal.status, 403 | 404) => SourceError::Permanent {
                code: PART_NOT_READABLE,
                message: format!("{}: {}", object.name, refusal.words()),
                fix: format!(
                    "the account may have no mailbox, an application access policy may keep it back, or the application \
                     permission {} lacks; the setting `mailboxes` says which are read",
                    object.permission
                ),
            },
            other => other.into_source_error(Some(object)),
        }
    }
}

/// An answer that cannot be what was asked for.
pub(super) fn unexpected(what: &str) -> SourceError {
    permanent(
        "unexpected-answer",
        format!("Graph answered what was not expected: {what}"),
        "check the setting `graph`, and that nothing in front of it changes answers",
    )
}

/// Whether a status passes by itself.
pub(super) fn passes(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || matches!(status.as_u16(), 408 | 425 | 429 | 509)
}

/// Graph is overloaded, or asks to be left alone.
pub(super) fn busy(status: u16, retry_after: Option<Duration>) -> SourceError {
    let message = match status {
        429 => "Graph asks for fewer requests (HTTP 429)".to_owned(),
        status => format!("Graph answered HTTP {status}"),
    };
    SourceError::Transient { message, retry_after }
}

/// What the token endpoint says of a sign-in that it refuses (RFC 6749, section 5.2).
pub(super) fn sign_in_refused(status: u16, body: &Json) -> SourceError {
    let text = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or_default();
    let numbers: Vec<u64> = body
        .get("error_codes")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_u64)
        .collect();
    // The description repeats what was sent, and ends in ids for Microsoft's support.
    let number = numbers.first().map(|number| format!(", AADSTS{number}")).unwrap_or_default();
    let error = if text("error").is_empty() { format!("HTTP {status}") } else { text("error").to_owned() };
    let said = format!("{error}{number}");
    let has = |number: u64| numbers.contains(&number);
    if has(90_002) || has(900_023) {
        let message = format!("there is no tenant of that id ({said})");
        return permanent(
            "unknown-tenant",
            message,
            "check the setting `tenant`, and `authority` for a national cloud",
        );
    }
    if has(700_016) || error == "unauthorized_client" {
        let message = format!("the tenant has no application of that id ({said})");
        return permanent(
            "unknown-application",
            message,
            "check the setting `client_id`; an administrator of the tenant has to consent",
        );
    }
    if has(7_000_222) {
        let message = format!("the application's secret has expired ({said})");
        return permanent(
            "login-refused",
            message,
            "make a new client secret, and give the source its value",
        );
    }
    if error == "invalid_client" {
        let message = format!("the application's secret was refused ({said})");
        return permanent(
            "login-refused",
            message,
            "give the value of a client secret, not its id; check that it has not expired",
        );
    }
    permanent(
        "login-refused",
        format!("the sign-in was refused ({said})"),
        "check tenant, client_id and secret of the source",
    )
}

/// No answer: what the HTTP client says about it.
pub(super) fn no_answer(error: &reqwest::Error, url: &Url, setting: &str, waited: Duration) -> SourceError {
    let host = url.host_str().unwrap_or_default();
    if let Some(out_of_reach) = causes(error).find_map(|cause| cause.downcast_ref::<OutOfReach>()) {
        return permanent(
            "out-of-reach",
            format!("the name {host} leads nowhere: {out_of_reach}"),
            format!(
                "check the setting `{setting}`; an operator decides with `sources.reach` where sources may be"
            ),
        );
    }
    if let Some(cause) = causes(error).find_map(tls_within) {
        return permanent(
            "tls",
            format!("no secure connection to {host}: {cause}"),
            "if a proxy looks into connections, add its authority to this machine",
        );
    }
    if error.is_timeout() {
        return transient(format!("{host} gave no whole answer within {} s", waited.as_secs()));
    }
    if error.is_connect() {
        return transient(format!("no connection to {host}"));
    }
    transient(format!("{host} closed the connection before the whole answer had come"))
}

type Cause<'a> = &'a (dyn std::error::Error + 'static);

/// The causes of an error, outermost first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(error.source(), |cause| (**cause).source())
}

/// What TLS says; `io::Error` hides its content from the chain of causes, and comes nested.
fn tls_within(cause: Cause<'_>) -> Option<String> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(tls.to_string());
    }
    tls_within(cause.downcast_ref::<io::Error>()?.get_ref()?)
}
