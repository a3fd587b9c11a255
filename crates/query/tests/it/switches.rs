//! Twins that can be switched off, a clock that stands still, and a queue that remembers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bson::RawDocumentBuf;
use bytes::Bytes;
use jiff::Timestamp;
use salescommand_domain::access::{Scope, ScopeKey};
use salescommand_domain::canonical::{
    Facet, FacetBody, MANAGER_EDGE_OBJECT, ManagerEdgeFacet, OpportunityEdit, QuarantineAction, SourceRef,
};
use salescommand_domain::raw::{InstanceName, ObjectName, Position};
use salescommand_domain::serving::{DirectoryEntry, DirectoryFact};
use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{
    Error as LogError, EventLog, KeyValue, KvEntry, LogReader, Message, Outgoing, Published, StreamSpec,
    StreamStatus,
};
use salescommand_query::accounts::AccountSummary;
use salescommand_query::connectors::{CheckOutcome, ConnectorError, Connectors, SourceCheck, SourceObject};
use salescommand_query::cursors::SourceCursor;
use salescommand_query::mail::{Letter, Mail, MailError};
use salescommand_query::people::{People, PeopleError};
use salescommand_query::quarantine::{QuarantineDecisions, QuarantineVerdict};
use salescommand_query::raw_zone::{EpochState, EpochSummary, RawZone};
use salescommand_query::sources::OpenedSource;
use salescommand_query::sync::{CancelOutcome, CommandError, SyncCommand, SyncCommands};
use salescommand_query::writes::{RecordWrite, RecordWrites, WriteError};
use salescommand_query::{Clock, HealthCheck, RAW_ZONE, ReadinessCheck};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{
    Active, Batch, Documents, Error, Operation, Ops, Query, Referring, ScopedReads, StoredPosition, Write,
    facets_collection, quarantine_collection, serving_collection,
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::records;

/// Off means: every call fails.
#[derive(Debug, Clone, Default)]
pub struct Switch(Arc<AtomicBool>);

impl Switch {
    pub fn off(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn on(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    pub fn is_off(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Clone)]
pub struct SwitchedStore {
    pub twin: MemoryStore,
    pub switch: Switch,
    /// How often it was asked which generations are read.
    pub looks: Arc<AtomicU64>,
}

impl SwitchedStore {
    fn twin(&self) -> Result<&MemoryStore, Error> {
        if self.switch.is_off() {
            Err(Error::Unavailable("mongodb://secret-host".into()))
        } else {
            Ok(&self.twin)
        }
    }
}

#[async_trait]
impl ScopedReads for SwitchedStore {
    async fn active(&self) -> Result<Option<Active>, Error> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        ScopedReads::active(self.twin()?).await
    }
    async fn read(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        self.twin()?.read(collection, scope, query).await
    }
    async fn read_referred(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        self.twin()?.read_referred(collection, scope, by, query).await
    }
    async fn count_referred(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<u64, Error> {
        self.twin()?.count_referred(collection, scope, by, query).await
    }
    async fn read_rolled_up(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        self.twin()?.read_rolled_up(collection, scope, query).await
    }
    async fn read_public(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        self.twin()?.read_public(collection, query).await
    }
    async fn evidence(&self, collection: &str, ids: &[String]) -> Result<Vec<RawDocumentBuf>, Error> {
        self.twin()?.evidence(collection, ids).await
    }
    async fn count(&self, collection: &str, scope: &Scope, query: &Query) -> Result<u64, Error> {
        self.twin()?.count(collection, scope, query).await
    }
    async fn positions(&self) -> Result<Vec<(String, StoredPosition)>, Error> {
        self.twin()?.positions().await
    }
    async fn ping(&self) -> Result<(), Error> {
        self.twin()?.ping().await
    }
}

#[async_trait]
impl Ops for SwitchedStore {
    async fn ensure_ops(&self) -> Result<(), Error> {
        self.twin()?.ensure_ops().await
    }
    async fn insert(&self, collection: &str, document: RawDocumentBuf) -> Result<(), Error> {
        self.twin()?.insert(collection, document).await
    }
    async fn list(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, Error> {
        self.twin()?.list(collection, query).await
    }
    async fn replace_if(
        &self,
        collection: &str,
        id: &str,
        expected: i64,
        document: RawDocumentBuf,
    ) -> Result<bool, Error> {
        self.twin()?.replace_if(collection, id, expected, document).await
    }
    async fn delete(&self, collection: &str, query: &Query) -> Result<u64, Error> {
        self.twin()?.delete(collection, query).await
    }
}

#[derive(Clone)]
pub struct SwitchedLog {
    pub twin: MemoryLog,
    pub switch: Switch,
}

impl SwitchedLog {
    fn twin(&self) -> Result<&MemoryLog, LogError> {
        if self.switch.is_off() {
            Err(LogError::Unavailable("nats://secret-host".into()))
        } else {
            Ok(&self.twin)
        }
    }
}

#[async_trait]
impl EventLog for SwitchedLog {
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), LogError> {
        self.twin()?.ensure_stream(spec).await
    }
    async fn streams(&self, prefix: &str) -> Result<Vec<StreamStatus>, LogError> {
        self.twin()?.streams(prefix).await
    }
    async fn stream(&self, name: &str) -> Result<Option<StreamStatus>, LogError> {
        self.twin()?.stream(name).await
    }
    async fn publish(&self, stream: &str, messages: Vec<Outgoing>) -> Result<Vec<Published>, LogError> {
        self.twin()?.publish(stream, messages).await
    }
    async fn publish_if_last(
        &self,
        stream: &str,
        message: Outgoing,
        last_of_subject: u64,
    ) -> Result<Published, LogError> {
        self.twin()?.publish_if_last(stream, message, last_of_subject).await
    }
    async fn publish_together(
        &self,
        stream: &str,
        behind: u64,
        messages: Vec<Outgoing>,
    ) -> Result<(), LogError> {
        self.twin()?.publish_together(stream, behind, messages).await
    }
    async fn last_by_subject(
        &self,
        stream: &str,
        subjects: &[String],
    ) -> Result<Vec<Option<Message>>, LogError> {
        self.twin()?.last_by_subject(stream, subjects).await
    }
    async fn last_by_subject_up_to(
        &self,
        stream: &str,
        subjects: &[String],
        sequence: u64,
    ) -> Result<Vec<Option<Message>>, LogError> {
        self.twin()?.last_by_subject_up_to(stream, subjects, sequence).await
    }
    async fn last_message(&self, stream: &str) -> Result<Option<Message>, LogError> {
        self.twin()?.last_message(stream).await
    }
    async fn read_after(&self, stream: &str, sequence: u64) -> Result<Box<dyn LogReader>, LogError> {
        self.twin()?.read_after(stream, sequence).await
    }
}

#[async_trait]
impl KeyValue for SwitchedLog {
    async fn ensure_bucket(&self, bucket: &str) -> Result<(), LogError> {
        self.twin()?.ensure_bucket(bucket).await
    }
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<KvEntry>, LogError> {
        self.twin()?.get(bucket, key).await
    }
    async fn put_if(&self, bucket: &str, key: &str, expected: u64, value: Bytes) -> Result<u64, LogError> {
        self.twin()?.put_if(bucket, key, expected, value).await
    }
    async fn entries(&self, bucket: &str) -> Result<Vec<(String, KvEntry)>, LogError> {
        self.twin()?.entries(bucket).await
    }
}

/// A clock that moves only when told.
#[derive(Debug, Clone)]
pub struct StandingClock(Arc<Mutex<Timestamp>>);

impl StandingClock {
    pub fn at(text: &str) -> Self {
        Self(Arc::new(Mutex::new(text.parse().unwrap())))
    }

    pub fn advance_seconds(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Remembers what was queued.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    pub commands: Arc<Mutex<Vec<SyncCommand>>>,
    pub hints: Arc<Mutex<Vec<(String, String)>>>,
    pub cursors: Arc<Mutex<Vec<SourceCursor>>>,
    pub switch: Switch,
}

impl Queue {
    fn is_there(&self) -> Result<(), CommandError> {
        if self.switch.is_off() {
            Err(CommandError::Unavailable("nats://secret-host".into()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl SyncCommands for Queue {
    async fn enqueue_sync(&self, command: SyncCommand) -> Result<(), CommandError> {
        self.is_there()?;
        self.commands.lock().unwrap().push(command);
        Ok(())
    }

    async fn hint(&self, source: &str, object: &str) -> Result<(), CommandError> {
        self.is_there()?;
        self.hints.lock().unwrap().push((source.to_owned(), object.to_owned()));
        Ok(())
    }

    async fn cancel_sync(&self, run_id: Uuid) -> Result<Option<CancelOutcome>, CommandError> {
        self.is_there()?;
        let mut commands = self.commands.lock().unwrap();
        let waiting = commands.iter().position(|command| command.run_id == run_id);
        Ok(waiting.map(|index| commands.remove(index)).map(|_| CancelOutcome::Cancelled))
    }

    async fn cursors(&self, _: &str) -> Result<Vec<SourceCursor>, CommandError> {
        self.is_there()?;
        Ok(self.cursors.lock().unwrap().clone())
    }

    async fn reset_cursors(&self, _: &str, objects: Vec<String>) -> Result<Vec<String>, CommandError> {
        self.is_there()?;
        let mut cursors = self.cursors.lock().unwrap();
        let named =
            cursors.iter_mut().filter(|cursor| objects.is_empty() || objects.contains(&cursor.object));
        Ok(named
            .map(|cursor| {
                (cursor.complete, cursor.read_through) = (false, None);
                cursor.object.clone()
            })
            .collect())
    }
}

/// A kind `odoo` that needs a `url`; its sources work if their secret is the right one.
#[derive(Debug)]
pub struct OneKind;

#[async_trait]
impl Connectors for OneKind {
    fn check_settings(
        &self,
        kind: &str,
        settings: &BTreeMap<String, String>,
        _: &SecretString,
    ) -> Result<String, ConnectorError> {
        match settings.get("url") {
            _ if kind != "odoo" => {
                Err(ConnectorError::UnknownKind { kind: kind.to_owned(), known: "odoo".to_owned() })
            }
            Some(_) => Ok("Odoo".to_owned()),
            None => Err(ConnectorError::WrongSetting {
                setting: "url".to_owned(),
                problem: "is missing".to_owned(),
            }),
        }
    }

    fn objects(&self, kind: &str) -> Vec<&'static str> {
        if kind == "odoo" { vec!["crm.lead", "res.partner"] } else { Vec::new() }
    }

    async fn test(&self, source: OpenedSource) -> Result<Vec<SourceCheck>, ConnectorError> {
        let right = source.secret.expose_secret() == "hunter2hunter2";
        let outcome = if right { CheckOutcome::Passed } else { CheckOutcome::Failed };
        Ok(vec![SourceCheck { step: "login".to_owned(), outcome, detail: source.summary.name }])
    }

    async fn discover(&self, source: OpenedSource) -> Result<Vec<SourceObject>, ConnectorError> {
        if source.secret.expose_secret() != "hunter2hunter2" {
            let (message, fix) = ("refused".to_owned(), "set the password".to_owned());
            return Err(ConnectorError::Source { message, fix });
        }
        let of = |object: &str, calls: Option<u64>| SourceObject {
            object: object.to_owned(),
            records: calls,
            calls,
            seconds: calls.map(|calls| calls as f64 / 2.0),
            entities: vec!["opportunity".to_owned()],
            fields: Vec::new(),
            sample: None,
            problem: None,
        };
        Ok(vec![of("crm.lead", Some(3)), of("mail.activity", None), of("res.partner", Some(4))])
    }
}

/// Remembers what was written, and compares versions as the broker does.
#[derive(Debug, Clone, Default)]
pub struct Drafts {
    pub writes: Arc<Mutex<Vec<RecordWrite>>>,
    pub switch: Switch,
}

#[async_trait]
impl RecordWrites for Drafts {
    async fn publish(&self, write: RecordWrite) -> Result<Position, WriteError> {
        if self.switch.is_off() {
            return Err(WriteError::Unavailable("nats://secret-host".into()));
        }
        let mut writes = self.writes.lock().unwrap();
        let last = writes.iter().rposition(|held| held.record == write.record);
        let last = last.map(|index| Position { epoch: 1, sequence: index as u64 + 1 });
        if last != write.expected {
            return Err(WriteError::Conflict { last });
        }
        writes.push(write);
        Ok(Position { epoch: 1, sequence: writes.len() as u64 })
    }

    async fn written(&self, position: Position) -> Result<Option<OpportunityEdit>, WriteError> {
        let writes = self.writes.lock().unwrap();
        let index = position.sequence.checked_sub(1).map(|index| index as usize);
        Ok(index.and_then(|index| writes.get(index)).and_then(|write| write.fields.clone()))
    }
}

/// A raw zone of one epoch, that is nearly full when told so.
#[derive(Debug, Clone, Default)]
pub struct FillingZone {
    pub room: Switch,
}

#[async_trait]
impl RawZone for FillingZone {
    async fn epochs(&self) -> Result<Vec<EpochSummary>, salescommand_eventlog::Error> {
        Ok(vec![EpochSummary {
            instance: "odoo".to_owned(),
            epoch: 1,
            state: EpochState::Sealed,
            archived: true,
            events: 7,
            bytes: 700,
            first_at: None,
            last_at: None,
        }])
    }

    async fn room(&self) -> HealthCheck {
        if self.room.is_off() {
            return HealthCheck::degraded(RAW_ZONE, "the broker's storage is 71% full", "Archive epochs.");
        }
        HealthCheck::ok(RAW_ZONE, "there is room")
    }
}

/// Takes decisions as the normalizer would: a retried event is accepted, a waived one is marked; or does not come to it.
#[derive(Clone)]
pub struct Verdicts {
    pub taken: Arc<Mutex<Vec<QuarantineVerdict>>>,
    pub normalizer: Switch,
    store: MemoryStore,
}

impl Verdicts {
    pub fn new(store: MemoryStore) -> Self {
        Self { taken: Arc::default(), normalizer: Switch::default(), store }
    }
}

#[async_trait]
impl QuarantineDecisions for Verdicts {
    async fn decide(&self, verdict: QuarantineVerdict) -> Result<Position, WriteError> {
        let sequence = {
            let mut taken = self.taken.lock().unwrap();
            taken.push(verdict.clone());
            taken.len() as u64
        };
        if !self.normalizer.is_off() {
            let (collection, id) = (quarantine_collection(1), verdict.about.to_string());
            let held = Documents::get(&self.store, &collection, std::slice::from_ref(&id)).await.unwrap();
            let mut document = bson::Document::try_from(held[0].clone()).unwrap();
            document.insert("state", "waived");
            document.insert("note", verdict.reason.clone());
            let operation = match verdict.action {
                QuarantineAction::Retry => Operation::Delete,
                QuarantineAction::Waive => Operation::Replace((&document).try_into().unwrap()),
            };
            let stored = Documents::position(&self.store, "normalizer_g1").await.unwrap().unwrap();
            let mut position = stored.position;
            let config = bson::doc! { "epoch": 1_i64, "sequence": sequence as i64 };
            position.get_document_mut("vector").unwrap().insert("config", config);
            let writes = vec![Write { collection, id, operation }];
            let consumer = "normalizer_g1".to_owned();
            let batch = Batch { consumer, expected_revision: stored.revision, position, writes };
            self.store.commit(batch).await.unwrap();
        }
        Ok(Position { epoch: 1, sequence })
    }
}

/// A further condition of readiness that panics when told to.
#[derive(Debug, Clone, Default)]
pub struct Brittle {
    pub broken: Switch,
}

#[async_trait]
impl ReadinessCheck for Brittle {
    async fn check(&self) -> HealthCheck {
        assert!(!self.broken.is_off(), "secret detail of a panic");
        HealthCheck::ok("first-sync", "done")
    }
}

/// Remembers who was announced, and takes manager edges as normalizer and projector would; or does not come to it.
#[derive(Clone)]
pub struct Told {
    pub accounts: Arc<Mutex<Vec<AccountSummary>>>,
    pub switch: Switch,
    pub projector: Switch,
    pub edges: Arc<Mutex<Vec<ManagerEdgeFacet>>>,
    sequence: Arc<AtomicU64>,
    store: MemoryStore,
}

impl Told {
    pub fn new(store: MemoryStore) -> Self {
        Self {
            accounts: Arc::default(),
            switch: Switch::default(),
            projector: Switch::default(),
            edges: Arc::default(),
            sequence: Arc::default(),
            store,
        }
    }

    /// What the normalizer writes of the record, and the projector of it.
    async fn take(
        &self,
        source: SourceRef,
        declared: Option<&ManagerEdgeFacet>,
    ) -> Result<Position, WriteError> {
        if self.switch.is_off() {
            return Err(WriteError::Unavailable("nats://secret-host".into()));
        }
        let sequence = self.sequence.fetch_add(1, Ordering::SeqCst) + 1;
        let at = Position { epoch: 1, sequence };
        if self.projector.is_off() {
            return Ok(at);
        }
        let (id, directory) = (source.facet_id(), serving_collection("directory", 1));
        if let Some(declared) = declared {
            let body = FacetBody::ManagerEdge(declared.clone());
            records::put(&self.store, &facets_collection(1), vec![(id.to_string(), facet(source, at, body))])
                .await;
            let fact = DirectoryFact::ManagerEdge(declared.edge.clone());
            let entry = DirectoryEntry { id, scope_key: ScopeKey::public(), fact };
            records::put(&self.store, &directory, vec![(id.to_string(), entry)]).await;
        }
        let stored = Documents::position(&self.store, "projection_directory_g1").await.unwrap().unwrap();
        let (consumer, mut position) = ("projection_directory_g1".to_owned(), stored.position);
        let config = bson::doc! { "epoch": 1_i64, "sequence": sequence as i64 };
        position.get_document_mut("vector").unwrap().insert("config", config);
        let gone = Write { collection: directory, id: id.to_string(), operation: Operation::Delete };
        let writes = if declared.is_none() { vec![gone] } else { Vec::new() };
        let batch = Batch { consumer, expected_revision: stored.revision, position, writes };
        self.store.commit(batch).await.unwrap();
        Ok(at)
    }
}

/// A facet as the normalizer holds it.
fn facet(source: SourceRef, position: Position, body: FacetBody) -> Facet {
    Facet {
        id: source.facet_id(),
        source,
        position,
        source_modified: None,
        deleted: false,
        merged_into: None,
        stated: None,
        body,
        keys: Vec::new(),
        refs: Vec::new(),
        last_version: None,
    }
}

#[async_trait]
impl People for Told {
    async fn announce(&self, account: &AccountSummary) -> Result<(), PeopleError> {
        if self.switch.is_off() {
            return Err(PeopleError("nats://secret-host".into()));
        }
        self.accounts.lock().unwrap().push(account.clone());
        Ok(())
    }

    async fn declare(&self, edge: &ManagerEdgeFacet) -> Result<Position, WriteError> {
        self.edges.lock().unwrap().push(edge.clone());
        self.take(edge.edge.source(), Some(edge)).await
    }

    async fn take_back(&self, key: &str) -> Result<Position, WriteError> {
        let object = ObjectName::new(MANAGER_EDGE_OBJECT).unwrap();
        self.take(SourceRef { instance: InstanceName::config(), object, key: key.to_owned() }, None).await
    }
}

/// A mail server that keeps what it is sent: to whom, and the text.
#[derive(Debug, Clone, Default)]
pub struct MailServer {
    pub letters: Arc<Mutex<Vec<(String, String)>>>,
    pub switch: Switch,
}

#[async_trait]
impl Mail for MailServer {
    async fn send(&self, letter: Letter) -> Result<(), MailError> {
        if self.switch.is_off() {
            return Err(MailError("smtp://secret-host".into()));
        }
        self.letters.lock().unwrap().push((letter.to, letter.text.expose_secret().to_owned()));
        Ok(())
    }
}
