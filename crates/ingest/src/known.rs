//! Which records the log may say are there, so that those that vanish from a source can be told.
//!
//! Keys are numbers, kept in blocks of 65,536 as compressed bitmaps: a million records are some 20 entries of at most a
//! few KB each. A key is entered before its record is published and taken out after its retraction is, so the blocks never
//! know less than the log. An object without blocks is read as a whole, which makes them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roaring::RoaringBitmap;
use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::raw::{InstanceName, ObjectName};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::cursor::Cursor;
use crate::held::{Held, Owned};
use crate::{Error, Ports};

/// Bucket of the blocks, under `<instance>.<escaped object>.<block>`.
pub(crate) const KNOWN_BUCKET: &str = "SYNC_KNOWN";

/// Keys of a block: those that agree in all but these low bits.
const BLOCK_BITS: u32 = 16;
/// The number of the last block.
pub(crate) const LAST_BLOCK: u32 = u32::MAX >> BLOCK_BITS;

/// One entry of the bucket.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// The run that wrote it.
    run_id: Uuid,
    token: u64,
    /// Keys whose last event may say that the record is there.
    known: Keys,
    /// Those of them that exist in the source and have to be read when they can be: they could not when it was last looked,
    /// or a crash came between.
    hidden: Keys,
}

impl Owned for Entry {
    fn same_owner(&self, other: &Self) -> bool {
        self.token == other.token && self.run_id == other.run_id
    }
}

/// A set of keys, as the base64 of its portable serialization
/// (<https://github.com/RoaringBitmap/RoaringFormatSpec>).
#[derive(Debug)]
struct Keys(RoaringBitmap);

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.serialized_size());
        self.0.serialize_into(&mut bytes).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        RoaringBitmap::deserialize_from(bytes.as_slice()).map(Self).map_err(D::Error::custom)
    }
}

/// One block as its run holds it.
#[derive(Debug)]
struct Block {
    held: Held,
    known: RoaringBitmap,
    hidden: RoaringBitmap,
}

/// The blocks of an instance's objects, as one run holds them.
#[derive(Debug)]
pub(crate) struct Known {
    run_id: Uuid,
    token: u64,
    instance: InstanceName,
    blocks: BTreeMap<(ObjectName, u32), Block>,
}

impl Known {
    /// Reads the blocks of some objects.
    pub(crate) async fn open(
        ports: &Ports,
        instance: &InstanceName,
        (run_id, token): (Uuid, u64),
        plans: &[ObjectPlan],
    ) -> Result<Self, Error> {
        let objects: BTreeMap<_, _> =
            plans.iter().map(|plan| (Cursor::key(instance, &plan.object), &plan.object)).collect();
        let mut blocks = BTreeMap::new();
        for (key, entry) in ports.kv.entries(KNOWN_BUCKET).await? {
            let Some((object, number)) = key.rsplit_once('.') else { continue };
            let (Some(object), Ok(number)) = (objects.get(object), number.parse()) else { continue };
            let slot = ((*object).clone(), number);
            let (held, entry) = Held::found::<Entry>(KNOWN_BUCKET, key, &entry)?;
            blocks.insert(slot, Block { held, known: entry.known.0, hidden: entry.hidden.0 });
        }
        Ok(Self { run_id, token, instance: instance.clone(), blocks })
    }

    /// Enters the keys of records that are about to be published.
    pub(crate) async fn enter(
        &mut self,
        ports: &Ports,
        object: &ObjectName,
        records: &[Record],
    ) -> Result<(), Error> {
        for (number, keys) in by_block(&keys_of(records)) {
            self.change(ports, object, number, |known, _| *known |= keys).await?;
        }
        Ok(())
    }

    /// Takes out the keys of records whose retraction is published.
    pub(crate) async fn forget(
        &mut self,
        ports: &Ports,
        object: &ObjectName,
        keys: &RoaringBitmap,
    ) -> Result<(), Error> {
        for (number, keys) in by_block(keys) {
            self.change(ports, object, number, |known, hidden| {
                *known -= &keys;
                *hidden -= &keys;
            })
            .await?;
        }
        Ok(())
    }

