//! Streams of the twin, as a whole.

use std::time::Duration;

use async_trait::async_trait;

use super::streams::Stream;
use super::{MemoryLog, crash_point};
use crate::{
    Administration, Error, Storage, StoredMessage, StoredReader, StreamSpec, StreamState, StreamStatus,
};

impl MemoryLog {
    fn change<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Stream) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.state().streams.get_mut(name) {
            Some(stream) => change(stream),
            None => Err(Error::Missing(name.to_owned())),
        }
    }
}

#[async_trait]
impl Administration for MemoryLog {
    async fn ensure_latest(&self, name: &str, subjects: &[String]) -> Result<(), Error> {
        crash_point().await;
        let spec = StreamSpec {
            name: name.to_owned(),
            subjects: subjects.to_vec(),
            immutable: false,
            max_bytes: None,
            duplicate_window: Duration::from_secs(120),
        };
        self.make(&spec, || Stream::latest(spec.clone()))?;
        self.change(name, |stream| {
            stream.widen(subjects);
            Ok(())
        })?;
        crash_point().await;
        Ok(())
    }

    async fn seal(&self, stream: &str) -> Result<StreamStatus, Error> {
        crash_point().await;
        let status = self.change(stream, |stream| {
            stream.seal();
            Ok(stream.status())
        })?;
        self.announce();
        crash_point().await;
        Ok(status)
    }

    async fn begin_building(&self, spec: &StreamSpec) -> Result<StreamStatus, Error> {
        crash_point().await;
        self.make(spec, || Stream::new(spec.clone(), StreamState::Building))?;
        crash_point().await;
        self.change(&spec.name, |stream| match stream.state() {
            StreamState::Building => Ok(stream.status()),
            _ => Err(Error::Refused(format!("stream {} exists", spec.name))),
        })
    }

    async fn build(&self, stream: &str, messages: Vec<StoredMessage>) -> Result<(), Error> {
        crash_point().await;
        for message in messages {
            self.change(stream, |stream| stream.build(message))?;
            crash_point().await;
        }
        self.announce();
        Ok(())
    }

    async fn read_stored(&self, stream: &str, sequence: u64) -> Result<Box<dyn StoredReader>, Error> {
        Ok(Box::new(self.reader(stream, sequence).await?))
    }

    async fn delete_stream(&self, stream: &str) -> Result<bool, Error> {
        crash_point().await;
        let deleted = self.state().streams.remove(stream).is_some();
        self.announce();
        crash_point().await;
        Ok(deleted)
    }

    async fn purge_up_to(&self, stream: &str, sequence: u64) -> Result<(), Error> {
        crash_point().await;
        self.change(stream, |stream| stream.purge(sequence))?;
        crash_point().await;
        Ok(())
    }

    async fn storage(&self) -> Result<Storage, Error> {
        let used = self.state().streams.values().map(|stream| stream.status().bytes).sum();
        Ok(Storage { used, limit: self.state().storage_limit })
    }
}
