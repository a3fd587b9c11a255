//! A service over twins, a small company in it, and browsers.
//!
//! Mona manages Ana and Bob; Zed belongs to nobody's team. Each role has an account; all have the same password.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use salescommand_audit::{Journal, Publisher};
use salescommand_domain::access::Role;
use salescommand_domain::canonical::{FacetId, Status};
use salescommand_eventlog::memory::MemoryLog;
use salescommand_eventlog::{EventLog, KeyValue, Outgoing, StreamSpec};
use salescommand_query::accounts::{Accounts, NewAccount};
use salescommand_query::mail::Mail;
use salescommand_query::oidc::ProviderSettings;
use salescommand_query::sources::{NewSource, Sources};
use salescommand_query::sync::{HISTORY_STREAM, RUNS_BUCKET};
use salescommand_query::{
    Clock as _, Config, Deps, Ids as _, MasterKeys, QueryService, SessionKeys, SymmetricKey, SystemIds,
    detached_metrics,
};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{Active, Batch, Documents, Ops, serving_collection};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::controls::Controls;
use crate::records;
use crate::switches::{
    Brittle, Drafts, FillingZone, MailServer, OneKind, Queue, StandingClock, Switch, SwitchedLog,
    SwitchedStore, Told, Verdicts,
};

pub const PASSWORD: &str = "correct horse battery";
pub const NOW: &str = "2026-11-23T08:00:00Z";

pub struct World {
    pub service: QueryService,
    /// Makes another copy of the service under these keys, which shares everything but its own memory.
    pub copies: Box<dyn Fn(SessionKeys) -> QueryService + Send + Sync>,
    pub store: MemoryStore,
    pub log: MemoryLog,
    pub journal: Journal,
    /// Off means that nothing can be written down.
    pub journal_switch: Switch,
    pub store_switch: Switch,
    looks: Arc<AtomicU64>,
    pub broker_switch: Switch,
    pub clock: StandingClock,
    pub queue: Queue,
    pub drafts: Drafts,
    pub verdicts: Verdicts,
    pub controls: Controls,
    pub brittle: Brittle,
    pub zone: FillingZone,
    pub people_told: Told,
    pub mail: MailServer,
    pub accounts: Accounts,
    pub sources: Sources,
    pub people: BTreeMap<Role, FacetId>,
}

pub fn email(role: Role) -> String {
    format!("{}@example.com", role.label().to_lowercase().replace(' ', "."))
}

pub fn key(byte: u8) -> SymmetricKey {
    SymmetricKey::from_bytes(vec![byte; 32]).unwrap()
}

/// A master key of one byte, with former ones.
pub fn master_keys(present: u8, former: &[u8]) -> MasterKeys {
    let former: Vec<_> = former.iter().map(|byte| key(*byte)).collect();
    MasterKeys::new(&key(present), &former).unwrap()
}

impl World {
    /// The service and its accounts, nothing prepared yet.
    pub async fn empty() -> Self {
        Self::with_providers(Vec::new()).await
    }

    /// The same, with providers of sign-ins.
    pub async fn with_providers(providers: Vec<ProviderSettings>) -> Self {
        Self::built(move |config| config.providers = providers.clone(), true).await
    }

    /// The same, configured otherwise than by default.
    pub async fn configured(change: impl Fn(&mut Config) + Send + Sync + 'static) -> Self {
        Self::built(change, true).await
    }

    /// The same, without a mail server.
    pub async fn without_mail() -> Self {
        Self::built(|_| (), false).await
    }

