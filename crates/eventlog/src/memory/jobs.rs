//! Work queues of the twin. A taken job becomes free again by the runtime's clock, which tests may pause.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use super::{MemoryLog, crash_point, matches};
use crate::{Error, Job, Jobs, QueueSpec};

pub(super) struct Queue {
    spec: QueueSpec,
    added: u64,
    ids: HashSet<String>,
    jobs: BTreeMap<u64, Waiting>,
}

struct Waiting {
    subject: String,
    payload: Bytes,
    deliveries: u64,
    free_at: Instant,
}

#[async_trait]
impl Jobs for MemoryLog {
    async fn ensure_queue(&self, spec: &QueueSpec) -> Result<(), Error> {
        crash_point().await;
        let queue = || Queue { spec: spec.clone(), added: 0, ids: HashSet::new(), jobs: BTreeMap::new() };
        self.state().queues.entry(spec.name.clone()).or_insert_with(queue);
        Ok(())
    }

    async fn enqueue(
        &self,
        queue: &str,
        subject: &str,
        message_id: &str,
        payload: Bytes,
    ) -> Result<bool, Error> {
        crash_point().await;
        let added = self.with_queue(queue, |queue| {
            if !queue.spec.subjects.iter().any(|pattern| matches(pattern, subject)) {
                return Err(Error::Refused(format!("queue {} takes no subject {subject}", queue.spec.name)));
            }
            if !queue.ids.insert(message_id.to_owned()) {
                return Ok(false);
            }
            queue.added += 1;
            let job =
                Waiting { subject: subject.to_owned(), payload, deliveries: 0, free_at: Instant::now() };
            queue.jobs.insert(queue.added, job);
            Ok(true)
        })??;
        self.announce();
        Ok(added)
    }

    async fn take(&self, queue: &str, wait: Duration) -> Result<Option<Box<dyn Job>>, Error> {
        let deadline = Instant::now() + wait;
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let (taken, next_free) = self.with_queue(queue, |entry| {
                (entry.take(self, queue), entry.jobs.values().map(|job| job.free_at).min())
            })?;
            if let Some(taken) = taken {
                return Ok(Some(Box::new(taken)));
            }
            let until = next_free.map_or(deadline, |free| free.min(deadline));
            let changed = tokio::time::timeout_at(until, changed).await.is_ok();
            if !changed && until == deadline {
                return Ok(None);
            }
        }
    }
}

impl Queue {
    fn take(&mut self, log: &MemoryLog, queue: &str) -> Option<Taken> {
        let now = Instant::now();
        let (number, job) = self.jobs.iter_mut().find(|(_, job)| job.free_at <= now)?;
        job.free_at = now + self.spec.answer_within;
        job.deliveries += 1;
        Some(Taken {
            log: log.clone(),
            queue: queue.to_owned(),
            number: *number,
            subject: job.subject.clone(),
            payload: job.payload.clone(),
            deliveries: job.deliveries,
        })
    }
}

impl MemoryLog {
    fn with_queue<T>(&self, name: &str, act: impl FnOnce(&mut Queue) -> T) -> Result<T, Error> {
        self.state().queues.get_mut(name).map(act).ok_or_else(|| Error::Missing(name.to_owned()))
    }
}

struct Taken {
    log: MemoryLog,
    queue: String,
    number: u64,
    subject: String,
    payload: Bytes,
    deliveries: u64,
}

impl Taken {
    /// Acts on the job unless somebody else has it by now.
    fn hold(&self, act: impl FnOnce(&mut Waiting, Duration)) -> Result<(), Error> {
        self.log.with_queue(&self.queue, |queue| {
            let answer_within = queue.spec.answer_within;
            if let Some(job) =
                queue.jobs.get_mut(&self.number).filter(|job| job.deliveries == self.deliveries)
            {
                act(job, answer_within);
            }
        })
    }
}

#[async_trait]
impl Job for Taken {
    fn subject(&self) -> &str {
        &self.subject
    }

    fn payload(&self) -> &Bytes {
        &self.payload
    }

    fn deliveries(&self) -> u64 {
        self.deliveries
    }

    async fn in_progress(&self) -> Result<(), Error> {
        crash_point().await;
        self.hold(|job, answer_within| job.free_at = Instant::now() + answer_within)
    }

    async fn done(self: Box<Self>) -> Result<(), Error> {
        crash_point().await;
        self.log.with_queue(&self.queue, |queue| queue.jobs.remove(&self.number))?;
        Ok(())
    }

    async fn give_back(self: Box<Self>, delay: Duration) -> Result<(), Error> {
        crash_point().await;
        self.hold(|job, _| job.free_at = Instant::now() + delay)?;
        self.log.announce();
        Ok(())
    }
}
