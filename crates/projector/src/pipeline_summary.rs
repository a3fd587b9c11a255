//! `pipeline_summary`: open deals per scope key and stage.

use async_trait::async_trait;
use salescommand_domain::canonical::CanonicalEvent;
use salescommand_domain::serving::{Cell, DealFacts, StageSummary, stage_cell};
use salescommand_store::work::Work;
use salescommand_store::{CollectionSpec, Documents, serving_collection};

use crate::aggregate::{by_document, moves};
use crate::{Error, Projection};

/// See the module.
pub struct PipelineSummary;

const NAME: &str = "pipeline_summary";
const STATE: &str = "pipeline_summary_state";

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
        vec![
            CollectionSpec::plain(serving_collection(NAME, generation)).index(&["scope_key"]),
            CollectionSpec::plain(serving_collection(STATE, generation)),
        ]
    }

    async fn apply(
        &self,
        generation: u32,
        store: &dyn Documents,
        work: &mut Work,
        events: &[(i64, CanonicalEvent)],
    ) -> Result<(), Error> {
        let (collection, state) =
            (serving_collection(NAME, generation), serving_collection(STATE, generation));
        let documents = by_document(moves(store, work, &state, events, cells).await?);
        work.load(store, &collection, documents.keys().cloned()).await?;
        for (id, moves) in documents {
            let mut held: Option<StageSummary> = work.get(&collection, &id)?;
            for step in &moves {
                let Some(mut document) = held.take().or_else(|| StageSummary::empty(&step.cell)) else {
                    continue;
                };
                document.apply(&step.cell, step.sign).map_err(|error| Error::State(error.to_string()))?;
                held = Some(document);
            }
            match held.filter(|document| !document.is_empty()) {
                Some(document) => {
                    work.put(&collection, &id, &document)?;
                }
                None => {
                    work.remove(&collection, &id);
                }
            }
        }
        Ok(())
    }
}
