//! Where the content of a merged record is, and what was merged into a record: as far as the reader may see it.

use bson::Bson;
use salescommand_domain::canonical::{Golden, GoldenBody};
use salescommand_store::{Condition, Direction, Query};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::viewer::Viewer;

/// Merges that are followed in a row. A source that merged more often than that has gone round in a circle.
const MOST_STEPS: usize = 32;
/// Records that are named at most of those that were merged into one.
const MOST_NAMED: usize = 200;

/// A record that was merged into another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MergedRecord {
    /// Golden id.
    pub id: String,
    /// What it was called.
    pub name: String,
}

impl From<&Golden> for MergedRecord {
    fn from(golden: &Golden) -> Self {
        Self { id: golden.id.to_string(), name: name_of(golden).to_owned() }
    }
}

/// What a record is called.
pub(crate) fn name_of(golden: &Golden) -> &str {
    match &golden.body {
        GoldenBody::Account(account) => &account.name,
        GoldenBody::Contact(contact) => &contact.name,
        GoldenBody::Opportunity(deal) => &deal.name,
        GoldenBody::Activity(activity) => &activity.subject,
        GoldenBody::User(user) => &user.name,
        GoldenBody::Team(team) => &team.name,
    }
}

impl Viewer {
    /// The record that has the content of a merged one, which may have been merged since. None for a record that was not
    /// merged, if the reader may not see the other one, and while it is not known.
    pub(crate) async fn survivor(&self, golden: &Golden) -> Result<Option<Golden>, ApiError> {
        let (entity, mut next) = (golden.entity(), golden.merged_into);
        for _ in 0..MOST_STEPS {
            let Some(id) = next else { return Ok(None) };
            let Some(found) = self.record(entity, id).await? else { return Ok(None) };
            if found.merged_into.is_none() {
                return Ok(Some(found));
            }
            next = found.merged_into;
        }
        Ok(None)
    }

    /// The records that were merged into one, as far as the reader may see them, by id.
    pub(crate) async fn merged_from(&self, golden: &Golden) -> Result<Vec<Golden>, ApiError> {
        let facets = golden.facets.iter().map(|facet| Bson::from(facet.id.to_string())).collect();
        let query = Query::all()
            .with(Condition::In("merged_into".to_owned(), facets))
            .sorted("_id", Direction::Ascending)
            .limited(MOST_NAMED);
        self.golden(golden.entity(), &query).await
    }
}
