//! What requests write down: who asked for what, from where, and what came of it.
//!
//! A change is written down before it is done, and its outcome before it is answered. What only happened, such as a sign-in,
//! is written down before it is answered. What cannot be written down is answered with a problem.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use salescommand_audit::{Ending, SHORT};
use salescommand_domain::audit::{Action, Actor, Details, Draft, Outcome, Target};

use crate::access::{Allowed, App};
use crate::accounts::Account;
use crate::auth::{Grant, Place};
use crate::error::ApiError;
use crate::exchange::RequestId;
use crate::extract::ClientAddress;
use crate::oidc::Refusal;

/// Purpose of the digest of an address that nobody has.
const UNKNOWN_ADDRESS: &str = "unknown address";

/// Where a request came from, and its id.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// What attempts are counted by.
    pub(crate) address: String,
    /// What a session shows to its owner.
    pub(crate) place: Place,
    request: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, state).await)
    }
}

impl Asked {
    /// Of a request.
    pub(crate) async fn of<S: Send + Sync>(parts: &mut Parts, state: &S) -> Self {
        let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, state).await;
        let Ok(place) = Place::from_request_parts(parts, state).await;
        let request = parts.extensions.get::<RequestId>().map(|RequestId(id)| id.clone());
        Self { address, place, request }
    }

    /// An entry about somebody who is not signed in, or about what happened by itself.
    pub(crate) fn by(&self, actor: Actor, action: Action) -> Draft {
        let (address, request) = (Some(self.address.clone()), self.request.clone());
        Draft { address, request, ..Draft::new(actor, action) }
    }

    /// An entry about something that an account does to itself.
    pub(crate) fn entry(&self, account: &Account, action: Action) -> Draft {
        let draft = self.by(Actor::Account(account.id.clone()), action).on(Target::account(&account.id));
        Draft { role: Some(account.role), ..draft }
    }
}

/// How an action fails.
pub(crate) trait Failure {
    /// What came of the action, and a stable word that says why.
    fn ended(&self) -> (Outcome, &'static str);

    /// What it is that an action cannot be written down.
    fn unwritten(problem: ApiError) -> Self;
}

impl Failure for ApiError {
    fn ended(&self) -> (Outcome, &'static str) {
        self.outcome()
    }

    fn unwritten(problem: ApiError) -> Self {
        problem
    }
}

impl Failure for Refusal {
    fn ended(&self) -> (Outcome, &'static str) {
        (if self.is_failure() { Outcome::Failed } else { Outcome::Refused }, self.code())
    }

    fn unwritten(problem: ApiError) -> Self {
        problem.log();
        Self::Unavailable
    }
}

impl<P> Allowed<P> {
    /// An entry about something that whoever is signed in does.
    pub(crate) fn entry(&self, action: Action, target: Target) -> Draft {
        self.asked_for(action).on(target)
    }

    /// The same of something that is there only afterwards, or of everything.
    pub(crate) fn asked_for(&self, action: Action) -> Draft {
        let draft = self.asked.by(Actor::Account(self.account.id.clone()), action);
        Draft { role: Some(self.account.role), ..draft }
    }

    /// Does something that is written down: before, and what came of it afterwards.
    pub(crate) async fn audited<T>(
        &self,
        draft: Draft,
        act: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        self.app().audited(vec![draft], act).await
    }
}

impl App {
    /// Writes down what has happened.
    pub(crate) async fn record(&self, draft: Draft) -> Result<(), ApiError> {
        self.journal.record(draft).await.map_err(|error| ApiError::end_not_written_down(&error))
    }

    /// Does something that is written down: before, and what came of it afterwards. One action may have several entries.
    pub(crate) async fn audited<T, E: Failure>(
        &self,
        drafts: Vec<Draft>,
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.audited_making(drafts, act, |_| None).await
    }

    /// The same of something whose target is made by it.
    pub(crate) async fn audited_making<T, E: Failure>(
        &self,
        drafts: Vec<Draft>,
        act: impl Future<Output = Result<T, E>>,
        target: impl Fn(&T) -> Option<Target>,
    ) -> Result<T, E> {
        let mut opened = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let open = self.journal.open(draft, SHORT).await;
            opened.push(open.map_err(|error| E::unwritten(ApiError::not_written_down(&error)))?);
        }
        let acted = act.await;
        let ending = match &acted {
            Ok(done) => Ending { target: target(done), ..Ending::new(Outcome::Done) },
            Err(problem) => {
                let (outcome, code) = problem.ended();
                Ending { details: Details::default().code(code), ..Ending::new(outcome) }
            }
        };
        for entry in opened {
            let closed = self.journal.close(entry, ending.clone()).await;
            closed.map_err(|error| E::unwritten(ApiError::end_not_written_down(&error)))?;
        }
        acted
    }

    /// Writes a sign-in down. One that cannot be written down is none: its session is ended.
    pub(crate) async fn signed_in(
        &self,
        asked: &Asked,
        (account, way): (&Account, &str),
        grant: &Grant,
    ) -> Result<(), ApiError> {
        let entry = asked.entry(account, Action::SessionSignedIn).detailed(Details::default().by(way));
        let recorded = self.record(entry).await;
        if recorded.is_err()
            && let Err(error) = self.sessions.end(&grant.refresh).await
        {
            tracing::warn!(%error, account.id = account.id, "a session that nobody was given is not ended");
        }
        recorded
    }

    /// Writes a sign-in down that was refused. Of an address that nobody has only a keyed digest is kept; whether somebody
    /// has it costs the same look.
    pub(crate) async fn refused(&self, asked: &Asked, email: &str) -> Result<(), ApiError> {
        let email = email.trim().to_lowercase();
        let known = self.accounts.id_of(&email).await.map_err(ApiError::store)?;
        let entry = asked.by(Actor::Anonymous, Action::SessionRefused).ended(Outcome::Refused);
        let details = Details::default().by("password").code("invalid-credentials");
        let digest = self.digest(UNKNOWN_ADDRESS, &email);
        self.record(match known {
            Some(id) => entry.detailed(details).on(Target::account(id)),
            None => entry.detailed(details.address_digest(&digest)),
        })
        .await
    }
}
