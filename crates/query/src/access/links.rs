//! Links to choose a password: used without a session, asked for without one, and handed over.
//!
//! Who asks for a link learns nothing: the answer is there before anybody has looked whether there is such an account, and what
//! becomes of it happens behind it. How many letters may be under way is bounded, and how many one account gets.

use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::audit::{Action, Actor, Details, Target};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::task::TaskTracker;

use super::App;
use crate::accounts::{AccountSummary, PasswordLink};
use crate::audit::Asked;
use crate::auth::Throttle;
use crate::error::ApiError;
use crate::mail::{Letter, Mail, Occasion};
use crate::routes::users::problem;

/// The page to which a link leads; what proves it stands behind the sign of a fragment, so no log along the way gets to see it.
const PAGE: &str = "/set-password#";
/// Times that one address may ask for the link of one account, in the window of attempts to sign in.
const ASKED_PER_ACCOUNT: usize = 5;
/// Times that one address may ask, for whichever accounts.
const ASKED_PER_ADDRESS: usize = 50;
/// Letters that one account gets in an hour, whoever asks.
const LETTERS_PER_ACCOUNT: usize = 3;
/// Letters under way at a time.
const MOST_LETTERS: usize = 64;

/// What is remembered of those who have forgotten their password.
#[derive(Debug)]
pub(crate) struct Forgotten {
    per_account: Throttle,
    per_address: Throttle,
    letters: Throttle,
    /// Letters under way.
    pub(crate) under_way: TaskTracker,
}

impl Forgotten {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            per_account: Throttle::new(ASKED_PER_ACCOUNT, window),
            per_address: Throttle::new(ASKED_PER_ADDRESS, window),
            letters: Throttle::new(LETTERS_PER_ACCOUNT, Duration::from_secs(3_600)),
            under_way: TaskTracker::new(),
        }
    }
}

impl App {
    /// Gives the account of a link a password; attempts are counted by address.
    pub(crate) async fn choose_password(
        &self,
        asked: &Asked,
        token: SecretString,
        password: SecretString,
    ) -> Result<AccountSummary, ApiError> {
        let address = &asked.address;
        self.attempts_per_address.admit(address, self.clock.now()).map_err(ApiError::too_many_attempts)?;
        let linked = self.accounts.linked(&self.guarded.seals, token.expose_secret()).await;
        let Ok(Some(account)) = linked else {
            // Only a link that is none stays counted.
            if linked.is_err() {
                self.attempts_per_address.take_back(address);
            }
            return Err(linked.err().map_or_else(ApiError::link_over, problem));
        };
        let entry = asked.entry(&account, Action::PasswordChanged).detailed(Details::default().by("link"));
        let chosen = self.audited(vec![entry], async {
            let chosen = self.accounts.replace_password(account, password).await.map_err(problem)?;
            chosen.ok_or_else(ApiError::link_over)
        });
        let chosen = chosen.await;
        if !chosen.as_ref().is_err_and(ApiError::is_link_over) {
            self.attempts_per_address.take_back(address);
        }
        chosen
    }

    /// Sends the owner of an account a link, if there is one who gets one. Returns before anybody has looked.
    pub(crate) fn forgot_password(self: &Arc<Self>, asked: Asked, email: String) -> Result<(), ApiError> {
        let (now, address) = (self.clock.now(), &asked.address);
        let key = format!("{address} {}", email.trim().to_lowercase());
        self.forgotten.per_address.admit(address, now).map_err(ApiError::too_many_attempts)?;
        self.forgotten.per_account.admit(&key, now).map_err(ApiError::too_many_attempts)?;
        if self.forgotten.under_way.len() >= MOST_LETTERS {
            tracing::warn!("too many letters are under way; a link that was asked for is not sent");
            return Ok(());
        }
        let app = self.clone();
        self.forgotten.under_way.spawn(async move { app.mail_forgotten(&asked, &email).await });
        Ok(())
    }

    /// Who sends letters; nobody if there is no mail server, or no address to lead to.
    pub(crate) fn mail(&self) -> Option<&dyn Mail> {
        self.guarded.mail.as_deref().filter(|_| !self.guarded.public_url.is_empty())
    }

    /// The address and the path of a link. The address is what is configured, never what a request says of its host; without
    /// one it is the path.
    pub(crate) fn address_of(&self, link: &PasswordLink) -> (String, String) {
        let path = format!("{PAGE}{}", link.token);
        (format!("{}{path}", self.guarded.public_url), path)
    }

    /// Sends somebody a link; tells whether the mail server has it.
    pub(crate) async fn mail_link(
        &self,
        to: &AccountSummary,
        occasion: Occasion,
        link: &PasswordLink,
    ) -> bool {
        let Some(mail) = self.mail() else { return false };
        let (url, _) = self.address_of(link);
        let sent = mail.send(Letter::with_link(&to.email, occasion, (&url, link.expires_at))).await;
        match sent {
            Ok(()) => tracing::info!(user.id = to.id, "a link to choose a password was sent"),
            Err(ref error) => tracing::warn!(%error, user.id = to.id, "a link could not be sent"),
        }
        sent.is_ok()
    }

    async fn mail_forgotten(&self, asked: &Asked, email: &str) {
        if self.mail().is_none() {
            return tracing::warn!("a link was asked for, and no mail server is configured");
        }
        match self.accounts.forgotten_link(&self.guarded.seals, email).await {
            Ok(None) => tracing::info!("a link was asked for an account that gets none"),
            Ok(Some((account, link))) => match self.forgotten.letters.admit(&account.id, self.clock.now()) {
                Ok(()) => self.mail_forgotten_link(asked, (&account, &link)).await,
                Err(_) => tracing::warn!(user.id = account.id, "an account has had enough letters for now"),
            },
            Err(error) => tracing::warn!(%error, "a link that was asked for could not be made"),
        }
    }

    /// Whoever asked is nobody that is known; the link is written down before it is sent.
    async fn mail_forgotten_link(&self, asked: &Asked, (account, link): (&AccountSummary, &PasswordLink)) {
        let entry = asked.by(Actor::Anonymous, Action::PasswordLinkMade).on(Target::account(&account.id));
        match self.record(entry.detailed(Details::default().by("forgotten"))).await {
            Ok(()) => drop(self.mail_link(account, Occasion::Forgotten, link).await),
            Err(problem) => problem.log(),
        }
    }
}
