//! What a consumer has never written it need not look up.
//!
//! A replay begins with empty collections, and most of what it looks up is not there: records that are new, keys that
//! nobody holds, references that nobody makes. Only this consumer writes these collections, so it knows what cannot be
//! there. It remembers in Bloom filters that grow to a fixed size: one that is too full costs look-ups, and never gives
//! a wrong answer. A consumer that takes up where another process stood does not know, and looks everything up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bson::{Bson, RawBsonRef, RawDocument, RawDocumentBuf};
use fastbloom::BloomFilter;

use crate::{Batch, CollectionSpec, Condition, Documents, Error, Layer, Layered, Operation, Query};

/// Bits of the first and of the largest filter, 1 MiB.
const BITS: (usize, usize) = (1 << 15, 1 << 23);
/// Each filter has so many times the bits of the one before.
const GROWTH: usize = 4;
/// A filter is full with so many bits per value; with so many hashes it then takes one stranger in forty for its own.
const BITS_PER_VALUE: usize = 8;
const HASHES: u32 = 4;
/// Any seed will do, and no answer depends on it.
const SEED: u128 = 0;

/// What a consumer that began with nothing has written, by collection.
struct Unwritten(Mutex<BTreeMap<String, Written>>);

/// What was ever written into a collection: ids, and the values of the fields that its indexes begin with.
struct Written(BTreeMap<&'static str, Values>);

/// Values, as far as filters tell.
#[derive(Default)]
struct Values {
    filters: Vec<BloomFilter>,
    /// Values that the last filter still takes before the next one is begun.
    room: usize,
}

impl Values {
    fn insert(&mut self, text: &str) {
        let largest = self.filters.last().map_or(0, BloomFilter::num_bits);
        if self.room == 0 && largest < BITS.1 {
            let bits = (largest * GROWTH).clamp(BITS.0, BITS.1);
            self.filters.push(BloomFilter::with_num_bits(bits).seed(&SEED).hashes(HASHES));
            self.room = bits / BITS_PER_VALUE;
        }
        if self.filters.last_mut().is_some_and(|last| !last.insert(text)) {
            self.room = self.room.saturating_sub(1);
        }
    }

    fn may_hold(&self, text: &str) -> bool {
        self.filters.iter().any(|filter| filter.contains(text))
    }
}

impl Written {
    fn new(spec: &CollectionSpec) -> Self {
        let fields = spec.indexes.iter().filter_map(|(fields, _)| fields.first().copied());
        Self(std::iter::once("_id").chain(fields).map(|field| (field, Values::default())).collect())
    }

    fn note(&mut self, document: &RawDocument) {
        for (field, values) in &mut self.0 {
            each_text(document, field, &mut |text| values.insert(text));
        }
    }

    /// Whether a value may have been written. Only of texts is anything known.
    fn may_hold(&self, field: &str, value: &Bson) -> bool {
        match (self.0.get(field), value) {
            (Some(values), Bson::String(text)) => values.may_hold(text),
            _ => true,
        }
    }

    /// The ids that may have been written.
    fn held(&self, ids: &[String]) -> Vec<String> {
        let held = |id: &&String| self.0.get("_id").is_none_or(|known| known.may_hold(id));
        ids.iter().filter(held).cloned().collect()
    }

    /// The query without values that cannot be there; none if nothing is left to be found.
    fn narrowed(&self, query: &Query) -> Option<Query> {
        let mut query = query.clone();
        for condition in &mut query.conditions {
            if let Condition::In(field, values) = condition {
                values.retain(|value| self.may_hold(field, value));
                if values.is_empty() {
                    return None;
                }
            }
        }
        Some(query)
    }
}

/// Every text at a dotted path; an array stands for its items.
fn each_text(document: &RawDocument, path: &str, found: &mut impl FnMut(&str)) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    if let Ok(Some(value)) = document.get(first) {
        each_text_of(value, rest, found);
    }
}

fn each_text_of(value: RawBsonRef<'_>, path: Option<&str>, found: &mut impl FnMut(&str)) {
    match (value, path) {
        (RawBsonRef::Array(items), _) => {
            items.into_iter().flatten().for_each(|item| each_text_of(item, path, found));
        }
        (RawBsonRef::String(text), None) => found(text),
        (RawBsonRef::Document(document), Some(path)) => each_text(document, path, found),
        _ => {}
    }
}

/// The store for a consumer without a position. Collections that hold anything all the same are looked up in.
pub(crate) async fn unwritten(
    inner: Arc<dyn Documents>,
    collections: &[CollectionSpec],
) -> Result<Arc<dyn Documents>, Error> {
    let mut written = BTreeMap::new();
    for spec in collections {
        if inner.find(&spec.name, &Query::all().limited(1).only(&["_id"])).await?.is_empty() {
            written.insert(spec.name.clone(), Written::new(spec));
        }
    }
    Ok(Arc::new(Layered { inner, layer: Unwritten(Mutex::new(written)) }))
}

impl Unwritten {
    fn written(&self) -> MutexGuard<'_, BTreeMap<String, Written>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Layer for Unwritten {
    async fn get(
        &self,
        inner: &dyn Documents,
        collection: &str,
        ids: &[String],
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        let held = self.written().get(collection).map(|written| written.held(ids));
        match held {
            None => inner.get(collection, ids).await,
            Some(held) if held.is_empty() => Ok(Vec::new()),
            Some(held) => inner.get(collection, &held).await,
        }
    }

