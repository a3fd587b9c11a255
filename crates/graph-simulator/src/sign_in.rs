//! The token endpoint: an application signs in with its secret.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fault::Reply;
use crate::query::decode;

/// How long a token lasts.
const LASTS: i64 = 3_599;

/// Tokens that were handed out, and until when they are good.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    good: BTreeMap<String, Timestamp>,
    number: u64,
}

/// Who may sign in.
pub(crate) struct Application<'a> {
    pub tenant: &'a str,
    pub client: &'a str,
    pub secret: &'a str,
}

impl Tokens {
    /// Hands a token out, if the form says what it must.
    pub fn hand_out(&mut self, known: &Application<'_>, tenant: &str, form: &[u8], now: Timestamp) -> Reply {
        let form = String::from_utf8_lossy(form).into_owned();
        let form: BTreeMap<String, String> = form
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect();
        let said = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if tenant != known.tenant {
            return refused("invalid_request", 90002, &format!("Tenant '{tenant}' not found."));
        }
        if said("grant_type") != "client_credentials" {
            return refused("unsupported_grant_type", 70003, "The app requested an unsupported grant type.");
        }
        if !said("scope").ends_with("/.default") {
            return refused("invalid_scope", 1_002_012, "The provided value for scope is not valid.");
        }
        if said("client_id") != known.client {
            let message = format!(
                "Application with identifier '{}' was not found in the directory.",
                said("client_id")
            );
            return refused("unauthorized_client", 700_016, &message);
        }
        if said("client_secret") != known.secret {
            return refused("invalid_client", 7_000_215, "Invalid client secret provided.");
        }
        self.number += 1;
        let token = format!("eyJ0eXAiOiJzaW11bGF0ZWQi.{:08}.{:08x}", self.number, now.as_second());
        let until = now.checked_add(SignedDuration::from_secs(LASTS)).unwrap_or(now);
        self.good.insert(token.clone(), until);
        Reply::ok(json!({
            "token_type": "Bearer", "expires_in": LASTS, "ext_expires_in": LASTS, "access_token": token,
        }))
    }

    /// Whether a token is good.
    pub fn admits(&self, token: &str, now: Timestamp) -> bool {
        self.good.get(token).is_some_and(|until| now < *until)
    }

    /// Withdraws all of them.
    pub fn withdraw(&mut self) {
        self.good.clear();
    }

    /// How many were handed out.
    pub fn number(&self) -> u64 {
        self.number
    }
}

fn refused(error: &str, code: u32, message: &str) -> Reply {
    let description = format!("AADSTS{code}: {message} Trace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333");
    let body: Value = json!({
        "error": error, "error_description": description, "error_codes": [code],
        "timestamp": "2026-11-23 12:00:00Z", "trace_id": "0000aaaa-11bb-cccc-dd22-eeeeee333333",
        "correlation_id": "aaaa0000-bb11-2222-33cc-444444dddddd",
    });
    let status = if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    Reply { status, headers: Vec::new(), body }
}
