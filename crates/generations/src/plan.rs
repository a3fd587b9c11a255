//! Which generations there are to be, and which collections two of them have in common. Pure.

use std::collections::BTreeMap;

use salescommand_domain::generation::{
    Definition, Generation, Replay, ReplayKind, ReplayState, projection_part,
};
use salescommand_projector::{Projection, consumer_name, projections};
use salescommand_store::{Active, Generations};

use crate::compare::Pair;

/// The definition of a projection's generation.
pub(crate) fn serving_definition(projection: &dyn Projection) -> Definition {
    [(projection_part(projection.name()), projection.version().to_string())].into()
}

/// The versions of all projections.
pub(crate) fn serving_definitions() -> Definition {
    projections().iter().flat_map(|projection| serving_definition(&**projection)).collect()
}

/// The number of the next canonical generation, and of the next serving generation of each projection: numbers are never
/// used again, since a dropped generation's stream or a reader's link may still carry them.
pub(crate) fn next_numbers(active: &Active, replays: &[Replay]) -> (u32, BTreeMap<String, u32>) {
    let held = std::iter::once(active.generations()).chain(active.previous.clone());
    let held = held.map(|held| (Some(held.canonical), held.serving));
    let used = held.chain(replays.iter().map(|replay| (replay.canonical, replay.serving.clone())));
    let (mut canonical, mut serving) = (0, BTreeMap::new());
    for (number, projections) in used {
        canonical = canonical.max(number.unwrap_or(0));
        for (projection, number) in projections {
            let highest: &mut u32 = serving.entry(projection).or_default();
            *highest = (*highest).max(number);
        }
    }
    let next = projections().into_iter().map(|projection| {
        let name = projection.name().to_owned();
        let highest = serving.get(&name).copied().unwrap_or(0);
        (name, highest + 1)
    });
    (canonical + 1, next.collect())
}

/// The generations that a replay builds, with those of the active one that it leaves in place.
pub(crate) fn target(replay: &Replay, active: &Active) -> Generations {
    let mut serving = active.serving.clone();
    serving.extend(replay.serving.clone());
    // A projection that this program does not know any more is not read any more.
    serving.retain(|name, _| projections().iter().any(|projection| projection.name() == name));
    Generations { canonical: replay.canonical.unwrap_or(active.canonical), serving }
}

/// The compared collections of the active generations and of those that a replay has built.
pub(crate) fn pairs(active: &Generations, target: &Generations) -> Vec<Pair> {
    let mut pairs = Vec::new();
    if active.canonical != target.canonical {
        let (before, after) = (
            salescommand_normalizer::specs(active.canonical),
            salescommand_normalizer::specs(target.canonical),
        );
        let compared = before.into_iter().zip(after).filter(|(spec, _)| spec.compared);
        pairs.extend(compared.map(|(before, after)| Pair {
            label: label(&after.name, target.canonical),
            before: before.name,
            after: after.name,
            projection: None,
        }));
    }
    for projection in projections() {
        let name = projection.name();
        let (Some(before), Some(after)) = (active.serving.get(name), target.serving.get(name)) else {
            continue;
        };
        if before == after {
            continue;
        }
        let specs = projection.collections(*before).into_iter().zip(projection.collections(*after));
        pairs.extend(specs.filter(|(spec, _)| spec.compared).map(|(one, other)| Pair {
            label: label(&other.name, *after),
            before: one.name,
            after: other.name,
            projection: Some(name.to_owned()),
        }));
    }
    pairs
}

/// A collection's name without its generation.
fn label(collection: &str, generation: u32) -> String {
    collection.strip_suffix(&format!("_g{generation}")).unwrap_or(collection).to_owned()
}

/// Collections and consumers of a generation, to be dropped.
pub(crate) fn belongings(generation: &Generation) -> (Vec<String>, Vec<String>) {
    match &generation.projection {
        None => {
            let specs = salescommand_normalizer::specs(generation.number);
            let consumer = salescommand_normalizer::consumer_name(generation.number);
            (specs.into_iter().map(|spec| spec.name).collect(), vec![consumer])
        }
        Some(name) => {
            let projection = projections().into_iter().find(|projection| projection.name() == name);
            let specs = projection.map(|projection| projection.collections(generation.number));
            let names = specs.into_iter().flatten().map(|spec| spec.name).collect();
            (names, vec![consumer_name(name, generation.number)])
        }
    }
}

