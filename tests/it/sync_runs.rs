//! Cursors, back-fills, progress and logs of the whole product: binary, broker, database and Odoo.

use salescommand_odoo_simulator::{Matching, Seed, Trouble};
use salescommand_tests::mongo::Settings;
use salescommand_tests::platform::{ODOO_LOGIN, ODOO_PASSWORD, Platform, today};
use serde_json::{Value, json};

async fn demo() -> Platform {
    let seed = Seed { leads: 300, partners: 120, activities: 60, ..Seed::new(7, today()) };
    let mut platform = Platform::start_with(Settings::default(), seed).await.unwrap();
    platform.demo().await.unwrap();
    platform
}

fn cursor(platform: &Platform, object: &str) -> Value {
    let cursors = platform.run_json(&["source", "cursors", "odoo"]).unwrap();
    let found = cursors.as_array().unwrap().iter().find(|cursor| cursor["object"] == object);
    found.unwrap_or_else(|| panic!("{cursors}")).clone()
}

/// A lead that was changed without a mark, and the day on which it had been marked last.
fn changed_silently(platform: &Platform, name: &str) -> String {
    let data = platform.odoo.data();
    let fields = json!({"fields": ["write_date"], "order": "write_date asc, id asc", "limit": 1});
    let found = data.call(ODOO_LOGIN, ("crm.lead", "search_read"), json!([[]]), fields).unwrap();
    data.set("crm.lead", found[0]["id"].as_i64().unwrap(), "name", name);
    found[0]["write_date"].as_str().unwrap()[..10].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_back_fill_finds_what_was_overlooked_and_a_reset_reads_everything() {
    let platform = demo().await;
    let day = changed_silently(&platform, "Changed by the database's administrator");
    let run = platform.sync(&["odoo"]).unwrap();
    assert_eq!(
        (&run["state"], &run["published"]),
        (&json!("succeeded"), &json!(0)),
        "it bears no mark: {run}"
    );
    let before = cursor(&platform, "crm.lead");
    assert_eq!(before["complete"], true, "{before}");
    assert!(before["read_through"].is_string() && before["full_due"].is_string(), "{before}");

    let run = platform.sync(&["odoo", "--from", &day, "--to", &day, "--object", "crm.lead"]).unwrap();
    assert_eq!((&run["state"], &run["published"]), (&json!("succeeded"), &json!(1)), "{run}");
    assert_eq!(run["objects"][0]["since"], format!("{day}T00:00:00Z"));
    assert_eq!(cursor(&platform, "crm.lead"), before, "a back-fill moves no cursor");

    let reset = platform.run_json(&["source", "reset", "odoo", "--object", "crm.lead"]).unwrap();
    assert_eq!(reset, json!([{"object": "crm.lead", "next_run": "everything"}]));
    assert_eq!(cursor(&platform, "crm.lead")["read_through"], Value::Null);
    let run = platform.sync(&["odoo"]).unwrap();
    let lead =
        run["objects"].as_array().unwrap().iter().find(|object| object["object"] == "crm.lead").unwrap();
    assert_eq!((&lead["since"], &lead["published"]), (&Value::Null, &json!(0)), "{run}");
    assert!(lead["read"].as_u64().unwrap() >= 300 && lead["bytes"].as_u64().unwrap() > 100_000, "{run}");
    assert_eq!(cursor(&platform, "crm.lead")["complete"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_limited_says_so_while_it_waits_and_afterwards() {
    let platform = demo().await;
    let chief = platform.sign_in("superadmin@salescommand.com", "demo123").await.unwrap();
    let leads = || Matching::call("crm.lead", "search_read");
    platform.odoo.faults().next(1, leads(), Trouble::TooManyRequests { seconds: 3 });
    // The text of a fault is the server's own, and may quote what it was sent.
    let quoted = format!("psycopg2.OperationalError: busy with {ODOO_PASSWORD}");
    platform.odoo.faults().next(1, leads(), Trouble::Fault { code: 1, text: quoted });
    let lines = platform.run(&["--output", "json", "sync", "run", "--follow", "odoo", "--full"], "").unwrap();
    let looks: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let run = looks.last().unwrap();
    assert_eq!(
        (&run["state"], &run["rate_limits"], &run["retries"]),
        (&json!("succeeded"), &json!(1), &json!(2))
    );
    assert!(run["waited_ms"].as_u64().unwrap() >= 3_000 && run["calls"].as_u64().unwrap() > 5, "{run}");
    assert!(run["bytes"].as_u64().unwrap() > 10_000, "{run}");
    let waits = |run: &Value| run["objects"].to_string().contains("waiting_for_source");
    assert!(looks.iter().any(waits), "{lines}");
    let run_id = run["run_id"].as_str().unwrap();
    let log = platform.run_json(&["sync", "log", run_id]).unwrap();
    assert!(log.to_string().contains("429; the source asked to be left alone"), "{log}");
    let (status, shown) = chief.get(&format!("/api/sync/runs/{run_id}/log")).await.unwrap();
    assert_eq!((status, &shown["lines"]), (200, &log));
    let text = shown.to_string();
    assert!(text.contains("busy with ***") && !text.contains(ODOO_PASSWORD), "{text}");
    let (status, events) = chief.get(&format!("/api/sync/runs/{run_id}/events")).await.unwrap();
    assert!(status == 200 && events.as_str().unwrap().contains("event: end"), "{events}");
}
