//! Request and reply, and the health of the connection.

use std::time::{Duration, Instant};

use async_nats::{Client, RequestErrorKind, Subject};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use salescommand_eventlog::{Error, Health, Request, Requests, Responder};

use crate::connect::NatsLog;

/// Servers of one subject share its requests under this group.
const SERVERS: &str = "servers";
/// Longest wait for the answer to a ping.
const PING_WITHIN: Duration = Duration::from_secs(2);

#[async_trait]
impl Requests for NatsLog {
    async fn request(&self, subject: &str, payload: Bytes, timeout: Duration) -> Result<Bytes, Error> {
        let since = Instant::now();
        let request = async_nats::Request::new().payload(payload).timeout(Some(timeout));
        let answer = self.client.send_request(subject.to_owned(), request).await;
        answer.map(|answer| answer.payload).map_err(|problem| match problem.kind() {
            RequestErrorKind::NoResponders => Error::Unavailable(format!("nobody serves {subject}")),
            RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                Error::Refused(format!("request to {subject}: {}", problem.kind()))
            }
            RequestErrorKind::TimedOut | RequestErrorKind::Other => self.watched.unanswered(since, subject),
        })
    }

    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, Error> {
        let requests = self.client.queue_subscribe(subject.to_owned(), SERVERS.to_owned()).await;
        let requests = requests.map_err(|problem| Error::Unavailable(problem.to_string()))?;
        // The subscription is known to the broker when this returns.
        self.client.flush().await.map_err(|problem| Error::Unavailable(problem.to_string()))?;
        let client = self.client.clone();
        let requests = requests.filter_map(move |message| {
            let reply = message.reply.map(|to| Reply { client: client.clone(), to });
            std::future::ready(reply.map(|reply| Request::new(message.payload, Box::new(reply))))
        });
        Ok(requests.boxed())
    }
}

struct Reply {
    client: Client,
    to: Subject,
}

#[async_trait]
impl Responder for Reply {
    async fn respond(self: Box<Self>, payload: Bytes) -> Result<(), Error> {
        self.client.publish(self.to, payload).await.map_err(|problem| Error::Unavailable(problem.to_string()))
    }
}

#[async_trait]
impl Health for NatsLog {
    /// JetStream's account request: it also tells that streams can be used, not only that the socket is open.
    async fn ping(&self) -> Result<Duration, Error> {
        let begun = Instant::now();
        match tokio::time::timeout(PING_WITHIN, self.jetstream.query_account()).await {
            Ok(Ok(_)) => Ok(begun.elapsed()),
            Ok(Err(problem)) => Err(Error::Unavailable(problem.to_string())),
            Err(_) => Err(Error::Unavailable(format!("no answer within {PING_WITHIN:?}"))),
        }
    }
}
