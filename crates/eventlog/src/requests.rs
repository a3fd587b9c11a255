//! Port to request and reply: a question to whichever process serves a subject.
//!
//! Nothing is stored. A request that nobody serves fails at once, one that is not answered in time fails then.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::Error;

/// Requests between processes.
#[async_trait]
pub trait Requests: Send + Sync {
    /// Asks, and waits for one answer.
    async fn request(&self, subject: &str, payload: Bytes, timeout: Duration) -> Result<Bytes, Error>;

    /// Serves a subject until the stream is dropped. Several servers of one subject share its requests.
    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, Error>;
}

/// Whether the log answers at all.
#[async_trait]
pub trait Health: Send + Sync {
    /// One round trip to the broker; how long it took.
    async fn ping(&self) -> Result<Duration, Error>;
}

/// How an answer finds its way back; an adapter's part of a [`Request`].
#[async_trait]
pub trait Responder: Send + Sync {
    /// Sends the answer.
    async fn respond(self: Box<Self>, payload: Bytes) -> Result<(), Error>;
}

/// A question to be answered.
pub struct Request {
    payload: Bytes,
    responder: Box<dyn Responder>,
}

impl Request {
    /// For adapters.
    pub fn new(payload: Bytes, responder: Box<dyn Responder>) -> Self {
        Self { payload, responder }
    }

    /// What was asked.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Answers it.
    pub async fn respond(self, payload: Bytes) -> Result<(), Error> {
        self.responder.respond(payload).await
    }
}

impl fmt::Debug for Request {
    /// Without the payload: answers and questions may carry secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("bytes", &self.payload.len()).finish_non_exhaustive()
    }
}