    async fn find(
        &self,
        inner: &dyn Documents,
        collection: &str,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        let narrowed = self.written().get(collection).map(|written| written.narrowed(query));
        match narrowed {
            None => inner.find(collection, query).await,
            Some(None) => Ok(Vec::new()),
            Some(Some(narrowed)) => inner.find(collection, &narrowed).await,
        }
    }

    async fn commit(&self, inner: &dyn Documents, batch: Batch) -> Result<i64, Error> {
        // Before it is in: what was noted in vain is looked up in vain, no more.
        {
            let mut written = self.written();
            for write in &batch.writes {
                if let Operation::Insert(document) | Operation::Replace(document) = &write.operation
                    && let Some(written) = written.get_mut(&write.collection)
                {
                    written.note(document);
                }
            }
        }
        inner.commit(batch).await
    }
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;
    use proptest::prelude::*;

    use super::*;
    use crate::memory::{Fault, MemoryStore};
    use crate::{Direction, Write};

    fn spec() -> CollectionSpec {
        CollectionSpec::plain("facets").index(&["refs", "_id"]).index(&["members.id"])
    }

    fn document(id: u8, refs: &[u8]) -> RawDocumentBuf {
        let refs: Vec<String> = refs.iter().map(u8::to_string).collect();
        let members: Vec<Bson> = refs.iter().map(|id| bson::bson!({ "id": id })).collect();
        let document = bson::doc! { "_id": id.to_string(), "refs": refs, "members": members };
        RawDocumentBuf::try_from(&document).unwrap()
    }

    fn queries(values: &[u8]) -> Vec<Query> {
        let values: Vec<Bson> = values.iter().map(|value| value.to_string().into()).collect();
        let by = |field: &str| Query::all().with(Condition::In(field.to_owned(), values.clone()));
        vec![
            by("_id"),
            by("refs").sorted("_id", Direction::Descending).limited(2),
            by("members.id").only(&["_id"]),
            by("refs").with(Condition::Gt("_id".to_owned(), "4".into())),
            by("other"),
            Query::all(),
        ]
    }

    async fn write(store: &dyn Documents, revision: i64, writes: Vec<Write>) -> i64 {
        let position = bson::doc! { "at": revision };
        let batch = Batch { consumer: "one".to_owned(), expected_revision: revision, position, writes };
        store.commit(batch).await.unwrap()
    }

    proptest! {
        #[test]
        fn every_answer_is_that_of_the_store_itself(
            steps in prop::collection::vec((0_u8..9, prop::option::of(prop::collection::vec(0_u8..9, 0..4))), 0..20),
            asked in prop::collection::vec(0_u8..20, 0..6),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let inner = Arc::new(MemoryStore::new());
                inner.ensure(&[spec()]).await.unwrap();
                let store = unwritten(inner.clone(), &[spec()]).await.unwrap();
                let (mut revision, mut held) = (0, std::collections::BTreeSet::new());
                for (id, refs) in steps {
                    let operation = match refs {
                        Some(refs) if held.insert(id) => Operation::Insert(document(id, &refs)),
                        Some(refs) => Operation::Replace(document(id, &refs)),
                        None if held.remove(&id) => Operation::Delete,
                        None => continue,
                    };
                    let collection = "facets".to_owned();
                    revision = write(&*store, revision, vec![Write { collection, id: id.to_string(), operation }]).await;
                    let ids: Vec<String> = asked.iter().map(u8::to_string).collect();
                    let found = store.get("facets", &ids).await.unwrap();
                    prop_assert_eq!(found, inner.get("facets", &ids).await.unwrap());
                    for query in queries(&asked) {
                        let found = store.find("facets", &query).await.unwrap();
                        prop_assert_eq!(found, inner.find("facets", &query).await.unwrap());
                    }
                }
                Ok(())
            })?;
        }
    }

    #[test]
    fn filters_grow_to_their_size_and_forget_nothing() {
        let mut values = Values::default();
        let texts: Vec<String> = (0..200_000).map(|number: u32| format!("record-{number}")).collect();
        texts.iter().for_each(|text| values.insert(text));
        assert!(texts.iter().all(|text| values.may_hold(text)));
        let strangers = (0..10_000).filter(|number| values.may_hold(&format!("stranger-{number}"))).count();
        assert!(strangers < 800, "{strangers} of 10,000 would be looked up in vain");
        assert!(values.filters.len() <= 5);
    }

    #[tokio::test]
    async fn what_was_never_written_is_not_asked_for_and_what_was_there_is() {
        let inner = Arc::new(MemoryStore::new());
        inner.ensure(&[spec(), CollectionSpec::plain("links")]).await.unwrap();
        let (collection, id) = ("links".to_owned(), "a".to_owned());
        let operation = Operation::Insert(rawdoc! { "_id": "a" });
        write(&*inner, 0, vec![Write { collection, id, operation }]).await;
        let store = unwritten(inner.clone(), &[spec(), CollectionSpec::plain("links")]).await.unwrap();
        assert_eq!(store.get("links", &["a".to_owned()]).await.unwrap().len(), 1, "written by somebody else");
        inner.fail_next(10, Fault::Call);
        assert!(store.get("facets", &["7".to_owned()]).await.unwrap().is_empty());
        assert!(store.find("facets", &queries(&[3])[1]).await.unwrap().is_empty());
    }
}
