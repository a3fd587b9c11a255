//! Property: at every moment a roll-up is the sum of the sums per key that it says it is of, whatever comes in, whatever
//! readers want and want no more, and wherever the projector is opened anew.
//!
//! Real events out of invented logs go through the real projections over the twin. What a roll-up must be is worked out
//! from the documents per key by plain addition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bson::{Document, rawdoc};
use proptest::prelude::*;
use salescommand_domain::access::ScopeKey;
use salescommand_domain::serving::{DayBuckets, StageSummary, SumDocument};
use salescommand_eventlog::EventLog;
use salescommand_eventlog::memory::MemoryLog;
use salescommand_normalizer::{Normalizer, canonical_stream, publish_outbox};
use salescommand_projector::{Projection, Projector, projections};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{
    Documents, OPS_ROLL_UPS, Ops, Query, Unhurried, roll_up_keys_collection, roll_ups_collection,
    serving_collection,
};
use serde::de::DeserializeOwned;

use crate::histories::{choices, log_of, odoo_step, shuffle};
use crate::oracle::{canonical_spec, entries, mappers, messages};

/// What happens between two portions of events.
#[derive(Debug, Clone)]
enum Happening {
    /// A reader wants the sums of some of the scope keys that there are; of every one, if it is none.
    Want(Option<u64>),
    /// Nobody wants one of the roll-ups any more.
    Leave(usize),
    /// The projector ends and is opened anew.
    Reopen,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => any::<u64>().prop_map(|some| Happening::Want(Some(some))),
        1 => Just(Happening::Want(None)),
        1 => any::<usize>().prop_map(Happening::Leave),
        1 => Just(Happening::Reopen),
    ]
}

fn decoded<T: DeserializeOwned>(documents: Vec<bson::RawDocumentBuf>) -> Vec<T> {
    documents.iter().map(|document| bson::deserialize_from_slice(document.as_bytes()).unwrap()).collect()
}

async fn all<T: DeserializeOwned>(store: &MemoryStore, collection: &str) -> Vec<T> {
    decoded(Documents::find(store, collection, &Query::all()).await.unwrap())
}

/// Some of the scope keys that have sums.
async fn some_keys(store: &MemoryStore, projection: &str, which: u64) -> BTreeSet<ScopeKey> {
    let documents: Vec<Document> = all(store, &serving_collection(projection, 1)).await;
    let keys: BTreeSet<_> = documents
        .iter()
        .map(|document| bson::deserialize_from_bson(document.get("scope_key").unwrap().clone()).unwrap())
        .collect();
    let chosen = keys.into_iter().enumerate().filter(|(index, _)| which >> (index % 64) & 1 == 1);
    chosen.map(|(_, key)| key).collect()
}

