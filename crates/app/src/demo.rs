//! Demo mode: three accounts whose passwords are public, a demo source, a reporting tree, and a first sync.
//!
//! Exists only behind `salescommand all --demo`; nothing of it runs otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Result, bail};
use async_trait::async_trait;
use salescommand_domain::access::Role;
use salescommand_domain::raw::InstanceName;
use salescommand_domain::schedule::{Schedule, Selection};
use salescommand_ingest::{Demands, RunState, SyncRequest, Trigger, TriggerError, all_runs, request_sync};
use salescommand_normalizer::{NormalizerPosition, consumer_name};
use salescommand_projector::ProjectionPosition;
use salescommand_query::accounts::{AccountError, Accounts, NewAccount};
use salescommand_query::sources::{NewSource, SourceError};
use salescommand_query::{DemoLogin, HealthCheck, ReadinessCheck, SystemClock, SystemIds};
use salescommand_store::Documents;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::config_events;
use crate::processes::{Shared, sources, until_there};

/// The demo source's name.
const SOURCE: &str = "odoo";

/// The demo accounts. Their passwords are printed on the sign-in page.
const ACCOUNTS: [(&str, &str, &str, Role); 3] = [
    ("superadmin@salescommand.com", "Sam Admin", "demo123", Role::SuperAdmin),
    ("am1@salescommand.com", "Amelia Ward", "demo123", Role::AccountManager),
    ("krishna@securado.net", "Krishna Patel", "password", Role::SalesUser),
];

/// Who reports to whom above the teams, for a source that knows team leaders only. One with employees says the same.
const MANAGERS: [(&str, &str); 4] = [
    ("am1@salescommand.com", "director@securado.net"),
    ("lena.vogt@securado.net", "director@securado.net"),
    ("marco.rossi@securado.net", "director@securado.net"),
    ("grace.okafor@securado.net", "director@securado.net"),
];

/// The accounts as the sign-in page shows them.
pub fn logins() -> Vec<DemoLogin> {
    let shown = ACCOUNTS.iter().map(|(email, _, password, role)| DemoLogin {
        role_label: role.label().to_owned(),
        email: (*email).to_owned(),
        password: (*password).to_owned(),
    });
    shown.collect()
}

/// Demo mode needs to know its Odoo server.
pub fn require_settings(config: &Config) -> Result<()> {
    if config.demo.odoo_url.is_empty()
        || config.demo.odoo_database.is_empty()
        || config.demo.odoo_login.is_empty()
    {
        bail!(
            "demo mode needs the settings demo.odoo_url, odoo_database, odoo_login and odoo_password; `cargo xtask up` sets them"
        );
    }
    Ok(())
}

/// How far the first sync is; a condition of readiness.
pub struct FirstSync(RwLock<HealthCheck>);

const CHECK: &str = "first-sync";

impl Default for FirstSync {
    fn default() -> Self {
        Self(RwLock::new(waiting("setting up the demo")))
    }
}

fn waiting(detail: impl Into<String>) -> HealthCheck {
    HealthCheck::degraded(CHECK, detail, "Wait: the demo reads its source for the first time.")
}

impl FirstSync {
    fn set(&self, check: HealthCheck) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = check;
    }
}

#[async_trait]
impl ReadinessCheck for FirstSync {
    async fn check(&self) -> HealthCheck {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Sets the demo up and waits until its first sync is on the dashboard. Doing it again changes nothing.
pub async fn set_up(
    config: Config,
    shared: Shared,
    first_sync: Arc<FirstSync>,
    stop: CancellationToken,
) -> Result<()> {
    until_there(&stop, || prepare(&config, &shared)).await?;
    let mut seen = String::new();
    while !stop.is_cancelled() {
        let check = match progress(&shared).await {
            Ok(check) => check,
            Err(error) => waiting(format!("{error:#}")),
        };
        if check.detail != seen {
            tracing::info!(detail = check.detail, "first sync");
            seen.clone_from(&check.detail);
        }
        let done = check.fix.is_none();
        first_sync.set(check);
        if done {
            return Ok(());
        }
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), stop.cancelled()).await;
    }
    Ok(())
}

