//! Which records of a part of a followed object the log may say are there.
//!
//! Keys are texts, kept in blocks of at most a thousand. A key is entered before its record is published and taken out after its
//! retraction is, so the blocks never know less than the log. A part's blocks are read when they are needed: most parts have
//! not changed since the last reading.

use std::collections::BTreeSet;

use salescommand_domain::raw::{InstanceName, ObjectName, raw_subject};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::held::{Held, Owned};
use crate::known::KNOWN_BUCKET;
use crate::{Error, Ports};

/// Keys in a block at most.
const BLOCK: usize = 1_000;

/// One entry of the bucket.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// The run that wrote it.
    run_id: Uuid,
    token: u64,
    keys: BTreeSet<String>,
}

impl Owned for Entry {
    fn same_owner(&self, other: &Self) -> bool {
        self.token == other.token && self.run_id == other.run_id
    }
}

/// The keys of a part, as one run holds them.
#[derive(Debug)]
pub(crate) struct PartKeys {
    run_id: Uuid,
    token: u64,
    /// Key of its first block, without the number.
    prefix: String,
    blocks: Vec<(Held, BTreeSet<String>)>,
}

impl PartKeys {
    /// Reads the blocks of a part.
    pub(crate) async fn open(
        ports: &Ports,
        (instance, object, part): (&InstanceName, &ObjectName, &str),
        (run_id, token): (Uuid, u64),
    ) -> Result<Self, Error> {
        let prefix = part_key(instance, object, part);
        let mut keys = Self { run_id, token, prefix, blocks: Vec::new() };
        loop {
            let (held, entry) = keys.block(ports, keys.blocks.len()).await?;
            let Some(entry) = entry else { return Ok(keys) };
            keys.blocks.push((held, entry.keys));
        }
    }

    async fn block(&self, ports: &Ports, number: usize) -> Result<(Held, Option<Entry>), Error> {
        Held::read::<Entry>(ports, KNOWN_BUCKET, format!("{}.{number}", self.prefix)).await
    }

    /// Every key.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.blocks.iter().flat_map(|(_, keys)| keys)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.blocks.iter().map(|(_, keys)| keys.len()).sum()
    }

    /// Enters the keys of records that are about to be published.
    pub(crate) async fn enter(
        &mut self,
        ports: &Ports,
        keys: impl Iterator<Item = &String>,
    ) -> Result<(), Error> {
        let known = |key: &&String| self.blocks.iter().any(|(_, keys)| keys.contains(*key));
        let mut new: BTreeSet<String> = keys.filter(|key| !known(key)).cloned().collect();
        let mut number = 0;
        while !new.is_empty() {
            if number == self.blocks.len() {
                let (held, _) = self.block(ports, number).await?;
                self.blocks.push((held, BTreeSet::new()));
            }
            let (mut held, mut keys) = self.blocks[number].clone();
            let room = BLOCK.saturating_sub(keys.len());
            if room > 0 {
                keys.extend((0..room).map_while(|_| new.pop_first()));
                self.write(ports, &mut held, &keys).await?;
                self.blocks[number] = (held, keys);
            }
            number += 1;
        }
        Ok(())
    }

    /// Takes out the keys of records whose retraction is published.
    pub(crate) async fn forget(&mut self, ports: &Ports, gone: &BTreeSet<String>) -> Result<(), Error> {
        for number in 0..self.blocks.len() {
            let (mut held, mut keys) = self.blocks[number].clone();
            let before = keys.len();
            keys.retain(|key| !gone.contains(key));
            if keys.len() < before {
                self.write(ports, &mut held, &keys).await?;
                self.blocks[number] = (held, keys);
            }
        }
        Ok(())
    }

    async fn write(&self, ports: &Ports, held: &mut Held, keys: &BTreeSet<String>) -> Result<(), Error> {
        held.write(ports, &Entry { run_id: self.run_id, token: self.token, keys: keys.clone() }).await
    }
}

/// What a part's entries are called by: `<instance>.<escaped object>.<escaped part>`.
pub(crate) fn part_key(instance: &InstanceName, object: &ObjectName, part: &str) -> String {
    let subject = raw_subject(instance, object, part);
    subject.strip_prefix("raw.").unwrap_or(&subject).to_owned()
}
