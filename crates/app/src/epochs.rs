//! Epochs of the raw logs: the task that keeps the chains, and the commands of operators.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use salescommand_domain::audit::{Action, Target, TargetKind};
use salescommand_domain::raw::InstanceName;
use salescommand_epochs::{
    Alarm, ArchivedLog, Archives, Chain, Epoch, FolderArchives, Manifest, NoArchives, Room, archive, delete,
    maintain, restore, seal,
};
use salescommand_eventlog::{Error as LogError, EventLog};
use salescommand_eventlog_nats::NatsLog;
use salescommand_ingest::{Clock as _, SystemClock};
use salescommand_query::raw_zone::{EpochState, EpochSummary, RawZone};
use salescommand_query::{HealthCheck, RAW_ZONE};
use tokio_util::sync::CancellationToken;

use crate::audit_log::Shell;
use crate::cli::{self, Output};
use crate::config::Config;
use crate::{connections, listing};

/// How often the chains are looked after.
const EVERY: Duration = Duration::from_secs(5);
/// How often the room is measured for `/metrics`.
const MEASURE_EVERY: Duration = Duration::from_secs(15);
/// What to do about a raw zone that fills.
pub const MAKE_ROOM: &str =
    "Free space: seal, archive and delete epochs with `salescommand epoch`, or give the broker more.";

/// The archives of this installation, to be read.
pub fn archives(config: &Config) -> Arc<dyn Archives> {
    match folder(config) {
        Ok(folder) => Arc::new(folder),
        Err(_) => Arc::new(NoArchives),
    }
}

