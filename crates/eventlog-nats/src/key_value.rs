//! Key-value buckets, in the layout of NATS: stream `KV_<bucket>`, subjects `$KV.<bucket>.<key>`.

use std::collections::HashMap;
use std::time::Instant;

use async_nats::jetstream::kv;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::StorageType;
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use salescommand_eventlog::{Error, KeyValue, KvEntry, Message};

use crate::connect::NatsLog;
use crate::direct::Batch;
use crate::error;
use crate::streams::lost_with_connection;

/// Former values kept for a person who looks into an incident.
const HISTORY: i64 = 5;

fn stream_of(bucket: &str) -> String {
    format!("KV_{bucket}")
}

impl NatsLog {
    /// The subjects of a bucket that has more entries than one batch may tell.
    async fn subjects(&self, stream: &str, pattern: &str) -> Result<Vec<String>, Error> {
        let lost = |text: String| Error::Unavailable(text);
        let stream = self.jetstream.get_stream(stream).await.map_err(|error| lost(error.to_string()))?;
        let subjects = stream.info_with_subjects(pattern).await.map_err(|error| lost(error.to_string()))?;
        let subjects = subjects.map_ok(|(subject, _)| subject).try_collect().await;
        subjects.map_err(|error| lost(error.to_string()))
    }
}

#[async_trait]
impl KeyValue for NatsLog {
    async fn ensure_bucket(&self, bucket: &str) -> Result<(), Error> {
        let stream = stream_of(bucket);
        if self.info(&stream).await?.is_some() {
            return Ok(());
        }
        let since = Instant::now();
        let config = kv::Config {
            bucket: bucket.to_owned(),
            history: HISTORY,
            storage: StorageType::File,
            ..kv::Config::default()
        };
        let Err(problem) = self.jetstream.create_key_value(config).await else { return Ok(()) };
        // Somebody else may have made it in this moment.
        match self.info(&stream).await? {
            Some(_) => Ok(()),
            None => Err(match error::source_of(&problem) {
                Some(answer) => error::answered(answer, bucket, 0),
                None => self.watched.unanswered(since, &stream),
            }),
        }
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Option<KvEntry>, Error> {
        let found = self.last_under(&stream_of(bucket), &format!("$KV.{bucket}.{key}")).await?;
        Ok(found.map(entry))
    }

    async fn put_if(&self, bucket: &str, key: &str, expected: u64, value: Bytes) -> Result<u64, Error> {
        let (since, stream) = (Instant::now(), stream_of(bucket));
        let subject = format!("$KV.{bucket}.{key}");
        let message = PublishMessage::build().expected_last_subject_sequence(expected).payload(value);
        let asked_at = self.watched.connection();
        let stored = match self.jetstream.send_publish(subject.clone(), message).await {
            Ok(ack) => self.watched.answer(asked_at, ack.into_future()).await,
            Err(problem) => Some(Err(problem)),
        };
        let stored = stored.ok_or_else(|| lost_with_connection(&subject))?;
        match stored {
            Ok(ack) => Ok(ack.sequence),
            Err(problem) => {
                let problem = error::publish(&problem, &stream, &subject, expected, since, &self.watched);
                Err(self.unheard(&stream, problem).await)
            }
        }
    }

    async fn entries(&self, bucket: &str) -> Result<Vec<(String, KvEntry)>, Error> {
        let (stream, prefix) = (stream_of(bucket), format!("$KV.{bucket}."));
        let pattern = format!("{prefix}>");
        let mut found = HashMap::new();
        if self.last_of_patterns(&stream, &[&pattern], None, &mut found).await? != Batch::Complete {
            let subjects = self.subjects(&stream, &pattern).await?;
            for chunk in subjects.chunks(1_000) {
                found.extend(self.last_of(&stream, chunk, None).await?);
            }
        }
        let key = |subject: &str| subject.strip_prefix(&prefix).unwrap_or(subject).to_owned();
        let mut entries: Vec<_> =
            found.into_iter().map(|(subject, found)| (key(&subject), entry(found))).collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }
}

fn entry(message: Message) -> KvEntry {
    KvEntry { revision: message.sequence, value: message.payload }
}
