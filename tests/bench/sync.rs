//! `cargo xtask bench sync`: what a sync of a large Odoo takes, beside a client that only reads the same pages.
//!
//! The simulator and the broker are beside it on this machine. What is measured is a process of its own: its time, the
//! requests it makes, and the largest resident set.

// A program for developers, not a production path: a broken assumption ends it with a panic that says where.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that meets what it does not expect has to end"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use jiff::civil::date;
use salescommand_connectors::{Extent, Reach, Settings, Source, descriptor};
use salescommand_domain::raw::InstanceName;
use salescommand_domain::schedule::Selection;
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{
    Demands, Ids as _, Options, Ports, RunRequest, RunState, SystemIds, Trigger, run_once,
};
use salescommand_odoo_simulator::{Config, Handle, Level, Seed, Simulator};
use salescommand_tests::nats::Nats;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Tells the program what it is: one of [`ROLES`].
const ROLE: &str = "SALESCOMMAND_BENCH_ROLE";
const ODOO: &str = "SALESCOMMAND_BENCH_ODOO";
const NATS: &str = "SALESCOMMAND_BENCH_NATS";
const INSTANCE: &str = "SALESCOMMAND_BENCH_INSTANCE";
const API: &str = "integration@salescommand.com";
const SECRET: &str = "secret";
const ADMIN: &str = "admin";
/// Records changed between two syncs.
const CHANGED: usize = 2_000;
/// How far before now the reading of changes begins; as the connector's default.
const OVERLAP: Duration = Duration::from_secs(300);

/// What a process has measured of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    seconds: f64,
    records: u64,
    published: u64,
    calls: u64,
    peak_kib: u64,
}

struct Wanted {
    leads: usize,
    partners: usize,
    runs: usize,
    /// The API user may read the history that Odoo keeps of leads.
    history: bool,
}

impl Wanted {
    /// Reads `--leads N`, `--partners N`, `--runs N`, `--history`.
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut wanted = Self { leads: 200_000, partners: 100_000, runs: 1, history: false };
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().unwrap_or_default().replace('_', "").parse().unwrap();
            match argument.as_str() {
                "--leads" => wanted.leads = number(),
                "--partners" => wanted.partners = number(),
                "--runs" => wanted.runs = number(),
                "--history" => wanted.history = true,
                // Cargo adds this one by itself.
                "--bench" => {}
                other => panic!("{other} is no option: --leads N, --partners N, --runs N, --history"),
            }
        }
        wanted
    }
}

#[tokio::main]
async fn main() {
    if let Ok(role) = std::env::var(ROLE) {
        let measured = match role.as_str() {
            "read" => read(false).await,
            "read-changes" => read(true).await,
            "sync" => sync().await,
            other => panic!("there is no role {other}"),
        };
        return println!("{}", serde_json::to_string(&measured).unwrap());
    }
    let wanted = Wanted::read(std::env::args().skip(1));
    let seed = Seed {
        leads: wanted.leads,
        partners: wanted.partners,
        activities: wanted.leads / 10,
        ..Seed::new(7, date(2026, 11, 23))
    };
    let odoo = Simulator::start(Config::new(seed).password(API, SECRET)).await.unwrap();
    if wanted.history {
        odoo.data().set_level(API, Level::Settings).unwrap();
    }
    let nats = Nats::start().unwrap();
    println!("{} leads, {} partners, {} activities", wanted.leads, wanted.partners, wanted.leads / 10);
    println!("what                          records   published    calls   seconds  of reading   peak MiB");
    println!("---------------------------  --------  ----------  -------  --------  ----------  ---------");
    for run in 1..=wanted.runs {
        let instance = format!("odoo-{run}");
        let measure = |role| measure(role, &instance, &odoo, &nats);
        let everything = measure("read").await;
        line("read everything", &everything, None);
        line("sync, nothing known yet", &measure("sync").await, Some(&everything));
        let nothing = measure("read-changes").await;
        line("read changes, none", &nothing, None);
        line("sync, no changes", &measure("sync").await, Some(&nothing));
        let ids = odoo.data().snapshot().ids_where("crm.lead", |_| true);
        let some: Vec<_> = ids.into_iter().filter(|id| id % 7 == 0).take(CHANGED).collect();
        let name = json!({"name": format!("Changed {run}")});
        odoo.data().call(ADMIN, ("crm.lead", "write"), json!([some, name]), json!({})).unwrap();
        let changes = measure("read-changes").await;
        line(&format!("read changes, {}", some.len()), &changes, None);
        line(&format!("sync, {} changes", some.len()), &measure("sync").await, Some(&changes));
    }
    println!(
        "\nof reading: the sync's time to that of the client above it, which asks for the same pages and throws them away.\n\
         A sync asks for more than pages: it also looks for what is gone."
    );
}

