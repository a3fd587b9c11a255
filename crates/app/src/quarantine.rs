//! Rejected raw events: the commands of operators, and the decisions that the query service publishes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use salescommand_domain::audit::{Action, Target, TargetKind};
use salescommand_domain::canonical::QuarantineAction;
use salescommand_domain::raw::{InstanceName, Position, RawPosition};
use salescommand_ingest::{Clock as _, Ports, SystemClock};
use salescommand_normalizer::{NormalizerPosition, QuarantineState, Quarantined, consumer_name};
use salescommand_query::quarantine::{QuarantineDecisions, QuarantineVerdict};
use salescommand_query::writes::WriteError;
use salescommand_store::work::decode;
use salescommand_store::{Condition, Direction, Documents, Query, quarantine_collection};
use salescommand_store_mongo::MongoStore;
use serde::Serialize;

use crate::audit::{active, contribution};
use crate::audit_log::Shell;
use crate::cli::{self, Output};
use crate::config::Config;
use crate::people::refusal;
use crate::{config_events, connections, epochs, listing};

/// How long a command waits for its decisions to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(100);
/// Who decides on the command line.
const AUTHOR: &str = "command line";

/// Publishes decisions into the log of `config`.
pub struct DecisionLog {
    /// The driver's ports.
    pub ports: Ports,
}

#[async_trait]
impl QuarantineDecisions for DecisionLog {
    async fn decide(&self, verdict: QuarantineVerdict) -> Result<Position, WriteError> {
        let published = config_events::publish(&self.ports, vec![config_events::decision(&verdict)]).await;
        published.map_err(refusal)
    }
}

/// A rejected event, as the listing shows it.
#[derive(Serialize)]
struct Reject {
    id: String,
    subject: String,
    reason: String,
    path: String,
    detail: String,
    state: QuarantineState,
    note: Option<String>,
}

impl From<Quarantined> for Reject {
    fn from(found: Quarantined) -> Self {
        let Quarantined { id, subject, reason, path, detail, state, note, .. } = found;
        Self { id, subject, reason, path, detail, state, note }
    }
}

/// `salescommand quarantine …`.
pub async fn quarantine(config: &Config, command: &cli::Quarantine, output: Output) -> Result<()> {
    let store = connections::store(config).await?;
    let columns = ["id", "reason", "path", "detail", "state"];
    match command {
        cli::Quarantine::List { all, reason, source } => {
            let mut query = Query::all().sorted("_id", Direction::Ascending);
            if !all {
                query = query.with(is("state", QuarantineState::Open.word()));
            }
            if let Some(reason) = reason {
                query = query.with(is("reason", reason));
            }
            if let Some(source) = source {
                query = query.with(is("raw.instance", source));
            }
            let rejects: Vec<Reject> = find(&store, &query).await?.into_iter().map(Reject::from).collect();
            listing::print(output, &columns, &rejects)
        }
        cli::Quarantine::Show { id } => show(config, &store, id, output).await,
        cli::Quarantine::Retry { ids, reason } => {
            let ids = match reason {
                Some(reason) => {
                    let query = Query::all().with(is("state", "open")).with(is("reason", reason));
                    find(&store, &query).await?.into_iter().map(|found| found.id).collect()
                }
                None => ids.clone(),
            };
            decide(config, &store, &ids, (QuarantineAction::Retry, None), output).await
        }
        cli::Quarantine::Waive { ids, reason } => {
            if reason.trim().is_empty() {
                bail!("say why, for those who ask later: --reason TEXT");
            }
            decide(config, &store, ids, (QuarantineAction::Waive, Some(reason.clone())), output).await
        }
    }
}

fn is(field: &str, value: &str) -> Condition {
    Condition::Eq(field.to_owned(), value.into())
}

async fn find(store: &MongoStore, query: &Query) -> Result<Vec<Quarantined>> {
    let collection = quarantine_collection(active(store).await?.canonical);
    let found = Documents::find(store, &collection, query).await?;
    found.iter().map(|document| Ok(decode(&collection, document)?)).collect()
}

