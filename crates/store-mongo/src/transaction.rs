//! A batch in one transaction, tried until it is in, fenced, refused, or half a minute has passed.
//!
//! The position's compare-and-set comes first and decides everything: a batch that is tried again although it was
//! in finds its own position and knows. So an unknown outcome is settled by the next try. If the time is over
//! before, the consumer is remembered as unsettled, and the caller's next commit of the same batch settles it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::Document;
use mongodb::ClientSession;
use mongodb::error::{Error as DriverError, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::ReadConcern;
use salescommand_store::{Batch, Documents, Error, check_batch};

use crate::command::{Step, Stop, steps};
use crate::error::{
    ANSWER, NO_SUCH_TRANSACTION, classify, code, first_write_error, is_unacknowledged, silent, within,
};
use crate::{MongoStore, durable};

/// After this long a batch is given back as unavailable: its caller wants to say that it waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// First and longest pause between tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How long to wait for the server to forget a transaction; it does so by itself too, only later.
const ABORT: Duration = Duration::from_secs(2);

/// Time that is left, and pauses that grow.
struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, pause: PAUSES.0 }
    }

    /// Waits a little; gives the error back if there is no time for another try.
    async fn after(&mut self, error: Error) -> Result<(), Error> {
        if Instant::now() + self.pause >= self.until {
            return Err(error);
        }
        tracing::debug!(%error, pause_ms = self.pause.as_millis(), "a transaction is tried again");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
        Ok(())
    }
}

/// What a commit leaves behind that did not come to its end.
#[derive(Default)]
pub(crate) struct Left {
    /// The expected revision, if the batch may be in although nobody told us.
    doubt: Option<i64>,
    /// Its session. A new transaction in the same session ends the old one; in another it would wait until the
    /// server gives that up.
    session: Option<ClientSession>,
}

/// Commits of this process that did not come to their end, by consumer.
pub(crate) type Unsettled = Mutex<BTreeMap<String, Left>>;

/// A commit on its way. Left behind when it is dropped before its end: when time is over, or when the caller stops
/// waiting.
struct Ongoing<'a> {
    unsettled: &'a Unsettled,
    consumer: &'a str,
    expected: i64,
    in_doubt: bool,
    ended: bool,
    session: Option<ClientSession>,
}

impl<'a> Ongoing<'a> {
    fn new(unsettled: &'a Unsettled, consumer: &'a str, expected: i64) -> Self {
        let left =
            unsettled.lock().unwrap_or_else(PoisonError::into_inner).remove(consumer).unwrap_or_default();
        let in_doubt = left.doubt == Some(expected);
        Self { unsettled, consumer, expected, in_doubt, ended: false, session: left.session }
    }

    /// A session without an open transaction.
    async fn session(&mut self, store: &MongoStore) -> Result<(), Error> {
        match &mut self.session {
            Some(session) => abort(session).await,
            slot => *slot = Some(within(store.db.client().start_session()).await?),
        }
        Ok(())
    }
}

impl Drop for Ongoing<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let left = Left { doubt: self.in_doubt.then_some(self.expected), session: self.session.take() };
            let mut unsettled = self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
            unsettled.insert(self.consumer.to_owned(), left);
        }
    }
}

/// Ends a transaction. It fails if there is none any more, which is as good.
async fn abort(session: &mut ClientSession) {
    let _gone = tokio::time::timeout(ABORT, session.abort_transaction()).await;
}

/// How a commit ended that did not succeed.
enum Ending {
    Stop(Stop),
    /// Nobody knows.
    Unknown(Error),
}

impl From<Stop> for Ending {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl MongoStore {
    /// See [`Documents::commit`].
    pub(crate) async fn transact(&self, batch: Batch) -> Result<i64, Error> {
        check_batch(&batch)?;
        let (consumer, expected) = (batch.consumer.clone(), batch.expected_revision);
        let position = batch.position.clone();
        let steps = steps(batch)?;
        let mut ongoing = Ongoing::new(&self.unsettled, &consumer, expected);
        let mut patience = Patience::new();
        loop {
            let outcome = match self.attempt(&mut ongoing, &steps, &mut patience).await {
                Ok(()) => Ok(expected + 1),
                Err(Ending::Stop(Stop::Final(Error::Fenced(_)))) if ongoing.in_doubt => {
                    match self.whose(&consumer, expected, &position).await? {
                        Some(true) => Ok(expected + 1),
                        Some(false) => Err(Stop::Final(Error::Fenced(consumer.clone()))),
                        None => Err(Stop::Again(Error::Unavailable("a commit is on its way".to_owned()))),
                    }
                }
                Err(Ending::Stop(stop)) => Err(stop),
                Err(Ending::Unknown(error)) => Err(Stop::Again(error)),
            };
            match outcome {
                Err(Stop::Again(error)) => patience.after(error).await?,
                Err(Stop::Final(error)) => {
                    // A refused batch wrote nothing; whether an earlier try of it is in was seen by its position.
                    ongoing.ended = true;
                    return Err(error);
                }
                Ok(revision) => {
                    ongoing.ended = true;
                    return Ok(revision);
                }
            }
        }
    }

