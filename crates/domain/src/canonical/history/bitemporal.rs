//! Reading a history at two instants: what was valid then, and what was known then.
//!
//! Pure, over the versions: what was known at an instant is derived anew from the versions that had been read by then.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{HistoryChange, HistoryField, HistoryVersion, derive};
use crate::canonical::FacetId;
use crate::raw::RawPosition;

/// A row with where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// The record.
    pub facet: FacetId,
    /// The raw event that showed it.
    pub raw: RawPosition,
    /// When we read that.
    pub known_at: Timestamp,
    /// Part of an edit.
    pub edit: bool,
    /// Rejected versions lie between this and the version before.
    pub gap: bool,
    /// The row.
    pub change: HistoryChange,
}

/// What was known of some records' versions at an instant; none for now.
pub fn known(versions: &[HistoryVersion], known_at: Option<Timestamp>) -> Vec<HistoryVersion> {
    let known = |version: &&HistoryVersion| known_at.is_none_or(|at| version.known_at <= at);
    let mut versions: Vec<_> = versions.iter().filter(known).cloned().collect();
    versions.sort_by(|a, b| a.id.cmp(&b.id));
    for of_one in versions.chunk_by_mut(|a, b| a.facet == b.facet) {
        derive(of_one);
    }
    versions
}

/// The rows of an opportunity's records, as known at an instant and valid at an instant (none for now), in the order
/// of valid time, instance and raw position.
pub fn rows(
    versions: &[HistoryVersion],
    as_of: Option<Timestamp>,
    known_at: Option<Timestamp>,
) -> Vec<HistoryRow> {
    let mut rows = Vec::new();
    for version in known(versions, known_at) {
        let HistoryVersion { facet, raw, known_at, statement, gaps, changes, .. } = version;
        let (edit, gap) = (statement.is_some_and(|statement| statement.edit), !gaps.is_empty());
        let row = |change| HistoryRow { facet, raw: raw.clone(), known_at, edit, gap, change };
        rows.extend(changes.into_iter().map(row));
    }
    rows.retain(|row| as_of.is_none_or(|at| row.change.valid_at <= at));
    rows.sort_by(|a, b| order(a).cmp(&order(b)));
    rows
}

fn order(row: &HistoryRow) -> (Timestamp, &RawPosition, HistoryField) {
    (row.change.valid_at, &row.raw, row.change.field)
}

/// What an opportunity was at an instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HistoryState {
    /// A record of it existed.
    pub exists: bool,
    /// Its fields.
    pub fields: BTreeMap<HistoryField, Value>,
}

/// What some records' versions say of an instant, as known at another (none for now). Edits come before sources,
/// records that exist before deleted ones, the most recently changed first, then the smallest facet id.
pub fn state(
    versions: &[HistoryVersion],
    as_of: Option<Timestamp>,
    known_at: Option<Timestamp>,
) -> HistoryState {
    let mut of_facets: BTreeMap<FacetId, FacetState> = BTreeMap::new();
    for row in rows(versions, as_of, known_at) {
        of_facets.entry(row.facet).or_default().take(row);
    }
    let mut ordered: Vec<_> =
        of_facets.into_iter().filter(|(_, facet)| !(facet.edit && facet.deleted)).collect();
    ordered.sort_by_key(|(id, facet)| (!facet.edit, facet.deleted, std::cmp::Reverse(facet.changed), *id));
    let exists = ordered.iter().any(|(_, facet)| !facet.edit && !facet.deleted);
    let mut state = HistoryState { exists, fields: BTreeMap::new() };
    for (_, facet) in ordered {
        for (field, value) in facet.fields {
            state.fields.entry(field).or_insert(value);
        }
    }
    let cleared = super::cleared();
    state.fields.retain(|_, value| *value != cleared);
    state
}

#[derive(Default)]
struct FacetState {
    edit: bool,
    deleted: bool,
    changed: Option<Timestamp>,
    fields: BTreeMap<HistoryField, Value>,
}

impl FacetState {
    fn take(&mut self, row: HistoryRow) {
        self.changed = Some(row.change.valid_at);
        match (row.change.field, row.change.to) {
            (HistoryField::Created | HistoryField::Restored, _) => {
                (self.edit, self.deleted) = (row.edit, false);
            }
            (HistoryField::Deleted, _) => self.deleted = true,
            (field, Some(value)) => {
                self.fields.insert(field, value);
            }
            (field, None) => {
                self.fields.remove(&field);
            }
        }
    }
}
