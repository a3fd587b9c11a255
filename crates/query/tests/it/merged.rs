//! Deals that were merged into others: where they lead, and to whom.

use std::collections::BTreeMap;

use salescommand_domain::access::Role;
use salescommand_domain::canonical::history::{HistoryField, HistoryStatement, HistoryVersion, derive};
use salescommand_domain::canonical::{FacetId, Golden, Status};
use salescommand_domain::raw::{Position, RawPosition};
use salescommand_domain::serving::OpportunityVersion;
use salescommand_store::{Active, serving_collection};
use serde_json::{Value, json};

use crate::records;
use crate::world::{Browser, World};

fn id(key: &str) -> FacetId {
    records::source("crm.lead", key).facet_id()
}

fn path(key: &str) -> String {
    format!("/api/opportunities/{}", id(key))
}

fn merged(key: &str, owner: &str, into: &str) -> Golden {
    let mut golden = records::deal(key, owner, Status::Open, None, None);
    (golden.deleted, golden.merged_into) = (true, Some(id(into)));
    golden
}

async fn history(reader: &mut Browser, key: &str, query: &str) -> Value {
    reader.get(&format!("{}/history{query}", path(key))).await.json()
}

/// Ana has deals 1, 2 and 7, Bob 3 and 4; Mona sees both.
async fn world() -> World {
    let world = World::furnished().await;
    let deals = [
        merged("10", "ana", "3"),
        merged("11", "ana", "10"),
        merged("12", "ana", "2"),
        merged("13", "ana", "nothing"),
        merged("14", "bob", "3"),
        merged("15", "ana", "16"),
        merged("16", "ana", "15"),
    ];
    records::put_golden(&world.store, deals.into()).await;
    world
}

#[tokio::test]
async fn a_merged_deal_leads_whoever_may_see_its_heir_to_it() {
    let world = world().await;
    let mut mona = world.signed_in(Role::SalesManager).await;
    for (key, heir) in [("10", "3"), ("11", "3"), ("12", "2"), ("14", "3")] {
        let problem = mona.get(&path(key)).await.problem(410, "merged-away");
        assert_eq!(problem["merged_into"], id(heir).to_string(), "{key}");
    }
    let mut ana = world.signed_in(Role::AccountManager).await;
    assert_eq!(ana.get(&path("12")).await.problem(410, "merged-away")["merged_into"], id("2").to_string());
    // Into another's deal, after two merges too; into one that is not known; round in a circle; another's.
    let absent = ana.get(&path("none")).await.problem(404, "unknown-record")["detail"].clone();
    for key in ["10", "11", "13", "15", "14"] {
        assert_eq!(ana.get(&path(key)).await.problem(404, "unknown-record")["detail"], absent, "{key}");
    }
    let listed = ana.get("/api/opportunities").await.json()["items"].as_array().unwrap().len();
    assert_eq!(listed, 3, "a merged deal is in no list");
}

#[tokio::test]
async fn the_heir_names_what_was_merged_into_it_and_its_reader_may_see() {
    let world = world().await;
    let named = |answer: Value| {
        let records = answer["merged_from"].as_array().unwrap().iter();
        let mut names: Vec<_> = records.map(|it| it["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let lineage = |key: &str| format!("/api/data-lake/lineage/opportunities/{}", id(key));
    for (role, expected) in
        [(Role::SalesManager, &["Deal 10", "Deal 14"][..]), (Role::SalesUser, &["Deal 14"][..])]
    {
        let mut reader = world.signed_in(role).await;
        assert_eq!(named(reader.get(&path("3")).await.json()), expected);
        assert_eq!(named(reader.get(&lineage("3")).await.json()), expected);
    }
    let mut ana = world.signed_in(Role::AccountManager).await;
    assert_eq!(named(ana.get(&path("1")).await.json()), [""; 0]);
    let merged = ana.get(&lineage("12")).await.json();
    assert_eq!((&merged["deleted"], &merged["merged_into"]), (&json!(true), &json!(id("2"))));
    let field = |name: &str| {
        let fields = merged["fields"].as_array().unwrap().iter();
        fields.clone().find(|field| field["field"] == name).unwrap()["value"].clone()
    };
    assert_eq!(field("merged_into"), json!(id("2")));
    assert_eq!(ana.get(&lineage("10")).await.json()["merged_into"], Value::Null);
}

#[tokio::test]
async fn both_histories_tell_of_it() {
    let world = world().await;
    let version = |key: &str, sequence: u64, at: &str, into: Option<&str>| {
        let fields = BTreeMap::from([(HistoryField::Amount, json!("1"))]);
        let statement = HistoryStatement { fields, ..HistoryStatement::default() };
        let raw = RawPosition {
            instance: records::source("crm.lead", key).instance,
            position: Position { epoch: 1, sequence },
        };
        let at = at.parse().unwrap();
        let version = HistoryVersion::new(id(key), raw, (at, at), into.is_none().then_some(statement));
        HistoryVersion { merged_into: into.map(id), ..version }
    };
    let mut versions = [
        version("12", 1, "2026-01-01T00:00:00Z", None),
        version("12", 3, "2026-03-01T00:00:00Z", Some("2")),
        version("2", 2, "2026-02-01T00:00:00Z", None),
    ];
    let (of_merged, of_heir) = versions.split_at_mut(2);
    derive(of_merged);
    derive(of_heir);
    let scope_key = records::deal("2", "ana", Status::Open, None, None).scope_key;
    let served = versions.into_iter().map(|version| {
        let (opportunity, scope_key) = (Some(version.facet), Some(scope_key.clone()));
        (version.id.clone(), OpportunityVersion { version, opportunity, scope_key })
    });
    let names = ["directory", "dashboard_stats", "pipeline_summary", "activity_feed", "opportunity_history"];
    let serving = names.map(|name| (name.to_owned(), 1)).into();
    world.store.set_active(&Active { canonical: 1, serving, org_version: 1, previous: None }).unwrap();
    records::put(&world.store, &serving_collection("opportunity_history", 1), served.collect()).await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let of_merged = history(&mut ana, "12", "").await;
    let last = of_merged["rows"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["field"], &last["to"]), (&json!("deleted"), &json!(id("2"))));
    assert_eq!(of_merged["names"][id("2").to_string()], "Deal 2");
    assert_eq!(of_merged["exists"], false);
    let of_heir = history(&mut ana, "2", "").await;
    let last = of_heir["rows"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["field"], &last["to"]), (&json!("merged_from"), &json!(id("12"))));
    assert_eq!((&last["facet"], &last["valid_at"]), (&json!(id("2")), &json!("2026-03-01T00:00:00Z")));
    assert_eq!(of_heir["names"][id("12").to_string()], "Deal 12");
    for before in ["?as_of=2026-02-15T00:00:00Z", "?known_at=2026-02-15T00:00:00Z"] {
        let rows = history(&mut ana, "2", before).await["rows"].as_array().unwrap().clone();
        assert!(rows.iter().all(|row| row["field"] != "merged_from"), "{before}");
    }
}
