//! Direct gets: the last message of many subjects in one request.
//!
//! Protocol: a JSON request to `$JS.API.DIRECT.GET.<stream>`; each message comes as one reply with its subject and
//! sequence in headers, then a reply with status 204 ends the batch and tells how many are still to come.

use std::collections::HashMap;
use std::time::Instant;

use async_nats::{HeaderMap, Message as Reply};
use futures::StreamExt as _;
use salescommand_eventlog::{Error, Message};
use serde_json::json;

use crate::connect::{ANSWER_WITHIN, NatsLog};
use crate::streams::lost_with_connection;

const NO_CONTENT: u16 = 204;
const NOT_FOUND: u16 = 404;
const TOO_MANY: u16 = 413;
const NO_RESPONDERS: u16 = 503;

/// How a batch ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    /// All there is.
    Complete,
    /// Cut off at the broker's size limit.
    Partial,
    /// Refused: the subjects match more messages than one batch may have.
    TooMany,
}

impl NatsLog {
    /// The last message of each subject, which must not be wildcards; that is not behind a sequence, if one is given.
    pub(crate) async fn last_of(
        &self,
        stream: &str,
        subjects: &[String],
        up_to: Option<u64>,
    ) -> Result<HashMap<String, Message>, Error> {
        let mut found = HashMap::with_capacity(subjects.len());
        loop {
            let open: Vec<_> = subjects.iter().filter(|subject| !found.contains_key(*subject)).collect();
            if open.is_empty() {
                return Ok(found);
            }
            let before = found.len();
            match self.last_of_patterns(stream, &open, up_to, &mut found).await? {
                Batch::Complete => return Ok(found),
                Batch::Partial if found.len() > before => {}
                end => {
                    return Err(Error::Refused(format!("{stream}: batch of direct gets ended as {end:?}")));
                }
            }
        }
    }

    /// The last message of each subject that falls under one of the patterns.
    pub(crate) async fn last_of_patterns(
        &self,
        stream: &str,
        patterns: &[&String],
        up_to: Option<u64>,
        found: &mut HashMap<String, Message>,
    ) -> Result<Batch, Error> {
        let since = Instant::now();
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        let lost = |error: &dyn std::fmt::Display| Error::Unavailable(error.to_string());
        let asked_at = self.watched.connection();
        let inbox = self.client.new_inbox();
        let mut replies = self.client.subscribe(inbox.clone()).await.map_err(|error| lost(&error))?;
        let mut request = json!({"multi_last": patterns, "batch": 1024});
        if let Some(sequence) = up_to {
            request["up_to_seq"] = json!(sequence);
        }
        let request = request.to_string();
        let sent = self.client.publish_with_reply(subject.clone(), inbox, request.into()).await;
        sent.map_err(|error| lost(&error))?;
        loop {
            let reply = tokio::time::timeout(ANSWER_WITHIN, replies.next());
            let reply = match self.watched.answer(asked_at, reply).await {
                Some(Ok(Some(reply))) => reply,
                Some(Ok(None) | Err(_)) => return Err(self.watched.unanswered(since, &subject)),
                None => return Err(lost_with_connection(&subject)),
            };
            match status(&reply) {
                None => {
                    if let Some(message) = message(reply)? {
                        found.insert(message.subject.clone(), message);
                    }
                }
                Some(NO_CONTENT) if pending(&reply) == 0 => return Ok(Batch::Complete),
                Some(NO_CONTENT) => return Ok(Batch::Partial),
                Some(NOT_FOUND) => return Ok(Batch::Complete),
                Some(TOO_MANY) => return Ok(Batch::TooMany),
                Some(NO_RESPONDERS) => return Err(self.no_direct_reads(stream).await),
                Some(code) => return Err(other_status(stream, code, &reply)),
            }
        }
    }

    /// The last message under one subject or pattern.
    pub(crate) async fn last_under(&self, stream: &str, pattern: &str) -> Result<Option<Message>, Error> {
        let since = Instant::now();
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        let request = json!({"last_by_subj": pattern}).to_string();
        let answer = self.client.request(subject.clone(), request.into());
        let answer = self.watched.answer(self.watched.connection(), answer).await;
        let reply = match answer.ok_or_else(|| lost_with_connection(&subject))? {
            Ok(reply) => reply,
            Err(error) if error.kind() == async_nats::RequestErrorKind::NoResponders => {
                return Err(self.no_direct_reads(stream).await);
            }
            Err(_) => return Err(self.watched.unanswered(since, &subject)),
        };
        match status(&reply) {
            None => message(reply),
            Some(NOT_FOUND) => Ok(None),
            Some(NO_RESPONDERS) => Err(self.no_direct_reads(stream).await),
            Some(code) => Err(other_status(stream, code, &reply)),
        }
    }

    /// Why nobody answers direct gets of a stream.
    async fn no_direct_reads(&self, stream: &str) -> Error {
        match self.info(stream).await {
            Ok(Some(info)) if !info.config.allow_direct => {
                Error::Refused(format!("stream {stream} was made without direct reads"))
            }
            Ok(Some(_)) => Error::Unavailable(format!("stream {stream} is not ready")),
            Ok(None) => Error::Missing(stream.to_owned()),
            Err(error) => error,
        }
    }
}

fn status(reply: &Reply) -> Option<u16> {
    reply.status.map(|status| status.as_u16()).filter(|code| *code != 200)
}

fn other_status(stream: &str, code: u16, reply: &Reply) -> Error {
    let text = format!("{stream}: {code} {}", reply.description.as_deref().unwrap_or_default());
    if code == 408 { Error::Unavailable(text) } else { Error::Refused(text) }
}

fn pending(reply: &Reply) -> u64 {
    header(reply.headers.as_ref(), "Nats-Num-Pending").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The message in a reply; none if it is the marker of a deleted key-value entry.
fn message(reply: Reply) -> Result<Option<Message>, Error> {
    let headers = reply.headers.as_ref();
    let sequence = header(headers, "Nats-Sequence").and_then(|text| text.parse().ok());
    let (Some(subject), Some(sequence)) = (header(headers, "Nats-Subject"), sequence) else {
        return Err(Error::Refused("a direct get without subject or sequence".to_owned()));
    };
    if header(headers, "KV-Operation").is_some_and(|operation| operation != "PUT") {
        return Ok(None);
    }
    let (subject, content_type) = (subject.to_owned(), header(headers, "Content-Type").map(str::to_owned));
    Ok(Some(Message { sequence, subject, content_type, payload: reply.payload }))
}

pub(crate) fn header<'a>(headers: Option<&'a HeaderMap>, name: &'static str) -> Option<&'a str> {
    Some(headers?.get(name)?.as_str())
}
