//! What the query service and the connectors say to each other over the broker.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_eventlog::{Jobs, Requests};
use salescommand_ingest::{
    Demands, OPEN_SUBJECT, OpenQuestion, Ports, SyncRequest, Trigger, TriggerError, request_sync,
};
use salescommand_query::sources::{SourceError, Sources};
use salescommand_query::sync::{CommandError, SyncCommand, SyncCommands};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Queues syncs that people ask for on the page.
pub struct QueuedSyncs {
    /// The driver's ports.
    pub ports: Ports,
    /// The work queue.
    pub jobs: Arc<dyn Jobs>,
}

#[async_trait]
impl SyncCommands for QueuedSyncs {
    async fn enqueue_sync(&self, command: SyncCommand) -> Result<(), CommandError> {
        let refused = |error: salescommand_domain::raw::NameError| CommandError::Refused(error.to_string());
        let objects: Vec<_> =
            command.objects.into_iter().map(ObjectName::new).collect::<Result<_, _>>().map_err(refused)?;
        let request = SyncRequest {
            run_id: command.run_id,
            instance: InstanceName::new(command.source).map_err(refused)?,
            objects: (!objects.is_empty()).then_some(objects),
            demands: Demands { full: command.full, accept_deletions: command.accept_deletions },
            trigger: Trigger::Manual,
        };
        match request_sync(&self.ports, &*self.jobs, request).await {
            Ok(_) => Ok(()),
            Err(TriggerError::AlreadyRunning { .. }) => Err(CommandError::AlreadyRunning),
            Err(TriggerError::Failed(error)) if error.is_transient() => {
                Err(CommandError::Unavailable(error.to_string()))
            }
            Err(TriggerError::Failed(error)) => Err(CommandError::Refused(error.to_string())),
        }
    }
}

/// Answers what is asked at a subject, until stopped. A broker that is away is waited for.
pub async fn serve<A>(
    requests: Arc<dyn Requests>,
    subject: &'static str,
    stop: CancellationToken,
    answer: impl Fn(Vec<u8>) -> A,
) where
    A: Future<Output = String>,
{
    while !stop.is_cancelled() {
        match requests.serve(subject).await {
            Ok(mut questions) => {
                while let Some(Some(question)) = stop.run_until_cancelled(questions.next()).await {
                    let answer = answer(question.payload().to_vec()).await;
                    if let Err(error) = question.respond(answer.into()).await {
                        tracing::warn!(subject, %error, "an answer did not arrive; who asked will ask again");
                    }
                }
            }
            Err(error) => tracing::warn!(subject, %error, "requests cannot be served yet"),
        }
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), stop.cancelled()).await;
    }
}

/// Hands opened configurations to the connectors, until stopped.
pub async fn serve_sources(requests: Arc<dyn Requests>, sources: Sources, stop: CancellationToken) {
    let sources = &sources;
    let answer = |question: Vec<u8>| async move { opened(sources, &question).await.to_string() };
    serve(requests, OPEN_SUBJECT, stop, answer).await;
}

/// The answer in the form that `ingest::OpenAnswer` reads.
async fn opened(sources: &Sources, question: &[u8]) -> Value {
    let refused = |code: &str, message: String, fix: &str| json!({"error": {"code": code, "message": message, "fix": fix}});
    let Ok(question) = serde_json::from_slice::<OpenQuestion>(question) else {
        return refused(
            "malformed",
            "the request is not readable".into(),
            "Run the same version of all processes.",
        );
    };
    match sources.open(question.name.as_str()).await {
        Ok(opened) => json!({
            "kind": opened.summary.kind, "title": opened.summary.title, "settings": opened.summary.settings,
            "secret": opened.secret.expose_secret(),
        }),
        Err(SourceError::Unknown(name)) => refused(
            "source-unknown",
            format!("there is no source {name}"),
            "Add it with `salescommand source add`.",
        ),
        Err(SourceError::Store(_)) => refused(
            "store-unavailable",
            "the document store does not answer".into(),
            "Start MongoDB, then sync again.",
        ),
        Err(error) => {
            refused("source-sealed", error.to_string(), "Add the source again, with its credential.")
        }
    }
}
