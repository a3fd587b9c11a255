//! HTTP to the two servers; nothing of what is said over it.
//!
//! Invariants: one request per call, no retry, no redirect followed, a deadline on everything, a limit on the length of answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{self, HeaderMap};
use reqwest::{StatusCode, Url};
use serde_json::Value as Json;

use super::config::Config;
use super::fault;
use crate::reach::is_local;
use crate::{ConfigError, SourceError};

/// Longest time we let a server ask to be left alone, in seconds.
const LONGEST_PAUSE: f64 = 3_600.0;

/// An answer.
pub(super) struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// When the server asks to be asked again.
    pub retry_after: Option<Duration>,
    /// The server's clock.
    pub date: Option<Timestamp>,
    /// Its body; null if that is no JSON.
    pub body: Json,
}

/// What is sent.
pub(super) struct Question<'a> {
    /// Where to.
    pub url: Url,
    /// The setting that the address comes from, for messages.
    pub setting: &'static str,
    /// Headers.
    pub headers: HeaderMap,
    /// What is posted; none for a `GET`.
    pub body: Option<&'a [u8]>,
}

/// The client of both servers.
pub(super) struct Http {
    client: reqwest::Client,
    call_timeout: Duration,
    max_answer: usize,
    received: AtomicU64,
}

impl Http {
    /// For a configuration. Reads the machine's certificate authorities, connects to nothing.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let timeouts = (config.connect_timeout, config.call_timeout);
        let mut builder = config.reach.client(timeouts, &[&config.authority, &config.graph]);
        if is_local(&config.graph) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| ConfigError {
            setting: "graph".to_owned(),
            problem: format!("no https client could be made: {error}"),
        })?;
        let (call_timeout, max_answer) = (config.call_timeout, config.max_answer);
        Ok(Self { client, call_timeout, max_answer, received: AtomicU64::new(0) })
    }

    /// Bytes of all answers so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Asks, and reads the answer. One that says to come back later is an error.
    pub async fn ask(&self, question: Question<'_>) -> Result<Answer, SourceError> {
        let Question { url, setting, headers, body } = question;
        let no_answer =
            |error: reqwest::Error| fault::no_answer(&error.without_url(), &url, setting, self.call_timeout);
        let started = Instant::now();
        let request = match body {
            Some(body) => self.client.post(url.clone()).body(body.to_vec()),
            None => self.client.get(url.clone()),
        };
        let mut response = request.headers(headers).send().await.map_err(no_answer)?;
        let status = response.status();
        let retry_after = text(response.headers(), header::RETRY_AFTER).and_then(pause);
        let date = text(response.headers(), header::DATE).and_then(moment);
        if fault::passes(status) {
            return Err(fault::busy(status.as_u16(), retry_after));
        }
        if status.is_redirection() {
            let message = format!("{} redirects to another address", url.host_str().unwrap_or_default());
            return Err(fault::permanent("wrong-url", message, format!("check the setting `{setting}`")));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            self.received.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            if bytes.len() + chunk.len() > self.max_answer {
                let megabytes = self.max_answer / 1_000_000;
                return Err(fault::permanent(
                    "answer-too-long",
                    format!("Graph sends an answer longer than {megabytes} MB"),
                    "lower `page_size`, or raise `max_answer_megabytes`",
                ));
            }
            bytes.extend_from_slice(&chunk);
        }
        // Parsing a page takes milliseconds: too long for a thread that serves others.
        let read = tokio::task::spawn_blocking(move || serde_json::from_slice(&bytes).unwrap_or(Json::Null));
        let body = read.await.map_err(|_| fault::unexpected("the parser stopped"))?;
        tracing::debug!(
            status = status.as_u16(),
            elapsed_ms = started.elapsed().as_millis(),
            "graph answered"
        );
        Ok(Answer { status, retry_after, date, body })
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// `Retry-After` in seconds; Graph has sent fractions of them.
pub(super) fn pause(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
    Some(Duration::from_secs_f64(seconds.min(LONGEST_PAUSE)))
}

/// The header `Date` (RFC 9110, section 6.6.1).
fn moment(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}
