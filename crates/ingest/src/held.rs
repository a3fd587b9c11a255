//! An entry of a key-value bucket that one run writes, by compare-and-set.
//!
//! An answer may be lost after the write took effect, and a write may be dropped half-way with its future. So a
//! failed or conflicting write looks first: if the entry is the run's own, it takes up that revision and goes on.

use salescommand_eventlog::{self as eventlog, KvEntry};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Ports, compute_delay};

/// After these attempts, about a minute, the caller hears of it.
const ATTEMPTS: u32 = 8;

/// What is stored in a held entry.
pub(crate) trait Owned: Serialize + DeserializeOwned {
    /// Whether two values were written by the same run.
    fn same_owner(&self, other: &Self) -> bool;
}

/// An entry and the revision that the next write expects.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    bucket: &'static str,
    key: String,
    revision: u64,
}

impl Held {
    /// Reads an entry in order to write it later.
    pub(crate) async fn read<T: Owned>(
        ports: &Ports,
        bucket: &'static str,
        key: String,
    ) -> Result<(Self, Option<T>), Error> {
        let mut held = Self { bucket, key, revision: 0 };
        let value = match ports.kv.get(bucket, &held.key).await? {
            Some(entry) => {
                held.revision = entry.revision;
                Some(held.decode(&entry)?)
            }
            None => None,
        };
        Ok((held, value))
    }

    /// Takes up an entry that was read among others.
    pub(crate) fn found<T: Owned>(
        bucket: &'static str,
        key: String,
        entry: &KvEntry,
    ) -> Result<(Self, T), Error> {
        let held = Self { bucket, key, revision: entry.revision };
        let value = held.decode(entry)?;
        Ok((held, value))
    }

    /// The revision of the last write or read.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Writes once. A conflict with somebody else's value is [`Error::Fenced`].
    pub(crate) async fn write_once<T: Owned>(&mut self, ports: &Ports, value: &T) -> Result<(), Error> {
        let bytes = self.encode(value)?;
        let first = ports.kv.put_if(self.bucket, &self.key, self.revision, bytes.clone().into()).await;
        let problem = match first {
            Ok(revision) => {
                self.revision = revision;
                return Ok(());
            }
            Err(problem @ (eventlog::Error::Conflict { .. } | eventlog::Error::Unavailable(_))) => problem,
            Err(problem) => return Err(problem.into()),
        };
        let entry = ports.kv.get(self.bucket, &self.key).await?;
        let Some(entry) = entry.filter(|entry| entry.revision != self.revision) else {
            return Err(problem.into());
        };
        if !self.decode::<T>(&entry)?.same_owner(value) {
            return Err(Error::Fenced(self.key.clone()));
        }
        self.revision = entry.revision;
        if entry.value == bytes {
            return Ok(());
        }
        match ports.kv.put_if(self.bucket, &self.key, self.revision, bytes.into()).await {
            Ok(revision) => {
                self.revision = revision;
                Ok(())
            }
            Err(problem) => Err(problem.into()),
        }
    }

    /// Writes, trying again while the log is not reachable.
    pub(crate) async fn write<T: Owned>(&mut self, ports: &Ports, value: &T) -> Result<(), Error> {
        let mut attempt = 0;
        loop {
            match self.write_once(ports, value).await {
                Err(error) if attempt + 1 < ATTEMPTS && error.is_transient() => {
                    tokio::time::sleep(compute_delay(attempt, ports.ids.fraction())).await;
                    attempt += 1;
                }
                // Two answers were lost, or somebody wrote between look and write: the next look tells.
                Err(Error::Log(eventlog::Error::Conflict { .. })) if attempt + 1 < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    fn encode<T: Owned>(&self, value: &T) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(value).map_err(|source| self.unreadable(source))
    }

    fn decode<T: Owned>(&self, entry: &KvEntry) -> Result<T, Error> {
        serde_json::from_slice(&entry.value).map_err(|source| self.unreadable(source))
    }

    fn unreadable(&self, source: serde_json::Error) -> Error {
        Error::State { what: format!("{}/{}", self.bucket, self.key), source }
    }
}
