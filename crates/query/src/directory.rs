//! The directory of a serving generation in memory: who reports to whom, and what things are called.
//!
//! Built from the projection's public documents and kept until its position moves; the tree is that of the day of the
//! request in the reporting calendar, and made anew when another day begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use salescommand_domain::access::{DeclaredEdge, OrgTree, Person, Role, Scope, TeamEdge};
use salescommand_domain::canonical::{CalendarFacet, DirectoryAccount, FacetId, ManagerEdge};
use salescommand_domain::raw::InstanceName;
use salescommand_domain::serving::{DirectoryEntry, DirectoryFact};
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::DirectoryObject;
use crate::scopes::Scopes;

/// On how many days it is looked whether an edge would close a circle.
const MOST_DAYS: usize = 64;

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
    /// The day of the tree.
    pub(crate) day: Date,
    said: Arc<Said>,
    people: BTreeMap<FacetId, String>,
    stages: BTreeMap<FacetId, StageName>,
    teams: BTreeMap<FacetId, String>,
    labels: BTreeMap<FacetId, String>,
    /// People who work with us no more, as far as sources say.
    gone: BTreeSet<FacetId>,
    entries: BTreeSet<FacetId>,
    /// The accounts that the organisation's directory has of people, as far as it has any.
    accounts: Arc<BTreeMap<FacetId, Vec<DirectoryAccount>>>,
    scopes: Scopes,
}

/// What trees are made of, whatever the day.
#[derive(Debug, Default)]
struct Said {
    people: Vec<Person>,
    teams: Vec<TeamEdge>,
    edges: Vec<DeclaredEdge>,
}

impl Directory {
    pub(crate) fn build(entries: Vec<DirectoryEntry>, now: Timestamp) -> Self {
        let (mut directory, mut said, mut known) = (Self::default(), Said::default(), BTreeMap::new());
        for DirectoryEntry { id, fact, .. } in entries {
            directory.entries.insert(id);
            match fact {
                DirectoryFact::Person { name, active, facets, manager, accounts } => {
                    if !active {
                        directory.gone.insert(id);
                    }
                    if !accounts.is_empty() {
                        known.insert(id, accounts);
                    }
                    directory.people.insert(id, name);
                    said.people.push(Person { id, facets, manager });
                }
                DirectoryFact::Team { name, leader, members } => {
                    directory.teams.insert(id, name);
                    said.teams.push(TeamEdge { id, leader, members });
                }
                DirectoryFact::Stage { name, order, source, .. } => {
                    directory.stages.insert(id, StageName { name, order, source });
                }
                DirectoryFact::Label { name } => {
                    directory.labels.insert(id, name);
                }
                DirectoryFact::Company { .. } => {}
                DirectoryFact::Calendar(calendar) => directory.calendar = calendar,
                DirectoryFact::ManagerEdge(edge) => said.edges.push(DeclaredEdge { id, edge }),
            }
        }
        directory.day = directory.calendar.day_of(now);
        directory.tree = OrgTree::on(directory.day, &said.people, &said.teams, &said.edges);
        (directory.said, directory.accounts) = (Arc::new(said), Arc::new(known));
        directory
    }

    /// The same on another day.
    pub(crate) fn on(&self, day: Date) -> Self {
        let Said { people, teams, edges } = &*self.said;
        Self { tree: OrgTree::on(day, people, teams, edges), day, ..self.clone() }
    }

    /// What somebody may read, on the day of the tree.
    pub(crate) fn scope(&self, role: Role, person: FacetId, delegators: Vec<FacetId>) -> Arc<Scope> {
        self.scopes.of(&self.tree, role, person, delegators)
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

    /// Everybody's name, by golden id.
    pub(crate) fn names(&self) -> impl Iterator<Item = (FacetId, &str)> {
        self.people.iter().map(|(id, name)| (*id, name.as_str()))
    }

    /// Whether a person works with us, as far as sources say.
    pub(crate) fn is_active(&self, person: FacetId) -> bool {
        !self.gone.contains(&person)
    }

    /// Whether the organisation's directory keeps an account out: by the records whose owners sign in to it, as far as they are
    /// known; else by all that the directory has of its person.
    pub(crate) fn keeps_out(&self, person: FacetId, own: &[DirectoryObject]) -> bool {
        let person = self.tree.person_of(person);
        let Some(accounts) = person.and_then(|person| self.accounts.get(&person)) else { return false };
        let keys: Vec<_> = own.iter().filter_map(DirectoryObject::key).collect();
        let its: Vec<_> = accounts.iter().filter(|account| keys.contains(&account.key)).collect();
        if its.is_empty() {
            accounts.iter().all(|account| !account.enabled)
        } else {
            its.iter().all(|account| !account.enabled)
        }
    }

    /// The people of whom the directory has an account that may not be used.
    pub(crate) fn with_closed_accounts(&self) -> BTreeSet<FacetId> {
        let closed = |accounts: &[DirectoryAccount]| accounts.iter().any(|account| !account.enabled);
        self.accounts.iter().filter(|(_, accounts)| closed(accounts)).map(|(person, _)| *person).collect()
    }

    /// The records of a person.
    pub(crate) fn records_of(&self, person: FacetId) -> Vec<FacetId> {
        let found = self.said.people.iter().find(|found| found.id == person);
        found.map(|found| found.facets.clone()).unwrap_or_default()
    }

    /// The teams, with their leaders and members.
    pub(crate) fn team_edges(&self) -> &[TeamEdge] {
        &self.said.teams
    }

    /// What somebody has declared, whatever its days.
    pub(crate) fn edges(&self) -> &[DeclaredEdge] {
        &self.said.edges
    }

    /// The first day, today or later, on which an edge would close a circle, and the line from the manager up to the
    /// person on that day. The line changes only where a declared edge begins or ends, so those days are looked at; not
    /// more than [`MOST_DAYS`] of them, since the tree refuses a circle whatever was declared.
    pub(crate) fn circle(&self, edge: &ManagerEdge) -> Option<(Date, Vec<FacetId>)> {
        let (person, manager) = (self.tree.person_of(edge.person)?, self.tree.person_of(edge.manager?)?);
        let first = edge.from.map_or(self.day, |from| from.max(self.day));
        let borders = self.said.edges.iter().flat_map(|declared| {
            let after = declared.edge.until.and_then(|until| until.tomorrow().ok());
            [declared.edge.from, after]
        });
        let mut days: BTreeSet<Date> = borders.flatten().chain([first]).collect();
        days.retain(|day| first <= *day && edge.until.is_none_or(|until| *day <= until));
        days.into_iter().take(MOST_DAYS).find_map(|day| {
            let line =
                if day == self.day { self.tree.line(manager) } else { self.on(day).tree.line(manager) };
            let end = line.iter().position(|at| *at == person)?;
            Some((day, line.into_iter().take(end + 1).collect()))
        })
    }
}
