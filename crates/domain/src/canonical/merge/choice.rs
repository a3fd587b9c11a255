//! The choice among the facets of one component: the only place that knows precedence.
//!
//! The same functions choose and, when somebody wants to know why, report what they chose; an explanation cannot
//! differ from the merge.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;
use serde_json::Value;

use super::Lookup;
use crate::canonical::{
    CalendarFacet, Custom, Facet, FacetBody, FacetId, FieldLineage, Input, Loser, Rule, Statement,
};
use crate::raw::{InstanceName, RawPosition};

/// Precedence of a facet; the smallest speaks first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Precedence {
    no_edit: bool,
    deleted: bool,
    configuration: bool,
    modified: Reverse<Option<Timestamp>>,
    id: FacetId,
}

impl Precedence {
    fn of(facet: &Facet) -> Self {
        Self {
            no_edit: !is_edit(facet),
            deleted: facet.deleted,
            configuration: facet.source.instance == InstanceName::config(),
            modified: Reverse(facet.source_modified),
            id: facet.id,
        }
    }

    /// The rule by which the smaller of two wins.
    fn rule(&self, other: &Self) -> Rule {
        if self.no_edit != other.no_edit {
            Rule::EditWins
        } else if self.deleted != other.deleted {
            Rule::ExistingBeforeDeleted
        } else if self.configuration != other.configuration {
            Rule::SourcePriority
        } else if self.modified != other.modified {
            Rule::MostRecent
        } else {
            Rule::SmallestId
        }
    }
}

/// Whether a facet is a person's edit of another facet.
pub(super) fn is_edit(facet: &Facet) -> bool {
    matches!(facet.body, FacetBody::OpportunityEdit(_))
}

/// The facets of a component, as they are heard.
pub(super) struct Panel<'f> {
    /// Heard, in order of precedence.
    speaking: Vec<&'f Facet>,
    /// Deleted in their sources while other sources still have the record: they say nothing any more.
    silenced: Vec<&'f Facet>,
}

impl<'f> Panel<'f> {
    /// None if there is no record beside edits. A withdrawn edit is not heard at all; edits of a deal alone.
    pub fn new(facets: &[&'f Facet]) -> Option<Self> {
        let mut heard: Vec<&Facet> =
            facets.iter().copied().filter(|facet| !(is_edit(facet) && facet.deleted)).collect();
        heard.sort_by_cached_key(|facet| Precedence::of(facet));
        let primary = *heard.iter().find(|facet| !is_edit(facet))?;
        if !matches!(primary.body, FacetBody::Opportunity(_)) {
            heard.retain(|facet| !is_edit(facet));
        }
        // What was deleted in one source says nothing any more while another source still has the record.
        let (silenced, speaking) = heard.into_iter().partition(|facet| facet.deleted && !primary.deleted);
        Some(Self { speaking, silenced })
    }

    /// Those that are heard, in order of precedence.
    pub fn speaking(&self) -> impl Iterator<Item = &'f Facet> + '_ {
        self.speaking.iter().copied()
    }

    /// All of them, heard or not.
    pub fn all(&self) -> impl Iterator<Item = &'f Facet> + '_ {
        self.speaking.iter().chain(&self.silenced).copied()
    }

    /// The first that is no edit: it decides what kind of record this is, and whose inbox it would go to.
    pub fn primary(&self) -> Option<&'f Facet> {
        self.speaking.iter().copied().find(|facet| !is_edit(facet))
    }
}

/// What the merge gathers: the chosen fields' evidence, and, if asked for, the reasons.
pub(super) struct Evidence<'f> {
    pub lookup: &'f dyn Lookup,
    pub panel: Panel<'f>,
    pub positions: BTreeSet<RawPosition>,
    pub flags: BTreeSet<&'static str>,
    /// Reference facets in the order of looking up; kept only for a report.
    looked_up: Vec<&'f Facet>,
    report: Option<Vec<FieldLineage>>,
}

impl<'f> Evidence<'f> {
    pub fn new(panel: Panel<'f>, lookup: &'f dyn Lookup, reporting: bool) -> Self {
        Self {
            lookup,
            panel,
            positions: BTreeSet::new(),
            flags: BTreeSet::new(),
            looked_up: Vec::new(),
            report: reporting.then(Vec::new),
        }
    }

