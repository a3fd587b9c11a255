//! A producer of thirty lines in Python, with no package of ours or of NATS, and a mapping: from its records to figures
//! on the dashboard. The files are those of the documentation.

use std::io::Write;
use std::process::{Command, Stdio};

use salescommand_tests::platform::{Platform, Session, eventually, repository};
use serde_json::{Value, json};

const CHIEF: &str = "chief@example.com";

fn example(name: &str) -> String {
    repository().join("docs/examples/tickets").join(name).display().to_string()
}

/// Publishes records with the producer, with the rights of a connector.
fn produce(platform: &Platform, records: &str) {
    let url = platform.nats.connector_url();
    let (login, address) = url.trim_start_matches("nats://").split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let mut producer = Command::new("python3")
        .arg(example("producer.py"))
        .env("NATS_ADDRESS", address)
        .env("NATS_USER", user)
        .env("NATS_PASSWORD", password)
        .env("NATS_INBOX", "_INBOX_connector")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 must be there: the producer is a program that is not ours");
    producer.stdin.take().unwrap().write_all(records.as_bytes()).unwrap();
    let ended = producer.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

fn deal(value: u32) -> String {
    let payload = json!({"title": "Paper", "value": value, "currency": "EUR", "chance": 50, "column": 1, "seller": "ann"});
    format!("{}\n", json!({"object": "deal", "key": "18", "payload": payload}))
}

async fn open_pipeline(session: &Session) -> Option<Value> {
    let (status, overview) = session.get("/api/dashboard/overview").await.ok()?;
    (status == 200).then(|| overview["open_pipeline"].clone())
}

/// Waits for the open pipeline to be so many deals of so many cents.
async fn await_pipeline(session: &Session, deals: u64, cents: u64) {
    let what = format!("{deals} open deals of {cents} cents");
    let wanted = async || {
        let pipeline = open_pipeline(session).await?;
        let minor = pipeline["amounts"][0]["minor"].as_u64();
        (pipeline["count"] == deals && minor == Some(cents)).then_some(())
    };
    let came = eventually(&what, wanted).await;
    assert!(came.is_ok(), "{what}; there is {:?}", open_pipeline(session).await);
}

fn json_of(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_producer_and_its_mapping_make_figures() {
    let mut platform = Platform::start().await.unwrap();
    let run = |platform: &Platform, arguments: &[&str], input: &str| platform.run(arguments, input);
    run(&platform, &["source", "add", "--kind", "foreign", "--name", "tickets"], "").unwrap();
    let reserved =
        run(&platform, &["source", "add", "--kind", "foreign", "--name", "config"], "").unwrap_err();
    assert!(reserved.to_string().contains("SalesCommand's own"), "{reserved}");
    let records = std::fs::read_to_string(example("records.jsonl")).unwrap();
    produce(&platform, &records);
    produce(&platform, &records);

    // A mapping is tried out before it is set, and refused if it cannot be used.
    let mapping = example("mapping.jq");
    let endless = platform.write("endless.jq", "def f: f; f").unwrap();
    let set = ["mapping", "set", "tickets", "--file"];
    let refused = run(&platform, &[&set[..], &[&endless]].concat(), "").unwrap_err();
    assert!(refused.to_string().contains("calls itself"), "{refused}");
    let report = run(&platform, &[&set[..], &[&mapping, "--output", "json"]].concat(), "").unwrap();
    let found: Vec<_> =
        json_of(&report).iter().map(|line| (line["outcome"].clone(), line["events"].clone())).collect();
    let expected = [
        ("accepted: account", 1),
        ("accepted: opportunity", 2),
        ("accepted: stage", 2),
        ("accepted: user", 1),
        ("rejected: out_of_range", 1),
        ("says nothing", 1),
    ];
    assert_eq!(found, expected.map(|(outcome, events)| (json!(outcome), json!(events))), "each record once");
    let shown = run(&platform, &["mapping", "show", "tickets"], "").unwrap();
    assert_eq!(shown, std::fs::read_to_string(&mapping).unwrap());

    platform.spawn("all", &[]).unwrap();
    let create = ["user", "create", CHIEF, "--name", "Chief", "--role", "super_admin"];
    run(&platform, &create, "password of the chief").unwrap();
    let signed_in =
        eventually("a session", async || platform.sign_in(CHIEF, "password of the chief").await.ok()).await;
    let chief = signed_in.unwrap();
    await_pipeline(&chief, 2, 128_050).await;

    // There and back within the duplicate window.
    for value in [90, 80] {
        produce(&platform, &deal(value));
    }
    produce(&platform, &deal(81));
    await_pipeline(&chief, 2, 128_150).await;
    produce(&platform, &deal(80));
    await_pipeline(&chief, 2, 128_050).await;
    let won = deal(80).replace("\"column\":1", "\"column\":9");
    produce(&platform, &won);
    await_pipeline(&chief, 1, 120_050).await;

    let checks = run(&platform, &["connector", "check", "tickets"], "").unwrap_err().to_string();
    assert!(checks.contains("does not do what is asked"), "one deal is refused: {checks}");
    decide(&platform, &chief).await;
}

/// The deal without an amount in quarantine: listed, retried in vain, waived; and superseded by its next version.
async fn decide(platform: &Platform, chief: &Session) {
    let (_, page) = chief.get("/api/data-lake/quarantine?source=tickets").await.unwrap();
    let reject = &page["items"][0];
    assert_eq!(
        (&reject["reason"], &reject["path"]),
        (&json!("out_of_range"), &json!("/amount/value")),
        "{page}"
    );
    let id = reject["id"].as_str().unwrap().to_owned();
    let place = format!("/api/data-lake/quarantine/{id}");
    let (_, shown) = chief.get(&place).await.unwrap();
    assert_eq!(shown["event"]["envelope"]["payload"]["inline"]["value"], "a lot");
    let (_, retried) = chief.post(&format!("{place}/retry"), &json!({})).await.unwrap();
    assert_eq!((&retried["outcome"], &retried["reject"]["state"]), (&json!("rejected"), &json!("open")));
    let waive = ["quarantine", "waive", &id, "--reason", "nobody knows", "--output", "json"];
    let waived = platform.run(&waive, "").unwrap();
    assert_eq!(json_of(&waived)[0]["outcome"], "waived");
    let fixed = json!({"title": "Ink", "value": 1, "currency": "EUR", "column": 1});
    produce(platform, &format!("{}\n", json!({"object": "deal", "key": "19", "payload": fixed})));
    await_pipeline(chief, 2, 120_150).await;
    let retry = ["quarantine", "retry", &id, "--output", "json"];
    assert_eq!(json_of(&platform.run(&retry, "").unwrap())[0]["outcome"], "rejected");
    let listed = platform.run(&["quarantine", "list", "--all", "--output", "json"], "").unwrap();
    assert_eq!(json_of(&listed)[0]["state"], "superseded", "the last decision holds: it is waived no more");
    over_epochs(platform, chief, &place).await;
}

/// With its epoch only in the archive, the event is shown all the same, and both checks read it.
async fn over_epochs(platform: &Platform, chief: &Session, place: &str) {
    for step in [&["epoch", "seal", "tickets"][..], &["epoch", "archive", "tickets"]] {
        platform.run(step, "").unwrap();
    }
    platform.run(&["epoch", "delete", "tickets", "--epoch", "1"], "").unwrap();
    let (_, shown) = chief.get(place).await.unwrap();
    assert_eq!(shown["event"]["envelope"]["payload"]["inline"]["value"], "a lot", "{shown}");
    let checks = platform.run(&["connector", "check", "tickets"], "").unwrap_err().to_string();
    assert!(checks.contains("does not do what is asked"), "the refused deal is in the archive: {checks}");
    let tried = platform.run(&["mapping", "check", "tickets"], "").unwrap_err().to_string();
    assert!(tried.contains("1 events would be rejected"), "{tried}");
    // Without its archive, the answer says so.
    let away = platform.archives().with_extension("away");
    std::fs::rename(platform.archives(), &away).unwrap();
    let (_, shown) = chief.get(place).await.unwrap();
    assert_eq!((&shown["event"], &shown["event_missing"]), (&json!(null), &json!("epoch_nowhere")));
    std::fs::rename(&away, platform.archives()).unwrap();
}
