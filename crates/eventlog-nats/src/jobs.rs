//! Work queues: a stream with work-queue retention and one durable consumer that all workers share.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, PullConsumer};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, ConsumerError, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, AckKind};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use salescommand_eventlog::{Error, Job, Jobs, QueueSpec};

use crate::connect::NatsLog;
use crate::error;
use crate::streams::lost_with_connection;

/// The consumer that all workers of a queue share.
const WORKERS: &str = "workers";

impl NatsLog {
    async fn workers(&self, queue: &str) -> Result<PullConsumer, Error> {
        let lost = |problem: ConsumerError| match error::source_of(&problem) {
            Some(answer) if answer.code() == 404 => Error::Missing(queue.to_owned()),
            Some(answer) => error::answered(answer, queue, 0),
            None => Error::Unavailable(format!("queue {queue}: {problem}")),
        };
        self.jetstream.get_consumer_from_stream(WORKERS, queue).await.map_err(lost)
    }
}

#[async_trait]
impl Jobs for NatsLog {
    async fn ensure_queue(&self, spec: &QueueSpec) -> Result<(), Error> {
        let config = Config {
            name: spec.name.clone(),
            subjects: spec.subjects.clone(),
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            allow_direct: true,
            duplicate_window: spec.duplicate_window,
            ..Config::default()
        };
        self.ensure(config).await?;
        if self.workers(&spec.name).await.is_ok() {
            return Ok(());
        }
        let workers = consumer::pull::Config {
            durable_name: Some(WORKERS.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: spec.answer_within,
            ..consumer::pull::Config::default()
        };
        let made = self.jetstream.create_consumer_on_stream(workers, spec.name.as_str()).await;
        match made {
            Ok(_) => Ok(()),
            Err(problem) => {
                self.workers(&spec.name).await.map(drop).map_err(|_| match error::source_of(&problem) {
                    Some(answer) => error::answered(answer, &spec.name, 0),
                    None => Error::Unavailable(format!("queue {}: {problem}", spec.name)),
                })
            }
        }
    }

    async fn enqueue(
        &self,
        queue: &str,
        subject: &str,
        message_id: &str,
        payload: Bytes,
    ) -> Result<bool, Error> {
        let since = std::time::Instant::now();
        let message = PublishMessage::build().expected_stream(queue).message_id(message_id).payload(payload);
        let asked_at = self.watched.connection();
        let stored = match self.jetstream.send_publish(subject.to_owned(), message).await {
            Ok(ack) => self.watched.answer(asked_at, ack.into_future()).await,
            Err(problem) => Some(Err(problem)),
        };
        let stored = stored.ok_or_else(|| lost_with_connection(subject))?;
        match stored {
            Ok(ack) => Ok(!ack.duplicate),
            Err(problem) => {
                let problem = error::publish(&problem, queue, subject, 0, since, &self.watched);
                Err(self.unheard(queue, problem).await)
            }
        }
    }

    async fn take(&self, queue: &str, wait: Duration) -> Result<Option<Box<dyn Job>>, Error> {
        let workers = self.workers(queue).await?;
        let lost = |text: String| Error::Unavailable(format!("queue {queue}: {text}"));
        // The broker takes no pull shorter than this.
        let expires = wait.max(Duration::from_millis(10));
        let batch = workers.batch().max_messages(1).expires(expires).messages().await;
        let mut batch = batch.map_err(|problem| lost(problem.to_string()))?;
        match tokio::time::timeout(expires + Duration::from_secs(2), batch.next()).await {
            Ok(Some(Ok(message))) => Ok(Some(Box::new(Taken::new(message)?))),
            Ok(Some(Err(problem))) => Err(lost(problem.to_string())),
            Ok(None) => Ok(None),
            Err(_) => Err(lost("the pull was not answered".to_owned())),
        }
    }
}

struct Taken {
    message: jetstream::Message,
    deliveries: u64,
}

impl Taken {
    fn new(message: jetstream::Message) -> Result<Self, Error> {
        let delivered = message
            .info()
            .map(|info| info.delivered)
            .map_err(|problem| Error::Refused(format!("a job without delivery information: {problem}")))?;
        Ok(Self { deliveries: u64::try_from(delivered).unwrap_or(1), message })
    }
}

fn lost(problem: async_nats::Error) -> Error {
    Error::Unavailable(problem.to_string())
}

#[async_trait]
impl Job for Taken {
    fn subject(&self) -> &str {
        &self.message.subject
    }

    fn payload(&self) -> &Bytes {
        &self.message.payload
    }

    fn deliveries(&self) -> u64 {
        self.deliveries
    }

    async fn in_progress(&self) -> Result<(), Error> {
        self.message.ack_with(AckKind::Progress).await.map_err(lost)
    }

    async fn done(self: Box<Self>) -> Result<(), Error> {
        self.message.double_ack().await.map_err(lost)
    }

    async fn give_back(self: Box<Self>, delay: Duration) -> Result<(), Error> {
        self.message.double_ack_with(AckKind::Nak(Some(delay))).await.map_err(lost)
    }
}