async fn want(store: &MemoryStore, keys: Option<BTreeSet<ScopeKey>>) {
    let id = ScopeKey::roll_up(keys.as_ref().map(BTreeSet::iter));
    let mut wish = rawdoc! { "_id": id.as_str(), "scope_key": id.as_str(), "asked_on": "2026-11-27" };
    if let Some(keys) = keys {
        let keys: bson::RawArrayBuf = keys.iter().map(|key| bson::RawBson::from(key.as_str())).collect();
        wish.append(bson::cstr!("keys"), keys);
    }
    match store.insert(OPS_ROLL_UPS, wish).await {
        Ok(()) | Err(salescommand_store::Error::Duplicate { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

async fn leave(store: &MemoryStore, which: usize) {
    let wishes: Vec<Document> = decoded(store.list(OPS_ROLL_UPS, &Query::all()).await.unwrap());
    if let Some(wish) = wishes.get(which % wishes.len().max(1)) {
        let id = wish.get("_id").unwrap().clone();
        let this = Query::all().with(salescommand_store::Condition::Eq("_id".to_owned(), id));
        store.delete(OPS_ROLL_UPS, &this).await.unwrap();
    }
}

/// The roll-ups that are kept, and how many of their documents there are, after comparing them with the sums per key.
async fn compare<D>(store: &MemoryStore, projection: &str) -> (usize, usize)
where
    D: SumDocument + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let per_key: Vec<D> = all(store, &serving_collection(projection, 1)).await;
    let kept: Vec<salescommand_projector::RollUp> = all(store, &roll_up_keys_collection(projection, 1)).await;
    let mut expected = BTreeMap::new();
    for roll_up in &kept {
        let in_it = |key: &ScopeKey| roll_up.keys.as_ref().is_none_or(|keys| keys.contains(key));
        for document in per_key.iter().filter(|document| in_it(document.scope_key())) {
            let empty = document.of_another(&roll_up.id);
            let sum = expected.entry(empty.id().to_owned()).or_insert(empty);
            sum.merge(document, 1).unwrap();
        }
    }
    expected.retain(|_, document| !document.is_empty());
    let found: Vec<D> = all(store, &roll_ups_collection(projection, 1)).await;
    let found: BTreeMap<_, _> =
        found.into_iter().map(|document| (document.id().to_owned(), document)).collect();
    assert_eq!(found, expected);
    (kept.len(), found.len())
}

async fn open(store: &MemoryStore, projection: &Arc<dyn Projection>) -> Projector {
    Projector::open(Arc::new(store.clone()), projection.clone(), 1, 1, &Unhurried).await.unwrap()
}

async fn run(batches: Vec<Vec<salescommand_normalizer::RawMessage>>, happenings: Vec<Happening>) -> usize {
    let store = MemoryStore::new();
    let shared: Arc<dyn Documents> = Arc::new(store.clone());
    let log = MemoryLog::new();
    log.ensure_stream(&canonical_spec()).await.unwrap();
    shared.ensure(&salescommand_normalizer::specs(1)).await.unwrap();
    let mut normalizer = Normalizer::open(shared.clone(), mappers(), 1).await.unwrap();
    for batch in &batches {
        normalizer.apply(batch).await.unwrap();
        while normalizer.settle().await.unwrap() {}
    }
    publish_outbox(&*shared, &log, 1).await.unwrap();
    let events = entries(&messages(&log, &canonical_stream(1)).await);
    let mut seen = 0;
    for projection in
        projections().iter().filter(|it| ["dashboard_stats", "pipeline_summary"].contains(&it.name()))
    {
        let name = projection.name();
        let mut projector = open(&store, projection).await;
        for (portion, happening) in events.chunks(4).zip(happenings.iter().cycle()) {
            projector.apply(portion).await.unwrap();
            match happening {
                Happening::Want(Some(which)) => {
                    want(&store, Some(some_keys(&store, name, *which).await)).await
                }
                Happening::Want(None) => want(&store, None).await,
                Happening::Leave(which) => leave(&store, *which).await,
                Happening::Reopen => projector = open(&store, projection).await,
            }
            while projector.roll_up(&store).await.unwrap() {}
            let (kept, documents) = match name {
                "dashboard_stats" => compare::<DayBuckets>(&store, name).await,
                _ => compare::<StageSummary>(&store, name).await,
            };
            let asked = store.list(OPS_ROLL_UPS, &Query::all()).await.unwrap().len();
            assert_eq!(kept, asked, "what is wanted is kept, and nothing else");
            seen += documents;
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_roll_up_is_the_sum_of_its_keys_at_every_moment(
        logs in prop::collection::vec(prop::collection::vec(odoo_step(), 20..60), 2),
        choices in choices(),
        happenings in prop::collection::vec(happening(), 1..12),
    ) {
        let logs = [log_of("odoo-a", &logs[0]), log_of("odoo-b", &logs[1])];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _seen = runtime.block_on(run(shuffle(&logs, &choices), happenings));
    }
}

/// A wish whose key is not that of what it lists is not believed.
#[tokio::test]
async fn a_roll_up_that_says_it_is_another_is_not_made() {
    let store = MemoryStore::new();
    let all = ScopeKey::roll_up(None::<std::iter::Empty<&ScopeKey>>);
    let wish = rawdoc! { "_id": all.as_str(), "scope_key": all.as_str(), "keys": ["owner:nobody"] };
    store.insert(OPS_ROLL_UPS, wish).await.unwrap();
    let projection = projections().into_iter().find(|it| it.name() == "dashboard_stats").unwrap();
    let mut projector = open(&store, &projection).await;
    assert!(!projector.roll_up(&store).await.unwrap());
    assert_eq!(compare::<DayBuckets>(&store, "dashboard_stats").await, (0, 0));
}
