//! What went wrong, in words a person can act on.
//!
//! Invariants: every message names the cause and every permanent error the remedy; none holds a password, an
//! address with credentials, or more of a traceback than its last line.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::{StatusCode, Url};

use super::config::address;
use super::objects;
use super::wire::Fault;
use crate::SourceError;
use crate::reach::OutOfReach;
pub(super) use crate::source::{permanent, transient};

/// Why a call gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// The server answered with a fault.
    Fault(Fault),
    /// There is no usable answer.
    Broken {
        /// What to report.
        error: SourceError,
        /// Asking for fewer records may help: the answer was too slow, too long, or cut off.
        smaller_may_help: bool,
    },
}

impl CallError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Broken { error: SourceError::Transient { .. }, .. })
    }

    /// The error to report for a call about an object (or none in particular).
    pub fn into_source_error(self, object: Option<&str>) -> SourceError {
        match self {
            Self::Fault(fault) => fault_error(&fault, object),
            Self::Broken { error, .. } => error,
        }
    }
}

/// The answer of `authenticate` is `False` for a wrong password, an unknown login, an inactive user and an
/// expired key alike.
pub(super) fn login_refused(login: &str) -> SourceError {
    permanent(
        "login-refused",
        format!("Odoo refused the login {login:?}"),
        "check login and password or API key; with two-factor login only an API key works; the user must be active and the key not expired",
    )
}

impl Fault {
    /// A field that was asked for is not there (any more).
    pub fn is_invalid_field(&self) -> bool {
        self.code == 1 && self.message.contains("Invalid field")
    }

    /// `search_read` does not take `load`: servers before Odoo 15.
    pub fn is_load_unknown(&self) -> bool {
        self.code == 1 && self.message.contains("unexpected keyword argument 'load'")
    }

    /// The object belongs to a module that is not installed, or the user has no right to it.
    pub fn keeps_back_object(&self) -> bool {
        self.code == 4 || self.code == 2 && self.message.contains("doesn't exist")
    }

    /// The answer holds an empty value that XML-RPC has no word for.
    pub fn is_unsendable(&self) -> bool {
        self.code == 1 && self.message.contains("cannot marshal None")
    }

    /// The database named does not exist.
    pub fn unknown_database(&self) -> bool {
        self.code == 1 && self.message.contains("database") && self.message.contains("does not exist")
    }
}

/// A fault as an error. Sources of the codes: observed on 17.0 and 18.0.
pub(super) fn fault_error(fault: &Fault, object: Option<&str>) -> SourceError {
    let message = &fault.message;
    let about = object.map(|object| format!("{object}: ")).unwrap_or_default();
    match fault.code {
        3 => permanent(
            "login-refused",
            "Odoo no longer accepts the login or its password",
            "check login and password or API key of the source",
        ),
        4 => {
            let cost =
                object.and_then(objects::object).map_or("give the API user the right", |object| object.cost);
            permanent(
                "not-allowed",
                format!("{about}Odoo does not let the API user read it ({message})"),
                cost,
            )
        }
        2 if message.contains("res.users(") => permanent(
            "login-refused",
            "the API user no longer exists in Odoo",
            "check the login of the source",
        ),
        2 if message.contains("doesn't exist") => permanent(
            "missing-module",
            format!("{about}this Odoo does not have the object"),
            "install the CRM app in this database, or check that the database is the right one",
        ),
        1 if fault.unknown_database() => permanent(
            "unknown-database",
            format!("Odoo has no such database ({message})"),
            "check the setting `database`; upper and lower case count",
        ),
        1 if passing(message) => transient(format!("{about}Odoo is short of something: {message}")),
        code => permanent(
            "server-fault",
            format!("{about}Odoo answered with fault {code}: {message}"),
            "see the log of the Odoo server for the whole traceback",
        ),
    }
}

/// Faults that say "not now": the database is restarting, connections or memory ran out.
fn passing(message: &str) -> bool {
    const WORDS: [&str; 6] = [
        "OperationalError",
        "InterfaceError",
        "PoolError",
        "SerializationFailure",
        "LockNotAvailable",
        "MemoryError",
    ];
    WORDS.iter().any(|word| message.contains(word))
}