/// The folder of archives, or what to do about there being none.
pub fn folder(config: &Config) -> Result<FolderArchives> {
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

/// `salescommand epoch …`.
pub async fn epoch(config: &Config, command: cli::Epoch, output: Output) -> Result<()> {
    let log = connections::log_for_command(config).await?;
    let entry = |action: Action, name: &str, epoch: Option<u32>| {
        let id = epoch.map_or_else(|| name.to_owned(), |epoch| format!("{name}/{epoch}"));
        Shell::entry(action).on(Target::new(TargetKind::Epoch, id))
    };
    match command {
        cli::Epoch::List => list(config, &log, output).await,
        cli::Epoch::Seal { name } => {
            let shell = Shell::at_length(config).await?;
            let entry = entry(Action::EpochSealed, &name, None);
            let instance = InstanceName::new(name)?;
            let seal = async { Ok(seal(&log, &*archives(config), &instance).await?) };
            let sealed = shell.audited(entry, seal).await?;
            let row = serde_json::json!({"instance": instance, "sealed": sealed});
            listing::print(output, &["instance", "sealed"], &[row])
        }
        cli::Epoch::Archive { name, epoch } => {
            let shell = Shell::at_length(config).await?;
            let entry = entry(Action::EpochArchived, &name, epoch);
            let (folder, instance) = (folder(config)?, InstanceName::new(name)?);
            shell.audited(entry, archive_epochs(&folder, &log, instance, epoch, output)).await
        }
        cli::Epoch::Restore { name, epoch } => {
            let shell = Shell::at_length(config).await?;
            let entry = entry(Action::EpochRestored, &name, Some(epoch));
            let (folder, instance) = (folder(config)?, InstanceName::new(name)?);
            let restore = async { Ok(restore(&log, &folder, &instance, epoch).await?) };
            let manifest = shell.audited(entry, restore).await?;
            listing::print(output, MANIFEST_COLUMNS, &[manifest])
        }
        cli::Epoch::Delete { name, epoch } => {
            let shell = Shell::at_length(config).await?;
            let entry = entry(Action::EpochDeleted, &name, Some(epoch));
            let (folder, instance) = (folder(config)?, InstanceName::new(name)?);
            let delete = async { Ok(delete(&log, &folder, &instance, epoch).await?) };
            let deleted = shell.audited(entry, delete).await?;
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
    let epochs = Look::new(config, log)?.epochs().await?;
    let columns = ["instance", "epoch", "state", "archived", "events", "bytes", "first_at", "last_at"];
    listing::print(output, &columns, &epochs)
}

/// Looks at the raw zone, over broker and archives.
#[derive(Clone)]
pub struct Look {
    log: NatsLog,
    folder: Option<FolderArchives>,
    epoch_max_bytes: u64,
}

impl Look {
    /// At the raw zone of this installation.
    pub fn new(config: &Config, log: &NatsLog) -> Result<Self> {
        let (log, folder) = (log.clone(), folder(config).ok());
        Ok(Self { log, folder, epoch_max_bytes: config.epoch_max_bytes()? })
    }

    /// Keeps the metrics of the raw zone until stopped.
    pub async fn watch(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Ok(room) = Room::measure(&self.log, self.epoch_max_bytes).await {
                record(&room);
            }
            let _ = tokio::time::timeout(MEASURE_EVERY, stop.cancelled()).await;
        }
    }

    /// What fills, the most pressing first.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, LogError> {
        Ok(Room::measure(&self.log, self.epoch_max_bytes).await?.alarms())
    }
}

fn record(room: &Room) {
    metrics::gauge!("broker_storage_bytes").set(room.storage.used as f64);
    if let Some(limit) = room.storage.limit {
        metrics::gauge!("broker_storage_limit_bytes").set(limit as f64);
    }
    metrics::gauge!("raw_zone_bytes").set(room.raw_bytes as f64);
    metrics::gauge!("raw_epoch_limit_bytes").set(room.epoch_max_bytes as f64);
    for chain in &room.chains {
        let bytes: u64 = chain.epochs.iter().map(|epoch| epoch.status.bytes).sum();
        let open = chain.newest().map_or(0, |newest| newest.status.bytes);
        let instance = chain.instance.to_string();
        metrics::gauge!("raw_stream_bytes", "instance" => instance.clone()).set(bytes as f64);
        metrics::gauge!("raw_epoch_bytes", "instance" => instance).set(open as f64);
    }
}

#[async_trait]
impl RawZone for Look {
    async fn epochs(&self) -> Result<Vec<EpochSummary>, LogError> {
        let mut found: BTreeMap<(String, u32), EpochSummary> = BTreeMap::new();
        let manifests = match &self.folder {
            Some(folder) => folder.manifests().await?,
            None => Vec::new(),
        };
        for manifest in manifests {
            let summary = archived(&manifest);
            found.insert((summary.instance.clone(), summary.epoch), summary);
        }
        for chain in Chain::all(&self.log).await? {
            for epoch in &chain.epochs {
                let key = (chain.instance.to_string(), epoch.number);
                let archived = found.contains_key(&key);
                found.insert(key.clone(), in_broker(key.0, epoch, archived));
            }
        }
        Ok(found.into_values().collect())
    }

    async fn room(&self) -> HealthCheck {
        let Ok(alarms) = self.alarms().await else {
            return HealthCheck::degraded(
                RAW_ZONE,
                "the broker does not tell its room",
                "Check that NATS runs.",
            );
        };
        let Some(worst) = alarms.first() else { return HealthCheck::ok(RAW_ZONE, "there is room") };
        HealthCheck::degraded(RAW_ZONE, worst.text.clone(), MAKE_ROOM)
    }
}

fn archived(manifest: &Manifest) -> EpochSummary {
    EpochSummary {
        instance: manifest.instance.to_string(),
        epoch: manifest.epoch,
        state: EpochState::Archived,
        archived: true,
        events: manifest.events,
        bytes: manifest.file_bytes,
        first_at: manifest.first_at,
        last_at: manifest.last_at,
    }
}

fn in_broker(instance: String, epoch: &Epoch, archived: bool) -> EpochSummary {
    let status = &epoch.status;
    EpochSummary {
        instance,
        epoch: epoch.number,
        state: if epoch.is_sealed() { EpochState::Sealed } else { EpochState::Open },
        archived,
        events: status.messages,
        bytes: status.bytes,
        first_at: status.first_at,
        last_at: status.last_at,
    }
}
