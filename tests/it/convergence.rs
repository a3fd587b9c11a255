//! Property: whatever the interleaving of several logs, and however their events are grouped into batches and delivered
//! again, the canonical and serving documents are the same, byte for byte.
//!
//! They are held against a recount from scratch (`recompute`). And serving documents are a function of the canonical
//! records: which events led there, and in which order entities changed, does not matter.
//!
//! Runs the real normalizer, mappers and projector over the in-memory twins.

use std::collections::BTreeMap;

use proptest::prelude::*;
use salescommand_eventlog::Message;
use salescommand_normalizer::RawMessage;
use serde_json::json;

use crate::histories::{Step, choices, config_step, crm_step, log_of, odoo_step, shuffle};
use crate::oracle::{self, Compared};
use crate::recompute;

/// Some logs: two instances that share people and companies, what SalesCommand's users configure and edit.
fn logs() -> impl Strategy<Value = Vec<Vec<RawMessage>>> {
    let odoo = || prop::collection::vec(odoo_step(), 1..40);
    let own = (prop::collection::vec(config_step(), 0..12), prop::collection::vec(crm_step(), 0..16));
    (odoo(), odoo(), own).prop_map(|(one, two, (config, crm))| {
        vec![log_of("odoo-a", &one), log_of("odoo-b", &two), log_of("config", &config), log_of("crm", &crm)]
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_what_a_slow_recount_gives(logs in logs(), choices in choices()) {
        let whole: Vec<RawMessage> = logs.iter().flatten().cloned().collect();
        let expected = recompute::documents(&whole);
        let shuffled = block_on(oracle::documents(&shuffle(&logs, &choices), true));
        oracle::assert_same(&expected, &shuffled);
    }

    #[test]
    fn intermediate_events_and_the_order_of_entities_do_not_matter(
        logs in logs(),
        choices in choices(),
        seed in any::<u64>(),
    ) {
        let expected = block_on(oracle::documents(&shuffle(&logs, &choices), true));
        let thinned = block_on(oracle::served_from(&shuffle(&logs, &choices), |events| thin(events, seed)));
        oracle::assert_same(&serving(expected.clone()), &serving(thinned));
        let permuted = block_on(oracle::served_from(&shuffle(&logs, &choices), |events| permute(events, seed)));
        oracle::assert_same(&serving(expected), &serving(permuted));
    }
}

/// A rejected version, a deletion of what was never held, and the first version that is accepted.
#[tokio::test]
async fn a_record_that_was_deleted_before_it_was_ever_held() {
    let by = "80ac86f3-7999-545a-9e59-6333c2cb2c64";
    let edit = |value: serde_json::Value| {
        let fields = json!({"amount": {"value": value, "at": "2023-11-15T00:23:20Z", "by": by}});
        Step::upsert("opportunity", 1, json!({"kind": "edit", "fields": fields}))
    };
    let gone = Step { payload: None, ..edit(json!(null)) };
    let steps = [edit(json!({"value": "10.005", "currency": "EUR"})), gone, edit(json!(null))];
    let log = log_of("crm", &steps);
    let expected = recompute::documents(&log);
    for batches in [vec![log.clone()], log.iter().map(|one| vec![one.clone()]).collect()] {
        oracle::assert_same(&expected, &oracle::documents(&batches, true).await);
    }
}

fn serving(mut documents: Compared) -> Compared {
    documents.retain(|name, _| name.starts_with("serving_"));
    documents
}

/// Leaves out some of the events that a later one of the same entity follows.
fn thin(events: Vec<Message>, seed: u64) -> Vec<Message> {
    let mut random = seed;
    let mut kept = Vec::new();
    for (index, event) in events.iter().enumerate() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let followed = events[index + 1..].iter().any(|later| later.subject == event.subject);
        if !followed || random >> 63 == 0 {
            kept.push(event.clone());
        }
    }
    kept
}

/// Only the last event of each entity, the entities in some other order.
fn permute(events: Vec<Message>, seed: u64) -> Vec<Message> {
    let last: BTreeMap<String, Message> =
        events.into_iter().map(|event| (event.subject.clone(), event)).collect();
    let mut events: Vec<Message> = last.into_values().collect();
    events.sort_by_key(|event| {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        event.subject.bytes().fold(seed, mix)
    });
    for (index, event) in events.iter_mut().enumerate() {
        event.sequence = index as u64 + 1;
    }
    events
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
