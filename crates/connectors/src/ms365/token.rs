//! Signing in as the application: OAuth 2.0 client credentials (RFC 6749, section 4.4).

use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::{self, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use super::config::Config;
use super::fault;
use super::http::{Http, Question};
use crate::SourceError;

/// A token is not used in its last minutes: a request may take a while.
const MARGIN: Duration = Duration::from_secs(300);

/// A token, and until when it is used.
pub(super) struct Token {
    value: SecretString,
    until: Instant,
}

impl Token {
    /// Whether it may still be used.
    pub fn is_fresh(&self) -> bool {
        Instant::now() < self.until
    }

    /// The header that shows it.
    pub fn header(&self) -> Result<HeaderValue, SourceError> {
        let text = SecretString::from(format!("Bearer {}", self.value.expose_secret()));
        let mut value = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| fault::unexpected("a token that cannot be sent"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Asks for a token.
pub(super) async fn sign_in(http: &Http, config: &Config) -> Result<Token, SourceError> {
    let mut url = config.authority.clone();
    url.set_path(&format!("{}/oauth2/v2.0/token", config.tenant));
    let scope = format!("{}.default", config.graph);
    let client_id = config.client_id.to_string();
    let form = form(&[
        ("grant_type", "client_credentials"),
        ("client_id", &client_id),
        ("client_secret", config.secret.expose_secret()),
        ("scope", &scope),
    ]);
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    let headers: HeaderMap = [(header::CONTENT_TYPE, kind)].into_iter().collect();
    let question =
        Question { url, setting: "authority", headers, body: Some(form.expose_secret().as_bytes()) };
    let answer = http.ask(question).await?;
    if !answer.status.is_success() {
        return Err(fault::sign_in_refused(answer.status.as_u16(), &answer.body));
    }
    let value = answer.body.get("access_token").and_then(Json::as_str);
    let lasts = answer.body.get("expires_in").and_then(Json::as_u64);
    let (Some(value), Some(lasts)) = (value, lasts) else {
        return Err(fault::permanent(
            "unexpected-answer",
            "the sign-in was answered without a token",
            "check the setting `authority`",
        ));
    };
    let until = Instant::now() + Duration::from_secs(lasts).saturating_sub(MARGIN);
    Ok(Token { value: SecretString::from(value.to_owned()), until })
}

/// `application/x-www-form-urlencoded`.
fn form(fields: &[(&str, &str)]) -> SecretString {
    let Ok(mut url) = Url::parse("form:/") else { return SecretString::default() };
    url.query_pairs_mut().extend_pairs(fields);
    SecretString::from(url.query().unwrap_or_default().to_owned())
}
