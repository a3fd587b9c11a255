//! ID tokens: whose signature, for whom, from whom, and until when.
//!
//! The signature must be one of the issuer's public keys', by an algorithm of public keys: a token that says `none`, or
//! that makes a secret out of a public key, is refused by its header alone. Time comes in as a parameter.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use super::Refusal;
use super::settings::TENANT_PLACEHOLDER;

/// How far the provider's clock may be from ours, in seconds.
const SKEW_SECONDS: i64 = 120;
/// Algorithms of public keys.
const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// What an ID token says.
pub(crate) type Claims = serde_json::Map<String, Value>;

/// A public key of a provider.
#[derive(Debug, Clone)]
pub(crate) struct SigningKey {
    jwk: Jwk,
    /// Microsoft says for each key whose it is.
    issuer: Option<String>,
}

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) now: Timestamp,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The keys of a JWK set that can sign; others, such as those of kinds unknown here, are passed over.
pub(crate) fn signing_keys(set: &Value) -> Vec<SigningKey> {
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    keys.filter_map(|key| {
        let jwk: Jwk = serde_json::from_value(key.clone()).ok()?;
        let signs =
            jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let is_public = matches!(
            jwk.algorithm,
            AlgorithmParameters::RSA(_)
                | AlgorithmParameters::EllipticCurve(_)
                | AlgorithmParameters::OctetKeyPair(_)
        );
        let issuer = key.get("issuer").and_then(Value::as_str).map(str::to_owned);
        (signs && is_public).then_some(SigningKey { jwk, issuer })
    })
    .collect()
}

/// The claims of a token that is not to be believed yet: to see whose keys to check it with.
pub(crate) fn unverified_claims(token: &str) -> Result<Claims, Refusal> {
    part(token, 1)
}

/// The claims of a token that is what it has to be.
pub(crate) fn verify(token: &str, keys: &[SigningKey], expected: &Expected<'_>) -> Result<Claims, Refusal> {
    let header: Header = part(token, 0)?;
    let known = ALGORITHMS.iter().find(|(name, _)| *name == header.alg);
    let algorithm = known.map(|(_, algorithm)| *algorithm).ok_or(Refusal::AlgorithmRefused)?;
    if header.crit.is_some() {
        return Err(Refusal::TokenInvalid);
    }
    let key = key_for(keys, &header, algorithm)?;
    let owner = key
        .issuer
        .as_ref()
        .map(|owner| owner.replace(TENANT_PLACEHOLDER, expected.tenant.unwrap_or(TENANT_PLACEHOLDER)));
    if owner.is_some_and(|owner| owner != expected.issuer) {
        return Err(Refusal::IssuerMismatch);
    }
    let claims = signed_claims(token, key, algorithm)?;
    check_claims(&claims, expected)?;
    Ok(claims)
}

fn part<T: for<'a> Deserialize<'a>>(token: &str, index: usize) -> Result<T, Refusal> {
    let parts: Vec<_> = token.split('.').collect();
    let [_, _, _] = parts.as_slice() else { return Err(Refusal::TokenInvalid) };
    let text = parts.get(index).ok_or(Refusal::TokenInvalid)?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::TokenInvalid)?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::TokenInvalid)
}

/// The key that a header names; without a name, the only one that could be meant.
fn key_for<'a>(
    keys: &'a [SigningKey],
    header: &Header,
    algorithm: Algorithm,
) -> Result<&'a SigningKey, Refusal> {
    let mut fitting = keys.iter().filter(|key| fits(&key.jwk, algorithm));
    match &header.kid {
        Some(id) => fitting.find(|key| key.jwk.common.key_id.as_ref() == Some(id)).ok_or(Refusal::KeyUnknown),
        None => match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(Refusal::KeyUnknown),
        },
    }
}

fn fits(jwk: &Jwk, algorithm: Algorithm) -> bool {
    let name = ALGORITHMS.iter().find(|(_, known)| *known == algorithm).map(|(name, _)| *name);
    let meant = jwk.common.key_algorithm.as_ref().map(ToString::to_string);
    let kind = match jwk.algorithm {
        AlgorithmParameters::RSA(_) => {
            name.is_some_and(|name| name.starts_with("RS") || name.starts_with("PS"))
        }
        AlgorithmParameters::EllipticCurve(_) => name.is_some_and(|name| name.starts_with("ES")),
        AlgorithmParameters::OctetKeyPair(_) => name == Some("EdDSA"),
        _ => false,
    };
    kind && meant.is_none_or(|meant| Some(meant.as_str()) == name)
}

