//! Compares two generations that stand at the same place: bucket by bucket, reading only documents of unequal buckets.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Document, RawDocumentBuf};
use salescommand_domain::generation::{
    CollectionDifference, Comparison, Definition, ERASURE_PART, Erasure, MoneyTotal, Sample, changed_parts,
    differing_fields,
};
use salescommand_domain::raw::{InstanceName, Vector};
use salescommand_domain::serving::{DayBuckets, Measure};
use salescommand_store::work::decode;
use salescommand_store::{Condition, Direction, Documents, Query, bucket_of, stored_sums, text_id};

use crate::Error;
use crate::erased::Erased;
use crate::explain::Explanations;

/// Ids per page of a scan.
const PAGE: usize = 5_000;
/// Documents that are held at once.
const AT_ONCE: usize = 500;
/// Samples per collection.
const SAMPLES: usize = 10;
/// The collection of sums, in which every deal stands.
const FIGURES: &str = "serving_dashboard_stats";
/// Places named per sample.
const PLACES: usize = 12;

/// A compared collection in both generations.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Its name without generation.
    pub(crate) label: String,
    /// In the active generation.
    pub(crate) before: String,
    /// In the new one.
    pub(crate) after: String,
    /// The projection whose it is; none for the canonical zone.
    pub(crate) projection: Option<String>,
}

/// What is compared.
pub(crate) struct Question<'a> {
    pub(crate) pairs: &'a [Pair],
    pub(crate) before: &'a Definition,
    pub(crate) after: &'a Definition,
    pub(crate) kinds: &'a BTreeMap<InstanceName, String>,
    /// Erasures that are not complete.
    pub(crate) erasures: &'a [Erasure],
    pub(crate) vector: Vector,
}

/// Compares; canonical collections must stand before serving ones.
pub(crate) async fn compare(store: &dyn Documents, question: Question<'_>) -> Result<Comparison, Error> {
    let changed = changed_parts(question.before, question.after);
    let explanations = Explanations::new(&changed, question.kinds);
    let mut erased = Erased::new(question.erasures);
    let mut collections = Vec::new();
    let mut reasons = BTreeSet::new();
    for pair in question.pairs {
        let unexplained = collections.iter().any(|held: &CollectionDifference| held.unexplained > 0);
        let canonical = (!unexplained && !reasons.is_empty()).then_some(&reasons);
        let serving = pair.projection.as_ref().map(|projection| explanations.serving(projection, canonical));
        let explain = |versions: &[&Document]| {
            let mut parts = match &serving {
                Some(parts) => parts.clone(),
                None => explanations.canonical(versions),
            };
            if erased.explains(versions) {
                parts.insert(ERASURE_PART.to_owned());
            }
            parts
        };
        let mut counted = Counted::new(pair);
        compare_pair(store, pair, &explain, &mut counted).await?;
        if pair.projection.is_none() {
            // An erasure explains what is of its records, not whatever is made of what it explains.
            counted.reasons.remove(ERASURE_PART);
            reasons.append(&mut counted.reasons);
            erased.add_records(counted.erased);
        }
        if counted.difference.differing() > 0 {
            collections.push(counted.difference);
        }
    }
    let money = money(store, question.pairs).await?;
    keep_figures(&changed, &money, &mut collections);
    let compared = question.pairs.len() as u64;
    Ok(Comparison { vector: question.vector, changed_definition: changed, compared, collections, money })
}

/// No erasure changes a figure: with the same definition, totals that differ are explained by nothing.
fn keep_figures(changed: &BTreeSet<String>, money: &[MoneyTotal], collections: &mut [CollectionDifference]) {
    if !changed.is_empty() || money.iter().all(|total| total.before == total.after) {
        return;
    }
    for figures in collections.iter_mut().filter(|found| found.collection == FIGURES) {
        figures.unexplained = figures.differing();
        figures.samples.iter_mut().for_each(|sample| sample.explained_by.clear());
    }
}