async fn prepare(config: &Config, shared: &Shared) -> Result<()> {
    let ops = Arc::new(shared.store.clone());
    let accounts = Accounts::new(ops, Arc::new(SystemClock), Arc::new(SystemIds))?;
    for (email, name, password, role) in ACCOUNTS {
        let password = SecretString::from(password);
        match accounts
            .create_demo(NewAccount { email: email.into(), name: name.into(), role, password })
            .await
        {
            Ok(_) | Err(AccountError::EmailTaken(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut records: Vec<_> = accounts.list().await?.iter().map(config_events::account).collect();
    records.push(config_events::calendar("UTC", 1));
    records.push(config_events::person("director@securado.net", None));
    records.extend(MANAGERS.iter().map(|(person, manager)| config_events::person(person, Some(manager))));
    config_events::publish(&shared.ports(), records).await?;
    add_source(config, shared).await?;
    first_run(shared).await
}

async fn add_source(config: &Config, shared: &Shared) -> Result<()> {
    let settings = [
        ("url", &config.demo.odoo_url),
        ("database", &config.demo.odoo_database),
        ("login", &config.demo.odoo_login),
    ];
    let sources = sources(config, &shared.store)?;
    let known = sources.list().await?.into_iter().find(|source| source.name == SOURCE);
    let source = NewSource {
        name: InstanceName::new(SOURCE)?,
        kind: "odoo".to_owned(),
        title: "Odoo (demo)".to_owned(),
        settings: settings
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
        secret: config.demo.odoo_password.clone(),
        schedule: known.map_or_else(Schedule::default, |known| known.schedule),
    };
    // The demo server's address follows the ports of this start, so the source is written anew each time.
    match sources.remove(SOURCE).await {
        Ok(()) | Err(SourceError::Unknown(_)) => {}
        Err(error) => return Err(error.into()),
    }
    sources.add(source).await?;
    Ok(())
}

/// Starts the first run, unless there has been one that read everything.
async fn first_run(shared: &Shared) -> Result<()> {
    let ports = shared.ports();
    let runs = all_runs(&*ports.kv).await?;
    if runs.iter().any(|record| record.run.source.as_str() == SOURCE && record.last_complete.is_some()) {
        return Ok(());
    }
    let request = SyncRequest {
        run_id: ports.ids.next(),
        instance: InstanceName::new(SOURCE)?,
        selection: Selection::all(),
        demands: Demands::default(),
        trigger: Trigger::First,
    };
    match request_sync(&ports, &shared.log, request).await {
        Ok(_) | Err(TriggerError::AlreadyRunning { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether everything that the last complete sync read is in every projection that is read now.
async fn progress(shared: &Shared) -> Result<HealthCheck> {
    let runs = all_runs(&*shared.ports().kv).await?;
    let Some(record) = runs.into_iter().find(|record| record.run.source.as_str() == SOURCE) else {
        return Ok(waiting("waiting for a worker"));
    };
    let run = &record.run;
    if let (RunState::Failed, Some(error)) = (run.state, &run.error) {
        let fix = format!("{} Then start it again with Sync now.", error.fix);
        return Ok(HealthCheck::down(CHECK, error.message.clone(), fix));
    }
    let Some(complete) = &record.last_complete else {
        let total: u64 = run.objects.iter().filter_map(|object| object.total).sum();
        let reading = run.objects.iter().rfind(|object| object.read > 0);
        let detail = match reading {
            Some(object) => format!("reading {}: {} of {total} records", object.object, run.read),
            None => "connecting to the source".to_owned(),
        };
        return Ok(waiting(detail));
    };
    let instance = InstanceName::new(SOURCE)?;
    let store: &dyn Documents = &shared.store;
    let Some(active) = store.active().await? else { return Ok(waiting("normalising")) };
    let normalized = store.position(&consumer_name(active.canonical)).await?;
    let normalized = normalized.map(|stored| NormalizerPosition::decode(&stored.position)).transpose()?;
    if normalized.is_none_or(|position| position.of(&instance) < complete.position) {
        return Ok(waiting("normalising"));
    }
    for (projection, generation) in &active.serving {
        let name = salescommand_projector::consumer_name(projection, *generation);
        let stored = store.position(&name).await?;
        let position = stored.map(|stored| ProjectionPosition::decode(&stored.position)).transpose()?;
        let reached = position.and_then(|position| position.vector.get(&instance).copied());
        if reached.is_none_or(|reached| reached < complete.position) {
            return Ok(waiting(format!("projecting {projection}")));
        }
    }
    Ok(HealthCheck::ok(CHECK, "the first sync is on the dashboard"))
}
