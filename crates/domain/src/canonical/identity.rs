//! Identity: which facets are the same real thing.
//!
//! Facets of one entity join by equal keys. Besides the keys that it lists, every facet holds its own **self key**,
//! `facet:<id>`, without it being stored: whoever lists that key is joined with it. A link record lists the self keys
//! of two facets and so joins them; an ignored key joins nobody. A key held by more than [`KEY_HOLDERS_LIMIT`] facets
//! (a shared mailbox, free mail) joins nothing either; self keys know no such limit, since they are explicit.
//!
//! The golden id of a component is its smallest facet id, so the outcome depends on the set of facets alone, never on
//! the order in which they came.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Entity, FacetId};

/// A key held by more facets than this is no key. One person in several sources is well below it.
pub const KEY_HOLDERS_LIMIT: usize = 10;

/// The name space of meetings' ids.
const MEETINGS: Uuid = Uuid::from_u128(0x6f0d_35a1_9a1c_4b52_8f0e_70ab_3d41_c2e7);

/// What a self key begins with.
const SELF_KEY_PREFIX: &str = "facet:";

/// A deterministic key, such as `user:email:ann@example.com`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentityKey(String);

/// Mailboxes that belong to a role, not to a person or a single company.
const ROLE_MAILBOXES: [&str; 14] = [
    "admin",
    "billing",
    "contact",
    "hello",
    "help",
    "info",
    "mail",
    "no-reply",
    "noreply",
    "office",
    "postmaster",
    "sales",
    "support",
    "webmaster",
];

impl IdentityKey {
    /// A person's e-mail address, lower case. None for what is no address, and for role mailboxes.
    pub fn email(entity: Entity, address: &str) -> Option<Self> {
        let address = address.trim().to_lowercase();
        let (mailbox, domain) = address.split_once('@')?;
        let plausible = !mailbox.is_empty() && domain.contains('.') && !address.contains(char::is_whitespace);
        let personal = !ROLE_MAILBOXES.contains(&mailbox);
        (plausible && personal && !domain.contains('@')).then(|| Self(format!("{entity}:email:{address}")))
    }

    /// A tax number: letters and digits only, upper case, at least six of them and at least one digit.
    pub fn tax_id(entity: Entity, number: &str) -> Option<Self> {
        let number: String =
            number.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
        let telling = number.len() >= 6 && number.bytes().any(|b| b.is_ascii_digit() && b != b'0');
        telling.then(|| Self(format!("{entity}:tax:{number}")))
    }

    /// An account's internet domain together with its exact legal name.
    pub fn domain_and_name(entity: Entity, website: &str, name: &str) -> Option<Self> {
        let address = website.trim().to_lowercase();
        let host =
            address.split("://").last()?.split(['/', '?', '#', ':']).next()?.trim_start_matches("www.");
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let usable = host.contains('.') && !host.contains(char::is_whitespace) && !name.is_empty();
        usable.then(|| Self(format!("{entity}:domain:{host}:{name}")))
    }

    /// A person's record in an organisation's directory: the directory's id, and the record's in it. The same record id in
    /// another directory is somebody else. None if one of them is empty.
    pub fn directory_object(entity: Entity, directory: &str, object: &str) -> Option<Self> {
        let [directory, object] = [directory, object].map(|id| id.trim().to_lowercase());
        let usable = |id: &str| !id.is_empty() && !id.contains(char::is_whitespace);
        (usable(&directory) && usable(&object))
            .then(|| Self(format!("{entity}:directory:{directory}:{object}")))
    }

    /// Whether it names a record in an organisation's directory.
    pub fn is_directory_object(&self) -> bool {
        self.0.split(':').nth(1) == Some("directory")
    }

