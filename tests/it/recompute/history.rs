//! The rows of history, once more from the complete list of versions: what the source tells of each field, and what differs.

use std::collections::{BTreeMap, BTreeSet};

use salescommand_domain::Timestamp;
use salescommand_domain::canonical::history::{
    HistoryChange, HistoryEvidence, HistoryField, HistoryMark, HistoryStatement, TrackedChange, may_be_same,
};
use serde_json::Value;

use super::Accepted;

fn statement(accepted: &Accepted) -> Option<HistoryStatement> {
    HistoryStatement::of(&accepted.says.as_ref()?.body)
}

/// Whether each version brings all of the source's own history that the one before it in the log brought.
pub(super) fn goes_on(versions: &[Accepted]) -> bool {
    let stated: Vec<_> = versions.iter().filter_map(statement).collect();
    stated.windows(2).all(|pair| match (&pair[0].tracked, &pair[1].tracked) {
        (Some(before), Some(after)) => before.iter().all(|change| after.contains(change)),
        (before, after) => before.is_none() && after.is_none(),
    })
}

/// What one of a record's versions tells of what the source has written down, in order.
fn told(sorted: &[&Accepted], index: usize) -> Vec<TrackedChange> {
    let brings = |version: &Accepted, id: u64| {
        let tracked = statement(version).and_then(|statement| statement.tracked)?;
        tracked.into_iter().find(|change| change.id == id)
    };
    let all = sorted.iter().filter_map(|version| statement(version)?.tracked).flatten();
    let ids: BTreeSet<u64> = all.map(|change| change.id).collect();
    let mut told = Vec::new();
    for id in ids {
        let change = sorted.iter().rev().find_map(|version| brings(version, id)).unwrap();
        let tells = |version: &&Accepted| match statement(version) {
            Some(statement) if statement.tracked.is_none() && !statement.edit => version.valid() >= change.at,
            Some(_) => brings(version, id).is_some(),
            None => false,
        };
        if sorted.iter().position(tells) == Some(index) {
            told.push(change);
        }
    }
    told.sort_by_key(|change| (change.at, change.id));
    told
}

/// How far two versions narrow down when something changed.
struct Between {
    since: Option<Timestamp>,
    until: Timestamp,
    evidence: HistoryEvidence,
    /// When the record was made, if these are its first values and that is known.
    made: Option<Timestamp>,
}

impl Between {
    fn row(&self, field: HistoryField, (from, to): (Option<Value>, Option<Value>)) -> HistoryChange {
        let Self { since, until, evidence, .. } = *self;
        HistoryChange { field, from, to, valid_at: until, since, evidence, by: None }
    }

    fn timed(&self, row: HistoryChange, mark: Option<HistoryMark>) -> HistoryChange {
        match mark {
            Some(mark)
                if mark.at <= self.until
                    && row.since.is_none_or(|since| since < mark.at || self.made == Some(mark.at)) =>
            {
                HistoryChange {
                    valid_at: mark.at,
                    since: None,
                    evidence: HistoryEvidence::SourceHistory,
                    by: mark.by,
                    ..row
                }
            }
            _ => row,
        }
    }
}

/// The rows of the version at a place among all of its record's, in the order of their time.
pub(super) fn changes(sorted: &[&Accepted], index: usize, gap: bool) -> Vec<HistoryChange> {
    let (before, version) = (&sorted[..index], sorted[index]);
    let held = before.iter().rev().find_map(|before| statement(before));
    let was_deleted = held.is_some() && before.last().is_some_and(|last| last.says.is_none());
    let now = statement(version);
    let until = version.valid();
    let since = before.last().map(|last| if last.observed <= until { last.observed } else { last.valid() });
    let unseen = gap || before.is_empty();
    let evidence = if unseen { HistoryEvidence::Inferred } else { HistoryEvidence::ObservedDiff };
    let mut between = Between { since, until, evidence, made: None };
    let mut rows = Vec::new();
    let nothing = || (None, None);
    match (&held, &now) {
        (_, None) if held.is_none() || was_deleted => return rows,
        (_, None) => {
            let into = version.into.map(|into| into.to_string().into());
            rows.push(between.row(HistoryField::Deleted, (None, into)));
        }
        (None, Some(first)) => {
            between = Between { since: None, evidence: HistoryEvidence::Inferred, ..between };
            let made = first.created_at.map(|at| HistoryMark { at, by: None });
            let row = between.timed(between.row(HistoryField::Created, nothing()), made);
            let begin = (row.evidence == HistoryEvidence::SourceHistory).then_some(row.valid_at);
            (between.since, between.made) = (begin, begin);
            rows.push(row);
        }
        (Some(_), Some(_)) if was_deleted => rows.push(between.row(HistoryField::Restored, nothing())),
        (Some(_), Some(_)) => {}
    }
    let Some(now) = now else { return rows };
    let first = held.is_none();
    let held = held.unwrap_or_default();
    let mut of_field: BTreeMap<HistoryField, Vec<TrackedChange>> = BTreeMap::new();
    for change in told(sorted, index) {
        of_field.entry(change.field).or_default().push(change);
    }
    let fields: BTreeSet<HistoryField> =
        held.fields.keys().chain(now.fields.keys()).chain(of_field.keys()).copied().collect();
    for field in fields {
        let (from, to) = (held.fields.get(&field).cloned(), now.fields.get(&field).cloned());
        let mark = now.marks.get(&field).filter(|mark| held.marks.get(&field) != Some(*mark)).copied();
        match of_field.get(&field) {
            Some(told) => rows.extend(steps(told, (from, to), &between, (mark, first))),
            None if from != to => rows.push(between.timed(between.row(field, (from, to)), mark)),
            None => {}
        }
    }
    rows
}

/// What happened to a field from one version to the next, where the source tells something of it: its word for each step,
/// and a difference wherever two steps do not meet.
fn steps(
    told: &[TrackedChange],
    (mut value, end): (Option<Value>, Option<Value>),
    between: &Between,
    (mark, first): (Option<HistoryMark>, bool),
) -> Vec<HistoryChange> {
    let mut rows = Vec::new();
    let mut since = between.since;
    for (index, step) in told.iter().enumerate() {
        if !may_be_same(value.as_ref(), step.from.as_ref()) {
            let gap = Between { since: since.filter(|since| *since < step.at), until: step.at, ..*between };
            let mut row = gap.row(step.field, (value, step.from.clone()));
            if let Some(made) = between.made.filter(|made| first && index == 0 && *made <= step.at) {
                (row.valid_at, row.since) = (made, None);
            }
            rows.push(row);
            value = step.from.clone();
        }
        rows.push(HistoryChange {
            field: step.field,
            from: value,
            to: step.to.clone(),
            valid_at: step.at,
            since: None,
            evidence: HistoryEvidence::SourceHistory,
            by: step.by,
        });
        (value, since) = (step.to.clone(), Some(step.at));
    }
    if value == end {
        return rows;
    }
    if may_be_same(value.as_ref(), end.as_ref()) {
        rows.last_mut().unwrap().to = end;
        return rows;
    }
    let since = since.filter(|since| *since <= between.until);
    let rest = Between { since, made: None, ..*between };
    rows.push(rest.timed(rest.row(told[0].field, (value, end)), mark));
    rows
}
