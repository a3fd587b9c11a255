//! A right to a field of deals is lost and comes back: no amount becomes empty in between.

use salescommand_domain::raw::Operation;
use salescommand_ingest::{Run, RunState};
use serde_json::json;

use crate::odoo_changes::Office;

const API: &str = "integration@salescommand.com";
const REVENUE: (&str, &str) = ("crm.lead", "expected_revenue");

impl Office {
    async fn run_after(&mut self, seconds: u64) -> Run {
        self.pass(seconds);
        self.run += 1;
        self.sync(false).await
    }

    /// Raw events of deals that have no amount although the server has one for each.
    async fn without_amount(&self) -> usize {
        let deals = self.events().await.into_iter().filter(|event| event.object.as_str() == "crm.lead");
        let upserts = deals.filter(|event| event.operation == Operation::Upsert);
        upserts
            .filter(|event| !serde_json::to_string(&event.payload).unwrap().contains("expected_revenue"))
            .count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_right_to_a_field_holds_its_object_and_nothing_becomes_empty() {
    let mut office = Office::open().await;
    assert_eq!(office.run_after(1).await.state, RunState::Succeeded);

    office.handle.data().forbid_field(API, REVENUE).unwrap();
    let lead = office.handle.data().snapshot().ids_where("crm.lead", |_| true)[0];
    let renamed = json!([[lead], {"name": "Renamed"}]);
    office.handle.data().call("admin", ("crm.lead", "write"), renamed, json!({})).unwrap();
    let held = office.run_after(60).await;
    let error = held.error.clone().unwrap();
    assert_eq!((held.state, error.code.as_str()), (RunState::Failed, "schema-drift"), "{held:?}");
    assert!(error.message.contains("expected_revenue"), "{}", error.message);
    let others = held.objects.iter().filter(|object| object.object.as_str() != "crm.lead");
    assert!(others.clone().count() > 0);
    assert!(
        others.into_iter().all(|object| object.state == salescommand_ingest::ObjectState::Done),
        "{held:?}"
    );
    assert_eq!(office.without_amount().await, 0);

    office.handle.data().permit_field(API, REVENUE).unwrap();
    let back = office.run_after(60).await;
    assert_eq!(back.state, RunState::Succeeded, "{back:?}");
    assert_eq!(office.without_amount().await, 0);
    let renamed = office.events().await.into_iter().filter(|event| event.key == lead.to_string());
    assert!(
        renamed.into_iter().any(|event| serde_json::to_string(&event.payload).unwrap().contains("Renamed"))
    );
}
