//! Accounts as administrators look at them and change them.

use std::collections::{BTreeMap, BTreeSet};

use bson::Bson;
use jiff::Timestamp;
use salescommand_domain::access::Role;
use salescommand_domain::canonical::FacetId;
use salescommand_store::{Condition, Direction, Error as StoreError, OPS_IDENTITIES, OPS_USERS, Query};
use serde::Deserialize;

use super::{
    Account, AccountError, AccountSummary, Accounts, Change, checked_email, checked_name, person_facet,
};
use crate::auth::Sessions;
use crate::document;

/// An account with what administrators want to know of it.
#[derive(Debug)]
pub(crate) struct AccountDetail {
    pub(crate) summary: AccountSummary,
    pub(crate) revision: i64,
    pub(crate) created_at: Timestamp,
    /// A password opens it.
    pub(crate) has_password: bool,
    /// Names of the providers through which its owner signs in.
    pub(crate) providers: Vec<String>,
    /// The provider whose directory keeps it; none if none does.
    pub(crate) kept_by: Option<String>,
    /// When a session of it was last begun or renewed; none if it has none.
    pub(crate) last_seen: Option<Timestamp>,
}

/// What is to change in an account; what is none stays.
#[derive(Debug, Default)]
pub(crate) struct AccountChange {
    pub(crate) name: Option<String>,
    pub(crate) role: Option<Role>,
    pub(crate) disabled: Option<bool>,
}

/// What became of a change.
#[derive(Debug)]
pub(crate) enum Changed {
    Now(Box<AccountSummary>),
    /// Somebody else has changed the account meanwhile.
    Stale,
    Unknown,
}

#[derive(Deserialize)]
struct NameRow {
    #[serde(rename = "_id")]
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct IdentityRow {
    account: String,
    provider: String,
}

impl Accounts {
    /// Accounts behind an address, in the order of addresses, whose address begins with a text.
    pub(crate) async fn page(
        &self,
        (prefix, after): (&str, Option<&str>),
        limit: usize,
    ) -> Result<Vec<AccountDetail>, AccountError> {
        let mut query = Query::all().sorted("email", Direction::Ascending).limited(limit);
        let prefix = prefix.trim().to_lowercase();
        if !prefix.is_empty() {
            query = query
                .with(Condition::Gte("email".to_owned(), Bson::from(prefix.as_str())))
                .with(Condition::Lt("email".to_owned(), Bson::from(format!("{prefix}\u{10ffff}"))));
        }
        if let Some(after) = after {
            query = query.with(Condition::Gt("email".to_owned(), Bson::from(after)));
        }
        let found: Vec<Account> = document::read_all(&self.ops.list(OPS_USERS, &query).await?)?;
        self.details(found).await
    }

    /// One account.
    pub(crate) async fn detail(&self, id: &str) -> Result<Option<AccountDetail>, AccountError> {
        let found = self.find("_id", id).await?;
        Ok(self.details(found.into_iter().collect()).await?.pop())
    }

    /// Makes an account without a password: its owner chooses one by a link.
    pub(crate) async fn invite(
        &self,
        (email, name, role): (&str, &str, Role),
    ) -> Result<AccountSummary, AccountError> {
        let id = self.ids.random().to_string();
        let account = Account {
            person_facet: person_facet(&id)?,
            id,
            email: checked_email(email)?,
            name: checked_name(name)?,
            role,
            password_hash: String::new(),
            disabled: false,
            revision: 1,
            directory: Vec::new(),
            scim: None,
            created_at: self.clock.now(),
        };
        self.put_new(account).await
    }

    /// Changes an account that is at this revision. Whoever is shut out is so in every browser.
    pub(crate) async fn edit(
        &self,
        (id, revision): (&str, i64),
        change: AccountChange,
    ) -> Result<Changed, AccountError> {
        let Some(before) = self.find("_id", id).await? else { return Ok(Changed::Unknown) };
        if before.revision != revision {
            return Ok(Changed::Stale);
        }
        let mut account = before.clone();
        if let Some(name) = &change.name {
            account.name = checked_name(name)?;
        }
        account.role = change.role.unwrap_or(account.role);
        account.disabled = change.disabled.unwrap_or(account.disabled);
        account.revision += 1;
        if !self.ops.replace_if(OPS_USERS, id, revision, document::write(&account)?).await? {
            return Ok(Changed::Stale);
        }
        let changed = Change { before, after: account };
        self.keep_an_administrator(&changed).await?;
        if changed.after.disabled {
            Sessions::end_all(&*self.ops, id).await?;
        }
        Ok(Changed::Now(Box::new(changed.after.summary())))
    }

    /// The accounts of a person, by any of their records, the enabled ones first.
    pub async fn of_person(&self, facets: &[FacetId]) -> Result<Vec<AccountSummary>, AccountError> {
        let facets = facets.iter().map(|facet| Bson::from(facet.to_string())).collect();
        let query = Query::all().with(Condition::In("person_facet".to_owned(), facets));
        let found: Vec<Account> = document::read_all(&self.ops.list(OPS_USERS, &query).await?)?;
        let mut found: Vec<_> = found.into_iter().map(Account::summary).collect();
        found.sort_by(|a, b| (a.disabled, &a.email).cmp(&(b.disabled, &b.email)));
        Ok(found)
    }

    /// Which of some accounts may sign in.
    pub(crate) async fn enabled_among(&self, ids: BTreeSet<&str>) -> Result<Vec<Account>, StoreError> {
        let ids = ids.into_iter().map(Bson::from).collect();
        let query = Query::all().with(Condition::In("_id".to_owned(), ids));
        let found: Vec<Account> = document::read_all(&self.ops.list(OPS_USERS, &query).await?)?;
        Ok(found.into_iter().filter(|account| !account.disabled).collect())
    }

    /// The names of accounts, by their ids; those that are no more are left out.
    pub(crate) async fn names(&self, ids: BTreeSet<String>) -> Result<BTreeMap<String, String>, StoreError> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids = ids.into_iter().map(Bson::from).collect();
        let these = Query::all().with(Condition::In("_id".to_owned(), ids)).only(&["name"]);
        let found: Vec<NameRow> = document::read_all(&self.ops.list(OPS_USERS, &these).await?)?;
        Ok(found.into_iter().map(|row| (row.id, row.name)).collect())
    }

    /// Ends every session of an account; tells whether there is such an account.
    pub(crate) async fn sign_out(&self, id: &str) -> Result<bool, AccountError> {
        let known = self.find("_id", id).await?.is_some();
        if known {
            Sessions::end_all(&*self.ops, id).await?;
        }
        Ok(known)
    }

    async fn details(&self, accounts: Vec<Account>) -> Result<Vec<AccountDetail>, AccountError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Bson> = accounts.iter().map(|account| Bson::from(account.id.as_str())).collect();
        let of_these = Query::all().with(Condition::In("account".to_owned(), ids.clone()));
        let rows = self.ops.list(OPS_IDENTITIES, &of_these.only(&["account", "provider"])).await?;
        let mut providers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for IdentityRow { account, provider } in document::read_all(&rows)? {
            providers.entry(account).or_default().push(provider);
        }
        let mut seen = Sessions::last_seen(&*self.ops, ids).await?;
        let detail = |account: Account| AccountDetail {
            revision: account.revision,
            created_at: account.created_at,
            has_password: account.has_password(),
            providers: providers.remove(&account.id).unwrap_or_default(),
            kept_by: account.kept_by().map(str::to_owned),
            last_seen: seen.remove(&account.id),
            summary: account.summary(),
        };
        Ok(accounts.into_iter().map(detail).collect())
    }
}
