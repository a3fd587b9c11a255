//! A person is erased by one command on real servers: nothing of them is left in broker, archive and database, and no figure
//! has changed. Over the twins: what else differs keeps the gate shut.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bson::{Document, RawDocumentBuf, doc};
use futures::TryStreamExt;
use mongodb::Database;
use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::{FacetBody, Mapped, Rejection};
use salescommand_domain::generation::{Command, Erasure, Gate, Reason, Replay, ReplayKind, ReplayState};
use salescommand_domain::raw::{Envelope, InstanceName, ObjectName, Position};
use salescommand_epochs::{
    Chain, FolderArchives, NoArchives, Receipt, Request, Subject, erase, receipts, seal,
};
use salescommand_eventlog::{EventLog, KeyValue};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{Ports, RawWriter};
use salescommand_normalizer::NormalizerPosition;
use salescommand_store::Documents;
use salescommand_tests::platform::{Platform, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::generations::{self, World};
use crate::oracle;
use crate::relay;

const TRACES: [&str; 4] = ["ann@example.com", "Ann Example", "+49 170 5551234", "ann=40example"];

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

struct Row(&'static str, u64, &'static [&'static str], Value);

/// Reference data, two people who own deals and are known as customers too, and deals of both.
fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row("res.currency", 1, &[], json!({"id": 1, "name": "EUR", "decimal_places": 2, "active": true})),
        Row("res.company", 1, &[], json!({"id": 1, "name": "Acme", "currency_id": 1})),
        Row("crm.stage", 1, &[], json!({"id": 1, "name": "New", "sequence": 1, "is_won": false})),
        Row("crm.stage", 2, &[], json!({"id": 2, "name": "Won", "sequence": 2, "is_won": true})),
        Row(
            "res.users",
            9,
            &["ann@example.com", "res.partner:17", "res.users:9"],
            json!({"id": 9, "name": "Ann Example", "login": "ann@example.com", "active": true, "share": false}),
        ),
        Row(
            "res.users",
            10,
            &["bob@example.com", "res.users:10"],
            json!({"id": 10, "name": "Bob Miller", "login": "bob@example.com", "active": true, "share": false}),
        ),
        Row(
            "res.partner",
            17,
            &["ann@example.com", "res.partner:17"],
            json!({"id": 17, "name": "Ann Example", "is_company": false, "email": "ann@example.com", "phone": "+49 170 5551234", "vat": false, "active": true, "commercial_partner_id": 18, "user_id": false}),
        ),
        Row(
            "res.partner",
            18,
            &["res.partner:18"],
            json!({"id": 18, "name": "Pumps Ltd", "is_company": true, "email": false, "vat": "BE0477472701", "active": true, "commercial_partner_id": 18, "user_id": 9}),
        ),
    ];
    for n in 1..=60_u64 {
        let (stage, owner) = (1 + n % 2, 9 + n % 2);
        let named = n % 7 == 0;
        let payload = json!({
            "id": n, "name": format!("Deal {n}"), "type": "opportunity", "active": true, "probability": if stage == 2 { 100.0 } else { 20.0 },
            "expected_revenue": 100.0 * n as f64, "stage_id": stage, "user_id": owner, "team_id": false, "company_id": 1,
            "partner_id": 17, "date_deadline": "2026-12-01", "date_closed": if stage == 2 { json!("2026-11-03 10:00:00") } else { json!(false) },
            "create_date": "2026-10-01 08:00:00",
            "email_from": if named { json!("ann@example.com") } else { json!(false) },
            "description": if named { json!("Ann Example wants it, Bob Miller too") } else { json!(false) },
        });
        rows.push(Row(
            "crm.lead",
            n,
            if named { &["ann@example.com", "res.partner:17"] } else { &["res.partner:17"] },
            payload,
        ));
    }
    rows
}

async fn publish<L>(log: &L, instance: &str, connector: &str, rows: &[Row]) -> u64
where
    L: EventLog + KeyValue + Clone + 'static,
{
    let instance = InstanceName::new(instance).unwrap();
    let mut writer = RawWriter::open(&Ports::system(log), &instance, connector, 0).await.unwrap();
    let mut published = 0;
    for Row(object, key, subjects, payload) in rows {
        let object = ObjectName::new(*object).unwrap();
        let plan = ObjectPlan::new(object);
        let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        let key = if connector == "config" { "ann@example.com".to_owned() } else { key.to_string() };
        let record = Record { key, source_modified: None, subjects, payload: payload.clone() };
        published += writer.append(&plan, &[record]).await.unwrap().published;
    }
    published
}

fn contains_trace(bytes: &[u8]) -> Option<&'static str> {
    let lower = String::from_utf8_lossy(bytes).to_lowercase();
    TRACES.into_iter().find(|trace| lower.contains(&trace.to_lowercase()))
}

