//! SalesCommand's accounts: who may sign in, with which role.
//!
//! An account is also a person: its facet id lets the normalizer join it with the source's user. Publishing the
//! account as a configuration event is the app's job; only [`AccountSummary`] says what such an event needs.

mod directory;
mod identities;
mod links;
mod scim;
mod users;

use std::fmt;
use std::sync::Arc;

use bson::Bson;
use jiff::Timestamp;
use salescommand_domain::access::{Permission, Role};
use salescommand_domain::canonical::{FacetId, SourceRef};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_store::{Condition, Error as StoreError, OPS_USERS, Ops, Query};
use secrecy::ExposeSecret;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::auth::policy::{self, Weakness};
use crate::auth::{PasswordError, Passwords, Sessions};
use crate::clock::Clock;
use crate::document;
use crate::ids::Ids;

pub use directory::DirectoryObject;
pub(crate) use identities::Newcomer;
pub use identities::{ExternalIdentity, Linked};
pub(crate) use links::PasswordLink;
pub(crate) use scim::Rules;
pub(crate) use users::{AccountChange, AccountDetail, Changed};

/// The object name of accounts within the configuration instance.
pub const ACCOUNT_OBJECT: &str = "account";
/// Longest display name, in characters.
const LONGEST_NAME: usize = 200;
/// How often a change is tried again when somebody else changed the account at the same time.
const TRIES: usize = 3;

/// Why an account is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is one with this address.
    #[error("there is an account {0} already")]
    EmailTaken(String),
    /// There is none with this address.
    #[error("there is no account {0}")]
    Unknown(String),
    /// A field is not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// The password is not good enough.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// Nobody would be left to manage accounts.
    #[error("{0} is the last super admin: make another one first")]
    LastAdministrator(String),
    /// Another user of the directory has this.
    #[error("another user has this {0}")]
    Taken(&'static str),
    /// Somebody else has changed the account meanwhile.
    #[error("the account was changed by somebody else")]
    Stale,
    /// Somebody else changed the account over and over at the same time.
    #[error("the account {0} was changed by somebody else; try again")]
    Contended(String),
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hashing,
    /// The store failed.
    #[error("accounts cannot be read or written")]
    Store(#[from] StoreError),
}

impl From<PasswordError> for AccountError {
    fn from(_: PasswordError) -> Self {
        Self::Hashing
    }
}

/// An account without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountSummary {
    /// Its id.
    pub id: String,
    /// Sign-in name, lower-case.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// May not sign in.
    pub disabled: bool,
    /// The facet by which it is a person.
    pub person_facet: FacetId,
    /// The records in directories whose owners sign in to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directory: Vec<DirectoryObject>,
}

/// The stored account.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Empty: no password opens it.
    pub(crate) password_hash: String,
    pub(crate) disabled: bool,
    pub(crate) revision: i64,
    pub(crate) person_facet: FacetId,
    /// The records in directories whose owners sign in to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) directory: Vec<DirectoryObject>,
    /// What a directory keeps of it over SCIM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scim: Option<scim::Record>,
    created_at: Timestamp,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Account {
    /// Whether its owner manages accounts.
    pub(crate) fn administers(&self) -> bool {
        self.role.may(Permission::UsersManage) && !self.disabled
    }

    /// Whether a password opens it.
    pub(crate) fn has_password(&self) -> bool {
        !self.password_hash.is_empty()
    }

    pub(crate) fn summary(self) -> AccountSummary {
        AccountSummary {
            id: self.id,
            email: self.email,
            name: self.name,
            role: self.role,
            disabled: self.disabled,
            person_facet: self.person_facet,
            directory: self.directory,
        }
    }
}

/// An account before and after a change.
struct Change {
    before: Account,
    after: Account,
}

/// What a new account needs.
#[derive(Debug)]
pub struct NewAccount {
    /// Sign-in name; stored in lower case.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Password.
    pub password: SecretString,
}

/// Makes and changes accounts; the command line and the sign-in use it.
pub struct Accounts {
    ops: Arc<dyn Ops>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    passwords: Passwords,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accounts")
    }
}

