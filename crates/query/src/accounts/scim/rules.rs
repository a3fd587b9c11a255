//! What a directory says of an account, and what holds for its users.

use bson::Bson;
use jiff::Timestamp;
use salescommand_domain::access::Role;
use salescommand_store::{Condition, Query};
use serde::{Deserialize, Serialize};

use crate::accounts::identities::ExternalIdentity;
use crate::accounts::{Account, AccountError, checked_email};
use crate::oidc::ProviderSettings;
use crate::scim::{Meta, ScimEmail, ScimUser};

/// What a directory says of an account.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Whose directory: the provider's name.
    provider: String,
    /// Which of its tenants; empty if it has none.
    tenant: String,
    user_name: String,
    /// The same in lower case: a name in any spelling is one user's.
    user_name_key: String,
    pub(super) external_id: Option<String>,
    display_name: Option<String>,
    formatted: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    pub(super) emails: Vec<Address>,
    roles: Vec<String>,
    pub(super) active: Option<bool>,
    pub(super) modified: Timestamp,
    /// The directory has deleted the user.
    pub(super) gone: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Address {
    value: String,
    /// The same in lower case.
    pub(super) key: String,
    pub(super) kind: Option<String>,
    primary: Option<bool>,
}

/// Whose directory it is, and what holds for its users.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) settings: &'a ProviderSettings,
}

impl Rules<'_> {
    pub(super) fn provider(&self) -> &str {
        &self.settings.name
    }

    fn tenant(&self) -> Option<String> {
        self.settings.scim_tenant()
    }

    /// The identity of a record of the directory.
    pub(crate) fn identity(&self, external_id: &str) -> ExternalIdentity {
        let tenant = self.tenant();
        let issuer = self.settings.issuer_of(tenant.as_deref());
        ExternalIdentity {
            provider: self.provider().to_owned(),
            issuer,
            tenant,
            subject: self.spelled(external_id),
        }
    }

    /// A user with the id of its record as it is kept.
    pub(crate) fn spelled_user(&self, user: ScimUser) -> ScimUser {
        ScimUser { external_id: user.external_id.map(|id| self.spelled(&id)), ..user }
    }

    /// Microsoft's ids are GUIDs, and its tokens spell them in lower case.
    pub(super) fn spelled(&self, external_id: &str) -> String {
        if self.settings.is_entra() { external_id.to_lowercase() } else { external_id.to_owned() }
    }

    /// The role that the directory gives: the most that its roles say, if it is let decide.
    pub(super) fn role(&self, user: &ScimUser) -> Result<Option<Role>, AccountError> {
        if !self.settings.scim.as_ref().is_some_and(|scim| scim.roles) {
            return Ok(None);
        }
        let mut given = Vec::new();
        for word in &user.roles {
            let ours = || serde_json::from_value(word.as_str().into()).ok();
            let role = self.settings.roles.get(word).copied().or_else(ours);
            let unknown = || AccountError::Invalid("roles: there is no such role here".to_owned());
            given.push(role.ok_or_else(unknown)?);
        }
        // Roles stand in the order of what they may do, the most first.
        Ok(given.into_iter().min())
    }

    /// The role of whom nothing gives one.
    pub(super) fn usual_role(&self) -> Role {
        self.settings.default_role.unwrap_or(Role::Viewer)
    }

    /// The role that the directory gives to the owner of an account, as long as it keeps it.
    pub(crate) fn role_of(&self, account: &Account) -> Option<Role> {
        self.role(&account.provisioned()?.0).ok().flatten()
    }

    /// The address that is believed: of a domain for which the provider speaks.
    pub(super) fn believed(&self, user: &ScimUser) -> Option<String> {
        let believed = |address: &&str| {
            let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
            domain.is_some_and(|domain| self.settings.authoritative_domains.contains(&domain))
        };
        let mut checked =
            user.addresses().into_iter().filter(believed).filter_map(|it| checked_email(it).ok());
        checked.next()
    }

    pub(super) fn of_provider(&self) -> Query {
        let text = |field: &str, value: String| Condition::Eq(field.to_owned(), Bson::from(value));
        Query::all()
            .with(text("scim.provider", self.provider().to_owned()))
            .with(text("scim.tenant", self.tenant().unwrap_or_default()))
            .with(Condition::Eq("scim.gone".to_owned(), Bson::Boolean(false)))
    }
}

impl Record {
    pub(super) fn new(rules: Rules<'_>, user: &ScimUser, modified: Timestamp) -> Self {
        let email = |email: &ScimEmail| Address {
            key: email.value.to_lowercase(),
            value: email.value.clone(),
            kind: email.kind.clone(),
            primary: email.primary,
        };
        Self {
            provider: rules.provider().to_owned(),
            tenant: rules.tenant().unwrap_or_default(),
            user_name_key: user.user_name.to_lowercase(),
            user_name: user.user_name.clone(),
            external_id: user.external_id.as_deref().map(|id| rules.spelled(id)),
            display_name: user.display_name.clone(),
            formatted: user.formatted.clone(),
            given_name: user.given_name.clone(),
            family_name: user.family_name.clone(),
            emails: user.emails.iter().map(email).collect(),
            roles: user.roles.clone(),
            active: user.active,
            modified,
            gone: false,
        }
    }

    /// The user, as the directory has described them.
    fn user(&self) -> ScimUser {
        let email = |address: &Address| ScimEmail {
            value: address.value.clone(),
            kind: address.kind.clone(),
            primary: address.primary,
        };
        ScimUser {
            user_name: self.user_name.clone(),
            external_id: self.external_id.clone(),
            display_name: self.display_name.clone(),
            formatted: self.formatted.clone(),
            given_name: self.given_name.clone(),
            family_name: self.family_name.clone(),
            emails: self.emails.iter().map(email).collect(),
            roles: self.roles.clone(),
            active: self.active,
        }
    }
}

impl Account {
    fn record(&self) -> Option<&Record> {
        self.scim.as_ref().filter(|record| !record.gone)
    }

    /// The provider whose directory keeps it.
    pub(crate) fn kept_by(&self) -> Option<&str> {
        self.record().map(|record| record.provider.as_str())
    }

    /// What a directory keeps of it: the user, and what we say of it; none if no directory does.
    pub(crate) fn provisioned(&self) -> Option<(ScimUser, Meta)> {
        let record = self.record()?;
        let (id, created, revision) = (self.id.clone(), self.created_at, self.revision);
        Some((record.user(), Meta { id, created, modified: record.modified, revision }))
    }
}