    async fn built(change: impl Fn(&mut Config) + Send + Sync + 'static, has_mail: bool) -> Self {
        let (store, log) = (MemoryStore::new(), MemoryLog::new());
        let (store_switch, broker_switch) = (Switch::default(), Switch::default());
        let (clock, queue, brittle) = (StandingClock::at(NOW), Queue::default(), Brittle::default());
        let zone = FillingZone::default();
        let looks = Arc::<AtomicU64>::default();
        let switched =
            SwitchedStore { twin: store.clone(), switch: store_switch.clone(), looks: looks.clone() };
        let switched = Arc::new(switched);
        let switched_log = Arc::new(SwitchedLog { twin: log.clone(), switch: broker_switch.clone() });
        let (people_told, mail) = (Told::new(store.clone()), MailServer::default());
        let (drafts, verdicts) = (Drafts::default(), Verdicts::new(store.clone()));
        let controls = Controls::new(store.clone());
        store.ensure_ops().await.unwrap();
        let (ops, ids): (Arc<dyn Ops>, _) = (switched.clone(), Arc::new(SystemIds));
        let accounts = Accounts::new(ops.clone(), Arc::new(clock.clone()), ids.clone()).unwrap();
        let sources = Sources::new(ops.clone(), Arc::new(clock.clone()), ids.clone(), master_keys(2, &[]));
        let journal_switch = Switch::default();
        let written =
            SwitchedStore { twin: store.clone(), switch: journal_switch.clone(), looks: Arc::default() };
        let journal = journal(Arc::new(written), &clock);
        let copies = {
            let (store, zone, brittle) = (switched.clone(), zone.clone(), brittle.clone());
            let (queue, drafts, verdicts) = (queue.clone(), drafts.clone(), verdicts.clone());
            let (people_told, controls, clock) = (people_told.clone(), controls.clone(), clock.clone());
            let (mail, journal) = (mail.clone(), journal.clone());
            Box::new(move |session_keys| {
                let deps = Deps {
                    store: store.clone(),
                    ops: store.clone(),
                    journal: journal.clone(),
                    log: switched_log.clone(),
                    kv: switched_log.clone(),
                    commands: Arc::new(queue.clone()),
                    connectors: Arc::new(OneKind),
                    writes: Arc::new(drafts.clone()),
                    raw_zone: Arc::new(zone.clone()),
                    quarantine: Arc::new(verdicts.clone()),
                    people: Arc::new(people_told.clone()),
                    generations: Arc::new(controls.clone()),
                    mail: has_mail.then(|| Arc::new(mail.clone()) as Arc<dyn Mail>),
                    clock: Arc::new(clock.clone()),
                    ids: Arc::new(SystemIds),
                    load: Arc::default(),
                    metrics: detached_metrics(),
                    readiness: vec![Arc::new(brittle.clone())],
                };
                let mut config = Config::new(session_keys, master_keys(2, &[]));
                change(&mut config);
                QueryService::new(config, deps).unwrap()
            })
        };
        let service = copies(key(1).into());
        let people = BTreeMap::new();
        Self {
            service,
            copies,
            store,
            log,
            journal,
            journal_switch,
            store_switch,
            looks,
            broker_switch,
            clock,
            queue,
            drafts,
            verdicts,
            controls,
            brittle,
            zone,
            people_told,
            mail,
            accounts,
            sources,
            people,
        }
    }

    /// How often requests have asked which generations are read.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }

    /// With an account per role.
    pub async fn with_accounts() -> Self {
        let mut world = Self::empty().await;
        for role in Role::ALL {
            let new = NewAccount {
                email: email(role),
                name: role.label().to_owned(),
                role,
                password: PASSWORD.into(),
            };
            let account = world.accounts.create(new).await.unwrap();
            world.people.insert(role, account.person_facet);
        }
        world
    }

    /// With the small company prepared, and a source that was synced an hour ago.
    pub async fn furnished() -> Self {
        let world = Self::with_accounts().await;
        world.activate().await;
        world.put_directory().await;
        let usd = |minor| Some((minor, "USD"));
        let (ana, zed) = (
            records::deal("1", "ana", Status::Open, usd(100_000), Some("2026-12-01")),
            records::deal("5", "zed", Status::Open, usd(777_700), Some("2026-12-24")),
        );
        let calls = [
            records::call("1", "ana", "2026-11-22T09:00:00Z", &ana),
            records::call("2", "zed", "2026-11-22T10:00:00Z", &zed),
            // Bob's call is about a deal that only Zed, and those above everyone, may see.
            records::call("3", "bob", "2026-11-22T11:00:00Z", &zed),
        ];
        let deals = vec![
            ana,
            records::deal("2", "ana", Status::Won, usd(50_000), Some("2026-11-02")),
            records::deal("3", "bob", Status::Open, Some((20_000, "EUR")), None),
            records::deal("4", "bob", Status::Lost, None, Some("2026-10-15")),
            zed,
            records::deal("6", "zed", Status::Won, usd(999), Some("2026-11-10")),
            records::deal("7", "ana", Status::Won, usd(1), Some("2026-09-30")),
        ];
        records::put_golden(&world.store, deals).await;
        records::put_golden(&world.store, calls.into()).await;
        let others = ["mona", "ana", "bob", "zed"].map(|name| records::user(name, name));
        records::put_golden(&world.store, others.into()).await;
        records::put_golden(&world.store, vec![records::team("1", "Sales")]).await;
        world.add_source("odoo").await;
        world.finish_run("odoo", "2026-11-23T07:00:00Z", 7).await;
        world.project(7).await;
        world
    }

