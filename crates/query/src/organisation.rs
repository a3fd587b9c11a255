//! The organisation as it is shown: who reports to whom on a day, by what that is known, and what gave way.
//!
//! Names, and who leads which team, are public by declaration. A person's place is shown to whoever may see the
//! person's records; the line above oneself by name alone.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use salescommand_domain::access::{Claim, Standing};
use salescommand_domain::audit::Details;
use salescommand_domain::canonical::{FacetId, ManagerEdge, ManagerEvidence};
use salescommand_store::{Error as StoreError, Query, ScopedReads, serving_collection};
use serde::Serialize;
use utoipa::ToSchema;

use crate::directories::{DIRECTORY, Directories};
use crate::directory::{Directory, PersonRef};
use crate::document;

/// By what a manager is known, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ManagerEvidence)]
pub enum Evidence {
    /// Somebody has said so in SalesCommand.
    Manual,
    /// A directory of people says so.
    Directory,
    /// A source of records says so.
    Source,
    /// Leads a team of which the person is a member.
    TeamLeader,
}

impl From<ManagerEvidence> for Evidence {
    fn from(evidence: ManagerEvidence) -> Self {
        match evidence {
            ManagerEvidence::Manual => Self::Manual,
            ManagerEvidence::Directory => Self::Directory,
            ManagerEvidence::Source => Self::Source,
            ManagerEvidence::TeamLeader => Self::TeamLeader,
        }
    }
}

/// A person and their place on a day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrgPerson {
    /// Golden id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Works with us, as far as sources say.
    pub active: bool,
    /// Who they report to; none: nobody.
    pub manager: Option<PersonRef>,
    /// By what that is known; none if nothing is.
    pub evidence: Option<Evidence>,
    /// Since when, if that was declared.
    pub from: Option<Date>,
    /// Until when, if that was declared.
    pub until: Option<Date>,
    /// How many report to them directly.
    #[schema(format = Int64)]
    pub reports: u64,
}

impl OrgPerson {
    /// A person's place in the tree of the directory's day; none for a stranger.
    pub(crate) fn new(directory: &Directory, person: FacetId) -> Option<Self> {
        let PersonRef { id, name } = directory.person(person)?;
        let holds = |claim: &&Claim| claim.standing == Standing::Holds;
        let claim = directory.tree.claims_of(person).iter().find(holds);
        Some(Self {
            id,
            name,
            active: directory.is_active(person),
            manager: directory.tree.manager_of(person).and_then(|manager| directory.person(manager)),
            evidence: claim.map(|claim| claim.evidence.into()),
            from: claim.and_then(|claim| claim.from),
            until: claim.and_then(|claim| claim.until),
            reports: directory.tree.reports_of(person).count() as u64,
        })
    }
}

/// People in the order of their names.
pub(crate) fn by_name(people: &mut [OrgPerson]) {
    people.sort_by_cached_key(|person| (person.name.to_lowercase(), person.id.clone()));
}

/// Why an edge cannot be: from which day on, and the line from the manager to the person, in words.
pub(crate) fn circle(directory: &Directory, edge: &ManagerEdge) -> Option<String> {
    let (day, line) = directory.circle(edge)?;
    let names: Vec<String> = line
        .iter()
        .map(|id| directory.person(*id).map_or_else(|| id.to_string(), |person| person.name))
        .collect();
    let (manager, person) = (names.first()?, names.last()?);
    let path = names.get(1..)?.join(", who reports to ");
    let ends = format!("{person} cannot report to {manager}.");
    Some(match path.as_str() {
        "" => format!("Nobody reports to themselves: {ends}"),
        path => format!("On {day}, {manager} reports to {path}: {ends}"),
    })
}

/// What the audit log says of an edge that somebody declares or takes back.
pub fn particulars(edge: &ManagerEdge) -> Details {
    let manager = edge.manager.map_or_else(|| "nobody".to_owned(), |manager| manager.to_string());
    Details::default().whom("manager", &manager).days(edge.from, edge.until)
}

