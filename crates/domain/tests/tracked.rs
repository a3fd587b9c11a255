//! The history that a source keeps itself, against what really happened: whichever moments it was read at, whatever was let
//! be read then, and whatever was not written down.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::SourceRef;
use salescommand_domain::canonical::history::{
    HistoryEvidence, HistoryField, HistoryHead, HistoryStatement, HistoryVersion, TrackedChange, derive,
    either_closed, rows, state,
};
use salescommand_domain::raw::{InstanceName, ObjectName, Position, RawPosition};
use serde_json::{Value, json};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
}

/// What happened to a deal: the stage it was made in, and the stages it came to, with the minute and whether that was
/// written down.
#[derive(Debug, Clone)]
struct Life {
    first: u8,
    changes: Vec<(i64, u8, bool)>,
}

impl Life {
    fn stage_at(&self, minute: i64) -> u8 {
        self.changes.iter().rev().find(|change| change.0 <= minute).map_or(self.first, |change| change.1)
    }

    /// When the record was changed last.
    fn modified(&self, minute: i64) -> i64 {
        self.changes.iter().rev().map(|change| change.0).find(|at| *at <= minute).unwrap_or(0)
    }

    fn tracked(&self, minute: i64) -> Vec<TrackedChange> {
        let mut from = self.first;
        let mut tracked = Vec::new();
        for (id, (when, to, written)) in (1..).zip(&self.changes) {
            let change = TrackedChange {
                id,
                at: at(*when),
                by: None,
                field: HistoryField::Stage,
                from: Some(json!(from)),
                to: Some(json!(to)),
            };
            tracked.extend((*written && *when <= minute).then_some(change));
            from = *to;
        }
        tracked
    }

    /// The record as it was read at a minute.
    fn read(&self, (minute, allowed): (i64, bool), sequence: u64) -> HistoryVersion {
        let instance = InstanceName::new("odoo").unwrap();
        let object = ObjectName::new("crm.lead").unwrap();
        let source = SourceRef { instance: instance.clone(), object, key: "1".to_owned() };
        let raw = RawPosition { instance, position: Position { epoch: 1, sequence } };
        let statement = HistoryStatement {
            fields: [(HistoryField::Stage, json!(self.stage_at(minute)))].into(),
            created_at: Some(at(0)),
            tracked: allowed.then(|| self.tracked(minute)),
            ..HistoryStatement::default()
        };
        let times = (at(self.modified(minute)), at(minute));
        HistoryVersion::new(source.facet_id(), raw, times, Some(statement))
    }

    fn versions(&self, readings: &[(i64, bool)]) -> Vec<HistoryVersion> {
        let mut versions: Vec<_> =
            (1..).zip(readings).map(|(sequence, reading)| self.read(*reading, sequence)).collect();
        versions.sort_by(|a, b| a.id.cmp(&b.id));
        versions
    }
}

fn life(written: impl Strategy<Value = bool>) -> impl Strategy<Value = Life> {
    (0u8..3, prop::collection::vec((1i64..6, 1u8..3, written), 0..6)).prop_map(|(first, steps)| {
        let (mut minute, mut stage) = (0, first);
        let mut changes = Vec::new();
        for (pause, step, written) in steps {
            (minute, stage) = (minute + pause, (stage + step) % 3);
            changes.push((minute, stage, written));
        }
        Life { first, changes }
    })
}

/// Minutes at which the record was read, ascending, and whether its history could be read.
fn readings() -> impl Strategy<Value = Vec<(i64, bool)>> {
    prop::collection::vec((0i64..40, any::<bool>()), 1..7).prop_map(|mut readings| {
        readings.sort_unstable();
        readings
    })
}

/// From, to, when, and whether exactly then.
type Row = (Option<Value>, Option<Value>, Timestamp, bool);

