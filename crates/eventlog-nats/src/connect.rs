//! The connection.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr, ServerError};
use salescommand_eventlog::Error;
use tokio::sync::watch;

use crate::tls;

/// Longest wait for one answer. With the journal synced at every write a full pipeline takes under a second.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A broker that is silent for two of these is gone, so a stopped one is noticed within 20 s.
const PING_EVERY: Duration = Duration::from_secs(10);
/// After a new connection, how long an answer to what was asked before it may still take. What the broker
/// answered while there was no connection never comes.
const ANSWER_AFTER_RECONNECT: Duration = Duration::from_secs(1);
const MOST_REFUSALS: usize = 64;

/// How to reach the broker.
#[derive(Clone)]
pub struct NatsOptions {
    /// `nats://[user:password@]host[:port]`, several separated by commas. Never logged.
    pub url: String,
    /// Name of this connection, shown by the broker.
    pub name: String,
    /// How long [`NatsLog::connect`] keeps trying.
    pub connect_within: Duration,
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsOptions").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How the connection is encrypted, and how each side shows who it is. Without any of this, and with an address that says
/// `tls://`, the system's authorities are trusted.
#[derive(Debug, Clone, Default)]
pub struct NatsTls {
    /// The authorities that the broker's certificate is checked against, in PEM. With them, nothing is said unencrypted.
    pub ca_file: Option<PathBuf>,
    /// The certificate that this side shows, and its key, in PEM: for a broker that asks for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// A connection to JetStream.
#[derive(Clone)]
pub struct NatsLog {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    pub(crate) watched: Watched,
}

/// What the connection tells beside the answers.
#[derive(Clone)]
pub(crate) struct Watched {
    refusals: Arc<Mutex<VecDeque<(Instant, String)>>>,
    connections: Arc<watch::Sender<u64>>,
}

impl NatsLog {
    /// Connects, trying again until `connect_within` is over. Wrong credentials are refused at once.
    pub async fn connect(options: NatsOptions) -> Result<Self, Error> {
        Self::connect_with(options, &NatsTls::default()).await
    }

    /// The same, encrypted. A certificate that does not hold is refused at once, too.
    pub async fn connect_with(options: NatsOptions, tls: &NatsTls) -> Result<Self, Error> {
        let (servers, credentials) = servers(&options.url)?;
        let watched = Watched::new();
        let deadline = Instant::now() + options.connect_within;
        loop {
            let connect = encrypted(connect_options(&options.name, &credentials, &watched), tls);
            let attempt = connect.connect(servers.clone()).await;
            let error = match attempt {
                Ok(client) => {
                    let jetstream = ContextBuilder::new().timeout(ANSWER_WITHIN).build(client.clone());
                    return Ok(Self { client, jetstream, watched });
                }
                Err(error) => error,
            };
            match error.kind() {
                ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                    return Err(Error::Refused("user or password is wrong".to_owned()));
                }
                _ if let Some(why) = tls::refusal(&error) => return Err(Error::Refused(why)),
                kind if Instant::now() >= deadline => {
                    return Err(Error::Unavailable(format!("{}: {kind}", shown(&servers))));
                }
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

impl fmt::Debug for NatsLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsLog").field("state", &self.client.connection_state()).finish_non_exhaustive()
    }
}

impl Watched {
    fn new() -> Self {
        Self { refusals: Arc::default(), connections: Arc::new(watch::Sender::new(0)) }
    }

    fn take(&self, event: Event) {
        match event {
            Event::Connected => {
                tracing::info!("connected to the event log");
                self.connections.send_modify(|count| *count += 1);
            }
            Event::Disconnected => tracing::warn!("lost the connection to the event log; reconnecting"),
            Event::ServerError(ServerError::Other(text)) => {
                tracing::warn!(text, "the event log reported an error");
                let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
                refusals.push_back((Instant::now(), text));
                if refusals.len() > MOST_REFUSALS {
                    refusals.pop_front();
                }
            }
            other => tracing::debug!(%other, "event log connection"),
        }
    }

    /// Counts connections; a change means that the broker may have forgotten ephemeral consumers.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.connections.subscribe()
    }

    /// How many connections there were, so that an answer can be awaited later.
    pub(crate) fn connection(&self) -> u64 {
        *self.connections.borrow()
    }