impl Accounts {
    /// Accounts in this store.
    pub fn new(ops: Arc<dyn Ops>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, AccountError> {
        let passwords = Passwords::new(ids.clone())?;
        Ok(Self { ops, clock, ids, passwords })
    }

    /// Makes an account.
    pub async fn create(&self, new: NewAccount) -> Result<AccountSummary, AccountError> {
        policy::check(&new.password, &new.email, &new.name)?;
        self.insert(new).await
    }

    /// Makes an account whose password is public anyway, and so may be short. Demo mode only.
    pub async fn create_demo(&self, new: NewAccount) -> Result<AccountSummary, AccountError> {
        self.insert(new).await
    }

    async fn insert(&self, new: NewAccount) -> Result<AccountSummary, AccountError> {
        let (email, name) = (checked_email(&new.email)?, checked_name(&new.name)?);
        let id = self.ids.random().to_string();
        let account = Account {
            person_facet: person_facet(&id)?,
            id,
            email,
            name,
            role: new.role,
            password_hash: self.passwords.hash(new.password).await?,
            disabled: false,
            revision: 1,
            directory: Vec::new(),
            scim: None,
            created_at: self.clock.now(),
        };
        self.put_new(account).await
    }

    async fn put_new(&self, account: Account) -> Result<AccountSummary, AccountError> {
        match self.ops.insert(OPS_USERS, document::write(&account)?).await {
            Ok(()) => Ok(account.summary()),
            Err(StoreError::Duplicate { .. }) => Err(AccountError::EmailTaken(account.email)),
            Err(error) => Err(error.into()),
        }
    }

    /// Every account, by address.
    pub async fn list(&self) -> Result<Vec<AccountSummary>, AccountError> {
        let documents = self.ops.list(OPS_USERS, &Query::all()).await?;
        let mut accounts: Vec<_> =
            document::read_all::<Account>(&documents)?.into_iter().map(Account::summary).collect();
        accounts.sort_by(|a, b| a.email.cmp(&b.email));
        Ok(accounts)
    }

    /// Gives an account another password and ends its sessions.
    pub async fn set_password(&self, email: &str, password: SecretString) -> Result<(), AccountError> {
        let account = self.find("email", &lower(email)).await?;
        let name = account.map(|account| account.name).unwrap_or_default();
        policy::check(&password, email, &name)?;
        let hash = self.passwords.hash(password).await?;
        let account = self
            .change(("email", &lower(email)), |account| account.password_hash.clone_from(&hash))
            .await?
            .after;
        Ok(Sessions::end_all(&*self.ops, &account.id).await?)
    }

    /// Gives an account another role. It holds from the next request on.
    pub async fn set_role(&self, email: &str, role: Role) -> Result<AccountSummary, AccountError> {
        let changed = self.change(("email", &lower(email)), |account| account.role = role).await?;
        self.keep_an_administrator(&changed).await?;
        Ok(changed.after.summary())
    }

    /// Shuts an account out and ends its sessions, or lets it in again.
    pub async fn set_disabled(&self, email: &str, disabled: bool) -> Result<AccountSummary, AccountError> {
        let changed = self.change(("email", &lower(email)), |account| account.disabled = disabled).await?;
        self.keep_an_administrator(&changed).await?;
        if disabled {
            Sessions::end_all(&*self.ops, &changed.after.id).await?;
        }
        Ok(changed.after.summary())
    }

    /// The account that this password opens; none for unknown and disabled ones, after the same work.
    pub(crate) async fn open(
        &self,
        email: &str,
        password: SecretString,
    ) -> Result<Option<Account>, AccountError> {
        let account =
            self.find("email", &email.trim().to_lowercase()).await?.filter(|account| !account.disabled);
        let hash =
            account.as_ref().map(|account| account.password_hash.clone()).filter(|hash| !hash.is_empty());
        // A password beyond the bound is nobody's; it is not worth hashing at its length.
        let password =
            if password.expose_secret().len() > policy::LONGEST { SecretString::default() } else { password };
        let matches = self.passwords.verify(password.clone(), hash).await?;
        match account.filter(|_| matches) {
            Some(account) => Ok(Some(self.strengthened(account, password).await)),
            None => Ok(None),
        }
    }

    /// Hashes a password anew that was hashed with other parameters: only a sign-in has it. What does not succeed now does at the
    /// next one.
    async fn strengthened(&self, account: Account, password: SecretString) -> Account {
        if !Passwords::is_outdated(&account.password_hash) {
            return account;
        }
        let renewed = async {
            let password_hash = self.passwords.hash(password).await?;
            let next = Account { password_hash, revision: account.revision + 1, ..account.clone() };
            let written =
                self.ops.replace_if(OPS_USERS, &next.id, account.revision, document::write(&next)?).await?;
            Ok::<_, AccountError>(written.then_some(next))
        };
        match renewed.await {
            Ok(renewed) => renewed.unwrap_or(account),
            Err(error) => {
                tracing::warn!(%error, account.id = account.id, "a password is not hashed anew yet");
                account
            }
        }
    }

    /// The id of the account with this address, disabled or not.
    pub(crate) async fn id_of(&self, email: &str) -> Result<Option<String>, StoreError> {
        Ok(self.find("email", email).await?.map(|account| account.id))
    }

    /// The account with this id, unless it is disabled.
    pub(crate) async fn enabled(&self, id: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.find("_id", id).await?.filter(|account| !account.disabled))
    }

