//! Who is asking: the extractor without which a handler reaches neither store nor event log.
//!
//! [`Guarded`] is private to this module; a handler gets it through [`Allowed`], which has checked the session
//! and the permission. Public routes have what stands in [`App`] itself, and web hooks of sources what [`Hinting`] can do.

mod directory;
mod links;
mod provisioning;

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use metrics_exporter_prometheus::PrometheusHandle;
use salescommand_audit::{AuditLog, Journal};
use salescommand_domain::access::Permission;
use salescommand_eventlog::EventLog;
use salescommand_store::{Error as StoreError, Registry};
use tokio_util::sync::CancellationToken;

use crate::accounts::{Account, AccountError, Accounts};
use crate::audit::Asked;
use crate::auth::{ACCESS_COOKIE, Claims, Cookies, Sessions, Throttle, TokenError, cookie_of};
use crate::clock::Clock;
use crate::config::DemoLogin;
use crate::connectors::Connectors;
use crate::delegations::Delegations;
use crate::directories::Present;
use crate::directory::Directory;
use crate::docs::ApiDescription;
use crate::error::ApiError;
use crate::extract::{ClientAddress, bearer};
use crate::freshness::Evidence;
use crate::generations::GenerationCommands;
use crate::hooks::HookKey;
use crate::ids::Ids;
use crate::load::Load;
use crate::mail::Mail;
use crate::oidc::Providers;
use crate::people::People;
use crate::quarantine::QuarantineDecisions;
use crate::raw_zone::RawZone;
use crate::readiness::Probes;
use crate::routes::users::problem;
use crate::seal::Seals;
use crate::sources::{SourceSummary, Sources};
use crate::sync::{RunBook, Runs, SyncCommands};
use crate::viewer::{Reader, Viewer, Viewers};
use crate::writes::RecordWrites;

pub(crate) use links::Forgotten;
pub(crate) use provisioning::Provisioning;

/// What every handler may use.
pub(crate) struct App {
    pub(crate) accounts: Accounts,
    pub(crate) journal: Journal,
    pub(crate) sessions: Sessions,
    pub(crate) cookies: Cookies,
    pub(crate) providers: Providers,
    pub(crate) people: Arc<dyn People>,
    pub(crate) attempts_per_account: Throttle,
    pub(crate) attempts_per_address: Throttle,
    pub(crate) wrong_hook_keys: Throttle,
    pub(crate) wrong_scim_tokens: Throttle,
    pub(crate) forgotten: Forgotten,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) load: Arc<Load>,
    pub(crate) probes: Probes,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) description: ApiDescription,
    pub(crate) demo: Option<Vec<DemoLogin>>,
    pub(crate) request_timeout: Duration,
    /// Cancelled when the service stops: whoever is told of changes is told no more.
    pub(crate) closing: CancellationToken,
    guarded: Guarded,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

/// What only somebody who is signed in may use.
pub(crate) struct Guarded {
    pub(crate) viewers: Viewers,
    pub(crate) delegations: Delegations,
    pub(crate) sources: Sources,
    pub(crate) runs: Runs,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) commands: Arc<dyn SyncCommands>,
    pub(crate) connectors: Arc<dyn Connectors>,
    pub(crate) writes: Arc<dyn RecordWrites>,
    pub(crate) quarantine: Arc<dyn QuarantineDecisions>,
    pub(crate) audit: AuditLog,
    pub(crate) registry: Registry,
    pub(crate) generations: Arc<dyn GenerationCommands>,
    pub(crate) seals: Seals,
    pub(crate) raw_zone: Arc<dyn RawZone>,
    pub(crate) stale_after: Duration,
    pub(crate) mail: Option<Arc<dyn Mail>>,
    /// The address under which others reach the service, without a slash at its end; empty if nobody has said.
    pub(crate) public_url: String,
}

/// The open parts of [`App`].
pub(crate) struct Open {
    pub(crate) accounts: Accounts,
    pub(crate) journal: Journal,
    pub(crate) sessions: Sessions,
    pub(crate) cookies: Cookies,
    pub(crate) providers: Providers,
    pub(crate) people: Arc<dyn People>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) load: Arc<Load>,
    pub(crate) probes: Probes,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) description: ApiDescription,
    pub(crate) demo: Option<Vec<DemoLogin>>,
    pub(crate) request_timeout: Duration,
    pub(crate) closing: CancellationToken,
}

/// Attempts to sign in per account and address.
const ATTEMPTS_PER_ACCOUNT: usize = 10;
/// Attempts to sign in per address, whichever accounts: more than an office behind one address needs.
const ATTEMPTS_PER_ADDRESS: usize = 100;
/// The window in which they are counted.
const ATTEMPTS_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Wrong keys of hooks, and wrong tokens of directories, per address, in a minute.
const WRONG_KEYS: usize = 60;

