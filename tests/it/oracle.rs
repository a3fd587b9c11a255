//! The oracle: what the documents must be, computed by the same pure parts over the in-memory twins, undisturbed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{BatchLimit, EventLog, LogReader, Message, StreamSpec};
use salescommand_normalizer::{Mappers, Normalizer, RawMessage, Room, canonical_stream, publish_outbox};
use salescommand_projector::{CanonicalEntry, Projector, projections};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{Active, Documents, POSITIONS_COLLECTION, Query, Unhurried};

/// Documents that are compared, as bytes, by collection and id.
pub type Compared = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

/// Whether a collection's documents are compared: positions, outbox and a projection's own book-keeping are not.
pub fn is_compared(collection: &str) -> bool {
    let zone = collection.starts_with("canonical_") || collection.starts_with("serving_");
    zone && collection != POSITIONS_COLLECTION
        && !collection.starts_with("canonical_outbox")
        && !collection.contains("_state_g")
        && !collection.contains("_roll_up")
}

/// Every mapper of the product.
pub fn mappers() -> Mappers {
    Mappers::new(salescommand_connectors::DESCRIPTORS.iter().map(|room| Room {
        kind: room.kind,
        version: room.version,
        only: room.open.is_none().then_some(room.kind),
        schemas: room.schemas,
        map: room.map,
    }))
}

/// Runs batches of raw events through normalizer and projectors; projects after each batch, or only at the end.
pub async fn documents(batches: &[Vec<RawMessage>], project_each: bool) -> Compared {
    let store = MemoryStore::new();
    let shared: Arc<dyn Documents> = Arc::new(store.clone());
    let log = MemoryLog::new();
    log.ensure_stream(&canonical_spec()).await.unwrap();
    shared.ensure(&salescommand_normalizer::specs(1)).await.unwrap();
    let mut normalizer = Normalizer::open(shared.clone(), mappers(), 1).await.unwrap();
    let mut projectors = Vec::new();
    for projection in projections() {
        projectors.push(Projector::open(shared.clone(), projection, 1, 1, &Unhurried).await.unwrap());
    }
    for (index, batch) in batches.iter().enumerate() {
        normalizer.apply(batch).await.unwrap();
        while normalizer.settle().await.unwrap() {}
        if project_each || index + 1 == batches.len() {
            publish_outbox(&*shared, &log, 1).await.unwrap();
            for projector in &mut projectors {
                project(&log, projector).await;
            }
        }
    }
    compared(&store)
}

/// Like [`documents`], but projects only what `chosen` makes of the canonical events.
pub async fn served_from(
    batches: &[Vec<RawMessage>],
    chosen: impl FnOnce(Vec<Message>) -> Vec<Message>,
) -> Compared {
    let store = MemoryStore::new();
    let shared: Arc<dyn Documents> = Arc::new(store.clone());
    let log = MemoryLog::new();
    log.ensure_stream(&canonical_spec()).await.unwrap();
    shared.ensure(&salescommand_normalizer::specs(1)).await.unwrap();
    let mut normalizer = Normalizer::open(shared.clone(), mappers(), 1).await.unwrap();
    for batch in batches {
        normalizer.apply(batch).await.unwrap();
        while normalizer.settle().await.unwrap() {}
    }
    publish_outbox(&*shared, &log, 1).await.unwrap();
    let events = chosen(messages(&log, &canonical_stream(1)).await);
    for projection in projections() {
        let mut projector = Projector::open(shared.clone(), projection, 1, 1, &Unhurried).await.unwrap();
        for portion in entries(&events).chunks(7) {
            projector.apply(portion).await.unwrap();
        }
    }
    compared(&store)
}

/// The compared documents of a twin.
pub fn compared(store: &MemoryStore) -> Compared {
    let collections = store.dump().into_iter().filter(|(name, found)| is_compared(name) && !found.is_empty());
    let bytes = |(id, document): (String, bson::RawDocumentBuf)| (id, document.into_bytes());
    collections.map(|(name, found)| (name, found.into_iter().map(bytes).collect())).collect()
}

