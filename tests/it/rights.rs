//! What each process may do at the broker, on a real one with the product's `nats.conf`: what it needs, and nothing beside.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerError};
use salescommand_tests::nats::Nats;
use salescommand_tests::platform::{Platform, eventually, repository};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The broker says no within this, or the test fails.
const DEADLINE: Duration = Duration::from_secs(20);
/// Nobody but the operator may publish this; refusals come in order, so what was asked before it and not refused by then is allowed.
const LAST: &str = "nobody.may.publish.this";

/// A user of `nats.conf`, and subjects that it may and may not publish, and listen at.
struct User {
    name: &'static str,
    may: &'static [&'static str],
    may_not: &'static [&'static str],
    hears: &'static [&'static str],
}

/// What no process may: take the jobs' queue away, change what was, listen in.
const NOBODY: &[&str] = &[
    "$JS.API.STREAM.PURGE.RAW_ODOO_E1",
    "$JS.API.STREAM.MSG.DELETE.RAW_ODOO_E1",
    "$JS.API.STREAM.DELETE.AUDIT",
    "$JS.API.STREAM.UPDATE.AUDIT",
    "$JS.API.STREAM.PURGE.AUDIT",
    "$JS.API.STREAM.DELETE.ERASURES",
    "$JS.API.STREAM.DELETE.JOBS",
    "$JS.API.STREAM.DELETE.KV_SYNC_CURSORS",
    "$JS.API.STREAM.SNAPSHOT.RAW_ODOO_E1",
    "$JS.API.STREAM.RESTORE.RAW_ODOO_E1",
    "$JS.API.CONSUMER.DELETE.JOBS.workers",
    "erasures.receipt",
    "building.RAW_ODOO_E1.raw.odoo.lead.1",
    "_INBOX_platform.x",
    "_INBOX.x",
];

