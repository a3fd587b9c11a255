//! Telling people when a source is in trouble, and when it no longer is: once per change, not once per run.
//!
//! What is wrong with a source is a function of its schedule, its record of runs and the time. What people were told stands
//! in a bucket for each way of telling ([`AlertChannel`]), by compare-and-set: of several watchers one finds the change, and whoever dies between
//! finding and telling leaves it to the next. So a change is told at least once, under a number that is the same each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use salescommand_domain::Timestamp;
use salescommand_domain::raw::InstanceName;
use salescommand_domain::schedule::is_paused;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::held::{Held, Owned};
use crate::run::{RunError, RunRecord, RunState};
use crate::scheduler::{Scheduled, Schedules, keep_looking, runs_by_source};
use crate::{Error, Ports};

/// Bucket of what people were told: key = instance, value = [`SourceAlerts`] in JSON.
pub(crate) const ALERTS_BUCKET: &str = "SYNC_ALERTS";
/// Bucket of what people were told by e-mail.
const MAIL_BUCKET: &str = "SYNC_ALERTS_MAIL";
/// How often is looked.
const LOOK: Duration = Duration::from_secs(10);
/// More than one record of so many that is not usable as an event is too much.
const REJECTED_OF: u64 = 100;

/// What is wrong with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The last run failed.
    Failing,
    /// So many failed that the clock begins none any more.
    Paused,
    /// The last complete sync is too long ago.
    Stale,
    /// More than one of a hundred records that the last run read is not usable as an event.
    Rejecting,
    /// Of SalesCommand's own inputs: what is said of who reports to whom would go round in a circle.
    ManagersInCircle,
}

/// What is wrong with a source, as people were told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceAlerts {
    /// What is wrong, and since when that is known.
    pub(crate) conditions: BTreeMap<Condition, Timestamp>,
    /// Counts the changes.
    number: u64,
    /// What began with the last change; empty once it was told.
    #[serde(default)]
    raised: BTreeSet<Condition>,
    /// What ended with it; empty once it was told.
    #[serde(default)]
    cleared: BTreeSet<Condition>,
}

impl Owned for SourceAlerts {
    /// Two watchers that found the same change may both believe to have written it; both tell it, under one number.
    fn same_owner(&self, other: &Self) -> bool {
        self == other
    }
}

/// A change, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The same whenever this change is told: `<source>/<number>`.
    pub id: String,
    /// The source.
    pub source: InstanceName,
    /// What began.
    pub raised: BTreeSet<Condition>,
    /// What ended.
    pub cleared: BTreeSet<Condition>,
    /// All that is wrong now, and since when.
    pub conditions: BTreeMap<Condition, Timestamp>,
    /// Why the last run failed, if it did.
    pub error: Option<RunError>,
}

/// A way of telling people. Each remembers for itself what it has told, so that one that does not work keeps no other from
/// working, and none tells twice for another's sake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertChannel {
    /// A web hook, and the page, which shows what is known here.
    WebHook,
    /// E-mail.
    Mail,
}

impl AlertChannel {
    fn bucket(self) -> &'static str {
        match self {
            Self::WebHook => ALERTS_BUCKET,
            Self::Mail => MAIL_BUCKET,
        }
    }
}

/// Tells people.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// By which way.
    fn channel(&self) -> AlertChannel;

    /// Tells a change; a text that says why that did not work. It is tried again.
    async fn tell(&self, notice: &Notice) -> Result<(), String>;
}

/// Watches all sources until stopped.
pub async fn keep_alerts(
    ports: Ports,
    schedules: Arc<dyn Schedules>,
    notifier: Arc<dyn Notifier>,
    stale_after: Duration,
    stop: CancellationToken,
) {
    let look = || watch(&ports, &*schedules, &*notifier, stale_after);
    keep_looking(&ports, LOOK, "alerts wait", &stop, look).await;
}

/// Looks once at each source.
pub(crate) async fn watch(
    ports: &Ports,
    schedules: &dyn Schedules,
    notifier: &dyn Notifier,
    stale_after: Duration,
) -> Result<(), String> {
    ports.kv.ensure_bucket(notifier.channel().bucket()).await.map_err(|error| error.to_string())?;
    let runs = runs_by_source(ports).await?;
    let mut problem = Ok(());
    let mut found = Vec::new();
    for source in schedules.all().await? {
        let record = runs.get(&source.instance);
        let wrong = conditions(&source, record, ports.clock.now(), stale_after);
        found.push((source.instance, wrong, record));
    }
    // What is not known just now is told as soon as it is.
    match schedules.own_conditions(ports.clock.now()).await {
        Ok(wrong) => found.push((InstanceName::config(), wrong, None)),
        Err(unknown) => problem = Err(unknown),
    }
    for (instance, wrong, record) in found {
        match settle(ports, &instance, wrong, record, notifier).await {
            Ok(()) | Err(Settling::Later) => {}
            Err(Settling::Untold(untold)) => problem = Err(untold),
            Err(Settling::Failed(error)) => problem = Err(error.to_string()),
        }
    }
    problem
}

