//! The audit log on real servers: whatever is killed while people sign in, the chain is whole, and every answer that was
//! given is in it once.

use std::collections::BTreeMap;
use std::time::Duration;

use salescommand_domain::audit::{AUDIT_STREAM, Head};
use salescommand_eventlog::{Administration as _, EventLog as _, Outgoing, StreamSpec};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_odoo_simulator::Seed;
use salescommand_tests::mongo::Settings;
use salescommand_tests::platform::{Platform, eventually, today};
use serde_json::{Value, json};

const PASSWORD: &str = "staple wagon cloud";
/// Kills of the query service.
const KILLS: usize = 6;
/// Answers between two kills.
const ANSWERS: usize = 12;

/// A sign-in that was answered: its request, and whether it was accepted.
type Answered = BTreeMap<String, bool>;

async fn sign_in(client: &reqwest::Client, base: &str, password: &str) -> Option<(String, bool)> {
    let body = json!({"email": "ann@example.com", "password": password});
    let request = client.post(format!("{base}/api/auth/login")).header("X-Requested-With", "salescommand");
    let answer = request.json(&body).timeout(Duration::from_secs(20)).send().await.ok()?;
    let id = answer.headers().get("x-request-id")?.to_str().ok()?.to_owned();
    match answer.status().as_u16() {
        200 => Some((id, true)),
        401 => Some((id, false)),
        _ => None,
    }
}

async fn up(platform: &Platform) {
    let url = format!("{}/healthz", platform.base_url());
    let client = reqwest::Client::builder().build().unwrap();
    let ready = eventually("the query service", async || {
        let answer = client.get(&url).send().await.ok()?;
        answer.status().is_success().then_some(())
    });
    ready.await.unwrap();
}

async fn small() -> Platform {
    let seed = Seed { leads: 5, partners: 5, activities: 5, ..Seed::new(1, today()) };
    let platform = Platform::start_with(Settings::default(), seed).await.unwrap();
    platform
        .run(&["user", "create", "ann@example.com", "--name", "Ann", "--role", "super_admin"], PASSWORD)
        .unwrap();
    platform
}

async fn log(platform: &Platform) -> NatsLog {
    let options = NatsOptions {
        url: platform.nats.url(),
        name: "test".to_owned(),
        connect_within: Duration::from_secs(10),
    };
    NatsLog::connect(options).await.unwrap()
}

/// How often each request of sign-ins is in the chain.
fn written_down(platform: &Platform) -> BTreeMap<String, Vec<Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let all = platform.run_json(&["audit", "list", "--action", "session.", "--limit", "100000"]).unwrap();
    for entry in all.as_array().unwrap() {
        if let Some(request) = entry["request"].as_str() {
            found.entry(request.to_owned()).or_default().push(entry.clone());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_while_people_sign_in_loses_and_doubles_nothing() {
    let mut platform = small().await;
    let client = reqwest::Client::builder().build().unwrap();
    let mut answered = Answered::new();
    for round in 0..KILLS {
        platform.spawn("query", &[]).unwrap();
        up(&platform).await;
        // Two at a time, and the kill comes while both wait for an answer.
        let base = platform.base_url();
        let mut answers = 0;
        while answers < ANSWERS {
            let one = sign_in(&client, &base, PASSWORD);
            let wrong = if (round + answers) % 8 == 0 { "wrong" } else { PASSWORD };
            let other = sign_in(&client, &base, wrong);
            let (one, other) = tokio::join!(one, other);
            for (id, accepted) in [one, other].into_iter().flatten() {
                answered.insert(id, accepted);
                answers += 1;
            }
        }
        let under_way: Vec<_> = (0..4)
            .map(|_| {
                let (client, base) = (client.clone(), base.clone());
                tokio::spawn(async move { sign_in(&client, &base, PASSWORD).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(7 * round as u64)).await;
        platform.kill9("query").unwrap();
        for task in under_way {
            answered.extend(task.await.unwrap());
        }
    }
    let found = written_down(&platform);
    for (request, accepted) in &answered {
        let entries = found.get(request).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(entries.len(), 1, "{request} {accepted}: {entries:?}");
        let action = if *accepted { "session.signed_in" } else { "session.refused" };
        assert_eq!(entries[0]["action"], action, "{request}");
    }
    assert!(found.values().all(|entries| entries.len() == 1), "an entry is in the chain twice");
    assert!(answered.len() >= KILLS * ANSWERS && answered.values().any(|accepted| !accepted));
    let verified = &platform.run_json(&["audit", "verify"]).unwrap()[0];
    assert_eq!(verified["chain"], "whole");
    assert!(verified["entries"].as_u64().unwrap() > answered.len() as u64, "{verified}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_was_meddled_with_is_told_by_its_exit_code() {
    let platform = small().await;
    for role in ["viewer", "executive", "super_admin"] {
        platform.run(&["user", "set-role", "ann@example.com", role], "").unwrap();
    }
    let whole = &platform.run_json(&["audit", "verify"]).unwrap()[0];
    let head = whole["head"].as_str().unwrap().to_owned();
    assert_eq!((&whole["chain"], &whole["entries"]), (&json!("whole"), &json!(4)));
    let listed = platform.run_json(&["audit", "list"]).unwrap();
    let actor = listed[0]["actor"].as_str().unwrap();
    assert!(actor.starts_with("shell:"), "{actor}");
    let roles = json!({"role_before": "executive", "role_after": "super_admin"});
    assert_eq!((&listed[0]["action"], &listed[0]["details"]), (&json!("account.role_changed"), &roles));
    platform.run(&["audit", "verify", "--since", &head], "").unwrap();

    // The broker refuses to take anything out. Whoever has its files may do as they please: everything but a digest is kept.
    let log = log(&platform).await;
    assert!(log.purge_up_to(AUDIT_STREAM, 2).await.is_err());
    let lines = platform.run(&["audit", "export"], "").unwrap();
    let third = lines.lines().nth(2).unwrap();
    let forged = third.replace("executive", "viewer");
    log.delete_stream(AUDIT_STREAM).await.unwrap();
    let spec = StreamSpec {
        name: AUDIT_STREAM.into(),
        subjects: vec!["audit.>".into()],
        immutable: true,
        max_bytes: None,
        duplicate_window: Duration::from_secs(120),
    };
    log.ensure_stream(&spec).await.unwrap();
    for line in lines.lines().map(|line| if line == third { forged.as_str() } else { line }) {
        let message = Outgoing {
            subject: "audit.account.role_changed".into(),
            message_id: None,
            expected_last_sequence: None,
            content_type: None,
            payload: line.to_owned().into(),
        };
        log.publish(AUDIT_STREAM, vec![message]).await.unwrap();
    }
    let told = platform.run(&["audit", "verify"], "").unwrap_err().to_string();
    assert!(told.contains("the audit log is broken: entry 3 was changed"), "{told}");
    let kept: Head = head.parse().unwrap();
    assert_eq!(kept.position, 4);
}
