//! Access tokens: JWT, EdDSA (Ed25519, RFC 8037) only, ten minutes.
//!
//! The algorithm is pinned, issuer and audience are checked, and time comes in as a parameter, so the library's own clock is not
//! asked. A token names its key and is checked under that one alone: the present key signs, former ones are still believed. Signing
//! keys come out of the session keys; their public halves are published as a key set (RFC 7517), so that others can check a token
//! and none can make one.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::SymmetricKey;
use crate::session_keys::SessionKeys;

const ISSUER: &str = "salescommand";
const AUDIENCE: &str = "salescommand-api";
const ALGORITHM: Algorithm = Algorithm::EdDSA;
/// What stands before the seed of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// The account.
    pub(crate) sub: String,
    /// The session family: ends when its refresh tokens do.
    pub(crate) fam: String,
    iat: i64,
    exp: i64,
}

impl Claims {
    /// When the token ends.
    pub(crate) fn expires_at(&self) -> Timestamp {
        Timestamp::from_second(self.exp).unwrap_or(Timestamp::MAX)
    }
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the access token has expired")]
    Expired,
    #[error("the access token is not ours")]
    Invalid,
}

/// Makes and checks access tokens.
pub(crate) struct AccessTokens {
    encoding: EncodingKey,
    key_id: String,
    /// By id.
    believed: BTreeMap<String, DecodingKey>,
    published: JwkSet,
    lifetime: Duration,
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl AccessTokens {
    pub(crate) fn new(keys: &SessionKeys, lifetime: Duration) -> Result<Self, jsonwebtoken::errors::Error> {
        let present = keys.present();
        let (mut believed, mut published) = (BTreeMap::new(), Vec::new());
        for key in std::iter::once(present).chain(keys.former()) {
            let public = public_key(key)?;
            if believed.insert(key.id(), DecodingKey::from_jwk(&public)?).is_none() {
                published.push(public);
            }
        }
        let (encoding, published) = (signing_key(present), JwkSet { keys: published });
        Ok(Self { encoding, key_id: present.id(), believed, published, lifetime })
    }

    /// The public halves of the keys whose tokens are believed: that of the present key first.
    pub(crate) fn published(&self) -> &JwkSet {
        &self.published
    }

    /// A token for an account, and when it ends.
    pub(crate) fn issue(
        &self,
        account: &str,
        family: &str,
        now: Timestamp,
    ) -> Result<(String, Timestamp), TokenError> {
        let expires = now.checked_add(self.lifetime).map_err(|_| TokenError::Invalid)?;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: account.to_owned(),
            fam: family.to_owned(),
            iat: now.as_second(),
            exp: expires.as_second(),
        };
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(ALGORITHM) };
        let token =
            jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(|_| TokenError::Invalid)?;
        // A token tells whole seconds; so does what the client is told about it.
        let expires = Timestamp::from_second(claims.exp).map_err(|_| TokenError::Invalid)?;
        Ok((token, expires))
    }

    /// What a token says, if it is ours and has not expired.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let mut validation = Validation::new(ALGORITHM);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        // What names the key is not believed yet; under the wrong one the signature does not hold.
        let named = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?.kid;
        let key = named.and_then(|id| self.believed.get(&id)).ok_or(TokenError::Invalid)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
        let decoded = decoded.map_err(|_| TokenError::Invalid)?;
        if decoded.claims.exp <= now.as_second() { Err(TokenError::Expired) } else { Ok(decoded.claims) }
    }
}

/// The signing key of a session key: a digest of it is the seed, so that what it signs tells nothing about what it seals.
fn signing_key(key: &SymmetricKey) -> EncodingKey {
    let seed =
        Sha256::new().chain_update(b"salescommand access token\0").chain_update(key.bytes()).finalize();
    let mut pkcs8 = PKCS8.to_vec();
    pkcs8.extend_from_slice(&seed);
    EncodingKey::from_ed_der(&pkcs8)
}

