//! From a source to figures: the overview equals a recount that Python makes straight from the source, for each of
//! the demo's users; and the product's answers while its servers are away.

use std::process::Command;
use std::time::Duration;

use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::canonical::SourceRef;
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{Ports, RawWriter};
use salescommand_odoo_simulator::{Matching, Trouble};
use salescommand_tests::platform::{ODOO_LOGIN, ODOO_PASSWORD, Platform, Session, eventually, repository};
use serde_json::{Value, json};

/// Recounts with `recount.py`. Without owners, every deal counts.
fn recount(platform: &Platform, period: &Value, owners: &[String]) -> Value {
    let output = Command::new("python3")
        .arg(repository().join("tests/it/recount.py"))
        .args([&platform.odoo.url(), "demo", ODOO_LOGIN])
        .args([period["start"].as_str().unwrap(), period["end"].as_str().unwrap()])
        .args(owners)
        .env("ODOO_PASSWORD", ODOO_PASSWORD)
        .output()
        .expect("python3 must be there: the recount is made by a client that is not ours");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `[{currency, minor, …}]` as `{currency: minor}`.
fn by_currency(amounts: &Value) -> Value {
    let amounts = amounts.as_array().unwrap().iter();
    amounts.map(|money| (money["currency"].as_str().unwrap().to_owned(), money["minor"].clone())).collect()
}

fn assert_figures(overview: &Value, counted: &Value, who: &str) {
    let figures = &counted["figures"];
    for (ours, theirs) in [("open_pipeline", "open"), ("won", "won"), ("lost", "lost")] {
        let (ours_is, theirs_is) = (&overview[ours], &figures[theirs]);
        assert_eq!(ours_is["count"], theirs_is["count"], "{who}: {ours} count");
        assert_eq!(ours_is["unvalued"], theirs_is["unvalued"], "{who}: {ours} unvalued");
        assert_eq!(by_currency(&ours_is["amounts"]), theirs_is["amounts"], "{who}: {ours} amounts");
    }
    assert_eq!(overview["open_pipeline"]["undated"], figures["open"]["undated"], "{who}: undated");
    let weighted = by_currency(&overview["weighted_pipeline"]["amounts"]);
    assert_eq!(weighted, figures["open"]["weighted"], "{who}: weighted");
    let stages = overview["pipeline_by_stage"].as_array().unwrap();
    let counted_stages = counted["by_stage"].as_object().unwrap();
    assert_eq!(stages.len(), counted_stages.len(), "{who}: stages");
    for stage in stages {
        // Odoo keeps blanks around names; people do not read them.
        let name = stage["name"].as_str().unwrap().trim();
        let (_, theirs) = counted_stages.iter().find(|(key, _)| key.trim() == name).expect(name);
        assert_eq!(stage["count"], theirs["count"], "{who}: {name}");
        assert_eq!(by_currency(&stage["amounts"]), theirs["amounts"], "{who}: {name}");
        assert_eq!(by_currency(&stage["weighted"]), theirs["weighted"], "{who}: {name}");
    }
}

/// The logins of a team leader and the members, and the inbox of the team, from the source.
fn team_of(platform: &Platform, leader: &str) -> Vec<String> {
    let data = platform.odoo.data();
    let uid = data.user(leader).unwrap();
    let domain = json!([[["user_id", "=", uid]]]);
    let teams = data
        .call(ODOO_LOGIN, ("crm.team", "search_read"), domain, json!({"fields": ["member_ids"]}))
        .unwrap();
    let mut owners = vec![leader.to_owned()];
    for team in teams.as_array().unwrap() {
        owners.push(format!("inbox:{}", team["id"]));
        let members = data
            .call(
                ODOO_LOGIN,
                ("res.users", "read"),
                json!([team["member_ids"]]),
                json!({"fields": ["login"]}),
            )
            .unwrap();
        owners.extend(
            members.as_array().unwrap().iter().map(|user| user["login"].as_str().unwrap().to_owned()),
        );
    }
    owners
}

async fn overview(session: &Session) -> Value {
    let (status, answer) = session.get("/api/dashboard/overview").await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_equal_a_recount_from_the_source_for_each_user() {
    let mut platform = Platform::start().await.unwrap();
    platform.demo().await.unwrap();
    let chief = platform.sign_in("superadmin@salescommand.com", "demo123").await.unwrap();
    let manager = platform.sign_in("am1@salescommand.com", "demo123").await.unwrap();
    let seller = platform.sign_in("krishna@securado.net", "password").await.unwrap();

    let all = overview(&chief).await;
    let counted = recount(&platform, &all["period"], &[]);
    for kind in ["archived", "unassigned", "lost", "leads", "without_company"] {
        assert!(counted["seen"][kind].as_u64().unwrap() > 0, "the company has no {kind} deal to count");
    }
    assert_eq!(counted["figures"]["open"]["amounts"].as_object().unwrap().len(), 2, "two currencies");
    assert_figures(&all, &counted, "superadmin");
    assert_eq!(all["scope"]["kind"], "all");

    let team = overview(&manager).await;
    let owners = team_of(&platform, "am1@salescommand.com");
    assert_figures(&team, &recount(&platform, &team["period"], &owners), "am1");
    assert_eq!(team["scope"]["kind"], "team");

    let own = overview(&seller).await;
    assert_figures(
        &own,
        &recount(&platform, &own["period"], &["krishna@securado.net".to_owned()]),
        "krishna",
    );
    assert_eq!(own["scope"]["kind"], "own");
    assert!(own["open_pipeline"]["count"].as_u64() < team["open_pipeline"]["count"].as_u64());

    a_second_sync_publishes_nothing(&platform);
    a_change_arrives(&platform, &chief, &all).await;
    freshness_says_that_everything_is_in(&chief).await;
}

fn a_second_sync_publishes_nothing(platform: &Platform) {
    let run = platform.sync(&["odoo", "--full"]).unwrap();
    assert_eq!(run["state"], "succeeded");
    assert_eq!(run["published"], 0, "{run}");
    assert_eq!(run["unchanged"], run["read"]);
    assert!(run["read"].as_u64().unwrap() > 3_000);
}

async fn a_change_arrives(platform: &Platform, chief: &Session, before: &Value) {
    let data = platform.odoo.data();
    let open = json!([[
        ["type", "=", "opportunity"],
        ["expected_revenue", ">", 0],
        ["company_id", "=", 1],
        ["active", "=", true],
        ["stage_id.is_won", "=", false]
    ]]);
    let found = data
        .call(
            ODOO_LOGIN,
            ("crm.lead", "search_read"),
            open,
            json!({"fields": ["expected_revenue"], "limit": 1}),
        )
        .unwrap();
    let raised = found[0]["expected_revenue"].as_f64().unwrap() + 1234.0;
    let change = json!([[found[0]["id"]], {"expected_revenue": raised}]);
    data.call(ODOO_LOGIN, ("crm.lead", "write"), change, json!({})).unwrap();
    let run = platform.sync(&["odoo"]).unwrap();
    assert_eq!(run["published"], 1, "{run}");
    let dollars =
        |overview: &Value| by_currency(&overview["open_pipeline"]["amounts"])["USD"].as_i64().unwrap();
    let expected = dollars(before) + 123_400;
    eventually("the raised deal on the dashboard", async || {
        (dollars(&overview(chief).await) == expected).then_some(())
    })
    .await
    .unwrap();

    data.call("admin", ("crm.lead", "unlink"), json!([[found[0]["id"]]]), json!({})).unwrap();
    let run = platform.sync(&["odoo"]).unwrap();
    let lead = run["objects"].as_array().unwrap().iter().find(|object| object["object"] == "crm.lead");
    assert_eq!(lead.map(|lead| lead["deleted"].clone()), Some(json!(1)), "{run}");
    let cents = (raised * 100.0).round() as i64;
    eventually("the deleted deal to leave the dashboard", async || {
        (dollars(&overview(chief).await) == expected - cents).then_some(())
    })
    .await
    .unwrap();
    let all = overview(chief).await;
    assert_figures(
        &all,
        &recount(platform, &all["period"], &[]),
        "superadmin, after a change and a deletion",
    );
}

async fn freshness_says_that_everything_is_in(chief: &Session) {
    eventually("the source to be fully projected", async || {
        let source = overview(chief).await["meta"]["sources"][0].clone();
        (source["projected"] == true && source["state"] == "ok").then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_away_is_named_and_comes_back_by_itself() {
    let mut platform = Platform::start().await.unwrap();
    platform.demo().await.unwrap();
    let chief = platform.sign_in("superadmin@salescommand.com", "demo123").await.unwrap();
    let before = overview(&chief).await["open_pipeline"].clone();

    // The source refuses: the run fails with a reason and a remedy, and the dashboard goes on.
    platform.odoo.data().revoke(ODOO_LOGIN).unwrap();
    let error = platform.run(&["sync", "run", "odoo", "--follow"], "").unwrap_err().to_string();
    assert!(error.contains("login") && !error.contains(ODOO_PASSWORD), "{error}");
    assert_eq!(overview(&chief).await["open_pipeline"], before);
    platform.odoo.data().add_password(ODOO_LOGIN, ODOO_PASSWORD).unwrap();

    // It stumbles: the run gets over it.
    platform.odoo.faults().next(2, Matching::call("crm.lead", "search_read"), Trouble::Refuse);
    assert_eq!(platform.sync(&["odoo"]).unwrap()["state"], "succeeded");

    // The database is away: a problem that says so; afterwards the same figures.
    platform.mongo.kill9().unwrap();
    let (status, problem) = chief.get("/api/dashboard/overview").await.unwrap();
    assert_eq!((status, problem["code"].as_str()), (503, Some("store-unavailable")), "{problem}");
    platform.mongo.restart().unwrap();
    back_again(&chief, &before).await;

    // The broker is away: figures are still answered, syncs are not.
    platform.nats.kill9().unwrap();
    let (status, problem) = chief.post("/api/sync/trigger", &json!({"source": "odoo"})).await.unwrap();
    assert_eq!((status, problem["code"].as_str()), (503, Some("broker-unavailable")), "{problem}");
    assert_eq!(overview(&chief).await["open_pipeline"], before);
    platform.nats.restart().unwrap();
    eventually("a sync after the broker came back", async || {
        let (status, _) = chief.post("/api/sync/trigger", &json!({"source": "odoo"})).await.ok()?;
        (status == 202).then_some(())
    })
    .await
    .unwrap();
    back_again(&chief, &before).await;
}

async fn back_again(chief: &Session, before: &Value) {
    eventually("the same figures again", async || {
        let (status, answer) = chief.get("/api/dashboard/overview").await.ok()?;
        (status == 200 && answer["open_pipeline"] == *before).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_demo_mode_nothing_starts_without_keys_and_nobody_can_sign_in_by_default() {
    let mut platform = Platform::start().await.unwrap();
    let refused = platform.start_without_keys().unwrap();
    assert!(refused.contains("SALESCOMMAND_SECRETS__SESSION_KEY"), "{refused}");

    platform.spawn("query", &[]).unwrap();
    let health = format!("{}/healthz", platform.base_url());
    let client = reqwest::Client::builder().build().unwrap();
    eventually("the query service", async || client.get(&health).send().await.ok().map(|_| ()))
        .await
        .unwrap();
    assert!(platform.sign_in("superadmin@salescommand.com", "demo123").await.is_err());
    let created = ["user", "create", "ann@example.com", "--name", "Ann", "--role", "executive"];
    platform.run(&created, "a long password").unwrap();
    let ann = platform.sign_in("ann@example.com", "a long password").await.unwrap();
    let (status, _) = ann.get("/api/dashboard/overview").await.unwrap();
    assert_eq!(status, 200, "empty figures, but an answer");
    let (status, problem) = ann.get("/api/data-lake/entities/unicorns").await.unwrap();
    assert_eq!((status, problem["code"].as_str()), (404, Some("unknown-entity-type")));
    let meta = ann.get("/api/meta").await.unwrap().1;
    assert_eq!((meta["demo"].clone(), meta["demo_accounts"].clone()), (json!(false), json!([])));
}

/// Publishes one version of a deal into the demo source's log, past the connector.
async fn publish_deal(platform: &Platform, payload: Value) {
    let options = NatsOptions {
        url: platform.nats.url(),
        name: "test".into(),
        connect_within: Duration::from_secs(10),
    };
    let ports = Ports::system(&NatsLog::connect(options).await.unwrap());
    let instance = InstanceName::new("odoo").unwrap();
    let mut writer = RawWriter::open(&ports, &instance, "odoo", 0).await.unwrap();
    let object = ObjectName::new("crm.lead").unwrap();
    let plan = ObjectPlan::new(object);
    let record = Record { key: "900001".into(), source_modified: None, subjects: Vec::new(), payload };
    writer.append(&plan, &[record]).await.unwrap();
}

async fn open_rejects(chief: &Session) -> Value {
    chief.get("/api/data-lake/stats").await.unwrap().1["canonical"]["quarantine"]["open"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reject_is_kept_with_its_reason_and_superseded_by_the_next_good_version() {
    let mut platform = Platform::start().await.unwrap();
    platform.demo().await.unwrap();
    let chief = platform.sign_in("superadmin@salescommand.com", "demo123").await.unwrap();
    publish_deal(
        &platform,
        json!({"id": 900001, "name": "Deal", "type": "opportunity", "probability": "high"}),
    )
    .await;
    eventually("the reject", async || (open_rejects(&chief).await == 1).then_some(())).await.unwrap();
    let rejects = platform.run_json(&["quarantine", "list"]).unwrap();
    assert_eq!(
        (rejects[0]["path"].as_str(), rejects[0]["state"].as_str()),
        (Some("/probability"), Some("open"))
    );
    let id = rejects[0]["id"].as_str().unwrap().to_owned();
    let shown = platform.run(&["quarantine", "show", &id], "").unwrap();
    assert!(shown.contains("\"probability\": \"high\""), "{shown}");

    let good = json!({"id": 900001, "name": "Deal", "type": "opportunity", "active": true, "probability": 50.0, "stage_id": 1});
    publish_deal(&platform, good).await;
    eventually("the reject to be superseded", async || (open_rejects(&chief).await == 0).then_some(()))
        .await
        .unwrap();
    assert_eq!(platform.run_json(&["quarantine", "list"]).unwrap(), json!([]));
    let all = platform.run_json(&["quarantine", "list", "--all"]).unwrap();
    assert_eq!(all[0]["state"], "superseded");

    let source = SourceRef {
        instance: InstanceName::new("odoo").unwrap(),
        object: ObjectName::new("crm.lead").unwrap(),
        key: "900001".into(),
    };
    let made_of = platform.run_json(&["lineage", "opportunities", &source.facet_id().to_string()]).unwrap();
    let objects: Vec<_> =
        made_of.as_array().unwrap().iter().map(|event| event["object"].as_str().unwrap()).collect();
    assert_eq!(
        objects,
        ["calendar", "crm.stage", "crm.lead"],
        "the deal, and the reference data it depends on"
    );
    assert_eq!(made_of[2]["payload"]["probability"], 50.0);
}
