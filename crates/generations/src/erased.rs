//! Which differences an erasure explains: those in documents of records that it has changed. Pure.
//!
//! A document is *of* a record by its id or by the facets that it is made of. One that only names a record is another
//! than before only if the record is called by another id now; an amount, an owner or a stage of somebody else's record
//! is explained by no erasure.

use std::collections::BTreeSet;

use bson::{Bson, Document};
use salescommand_domain::generation::Erasure;

/// Length of an id as text.
const ID: usize = 36;

/// What erasures have changed, as it stands in documents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Erased {
    records: BTreeSet<String>,
    renamed: BTreeSet<String>,
    events: BTreeSet<String>,
}

impl Erased {
    pub(crate) fn new(erasures: &[Erasure]) -> Self {
        let mut erased = Self::default();
        for changed in erasures.iter().map(|erasure| &erasure.changed) {
            erased.records.extend(changed.records.iter().map(ToString::to_string));
            erased.renamed.extend(changed.renamed.iter().map(ToString::to_string));
            erased.events.extend(changed.events.iter().map(ToString::to_string));
        }
        erased
    }

    /// Golden records that differ by an erasure: what is made of them is theirs under their id.
    pub(crate) fn add_records(&mut self, ids: BTreeSet<String>) {
        self.records.extend(ids);
    }

    /// Whether an erasure explains that a document differs, given both versions of it.
    pub(crate) fn explains(&self, versions: &[&Document]) -> bool {
        let is_of = |document: &&Document| self.is_of_record(document) || self.names_renamed(document);
        !self.is_empty() && versions.iter().any(is_of)
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.events.is_empty()
    }

    fn is_of_record(&self, document: &Document) -> bool {
        let id = document.get_str("_id").unwrap_or_default();
        // The id of a version begins with that of its record.
        let own = id.get(..ID).is_some_and(|id| self.records.contains(id)) || self.events.contains(id);
        let facet = document.get_str("facet").is_ok_and(|facet| self.records.contains(facet));
        // A golden record lists its facets; an entry of the directory lists those of its person.
        let listed = document.get("facets").or_else(|| document.get_document("fact").ok()?.get("facets"));
        own || facet || listed.is_some_and(|facets| self.lists(facets))
    }

    fn lists(&self, facets: &Bson) -> bool {
        let is_changed = |facet: &Bson| match facet {
            Bson::String(id) => self.records.contains(id),
            Bson::Document(facet) => facet.get_str("id").is_ok_and(|id| self.records.contains(id)),
            _ => false,
        };
        facets.as_array().is_some_and(|facets| facets.iter().any(is_changed))
    }

    fn names_renamed(&self, document: &Document) -> bool {
        !self.renamed.is_empty()
            && document.iter().any(|(key, value)| self.is_in(key) || self.is_in_value(value))
    }

    fn is_in_value(&self, value: &Bson) -> bool {
        match value {
            Bson::String(text) => self.is_in(text),
            Bson::Document(document) => self.names_renamed(document),
            Bson::Array(items) => items.iter().any(|item| self.is_in_value(item)),
            _ => false,
        }
    }

    /// Whether a text is a renamed id, or holds one among other words, as keys of sums do.
    fn is_in(&self, text: &str) -> bool {
        let of_id = |c: char| c.is_ascii_hexdigit() || c == '-';
        text.split(|c| !of_id(c)).any(|word| word.len() == ID && self.renamed.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use salescommand_domain::canonical::FacetId;
    use salescommand_domain::generation::Changed;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> FacetId {
        FacetId(Uuid::from_u128(number))
    }

    fn text(number: u128) -> String {
        id(number).to_string()
    }

    /// Record 1 was changed, record 2 is called 3 since, and an event that nobody can read was changed.
    fn erased() -> Erased {
        let mut changed = Changed::default();
        changed.add_record(id(1), id(1));
        changed.add_record(id(2), id(3));
        changed.events.insert("odoo/2/17".parse().unwrap());
        let erasure = Erasure { id: "r".into(), holds: [1].into(), changed, revision: 1 };
        Erased::new(&[erasure])
    }

    #[test]
    fn what_is_of_a_changed_record_is_explained() {
        let of = [
            doc! { "_id": text(1) },
            doc! { "_id": format!("{}/2026-01-01T00:00:00Z/1/4", text(1)), "facet": text(1) },
            doc! { "_id": text(9), "facets": [{ "id": text(8) }, { "id": text(1), "key": "17" }] },
            doc! { "_id": text(9), "fact": { "kind": "person", "facets": [text(1)] } },
            doc! { "_id": "odoo/2/17" },
            doc! { "_id": text(3) },
        ];
        assert!(of.iter().all(|document| erased().explains(&[document])), "{of:?}");
    }

    #[test]
    fn what_only_names_a_changed_record_is_not() {
        let others = [
            doc! { "_id": text(9), "body": { "owner": text(1), "amount": 5 } },
            doc! { "_id": format!("owner:{}/created", text(1)), "scope_key": format!("owner:{}", text(1)) },
            doc! { "_id": "odoo/2/18" },
        ];
        assert!(others.iter().all(|document| !erased().explains(&[document])), "{others:?}");
        assert!(!Erased::default().explains(&[&doc! { "_id": text(1) }]));
    }

    #[test]
    fn what_names_a_renamed_record_is_under_either_name() {
        for name in [2, 3] {
            let deal = doc! { "_id": text(9), "body": { "owner": text(name) } };
            let sums = doc! { "_id": format!("owner:{}/created", text(name)) };
            let link = doc! { "_id": text(7), "golden": text(name) };
            for document in [deal, sums, link] {
                assert!(erased().explains(&[&document]), "{document}");
                let (before, after) = (&doc! { "_id": text(9) }, &document);
                assert!(erased().explains(&[before, after]));
            }
        }
    }

    #[test]
    fn what_is_made_of_an_explained_record_is_found_by_its_id() {
        let mut erased = erased();
        let feed = doc! { "_id": text(9), "subject": "Call" };
        assert!(!erased.explains(&[&feed]));
        erased.add_records([text(9)].into());
        assert!(erased.explains(&[&feed]));
    }
}
