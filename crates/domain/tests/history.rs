//! Bitemporal reads against a naive recount: what was valid at an instant, as known at another.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::SourceRef;
use salescommand_domain::canonical::history::{
    HistoryEvidence, HistoryField, HistoryStatement, HistoryVersion, derive, rows, state,
};
use salescommand_domain::raw::{InstanceName, ObjectName, Position, RawPosition};
use serde_json::{Value, json};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
}

/// A stage and an amount.
type Says = (u8, Option<u8>);

/// A version: when it was valid, when it was read after that, and what it says; none for a deletion.
type Drawn = (i64, i64, Option<Says>);

fn fields((stage, amount): Says) -> BTreeMap<HistoryField, Value> {
    let amount = amount.map(|amount| (HistoryField::Amount, json!(amount.to_string())));
    [(HistoryField::Stage, json!(stage.to_string()))].into_iter().chain(amount).collect()
}

fn versions(drawn: &[Drawn]) -> Vec<HistoryVersion> {
    let instance = InstanceName::new("odoo").unwrap();
    let source = SourceRef {
        instance: instance.clone(),
        object: ObjectName::new("crm.lead").unwrap(),
        key: "1".to_owned(),
    };
    let version = |(index, (valid, delay, says)): (usize, &Drawn)| {
        let raw = RawPosition {
            instance: instance.clone(),
            position: Position { epoch: 1, sequence: index as u64 + 1 },
        };
        let statement =
            says.map(|says| HistoryStatement { fields: fields(says), ..HistoryStatement::default() });
        HistoryVersion::new(source.facet_id(), raw, (at(*valid), at(*valid + *delay)), statement)
    };
    let mut versions: Vec<_> = drawn.iter().enumerate().map(version).collect();
    versions.sort_by(|a, b| a.id.cmp(&b.id));
    derive(&mut versions);
    versions
}

/// The last version by valid time among those that were known.
fn naive(drawn: &[Drawn], as_of: i64, known_at: i64) -> (bool, BTreeMap<HistoryField, Value>) {
    let mut known: Vec<(i64, usize, Option<Says>)> = drawn
        .iter()
        .enumerate()
        .filter(|(_, (valid, delay, _))| *valid <= as_of && valid + delay <= known_at)
        .map(|(index, (valid, _, says))| (*valid, index, *says))
        .collect();
    known.sort();
    let stated = known.iter().rev().find_map(|(_, _, says)| *says);
    let exists = known.last().is_some_and(|(_, _, says)| says.is_some());
    (exists, stated.map(fields).unwrap_or_default())
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let says = prop::option::weighted(0.8, (0u8..3, prop::option::of(0u8..3)));
    prop::collection::vec((0i64..20, 0i64..10, says), 0..10)
}

proptest! {
    #[test]
    fn two_instants_give_what_a_recount_gives(drawn in drawn(), as_of in -1i64..32, known_at in -1i64..32) {
        let found = state(&versions(&drawn), Some(at(as_of)), Some(at(known_at)));
        prop_assert_eq!((found.exists, found.fields), naive(&drawn, as_of, known_at));
    }

    #[test]
    fn rows_are_those_of_the_known_versions_alone(drawn in drawn(), known_at in -1i64..32) {
        let known: Vec<Drawn> =
            drawn.iter().copied().filter(|(valid, delay, _)| valid + delay <= known_at).collect();
        let changes = |drawn: &[Drawn], known_at| {
            let rows = rows(&versions(drawn), None, known_at);
            rows.into_iter().map(|row| row.change).collect::<Vec<_>>()
        };
        prop_assert_eq!(changes(&drawn, Some(at(known_at))), changes(&known, None));
    }

    #[test]
    fn no_row_says_more_than_its_evidence(drawn in drawn()) {
        for row in rows(&versions(&drawn), None, None) {
            let exact = row.change.evidence == HistoryEvidence::SourceHistory;
            prop_assert!(!(exact && row.change.since.is_some()));
            prop_assert!(row.change.since.is_none_or(|since| since <= row.change.valid_at));
        }
    }
}
