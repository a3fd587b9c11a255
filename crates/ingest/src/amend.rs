//! One version of one record, published behind the version that its author saw.
//!
//! The broker compares: of two authors that saw the same version, one is told of a conflict, however close they are.

use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::raw::{Digest, Operation, Position};
use salescommand_eventlog::Error as LogError;

use crate::chain::Epochs;
use crate::writer::{MOST_MOVES, Written};
use crate::{Error, RawWriter};

/// What a single attempt came to.
enum Attempt {
    /// The record says so now, since this position.
    Done(Position),
    /// The event with this digest may be in: the answer was lost.
    Doubtful(Digest, LogError),
    /// Nothing was stored; the epochs have changed.
    Moved,
}

impl RawWriter {
    /// Publishes one version of a record if its last event is the expected one (none: if it has none); gives the
    /// position since which the record says so. [`Error::Stale`] if somebody else was first.
    ///
    /// A publish whose answer was lost is looked for once; what then is not known to be in is an error that may be
    /// answered by trying again.
    pub async fn amend(
        &mut self,
        plan: &ObjectPlan,
        operation: Operation,
        record: &Record,
        expected: Option<Position>,
    ) -> Result<Position, Error> {
        let (mut moves, mut doubtful) = (0, None);
        loop {
            match self.attempt(plan, operation, record, expected, doubtful).await {
                Ok(Attempt::Done(position)) => return Ok(position),
                Ok(Attempt::Doubtful(event, _)) if doubtful.is_none() => doubtful = Some(event),
                Ok(Attempt::Doubtful(_, error)) => return Err(error.into()),
                Ok(Attempt::Moved) if moves < MOST_MOVES => {
                    moves += 1;
                    self.epochs = Epochs::open(&*self.ports.log, &self.instance).await?;
                    self.end = self.epochs.end();
                }
                Ok(Attempt::Moved) => return Err(LogError::Sealed(self.epochs.stream().to_owned()).into()),
                Err(error) => return Err(error),
            }
        }
    }

    async fn attempt(
        &mut self,
        plan: &ObjectPlan,
        operation: Operation,
        record: &Record,
        expected: Option<Position>,
        doubtful: Option<Digest>,
    ) -> Result<Attempt, Error> {
        let subject = self.subject(plan, record);
        let mut previous = match self.previous(plan, std::slice::from_ref(record)).await {
            Err(Error::Log(LogError::Missing(_))) => return Ok(Attempt::Moved),
            previous => previous?,
        };
        let held = previous.get(&subject).map(|last| (last.position, last.event));
        if let Some((position, event)) = held
            && Some(event) == doubtful
        {
            return Ok(Attempt::Done(position));
        }
        let last = held.map(|(position, _)| position);
        if last != expected {
            return Err(Error::Stale { last });
        }
        let mut written = Written::default();
        let event = self.event(plan, operation, record, &mut previous, &mut written)?;
        self.unacknowledged.clear();
        let Some(outgoing) = event else {
            return match written.rejected.pop() {
                Some(rejected) => Err(LogError::Refused(rejected.detail).into()),
                None => Ok(Attempt::Done(expected.unwrap_or(self.end))),
            };
        };
        let epoch = self.epochs.open_epoch();
        let last =
            expected.filter(|position| position.epoch == epoch).map_or(0, |position| position.sequence);
        let digest = Digest::of(&outgoing.payload);
        match self.ports.log.publish_if_last(self.epochs.stream(), outgoing, last).await {
            Ok(published) => {
                self.end = self.end.max(Position { epoch, sequence: published.sequence });
                Ok(Attempt::Done(Position { epoch, sequence: published.sequence }))
            }
            Err(LogError::Sealed(_) | LogError::Missing(_)) => Ok(Attempt::Moved),
            Err(LogError::Conflict { .. }) => Err(Error::Stale { last: None }),
            Err(error) if error.is_transient() => Ok(Attempt::Doubtful(digest, error)),
            Err(error) => Err(error.into()),
        }
    }
}
