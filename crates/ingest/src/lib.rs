//! Source to raw zone: the driver of connectors.
//!
//! A room of `connectors` reads pages and classifies errors; everything else happens here: the lease on an
//! instance, waiting and trying again, publishing with the digest chain, cursors, and the record of each run.
//! The driver knows no vendor and never looks into a payload or a cursor's `next`.
//!
//! Invariants:
//! - a cursor is written only after every publish of its page is acknowledged, so a run that is killed anywhere
//!   leaves no record out when it is resumed;
//! - a record whose content equals its last raw event is not published, so a second run publishes nothing;
//! - a run that lost its lease stops; what it may still have sent carries a token below its successor's;
//! - time and identifiers come in through [`Clock`] and [`Ids`].

mod alerts;
mod amend;
mod backoff;
mod cancel;
mod chain;
mod cursor;
mod cursors;
mod drive;
mod error;
mod feed;
mod feed_keys;
mod held;
mod hints;
mod known;
mod lease;
mod object;
mod open;
mod ports;
mod progress;
mod run;
mod run_log;
mod runs;
mod scheduler;
mod schema;
mod sweep;
mod trigger;
mod worker;
mod writer;

#[cfg(test)]
mod tests;

pub use alerts::{AlertChannel, Condition, Notice, Notifier, keep_alerts};
pub use backoff::compute_delay;
pub use cancel::{Cancelled, cancel_run};
pub use cursors::{CursorState, cursors, reset_cursors};
pub use drive::{Options, RunReport, RunRequest, run_once};
pub use error::Error;
pub use hints::hint;
pub use open::{OPEN_SUBJECT, OpenAnswer, OpenQuestion};
pub use ports::{Clock, Ids, Ports, SystemClock, SystemIds};
pub use run::{
    Demands, Effort, LastComplete, ObjectRun, ObjectState, Phase, Run, RunError, RunRecord, RunState, Trigger,
};
pub use run_log::{Level, LogLine, RunLog};
pub use runs::{HISTORY_STREAM, HISTORY_SUBJECT, RUNS_BUCKET, all_runs, find_run, history, prepare};
pub use scheduler::{Scheduled, Schedules, keep_schedules};
pub use trigger::{JOBS_QUEUE, Job, SyncRequest, TriggerError, prepare_queue, request_sync};
pub use worker::Worker;
pub use writer::{RawWriter, Rejected, Written};
