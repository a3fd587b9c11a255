//! One table: rows by id, kept in pieces so that a transaction copies the pieces it writes to and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::database::Record;

/// How many ids share a piece.
const PIECE: i64 = 256;

type Piece = BTreeMap<i64, Arc<Record>>;

/// One table. Cloning copies pointers to the pieces. No piece is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    pieces: BTreeMap<i64, Arc<Piece>>,
}

impl Table {
    pub(crate) fn row(&self, id: i64) -> Option<&Arc<Record>> {
        self.pieces.get(&id.div_euclid(PIECE))?.get(&id)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (i64, &Arc<Record>)> {
        self.pieces.values().flat_map(|piece| piece.iter().map(|(id, row)| (*id, row)))
    }

    pub(crate) fn count(&self) -> usize {
        self.pieces.values().map(|piece| piece.len()).sum()
    }

    pub(crate) fn edit(&mut self, id: i64) -> Option<&mut Record> {
        let piece = self.pieces.get_mut(&id.div_euclid(PIECE))?;
        Arc::make_mut(piece).get_mut(&id).map(Arc::make_mut)
    }

    pub(crate) fn insert(&mut self, id: i64, row: Arc<Record>) {
        Arc::make_mut(self.pieces.entry(id.div_euclid(PIECE)).or_default()).insert(id, row);
    }

    pub(crate) fn remove(&mut self, id: i64) {
        let place = id.div_euclid(PIECE);
        if let Some(piece) = self.pieces.get_mut(&place) {
            let piece = Arc::make_mut(piece);
            piece.remove(&id);
            if piece.is_empty() {
                self.pieces.remove(&place);
            }
        }
    }

    /// The ids of rows that are not the same rows in both tables: new, changed or deleted.
    pub(crate) fn differing(&self, other: &Self) -> Vec<i64> {
        let places: BTreeSet<i64> = self.pieces.keys().chain(other.pieces.keys()).copied().collect();
        let mut found = BTreeSet::new();
        for place in places {
            let (left, right) = (self.pieces.get(&place), other.pieces.get(&place));
            if same(left, right) {
                continue;
            }
            let ids = left.into_iter().chain(right).flat_map(|piece| piece.keys().copied());
            found.extend(ids.filter(|id| !same(self.row(*id), other.row(*id))));
        }
        found.into_iter().collect()
    }
}

/// Whether both are the very same, or both are missing.
pub(crate) fn same<T>(left: Option<&Arc<T>>, right: Option<&Arc<T>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => Arc::ptr_eq(left, right),
        (left, right) => left.is_none() && right.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Arc<Record> {
        Arc::new(Record::default().with("name", name))
    }

    #[test]
    fn tables_differ_in_the_rows_that_were_touched() {
        let mut table = Table::default();
        for id in 1..=1_000 {
            table.insert(id, row("same"));
        }
        let mut other = table.clone();
        other.remove(3);
        other.insert(700, row("same"));
        other.insert(2_000, row("new"));
        if let Some(row) = other.edit(701) {
            row.set("name", "changed".into());
        }
        assert_eq!(other.differing(&table), [3, 700, 701, 2_000], "an equal row is not the same row");
        assert_eq!(table.differing(&other), other.differing(&table));
        assert_eq!((table.count(), other.count()), (1_000, 1_000));
        assert!(other.rows().map(|(id, _)| id).is_sorted());
    }

    #[test]
    fn a_table_emptied_again_equals_one_that_never_had_rows() {
        let mut table = Table::default();
        table.insert(5, row("gone"));
        table.remove(5);
        assert_eq!(table, Table::default());
    }
}
