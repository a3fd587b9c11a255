//! Who reports to whom, and who sees whom.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::access::ScopeKind;

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
    let tree =
        OrgTree::build(&[person(1, None), person(2, Some(1)), person(3, Some(102)), person(4, Some(1))], &[]);
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

/// What is said: who, whom, by what, from and until which day of 2026.
type Said = (u8, Option<u8>, ManagerEvidence, Option<u8>, Option<u8>);

fn day(number: u8) -> Date {
    Date::constant(2026, 1, 1).checked_add(jiff::Span::new().days(i64::from(number))).unwrap()
}

/// An edge for each that is said, with ids that do not follow the order of people.
fn edges(said: &[Said]) -> Vec<DeclaredEdge> {
    let edge = |(index, (who, whom, evidence, from, until)): (usize, &Said)| {
        let (person, manager) = (id(*who), whom.map(id));
        let (from, until) = (from.map(day), until.map(day));
        let edge = ManagerEdge { person, manager, evidence: *evidence, from, until };
        DeclaredEdge { id: id(200u8.wrapping_sub(index as u8)), edge }
    };
    said.iter().enumerate().map(edge).collect()
}

fn managers(tree: &OrgTree) -> Vec<Option<FacetId>> {
    (0..20).map(|person| tree.manager_of(id(person))).collect()
}

#[test]
fn who_says_it_decides_and_the_rest_is_kept_as_overridden() {
    use ManagerEvidence::{Directory, Manual, Source, TeamLeader};
    let people: Vec<_> = (0..20).map(|number| person(number, (number == 9).then_some(3))).collect();
    let team = TeamEdge { id: id(50), leader: Some(id(4)), members: vec![id(9), id(8)] };
    let teams = [team];
    let mut said: Vec<Said> = Vec::new();
    let mut manager = |more: Option<Said>| {
        said.extend(more);
        let tree = OrgTree::on(day(5), &people, &teams, &edges(&said));
        let standing = |claim: &Claim| (claim.evidence, claim.standing);
        (tree.manager_of(id(9)), tree.claims_of(id(9)).iter().map(standing).collect::<Vec<_>>())
    };
    let (holds, over) = (Standing::Holds, Standing::Overridden);
    assert_eq!(manager(None), (Some(id(3)), vec![(Source, holds), (TeamLeader, over)]));
    let directory = (9, Some(2), Directory, None, None);
    assert_eq!(manager(Some(directory)).0, Some(id(2)));
    let ever = (9, Some(1), Manual, None, None);
    assert_eq!(
        manager(Some(ever)),
        (Some(id(1)), vec![(Manual, holds), (Directory, over), (Source, over), (TeamLeader, over)])
    );
    assert_eq!(manager(Some((9, Some(5), Manual, Some(3), Some(5)))).0, Some(id(5)), "what began later");
    assert_eq!(manager(Some((9, None, Manual, Some(4), Some(5)))).0, None, "nobody is an answer, too");
    assert_eq!(manager(Some((9, Some(7), Manual, Some(6), None))).0, None, "not yet");
    assert_eq!(
        manager(Some((9, Some(99), Manual, Some(5), None))).0,
        None,
        "whom nobody knows is no manager"
    );
}

#[test]
fn a_source_that_closes_a_circle_gives_way_to_what_was_declared() {
    let people = [person(1, Some(2)), person(2, None), person(3, None)];
    let team = TeamEdge { id: id(50), leader: Some(id(3)), members: vec![id(1)] };
    let edges = edges(&[(2, Some(1), ManagerEvidence::Manual, None, None)]);
    let tree = OrgTree::on(day(0), &people, &[team], &edges);
    assert_eq!(tree.refused(), [(id(1), id(2))]);
    assert_eq!(tree.line(id(2)), [id(2), id(1), id(3)], "the next who says something is heard");
    assert_eq!(tree.claims_of(id(1))[0].standing, Standing::Refused);
}

#[test]
fn what_is_delegated_is_a_place_and_nothing_that_was_delegated() {
    let team = TeamEdge { id: id(50), leader: Some(id(2)), members: vec![id(3)] };
    let people = [person(1, None), person(2, Some(1)), person(3, None), person(4, None), person(5, Some(4))];
    let tree = OrgTree::build(&people, &[team]);
    let both = tree.scope_with(Role::SalesUser, Some(id(4)), &[id(102)]);
    for seen in [2, 3, 4, 5] {
        assert!(both.allows(&ScopeKey::owner(id(seen))), "{seen}");
    }
    assert!(both.allows(&ScopeKey::team(id(50))) && !both.allows(&ScopeKey::owner(id(1))));
    assert_eq!((both.kind(), both.people(), both.delegated()), (ScopeKind::Team, 4, 2));
    // Whoever is delegated to delegates only what is theirs.
    let next = tree.scope_with(Role::SalesUser, Some(id(1)), &[id(4)]);
    assert_eq!(next.keys(), tree.scope_with(Role::SalesUser, None, &[id(1), id(4)]).keys());
    assert_eq!(
        tree.scope_with(Role::SalesUser, Some(id(5)), &[id(5)]),
        tree.scope(Role::SalesUser, Some(id(5)))
    );
    assert_eq!(
        tree.scope_with(Role::SalesUser, Some(id(5)), &[id(77)]).people(),
        1,
        "strangers delegate nothing"
    );
    // Disjoint roots or one above the other: nobody is counted twice.
    assert_eq!(tree.scope_with(Role::SalesUser, Some(id(2)), &[id(1)]).people(), 3);
}

