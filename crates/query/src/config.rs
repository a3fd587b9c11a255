//! Configuration of the query service. The app reads it from flags, environment and file; nothing here does.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::listener::Limits;
use crate::master_keys::MasterKeys;
use crate::oidc::ProviderSettings;
use crate::session_keys::SessionKeys;
use crate::tls::TlsFiles;

/// What the service needs to know before it starts.
#[derive(Debug)]
pub struct Config {
    /// Where it listens; loopback by default.
    pub listen: SocketAddr,
    /// The certificate that it shows; none for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// How its connections are limited.
    pub limits: Limits,
    /// Cookies carry `Secure`, answers `Strict-Transport-Security`. Off only for plain HTTP on loopback.
    pub secure_cookies: bool,
    /// Sign access tokens.
    pub session_keys: SessionKeys,
    /// Seal the credentials of sources.
    pub master_keys: MasterKeys,
    /// Demo mode: `/api/meta` shows these accounts, passwords included. Empty outside demo mode.
    pub demo_accounts: Vec<DemoLogin>,
    /// Whether this is a demo.
    pub demo: bool,
    /// How long an access token is good.
    pub access_lifetime: Duration,
    /// How long a refresh token is good, and so how long an idle browser stays signed in.
    pub refresh_lifetime: Duration,
    /// Who else may say who somebody is.
    pub providers: Vec<ProviderSettings>,
    /// The address under which others reach the service: sign-in providers lead back to it, links in e-mails lead to it, and
    /// sources send hints to it. Empty if nobody has said; then there are no e-mails.
    pub public_url: String,
    /// A source whose last complete sync is older than this is stale.
    pub stale_after: Duration,
    /// The most days that somebody may let a colleague see what they see.
    pub delegation_days: u16,
    /// A request that takes longer is answered with a problem.
    pub request_timeout: Duration,
}

/// A demo account as `/api/meta` shows it. Its password is no secret: it is printed on the sign-in page.
#[derive(Debug, Clone)]
pub struct DemoLogin {
    /// The role's name, for people.
    pub role_label: String,
    /// Sign-in name.
    pub email: String,
    /// Password.
    pub password: String,
}

impl Config {
    /// The defaults around the keys: loopback, 10 minutes of access, 14 days of refresh, stale after a day.
    pub fn new(session_keys: SessionKeys, master_keys: MasterKeys) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            limits: Limits::default(),
            secure_cookies: false,
            session_keys,
            master_keys,
            demo_accounts: Vec::new(),
            demo: false,
            access_lifetime: Duration::from_secs(10 * 60),
            refresh_lifetime: Duration::from_secs(14 * 24 * 3600),
            providers: Vec::new(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            stale_after: Duration::from_secs(24 * 3600),
            delegation_days: 90,
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// A 256-bit key. Never shown: `Debug` prints its id only.
pub struct SymmetricKey(SecretSlice<u8>);

/// A key that is not 32 bytes of base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key must be 32 random bytes in base64, as `openssl rand -base64 32` prints them")]
pub struct KeyError;

impl SymmetricKey {
    /// Reads a key from its base64 text.
    pub fn from_base64(text: &SecretString) -> Result<Self, KeyError> {
        let bytes = BASE64_STANDARD.decode(text.expose_secret().trim()).map_err(|_| KeyError)?;
        Self::from_bytes(bytes)
    }

    /// Reads keys that are separated by commas or white space; there may be none.
    pub(crate) fn list_from_base64(text: &SecretString) -> Result<Vec<Self>, KeyError> {
        let keys = text.expose_secret().split([',', ' ', '\t', '\r', '\n']).filter(|key| !key.is_empty());
        keys.map(|key| Self::from_base64(&key.into())).collect()
    }

    /// Takes 32 bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, KeyError> {
        if bytes.len() == 32 { Ok(Self(bytes.into())) } else { Err(KeyError) }
    }

    /// Names the key without telling it: the first 8 hexadecimal digits of a digest.
    pub fn id(&self) -> String {
        let mut named = b"salescommand key id\0".to_vec();
        named.extend_from_slice(self.bytes());
        crate::digest::sha256_hex(&named).chars().take(8).collect()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SymmetricKey({})", self.id())
    }
}