fn line(what: &str, measured: &Measured, reading: Option<&Measured>) {
    let of = reading.map_or(String::new(), |reading| format!("{:.2}", measured.seconds / reading.seconds));
    println!(
        "{what:<27}  {:>8}  {:>10}  {:>7}  {:>8.1}  {of:>10}  {:>9}",
        measured.records,
        measured.published,
        measured.calls,
        measured.seconds,
        measured.peak_kib / 1_024
    );
}

/// Lets a process of its own do it; the servers are served meanwhile.
async fn measure(role: &'static str, instance: &str, odoo: &Handle, nats: &Nats) -> Measured {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, role).env(ODOO, odoo.url()).env(NATS, nats.url()).env(INSTANCE, instance);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{role}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

fn source() -> Box<dyn Source> {
    let plain = [("url", variable(ODOO)), ("database", "demo".to_owned()), ("login", API.to_owned())];
    let plain = plain.map(|(name, value)| (name.to_owned(), value)).into();
    descriptor("odoo").unwrap().open.unwrap()(Settings {
        plain,
        secret: SECRET.to_owned().into(),
        reach: Reach::Any,
    })
    .unwrap()
}

fn measured(begun: Instant, records: u64, published: u64, calls: u64) -> Measured {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let peak_kib = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    Measured { seconds: begun.elapsed().as_secs_f64(), records, published, calls, peak_kib }
}

/// Reads every page, or every page of what has changed of late, and throws it away.
async fn read(changes: bool) -> Measured {
    let begun = Instant::now();
    let mut source = source();
    let (mut records, mut calls) = (0, 0);
    let connected = source.connect().await.unwrap();
    let since = connected.clock.unwrap().checked_sub(OVERLAP).unwrap();
    for plan in connected.plans {
        let incremental = changes && plan.incremental.is_some();
        let extent = if incremental { Extent::ChangedSince(since) } else { Extent::All };
        let mut from = None;
        loop {
            let page = source.page(&plan.object, extent, from.as_ref()).await.unwrap();
            (records, calls) = (records + page.records.len() as u64, calls + u64::from(page.calls));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
    }
    measured(begun, records, 0, calls)
}

/// A run, from the lease to the history.
async fn sync() -> Measured {
    let begun = Instant::now();
    let options =
        NatsOptions { url: variable(NATS), name: "bench".into(), connect_within: Duration::from_secs(10) };
    let log = NatsLog::connect(options).await.unwrap();
    let request = RunRequest {
        run_id: SystemIds.next(),
        instance: InstanceName::new(variable(INSTANCE)).unwrap(),
        connector: "odoo".to_owned(),
        selection: Selection::all(),
        demands: Demands::default(),
        trigger: Trigger::Cli,
    };
    let (ports, stop) = (Ports::system(&log), CancellationToken::new());
    let run = run_once(&ports, &request, source(), Options::default(), &stop).await.unwrap().record.run;
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.error);
    let calls = run.objects.iter().map(|object| object.effort.calls).sum();
    measured(begun, run.read, run.published, calls)
}
