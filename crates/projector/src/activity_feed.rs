//! `activity_feed`: one document per activity, newest first by index.

use async_trait::async_trait;
use salescommand_domain::canonical::{CanonicalEvent, Entity};
use salescommand_domain::serving::FeedItem;
use salescommand_store::work::Work;
use salescommand_store::{CollectionSpec, Documents, serving_collection};

use crate::{Error, Projection};

/// See the module.
pub struct ActivityFeed;

const NAME: &str = "activity_feed";

#[async_trait]
impl Projection for ActivityFeed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn collections(&self, generation: u32) -> Vec<CollectionSpec> {
        let collection = CollectionSpec::plain(serving_collection(NAME, generation));
        vec![collection.index(&["scope_key", "at", "_id"]).index(&["at", "_id"])]
    }

    async fn apply(
        &self,
        generation: u32,
        store: &dyn Documents,
        work: &mut Work,
        events: &[(i64, &CanonicalEvent)],
    ) -> Result<(), Error> {
        let collection = serving_collection(NAME, generation);
        let changes: Vec<_> = events
            .iter()
            .filter_map(|(_, event)| match event {
                CanonicalEvent::Upserted { golden } if golden.entity() == Entity::Activity => {
                    Some((golden.id, FeedItem::of(golden)))
                }
                CanonicalEvent::Gone { entity: Entity::Activity, id } => Some((*id, None)),
                _ => None,
            })
            .collect();
        work.load(store, &collection, changes.iter().map(|(id, _)| id.to_string())).await?;
        for (id, item) in changes {
            match item {
                Some(item) => {
                    work.put(&collection, &id.to_string(), &item)?;
                }
                None => {
                    work.remove(&collection, &id.to_string());
                }
            }
        }
        Ok(())
    }
}