    async fn find(&self, field: &str, value: &str) -> Result<Option<Account>, StoreError> {
        let query =
            Query::all().with(Condition::Eq(field.to_owned(), Bson::String(value.to_owned()))).limited(1);
        self.ops.list(OPS_USERS, &query).await?.first().map(document::read).transpose()
    }

    async fn change(
        &self,
        (field, value): (&str, &str),
        change: impl Fn(&mut Account),
    ) -> Result<Change, AccountError> {
        for _ in 0..TRIES {
            let found = self.find(field, value).await?;
            let before = found.ok_or_else(|| AccountError::Unknown(value.to_owned()))?;
            let mut after = before.clone();
            change(&mut after);
            after.revision += 1;
            if self.ops.replace_if(OPS_USERS, &after.id, before.revision, document::write(&after)?).await? {
                return Ok(Change { before, after });
            }
        }
        Err(AccountError::Contended(value.to_owned()))
    }

    /// Takes a change back that left nobody to manage accounts. It looks after the change: two who take each other's rights at the
    /// same moment were both allowed to.
    async fn keep_an_administrator(&self, Change { before, after }: &Change) -> Result<(), AccountError> {
        if !before.administers() || after.administers() || self.has_administrator().await? {
            return Ok(());
        }
        let back = |account: &mut Account| {
            account.role = before.role;
            account.disabled = before.disabled;
        };
        self.change(("_id", &after.id), back).await?;
        Err(AccountError::LastAdministrator(after.email.clone()))
    }

    async fn has_administrator(&self) -> Result<bool, AccountError> {
        Ok(!self.ops.list(OPS_USERS, &administering()?.limited(1)).await?.is_empty())
    }
}

/// The accounts that manage accounts and are not shut out.
fn administering() -> Result<Query, AccountError> {
    let managing = Role::ALL.into_iter().filter(|role| role.may(Permission::UsersManage));
    let roles: Result<Vec<Bson>, _> = managing.map(|role| bson::serialize_to_bson(&role)).collect();
    let roles = roles.map_err(|error| AccountError::Invalid(error.to_string()))?;
    let role = Condition::In("role".to_owned(), roles);
    Ok(Query::all().with(role).with(Condition::Eq("disabled".to_owned(), Bson::Boolean(false))))
}

/// A sign-in name as it is stored.
fn lower(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The facet by which an account is a person.
pub fn person_facet(account: &str) -> Result<FacetId, AccountError> {
    let object = ObjectName::new(ACCOUNT_OBJECT).map_err(|error| AccountError::Invalid(error.to_string()))?;
    let source = SourceRef { instance: InstanceName::config(), object, key: account.to_owned() };
    Ok(source.facet_id())
}

/// Lower case, one `@` with something on both sides, no white space. What is more only a delivered mail can tell.
fn checked_email(email: &str) -> Result<String, AccountError> {
    let email = email.trim().to_lowercase();
    let parts: Vec<_> = email.split('@').collect();
    let plausible = matches!(parts.as_slice(), [local, domain] if !local.is_empty() && !domain.is_empty())
        && email.len() <= 254
        && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if plausible {
        Ok(email)
    } else {
        Err(AccountError::Invalid(format!("{email:?} is not an e-mail address")))
    }
}

/// A display name: not empty, and not endless.
fn checked_name(name: &str) -> Result<String, AccountError> {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(AccountError::Invalid(format!(
            "an account needs a name of 1 to {LONGEST_NAME} characters"
        )));
    }
    Ok(name)
}
