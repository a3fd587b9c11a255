//! From records to source records and raw events, and from figures to records.

use salescommand_domain::access::Role;
use salescommand_domain::canonical::Status;
use salescommand_domain::canonical::history::HistoryVersion;
use salescommand_domain::serving::OpportunityVersion;
use salescommand_store::{ScopedReads, canonical_collection, serving_collection};
use serde_json::{Value, json};

use crate::records;
use crate::world::World;

fn deal_path(key: &str) -> String {
    format!("/api/data-lake/lineage/opportunities/{}", records::source("crm.lead", key).facet_id())
}

fn encoded(id: &str) -> String {
    id.replace('|', "%7C")
}

/// Ids of a projection's documents.
fn documents(world: &World, collection: &str) -> Vec<String> {
    let stored = world.store.dump().remove(&serving_collection(collection, 1)).unwrap();
    stored.into_keys().collect()
}

#[tokio::test]
async fn each_field_says_who_said_so_and_why() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let answer = ana.get(&deal_path("1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let lineage = answer.json();
    let field = |name: &str| -> Value {
        let fields = lineage["fields"].as_array().unwrap().iter();
        fields.clone().find(|field| field["field"] == name).unwrap().clone()
    };
    let amount = field("amount");
    assert_eq!((&amount["value"]["minor"], &amount["rule"]), (&json!(100_000), &json!("only_statement")));
    assert_eq!(amount["winner"]["source"]["key"], "1");
    let weighted = field("weighted");
    assert_eq!((&weighted["rule"], &weighted["winner"]), (&json!("computed"), &Value::Null));
    let inputs: Vec<_> = weighted["inputs"].as_array().unwrap().iter().map(|input| &input["field"]).collect();
    assert_eq!(inputs, ["amount", "probability_ppm"]);
    let one = ana.get(&format!("{}?field=amount", deal_path("1"))).await.json();
    assert_eq!(one["fields"], json!([amount]));
    ana.get(&format!("{}?field=colour", deal_path("1"))).await.problem(400, "malformed-query");
    ana.get("/api/data-lake/lineage/offers/1").await.problem(404, "unknown-entity-type");
}

#[tokio::test]
async fn raw_positions_are_for_those_who_operate() {
    let world = World::furnished().await;
    let cell = encoded(&format!("owner:{}|{}", records::seller("ana"), records::stage("1")));
    let paths = [deal_path("1"), format!("/api/data-lake/lineage/serving/pipeline_summary/{cell}")];
    for path in paths {
        let text = world.signed_in(Role::Executive).await.get(&path).await.text();
        assert!(text.contains("\"events\":null") && !text.contains("sequence"), "{text}");
        let text = world.signed_in(Role::SuperAdmin).await.get(&path).await.text();
        let event = r#"{"instance":"odoo","epoch":1,"sequence":7,"stream":"RAW_ODOO_E1"}"#;
        assert!(text.contains(event), "{text}");
    }
}

#[tokio::test]
async fn the_deals_behind_every_sum_come_to_the_sum() {
    let world = World::furnished().await;
    let mut boss = world.signed_in(Role::Executive).await;
    let mut traced = 0;
    for collection in ["dashboard_stats", "pipeline_summary"] {
        for id in documents(&world, collection) {
            let path = format!("/api/data-lake/lineage/serving/{collection}/{}", encoded(&id));
            let answer = boss.get(&path).await;
            assert_eq!(answer.status, 200, "{id}: {}", answer.text());
            let lineage = answer.json();
            assert_eq!(lineage["agrees"], true, "{lineage}");
            assert_eq!(lineage["document"], lineage["found"], "{lineage}");
            let records = lineage["records"].as_array().unwrap();
            assert_eq!(json!(records.len()), lineage["document"]["count"]);
            for money in lineage["document"]["amounts"].as_array().unwrap() {
                let amounts = records.iter().map(|record| &record["record"]["amount"]);
                let of_currency = amounts.filter(|amount| amount["currency"] == money["currency"]);
                let sum: i64 = of_currency.map(|amount| amount["minor"].as_i64().unwrap()).sum();
                assert_eq!(json!(sum), money["minor"], "{lineage}");
            }
            traced += records.len();
        }
    }
    // Seven deals by the day they were made, the open and the closed ones by theirs, the open ones by stage.
    assert_eq!(traced, 7 + 7 + 3);
}

#[tokio::test]
async fn a_day_is_a_part_of_its_month_and_pages_follow_ids() {
    let world = World::furnished().await;
    let mut boss = world.signed_in(Role::Executive).await;
    let id = encoded(&format!("owner:{}|won_by_closed_on|2026-11", records::seller("ana")));
    let path = format!("/api/data-lake/lineage/serving/dashboard_stats/{id}");
    assert_eq!(boss.get(&path).await.json()["document"]["count"], 1);
    let of = |day: &str| format!("{path}?day={day}");
    assert_eq!(boss.get(&of("2026-11-02")).await.json()["found"]["count"], 1);
    let empty = boss.get(&of("2026-11-03")).await.json();
    assert_eq!((&empty["document"]["count"], &empty["records"]), (&json!(0), &json!([])));
    boss.get(&of("soon")).await.problem(400, "malformed-query");
    let deals = [records::deal("8", "ana", Status::Won, None, Some("2026-11-02"))];
    records::put_golden(&world.store, deals.into()).await;
    let first = boss.get(&format!("{path}?limit=1")).await.json();
    let after = first["next_after"].as_str().unwrap();
    let second = boss.get(&format!("{path}?limit=1&after={after}")).await.json();
    assert_eq!((&first["document"]["count"], &second["next_after"]), (&json!(2), &Value::Null));
    assert_ne!(first["records"][0]["record"]["id"], second["records"][0]["record"]["id"]);
}

#[tokio::test]
async fn a_sum_that_is_not_that_of_its_deals_says_so() {
    let world = World::furnished().await;
    let mut boss = world.signed_in(Role::Executive).await;
    let deal = records::deal("1", "ana", Status::Open, Some((5, "USD")), Some("2026-12-01"));
    let collection = canonical_collection(deal.entity(), 1);
    records::put(&world.store, &collection, vec![(deal.id.to_string(), deal)]).await;
    let cell = encoded(&format!("owner:{}|{}", records::seller("ana"), records::stage("1")));
    let lineage = boss.get(&format!("/api/data-lake/lineage/serving/pipeline_summary/{cell}")).await.json();
    assert_eq!(lineage["agrees"], false);
    let minor = |part: &str| lineage[part]["amounts"][0]["minor"].clone();
    assert_eq!((minor("document"), minor("found")), (json!(100_000), json!(5)));
}

#[tokio::test]
async fn documents_outside_the_scope_are_absent() {
    let world = World::furnished().await;
    let mut bob = world.signed_in(Role::SalesUser).await;
    let mut told = Vec::new();
    for owner in [records::seller("ana"), records::seller("nobody")] {
        let cell = encoded(&format!("owner:{owner}|{}", records::stage("1")));
        let path = format!("/api/data-lake/lineage/serving/pipeline_summary/{cell}");
        told.push(bob.get(&path).await.problem(404, "unknown-document")["detail"].clone());
    }
    told.push(
        bob.get("/api/data-lake/lineage/serving/nothing/x").await.problem(404, "unknown-document")["detail"]
            .clone(),
    );
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    bob.get(&deal_path("1")).await.problem(404, "unknown-record");
}

#[tokio::test]
async fn feed_and_directory_lead_to_their_records() {
    let world = World::furnished().await;
    let mut boss = world.signed_in(Role::Executive).await;
    let call = records::source("mail.activity", "1").facet_id();
    let feed = boss.get(&format!("/api/data-lake/lineage/serving/activity_feed/{call}")).await.json();
    assert_eq!(feed["records"][0]["record"]["name"], "Call 1");
    assert_eq!(feed["records"][0]["lineage"], format!("/api/data-lake/lineage/activities/{call}"));
    let zed = records::seller("zed");
    let person = boss.get(&format!("/api/data-lake/lineage/serving/directory/{zed}")).await.json();
    assert_eq!((&person["records"][0]["record"]["name"], &person["agrees"]), (&json!("zed"), &Value::Null));
    // A name is public; the record behind it is not.
    let mut bob = world.signed_in(Role::SalesUser).await;
    let hidden = bob.get(&format!("/api/data-lake/lineage/serving/directory/{zed}")).await.json();
    assert_eq!(hidden["records"], json!([]));
}

#[tokio::test]
async fn a_version_in_the_history_leads_to_its_deal_and_its_raw_event() {
    let world = World::furnished().await;
    let mut active = ScopedReads::active(&world.store).await.unwrap().unwrap();
    active.serving.insert("opportunity_history".to_owned(), 1);
    world.store.set_active(&active).unwrap();
    let deal = records::deal("1", "ana", Status::Open, None, None);
    let at = "2026-11-20T10:00:00Z".parse().unwrap();
    let version = HistoryVersion::new(deal.id, deal.version[0].clone(), (at, at), None);
    let id = version.id.clone();
    let document =
        OpportunityVersion { version, opportunity: Some(deal.id), scope_key: Some(deal.scope_key.clone()) };
    let collection = serving_collection("opportunity_history", 1);
    records::put(&world.store, &collection, vec![(id.clone(), document)]).await;
    let path = format!("/api/data-lake/lineage/serving/opportunity_history/{}", id.replace('/', "%2F"));
    let lineage = world.signed_in(Role::SuperAdmin).await.get(&path).await.json();
    assert_eq!(lineage["records"][0]["record"]["id"], deal.id.to_string());
    assert_eq!(lineage["references"][0]["key"], "1");
    assert_eq!(lineage["references"][0]["raw"]["sequence"], 7);
    world.signed_in(Role::SalesUser).await.get(&path).await.problem(404, "unknown-document");
}