/// A difference while it is counted.
struct Counted {
    difference: CollectionDifference,
    reasons: BTreeSet<String>,
    /// Ids of documents that an erasure explains.
    erased: BTreeSet<String>,
}

impl Counted {
    fn new(pair: &Pair) -> Self {
        let difference = CollectionDifference {
            collection: pair.label.clone(),
            before: 0,
            after: 0,
            only_before: 0,
            only_after: 0,
            changed: 0,
            unexplained: 0,
            samples: Vec::new(),
        };
        Self { difference, reasons: BTreeSet::new(), erased: BTreeSet::new() }
    }

    fn count(
        &mut self,
        id: &str,
        before: Option<&Document>,
        after: Option<&Document>,
        parts: BTreeSet<String>,
    ) {
        let difference = &mut self.difference;
        match (before, after) {
            (Some(_), Some(_)) => difference.changed += 1,
            (Some(_), None) => difference.only_before += 1,
            _ => difference.only_after += 1,
        }
        if parts.contains(ERASURE_PART) {
            self.erased.insert(id.to_owned());
        }
        let unexplained = parts.is_empty();
        difference.unexplained += u64::from(unexplained);
        let explained = difference.samples.iter().rposition(|sample| !sample.explained_by.is_empty());
        if difference.samples.len() >= SAMPLES {
            // An unexplained document is the better sample.
            match explained.filter(|_| unexplained) {
                Some(index) => difference.samples.remove(index),
                None => return self.reasons.extend(parts),
            };
        }
        let fields = match (before, after) {
            (Some(before), Some(after)) => differing_fields(&json(before), &json(after), PLACES),
            _ => Vec::new(),
        };
        let sample = Sample {
            id: id.to_owned(),
            fields,
            only_before: after.is_none(),
            only_after: before.is_none(),
            explained_by: parts.iter().cloned().collect(),
        };
        let place = if unexplained { 0 } else { difference.samples.len() };
        difference.samples.insert(place, sample);
        self.reasons.extend(parts);
    }
}

fn json(document: &Document) -> serde_json::Value {
    // Every number, text and list keeps its shape; the forms of BSON that JSON lacks are not used.
    serde_json::to_value(document).unwrap_or_default()
}

async fn compare_pair(
    store: &dyn Documents,
    pair: &Pair,
    explain: &(dyn Fn(&[&Document]) -> BTreeSet<String> + Sync),
    counted: &mut Counted,
) -> Result<(), Error> {
    let before = stored_sums(store, &pair.before).await?;
    let after = stored_sums(store, &pair.after).await?;
    let unequal = before.differing(&after);
    if unequal.is_empty() {
        return Ok(());
    }
    let mut scan = Scan::new(&pair.before);
    while let Some(page) = scan.next(store).await? {
        counted.difference.before += page.len() as u64;
        let concerned: Vec<_> = page.into_iter().filter(|id| unequal.contains(&bucket_of(id))).collect();
        for ids in concerned.chunks(AT_ONCE) {
            let before = documents(store, &pair.before, ids).await?;
            let after = documents(store, &pair.after, ids).await?;
            for (id, before) in before {
                let after = after.get(&id);
                if after.map(|after| after.as_bytes()) == Some(before.as_bytes()) {
                    continue;
                }
                let before = parsed(&before)?;
                let after = after.map(parsed).transpose()?;
                let versions: Vec<_> = std::iter::once(&before).chain(after.as_ref()).collect();
                let parts = explain(&versions);
                counted.count(&id, Some(&before), after.as_ref(), parts);
            }
        }
    }
    let mut scan = Scan::new(&pair.after);
    while let Some(page) = scan.next(store).await? {
        counted.difference.after += page.len() as u64;
        let concerned: Vec<_> = page.into_iter().filter(|id| unequal.contains(&bucket_of(id))).collect();
        for ids in concerned.chunks(AT_ONCE) {
            let before = documents(store, &pair.before, ids).await?;
            let fresh: Vec<_> = ids.iter().filter(|id| !before.contains_key(*id)).cloned().collect();
            for (id, after) in documents(store, &pair.after, &fresh).await? {
                let after = parsed(&after)?;
                let parts = explain(&[&after]);
                counted.count(&id, None, Some(&after), parts);
            }
        }
    }
    Ok(())
}

