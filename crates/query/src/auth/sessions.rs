//! Sessions: refresh tokens that are used once, in families.
//!
//! A family begins with a sign-in. Each use of a token gives the next one; a token that comes a second time is in
//! two hands, so its family ends. Only digests are stored. An access token is good only while its family lives,
//! so signing out, and ending a session from elsewhere, take effect at once, in every copy of the service.

use std::collections::{BTreeMap, BTreeSet};
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
    /// When the family began; none of one that began before this was written down.
    #[serde(default)]
    began: Option<i64>,
    /// From where the token was asked for.
    #[serde(default)]
    place: Place,
    revision: i64,
}

/// From where a session is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// In words, such as "Firefox on Linux"; none if the browser gives nothing away.
    pub(crate) device: Option<String>,
    /// The network address.
    pub(crate) address: Option<String>,
}

/// A family as its owner sees it.
#[derive(Debug, Clone)]
pub(crate) struct SessionDetail {
    /// The family's id. It opens nothing.
    pub(crate) id: String,
    pub(crate) first_seen: Timestamp,
    /// When it was last begun or renewed, which a page in use does every few minutes.
    pub(crate) last_seen: Timestamp,
    /// When it ends by itself if it is not renewed.
    pub(crate) expires: Timestamp,
    pub(crate) place: Place,
}

/// What every token of a family says alike.
struct Family {
    id: String,
    account: String,
    began: Option<i64>,
}

#[derive(Deserialize)]
struct FamilyRow {
    family: String,
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
    pub(crate) async fn begin(&self, account: &str, place: Place) -> Result<Grant, SessionError> {
        let now = self.clock.now().as_second();
        let expired = of("user", account).with(Condition::Lt("expires".to_owned(), Bson::Int64(now)));
        self.ops.delete(OPS_REFRESH_TOKENS, &expired).await?;
        let family =
            Family { id: self.ids.random().to_string(), account: account.to_owned(), began: Some(now) };
        self.grant(family, place).await
    }

    /// Gives the next token for this one.
    pub(crate) async fn renew(&self, token: &SecretString, place: Place) -> Result<Grant, SessionError> {
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
        let began = held.began.or(Some(held.issued));
        let family = Family { id: held.family.clone(), account: held.user.clone(), began };
        let grant = self.grant(family, place).await?;
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

    /// Ends every session of an account, and tells whether there were any to whoever has ended the first one: of several who do
    /// so at the same time, to one.
    pub(crate) async fn end_every_as_one(&self, account: &str) -> Result<bool, StoreError> {
        let held = self.ops.list(OPS_REFRESH_TOKENS, &of("user", account)).await?;
        let tokens: Vec<RefreshToken> = document::read_all(&held)?;
        let Some(first) = tokens.iter().map(|token| &token.digest).min() else { return Ok(false) };
        let is_first = self.ops.delete(OPS_REFRESH_TOKENS, &of("_id", first)).await? > 0;
        self.end_every(account).await?;
        Ok(is_first)
    }

    /// The sessions of an account, the latest used first.
    pub(crate) async fn list(&self, account: &str) -> Result<Vec<SessionDetail>, StoreError> {
        let now = self.clock.now().as_second();
        let mut families: BTreeMap<String, SessionDetail> = BTreeMap::new();
        for document in self.ops.list(OPS_REFRESH_TOKENS, &of("user", account)).await? {
            let token: RefreshToken = document::read(&document)?;
            let (issued, began) = (at(token.issued), at(token.began.unwrap_or(token.issued)));
            if token.expires <= now {
                continue;
            }
            let fresh = SessionDetail {
                id: token.family.clone(),
                first_seen: began,
                last_seen: issued,
                expires: at(token.expires),
                place: token.place,
            };
            // Used tokens of a family stay until they would have expired; the newest one says where it is now.
            let session = families.entry(token.family).or_insert_with(|| fresh.clone());
            let first_seen = began.min(session.first_seen);
            if (issued, token.used.is_none()) > (session.last_seen, false) {
                *session = fresh;
            }
            session.first_seen = first_seen;
        }
        let mut sessions: Vec<_> = families.into_values().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen));
        Ok(sessions)
    }

    /// Ends a session of an account; tells whether the account had one of this id.
    pub(crate) async fn end_one(&self, account: &str, id: &str) -> Result<bool, StoreError> {
        let its = of("user", account).with(Condition::Eq("family".to_owned(), Bson::from(id)));
        Ok(self.ops.delete(OPS_REFRESH_TOKENS, &its).await? > 0)
    }

    /// Ends every session of an account but one.
    pub(crate) async fn end_others(&self, account: &str, kept: &str) -> Result<(), StoreError> {
        let held = self.ops.list(OPS_REFRESH_TOKENS, &of("user", account).only(&["family"])).await?;
        let families: Vec<FamilyRow> = document::read_all(&held)?;
        let others = families.into_iter().map(|row| row.family).filter(|family| family != kept);
        let others: BTreeSet<String> = others.collect();
        let others = others.into_iter().map(Bson::from).collect();
        let theirs = of("user", account).with(Condition::In("family".to_owned(), others));
        self.ops.delete(OPS_REFRESH_TOKENS, &theirs).await.map(drop)
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
            let at = at(token.issued);
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

    async fn grant(&self, family: Family, place: Place) -> Result<Grant, SessionError> {
        let now = self.clock.now();
        let Family { id: family, account, began } = family;
        let (access, access_expires_at) =
            self.tokens.issue(&account, &family, now).map_err(|_| SessionError::Token)?;
        let mut bytes = [0; 32];
        self.ids.fill(&mut bytes).map_err(|_| SessionError::Token)?;
        let refresh = SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let lifetime = i64::try_from(self.refresh_lifetime.as_secs()).unwrap_or(i64::MAX);
        let held = RefreshToken {
            digest: digest(&refresh),
            family,
            user: account.clone(),
            issued: now.as_second(),
            expires: now.as_second().saturating_add(lifetime),
            used: None,
            began,
            place,
            revision: 1,
        };
        self.ops.insert(OPS_REFRESH_TOKENS, document::write(&held)?).await?;
        Ok(Grant { account, access: access.into(), access_expires_at, refresh })
    }

    async fn find(&self, digest: &str) -> Result<Option<RefreshToken>, StoreError> {
        let found = self.ops.list(OPS_REFRESH_TOKENS, &of("_id", digest).limited(1)).await?;
        found.first().map(document::read).transpose()
    }

    async fn end_family(&self, family: &str) -> Result<(), StoreError> {
        self.ops.delete(OPS_REFRESH_TOKENS, &of("family", family)).await.map(|_| ())
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn of(field: &str, value: &str) -> Query {
    Query::all().with(Condition::Eq(field.to_owned(), Bson::String(value.to_owned())))
}

fn digest(token: &SecretString) -> String {
    sha256_hex(token.expose_secret().as_bytes())
}
