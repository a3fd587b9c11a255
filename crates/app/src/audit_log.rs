//! The audit log on the command line: what commands write down, and the commands that read and check it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use salescommand_audit::{AuditLog, Ending, ExportForm, Filter, Journal, LONG, Publisher, SHORT};
use salescommand_domain::audit::{Action, Actor, Details, Draft, Head, Outcome, Target, TargetKind};
use salescommand_query::{Clock as _, Ids as _, SystemClock, SystemIds};
use salescommand_store::Ops;
use salescommand_store_mongo::MongoStore;
use serde_json::{Value, json};

use crate::cli::{self, Output};
use crate::config::Config;
use crate::{connections, listing};

/// Entries that one step of a check walks along.
const STEP: u64 = 100_000;

/// The journal of this installation.
pub fn journal(store: &MongoStore) -> Journal {
    Journal::new(Arc::new(store.clone()), || SystemClock.now(), || SystemIds.ordered())
}

/// What a command writes down: who does it, what, and on what.
pub struct Shell {
    journal: Journal,
    patience: Duration,
}

impl Shell {
    /// Of whoever gives this command.
    pub fn new(store: &MongoStore) -> Self {
        Self { journal: journal(store), patience: SHORT }
    }

    /// The same of a command that uses the database for nothing else.
    pub async fn open(config: &Config) -> Result<Self> {
        let store = connections::store(config).await?;
        Ops::ensure_ops(&store).await.context(UNWRITTEN)?;
        Ok(Self::new(&store))
    }

    /// The same for what is worked at for long.
    pub async fn at_length(config: &Config) -> Result<Self> {
        Ok(Self { patience: LONG, ..Self::open(config).await? })
    }

    /// An entry of whoever gives this command.
    pub fn entry(action: Action) -> Draft {
        Draft::new(Actor::Shell(os_user()), action)
    }

    /// Writes down what has happened.
    pub async fn record(&self, draft: Draft) -> Result<()> {
        self.journal.record(draft).await.context(UNWRITTEN)
    }

    /// Does something that is written down: before, and what came of it afterwards.
    pub async fn audited<T>(&self, draft: Draft, act: impl Future<Output = Result<T>>) -> Result<T> {
        self.audited_making(draft, act, |_| None).await
    }

    /// The same of something whose target is made by it.
    pub async fn audited_making<T>(
        &self,
        draft: Draft,
        act: impl Future<Output = Result<T>>,
        target: impl Fn(&T) -> Option<Target>,
    ) -> Result<T> {
        self.audited_all(vec![draft], act, target).await
    }

    /// The same with an entry for each of several things.
    pub async fn audited_all<T>(
        &self,
        drafts: Vec<Draft>,
        act: impl Future<Output = Result<T>>,
        target: impl Fn(&T) -> Option<Target>,
    ) -> Result<T> {
        let mut opened = Vec::with_capacity(drafts.len());
        for draft in drafts {
            opened.push(self.journal.open(draft, self.patience).await.context(UNWRITTEN)?);
        }
        let acted = act.await;
        let ending = match &acted {
            Ok(done) => Ending { target: target(done), ..Ending::new(Outcome::Done) },
            Err(error) => {
                let code = if connections::is_unreachable(error) { "unreachable" } else { "failed" };
                Ending { details: Details::default().code(code), ..Ending::new(Outcome::Failed) }
            }
        };
        for entry in opened {
            let closed = self.journal.close(entry, ending.clone()).await;
            closed.context("what came of it could not be written down; look before you try again")?;
        }
        acted
    }
}

const UNWRITTEN: &str =
    "what is done here is written down first, and that cannot be done; nothing was changed";

/// The operating system's word for whoever gives this command.
fn os_user() -> String {
    #[cfg(target_os = "linux")]
    {
        let uid = rustix::process::getuid().as_raw().to_string();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let named = passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == uid).then(|| name.to_owned())
        });
        named.unwrap_or(format!("uid-{uid}"))
    }
    #[cfg(not(target_os = "linux"))]
    std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_else(|_| "unknown".to_owned())
}

