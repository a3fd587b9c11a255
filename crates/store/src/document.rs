//! Documents, queries and the transaction.

use bson::{Bson, Document, RawDocumentBuf};

/// A collection and its indexes, to exist before anything is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionSpec {
    /// Its name.
    pub name: String,
    /// Each index: its fields, ascending, and what it holds.
    pub indexes: Vec<(Vec<&'static str>, IndexKind)>,
    /// Its documents are a function of the raw logs alone, so two generations must have the same.
    pub compared: bool,
}

/// What an index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// Every document.
    Plain,
    /// Every document, and no two of them with the same values.
    Unique,
    /// Documents that have the field: for one that few have.
    Sparse,
}

impl CollectionSpec {
    /// A compared collection without further indexes.
    pub fn plain(name: impl Into<String>) -> Self {
        Self { name: name.into(), indexes: Vec::new(), compared: true }
    }

    /// A collection that holds a consumer's own notes: sequences of the broker, what was applied.
    pub fn internal(name: impl Into<String>) -> Self {
        Self { compared: false, ..Self::plain(name) }
    }

    /// Adds an index over fields.
    #[must_use]
    pub fn index(mut self, fields: &[&'static str]) -> Self {
        self.indexes.push((fields.to_vec(), IndexKind::Plain));
        self
    }

    /// Adds a unique index over a field.
    #[must_use]
    pub fn unique(mut self, field: &'static str) -> Self {
        self.indexes.push((vec![field], IndexKind::Unique));
        self
    }

    /// Adds an index over a field that few documents have. It finds documents by a value, not those without one.
    #[must_use]
    pub fn sparse(mut self, field: &'static str) -> Self {
        self.indexes.push((vec![field], IndexKind::Sparse));
        self
    }
}

/// A write within a transaction. Ids are the documents' `_id`, always text.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// The document is new.
    Insert(RawDocumentBuf),
    /// The document exists and becomes this.
    Replace(RawDocumentBuf),
    /// The document exists and goes.
    Delete,
}

/// One document's write.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Where.
    pub collection: String,
    /// Which document.
    pub id: String,
    /// What becomes of it.
    pub operation: Operation,
}

/// One transaction: a consumer's position moves on together with what it wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Whose position.
    pub consumer: String,
    /// The revision that the position must have; 0 if there must be none yet.
    pub expected_revision: i64,
    /// The new position.
    pub position: Document,
    /// At most one write per document.
    pub writes: Vec<Write>,
}

/// A consumer's position.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPosition {
    /// Counts the consumer's transactions.
    pub revision: i64,
    /// What the consumer stored.
    pub position: Document,
}

/// A condition on a field; dotted names reach into documents, and an array matches if one of its items does.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Equal.
    Eq(String, Bson),
    /// Equal to one of these.
    In(String, Vec<Bson>),
    /// Greater.
    Gt(String, Bson),
    /// Greater or equal.
    Gte(String, Bson),
    /// Less.
    Lt(String, Bson),
    /// One of these holds.
    Any(Vec<Condition>),
}

/// Which way to sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// A query: all conditions hold; sorted; at most `limit` documents.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Sort keys, the most important first.
    pub sort: Vec<(String, Direction)>,
    /// Most documents; none for all.
    pub limit: Option<usize>,
    /// Only these top-level fields beside `_id`; empty for whole documents.
    pub fields: Vec<&'static str>,
}

impl Query {
    /// Every document.
    pub fn all() -> Self {
        Self::default()
    }

    /// Adds a condition.
    #[must_use]
    pub fn with(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Adds a sort key.
    #[must_use]
    pub fn sorted(mut self, field: &str, direction: Direction) -> Self {
        self.sort.push((field.to_owned(), direction));
        self
    }

    /// Limits the number of documents.
    #[must_use]
    pub fn limited(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Restricts the answer to some top-level fields.
    #[must_use]
    pub fn only(mut self, fields: &[&'static str]) -> Self {
        self.fields = fields.to_vec();
        self
    }
}
