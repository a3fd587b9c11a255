//! Port to work queues: a job is taken by one worker, kept alive by it, and done once.
//!
//! A job that its worker neither finishes, keeps alive nor gives back is delivered again after the queue's
//! `answer_within`. So a job may run twice; what it does must bear that.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::Error;

/// How a queue is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its name.
    pub name: String,
    /// The subjects it takes.
    pub subjects: Vec<String>,
    /// How long a taken job may be silent before somebody else gets it.
    pub answer_within: Duration,
    /// How long message ids are remembered.
    pub duplicate_window: Duration,
}

/// Work queues.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Creates a queue, or leaves an existing one as it is.
    async fn ensure_queue(&self, spec: &QueueSpec) -> Result<(), Error>;

    /// Adds a job; false if a job with this message id was added inside the duplicate window.
    async fn enqueue(
        &self,
        queue: &str,
        subject: &str,
        message_id: &str,
        payload: Bytes,
    ) -> Result<bool, Error>;

    /// Takes one job; none if there was none within the wait. Dropping the future loses no job: one that was
    /// already on its way comes again after `answer_within`.
    async fn take(&self, queue: &str, wait: Duration) -> Result<Option<Box<dyn Job>>, Error>;
}

/// A job that this worker holds.
#[async_trait]
pub trait Job: Send + Sync {
    /// The subject it was added under.
    fn subject(&self) -> &str;

    /// What was added.
    fn payload(&self) -> &Bytes;

    /// How often it was delivered, this time included.
    fn deliveries(&self) -> u64;

    /// Tells the queue that it is still being worked on.
    async fn in_progress(&self) -> Result<(), Error>;

    /// It is done, for good or ill; it never comes again.
    async fn done(self: Box<Self>) -> Result<(), Error>;

    /// Somebody shall have it again, after a delay.
    async fn give_back(self: Box<Self>, delay: Duration) -> Result<(), Error>;
}
