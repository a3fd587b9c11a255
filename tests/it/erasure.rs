//! A person is erased on a real broker, and everything behind it is built anew: nothing of them is left anywhere, and no
//! figure has changed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, ObjectName, Position, RawPosition};
use salescommand_epochs::{
    ArchivedLog, Chain, ChainReader, FolderArchives, NoArchives, Request, Subject, archive, delete, erase,
    seal,
};
use salescommand_eventlog::{BatchLimit, EventLog as _};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{Ports, RawWriter};
use salescommand_normalizer::RawMessage;
use salescommand_tests::nats::Nats;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::oracle;

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

async fn publish(log: &NatsLog, instance: &str, connector: &str, rows: &[Row]) -> u64 {
    let instance = InstanceName::new(instance).unwrap();
    let mut writer = RawWriter::open(&Ports::system(log), &instance, connector, 0).await.unwrap();
    let mut published = 0;
    for Row(object, key, subjects, payload) in rows {
        let object = ObjectName::new(*object).unwrap();
        let plan = ObjectPlan { object, payload_schema: 1, volatile: &[], missing_fields: Vec::new() };
        let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        let key = if connector == "config" { "ann@example.com".to_owned() } else { key.to_string() };
        let record = Record { key, source_modified: None, subjects, payload: payload.clone() };
        published += writer.append(&plan, &[record]).await.unwrap().published;
    }
    published
}

/// All raw events, as a normalizer that replays reads them.
async fn raw(log: &NatsLog, archives: &FolderArchives) -> Vec<RawMessage> {
    let readable = Arc::new(ArchivedLog::new(Arc::new(log.clone()), Arc::new(archives.clone())));
    let limit = BatchLimit { messages: 500, bytes: 4 << 20, wait: Duration::from_millis(100) };
    let mut found = Vec::new();
    for chain in Chain::all(log).await.unwrap() {
        let mut reader = ChainReader::new(readable.clone(), chain.instance.clone(), Position::START);
        let newest = chain.newest().unwrap();
        let end = match newest.status.last_sequence {
            // An open epoch without events: the chain ends with the one before.
            0 if newest.number > 1 => {
                let before = salescommand_domain::raw::raw_stream(&chain.instance, newest.number - 1);
                Position {
                    epoch: newest.number - 1,
                    sequence: log.stream(&before).await.unwrap().unwrap().last_sequence,
                }
            }
            sequence => Position { epoch: newest.number, sequence },
        };
        while reader.position() < end {
            let portion = reader.next(limit).await.unwrap();
            found.extend(portion.messages.into_iter().map(|message| RawMessage {
                raw: RawPosition {
                    instance: chain.instance.clone(),
                    position: Position { epoch: portion.epoch, sequence: message.sequence },
                },
                message,
            }));
        }
    }
    found
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

fn documents_with_traces(documents: &oracle::Compared) -> Vec<String> {
    let all = documents.iter().flat_map(|(collection, documents)| {
        documents.iter().map(move |(id, bytes)| (format!("{collection}/{id}"), bytes))
    });
    all.filter(|(name, bytes)| contains_trace(bytes).or(contains_trace(name.as_bytes())).is_some())
        .map(|(name, _)| name)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_leaves_no_trace_and_no_figure_changes() {
    let nats = Nats::start().unwrap();
    let options =
        NatsOptions { url: nats.url(), name: "test".into(), connect_within: Duration::from_secs(10) };
    let log = NatsLog::connect(options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let archives = FolderArchives::new(folder.path());
    let odoo = InstanceName::new("odoo").unwrap();
    let rows = rows();
    publish(&log, "odoo", "odoo", &rows[..20]).await;
    seal(&log, &NoArchives, &odoo).await.unwrap();
    archive(&log, &archives, &odoo, 1, now()).await.unwrap();
    delete(&log, &archives, &odoo, 1).await.unwrap();
    publish(&log, "odoo", "odoo", &rows[20..40]).await;
    seal(&log, &archives, &odoo).await.unwrap();
    publish(&log, "odoo", "odoo", &rows[40..]).await;
    let manager = json!({"email": "ann@example.com", "manager_email": "bob@example.com"});
    publish(&log, "config", "config", &[Row("person", 0, &["ann@example.com"], manager)]).await;

    let before = raw(&log, &archives).await;
    let documents_before = oracle::documents(std::slice::from_ref(&before), false).await;
    assert!(documents_with_traces(&documents_before).len() > 3);
    assert!(!documents_before["serving_dashboard_stats_g1"].is_empty());

    let request = Request {
        subject: Subject::parse("ann@example.com").unwrap(),
        by: "data protection officer".to_owned(),
        id: Uuid::from_u128(1),
        salt: "salt of a test".to_owned(),
        now: &now,
    };
    let receipt = erase(&log, &archives, request).await.unwrap();
    assert_eq!(receipt.came_back, 0);
    assert_eq!(receipt.epochs.len(), 4, "{receipt:?}");

    let after = raw(&log, &archives).await;
    assert_eq!(before.len(), after.len());
    assert!(before.iter().zip(&after).all(|(old, new)| old.raw == new.raw), "the same positions");
    assert!(after.iter().all(|message| contains_trace(&message.message.payload).is_none()));
    assert!(
        after
            .iter()
            .any(|message| String::from_utf8_lossy(&message.message.payload).contains("Bob Miller too"))
    );
    let documents = oracle::documents(&[after], false).await;
    assert_eq!(documents_with_traces(&documents), Vec::<String>::new());
    for figures in ["serving_dashboard_stats_g1", "serving_pipeline_summary_g1"] {
        assert!(documents_before.get(figures) == documents.get(figures), "{figures} changed");
    }
    let mut files = Vec::new();
    files_with_traces(&nats.folder().join("data"), &mut files);
    files_with_traces(folder.path(), &mut files);
    assert_eq!(files, Vec::<String>::new());

    // A later sync of a source that has erased the person too publishes what is new there, and nothing else.
    let untouched: Vec<Row> =
        rows.into_iter().filter(|row| contains_trace(row.3.to_string().as_bytes()).is_none()).collect();
    assert_eq!(publish(&log, "odoo", "odoo", &untouched).await, 0);
}
