//! The directory of a serving generation in memory: who reports to whom, and what things are called.
//!
//! Built from the projection's public documents and kept until its position moves.

use std::collections::{BTreeMap, BTreeSet};

use salescommand_domain::access::{OrgTree, Person, TeamEdge};
use salescommand_domain::canonical::{CalendarFacet, FacetId};
use salescommand_domain::raw::InstanceName;
use salescommand_domain::serving::{DirectoryEntry, DirectoryFact};
use serde::Serialize;
use utoipa::ToSchema;

/// A person, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonRef {
    /// Golden id.
    pub id: String,
    /// Display name.
    pub name: String,
}

/// A stage's name and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StageName {
    pub(crate) name: String,
    pub(crate) order: i64,
    pub(crate) source: InstanceName,
}

/// Names and the reporting tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    pub(crate) tree: OrgTree,
    pub(crate) calendar: CalendarFacet,
    people: BTreeMap<FacetId, String>,
    stages: BTreeMap<FacetId, StageName>,
    teams: BTreeMap<FacetId, String>,
    labels: BTreeMap<FacetId, String>,
    entries: BTreeSet<FacetId>,
}

impl Directory {
    pub(crate) fn build(entries: Vec<DirectoryEntry>) -> Self {
        let (mut directory, mut people, mut teams) = (Self::default(), Vec::new(), Vec::new());
        for DirectoryEntry { id, fact, .. } in entries {
            directory.entries.insert(id);
            match fact {
                DirectoryFact::Person { name, facets, manager, .. } => {
                    directory.people.insert(id, name);
                    people.push(Person { id, facets, manager });
                }
                DirectoryFact::Team { name, leader, members } => {
                    directory.teams.insert(id, name);
                    teams.push(TeamEdge { id, leader, members });
                }
                DirectoryFact::Stage { name, order, source, .. } => {
                    directory.stages.insert(id, StageName { name, order, source });
                }
                DirectoryFact::Label { name } => {
                    directory.labels.insert(id, name);
                }
                DirectoryFact::Company { .. } => {}
                DirectoryFact::Calendar(calendar) => directory.calendar = calendar,
            }
        }
        directory.tree = OrgTree::build(&people, &teams);
        directory
    }

    /// The person that a facet belongs to; none if nobody knows it.
    pub(crate) fn person(&self, facet: FacetId) -> Option<PersonRef> {
        let id = self.tree.person_of(facet)?;
        let name = self.people.get(&id)?.clone();
        Some(PersonRef { id: id.to_string(), name })
    }

    /// Whether there is an entry with this id.
    pub(crate) fn knows(&self, id: FacetId) -> bool {
        self.entries.contains(&id)
    }

    /// A label's name; none while nobody knows it, and once it is deleted.
    pub(crate) fn label(&self, facet: FacetId) -> Option<&str> {
        self.labels.get(&facet).map(String::as_str)
    }

    /// A team's name.
    pub(crate) fn team(&self, facet: FacetId) -> Option<&str> {
        self.teams.get(&facet).map(String::as_str)
    }

    /// A stage's name and place.
    pub(crate) fn stage(&self, facet: FacetId) -> Option<&StageName> {
        self.stages.get(&facet)
    }
}