    /// An answer to what was asked at a connection; none if it got lost with that connection.
    pub(crate) async fn answer<T>(&self, asked_at: u64, answer: impl Future<Output = T>) -> Option<T> {
        let mut connections = self.connections();
        let lost = async {
            let _ = connections.wait_for(|count| *count != asked_at).await;
            tokio::time::sleep(ANSWER_AFTER_RECONNECT).await;
        };
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = lost => None,
        }
    }

    /// A call that began at `since` got no answer: refused, if the server reported a violation that names the
    /// subject, otherwise not reachable.
    pub(crate) fn unanswered(&self, since: Instant, subject: &str) -> Error {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let subject_lower = subject.to_lowercase();
        let refusal = refusals.iter().rev().find(|(at, text)| {
            let text = text.to_lowercase();
            *at >= since && text.contains("permissions violation") && text.contains(&subject_lower)
        });
        match refusal {
            Some((_, text)) => Error::Refused(text.clone()),
            None => Error::Unavailable(format!("no answer for {subject}")),
        }
    }
}

type Credentials = Option<(String, String)>;

fn connect_options(name: &str, credentials: &Credentials, watched: &Watched) -> ConnectOptions {
    let watched = watched.clone();
    let options = ConnectOptions::new()
        .name(name)
        .connection_timeout(Duration::from_secs(5))
        .request_timeout(Some(ANSWER_WITHIN))
        .ping_interval(PING_EVERY)
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| {
            watched.take(event);
            std::future::ready(())
        });
    match credentials {
        Some((user, password)) => {
            options.custom_inbox_prefix(inbox_of(user)).user_and_password(user.clone(), password.clone())
        }
        None => options,
    }
}

/// Where a user's answers come: a place of its own, so that no other may listen there.
fn inbox_of(user: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    format!("_INBOX_{}", user.chars().map(plain).collect::<String>())
}

fn encrypted(mut options: ConnectOptions, tls: &NatsTls) -> ConnectOptions {
    if let Some(authorities) = &tls.ca_file {
        options = options.add_root_certificates(authorities.clone()).require_tls(true);
    }
    if let Some((certificate, key)) = &tls.certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    options
}

/// 50 ms, doubling up to 2 s.
fn reconnect_delay(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.min(6)).unwrap_or(6);
    Duration::from_millis(50 << doublings).min(Duration::from_secs(2))
}

/// Splits the address list from the credentials, so that no later message can show them.
fn servers(url: &str) -> Result<(Vec<ServerAddr>, Credentials), Error> {
    let mut credentials = None;
    let mut servers = Vec::new();
    for part in url.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (scheme, rest) = part.split_once("://").unwrap_or(("nats", part));
        let (user_info, address) = match rest.rsplit_once('@') {
            Some((user_info, address)) => (Some(user_info), address),
            None => (None, rest),
        };
        if let Some(user_info) = user_info {
            let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
            credentials = Some((percent_decoded(user), percent_decoded(password)));
        }
        let server = ServerAddr::from_str(&format!("{scheme}://{address}"));
        servers
            .push(server.map_err(|_| Error::Refused("NATS address is no URL like nats://host:port".into()))?);
    }
    if servers.is_empty() {
        return Err(Error::Refused("NATS address is empty".to_owned()));
    }
    Ok((servers, credentials))
}

fn shown(servers: &[ServerAddr]) -> String {
    let shown: Vec<_> = servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
    shown.join(", ")
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escaped = (bytes[index] == b'%').then(|| text.get(index + 1..index + 3)).flatten();
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                index += 3;
            }
            None => {
                out.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_address() {
        let (servers, credentials) =
            servers("nats://platform:p%40s%2Fs@127.0.0.1:4333, nats://other").unwrap();
        assert_eq!(shown(&servers), "127.0.0.1:4333, other:4222");
        assert_eq!(credentials, Some(("platform".to_owned(), "p@s/s".to_owned())));
        let options =
            NatsOptions { url: "nats://u:secret@h".into(), name: "n".into(), connect_within: PING_EVERY };
        assert!(!format!("{options:?}").contains("secret"));
    }

    #[test]
    fn a_bad_address_is_refused_without_showing_it() {
        let error = servers("nats://u:secret@h:notaport").unwrap_err();
        assert!(matches!(error, Error::Refused(_)));
        assert!(!error.to_string().contains("secret"));
        assert!(servers(" ").is_err());
    }

    #[test]
    fn reconnecting_waits_two_seconds_at_most() {
        assert_eq!(reconnect_delay(0), Duration::from_millis(50));
        assert_eq!(reconnect_delay(usize::MAX), Duration::from_secs(2));
    }
}
