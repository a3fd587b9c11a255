//! The reporting tree of a day, and the one function that turns a user into a scope.
//!
//! Who somebody reports to may be said by several: see [`ManagerEvidence`] for who goes before whom. The strongest
//! that holds on the day decides; of two equally strong ones the one that began later, then the one with the smallest
//! id. What closes a circle with what is at least as strong is refused, and the next one that says something about the
//! person is heard, so one wrong record never takes more than itself away. The tree is a function of what is said and
//! of the day: the order in which it is given, or became known, does not matter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{Role, Scope, ScopeKey};
use crate::canonical::{FacetId, ManagerEdge, ManagerEvidence};

/// A golden user, as far as visibility is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The golden id.
    pub id: FacetId,
    /// All facets: records are owned by facets.
    pub facets: Vec<FacetId>,
    /// A facet of the manager, if a source names one.
    pub manager: Option<FacetId>,
}

/// A team, as far as visibility is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamEdge {
    /// The team's facet.
    pub id: FacetId,
    /// A facet of the leader.
    pub leader: Option<FacetId>,
    /// Facets of the members.
    pub members: Vec<FacetId>,
}

/// A manager edge and the record that declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredEdge {
    /// The record.
    pub id: FacetId,
    /// What it says.
    pub edge: ManagerEdge,
}

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It is so.
    Holds,
    /// Something stronger holds.
    Overridden,
    /// It would close a circle.
    Refused,
}

/// What somebody says about a person's manager, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The manager's golden id; none: nobody.
    pub manager: Option<FacetId>,
    /// Who says so.
    pub evidence: ManagerEvidence,
    /// The edge's record, or the team; none for what the person's own records say.
    pub by: Option<FacetId>,
    /// The first day, if there is one.
    pub from: Option<Date>,
    /// The last day, if there is one.
    pub until: Option<Date>,
    /// What becomes of it.
    pub standing: Standing,
}

/// Who reports to whom on a day.
#[derive(Debug, Clone, Default)]
pub struct OrgTree {
    facets: BTreeMap<FacetId, Vec<FacetId>>,
    golden: BTreeMap<FacetId, FacetId>,
    manager: BTreeMap<FacetId, FacetId>,
    reports: BTreeMap<FacetId, BTreeSet<FacetId>>,
    led: BTreeMap<FacetId, BTreeSet<FacetId>>,
    claims: BTreeMap<FacetId, Vec<Claim>>,
    refused: Vec<(FacetId, FacetId)>,
}

impl OrgTree {
    /// The tree where nobody has declared anything. Order of the arguments does not matter.
    pub fn build(people: &[Person], teams: &[TeamEdge]) -> Self {
        Self::on(Date::default(), people, teams, &[])
    }

    /// The tree of a day. Order of the arguments does not matter.
    pub fn on(day: Date, people: &[Person], teams: &[TeamEdge], edges: &[DeclaredEdge]) -> Self {
        let mut tree = Self::default();
        for person in people {
            tree.facets.insert(person.id, person.facets.clone());
            tree.golden.extend(person.facets.iter().map(|facet| (*facet, person.id)));
        }
        let mut said = tree.named(people);
        said.extend(tree.led_by(teams));
        said.extend(
            edges.iter().filter(|declared| declared.edge.holds_on(day)).filter_map(|d| tree.declared(d)),
        );
        said.sort_by_key(|(person, claim)| {
            (claim.evidence, *person, Reverse(claim.from), claim.by, claim.manager)
        });
        let mut settled = BTreeSet::new();
        for (person, claim) in said {
            tree.hear(person, claim, &mut settled);
        }
        for team in teams {
            if let Some(leader) = team.leader.and_then(|leader| tree.golden.get(&leader).copied()) {
                tree.led.entry(leader).or_default().insert(team.id);
            }
        }
        tree
    }

    /// What sources say of the people themselves. A manager whom nobody knows is none.
    fn named(&self, people: &[Person]) -> Vec<(FacetId, Claim)> {
        let named = people.iter().filter_map(|person| {
            let manager = self.person_of(person.manager?)?;
            Some((person.id, Claim::new(Some(manager), ManagerEvidence::Source)))
        });
        named.collect()
    }

    /// What follows from who leads which team.
    fn led_by(&self, teams: &[TeamEdge]) -> Vec<(FacetId, Claim)> {
        let mut led = Vec::new();
        for team in teams {
            let Some(leader) = team.leader.and_then(|leader| self.person_of(leader)) else { continue };
            let members: BTreeSet<_> =
                team.members.iter().filter_map(|member| self.person_of(*member)).collect();
            led.extend(members.into_iter().filter(|member| *member != leader).map(|member| {
                let claim = Claim::new(Some(leader), ManagerEvidence::TeamLeader);
                (member, Claim { by: Some(team.id), ..claim })
            }));
        }
        led
    }

