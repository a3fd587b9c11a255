//! A provider's directory that has shown its token: it keeps the accounts of its own people, and reaches nothing else.
//!
//! Whoever shows no token or a wrong one gets one answer, whichever resource was asked for; while no provider has a token there is
//! nothing here. Sessions open nothing here, and a token opens nothing elsewhere.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use salescommand_domain::audit::{Action, Actor, Details, Draft, Outcome, Target};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::App;
use crate::accounts::{Account, AccountError, Rules};
use crate::audit::{Asked, Failure};
use crate::digest::sha256_hex;
use crate::error::ApiError;
use crate::extract::bearer;
use crate::scim::{Filter, Meta, ScimError, ScimUser};

/// A provider's directory.
pub(crate) struct Provisioning {
    provider: String,
    asked: Asked,
    app: Arc<App>,
}

impl fmt::Debug for Provisioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provisioning").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl FromRequestParts<Arc<App>> for Provisioning {
    type Rejection = ScimError;

    /// Wrong tokens are counted after they were looked at: who guesses must not shut out who knows.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ScimError> {
        if !app.providers.iter().any(|provider| provider.settings.scim.is_some()) {
            return Err(ScimError::not_found());
        }
        let asked = Asked::of(parts, app).await;
        match bearer(&parts.headers).and_then(|token| owner(app, token)) {
            Some(provider) => Ok(Self { provider, asked, app: app.clone() }),
            None => Err(match app.wrong_scim_tokens.admit(&asked.address, app.clock.now()) {
                Ok(()) => ScimError::unauthorized(),
                Err(seconds) => ScimError::too_many(seconds),
            }),
        }
    }
}

/// The provider whose token it is. Each one is compared, as digests of one length, in a time that does not tell how much is right.
fn owner(app: &App, token: &str) -> Option<String> {
    let given = sha256_hex(token.as_bytes());
    let mut found = None;
    for provider in app.providers.iter() {
        let Some(scim) = &provider.settings.scim else { continue };
        let own = sha256_hex(scim.token.expose_secret().as_bytes());
        if bool::from(own.as_bytes().ct_eq(given.as_bytes())) {
            found = Some(provider.settings.name.clone());
        }
    }
    found
}

impl Failure for ScimError {
    fn ended(&self) -> (Outcome, &'static str) {
        (if self.is_failure() { Outcome::Failed } else { Outcome::Refused }, self.code())
    }

    fn unwritten(problem: ApiError) -> Self {
        problem.into()
    }
}

impl Provisioning {
    /// The address under which others reach the service.
    pub(crate) fn public_url(&self) -> &str {
        &self.app.guarded.public_url
    }

    /// Whether the directory may give roles.
    pub(crate) fn gives_roles(&self) -> bool {
        self.rules().is_ok_and(|rules| rules.settings.scim.as_ref().is_some_and(|scim| scim.roles))
    }

