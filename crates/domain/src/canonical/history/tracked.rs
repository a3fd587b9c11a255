//! The history that a source keeps itself: which changes it has written down, and the rows that they give.
//!
//! A version brings all changes that were written down by the time it was read. A change is told by the first version that
//! brings it; by an earlier one, if that was read while we were let read none and is not older than the change. So what is
//! learned late, because a right came late, takes the place of the differences that had been observed until then.
//!
//! Changes and versions need not fit: not everything is written down. Where a change begins with another value than was
//! known, or a version has another value than the last change led to, a row says so with the evidence of a difference.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    HistoryChange, HistoryEvidence, HistoryField, HistoryMark, HistoryStatement, HistoryVersion, Interval,
};
use crate::canonical::{FacetId, Status};

/// One change of one field, as the source has written it down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackedChange {
    /// The source's number for it, by which it is the same in another version. Of two changes at one moment the lower came
    /// first.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it, if that is known: a facet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<FacetId>,
    /// What.
    pub field: HistoryField,
    /// From which value; none for "no value".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// To which value; none for "no value".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// The status of a record that was put away, of which the source's history does not say how: lost or archived. The version
/// behind it says which.
pub fn either_closed() -> Value {
    json!({ "any_of": [Status::Archived, Status::Lost] })
}

/// What a version brings that the one before it did not bring, in the order in which it happened.
pub(super) fn fresh(
    before: Option<&HistoryStatement>,
    statement: Option<&HistoryStatement>,
) -> Vec<TrackedChange> {
    let known = before.and_then(|before| before.tracked.as_deref()).unwrap_or_default();
    let brought = statement.and_then(|statement| statement.tracked.as_deref()).unwrap_or_default();
    let is_new = |change: &&TrackedChange| !known.iter().any(|known| known.id == change.id);
    in_order(brought.iter().filter(is_new).cloned().collect())
}

/// Which changes each of a record's versions tells. The versions must be in the order of their ids.
pub(super) fn by_version(versions: &[HistoryVersion]) -> Vec<Vec<TrackedChange>> {
    let mut told = vec![Vec::new(); versions.len()];
    let brought = |version: &HistoryVersion| {
        version.statement.as_ref().and_then(|statement| statement.tracked.clone()).unwrap_or_default()
    };
    // Of one that is brought in several forms the last counts.
    let mut changes = BTreeMap::new();
    for version in versions {
        changes.extend(brought(version).into_iter().map(|change| (change.id, change)));
    }
    for change in changes.into_values() {
        let tells = |version: &HistoryVersion| match &version.statement {
            Some(HistoryStatement { tracked: Some(tracked), .. }) => {
                tracked.iter().any(|brought| brought.id == change.id)
            }
            Some(statement) => !statement.edit && change.at <= version.valid_at,
            None => false,
        };
        if let Some(first) = versions.iter().position(tells) {
            told[first].push(change);
        }
    }
    told.into_iter().map(in_order).collect()
}

fn in_order(mut changes: Vec<TrackedChange>) -> Vec<TrackedChange> {
    changes.sort_by_key(|change| (change.at, change.id));
    changes
}

/// The rows of a field of which there are changes, in their order: from the value of the version before to that of this
/// one.
pub(super) fn rows<'a>(
    changes: impl Iterator<Item = &'a TrackedChange>,
    (from, to): (Option<&Value>, Option<&Value>),
    when: &Interval,
    mark: Option<&HistoryMark>,
) -> Vec<HistoryChange> {
    let mut rows: Vec<HistoryChange> = Vec::new();
    let (mut value, mut since) = (from.cloned(), when.since);
    for change in changes {
        let TrackedChange { at, by, field, from, to, .. } = change.clone();
        let begins = rows.is_empty() && when.creation;
        if !may_be_same(value.as_ref(), from.as_ref()) {
            let between = Interval { since: since.filter(|since| *since < at), until: at, ..*when };
            let row = match when.since {
                // Since nothing was written down before, it was so from the beginning.
                Some(made) if begins && made <= at => HistoryChange {
                    valid_at: made,
                    evidence: HistoryEvidence::Inferred,
                    since: None,
                    ..between.row(field)
                },
                _ => between.row(field),
            };
            rows.push(HistoryChange { from: value, to: from.clone(), ..row });
            value = from;
        }
        let exact =
            Interval { since: None, until: at, evidence: HistoryEvidence::SourceHistory, creation: false };
        rows.push(HistoryChange { from: value, to: to.clone(), by, ..exact.row(field) });
        (value, since) = (to, Some(at));
    }
    let Some(last) = rows.last_mut() else { return rows };
    if value.as_ref() == to {
        return rows;
    }
    if may_be_same(value.as_ref(), to) {
        last.to = to.cloned();
        return rows;
    }
    let (field, since) = (last.field, since.filter(|since| *since <= when.until));
    let behind = Interval { since, creation: false, ..*when };
    rows.push(HistoryChange { from: value, to: to.cloned(), ..behind.exact(field, mark) });
    rows
}

/// Whether two values may be the same: equal, or one of them put away by either way and the other by one of the two.
pub fn may_be_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let either = either_closed();
    let closed = |value: Option<&Value>| {
        let closed = [Status::Archived, Status::Lost].map(|status| json!(status));
        value.is_some_and(|value| closed.contains(value) || closed.contains(&value["elsewhere"]))
    };
    one == other || (one == Some(&either) && closed(other)) || (other == Some(&either) && closed(one))
}
