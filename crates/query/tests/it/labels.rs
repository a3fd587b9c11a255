//! What a deal is labelled with, as its readers see it: by name, and only what still has one.

use axum::http::StatusCode;
use salescommand_domain::access::{Role, ScopeKey};
use salescommand_domain::canonical::{FacetId, Golden, GoldenBody, Label, Recurring, Status};
use salescommand_domain::money::{Currency, CurrencyCode, Money};
use salescommand_domain::serving::{DirectoryEntry, DirectoryFact};
use salescommand_store::{canonical_collection, serving_collection};
use serde_json::{Value, json};

use crate::records;
use crate::world::World;

fn tag(key: &str) -> FacetId {
    records::source("crm.tag", key).facet_id()
}

fn usd(minor: i64) -> Money {
    Money { minor, currency: Currency { code: CurrencyCode::new("USD").unwrap(), exponent: 2 } }
}

/// Ana's deal 1 with labels: tags 1 and 2 by record, one by name; a campaign whose record is gone.
fn labelled() -> Golden {
    let mut golden = records::deal("1", "ana", Status::Open, Some((100_000, "USD")), Some("2026-12-01"));
    let GoldenBody::Opportunity(deal) = &mut golden.body else { panic!("a deal") };
    deal.tags = vec![Label::Record(tag("2")), Label::Record(tag("1")), Label::Name("Adrift".into())];
    deal.lost_reason = Some(Label::Record(tag("3")));
    deal.source = Some(Label::Name("Trade fair".into()));
    deal.campaign = Some(Label::Record(tag("9")));
    deal.recurring = Some(Recurring { amount: usd(120_000), months: Some(12), mrr: Some(usd(10_000)) });
    golden
}

async fn name(world: &World, key: &str, name: &str, sequence: i64) {
    let fact = DirectoryFact::Label { name: name.to_owned() };
    let entry = DirectoryEntry { id: tag(key), scope_key: ScopeKey::public(), fact };
    records::put(&world.store, &serving_collection("directory", 1), vec![(entry.id.to_string(), entry)])
        .await;
    world.project(sequence).await;
}

#[tokio::test]
async fn labels_are_shown_by_name_and_follow_their_records() {
    let world = World::furnished().await;
    let golden = labelled();
    let path = format!("/api/opportunities/{}", golden.id);
    records::put(
        &world.store,
        &canonical_collection(golden.entity(), 1),
        vec![(golden.id.to_string(), golden)],
    )
    .await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let bare = ana.get(&path).await;
    assert_eq!(bare.status, StatusCode::OK, "{}", bare.text());
    let deal = &bare.json()["opportunity"];
    let named = json!({"name": "Adrift", "id": null});
    assert_eq!(deal["tags"], json!([named]), "records that nobody knows yet have no name to show");
    assert_eq!(
        (&deal["lost_reason"], &deal["campaign"], &deal["medium"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(deal["source"], json!({"name": "Trade fair", "id": null}));
    let money = |minor: i64| json!({"currency": "USD", "minor": minor, "exponent": 2});
    assert_eq!(deal["recurring"], json!({"amount": money(120_000), "months": 12, "mrr": money(10_000)}));

    for (key, text) in [("1", "Zealous"), ("2", "Big"), ("3", "Too expensive")] {
        name(&world, key, text, 8).await;
    }
    let known = ana.get(&path).await;
    let tags = |answer: &Value| -> Vec<String> {
        answer["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(tags(&known.json()["opportunity"]), ["Adrift", "Big", "Zealous"]);
    assert_eq!(
        known.json()["opportunity"]["lost_reason"],
        json!({"name": "Too expensive", "id": tag("3").to_string()})
    );
    assert_ne!(bare.header("etag"), known.header("etag"), "what is shown has changed");

    name(&world, "1", "Calm", 9).await;
    let page = ana.get("/api/opportunities?status=open").await.json();
    assert_eq!(tags(&page["items"][0]), ["Adrift", "Big", "Calm"], "in lists as well");
}