const USERS: &[User] = &[
    User {
        name: "connector",
        may: &[
            "raw.odoo.lead.1",
            "$KV.SYNC_CURSORS.odoo.lead",
            "$KV.SYNC_KNOWN.odoo",
            "$KV.SYNC_SCHEMAS.odoo",
            "$KV.SYNC_LEASES.odoo",
            "$KV.SYNC_RUNS.odoo",
            "sync.history.odoo",
            "svc.sources.open",
            "$JS.API.STREAM.INFO.RAW_ODOO_E1",
            "$JS.API.DIRECT.GET.RAW_ODOO_E1",
            "$JS.API.CONSUMER.MSG.NEXT.JOBS.workers",
            "$JS.ACK.JOBS.workers.1.1.1.1.1",
        ],
        may_not: &[
            "raw.config.person.1",
            "raw.crm.opportunity.1",
            "canonical.g1.opportunity.1",
            "canonical.opportunity.1",
            "audit",
            "audit.entry",
            "jobs.sync.odoo",
            "heads.odoo.x",
            "$KV.SYNC_CANCELS.odoo",
            "$KV.SYNC_HINTS.odoo",
            "$KV.SYNC_ALERTS.odoo",
            "$JS.API.STREAM.CREATE.OWN",
            "$JS.API.STREAM.UPDATE.RAW_ODOO_E1",
            "$JS.API.STREAM.DELETE.RAW_ODOO_E1",
            // A consumer's deliveries go wherever its maker says.
            "$JS.API.CONSUMER.CREATE.RAW_ODOO_E1.own",
            "$JS.API.CONSUMER.CREATE.KV_SYNC_RUNS.own",
            "$JS.API.CONSUMER.DURABLE.CREATE.JOBS.own",
            "_INBOX_query.x",
        ],
        hears: &["_INBOX_connector.x"],
    },
    User {
        name: "normalizer",
        may: &[
            "canonical.g1.opportunity.1",
            "canonical.opportunity.1",
            "canonical-copy.1.canonical.opportunity.1",
            "heads.odoo.x",
            "erasures.complete",
            "svc.query.load",
            "$JS.API.INFO",
            "$JS.API.STREAM.CREATE.CANONICAL_G2",
            "$JS.API.STREAM.DELETE.CANONICAL_G1",
            "$JS.API.STREAM.UPDATE.RAW_ODOO_E1",
            "$JS.API.STREAM.PURGE.CANONICAL",
            "$JS.API.CONSUMER.CREATE.RAW_ODOO_E1.own",
            "$JS.API.CONSUMER.MSG.NEXT.RAW_ODOO_E1.own",
        ],
        may_not: &[
            "raw.odoo.lead.1",
            "raw.config.person.1",
            "raw.crm.opportunity.1",
            "audit",
            "audit.entry",
            "jobs.sync.odoo",
            "sync.history.odoo",
            "$KV.SYNC_CURSORS.odoo.lead",
            "$KV.SYNC_RUNS.odoo",
            "svc.sources.open",
            "$JS.API.CONSUMER.CREATE.JOBS.own",
            "$JS.API.CONSUMER.MSG.NEXT.JOBS.workers",
            "$JS.ACK.JOBS.workers.1.1.1.1.1",
            "$JS.API.STREAM.UPDATE.KV_SYNC_RUNS",
            "$JS.API.STREAM.UPDATE.SYNC_HISTORY",
            "_INBOX_query.x",
        ],
        hears: &["_INBOX_normalizer.x"],
    },
    User {
        name: "projector",
        may: &[
            "svc.query.load",
            "$JS.API.STREAM.INFO.CANONICAL_G1",
            "$JS.API.CONSUMER.CREATE.CANONICAL_G1.own",
            "$JS.API.CONSUMER.MSG.NEXT.CANONICAL_G1.own",
        ],
        may_not: &[
            "raw.odoo.lead.1",
            "raw.config.person.1",
            "canonical.g1.opportunity.1",
            "canonical.opportunity.1",
            "heads.odoo.x",
            "audit",
            "jobs.sync.odoo",
            "sync.history.odoo",
            "$KV.SYNC_RUNS.odoo",
            "svc.sources.open",
            "$JS.API.STREAM.CREATE.OWN",
            "$JS.API.STREAM.UPDATE.CANONICAL_G1",
            "$JS.API.STREAM.DELETE.CANONICAL_G1",
            "$JS.API.STREAM.PURGE.CANONICAL",
            "$JS.API.DIRECT.GET.RAW_ODOO_E1",
            "$JS.API.CONSUMER.CREATE.JOBS.own",
            "$JS.API.CONSUMER.MSG.NEXT.JOBS.workers",
            "_INBOX_query.x",
        ],
        hears: &["_INBOX_projector.x"],
    },
    User {
        name: "query",
        may: &[
            "raw.config.person.1",
            "raw.crm.opportunity.1",
            "audit",
            "audit.entry",
            "jobs.sync.odoo",
            "sync.history.odoo",
            "$KV.SYNC_RUNS.odoo",
            "$KV.SYNC_CANCELS.odoo",
            "$KV.SYNC_CURSORS.odoo.lead",
            "$KV.SYNC_HINTS.odoo",
            "$KV.SYNC_ALERTS.odoo",
            "$KV.SYNC_ALERTS_MAIL.odoo",
            "$JS.API.INFO",
            "$JS.API.STREAM.CREATE.KV_SYNC_RUNS",
            "$JS.API.CONSUMER.CREATE.RAW_ODOO_E1.own",
        ],
        may_not: &[
            "raw.odoo.lead.1",
            "canonical.g1.opportunity.1",
            "canonical.opportunity.1",
            "heads.odoo.x",
            "erasures.complete",
            "$KV.SYNC_LEASES.odoo",
            "$KV.SYNC_KNOWN.odoo",
            "$JS.API.STREAM.UPDATE.RAW_ODOO_E1",
            "$JS.API.STREAM.DELETE.RAW_ODOO_E1",
            "$JS.API.STREAM.DELETE.CANONICAL_G1",
            "$JS.API.CONSUMER.MSG.NEXT.JOBS.workers",
            "$JS.ACK.JOBS.workers.1.1.1.1.1",
            // It may answer a question, and has none here.
            "_INBOX_connector.x",
        ],
        hears: &["_INBOX_query.x", "svc.sources.open", "svc.query.load"],
    },
    User {
        name: "producer_acme",
        may: &["raw.acme.lead.1", "$JS.API.STREAM.INFO.RAW_ACME_E1", "$JS.API.DIRECT.GET.RAW_ACME_E1"],
        may_not: &[
            "raw.odoo.lead.1",
            "raw.config.person.1",
            "canonical.opportunity.1",
            "audit",
            "jobs.sync.acme",
            "svc.sources.open",
            "svc.query.load",
            "$KV.SYNC_RUNS.acme",
            "$JS.API.STREAM.INFO.RAW_ODOO_E1",
            "$JS.API.DIRECT.GET.RAW_ODOO_E1",
            "$JS.API.DIRECT.GET.CANONICAL",
            "$JS.API.STREAM.CREATE.OWN",
            "$JS.API.CONSUMER.CREATE.RAW_ACME_E1.own",
        ],
        hears: &["_INBOX_acme.x"],
    },
    User {
        name: "reader",
        may: &[
            "$JS.API.STREAM.INFO.CANONICAL",
            "$JS.API.DIRECT.GET.CANONICAL",
            "$JS.API.CONSUMER.MSG.NEXT.CANONICAL.outside",
        ],
        may_not: &[
            "raw.odoo.lead.1",
            "canonical.opportunity.1",
            "audit",
            "jobs.sync.odoo",
            "svc.sources.open",
            "svc.query.load",
            "$KV.SYNC_RUNS.odoo",
            "$JS.API.STREAM.INFO.CANONICAL_G1",
            "$JS.API.DIRECT.GET.RAW_ODOO_E1",
            "$JS.API.STREAM.CREATE.OWN",
            "$JS.API.CONSUMER.CREATE.CANONICAL.own",
        ],
        hears: &["_INBOX_reader.x"],
    },
];

