//! What is asked of a provider over HTTP: its description, its keys, and a token for a code.
//!
//! No redirect is followed, no answer is read beyond a bound, and nothing that a provider wrote is logged but the
//! standard's error words. Descriptions and keys are kept; a key that is unknown is looked for once, and not again for
//! a minute, so that nobody can make us hammer a provider.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{RequestBuilder, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::settings::{Place, ProviderSettings, is_safe};
use super::token::{SigningKey, signing_keys};
use super::{Pending, Refusal};

const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const LARGEST_ANSWER: usize = 1 << 20;
/// Descriptions and keys are read again after this, if the provider answers; else the last good ones serve on.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// An unknown key is looked for at most once in this time.
const BETWEEN_LOOKS: SignedDuration = SignedDuration::from_secs(60);
/// A provider that did not answer is left alone for this time.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(5);

/// The discovery document (OpenID Connect Discovery 1.0), as far as it is used.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    pub(crate) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    pub(crate) end_session_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// A provider's description and keys.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub(crate) metadata: Metadata,
    pub(crate) keys: Vec<SigningKey>,
}

/// What is kept of an issuer.
#[derive(Debug, Clone, Default)]
struct Kept {
    described: Option<(Arc<Described>, Timestamp)>,
    failed: Option<Timestamp>,
}

/// What a code was exchanged for.
pub(crate) struct Tokens {
    pub(crate) id_token: SecretString,
    pub(crate) access_token: Option<SecretString>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<SecretString>,
    access_token: Option<SecretString>,
}

