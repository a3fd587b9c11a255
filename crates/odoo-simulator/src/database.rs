//! The rows, in memory, behind copy-on-write so that every call sees one snapshot and a failed call leaves no trace.
//!
//! This module keeps rows and nothing else: it does not know defaults, access or time. Cloning a `Database` copies
//! pointers; a write after a clone copies a piece of the table. Clones share the id sequences, as
//! transactions do: an id taken by one is never given to another, whether its row ever becomes visible or not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::schema::Schema;
use crate::table::{Table, same};
use crate::value::Value;

/// Columns the simulator keeps for itself; no field list shows them.
pub(crate) const HIDDEN: &[&str] = &["x_durations", "x_login_date"];

static NULL: Value = Value::Null;

/// One row: the columns that are not NULL.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Record {
    values: BTreeMap<&'static str, Value>,
}

impl Record {
    /// The column's value, `Null` when nothing is stored.
    pub fn get(&self, name: &str) -> &Value {
        self.values.get(name).unwrap_or(&NULL)
    }

    /// Stores a value; `Null` removes the column.
    pub fn set(&mut self, name: &'static str, value: Value) {
        if value.is_null() {
            self.values.remove(name);
        } else {
            self.values.insert(name, value);
        }
    }

    /// The same row with one more value, for building rows in one expression.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.set(name, value.into());
        self
    }
}

