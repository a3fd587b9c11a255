//! Request and reply of the twin.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::{mpsc, oneshot};

use super::MemoryLog;
use crate::{Error, Request, Requests, Responder};

pub(super) type Server = mpsc::UnboundedSender<Request>;

#[async_trait]
impl Requests for MemoryLog {
    async fn request(&self, subject: &str, payload: Bytes, timeout: Duration) -> Result<Bytes, Error> {
        let (sender, answer) = oneshot::channel();
        let server = {
            let mut state = self.state();
            let servers = state.served.entry(subject.to_owned()).or_default();
            servers.retain(|server| !server.is_closed());
            servers.first().cloned()
        };
        let nobody = || Error::Unavailable(format!("nobody serves {subject}"));
        let request = Request::new(payload, Box::new(Reply(sender)));
        server.ok_or_else(nobody)?.send(request).map_err(|_| nobody())?;
        match tokio::time::timeout(timeout, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            // A server that drops a request looks like one that never answers.
            Ok(Err(_)) | Err(_) => {
                Err(Error::Unavailable(format!("no answer on {subject} within {timeout:?}")))
            }
        }
    }

    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, Error> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().served.entry(subject.to_owned()).or_default().push(sender);
        let requests = futures::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|request| (request, receiver))
        });
        Ok(requests.boxed())
    }
}

struct Reply(oneshot::Sender<Bytes>);

#[async_trait]
impl Responder for Reply {
    async fn respond(self: Box<Self>, payload: Bytes) -> Result<(), Error> {
        // The asker may have given up; that is no error of the answerer.
        let _ = self.0.send(payload);
        Ok(())
    }
}
