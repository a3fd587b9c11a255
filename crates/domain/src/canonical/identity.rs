//! Identity: which facets are the same real thing.
//!
//! Facets join by equal keys. A key held by more than [`KEY_HOLDERS_LIMIT`] facets (a shared mailbox, free mail)
//! joins nothing. The golden id of a component is its smallest facet id, so the outcome depends on the set of
//! facets alone, never on the order in which they came.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Entity, FacetId};

/// A key held by more facets than this is no key. One person in several sources is well below it.
pub const KEY_HOLDERS_LIMIT: usize = 10;

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

    /// The key as text, as it stands in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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

/// Joins facets by their keys, except by crowded ones. The given set must be closed: every holder of every
/// uncrowded key of each facet is in it.
pub fn components<'a>(
    facets: impl IntoIterator<Item = (FacetId, &'a [IdentityKey])>,
    crowded: &BTreeSet<IdentityKey>,
) -> Links {
    let mut parent: BTreeMap<FacetId, FacetId> = BTreeMap::new();
    let mut first_holder: BTreeMap<&IdentityKey, FacetId> = BTreeMap::new();
    for (facet, keys) in facets {
        parent.entry(facet).or_insert(facet);
        for key in keys.iter().filter(|key| !crowded.contains(*key)) {
            let other = *first_holder.entry(key).or_insert(facet);
            let (a, b) = (root(&mut parent, facet), root(&mut parent, other));
            parent.insert(a.max(b), a.min(b));
        }
    }
    let members: Vec<FacetId> = parent.keys().copied().collect();
    let linked = members.into_iter().map(|facet| (facet, root(&mut parent, facet)));
    Links(linked.filter(|(facet, golden)| facet != golden).collect())
}

/// The root of a facet's tree; shortens the path on its way.
fn root(parent: &mut BTreeMap<FacetId, FacetId>, facet: FacetId) -> FacetId {
    let mut at = facet;
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
    use uuid::Uuid;

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
    fn joins_chains_and_leaves_strangers_apart() {
        let facets = [
            (facet(3), vec![key(1)]),
            (facet(2), vec![key(1), key(2)]),
            (facet(9), vec![key(2)]),
            (facet(5), vec![]),
        ];
        let links = components(facets.iter().map(|(id, keys)| (*id, keys.as_slice())), &BTreeSet::new());
        assert_eq!(links.golden_of(facet(9)), facet(2));
        assert_eq!(links.golden_of(facet(3)), facet(2));
        assert_eq!(links.golden_of(facet(5)), facet(5));
        assert!(!links.0.contains_key(&facet(2)));
    }

    #[test]
    fn crowded_keys_join_nothing() {
        let facets = [(facet(1), vec![key(1)]), (facet(2), vec![key(1)])];
        let links =
            components(facets.iter().map(|(id, keys)| (*id, keys.as_slice())), &BTreeSet::from([key(1)]));
        assert_eq!(links, Links::default());
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_equal_keys_mean_equal_golden(
            keys in prop::collection::vec(prop::collection::vec(0u8..12, 0..4), 1..20),
            seed in any::<u64>(),
        ) {
            let facets: Vec<_> = keys.iter().enumerate()
                .map(|(index, keys)| (facet(index as u8), keys.iter().map(|k| key(*k)).collect::<Vec<_>>()))
                .collect();
            let run = |facets: &[(FacetId, Vec<IdentityKey>)]| {
                components(facets.iter().map(|(id, keys)| (*id, keys.as_slice())), &BTreeSet::new())
            };
            let links = run(&facets);
            let mut turned = facets.clone();
            turned.rotate_left((seed as usize) % facets.len());
            turned.reverse();
            prop_assert_eq!(&links, &run(&turned));
            for (one, keys) in &facets {
                for (other, others) in &facets {
                    if keys.iter().any(|key| others.contains(key)) {
                        prop_assert_eq!(links.golden_of(*one), links.golden_of(*other));
                    }
                }
                prop_assert!(links.golden_of(*one) <= *one);
            }
        }
    }
}