impl App {
    pub(crate) fn new(open: Open, guarded: Guarded) -> Self {
        Self {
            accounts: open.accounts,
            journal: open.journal,
            sessions: open.sessions,
            cookies: open.cookies,
            providers: open.providers,
            people: open.people,
            attempts_per_account: Throttle::new(ATTEMPTS_PER_ACCOUNT, ATTEMPTS_WINDOW),
            attempts_per_address: Throttle::new(ATTEMPTS_PER_ADDRESS, ATTEMPTS_WINDOW),
            forgotten: Forgotten::new(ATTEMPTS_WINDOW),
            wrong_hook_keys: Throttle::new(WRONG_KEYS, Duration::from_secs(60)),
            wrong_scim_tokens: Throttle::new(WRONG_KEYS, Duration::from_secs(60)),
            clock: open.clock,
            ids: open.ids,
            load: open.load,
            probes: open.probes,
            metrics: open.metrics,
            description: open.description,
            demo: open.demo,
            request_timeout: open.request_timeout,
            closing: open.closing,
            guarded,
        }
    }

    /// A keyed digest of what must not be readable.
    pub(crate) fn digest(&self, purpose: &str, text: &str) -> String {
        self.guarded.seals.digest(purpose, text)
    }

    /// What there is now.
    async fn present(&self) -> Result<Present, StoreError> {
        self.guarded.viewers.present(self.clock.now()).await
    }
}

/// A permission as a type.
pub(crate) trait Need: Send + Sync {
    /// None: being signed in is enough.
    const PERMISSION: Option<Permission>;
}

macro_rules! need {
    ($(#[$doc:meta])* $name:ident, $permission:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;
        impl Need for $name {
            const PERMISSION: Option<Permission> = $permission;
        }
    };
}
need!(
    /// Being signed in.
    SignedIn,
    None
);
need!(
    /// Reading dashboards.
    DashboardRead,
    Some(Permission::DashboardRead)
);
need!(
    /// Reading counts and entities.
    DataLakeRead,
    Some(Permission::DataLakeRead)
);
need!(
    /// Looking at how the pipeline runs.
    OpsRead,
    Some(Permission::OpsRead)
);
need!(
    /// Reading sources and runs.
    SyncRead,
    Some(Permission::SyncRead)
);
need!(
    /// Starting syncs.
    SyncTrigger,
    Some(Permission::SyncTrigger)
);

need!(
    /// Editing the records that one may see.
    RecordsWrite,
    Some(Permission::RecordsWrite)
);
need!(
    /// Operating the pipeline.
    OpsManage,
    Some(Permission::OpsManage)
);
need!(
    /// Declaring who reports to whom.
    OrgManage,
    Some(Permission::OrgManage)
);
need!(
    /// Letting a colleague see what one sees oneself.
    OrgDelegate,
    Some(Permission::OrgDelegate)
);
need!(
    /// Reading the log of who did what.
    AuditRead,
    Some(Permission::AuditRead)
);
need!(
    /// Managing accounts.
    UsersManage,
    Some(Permission::UsersManage)
);

/// Somebody who is signed in and may do what `P` says.
pub(crate) struct Allowed<P> {
    pub(crate) account: Account,
    pub(crate) access_expires_at: jiff::Timestamp,
    pub(crate) asked: Asked,
    claims: Claims,
    present: Present,
    app: Arc<App>,
    need: PhantomData<P>,
}

impl<P> fmt::Debug for Allowed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowed").field("account", &self.account).finish_non_exhaustive()
    }
}

impl<P: Need> FromRequestParts<Arc<App>> for Allowed<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let token = cookie_of(&parts.headers, ACCESS_COOKIE).ok_or_else(ApiError::not_signed_in)?;
        let claims = app.sessions.check(&token).map_err(|error| match error {
            TokenError::Expired => ApiError::access_expired(),
            TokenError::Invalid => ApiError::session_expired(),
        })?;
        let (lives, account, present) =
            tokio::try_join!(app.sessions.lives(&claims), app.accounts.enabled(&claims.sub), app.present(),)
                .map_err(ApiError::store)?;
        let account = account.filter(|_| lives).ok_or_else(ApiError::session_expired)?;
        app.admit(&account, &present.directory).await?;
        match P::PERMISSION {
            Some(permission) if !account.role.may(permission) => Err(ApiError::forbidden(permission)),
            _ => Ok(Self {
                account,
                access_expires_at: claims.expires_at(),
                asked: Asked::of(parts, app).await,
                claims,
                present,
                app: app.clone(),
                need: PhantomData,
            }),
        }
    }
}

impl<P> Allowed<P> {
    /// What only somebody who is signed in may use.
    pub(crate) fn guarded(&self) -> &Guarded {
        &self.app.guarded
    }

    /// The open parts.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// The session by which somebody asks.
    pub(crate) fn session(&self) -> &str {
        &self.claims.fam
    }

