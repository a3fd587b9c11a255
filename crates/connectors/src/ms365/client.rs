//! Calls to Graph: with a token, one answer each.

use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use serde_json::Value as Json;

use super::config::Config;
use super::fault::{self, CallError, Refusal};
use super::http::{Answer, Http, Question};
use super::links;
use super::token::{Token, sign_in};
use crate::{ConfigError, SourceError};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Graph, as one application.
pub(super) struct Client {
    http: Http,
    config: Config,
    token: Option<Token>,
    clock: Option<Timestamp>,
}

impl Client {
    /// A client that has not signed in yet.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Self { http: Http::new(&config)?, config, token: None, clock: None })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The server's clock in its last answer.
    pub fn clock(&self) -> Option<Timestamp> {
        self.clock
    }

    /// Bytes of all answers so far.
    pub fn received(&self) -> u64 {
        self.http.received()
    }

    /// Signs in, unless there is a token that may still be used.
    pub async fn sign_in(&mut self) -> Result<(), SourceError> {
        if !self.token.as_ref().is_some_and(Token::is_fresh) {
            self.token = Some(sign_in(&self.http, &self.config).await?);
        }
        Ok(())
    }

    /// Reads a path below Graph's address.
    pub async fn get(&mut self, path: &str) -> Result<Json, CallError> {
        let url = links::below(&self.config.graph, path)?;
        self.call(url, None).await
    }

    /// Reads behind a link that Graph has handed out.
    pub async fn follow(&mut self, link: &str) -> Result<Json, CallError> {
        let url = links::followed(&self.config.graph, link)?;
        self.call(url, None).await
    }

    /// Posts to a path below Graph's address.
    pub async fn post(&mut self, path: &str, body: &Json) -> Result<Json, CallError> {
        let url = links::below(&self.config.graph, path)?;
        self.call(url, Some(body.to_string())).await
    }

    async fn call(&mut self, url: Url, body: Option<String>) -> Result<Json, CallError> {
        let mut answer = self.ask(&url, body.as_deref()).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            // Withdrawn before its time: once with another one.
            self.token = None;
            answer = self.ask(&url, body.as_deref()).await?;
        }
        match answer.status {
            StatusCode::OK if answer.body.is_object() => Ok(answer.body),
            StatusCode::OK => Err(fault::unexpected("it is not JSON").into()),
            StatusCode::UNAUTHORIZED => Err(fault::permanent(
                "login-refused",
                "Graph does not accept the token that it was shown",
                "check that `authority` and `graph` belong to the same cloud",
            )
            .into()),
            status if answer.retry_after.is_some() => {
                Err(fault::busy(status.as_u16(), answer.retry_after).into())
            }
            status => Err(CallError::Refused(Refusal::of(status.as_u16(), &answer.body))),
        }
    }

    async fn ask(&mut self, url: &Url, body: Option<&str>) -> Result<Answer, SourceError> {
        self.sign_in().await?;
        let Some(token) = &self.token else { return Err(fault::transient("there is no token")) };
        let json = HeaderValue::from_static("application/json");
        let mut headers: HeaderMap = [
            (header::AUTHORIZATION, token.header()?),
            (header::ACCEPT, json.clone()),
            (PREFER, self.preferences()?),
        ]
        .into_iter()
        .collect();
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, json);
        }
        let (url, body) = (url.clone(), body.map(str::as_bytes));
        let answer = self.http.ask(Question { url, setting: "graph", headers, body }).await?;
        self.clock = answer.date.or(self.clock);
        Ok(answer)
    }

    /// What every request prefers: ids that stay, pages of a length, times in UTC.
    fn preferences(&self) -> Result<HeaderValue, SourceError> {
        HeaderValue::from_str(&preferences(self.config.page_size))
            .map_err(|_| fault::unexpected("preferences that cannot be sent"))
    }
}

/// The text of the header `Prefer`.
pub(super) fn preferences(page_size: u32) -> String {
    format!("IdType=\"ImmutableId\", odata.maxpagesize={page_size}, outlook.timezone=\"UTC\"")
}
