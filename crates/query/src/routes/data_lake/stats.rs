//! `GET /api/data-lake/stats`: what the three zones hold, and what each still has before it.
//!
//! Records are counted within the reader's scope. How much goes through the zones would tell of records beyond it, so
//! only a reader who sees every record is told. Every canonical event is one sequence of the stream `CANONICAL_G<n>`,
//! so a projection's backlog is the stream's end minus its position.

use jiff::Timestamp;
use salescommand_domain::access::ScopeKind;
use salescommand_domain::canonical::Entity;
use salescommand_domain::raw::{InstanceName, Position, Vector};
use salescommand_eventlog::StreamStatus;
use salescommand_store::{Condition, Query, quarantine_collection, serving_collection};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, DataLakeRead};
use crate::error::ApiError;
use crate::freshness::Meta;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::viewer::Viewer;

const RAW_PREFIX: &str = "RAW_";

/// One epoch of one raw log.
#[derive(Debug, Serialize, ToSchema)]
pub struct RawZone {
    /// The source instance.
    pub source: String,
    /// Which stream of its chain.
    #[schema(format = Int64)]
    pub epoch: u32,
    /// The stream.
    pub stream: String,
    /// Events in it.
    #[schema(format = Int64)]
    pub events: u64,
    /// Bytes on disk.
    #[schema(format = Int64)]
    pub bytes: u64,
    /// Time of the oldest event.
    pub first_at: Option<Timestamp>,
    /// Time of the newest event.
    pub last_at: Option<Timestamp>,
    /// Events not yet normalised.
    #[schema(format = Int64)]
    pub pending: u64,
}

/// How many records an entity has.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntityCount {
    /// The entity, in the plural.
    pub entity: String,
    /// Golden records.
    #[schema(format = Int64)]
    pub count: u64,
}

/// Rejected raw events.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuarantineCount {
    /// Not retried, not waived.
    #[schema(format = Int64)]
    pub open: u64,
}

/// The canonical zone.
#[derive(Debug, Serialize, ToSchema)]
pub struct CanonicalZone {
    /// The active generation.
    #[schema(format = Int64)]
    pub generation: u32,
    /// Records per entity, as far as the reader may see them.
    pub entities: Vec<EntityCount>,
    /// Changes not yet published; for readers who see every record.
    #[schema(format = Int64)]
    pub pending: Option<u64>,
    /// Rejected raw events; for readers who see every record.
    pub quarantine: Option<QuarantineCount>,
}

/// One projection.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServingZone {
    /// Its name.
    pub projection: String,
    /// Version of its definition; 0 before its first event.
    #[schema(format = Int64)]
    pub version: u64,
    /// Its active generation.
    #[schema(format = Int64)]
    pub generation: u32,
    /// Prepared documents.
    #[schema(format = Int64)]
    pub documents: u64,
    /// Canonical events not yet projected.
    #[schema(format = Int64)]
    pub pending: u64,
}

/// The three zones.
#[derive(Debug, Serialize, ToSchema)]
pub struct LakeStats {
    /// Freshness.
    pub meta: Meta,
    /// Raw logs, by stream; for readers who see every record.
    pub raw: Option<Vec<RawZone>>,
    /// The canonical zone.
    pub canonical: CanonicalZone,
    /// Projections, by name; for readers who see every record.
    pub serving: Option<Vec<ServingZone>>,
}

/// Counts, bytes and lag of the three zones
#[utoipa::path(get, path = "/api/data-lake/stats", tag = "data-lake", responses(
    (status = 200, description = "OK", body = LakeStats),
    SignedInProblems,
))]
pub(crate) async fn lake_stats(allowed: Allowed<DataLakeRead>) -> Result<Reply<LakeStats>, ApiError> {
    let evidence = allowed.present_evidence().await?;
    let viewer = allowed.viewer().await?;
    let (raw, canonical, serving) = if viewer.scope.kind() == ScopeKind::All {
        let log = &allowed.guarded().log;
        let streams = log.streams(RAW_PREFIX).await.map_err(ApiError::broker)?;
        let normalised = viewer.consumers.normalizer(viewer.active.canonical).unwrap_or_default();
        let raw = streams.iter().filter_map(|status| raw_zone(status, &normalised)).collect();
        let stream = format!("CANONICAL_G{}", viewer.active.canonical);
        let end = log.stream(&stream).await.map_err(ApiError::broker)?;
        let end = end.map_or(0, |status| status.last_sequence);
        (Some(raw), canonical_zone(&viewer, Some(end)).await?, Some(serving_zones(&viewer, end).await?))
    } else {
        (None, canonical_zone(&viewer, None).await?, None)
    };
    Ok(Reply(LakeStats { meta: evidence.meta(&viewer), raw, canonical, serving }))
}

fn raw_zone(status: &StreamStatus, normalised: &Vector) -> Option<RawZone> {
    let (instance, epoch) = status.name.strip_prefix(RAW_PREFIX)?.rsplit_once("_E")?;
    let (source, epoch) = (instance.to_ascii_lowercase(), epoch.parse().ok()?);
    let position = InstanceName::new(source.clone()).ok().and_then(|name| normalised.get(&name).copied());
    Some(RawZone {
        source,
        epoch,
        stream: status.name.clone(),
        events: status.messages,
        bytes: status.bytes,
        first_at: status.first_at,
        last_at: status.last_at,
        pending: pending(status, epoch, position),
    })
}

/// Events of an epoch behind a position.
fn pending(status: &StreamStatus, epoch: u32, position: Option<Position>) -> u64 {
    match position {
        Some(at) if at.epoch > epoch => 0,
        Some(at) if at.epoch == epoch => status.last_sequence.saturating_sub(at.sequence),
        _ => status.messages,
    }
}

/// The canonical zone; what waits and what was rejected only with the end of its stream.
async fn canonical_zone(viewer: &Viewer, end: Option<u64>) -> Result<CanonicalZone, ApiError> {
    let generation = viewer.active.canonical;
    let mut entities = Vec::new();
    for entity in Entity::ALL {
        let count = viewer.golden_count(entity).await?;
        entities.push(EntityCount { entity: entity.plural().to_owned(), count });
    }
    let mut zone = CanonicalZone { generation, entities, pending: None, quarantine: None };
    if let Some(end) = end {
        // Superseded rejects stay in the collection; they wait for nobody.
        let open = Query::all().with(Condition::Eq("state".to_owned(), "open".into()));
        zone.pending = Some(viewer.consumers.numbered(generation).saturating_sub(end));
        let open = viewer.count(&quarantine_collection(generation), &open).await?;
        zone.quarantine = Some(QuarantineCount { open });
    }
    Ok(zone)
}

async fn serving_zones(viewer: &Viewer, end: u64) -> Result<Vec<ServingZone>, ApiError> {
    let mut zones = Vec::new();
    for (projection, generation) in &viewer.active.serving {
        let position = viewer.consumers.projection(projection, *generation);
        zones.push(ServingZone {
            projection: projection.clone(),
            version: position.as_ref().map_or(0, |position| position.version),
            generation: *generation,
            documents: viewer.count(&serving_collection(projection, *generation), &Query::all()).await?,
            pending: end.saturating_sub(position.map_or(0, |position| position.sequence)),
        });
    }
    Ok(zones)
}
