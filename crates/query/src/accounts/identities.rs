//! Identities at providers, and the accounts that they open.
//!
//! An identity is a key of its own: (issuer, tenant, subject). Only a first sign-in that makes an account, or an
//! administrator, ties one to an account; an e-mail address never does.

use bson::Bson;
use jiff::Timestamp;
use salescommand_domain::access::Role;
use salescommand_store::{Condition, Error as StoreError, OPS_IDENTITIES, OPS_USERS, Query};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Account, AccountError, AccountSummary, Accounts, TRIES, checked_email, person_facet};
use crate::auth::Sessions;
use crate::digest::sha256_hex;
use crate::document;

/// Names the accounts that sign-ins through providers make: the same identity makes the same account.
const ACCOUNTS_OF_IDENTITIES: Uuid = Uuid::from_u128(0x6a9f_3f4e_6d0b_4f0e_9a55_0c6b_74d1_8e21);

/// Somebody at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalIdentity {
    /// The provider's name here; not part of the key.
    pub provider: String,
    /// Who says so.
    pub issuer: String,
    /// In whose directory.
    pub tenant: Option<String>,
    /// Who, there.
    pub subject: String,
}

impl ExternalIdentity {
    /// The key: a digest, so that no length or character of a provider matters.
    pub(super) fn key(&self) -> String {
        let parts = [self.issuer.as_str(), self.tenant.as_deref().unwrap_or_default(), &self.subject];
        let mut framed = Vec::new();
        for part in parts {
            framed.extend_from_slice(&(part.len() as u64).to_le_bytes());
            framed.extend_from_slice(part.as_bytes());
        }
        sha256_hex(&framed)
    }

    /// The address of an account whose owner's address is not believed: it names them and can be nobody's (RFC 2606).
    fn stand_in_address(&self) -> String {
        let key = self.key();
        format!("{}@{}.invalid", key.get(..16).unwrap_or(&key), self.provider)
    }

    pub(crate) fn account_id(&self) -> String {
        Uuid::new_v5(&ACCOUNTS_OF_IDENTITIES, self.key().as_bytes()).to_string()
    }
}

/// The stored tie.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tie {
    #[serde(rename = "_id")]
    key: String,
    #[serde(flatten)]
    pub(crate) identity: ExternalIdentity,
    pub(crate) account: String,
    /// The provider's roles decide about the account's; not so where an administrator made the tie.
    pub(crate) role_from_provider: bool,
    /// The pipeline has been told of the person.
    pub(crate) announced: bool,
    revision: i64,
    created_at: Timestamp,
}

/// What a first sign-in makes an account of.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) identity: ExternalIdentity,
    /// Believed.
    pub(crate) email: Option<String>,
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// What became of the accounts that an identity was tied to.
#[derive(Debug)]
pub struct Linked {
    /// The one that it opens now.
    pub account: AccountSummary,
    /// The one that it opened before.
    pub former: Option<AccountSummary>,
}

impl Accounts {
    /// Ties an identity to an existing account: whoever has the one signs in to the other. An account that had it
    /// before loses it and its sessions.
    pub async fn link(&self, email: &str, identity: ExternalIdentity) -> Result<Linked, AccountError> {
        let email = email.trim().to_lowercase();
        let account =
            self.find("email", &email).await?.ok_or_else(|| AccountError::Unknown(email.clone()))?;
        let object = identity.directory_object();
        let former = self.tie(&account, identity).await?;
        let Some(object) = object else { return Ok(Linked { account: account.summary(), former: None }) };
        let former = match former {
            Some(former) => self.forget_directory(&former, &object).await?.map(Account::summary),
            None => None,
        };
        Ok(Linked { account: self.note_directory(&account.id, &object).await?.summary(), former })
    }

    /// Ties an identity to an account; gives the id of another one that had it before.
    async fn tie(
        &self,
        account: &Account,
        identity: ExternalIdentity,
    ) -> Result<Option<String>, AccountError> {
        let tie = self.new_tie(identity, &account.id, false);
        for _ in 0..TRIES {
            let Some(held) = self.held_tie(&tie.key).await? else {
                match self.ops.insert(OPS_IDENTITIES, document::write(&tie)?).await {
                    Err(StoreError::Duplicate { .. }) => continue,
                    written => return written.map(|()| None).map_err(AccountError::from),
                }
            };
            let next = Tie { revision: held.revision + 1, ..tie.clone() };
            if self.ops.replace_if(OPS_IDENTITIES, &tie.key, held.revision, document::write(&next)?).await? {
                if held.account == account.id {
                    return Ok(None);
                }
                Sessions::end_all(&*self.ops, &held.account).await?;
                return Ok(Some(held.account));
            }
        }
        Err(AccountError::Contended(account.email.clone()))
    }

