//! The reporting tree, and the one function that turns a user into a scope.
//!
//! A person's manager is the one named by SalesCommand's configuration or by a source, else the leader of the
//! team they are a member of. An edge that would close a cycle is refused; the rest of the tree stands.

use std::collections::{BTreeMap, BTreeSet};

use super::{Role, Scope, ScopeKey, ScopeKind};
use crate::canonical::FacetId;

/// A golden user, as far as visibility is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The golden id.
    pub id: FacetId,
    /// All facets: records are owned by facets.
    pub facets: Vec<FacetId>,
    /// A facet of the manager, if one is named.
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

/// Who reports to whom.
#[derive(Debug, Clone, Default)]
pub struct OrgTree {
    facets: BTreeMap<FacetId, Vec<FacetId>>,
    golden: BTreeMap<FacetId, FacetId>,
    manager: BTreeMap<FacetId, FacetId>,
    reports: BTreeMap<FacetId, BTreeSet<FacetId>>,
    led: BTreeMap<FacetId, BTreeSet<FacetId>>,
    refused: Vec<(FacetId, FacetId)>,
}

impl OrgTree {
    /// Builds the tree. Order of the arguments does not matter.
    pub fn build(people: &[Person], teams: &[TeamEdge]) -> Self {
        let mut tree = Self::default();
        for person in people {
            tree.facets.insert(person.id, person.facets.clone());
            tree.golden.extend(person.facets.iter().map(|facet| (*facet, person.id)));
        }
        let mut teams: Vec<_> = teams.iter().collect();
        teams.sort_by_key(|team| team.id);
        for (person, manager) in tree.wanted_edges(people, &teams) {
            tree.add_edge(person, manager);
        }
        for team in teams {
            if let Some(leader) = team.leader.and_then(|leader| tree.golden.get(&leader).copied()) {
                tree.led.entry(leader).or_default().insert(team.id);
            }
        }
        tree
    }

    /// Named managers first, in order of person, then team leaders for those without one.
    fn wanted_edges(&self, people: &[Person], teams: &[&TeamEdge]) -> Vec<(FacetId, FacetId)> {
        let golden = |facet: Option<FacetId>| facet.and_then(|facet| self.golden.get(&facet).copied());
        let named: BTreeMap<_, _> =
            people.iter().filter_map(|person| Some((person.id, golden(person.manager)?))).collect();
        let mut by_team = BTreeMap::new();
        for team in teams {
            let Some(leader) = golden(team.leader) else { continue };
            for member in team.members.iter().filter_map(|member| golden(Some(*member))) {
                if member != leader && !named.contains_key(&member) {
                    by_team.entry(member).or_insert(leader);
                }
            }
        }
        named.into_iter().chain(by_team).collect()
    }

    fn add_edge(&mut self, person: FacetId, manager: FacetId) {
        let mut above = Some(manager);
        while let Some(at) = above {
            if at == person {
                self.refused.push((person, manager));
                return;
            }
            above = self.manager.get(&at).copied();
        }
        self.manager.insert(person, manager);
        self.reports.entry(manager).or_default().insert(person);
    }

    /// Edges (person, manager) that were refused because they close a cycle.
    pub fn refused(&self) -> &[(FacetId, FacetId)] {
        &self.refused
    }

    /// The golden id of a person's facet.
    pub fn person_of(&self, facet: FacetId) -> Option<FacetId> {
        self.golden.get(&facet).copied()
    }

    /// All facets of a person, by golden id; none for a stranger.
    pub fn facets_of(&self, person: FacetId) -> &[FacetId] {
        self.facets.get(&person).map(Vec::as_slice).unwrap_or_default()
    }

