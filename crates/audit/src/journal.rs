//! The journal: where an action is written down, and where its entry waits for its place in the chain.
//!
//! What only happened (a refused sign-in) is recorded in one write. What changes something is opened before it is done and
//! closed afterwards, so its entry is kept first and says in the end what came of it. An entry that nobody closes, since its
//! process ended, is published as one whose outcome is unknown.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, RawDocumentBuf};
use salescommand_domain::Timestamp;
use salescommand_domain::audit::{Details, Draft, Outcome, Target};
use salescommand_store::{Condition, Direction, OPS_AUDIT_OUTBOX, Ops, Query};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::Error;

/// So long an action of a request may take before its outcome counts as unknown.
pub const SHORT: Duration = Duration::from_secs(2 * 60);
/// The same for what is worked at for long: an archive, an erasure.
pub const LONG: Duration = Duration::from_secs(6 * 3_600);

/// The present moment.
type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// A new time-ordered identifier.
type Fresh = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// An entry that waits: the document of the outbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Waiting {
    #[serde(rename = "_id")]
    id: String,
    revision: i64,
    /// Its action is under way.
    open: bool,
    /// Seconds since 1970 after which nobody will close it.
    until: i64,
    /// The draft, JSON: what is written down stays as it was written.
    draft: String,
}

/// An action that is under way, and written down.
#[derive(Debug)]
#[must_use = "an entry that nobody closes has an unknown outcome"]
pub struct Opened {
    draft: Draft,
    until: i64,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The outcome.
    pub outcome: Outcome,
    /// On what, if that was not known before: what was made.
    pub target: Option<Target>,
    /// Particulars that were not known before.
    pub details: Details,
}

impl Ending {
    /// An outcome alone.
    pub fn new(outcome: Outcome) -> Self {
        Self { outcome, target: None, details: Details::default() }
    }
}

/// Where entries are written down. Clones share the bell that wakes the publisher of their process.
#[derive(Clone)]
pub struct Journal {
    ops: Arc<dyn Ops>,
    now: Now,
    fresh: Fresh,
    bell: Arc<Notify>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}

impl Journal {
    /// A journal in this store, with a clock and a source of time-ordered identifiers.
    pub fn new(
        ops: Arc<dyn Ops>,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        fresh: impl Fn() -> Uuid + Send + Sync + 'static,
    ) -> Self {
        Self { ops, now: Arc::new(now), fresh: Arc::new(fresh), bell: Arc::new(Notify::new()) }
    }

    /// Writes down what has happened.
    pub async fn record(&self, draft: Draft) -> Result<(), Error> {
        let draft = self.stamped(draft);
        self.ops.insert(OPS_AUDIT_OUTBOX, written(&draft, 1, None)?).await?;
        self.bell.notify_one();
        Ok(())
    }

    /// Writes down what is about to be done and may take so long. What cannot be written down must not be done.
    pub async fn open(&self, draft: Draft, patience: Duration) -> Result<Opened, Error> {
        let draft = self.stamped(draft);
        let patience = i64::try_from(patience.as_secs()).unwrap_or(i64::MAX);
        let until = draft.at.as_second().saturating_add(patience);
        let unknown = draft.clone().ended(Outcome::Unknown);
        self.ops.insert(OPS_AUDIT_OUTBOX, written(&unknown, 1, Some(until))?).await?;
        Ok(Opened { draft, until })
    }

    /// Says what came of it. If this fails, nobody may be told that the action is done.
    pub async fn close(&self, opened: Opened, ending: Ending) -> Result<(), Error> {
        let Ending { outcome, target, details } = ending;
        let mut draft = opened.draft.detailed(details).ended(outcome);
        draft.target = target.or(draft.target);
        let (id, closed) = (draft.id.clone(), written(&draft, 2, None)?);
        if self.ops.replace_if(OPS_AUDIT_OUTBOX, &id, 1, closed).await? {
            self.bell.notify_one();
            return Ok(());
        }
        // It took so long that its outcome was published as unknown: the outcome gets an entry of its own.
        tracing::warn!(
            audit.entry = id,
            until = opened.until,
            "an action ended after its outcome counted as unknown"
        );
        self.record(Draft { details: draft.details.clone().reference(&id), ..draft }).await
    }

    fn stamped(&self, draft: Draft) -> Draft {
        Draft { id: (self.fresh)().to_string(), at: (self.now)(), ..draft }
    }

    /// Rings when an entry can be published.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// The oldest entries that wait to be published.
    pub(crate) async fn waiting(&self, most: usize) -> Result<Vec<Draft>, Error> {
        let closed = Query::all().with(Condition::Eq("open".to_owned(), Bson::Boolean(false)));
        let closed = closed.sorted("_id", Direction::Ascending).limited(most);
        let found = self.ops.list(OPS_AUDIT_OUTBOX, &closed).await?;
        found.iter().map(|document| read(document).and_then(|waiting| draft(&waiting))).collect()
    }

    /// The moment of the oldest entry that waits, open or not.
    pub(crate) async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        let first = Query::all().sorted("_id", Direction::Ascending).limited(1);
        let found = self.ops.list(OPS_AUDIT_OUTBOX, &first).await?;
        found.first().map(|document| Ok(draft(&read(document)?)?.at)).transpose()
    }

    /// Closes what nobody will close any more.
    pub(crate) async fn give_up(&self, most: usize) -> Result<(), Error> {
        let now = (self.now)().as_second();
        let over = Query::all()
            .with(Condition::Eq("open".to_owned(), Bson::Boolean(true)))
            .with(Condition::Lt("until".to_owned(), Bson::Int64(now)));
        for document in self.ops.list(OPS_AUDIT_OUTBOX, &over.limited(most)).await? {
            let held = read(&document)?;
            let closed = document_of(&Waiting { open: false, revision: held.revision + 1, ..held.clone() })?;
            // Of this and the one who acted one is first. What was closed is not changed.
            self.ops.replace_if(OPS_AUDIT_OUTBOX, &held.id, held.revision, closed).await?;
        }
        Ok(())
    }

    /// Takes entries out that are in the stream.
    pub(crate) async fn remove(&self, ids: Vec<String>) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let these =
            Query::all().with(Condition::In("_id".to_owned(), ids.into_iter().map(Bson::from).collect()));
        self.ops.delete(OPS_AUDIT_OUTBOX, &these).await?;
        Ok(())
    }
}

/// The document of a draft; with an end, that of one that is open.
fn written(draft: &Draft, revision: i64, until: Option<i64>) -> Result<RawDocumentBuf, Error> {
    let text = serde_json::to_string(draft).map_err(|error| Error::State(error.to_string()))?;
    let (id, open) = (draft.id.clone(), until.is_some());
    document_of(&Waiting { id, revision, open, until: until.unwrap_or_default(), draft: text })
}

fn document_of(waiting: &Waiting) -> Result<RawDocumentBuf, Error> {
    bson::serialize_to_raw_document_buf(waiting).map_err(|error| Error::State(error.to_string()))
}

fn read(document: &RawDocumentBuf) -> Result<Waiting, Error> {
    bson::deserialize_from_slice(document.as_bytes()).map_err(|error| Error::State(error.to_string()))
}

fn draft(waiting: &Waiting) -> Result<Draft, Error> {
    serde_json::from_str(&waiting.draft).map_err(|error| Error::State(format!("{}: {error}", waiting.id)))
}
