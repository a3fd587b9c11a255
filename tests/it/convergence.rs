//! Property: whatever the interleaving of several logs, and however their events are grouped into batches and delivered
//! again, the canonical and serving documents are the same, byte for byte.
//!
//! Runs the real normalizer, mappers and projector over the in-memory twins.

use proptest::prelude::*;
use salescommand_normalizer::RawMessage;
use serde_json::json;

use crate::histories::{Step, choices, config_step, crm_step, log_of, odoo_step, shuffle};
use crate::oracle;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_the_same_documents(
        one in prop::collection::vec(odoo_step(), 1..40),
        two in prop::collection::vec(odoo_step(), 1..40),
        config in prop::collection::vec(config_step(), 0..12),
        crm in prop::collection::vec(crm_step(), 0..16),
        choices in choices(),
    ) {
        let logs = [log_of("odoo-a", &one), log_of("odoo-b", &two), log_of("config", &config), log_of("crm", &crm)];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let whole: Vec<RawMessage> = logs.iter().flatten().cloned().collect();
        let expected = runtime.block_on(oracle::documents(&[whole], false));
        let shuffled = runtime.block_on(oracle::documents(&shuffle(&logs, &choices), true));
        oracle::assert_same(&expected, &shuffled);
    }
}

/// A stage with more deals than one batch resolves: the rest is worked off in steps, and ends the same as if the
/// stage had been a winning one from the beginning.
#[tokio::test]
async fn a_changed_stage_reaches_every_deal() {
    let stage = |is_won: bool| {
        Step::upsert("crm.stage", 1, json!({"id": 1, "name": "Stage", "sequence": 1, "is_won": is_won}))
    };
    let lead = |key: u16| {
        json!({
            "id": key, "name": "Deal", "type": "opportunity", "active": true, "probability": 50.0, "stage_id": 1,
            "expected_revenue": 0.0, "date_closed": "2026-11-03 10:00:00", "create_date": "2026-10-01 08:00:00",
        })
    };
    let mut steps = vec![stage(false)];
    steps.extend((1..=2_500).map(|key: u16| Step::upsert("crm.lead", key, lead(key))));
    steps.push(stage(true));
    let found = oracle::documents(&[log_of("odoo", &steps[..2_501]), log_of("odoo", &steps)], true).await;
    let sums = &found["serving_dashboard_stats_g1"];
    assert!(
        sums.keys().any(|id| id.contains("won_by_closed_on"))
            && found["canonical_opportunities_g1"].len() == 2_500
    );
    assert!(
        !sums.keys().any(|id| id.contains("open_by_close_date")),
        "no deal is open any more: {:?}",
        sums.keys()
    );
    assert!(!found.contains_key("serving_pipeline_summary_g1"), "no deal is open any more");
}
