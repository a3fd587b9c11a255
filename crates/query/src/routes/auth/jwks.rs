//! `GET /.well-known/jwks.json`: the public keys under which access tokens can be checked.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::App;

/// Kept by others for as long; a new key is named as a former one before it signs.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A public key (RFC 7517, RFC 8037).
#[derive(Debug, Serialize, ToSchema)]
pub struct PublicSigningKey {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// `EdDSA`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// The name by which tokens tell their key.
    pub kid: String,
    /// The key, in base64 of URLs.
    pub x: String,
}

/// Public keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublicSigningKeys {
    /// The one that signs first, then former ones whose tokens are still believed.
    pub keys: Vec<PublicSigningKey>,
}

impl PublicSigningKey {
    /// None for a key of another kind, of which there is none.
    fn of(key: &Jwk) -> Option<Self> {
        let AlgorithmParameters::OctetKeyPair(pair) = &key.algorithm else { return None };
        Some(Self {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            alg: "EdDSA".to_owned(),
            usage: "sig".to_owned(),
            kid: key.common.key_id.clone()?,
            x: pair.x.clone(),
        })
    }
}

/// Public keys of access tokens
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "public",
    responses((status = 200, description = "OK", body = PublicSigningKeys))
)]
pub(crate) async fn jwks(State(app): State<Arc<App>>) -> Response {
    let keys = app.sessions.tokens.published().keys.iter().filter_map(PublicSigningKey::of).collect();
    let mut response = axum::Json(PublicSigningKeys { keys }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, KEPT);
    response
}