/// Its public half, by the session key's id.
fn public_key(key: &SymmetricKey) -> Result<Jwk, jsonwebtoken::errors::Error> {
    let mut public = Jwk::from_encoding_key(&signing_key(key), ALGORITHM)?;
    public.common.key_id = Some(key.id());
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(public)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

    use serde_json::{Value, json};

    use super::*;

    fn tokens(byte: u8) -> AccessTokens {
        replaced(byte, &[])
    }

    fn replaced(present: u8, former: &[u8]) -> AccessTokens {
        let key = |byte: u8| SymmetricKey::from_bytes(vec![byte; 32]).unwrap();
        let keys = SessionKeys::new(key(present), former.iter().map(|byte| key(*byte)).collect());
        AccessTokens::new(&keys, Duration::from_secs(600)).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn lasts_ten_minutes_and_not_a_second_longer() {
        let (token, expires) = tokens(1).issue("account", "family", at(1_000)).unwrap();
        assert_eq!(expires, at(1_600));
        assert_eq!(tokens(1).check(&token, at(1_599)).unwrap().sub, "account");
        assert_eq!(tokens(1).check(&token, at(1_600)), Err(TokenError::Expired));
    }

    #[test]
    fn former_keys_are_believed_and_the_present_one_signs() {
        let (old, _) = tokens(1).issue("account", "family", at(1_000)).unwrap();
        let keys = replaced(2, &[3, 1]);
        assert_eq!(keys.check(&old, at(1_000)).unwrap().sub, "account");
        assert_eq!(keys.check(&old, at(1_600)), Err(TokenError::Expired), "as long as it would have been");
        let (new, _) = keys.issue("account", "family", at(1_000)).unwrap();
        assert!(tokens(2).check(&new, at(1_000)).is_ok());
        assert_eq!(tokens(1).check(&new, at(1_000)), Err(TokenError::Invalid));
    }

    #[test]
    fn who_has_the_published_keys_can_check_a_token_and_make_none() {
        let keys = replaced(2, &[1, 2]);
        let published: Value = serde_json::to_value(keys.published()).unwrap();
        let ids: Vec<_> = published["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
        assert_eq!(ids, [&json!(tokens(2).key_id), &json!(tokens(1).key_id)], "each once");
        for key in published["keys"].as_array().unwrap() {
            let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"], "and no private half");
            assert_eq!(
                (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
                (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
            );
        }
        let (token, _) = keys.issue("account", "family", at(1_000)).unwrap();
        let set: JwkSet = serde_json::from_value(published).unwrap();
        let named = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(set.find(&named).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        (validation.validate_exp, validation.validate_aud) = (false, false);
        assert_eq!(jsonwebtoken::decode::<Claims>(&token, &key, &validation).unwrap().claims.sub, "account");
        // The public half as a secret of HS256, the oldest of these tricks.
        let public = key.try_get_as_bytes().unwrap();
        let claims: Claims = jsonwebtoken::decode(&token, &key, &validation).unwrap().claims;
        let header = Header { kid: Some(named), ..Header::new(Algorithm::HS256) };
        let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(public)).unwrap();
        assert_eq!(keys.check(&forged, at(1_000)), Err(TokenError::Invalid));
    }

    #[test]
    fn a_token_is_checked_under_the_key_that_it_names_alone() {
        let (token, _) = tokens(1).issue("account", "family", at(1_000)).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        let header = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
        let (own, other) = (tokens(1).key_id, tokens(3).key_id);
        for changed in [header.replace(&own, &other), header.replace(&format!(r#","kid":"{own}""#), "")] {
            assert_ne!(changed, header);
            let token = format!("{}.{}.{}", BASE64_URL_SAFE_NO_PAD.encode(changed), parts[1], parts[2]);
            assert_eq!(replaced(1, &[3]).check(&token, at(1_000)), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn refuses_other_keys_other_algorithms_and_changed_claims() {
        let (token, _) = tokens(1).issue("account", "family", at(1_000)).unwrap();
        assert_eq!(tokens(2).check(&token, at(1_000)), Err(TokenError::Invalid));
        let parts: Vec<_> = token.split('.').collect();
        let kid = tokens(1).key_id;
        let unsigned =
            BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","typ":"JWT","kid":"{kid}"}}"#));
        assert_eq!(
            tokens(1).check(&format!("{unsigned}.{}.", parts[1]), at(1_000)),
            Err(TokenError::Invalid)
        );
        let stronger =
            BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"HS512","typ":"JWT","kid":"{kid}"}}"#));
        let swapped = format!("{stronger}.{}.{}", parts[1], parts[2]);
        assert_eq!(tokens(1).check(&swapped, at(1_000)), Err(TokenError::Invalid));
        let claims = BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        let claims = String::from_utf8(claims).unwrap().replace("account", "another");
        let forged = format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(claims), parts[2]);
        assert_eq!(tokens(1).check(&forged, at(1_000)), Err(TokenError::Invalid));
        assert_eq!(tokens(1).check("", at(1_000)), Err(TokenError::Invalid));
    }
}