    /// A meeting, which has a copy in the calendar of each of those invited and in each program that keeps it: its universal
    /// id (`UID` of RFC 5545), and of a repeated one the moment at which the occurrence was to begin.
    ///
    /// A meeting may have any number of copies, so this is the self key of a record that never comes, and knows no limit.
    pub fn meeting(uid: &str, occurrence: Option<Timestamp>) -> Option<Self> {
        let uid = uid.trim().to_lowercase();
        let occurrence = occurrence.map(|at| at.to_string()).unwrap_or_default();
        let name = format!("{uid}\n{occurrence}");
        (!uid.is_empty()).then(|| Self::facet(FacetId(Uuid::new_v5(&MEETINGS, name.as_bytes()))))
    }

    /// The self key of a facet.
    pub fn facet(id: FacetId) -> Self {
        Self(format!("{SELF_KEY_PREFIX}{id}"))
    }

    /// Whose self key it is; none for any other key.
    pub fn as_facet(&self) -> Option<FacetId> {
        self.0.strip_prefix(SELF_KEY_PREFIX)?.parse().ok()
    }

    /// A key as somebody writes it down; none if no key looks like that.
    pub fn parse(text: &str) -> Option<Self> {
        let key = Self(text.trim().to_owned());
        let (subject, rest) = key.0.split_once(':')?;
        let (kind, value) = rest.split_once(':').unwrap_or_default();
        let of_entity =
            matches!(Role::of_kind(subject), Role::Of(_)) && !kind.is_empty() && !value.is_empty();
        (of_entity || key.as_facet().is_some()).then_some(key)
    }

    /// The key as text, as it stands in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a facet is to the key graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It is joined with facets of its own entity.
    Of(Entity),
    /// A link record: joins the facets whose self keys it lists.
    Link,
    /// Declares that the keys it lists join nothing.
    Ignores,
    /// Reference data: takes no part.
    Bystander,
}

impl Role {
    /// The role that goes with the stored `kind` of a facet's body.
    pub fn of_kind(kind: &str) -> Self {
        match kind {
            "link" => Self::Link,
            "ignored_key" => Self::Ignores,
            "opportunity_edit" => Self::Of(Entity::Opportunity),
            kind => Entity::ALL
                .into_iter()
                .find(|entity| entity.singular() == kind)
                .map_or(Self::Bystander, Self::Of),
        }
    }
}

/// A facet in the key graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub role: Role,
    /// The keys that it lists.
    pub keys: Vec<IdentityKey>,
}

/// Facet → golden record. Facets that are not in it are golden records of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links(pub BTreeMap<FacetId, FacetId>);

impl Links {
    /// The golden record of a facet.
    pub fn golden_of(&self, facet: FacetId) -> FacetId {
        self.0.get(&facet).copied().unwrap_or(facet)
    }
}

/// Who is joined with whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Components {
    /// Facet → golden record.
    pub links: Links,
    /// The link records that take part in each golden record.
    pub joined_by: BTreeMap<FacetId, BTreeSet<FacetId>>,
}

/// A point of the graph. Facets come first and in the order of their ids, so that the smallest point of a component is
/// its golden record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Point<'a> {
    Facet(FacetId),
    /// A facet that has not been seen, as what it may turn out to be.
    Unseen(Entity, FacetId),
    Key(Entity, &'a IdentityKey),
    /// A link record, on the side of one entity.
    Link(Entity, FacetId),
}

/// Joins facets by their keys, except by crowded and by ignored ones. The given set must be closed: every holder of
/// every other key of each facet is in it. Facets of different entities are never joined, whatever they list.
pub fn components(nodes: &BTreeMap<FacetId, Node>, crowded: &BTreeSet<IdentityKey>) -> Components {
    let ignored = nodes.values().filter(|node| node.role == Role::Ignores).flat_map(|node| &node.keys);
    let silent: BTreeSet<&IdentityKey> = crowded.iter().chain(ignored).collect();
    let mut parent: BTreeMap<Point<'_>, Point<'_>> = BTreeMap::new();
    for (id, node) in nodes {
        let sides: &[Entity] = match &node.role {
            Role::Of(entity) => std::slice::from_ref(entity),
            Role::Link => &Entity::ALL,
            Role::Ignores | Role::Bystander => continue,
        };
        for side in sides {
            let own = if node.role == Role::Link { Point::Link(*side, *id) } else { Point::Facet(*id) };
            parent.entry(own).or_insert(own);
            for key in node.keys.iter().filter(|key| !silent.contains(*key)) {
                let Some(point) = point(nodes, *side, key) else { continue };
                let (a, b) = (root(&mut parent, own), root(&mut parent, point));
                parent.insert(a.max(b), a.min(b));
            }
        }
    }
    collect(&mut parent)
}