fn signed_claims(token: &str, key: &SigningKey, algorithm: Algorithm) -> Result<Claims, Refusal> {
    let decoding = DecodingKey::from_jwk(&key.jwk).map_err(|_| Refusal::KeyUnknown)?;
    let mut validation = Validation::new(algorithm);
    // What the claims have to say is checked below, against the time that came in.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, &decoding, &validation);
    decoded.map(|decoded| decoded.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => Refusal::SignatureInvalid,
        _ => Refusal::TokenInvalid,
    })
}

fn check_claims(claims: &Claims, expected: &Expected<'_>) -> Result<(), Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(Refusal::IssuerMismatch);
    }
    if !is_for(claims, expected.client_id) {
        return Err(Refusal::AudienceMismatch);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(Refusal::NonceMismatch);
    }
    let now = expected.now.as_second();
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let (past, future) = ((now - SKEW_SECONDS) as f64, (now + SKEW_SECONDS) as f64);
    if seconds("exp").ok_or(Refusal::TokenInvalid)? <= past {
        return Err(Refusal::TokenExpired);
    }
    let issued = seconds("iat").ok_or(Refusal::TokenInvalid)?;
    let from = seconds("nbf").unwrap_or(issued);
    if issued > future || from > future { Err(Refusal::ClockSkew) } else { Ok(()) }
}

/// Made for us, and if for others too, then at our request.
fn is_for(claims: &Claims, client_id: &str) -> bool {
    let audiences: Vec<_> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let party = claims.get("azp").map(|party| party.as_str() == Some(client_id));
    audiences.contains(&client_id) && party.unwrap_or(audiences.len() == 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'static> = Expected {
        issuer: "https://id.example",
        tenant: None,
        client_id: "us",
        nonce: "n",
        now: Timestamp::UNIX_EPOCH,
    };

    fn checked(change: &[(&str, Value)]) -> Result<(), Refusal> {
        let mut claims =
            json!({"iss": "https://id.example", "aud": "us", "nonce": "n", "exp": 300, "iat": 0});
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        check_claims(claims.as_object().unwrap(), &EXPECTED)
    }

    #[test]
    fn clocks_may_differ_by_two_minutes() {
        assert_eq!(checked(&[]), Ok(()));
        assert_eq!(checked(&[("exp", json!(-119))]), Ok(()));
        assert_eq!(checked(&[("exp", json!(-120))]), Err(Refusal::TokenExpired));
        assert_eq!(checked(&[("iat", json!(120))]), Ok(()));
        assert_eq!(checked(&[("iat", json!(121))]), Err(Refusal::ClockSkew));
        assert_eq!(checked(&[("nbf", json!(121))]), Err(Refusal::ClockSkew));
        assert_eq!(checked(&[("exp", Value::Null)]), Err(Refusal::TokenInvalid));
    }

    #[test]
    fn a_token_for_others_too_must_have_been_asked_for_by_us() {
        assert_eq!(checked(&[("aud", json!(["us"]))]), Ok(()));
        assert_eq!(checked(&[("aud", json!(["us", "them"]))]), Err(Refusal::AudienceMismatch));
        assert_eq!(checked(&[("aud", json!(["us", "them"])), ("azp", json!("us"))]), Ok(()));
        assert_eq!(checked(&[("azp", json!("them"))]), Err(Refusal::AudienceMismatch));
        assert_eq!(checked(&[("aud", json!("us2"))]), Err(Refusal::AudienceMismatch));
        assert_eq!(checked(&[("aud", Value::Null)]), Err(Refusal::AudienceMismatch));
    }

    #[test]
    fn issuer_and_nonce_are_exact() {
        assert_eq!(checked(&[("iss", json!("https://id.example/"))]), Err(Refusal::IssuerMismatch));
        assert_eq!(checked(&[("nonce", Value::Null)]), Err(Refusal::NonceMismatch));
    }

    #[test]
    fn a_secret_is_no_signing_key() {
        let set = json!({"keys": [
            {"kty": "oct", "k": "AAAA", "kid": "secret"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc", "kid": "encrypts"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "signs"},
            {"kty": "new", "kid": "unknown"}
        ]});
        let ids: Vec<_> = signing_keys(&set).into_iter().filter_map(|key| key.jwk.common.key_id).collect();
        assert_eq!(ids, ["signs"]);
    }

    #[test]
    fn garbage_is_refused() {
        for garbage in ["", "a.b", "a.b.c", "....", "e30.e30.e30"] {
            assert_eq!(verify(garbage, &[], &EXPECTED), Err(Refusal::TokenInvalid), "{garbage}");
        }
    }
}
