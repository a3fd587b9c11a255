//! One run: lease, plan, objects, record.

use std::time::Duration;

use salescommand_connectors::{ObjectPlan, Source, SourceError};
use salescommand_domain::raw::{InstanceName, Position};
use salescommand_domain::schedule::Selection;
use salescommand_eventlog as eventlog;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cancel::Cancelling;
use crate::known::Known;
use crate::lease::Lease;
use crate::object::{Context, Halt, Session, pause_after, trouble};
use crate::progress::Progress;
use crate::run::{Demands, ObjectRun, ObjectState, RunError, RunRecord, RunState, Trigger};
use crate::run_log::Level;
use crate::runs::prepare;
use crate::writer::RawWriter;
use crate::{Error, Ports};

/// What to run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Its id. A run that was interrupted goes on when it is asked for under the same id.
    pub run_id: Uuid,
    /// The source instance.
    pub instance: InstanceName,
    /// The connector's kind, for envelopes.
    pub connector: String,
    /// Which of its objects.
    pub selection: Selection,
    /// What is asked of it besides.
    pub demands: Demands,
    /// Who asked.
    pub trigger: Trigger,
}

/// How to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long a lease lasts without renewal.
    pub lease_ttl: Duration,
    /// Attempts for each request to the source.
    pub attempts: u32,
    /// A range of keys in which no more records than this are known is listed to find what is gone, and not only counted:
    /// that finds it even if just as many were overlooked.
    pub list_up_to: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { lease_ttl: Duration::from_secs(30), attempts: 8, list_up_to: 5_000 }
    }
}

/// How a run ended, or this process's part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// Its record.
    pub record: RunRecord,
    /// The end of the log.
    pub end: Position,
}

/// Runs a source once, from lease to history. Failures of the source stand in the report; an error says that there
/// is no report: another run holds the instance, has taken it over, or the log failed.
///
/// Dropping the future is safe at any point: the same request again goes on from the last page.
pub async fn run_once(
    ports: &Ports,
    request: &RunRequest,
    source: Box<dyn Source>,
    options: Options,
    stop: &CancellationToken,
) -> Result<RunReport, Error> {
    run_opened(ports, request, Ok(source), options, stop).await
}

/// The same for a source that may not have opened; then that is how the run ends.
pub(crate) async fn run_opened(
    ports: &Ports,
    request: &RunRequest,
    source: Result<Box<dyn Source>, RunError>,
    options: Options,
    stop: &CancellationToken,
) -> Result<RunReport, Error> {
    prepare(&*ports.log, &*ports.kv).await?;
    let lease = Lease::take(ports, &request.instance, request.run_id, options.lease_ttl).await?;
    let outcome = under_lease(ports, request, source, options, stop, &lease).await;
    if !matches!(outcome, Err(Error::Fenced(_))) {
        // Not released, it expires; nothing else depends on it.
        let _ = lease.release().await;
    }
    outcome
}

async fn under_lease(
    ports: &Ports,
    request: &RunRequest,
    source: Result<Box<dyn Source>, RunError>,
    options: Options,
    stop: &CancellationToken,
    lease: &Lease,
) -> Result<RunReport, Error> {
    let cancelling = Cancelling::new(ports, request, stop);
    let stop = cancelling.token();
    let work = async {
        let progress = Progress::begin(ports, request, lease.token()).await?;
        let writer = RawWriter::open(ports, &request.instance, &request.connector, lease.token()).await?;
        let source = match source {
            Ok(source) => source,
            Err(error) => return report(&progress, RunState::Failed, Some(error), writer.end()).await,
        };
        let context =
            Context { ports, instance: &request.instance, lease, progress: &progress, stop, options };
        let mut session = Session {
            context,
            run_id: request.run_id,
            demands: request.demands,
            clock: None,
            known: None,
            writer,
            source,
        };
        let outcome = tokio::select! {
            outcome = session.run(request) => outcome,
            fenced = progress.keep() => Err(fenced),
        };
        let end = session.writer.end();
        let (state, error) = match outcome {
            Ok(None) => (RunState::Succeeded, None),
            Ok(Some(Ended::Stopped)) if cancelling.is_cancelled() => {
                progress.log(None, Level::Info, "somebody cancelled the run; the next one goes on from here");
                (RunState::Cancelled, None)
            }
            Ok(Some(Ended::Stopped)) => (RunState::Interrupted, None),
            Ok(Some(Ended::Failed(error))) => (RunState::Failed, Some(error)),
            Err(error) => match run_error_of_log(&error) {
                Some(refused) => (RunState::Failed, Some(refused)),
                None => return Err(error),
            },
        };
        report(&progress, state, error, end).await
    };
    tokio::select! {
        report = work => report,
        lost = lease.keep() => Err(lost),
        never = cancelling.watch() => match never {},
    }
}

