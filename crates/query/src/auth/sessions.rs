//! Sessions: refresh tokens that are used once, in families.
//!
//! A family begins with a sign-in. Each use of a token gives the next one; a token that comes a second time is in
//! two hands, so its family ends. Only digests are stored. An access token is good only while its family lives,
//! so signing out takes effect at once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bson::Bson;
use jiff::Timestamp;
use salescommand_store::{Condition, Error as StoreError, OPS_REFRESH_TOKENS, Ops, Query};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::token::{AccessTokens, Claims, TokenError};
use crate::clock::Clock;
use crate::digest::sha256_hex;
use crate::document;
use crate::ids::Ids;

/// The stored side of a refresh token. Times are seconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RefreshToken {
    #[serde(rename = "_id")]
    digest: String,
    family: String,
    user: String,
    issued: i64,
    expires: i64,
    used: Option<i64>,
    revision: i64,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The token is unknown, expired, or was used before.
    #[error("the session is over")]
    Over,
    /// The token was used before: its sessions, of this account, are ended.
    #[error("the session is over")]
    Reused(String),
    /// The store failed.
    #[error("sessions cannot be read or written")]
    Store(#[source] StoreError),
    /// No random numbers, or a token could not be made.
    #[error("a token could not be made")]
    Token,
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a browser gets.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) account: String,
    pub(crate) access: SecretString,
    pub(crate) access_expires_at: Timestamp,
    pub(crate) refresh: SecretString,
}

/// Begins, renews and ends sessions.
pub(crate) struct Sessions {
    pub(crate) ops: Arc<dyn Ops>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) tokens: AccessTokens,
    pub(crate) refresh_lifetime: Duration,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    /// Begins a family, and clears the account's expired ones away.
    pub(crate) async fn begin(&self, account: &str) -> Result<Grant, SessionError> {
        let now = self.clock.now().as_second();
        let expired = of("user", account).with(Condition::Lt("expires".to_owned(), Bson::Int64(now)));
        self.ops.delete(OPS_REFRESH_TOKENS, &expired).await?;
        self.grant(account, &self.ids.random().to_string()).await
    }

    /// Gives the next token for this one.
    pub(crate) async fn renew(&self, token: &SecretString) -> Result<Grant, SessionError> {
        let digest = digest(token);
        let Some(mut held) = self.find(&digest).await? else { return Err(SessionError::Over) };
        let now = self.clock.now().as_second();
        if held.expires <= now {
            self.end_family(&held.family).await?;
            return Err(SessionError::Over);
        }
        let revision = held.revision;
        let first_use = held.used.is_none();
        (held.used, held.revision) = (Some(now), revision + 1);
        // The compare-and-set decides between two uses at the same time: the second one is a reuse.
        let next = document::write(&held)?;
        if !first_use || !self.ops.replace_if(OPS_REFRESH_TOKENS, &digest, revision, next).await? {
            tracing::warn!(account.id = held.user, "a used refresh token came again; its sessions are ended");
            self.end_family(&held.family).await?;
            return Err(SessionError::Reused(held.user));
        }
        let grant = self.grant(&held.user, &held.family).await?;
        // If the family was ended meanwhile, the token just made must not outlive it.
        if self.find(&digest).await?.is_none() {
            self.end_family(&held.family).await?;
            return Err(SessionError::Over);
        }
        Ok(grant)
    }

    /// The account whose session a token goes on with, if there is one.
    pub(crate) async fn owner(&self, token: &SecretString) -> Result<Option<String>, StoreError> {
        Ok(self.find(&digest(token)).await?.map(|held| held.user))
    }

    /// Ends the family of a token, if there is one.
    pub(crate) async fn end(&self, token: &SecretString) -> Result<(), StoreError> {
        match self.find(&digest(token)).await? {
            Some(held) => self.end_family(&held.family).await,
            None => Ok(()),
        }
    }

    /// Ends every session of an account.
    pub(crate) async fn end_all(ops: &dyn Ops, account: &str) -> Result<(), StoreError> {
        ops.delete(OPS_REFRESH_TOKENS, &of("user", account)).await.map(|_| ())
    }

    /// Ends every session of an account.
    pub(crate) async fn end_every(&self, account: &str) -> Result<(), StoreError> {
        Self::end_all(&*self.ops, account).await
    }

    /// When sessions of some accounts were last begun or renewed.
    pub(crate) async fn last_seen(
        ops: &dyn Ops,
        accounts: Vec<Bson>,
    ) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let of_these = Query::all().with(Condition::In("user".to_owned(), accounts));
        let mut seen: BTreeMap<String, Timestamp> = BTreeMap::new();
        for document in ops.list(OPS_REFRESH_TOKENS, &of_these).await? {
            let token: RefreshToken = document::read(&document)?;
            let at = Timestamp::from_second(token.issued).unwrap_or(Timestamp::UNIX_EPOCH);
            seen.entry(token.user).and_modify(|last| *last = at.max(*last)).or_insert(at);
        }
        Ok(seen)
    }

    /// What an access token says.
    pub(crate) fn check(&self, token: &SecretString) -> Result<Claims, TokenError> {
        self.tokens.check(token.expose_secret(), self.clock.now())
    }

    /// Whether the family of an access token still lives.
    pub(crate) async fn lives(&self, claims: &Claims) -> Result<bool, StoreError> {
        let any = of("family", &claims.fam).limited(1).only(&["family"]);
        Ok(!self.ops.list(OPS_REFRESH_TOKENS, &any).await?.is_empty())
    }

    async fn grant(&self, account: &str, family: &str) -> Result<Grant, SessionError> {
        let now = self.clock.now();
        let (access, access_expires_at) =
            self.tokens.issue(account, family, now).map_err(|_| SessionError::Token)?;
        let mut bytes = [0; 32];
        self.ids.fill(&mut bytes).map_err(|_| SessionError::Token)?;
        let refresh = SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let lifetime = i64::try_from(self.refresh_lifetime.as_secs()).unwrap_or(i64::MAX);
        let held = RefreshToken {
            digest: digest(&refresh),
            family: family.to_owned(),
            user: account.to_owned(),
            issued: now.as_second(),
            expires: now.as_second().saturating_add(lifetime),
            used: None,
            revision: 1,
        };
        self.ops.insert(OPS_REFRESH_TOKENS, document::write(&held)?).await?;
        Ok(Grant { account: account.to_owned(), access: access.into(), access_expires_at, refresh })
    }

    async fn find(&self, digest: &str) -> Result<Option<RefreshToken>, StoreError> {
        let found = self.ops.list(OPS_REFRESH_TOKENS, &of("_id", digest).limited(1)).await?;
        found.first().map(document::read).transpose()
    }

    async fn end_family(&self, family: &str) -> Result<(), StoreError> {
        self.ops.delete(OPS_REFRESH_TOKENS, &of("family", family)).await.map(|_| ())
    }
}

fn of(field: &str, value: &str) -> Query {
    Query::all().with(Condition::Eq(field.to_owned(), Bson::String(value.to_owned())))
}

fn digest(token: &SecretString) -> String {
    sha256_hex(token.expose_secret().as_bytes())
}
