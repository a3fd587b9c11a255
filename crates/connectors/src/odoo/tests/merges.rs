//! Merges are told where the traces prove them, and nowhere else.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::date;
use salescommand_domain::raw::ObjectName;
use salescommand_odoo_simulator::{Config, Handle, Seed, Simulator};
use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::super::merges::{Lead, Moved, Note, claims, proven};
use crate::odoo::DESCRIPTOR;
use crate::{Merged, Reach, Record, Settings, Source};

const CREATED: &str = "2026-11-20 08:00:00";
const MERGED: &str = "2026-11-23 12:00:00";

fn record(key: i64, name: &str, created: &str) -> Record {
    let payload = json!({"id": key, "name": name, "create_date": created});
    Record { key: key.to_string(), source_modified: None, subjects: Vec::new(), payload }
}

fn gone(key: i64, name: &str) -> Lead {
    Lead::of(&record(key, name, CREATED), None).unwrap()
}

fn moved(into: i64, subject: &str) -> Json {
    json!({"id": 900, "create_date": CREATED, "write_date": MERGED, "res_id": into, "subject": subject})
}

fn note(on: i64, names: &[&str]) -> Json {
    let body: String = names.iter().map(|name| format!("<span>Fusionné</span> <b>{name}</b>")).collect();
    json!({"id": 950, "create_date": MERGED, "res_id": on, "body": format!("<div>{body}</div>")})
}

/// Which lead went into which, by these traces; lead 17 and 18 are there.
fn found(gone: &[Lead], messages: Json, notes: Json) -> Vec<(String, String)> {
    let messages: Vec<Moved> = serde_json::from_value(messages).unwrap();
    let notes: Vec<Note> = serde_json::from_value(notes).unwrap();
    let there = BTreeSet::from([17, 18]);
    let merged = proven(gone, &claims(gone, &messages), &notes, &there);
    merged.into_iter().map(|Merged { key, into, .. }| (key, into)).collect()
}

/// Nothing is said.
const NOTHING: [(String, String); 0] = [];

fn pair(key: i64, into: i64) -> (String, String) {
    (key.to_string(), into.to_string())
}

#[test]
fn a_message_that_moved_and_the_note_prove_it_in_any_language() {
    let notes = || json!([note(17, &["Chairs"])]);
    for subject in ["From Chairs", "De Chairs", "Chairsから", "From Chairs : Welcome"] {
        assert_eq!(
            found(&[gone(1, "Chairs")], json!([moved(17, subject)]), notes()),
            [pair(1, 17)],
            "{subject}"
        );
    }
    let odd = gone(1, "R&D <3 \"x\"");
    let notes = json!([note(17, &["R&amp;D &lt;3 \"x\""])]);
    assert_eq!(found(&[odd], json!([moved(17, "From R&D <3 \"x\"")]), notes), [pair(1, 17)]);
}

#[test]
fn without_each_part_of_the_proof_nothing_is_said() {
    let lead = || [gone(1, "Chairs")];
    let (message, confirmed) = (moved(17, "From Chairs"), json!([note(17, &["Chairs"])]));
    assert_eq!(found(&lead(), json!([message]), confirmed.clone()), [pair(1, 17)]);
    let with = |field: &str, value: Json| {
        let mut message = message.clone();
        message[field] = value;
        json!([message])
    };
    let cases = [
        ("nothing moved", json!([]), confirmed.clone()),
        ("no note", json!([message]), json!([])),
        ("a note that names another", json!([message]), json!([note(17, &["Chairs and tables"])])),
        ("a note on another lead", json!([message]), json!([note(18, &["Chairs"])])),
        ("another's message", with("create_date", json!("2026-11-20 08:00:01")), confirmed.clone()),
        ("another's subject", with("subject", json!("From Tables")), confirmed.clone()),
        ("an e-mail about it", with("subject", json!("Chairs")), confirmed.clone()),
        ("never written since", with("write_date", json!(CREATED)), confirmed.clone()),
        ("moved to one that is gone", with("res_id", json!(19)), json!([note(19, &["Chairs"])])),
        ("its own message", with("res_id", json!(1)), json!([note(1, &["Chairs"])])),
    ];
    for (what, messages, notes) in cases {
        assert_eq!(found(&lead(), messages, notes), NOTHING, "{what}");
    }
    let two = json!([message, moved(18, "From Chairs")]);
    assert_eq!(
        found(&lead(), two, json!([note(17, &["Chairs"]), note(18, &["Chairs"])])),
        NOTHING,
        "two heirs"
    );
}

#[test]
fn the_message_of_a_lead_whose_name_holds_anothers_is_not_the_others() {
    let leads = [gone(1, "Lead 1"), gone(2, "Lead 10")];
    let both = json!([note(17, &["Lead 10", "Lead 1"])]);
    assert_eq!(found(&leads, json!([moved(17, "From Lead 10")]), both), [pair(2, 17)]);
    // The longer one is not known to be gone.
    assert_eq!(
        found(&leads[..1], json!([moved(17, "From Lead 10")]), json!([note(17, &["Lead 10"])])),
        NOTHING
    );
}

