//! Wide scopes: their readers ask for roll-ups, read them once they are kept, and sum per key until then.

use bson::doc;
use salescommand_domain::access::{Role, ScopeKey};
use salescommand_domain::canonical::Status;
use salescommand_domain::serving::{DayBuckets, SumDocument as _};
use salescommand_store::{
    Condition, Documents, OPS_ROLL_UPS, Ops, Query, roll_up_keys_collection, roll_ups_collection,
    serving_collection,
};
use serde_json::{Value, json};

use crate::records;
use crate::world::{Browser, World};

/// Mona's people, beside herself.
const PEOPLE: usize = 80;

/// Mona leads many, each with an open deal of one dollar.
async fn wide_world() -> World {
    let world = World::with_accounts().await;
    world.activate().await;
    let mona = world.people[&Role::SalesManager];
    let mut entries = vec![records::person(mona, vec![mona, records::seller("mona")], "Mona", None)];
    let mut deals = Vec::new();
    for number in 0..PEOPLE {
        let (name, facet) = (format!("s{number}"), records::seller(&format!("s{number}")));
        entries.push(records::person(facet, vec![facet], &name, Some(mona)));
        deals.push(records::deal(
            &number.to_string(),
            &name,
            Status::Open,
            Some((100, "USD")),
            Some("2026-12-01"),
        ));
    }
    let entries = entries.into_iter().map(|entry| (entry.id.to_string(), entry));
    records::put(&world.store, &serving_collection("directory", 1), entries.collect()).await;
    records::put_golden(&world.store, deals).await;
    world.project(1).await;
    world
}

async fn open_pipeline(reader: &mut Browser) -> Value {
    let overview = reader.get("/api/dashboard/overview").await.json();
    json!([overview["open_pipeline"]["count"], overview["open_pipeline"]["amounts"][0]["minor"]])
}

/// Reads twice, with some time in between: a passing shape of the organisation is not asked for.
async fn open_pipeline_for_some_time(world: &World, reader: &mut Browser) -> Value {
    let (before, first) = (wishes(world).await.len(), open_pipeline(reader).await);
    assert_eq!(wishes(world).await.len(), before, "asked for at once");
    world.clock.advance_seconds(3);
    assert_eq!(open_pipeline(reader).await, first);
    first
}

async fn wishes(world: &World) -> Vec<bson::Document> {
    let wishes = world.store.list(OPS_ROLL_UPS, &Query::all()).await.unwrap();
    wishes.iter().map(|wish| bson::deserialize_from_slice(wish.as_bytes()).unwrap()).collect()
}

#[tokio::test]
async fn the_sums_of_a_wide_scope_are_asked_for_once_and_read_together_once_they_are_kept() {
    let world = wide_world().await;
    let mut mona = world.signed_in(Role::SalesManager).await;
    let sums = open_pipeline_for_some_time(&world, &mut mona).await;
    assert_eq!(sums, json!([PEOPLE, PEOPLE * 100]), "summed per key");
    assert_eq!(open_pipeline(&mut mona).await, json!([PEOPLE, PEOPLE * 100]));
    let asked = wishes(&world).await;
    assert_eq!(asked.len(), 1, "{asked:?}");
    // Everybody below, and both records of Mona herself.
    assert_eq!(asked[0].get_array("keys").unwrap().len(), PEOPLE + 2);
    assert_eq!(asked[0].get_str("asked_on").unwrap(), "2026-11-23");
    // What the projector would keep, but with other sums, so that it shows which ones are read.
    let id = asked[0].get_str("_id").unwrap().to_owned();
    let key: ScopeKey = bson::deserialize_from_bson(id.as_str().into()).unwrap();
    let sums = roll_ups_collection("dashboard_stats", 1);
    let of_one = Query::all()
        .with(Condition::Eq("scope_key".to_owned(), ScopeKey::owner(records::seller("s1")).as_str().into()));
    let per_key = world.store.find(&serving_collection("dashboard_stats", 1), &of_one).await.unwrap();
    let rolled = per_key.iter().map(|document| {
        let document: DayBuckets = bson::deserialize_from_slice(document.as_bytes()).unwrap();
        let mut rolled = document.of_another(&key);
        rolled.merge(&document, 1).unwrap();
        (rolled.id.clone(), rolled)
    });
    records::put(&world.store, &sums, rolled.collect()).await;
    assert_eq!(open_pipeline(&mut mona).await, json!([PEOPLE, PEOPLE * 100]), "not kept yet");
    let kept = doc! { "_id": &id, "scope_key": &id };
    records::put(&world.store, &roll_up_keys_collection("dashboard_stats", 1), vec![(id.clone(), kept)])
        .await;
    assert_eq!(open_pipeline(&mut mona).await, json!([1, 100]));
    // The stages have no roll-up yet, and are summed per key.
    let overview = mona.get("/api/dashboard/overview").await.json();
    assert_eq!(overview["pipeline_by_stage"][0]["count"], PEOPLE);
}

#[tokio::test]
async fn after_a_reorganisation_the_former_roll_up_is_nobodys() {
    let world = wide_world().await;
    let mut mona = world.signed_in(Role::SalesManager).await;
    open_pipeline_for_some_time(&world, &mut mona).await;
    let id = wishes(&world).await[0].get_str("_id").unwrap().to_owned();
    let kept = doc! { "_id": &id, "scope_key": &id };
    records::put(&world.store, &roll_up_keys_collection("dashboard_stats", 1), vec![(id.clone(), kept)])
        .await;
    let nothing = json!([0, null]);
    assert_eq!(open_pipeline(&mut mona).await, nothing, "the roll-up is read, and is empty here");
    let facet = records::seller("s1");
    let moved = records::person(facet, vec![facet], "s1", None);
    records::put(&world.store, &serving_collection("directory", 1), vec![(facet.to_string(), moved)]).await;
    world.project(2).await;
    let sums = open_pipeline_for_some_time(&world, &mut mona).await;
    assert_eq!(sums, json!([PEOPLE - 1, (PEOPLE - 1) * 100]));
    assert_eq!(wishes(&world).await.len(), 2);
    // A week later the former one is wanted by nobody.
    world.clock.advance_seconds(8 * 24 * 3600);
    let mut mona = world.signed_in(Role::SalesManager).await;
    open_pipeline(&mut mona).await;
    let facet = records::seller("s2");
    let moved = records::person(facet, vec![facet], "s2", None);
    records::put(&world.store, &serving_collection("directory", 1), vec![(facet.to_string(), moved)]).await;
    world.project(3).await;
    open_pipeline_for_some_time(&world, &mut mona).await;
    let left = wishes(&world).await;
    assert!(left.len() == 2 && left.iter().all(|wish| wish.get_str("_id").unwrap() != id), "{left:?}");
}

#[tokio::test]
async fn a_narrow_scope_asks_for_nothing() {
    let world = World::furnished().await;
    for role in [Role::SalesManager, Role::Executive, Role::SalesUser] {
        open_pipeline(&mut world.signed_in(role).await).await;
    }
    assert!(wishes(&world).await.is_empty());
}
