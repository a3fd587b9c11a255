//! The service: what it needs, its router, and its life until the token is cancelled.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use salescommand_audit::{AuditLog, Journal};
use salescommand_eventlog::{EventLog, KeyValue};
use salescommand_store::{Ops, Registry, ScopedReads};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::openapi::OpenApi;

use crate::access::{App, Guarded, Open};
use crate::accounts::{AccountError, Accounts};
use crate::auth::{AccessTokens, Cookies, Sessions};
use crate::clock::Clock;
use crate::config::Config;
use crate::connectors::Connectors;
use crate::delegations::Delegations;
use crate::docs::ApiDescription;
use crate::error::ApiError;
use crate::extract::LARGEST_BODY;
use crate::generations::GenerationCommands;
use crate::ids::Ids;
use crate::listener::{self, Limits};
use crate::load::Load;
use crate::mail::Mail;
use crate::oidc::{Providers, ProvidersError};
use crate::people::People;
use crate::quarantine::QuarantineDecisions;
use crate::raw_zone::RawZone;
use crate::readiness::{Probes, ReadinessCheck};
use crate::roll_ups::RollUps;
use crate::seal::Seals;
use crate::sources::Sources;
use crate::sync::{Runs, SyncCommands};
use crate::tls::{Certificate, TlsError};
use crate::viewer::Viewers;
use crate::writes::RecordWrites;
use crate::{contract, exchange, front_end, reply, routes};

/// How long letters under way are waited for when the service stops.
const LETTERS_AT_THE_END: Duration = Duration::from_secs(5);

/// What the service works with.
#[derive(Clone)]
pub struct Deps {
    /// Documents, by scope.
    pub store: Arc<dyn ScopedReads>,
    /// Accounts, sessions, sources.
    pub ops: Arc<dyn Ops>,
    /// Where what is done is written down.
    pub journal: Journal,
    /// Streams.
    pub log: Arc<dyn EventLog>,
    /// Present runs.
    pub kv: Arc<dyn KeyValue>,
    /// Starts syncs.
    pub commands: Arc<dyn SyncCommands>,
    /// Looks at sources.
    pub connectors: Arc<dyn Connectors>,
    /// Publishes what people write.
    pub writes: Arc<dyn RecordWrites>,
    /// The raw zone as a whole.
    pub raw_zone: Arc<dyn RawZone>,
    /// Publishes decisions about rejects.
    pub quarantine: Arc<dyn QuarantineDecisions>,
    /// Tells the pipeline of accounts that sign-ins make.
    pub people: Arc<dyn People>,
    /// Takes what operators ask of generations.
    pub generations: Arc<dyn GenerationCommands>,
    /// Sends e-mails; none if no mail server is configured.
    pub mail: Option<Arc<dyn Mail>>,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and secrets.
    pub ids: Arc<dyn Ids>,
    /// Counts the answers.
    pub load: Arc<Load>,
    /// What `/metrics` shows: see [`crate::install_metrics`].
    pub metrics: PrometheusHandle,
    /// Further conditions of readiness.
    pub readiness: Vec<Arc<dyn ReadinessCheck>>,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deps")
    }
}

