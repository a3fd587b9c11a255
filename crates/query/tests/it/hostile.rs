//! An OpenID provider on a real socket that does as it is told: honest by default, and every lie that a test asks for.
//!
//! It checks what a strict provider checks: secret, redirect address, PKCE, and that a code comes once.
#![expect(
    clippy::disallowed_types,
    reason = "it is no service of ours: what it refuses is nobody's problem document"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use salescommand_domain::access::Role;
use salescommand_query::oidc::{Authority, ProviderSettings};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{Answer, Browser, NOW};

pub const CLIENT: &str = "salescommand";
pub const SECRET: &str = "a secret with % and :";
pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub const OTHER_TENANT: &str = "99999999-2222-3333-4444-555555555555";

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// With the key that the header names.
    Honest,
    /// Not at all: `alg: none`.
    None,
    /// HS256, the public key being the secret.
    PublicKeyAsSecret,
    /// With another key than the header names.
    Forged,
    /// Honest, but the header names an extension that must be understood.
    Critical,
}

pub struct Lies {
    /// Signs, by its seed; its number is the key's name.
    pub key: u8,
    /// Keys that are published.
    pub published: Vec<u8>,
    pub signature: Signature,
    /// Claims that replace the honest ones; null takes one away.
    pub claims: Value,
    /// Of the discovery document.
    pub described: Value,
    /// Of each key.
    pub key_issuer: Option<String>,
    /// The token endpoint's answer in place of a token.
    pub token_error: Option<(u16, Value)>,
    /// What Graph answers to pages 0, 1, …
    pub groups: Vec<Value>,
    /// How often the keys were read.
    pub key_reads: usize,
    codes: BTreeMap<String, Asked>,
    issued: usize,
}

/// What came with the browser.
#[derive(Debug, Clone)]
pub struct Asked {
    pub state: String,
    pub nonce: String,
    pub challenge: String,
    pub redirect_uri: String,
    pub scope: String,
}

#[derive(Clone)]
pub struct Provider {
    pub address: String,
    lies: Arc<Mutex<Lies>>,
}

impl Provider {
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let lies = Lies {
            key: 1,
            published: vec![1],
            signature: Signature::Honest,
            claims: json!({}),
            described: json!({}),
            key_issuer: None,
            token_error: None,
            groups: Vec::new(),
            key_reads: 0,
            codes: BTreeMap::new(),
            issued: 0,
        };
        let provider = Self { address, lies: Arc::new(Mutex::new(lies)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(described))
            .route("/{tenant}/v2.0/.well-known/openid-configuration", get(tenant_described))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/v1.0/me/transitiveMemberOf", get(groups))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub fn lies(&self) -> MutexGuard<'_, Lies> {
        self.lies.lock().unwrap()
    }

    /// As a plain OpenID provider whose sellers are sales users and whose bosses are executives.
    pub fn settings(&self, name: &str) -> ProviderSettings {
        let mut settings = ProviderSettings::openid(name, &self.address, CLIENT);
        settings.client_secret = SECRET.into();
        settings.roles =
            [("seller".to_owned(), Role::SalesUser), ("boss".to_owned(), Role::Executive)].into();
        settings.authoritative_domains = ["example.com".to_owned()].into();
        settings
    }

    /// As Microsoft 365.
    pub fn ms365(&self, tenants: &[&str]) -> ProviderSettings {
        let tenants = tenants.iter().map(|tenant| (*tenant).to_owned());
        let mut settings = ProviderSettings::ms365(CLIENT, tenants);
        settings.authority = Authority::Entra { base: self.address.clone() };
        settings.graph = Some(self.address.clone());
        let plain = self.settings("unused");
        (settings.client_secret, settings.roles) = (plain.client_secret, plain.roles);
        settings
    }

    /// Lets whoever was sent here in, and gives what their browser brings back.
    pub fn code_for(&self, asked: &Asked) -> String {
        let mut lies = self.lies();
        lies.issued += 1;
        let code = format!("code-{}", lies.issued);
        lies.codes.insert(code.clone(), asked.clone());
        code
    }

    /// A sign-in from the first click to our answer.
    pub async fn sign_in(&self, browser: &mut Browser, route: &str) -> Answer {
        let asked = go(browser, route).await;
        let code = self.code_for(&asked);
        browser.get(&format!("{route}/callback?code={code}&state={}", asked.state)).await
    }

