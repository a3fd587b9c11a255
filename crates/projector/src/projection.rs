//! What a projection is, and the list of all.

use std::sync::Arc;

use async_trait::async_trait;
use bson::Document;
use salescommand_domain::canonical::CanonicalEvent;
use salescommand_domain::raw::Vector;
use salescommand_store::work::Work;
use salescommand_store::{CollectionSpec, Documents};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::roll_up::RolledUp;
use crate::{
    activity_feed::ActivityFeed, dashboard_stats::DashboardStats, directory::Directory,
    opportunity_history::OpportunityHistory, pipeline_summary::PipelineSummary,
};

/// A read model.
#[async_trait]
pub trait Projection: Send + Sync {
    /// Its permanent name; also the name of its documents' collection and its key in the switch.
    fn name(&self) -> &'static str;

    /// Raise it when the documents' meaning changes: the next generation is then built beside this one.
    fn version(&self) -> u32;

    /// Its collections in a serving generation, with their indexes.
    fn collections(&self, generation: u32) -> Vec<CollectionSpec>;

    /// Brings events into the documents, in order. Same events, same documents, however they are batched.
    async fn apply(
        &self,
        generation: u32,
        store: &dyn Documents,
        work: &mut Work,
        events: &[(i64, &CanonicalEvent)],
    ) -> Result<(), Error>;

    /// Its sums, if they are kept rolled up for readers of wide scopes.
    fn rolled_up(&self) -> Option<&dyn RolledUp> {
        None
    }
}

/// Every projection there is.
pub fn projections() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(Directory),
        Arc::new(DashboardStats),
        Arc::new(PipelineSummary),
        Arc::new(ActivityFeed),
        Arc::new(OpportunityHistory),
    ]
}

/// The name under which a projection's generation keeps its position.
pub fn consumer_name(projection: &str, generation: u32) -> String {
    format!("projection_{projection}_g{generation}")
}

/// Where a projection stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectionPosition {
    /// The last message of the canonical stream that is in.
    pub sequence: i64,
    /// All raw events up to here are in.
    pub vector: Vector,
    /// The canonical generation it reads.
    pub canonical: i64,
    /// Version of the projection that wrote it.
    pub version: i64,
    /// It met what it cannot read behind this position, and stands still.
    #[serde(default)]
    pub parked: bool,
    /// The last message that changed its documents: as long as it is the same, they are. None from an older program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<i64>,
}

impl ProjectionPosition {
    /// Reads a stored position.
    pub fn decode(document: &Document) -> Result<Self, Error> {
        bson::deserialize_from_document(document.clone()).map_err(|error| Error::State(error.to_string()))
    }

    /// The form in which it is stored.
    pub fn encode(&self) -> Result<Document, Error> {
        bson::serialize_to_document(self).map_err(|error| Error::State(error.to_string()))
    }
}
