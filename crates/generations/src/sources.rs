//! Replays of one source instance: whether what they take over may be taken over.
//!
//! What is taken over was made with what the active generation was built with, so nothing of that may have changed but
//! what reads the named instance alone; and it must not hold a person who was erased from the raw logs since.

use std::collections::{BTreeMap, BTreeSet};

use salescommand_domain::generation::{Definition, Generation, Replay, ReplayKind, changed_parts};
use salescommand_domain::raw::{InstanceName, parse_raw_stream};
use salescommand_normalizer::TakeOver;
use salescommand_store::{Error as StoreError, Registry};

use crate::Error;
use crate::controller::Controller;
use crate::explain::{MAPPER, MAPPING};

/// What a replay's generation takes over, if it does.
pub(crate) fn take_over(replay: &Replay) -> Option<TakeOver> {
    match (&replay.kind, replay.taken_from) {
        (ReplayKind::Source { source }, Some(from)) => Some(TakeOver { from, source: source.clone() }),
        _ => None,
    }
}

/// Generations, and those that took something over from them, at any distance.
pub(crate) fn with_copies(mut generations: BTreeSet<u32>, replays: &[Replay]) -> BTreeSet<u32> {
    loop {
        let held = generations.len();
        for replay in replays {
            if replay.taken_from.is_some_and(|from| generations.contains(&from)) {
                generations.extend(replay.canonical);
            }
        }
        if generations.len() == held {
            return generations;
        }
    }
}

/// Whether a generation holds a person whose erasure is not complete.
pub(crate) async fn holds_an_erased_person(registry: &Registry, generation: u32) -> Result<bool, StoreError> {
    let replays = registry.replays().await?;
    let held = registry.erasure_holds().await?.into_iter();
    Ok(held.map(|(_, holds)| with_copies(holds, &replays)).any(|holds| holds.contains(&generation)))
}

/// The changed parts of a definition that do not read the named instance alone.
fn stale(
    source: &InstanceName,
    changed: BTreeSet<String>,
    kinds: &BTreeMap<InstanceName, Option<String>>,
) -> BTreeSet<String> {
    let reads_it_alone = |part: &String| {
        let of = |instance: &InstanceName| kinds.get(instance).cloned().flatten();
        if let Some(kind) = part.strip_prefix(MAPPER) {
            // Of a log that nobody can look into, nobody knows who reads it.
            let is_other = |of: &Option<String>| of.as_ref().is_some_and(|of| of != kind);
            of(source).as_deref() == Some(kind)
                && kinds.iter().all(|(instance, of)| instance == source || is_other(of))
        } else {
            part.strip_prefix(MAPPING) == Some(source.as_str())
        }
    };
    changed.into_iter().filter(|part| !reads_it_alone(part)).collect()
}

impl Controller {
    /// Why a replay may not take over what it would, given what it would be built with; none if it may.
    pub(crate) async fn taking_over_is_refused(
        &self,
        replay: &Replay,
        definition: &Definition,
        registered: &[Generation],
    ) -> Result<Option<String>, Error> {
        let Some(TakeOver { from, source }) = take_over(replay) else { return Ok(None) };
        let mut kinds: BTreeMap<InstanceName, Option<String>> = BTreeMap::new();
        for stream in self.setup.log.streams("RAW_").await? {
            kinds.extend(parse_raw_stream(&stream.name).map(|(instance, _)| (instance, None)));
        }
        kinds.extend(self.kinds().await?.into_iter().map(|(instance, kind)| (instance, Some(kind))));
        if !kinds.contains_key(&source) {
            let known: Vec<_> = kinds.keys().map(InstanceName::as_str).collect();
            return Ok(Some(format!("there is no raw log of {source}; there are: {}", known.join(", "))));
        }
        if holds_an_erased_person(&self.registry, from).await? {
            return Ok(Some(format!(
                "g{from} still holds a person who is being erased, so nothing can be taken over from it: replay \
                 everything, or wait until the erasure is complete"
            )));
        }
        let id = format!("canonical/{from}");
        let Some(held) = registered.iter().find(|held| held.id == id && !held.retired) else {
            return Ok(Some(format!(
                "g{from}, from which the other sources are taken over, is not there any more"
            )));
        };
        let stale = stale(&source, changed_parts(&held.definition, definition), &kinds);
        if stale.is_empty() {
            return Ok(None);
        }
        let stale: Vec<_> = stale.into_iter().collect();
        Ok(Some(format!(
            "what g{from} holds of the other sources was built with another version of {}, so it cannot be taken \
             over: replay everything, with `salescommand replay`",
            stale.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use salescommand_domain::Timestamp;
    use salescommand_domain::generation::Reason;

    use super::*;

    fn name(name: &str) -> InstanceName {
        InstanceName::new(name).unwrap()
    }

    #[test]
    fn only_what_reads_the_named_source_alone_may_have_changed() {
        let changed = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<BTreeSet<_>>();
        let kinds = |of: &[(&str, Option<&str>)]| -> BTreeMap<InstanceName, Option<String>> {
            of.iter().map(|(instance, kind)| (name(instance), kind.map(str::to_owned))).collect()
        };
        let parts = ["mapper:odoo", "mapping:tickets", "mapping:other", "merge"];
        let alone = kinds(&[("eu", Some("odoo")), ("tickets", Some("tickets"))]);
        let left = |source: &str, kinds: &_| stale(&name(source), changed(&parts), kinds);
        assert_eq!(left("eu", &alone), changed(&["mapping:tickets", "mapping:other", "merge"]));
        assert_eq!(left("tickets", &alone), changed(&["mapper:odoo", "mapping:other", "merge"]));
        for others in [[("eu", Some("odoo")), ("us", Some("odoo"))], [("eu", Some("odoo")), ("us", None)]] {
            assert_eq!(left("eu", &kinds(&others)), changed(&parts));
        }
        assert!(stale(&name("eu"), BTreeSet::new(), &alone).is_empty());
    }

    #[test]
    fn what_was_taken_over_from_a_copy_is_a_copy() {
        let replay = |canonical, taken_from| {
            let kind = ReplayKind::Source { source: name("eu") };
            let now = Timestamp::UNIX_EPOCH;
            let mut replay =
                Replay::requested("r".into(), kind, Reason::Requested, String::new(), false, now);
            (replay.canonical, replay.taken_from) = (Some(canonical), taken_from);
            replay
        };
        let replays = [replay(4, Some(3)), replay(3, Some(2)), replay(5, Some(1)), replay(6, None)];
        assert_eq!(with_copies([2].into(), &replays), [2, 3, 4].into());
    }
}