/// Where nobody but whom it concerns may listen.
const HEARD: &[&str] = &[
    "_INBOX_platform.x",
    "_INBOX_connector.x",
    "_INBOX_normalizer.x",
    "_INBOX_projector.x",
    "_INBOX_query.x",
    "_INBOX_acme.x",
    "_INBOX_reader.x",
    "_INBOX.>",
    "svc.sources.open",
    "svc.query.load",
    "raw.>",
    "canonical.>",
    "jobs.>",
    "$KV.>",
    "audit.>",
    ">",
];

/// A client, and what the broker refuses it.
async fn connect(nats: &Nats, user: &str) -> (Client, UnboundedReceiver<String>) {
    let (sender, refusals) = unbounded_channel();
    let options = ConnectOptions::new()
        .user_and_password(user.to_owned(), format!("{user}-of-a-test"))
        .event_callback(move |event| {
            if let Event::ServerError(ServerError::Other(text)) = event {
                let _ = sender.send(text.to_lowercase());
            }
            std::future::ready(())
        });
    let address = nats.platform().0;
    (options.connect(address).await.unwrap(), refusals)
}

/// What is refused, up to the refusal of [`LAST`].
async fn refused(client: &Client, refusals: &mut UnboundedReceiver<String>) -> Vec<String> {
    client.publish(LAST, "".into()).await.unwrap();
    client.flush().await.unwrap();
    let mut all = Vec::new();
    loop {
        let refusal = tokio::time::timeout(DEADLINE, refusals.recv()).await.unwrap().unwrap();
        assert!(refusal.contains("permissions violation"), "{refusal}");
        if refusal.contains(LAST) {
            return all;
        }
        all.push(refusal);
    }
}

fn names(refusals: &[String], what: &str, subject: &str) -> bool {
    let named = format!("permissions violation for {what} to \"{}\"", subject.to_lowercase());
    refusals.iter().any(|refusal| refusal.contains(&named))
}

