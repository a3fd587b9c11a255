//! Reading and writing opportunities.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use salescommand_domain::access::Role;
use salescommand_domain::canonical::history::{HistoryField, HistoryStatement, HistoryVersion, derive};
use salescommand_domain::canonical::{
    CrmOpportunity, Edited, Facet, FacetBody, FacetId, Golden, GoldenBody, GoldenFacet, OpportunityEdit,
    Status,
};
use salescommand_domain::raw::{Position, RawPosition};
use salescommand_domain::serving::OpportunityVersion;
use salescommand_query::writes::RecordWrite;
use salescommand_store::{Active, facets_collection, quarantine_collection, serving_collection};
use serde_json::{Value, json};

use crate::records;
use crate::world::{Answer, Browser, World};

fn deal(key: &str) -> FacetId {
    records::source("crm.lead", key).facet_id()
}

fn path(key: &str) -> String {
    format!("/api/opportunities/{}", deal(key))
}

impl Browser {
    async fn change(&mut self, method: Method, path: &str, version: Option<&str>, body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request =
            request.header("x-requested-with", "salescommand").header("content-type", "application/json");
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn patch(&mut self, path: &str, version: &str, body: &Value) -> Answer {
        self.change(Method::PATCH, path, Some(version), body).await
    }

    async fn withdraw(&mut self, path: &str, version: &str) -> Answer {
        self.change(Method::DELETE, path, Some(version), &json!({})).await
    }

    async fn version(&mut self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.header("etag").to_owned()
    }
}

impl World {
    fn written(&self) -> Vec<RecordWrite> {
        self.drafts.writes.lock().unwrap().clone()
    }

    /// Does what normalizer and projector do with the writes: the facet, the golden record with it, and positions.
    async fn take_in(&self, key: &str) {
        let writes = self.written();
        let last = writes.last().unwrap().clone();
        let source = last.record.source();
        let facet = Facet {
            id: source.facet_id(),
            source: source.clone(),
            position: Position { epoch: 1, sequence: writes.len() as u64 },
            source_modified: Some(last.at),
            deleted: last.fields.is_none(),
            merged_into: None,
            stated: None,
            last_version: None,
            body: FacetBody::OpportunityEdit(last.fields.clone().unwrap_or_default()),
            keys: Vec::new(),
            refs: Vec::new(),
        };
        let mut golden = records::deal(key, "ana", Status::Open, Some((100_000, "USD")), Some("2026-12-01"));
        if let (GoldenBody::Opportunity(body), Some(name)) =
            (&mut golden.body, last.fields.and_then(|f| f.name))
        {
            body.name = name.value.unwrap();
        }
        golden.facets.push(GoldenFacet { id: facet.id, source });
        golden
            .version
            .push(RawPosition { instance: facet.source.instance.clone(), position: facet.position });
        records::put(&self.store, &facets_collection(1), vec![(facet.id.to_string(), facet)]).await;
        self.put_opportunity(golden).await;
        self.project_to(7, Some(writes.len() as i64)).await;
    }