fn stages(versions: &[HistoryVersion]) -> Vec<Row> {
    let of_stage = rows(versions, None, None).into_iter().map(|row| row.change);
    of_stage
        .filter(|row| row.field == HistoryField::Stage)
        .map(|row| (row.from, row.to, row.valid_at, row.evidence == HistoryEvidence::SourceHistory))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_was_written_down_is_told_exactly_whenever_it_was_read(
        life in life(Just(true)),
        readings in readings(),
    ) {
        let mut readings = readings;
        readings.last_mut().unwrap().1 = true;
        let end = readings.last().unwrap().0;
        let mut versions = life.versions(&readings);
        derive(&mut versions);
        let changes: Vec<_> = life.changes.iter().filter(|change| change.0 <= end).collect();
        let mut expected = Vec::new();
        let mut from = json!(life.first);
        for (when, to, _) in &changes {
            expected.push((Some(from), Some(json!(to)), at(*when), true));
            from = json!(to);
        }
        let found = stages(&versions);
        prop_assert_eq!((&found[0].0, &found[0].1), (&None, &Some(json!(life.first))));
        prop_assert_eq!(&found[1..], &expected[..]);
        if !changes.is_empty() {
            prop_assert_eq!(found[0].2, at(0), "nothing was written down before: it was so from the beginning");
            for minute in 0..=end {
                let then = state(&versions, Some(at(minute)), None);
                prop_assert_eq!(then.fields.get(&HistoryField::Stage), Some(&json!(life.stage_at(minute))));
            }
        }
    }

    #[test]
    fn what_was_not_written_down_is_told_as_far_as_readings_differ(
        life in life(any::<bool>()),
        readings in readings(),
    ) {
        let mut versions = life.versions(&readings);
        derive(&mut versions);
        let found = stages(&versions);
        // One leads to the next, and the last to what was read last.
        prop_assert_eq!(&found[0].0, &None);
        for pair in found.windows(2) {
            prop_assert_eq!(&pair[0].1, &pair[1].0);
        }
        let end = readings.last().unwrap().0;
        prop_assert_eq!(found.last().unwrap().1.clone(), Some(json!(life.stage_at(end))));
        // What is said to be exact was written down.
        for (from, to, when, exact) in found {
            if exact {
                let written = life.tracked(i64::MAX);
                prop_assert!(written.iter().any(|it| (&it.from, &it.to, it.at) == (&from, &to, when)));
            }
        }
    }

    #[test]
    fn one_version_after_the_other_gives_what_all_together_give(
        life in life(any::<bool>()),
        readings in readings(),
    ) {
        let mut one_by_one = life.versions(&readings);
        let mut head = HistoryHead::default();
        for index in 0..one_by_one.len() {
            let (before, rest) = one_by_one.split_at_mut(index);
            let statement = |version: &HistoryVersion| version.statement.clone().unwrap();
            let goes_on = before.last().is_none_or(|last| statement(&rest[0]).continues(&statement(last)));
            if !goes_on {
                return Ok(());
            }
            head.advance(&mut rest[0]);
        }
        let mut together = life.versions(&readings);
        derive(&mut together);
        prop_assert_eq!(one_by_one, together);
    }

    #[test]
    fn what_was_known_is_told_without_what_came_later(
        life in life(any::<bool>()),
        readings in readings(),
        known_at in 0i64..40,
    ) {
        let known: Vec<_> = readings.iter().copied().filter(|(minute, _)| *minute <= known_at).collect();
        let changes = |readings: &[(i64, bool)], known_at| {
            let rows = rows(&life.versions(readings), None, known_at);
            rows.into_iter().map(|row| row.change).collect::<Vec<_>>()
        };
        prop_assert_eq!(changes(&readings, Some(at(known_at))), changes(&known, None));
    }
}

#[test]
fn put_away_is_lost_or_archived_as_the_version_behind_it_says() {
    let open = json!({ "in_won_stage": "won", "elsewhere": "open" });
    let change = |id, minute, from: Value, to: Value| TrackedChange {
        id,
        at: at(minute),
        by: None,
        field: HistoryField::Status,
        from: Some(from),
        to: Some(to),
    };
    let life = Life { first: 0, changes: vec![(9, 0, false)] };
    let read = |status: Value, tracked: Vec<TrackedChange>| {
        let mut version = life.read((9, true), 1);
        let statement = version.statement.as_mut().unwrap();
        statement.fields.insert(HistoryField::Status, status);
        statement.tracked = Some(tracked);
        let mut versions = vec![version];
        derive(&mut versions);
        let rows = rows(&versions, None, None).into_iter().map(|row| row.change);
        rows.filter(|row| row.field == HistoryField::Status).map(|row| row.to.unwrap()).collect::<Vec<_>>()
    };
    let away = |id, minute| change(id, minute, open.clone(), either_closed());
    let back = |id, minute| change(id, minute, either_closed(), open.clone());
    assert_eq!(read(json!("lost"), vec![away(1, 3)]), [open.clone(), json!("lost")]);
    let archived = json!({ "in_won_stage": "won", "elsewhere": "archived" });
    assert_eq!(read(archived.clone(), vec![away(1, 3)]), [open.clone(), archived]);
    // Of what was put away and brought back between two readings nobody knows more.
    assert_eq!(
        read(open.clone(), vec![away(1, 3), back(2, 5)]),
        [open.clone(), either_closed(), open.clone()]
    );
}
