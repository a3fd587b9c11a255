//! How a facet takes a version in. Pure.
//!
//! A facet is the latest accepted version of its record. Versions come in the order of their log, except that one which
//! was rejected may be accepted later, in its place: what has been known since is never overwritten by it.
//!
//! Invariant: the same versions give the same facet in any order, as long as deletions that came before anything was
//! known are remembered ([`Gone`]).

use salescommand_domain::canonical::{Facet, FacetId};
use salescommand_domain::raw::{Position, RawPosition};

use crate::incoming::{Change, Version};

/// A deletion. The later of two is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gone {
    /// Its place in the log.
    pub at: Position,
    /// The record that took the content in, if it was merged.
    pub merged_into: Option<FacetId>,
}

impl Gone {
    /// The deletion that a version is, at a place; a record that says nothing canonical any more counts as deleted.
    pub fn of(change: &Change, at: Position) -> Option<Self> {
        match change {
            Change::Upsert(_) => None,
            Change::Delete(merged_into) => Some(Self { at, merged_into: *merged_into }),
            Change::Nothing => Some(Self { at, merged_into: None }),
        }
    }
}

/// A facet after one more version; none if that changes nothing. `gone` is the last deletion behind the version that is
/// known although no facet holds it.
pub fn fold(held: Option<&Facet>, gone: Option<Gone>, raw: &RawPosition, version: Version) -> Option<Facet> {
    let at = raw.position;
    if let Some(deletion) = Gone::of(&version.change, at) {
        let held = held.filter(|held| at > held.position)?;
        let stated = Facet { stated: None, position: held.stated_at(), ..held.clone() };
        return Some(stated.gone(at, deletion.merged_into));
    }
    if held.is_some_and(|held| at <= held.stated_at()) {
        return None;
    }
    let held = held.map(|held| Gone { at: held.position, merged_into: held.merged_into });
    let later = held.or(gone).filter(|later| later.at > at);
    let stated = stated(at, version)?;
    Some(match later {
        Some(later) => stated.gone(later.at, later.merged_into),
        None => stated,
    })
}

fn stated(at: Position, version: Version) -> Option<Facet> {
    let Change::Upsert(mapped) = version.change else { return None };
    let (mut keys, mut refs) = (mapped.keys, mapped.refs);
    keys.sort();
    keys.dedup();
    refs.sort();
    refs.dedup();
    Some(Facet {
        id: version.facet,
        source: version.source,
        position: at,
        source_modified: version.source_modified,
        deleted: false,
        merged_into: None,
        stated: None,
        body: mapped.body,
        keys,
        refs,
        last_version: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use salescommand_domain::canonical::{FacetBody, Mapped, SourceRef, StageFacet};
    use salescommand_domain::raw::{InstanceName, ObjectName};

    use super::*;

    fn version(sequence: u64, states: bool) -> (RawPosition, Version) {
        let instance = InstanceName::new("odoo").unwrap();
        let source = SourceRef {
            instance: instance.clone(),
            object: ObjectName::new("crm.stage").unwrap(),
            key: "1".into(),
        };
        let body = FacetBody::Stage(StageFacet { name: format!("v{sequence}"), order: 0, is_won: false });
        let mapped = Mapped { body, keys: Vec::new(), refs: Vec::new() };
        // Every other deletion is a merge, each into another record.
        let into = sequence
            .is_multiple_of(2)
            .then(|| SourceRef { key: sequence.to_string(), ..source.clone() }.facet_id());
        let change = if states { Change::Upsert(Box::new(mapped)) } else { Change::Delete(into) };
        let observed = salescommand_domain::Timestamp::UNIX_EPOCH;
        let version = Version { facet: source.facet_id(), source, source_modified: None, observed, change };
        (RawPosition { instance, position: Position { epoch: 1, sequence } }, version)
    }

    /// Takes versions in by a list of sequences; remembers deletions as the quarantine does.
    fn take(states: &[bool], order: &[usize]) -> Option<Facet> {
        let (mut held, mut gone): (Option<Facet>, Option<Gone>) = (None, None);
        for index in order {
            let (raw, version) = version(*index as u64 + 1, states[*index]);
            gone = gone.max(Gone::of(&version.change, raw.position));
            let after = gone.filter(|gone| gone.at > raw.position);
            held = fold(held.as_ref(), after, &raw, version).or(held);
        }
        held
    }

    #[test]
    fn a_merge_is_a_state_that_goes_when_the_record_comes_back() {
        let ((first, stated), (second, merged)) = (version(1, true), version(2, false));
        let held = fold(None, None, &first, stated).unwrap();
        let gone = fold(Some(&held), None, &second, merged).unwrap();
        assert!(gone.deleted && gone.merged_into.is_some());
        let (third, restored) = version(3, true);
        let back = fold(Some(&gone), None, &third, restored).unwrap();
        assert_eq!((back.deleted, back.merged_into), (false, None));
        // Deleted once more, without a trace this time.
        let (fifth, deleted) = version(5, false);
        assert_eq!(fold(Some(&gone), None, &fifth, deleted).unwrap().merged_into, None);
    }

    proptest! {
        #[test]
        fn a_version_that_comes_late_takes_its_place(
            states in prop::collection::vec(any::<bool>(), 1..8),
            keys in prop::collection::vec(any::<u32>(), 8),
        ) {
            let in_order: Vec<usize> = (0..states.len()).collect();
            let mut shuffled = in_order.clone();
            shuffled.sort_by_key(|index| keys[*index]);
            prop_assert_eq!(take(&states, &in_order), take(&states, &shuffled));
        }
    }
}