/// The last id given out in each table.
#[derive(Clone, Debug, Default)]
struct Sequences(Arc<Mutex<BTreeMap<&'static str, i64>>>);

impl Sequences {
    fn next(&self, model: &'static str) -> i64 {
        let mut last = self.lock();
        let id = last.entry(model).or_default();
        *id += 1;
        *id
    }

    fn past(&self, model: &'static str, id: i64) {
        let mut last = self.lock();
        let known = last.entry(model).or_default();
        *known = id.max(*known);
    }

    fn last(&self, model: &str) -> i64 {
        self.lock().get(model).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All tables. Two databases are equal when their rows are.
#[derive(Clone, Debug, Default)]
pub struct Database {
    tables: BTreeMap<&'static str, Arc<Table>>,
    sequences: Sequences,
}

impl PartialEq for Database {
    fn eq(&self, other: &Self) -> bool {
        self.tables == other.tables
    }
}

/// Another transaction has changed a row that this one has changed as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict;

impl Database {
    /// The row, if it exists.
    pub fn row(&self, model: &str, id: i64) -> Option<&Record> {
        self.tables.get(model)?.row(id).map(AsRef::as_ref)
    }

    /// All rows of a model by ascending id.
    pub fn rows(&self, model: &str) -> impl Iterator<Item = (i64, &Record)> {
        self.tables.get(model).into_iter().flat_map(|table| table.rows().map(|(id, row)| (id, row.as_ref())))
    }

    /// How many rows a model has.
    pub fn count(&self, model: &str) -> usize {
        self.tables.get(model).map_or(0, |table| table.count())
    }

    /// The row, for changing it.
    pub fn edit(&mut self, model: &str, id: i64) -> Option<&mut Record> {
        Arc::make_mut(self.tables.get_mut(model)?).edit(id)
    }

    /// Adds a row under the next id. Ids are never used twice.
    pub fn insert(&mut self, model: &'static str, record: Record) -> i64 {
        let id = self.sequences.next(model);
        let table = Arc::make_mut(self.tables.entry(model).or_default());
        table.insert(id, Arc::new(record));
        id
    }

    /// Adds a row under a given id, moving the sequence past it.
    pub fn insert_at(&mut self, model: &'static str, id: i64, record: Record) {
        self.sequences.past(model, id);
        let table = Arc::make_mut(self.tables.entry(model).or_default());
        table.insert(id, Arc::new(record));
    }

    /// Removes a row; no tombstone remains.
    pub fn remove(&mut self, model: &str, id: i64) {
        if let Some(table) = self.tables.get_mut(model) {
            Arc::make_mut(table).remove(id);
        }
    }

    /// Takes over what a transaction made of `base`, row by row, leaving alone what others did meanwhile.
    ///
    /// # Errors
    /// `Conflict` when both changed the same row; nothing is taken over then.
    pub(crate) fn merge(&mut self, base: &Self, made: &Self) -> Result<(), Conflict> {
        let mut merged = self.clone();
        let empty = Arc::default();
        for (model, table) in &made.tables {
            let before = base.tables.get(model).unwrap_or(&empty);
            if Arc::ptr_eq(before, table) {
                continue;
            }
            let current = Arc::make_mut(merged.tables.entry(model).or_default());
            for id in table.differing(before) {
                if !same(before.row(id), current.row(id)) {
                    return Err(Conflict);
                }
                match table.row(id) {
                    Some(row) => current.insert(id, Arc::clone(row)),
                    None => current.remove(id),
                }
            }
        }
        *self = merged;
        Ok(())
    }

    /// The ids of the rows that are not the ones of `base`: new or changed.
    pub(crate) fn changed_since(&self, base: &Self, model: &str) -> Vec<i64> {
        let empty = Arc::default();
        let table = self.tables.get(model).unwrap_or(&empty);
        let differing = table.differing(base.tables.get(model).unwrap_or(&empty));
        differing.into_iter().filter(|id| table.row(*id).is_some()).collect()
    }

    /// The ids of the rows a predicate accepts.
    pub fn ids_where(&self, model: &str, accepts: impl Fn(&Record) -> bool) -> Vec<i64> {
        self.rows(model).filter(|(_, row)| accepts(row)).map(|(id, _)| id).collect()
    }

    /// The whole content as JSON, for the demo's state file.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let tables: BTreeMap<&str, SavedTable<&Record>> = self
            .tables
            .iter()
            .map(|(name, table)| {
                let rows = table.rows().map(|(id, row)| (id, row.as_ref())).collect();
                (*name, SavedTable { last_id: self.sequences.last(name), rows })
            })
            .collect();
        serde_json::to_vec(&tables)
    }

    /// Reads what `to_json` wrote. Models and columns this schema does not know are left out.
    pub fn from_json(bytes: &[u8]) -> serde_json::Result<Self> {
        let saved: BTreeMap<String, SavedTable<SavedRecord>> = serde_json::from_slice(bytes)?;
        let mut database = Self::default();
        for (name, table) in saved {
            let Some(model) = Schema::get().model(&name) else { continue };
            let mut restored = Table::default();
            for (id, columns) in table.rows {
                let mut record = Record::default();
                for (column, value) in columns.values {
                    let known = model.field(&column).map(|field| field.name);
                    if let Some(column) =
                        known.or_else(|| HIDDEN.iter().find(|hidden| **hidden == column).copied())
                    {
                        record.set(column, value);
                    }
                }
                restored.insert(id, Arc::new(record));
            }
            database.sequences.past(model.name, table.last_id);
            database.tables.insert(model.name, Arc::new(restored));
        }
        Ok(database)
    }
}

#[derive(Serialize, Deserialize)]
struct SavedTable<R> {
    last_id: i64,
    rows: BTreeMap<i64, R>,
}

#[derive(Deserialize)]
struct SavedRecord {
    values: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_rows() -> Database {
        let mut database = Database::default();
        database.insert("crm.tag", Record::default().with("name", "one"));
        database.insert("crm.tag", Record::default().with("name", "two"));
        database
    }

    fn name(database: &Database, id: i64) -> Option<&str> {
        database.row("crm.tag", id)?.get("name").as_text()
    }

    #[test]
    fn transactions_share_the_ids_and_keep_each_others_rows() {
        let mut shared = two_rows();
        let base = shared.clone();
        let mut work = base.clone();
        let held = work.insert("crm.tag", Record::default().with("name", "held"));
        work.remove("crm.tag", 1);
        let fast = shared.insert("crm.tag", Record::default().with("name", "fast"));
        assert!(held < fast, "the id was taken when the row was made, not when it became visible");
        assert_eq!(name(&shared, held), None);
        assert_eq!(shared.merge(&base, &work), Ok(()));
        assert_eq!((name(&shared, held), name(&shared, fast)), (Some("held"), Some("fast")));
        assert_eq!((name(&shared, 1), name(&shared, 2)), (None, Some("two")));
    }

    #[test]
    fn a_row_two_transactions_changed_is_a_conflict_that_changes_nothing() {
        let mut shared = two_rows();
        let base = shared.clone();
        let mut work = base.clone();
        work.insert("crm.tag", Record::default().with("name", "held"));
        work.remove("crm.tag", 2);
        if let Some(row) = shared.edit("crm.tag", 2) {
            row.set("name", "renamed".into());
        }
        let before = shared.clone();
        assert_eq!(shared.merge(&base, &work), Err(Conflict));
        assert!(shared == before);
    }
}