async fn show(config: &Config, store: &MongoStore, id: &str, output: Output) -> Result<()> {
    let Some(found) = find(store, &Query::all().with(is("_id", id))).await?.pop() else {
        bail!("nothing in quarantine has the id {id:?}; see `salescommand quarantine list --all`");
    };
    let raw = found.raw.clone();
    let columns = ["id", "subject", "reason", "path", "detail", "state", "note"];
    listing::print(output, &columns, &[Reject::from(found)])?;
    let log = epochs::readable(config, &connections::log_for_command(config).await?);
    let event = contribution(&*log, &raw).await.with_context(|| format!("the event {id} cannot be read"))?;
    listing::print(Output::Json, &[], std::slice::from_ref(&event))
}

/// What became of a decision.
#[derive(Serialize)]
struct Outcome {
    id: String,
    outcome: &'static str,
    reason: Option<String>,
    path: Option<String>,
    detail: Option<String>,
}

/// Publishes decisions and says what became of each.
async fn decide(
    config: &Config,
    store: &MongoStore,
    ids: &[String],
    (action, reason): (QuarantineAction, Option<String>),
    output: Output,
) -> Result<()> {
    let held = rejects(store, ids).await?;
    let mut records = Vec::new();
    for id in ids {
        if !held.contains_key(id) {
            bail!("nothing in quarantine has the id {id:?}; see `salescommand quarantine list --all`");
        }
        let about: RawPosition = id.parse()?;
        let (at, author) = (SystemClock.now(), AUTHOR.to_owned());
        let verdict = QuarantineVerdict { about, action, reason: reason.clone(), at, author };
        records.push(config_events::decision(&verdict));
    }
    if !records.is_empty() {
        let log = connections::log_for_command(config).await?;
        let ports = Ports::system(&log);
        let entries = ids.iter().map(|id| {
            let action = match action {
                QuarantineAction::Retry => Action::QuarantineRetried,
                QuarantineAction::Waive => Action::QuarantineWaived,
            };
            Shell::entry(action).on(Target::new(TargetKind::Reject, id))
        });
        let publish = config_events::publish(&ports, records);
        let end = Shell::open(config).await?.audited_all(entries.collect(), publish, |_| None).await?;
        wait(store, end).await?;
    }
    let taken = rejects(store, ids).await?;
    let outcomes: Vec<Outcome> = ids.iter().map(|id| outcome(id, taken.get(id))).collect();
    listing::print(output, &["id", "outcome", "reason", "path", "detail"], &outcomes)
}

fn outcome(id: &str, reject: Option<&Quarantined>) -> Outcome {
    let outcome = match reject.map(|reject| reject.state) {
        None => "accepted",
        Some(QuarantineState::Waived) => "waived",
        Some(QuarantineState::Open | QuarantineState::Superseded) => "rejected",
    };
    Outcome {
        id: id.to_owned(),
        outcome,
        reason: reject.map(|reject| reject.reason.clone()),
        path: reject.map(|reject| reject.path.clone()),
        detail: reject.map(|reject| reject.detail.clone()),
    }
}

async fn rejects(store: &MongoStore, ids: &[String]) -> Result<BTreeMap<String, Quarantined>> {
    let collection = quarantine_collection(active(store).await?.canonical);
    let found = Documents::get(store, &collection, ids).await?;
    let decoded = found.iter().map(|document| decode(&collection, document));
    Ok(decoded
        .map(|reject| reject.map(|reject: Quarantined| (reject.id.clone(), reject)))
        .collect::<Result<_, _>>()?)
}

/// Waits for the normalizer to pass a position of `config`.
async fn wait(store: &MongoStore, end: Position) -> Result<()> {
    let consumer = consumer_name(active(store).await?.canonical);
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        let stored = Documents::position(store, &consumer).await?;
        let position = stored.map(|stored| NormalizerPosition::decode(&stored.position)).transpose()?;
        if position.is_some_and(|position| position.of(&InstanceName::config()) >= end) {
            return Ok(());
        }
        tokio::time::sleep(INTERVAL).await;
    }
    bail!(
        "the decision is published; the normalizer has not taken it yet: see that it runs (`salescommand doctor`)"
    )
}