/// `salescommand audit …`. What waits is published first, so that what has just been done is there.
pub async fn audit(config: &Config, command: cli::Audit, output: Output) -> Result<()> {
    let log = Arc::new(connections::log_for_command(config).await?);
    let store = connections::store(config).await?;
    Ops::ensure_ops(&store).await?;
    Publisher::new(log.clone(), journal(&store)).settle().await?;
    let audit = AuditLog::new(log);
    match command {
        cli::Audit::List { filter, limit } => list(&audit, &filter.into(), limit, output).await,
        cli::Audit::Export { filter } => {
            let form = if output == Output::Csv { ExportForm::Csv } else { ExportForm::Lines };
            let end = audit.end().await?;
            let draft = Shell::entry(Action::ExportMade);
            let draft = draft.on(Target::new(TargetKind::Collection, "audit"));
            Shell::new(&store).record(draft.detailed(Details::default().kind(form.word()))).await?;
            export(&audit, &filter.into(), form, end).await
        }
        cli::Audit::Verify { since } => verify(&audit, since.as_ref(), output).await,
    }
}

const COLUMNS: &[&str] =
    &["position", "at", "actor", "role", "action", "target", "outcome", "address", "request", "details"];

async fn list(audit: &AuditLog, filter: &Filter, limit: usize, output: Output) -> Result<()> {
    let (mut rows, mut before) = (Vec::new(), None);
    loop {
        let page = audit.page(filter, before, limit - rows.len()).await?;
        for entry in page.entries {
            rows.push(if matches!(output, Output::Json | Output::Jsonl) {
                serde_json::to_value(entry)?
            } else {
                row(&serde_json::to_value(entry)?)
            });
        }
        before = page.next;
        if before.is_none() || rows.len() >= limit {
            return listing::print(output, COLUMNS, &rows);
        }
    }
}

/// Prints entries, the oldest first.
async fn export(audit: &AuditLog, filter: &Filter, form: ExportForm, end: u64) -> Result<()> {
    listing::print_raw(form.head());
    let mut after = Some(0);
    while let Some(behind) = after {
        let piece = audit.export(filter, form, behind, end).await?;
        listing::print_raw(&String::from_utf8_lossy(&piece.bytes));
        after = piece.next;
    }
    Ok(())
}

/// An entry in a line.
fn row(entry: &Value) -> Value {
    let mut row = entry.clone();
    if let Some(target) = entry["target"].as_object() {
        let part = |key: &str| target.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        row["target"] = json!(format!("{}:{}", part("kind"), part("id")));
    }
    let details = entry["details"].as_object().into_iter().flatten();
    let details: Vec<_> = details
        .map(|(key, value)| match value {
            Value::String(text) => format!("{key}={text}"),
            other => format!("{key}={other}"),
        })
        .collect();
    row["details"] = json!(details.join(" "));
    row
}

/// Walks along the chain, and fails where it is broken.
async fn verify(audit: &AuditLog, since: Option<&Head>, output: Output) -> Result<()> {
    let (mut since, mut entries) = (since.copied(), 0);
    let found = loop {
        let found = audit.verify(since, STEP).await?;
        // A step begins with the entry that the one before ended with.
        entries += found.entries - u64::from(entries > 0 && found.entries > 0);
        if found.complete() {
            break found;
        }
        since = Some(found.head);
    };
    let broken = found.broken.as_ref();
    let row = json!({
        "chain": if broken.is_none() { "whole" } else { "broken" },
        "entries": entries,
        "head": found.head.to_string(),
        "broken_at": broken.map(|broken| broken.position),
        "kind": broken.map(|broken| broken.kind.word()),
    });
    listing::print(output, &["chain", "entries", "head", "broken_at", "kind"], &[row])?;
    match broken {
        None => Ok(()),
        Some(broken) => bail!("the audit log is broken: {broken}"),
    }
}
