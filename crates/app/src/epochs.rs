//! Epochs of the raw logs: the task that keeps the chains, and the commands of operators.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use salescommand_domain::raw::InstanceName;
use salescommand_epochs::{ArchivedLog, Archives, Chain, NoArchives, maintain, seal};
use salescommand_eventlog::{EventLog, StreamState};
use salescommand_eventlog_nats::NatsLog;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cli::{self, Output};
use crate::config::Config;
use crate::{connections, listing};

/// How often the chains are looked after.
const EVERY: Duration = Duration::from_secs(5);

/// The archives of this installation.
fn archives(_config: &Config) -> Arc<dyn Archives> {
    Arc::new(NoArchives)
}

/// The log as readers see it: with the epochs that only their archives hold.
pub fn readable(config: &Config, log: &NatsLog) -> Arc<dyn EventLog> {
    Arc::new(ArchivedLog::new(Arc::new(log.clone()), archives(config)))
}

/// Keeps the chains until stopped: seals full epochs, opens the next, writes heads. What fails is tried again.
pub fn keep(
    config: &Config,
    log: &NatsLog,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<()>> + use<>> {
    let (max_bytes, log, archives) = (config.epoch_max_bytes()?, log.clone(), archives(config));
    Ok(async move {
        while !stop.is_cancelled() {
            if let Err(error) = maintain(&log, &*archives, max_bytes).await {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%error, cause, "the epochs of the raw logs were not looked after; trying again");
            }
            let _ = tokio::time::timeout(EVERY, stop.cancelled()).await;
        }
        Ok(())
    })
}

#[derive(Serialize)]
struct Row {
    instance: String,
    epoch: u32,
    state: &'static str,
    events: u64,
    bytes: u64,
    first_at: Option<String>,
    last_at: Option<String>,
}

/// `salescommand epoch …`.
pub async fn epoch(config: &Config, command: cli::Epoch, output: Output) -> Result<()> {
    let log = connections::log_for_command(config).await?;
    match command {
        cli::Epoch::List => list(&log, output).await,
        cli::Epoch::Seal { name } => {
            let instance = InstanceName::new(name)?;
            let sealed = seal(&log, &*archives(config), &instance).await?;
            let row = serde_json::json!({"instance": instance, "sealed": sealed});
            listing::print(output, &["instance", "sealed"], &[row])
        }
    }
}

async fn list(log: &NatsLog, output: Output) -> Result<()> {
    let mut rows = Vec::new();
    for chain in Chain::all(log).await? {
        rows.extend(chain.epochs.into_iter().map(|epoch| Row {
            instance: chain.instance.to_string(),
            epoch: epoch.number,
            state: match epoch.status.state {
                StreamState::Open => "open",
                StreamState::Building => "restoring",
                StreamState::Sealed => "sealed",
            },
            events: epoch.status.messages,
            bytes: epoch.status.bytes,
            first_at: epoch.status.first_at.map(|at| at.to_string()),
            last_at: epoch.status.last_at.map(|at| at.to_string()),
        }));
    }
    listing::print(output, &["instance", "epoch", "state", "events", "bytes", "first_at", "last_at"], &rows)
}