    /// Notes which keys of a block exist and cannot be read, or have yet to be.
    pub(crate) async fn hide(
        &mut self,
        ports: &Ports,
        object: &ObjectName,
        number: u32,
        keys: RoaringBitmap,
    ) -> Result<(), Error> {
        self.change(ports, object, number, |known, hidden| {
            *known |= &keys;
            *hidden = keys;
        })
        .await
    }

    /// Whether any key of an object is or was known.
    pub(crate) fn knows(&self, object: &ObjectName) -> bool {
        self.of_object(object).next().is_some()
    }

    /// An object's blocks: number, keys that are known, and those of them that are hidden.
    pub(crate) fn blocks(&self, object: &ObjectName) -> Vec<(u32, RoaringBitmap, RoaringBitmap)> {
        let blocks = self.of_object(object);
        blocks.map(|(number, block)| (number, block.known.clone(), block.hidden.clone())).collect()
    }

    fn of_object(&self, object: &ObjectName) -> impl Iterator<Item = (u32, &Block)> {
        let blocks = self.blocks.range((object.clone(), 0)..=(object.clone(), u32::MAX));
        blocks.map(|((_, number), block)| (*number, block))
    }

    /// Changes one block, and writes it if that made a difference.
    async fn change(
        &mut self,
        ports: &Ports,
        object: &ObjectName,
        number: u32,
        change: impl FnOnce(&mut RoaringBitmap, &mut RoaringBitmap),
    ) -> Result<(), Error> {
        let slot = (object.clone(), number);
        let before = self.blocks.get(&slot);
        let (mut known, mut hidden) =
            before.map(|block| (block.known.clone(), block.hidden.clone())).unwrap_or_default();
        change(&mut known, &mut hidden);
        if before.is_some_and(|block| block.known == known && block.hidden == hidden) {
            return Ok(());
        }
        let mut held = match before {
            Some(block) => block.held.clone(),
            None => {
                let key = format!("{}.{number}", Cursor::key(&self.instance, object));
                Held::read::<Entry>(ports, KNOWN_BUCKET, key).await?.0
            }
        };
        held.write(ports, &self.entry(known.clone(), hidden.clone())).await?;
        self.blocks.insert(slot, Block { held, known, hidden });
        Ok(())
    }

    fn entry(&self, known: RoaringBitmap, hidden: RoaringBitmap) -> Entry {
        Entry { run_id: self.run_id, token: self.token, known: Keys(known), hidden: Keys(hidden) }
    }
}

/// The keys of records.
pub(crate) fn keys_of(records: &[Record]) -> RoaringBitmap {
    records.iter().filter_map(|record| record.key.parse::<u32>().ok()).collect()
}

/// The keys of a block.
pub(crate) fn keys_of_block(number: u32) -> RangeInclusive<u32> {
    let first = number << BLOCK_BITS;
    first..=first | ((1 << BLOCK_BITS) - 1)
}

fn by_block(keys: &RoaringBitmap) -> BTreeMap<u32, RoaringBitmap> {
    let mut blocks: BTreeMap<u32, RoaringBitmap> = BTreeMap::new();
    for key in keys {
        blocks.entry(key >> BLOCK_BITS).or_default().insert(key);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_being_stored_and_a_million_of_them_are_small() {
        let odd: RoaringBitmap = (0..1_000_000).filter(|key| key % 3 != 0).collect();
        let blocks = by_block(&odd);
        assert_eq!(blocks.len(), 16);
        for (number, keys) in blocks {
            assert!(keys.iter().all(|key| keys_of_block(number).contains(&key)));
            let text = serde_json::to_string(&Keys(keys.clone())).unwrap();
            assert!(text.len() < 12_000, "{} bytes", text.len());
            assert_eq!(serde_json::from_str::<Keys>(&text).unwrap().0, keys);
        }
        assert_eq!(*keys_of_block(LAST_BLOCK).end(), u32::MAX);
    }
}
