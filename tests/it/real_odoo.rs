//! The office at work on a real Odoo server, read by the connector while it works: what `odoo_changes` shows of the
//! simulator, shown of the thing itself. `cargo xtask test --real-odoo` starts the server.
//!
//! The office's client is Python's own. What it does is what happens at the simulator, but for transactions that are held
//! open at will: in their place some leads are made at once by another client, which takes the server seconds.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use salescommand_connectors::Source;
use salescommand_connectors::descriptor;
use salescommand_domain::canonical::FacetBody;
use salescommand_domain::canonical::history::{HistoryField, either_closed};
use salescommand_eventlog::memory::{MemoryLog, abort_after};
use salescommand_ingest::{Clock, Ports, Run, RunState, SystemClock};
use salescommand_odoo_simulator::Level;
use serde_json::{Value, json};

use crate::office::{self, API, Key, MESSAGES, Merges, PASSWORD, Server, Step, act, present, step};

/// Variable with the server's address; its database is the next.
const URL_VARIABLE: &str = "SALESCOMMAND_TEST_REAL_ODOO";
const DATABASE_VARIABLE: &str = "SALESCOMMAND_TEST_REAL_ODOO_DATABASE";
const ADMIN: (&str, &str) = ("admin", "admin");
/// Histories, each read into a log of its own.
const HISTORIES: usize = 8;
/// Leads that are made at once.
const AT_ONCE: usize = 60;
/// Longer than making them takes.
const OVERLAP_SECONDS: &str = "60";

/// Python, answering line by line.
struct Client {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Client {
    fn start(url: &str, database: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/real-odoo/client.py");
        let mut child = Command::new("python3")
            .args([script, url, database])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pipes = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, pipes: Mutex::new(pipes) }
    }

    /// What a method gives an administrator, or why it was refused.
    fn ask(&self, object: &str, method: &str, arguments: Value, named: Value) -> Result<Value, String> {
        let (login, password) = ADMIN;
        let question = json!({
            "login": login, "password": password, "model": object, "method": method, "args": arguments,
            "kwargs": named,
        });
        let mut pipes = self.pipes.lock().unwrap();
        writeln!(pipes.0, "{question}").unwrap();
        let mut line = String::new();
        pipes.1.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        if answer.get("fault").is_some() { Err(line) } else { Ok(answer["value"].take()) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server.
struct Real {
    url: String,
    database: String,
    client: Client,
    user: i64,
}

impl Server for Real {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn database(&self) -> &str {
        &self.database
    }

    fn ids(&self, object: &str) -> Vec<i64> {
        let named = json!({"order": "id asc", "context": {"active_test": false}});
        let ids = self.client.ask(object, "search", json!([[]]), named).unwrap();
        serde_json::from_value(ids).unwrap()
    }

    fn call(&self, object: &str, method: &str, arguments: Value, named: Value) -> Option<Value> {
        match self.client.ask(object, method, arguments, named) {
            Ok(value) => Some(value),
            Err(refused) => {
                println!("{object}.{method}: {refused}");
                None
            }
        }
    }

    fn written(&self) -> Vec<i64> {
        let wanted = json!([[["message_type", "!=", "notification"]]]);
        let ids = self.client.ask(MESSAGES, "search", wanted, json!({"order": "id asc"})).unwrap();
        serde_json::from_value(ids).unwrap()
    }

    fn name_of(&self, lead: i64) -> Option<String> {
        let found = self.client.ask("crm.lead", "read", json!([[lead]]), json!({"fields": ["name"]}));
        Some(found.ok()?.get(0)?.get("name")?.as_str().unwrap_or_default().to_owned())
    }

    fn set_level(&self, level: Level) {
        let groups = match level {
            Level::Internal => vec![("base", "group_user")],
            Level::OwnDocuments => vec![("base", "group_user"), ("sales_team", "group_sale_salesman")],
            Level::Settings => vec![
                ("base", "group_user"),
                ("base", "group_system"),
                ("sales_team", "group_sale_salesman_all_leads"),
            ],
            _ => vec![("base", "group_user"), ("sales_team", "group_sale_salesman_all_leads")],
        };
        let groups: Vec<i64> = groups.into_iter().map(|(module, name)| self.group(module, name)).collect();
        let values = json!({"groups_id": [[6, 0, groups]]});
        self.client.ask("res.users", "write", json!([[self.user], values]), json!({})).unwrap();
    }
}

impl Real {
    /// The server that was started for this test, with the user whom the connector signs in as.
    fn there() -> Self {
        let variable = |name: &str| {
            std::env::var(name)
                .unwrap_or_else(|_| panic!("{name} is not set: use cargo xtask test --real-odoo"))
        };
        let (url, database) = (variable(URL_VARIABLE), variable(DATABASE_VARIABLE));
        let client = Client::start(&url, &database);
        let values = json!({"name": "Integration", "login": API, "password": PASSWORD});
        let user = client.ask("res.users", "create", json!([values]), json!({})).unwrap().as_i64().unwrap();
        let server = Self { url, database, client, user };
        server.set_level(Level::AllDocuments);
        server
    }

    fn group(&self, module: &str, name: &str) -> i64 {
        let wanted = json!([[["module", "=", module], ["name", "=", name], ["model", "=", "res.groups"]]]);
        let named = json!({"fields": ["res_id"]});
        let found = self.client.ask("ir.model.data", "search_read", wanted, named).unwrap();
        found[0]["res_id"].as_i64().unwrap()
    }

    fn source(&self) -> Box<dyn Source> {
        office::source(self, &[("page_size", "50"), ("overlap_seconds", OVERLAP_SECONDS)])
    }
}

/// The machine's clock, which can be put forward: a lease that a killed run left behind is then over.
#[derive(Clone, Default)]
struct Ahead(Arc<Mutex<Duration>>);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + *self.0.lock().unwrap()
    }
}

/// A log that is kept of the server, and what has happened meanwhile.
struct Office<'a> {
    server: &'a Real,
    log: MemoryLog,
    ports: Ports,
    clock: Ahead,
    run: u128,
    deleted: BTreeSet<Key>,
    merges: Merges,
    /// Leads that are being made.
    writing: Option<JoinHandle<()>>,
}