/// What is wrong with a source at a moment.
pub(crate) fn conditions(
    source: &Scheduled,
    record: Option<&RunRecord>,
    now: Timestamp,
    stale_after: Duration,
) -> BTreeSet<Condition> {
    let mut wrong = BTreeSet::new();
    let asked = record.map(|record| record.asked.clone()).unwrap_or_default();
    let fresh = record.and_then(|record| record.last_complete.as_ref()).map(|complete| complete.finished_at);
    // What nobody has asked to be read by itself gets old by design.
    let by_itself = source.schedule.next(&asked, source.since).is_some();
    let age = now.duration_since(fresh.unwrap_or(source.since));
    if by_itself && Duration::try_from(age).is_ok_and(|age| age > stale_after) {
        wrong.insert(Condition::Stale);
    }
    let Some(record) = record else { return wrong };
    if is_paused(record.failures) {
        wrong.insert(Condition::Paused);
    }
    let Some(last) = record.last_ended() else { return wrong };
    if last.state == RunState::Failed {
        wrong.insert(Condition::Failing);
    }
    if last.rejected.saturating_mul(REJECTED_OF) > last.read {
        wrong.insert(Condition::Rejecting);
    }
    wrong
}

/// Why a change is not settled.
#[derive(Debug)]
pub(crate) enum Settling {
    /// Another watcher is at it.
    Later,
    /// People could not be told.
    Untold(String),
    /// The log failed.
    Failed(Error),
}

impl From<Error> for Settling {
    fn from(error: Error) -> Self {
        match error {
            Error::Fenced(_) => Self::Later,
            error => Self::Failed(error),
        }
    }
}

/// Writes down what is wrong now if that has changed, then tells what has yet to be told.
pub(crate) async fn settle(
    ports: &Ports,
    instance: &InstanceName,
    wrong: BTreeSet<Condition>,
    record: Option<&RunRecord>,
    notifier: &dyn Notifier,
) -> Result<(), Settling> {
    let (mut held, known) =
        Held::read::<SourceAlerts>(ports, notifier.channel().bucket(), instance.as_str().to_owned()).await?;
    let mut alerts = known.unwrap_or_default();
    let before: BTreeSet<_> = alerts.conditions.keys().copied().collect();
    if before != wrong {
        let now = ports.clock.now();
        // Whether people heard of a change that was to be told, only they know. So what they surely believe, and what they
        // may believe, are two sets; from anything in between, this change leads to what is.
        let sure: BTreeSet<_> = before.difference(&alerts.raised).copied().collect();
        let possible: BTreeSet<_> = before.union(&alerts.cleared).copied().collect();
        alerts.raised = wrong.difference(&sure).copied().collect();
        alerts.cleared = possible.difference(&wrong).copied().collect();
        let since = |condition| alerts.conditions.get(&condition).copied().unwrap_or(now);
        alerts.conditions = wrong.iter().map(|condition| (*condition, since(*condition))).collect();
        alerts.number += 1;
        held.write(ports, &alerts).await?;
        // One of them says it in the log.
        if notifier.channel() == AlertChannel::WebHook {
            tracing::warn!(source = %instance, raised = ?alerts.raised, cleared = ?alerts.cleared, "a source's state has changed");
        }
    }
    if alerts.raised.is_empty() && alerts.cleared.is_empty() {
        return Ok(());
    }
    let error = record.and_then(RunRecord::last_ended).and_then(|run| run.error.clone());
    let notice = Notice {
        id: format!("{instance}/{}", alerts.number),
        source: instance.clone(),
        raised: alerts.raised.clone(),
        cleared: alerts.cleared.clone(),
        conditions: alerts.conditions.clone(),
        error,
    };
    notifier.tell(&notice).await.map_err(Settling::Untold)?;
    (alerts.raised, alerts.cleared) = Default::default();
    Ok(held.write(ports, &alerts).await?)
}