    /// Who moved the position on: we, with an answer that was lost, or another copy. None if it cannot be told yet:
    /// a transaction may see what a majority has not acknowledged so far, this read does not.
    async fn whose(&self, consumer: &str, expected: i64, position: &Document) -> Result<Option<bool>, Error> {
        match self.position(consumer).await {
            Ok(Some(at)) if at.revision > expected => {
                Ok(Some(at.revision == expected + 1 && at.position == *position))
            }
            Ok(_) => Ok(None),
            Err(error) if error.is_transient() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One try. It leaves no transaction open: an open one would hold the documents against the next try.
    async fn attempt(
        &self,
        ongoing: &mut Ongoing<'_>,
        steps: &[Step],
        patience: &mut Patience,
    ) -> Result<(), Ending> {
        ongoing.session(self).await.map_err(stop)?;
        let Ongoing { session: Some(session), in_doubt, .. } = ongoing else {
            return Err(Stop::Again(Error::Unavailable("there is no session".to_owned())).into());
        };
        if let Err(stop) = self.send(session, steps).await {
            abort(session).await;
            return Err(stop.into());
        }
        let before = std::mem::replace(in_doubt, true);
        let outcome = settle(session, patience).await;
        if let Err(Ending::Stop(_)) = &outcome {
            *in_doubt = before;
        }
        outcome
    }

    async fn send(&self, session: &mut ClientSession, steps: &[Step]) -> Result<(), Stop> {
        let start =
            session.start_transaction().read_concern(ReadConcern::snapshot()).write_concern(durable());
        within(start).await.map_err(stop)?;
        for step in steps {
            let call = self.db.run_raw_command(step.command.clone()).session(&mut *session);
            let answer = match tokio::time::timeout(ANSWER, call).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => return Err(command_failed(step, error)),
                Err(_) => return Err(Stop::Again(silent())),
            };
            step.check(&answer)?;
        }
        Ok(())
    }
}

/// Commits, again and again while the outcome is unknown.
async fn settle(session: &mut ClientSession, patience: &mut Patience) -> Result<(), Ending> {
    loop {
        let error = match tokio::time::timeout(ANSWER, session.commit_transaction()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => classify(error),
            // It is in, and not durable as far as is known: a server that gives up what was open for too long may do so
            // behind the commit (seen: TransactionExceededLifetimeLimitSeconds).
            Ok(Err(error)) if is_unacknowledged(&error) => classify(error),
            Ok(Err(error)) if code(&error) == Some(NO_SUCH_TRANSACTION) => {
                // The driver repeats a commit once by itself, so an answer may have been lost before this one:
                // the transaction was given up, or it is in and forgotten. The caller's next try tells.
                return Err(Ending::Unknown(classify(error)));
            }
            Ok(Err(error)) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {
                return Err(Stop::Again(transient(error)).into());
            }
            Ok(Err(error)) => return Err(stop(classify(error)).into()),
            Err(_) => silent(),
        };
        patience.after(error).await.map_err(Ending::Unknown)?;
    }
}

fn stop(error: Error) -> Stop {
    if error.is_transient() { Stop::Again(error) } else { Stop::Final(error) }
}

fn command_failed(step: &Step, error: DriverError) -> Stop {
    if error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
        return Stop::Again(transient(error));
    }
    match code(&error) {
        Some(code) if code == crate::error::DUPLICATE_KEY => {
            let answer = error.server_response().cloned();
            let inner = answer.as_deref().and_then(first_write_error).or(answer.as_deref());
            step.failed(code, inner)
        }
        _ => stop(classify(error)),
    }
}

/// The driver says that trying again helps, whatever the error is.
fn transient(error: DriverError) -> Error {
    match classify(error) {
        error @ Error::Unavailable(_) => error,
        other => Error::Unavailable(other.to_string()),
    }
}