    async fn put_opportunity(&self, golden: Golden) {
        let collection = salescommand_store::canonical_collection(golden.entity(), 1);
        records::put(&self.store, &collection, vec![(golden.id.to_string(), golden)]).await;
    }
}

fn names(page: &Answer) -> Vec<String> {
    let items = page.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_list_is_filtered_paged_and_scoped() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let mut own = names(&ana.get("/api/opportunities").await);
    own.sort();
    assert_eq!(own, ["Deal 1", "Deal 2", "Deal 7"]);
    assert_eq!(names(&ana.get("/api/opportunities?status=open").await), ["Deal 1"]);
    let mut mona = world.signed_in(Role::SalesManager).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = mona.get(&format!("/api/opportunities?limit=2{cursor}")).await;
        seen.extend(names(&page));
        match page.json()["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["Deal 1", "Deal 2", "Deal 3", "Deal 4", "Deal 7"]);
    // By the person's own id, and by that of any of their records.
    for owner in [world.people[&Role::SalesUser], records::seller("bob")] {
        let mut of_bob = names(&mona.get(&format!("/api/opportunities?owner={owner}")).await);
        of_bob.sort();
        assert_eq!(of_bob, ["Deal 3", "Deal 4"]);
    }
    let of_zed = mona.get(&format!("/api/opportunities?owner={}", records::seller("zed"))).await;
    assert!(names(&of_zed).is_empty(), "a filter does not widen the scope");
    let stage = records::stage("1");
    let mut in_stage = names(&mona.get(&format!("/api/opportunities?stage={stage}")).await);
    in_stage.sort();
    assert_eq!(in_stage, ["Deal 1", "Deal 3"]);
    assert!(names(&mona.get("/api/opportunities?stage=none").await).is_empty());
    for wrong in ["status=lsot", "stage=x", "owner=x", "cursor=x", "limit=0", "written=x"] {
        mona.get(&format!("/api/opportunities?{wrong}")).await.problem(400, "malformed-query");
    }
}

#[tokio::test]
async fn absent_and_forbidden_records_are_the_same() {
    let world = World::furnished().await;
    let mut bob = world.signed_in(Role::SalesUser).await;
    assert_eq!(bob.get(&path("3")).await.json()["opportunity"]["name"], "Deal 3");
    let mut told = Vec::new();
    for id in [deal("1").to_string(), deal("nothing").to_string(), "x".to_owned()] {
        let path = format!("/api/opportunities/{id}");
        let mut answers = vec![bob.get(&path).await.problem(404, "unknown-record")];
        let version = bob.version(&self::path("3")).await;
        answers.push(
            bob.patch(&path, &version, &json!({"set": {"name": "Mine"}}))
                .await
                .problem(404, "unknown-record"),
        );
        answers.push(bob.withdraw(&path, &version).await.problem(404, "unknown-record"));
        told.extend(answers.into_iter().map(|problem| problem["detail"].clone()));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(world.written().is_empty());
}

#[tokio::test]
async fn an_edit_is_published_behind_the_version_its_author_saw() {
    let world = World::furnished().await;
    let (mut ana, mut mona) =
        (world.signed_in(Role::AccountManager).await, world.signed_in(Role::SalesManager).await);
    let body = json!({"set": {"name": "Renamed", "amount": null}});
    ana.change(Method::PATCH, &path("1"), None, &body).await.problem(428, "version-required");
    ana.patch(&path("1"), "*", &body).await.problem(428, "version-required");
    for stranger in ["\"x\"", "\"x.y\"", "W/\"0.AAAA\""] {
        ana.patch(&path("1"), stranger, &body).await.problem(412, "stale-version");
    }
    let (version, of_another) = (ana.version(&path("1")).await, ana.version(&path("2")).await);
    assert!(!version.contains("crm") && version.starts_with('"'), "{version}");
    ana.patch(&path("1"), &of_another, &body).await.problem(412, "stale-version");
    let seen_by_mona = mona.version(&path("1")).await;
    let accepted = ana.patch(&path("1"), &version, &body).await;
    assert_eq!(accepted.status, 202, "nobody normalizes here: {}", accepted.text());
    assert_eq!(accepted.json()["state"], "waiting");
    let written = world.written();
    assert_eq!((written[0].record, written[0].expected), (CrmOpportunity::Edit(deal("1")), None));
    assert_eq!(written[0].fields.as_ref().unwrap().fields(), ["name", "amount"]);
    let name = written[0].fields.clone().unwrap().name.unwrap();
    let by = world.people[&Role::AccountManager];
    assert_eq!(
        name,
        Edited { value: Some("Renamed".into()), at: "2026-11-23T08:00:00Z".parse().unwrap(), by }
    );
    // Whoever saw the version before is too late, even while the first edit is on its way.
    mona.patch(&path("1"), &seen_by_mona, &body).await.problem(412, "stale-version");
    assert_eq!(world.written().len(), 1);
    // The token tells its author, and nobody else, when the edit is in.
    let token = accepted.json()["token"].as_str().unwrap().to_owned();
    let asked = format!("{}?written={token}", path("1"));
    assert_eq!(ana.get(&asked).await.json()["write"], "waiting");
    mona.get(&asked).await.problem(400, "malformed-query");
    world.take_in("1").await;
    let answer = ana.get(&asked).await.json();
    assert_eq!((&answer["write"], &answer["opportunity"]["name"]), (&json!("in"), &json!("Renamed")));
    assert_eq!(answer["opportunity"]["edited"], json!(["amount", "name"]));
    assert_eq!(ana.get(&format!("/api/opportunities?written={token}")).await.json()["write"], "in");
    // The next change continues the edit.
    let version = ana.version(&path("1")).await;
    ana.patch(&path("1"), &version, &json!({"set": {"probability_ppm": 1}, "give_back": ["name"]})).await;
    let last = world.written().pop().unwrap();
    assert_eq!(last.expected, Some(Position { epoch: 1, sequence: 1 }));
    assert_eq!(last.fields.unwrap().fields(), ["amount", "probability_ppm"]);
}

#[tokio::test]
async fn an_edit_that_is_in_soon_is_answered_with_the_record() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let version = ana.version(&path("1")).await;
    let body = json!({"set": {"name": "Renamed"}});
    let take_in = async {
        while world.written().is_empty() {
            tokio::task::yield_now().await;
        }
        world.take_in("1").await;
    };
    let path = path("1");
    let ((), answer) = tokio::join!(take_in, ana.patch(&path, &version, &body));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["opportunity"]["name"], "Renamed");
    assert_ne!(answer.header("etag"), version);
    // The facet of the edit is one of the record's ids now.
    let facet = CrmOpportunity::Edit(deal("1")).source().facet_id();
    let by_edit = ana.get(&format!("/api/opportunities/{facet}")).await.json();
    assert_eq!(by_edit["opportunity"]["id"], deal("1").to_string());
}

#[tokio::test]
async fn a_rejected_edit_is_a_problem_with_the_reason() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let version = ana.version(&path("1")).await;
    let reject = async {
        while world.written().is_empty() {
            tokio::task::yield_now().await;
        }
        let entry = bson::doc! {
            "_id": "crm/1/1", "reason": "out_of_range", "path": "/fields/name/value", "detail": "no", "state": "open",
        };
        records::put(&world.store, &quarantine_collection(1), vec![("crm/1/1".to_owned(), entry)]).await;
        world.project_to(7, Some(1)).await;
    };
    let body = json!({"set": {"name": "Renamed"}});
    let path = path("1");
    let ((), answer) = tokio::join!(reject, ana.patch(&path, &version, &body));
    let problem = answer.problem(422, "write-rejected");
    assert_eq!(problem["errors"], json!([{"field": "/fields/name/value", "detail": "no"}]));
    // What was rejected is no newer version: the corrected change goes behind it.
    assert_eq!(ana.patch(&path, &version, &body).await.status, 202);
    assert_eq!(world.written().pop().unwrap().expected, Some(Position { epoch: 1, sequence: 1 }));
    ana.patch(&path, &version, &body).await.problem(412, "stale-version");
}

