//! The processes, each alone or all in one.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use salescommand_audit::{Publisher, keep_publishing};
use salescommand_eventlog::{Error as LogError, EventLog, KeyValue};
use salescommand_eventlog_nats::NatsLog;
use salescommand_ingest::{
    HISTORY_STREAM, Options, Ports, Worker, keep_alerts, keep_schedules, prepare, prepare_queue,
};
use salescommand_query::mail::Mail;
use salescommand_query::organisation::Circles;
use salescommand_query::sources::Sources;
use salescommand_query::{
    Config as QueryConfig, Deps, Load, MasterKeys, QueryService, ReadinessCheck, SessionKeys, SystemClock,
    SystemIds, install_metrics,
};
use salescommand_store::{Considerate, Documents, Ops};
use salescommand_store_mongo::MongoStore;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::alert_mail;
use crate::alerts::WebHook;
use crate::code::{self, Program};
use crate::config::Config;
use crate::connections::Process;
use crate::crm::CrmLog;
use crate::generations::OperatorCommands;
use crate::jobs::{QueuedSyncs, SourceSchedules, serve_sources};
use crate::load::{AskedReaders, serve_load};
use crate::mail::Mailer;
use crate::people::AccountLog;
use crate::probes::Registry;
use crate::quarantine::DecisionLog;
use crate::{audit_log, connections, demo, epochs, lifecycle, runtimes};

/// What the processes share.
pub struct Shared {
    /// The broker.
    pub log: NatsLog,
    /// The database.
    pub store: MongoStore,
}

impl Shared {
    async fn connect(config: &Config, process: Process) -> Result<Self> {
        Ok(Self { log: connections::log(config, process).await?, store: connections::store(config).await? })
    }

    /// The driver's ports.
    pub fn ports(&self) -> Ports {
        Ports::system(&self.log)
    }
}

/// `salescommand all`.
pub async fn all(config: Config, with_demo: bool) -> Result<()> {
    config.require_keys()?;
    if with_demo {
        demo::require_settings(&config)?;
    }
    let stop = lifecycle::shutdown_token()?;
    let shared = Shared::connect(&config, Process::Query).await?;
    // With connections of their own: these are served by the threads that they were made on.
    let background = runtimes::background_beside()?;
    let (normalizing, projecting, reading) = {
        let config = config.clone();
        let connecting = async move {
            let normalizing = Shared::connect(&config, Process::Normalizer).await?;
            let log = connections::log(&config, Process::Projector).await?;
            let projecting = Shared { log, store: normalizing.store.clone() };
            anyhow::Ok((normalizing, projecting, connections::log(&config, Process::Connect).await?))
        };
        background.spawn(connecting).await??
    };
    let mut tasks = Tasks::new(stop.clone());
    let first_sync = Arc::new(demo::FirstSync::default());
    let readiness: Vec<Arc<dyn ReadinessCheck>> =
        if with_demo { vec![first_sync.clone()] } else { Vec::new() };
    // One pace for both: of all that is built beside what is read, one thing is worked at at a time.
    let pace = tasks.keep_pace(&normalizing);
    let normalizer = run_normalizer(&config, &normalizing, pace.clone(), stop.clone())?;
    tasks.spawn_on(&background, "normalizer", normalizer);
    tasks.spawn_on(&background, "projector", run_projector(&projecting, pace, stop.clone()));
    tasks.spawn_on(&background, "epochs", epochs::keep(&config, &normalizing.log, stop.clone())?);
    tasks.spawn_on(&background, "connect", work(reading, &config, stop.clone())?);
    tasks.spawn("query", run_query(&config, &shared, with_demo, readiness, stop.clone())?);
    if with_demo {
        tasks.spawn("demo", demo::set_up(config, shared, first_sync, stop.clone()));
    }
    tasks.join().await
}

/// `salescommand query`.
pub async fn query(config: Config) -> Result<()> {
    config.require_keys()?;
    let stop = lifecycle::shutdown_token()?;
    let shared = Shared::connect(&config, Process::Query).await?;
    run_query(&config, &shared, false, Vec::new(), stop)?.await
}

