//! The rows, in memory, behind copy-on-write so that every call sees one snapshot and a failed call leaves no trace.
//!
//! This module keeps rows and nothing else: it does not know defaults, access or time. Cloning a `Database` copies
//! pointers; the first write to a table after a clone copies that table's map.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::schema::Schema;
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

/// One table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    rows: BTreeMap<i64, Arc<Record>>,
    last_id: i64,
}

/// All tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Database {
    tables: BTreeMap<&'static str, Arc<Table>>,
}

impl Database {
    /// The row, if it exists.
    pub fn row(&self, model: &str, id: i64) -> Option<&Record> {
        self.tables.get(model)?.rows.get(&id).map(AsRef::as_ref)
    }

    /// All rows of a model by ascending id.
    pub fn rows(&self, model: &str) -> impl Iterator<Item = (i64, &Record)> {
        self.tables
            .get(model)
            .into_iter()
            .flat_map(|table| table.rows.iter().map(|(id, row)| (*id, row.as_ref())))
    }

    /// How many rows a model has.
    pub fn count(&self, model: &str) -> usize {
        self.tables.get(model).map_or(0, |table| table.rows.len())
    }

    /// The row, for changing it.
    pub fn edit(&mut self, model: &str, id: i64) -> Option<&mut Record> {
        let table = Arc::make_mut(self.tables.get_mut(model)?);
        table.rows.get_mut(&id).map(Arc::make_mut)
    }

    /// Adds a row under the next id. Ids are never used twice.
    pub fn insert(&mut self, model: &'static str, record: Record) -> i64 {
        let table = Arc::make_mut(self.tables.entry(model).or_default());
        table.last_id += 1;
        table.rows.insert(table.last_id, Arc::new(record));
        table.last_id
    }

    /// Adds a row under a given id, moving the sequence past it.
    pub fn insert_at(&mut self, model: &'static str, id: i64, record: Record) {
        let table = Arc::make_mut(self.tables.entry(model).or_default());
        table.last_id = table.last_id.max(id);
        table.rows.insert(id, Arc::new(record));
    }

    /// Removes a row; no tombstone remains.
    pub fn remove(&mut self, model: &str, id: i64) {
        if let Some(table) = self.tables.get_mut(model) {
            Arc::make_mut(table).rows.remove(&id);
        }
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
                let rows = table.rows.iter().map(|(id, row)| (*id, row.as_ref())).collect();
                (*name, SavedTable { last_id: table.last_id, rows })
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
            let mut rows = BTreeMap::new();
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
                rows.insert(id, Arc::new(record));
            }
            database.tables.insert(model.name, Arc::new(Table { rows, last_id: table.last_id }));
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