/// Asks one provider.
pub(crate) struct Client {
    http: reqwest::Client,
    kept: Mutex<BTreeMap<String, Kept>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("SalesCommand/", env!("CARGO_PKG_VERSION")))
            .timeout(ANSWER_WITHIN)
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { http, kept: Mutex::default() })
    }

    /// Description and keys of an issuer, not older than an hour if it answers.
    pub(crate) async fn described(&self, place: &Place, now: Timestamp) -> Result<Arc<Described>, Refusal> {
        self.look(place, now, KEPT).await
    }

    /// The same, for a token whose key is not among those that are kept.
    pub(crate) async fn described_anew(
        &self,
        place: &Place,
        now: Timestamp,
    ) -> Result<Arc<Described>, Refusal> {
        self.look(place, now, BETWEEN_LOOKS).await
    }

    async fn look(
        &self,
        place: &Place,
        now: Timestamp,
        age: SignedDuration,
    ) -> Result<Arc<Described>, Refusal> {
        // Held while asking, so that many who sign in at once ask once.
        let mut kept = self.kept.lock().await;
        let of_place = kept.entry(place.discovery.clone()).or_default();
        let within = |at: Timestamp, age: SignedDuration| now.duration_since(at) < age;
        let held = of_place.described.clone();
        if let Some((described, at)) = &held
            && within(*at, age)
        {
            return Ok(described.clone());
        }
        let failure = match of_place.failed.filter(|at| within(*at, AFTER_FAILURE)) {
            Some(_) => Refusal::ProviderUnavailable,
            None => match self.ask(place).await {
                Ok(described) => {
                    let described = Arc::new(described);
                    *of_place = Kept { described: Some((described.clone(), now)), failed: None };
                    return Ok(described);
                }
                Err(refusal) => {
                    of_place.failed = Some(now);
                    refusal
                }
            },
        };
        match held {
            Some((described, _)) if failure == Refusal::ProviderUnavailable => Ok(described),
            _ => Err(failure),
        }
    }

    async fn ask(&self, place: &Place) -> Result<Described, Refusal> {
        let (status, document) = self.json(self.http.get(&place.discovery)).await?;
        if !status.is_success() {
            return Err(Refusal::ProviderUnavailable);
        }
        let metadata: Metadata =
            serde_json::from_value(document).map_err(|_| Refusal::ProviderMisconfigured)?;
        if metadata.issuer != place.issuer {
            return Err(Refusal::IssuerMismatch);
        }
        let ends = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        let ends = ends.into_iter().chain(&metadata.end_session_endpoint);
        if !ends.into_iter().all(|end| Url::parse(end).is_ok_and(|url| is_safe(&url))) {
            return Err(Refusal::ProviderMisconfigured);
        }
        let (status, set) = self.json(self.http.get(&metadata.jwks_uri)).await?;
        let keys = signing_keys(&set);
        if !status.is_success() || keys.is_empty() {
            return Err(Refusal::ProviderUnavailable);
        }
        Ok(Described { metadata, keys })
    }

    /// Exchanges a code.
    pub(crate) async fn exchange(
        &self,
        (settings, metadata): (&ProviderSettings, &Metadata),
        (code, pending): (&str, &Pending),
        redirect_uri: &str,
    ) -> Result<Tokens, Refusal> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &pending.verifier),
            ("client_id", &settings.client_id),
        ];
        let request = self.http.post(&metadata.token_endpoint);
        let secret = settings.client_secret.expose_secret();
        let request = if secret.is_empty() {
            request
        } else if metadata.takes_secret_in_body() {
            form.push(("client_secret", secret));
            request
        } else {
            request.basic_auth(form_encoded(&settings.client_id), Some(form_encoded(secret)))
        };
        let (status, answer) = self.json(request.form(&form)).await?;
        if !status.is_success() {
            return Err(refused(&settings.name, status, &answer));
        }
        let answer: TokenAnswer = serde_json::from_value(answer).map_err(|_| Refusal::TokenInvalid)?;
        let id_token = answer.id_token.ok_or(Refusal::TokenInvalid)?;
        Ok(Tokens { id_token, access_token: answer.access_token })
    }

    /// A JSON document for the bearer of a token.
    pub(crate) async fn with_bearer(&self, url: Url, token: &SecretString) -> Result<Value, Refusal> {
        let (status, answer) = self.json(self.http.get(url).bearer_auth(token.expose_secret())).await?;
        if status.is_success() { Ok(answer) } else { Err(Refusal::ProviderError) }
    }

    /// The answer's status and document; null for what is no JSON.
    async fn json(&self, request: RequestBuilder) -> Result<(StatusCode, Value), Refusal> {
        let unavailable = |error: reqwest::Error| {
            tracing::warn!(error = %error.without_url(), "a sign-in provider does not answer");
            Refusal::ProviderUnavailable
        };
        let request = request.header(reqwest::header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(unavailable)?;
        let (status, mut body) = (response.status(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(Refusal::ProviderError);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

impl Metadata {
    fn takes_secret_in_body(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        methods.iter().any(|method| method == "client_secret_post")
    }
}

/// RFC 6749, 2.3.1: id and secret are form-encoded before they become user and password.
fn form_encoded(text: &str) -> String {
    let mut url = Url::parse("x:/").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().append_key_only(text);
    }
    url.as_ref().and_then(Url::query).unwrap_or_default().to_owned()
}

/// An error of the token endpoint. Only words of the standard and Microsoft's numbers are logged.
fn refused(provider: &str, status: StatusCode, answer: &Value) -> Refusal {
    let error = answer.get("error").and_then(Value::as_str).unwrap_or_default();
    let refusal =
        if status.is_server_error() { Refusal::ProviderUnavailable } else { Refusal::of_provider(error) };
    let numbers = answer.get("error_codes").and_then(Value::as_array);
    let numbers: Vec<_> = numbers.into_iter().flatten().filter_map(Value::as_u64).collect();
    let status = status.as_u16();
    tracing::warn!(provider, status, code = refusal.code(), ?numbers, "a sign-in provider gave no token");
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_form_encoded() {
        assert_eq!(form_encoded("a b:c%&=é"), "a+b%3Ac%25%26%3D%C3%A9");
        assert_eq!(form_encoded(""), "");
    }
}
