//! How a facet takes a version in. Pure.
//!
//! A facet is the latest accepted version of its record. Versions come in the order of their log, except that one which
//! was rejected may be accepted later, in its place: what has been known since is never overwritten by it.
//!
//! Invariant: the same versions give the same facet in any order, as long as deletions that came before anything was
//! known are remembered (`gone_at`).

use salescommand_domain::canonical::Facet;
use salescommand_domain::raw::{Position, RawPosition};

use crate::incoming::{Change, Version};

/// A facet after one more version; none if that changes nothing. `gone_at` is the last deletion behind the version
/// that is known although no facet holds it.
pub fn fold(
    held: Option<&Facet>,
    gone_at: Option<Position>,
    raw: &RawPosition,
    version: Version,
) -> Option<Facet> {
    let at = raw.position;
    match version.change {
        Change::Upsert(_) => {
            if held.is_some_and(|held| at <= held.stated_at()) {
                return None;
            }
            let later = held.map(|held| held.position).or(gone_at).filter(|later| *later > at);
            let stated = stated(at, version)?;
            Some(match later {
                Some(later) => stated.gone(later),
                None => stated,
            })
        }
        Change::Delete | Change::Nothing => {
            let held = held.filter(|held| at > held.position)?;
            Some(Facet { stated: None, position: held.stated_at(), ..held.clone() }.gone(at))
        }
    }
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
        let change = if states { Change::Upsert(Box::new(mapped)) } else { Change::Delete };
        let observed = salescommand_domain::Timestamp::UNIX_EPOCH;
        let version = Version { facet: source.facet_id(), source, source_modified: None, observed, change };
        (RawPosition { instance, position: Position { epoch: 1, sequence } }, version)
    }

    /// Takes versions in by a list of sequences; remembers deletions as the quarantine does.
    fn take(states: &[bool], order: &[usize]) -> Option<Facet> {
        let (mut held, mut gone_at): (Option<Facet>, Option<Position>) = (None, None);
        for index in order {
            let (raw, version) = version(*index as u64 + 1, states[*index]);
            if matches!(version.change, Change::Delete) {
                gone_at = gone_at.max(Some(raw.position));
            }
            let after = gone_at.filter(|gone_at| *gone_at > raw.position);
            held = fold(held.as_ref(), after, &raw, version).or(held);
        }
        held
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
