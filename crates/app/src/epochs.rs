//! Epochs of the raw logs: the task that keeps the chains, and the commands of operators.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use salescommand_domain::raw::InstanceName;
use salescommand_epochs::{
    ArchivedLog, Archives, Chain, Epoch, FolderArchives, NoArchives, archive, delete, maintain, restore, seal,
};
use salescommand_eventlog::EventLog;
use salescommand_eventlog_nats::NatsLog;
use salescommand_ingest::{Clock as _, SystemClock};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cli::{self, Output};
use crate::config::Config;
use crate::{connections, listing};

/// How often the chains are looked after.
const EVERY: Duration = Duration::from_secs(5);

/// The archives of this installation, to be read.
fn archives(config: &Config) -> Arc<dyn Archives> {
    match folder(config) {
        Ok(folder) => Arc::new(folder),
        Err(_) => Arc::new(NoArchives),
    }
}

/// The folder of archives, or what to do about there being none.
fn folder(config: &Config) -> Result<FolderArchives> {
    if config.raw.archive_dir.is_empty() {
        bail!(
            "raw.archive_dir is not set; set SALESCOMMAND_RAW__ARCHIVE_DIR to the folder of archived epochs, for this \
             command and for the normalizer"
        );
    }
    Ok(FolderArchives::new(&config.raw.archive_dir))
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

/// An epoch, in the broker or archived or both.
#[derive(Serialize)]
struct Row {
    instance: String,
    epoch: u32,
    state: &'static str,
    archived: bool,
    events: u64,
    bytes: u64,
    first_at: Option<String>,
    last_at: Option<String>,
}

/// `salescommand epoch …`.
pub async fn epoch(config: &Config, command: cli::Epoch, output: Output) -> Result<()> {
    let log = connections::log_for_command(config).await?;
    match command {
        cli::Epoch::List => list(config, &log, output).await,
        cli::Epoch::Seal { name } => {
            let instance = InstanceName::new(name)?;
            let sealed = seal(&log, &*archives(config), &instance).await?;
            let row = serde_json::json!({"instance": instance, "sealed": sealed});
            listing::print(output, &["instance", "sealed"], &[row])
        }
        cli::Epoch::Archive { name, epoch } => {
            archive_epochs(&folder(config)?, &log, InstanceName::new(name)?, epoch, output).await
        }
        cli::Epoch::Restore { name, epoch } => {
            let manifest = restore(&log, &folder(config)?, &InstanceName::new(name)?, epoch).await?;
            listing::print(output, MANIFEST_COLUMNS, &[manifest])
        }
        cli::Epoch::Delete { name, epoch } => {
            let instance = InstanceName::new(name)?;
            let deleted = delete(&log, &folder(config)?, &instance, epoch).await?;
            let row = serde_json::json!({"instance": instance, "epoch": epoch, "deleted": deleted});
            listing::print(output, &["instance", "epoch", "deleted"], &[row])
        }
    }
}

const MANIFEST_COLUMNS: &[&str] = &["instance", "epoch", "events", "file", "file_bytes", "sha256"];

async fn archive_epochs(
    archives: &FolderArchives,
    log: &NatsLog,
    instance: InstanceName,
    only: Option<u32>,
    output: Output,
) -> Result<()> {
    let chain = Chain::load(log, &instance).await?;
    let sealed = chain.epochs.iter().filter(|epoch| epoch.is_sealed()).map(|epoch| epoch.number);
    let epochs: Vec<u32> = match only {
        Some(epoch) => vec![epoch],
        None => sealed.collect(),
    };
    let mut manifests = Vec::new();
    for epoch in epochs {
        manifests.push(archive(log, archives, &instance, epoch, SystemClock.now()).await?);
    }
    listing::print(output, MANIFEST_COLUMNS, &manifests)
}

async fn list(config: &Config, log: &NatsLog, output: Output) -> Result<()> {
    let manifests = match folder(config) {
        Ok(folder) => folder.manifests().await?,
        Err(_) => Vec::new(),
    };
    let mut rows: BTreeMap<(String, u32), Row> = BTreeMap::new();
    for manifest in manifests {
        let key = (manifest.instance.to_string(), manifest.epoch);
        let row = Row {
            instance: key.0.clone(),
            epoch: key.1,
            state: "not in the broker",
            archived: true,
            events: manifest.events,
            bytes: manifest.file_bytes,
            first_at: manifest.first_at.map(|at| at.to_string()),
            last_at: manifest.last_at.map(|at| at.to_string()),
        };
        rows.insert(key, row);
    }
    for chain in Chain::all(log).await? {
        for epoch in &chain.epochs {
            let key = (chain.instance.to_string(), epoch.number);
            let archived = rows.contains_key(&key);
            rows.insert(key.clone(), in_broker(key.0, epoch, archived));
        }
    }
    let rows: Vec<_> = rows.into_values().collect();
    let columns = ["instance", "epoch", "state", "archived", "events", "bytes", "first_at", "last_at"];
    listing::print(output, &columns, &rows)
}

fn in_broker(instance: String, epoch: &Epoch, archived: bool) -> Row {
    let status = &epoch.status;
    Row {
        instance,
        epoch: epoch.number,
        state: if epoch.is_sealed() { "sealed" } else { "open" },
        archived,
        events: status.messages,
        bytes: status.bytes,
        first_at: status.first_at.map(|at| at.to_string()),
        last_at: status.last_at.map(|at| at.to_string()),
    }
}
