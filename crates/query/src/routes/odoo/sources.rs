//! `GET /api/odoo/sources`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::KIND;
use crate::access::{Allowed, SyncRead};
use crate::error::ApiError;
use crate::freshness::Evidence;
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::routes::sync::status::{SourceStatus, status_of};
use crate::sources::SourceSummary;
use crate::sync::{RunObject, RunObjectState};

/// An object of an Odoo, as the runs that are remembered have read it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct OdooObject {
    /// The model.
    pub object: String,
    /// How many records there were when all of them were read last; none if that is not remembered.
    #[schema(format = Int64)]
    pub records: Option<u64>,
    /// When that was.
    pub counted_at: Option<Timestamp>,
    /// When it was read last, all of it or what had changed.
    pub read_at: Option<Timestamp>,
}

/// An Odoo.
#[derive(Debug, Serialize, ToSchema)]
pub struct OdooSource {
    /// Its status, as `GET /api/sync/status` tells it.
    #[serde(flatten)]
    pub status: SourceStatus,
    /// What was read of it, by name.
    pub objects: Vec<OdooObject>,
}

/// The Odoos.
#[derive(Debug, Serialize, ToSchema)]
pub struct OdooSources {
    /// By name.
    pub sources: Vec<OdooSource>,
}

/// The Odoos, with their state and what was read of them
#[utoipa::path(get, path = "/api/odoo/sources", tag = "odoo", responses(
    (status = 200, description = "OK", body = OdooSources),
    SignedInProblems,
))]
pub(crate) async fn odoo_sources(allowed: Allowed<SyncRead>) -> Result<Reply<OdooSources>, ApiError> {
    let evidence = allowed.present_evidence().await?;
    let sources = evidence.sources.iter().filter(|source| source.kind == KIND).map(|source| OdooSource {
        status: status_of(source, &evidence),
        objects: objects_of(source, &evidence),
    });
    Ok(Reply(OdooSources { sources: sources.collect() }))
}

fn objects_of(source: &SourceSummary, evidence: &Evidence) -> Vec<OdooObject> {
    let mut objects = BTreeMap::<&str, OdooObject>::new();
    // Newest first: the first word on anything is the last one.
    for run in evidence.runs.history().filter(|run| run.source == source.name) {
        // A back-fill says nothing of the object as a whole.
        let is_read = |object: &&RunObject| object.state == RunObjectState::Done && object.until.is_none();
        for object in run.objects.iter().filter(is_read) {
            let known = objects.entry(&object.object).or_insert_with(|| OdooObject {
                object: object.object.clone(),
                read_at: run.finished_at,
                ..OdooObject::default()
            });
            if known.counted_at.is_none() && object.since.is_none() {
                known.records = Some(object.total.unwrap_or(object.read));
                known.counted_at = run.finished_at;
            }
        }
    }
    objects.into_values().collect()
}
