//! `dashboard_stats`: deals per scope key and local day, in minor units per native currency.

use async_trait::async_trait;
use salescommand_domain::canonical::CanonicalEvent;
use salescommand_domain::serving::{DayBuckets, day_cells};
use salescommand_store::work::Work;
use salescommand_store::{CollectionSpec, Documents, serving_collection};

use crate::aggregate::bring_in;
use crate::roll_up::{RolledUp, SumsOf};
use crate::{Error, Projection};

/// See the module.
pub struct DashboardStats;

const NAME: &str = "dashboard_stats";
const STATE: &str = "dashboard_stats_state";
const ROLLED_UP: SumsOf<DayBuckets> = SumsOf::projection(NAME, &["scope_key", "measure", "month"]);

#[async_trait]
impl Projection for DashboardStats {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn collections(&self, generation: u32) -> Vec<CollectionSpec> {
        let collection = CollectionSpec::plain(serving_collection(NAME, generation));
        let mut collections = vec![
            collection.index(&["scope_key", "measure", "month"]).index(&["measure", "month"]),
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
        bring_in::<DayBuckets>(store, work, (&collection, &state), events, day_cells).await
    }

    fn rolled_up(&self) -> Option<&dyn RolledUp> {
        Some(&ROLLED_UP)
    }
}