/// The generations that must be kept: what is read, what was read before, what is being built and what that takes over.
pub(crate) fn is_kept(generation: &Generation, active: &Active, open: &[Replay]) -> bool {
    let read = std::iter::once(active.generations()).chain(active.previous.clone());
    let read = read.map(|held| (held.canonical, held.serving));
    let built = open.iter().map(|replay| (replay.canonical.unwrap_or(0), replay.serving.clone()));
    // Whatever becomes of the switch meanwhile: what is taken over stays until it has been.
    let building = open.iter().filter(|replay| replay.state == ReplayState::Building);
    let copied = building.map(|replay| (replay.taken_from.unwrap_or(0), BTreeMap::new()));
    read.chain(built).chain(copied).any(|(canonical, serving)| match &generation.projection {
        None => generation.number == canonical,
        Some(projection) => serving.get(projection) == Some(&generation.number),
    })
}

/// Whether a replay reads the raw zone.
pub(crate) fn reads_raw(kind: &ReplayKind) -> bool {
    !matches!(kind, ReplayKind::Projection { .. })
}

#[cfg(test)]
mod tests {
    use salescommand_domain::Timestamp;
    use salescommand_domain::generation::Reason;

    use super::*;

    fn active() -> Active {
        salescommand_projector::initial_active()
    }

    fn replay(kind: ReplayKind, canonical: Option<u32>, serving: &[(&str, u32)]) -> Replay {
        let mut replay = Replay::requested(
            "r".into(),
            kind,
            Reason::Requested,
            String::new(),
            false,
            Timestamp::UNIX_EPOCH,
        );
        replay.canonical = canonical;
        replay.serving = serving.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
        replay
    }

    #[test]
    fn numbers_are_never_used_again() {
        let ended = replay(ReplayKind::Verify, Some(4), &[("dashboard_stats", 9)]);
        let (canonical, serving) = next_numbers(&active(), &[ended]);
        assert_eq!((canonical, serving["dashboard_stats"], serving["directory"]), (5, 10, 2));
    }

    #[test]
    fn a_projections_replay_leaves_the_others_in_place() {
        let kind = ReplayKind::Projection { projection: "directory".into() };
        let replay = replay(kind, None, &[("directory", 2)]);
        let target = target(&replay, &active());
        assert_eq!(
            (target.canonical, target.serving["directory"], target.serving["dashboard_stats"]),
            (1, 2, 1)
        );
        let pairs = pairs(&active().generations(), &target);
        assert_eq!(pairs.len(), 1);
        assert_eq!(pairs[0].label, "serving_directory");
    }

    #[test]
    fn canonical_collections_come_first_and_internal_ones_are_left_out() {
        let (canonical, serving) = next_numbers(&active(), &[]);
        let target = Generations { canonical, serving };
        let pairs = pairs(&active().generations(), &target);
        let first_serving = pairs.iter().position(|pair| pair.projection.is_some()).unwrap();
        assert!(pairs[first_serving..].iter().all(|pair| pair.projection.is_some()));
        assert!(pairs.iter().any(|pair| pair.label == "canonical_opportunities"));
        assert!(pairs.iter().all(|pair| !pair.before.contains("outbox") && !pair.before.contains("_state_")));
    }

    #[test]
    fn what_is_neither_read_nor_built_is_not_kept() {
        let moved = active().moved_to(Generations { canonical: 3, serving: next_numbers(&active(), &[]).1 });
        let canonical = |number| Generation::canonical(number, Definition::new(), None);
        assert!(is_kept(&canonical(3), &moved, &[]) && is_kept(&canonical(1), &moved, &[]));
        assert!(!is_kept(&canonical(2), &moved, &[]));
        let building = replay(ReplayKind::Verify, Some(2), &[("directory", 7)]);
        assert!(is_kept(&canonical(2), &moved, std::slice::from_ref(&building)));
        let serving = Generation::serving("directory", 7, 2, Definition::new(), None);
        assert!(
            is_kept(&serving, &moved, std::slice::from_ref(&building)) && !is_kept(&serving, &moved, &[])
        );
        let mut taking = Replay { taken_from: Some(4), state: ReplayState::Building, ..building };
        assert!(is_kept(&canonical(4), &moved, std::slice::from_ref(&taking)));
        taking.state = ReplayState::Ready;
        assert!(!is_kept(&canonical(4), &moved, &[taking]), "everything is taken over");
    }
}