#[tokio::test]
async fn wrong_fields_are_named_all_at_once() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let version = ana.version(&path("1")).await;
    let wrong = |body: Value| {
        let (mut browser, version) = (world.browser(), version.clone());
        browser.cookies = ana.cookies.clone();
        async move {
            let problem = browser.patch(&path("1"), &version, &body).await.problem(422, "invalid-fields");
            let errors = problem["errors"].as_array().unwrap().clone();
            errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    let set = json!({
        "name": "", "status": null, "amount": {"value": "1", "currency": "XXX"}, "probability_ppm": 1_000_001,
        "close_date": "soon", "stage": 7, "owner": [], "colour": "red",
    });
    let mut fields = wrong(json!({ "set": set, "give_back": ["size"], "and": 1 })).await;
    fields.sort();
    let expected = [
        "and",
        "give_back",
        "set.amount",
        "set.close_date",
        "set.colour",
        "set.name",
        "set.owner",
        "set.probability_ppm",
        "set.stage",
        "set.status",
    ];
    assert_eq!(fields, expected);
    assert_eq!(wrong(json!({})).await, ["set"], "nothing is to be changed");
    assert_eq!(wrong(json!({"set": {"name": "A"}, "give_back": ["name"]})).await, ["give_back"]);
    let unknown = deal("nothing").to_string();
    assert_eq!(wrong(json!({"set": {"stage": unknown, "owner": unknown}})).await, ["set.stage", "set.owner"]);
    let zed = records::seller("zed").to_string();
    assert_eq!(wrong(json!({"set": {"owner": zed}})).await, ["set.owner"], "outside the scope");
    assert_eq!(wrong(json!({"set": {"owner": null}})).await, ["set.owner"]);
    ana.patch(&path("1"), &version, &json!([])).await.problem(400, "malformed-body");
    assert!(world.written().is_empty());
}

#[tokio::test]
async fn what_was_written_is_withdrawn_and_a_source_s_deal_is_not_deleted() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let version = ana.version(&path("1")).await;
    ana.withdraw(&path("1"), &version).await.problem(409, "nothing-to-withdraw");
    let given_back = ana.patch(&path("1"), &version, &json!({"give_back": ["name"]})).await;
    assert_eq!(given_back.status, 200, "what nobody edited is given back already: {}", given_back.text());
    ana.patch(&path("1"), &version, &json!({"set": {"name": "Renamed"}})).await;
    world.take_in("1").await;
    let version = ana.version(&path("1")).await;
    assert_eq!(ana.withdraw(&path("1"), &version).await.status, 202);
    let last = world.written().pop().unwrap();
    assert_eq!((last.record, last.fields), (CrmOpportunity::Edit(deal("1")), None));
    ana.withdraw(&path("1"), &version).await.problem(412, "stale-version");
    world.take_in("1").await;
    let answer = ana.get(&path("1")).await.json();
    assert_eq!(answer["opportunity"]["edited"], json!([]));
    let version = ana.version(&path("1")).await;
    ana.withdraw(&path("1"), &version).await.problem(409, "nothing-to-withdraw");
    // Editing goes on behind the withdrawal.
    assert_eq!(ana.patch(&path("1"), &version, &json!({"set": {"name": "Again"}})).await.status, 202);
    assert_eq!(world.written().pop().unwrap().expected, Some(Position { epoch: 1, sequence: 2 }));
}