async fn report(
    progress: &Progress,
    state: RunState,
    error: Option<RunError>,
    end: Position,
) -> Result<RunReport, Error> {
    let record = progress.finish(state, error, end).await?;
    Ok(RunReport { record, end })
}

/// Why a run ended early.
enum Ended {
    Stopped,
    Failed(RunError),
}

impl Session<'_> {
    /// Reads everything; none if nothing went wrong.
    async fn run(&mut self, request: &RunRequest) -> Result<Option<Ended>, Error> {
        let plans = match self.connect().await {
            Ok(plans) => plans,
            Err(Halt::Stopped) => return Ok(Some(Ended::Stopped)),
            Err(Halt::Source(error)) => return Ok(Some(Ended::Failed(run_error(&error)))),
            Err(Halt::Driver(error)) => return Err(error),
        };
        self.context.progress.found(plans.iter().map(|plan| plan.object.clone()).collect());
        let plans = match chosen(plans, request) {
            Ok(plans) => plans,
            Err(error) => return Ok(Some(Ended::Failed(error))),
        };
        let objects = plans.iter().map(|plan| ObjectRun::waiting(plan.object.clone())).collect();
        self.context.progress.change(|run| run.objects = objects);
        if self.demands.backfill.is_some() && plans.iter().all(|plan| plan.incremental.is_none()) {
            return Ok(Some(Ended::Failed(undated(&plans))));
        }
        if self.source.census().is_some() {
            let owner = (self.run_id, self.context.lease.token());
            self.known = Some(Known::open(self.context.ports, self.context.instance, owner, &plans).await?);
        }
        let mut failed = None;
        for (index, plan) in plans.iter().enumerate() {
            if self.demands.backfill.is_some() && plan.incremental.is_none() {
                let note = "the source does not say when its records have changed; not back-filled";
                self.context.progress.tell(index, Level::Warn, note);
                self.context.progress.object(index, |object| object.state = ObjectState::Skipped);
                continue;
            }
            self.context.progress.object(index, |object| object.state = ObjectState::Running);
            if !plan.missing_fields.is_empty() {
                let note = format!("not readable: {}", plan.missing_fields.join(", "));
                self.context.progress.tell(index, Level::Warn, &note);
            }
            let halt = match self.read(index, plan).await {
                Ok(()) => {
                    self.context.progress.object(index, |object| object.state = ObjectState::Done);
                    continue;
                }
                Err(halt) => halt,
            };
            let error = match halt {
                Halt::Stopped => return Ok(Some(Ended::Stopped)),
                Halt::Driver(error) => return Err(error),
                Halt::Source(error) => error,
            };
            self.context.progress.object(index, |object| {
                object.state = ObjectState::Failed;
                object.note(&error.to_string());
            });
            let why = run_error(&error);
            self.context.progress.log(Some(index), Level::Error, &format!("{} {}", why.message, why.fix));
            failed.get_or_insert(why);
            // What is not allowed for one object may be for the next; most else concerns them all.
            if !matches!(
                &error,
                SourceError::Permanent { code: "not-allowed" | "mass-deletion" | "schema-drift", .. }
            ) {
                self.skip_behind(index);
                break;
            }
        }
        Ok(failed.map(Ended::Failed))
    }

    async fn connect(&mut self) -> Result<Vec<ObjectPlan>, Halt> {
        let mut attempt = 0;
        loop {
            if self.context.stop.is_cancelled() {
                return Err(Halt::Stopped);
            }
            let error = match self.source.connect().await {
                Ok(connected) => {
                    self.clock = connected.clock;
                    return Ok(connected.plans);
                }
                Err(error) => error,
            };
            attempt += 1;
            let pause = pause_after(
                &error,
                attempt,
                self.context.options.attempts,
                self.context.ports.ids.fraction(),
            );
            let Some(pause) = pause else { return Err(Halt::Source(error)) };
            tracing::info!(source = %self.context.instance, attempt, %error, "cannot connect to the source; waiting");
            let asked_to_wait = matches!(error, SourceError::Transient { retry_after: Some(_), .. });
            self.context.progress.log(None, Level::Warn, &trouble(&error, asked_to_wait, pause));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.context.stop.cancelled() => return Err(Halt::Stopped),
            }
        }
    }

    fn skip_behind(&self, index: usize) {
        let mut skipped = Vec::new();
        self.context.progress.change(|run| {
            for object in run.objects.iter_mut().skip(index + 1) {
                object.state = ObjectState::Skipped;
                skipped.push(object.object.to_string());
            }
        });
        if !skipped.is_empty() {
            let text = format!("not tried after that: {}", skipped.join(", "));
            self.context.progress.log(None, Level::Warn, &text);
        }
    }
}

