//! Edits on real servers: an edit wins while its source changes under it, one of two concurrent edits is told that it
//! is late, a kill loses nothing, figures follow, and lineage tells all of it down to the sums.

use salescommand_eventlog::EventLog as _;
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_odoo_simulator::Handle;
use salescommand_store::{Documents, Query, serving_collection};
use salescommand_tests::platform::{ODOO_LOGIN, Platform, Session, Versioned, eventually};
use serde_json::{Value, json};

async fn open_dollars(session: &Session) -> (i64, i64) {
    let overview = session.get("/api/dashboard/overview").await.unwrap().1;
    let amounts = overview["open_pipeline"]["amounts"].as_array().unwrap().clone();
    let dollars = amounts.iter().find(|money| money["currency"] == "USD").unwrap();
    (overview["open_pipeline"]["count"].as_i64().unwrap(), dollars["minor"].as_i64().unwrap())
}

/// Follows a write to its end: at once, or by its token.
async fn done(session: &Session, path: &str, write: Versioned) -> Versioned {
    assert!([200, 201, 202].contains(&write.status), "{} {}", write.status, write.body);
    if write.status != 202 {
        return write;
    }
    let asked = format!("{path}?written={}", write.body["token"].as_str().unwrap());
    let read = eventually("the write to be in", async || {
        let read = session.read(&asked).await.ok()?;
        (read.body["write"] == "in").then_some(read)
    });
    read.await.unwrap()
}

/// An open deal in dollars of the seller's own, and its key in the source.
async fn some_deal(seller: &Session) -> (String, i64, i64) {
    let (status, page) = seller.get("/api/opportunities?status=open&limit=200").await.unwrap();
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap();
    let deal = items.iter().find(|deal| deal["amount"]["currency"] == "USD").unwrap();
    let key = deal["sources"][0]["key"].as_str().unwrap().parse().unwrap();
    let path = format!("/api/opportunities/{}", deal["id"].as_str().unwrap());
    (path, key, deal["amount"]["minor"].as_i64().unwrap())
}

fn write_in_odoo(odoo: &Handle, key: i64, values: Value) {
    odoo.data().call(ODOO_LOGIN, ("crm.lead", "write"), json!([[key], values]), json!({})).unwrap();
}