impl<'a> Office<'a> {
    fn open(server: &'a Real) -> Self {
        let (log, clock) = (MemoryLog::new(), Ahead::default());
        let ports = Ports { clock: Arc::new(clock.clone()), ..Ports::system(&log) };
        Self {
            server,
            log,
            ports,
            clock,
            run: 1,
            deleted: BTreeSet::new(),
            merges: Merges::default(),
            writing: None,
        }
    }

    async fn take(&mut self, number: &mut usize, step: Step) {
        let before = present(self.server);
        match step {
            Step::Begin { .. } => {
                self.written();
                let rows: Vec<_> = (0..AT_ONCE).map(|_| office::name(number)).collect();
                let (url, database) = (self.server.url.clone(), self.server.database.clone());
                self.writing = Some(std::thread::spawn(move || {
                    let client = Client::start(&url, &database);
                    client.ask("crm.lead", "create", json!([rows]), json!({})).unwrap();
                }));
            }
            Step::Sync { polls, same } => {
                self.run += u128::from(!same);
                match polls {
                    Some(polls) => drop(abort_after(polls, self.sync(false)).await),
                    None => drop(self.sync(false).await),
                }
                *self.clock.0.lock().unwrap() += Duration::from_secs(31);
            }
            step => act(self.server, number, &mut self.merges, step),
        }
        self.deleted.extend(before.difference(&present(self.server)).cloned());
    }

    /// Waits for the leads that are being made.
    fn written(&mut self) {
        if let Some(writing) = self.writing.take() {
            writing.join().unwrap();
        }
    }

    async fn sync(&self, full: bool) -> Run {
        office::sync(&self.ports, self.run, full, self.server.source()).await
    }
}

/// Random histories, the same each time.
fn histories() -> Vec<Vec<Step>> {
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut one = || vec(step(), 15..30).new_tree(&mut runner).unwrap().current();
    (0..HISTORIES).map(|_| one()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Odoo server: cargo xtask test --real-odoo"]
async fn the_log_says_what_a_real_server_has() {
    let server = Real::there();
    the_history_that_it_keeps_is_read(&server).await;
    let mut number = 0;
    for (at, steps) in histories().into_iter().enumerate() {
        println!("history {at}: {steps:?}");
        let mut office = Office::open(&server);
        let was_limited =
            steps.iter().any(|step| matches!(step, Step::Level(level) if *level != Level::AllDocuments));
        for step in steps {
            office.take(&mut number, step).await;
        }
        server.set_level(Level::AllDocuments);
        office.written();
        office.run += 1;
        let run = office.sync(false).await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        office::assert_same_but_for_the_unmarked(&office.log, server.source(), was_limited).await;
        office.run += 1;
        assert_eq!(office.sync(true).await.state, RunState::Succeeded);
        assert_eq!(office::said(&office.log).await, office::real(server.source()).await);
        office::assert_no_false_retraction(&office.log, &office.deleted).await;
        // The notes of Odoo 14 name no lead in a form that proves anything.
        office.merges.check(&server, &office.log, 0, false).await;
    }
}

/// A lead that goes a long way before the first sync brings all of it along.
async fn the_history_that_it_keeps_is_read(server: &Real) {
    server.set_level(Level::Settings);
    let stages = server.ids("crm.stage");
    let values = json!([{"name": "Lifts", "stage_id": stages[0], "type": "opportunity"}]);
    let lead = server.call("crm.lead", "create", values, json!({})).unwrap();
    for values in [json!({"stage_id": stages[1]}), json!({"expected_revenue": 250.5})] {
        server.call("crm.lead", "write", json!([[lead], values]), json!({})).unwrap();
    }
    for method in ["action_set_lost", "action_unarchive"] {
        let _ = server.call("crm.lead", method, json!([[lead]]), json!({}));
    }
    let office = Office::open(server);
    let run = office.sync(true).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    let events = office::events(&office.log).await;
    let read = events
        .into_iter()
        .find(|event| event.object.as_str() == "crm.lead" && json!(event.key) == json!(lead.to_string()));
    let mapped = (descriptor("odoo").unwrap().map)(&read.unwrap()).unwrap().unwrap();
    let FacetBody::Opportunity(deal) = mapped.body else { panic!("{:?}", mapped.body) };
    let told = deal.tracked.unwrap();
    let fields: Vec<HistoryField> = told.iter().map(|change| change.field).collect();
    use HistoryField::{Amount, Stage, Status};
    assert_eq!(fields, [Stage, Amount, Status, Status], "{told:?}");
    assert_eq!(told[0].to, deal.stage.map(|stage| json!(stage)));
    assert_eq!((&told[1].from, &told[1].to), (&None, &Some(json!("250.5"))));
    assert_eq!((&told[2].to, &told[3].from), (&Some(either_closed()), &Some(either_closed())));
    assert!(told.iter().all(|change| change.by.is_some()), "{told:?}");
    server.set_level(Level::AllDocuments);
}