#[test]
fn twins_of_one_second_are_not_told_apart() {
    let twins = [gone(1, "Chairs"), gone(2, "Chairs")];
    assert_eq!(found(&twins, json!([moved(17, "From Chairs")]), json!([note(17, &["Chairs"])])), NOTHING);
}

#[test]
fn a_merge_from_before_the_lead_was_last_there_is_a_twins() {
    let was_there = |at: &str| {
        let since = super::super::record::moment(at);
        [Lead::of(&record(1, "Chairs", CREATED), since).unwrap()]
    };
    let traces = || (json!([moved(17, "From Chairs")]), json!([note(17, &["Chairs"])]));
    for (at, count) in [("2026-11-23 12:00:00", 1), ("2026-11-23 12:00:01", 0)] {
        let (messages, notes) = traces();
        assert_eq!(found(&was_there(at), messages, notes).len(), count, "{at}");
    }
}

#[test]
fn a_lead_that_was_merged_twice_is_where_it_ended() {
    let leads = [gone(1, "Chairs")];
    // Into lead 2, which went into 17 an hour later and took the note along.
    let mut message = moved(17, "From Tables : From Chairs");
    message["write_date"] = json!("2026-11-23 13:00:00");
    assert_eq!(found(&leads, json!([message]), json!([note(17, &["Chairs"])])), [pair(1, 17)]);
}

async fn simulator() -> Handle {
    let seed = Seed { leads: 30, partners: 20, activities: 20, ..Seed::new(7, date(2026, 11, 23)) };
    Simulator::start(Config::new(seed).password("admin", "secret")).await.unwrap()
}

fn source(handle: &Handle) -> Box<dyn Source> {
    let plain = [("url", handle.url().as_str()), ("database", "demo"), ("login", "admin")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    DESCRIPTOR.open.unwrap()(Settings {
        plain: plain.into(),
        secret: SecretString::from("secret"),
        reach: Reach::Any,
    })
    .unwrap()
}

fn call(handle: &Handle, method: &str, arguments: Json) -> Option<Json> {
    let answer = handle.data().call("admin", ("crm.lead", method), arguments, json!({}));
    handle.clock().advance(Duration::from_secs(60));
    answer.ok()
}

fn lead(handle: &Handle, name: &str) -> i64 {
    let ids = call(handle, "create", json!([[{"name": name}]])).unwrap();
    ids.as_array().map_or(&ids, |ids| &ids[0]).as_i64().unwrap()
}

#[tokio::test]
async fn merges_in_a_simulator_are_found_and_deletions_are_not_taken_for_them() {
    let handle = simulator().await;
    let names = ["Kept", "Merged & gone", "Deleted", "Merged first", "Merged then", "Renamed", "Old one"];
    let ids = names.map(|name| lead(&handle, name));
    let [kept, merged, deleted, first, then, renamed, _] = ids;
    let seeded = handle.data().snapshot().ids_where("crm.lead", |_| true)[0];
    call(&handle, "write", json!([[kept], {"stage_id": 4}]));
    call(&handle, "write", json!([[then], {"stage_id": 2}]));
    let mut source = source(&handle);
    source.connect().await.unwrap();
    let object = ObjectName::new("crm.lead").unwrap();
    let asked: Vec<u32> =
        [kept, merged, deleted, first, then, renamed, seeded].map(|id| u32::try_from(id).unwrap()).into();
    let last = source.census().unwrap().read(&object, &asked).await.unwrap();
    handle.data().set("crm.lead", seeded, "stage_id", 1);
    for leads in [[merged, kept], [first, then], [then, kept], [seeded, kept]] {
        call(&handle, "merge_opportunity", json!([leads]));
    }
    call(&handle, "unlink", json!([[deleted]]));
    call(&handle, "write", json!([[renamed], {"name": "Another name"}]));
    call(&handle, "merge_opportunity", json!([[renamed, kept]]));
    let gone: Vec<Record> = last.into_iter().filter(|record| record.key != kept.to_string()).collect();
    let found = source.census().unwrap().merged(&object, &gone, None).await.unwrap();
    let pairs: Vec<_> = found.iter().map(|merged| (merged.key.clone(), merged.into.clone())).collect();
    let mut expected = [merged, first, then, seeded].map(|id| pair(id, kept));
    expected.sort_by_key(|(key, _)| key.parse::<i64>().unwrap());
    assert_eq!(pairs, expected);
    assert!(found.iter().all(|merged| merged.evidence.starts_with("mail.message ")), "{found:?}");
    // Nothing is known of a merge from before.
    let now = handle.clock().now();
    assert!(source.census().unwrap().merged(&object, &gone, Some(now)).await.unwrap().is_empty());
    // Whoever may not read messages finds nothing, and no error.
    handle.data().forbid("admin", "mail.message").unwrap();
    assert!(source.census().unwrap().merged(&object, &gone, None).await.unwrap().is_empty());
}