    /// What somebody has declared; none if it names somebody whom nobody knows.
    fn declared(&self, declared: &DeclaredEdge) -> Option<(FacetId, Claim)> {
        let edge = &declared.edge;
        let manager = match edge.manager {
            Some(manager) => Some(self.person_of(manager)?),
            None => None,
        };
        let claim = Claim::new(manager, edge.evidence);
        let claim = Claim { by: Some(declared.id), from: edge.from, until: edge.until, ..claim };
        Some((self.person_of(edge.person)?, claim))
    }

    /// Takes what is said about a person, unless something stronger holds or it would close a circle.
    fn hear(&mut self, person: FacetId, mut claim: Claim, settled: &mut BTreeSet<FacetId>) {
        claim.standing = match claim.manager {
            _ if settled.contains(&person) => Standing::Overridden,
            Some(manager) if self.line(manager).contains(&person) => {
                self.refused.push((person, manager));
                Standing::Refused
            }
            Some(manager) => {
                self.manager.insert(person, manager);
                self.reports.entry(manager).or_default().insert(person);
                settled.insert(person);
                Standing::Holds
            }
            None => {
                settled.insert(person);
                Standing::Holds
            }
        };
        self.claims.entry(person).or_default().push(claim);
    }

    /// Edges (person, manager) that were refused because they close a circle, in the order of their strength.
    pub fn refused(&self) -> &[(FacetId, FacetId)] {
        &self.refused
    }

    /// Everybody, by golden id.
    pub fn people(&self) -> impl Iterator<Item = FacetId> + '_ {
        self.facets.keys().copied()
    }

    /// The golden id of a person's facet.
    pub fn person_of(&self, facet: FacetId) -> Option<FacetId> {
        self.golden.get(&facet).copied()
    }

    /// All facets of a person, by golden id; none for a stranger.
    pub fn facets_of(&self, person: FacetId) -> &[FacetId] {
        self.facets.get(&person).map(Vec::as_slice).unwrap_or_default()
    }

    /// The manager of a person, by golden ids.
    pub fn manager_of(&self, person: FacetId) -> Option<FacetId> {
        self.manager.get(&person).copied()
    }

    /// Who reports to a person directly, by golden ids.
    pub fn reports_of(&self, person: FacetId) -> impl Iterator<Item = FacetId> + '_ {
        self.reports.get(&person).into_iter().flatten().copied()
    }

    /// All that is said about a person's manager on the day, the strongest first.
    pub fn claims_of(&self, person: FacetId) -> &[Claim] {
        self.claims.get(&person).map(Vec::as_slice).unwrap_or_default()
    }

    /// A person, their manager, that one's manager, and so on to the top.
    pub fn line(&self, person: FacetId) -> Vec<FacetId> {
        std::iter::successors(Some(person), |at| self.manager.get(at).copied()).collect()
    }

    /// What [`Self::scope_with`] gives to whom nobody delegates anything.
    pub fn scope(&self, role: Role, person: Option<FacetId>) -> Scope {
        self.scope_with(role, person, &[])
    }

    /// **The** scope function: everything for roles that see everything; otherwise the records of the person and of
    /// those who delegate to them, of everyone below any of these, and the inboxes of the teams that all these lead. A
    /// user who is no known person sees nothing of their own. What is delegated is a place in the tree: never what was
    /// delegated to the delegator, and never the delegator's role.
    pub fn scope_with(&self, role: Role, person: Option<FacetId>, delegators: &[FacetId]) -> Scope {
        if role.sees_everything() {
            return Scope::all(self.facets.len());
        }
        let mut below = BTreeSet::new();
        self.add_subtrees(person.as_slice(), &mut below);
        let own = below.len();
        self.add_subtrees(delegators, &mut below);
        let mut keys = BTreeSet::new();
        for person in &below {
            keys.extend(self.facets.get(person).into_iter().flatten().map(|facet| ScopeKey::owner(*facet)));
            keys.extend(self.led.get(person).into_iter().flatten().map(|team| ScopeKey::team(*team)));
        }
        Scope::of(keys, below.len(), below.len() - own)
    }

    /// Adds people and everyone below them.
    fn add_subtrees(&self, roots: &[FacetId], below: &mut BTreeSet<FacetId>) {
        let mut open: Vec<FacetId> = roots.iter().filter_map(|facet| self.person_of(*facet)).collect();
        while let Some(at) = open.pop() {
            if below.insert(at) {
                open.extend(self.reports.get(&at).into_iter().flatten());
            }
        }
    }
}

impl Claim {
    fn new(manager: Option<FacetId>, evidence: ManagerEvidence) -> Self {
        Self { manager, evidence, by: None, from: None, until: None, standing: Standing::Holds }
    }
}

#[cfg(test)]
mod tests;
