//! Key-value buckets of the twin.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Effect, MemoryLog, crash_point, unreachable_on_purpose};
use crate::{Error, KeyValue, KvEntry};

impl MemoryLog {
    fn write(&self, bucket: &str, key: &str, expected: u64, value: Bytes) -> Result<u64, Error> {
        let mut state = self.state();
        let bucket = state.buckets.get_mut(bucket).ok_or_else(|| Error::Missing(bucket.to_owned()))?;
        let current = bucket.entries.get(key).map_or(0, |entry| entry.revision);
        if current != expected {
            return Err(Error::Conflict { subject: key.to_owned(), expected });
        }
        bucket.revision += 1;
        let revision = bucket.revision;
        bucket.entries.insert(key.to_owned(), KvEntry { revision, value });
        Ok(revision)
    }
}

#[async_trait]
impl KeyValue for MemoryLog {
    async fn ensure_bucket(&self, bucket: &str) -> Result<(), Error> {
        crash_point().await;
        self.state().buckets.entry(bucket.to_owned()).or_default();
        Ok(())
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Option<KvEntry>, Error> {
        crash_point().await;
        let state = self.state();
        let bucket = state.buckets.get(bucket).ok_or_else(|| Error::Missing(bucket.to_owned()))?;
        Ok(bucket.entries.get(key).cloned())
    }

    async fn put_if(&self, bucket: &str, key: &str, expected: u64, value: Bytes) -> Result<u64, Error> {
        crash_point().await;
        let fault = self.state().faults.write.take();
        if fault == Some(Effect::None) {
            return Err(unreachable_on_purpose());
        }
        let revision = self.write(bucket, key, expected, value)?;
        crash_point().await;
        if fault == Some(Effect::Done) { Err(unreachable_on_purpose()) } else { Ok(revision) }
    }

    async fn entries(&self, bucket: &str) -> Result<Vec<(String, KvEntry)>, Error> {
        crash_point().await;
        let state = self.state();
        let bucket = state.buckets.get(bucket).ok_or_else(|| Error::Missing(bucket.to_owned()))?;
        Ok(bucket.entries.iter().map(|(key, entry)| (key.clone(), entry.clone())).collect())
    }
}
