//! What explains that a document differs between two generations: the parts of the definition that changed.
//!
//! A canonical document is explained by a changed mapper or mapping of an instance that contributed to it, or by a changed
//! merge; a serving document by its projection's version, or by canonical differences that are all explained. Pure.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, Document};
use salescommand_domain::generation::projection_part;
use salescommand_domain::raw::InstanceName;

const MERGE: &str = "merge";
/// How a definition names the mapper of a connector kind.
pub(crate) const MAPPER: &str = "mapper:";
/// How a definition names the mapping of an instance.
pub(crate) const MAPPING: &str = "mapping:";

/// What changed, by what it touches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Explanations {
    changed: BTreeSet<String>,
    by_instance: BTreeMap<String, BTreeSet<String>>,
    everywhere: BTreeSet<String>,
}

impl Explanations {
    /// `kinds` tells the connector kind of each instance.
    pub(crate) fn new(changed: &BTreeSet<String>, kinds: &BTreeMap<InstanceName, String>) -> Self {
        let mut explanations = Self { changed: changed.clone(), ..Self::default() };
        for part in changed {
            if let Some(kind) = part.strip_prefix(MAPPER) {
                let instances = kinds.iter().filter(|(_, of)| *of == kind).map(|(name, _)| name.to_string());
                instances.for_each(|instance| explanations.at(instance, part));
            } else if let Some(instance) = part.strip_prefix(MAPPING) {
                explanations.at(instance.to_owned(), part);
            } else if part == MERGE {
                explanations.everywhere.insert(part.clone());
            }
        }
        explanations
    }

    fn at(&mut self, instance: String, part: &str) {
        self.by_instance.entry(instance).or_default().insert(part.to_owned());
    }

    /// What explains a canonical document that differs, given both versions of it.
    pub(crate) fn canonical(&self, versions: &[&Document]) -> BTreeSet<String> {
        let mut instances = BTreeSet::new();
        versions.iter().for_each(|document| collect_instances(document, &mut instances));
        if instances.is_empty() {
            // A row of the link table names no source; it follows from what the mappers say.
            let mappers = self.by_instance.values().flatten();
            return mappers.chain(&self.everywhere).cloned().collect();
        }
        let parts = instances.iter().filter_map(|instance| self.by_instance.get(*instance)).flatten();
        parts.chain(&self.everywhere).cloned().collect()
    }

    /// What explains a projection's document that differs, given what explained the canonical differences; none if
    /// there was none, or if some were not explained.
    pub(crate) fn serving(&self, projection: &str, canonical: Option<&BTreeSet<String>>) -> BTreeSet<String> {
        let own = projection_part(projection);
        let own = self.changed.get(&own).into_iter();
        own.chain(canonical.into_iter().flatten()).cloned().collect()
    }
}

/// Every text under a field called `instance`, at any depth.
fn collect_instances<'a>(document: &'a Document, found: &mut BTreeSet<&'a str>) {
    for (key, value) in document {
        match value {
            Bson::String(text) if key == "instance" => {
                found.insert(text);
            }
            other => collect_in(other, found),
        }
    }
}

fn collect_in<'a>(value: &'a Bson, found: &mut BTreeSet<&'a str>) {
    match value {
        Bson::Document(document) => collect_instances(document, found),
        Bson::Array(items) => items.iter().for_each(|item| collect_in(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    fn set(parts: &[&str]) -> BTreeSet<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    fn explanations(changed: &[&str]) -> Explanations {
        let name = |name: &str| InstanceName::new(name).unwrap();
        let kinds = [(name("odoo-eu"), "odoo".to_owned()), (name("odoo-us"), "odoo".to_owned())];
        Explanations::new(&set(changed), &kinds.into())
    }

    #[test]
    fn a_changed_mapper_explains_what_its_instances_contributed_to() {
        let explanations = explanations(&["mapper:odoo"]);
        let touched = doc! { "version": [{ "instance": "config" }, { "instance": "odoo-us" }] };
        let other = doc! { "version": [{ "instance": "config" }] };
        assert_eq!(explanations.canonical(&[&touched]), set(&["mapper:odoo"]));
        assert!(explanations.canonical(&[&other]).is_empty());
        assert_eq!(explanations.canonical(&[&other, &touched]), set(&["mapper:odoo"]));
        assert_eq!(explanations.canonical(&[&doc! { "golden": "x" }]), set(&["mapper:odoo"]));
    }

    #[test]
    fn a_mapping_explains_its_instance_and_a_merge_everything() {
        let touched = doc! { "source": { "instance": "tickets" } };
        assert_eq!(explanations(&["mapping:tickets"]).canonical(&[&touched]), set(&["mapping:tickets"]));
        assert!(explanations(&["mapping:other"]).canonical(&[&touched]).is_empty());
        assert_eq!(explanations(&["merge"]).canonical(&[&touched]), set(&["merge"]));
        assert!(explanations(&[]).canonical(&[&touched]).is_empty());
    }

    #[test]
    fn sums_differ_for_the_reasons_of_the_records_or_their_own() {
        let explanations = explanations(&["projection:stats", "mapper:odoo"]);
        assert_eq!(explanations.serving("stats", None), set(&["projection:stats"]));
        assert!(explanations.serving("feed", None).is_empty());
        let canonical = set(&["mapper:odoo"]);
        assert_eq!(explanations.serving("feed", Some(&canonical)), canonical);
    }
}
