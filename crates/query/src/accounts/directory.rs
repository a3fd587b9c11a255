//! Records in an organisation's directory whose owners sign in to an account.
//!
//! They are what an account and the directory's user have in common beyond doubt: both ids are of the provider that has signed
//! the sign-in. So the account is the same person as that user, whatever addresses say; and what the directory says of its record
//! decides whether the account may be used.

use salescommand_domain::canonical::{Entity, IdentityKey};
use salescommand_store::{Condition, Error as StoreError, OPS_USERS, Query};
use serde::{Deserialize, Serialize};

use super::identities::ExternalIdentity;
use super::{Account, AccountError, Accounts, administering};
use crate::document;
use crate::oidc::is_tenant_id;

/// A record in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DirectoryObject {
    /// Whose directory: the tenant's id.
    pub directory: String,
    /// Which record in it.
    pub object: String,
}

impl DirectoryObject {
    /// The key by which the record's user is found.
    pub(crate) fn key(&self) -> Option<IdentityKey> {
        IdentityKey::directory_object(Entity::User, &self.directory, &self.object)
    }
}

impl ExternalIdentity {
    /// The record that signs in: of a provider each of whose tenants is a directory with an issuer of its own, as Entra ID's are.
    /// Elsewhere a tenant is a claim like another, and proves nothing about a directory.
    pub(crate) fn directory_object(&self) -> Option<DirectoryObject> {
        let directory = self.tenant.clone().filter(|tenant| is_tenant_id(tenant))?;
        let own_issuer = self.issuer.ends_with(&format!("/{directory}/v2.0"));
        own_issuer.then(|| DirectoryObject { directory, object: self.subject.clone() })
    }
}

impl Accounts {
    /// Notes that the owner of a record signs in to an account. Gives the account as it is now.
    pub(crate) async fn note_directory(
        &self,
        account: &str,
        object: &DirectoryObject,
    ) -> Result<Account, AccountError> {
        let note = |account: &mut Account| {
            account.directory.push(object.clone());
            account.directory.sort();
            account.directory.dedup();
        };
        Ok(self.change(("_id", account), note).await?.after)
    }

    /// Forgets it again; none if there is no such account any more.
    pub(super) async fn forget_directory(
        &self,
        account: &str,
        object: &DirectoryObject,
    ) -> Result<Option<Account>, AccountError> {
        match self.change(("_id", account), |account| account.directory.retain(|own| own != object)).await {
            Ok(changed) => Ok(Some(changed.after)),
            Err(AccountError::Unknown(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Those who manage accounts, and whom a password or a provider lets in.
    pub(crate) async fn administrators(&self) -> Result<Vec<Account>, AccountError> {
        let found: Vec<Account> = document::read_all(&self.ops.list(OPS_USERS, &administering()?).await?)?;
        let mut able = Vec::new();
        for account in found {
            if account.has_password() || self.has_identity(&account.id).await? {
                able.push(account);
            }
        }
        Ok(able)
    }

    /// The accounts of some people, by any of their records.
    pub(crate) async fn of_people(
        &self,
        facets: impl IntoIterator<Item = salescommand_domain::canonical::FacetId>,
    ) -> Result<Vec<Account>, StoreError> {
        let facets = facets.into_iter().map(|facet| facet.to_string().into()).collect();
        let query = Query::all().with(Condition::In("person_facet".to_owned(), facets));
        document::read_all(&self.ops.list(OPS_USERS, &query).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";

    #[test]
    fn only_an_issuer_of_a_tenant_s_own_speaks_for_a_directory() {
        let object = |issuer: &str, tenant: Option<&str>| {
            let tenant = tenant.map(str::to_owned);
            let identity = ExternalIdentity {
                provider: "p".into(),
                issuer: issuer.into(),
                tenant,
                subject: "87d3".into(),
            };
            identity.directory_object().map(|found| found.object)
        };
        let own = format!("https://login.example/{TENANT}/v2.0");
        assert_eq!(object(&own, Some(TENANT)).as_deref(), Some("87d3"));
        for (issuer, tenant) in [
            (own.as_str(), None),
            (own.as_str(), Some("99999999-2222-3333-4444-555555555555")),
            ("https://id.example", Some(TENANT)),
            ("https://id.example/contoso/v2.0", Some("contoso")),
        ] {
            assert_eq!(object(issuer, tenant), None, "{issuer} {tenant:?}");
        }
    }
}
