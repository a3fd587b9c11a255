//! HTTP to one Odoo server; nothing of what is said over it.
//!
//! Invariants: one request per call, no retry, no redirect followed, a deadline on everything, a limit on the
//! length of answers. A connection serves one call: Odoo closes it after the answer, whatever a header says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use super::config::{Config, address};
use super::fault::{self, CallError};
use super::wire::{Answer, Fault, WireError};
use crate::ConfigError;
use crate::reach::is_local;

/// Longest fault message kept, in characters.
const MESSAGE_LIMIT: usize = 400;
/// Longest time we let a server ask to be left alone.
const LONGEST_PAUSE: u64 = 3600;

/// How an answer is read.
pub(super) type Parse = fn(&str) -> Result<Answer, WireError>;

/// What is sent.
pub(super) struct Question {
    /// Behind the server's address.
    pub path: String,
    /// Headers.
    pub headers: HeaderMap,
    /// What is posted; none for a `GET`.
    pub body: Option<String>,
    /// How an answer with status 200 is read.
    pub parse: Parse,
    /// How one with another status is read, if that is how the interface tells faults.
    pub parse_fault: Option<Parse>,
}

impl Question {
    /// A body that is posted, and answered with 200 whatever is answered.
    pub fn post(path: String, content_type: &'static str, body: String, parse: Parse) -> Self {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))].into_iter().collect();
        Self { path, headers, body: Some(body), parse, parse_fault: None }
    }
}

/// One Odoo server.
pub(super) struct Http {
    client: reqwest::Client,
    url: Url,
    secret: SecretString,
    call_timeout: Duration,
    max_answer: usize,
    /// The server's clock in the last answer that told it.
    clock: Mutex<Option<Timestamp>>,
    /// Bytes of all answers.
    received: AtomicU64,
}

impl Http {
    /// For a configuration. Reads the machine's certificate authorities, connects to nothing.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let timeouts = (config.connect_timeout, config.call_timeout);
        let mut builder =
            config.reach.client(timeouts, &[&config.url]).http1_only().pool_max_idle_per_host(0);
        if is_local(&config.url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| ConfigError {
            setting: "url".to_owned(),
            problem: format!("no https client could be made: {error}"),
        })?;
        Ok(Self {
            client,
            url: config.url.clone(),
            secret: config.secret.clone(),
            call_timeout: config.call_timeout,
            max_answer: config.max_answer,
            clock: Mutex::default(),
            received: AtomicU64::new(0),
        })
    }

    /// The server's address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The server's clock as its last answer told it, in the header `Date`; none if no answer did. Odoo's rows bear the
    /// clock of its database, so the two should agree.
    pub fn clock(&self) -> Option<Timestamp> {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of all answers so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Asks, and reads the answer.
    pub async fn ask(&self, question: Question) -> Result<Json, CallError> {
        let started = Instant::now();
        let (path, parse, parse_fault) = (question.path.clone(), question.parse, question.parse_fault);
        let (status, answer) = self.exchange(question).await?;
        let parse = parse_fault.filter(|_| status != StatusCode::OK).unwrap_or(parse);
        let bytes = answer.len();
        // Parsing a page takes tens of milliseconds: too long for a thread that serves others.
        let answer =
            tokio::task::spawn_blocking(move || parse(&answer).map_err(|_| looks_like_html(&answer)))
                .await
                .map_err(|_| self.unexpected("the parser stopped"))?;
        tracing::debug!(path, bytes, elapsed_ms = started.elapsed().as_millis(), "odoo answered");
        match answer {
            Ok(Answer::Fault(fault)) => Err(CallError::Fault(self.presentable(&fault))),
            Ok(Answer::Value(value)) if status == StatusCode::OK => Ok(value),
            Err(true) if status == StatusCode::OK => Err(CallError::Broken {
                error: fault::not_odoo(&self.url, "a page for people"),
                smaller_may_help: false,
            }),
            _ if status == StatusCode::OK => Err(self.unexpected("it cannot be read")),
            // Something else than Odoo has answered.
            _ => Err(fault::wrong_status(status, None, None, &self.url)),
        }
    }

    /// Sends, and returns the status and the body of the answer.
    async fn exchange(&self, question: Question) -> Result<(StatusCode, String), CallError> {
        let endpoint = format!("{}/{}", address(&self.url), question.path);
        let no_answer =
            |error: reqwest::Error| fault::no_answer(&error.without_url(), &self.url, self.call_timeout);
        let request = match question.body {
            Some(body) => self.client.post(endpoint).body(body),
            None => self.client.get(endpoint),
        };
        let mut response = request.headers(question.headers).send().await.map_err(no_answer)?;
        if let Some(clock) = date(&response) {
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock);
        }
        let status = response.status();
        let retry_after = retry_after(&response);
        // Whoever asks to be left alone is no application that answers.
        let may_speak = question.parse_fault.is_some()
            && (status.is_client_error() || status == StatusCode::INTERNAL_SERVER_ERROR)
            && retry_after.is_none();
        if status != StatusCode::OK && !may_speak {
            return Err(fault::wrong_status(status, retry_after, redirect_target(&response), &self.url));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            self.received.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            if bytes.len() + chunk.len() > self.max_answer {
                let megabytes = self.max_answer / 1_000_000;
                let error = fault::transient(format!(
                    "{} sends an answer longer than {megabytes} MB (setting max_answer_megabytes)",
                    address(&self.url)
                ));
                return Err(CallError::Broken { error, smaller_may_help: true });
            }
            bytes.extend_from_slice(&chunk);
        }
        let body = String::from_utf8(bytes).map_err(|_| self.unexpected("it is not UTF-8"))?;
        Ok((status, body))
    }

    /// An answer that cannot be what was asked for.
    pub fn unexpected(&self, what: &str) -> CallError {
        let error = fault::permanent(
            "unexpected-answer",
            format!("{} answered what was not expected: {what}", address(&self.url)),
            "check that `url` is an Odoo server, version 14 or later, and that nothing in front of it changes answers",
        );
        CallError::Broken { error, smaller_may_help: false }
    }

    /// A fault's text is the server's own: nobody promises that it is short, or does not quote what we sent.
    fn presentable(&self, fault: &Fault) -> Fault {
        let message = fault.message.replace(self.secret.expose_secret(), "***");
        Fault { code: fault.code, message: message.chars().take(MESSAGE_LIMIT).collect() }
    }
}

fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_PAUSE)))
}

/// The header `Date` (RFC 9110, section 6.6.1).
fn date(response: &reqwest::Response) -> Option<Timestamp> {
    let text = response.headers().get(header::DATE)?.to_str().ok()?;
    rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

/// Where a redirect points to.
fn redirect_target(response: &reqwest::Response) -> Option<Url> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    response.url().join(location).ok()
}

fn looks_like_html(body: &str) -> bool {
    let head: String = body.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
    head.starts_with("<!doctype html") || head.contains("<html")
}