    /// Counts a facet among what the record was made of.
    pub fn take(&mut self, facet: &Facet) {
        self.positions
            .insert(RawPosition { instance: facet.source.instance.clone(), position: facet.position });
    }

    /// Looks a reference up and counts it among what the record was made of.
    pub fn reference(&mut self, id: FacetId) -> Option<&'f Facet> {
        let found = self.lookup.facet(id)?;
        self.take(found);
        if self.report.is_some() {
            self.looked_up.push(found);
        }
        Some(found)
    }

    /// The reasons, by name of the field; empty if nobody wanted them.
    pub fn into_report(self) -> Vec<FieldLineage> {
        let mut fields = self.report.unwrap_or_default();
        fields.sort_by(|a, b| a.field.cmp(&b.field));
        fields
    }

    /// **The** choice: the first facet in order of precedence that says something gives the value.
    pub fn choose<T: Serialize>(
        &mut self,
        field: &'static str,
        says: impl Fn(&'f Facet) -> Option<T>,
    ) -> Option<T> {
        let found = self.panel.speaking.iter().find_map(|facet| says(facet));
        if self.report.is_some() {
            self.report_choice(field.to_owned(), says);
        }
        found
    }

    /// The manager alone has another order: SalesCommand's own configuration, last for other fields, is first, then the
    /// organisation's directory; the other sources follow in their order.
    pub fn choose_manager(&mut self, says: impl Fn(&'f Facet) -> Option<FacetId>) -> Option<FacetId> {
        let rank = |facet: &Facet| match &facet.body {
            _ if facet.source.instance == InstanceName::config() => Rule::ConfigurationFirst,
            FacetBody::User(user) if user.directory => Rule::DirectoryFirst,
            _ => Rule::MostRecent,
        };
        let order = [Rule::ConfigurationFirst, Rule::DirectoryFirst, Rule::MostRecent];
        let ranked = order.iter().flat_map(|wanted| {
            self.panel.speaking.iter().copied().filter(move |facet| rank(facet) == *wanted)
        });
        let ranked: Vec<&Facet> = ranked.filter(|facet| says(facet).is_some()).collect();
        if self.report.is_some() {
            let statements = self.statements("manager", &says);
            let first = ranked.first().copied();
            let at = statements
                .iter()
                .position(|(speaks, said, _)| *speaks && Some(said.facet) == first.map(|f| f.id));
            // Among equals the usual order decides.
            let by = first.map(rank).filter(|rule| {
                *rule == Rule::ConfigurationFirst || ranked.iter().any(|facet| rank(facet) != *rule)
            });
            self.reported("manager".to_owned(), statements, at, by.filter(|rule| *rule != Rule::MostRecent));
        }
        ranked.first().and_then(|facet| says(facet))
    }

    /// Each custom field is chosen by itself.
    pub fn choose_custom(&mut self, custom: impl Fn(&'f Facet) -> Option<&'f Custom>) -> Custom {
        let speaking = &self.panel.speaking;
        let chosen: Custom =
            speaking.iter().rev().filter_map(|facet| custom(facet)).flat_map(Clone::clone).collect();
        if self.report.is_some() {
            for name in chosen.keys() {
                self.report_choice(format!("custom.{name}"), |facet| custom(facet)?.get(name));
            }
        }
        chosen
    }

    /// A value that all facets make together: the best of what they say by some order.
    pub fn fold<T: Serialize + Ord>(
        &mut self,
        field: &'static str,
        rule: Rule,
        says: impl Fn(&'f Facet) -> Option<T>,
    ) -> Option<T> {
        let statements = self.panel.speaking.iter().filter_map(|facet| says(facet));
        let found = match rule {
            Rule::Earliest => statements.min(),
            _ => statements.max(),
        };
        if self.report.is_some() {
            let wanted = value_of(&found);
            let statements = self.statements(field, &says);
            let at =
                statements.iter().position(|(speaks, statement, _)| *speaks && statement.value == wanted);
            self.reported(field.to_owned(), statements, at, Some(rule));
        }
        found
    }

    /// A value that follows from other fields and from reference data. If the field was chosen before, the choice
    /// stays as its reason and gets the inputs.
    pub fn compute<T: Serialize>(
        &mut self,
        field: &'static str,
        inputs: &[&'static str],
        make: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mark = self.looked_up.len();
        let value = make(self);
        let references: Vec<&Facet> = self.looked_up.drain(mark..).collect();
        if let Some(report) = &mut self.report {
            let fields = inputs.iter().map(|name| Input::Field { name: (*name).to_owned() });
            let facets = references.iter().map(|facet| Input::Facet {
                facet: facet.id,
                source: facet.source.clone(),
                position: facet.position,
            });
            let mut inputs: Vec<Input> = Vec::new();
            for input in fields.chain(facets) {
                if !inputs.contains(&input) {
                    inputs.push(input);
                }
            }
            let value = value_of(&value);
            match report.iter_mut().find(|entry| entry.field == field) {
                Some(entry) => (entry.value, entry.inputs) = (value, inputs),
                None => report.push(FieldLineage {
                    field: field.to_owned(),
                    value,
                    rule: Rule::Computed,
                    winner: None,
                    inputs,
                    losers: Vec::new(),
                }),
            }
        }
        value
    }

    fn report_choice<T: Serialize>(&mut self, field: String, says: impl Fn(&'f Facet) -> Option<T>) {
        let statements = self.statements(&field, &says);
        let at = statements.iter().position(|(speaks, _, _)| *speaks);
        self.reported(field, statements, at, None);
    }

    /// Everything that is said about a field, whether it is heard, in order of precedence.
    fn statements<T: Serialize>(
        &self,
        field: &str,
        says: &impl Fn(&'f Facet) -> Option<T>,
    ) -> Vec<(bool, Statement, Precedence)> {
        let speaking = self.panel.speaking.iter().map(|facet| (true, *facet));
        let silenced = self.panel.silenced.iter().map(|facet| (false, *facet));
        let said = speaking.chain(silenced).filter_map(|(speaks, facet)| {
            let value = value_of(&says(facet)?);
            Some((speaks, statement(facet, field, value), Precedence::of(facet)))
        });
        said.collect()
    }

    /// Writes down the winner at a place among the statements, and what the others lost by.
    fn reported(
        &mut self,
        field: String,
        mut statements: Vec<(bool, Statement, Precedence)>,
        winner: Option<usize>,
        by: Option<Rule>,
    ) {
        let Some(report) = &mut self.report else { return };
        let winner = winner.map(|at| statements.remove(at));
        let losers: Vec<Loser> = statements
            .into_iter()
            .map(|(speaks, statement, precedence)| {
                let ranked = winner
                    .as_ref()
                    .map_or(Rule::ExistingBeforeDeleted, |(_, _, first)| first.rule(&precedence));
                Loser { statement, lost_by: by.filter(|_| speaks).unwrap_or(ranked) }
            })
            .collect();
        let rule = match (&winner, by, losers.first()) {
            (None, _, _) => Rule::NoStatement,
            (Some(_), _, None) => Rule::OnlyStatement,
            (Some(_), Some(by), Some(_)) => by,
            (Some(_), None, Some(next)) => next.lost_by,
        };
        let value = winner.as_ref().map_or(Value::Null, |(_, statement, _)| statement.value.clone());
        let winner = winner.map(|(_, statement, _)| statement);
        report.push(FieldLineage { field, value, rule, winner, inputs: Vec::new(), losers });
    }
}

/// The day of a moment in the reporting time zone; UTC until configured. The mapper has checked the name.
pub(super) fn local_day(at: Option<Timestamp>, evidence: &mut Evidence<'_>) -> Option<Date> {
    // Looked up even without a moment: which documents a record depends on must not vary with its content.
    let calendar = evidence.reference(CalendarFacet::source().facet_id());
    let zone = match calendar.map(|facet| &facet.body) {
        Some(FacetBody::Calendar(calendar)) => TimeZone::get(&calendar.time_zone).unwrap_or(TimeZone::UTC),
        _ => TimeZone::UTC,
    };
    at.map(|at| at.to_zoned(zone).date())
}

fn statement(facet: &Facet, field: &str, value: Value) -> Statement {
    let edit = match &facet.body {
        FacetBody::OpportunityEdit(edit) => edit.mark(field),
        _ => None,
    };
    Statement { facet: facet.id, source: facet.source.clone(), position: facet.stated_at(), value, edit }
}

/// The value for people and programs to read. What has no JSON form is no value of ours.
fn value_of<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
