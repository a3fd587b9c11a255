//! Additive hashes of collections: what lets two generations be compared without reading them.
//!
//! Each document has a hash of its id and bytes. The ids of a collection fall into [`BUCKETS`] buckets, and a bucket's
//! sum is the sum, modulo 2^128, of the hashes of its documents. A write moves the sum by (after - before), so the sums
//! are kept in the same transaction as the documents and cost no read. Equal sums mean equal documents; where sums
//! differ, only that bucket's documents are read.
//!
//! The hash is the first half of a SHA-256. A sum of such hashes finds defects; it is no proof against somebody who can
//! choose documents at will.
//!
//! Sums are stored as [`CHUNKS`] documents per collection in [`HASHES_COLLECTION`], so that a small batch rewrites
//! little: `{_id: "<collection>/<chunk>", sums: <64 numbers of 16 bytes, little endian>}`.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Binary, RawDocumentBuf, rawdoc, spec::BinarySubtype};
use sha2::{Digest as _, Sha256};

use crate::{Documents, Error, Operation, Write, text_id};

/// Holds the sums of every compared collection.
pub const HASHES_COLLECTION: &str = "bucket_hashes";
/// Buckets of a collection.
pub const BUCKETS: usize = 4_096;
/// Documents that hold them.
const CHUNKS: usize = 64;
const PER_CHUNK: usize = BUCKETS / CHUNKS;
const SUM_BYTES: usize = 16;

/// The sums of one collection, by bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSums(Vec<u128>);

impl Default for BucketSums {
    /// Of an empty collection.
    fn default() -> Self {
        Self(vec![0; BUCKETS])
    }
}

impl BucketSums {
    /// The buckets in which two collections differ, ascending.
    pub fn differing(&self, other: &Self) -> BTreeSet<usize> {
        (0..BUCKETS).filter(|bucket| self.0[*bucket] != other.0[*bucket]).collect()
    }

    /// Counts a document in.
    pub fn add(&mut self, id: &str, document: &[u8]) {
        let sum = &mut self.0[bucket_of(id)];
        *sum = sum.wrapping_add(document_hash(id, document));
    }

    /// Counts a document out.
    fn remove(&mut self, id: &str, document: &[u8]) {
        let sum = &mut self.0[bucket_of(id)];
        *sum = sum.wrapping_sub(document_hash(id, document));
    }

    fn chunk(&self, chunk: usize) -> Vec<u8> {
        let sums = &self.0[chunk * PER_CHUNK..(chunk + 1) * PER_CHUNK];
        sums.iter().flat_map(|sum| sum.to_le_bytes()).collect()
    }

    fn set_chunk(&mut self, chunk: usize, bytes: &[u8]) {
        for (index, sum) in bytes.chunks_exact(SUM_BYTES).take(PER_CHUNK).enumerate() {
            let mut number = [0; SUM_BYTES];
            number.copy_from_slice(sum);
            self.0[chunk * PER_CHUNK + index] = u128::from_le_bytes(number);
        }
    }
}

/// The bucket of an id: the first 12 bits of its digest.
pub fn bucket_of(id: &str) -> usize {
    let digest = Sha256::digest(id.as_bytes());
    (usize::from(digest[0]) << 4) | usize::from(digest[1] >> 4)
}

fn document_hash(id: &str, document: &[u8]) -> u128 {
    let mut hasher = Sha256::new();
    hasher.update((id.len() as u64).to_le_bytes());
    hasher.update(id.as_bytes());
    hasher.update(document);
    let mut half = [0; SUM_BYTES];
    half.copy_from_slice(&hasher.finalize()[..SUM_BYTES]);
    u128::from_le_bytes(half)
}

fn chunk_id(collection: &str, chunk: usize) -> String {
    format!("{collection}/{chunk:02}")
}

/// Reads the sums of a collection; those of an empty one if none are stored.
pub async fn stored_sums(store: &dyn Documents, collection: &str) -> Result<BucketSums, Error> {
    Ok(Kept::load(store, collection).await?.sums)
}

/// Ids of the documents that hold a collection's sums.
pub fn chunk_ids(collection: &str) -> Vec<String> {
    (0..CHUNKS).map(|chunk| chunk_id(collection, chunk)).collect()
}

/// A document before and after a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where.
    pub collection: String,
    /// Which document.
    pub id: String,
    /// As it was; none if it was not there.
    pub before: Option<RawDocumentBuf>,
    /// As it will be; none if it goes.
    pub after: Option<RawDocumentBuf>,
}

/// The sums of a collection in memory, and which chunks the database has.
#[derive(Debug, Clone, Default)]
struct Kept {
    sums: BucketSums,
    stored: BTreeSet<usize>,
}

impl Kept {
    async fn load(store: &dyn Documents, collection: &str) -> Result<Self, Error> {
        let mut kept = Self::default();
        for document in store.get(HASHES_COLLECTION, &chunk_ids(collection)).await? {
            let id = text_id(&document)?;
            let chunk = id.rsplit_once('/').and_then(|(_, chunk)| chunk.parse::<usize>().ok());
            let bytes = document.get_binary("sums").map(|binary| binary.bytes.to_vec());
            match (chunk.filter(|chunk| *chunk < CHUNKS), bytes) {
                (Some(chunk), Ok(bytes)) if bytes.len() == PER_CHUNK * SUM_BYTES => {
                    kept.sums.set_chunk(chunk, &bytes);
                    kept.stored.insert(chunk);
                }
                _ => return Err(Error::Refused(format!("{HASHES_COLLECTION}/{id} cannot be read"))),
            }
        }
        Ok(kept)
    }
}

