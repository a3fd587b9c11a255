//! Requests that are repeated: with an `Idempotency-Key` they make one opportunity, whatever became of the answer.

use axum::body::Body;
use axum::http::Request;
use salescommand_domain::access::Role;
use salescommand_domain::canonical::{
    CrmOpportunity, Facet, FacetBody, GoldenFacet, OpportunityFacet, OpportunityKind, OutcomeRule, Status,
};
use salescommand_domain::raw::{InstanceName, Position, RawPosition};
use salescommand_store::{canonical_collection, facets_collection};
use serde_json::{Value, json};

use crate::records;
use crate::world::{Answer, Browser, World};

async fn make(browser: &mut Browser, key: &str, body: &Value) -> Answer {
    let request = Request::post("/api/opportunities")
        .header("x-requested-with", "salescommand")
        .header("content-type", "application/json")
        .header("idempotency-key", key);
    browser.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn made(world: &World) -> Vec<CrmOpportunity> {
    world.drafts.writes.lock().unwrap().iter().map(|write| write.record).collect()
}

/// Does what normalizer and projector do with the only deal that was made, `deleted` or not.
async fn take_in(world: &World, deleted: bool) {
    let write = world.drafts.writes.lock().unwrap()[0].clone();
    let (source, position) = (write.record.source(), Position { epoch: 1, sequence: 1 });
    let open =
        OutcomeRule { in_won_stage: Status::Won, elsewhere: Status::Open, ambiguous_in_won_stage: false };
    let body = OpportunityFacet {
        opportunity_kind: OpportunityKind::Opportunity,
        name: "Pumps".to_owned(),
        partner: None,
        stage: None,
        outcome: open,
        amount: None,
        probability_ppm: None,
        owner: Some(world.people[&Role::AccountManager]),
        team: None,
        company: None,
        close_date: None,
        created_at: Some(write.at),
        closed_at: None,
        staged_at: None,
        assigned_at: None,
        tracked: None,
        recurring: None,
        labels: Default::default(),
        custom: Default::default(),
    };
    let facet = Facet {
        id: source.facet_id(),
        source: source.clone(),
        position,
        source_modified: Some(write.at),
        deleted: false,
        merged_into: None,
        stated: None,
        body: FacetBody::Opportunity(body),
        keys: Vec::new(),
        refs: Vec::new(),
        last_version: None,
    };
    let facet = if deleted { facet.gone(Position { epoch: 1, sequence: 9 }, None) } else { facet };
    let mut golden = records::deal("1", "ana", Status::Open, None, None);
    (golden.id, golden.deleted) = (facet.id, deleted);
    golden.facets = vec![GoldenFacet { id: facet.id, source }];
    golden.version = vec![RawPosition { instance: InstanceName::crm(), position: facet.position }];
    let collection = canonical_collection(golden.entity(), 1);
    records::put(&world.store, &facets_collection(1), vec![(facet.id.to_string(), facet)]).await;
    records::put(&world.store, &collection, vec![(golden.id.to_string(), golden)]).await;
    world.project_to(7, Some(9)).await;
}

#[tokio::test]
async fn a_repeated_request_makes_one_opportunity() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let body = json!({"name": "Pumps", "amount": {"value": "10.50", "currency": "EUR"}});
    let first = make(&mut ana, "order-17", &body).await;
    assert_eq!(first.status, 202, "nobody normalizes here: {}", first.text());
    let again = make(&mut ana, "order-17", &body).await;
    assert_eq!((again.status.as_u16(), again.header("location")), (202, first.header("location")));
    assert_eq!(again.json()["id"], first.json()["id"]);
    // However it is written, it is the same deal.
    let spelled = json!({"amount": {"currency": "EUR", "value": "10.5"}, "name": " Pumps "});
    assert_eq!(make(&mut ana, "order-17", &spelled).await.json()["id"], first.json()["id"]);
    assert_eq!(made(&world).len(), 1);
    let other = json!({"name": "Valves", "amount": {"value": "10.50", "currency": "EUR"}});
    make(&mut ana, "order-17", &other).await.problem(422, "idempotency-key-reused");
    make(&mut ana, "order-17", &json!({"name": "Pumps"})).await.problem(422, "idempotency-key-reused");

    // In canonical, the answer is the record itself; also when its fields would not be right any more.
    take_in(&world, false).await;
    let answered = make(&mut ana, "order-17", &body).await;
    assert_eq!(answered.status, 201, "{}", answered.text());
    assert_eq!(answered.json()["opportunity"]["id"], first.json()["id"]);
    assert!(!answered.header("etag").is_empty());
    make(&mut ana, "order-17", &other).await.problem(422, "idempotency-key-reused");
    assert_eq!(made(&world).len(), 1);
}

#[tokio::test]
async fn a_deal_that_was_deleted_since_is_not_made_again() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let body = json!({"name": "Pumps"});
    let first = make(&mut ana, "k", &body).await;
    take_in(&world, true).await;
    let answered = make(&mut ana, "k", &body).await;
    assert_eq!(answered.status, 201, "{}", answered.text());
    assert_eq!(answered.json()["opportunity"]["deleted"], true);
    assert_eq!(answered.header("location"), first.header("location"));
    assert_eq!(made(&world).len(), 1);
}

#[tokio::test]
async fn of_requests_at_once_one_makes_it() {
    let world = World::furnished().await;
    let ana = world.signed_in(Role::AccountManager).await;
    let body = json!({"name": "Pumps"});
    let request = || {
        let mut browser = world.browser();
        browser.cookies = ana.cookies.clone();
        let body = body.clone();
        async move { make(&mut browser, "k", &body).await }
    };
    let answers = futures::future::join_all((0..8).map(|_| request())).await;
    let ids: std::collections::BTreeSet<_> =
        answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
    assert_eq!((ids.len(), made(&world).len()), (1, 1));
}

#[tokio::test]
async fn a_key_is_its_authors_and_says_nothing_of_other_requests() {
    let world = World::furnished().await;
    let (mut ana, mut mona) =
        (world.signed_in(Role::AccountManager).await, world.signed_in(Role::SalesManager).await);
    let body = json!({"name": "Pumps"});
    make(&mut ana, "k", &body).await;
    make(&mut mona, "k", &body).await;
    make(&mut ana, "l", &body).await;
    ana.post("/api/opportunities", &body).await;
    ana.post("/api/opportunities", &body).await;
    let mut different = made(&world);
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 5);
    assert!(different.iter().all(|record| matches!(record, CrmOpportunity::Deal(_))), "{different:?}");
    let keys = different.iter().map(|record| record.source().key);
    assert!(
        keys.into_iter()
            .all(|key| CrmOpportunity::of_key(&key).is_some_and(|record| different.contains(&record)))
    );
    for wrong in ["", " ", &"k".repeat(256)] {
        make(&mut ana, wrong, &body).await.problem(400, "malformed-idempotency-key");
    }
    // A wrong body is wrong, with a key or without one, and uses no key up.
    make(&mut ana, "m", &json!({})).await.problem(422, "invalid-fields");
    assert_eq!(make(&mut ana, "m", &body).await.status, 202);
    world.drafts.switch.off();
    make(&mut ana, "n", &body).await.problem(503, "broker-unavailable");
}
