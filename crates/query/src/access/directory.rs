//! Whom the organisation's directory keeps out: whose account there was disabled or is gone is signed out here as well, and not
//! let in while that holds.
//!
//! The directory is what the projection says, in memory; so what is projected holds from the next request on, in every copy of
//! the service. Accounts with a password are no exception: their owner is the same person. Only who could let others in again
//! stays, and only while nobody else can: an administrator with a password, of whom the directory says the same as of every
//! other administrator.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use salescommand_domain::audit::{Action, Actor, Details, Draft, Outcome, Target};
use salescommand_domain::canonical::FacetId;
use salescommand_store::Error as StoreError;

use super::App;
use crate::accounts::{Account, AccountError};
use crate::audit::Asked;
use crate::directory::Directory;
use crate::error::ApiError;

/// How often it is looked whom the directory keeps out: sessions of those who ask for nothing end then.
const LOOK: Duration = Duration::from_secs(5);
/// People whose accounts are looked for at once.
const MOST_PEOPLE: usize = 500;

impl App {
    /// The directory as it is now.
    pub(crate) async fn directory(&self) -> Result<Arc<Directory>, StoreError> {
        Ok(self.present().await?.directory)
    }

    /// Whether the directory keeps an account out.
    pub(crate) async fn keeps_out(
        &self,
        account: &Account,
        directory: &Directory,
    ) -> Result<bool, AccountError> {
        let out = |account: &Account| directory.keeps_out(account.person_facet, &account.directory);
        if !out(account) {
            return Ok(false);
        }
        if !account.administers() || !account.has_password() {
            return Ok(true);
        }
        let administrators = self.accounts.administrators().await?;
        Ok(administrators.iter().any(|other| other.id != account.id && !out(other)))
    }

    /// The same by the directory as it is now.
    pub(crate) async fn is_kept_out(&self, account: &Account) -> Result<bool, AccountError> {
        let directory = self.directory().await?;
        self.keeps_out(account, &directory).await
    }

    /// Refuses whoever asks by a session of an account that the directory keeps out, and ends its sessions.
    pub(super) async fn admit(&self, account: &Account, directory: &Directory) -> Result<(), ApiError> {
        if !self.keeps_out(account, directory).await.map_err(crate::routes::users::problem)? {
            return Ok(());
        }
        self.put_out(&account.id).await?;
        Err(ApiError::directory_disabled(StatusCode::UNAUTHORIZED))
    }

    /// Ends every session of an account that the directory keeps out. Whoever ends the first one writes it down.
    pub(crate) async fn put_out(&self, account: &str) -> Result<(), ApiError> {
        if !self.sessions.end_every_as_one(account).await.map_err(ApiError::store)? {
            return Ok(());
        }
        tracing::info!(
            account.id = account,
            "the directory says that an account is disabled; it is signed out"
        );
        let entry = Draft::new(Actor::System, Action::SessionEnded).on(Target::account(account));
        self.record(entry.detailed(Details::default().by("directory"))).await
    }

    /// Refuses a sign-in to an account that the directory keeps out, and writes it down.
    pub(crate) async fn admit_sign_in(
        &self,
        asked: &Asked,
        (account, way): (&Account, &str),
    ) -> Result<(), ApiError> {
        if !self.is_kept_out(account).await.map_err(crate::routes::users::problem)? {
            return Ok(());
        }
        let refused = ApiError::directory_disabled(StatusCode::FORBIDDEN);
        let entry = asked.by(Actor::Anonymous, Action::SessionRefused).on(Target::account(&account.id));
        let details = Details::default().by(way).code(refused.outcome().1);
        self.record(entry.ended(Outcome::Refused).detailed(details)).await?;
        Err(refused)
    }

    /// Looks again and again, until the service stops, whom the directory keeps out, and ends their sessions.
    pub(crate) async fn keep_out(self: Arc<Self>) {
        let mut known = BTreeSet::new();
        loop {
            if let Err(problem) = self.put_out_since(&mut known).await {
                tracing::warn!(%problem, "whom the directory keeps out cannot be told; looking again");
            }
            if self.closing.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
                return;
            }
        }
    }

    /// Ends the sessions of people whom the directory did not keep out before.
    async fn put_out_since(&self, known: &mut BTreeSet<FacetId>) -> Result<(), AccountError> {
        let directory = self.directory().await?;
        let now = directory.with_closed_accounts();
        let fresh: Vec<FacetId> = now.difference(known).copied().collect();
        for people in fresh.chunks(MOST_PEOPLE) {
            let records = people.iter().flat_map(|person| directory.records_of(*person));
            for account in self.accounts.of_people(records).await? {
                if self.keeps_out(&account, &directory).await? {
                    self.put_out(&account.id).await.map_err(|problem| {
                        problem.log();
                        AccountError::Contended(account.id.clone())
                    })?;
                }
            }
        }
        *known = now;
        Ok(())
    }
}
