//! Lineage as the API spells it. Raw positions are for `ops:read`; everybody else sees which records, not where in
//! the log they stand.

use jiff::Timestamp;
use salescommand_domain::access::Permission;
use salescommand_domain::canonical::{
    EditMark, Facet, FacetBody, FacetId, FieldLineage, Input, Loser, Rule, SourceRef, Statement,
};
use salescommand_domain::raw::{Position, RawPosition, raw_stream};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::access::Allowed;
use crate::directory::{Directory, PersonRef};

/// A raw event, by its place in the raw zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RawEventRef {
    /// Whose log.
    pub instance: String,
    /// Which epoch of it.
    #[schema(format = Int64)]
    pub epoch: u32,
    /// The sequence in the epoch.
    #[schema(format = Int64)]
    pub sequence: u64,
    /// The stream that holds the event and its payload, or held it before the epoch was archived.
    pub stream: String,
}

impl From<RawPosition> for RawEventRef {
    fn from(raw: RawPosition) -> Self {
        Self {
            stream: raw_stream(&raw.instance, raw.position.epoch),
            instance: raw.instance.to_string(),
            epoch: raw.position.epoch,
            sequence: raw.position.sequence,
        }
    }
}

/// A source record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineageSource {
    /// Its facet.
    pub facet: String,
    /// The source instance; `crm` for what was written in SalesCommand.
    pub instance: String,
    /// The object within it.
    pub object: String,
    /// The record's key.
    pub key: String,
    /// The raw event that made its present version; for `ops:read`.
    pub raw: Option<RawEventRef>,
}

/// A source record in a golden record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineageFacet {
    /// Which record.
    pub source: LineageSource,
    /// Deleted at its source; of an edit: withdrawn.
    pub deleted: bool,
    /// A person's edit over the other records.
    pub edit: bool,
    /// When it was last changed; none if its source does not say.
    pub modified_at: Option<Timestamp>,
}

/// What one source record says about a field.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LineageStatement {
    /// Which record.
    pub source: LineageSource,
    /// What it says; null is "nothing", which an edit can say too.
    pub value: Value,
    /// If a person said it: when.
    pub edited_at: Option<Timestamp>,
    /// If a person said it: who.
    pub edited_by: Option<PersonRef>,
}

/// A statement that did not win.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LineageLoser {
    /// The statement.
    pub statement: LineageStatement,
    /// By which rule it lost.
    pub lost_by: String,
    /// The rule in a sentence.
    pub text: String,
}

/// What a computed value depends on: a field of the same record, or another record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LineageInput {
    /// The field.
    pub field: Option<String>,
    /// The record.
    pub source: Option<LineageSource>,
}

/// One field, explained.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LineageField {
    /// Its name, `custom.<name>` for custom fields.
    pub field: String,
    /// The value of the record.
    pub value: Value,
    /// Why it is this: a stable word.
    pub rule: String,
    /// The rule in a sentence.
    pub text: String,
    /// The statement that won; none for computed and empty fields.
    pub winner: Option<LineageStatement>,
    /// What the value was computed from.
    pub inputs: Vec<LineageInput>,
    /// The statements that lost, in order of precedence.
    pub losers: Vec<LineageLoser>,
}

/// Spells lineage for a reader.
pub(super) struct Speller<'a> {
    /// Whether the reader sees raw positions.
    positions: bool,
    directory: &'a Directory,
}

impl<'a> Speller<'a> {
    pub(super) fn new<P>(allowed: &Allowed<P>, directory: &'a Directory) -> Self {
        Self { positions: allowed.account.role.may(Permission::OpsRead), directory }
    }

    /// The raw events of a version; none for readers who do not see positions.
    pub(super) fn events(&self, version: &[RawPosition]) -> Option<Vec<RawEventRef>> {
        self.positions.then(|| version.iter().cloned().map(RawEventRef::from).collect())
    }

    pub(super) fn source(&self, facet: FacetId, source: &SourceRef, position: Position) -> LineageSource {
        let raw = RawPosition { instance: source.instance.clone(), position };
        LineageSource {
            facet: facet.to_string(),
            instance: source.instance.to_string(),
            object: source.object.to_string(),
            key: source.key.clone(),
            raw: self.positions.then(|| RawEventRef::from(raw)),
        }
    }

    pub(super) fn facet(&self, facet: &Facet) -> LineageFacet {
        LineageFacet {
            source: self.source(facet.id, &facet.source, facet.position),
            deleted: facet.deleted,
            edit: matches!(facet.body, FacetBody::OpportunityEdit(_)),
            modified_at: facet.source_modified,
        }
    }

    pub(super) fn field(&self, line: FieldLineage) -> LineageField {
        LineageField {
            field: line.field,
            value: line.value,
            rule: word(line.rule),
            text: line.rule.text().to_owned(),
            winner: line.winner.map(|winner| self.statement(winner)),
            inputs: line.inputs.into_iter().map(|input| self.input(input)).collect(),
            losers: line.losers.into_iter().map(|loser| self.loser(loser)).collect(),
        }
    }

    fn statement(&self, statement: Statement) -> LineageStatement {
        let EditMark { at, by } = match statement.edit {
            Some(mark) => mark,
            None => return self.said(statement, None, None),
        };
        let person = self.directory.person(by);
        self.said(statement, Some(at), person)
    }

    fn said(&self, statement: Statement, at: Option<Timestamp>, by: Option<PersonRef>) -> LineageStatement {
        let source = self.source(statement.facet, &statement.source, statement.position);
        LineageStatement { source, value: statement.value, edited_at: at, edited_by: by }
    }

    fn loser(&self, loser: Loser) -> LineageLoser {
        LineageLoser {
            statement: self.statement(loser.statement),
            lost_by: word(loser.lost_by),
            text: loser.lost_by.text().to_owned(),
        }
    }

    fn input(&self, input: Input) -> LineageInput {
        match input {
            Input::Field { name } => LineageInput { field: Some(name), source: None },
            Input::Facet { facet, source, position } => {
                LineageInput { field: None, source: Some(self.source(facet, &source, position)) }
            }
        }
    }
}

/// The rule's word, as the domain spells it.
fn word(rule: Rule) -> String {
    match serde_json::to_value(rule) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