    fn id_token(&self, asked: &Asked) -> String {
        let lies = self.lies();
        let now = NOW.parse::<Timestamp>().unwrap().as_second();
        let mut claims = json!({
            "iss": self.address, "aud": CLIENT, "sub": "ann", "name": "Ann", "roles": ["seller"],
            "nonce": asked.nonce, "iat": now, "exp": now + 300,
        });
        for (name, value) in lies.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let kid = Some(lies.key.to_string());
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        match lies.signature {
            Signature::None => {
                format!("{}.{}.", part(&json!({"alg": "none", "kid": kid})), part(&claims))
            }
            Signature::PublicKeyAsSecret => {
                let jwk = serde_json::to_value(jwk(lies.key)).unwrap();
                let public = BASE64_URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap();
                let header = Header { kid, ..Header::new(Algorithm::HS256) };
                jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&public)).unwrap()
            }
            Signature::Critical => {
                let header = json!({"alg": "EdDSA", "kid": kid, "crit": ["new"], "new": 1});
                let message = format!("{}.{}", part(&header), part(&claims));
                let signed = jsonwebtoken::crypto::sign(message.as_bytes(), &key(lies.key), Algorithm::EdDSA);
                format!("{message}.{}", signed.unwrap())
            }
            Signature::Honest | Signature::Forged => {
                let seed = if lies.signature == Signature::Forged { 77 } else { lies.key };
                let header = Header { kid, ..Header::new(Algorithm::EdDSA) };
                jsonwebtoken::encode(&header, &claims, &key(seed)).unwrap()
            }
        }
    }

    fn document(&self, issuer: &str) -> Value {
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{}/authorize?kept=1", self.address),
            "token_endpoint": format!("{}/token", self.address),
            "jwks_uri": format!("{}/keys", self.address),
        });
        for (name, value) in self.lies().described.as_object().unwrap() {
            document[name] = value.clone();
        }
        document
    }
}

/// Follows the first click up to the provider's door.
pub async fn go(browser: &mut Browser, route: &str) -> Asked {
    let answer = browser.get(&format!("{route}/login?next=%2Foverview%3Fview%3Dtable")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let url = reqwest::Url::parse(answer.header("location"))
        .unwrap_or_else(|error| panic!("{error}: {}", answer.header("location")));
    let sent: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!((sent["response_type"].as_str(), sent["kept"].as_str()), ("code", "1"));
    assert_eq!((sent["code_challenge_method"].as_str(), sent["client_id"].as_str()), ("S256", CLIENT));
    Asked {
        state: sent["state"].clone(),
        nonce: sent["nonce"].clone(),
        challenge: sent["code_challenge"].clone(),
        redirect_uri: sent["redirect_uri"].clone(),
        scope: sent["scope"].clone(),
    }
}

/// An Ed25519 key out of a byte: PKCS #8's frame around its seed.
fn key(seed: u8) -> EncodingKey {
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend_from_slice(&[seed; 32]);
    EncodingKey::from_ed_der(&der)
}

fn jwk(seed: u8) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(&key(seed), Algorithm::EdDSA).unwrap();
    jwk.common.key_id = Some(seed.to_string());
    jwk
}

async fn described(State(provider): State<Provider>) -> Json<Value> {
    Json(provider.document(&provider.address.clone()))
}

async fn tenant_described(State(provider): State<Provider>, Path(tenant): Path<String>) -> Json<Value> {
    let tenant = if tenant == "organizations" { "{tenantid}".to_owned() } else { tenant };
    let mut document = provider.document(&format!("{}/{tenant}/v2.0", provider.address));
    document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post", "private_key_jwt"]);
    Json(document)
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    let mut lies = provider.lies();
    lies.key_reads += 1;
    let keys = lies.published.iter().map(|seed| {
        let mut jwk = serde_json::to_value(jwk(*seed)).unwrap();
        if let Some(issuer) = &lies.key_issuer {
            jwk["issuer"] = json!(issuer);
        }
        jwk
    });
    Json(json!({ "keys": keys.collect::<Vec<_>>() }))
}

async fn groups(State(provider): State<Provider>, uri: axum::http::Uri, headers: HeaderMap) -> Response {
    if headers.get(header::AUTHORIZATION).is_none_or(|bearer| bearer != "Bearer for-graph") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let page = uri.query().and_then(|query| query.rsplit_once("page=")).map_or("0", |(_, page)| page);
    match provider.lies().groups.get(page.parse::<usize>().unwrap()) {
        Some(page) => Json(page.clone()).into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn token(State(provider): State<Provider>, headers: HeaderMap, body: String) -> Response {
    let form = reqwest::Url::parse(&format!("http://localhost/?{body}")).unwrap();
    let form: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
    let refuse =
        |status: u16, body: Value| (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    if let Some((status, body)) = provider.lies().token_error.clone() {
        return refuse(status, body);
    }
    // The form's spelling of id and secret (RFC 6749, 2.3.1).
    let basic = format!("Basic {}", BASE64_STANDARD.encode("salescommand:a+secret+with+%25+and+%3A"));
    let by_header = headers.get(header::AUTHORIZATION).is_some_and(|given| given == basic.as_str());
    if !by_header && form.get("client_secret").is_none_or(|secret| secret != SECRET) {
        return refuse(401, json!({"error": "invalid_client", "error_description": "<b>AADSTS7000215</b>"}));
    }
    let Some(asked) = provider.lies().codes.remove(&form["code"]) else {
        return refuse(400, json!({"error": "invalid_grant", "error_codes": [54005]}));
    };
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    assert_eq!(challenge, asked.challenge, "the verifier is not the one of the challenge");
    assert_eq!(form["redirect_uri"], asked.redirect_uri);
    let token = provider.id_token(&asked);
    Json(json!({"id_token": token, "access_token": "for-graph", "token_type": "Bearer"})).into_response()
}