/// No answer: what the HTTP client says about it.
pub(super) fn no_answer(error: &reqwest::Error, url: &Url, waited: Duration) -> CallError {
    let place = address(url);
    let broken = |error, smaller_may_help| CallError::Broken { error, smaller_may_help };
    if error.is_connect() {
        return broken(no_connection(error, url), false);
    }
    if error.is_timeout() {
        let seconds = waited.as_secs();
        return broken(transient(format!("{place} gave no whole answer within {seconds} s")), true);
    }
    broken(transient(format!("{place} closed the connection before the whole answer had come")), true)
}

fn no_connection(error: &reqwest::Error, url: &Url) -> SourceError {
    let place = address(url);
    let host = url.host_str().unwrap_or_default();
    if let Some(cause) = tls_cause(error) {
        let fix = if cause.contains("certificate") {
            "install a valid certificate for this host name on the server, or add its authority to this machine"
        } else {
            "check that the port speaks https; if Odoo is meant to be reached without TLS, write http:// in `url`"
        };
        return permanent("tls", format!("no secure connection to {place}: {cause}"), fix);
    }
    if let Some(out_of_reach) = causes(error).find_map(|cause| cause.downcast_ref::<OutOfReach>()) {
        return permanent(
            "out-of-reach",
            format!("the name {host} leads nowhere: {out_of_reach}"),
            "check the setting `url`; an operator decides with `sources.reach` where sources may be",
        );
    }
    if error.is_dns() {
        return if innermost(error).contains("emporary failure") {
            transient(format!("the name {host} could not be looked up now"))
        } else {
            permanent("wrong-url", format!("there is no host named {host}"), "check the setting `url`")
        };
    }
    if error.is_timeout() {
        return transient(format!(
            "no connection to {place}: the host does not answer; check `url` and the firewall"
        ));
    }
    let refused = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::ConnectionRefused);
    if refused {
        return transient(format!(
            "{place} refuses connections: Odoo is not running, or `url` has the wrong port"
        ));
    }
    transient(format!("no connection to {place}: {}", innermost(error)))
}

type Cause<'a> = &'a (dyn std::error::Error + 'static);

/// The causes of an error, outermost first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(error.source(), |cause| (**cause).source())
}

/// The last cause, in its own words.
fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// What TLS says; `io::Error` hides its content from the chain of causes, and comes nested.
fn tls_cause(error: &reqwest::Error) -> Option<String> {
    causes(error).find_map(tls_within)
}

fn tls_within(cause: Cause<'_>) -> Option<String> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(tls.to_string());
    }
    tls_within(cause.downcast_ref::<io::Error>()?.get_ref()?)
}

/// An answer whose HTTP status is not 200. Odoo itself answers 200 to everything but a wrong path.
pub(super) fn wrong_status(
    status: StatusCode,
    retry_after: Option<Duration>,
    redirect: Option<Url>,
    url: &Url,
) -> CallError {
    let place = address(url);
    let error = if status.is_redirection() {
        redirected(redirect, place)
    } else if matches!(status.as_u16(), 401 | 403 | 407) {
        permanent(
            "wrong-url",
            format!(
                "{place} answered HTTP {}: something in front of Odoo wants a login of its own",
                status.as_u16()
            ),
            "let /xmlrpc/2/ (with `interface` json-2: /json/2/) of this host through to Odoo, or use Odoo's own address in `url`",
        )
    } else if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
        let message = format!("{place} answered HTTP {}", status.as_u16());
        SourceError::Transient { message, retry_after }
    } else {
        not_odoo(url, &format!("HTTP {}", status.as_u16()))
    };
    // A gateway that gave up waiting for Odoo.
    CallError::Broken { error, smaller_may_help: status == StatusCode::GATEWAY_TIMEOUT }
}

/// A redirect is never followed: the call holds the password, and the other end may be anybody.
fn redirected(target: Option<Url>, place: &str) -> SourceError {
    let fix = match target.and_then(|target| super::config::base_url(target.as_str()).ok()) {
        Some(target) => format!("if that is your Odoo, set `url` to {}", address(&target)),
        None => "set `url` to the address that Odoo itself answers at".to_owned(),
    };
    permanent("wrong-url", format!("{place} redirects to another address"), fix)
}

/// Something answers, but it is not Odoo.
pub(super) fn not_odoo(url: &Url, what: &str) -> SourceError {
    permanent(
        "wrong-url",
        format!("what answers at {} is not the interface of Odoo that is asked for: {what}", address(url)),
        "set `url` to the address in front of /web, without any page; if a proxy is in front, let it pass /xmlrpc/2/ and \
         /jsonrpc, or with `interface` json-2, which needs Odoo 19 or later, /json/2/",
    )
}
