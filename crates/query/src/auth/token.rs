//! Access tokens: JWT, HS256 only, ten minutes.
//!
//! The algorithm is pinned, issuer, audience and key id are checked, and time comes in as a parameter, so the
//! library's own clock is not asked.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::config::SymmetricKey;

const ISSUER: &str = "salescommand";
const AUDIENCE: &str = "salescommand-api";

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
    decoding: DecodingKey,
    key_id: String,
    lifetime: Duration,
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl AccessTokens {
    pub(crate) fn new(key: &SymmetricKey, lifetime: Duration) -> Self {
        Self {
            encoding: EncodingKey::from_secret(key.bytes()),
            decoding: DecodingKey::from_secret(key.bytes()),
            key_id: key.id(),
            lifetime,
        }
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
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::HS256) };
        let token =
            jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(|_| TokenError::Invalid)?;
        // A token tells whole seconds; so does what the client is told about it.
        let expires = Timestamp::from_second(claims.exp).map_err(|_| TokenError::Invalid)?;
        Ok((token, expires))
    }

    /// What a token says, if it is ours and has not expired.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation);
        let decoded = decoded.map_err(|_| TokenError::Invalid)?;
        if decoded.header.kid.as_deref() != Some(&self.key_id) {
            return Err(TokenError::Invalid);
        }
        if decoded.claims.exp <= now.as_second() { Err(TokenError::Expired) } else { Ok(decoded.claims) }
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

    use super::*;

    fn tokens(byte: u8) -> AccessTokens {
        AccessTokens::new(&SymmetricKey::from_bytes(vec![byte; 32]).unwrap(), Duration::from_secs(600))
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
    fn refuses_other_keys_other_algorithms_and_changed_claims() {
        let (token, _) = tokens(1).issue("account", "family", at(1_000)).unwrap();
        assert_eq!(tokens(2).check(&token, at(1_000)), Err(TokenError::Invalid));
        let parts: Vec<_> = token.split('.').collect();
        let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        assert_eq!(
            tokens(1).check(&format!("{unsigned}.{}.", parts[1]), at(1_000)),
            Err(TokenError::Invalid)
        );
        let stronger = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
        let swapped = format!("{stronger}.{}.{}", parts[1], parts[2]);
        assert_eq!(tokens(1).check(&swapped, at(1_000)), Err(TokenError::Invalid));
        let claims = BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        let claims = String::from_utf8(claims).unwrap().replace("account", "another");
        let forged = format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(claims), parts[2]);
        assert_eq!(tokens(1).check(&forged, at(1_000)), Err(TokenError::Invalid));
        assert_eq!(tokens(1).check("", at(1_000)), Err(TokenError::Invalid));
    }
}
