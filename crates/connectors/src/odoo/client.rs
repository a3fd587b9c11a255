//! HTTP and XML-RPC calls; nothing about CRM.
//!
//! Invariants: one request per call, no retry, no redirect followed, a deadline on everything, a limit on the
//! length of answers. A connection serves one call: Odoo closes it after the answer, whatever a header says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::{Url, header, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

use super::config::{Config, address};
use super::fault::{self, CallError};
use super::wire::{self, Answer, Fault, WireError};
use crate::ConfigError;

/// Longest fault message kept, in characters.
const MESSAGE_LIMIT: usize = 400;
/// Longest time we let a server ask to be left alone.
const LONGEST_PAUSE: u64 = 3600;

/// Calls one Odoo server.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    database: String,
    login: String,
    secret: SecretString,
    call_timeout: Duration,
    max_answer: usize,
    /// The server's clock in the last answer that told it.
    clock: Mutex<Option<Timestamp>>,
    /// Bytes of all answers.
    received: AtomicU64,
}

impl Client {
    /// A client for a configuration. Reads the machine's certificate authorities, connects to nothing.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        // The program installs a TLS provider at start; tests and tools that do not, get the same one here, since
        // the HTTP client cannot even be built without, not for http:// either.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have been faster; then its provider is the one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("SalesCommand/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .timeout(config.call_timeout)
            .redirect(redirect::Policy::none())
            .http1_only()
            .pool_max_idle_per_host(0);
        if config.url.scheme() == "http" {
            // No authorities are needed, and a container may have none.
            builder = builder.tls_certs_only([]);
        }
        if matches!(config.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| ConfigError {
            setting: "url".to_owned(),
            problem: format!("no https client could be made: {error}"),
        })?;
        Ok(Self {
            http,
            url: config.url.clone(),
            database: config.database.clone(),
            login: config.login.clone(),
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

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The login.
    pub fn login(&self) -> &str {
        &self.login
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

    /// What the server says about itself.
    pub async fn version(&self) -> Result<Json, CallError> {
        self.call("common", "version", &[]).await
    }

    /// The databases of the server, where it tells them.
    pub async fn databases(&self) -> Option<Vec<String>> {
        let list = self.call("db", "list", &[]).await.ok()?;
        serde_json::from_value(list).ok()
    }

    /// Signs in. The user's id; none if refused.
    pub async fn authenticate(&self) -> Result<Option<i64>, CallError> {
        let params = [json!(self.database), json!(self.login), json!(self.secret.expose_secret()), json!({})];
        let answer = self.call("common", "authenticate", &params).await?;
        Ok(answer.as_i64().filter(|uid| *uid > 0))
    }

    /// Calls a method of a model as a user.
    pub async fn execute(
        &self,
        uid: i64,
        model: &str,
        method: &str,
        args: Json,
        kwargs: Json,
    ) -> Result<Json, CallError> {
        self.call("object", "execute_kw", &self.execution(uid, model, method, args, kwargs)).await
    }

    /// The same over JSON-RPC, which has a word for an empty value in an answer.
    pub async fn execute_in_json(
        &self,
        uid: i64,
        model: &str,
        method: &str,
        args: Json,
        kwargs: Json,
    ) -> Result<Json, CallError> {
        let args = self.execution(uid, model, method, args, kwargs);
        let params = json!({ "service": "object", "method": "execute_kw", "args": args });
        let body = json!({ "jsonrpc": "2.0", "method": "call", "id": 1, "params": params }).to_string();
        self.exchange("jsonrpc", "application/json", body, wire::parse_json).await
    }

    fn execution(&self, uid: i64, model: &str, method: &str, args: Json, kwargs: Json) -> [Json; 7] {
        let secret = json!(self.secret.expose_secret());
        [json!(self.database), json!(uid), secret, json!(model), json!(method), args, kwargs]
    }

    async fn call(&self, service: &str, method: &'static str, params: &[Json]) -> Result<Json, CallError> {
        let body = wire::call(method, params.iter().map(wire::value).collect())
            .map_err(|error| self.unexpected(&error.to_string()))?;
        self.exchange(&format!("xmlrpc/2/{service}"), "text/xml", body, wire::parse).await
    }

    async fn exchange(
        &self,
        path: &str,
        content_type: &'static str,
        body: String,
        parse: fn(&str) -> Result<Answer, WireError>,
    ) -> Result<Json, CallError> {
        let started = Instant::now();
        let answer = self.post(path, content_type, body).await?;
        let bytes = answer.len();
        // Parsing a page takes tens of milliseconds: too long for a thread that serves others.
        let answer =
            tokio::task::spawn_blocking(move || parse(&answer).map_err(|_| looks_like_html(&answer)))
                .await
                .map_err(|_| self.unexpected("the parser stopped"))?;
        tracing::debug!(path, bytes, elapsed_ms = started.elapsed().as_millis(), "odoo answered");
        match answer {
            Ok(Answer::Value(value)) => Ok(value),
            Ok(Answer::Fault(fault)) => Err(CallError::Fault(self.presentable(&fault))),
            Err(true) => Err(CallError::Broken {
                error: fault::not_odoo(&self.url, "a page for people"),
                smaller_may_help: false,
            }),
            Err(false) => Err(self.unexpected("it cannot be read")),
        }
    }

    /// Sends a body and returns the answer's.
    async fn post(&self, path: &str, content_type: &'static str, body: String) -> Result<String, CallError> {
        let endpoint = format!("{}/{path}", address(&self.url));
        let no_answer =
            |error: reqwest::Error| fault::no_answer(&error.without_url(), &self.url, self.call_timeout);
        let request = self.http.post(endpoint).header(header::CONTENT_TYPE, content_type).body(body);
        let mut response = request.send().await.map_err(no_answer)?;
        if let Some(clock) = date(&response) {
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock);
        }
        let status = response.status();
        if status != reqwest::StatusCode::OK {
            return Err(fault::wrong_status(
                status,
                retry_after(&response),
                redirect_target(&response),
                &self.url,
            ));
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
        String::from_utf8(bytes).map_err(|_| self.unexpected("it is not UTF-8"))
    }

    fn unexpected(&self, what: &str) -> CallError {
        let error = fault::permanent(
            "unexpected-answer",
            format!("{} answered what was not expected: {what}", address(&self.url)),
            "check that `url` is an Odoo server, version 14 to 18, and that nothing in front of it changes answers",
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