#[tokio::test]
async fn a_deal_made_here_is_its_makers_and_can_be_deleted() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    ana.post("/api/opportunities", &json!({"amount": null})).await.problem(422, "invalid-fields");
    let body = json!({"name": "New", "amount": {"value": "12.30", "currency": "EUR"}});
    let made = ana.post("/api/opportunities", &body).await;
    assert_eq!(made.status, 202, "{}", made.text());
    let write = world.written().pop().unwrap();
    let fields = write.fields.clone().unwrap();
    assert_eq!(fields.fields(), ["name", "amount", "owner"]);
    assert_eq!(fields.owner.unwrap().value, Some(world.people[&Role::AccountManager]));
    let (id, token) = (made.json()["id"].clone(), made.json()["token"].as_str().unwrap().to_owned());
    let path = format!("/api/opportunities/{}", id.as_str().unwrap());
    assert_eq!(made.header("location"), path);
    ana.get(&path).await.problem(404, "unknown-record");
    let waiting = ana.get(&format!("{path}?written={token}")).await;
    assert_eq!((waiting.status.as_u16(), &waiting.json()["state"]), (202, &json!("waiting")));
    // It is in: a facet, and a golden record of its own.
    let owner = world.people[&Role::AccountManager];
    let mut golden = records::deal("9", "ana", Status::Open, None, None);
    let source = write.record.source();
    golden.id = source.facet_id();
    golden.facets = vec![GoldenFacet { id: golden.id, source: source.clone() }];
    let GoldenBody::Opportunity(deal) = &golden.body else { panic!("a deal") };
    let facet = Facet {
        id: golden.id,
        source,
        position: Position { epoch: 1, sequence: 1 },
        source_modified: Some(write.at),
        deleted: false,
        merged_into: None,
        stated: None,
        last_version: None,
        body: FacetBody::Opportunity(records::made_here(&deal.name, owner)),
        keys: Vec::new(),
        refs: Vec::new(),
    };
    records::put(&world.store, &facets_collection(1), vec![(facet.id.to_string(), facet)]).await;
    world.put_opportunity(golden).await;
    world.project_to(7, Some(1)).await;
    let version = ana.version(&path).await;
    assert_eq!(ana.withdraw(&path, &version).await.status, 202);
    let last = world.written().pop().unwrap();
    assert_eq!((last.record, last.fields), (write.record, None));
    assert_eq!(last.expected, Some(Position { epoch: 1, sequence: 1 }));
}

