//! Accounts that a provider's directory keeps up to date over SCIM.
//!
//! Such an account has no password of its own making: it is opened by the identity that the directory's record is (provider,
//! tenant, `externalId`), as a first sign-in would have made it. What the directory says of it is kept beside the account, so
//! both change together. An account that is somebody else's is never taken over by an address: only the identity, which a first
//! sign-in or an operator has tied to it, leads to one that is there.

mod rules;

use bson::Bson;
use salescommand_store::{Condition, Direction, Error as StoreError, OPS_IDENTITIES, OPS_USERS, Query};
use serde::Deserialize;

use super::identities::ExternalIdentity;
use super::{Account, AccountError, Accounts, Change, checked_name, person_facet};
use crate::auth::Sessions;
use crate::digest::sha256_hex;
use crate::document;
use crate::scim::{Filter, ScimUser, Subject};

pub(crate) use rules::{Record, Rules};

impl Accounts {
    /// The user of an id that a directory keeps.
    pub(crate) async fn provisioned(
        &self,
        rules: Rules<'_>,
        id: &str,
    ) -> Result<Option<Account>, StoreError> {
        let one = rules.of_provider().with(Condition::Eq("_id".to_owned(), Bson::from(id))).limited(1);
        self.ops.list(OPS_USERS, &one).await?.first().map(document::read).transpose()
    }

