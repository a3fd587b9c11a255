//! Whether the service can do its work: `/readyz`, and the checks of the data lake's health.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use salescommand_eventlog::EventLog;
use salescommand_store::ScopedReads;
use serde::Serialize;
use utoipa::ToSchema;

use crate::consumers::Consumers;
use crate::raw_zone::RawZone;

/// A dependency that has not answered within this time is down.
const PATIENCE: Duration = Duration::from_secs(3);
/// The check that tells whether every projection goes on.
const PROJECTIONS: &str = "projections";
/// Name of the check of the raw zone's room.
pub const RAW_ZONE: &str = "raw-zone";
const LOOK_AT_NATS: &str = "Check that NATS runs: `salescommand doctor` says what it found.";

/// How well something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Works.
    Ok,
    /// Works in part.
    Degraded,
    /// Does not work.
    Down,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthCheck {
    /// What: `store`, `event-log`, `generation`, ….
    pub name: String,
    /// How well it works.
    pub status: HealthStatus,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub fix: Option<String>,
}

impl HealthCheck {
    /// It works.
    pub fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status: HealthStatus::Ok, detail: detail.into(), fix: None }
    }

    /// It works in part, or not yet.
    pub fn degraded(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: HealthStatus::Degraded, fix: Some(fix.into()), ..Self::ok(name, detail) }
    }

    /// It does not work.
    pub fn down(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: HealthStatus::Down, fix: Some(fix.into()), ..Self::ok(name, detail) }
    }
}

/// A further condition of readiness, added by the app: demo mode waits for the first sync.
#[async_trait]
pub trait ReadinessCheck: Send + Sync {
    /// Looks. Anything but [`HealthStatus::Ok`] means not ready.
    async fn check(&self) -> HealthCheck;
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// The worst of the checks.
    pub status: HealthStatus,
    /// Each condition.
    pub checks: Vec<HealthCheck>,
}

impl Readiness {
    /// Whether requests may come. A projection that stands still, or a raw zone that fills, is told, but keeps no page
    /// from being read.
    pub(crate) fn is_ready(&self) -> bool {
        self.checks.iter().all(|check| match check.status {
            HealthStatus::Ok => true,
            HealthStatus::Degraded => [PROJECTIONS, RAW_ZONE].contains(&check.name.as_str()),
            HealthStatus::Down => false,
        })
    }
}

/// Looks at what the service depends on.
pub(crate) struct Probes {
    pub(crate) store: Arc<dyn ScopedReads>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) raw_zone: Arc<dyn RawZone>,
    pub(crate) further: Vec<Arc<dyn ReadinessCheck>>,
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probes")
    }
}

impl Probes {
    /// Everything that must be ready.
    pub(crate) async fn readiness(&self) -> Readiness {
        let (store, log, generation, projections, raw_zone) = tokio::join!(
            self.store(),
            self.event_log(),
            self.generation(),
            self.projections(),
            self.raw_zone()
        );
        let mut checks = vec![store, log, generation, projections, raw_zone];
        for further in &self.further {
            checks.push(further.check().await);
        }
        Readiness { status: worst(&checks), checks }
    }

    /// Whether the document store answers.
    pub(crate) async fn store(&self) -> HealthCheck {
        let fix = "Check that MongoDB runs: `salescommand doctor` says what it found.";
        match tokio::time::timeout(PATIENCE, self.store.ping()).await {
            Ok(Ok(())) => HealthCheck::ok("store", "the document store answers"),
            _ => HealthCheck::down("store", "the document store does not answer", fix),
        }
    }

    /// Whether the event log answers.
    pub(crate) async fn event_log(&self) -> HealthCheck {
        let fix = "Check that NATS runs: `salescommand doctor` says what it found.";
        match tokio::time::timeout(PATIENCE, self.log.streams("RAW_")).await {
            Ok(Ok(streams)) => {
                HealthCheck::ok("event-log", format!("the event log answers; {} raw logs", streams.len()))
            }
            _ => HealthCheck::down("event-log", "the event log does not answer", fix),
        }
    }

    /// Whether the raw zone has room.
    pub(crate) async fn raw_zone(&self) -> HealthCheck {
        match tokio::time::timeout(PATIENCE, self.raw_zone.room()).await {
            Ok(check) => check,
            Err(_) => HealthCheck::degraded(RAW_ZONE, "unknown: the event log does not answer", LOOK_AT_NATS),
        }
    }

    /// Whether there is a generation to read.
    async fn generation(&self) -> HealthCheck {
        let fix = "Start `salescommand all`, or the normalizer and the projector.";
        match tokio::time::timeout(PATIENCE, self.store.active()).await {
            Ok(Ok(Some(active))) => {
                HealthCheck::ok("generation", format!("canonical generation g{} is active", active.canonical))
            }
            Ok(Ok(None)) => HealthCheck::down("generation", "nothing has been prepared yet", fix),
            _ => HealthCheck::down("generation", "unknown: the document store does not answer", fix),
        }
    }

    /// Whether every active projection goes on.
    pub(crate) async fn projections(&self) -> HealthCheck {
        let (name, fix) =
            (PROJECTIONS, "The projector's log names the event; replay the projection once it is mended.");
        let look = async { tokio::try_join!(self.store.active(), self.store.positions()) };
        let Ok(Ok((active, positions))) = tokio::time::timeout(PATIENCE, look).await else {
            return HealthCheck::down(name, "unknown: the document store does not answer", fix);
        };
        let consumers = Consumers::new(positions);
        let serving = active.map(|active| active.serving).unwrap_or_default();
        let is_parked = |(name, generation): &(&String, &u32)| {
            consumers.projection(name, **generation).is_some_and(|position| position.parked)
        };
        let parked: Vec<_> = serving.iter().filter(is_parked).map(|(name, _)| name.as_str()).collect();
        if parked.is_empty() {
            return HealthCheck::ok(name, format!("{} projections go on", serving.len()));
        }
        HealthCheck::degraded(
            name,
            format!("parked, and not up to date any more: {}", parked.join(", ")),
            fix,
        )
    }
}

/// The worst status; nothing looked at is nothing wrong.
pub(crate) fn worst(checks: &[HealthCheck]) -> HealthStatus {
    checks.iter().map(|check| check.status).max().unwrap_or(HealthStatus::Ok)
}