    pub async fn activate(&self) {
        let serving = ["directory", "dashboard_stats", "pipeline_summary", "activity_feed"];
        let serving = serving.map(|name| (name.to_owned(), 1)).into();
        self.store.set_active(&Active { canonical: 1, serving, org_version: 1, previous: None }).unwrap();
    }

    async fn put_directory(&self) {
        let of = |role: Role| self.people[&role];
        let both = |role: Role, name: &str| vec![of(role), records::seller(name)];
        let manager = Some(of(Role::SalesManager));
        let entries = vec![
            records::person(of(Role::SalesManager), both(Role::SalesManager, "mona"), "Mona", None),
            records::person(of(Role::AccountManager), both(Role::AccountManager, "ana"), "Ana", manager),
            records::person(of(Role::SalesUser), both(Role::SalesUser, "bob"), "Bob", manager),
            records::person(of(Role::Viewer), vec![of(Role::Viewer)], "Vic", None),
            records::person(records::seller("zed"), vec![records::seller("zed")], "Zed", None),
            records::stage_entry("1", "Proposal", 2),
            records::stage_entry("4", "Won", 9),
        ];
        let entries = entries.into_iter().map(|entry| (entry.id.to_string(), entry));
        records::put(&self.store, &serving_collection("directory", 1), entries.collect()).await;
    }

    pub async fn add_source(&self, name: &str) {
        let new = NewSource {
            name: salescommand_domain::raw::InstanceName::new(name).unwrap(),
            kind: "odoo".into(),
            title: "Odoo".into(),
            settings: [("url".to_owned(), "http://odoo.example".to_owned())].into(),
            secret: "hunter2hunter2".into(),
            schedule: Default::default(),
        };
        self.sources.add(new).await.unwrap();
    }

    /// Records a run, as ingest does: with the last complete and the last finished run before it.
    pub async fn put_run(&self, run: &Value) {
        let source = run["source"].as_str().unwrap();
        self.log.ensure_bucket(RUNS_BUCKET).await.unwrap();
        let held = self.log.get(RUNS_BUCKET, source).await.unwrap();
        let before: Value =
            held.as_ref().map_or(Value::Null, |held| serde_json::from_slice(&held.value).unwrap());
        let (open, mut run) =
            (|run: &Value| ["queued", "running"].contains(&run["state"].as_str().unwrap()), run.clone());
        let complete = run["state"] == "succeeded" && run["only"].is_null();
        let this = json!({ "run_id": run["run_id"], "finished_at": run["finished_at"], "position": run["position"] });
        run["last_complete"] = if complete { this } else { before["last_complete"].clone() };
        if !before.is_null() {
            run["last"] = if open(&before) { before["last"].clone() } else { before.clone() };
        }
        let revision = held.map_or(0, |entry| entry.revision);
        self.log.put_if(RUNS_BUCKET, source, revision, Bytes::from(run.to_string())).await.unwrap();
        if !open(&run) {
            run["last"] = Value::Null;
            self.publish(HISTORY_STREAM, "sync.history", Bytes::from(run.to_string())).await;
        }
    }

    pub async fn finish_run(&self, source: &str, at: &str, sequence: u64) {
        self.put_run(&run(source, at, "succeeded", Some(sequence))).await;
    }

    pub async fn publish(&self, stream: &str, subject: &str, payload: Bytes) {
        let spec = StreamSpec {
            name: stream.to_owned(),
            subjects: vec![format!("{subject}.>")],
            immutable: true,
            max_bytes: None,
            duplicate_window: std::time::Duration::from_secs(120),
        };
        self.log.ensure_stream(&spec).await.unwrap();
        let message = Outgoing {
            subject: format!("{subject}.one"),
            message_id: None,
            expected_last_sequence: None,
            content_type: None,
            payload,
        };
        self.log.publish(stream, vec![message]).await.unwrap();
    }

    /// Moves every projection, and the normalizer, to a place in odoo's log.
    pub async fn project(&self, sequence: i64) {
        self.project_to(sequence, None).await;
    }