/// `salescommand normalizer`.
pub async fn normalizer(config: Config) -> Result<()> {
    let stop = lifecycle::shutdown_token()?;
    let shared = Shared::connect(&config, Process::Normalizer).await?;
    let mut tasks = Tasks::new(stop.clone());
    // The normalizer is the raw zone's one reader, and a platform process that there is once: it keeps the chains.
    tasks.spawn("epochs", epochs::keep(&config, &shared.log, stop.clone())?);
    let pace = tasks.keep_pace(&shared);
    tasks.spawn("normalizer", run_normalizer(&config, &shared, pace, stop)?);
    tasks.join().await
}

/// `salescommand projector`.
pub async fn projector(config: Config) -> Result<()> {
    let stop = lifecycle::shutdown_token()?;
    let shared = Shared::connect(&config, Process::Projector).await?;
    let mut tasks = Tasks::new(stop.clone());
    let pace = tasks.keep_pace(&shared);
    tasks.spawn("projector", run_projector(&shared, pace, stop));
    tasks.join().await
}

/// `salescommand connect`. Connectors know the broker and nothing of the database.
pub async fn connect(config: Config) -> Result<()> {
    let stop = lifecycle::shutdown_token()?;
    let log = connections::log(&config, Process::Connect).await?;
    work(log, &config, stop)?.await
}

