//! Leads that are merged in Odoo, from the server to the documents.

use salescommand_domain::canonical::history::{HistoryField, HistoryVersion};
use salescommand_domain::canonical::{FacetId, Golden};
use serde_json::{Value, json};

use crate::odoo_activities::facet;
use crate::odoo_changes::Office;

const ADMIN: &str = "admin";

impl Office {
    fn lead(&mut self, name: &str, stage: i64) -> i64 {
        self.pass(5);
        let values = json!([{"name": name, "stage_id": stage}]);
        self.done(ADMIN, "crm.lead", "create", values).as_i64().unwrap()
    }

    /// The call ends in a fault, since its result cannot be sent; it has committed all the same.
    fn merged(&mut self, leads: [i64; 2]) {
        self.pass(5);
        let _ = self.handle.data().call(ADMIN, ("crm.lead", "merge_opportunity"), json!([leads]), json!({}));
    }

    /// Whether a lead is deleted, and into which it was merged.
    async fn state(&self, lead: i64) -> (bool, Option<FacetId>) {
        let id = facet("crm.lead", lead).to_string();
        let golden: Golden =
            bson::deserialize_from_slice(&self.documents().await["canonical_opportunities_g1"][&id]).unwrap();
        (golden.deleted, golden.merged_into)
    }

    /// The last row of a lead's history: what, and to which value.
    async fn last_row(&self, lead: i64) -> (HistoryField, Option<Value>) {
        let id = facet("crm.lead", lead);
        let versions = self.documents().await["canonical_history_g1"].clone();
        let last = versions.into_iter().rfind(|(version, _)| version.starts_with(&id.to_string())).unwrap();
        let version: HistoryVersion = bson::deserialize_from_slice(&last.1).unwrap();
        let row = version.changes.last().unwrap();
        (row.field, row.to.clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_lead_is_a_state_that_names_its_heir_and_its_activities_are_the_heirs() {
    let mut office = Office::open().await;
    let kept = office.lead("Kept", 4);
    let other = office.lead("Chairs & tables", 1);
    let deleted = office.lead("Deleted", 1);
    let planned = office.plan(other, json!({"activity_type_id": 2}));
    let post = json!({"body": "<p>x</p>", "message_type": "comment"});
    let comment = office.handle.data().call(ADMIN, ("crm.lead", "message_post"), json!([[other]]), post);
    let comment = comment.unwrap().as_i64().unwrap();
    let meeting = json!([{"name": "Demo", "start": "2026-12-01 09:00:00", "opportunity_id": other}]);
    let meeting = office.done(ADMIN, "calendar.event", "create", meeting).as_i64().unwrap();
    office.next_sync(false).await;
    let keys = |activities: std::collections::BTreeMap<(String, i64), _>| {
        activities.into_keys().collect::<Vec<(String, i64)>>()
    };
    let hung = [("calendar.event", meeting), ("mail.activity", planned), ("mail.message", comment)]
        .map(|(object, id)| (object.to_owned(), id));
    assert_eq!(keys(office.activities(other).await), hung);
    office.merged([other, kept]);
    office.done(ADMIN, "crm.lead", "unlink", json!([[deleted]]));
    office.next_sync(false).await;
    let heir = facet("crm.lead", kept);
    assert_eq!(office.state(other).await, (true, Some(heir)));
    assert_eq!(office.last_row(other).await, (HistoryField::Deleted, Some(json!(heir))));
    assert_eq!(office.state(deleted).await, (true, None));
    assert_eq!(office.last_row(deleted).await, (HistoryField::Deleted, None));
    assert_eq!(office.state(kept).await, (false, None));
    // They bear the moment of the merge, so asking for changes brings them.
    assert!(office.activities(other).await.is_empty());
    let found = keys(office.activities(kept).await);
    assert!(hung.iter().all(|activity| found.contains(activity)), "{found:?}");
    assert_eq!(office.next_sync(true).await, 0, "all of it was said");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_that_was_merged_on_between_two_syncs_leads_to_where_it_ended() {
    let mut office = Office::open().await;
    let [first, then, last] =
        [("First", 1), ("Then", 2), ("Last", 3)].map(|(name, stage)| office.lead(name, stage));
    office.next_sync(false).await;
    office.merged([first, then]);
    office.merged([then, last]);
    office.next_sync(false).await;
    let heir = Some(facet("crm.lead", last));
    assert_eq!(office.state(first).await, (true, heir));
    assert_eq!(office.state(then).await, (true, heir));
    let end = office.lead("End", 4);
    office.next_sync(false).await;
    office.merged([last, end]);
    office.next_sync(false).await;
    assert_eq!(office.state(last).await, (true, Some(facet("crm.lead", end))));
    assert_eq!(office.state(first).await, (true, heir), "each names the one it went into, which leads on");
}
