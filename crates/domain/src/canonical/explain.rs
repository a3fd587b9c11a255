//! Why a golden record says what it says: for each field the value, the statement that won, by which rule, and the
//! statements that lost.
//!
//! Made by the merge itself while it chooses, see [`super::explain`]; nothing here decides anything.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EditMark, FacetId, Golden, SourceRef};
use crate::raw::Position;

/// Why a statement won, or a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Nobody says anything; the field is empty.
    NoStatement,
    /// No other record says anything.
    OnlyStatement,
    /// A person's edit wins over the sources until it is withdrawn.
    EditWins,
    /// What was deleted in one source says nothing while another source still has the record.
    ExistingBeforeDeleted,
    /// Sources come before SalesCommand's own configuration.
    SourcePriority,
    /// The manager is SalesCommand's to decide: its configuration comes before the sources.
    ConfigurationFirst,
    /// On who manages whom the organisation's directory comes before other sources.
    DirectoryFirst,
    /// The most recently modified record wins.
    MostRecent,
    /// All else equal, the smallest facet id wins.
    SmallestId,
    /// True as soon as one record says so.
    AnyRecord,
    /// The earliest of all.
    Earliest,
    /// The latest of all.
    Latest,
    /// Computed from other fields and from reference data.
    Computed,
}

impl Rule {
    /// The rule in a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoStatement => "no record says anything",
            Self::OnlyStatement => "the only record that says anything",
            Self::EditWins => "a person's edit wins over the sources until it is withdrawn",
            Self::ExistingBeforeDeleted => "a record that still exists wins over a deleted one",
            Self::SourcePriority => "a source wins over SalesCommand's own configuration",
            Self::ConfigurationFirst => "SalesCommand's own configuration wins over the sources",
            Self::DirectoryFirst => "the organisation's directory wins over other sources",
            Self::MostRecent => "the most recently modified record wins",
            Self::SmallestId => "equally recent: the record with the smallest id wins",
            Self::AnyRecord => "true as soon as one record says so",
            Self::Earliest => "the earliest of all records",
            Self::Latest => "the latest of all records",
            Self::Computed => "computed from the inputs",
        }
    }
}

/// What one source record says about a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The facet.
    pub facet: FacetId,
    /// Which record of which source it is.
    pub source: SourceRef,
    /// The raw event that says so.
    pub position: Position,
    /// What it says; null is "nothing", which an edit can say too.
    pub value: Value,
    /// If it is a person's edit: when, and whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<EditMark>,
}

/// A statement that did not win.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loser {
    /// The statement.
    #[serde(flatten)]
    pub statement: Statement,
    /// By which rule it lost against the winner.
    pub lost_by: Rule,
}

/// What a computed value depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// Another field of the same record.
    Field {
        /// Its name.
        name: String,
    },
    /// A reference facet: stage, company, currency, customer, calendar.
    Facet {
        /// The facet.
        facet: FacetId,
        /// Which record of which source it is.
        source: SourceRef,
        /// The raw event that made its present version.
        position: Position,
    },
}

/// One field of a golden record, explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldLineage {
    /// Its name, `custom.<name>` for custom fields.
    pub field: String,
    /// The value of the golden record.
    pub value: Value,
    /// Why it is this.
    pub rule: Rule,
    /// The statement that won; none for computed and empty fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<Statement>,
    /// What the value was computed from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// The statements that lost, in order of precedence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losers: Vec<Loser>,
}

/// A golden record and why it is so.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The record, as the merge makes it.
    pub golden: Golden,
    /// Its fields by name.
    pub fields: Vec<FieldLineage>,
}