    fn rules(&self) -> Result<Rules<'_>, ScimError> {
        let provider = self.app.providers.named(&self.provider).map_err(|_| ScimError::not_found())?;
        Ok(Rules { settings: &provider.settings })
    }

    /// Users that a filter finds: how many, and some of them.
    pub(crate) async fn page(
        &self,
        filter: Option<&Filter>,
        place: (usize, usize),
    ) -> Result<(usize, Vec<(ScimUser, Meta)>), ScimError> {
        let found = self.app.accounts.provisioned_page(self.rules()?, filter, place).await;
        let (total, found) = found.map_err(ApiError::store)?;
        Ok((total, found.iter().filter_map(Account::provisioned).collect()))
    }

    /// One user.
    pub(crate) async fn user(&self, id: &str) -> Result<(ScimUser, Meta), ScimError> {
        self.account(id).await?.provisioned().ok_or_else(ScimError::not_found)
    }

    async fn account(&self, id: &str) -> Result<Account, ScimError> {
        let found = self.app.accounts.provisioned(self.rules()?, id).await.map_err(ApiError::store)?;
        found.ok_or_else(ScimError::not_found)
    }

    /// Makes the account of a user, or takes up the one that the user's identity opens.
    pub(crate) async fn create(&self, user: &ScimUser) -> Result<(ScimUser, Meta), ScimError> {
        let (rules, accounts) = (self.rules()?, &self.app.accounts);
        let (before, is_new) = accounts.for_provisioning(rules, user).await.map_err(refusal)?;
        let after = accounts.as_described(rules, &before, user).map_err(refusal)?;
        let mut entries = Vec::new();
        if is_new {
            entries.push(
                self.entry(Action::AccountCreated, &after).detailed(Details::default().of_role(after.role)),
            );
            if after.disabled {
                entries.push(self.entry(Action::AccountDisabled, &after));
            }
        } else {
            entries.extend(self.differences(&before, &after));
        }
        if user.external_id.is_some() {
            entries.push(self.entry(Action::IdentityLinked, &after));
        }
        self.write(entries, (before, after)).await
    }

    /// Changes a user, if it is at the version that the request names.
    pub(crate) async fn change(
        &self,
        (id, version): (&str, Option<&str>),
        change: impl FnOnce(&ScimUser) -> Result<ScimUser, ScimError>,
    ) -> Result<(ScimUser, Meta), ScimError> {
        let (rules, accounts) = (self.rules()?, &self.app.accounts);
        let before = self.account(id).await?;
        let (user, meta) = before.provisioned().ok_or_else(ScimError::not_found)?;
        check_version(version, &meta)?;
        let changed = rules.spelled_user(change(&user)?);
        if changed == user {
            return Ok((user, meta));
        }
        accounts.check_user_name(rules, &changed, id).await.map_err(refusal)?;
        let after = accounts.as_described(rules, &before, &changed).map_err(refusal)?;
        let mut entries = self.differences(&before, &after);
        if changed.external_id != user.external_id {
            entries.push(self.entry(Action::IdentityLinked, &after));
        }
        self.write(entries, (before, after)).await
    }

    /// Shuts the account of a user out, who is none of the directory's any more.
    pub(crate) async fn delete(&self, (id, version): (&str, Option<&str>)) -> Result<(), ScimError> {
        let before = self.account(id).await?;
        let (_, meta) = before.provisioned().ok_or_else(ScimError::not_found)?;
        check_version(version, &meta)?;
        let after = self.app.accounts.as_deleted(self.rules()?, &before);
        let mut entries = self.differences(&before, &after);
        if before.disabled {
            entries.push(self.entry(Action::AccountDisabled, &after));
        }
        self.written(entries, (before, after)).await.map(drop)
    }

    async fn write(
        &self,
        entries: Vec<Draft>,
        accounts: (Account, Account),
    ) -> Result<(ScimUser, Meta), ScimError> {
        self.written(entries, accounts).await?.provisioned().ok_or_else(ScimError::not_found)
    }

    async fn written(&self, entries: Vec<Draft>, accounts: (Account, Account)) -> Result<Account, ScimError> {
        let rules = self.rules()?;
        let write = async { self.app.accounts.write_provisioned(rules, accounts).await.map_err(refusal) };
        let account = self.app.audited(entries, write).await?;
        tracing::info!(
            provider = self.provider,
            user.id = account.id,
            user.disabled = account.disabled,
            "a directory has changed an account"
        );
        // Should the pipeline not be told now, signing in does it.
        if let Err(error) = self.app.people.announce(&account.clone().summary()).await {
            tracing::warn!(%error, user.id = account.id, "a changed account is not announced yet");
        }
        Ok(account)
    }

    fn entry(&self, action: Action, account: &Account) -> Draft {
        self.asked.by(Actor::Scim(self.provider.clone()), action).on(Target::account(&account.id))
    }

    /// An entry for each thing that becomes another one.
    fn differences(&self, before: &Account, after: &Account) -> Vec<Draft> {
        let role = (before.role != after.role).then(|| {
            self.entry(Action::AccountRoleChanged, after)
                .detailed(Details::default().role(before.role, after.role))
        });
        let door = (before.disabled != after.disabled).then(|| {
            self.entry(if after.disabled { Action::AccountDisabled } else { Action::AccountEnabled }, after)
        });
        let parts = [("name", before.name != after.name), ("email", before.email != after.email)];
        let parts: Vec<_> = parts.into_iter().filter(|(_, other)| *other).map(|(part, _)| part).collect();
        let renamed = (!parts.is_empty())
            .then(|| self.entry(Action::AccountRenamed, after).detailed(Details::default().names(parts)));
        role.into_iter().chain(door).chain(renamed).collect()
    }
}

/// A change that names a version is one of that version.
fn check_version(version: Option<&str>, meta: &Meta) -> Result<(), ScimError> {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    match version {
        Some(version) if version.trim() != "*" => {
            let own = bare(&meta.version());
            let named = version.split(',').any(|tag| bare(tag) == own);
            if named { Ok(()) } else { Err(ScimError::stale()) }
        }
        _ => Ok(()),
    }
}

fn refusal(error: AccountError) -> ScimError {
    match error {
        AccountError::EmailTaken(_) => ScimError::uniqueness(
            "Another account here has this user's address, and is not taken over. An operator ties the two: salescommand user link.",
        ),
        AccountError::Taken(what) => ScimError::uniqueness(format!("Another user has this {what}.")),
        AccountError::Invalid(problem) => ScimError::invalid_value(format!("{problem}.")),
        AccountError::LastAdministrator(_) => {
            ScimError::conflict("This is the last super admin: make somebody else one first.")
        }
        AccountError::Stale | AccountError::Contended(_) => ScimError::stale(),
        AccountError::Store(error) => ApiError::store(error).into(),
        other => ApiError::internal(other).into(),
    }
}