#[tokio::test]
async fn each_process_may_do_what_it_needs_and_nothing_beside() {
    let nats = Nats::start_with(&["reader", "producer_acme"]).unwrap();
    for user in USERS {
        let name = user.name;
        let (client, mut refusals) = connect(&nats, name).await;
        let forbidden: Vec<_> = user.may_not.iter().chain(NOBODY).copied().collect();
        for subject in user.may.iter().chain(&forbidden) {
            client.publish(*subject, "".into()).await.unwrap();
        }
        let told = refused(&client, &mut refusals).await;
        for subject in user.may {
            assert!(!names(&told, "publish", subject), "{name} may not publish {subject}");
        }
        for subject in &forbidden {
            assert!(names(&told, "publish", subject), "{name} may publish {subject}");
        }
        assert_eq!(told.len(), forbidden.len(), "{name}: {told:?}");

        let mut listening = Vec::new();
        for subject in HEARD {
            listening.push(client.subscribe(*subject).await.unwrap());
        }
        let told = refused(&client, &mut refusals).await;
        for subject in HEARD {
            let heard = !names(&told, "subscription", subject);
            assert_eq!(heard, user.hears.contains(subject), "{name} at {subject}: {told:?}");
        }
    }
}

#[test]
fn every_user_of_the_broker_is_held_to_its_rights() {
    let text = std::fs::read_to_string(repository().join("nats.conf")).unwrap();
    let users = text.lines().filter_map(|line| line.trim_start_matches([' ', '#']).strip_prefix("user: "));
    let held = USERS.iter().map(|user| user.name).chain(["platform"]);
    assert_eq!(users.collect::<BTreeSet<_>>(), held.collect());
}

/// Each process by itself with the rights of its user; that those within `all` get by with them, too, all other tests show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_pipeline_works_with_the_rights_of_its_users() {
    let mut platform = Platform::start().await.unwrap();
    let processes = ["query", "normalizer", "projector", "connect"];
    for process in processes {
        platform.spawn(process, &[]).unwrap();
    }
    platform
        .run(
            &["user", "create", "chief@example.com", "--name", "Chief", "--role", "super_admin"],
            "a long password, really",
        )
        .unwrap();
    let odoo = platform.odoo.url();
    let add = ["source", "add", "--kind", "odoo", "--name", "odoo", "--url", &odoo, "--database", "demo"];
    let login = ["--login", salescommand_tests::platform::ODOO_LOGIN];
    platform.run(&[&add[..], &login].concat(), salescommand_tests::platform::ODOO_PASSWORD).unwrap();
    let signing_in = async || platform.sign_in("chief@example.com", "a long password, really").await.ok();
    let session = eventually("the query service", signing_in).await.unwrap();
    let (status, answer) = session.post("/api/sync/trigger", &json!({"source": "odoo"})).await.unwrap();
    assert_eq!(status, 202, "{answer}");
    let open_deals = async || {
        let (status, overview) = session.get("/api/dashboard/overview").await.ok()?;
        (status == 200 && overview["open_pipeline"]["count"].as_u64()? > 100).then_some(())
    };
    eventually("figures", open_deals).await.unwrap();
    // Whoever reads is heard of by those who build beside, and the edits of people go their way.
    let (_, deals) = session.get("/api/opportunities?limit=1").await.unwrap();
    let path = format!("/api/opportunities/{}", deals["items"][0]["id"].as_str().unwrap());
    let deal = session.read(&path).await.unwrap();
    let edited =
        session.change("PATCH", &path, &deal.version, &json!({"set": {"name": "By hand"}})).await.unwrap();
    assert!(edited.status < 300, "{} {}", edited.status, edited.body);
    let named =
        async || (session.read(&path).await.ok()?.body["opportunity"]["name"] == "By hand").then_some(());
    eventually("the edit", named).await.unwrap();
    // Who asked for the sync, as the query service has written it down.
    let written = async || {
        let entries = platform.run_json(&["audit", "list"]).ok()?;
        entries.to_string().contains("sync").then_some(())
    };
    eventually("the audit log", written).await.unwrap();
    for process in processes {
        let log = platform.log(process).to_lowercase();
        assert!(!log.contains("permissions violation"), "{process} was refused something:\n{log}");
    }
}