/// The service could not be started, or ended by an error.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The account module could not be prepared.
    #[error("accounts cannot be prepared")]
    Accounts(#[from] AccountError),
    /// A sign-in provider cannot be used as configured.
    #[error(transparent)]
    Providers(#[from] ProvidersError),
    /// No signing key comes out of a session key.
    #[error("the session key gives no signing key")]
    SigningKey(#[from] jsonwebtoken::errors::Error),
    /// The API's description could not be written.
    #[error("the description of the API cannot be written")]
    Description(#[from] serde_json::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("https cannot be served")]
    Certificate(#[from] TlsError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// The query service, ready to run.
#[derive(Debug)]
pub struct QueryService {
    router: Router,
    listen: SocketAddr,
    certificate: Option<Arc<Certificate>>,
    limits: Limits,
    closing: CancellationToken,
    letters: TaskTracker,
    app: Arc<App>,
}

impl QueryService {
    /// Puts the service together. Reaches neither store nor broker.
    pub fn new(config: Config, deps: Deps) -> Result<Self, ServiceError> {
        let (api, description) = described();
        let (listen, limits) = (config.listen, config.limits);
        let certificate = config.tls.clone().map(Certificate::load).transpose()?;
        let app = Arc::new(app(config, deps, ApiDescription::new(&description)?)?);
        let (closing, letters) = (app.closing.clone(), app.forgotten.under_way.clone());
        let router = router(api, app.clone());
        Ok(Self { router, listen, certificate, limits, closing, letters, app })
    }

    /// The router, for tests and for a listener of one's own.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Listens on the configured address until the token is cancelled; requests under way are answered first.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ServiceError> {
        let address = self.listen;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| ServiceError::Listen { address, source })?;
        self.serve(listener, shutdown).await
    }

    /// The same on a listener that is there already.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> Result<(), ServiceError> {
        let tls = self.certificate.as_ref().map(Certificate::acceptor).transpose()?;
        if let Ok(address) = listener.local_addr() {
            let scheme = if tls.is_some() { "https" } else { "http" };
            tracing::info!(%address, "query service listens on {scheme}://{address}");
        }
        let following =
            self.certificate.map(|certificate| tokio::spawn(certificate.follow(shutdown.clone())));
        let keeping_out = tokio::spawn(self.app.keep_out());
        let (closing, stopping) = (self.closing, shutdown.clone());
        let end_streams = async move {
            stopping.cancelled().await;
            // Answers that go on and on would keep the connections from closing.
            closing.cancel();
        };
        tokio::join!(listener::serve((listener, tls), self.router, self.limits, shutdown), end_streams);
        // It ends with the answers that go on.
        let _ = keeping_out.await;
        if let Some(following) = following {
            // It ends by the same token.
            let _ = following.await;
        }
        // What was promised by an answer is still sent.
        self.letters.close();
        let _ = tokio::time::timeout(LETTERS_AT_THE_END, self.letters.wait()).await;
        Ok(())
    }
}

/// The OpenAPI document, as `/api/openapi.json` gives it.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    let (_, description) = described();
    ApiDescription::new(&description).map(|described| described.json)
}

/// The described routes, and their description.
fn described() -> (Router<Arc<App>>, OpenApi) {
    let (api, mut description) = routes::api().split_for_parts();
    contract::complete(&mut description);
    (api, description)
}

fn app(config: Config, deps: Deps, description: ApiDescription) -> Result<App, ServiceError> {
    let Deps {
        store,
        ops,
        journal,
        log,
        kv,
        commands,
        connectors,
        writes,
        raw_zone,
        quarantine,
        people,
        generations,
        mail,
        clock,
        ids,
        load,
        metrics,
        readiness,
    } = deps;
    let guarded = Guarded {
        viewers: Viewers::new(store.clone(), RollUps::new(ops.clone(), clock.clone())),
        delegations: Delegations::new(ops.clone(), clock.clone(), ids.clone(), config.delegation_days),
        sources: Sources::new(ops.clone(), clock.clone(), ids.clone(), config.master_keys),
        runs: Runs::new(log.clone(), kv),
        audit: AuditLog::new(log.clone()),
        log: log.clone(),
        commands,
        connectors,
        writes,
        quarantine,
        registry: Registry::new(ops.clone()),
        generations,
        seals: Seals::new(&config.session_keys),
        raw_zone: raw_zone.clone(),
        stale_after: config.stale_after,
        mail,
        public_url: config.public_url.trim_end_matches('/').to_owned(),
    };
    let sessions = Sessions {
        ops: ops.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        tokens: AccessTokens::new(&config.session_keys, config.access_lifetime)?,
        refresh_lifetime: config.refresh_lifetime,
    };
    let seals = Seals::new(&config.session_keys);
    let providers = Providers::new(config.providers, &config.public_url, seals, ops.clone())?;
    let max_age_seconds = config.refresh_lifetime.as_secs();
    let open = Open {
        accounts: Accounts::new(ops, clock.clone(), ids.clone())?,
        journal,
        sessions,
        cookies: Cookies { secure: config.secure_cookies, max_age_seconds },
        providers,
        people,
        clock,
        ids,
        load,
        probes: Probes { store, log, raw_zone, further: readiness },
        metrics,
        description,
        demo: config.demo.then_some(config.demo_accounts),
        request_timeout: config.request_timeout,
        closing: CancellationToken::new(),
    };
    Ok(App::new(open, guarded))
}

/// Layers, innermost first: a request passes them from the last to the first.
fn router(api: Router<Arc<App>>, app: Arc<App>) -> Router {
    api.merge(routes::undescribed())
        .merge(routes::scim::routes())
        .fallback(front_end::fallback)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(reply::not_modified))
        .layer(from_fn(exchange::refuse_forged))
        .layer(from_fn_with_state(app.clone(), exchange::limit_time))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CatchPanicLayer::custom(exchange::panicked))
        .layer(from_fn_with_state(app.clone(), exchange::accompany))
        .layer(CompressionLayer::new())
        .with_state(app)
}

async fn method_not_allowed(request: Request) -> Response {
    ApiError::method_not_allowed(request.method().as_str(), request.uri().path()).into_response()
}