/// No object can be asked for what has changed within a range.
fn undated(plans: &[ObjectPlan]) -> RunError {
    let objects: Vec<_> = plans.iter().map(|plan| plan.object.as_str()).collect();
    RunError {
        code: "no-modification-dates".to_owned(),
        message: format!("the source does not say when its records have changed: {}", objects.join(", ")),
        fix: "run `salescommand source reset NAME` and sync, which reads everything again".to_owned(),
    }
}

/// The plans of the objects asked for. A hint at an object that this source does not have, or may not be read of it, is no
/// failure: hints are not believed, and nobody has to mend them.
fn chosen(plans: Vec<ObjectPlan>, request: &RunRequest) -> Result<Vec<ObjectPlan>, RunError> {
    let selection = &request.selection;
    let mut named = selection.only.iter().flatten().filter(|_| request.trigger != Trigger::Webhook);
    if let Some(unknown) = named.find(|object| plans.iter().all(|plan| plan.object != **object)) {
        let known: Vec<_> = plans.iter().map(|plan| plan.object.as_str()).collect();
        return Err(RunError {
            code: "unknown-object".to_owned(),
            message: format!("the source has no object {unknown}"),
            fix: format!("choose among {}", known.join(", ")),
        });
    }
    Ok(plans.into_iter().filter(|plan| selection.takes(&plan.object)).collect())
}

fn run_error(error: &SourceError) -> RunError {
    match error {
        SourceError::Permanent { code, message, fix } => {
            RunError { code: (*code).to_owned(), message: message.clone(), fix: fix.clone() }
        }
        SourceError::Transient { message, .. } => RunError {
            code: RunError::UNAVAILABLE.to_owned(),
            message: message.clone(),
            fix: "Check that the source is up and reachable from here, then run again: it goes on where it stopped."
                .to_owned(),
        },
    }
}

/// A refusal by the log is this run's end; trying again would be refused again.
fn run_error_of_log(error: &Error) -> Option<RunError> {
    let refusal = match error {
        Error::Log(refusal @ (eventlog::Error::Refused(_) | eventlog::Error::Missing(_))) => {
            refusal.to_string()
        }
        Error::Envelope(problem) => problem.to_string(),
        _ => return None,
    };
    Some(RunError {
        code: "event-log-refused".to_owned(),
        message: refusal,
        fix: "Check the rights and limits of this process in the broker's configuration.".to_owned(),
    })
}