/// What a key stands for on the side of an entity; none for the self key of a facet that is no such entity.
fn point<'a>(nodes: &BTreeMap<FacetId, Node>, side: Entity, key: &'a IdentityKey) -> Option<Point<'a>> {
    let Some(target) = key.as_facet() else { return Some(Point::Key(side, key)) };
    match nodes.get(&target).map(|node| node.role) {
        None => Some(Point::Unseen(side, target)),
        Some(role) => (role == Role::Of(side)).then_some(Point::Facet(target)),
    }
}

fn collect<'a>(parent: &mut BTreeMap<Point<'a>, Point<'a>>) -> Components {
    let mut found = Components::default();
    let points: Vec<Point<'a>> = parent.keys().copied().collect();
    for at in points {
        let Point::Facet(golden) = root(parent, at) else { continue };
        match at {
            Point::Facet(facet) if facet != golden => {
                found.links.0.insert(facet, golden);
            }
            Point::Link(_, link) => {
                found.joined_by.entry(golden).or_default().insert(link);
            }
            _ => {}
        }
    }
    found
}

/// The root of a point's tree; shortens the path on its way.
fn root<'a>(parent: &mut BTreeMap<Point<'a>, Point<'a>>, point: Point<'a>) -> Point<'a> {
    let mut at = point;
    while let Some(up) = parent.get(&at).copied().filter(|up| *up != at) {
        if let Some(above) = parent.get(&up).copied() {
            parent.insert(at, above);
        }
        at = up;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facet(number: u8) -> FacetId {
        FacetId(Uuid::from_u128(u128::from(number)))
    }

    fn key(number: u8) -> IdentityKey {
        IdentityKey(format!("k{number}"))
    }

    #[test]
    fn keys_are_normal_and_role_mailboxes_are_none() {
        let email = |address| IdentityKey::email(Entity::User, address).map(|key| key.0);
        assert_eq!(email(" Ann@Example.COM ").as_deref(), Some("user:email:ann@example.com"));
        for none in ["info@example.com", "admin", "a@b", "a b@example.com", "@example.com", "a@b@c.d"] {
            assert_eq!(email(none), None, "{none:?}");
        }
        let tax = IdentityKey::tax_id(Entity::Account, "BE 0477.472.701").map(|key| key.0);
        assert_eq!(tax.as_deref(), Some("account:tax:BE0477472701"));
        assert_eq!(IdentityKey::tax_id(Entity::Account, "/"), None);
        assert_eq!(IdentityKey::tax_id(Entity::Account, "000000000"), None);
        let domain = IdentityKey::domain_and_name(Entity::Account, "https://www.Acme.com/about", "Acme  Inc");
        assert_eq!(domain.map(|key| key.0).as_deref(), Some("account:domain:acme.com:acme inc"));
    }

    #[test]
    fn a_record_of_a_directory_is_that_directory_s() {
        let key = |directory, object| {
            IdentityKey::directory_object(Entity::User, directory, object).map(|key| key.0)
        };
        assert_eq!(key(" 5F2D-A ", "87D3-B").as_deref(), Some("user:directory:5f2d-a:87d3-b"));
        assert_ne!(key("a", "b"), key("c", "b"));
        assert_eq!((key("", "b"), key("a", "")), (None, None));
        assert!(IdentityKey::parse("user:directory:5f2d-a:87d3-b").is_some());
    }

    #[test]
    fn a_meeting_is_one_however_many_copies_it_has_and_each_occurrence_is_its_own() {
        let at = |second| Timestamp::from_second(second).ok();
        let meeting = |uid, at| IdentityKey::meeting(uid, at);
        assert_eq!(meeting("0400-AB", None), meeting(" 0400-ab ", None));
        assert_ne!(meeting("0400-AB", None), meeting("0400-AC", None));
        assert_ne!(meeting("0400-AB", at(60)), meeting("0400-AB", at(120)));
        assert_eq!(meeting(" ", None), None);
        let copies = (1..=60).map(|id| (facet(id), of(Entity::Activity, &[meeting("x", None).unwrap()])));
        let joined = components(&copies.collect(), &BTreeSet::new());
        assert_eq!(joined.links.0.len(), 59);
        assert!(joined.links.0.values().all(|golden| *golden == facet(1)));
    }

    fn of(entity: Entity, keys: &[IdentityKey]) -> Node {
        Node { role: Role::Of(entity), keys: keys.to_vec() }
    }

    fn user(keys: &[IdentityKey]) -> Node {
        of(Entity::User, keys)
    }

    fn link(ends: [u8; 2]) -> Node {
        Node { role: Role::Link, keys: ends.map(|end| IdentityKey::facet(facet(end))).to_vec() }
    }

    fn join<const N: usize>(nodes: [(u8, Node); N]) -> Components {
        let nodes = nodes.into_iter().map(|(id, node)| (facet(id), node)).collect();
        components(&nodes, &BTreeSet::new())
    }

    #[test]
    fn keys_are_recognised_as_written() {
        let own = IdentityKey::facet(facet(7));
        assert_eq!((own.as_facet(), key(1).as_facet()), (Some(facet(7)), None));
        assert_eq!(IdentityKey::parse(own.as_str()), Some(own));
        assert!(IdentityKey::parse(" user:email:ann@example.com ").is_some());
        for none in ["", "ann@example.com", "stage:name:New", "user:email:", "facet:7", "user:ann"] {
            assert_eq!(IdentityKey::parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn joins_chains_and_leaves_strangers_apart() {
        let joined =
            join([(3, user(&[key(1)])), (2, user(&[key(1), key(2)])), (9, user(&[key(2)])), (5, user(&[]))]);
        let expected = BTreeMap::from([(facet(3), facet(2)), (facet(9), facet(2))]);
        assert_eq!(joined, Components { links: Links(expected), ..Components::default() });
    }

    #[test]
    fn crowded_and_ignored_keys_join_nothing() {
        let two = [(facet(1), user(&[key(1)])), (facet(2), user(&[key(1)]))];
        assert_eq!(
            components(&BTreeMap::from(two.clone()), &BTreeSet::from([key(1)])),
            Components::default()
        );
        let ignores = Node { role: Role::Ignores, keys: vec![key(1)] };
        let nodes = BTreeMap::from_iter(two.into_iter().chain([(facet(3), ignores)]));
        assert_eq!(components(&nodes, &BTreeSet::new()), Components::default());
    }

    #[test]
    fn a_listed_self_key_joins_and_a_link_record_joins_two() {
        let follower = user(&[IdentityKey::facet(facet(4))]);
        let joined = join([(4, user(&[])), (6, follower), (8, user(&[])), (1, link([6, 8]))]);
        assert_eq!(joined.links.0, BTreeMap::from([(facet(6), facet(4)), (facet(8), facet(4))]));
        assert_eq!(joined.joined_by, BTreeMap::from([(facet(4), BTreeSet::from([facet(1)]))]));
    }

    #[test]
    fn links_meet_in_a_facet_that_has_not_come_yet() {
        let joined = join([(4, user(&[])), (8, user(&[])), (1, link([4, 5])), (2, link([5, 8]))]);
        assert_eq!(joined.links.0, BTreeMap::from([(facet(8), facet(4))]));
        // It comes, and is something else.
        let team = of(Entity::Team, &[]);
        let joined = join([(4, user(&[])), (8, user(&[])), (1, link([4, 5])), (2, link([5, 8])), (5, team)]);
        assert_eq!(joined.links, Links::default());
    }

    #[test]
    fn entities_never_join() {
        let team = of(Entity::Team, &[key(1), IdentityKey::facet(facet(1))]);
        let joined = join([(1, user(&[key(1)])), (2, team), (3, link([1, 2]))]);
        assert_eq!(joined.links, Links::default());
        let both = BTreeSet::from([facet(3)]);
        assert_eq!(joined.joined_by, BTreeMap::from([(facet(1), both.clone()), (facet(2), both)]));
    }

    /// What the rules say, pair by pair, until nothing changes.
    fn naive(nodes: &BTreeMap<FacetId, Node>) -> Links {
        let ignored: Vec<&IdentityKey> =
            nodes.values().filter(|node| node.role == Role::Ignores).flat_map(|node| &node.keys).collect();
        let mut links = BTreeMap::new();
        for entity in Entity::ALL {
            let speaks = |node: &Node| node.role == Role::Of(entity) || node.role == Role::Link;
            let ours: BTreeMap<_, _> = nodes.iter().filter(|(_, node)| speaks(node)).collect();
            let held = |id: &FacetId, node: &Node| {
                let own = (node.role != Role::Link).then(|| IdentityKey::facet(*id));
                let fits = |key: &&IdentityKey| {
                    let target = key.as_facet().and_then(|target| nodes.get(&target));
                    target.is_none_or(|target| target.role == Role::Of(entity)) && !ignored.contains(key)
                };
                let listed = node.keys.iter().filter(fits).cloned();
                listed.chain(own).collect::<BTreeSet<_>>()
            };
            let mut group: BTreeMap<FacetId, FacetId> = ours.keys().map(|id| (**id, **id)).collect();
            loop {
                let before = group.clone();
                for (a, b) in ours.keys().flat_map(|a| ours.keys().map(move |b| (**a, **b))) {
                    if !held(&a, &nodes[&a]).is_disjoint(&held(&b, &nodes[&b])) {
                        let least = group[&a].min(group[&b]);
                        group.insert(a, least);
                        group.insert(b, least);
                    }
                }
                if group == before {
                    break;
                }
            }
            let facet_of = |id: &FacetId| nodes[id].role == Role::Of(entity);
            for (id, root) in group.iter().filter(|(id, _)| facet_of(id)) {
                let golden =
                    group.iter().filter(|(other, at)| *at == root && facet_of(other)).map(|(id, _)| *id);
                let golden = golden.min().unwrap();
                if golden != *id {
                    links.insert(*id, golden);
                }
            }
        }
        Links(links)
    }

    fn any_node() -> impl Strategy<Value = Node> {
        let role = prop_oneof![
            4 => Just(Role::Of(Entity::User)),
            2 => Just(Role::Of(Entity::Team)),
            3 => Just(Role::Link),
            1 => Just(Role::Ignores),
            1 => Just(Role::Bystander),
        ];
        let any_key =
            prop_oneof![(0u8..8).prop_map(key), (0u8..14).prop_map(|id| IdentityKey::facet(facet(id)))];
        (role, prop::collection::vec(any_key, 0..4)).prop_map(|(role, keys)| Node { role, keys })
    }

    proptest! {
        #[test]
        fn components_are_what_the_rules_say_pair_by_pair(nodes in prop::collection::vec(any_node(), 1..12)) {
            let nodes: BTreeMap<FacetId, Node> =
                nodes.into_iter().enumerate().map(|(id, node)| (facet(id as u8), node)).collect();
            prop_assert_eq!(components(&nodes, &BTreeSet::new()).links, naive(&nodes));
        }
    }
}