    /// Users that a directory keeps: how many a filter finds, and some of them, from the one of this number on.
    pub(crate) async fn provisioned_page(
        &self,
        rules: Rules<'_>,
        filter: Option<&Filter>,
        (first, count): (usize, usize),
    ) -> Result<(usize, Vec<Account>), StoreError> {
        let mut query = rules.of_provider().sorted("_id", Direction::Ascending);
        let mut kind = None;
        if let Some(filter) = filter {
            let Some(condition) = condition(rules, filter) else { return Ok((0, Vec::new())) };
            query = query.with(condition);
            if let Subject::Email(wanted) = &filter.subject {
                kind = wanted.as_deref().zip(filter.text());
            }
        }
        if filter.is_none() {
            // All of them: their ids say how many, and which are wanted.
            let ids: Vec<Id> = document::read_all(&self.ops.list(OPS_USERS, &query.only(&["_id"])).await?)?;
            let wanted = ids.iter().skip(first).take(count).map(|row| Bson::from(row.id.as_str())).collect();
            let these = Query::all().with(Condition::In("_id".to_owned(), wanted));
            let found = self.ops.list(OPS_USERS, &these.sorted("_id", Direction::Ascending)).await?;
            return Ok((ids.len(), document::read_all(&found)?));
        }
        let mut found: Vec<Account> = document::read_all(&self.ops.list(OPS_USERS, &query).await?)?;
        if let Some((kind, address)) = kind {
            found.retain(|account| {
                let emails = account.scim.iter().flat_map(|record| &record.emails);
                emails.into_iter().any(|email| {
                    let same = email.kind.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(kind));
                    same && email.key == address.to_lowercase()
                })
            });
        }
        let total = found.len();
        Ok((total, found.into_iter().skip(first).take(count).collect()))
    }

    /// The account that a new user of a directory is to be: the one that the identity opens, or one to be made. Fails if the
    /// name is another user's.
    pub(crate) async fn for_provisioning(
        &self,
        rules: Rules<'_>,
        user: &ScimUser,
    ) -> Result<(Account, bool), AccountError> {
        let identity = user.external_id.as_deref().map(|id| rules.identity(id));
        let known = match &identity {
            Some(identity) => self.of_identity(identity).await?.map(|(_, account)| account),
            None => None,
        };
        if let Some(account) = known {
            if account.provisioned().is_some() {
                return Err(AccountError::Taken("externalId"));
            }
            self.check_user_name(rules, user, &account.id).await?;
            return Ok((account, false));
        }
        // The one that a first sign-in would make; unless that is another user's, whose record was another one before.
        let mut id = self.ids.random().to_string();
        if let Some(own) = identity.as_ref().map(ExternalIdentity::account_id)
            && self.find("_id", &own).await?.is_none()
        {
            id = own;
        }
        self.check_user_name(rules, user, &id).await?;
        let account = Account {
            person_facet: person_facet(&id)?,
            email: stand_in(rules, &id),
            id,
            name: checked_name(&user.name())?,
            role: rules.role(user)?.unwrap_or_else(|| rules.usual_role()),
            password_hash: String::new(),
            disabled: false,
            // Not there yet.
            revision: 0,
            directory: Vec::new(),
            scim: None,
            created_at: self.clock.now(),
        };
        Ok((account, true))
    }

    /// The account as it is to be when it is what a directory says of a user.
    pub(crate) fn as_described(
        &self,
        rules: Rules<'_>,
        before: &Account,
        user: &ScimUser,
    ) -> Result<Account, AccountError> {
        let mut after = before.clone();
        after.name = checked_name(&user.name())?;
        // Whoever has a password signs in by its address, which is theirs.
        if !before.has_password() {
            let kept = Some(before.email.clone()).filter(|email| email.ends_with(".invalid"));
            let unbelieved = || kept.unwrap_or_else(|| stand_in(rules, &before.id));
            after.email = rules.believed(user).unwrap_or_else(unbelieved);
            let had_roles = before.provisioned().is_some_and(|(user, _)| !user.roles.is_empty());
            after.role = match rules.role(user)? {
                Some(given) => given,
                None if had_roles => rules.usual_role(),
                None => before.role,
            };
        }
        after.disabled = is_shut_out(before, user);
        after.scim = Some(Record::new(rules, user, self.clock.now()));
        let object = |account: &Account| {
            let id = account.scim.as_ref()?.external_id.clone()?;
            rules.identity(&id).directory_object()
        };
        let (former, present) = (object(before), object(&after));
        after.directory.retain(|own| Some(own) != former.as_ref());
        after.directory.extend(present);
        after.directory.sort();
        after.directory.dedup();
        Ok(after)
    }

    /// The account as it is to be when its user was deleted in the directory: shut out, and its address free for whoever has it next.
    pub(crate) fn as_deleted(&self, rules: Rules<'_>, before: &Account) -> Account {
        let mut after = before.clone();
        after.disabled = true;
        if !before.has_password() {
            after.email = stand_in(rules, &before.id);
        }
        if let Some(record) = &mut after.scim {
            (record.gone, record.modified) = (true, self.clock.now());
        }
        after
    }

    /// Writes an account as a directory has it, and ties it to its identity. Whoever is shut out is so in every browser.
    pub(crate) async fn write_provisioned(
        &self,
        rules: Rules<'_>,
        (before, mut after): (Account, Account),
    ) -> Result<Account, AccountError> {
        let external_id =
            |account: &Account| account.scim.as_ref().and_then(|record| record.external_id.clone());
        let identity = |account: &Account| external_id(account).map(|id| rules.identity(&id));
        let (former, present) = (identity(&before), identity(&after));
        after.revision = before.revision + 1;
        if before.revision == 0 {
            self.put_new(after.clone()).await?;
            if let Some(present) = &present
                && let Err(error) = self.bind(present, &after.id).await
            {
                self.forget(&after.id).await?;
                return Err(error);
            }
        } else {
            let bound = match &present {
                Some(present) if former.as_ref() != Some(present) => self.bind(present, &after.id).await?,
                _ => false,
            };
            if let Err(error) = self.put(&before, &after).await {
                if let Some(present) = present.filter(|_| bound) {
                    self.unbind(&present, &after.id).await?;
                }
                return Err(error);
            }
            if let Some(former) = former.filter(|former| Some(former) != present.as_ref()) {
                self.unbind(&former, &after.id).await?;
                Sessions::end_all(&*self.ops, &after.id).await?;
            }
        }
        let changed = Change { before, after };
        self.keep_an_administrator(&changed).await?;
        let after = changed.after;
        if after.disabled {
            Sessions::end_all(&*self.ops, &after.id).await?;
        }
        if changed.before.revision == 0
            && let Some((user, _)) = after.provisioned()
            && let Err(error) = self.check_user_name(rules, &user, &after.id).await
        {
            // Somebody else has made a user of this name at the same moment; of two the one with the smaller id stays.
            return self.give_way(rules, after, error).await;
        }
        Ok(after)
    }

    /// Puts an account in the place of what it was.
    async fn put(&self, before: &Account, after: &Account) -> Result<(), AccountError> {
        match self.ops.replace_if(OPS_USERS, &after.id, before.revision, document::write(after)?).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(AccountError::Stale),
            Err(StoreError::Duplicate { .. }) => Err(AccountError::EmailTaken(after.email.clone())),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes an account back that was made just now.
    async fn forget(&self, id: &str) -> Result<(), AccountError> {
        let this = Query::all().with(Condition::Eq("_id".to_owned(), Bson::from(id)));
        self.ops.delete(OPS_USERS, &this).await?;
        Ok(())
    }

    /// Takes a user back that was made beside another one of its name, unless it is the one that stays.
    async fn give_way(
        &self,
        rules: Rules<'_>,
        made: Account,
        error: AccountError,
    ) -> Result<Account, AccountError> {
        let Some((user, _)) = made.provisioned() else { return Err(error) };
        if self.named(rules, &user).await?.iter().all(|other| *other >= made.id) {
            return Ok(made);
        }
        if let Some(id) = &user.external_id {
            self.unbind(&rules.identity(id), &made.id).await?;
        }
        self.forget(&made.id).await?;
        Err(error)
    }

    /// Fails if another user of the directory has this name.
    pub(crate) async fn check_user_name(
        &self,
        rules: Rules<'_>,
        user: &ScimUser,
        id: &str,
    ) -> Result<(), AccountError> {
        let others = self.named(rules, user).await?;
        if others.iter().all(|other| other == id) { Ok(()) } else { Err(AccountError::Taken("userName")) }
    }

    /// Ids of the users with the name of one.
    async fn named(&self, rules: Rules<'_>, user: &ScimUser) -> Result<Vec<String>, StoreError> {
        let name = Bson::from(user.user_name.to_lowercase());
        let query = rules.of_provider().with(Condition::Eq("scim.user_name_key".to_owned(), name));
        let found: Vec<Id> = document::read_all(&self.ops.list(OPS_USERS, &query.only(&["_id"])).await?)?;
        Ok(found.into_iter().map(|row| row.id).collect())
    }

    /// Ties an identity to an account, and tells whether it was not before. What is tied to it already stays so, whoever has tied
    /// it; another's is not taken.
    async fn bind(&self, identity: &ExternalIdentity, account: &str) -> Result<bool, AccountError> {
        let tie = self.new_tie(identity.clone(), account, true);
        match self.ops.insert(OPS_IDENTITIES, document::write(&tie)?).await {
            Ok(()) => Ok(true),
            Err(StoreError::Duplicate { .. }) => {
                let held = self.of_identity(identity).await?;
                let own = held.is_some_and(|(_, held)| held.id == account);
                if own { Ok(false) } else { Err(AccountError::Taken("externalId")) }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn unbind(&self, identity: &ExternalIdentity, account: &str) -> Result<(), AccountError> {
        let its = Query::all()
            .with(Condition::Eq("_id".to_owned(), Bson::from(identity.key())))
            .with(Condition::Eq("account".to_owned(), Bson::from(account)));
        self.ops.delete(OPS_IDENTITIES, &its).await?;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Id {
    #[serde(rename = "_id")]
    id: String,
}

/// Whether an account is shut out when its directory says this of a user. Only what the directory says anew changes anything: whom
/// an administrator here has shut out stays so whatever else is told of them. Who comes back is let in again.
fn is_shut_out(before: &Account, user: &ScimUser) -> bool {
    match &before.scim {
        Some(record) if record.gone => user.active == Some(false),
        Some(record) if record.active == user.active => before.disabled,
        Some(_) => user.active.map_or(before.disabled, |active| !active),
        None => before.disabled || user.active == Some(false),
    }
}

/// What a filter asks of accounts; none for what no user is.
fn condition(rules: Rules<'_>, filter: &Filter) -> Option<Condition> {
    let (field, value) = match &filter.subject {
        Subject::Active => {
            let wanted =
                filter.value.as_bool().or_else(|| filter.text()?.to_ascii_lowercase().parse().ok())?;
            ("scim.active", Bson::Boolean(wanted))
        }
        Subject::Id => ("_id", Bson::from(filter.text()?)),
        Subject::ExternalId => ("scim.external_id", Bson::from(rules.spelled(filter.text()?))),
        Subject::UserName => ("scim.user_name_key", Bson::from(filter.text()?.to_lowercase())),
        Subject::DisplayName => ("scim.display_name", Bson::from(filter.text()?)),
        Subject::Email(_) => ("scim.emails.key", Bson::from(filter.text()?.to_lowercase())),
    };
    Some(Condition::Eq(field.to_owned(), value))
}

/// The address of an account whose owner's address is not believed: it can be nobody's (RFC 2606).
fn stand_in(rules: Rules<'_>, id: &str) -> String {
    let digest = sha256_hex(id.as_bytes());
    format!("{}@{}.invalid", digest.get(..16).unwrap_or(&digest), rules.provider())
}
