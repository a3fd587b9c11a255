//! The raw zone as a whole: its epochs and its room. Read only; the app looks, over broker and archives.

use async_trait::async_trait;
use jiff::Timestamp;
use salescommand_eventlog::Error as LogError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::readiness::HealthCheck;

/// Where an epoch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpochState {
    /// Takes events.
    Open,
    /// Takes none any more.
    Sealed,
    /// Only its archive holds it.
    Archived,
}

/// One epoch of a raw log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EpochSummary {
    /// The source instance.
    pub instance: String,
    /// Which stream of its chain; the first is 1.
    #[schema(format = Int64)]
    pub epoch: u32,
    /// Where it is.
    pub state: EpochState,
    /// Whether there is an archive of it.
    pub archived: bool,
    /// Events in it.
    #[schema(format = Int64)]
    pub events: u64,
    /// Bytes in the broker, or of the archive where only that holds it.
    #[schema(format = Int64)]
    pub bytes: u64,
    /// Time of the oldest event.
    pub first_at: Option<Timestamp>,
    /// Time of the newest event.
    pub last_at: Option<Timestamp>,
}

/// Looks at the raw zone.
#[async_trait]
pub trait RawZone: Send + Sync {
    /// Every epoch, by instance and number.
    async fn epochs(&self) -> Result<Vec<EpochSummary>, LogError>;

    /// Whether there is room, as the check [`RAW_ZONE`](crate::RAW_ZONE).
    async fn room(&self) -> HealthCheck;
}
