//! `pipeline_summary`: open deals per scope key and stage.

use async_trait::async_trait;
use salescommand_domain::canonical::CanonicalEvent;
use salescommand_domain::serving::{Cell, DealFacts, StageSummary, stage_cell};
use salescommand_store::work::Work;
use salescommand_store::{CollectionSpec, Documents, serving_collection};

use crate::aggregate::bring_in;
use crate::roll_up::{RolledUp, SumsOf};
use crate::{Error, Projection};

/// See the module.
pub struct PipelineSummary;

const NAME: &str = "pipeline_summary";
const STATE: &str = "pipeline_summary_state";
const ROLLED_UP: SumsOf<StageSummary> = SumsOf::projection(NAME, &["scope_key"]);

fn cells(deal: &DealFacts) -> Vec<Cell> {
    stage_cell(deal).into_iter().collect()
}

#[async_trait]
impl Projection for PipelineSummary {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn collections(&self, generation: u32) -> Vec<CollectionSpec> {
        let mut collections = vec![
            CollectionSpec::plain(serving_collection(NAME, generation)).index(&["scope_key"]),
            CollectionSpec::internal(serving_collection(STATE, generation)),
        ];
        collections.extend(ROLLED_UP.collections(generation));
        collections
    }

    async fn apply(
        &self,
        generation: u32,
        store: &dyn Documents,
        work: &mut Work,
        events: &[(i64, &CanonicalEvent)],
    ) -> Result<(), Error> {
        let (collection, state) =
            (serving_collection(NAME, generation), serving_collection(STATE, generation));
        bring_in::<StageSummary>(store, work, (&collection, &state), events, cells).await
    }

    fn rolled_up(&self) -> Option<&dyn RolledUp> {
        Some(&ROLLED_UP)
    }
}