/// The compared documents of a switch in any store, under the names of the first generation.
pub async fn stored(store: &dyn Documents, active: &Active) -> Compared {
    let mut specs = salescommand_normalizer::specs(active.canonical);
    for projection in projections() {
        specs.extend(projection.collections(active.serving[projection.name()]));
    }
    let mut found = Compared::new();
    for spec in specs.into_iter().filter(|spec| is_compared(&spec.name)) {
        let documents = store.find(&spec.name, &Query::all()).await.unwrap();
        let by_id = |document: bson::RawDocumentBuf| {
            (document.get_str("_id").unwrap().to_owned(), document.into_bytes())
        };
        let documents: BTreeMap<_, _> = documents.into_iter().map(by_id).collect();
        if !documents.is_empty() {
            let (label, _) = spec.name.rsplit_once("_g").unwrap();
            found.insert(format!("{label}_g1"), documents);
        }
    }
    found
}

/// Every message of a stream.
pub async fn messages(log: &dyn EventLog, stream: &str) -> Vec<Message> {
    let end = log.stream(stream).await.unwrap().unwrap().last_sequence;
    let (mut reader, mut found) = (log.read_after(stream, 0).await.unwrap(), Vec::new());
    let limit = BatchLimit { messages: 1_000, bytes: 8 << 20, wait: Duration::from_secs(5) };
    while found.last().map_or(0, |last: &Message| last.sequence) < end {
        found.extend(reader.next(limit).await.unwrap());
    }
    found
}

/// The canonical stream of the first generation.
pub fn canonical_spec() -> StreamSpec {
    StreamSpec {
        name: canonical_stream(1),
        subjects: vec!["canonical.g1.>".into()],
        immutable: true,
        max_bytes: None,
        duplicate_window: Duration::from_secs(10),
    }
}

/// Messages of a canonical stream as a projector takes them.
pub fn entries(messages: &[Message]) -> Vec<CanonicalEntry> {
    messages.iter().map(|message| CanonicalEntry::read(message).unwrap()).collect()
}

async fn project(log: &MemoryLog, projector: &mut Projector) {
    let stream = canonical_stream(1);
    let last = log.stream(&stream).await.unwrap().unwrap().last_sequence;
    let mut reader: Box<dyn LogReader> =
        log.read_after(&stream, projector.position().sequence as u64).await.unwrap();
    while (projector.position().sequence as u64) < last {
        let limit = BatchLimit { messages: 7, bytes: 1 << 20, wait: Duration::from_millis(100) };
        let entries = entries(&reader.next(limit).await.unwrap());
        projector.apply(&entries).await.unwrap();
        // A second delivery changes nothing.
        projector.apply(&entries).await.unwrap();
    }
}

/// Panics with the first difference.
pub fn assert_same(expected: &Compared, found: &Compared) {
    let show = |bytes: &Vec<u8>| {
        let document = bson::RawDocumentBuf::from_bytes(bytes.clone()).map(bson::Document::try_from);
        format!("{document:?}")
    };
    for (name, documents) in expected {
        let others = found.get(name).unwrap_or_else(|| panic!("there is no document in {name}"));
        for (id, bytes) in documents {
            let other = others.get(id);
            assert!(
                other == Some(bytes),
                "{name}/{id}\nexpected {}\nfound    {:?}",
                show(bytes),
                other.map(show)
            );
        }
        let extra: Vec<_> = others.keys().filter(|id| !documents.contains_key(*id)).collect();
        assert!(extra.is_empty(), "{name} has documents that should not be there: {extra:?}");
    }
    let extra: Vec<_> = found.keys().filter(|name| !expected.contains_key(*name)).collect();
    assert!(extra.is_empty(), "collections that should be empty: {extra:?}");
}