    /// Whether that session still lives, for answers that go on after their beginning. While the store cannot be asked, it does.
    pub(crate) async fn still_signed_in(&self) -> bool {
        let lives = self.app.sessions.lives(&self.claims).await.unwrap_or(true);
        lives && !self.app.is_kept_out(&self.account).await.unwrap_or(false)
    }

    /// Who is who, as it was when the request came in.
    pub(crate) fn directory(&self) -> &Arc<Directory> {
        &self.present.directory
    }

    /// What this account may read, as it was when the request came in.
    pub(crate) async fn viewer(&self) -> Result<Viewer, ApiError> {
        self.view(self.present.clone()).await
    }

    /// What this account may read now, for requests that wait for a change.
    pub(crate) async fn viewer_now(&self) -> Result<Viewer, ApiError> {
        self.view(self.app.present().await.map_err(ApiError::store)?).await
    }

    async fn view(&self, present: Present) -> Result<Viewer, ApiError> {
        let reader = self.reader(&present.directory).await.map_err(problem)?;
        self.guarded().viewers.view(&reader, present)
    }

    /// Who asks, and what is delegated to them by people who may still sign in.
    async fn reader(&self, directory: &Directory) -> Result<Reader, AccountError> {
        let (role, person) = (self.account.role, self.account.person_facet);
        let mut delegated = Vec::new();
        if !role.sees_everything() {
            delegated = self.guarded().delegations.to(&self.account.id).await?;
        }
        if !delegated.is_empty() {
            let delegators = delegated.iter().map(|delegation| delegation.from.as_str()).collect();
            let mut able = BTreeSet::new();
            for account in self.app.accounts.enabled_among(delegators).await? {
                if !self.app.keeps_out(&account, directory).await? {
                    able.insert(account.id);
                }
            }
            delegated.retain(|delegation| able.contains(&delegation.from));
        }
        Ok(Reader { role, person, delegated })
    }

    /// Evidence of freshness for a dashboard: if the broker does not answer soon, as last known.
    pub(crate) async fn evidence(&self) -> Result<Evidence, ApiError> {
        let (sources, runs) = tokio::join!(self.sources(), self.guarded().runs.book_or_last_known());
        Ok(self.weigh(sources?, runs))
    }

    /// Evidence of freshness as it is now, or a problem if the broker does not answer.
    pub(crate) async fn present_evidence(&self) -> Result<Evidence, ApiError> {
        let (sources, runs) = tokio::join!(self.sources(), self.guarded().runs.book());
        Ok(self.weigh(sources?, runs.map_err(ApiError::broker)?))
    }

    async fn sources(&self) -> Result<Vec<SourceSummary>, ApiError> {
        self.guarded().sources.list().await.map_err(ApiError::sources)
    }

    fn weigh(&self, sources: Vec<SourceSummary>, runs: RunBook) -> Evidence {
        Evidence { sources, runs, now: self.app.clock.now(), stale_after: self.guarded().stale_after }
    }
}

/// A source that has shown its key: in the last segment of the path, or as a bearer token. It can hint at a change, and reaches
/// nothing else. Whoever shows no key, a wrong one, or one of a source that is not there or has no hook, gets one and the same
/// answer.
pub(crate) struct Hinting {
    source: SourceSummary,
    app: Arc<App>,
}

impl fmt::Debug for Hinting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hinting").field("source", &self.source.name).finish_non_exhaustive()
    }
}

impl FromRequestParts<Arc<App>> for Hinting {
    type Rejection = ApiError;

    /// Wrong keys are counted after they were looked at: behind one proxy, who guesses must not shut out who knows.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        if let Some(source) = Self::known(parts, app).await? {
            return Ok(Self { source, app: app.clone() });
        }
        let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, app).await;
        Err(match app.wrong_hook_keys.admit(&address, app.clock.now()) {
            Ok(()) => ApiError::hook_unknown(),
            Err(seconds) => ApiError::too_many_wrong_keys(seconds),
        })
    }
}

impl Hinting {
    /// The source whose key a request shows.
    async fn known(parts: &mut Parts, app: &Arc<App>) -> Result<Option<SourceSummary>, ApiError> {
        let Ok(path) = RawPathParams::from_request_parts(parts, app).await else { return Ok(None) };
        let of_path = |wanted: &str| path.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        let key = of_path("key").or_else(|| bearer(&parts.headers)).and_then(HookKey::presented);
        let Some((source, key)) = of_path("source").zip(key) else { return Ok(None) };
        app.guarded.sources.hooked(source, &key).await.map_err(ApiError::sources)
    }

    /// Takes a hint at an object, and says whether sources of this kind have one of that name. None else is looked at again.
    pub(crate) async fn hint(&self, object: &str) -> Result<bool, ApiError> {
        let guarded = &self.app.guarded;
        if !guarded.connectors.objects(&self.source.kind).contains(&object) {
            return Ok(false);
        }
        let taken = guarded.commands.hint(&self.source.name, object).await;
        taken.map(|()| true).map_err(ApiError::broker_unavailable)
    }
}