fn deal_of(read: &Versioned) -> &Value {
    &read.body["opportunity"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_wins_survives_and_can_be_withdrawn() {
    let mut platform = Platform::start().await.unwrap();
    platform.demo().await.unwrap();
    let chief = platform.sign_in("superadmin@salescommand.com", "demo123").await.unwrap();
    let seller = platform.sign_in("krishna@securado.net", "password").await.unwrap();
    let (path, key, minor) = some_deal(&seller).await;
    let before = open_dollars(&chief).await;

    // Edited: the answer has it, and so have the figures that follow the answer.
    let first = seller.read(&path).await.unwrap();
    let raised =
        json!({"set": {"amount": {"value": format!("{}", (minor + 100_000) / 100), "currency": "USD"}}});
    let whole = (minor + 100_000) / 100 * 100;
    let edited =
        done(&seller, &path, seller.change("PATCH", &path, &first.version, &raised).await.unwrap()).await;
    assert_eq!(deal_of(&edited)["amount"]["minor"], whole);
    assert_eq!(open_dollars(&chief).await, (before.0, before.1 + whole - minor), "figures follow the answer");

    // Whoever still has the version before is late; of two that have the present one, exactly one is.
    let late = seller.change("PATCH", &path, &first.version, &raised).await.unwrap();
    assert_eq!((late.status, late.body["code"].as_str()), (412, Some("stale-version")));
    let race = |name: &str| {
        let (body, version) = (json!({"set": {"name": name}}), edited.version.clone());
        let (seller, path) = (&seller, &path);
        async move { seller.change("PATCH", path, &version, &body).await.unwrap() }
    };
    let (left, right) = tokio::join!(race("Left"), race("Right"));
    let winner = if left.status == 412 { "Right" } else { "Left" };
    assert_eq!([left.status, right.status].iter().filter(|status| **status == 412).count(), 1);
    let named = eventually("the winner's name", async || {
        let read = seller.read(&path).await.ok()?;
        (deal_of(&read)["name"] == winner).then_some(read)
    });
    assert_eq!(deal_of(&named.await.unwrap())["edited"], json!(["amount", "name"]));

    // The source changes under it: what was edited stays, the rest follows.
    write_in_odoo(&platform.odoo, key, json!({"expected_revenue": 7.0, "date_deadline": "2031-05-06"}));
    let run = platform.sync(&["odoo"]).unwrap();
    assert_eq!(run["published"], 1, "{run}");
    let changed = eventually("the source's change", async || {
        let read = seller.read(&path).await.ok()?;
        (deal_of(&read)["close_date"] == "2031-05-06").then_some(read)
    });
    assert_eq!(deal_of(&changed.await.unwrap())["amount"]["minor"], whole);
    lineage_tells_winner_and_loser(&platform, &chief, &path, whole).await;

    // A kill loses nothing.
    platform.kill9("all").unwrap();
    platform.demo().await.unwrap();
    let kept = seller.read(&path).await.unwrap();
    assert_eq!(
        (&deal_of(&kept)["amount"]["minor"], &deal_of(&kept)["name"]),
        (&json!(whole), &json!(winner))
    );

    // Withdrawn: the source has its say again.
    let withdrawn = seller.change("DELETE", &path, &kept.version, &json!({})).await.unwrap();
    let withdrawn = done(&seller, &path, withdrawn).await;
    assert_eq!(
        (&deal_of(&withdrawn)["amount"]["minor"], &deal_of(&withdrawn)["edited"]),
        (&json!(700), &json!([]))
    );
    assert_eq!(open_dollars(&chief).await, (before.0, before.1 + 700 - minor));
    a_deal_of_ones_own(&seller, &chief).await;
    every_sum_is_that_of_its_deals(&platform, &chief).await;
}

async fn a_deal_of_ones_own(seller: &Session, chief: &Session) {
    let before = open_dollars(chief).await;
    let body = json!({"name": "Made here", "amount": {"value": "12.34", "currency": "USD"}});
    let made = seller.change("POST", "/api/opportunities", "", &body).await.unwrap();
    let id = made.body["opportunity"]["id"].as_str().or(made.body["id"].as_str()).unwrap().to_owned();
    let path = format!("/api/opportunities/{id}");
    let made = done(seller, &path, made).await;
    assert_eq!(open_dollars(chief).await, (before.0 + 1, before.1 + 1_234));
    let won = json!({"set": {"status": "won"}});
    let won = done(seller, &path, seller.change("PATCH", &path, &made.version, &won).await.unwrap()).await;
    assert_eq!((&deal_of(&won)["status"], deal_of(&won)["closed_on"].is_string()), (&json!("won"), true));
    let gone =
        done(seller, &path, seller.change("DELETE", &path, &won.version, &json!({})).await.unwrap()).await;
    assert_eq!(deal_of(&gone)["deleted"], true);
    assert_eq!(open_dollars(chief).await, before);
}

/// The id of the deal that a request has made, whether it is in already or not.
fn id_of(made: &Versioned) -> String {
    assert!([201, 202].contains(&made.status), "{} {}", made.status, made.body);
    made.body["opportunity"]["id"].as_str().or(made.body["id"].as_str()).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_a_key_makes_one_deal_however_often_and_over_a_kill() {
    let mut platform = Platform::start().await.unwrap();
    platform.demo().await.unwrap();
    let seller = platform.sign_in("krishna@securado.net", "password").await.unwrap();
    let chief = platform.sign_in("superadmin@salescommand.com", "demo123").await.unwrap();
    let before = open_dollars(&chief).await;
    let body = json!({"name": "Asked for once", "amount": {"value": "12.34", "currency": "USD"}});
    let ask = || seller.post_once("/api/opportunities", "order-1", &body);
    let answers = futures::future::join_all((0..8).map(|_| ask())).await;
    let ids: Vec<String> = answers.iter().map(|made| id_of(made.as_ref().unwrap())).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let path = format!("/api/opportunities/{}", ids[0]);
    done(&seller, &path, ask().await.unwrap()).await;
    assert_eq!(open_dollars(&chief).await, (before.0 + 1, before.1 + 1_234));
    let other = seller.post_once("/api/opportunities", "order-1", &json!({"name": "Another"})).await.unwrap();
    assert_eq!((other.status, other.body["code"].as_str()), (422, Some("idempotency-key-reused")));

    // Killed as soon as the event is in the log: whether or not there was an answer, the same request is the same deal.
    let log = crm_log(&platform).await;
    let last = log.stream("RAW_CRM_E1").await.unwrap().unwrap().last_sequence;
    let second = json!({"name": "Asked for over a kill", "amount": {"value": "1.00", "currency": "USD"}});
    let asked = async {
        let _lost = seller.post_once("/api/opportunities", "order-2", &second).await;
    };
    let kill = async {
        while log.stream("RAW_CRM_E1").await.unwrap().unwrap().last_sequence == last {
            tokio::task::yield_now().await;
        }
        platform.kill9("all").unwrap();
    };
    tokio::join!(kill, asked);
    platform.demo().await.unwrap();
    let made = seller.post_once("/api/opportunities", "order-2", &second).await.unwrap();
    let path = format!("/api/opportunities/{}", id_of(&made));
    done(&seller, &path, made).await;
    assert_eq!(open_dollars(&chief).await, (before.0 + 2, before.1 + 1_334));
    assert_eq!(log.stream("RAW_CRM_E1").await.unwrap().unwrap().last_sequence, last + 1);
}

async fn crm_log(platform: &Platform) -> NatsLog {
    let options = NatsOptions {
        url: platform.nats.url(),
        name: "test".into(),
        connect_within: std::time::Duration::from_secs(10),
    };
    NatsLog::connect(options).await.unwrap()
}

async fn lineage_tells_winner_and_loser(platform: &Platform, chief: &Session, path: &str, whole: i64) {
    let id = path.rsplit('/').next().unwrap();
    let asked = format!("/api/data-lake/lineage/opportunities/{id}?field=amount");
    let (status, lineage) = chief.get(&asked).await.unwrap();
    assert_eq!(status, 200, "{lineage}");
    let field = &lineage["fields"][0];
    assert_eq!((&field["value"]["minor"], &field["rule"]), (&json!(whole), &json!("edit_wins")));
    assert_eq!(field["winner"]["source"]["instance"], "crm");
    assert_eq!(field["winner"]["edited_by"]["name"].as_str().map(str::is_empty), Some(false), "{field}");
    let loser = &field["losers"][0]["statement"];
    assert_eq!((&loser["source"]["instance"], &loser["value"]["value"]), (&json!("odoo"), &json!("7")));
    // The command line tells the same, down to the raw events.
    let rows = platform.run_json(&["lineage", "opportunities", id, "--field", "amount"]).unwrap();
    let of = |part: &str| rows.as_array().unwrap().iter().find(|row| row["part"] == part).unwrap().clone();
    assert_eq!(of("value")["value"]["minor"], whole);
    assert_eq!(of("winner")["sequence"], field["winner"]["source"]["raw"]["sequence"]);
    assert_eq!((&of("loser")["instance"], &of("loser")["value"]["value"]), (&json!("odoo"), &json!("7")));
}

/// For every prepared sum of the whole company: the deals that lineage lists come to the document.
async fn every_sum_is_that_of_its_deals(platform: &Platform, chief: &Session) {
    let store = platform.mongo.store("salescommand").await.unwrap();
    let mut documents = 0;
    for collection in ["pipeline_summary", "dashboard_stats"] {
        let only_ids = Query::all().only(&["_id"]);
        for document in store.find(&serving_collection(collection, 1), &only_ids).await.unwrap() {
            let id = document.get_str("_id").unwrap().replace('|', "%7C");
            let asked = format!("/api/data-lake/lineage/serving/{collection}/{id}?limit=1000");
            let (status, lineage) = chief.get(&asked).await.unwrap();
            assert_eq!(status, 200, "{id}: {lineage}");
            assert_eq!(lineage["agrees"], true, "{id}: {lineage}");
            assert_eq!(lineage["document"], lineage["found"], "{id}");
            let records = lineage["records"].as_array().unwrap();
            assert_eq!(json!(records.len()), lineage["document"]["count"], "{id}");
            for money in lineage["document"]["amounts"].as_array().unwrap() {
                let amounts = records.iter().map(|record| &record["record"]["amount"]);
                let same = amounts.filter(|amount| amount["currency"] == money["currency"]);
                let sum: i64 = same.map(|amount| amount["minor"].as_i64().unwrap()).sum();
                assert_eq!(json!(sum), money["minor"], "{id}");
            }
            assert!(records.iter().all(|record| !record["events"].as_array().unwrap().is_empty()), "{id}");
            documents += 1;
        }
    }
    assert!(documents > 50, "only {documents} documents");
}
