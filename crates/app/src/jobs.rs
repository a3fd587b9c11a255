//! What the query service and the connectors say to each other over the broker.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_domain::schedule::Selection;
use salescommand_eventlog::{Jobs, Requests};
use salescommand_ingest::{
    Cancelled, Condition, CursorState, Demands, Error as IngestError, OPEN_SUBJECT, OpenQuestion, Ports,
    Scheduled, Schedules, SyncRequest, Trigger, TriggerError, cancel_run, cursors, hint, request_sync,
    reset_cursors,
};
use salescommand_query::cursors::{CursorPosition, SourceCursor};
use salescommand_query::organisation::Circles;
use salescommand_query::sources::{SourceError, Sources};
use salescommand_query::sync::{CancelOutcome, CommandError, SyncCommand, SyncCommands};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

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
            selection: Selection::of(objects),
            demands: Demands {
                full: command.full,
                accept_deletions: command.accept_deletions,
                accept_schema: command.accept_schema,
                backfill: command.backfill,
            },
            trigger: Trigger::Manual,
        };
        match request_sync(&self.ports, &*self.jobs, request).await {
            Ok(_) => Ok(()),
            Err(TriggerError::AlreadyRunning { .. }) => Err(CommandError::AlreadyRunning),
            Err(TriggerError::Failed(error)) => Err(failed(&error)),
        }
    }

    async fn hint(&self, source: &str, object: &str) -> Result<(), CommandError> {
        let refused = |error: salescommand_domain::raw::NameError| CommandError::Refused(error.to_string());
        let instance = InstanceName::new(source).map_err(refused)?;
        let object = ObjectName::new(object).map_err(refused)?;
        hint(&self.ports, &instance, &object).await.map_err(|error| failed(&error))
    }

    async fn cancel_sync(&self, run_id: Uuid) -> Result<Option<CancelOutcome>, CommandError> {
        let cancelled = cancel_run(&self.ports, run_id).await.map_err(|error| failed(&error))?;
        Ok(match cancelled {
            Cancelled::Ended => Some(CancelOutcome::Cancelled),
            Cancelled::Asked => Some(CancelOutcome::Asked),
            Cancelled::Nothing => None,
        })
    }

    async fn cursors(&self, source: &str) -> Result<Vec<SourceCursor>, CommandError> {
        let instance = InstanceName::new(source).map_err(|error| CommandError::Refused(error.to_string()))?;
        let found = cursors(&*self.ports.kv, &instance).await.map_err(|error| failed(&error))?;
        Ok(found.into_iter().map(shown).collect())
    }

    async fn reset_cursors(&self, source: &str, objects: Vec<String>) -> Result<Vec<String>, CommandError> {
        let refused = |error: salescommand_domain::raw::NameError| CommandError::Refused(error.to_string());
        let instance = InstanceName::new(source).map_err(refused)?;
        let objects: Vec<_> =
            objects.into_iter().map(ObjectName::new).collect::<Result<_, _>>().map_err(refused)?;
        let reset = reset_cursors(&self.ports, &instance, &objects).await.map_err(|error| failed(&error))?;
        Ok(reset.into_iter().map(String::from).collect())
    }
}

fn shown(cursor: CursorState) -> SourceCursor {
    SourceCursor {
        object: cursor.object.into(),
        complete: cursor.complete,
        read: cursor.read,
        since: cursor.since,
        started_at: cursor.started_at,
        completed_at: cursor.completed_at,
        run_id: cursor.run_id.map(|run_id| run_id.to_string()),
        position: CursorPosition { epoch: cursor.position.epoch, sequence: cursor.position.sequence },
        read_through: cursor.read_through,
        changes_from: cursor.changes_from,
        full_at: cursor.full_at,
        full_due: cursor.full_due,
        reset_at: cursor.reset_at,
    }
}

fn failed(error: &IngestError) -> CommandError {
    let text = error.to_string();
    if error.is_transient() { CommandError::Unavailable(text) } else { CommandError::Refused(text) }
}

/// The schedules of this installation's sources, and what is wrong with what it is told itself.
pub struct SourceSchedules {
    /// The sources.
    pub sources: Sources,
    /// Who reports to whom.
    pub circles: Circles,
}

#[async_trait]
impl Schedules for SourceSchedules {
    async fn all(&self) -> Result<Vec<Scheduled>, String> {
        let sources = self.sources.list().await.map_err(|error| error.to_string())?;
        let scheduled = sources.into_iter().map(|source| {
            let instance = InstanceName::new(source.name).map_err(|error| error.to_string())?;
            Ok(Scheduled { instance, schedule: source.schedule, since: source.scheduled_at })
        });
        scheduled.collect()
    }

    async fn own_conditions(&self, now: Timestamp) -> Result<BTreeSet<Condition>, String> {
        let any = self.circles.any(now).await.map_err(|error| error.to_string())?;
        Ok(any.then_some(Condition::ManagersInCircle).into_iter().collect())
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
        Err(error) => refused("source-sealed", error.to_string(), "Give the source its credential again."),
    }
}