/// The normalizers of all generations, and replays.
fn run_normalizer(
    config: &Config,
    shared: &Shared,
    pace: Arc<Considerate>,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<()>> + use<>> {
    let store = Arc::new(shared.store.clone());
    let log = epochs::readable(config, &shared.log);
    let setup = salescommand_generations::Setup {
        log: log.clone(),
        administration: Arc::new(shared.log.clone()),
        store: store.clone(),
        ops: store,
        code: Arc::new(Program { log }),
        pace,
        now: code::now,
        verify_every: config.verify_every()?,
    };
    Ok(async move { salescommand_generations::run(setup, stop).await.context("the normalizer ended") })
}

fn run_projector(
    shared: &Shared,
    pace: Arc<Considerate>,
    stop: CancellationToken,
) -> impl Future<Output = Result<()>> + use<> {
    let store = Arc::new(shared.store.clone());
    let log = Arc::new(shared.log.clone());
    let setup = salescommand_projector::Setup { log, store: store.clone(), ops: store, pace };
    async move { salescommand_projector::run(setup, stop).await.context("the projector ended") }
}

/// The connectors: several, so that a source that is read for hours does not keep the others waiting.
fn work(
    log: NatsLog,
    config: &Config,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<()>> + use<>> {
    let options = Options { lease_ttl: config.lease()?, ..Options::default() };
    let workers = config.workers()?;
    let worker = Worker::new(Ports::system(&log), Arc::new(log.clone()), Arc::new(log.clone()), options);
    let worker = worker.reaching(config.reach()?);
    Ok(async move {
        // A connector has no right to make what it works with; whoever asks for syncs has made it.
        until_there(&stop, || async {
            let made = EventLog::stream(&log, HISTORY_STREAM).await?;
            let nobody = || LogError::Unavailable("nobody has asked for syncs yet".to_owned());
            made.map(drop).ok_or_else(nobody)
        })
        .await?;
        let mut set = JoinSet::new();
        for _ in 0..workers {
            let (worker, stop) = (worker.clone(), stop.clone());
            set.spawn(async move { worker.run(stop).await });
        }
        while let Some(ended) = set.join_next().await {
            ended?;
        }
        Ok(())
    })
}

/// The query service with the responder for connectors.
fn run_query(
    config: &Config,
    shared: &Shared,
    with_demo: bool,
    readiness: Vec<Arc<dyn ReadinessCheck>>,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<()>> + use<>> {
    let service_config = query_config(config, with_demo)?;
    let (log, store) = (shared.log.clone(), shared.store.clone());
    let readable = epochs::readable(config, &log);
    let raw_zone = epochs::Look::new(config, &log)?;
    let ports = shared.ports();
    let (web_hook, stale_after) = (WebHook::new(&config.alerts.webhook_url)?, config.stale_after()?);
    let connectors = Registry::new(config.reach()?);
    let mailer = Mailer::new(&config.alerts)?.map(Arc::new);
    if mailer.is_some() && service_config.public_url.is_empty() {
        tracing::warn!("http.public_url is not set, so no links to choose a password are sent by e-mail");
    }
    let mail = alert_mail::Mail::new(mailer.clone(), &config.alerts, &config.http.public_url)?;
    let (opened, scheduled) = (
        sources(config, &store)?,
        SourceSchedules { sources: sources(config, &store)?, circles: Circles::new(Arc::new(store.clone())) },
    );
    Ok(async move {
        // The switch exists before the first request reads it; a database that is away delays the start, not more.
        let initial = salescommand_projector::initial_active();
        until_there(&stop, || async {
            Ops::ensure_ops(&store).await?;
            Documents::ensure_active(&store, &initial).await.map(|_| ())
        })
        .await?;
        let writes = CrmLog { ports: ports.clone(), readable: readable.clone() };
        let decisions = DecisionLog { ports: ports.clone() };
        until_there(&stop, || writes.prepare()).await?;
        // Connectors wait for the last of these, and may make none of them.
        until_there(&stop, || async {
            prepare_queue(&log).await?;
            prepare(&log, &log).await
        })
        .await?;
        reseal(&opened).await;
        let journal = audit_log::journal(&store);
        let store = Arc::new(store);
        let load = Arc::new(Load::default());
        let operator = salescommand_generations::Operator::new(store.clone(), store.clone());
        let publisher = Publisher::new(Arc::new(log.clone()), journal.clone());
        let deps = Deps {
            store: store.clone(),
            ops: store,
            journal: journal.clone(),
            log: readable,
            kv: Arc::new(log.clone()) as Arc<dyn KeyValue>,
            raw_zone: Arc::new(raw_zone.clone()),
            commands: Arc::new(QueuedSyncs { ports: ports.clone(), jobs: Arc::new(log.clone()) }),
            connectors: Arc::new(connectors),
            writes: Arc::new(writes),
            quarantine: Arc::new(decisions),
            people: Arc::new(AccountLog { ports: ports.clone() }),
            generations: Arc::new(OperatorCommands(operator)),
            mail: mailer.map(|mailer| mailer as Arc<dyn Mail>),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            load: load.clone(),
            metrics: install_metrics().context("metrics cannot be recorded")?,
            readiness,
        };
        let service = QueryService::new(service_config, deps)?;
        let jobs = Arc::new(log.clone());
        let scheduled = Arc::new(scheduled);
        let alerts =
            keep_alerts(ports.clone(), scheduled.clone(), Arc::new(web_hook), stale_after, stop.clone());
        let alerts = tokio::spawn(alerts);
        let mails = mail.map(|mail| {
            let (ports, scheduled) = (ports.clone(), scheduled.clone());
            tokio::spawn(keep_alerts(ports, scheduled, Arc::new(mail), stale_after, stop.clone()))
        });
        let scheduler = tokio::spawn(keep_schedules(ports, jobs, scheduled, stop.clone()));
        // With an end of its own, so that what the last requests have written down is published too.
        let published = CancellationToken::new();
        let publishing = tokio::spawn(keep_publishing(publisher, published.clone()));
        let watch = tokio::spawn(raw_zone.watch(stop.clone()));
        let telling = tokio::spawn(serve_load(Arc::new(log.clone()), load, stop.clone()));
        let responder = tokio::spawn(serve_sources(Arc::new(log), opened, stop.clone()));
        let served = service.run(stop.clone()).await.context("the query service ended");
        stop.cancel();
        published.cancel();
        publishing.await?;
        responder.await?;
        scheduler.await?;
        alerts.await?;
        if let Some(mails) = mails {
            mails.await?;
        }
        telling.await?;
        watch.await?;
        served
    })
}

/// The sealed sources of this installation.
pub fn sources(config: &Config, store: &MongoStore) -> Result<Sources> {
    let keys = master_keys(config)?;
    Ok(Sources::new(Arc::new(store.clone()), Arc::new(SystemClock), Arc::new(SystemIds), keys))
}

fn master_keys(config: &Config) -> Result<MasterKeys> {
    MasterKeys::from_base64(&config.secrets.master_key, &config.secrets.former_master_keys)
        .context("SALESCOMMAND_SECRETS__MASTER_KEY or …__FORMER_MASTER_KEYS cannot be used")
}

/// Seals with the present master key what is sealed with a former one. What does not open is said, and costs its source
/// only; a store that is away is asked again at the next start.
async fn reseal(sources: &Sources) {
    match sources.reseal().await {
        Ok(done) => {
            if done.sealed > 0 {
                tracing::info!(credentials = done.sealed, "sealed anew with the present master key");
            }
            for closed in done.closed {
                tracing::warn!("{closed}");
            }
        }
        Err(error) => tracing::warn!(%error, "credentials could not be sealed anew"),
    }
}

fn query_config(config: &Config, with_demo: bool) -> Result<QueryConfig> {
    let secrets = &config.secrets;
    let session_keys = SessionKeys::from_base64(&secrets.session_key, &secrets.former_session_keys)
        .context("SALESCOMMAND_SECRETS__SESSION_KEY or …__FORMER_SESSION_KEYS cannot be used")?;
    let listen: SocketAddr = config
        .http
        .listen
        .parse()
        .with_context(|| format!("http.listen is {:?}, not ADDRESS:PORT", config.http.listen))?;
    let mut service = QueryConfig::new(session_keys, master_keys(config)?);
    service.listen = listen;
    service.tls = config.https()?;
    service.providers = config.auth.providers()?;
    service.public_url = config.public_url()?;
    service.secure_cookies = config.secure_cookies()?;
    service.stale_after = config.stale_after()?;
    service.delegation_days = config.delegation_days()?;
    service.demo = with_demo;
    if with_demo {
        service.demo_accounts = demo::logins();
    }
    Ok(service)
}

/// Does something as often as it takes for its servers to be there.
pub async fn until_there<F, E>(stop: &CancellationToken, mut step: impl FnMut() -> F) -> Result<()>
where
    F: Future<Output = std::result::Result<(), E>>,
    E: Into<anyhow::Error>,
{
    let mut said = false;
    while !stop.is_cancelled() {
        let Err(error) = step().await else { return Ok(()) };
        let error = error.into();
        if !connections::is_unreachable(&error) {
            return Err(error);
        }
        if !said {
            tracing::warn!(error = format!("{error:#}"), "waiting for a server");
            said = true;
        }
        let _ = tokio::time::timeout(std::time::Duration::from_millis(500), stop.cancelled()).await;
    }
    Ok(())
}

/// The tasks of one process: when one ends by an error, all end.
struct Tasks {
    set: JoinSet<(&'static str, Result<()>)>,
    stop: CancellationToken,
}

impl Tasks {
    fn new(stop: CancellationToken) -> Self {
        Self { set: JoinSet::new(), stop }
    }

    fn spawn(&mut self, name: &'static str, task: impl Future<Output = Result<()>> + Send + 'static) {
        self.set.spawn(async move { (name, task.await) });
    }

    fn spawn_on(
        &mut self,
        runtime: &Handle,
        name: &'static str,
        task: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        self.set.spawn_on(async move { (name, task.await) }, runtime);
    }

    /// The pace of what this process builds beside what is read: considerate towards the readers of any query service.
    fn keep_pace(&mut self, shared: &Shared) -> Arc<Considerate> {
        let pace = Arc::new(Considerate::new(Arc::new(AskedReaders(Arc::new(shared.log.clone())))));
        let (kept, stop) = (pace.clone(), self.stop.clone());
        self.spawn("pace", async move {
            stop.run_until_cancelled(kept.watch()).await;
            Ok(())
        });
        pace
    }

    async fn join(mut self) -> Result<()> {
        let mut outcome = Ok(());
        while let Some(ended) = self.set.join_next().await {
            let (name, result) = ended?;
            tracing::info!(task = name, "{name} ended");
            if result.is_err() && outcome.is_ok() {
                outcome = result;
                self.stop.cancel();
            }
        }
        outcome
    }
}