#[tokio::test]
async fn a_broker_that_is_away_is_said() {
    let world = World::furnished().await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let version = ana.version(&path("1")).await;
    world.drafts.switch.off();
    ana.patch(&path("1"), &version, &json!({"set": {"name": "A"}})).await.problem(503, "broker-unavailable");
    let edit = OpportunityEdit::default();
    assert!(edit.fields().is_empty() && world.written().is_empty());
}

#[tokio::test]
async fn history_is_scoped_and_bitemporal() {
    let world = World::furnished().await;
    let stated = |sequence: u64, valid: &str, known: &str, amount: &str| {
        let fields = BTreeMap::from([(HistoryField::Amount, json!(amount))]);
        let statement = HistoryStatement { fields, ..HistoryStatement::default() };
        let raw = RawPosition {
            instance: records::source("crm.lead", "1").instance,
            position: Position { epoch: 1, sequence },
        };
        let times = (valid.parse().unwrap(), known.parse().unwrap());
        HistoryVersion::new(deal("1"), raw, times, Some(statement))
    };
    // The second version was read after the third: late.
    let mut versions = [
        stated(1, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "100"),
        stated(3, "2026-02-01T00:00:00Z", "2026-06-01T00:00:00Z", "150"),
        stated(2, "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "200"),
    ];
    derive(&mut versions);
    let golden = records::deal("1", "ana", Status::Open, None, None);
    let served = versions.into_iter().map(|version| {
        let (opportunity, scope_key) = (Some(golden.id), Some(golden.scope_key.clone()));
        (version.id.clone(), OpportunityVersion { version, opportunity, scope_key })
    });
    let names = ["directory", "dashboard_stats", "pipeline_summary", "activity_feed", "opportunity_history"];
    let serving = names.map(|name| (name.to_owned(), 1)).into();
    world.store.set_active(&Active { canonical: 1, serving, org_version: 1, previous: None }).unwrap();
    let collection = serving_collection("opportunity_history", 1);
    records::put(&world.store, &collection, served.collect()).await;
    let mut ana = world.signed_in(Role::AccountManager).await;
    let path = format!("{}/history", path("1"));
    let now = ana.get(&path).await.json();
    assert_eq!(now["fields"]["amount"], "200");
    let row = |index: usize| now["rows"][index].clone();
    assert_eq!(
        (&row(0)["field"], &row(1)["to"], &row(2)["from"]),
        (&json!("created"), &json!("100"), &json!("100"))
    );
    assert_eq!((&row(2)["evidence"], &row(3)["to"]), (&json!("observed_diff"), &json!("200")));
    let then = |query: &str| format!("{path}?{query}");
    let valid = ana.get(&then("as_of=2026-02-15T00:00:00Z")).await.json();
    assert_eq!(valid["fields"]["amount"], "150");
    let known = ana.get(&then("as_of=2026-02-15T00:00:00Z&known_at=2026-02-15T00:00:00Z")).await.json();
    assert_eq!(known["fields"]["amount"], "100");
    ana.get(&then("as_of=yesterday")).await.problem(400, "malformed-query");
    ana.get("/api/opportunities/none/history").await.problem(404, "unknown-record");
    let mut bob = world.signed_in(Role::SalesUser).await;
    bob.get(&path).await.problem(404, "unknown-record");
}
