//! What is published and what is not.

use salescommand_domain::raw::Operation;
use serde_json::json;

use super::*;
use crate::{RawWriter, Written};

async fn append(bench: &Bench, payload: Value) -> Written {
    let mut writer = RawWriter::open(&bench.ports, &instance(), "config", 0).await.unwrap();
    writer.append(&plan("person"), &[record(1, payload)]).await.unwrap()
}

#[tokio::test]
async fn going_there_and_back_within_a_second_makes_three_events() {
    let bench = Bench::new();
    for name in ["A", "B", "A"] {
        assert_eq!(append(&bench, json!({"name": name})).await.published, 1, "{name}");
    }
    let names: Vec<_> = bench.events().await.into_iter().map(|e| inline(e.payload)["name"].clone()).collect();
    assert_eq!(names, ["A", "B", "A"]);
    assert_eq!(append(&bench, json!({"name": "A"})).await, Written { unchanged: 1, ..Written::default() });
}

#[tokio::test]
async fn volatile_fields_and_the_order_of_keys_make_no_event() {
    let bench = Bench::new();
    append(&bench, json!({"name": "A", "age": 1, "x": [1.5]})).await;
    assert_eq!(append(&bench, json!({"x": [1.5], "age": 2, "name": "A"})).await.unchanged, 1);
    assert_eq!(append(&bench, json!({"x": [1.5], "age": 2, "name": "B"})).await.published, 1);
}

#[tokio::test]
async fn a_record_that_comes_twice_in_a_page_continues_its_own_chain() {
    let bench = Bench::new();
    let mut writer = RawWriter::open(&bench.ports, &instance(), "config", 0).await.unwrap();
    let page: Vec<_> = ["A", "B", "B", "A"].iter().map(|name| record(1, json!({"name": name}))).collect();
    let written = writer.append(&plan("person"), &page).await.unwrap();
    assert_eq!((written.published, written.unchanged), (3, 1));
    assert_eq!(bench.events().await.len(), 3);
    assert_eq!(writer.end().sequence, 3);
}

#[tokio::test]
async fn a_record_is_retracted_once_and_may_come_back() {
    let bench = Bench::new();
    append(&bench, json!({"name": "A"})).await;
    let mut writer = RawWriter::open(&bench.ports, &instance(), "config", 0).await.unwrap();
    let keys = ["1".to_owned(), "unknown".to_owned()];
    let first = writer.retract(&plan("person"), &keys).await.unwrap();
    assert_eq!((first.published, first.unchanged), (1, 1));
    assert_eq!(writer.retract(&plan("person"), &keys).await.unwrap().published, 0);
    assert_eq!(append(&bench, json!({"name": "A"})).await.published, 1);
    let operations: Vec<_> = bench.events().await.into_iter().map(|e| e.operation).collect();
    assert_eq!(operations, [Operation::Upsert, Operation::Delete, Operation::Upsert]);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_rejected_alone() {
    let bench = Bench::new();
    let mut writer = RawWriter::open(&bench.ports, &instance(), "config", 7).await.unwrap();
    let page = [record(1, json!("x")), record(2, json!("x".repeat(7_100_000))), record(3, json!("z"))];
    let written = writer.append(&plan("person"), &page).await.unwrap();
    assert_eq!((written.published, written.rejected.len()), (2, 1));
    assert_eq!(written.rejected[0].key, "2");
    let events = bench.events().await;
    assert_eq!(
        events.iter().map(|e| (e.key.as_str(), e.run_token)).collect::<Vec<_>>(),
        [("1", 7), ("3", 7)]
    );
}

#[tokio::test]
async fn more_records_than_one_look_takes() {
    let bench = Bench::new();
    let mut writer = RawWriter::open(&bench.ports, &instance(), "config", 0).await.unwrap();
    let page: Vec<_> = (0..2_500).map(|n| record(n, json!({"n": n}))).collect();
    assert_eq!(writer.append(&plan("person"), &page).await.unwrap().published, 2_500);
    assert_eq!(writer.append(&plan("person"), &page).await.unwrap().unchanged, 2_500);
}

#[tokio::test]
async fn a_lost_answer_is_repeated_without_a_second_event() {
    for stored in 0..=5 {
        let bench = Bench::new();
        let mut writer = RawWriter::open(&bench.ports, &instance(), "config", 0).await.unwrap();
        let page: Vec<_> = (0..5).map(|n| record(n, json!({"n": n}))).collect();
        bench.log.fail_next_publish(stored);
        assert!(writer.append(&plan("person"), &page).await.unwrap_err().is_transient());
        let written = writer.append(&plan("person"), &page).await.unwrap();
        assert_eq!((written.published, written.unchanged), (5, 0), "{stored} stored");
        assert_eq!(bench.events().await.len(), 5);
    }
}