async fn documents(
    store: &dyn Documents,
    collection: &str,
    ids: &[String],
) -> Result<BTreeMap<String, RawDocumentBuf>, Error> {
    let found = store.get(collection, ids).await?;
    let by_id = found.into_iter().map(|document| Ok((text_id(&document)?.to_owned(), document)));
    by_id.collect()
}

fn parsed(document: &RawDocumentBuf) -> Result<Document, Error> {
    Document::try_from(document).map_err(|error| Error::State(error.to_string()))
}

/// The ids of a collection, page by page.
struct Scan<'a> {
    collection: &'a str,
    after: String,
    ended: bool,
}

impl<'a> Scan<'a> {
    fn new(collection: &'a str) -> Self {
        Self { collection, after: String::new(), ended: false }
    }

    async fn next(&mut self, store: &dyn Documents) -> Result<Option<Vec<String>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let query = Query::all()
            .with(Condition::Gt("_id".to_owned(), self.after.as_str().into()))
            .sorted("_id", Direction::Ascending)
            .limited(PAGE)
            .only(&["_id"]);
        let found = store.find(self.collection, &query).await?;
        let ids = found.iter().map(|document| Ok(text_id(document)?.to_owned()));
        let ids = ids.collect::<Result<Vec<_>, Error>>()?;
        self.ended = ids.len() < PAGE;
        if let Some(last) = ids.last() {
            self.after.clone_from(last);
        }
        Ok(Some(ids))
    }
}

/// All deals' amounts per currency in both generations: each deal is in exactly one bucket of days of creation.
async fn money(store: &dyn Documents, pairs: &[Pair]) -> Result<Vec<MoneyTotal>, Error> {
    let Some(pair) = pairs.iter().find(|pair| pair.label == FIGURES) else {
        return Ok(Vec::new());
    };
    let (before, after) = (totals(store, &pair.before).await?, totals(store, &pair.after).await?);
    let currencies: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let total = |currency: &&String| MoneyTotal {
        currency: (*currency).clone(),
        before: before.get(*currency).copied().unwrap_or_default(),
        after: after.get(*currency).copied().unwrap_or_default(),
    };
    Ok(currencies.iter().map(total).collect())
}