/// The organisation as an operator's command looks at it.
#[derive(Debug, Clone)]
pub struct Organisation(Arc<Directory>);

/// A person of the tree, as a listing shows them.
#[derive(Debug, Clone, Serialize)]
pub struct TreeRow {
    /// How many are above, from where the listing begins.
    pub level: usize,
    /// The person.
    #[serde(flatten)]
    pub person: OrgPerson,
}

impl Organisation {
    /// The organisation at a moment; empty while nothing has been prepared.
    pub async fn read(store: &dyn ScopedReads, now: Timestamp) -> Result<Self, StoreError> {
        let active = store.active().await?;
        let generation = active.and_then(|active| active.serving.get(DIRECTORY).copied());
        let Some(generation) = generation else { return Ok(Self(Arc::default())) };
        let found = store.read_public(&serving_collection(DIRECTORY, generation), &Query::all()).await?;
        Ok(Self(Arc::new(Directory::build(document::read_all(&found)?, now))))
    }

    /// The same on another day.
    pub fn on(&self, day: Date) -> Self {
        Self(Arc::new(self.0.on(day)))
    }

    /// The day.
    pub fn day(&self) -> Date {
        self.0.day
    }

    /// The person that a record belongs to.
    pub fn person(&self, facet: FacetId) -> Option<PersonRef> {
        self.0.person(facet)
    }

    /// All records of a person.
    pub fn facets(&self, person: FacetId) -> &[FacetId] {
        self.0.tree.person_of(person).map(|person| self.0.tree.facets_of(person)).unwrap_or_default()
    }

    /// People of this name.
    pub fn named(&self, name: &str) -> Vec<PersonRef> {
        let same = self.0.names().filter(|(_, found)| found.eq_ignore_ascii_case(name));
        same.filter_map(|(id, _)| self.0.person(id)).collect()
    }

    /// Why an edge cannot be; none if it can.
    pub fn circle(&self, edge: &ManagerEdge) -> Option<String> {
        circle(&self.0, edge)
    }

    /// Edges that close circles and are refused for it, in words.
    pub fn refused(&self) -> Vec<String> {
        let name = |id| self.0.person(id).map_or_else(String::new, |person| person.name);
        let refused = self.0.tree.refused().iter();
        refused
            .map(|(person, manager)| format!("{} would report to {}", name(*person), name(*manager)))
            .collect()
    }

    /// The tree below a person, or all of it: each before those below, side by side in the order of names.
    pub fn rows(&self, under: Option<FacetId>) -> Vec<TreeRow> {
        let tree = &self.0.tree;
        let place = |ids: &mut dyn Iterator<Item = FacetId>| {
            let mut people: Vec<_> = ids.filter_map(|id| OrgPerson::new(&self.0, id)).collect();
            by_name(&mut people);
            people.reverse();
            people
        };
        let roots = match under.and_then(|facet| tree.person_of(facet)) {
            Some(root) => place(&mut std::iter::once(root)),
            None => place(&mut tree.people().filter(|person| tree.manager_of(*person).is_none())),
        };
        let mut open: Vec<_> = roots.into_iter().map(|person| (0, person)).collect();
        let mut rows = Vec::new();
        while let Some((level, person)) = open.pop() {
            if let Ok(id) = person.id.parse() {
                let below = place(&mut tree.reports_of(id));
                open.extend(below.into_iter().map(|person| (level + 1, person)));
            }
            rows.push(TreeRow { level, person });
        }
        rows
    }
}

/// Watches for circles in what is said of who reports to whom.
#[derive(Debug)]
pub struct Circles(Directories);

impl Circles {
    /// A watch over what is read.
    pub fn new(store: Arc<dyn ScopedReads>) -> Self {
        Self(Directories::new(store))
    }

    /// Whether something is refused at a moment because it would close a circle. Looks into the tree only when it has
    /// changed, or another day has begun.
    pub async fn any(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.0.present(now).await?.directory.tree.refused().is_empty())
    }
}
