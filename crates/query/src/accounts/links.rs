//! Links by which somebody chooses a password: made by an administrator, good once and for a day; or asked for by whoever has
//! forgotten theirs, good once and for an hour.
//!
//! A link is a sealed text that names the account, the password that it is to replace (as a digest of its hash), and an end. So
//! nothing is stored, and choosing a password, by any way, ends every link from before.

use std::time::Duration;

use bson::Bson;
use jiff::Timestamp;
use salescommand_store::{Condition, OPS_IDENTITIES, Query};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Account, AccountError, AccountSummary, Accounts, lower};
use crate::auth::Sessions;
use crate::digest::sha256_hex;
use crate::seal::Seals;

/// So long a link is good that an administrator has made.
const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// So long one is good that anybody may have asked for.
const FORGOTTEN_LIFETIME: Duration = Duration::from_secs(3_600);
const PURPOSE: &str = "choose a password";

/// What a link says.
#[derive(Serialize, Deserialize)]
struct Link {
    account: String,
    /// Of the password's hash as it was.
    replaces: String,
    expires: i64,
}

/// A link's text, and when it ends.
#[derive(Debug)]
pub(crate) struct PasswordLink {
    pub(crate) token: String,
    pub(crate) expires_at: Timestamp,
}

impl Accounts {
    /// A link by which the owner of an account chooses a password; none if there is no such account.
    pub(crate) async fn password_link(
        &self,
        seals: &Seals,
        id: &str,
    ) -> Result<Option<(AccountSummary, PasswordLink)>, AccountError> {
        let Some(account) = self.find("_id", id).await? else { return Ok(None) };
        let link = self.link_for(seals, &account, LIFETIME)?;
        Ok(Some((account.summary(), link)))
    }

    /// A link for whoever has forgotten the password of the account with this address. None if there is no such account, if it
    /// is shut out, or if its owner signs in through a provider alone, or is to, as a directory says that keeps it: whoever can read
    /// their mail is not let past that.
    pub(crate) async fn forgotten_link(
        &self,
        seals: &Seals,
        email: &str,
    ) -> Result<Option<(AccountSummary, PasswordLink)>, AccountError> {
        let found = self.find("email", &lower(email)).await?.filter(|account| !account.disabled);
        let Some(account) = found else { return Ok(None) };
        let elsewhere = account.provisioned().is_some() || self.has_identity(&account.id).await?;
        if !account.has_password() && elsewhere {
            return Ok(None);
        }
        let link = self.link_for(seals, &account, FORGOTTEN_LIFETIME)?;
        Ok(Some((account.summary(), link)))
    }

    fn link_for(
        &self,
        seals: &Seals,
        account: &Account,
        lifetime: Duration,
    ) -> Result<PasswordLink, AccountError> {
        let expires_at = self.clock.now() + lifetime;
        let link =
            Link { account: account.id.clone(), replaces: digest(account), expires: expires_at.as_second() };
        let text = serde_json::to_string(&link).map_err(|error| AccountError::Invalid(error.to_string()))?;
        let token = seals.seal(PURPOSE, &text).ok_or(AccountError::Hashing)?;
        Ok(PasswordLink { token, expires_at })
    }

    pub(super) async fn has_identity(&self, account: &str) -> Result<bool, AccountError> {
        let its = Condition::Eq("account".to_owned(), Bson::from(account));
        let any = Query::all().with(its).limited(1).only(&["account"]);
        Ok(!self.ops.list(OPS_IDENTITIES, &any).await?.is_empty())
    }

    /// Gives an account another password if its present one has not changed meanwhile, and ends its sessions.
    pub(crate) async fn replace_password(
        &self,
        mut account: Account,
        password: SecretString,
    ) -> Result<Option<AccountSummary>, AccountError> {
        crate::auth::policy::check(&password, &account.email, &account.name)?;
        let expected = account.revision;
        account.password_hash = self.passwords.hash(password).await?;
        account.revision += 1;
        let written = crate::document::write(&account)?;
        if !self.ops.replace_if(salescommand_store::OPS_USERS, &account.id, expected, written).await? {
            return Ok(None);
        }
        Sessions::end_all(&*self.ops, &account.id).await?;
        Ok(Some(account.summary()))
    }

    /// The account of a link. None if it is not one of ours, is over, or was used.
    pub(crate) async fn linked(&self, seals: &Seals, token: &str) -> Result<Option<Account>, AccountError> {
        let link = seals.open(PURPOSE, token).and_then(|text| serde_json::from_str::<Link>(&text).ok());
        let Some(link) = link.filter(|link| link.expires > self.clock.now().as_second()) else {
            return Ok(None);
        };
        let account = self.find("_id", &link.account).await?;
        Ok(account.filter(|account| !account.disabled && digest(account) == link.replaces))
    }
}

fn digest(account: &Account) -> String {
    sha256_hex(account.password_hash.as_bytes())
}
