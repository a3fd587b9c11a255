//! One version of one record behind the version that its author saw.

use salescommand_domain::raw::{Operation, Position};
use salescommand_epochs::{NoArchives, seal};
use serde_json::json;

use super::*;
use crate::RawWriter;

impl Bench {
    async fn amend(&self, name: &str, expected: Option<Position>) -> Result<Position, Error> {
        let mut writer = RawWriter::open(&self.ports, &instance(), "config", 0).await.unwrap();
        writer.amend(&plan("person"), Operation::Upsert, &record(1, json!({"name": name})), expected).await
    }
}

fn is_conflict(outcome: &Result<Position, Error>) -> bool {
    matches!(outcome, Err(Error::Stale { .. }))
}

#[tokio::test]
async fn who_saw_an_older_version_is_told() {
    let bench = Bench::new();
    let first = bench.amend("A", None).await.unwrap();
    assert!(is_conflict(&bench.amend("B", None).await));
    let second = bench.amend("B", Some(first)).await.unwrap();
    assert!(is_conflict(&bench.amend("C", Some(first)).await));
    assert_eq!(bench.amend("B", Some(second)).await.unwrap(), second, "nothing new is no event");
    let both = tokio::join!(bench.amend("left", Some(second)), bench.amend("right", Some(second)));
    assert_eq!(usize::from(is_conflict(&both.0)) + usize::from(is_conflict(&both.1)), 1, "{both:?}");
    assert_eq!(bench.events().await.len(), 3);
}

#[tokio::test]
async fn a_lost_answer_is_found_or_repeated() {
    for stored in [0, 1] {
        let bench = Bench::new();
        bench.log.fail_next_publish(stored);
        let position = bench.amend("A", None).await.unwrap();
        assert_eq!((position.sequence, bench.events().await.len()), (1, 1), "stored: {stored}");
    }
}

#[tokio::test]
async fn the_version_counts_over_the_border_of_epochs() {
    let bench = Bench::new();
    let first = bench.amend("A", None).await.unwrap();
    seal(&bench.log, &NoArchives, &instance()).await.unwrap();
    assert!(is_conflict(&bench.amend("B", None).await), "the record is known from the epoch before");
    let second = bench.amend("B", Some(first)).await.unwrap();
    assert_eq!((first.epoch, second.epoch), (1, 2));
    assert!(is_conflict(&bench.amend("C", Some(first)).await));
}