    /// The same, with a place in crm's log.
    pub async fn project_to(&self, sequence: i64, crm: Option<i64>) {
        let mut vector = bson::doc! { "odoo": { "epoch": 1_i64, "sequence": sequence } };
        if let Some(crm) = crm {
            vector.insert("crm", bson::doc! { "epoch": 1_i64, "sequence": crm });
        }
        let names = ["directory", "dashboard_stats", "pipeline_summary", "activity_feed"];
        let consumers = names.map(|name| format!("projection_{name}_g1"));
        for consumer in consumers.into_iter().chain(["normalizer_g1".to_owned()]) {
            let revision =
                Documents::position(&self.store, &consumer).await.unwrap().map_or(0, |at| at.revision);
            let position = bson::doc! { "vector": vector.clone(), "sequence": 3_i64, "version": 1_i64 };
            let batch = Batch { consumer, expected_revision: revision, position, writes: Vec::new() };
            self.store.commit(batch).await.unwrap();
        }
    }

    /// Lets a projection stand still, as one does that meets what it cannot read.
    pub async fn park(&self, projection: &str) {
        let consumer = format!("projection_{projection}_g1");
        let stored = Documents::position(&self.store, &consumer).await.unwrap().unwrap();
        let mut position = stored.position;
        position.insert("parked", true);
        let batch = Batch { consumer, expected_revision: stored.revision, position, writes: Vec::new() };
        self.store.commit(batch).await.unwrap();
    }

    /// Publishes what was written down.
    pub async fn publish_audit(&self) {
        let mut publisher = Publisher::new(Arc::new(self.log.clone()), self.journal.clone());
        publisher.settle().await.unwrap();
    }

    pub fn browser(&self) -> Browser {
        Browser { router: self.service.router(), cookies: BTreeMap::new() }
    }

    /// The same browser, whose next requests are answered by another copy of the service.
    pub fn elsewhere(&self, browser: &Browser) -> Browser {
        self.under(key(1).into(), browser)
    }

    /// The same browser, whose next requests are answered by a copy of the service with these keys.
    pub fn under(&self, session_keys: SessionKeys, browser: &Browser) -> Browser {
        Browser { router: (self.copies)(session_keys).router(), cookies: browser.cookies.clone() }
    }

    /// A browser in which somebody of this role is signed in.
    pub async fn signed_in(&self, role: Role) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(&email(role), PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        browser
    }
}

/// A journal by the world's clock.
fn journal(ops: Arc<dyn Ops>, clock: &StandingClock) -> Journal {
    let clock = clock.clone();
    Journal::new(ops, move || clock.now(), || SystemIds.ordered())
}

/// A run of one object.
pub fn run(source: &str, at: &str, state: &str, sequence: Option<u64>) -> Value {
    json!({
        "run_id": format!("run {at}"), "source": source, "trigger": "manual", "state": state,
        "started_at": at, "finished_at": sequence.map(|_| at),
        "objects": [{ "object": "crm.lead", "state": "done", "read": 7, "published": 7, "unchanged": 0,
            "rejected": 0, "total": 7, "calls": 1, "detail": null }],
        "read": 7, "published": 7, "unchanged": 0, "rejected": 0, "error": null,
        "token": 1, "only": null, "position": sequence.map(|sequence| json!({ "epoch": 1, "sequence": sequence })),
    })
}

/// Keeps cookies, as browsers do.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts a problem document and gives it.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["type"], format!("/problems/{code}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert!(!self.text().contains("secret"), "internals leave: {problem}");
        problem
    }
}

impl Browser {
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.post("/api/auth/login", &json!({ "email": email, "password": password })).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn get_with(&mut self, path: &str, name: &str, value: &str) -> Answer {
        self.send(Request::get(path).header(name, value).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send_json(Method::POST, path, body).await
    }

    pub async fn put(&mut self, path: &str, body: &Value) -> Answer {
        self.send_json(Method::PUT, path, body).await
    }

    pub async fn delete(&mut self, path: &str) -> Answer {
        self.send_json(Method::DELETE, path, &json!(null)).await
    }

    pub async fn send_json(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request =
            request.header("x-requested-with", "salescommand").header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        let sent =
            self.cookies.iter().filter(|(name, _)| *name != "sc_refresh" || path.starts_with("/api/auth"));
        let line: Vec<_> = sent.map(|(name, value)| format!("{name}={value}")).collect();
        if !line.is_empty() {
            request.headers_mut().insert("cookie", line.join("; ").parse().unwrap());
        }
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        for cookie in parts.headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}