    /// The account of an identity, disabled or not, and their tie.
    pub(crate) async fn of_identity(
        &self,
        identity: &ExternalIdentity,
    ) -> Result<Option<(Tie, Account)>, AccountError> {
        let Some(tie) = self.held_tie(&identity.key()).await? else { return Ok(None) };
        let account = self.find("_id", &tie.account).await?;
        Ok(account.map(|account| (tie, account)))
    }

    /// Makes the account of an identity that has none. It has no password. [`AccountError::EmailTaken`] if its
    /// address is another account's: that one is not taken over.
    pub(crate) async fn welcome(&self, new: Newcomer) -> Result<(Tie, Account), AccountError> {
        let id = new.identity.account_id();
        let email = checked_email(&new.email.clone().unwrap_or_else(|| new.identity.stand_in_address()))?;
        let account = Account {
            person_facet: person_facet(&id)?,
            id,
            email,
            name: new.name,
            role: new.role,
            password_hash: String::new(),
            disabled: false,
            revision: 1,
            directory: new.identity.directory_object().into_iter().collect(),
            scim: None,
            created_at: self.clock.now(),
        };
        let account = match self.ops.insert(OPS_USERS, document::write(&account)?).await {
            Ok(()) => account,
            // A sign-in at the same time, or one that broke off, has made it; anybody else's stays theirs.
            Err(StoreError::Duplicate { .. }) => {
                if let Some(held) = self.of_identity(&new.identity).await? {
                    return Ok(held);
                }
                let taken = || AccountError::EmailTaken(account.email.clone());
                let found = self.find("_id", &account.id).await?.ok_or_else(taken)?;
                // One that another identity opens by now is not this one's any more.
                if self.has_identity(&found.id).await? {
                    return Err(taken());
                }
                found
            }
            Err(error) => return Err(error.into()),
        };
        let tie = self.new_tie(new.identity, &account.id, true);
        match self.ops.insert(OPS_IDENTITIES, document::write(&tie)?).await {
            Ok(()) => Ok((tie, account)),
            Err(StoreError::Duplicate { .. }) => {
                let held = self.of_identity(&tie.identity).await?;
                held.ok_or(AccountError::Contended(account.email))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the account of a tie the role that the provider's roles give it now, the last super admin's too: there it is decided.
    pub(crate) async fn follow_role(&self, tie: &Tie, role: Role) -> Result<(), AccountError> {
        self.change(("_id", &tie.account), |account| account.role = role).await.map(drop)
    }

    /// Remembers that the pipeline has been told. Somebody else's change at the same time only means telling it twice.
    pub(crate) async fn mark_announced(&self, tie: &Tie) -> Result<(), AccountError> {
        let told = Tie { announced: true, revision: tie.revision + 1, ..tie.clone() };
        let written = self.ops.replace_if(OPS_IDENTITIES, &tie.key, tie.revision, document::write(&told)?);
        Ok(written.await.map(drop)?)
    }

    pub(super) fn new_tie(&self, identity: ExternalIdentity, account: &str, role_from_provider: bool) -> Tie {
        Tie {
            key: identity.key(),
            identity,
            account: account.to_owned(),
            role_from_provider,
            // Whoever made the account otherwise has told already.
            announced: !role_from_provider,
            revision: 1,
            created_at: self.clock.now(),
        }
    }

    async fn held_tie(&self, key: &str) -> Result<Option<Tie>, StoreError> {
        let by_key = Condition::Eq("_id".to_owned(), Bson::from(key));
        let found = self.ops.list(OPS_IDENTITIES, &Query::all().with(by_key).limited(1)).await?;
        found.first().map(document::read).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(issuer: &str, tenant: Option<&str>, subject: &str) -> ExternalIdentity {
        let tenant = tenant.map(str::to_owned);
        ExternalIdentity { provider: "one".into(), issuer: issuer.into(), tenant, subject: subject.into() }
    }

    #[test]
    fn no_two_identities_share_a_key() {
        let all = [
            identity("https://a", None, "1"),
            identity("https://b", None, "1"),
            identity("https://a", Some("t"), "1"),
            identity("https://a", None, "t1"),
            identity("https://at", None, "1"),
            identity("https://a", Some("t1"), ""),
        ];
        let keys: std::collections::BTreeSet<_> = all.iter().map(ExternalIdentity::key).collect();
        assert_eq!(keys.len(), all.len());
    }

    #[test]
    fn a_stand_in_address_can_be_nobodys() {
        let address = identity("https://a", None, "1").stand_in_address();
        assert!(address.ends_with("@one.invalid") && checked_email(&address).is_ok(), "{address}");
    }
}