/// Random claims about twenty people: managers that sources name, and edges with and without days.
fn random() -> impl Strategy<Value = (Vec<Option<u8>>, Vec<Said>)> {
    let evidence = prop_oneof![Just(ManagerEvidence::Manual), Just(ManagerEvidence::Directory)];
    let days = || prop::option::of(0u8..10);
    let said = (0u8..20, prop::option::weighted(0.9, 0u8..20), evidence, days(), days());
    (prop::collection::vec(prop::option::of(0u8..20), 20), prop::collection::vec(said, 0..30))
}

fn employed(named: &[Option<u8>]) -> Vec<Person> {
    named.iter().enumerate().map(|(index, manager)| person(index as u8, *manager)).collect()
}

proptest! {
    #[test]
    fn refused_is_only_what_closes_a_circle((named, said) in random(), today in 0u8..10) {
        let tree = OrgTree::on(day(today), &employed(&named), &[], &edges(&said));
        for (person, manager) in tree.refused() {
            prop_assert!(tree.line(*manager).contains(person), "the tree stands, and would be a circle with it");
        }
        for person in tree.people() {
            let claims = tree.claims_of(person);
            let strongest = claims.iter().find(|claim| claim.standing != Standing::Refused);
            prop_assert_eq!(strongest.and_then(|claim| claim.manager), tree.manager_of(person));
            prop_assert!(strongest.is_none_or(|claim| claim.standing == Standing::Holds));
            prop_assert!(claims.is_sorted_by_key(|claim| claim.evidence));
            for a in 0..20 {
                prop_assert!(id(a) == person || !(tree.line(person).contains(&id(a)) && tree.line(id(a)).contains(&person)));
            }
        }
    }

    #[test]
    fn what_is_refused_is_refused_for_what_is_as_strong((named, said) in random(), today in 0u8..10) {
        let tree = OrgTree::on(day(today), &employed(&named), &[], &edges(&said));
        for person in tree.people() {
            for claim in tree.claims_of(person) {
                let manager = claim.manager.filter(|_| claim.standing == Standing::Refused);
                let Some(manager) = manager else { continue };
                let line = tree.line(manager);
                let up_to_person = line.iter().take_while(|at| **at != person);
                let mut deciding = up_to_person.filter_map(|at| {
                    tree.claims_of(*at).iter().find(|claim| claim.standing == Standing::Holds)
                });
                prop_assert!(deciding.all(|deciding| deciding.evidence <= claim.evidence));
            }
            // Of what is equally strong, what began later comes first; and nothing that is said gets lost.
            let order = |claim: &Claim| (claim.evidence, Reverse(claim.from));
            prop_assert!(tree.claims_of(person).is_sorted_by_key(order));
        }
        let valid = edges(&said).iter().filter(|declared| declared.edge.holds_on(day(today))).count();
        let heard: usize = tree.people().map(|person| tree.claims_of(person).len()).sum();
        prop_assert_eq!(heard, valid + named.iter().flatten().count());
    }

    #[test]
    fn who_stands_in_sees_what_each_sees_and_nothing_more(
        (named, said) in random(),
        teams in prop::collection::vec((0u8..20, prop::collection::vec(0u8..20, 0..4)), 0..4),
        (reader, delegators) in (0u8..22, prop::collection::vec(0u8..22, 0..4)),
    ) {
        let team = |(number, (leader, members)): (usize, &(u8, Vec<u8>))| {
            let members = members.iter().copied().map(id).collect();
            TeamEdge { id: id(150 + number as u8), leader: Some(id(*leader)), members }
        };
        let teams: Vec<_> = teams.iter().enumerate().map(team).collect();
        let tree = OrgTree::on(day(4), &employed(&named), &teams, &edges(&said));
        let from: Vec<_> = delegators.iter().copied().map(id).collect();
        let scope = tree.scope_with(Role::SalesUser, Some(id(reader)), &from);
        let alone = |person: u8| tree.scope(Role::SalesUser, Some(id(person)));
        let each = delegators.iter().copied().chain([reader]).map(alone);
        let all: BTreeSet<_> = each.flat_map(|scope| scope.keys().cloned().unwrap()).collect();
        prop_assert_eq!(scope.keys(), Some(&all));
        prop_assert_eq!(scope.delegated(), scope.people() - alone(reader).people());
    }

    #[test]
    fn the_order_in_which_it_is_said_does_not_matter((named, said) in random(), seed in any::<u64>()) {
        let (mut people, mut edges) = (employed(&named), edges(&said));
        let before = OrgTree::on(day(4), &people, &[], &edges);
        people.rotate_left((seed % 20) as usize);
        edges.sort_by_key(|declared| declared.id.0.as_u128().wrapping_mul(u128::from(seed | 1)));
        let after = OrgTree::on(day(4), &people, &[], &edges);
        prop_assert_eq!(managers(&before), managers(&after));
        prop_assert_eq!(before.refused(), after.refused());
        prop_assert_eq!(before.claims, after.claims);
    }

    #[test]
    fn an_edge_holds_exactly_on_its_days((named, said) in random(), today in 0u8..10) {
        let tree = OrgTree::on(day(today), &employed(&named), &[], &edges(&said));
        let of_the_day: Vec<_> = edges(&said).into_iter().filter(|declared| {
            let (from, until) = (declared.edge.from, declared.edge.until);
            from.unwrap_or(Date::MIN) <= day(today) && day(today) <= until.unwrap_or(Date::MAX)
        }).collect();
        let undated: Vec<_> = of_the_day.iter().map(|declared| declared.id).collect();
        for person in tree.people() {
            let by = tree.claims_of(person).iter().filter_map(|claim| claim.by);
            prop_assert!(by.into_iter().all(|edge| undated.contains(&edge)));
        }
        let again = OrgTree::on(day(today), &employed(&named), &[], &of_the_day);
        prop_assert_eq!(managers(&tree), managers(&again));
    }
}
