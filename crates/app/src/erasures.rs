//! `salescommand erase`: erases a person from the raw logs, and has everything built anew that was made of them.
//!
//! The command rewrites the epochs itself and asks for a replay like any other; the controller in the normalizer's
//! process does the rest, whether or not somebody waits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use salescommand_domain::audit::{Action, Target, TargetKind};
use salescommand_domain::generation::{Changed, Erasure, Reason, Replay, ReplayKind, ReplayState};
use salescommand_epochs::{FolderArchives, Receipt, Request, Subject, erase, receipts, to_rebuild};
use salescommand_eventlog_nats::NatsLog;
use salescommand_ingest::{Clock as _, Ids as _, SystemClock, SystemIds};
use salescommand_store::{Ops, Registry};
use uuid::Uuid;

use crate::audit_log::Shell;
use crate::cli::{self, Output};
use crate::config::Config;
use crate::{code, connections, epochs, generations, listing};

const RECEIPT_COLUMNS: &[&str] =
    &["id", "done_at", "by", "subject_kind", "strings", "epochs", "came_back", "to_rebuild", "complete_at"];
/// Between two looks at a receipt.
const LOOK: Duration = Duration::from_millis(300);

/// `salescommand erase …`.
pub async fn erase_person(config: &Config, command: cli::Erase, output: Output) -> Result<()> {
    let log = connections::log_for_command(config).await?;
    let Some(subject) = command.subject else {
        return listing::print(output, RECEIPT_COLUMNS, &receipts(&log).await?);
    };
    let ids = SystemIds;
    let request = Request {
        subject: Subject::parse(&subject)?,
        by: command.by,
        id: ids.next(),
        salt: format!("{}{}", ids.next(), ids.fraction()),
        now: &|| SystemClock.now(),
    };
    let folder = epochs::folder(config)?;
    if !to_rebuild(&log).await?.is_empty() {
        // Reached before anything is changed: without the registry nobody could have the rest built anew.
        registry(config).await?;
    }
    let shell = Shell::at_length(config).await?;
    let target = |receipt: &Receipt| Some(Target::new(TargetKind::Erasure, receipt.id.to_string()));
    let erase = erase_all(config, (&log, &folder), request, command.detach);
    let receipt = shell.audited_making(Shell::entry(Action::PersonErased), erase, target).await?;
    listing::print(output, RECEIPT_COLUMNS, std::slice::from_ref(&receipt))?;
    if receipt.came_back > 0 {
        bail!(
            "{} events that name the person came in meanwhile: erase the person at the source, then again here",
            receipt.came_back
        );
    }
    Ok(())
}

/// Erases, has the rest built anew, and waits for it unless that is not wanted.
async fn erase_all(
    config: &Config,
    (log, folder): (&NatsLog, &FolderArchives),
    request: Request<'_>,
    detach: bool,
) -> Result<Receipt> {
    let erased = erase(log, folder, request).await?;
    if erased.receipt.complete_at.is_some() {
        Ok(erased.finish().await?)
    } else {
        let registry = registry(config).await?;
        // Before the receipt is written: until then the same command takes the erasure up again.
        rebuild(&registry, &erased.receipt, &erased.changed).await?;
        let receipt = erased.finish().await?;
        if detach { Ok(receipt) } else { completed(&registry, log, receipt.id).await }
    }
}

async fn registry(config: &Config) -> Result<Registry> {
    let store = connections::store(config).await?;
    store.ensure_ops().await?;
    Ok(Registry::new(Arc::new(store)))
}

/// Asks for a replay that is explained by what was changed.
async fn rebuild(registry: &Registry, receipt: &Receipt, changed: &Changed) -> Result<()> {
    let numbers = receipt.to_rebuild.iter().map(|name| {
        name.trim_start_matches('g').parse().with_context(|| format!("{name:?} is no canonical generation"))
    });
    let holds = numbers.collect::<Result<_>>()?;
    let erasure = Erasure { id: receipt.id.to_string(), holds, changed: changed.clone(), revision: 1 };
    registry.add_erasure(&erasure).await?;
    let (id, by) = (replay_id(receipt.id), receipt.by.clone());
    let replay = Replay::requested(id, ReplayKind::Raw, Reason::Erasure, by, true, code::now());
    registry.request(&replay).await?;
    Ok(())
}

fn replay_id(receipt: Uuid) -> String {
    format!("erasure-{receipt}")
}

/// Waits until nothing is left that was made of the raw events before; gives the receipt that says so.
async fn completed(registry: &Registry, log: &NatsLog, id: Uuid) -> Result<Receipt> {
    let replay = generations::follow(registry, &replay_id(id)).await?;
    match replay.state {
        ReplayState::Switched => {}
        ReplayState::Ready => bail!(
            "the raw logs are rewritten (receipt {id}), but something else differs too, so the gate is shut; see \
             `salescommand generation diff {0}`, then `salescommand generation switch {0}`. Until then the person is \
             still in what is read",
            replay.id
        ),
        _ => bail!(
            "the raw logs are rewritten (receipt {id}), but {}. The person is in what is read until \
             `salescommand replay --switch` has built it anew",
            generations::outcome(&replay)
        ),
    }
    loop {
        let receipt = receipts(log).await?.into_iter().find(|receipt| receipt.id == id);
        let receipt = receipt.with_context(|| format!("the receipt {id} is not there any more"))?;
        if receipt.complete_at.is_some() {
            return Ok(receipt);
        }
        tokio::time::sleep(LOOK).await;
    }
}