/// Files under a folder in which a string of the person stands.
fn files_with_traces(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with_traces(&path, found);
        } else if contains_trace(&std::fs::read(&path).unwrap()).is_some() {
            found.push(path.display().to_string());
        }
    }
}

/// Every collection of the product's database that holds a string of the person, with how many documents.
async fn collections_with_traces(database: &Database) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for name in database.list_collection_names().await.unwrap() {
        let cursor = database.collection::<RawDocumentBuf>(&name).find(doc! {}).await.unwrap();
        let documents: Vec<RawDocumentBuf> = cursor.try_collect().await.unwrap();
        let traces =
            documents.iter().filter(|document| contains_trace(document.as_bytes()).is_some()).count();
        if traces > 0 {
            found.insert(name, traces);
        }
    }
    found
}

/// The documents of a collection by id.
async fn documents(database: &Database, collection: &str) -> BTreeMap<String, RawDocumentBuf> {
    let cursor = database.collection::<RawDocumentBuf>(collection).find(doc! {}).await.unwrap();
    let documents: Vec<RawDocumentBuf> = cursor.try_collect().await.unwrap();
    documents.into_iter().map(|document| (document.get_str("_id").unwrap().to_owned(), document)).collect()
}

/// Waits until every raw event is in every generation that is read.
async fn caught_up(platform: &Platform, log: &NatsLog) {
    let database = database(platform).await;
    eventually("everything to be on the dashboard", async || {
        let active = database.collection::<Document>("active").find_one(doc! {}).await.ok()??;
        let canonical =
            active.get("canonical")?.as_i64().or(active.get_i32("canonical").ok().map(i64::from))?;
        let positions = database.collection::<Document>("positions");
        let normalizer =
            positions.find_one(doc! { "_id": format!("normalizer_g{canonical}") }).await.ok()??;
        let position = NormalizerPosition::decode(normalizer.get_document("position").ok()?).ok()?;
        let mut all = true;
        for chain in Chain::all(log).await.ok()? {
            let newest = chain.epochs.iter().rfind(|epoch| epoch.status.last_sequence > 0);
            let end =
                newest.map(|epoch| Position { epoch: epoch.number, sequence: epoch.status.last_sequence });
            all &= end.is_none_or(|end| position.vector.get(&chain.instance).is_some_and(|at| *at >= end));
        }
        for (projection, generation) in active.get_document("serving").ok()? {
            let generation = generation.as_i64().or(generation.as_i32().map(i64::from))?;
            let name = salescommand_projector::consumer_name(projection, u32::try_from(generation).ok()?);
            let stored = positions.find_one(doc! { "_id": name }).await.ok()??;
            all &= stored.get_document("position").ok()?.get_i64("sequence").ok()? == position.outbox;
        }
        all.then_some(())
    })
    .await
    .unwrap();
}

async fn database(platform: &Platform) -> Database {
    let uri = format!("{}?directConnection=true", platform.mongo.uri());
    mongodb::Client::with_uri_str(uri).await.unwrap().database("salescommand")
}