async fn totals(store: &dyn Documents, collection: &str) -> Result<BTreeMap<String, i64>, Error> {
    let measure = bson::serialize_to_bson(&Measure::CreatedByCreatedOn);
    let measure = measure.map_err(|error| Error::State(error.to_string()))?;
    let query = Query::all().with(Condition::Eq("measure".to_owned(), measure));
    let mut totals: BTreeMap<String, i64> = BTreeMap::new();
    for document in store.find(collection, &query).await? {
        let buckets: DayBuckets = decode(collection, &document)?;
        for (currency, units) in buckets.days.values().flat_map(|sums| &sums.currencies) {
            let total = totals.entry(currency.clone()).or_default();
            *total = total.saturating_add(units.amount);
        }
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bson::doc;
    use salescommand_domain::generation::Gate;
    use salescommand_store::memory::MemoryStore;
    use salescommand_store::work::Work;
    use salescommand_store::{CollectionSpec, Consumer};

    use super::*;

    async fn fill(store: &MemoryStore, collection: &str, documents: &[Document]) {
        let specs = [CollectionSpec::plain(collection)];
        store.ensure(&specs).await.unwrap();
        let (mut consumer, _) =
            Consumer::open(Arc::new(store.clone()), collection.into(), &specs).await.unwrap();
        let mut work = Work::default();
        for document in documents {
            work.insert(collection, document.get_str("_id").unwrap(), document).unwrap();
        }
        consumer.commit(doc! {}, work).await.unwrap();
    }

    fn definition(odoo: &str) -> Definition {
        [("mapper:odoo".to_owned(), odoo.to_owned())].into()
    }

    async fn compared(before: &[Document], after: &[Document], definitions: (&str, &str)) -> Comparison {
        let store = MemoryStore::new();
        fill(&store, "canonical_accounts_g1", before).await;
        fill(&store, "canonical_accounts_g2", after).await;
        let pairs = [Pair {
            label: "canonical_accounts".into(),
            before: "canonical_accounts_g1".into(),
            after: "canonical_accounts_g2".into(),
            projection: None,
        }];
        let kinds = [(InstanceName::new("odoo").unwrap(), "odoo".to_owned())].into();
        let (one, other) = (definition(definitions.0), definition(definitions.1));
        let question = Question {
            pairs: &pairs,
            before: &one,
            after: &other,
            kinds: &kinds,
            erasures: &[],
            vector: Vector::new(),
        };
        compare(&store, question).await.unwrap()
    }

    #[test]
    fn totals_that_differ_under_one_definition_are_explained_by_nothing() {
        let sample = Sample {
            id: "d".into(),
            fields: Vec::new(),
            only_before: false,
            only_after: false,
            explained_by: vec![ERASURE_PART.into()],
        };
        let mut figures = Counted::new(&Pair {
            label: FIGURES.into(),
            before: String::new(),
            after: String::new(),
            projection: None,
        });
        (figures.difference.changed, figures.difference.samples) = (2, vec![sample]);
        let total = |after| MoneyTotal { currency: "EUR2".into(), before: 5, after };
        let kept = |changed: &[&str], after| {
            let mut collections = [figures.difference.clone()];
            let changed = changed.iter().map(|part| (*part).to_owned()).collect();
            keep_figures(&changed, &[total(after)], &mut collections);
            collections[0].unexplained
        };
        assert_eq!((kept(&[], 5), kept(&["merge"], 6), kept(&[], 6)), (0, 0, 2));
    }

    fn account(id: u32, name: &str) -> Document {
        doc! { "_id": format!("a{id}"), "version": [{ "instance": "odoo" }], "body": { "name": name } }
    }

    #[tokio::test]
    async fn equal_generations_have_nothing_to_tell() {
        let documents: Vec<_> = (0..200).map(|id| account(id, "A")).collect();
        let comparison = compared(&documents, &documents, ("1", "1")).await;
        assert!(comparison.collections.is_empty());
        assert_eq!(comparison.gate(), Gate::Open);
    }

    #[tokio::test]
    async fn differences_are_counted_sampled_and_shut_the_gate() {
        let before: Vec<_> = (0..200).map(|id| account(id, "A")).collect();
        let mut after = before.clone();
        after[7] = account(7, "B");
        after.remove(100);
        after.push(account(500, "C"));
        let comparison = compared(&before, &after, ("1", "1")).await;
        let found = &comparison.collections[0];
        assert_eq!((found.before, found.after), (200, 200));
        assert_eq!((found.changed, found.only_before, found.only_after), (1, 1, 1));
        let changed = found.samples.iter().find(|sample| sample.id == "a7").unwrap();
        assert_eq!(changed.fields, ["/body/name"]);
        assert_eq!((comparison.gate(), comparison.unexplained()), (Gate::Shut, 3));
        let explained = compared(&before, &after, ("1", "2")).await;
        assert_eq!((explained.gate(), explained.differing()), (Gate::Open, 3));
        assert_eq!(explained.collections[0].samples[0].explained_by, ["mapper:odoo"]);
    }
}