    /// **The** scope function: everything for roles that see everything; otherwise the records of the person,
    /// of everyone below them, and the inboxes of the teams those lead. A user who is no known person sees nothing.
    pub fn scope(&self, role: Role, person: Option<FacetId>) -> Scope {
        if role.sees_everything() {
            return Scope { kind: ScopeKind::All, keys: BTreeSet::new(), people: self.facets.len() };
        }
        let mut below = BTreeSet::new();
        let mut open: Vec<FacetId> = person.and_then(|facet| self.person_of(facet)).into_iter().collect();
        while let Some(at) = open.pop() {
            if below.insert(at) {
                open.extend(self.reports.get(&at).into_iter().flatten());
            }
        }
        let mut keys = BTreeSet::new();
        for person in &below {
            keys.extend(self.facets.get(person).into_iter().flatten().map(|facet| ScopeKey::owner(*facet)));
            keys.extend(self.led.get(person).into_iter().flatten().map(|team| ScopeKey::team(*team)));
        }
        let kind = if below.len() > 1 { ScopeKind::Team } else { ScopeKind::Own };
        Scope { kind, keys, people: below.len() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id(number: u8) -> FacetId {
        FacetId(Uuid::from_u128(u128::from(number)))
    }

    fn person(number: u8, manager: Option<u8>) -> Person {
        Person { id: id(number), facets: vec![id(number), id(number + 100)], manager: manager.map(id) }
    }

    fn sees(tree: &OrgTree, viewer: u8, owner: u8) -> bool {
        tree.scope(Role::AccountManager, Some(id(viewer))).allows(&ScopeKey::owner(id(owner)))
    }

    #[test]
    fn a_manager_sees_all_below_and_nobody_beside_or_above() {
        let tree = OrgTree::build(
            &[person(1, None), person(2, Some(1)), person(3, Some(102)), person(4, Some(1))],
            &[],
        );
        assert!(sees(&tree, 1, 3) && sees(&tree, 2, 3) && sees(&tree, 2, 103) && sees(&tree, 102, 3));
        assert!(!sees(&tree, 3, 2) && !sees(&tree, 4, 2) && !sees(&tree, 2, 1) && !sees(&tree, 2, 4));
        let scope = tree.scope(Role::AccountManager, Some(id(2)));
        assert_eq!((scope.kind(), scope.people()), (ScopeKind::Team, 2));
    }

    #[test]
    fn a_team_leader_manages_members_without_a_named_manager_and_reads_the_inbox() {
        let team = TeamEdge { id: id(50), leader: Some(id(2)), members: vec![id(2), id(3), id(4)] };
        let tree =
            OrgTree::build(&[person(1, None), person(2, None), person(3, None), person(4, Some(1))], &[team]);
        assert!(sees(&tree, 2, 3) && !sees(&tree, 2, 4) && sees(&tree, 1, 4));
        assert!(tree.scope(Role::SalesUser, Some(id(2))).allows(&ScopeKey::team(id(50))));
        assert!(!tree.scope(Role::SalesUser, Some(id(3))).allows(&ScopeKey::team(id(50))));
    }

    #[test]
    fn a_cycle_is_refused_and_the_rest_stands() {
        let tree = OrgTree::build(&[person(1, Some(3)), person(2, Some(1)), person(3, Some(2))], &[]);
        assert_eq!(tree.refused().len(), 1);
        assert!(!sees(&tree, 2, 1) || !sees(&tree, 1, 2));
    }

    #[test]
    fn strangers_see_nothing_and_chiefs_everything() {
        let tree = OrgTree::build(&[person(1, None)], &[]);
        let stranger = tree.scope(Role::SalesUser, Some(id(77)));
        assert!(!stranger.allows(&ScopeKey::owner(id(1))) && !stranger.allows(&ScopeKey::public()));
        assert!(tree.scope(Role::Executive, None).allows(&ScopeKey::owner(id(99))));
    }

    proptest! {
        #[test]
        fn seeing_is_transitive_and_never_mutual(managers in prop::collection::vec(prop::option::of(0u8..20), 20)) {
            let people: Vec<_> = managers.iter().enumerate().map(|(index, manager)| person(index as u8, *manager)).collect();
            let tree = OrgTree::build(&people, &[]);
            for a in 0..20 {
                prop_assert!(sees(&tree, a, a));
                for b in 0..20 {
                    prop_assert!(a == b || !(sees(&tree, a, b) && sees(&tree, b, a)));
                    for c in 0..20 {
                        prop_assert!(!(sees(&tree, a, b) && sees(&tree, b, c)) || sees(&tree, a, c));
                    }
                }
            }
        }
    }
}