async fn connect(platform: &Platform) -> NatsLog {
    let options = NatsOptions {
        url: platform.nats.url(),
        name: "test".into(),
        connect_within: Duration::from_secs(10),
    };
    NatsLog::connect(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_leaves_no_trace_and_no_figure_changes() {
    let mut platform = Platform::start().await.unwrap();
    let log = connect(&platform).await;
    let odoo = InstanceName::new("odoo").unwrap();
    let rows = rows();
    publish(&log, "odoo", "odoo", &rows[..20]).await;
    for process in ["normalizer", "projector"] {
        platform.spawn(process, &[]).unwrap();
    }
    caught_up(&platform, &log).await;
    seal(&log, &NoArchives, &odoo).await.unwrap();
    platform.run(&["epoch", "archive", "odoo"], "").unwrap();
    platform.run(&["epoch", "delete", "odoo", "--epoch", "1"], "").unwrap();
    publish(&log, "odoo", "odoo", &rows[20..40]).await;
    platform.run(&["epoch", "seal", "odoo"], "").unwrap();
    publish(&log, "odoo", "odoo", &rows[40..]).await;
    let manager = json!({"email": "ann@example.com", "manager_email": "bob@example.com"});
    publish(&log, "config", "config", &[Row("person", 0, &["ann@example.com"], manager)]).await;
    caught_up(&platform, &log).await;

    let database = database(&platform).await;
    let before = collections_with_traces(&database).await;
    assert!(before.len() >= 5 && before.keys().all(|name| name.ends_with("_g1")), "{before:?}");
    let mut figures = BTreeMap::new();
    for name in ["serving_dashboard_stats", "serving_pipeline_summary"] {
        figures.insert(name, documents(&database, &format!("{name}_g1")).await);
    }
    assert!(figures.values().all(|documents| !documents.is_empty()));

    let store = platform.mongo.store("salescommand").await.unwrap();
    relay::level(&log, &store, 1).await;
    let mut files = Vec::new();
    files_with_traces(&platform.nats.folder().join("data"), &mut files);
    assert!(files.iter().any(|file| file.contains("/CANONICAL/")), "readers outside were told: {files:?}");

    let arguments = ["erase", "--subject", "ann@example.com", "--by", "data protection officer"];
    let answer = platform.run_json(&arguments).unwrap();
    let receipt = &answer[0];
    assert_eq!((&receipt["came_back"], &receipt["to_rebuild"]), (&json!(0), &json!(["g1"])));
    assert_eq!(receipt["epochs"].as_array().unwrap().len(), 4, "{receipt}");
    assert!(receipt["complete_at"].is_string(), "{receipt}");
    assert_eq!(platform.run_json(&["erase", "--receipts"]).unwrap(), answer);

    // Broker and archive: not in any file. Database: in no collection, and nothing of the old generation is left.
    let mut files = Vec::new();
    files_with_traces(&platform.nats.folder().join("data"), &mut files);
    files_with_traces(&platform.archives(), &mut files);
    assert_eq!(files, Vec::<String>::new());
    assert_eq!(collections_with_traces(&database).await, BTreeMap::new());
    let names = database.list_collection_names().await.unwrap();
    assert!(names.iter().all(|name| !name.ends_with("_g1")), "{names:?}");
    assert!(documents(&database, "ops_erasures").await.is_empty());
    assert!(log.stream("CANONICAL_G1").await.unwrap().is_none());
    let rollback = platform.run(&["generation", "rollback"], "").unwrap_err().to_string();
    assert!(rollback.contains("no previous generation"), "{rollback}");

    // What differs is explained by the erasure, and every figure is what it was, byte for byte.
    caught_up(&platform, &log).await;
    relay::level(&log, &store, 2).await;
    relay::assert_told(&log, &store, 2).await;
    let replays = documents(&database, "ops_replays").await;
    let replay: Document = replays.values().next().unwrap().try_into().unwrap();
    let comparison = replay.get_document("comparison").unwrap();
    assert!(!comparison.get_array("collections").unwrap().is_empty());
    for difference in comparison.get_array("collections").unwrap() {
        let difference = difference.as_document().unwrap();
        assert_eq!(difference.get("unexplained").unwrap().as_i64(), Some(0), "{difference}");
    }
    for (name, before) in figures {
        assert!(documents(&database, &format!("{name}_g2")).await == before, "{name} changed");
    }

    // A later sync of a source that has erased the person too publishes what is new there, and nothing else.
    let untouched: Vec<Row> =
        rows.into_iter().filter(|row| contains_trace(row.3.to_string().as_bytes()).is_none()).collect();
    assert_eq!(publish(&log, "odoo", "odoo", &untouched).await, 0);
}

/// Gets a deal's amount wrong by a cent that has nothing to do with the person.
fn wrong(envelope: &Envelope) -> Result<Option<Mapped>, Rejection> {
    let mut mapped = generations::right(envelope)?;
    if let Some(Mapped { body: FacetBody::Opportunity(deal), .. }) = &mut mapped
        && envelope.key == "8"
        && let Some(amount) = &mut deal.amount
    {
        amount.value += "0.01".parse::<rust_decimal::Decimal>().unwrap();
    }
    Ok(mapped)
}

/// Erases as the command does, without waiting; gives the receipt.
async fn erase_in(world: &World, archives: &FolderArchives) -> Receipt {
    let request = Request {
        subject: Subject::parse("ann@example.com").unwrap(),
        by: "data protection officer".to_owned(),
        id: Uuid::from_u128(1),
        salt: "salt of a test".to_owned(),
        now: &now,
    };
    let erased = erase(&*world.log, archives, request).await.unwrap();
    let (id, changed) = (erased.receipt.id.to_string(), erased.changed.clone());
    let holds = erased.receipt.to_rebuild.iter().map(|name| name[1..].parse().unwrap()).collect();
    world.registry.add_erasure(&Erasure { id, holds, changed, revision: 1 }).await.unwrap();
    let (kind, by) = (ReplayKind::Raw, "test".to_owned());
    let replay = Replay::requested("erasure".into(), kind, Reason::Erasure, by, true, now());
    assert!(world.registry.request(&replay).await.unwrap());
    erased.finish().await.unwrap()
}

async fn world_with_everything() -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::start_over(Arc::new(FolderArchives::new(folder.path()))).await;
    let rows = rows();
    world.published = rows.len();
    publish(&*world.log, "odoo", "odoo", &rows).await;
    world.caught_up().await;
    (world, folder)
}

async fn is_complete(world: &World) -> bool {
    receipts(&*world.log).await.unwrap().iter().all(|receipt| receipt.complete_at.is_some())
}

#[tokio::test]
async fn another_difference_keeps_the_gate_shut_and_the_receipt_open() {
    let (world, folder) = world_with_everything().await;
    *world.program.0.lock().unwrap() = generations::with_odoo(1, wrong);
    let receipt = erase_in(&world, &FolderArchives::new(folder.path())).await;
    assert_eq!((receipt.to_rebuild, receipt.complete_at), (vec!["g1".to_owned()], None));
    let replay = world.reaches("erasure", ReplayState::Ready).await;
    let comparison = replay.comparison.unwrap();
    assert_eq!(comparison.gate(), Gate::Shut);
    let of = |name: &str| comparison.collections.iter().find(|found| found.collection == name);
    let deals = of("canonical_opportunities").unwrap();
    assert_eq!(deals.unexplained, 1, "the deal with the cent: {deals:?}");
    assert!(deals.samples[0].explained_by.is_empty());
    let sums = of("serving_dashboard_stats").unwrap();
    assert_eq!(sums.unexplained, sums.differing());
    for explained in ["canonical_contacts", "canonical_users", "serving_directory"] {
        let found = of(explained).unwrap();
        assert!(found.differing() > 0 && found.unexplained == 0, "{found:?}");
        assert_eq!(found.samples[0].explained_by, ["erasure"]);
    }
    assert!(!is_complete(&world).await);

    // With the program put right, any replay that switches will do; the one that was ready goes with the rest.
    *world.program.0.lock().unwrap() = generations::with_odoo(1, generations::right);
    let id = world.request(ReplayKind::Raw, true).await;
    let replay = world.reaches(&id, ReplayState::Switched).await;
    assert_eq!(replay.comparison.unwrap().unexplained(), 0);
    eventually("the receipt to be complete", async || is_complete(&world).await.then_some(())).await.unwrap();
    assert!(world.store.dump().into_keys().all(|name| !name.ends_with("_g1")));
    assert!(world.log.stream("CANONICAL_G1").await.unwrap().is_none());
    assert!(Documents::active(&*world.store).await.unwrap().unwrap().previous.is_none());
    world.registry.command("erasure", &Command::Cancel, "test").await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn an_erasures_rebuild_survives_crashes_of_its_controller() {
    let (mut world, folder) = world_with_everything().await;
    erase_in(&world, &FolderArchives::new(folder.path())).await;
    world.crash_as_it_gets_on("erasure", 4).await;
    world.reaches("erasure", ReplayState::Switched).await;
    eventually("the receipt to be complete", async || is_complete(&world).await.then_some(())).await.unwrap();
    let with_traces: Vec<_> = oracle::compared(&world.store)
        .into_iter()
        .flat_map(|(collection, documents)| {
            documents.into_iter().map(move |(id, bytes)| (format!("{collection}/{id}"), bytes))
        })
        .filter(|(name, bytes)| contains_trace(bytes).or(contains_trace(name.as_bytes())).is_some())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(with_traces, Vec::<String>::new());
    assert!(world.registry.erasures().await.unwrap().is_empty());
    world.end().await;
}
