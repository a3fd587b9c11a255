//! Declarations about identity by command, on real servers: what a key has joined comes apart, and comes together again.

use std::time::Duration;

use bson::{Document, doc};
use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_eventlog::EventLog as _;
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{Ports, RawWriter};
use salescommand_tests::platform::{Platform, eventually};
use serde_json::json;

const KEY: &str = "user:email:front-desk@example.com";

/// Somebody of two sources who has one address in both.
async fn publish(log: &NatsLog) {
    for instance in ["odoo-eu", "odoo-us"] {
        let instance = InstanceName::new(instance).unwrap();
        let mut writer = RawWriter::open(&Ports::system(log), &instance, "odoo", 0).await.unwrap();
        let object = ObjectName::new("res.users").unwrap();
        let plan = ObjectPlan::new(object);
        let login = "front-desk@example.com";
        let payload = json!({"id": 9, "name": "Front desk", "login": login, "active": true, "share": false});
        let subjects = vec![login.to_owned()];
        let record = Record { key: "9".to_owned(), source_modified: None, subjects, payload };
        writer.append(&plan, &[record]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ignored_key_parts_what_it_had_joined() {
    let mut platform = Platform::start().await.unwrap();
    let options = NatsOptions {
        url: platform.nats.url(),
        name: "test".into(),
        connect_within: Duration::from_secs(10),
    };
    let log = NatsLog::connect(options).await.unwrap();
    publish(&log).await;
    platform.spawn("normalizer", &[]).unwrap();
    let uri = format!("{}?directConnection=true", platform.mongo.uri());
    let database = mongodb::Client::with_uri_str(uri).await.unwrap().database("salescommand");
    let users = database.collection::<Document>("canonical_users_g1");
    let people = async |count: u64| {
        eventually("the people", async || {
            (users.count_documents(doc! {}).await.ok()? == count).then_some(())
        })
        .await
        .unwrap();
    };
    people(1).await;
    assert_eq!(platform.run_json(&["ignored-key", "list"]).unwrap(), json!([]));
    for _ in 0..2 {
        let declared = platform.run_json(&["ignored-key", "add", KEY]).unwrap();
        assert_eq!(declared, json!([{ "key": KEY }]));
    }
    assert_eq!(platform.run_json(&["ignored-key", "list"]).unwrap(), json!([{ "key": KEY }]));
    let config = log.stream("RAW_CONFIG_E1").await.unwrap().unwrap();
    assert_eq!(config.last_sequence, 1, "declared twice is published once");
    people(2).await;
    let wrong = platform.run(&["ignored-key", "add", "front-desk@example.com"], "").unwrap_err();
    assert!(wrong.to_string().contains("<entity>:<kind>:<value>"), "{wrong}");
    platform.run(&["ignored-key", "remove", KEY], "").unwrap();
    assert_eq!(platform.run_json(&["ignored-key", "list"]).unwrap(), json!([]));
    people(1).await;
    // Two records that no key joins, by a link.
    platform.run(&["ignored-key", "add", KEY], "").unwrap();
    people(2).await;
    platform.run(&["link", "add", "odoo-eu/res.users/9", "odoo-us/res.users/9"], "").unwrap();
    people(1).await;
    let linked = eventually("the link in canonical", async || {
        let linked = platform.run_json(&["link", "list"]).ok()?;
        (linked.as_array()?.len() == 1).then_some(())
    });
    linked.await.unwrap();
    platform.run(&["link", "remove", "odoo-us/res.users/9", "odoo-eu/res.users/9"], "").unwrap();
    people(2).await;
}