/// The sums of the collections that one consumer writes. It is their only writer, so they are read once.
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    compared: BTreeSet<String>,
    kept: BTreeMap<String, Kept>,
}

/// Sums as they will be once a batch is in.
#[derive(Debug, Default)]
pub(crate) struct Moved(BTreeMap<String, Kept>);

impl Hashes {
    pub(crate) fn of(compared: BTreeSet<String>) -> Self {
        Self { compared, kept: BTreeMap::new() }
    }

    /// Works out what a batch makes of the sums, and the writes that say so.
    pub(crate) async fn moved(
        &mut self,
        store: &dyn Documents,
        changes: &[Change],
    ) -> Result<(Moved, Vec<Write>), Error> {
        let mut moved = Moved::default();
        let mut touched: BTreeSet<(&str, usize)> = BTreeSet::new();
        for change in changes.iter().filter(|change| self.compared.contains(&change.collection)) {
            if !moved.0.contains_key(&change.collection) {
                if !self.kept.contains_key(&change.collection) {
                    let kept = Kept::load(store, &change.collection).await?;
                    self.kept.insert(change.collection.clone(), kept);
                }
                let kept = self.kept.get(&change.collection).cloned().unwrap_or_default();
                moved.0.insert(change.collection.clone(), kept);
            }
            let Some(kept) = moved.0.get_mut(&change.collection) else { continue };
            if let Some(before) = &change.before {
                kept.sums.remove(&change.id, before.as_bytes());
            }
            if let Some(after) = &change.after {
                kept.sums.add(&change.id, after.as_bytes());
            }
            touched.insert((&change.collection, bucket_of(&change.id) / PER_CHUNK));
        }
        let mut writes = Vec::with_capacity(touched.len());
        for (collection, chunk) in touched {
            let Some(kept) = moved.0.get_mut(collection) else { continue };
            let id = chunk_id(collection, chunk);
            let sums = Binary { subtype: BinarySubtype::Generic, bytes: kept.sums.chunk(chunk) };
            let document = rawdoc! { "_id": id.as_str(), "sums": sums };
            let operation = if kept.stored.insert(chunk) {
                Operation::Insert(document)
            } else {
                Operation::Replace(document)
            };
            writes.push(Write { collection: HASHES_COLLECTION.to_owned(), id, operation });
        }
        Ok((moved, writes))
    }

    /// The batch is in.
    pub(crate) fn settle(&mut self, moved: Moved) {
        self.kept.extend(moved.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::MemoryStore;
    use crate::{Batch, CollectionSpec};

    fn document(id: &str, value: u8) -> RawDocumentBuf {
        rawdoc! { "_id": id, "value": i32::from(value) }
    }

    fn change(id: u8, before: Option<u8>, after: Option<u8>) -> Change {
        let id = format!("d{id}");
        let made = |value: Option<u8>| value.map(|value| document(&id, value));
        Change { collection: "c".into(), before: made(before), after: made(after), id: id.clone() }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn sums_are_those_of_the_documents_whatever_the_way(steps in prop::collection::vec((0u8..6, prop::option::of(0u8..4)), 1..30), cut in 1usize..8) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut held: BTreeMap<u8, u8> = BTreeMap::new();
            runtime.block_on(async {
                let store = MemoryStore::new();
                store.ensure(&[CollectionSpec::plain("c")]).await.unwrap();
                let mut hashes = Hashes::of(BTreeSet::from(["c".to_owned()]));
                let mut revision = 0;
                for batch in steps.chunks(cut) {
                    let mut last: BTreeMap<u8, Change> = BTreeMap::new();
                    for (id, value) in batch {
                        let before = last.get(id).map_or(held.get(id).copied(), |_| None);
                        let first = last.remove(id);
                        let mut step = change(*id, before, *value);
                        if let Some(first) = first { step.before = first.before; }
                        last.insert(*id, step);
                        match value { Some(value) => { held.insert(*id, *value); } None => { held.remove(id); } }
                    }
                    let changes: Vec<_> = last.into_values().collect();
                    let (moved, writes) = hashes.moved(&store, &changes).await.unwrap();
                    let batch = Batch { consumer: "k".into(), expected_revision: revision, position: bson::Document::new(), writes };
                    revision = store.commit(batch).await.unwrap();
                    hashes.settle(moved);
                }
                let mut expected = BucketSums::default();
                for (id, value) in &held {
                    let id = format!("d{id}");
                    expected.add(&id, document(&id, *value).as_bytes());
                }
                let stored = stored_sums(&store, "c").await.unwrap();
                assert!(stored.differing(&expected).is_empty());
            });
        }
    }

    #[test]
    fn a_changed_byte_shows_in_its_bucket_alone() {
        let (mut one, mut other) = (BucketSums::default(), BucketSums::default());
        for id in ["a", "b", "c"] {
            one.add(id, document(id, 1).as_bytes());
            other.add(id, document(id, u8::from(id != "b")).as_bytes());
        }
        assert_eq!(one.differing(&other), BTreeSet::from([bucket_of("b")]));
    }
}
