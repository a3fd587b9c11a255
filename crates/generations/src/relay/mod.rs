//! Tells readers outside what the active generation says: the stream `CANONICAL`.
//!
//! It follows the active generation's stream and publishes, under a subject per record, each state that is not the one it
//! has told last. At a switch it walks through the new generation and tells, once per record, what differs. What it tells
//! and where it stands are published in one piece right behind the end that it knows, so a crash anywhere loses nothing
//! and doubles nothing, and of two live relays one is told by the broker that it is second.
//!
//! Invariants: a generation that is not active tells nothing. Nobody outside is taken back to an older state: a walk waits
//! until the generation has all of raw that was ever told. Of what is told, memory holds a portion at a time.

mod follow;
mod place;
mod rewrite;
mod source;
mod told;
mod walk;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use salescommand_domain::canonical::{Standing, ToldMessage};
use salescommand_eventlog::{BatchLimit, Error as LogError, LogReader, Message};
use salescommand_store::Registry;
use tokio_util::sync::CancellationToken;

use crate::{Error, Setup};
use place::{Place, Rewrite};
use source::Source;
use told::Told;

pub(crate) use told::may_hold;
pub use told::{Relayed, relayed};

/// Events per portion: with the place they fit into one piece. Few in tests, so that a crash has many places.
const PORTION: usize = if cfg!(test) { 5 } else { 500 };
/// How long news are waited for.
const WAIT: Duration = Duration::from_millis(250);
/// Between two looks at what is not there yet.
const LOOK: Duration = Duration::from_millis(300);
/// The place is written after so many events that told nothing: they are read again after a crash.
const UNWRITTEN: u64 = 5_000;
/// The place is written this often while nothing is told.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Erasures are looked for this often.
const ERASURES_EVERY: Duration = Duration::from_secs(1);
/// The second of two live relays stands by for this long, and looks again.
const STANDBY: Duration = Duration::from_secs(2);
/// The first and the longest pause while something is away or cannot be read.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// An attempt that held for this long was none in vain.
const HELD: Duration = Duration::from_secs(10);
/// Said once when a walk has waited for this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Relays until `stop`. It may be dropped at any moment, and goes on where the stream says.
pub(crate) async fn run(setup: Setup, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = keep_relaying(&setup) => {}
    }
}

async fn keep_relaying(setup: &Setup) {
    let (mut pause, mut said) = (PAUSES.0, String::new());
    loop {
        let began = Instant::now();
        let error = relay(setup).await;
        if began.elapsed() >= HELD {
            (pause, said) = (PAUSES.0, String::new());
        }
        if let Error::Log(LogError::Conflict { .. }) = &error {
            tracing::info!("somebody else tells readers outside; standing by");
            tokio::time::sleep(STANDBY).await;
            continue;
        }
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let text = format!("{error} {cause}");
        if text != said {
            if error.is_transient() {
                tracing::warn!(%error, cause, "readers outside wait for a dependency");
            } else {
                tracing::error!(%error, cause, "readers outside cannot be told any more");
            }
            said = text;
        }
        metrics::gauge!("canonical_relay_stopped").set(if error.is_transient() { 0.0 } else { 1.0 });
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Relays until it cannot go on; says why.
async fn relay(setup: &Setup) -> Error {
    let mut relay = match Relay::open(setup.clone()).await {
        Ok(relay) => relay,
        Err(error) => return error,
    };
    loop {
        match relay.step().await {
            Ok(Next::GoOn) => {}
            Ok(Next::Look) => tokio::time::sleep(LOOK).await,
            Err(error) => return error,
        }
    }
}

/// What comes after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The next step.
    GoOn,
    /// Something is not there yet.
    Look,
}

/// An open reader and where it stands.
struct Reading {
    stream: String,
    at: u64,
    reader: Box<dyn LogReader>,
}

/// The one that tells.
struct Relay {
    setup: Setup,
    registry: Registry,
    told: Told,
    source: Option<Source>,
    /// Where it stands; the stream's place may be behind, as long as nothing was told since.
    place: Place,
    reading: Option<Reading>,
    written_at: Instant,
    erasures_at: Option<Instant>,
    waiting_since: Option<Instant>,
}

impl Relay {
    async fn open(setup: Setup) -> Result<Self, Error> {
        let told = Told::open(setup.log.clone(), &*setup.administration).await?;
        let registry = Registry::new(setup.ops.clone());
        let place = told.place.clone().unwrap_or_default();
        let (source, reading, written_at) = (None, None, Instant::now());
        let (erasures_at, waiting_since) = (None, None);
        Ok(Self { setup, registry, told, source, place, reading, written_at, erasures_at, waiting_since })
    }

    /// The next portion of what is due.
    async fn step(&mut self) -> Result<Next, Error> {
        match self.place.rewrite.clone() {
            Some(Rewrite::Copying) => return self.copy().await,
            Some(Rewrite::Restoring { start, after }) => return self.restore(start, after).await,
            None => {}
        }
        let Some(active) = self.setup.store.active().await? else { return Ok(Next::Look) };
        let mut source = match self.source.take().filter(|held| held.generation == active.canonical) {
            Some(source) => source,
            None => {
                let Setup { log, store, .. } = self.setup.clone();
                Source::open(log, store, active.canonical).await?
            }
        };
        let next = self.step_of(&mut source).await;
        self.source = Some(source);
        next
    }

    async fn step_of(&mut self, source: &mut Source) -> Result<Next, Error> {
        if self.told.place.is_none() || self.place.generation != source.generation {
            return self.begin_walk(source).await;
        }
        if source.standing(self.place.sequence) == Standing::Ahead {
            // An older database was put back: its normalizer has to say first what counts.
            source.refresh().await?;
            return Ok(Next::Look);
        }
        if source.is_lost(&self.place) {
            return self.begin_walk(source).await;
        }
        match self.place.walk.clone() {
            Some(walk) => self.walk(source, walk).await,
            None => self.follow(source).await,
        }
    }

    /// Tells, and stands at a place afterwards.
    async fn tell(&mut self, messages: Vec<ToldMessage>, place: Place) -> Result<(), Error> {
        let count = messages.len() as u64;
        let reason = match (&self.place.rewrite, &self.place.walk) {
            (Some(_), _) => "again",
            (None, Some(_)) => "switch",
            (None, None) => "change",
        };
        self.told.publish(messages, &place).await?;
        self.place = place;
        self.written_at = Instant::now();
        metrics::counter!("canonical_relay_told_total", "reason" => reason).increment(count);
        metrics::gauge!("canonical_relay_stopped").set(0.0);
        Ok(())
    }

    /// Stands at a place where nothing is to be told. That is written now and then.
    async fn move_on(&mut self, place: Place) -> Result<(), Error> {
        let due = self.unwritten(&place) >= UNWRITTEN;
        if due {
            return self.tell(Vec::new(), place).await;
        }
        self.place = place;
        Ok(())
    }

    /// How many events a place is beyond the one that is written.
    fn unwritten(&self, place: &Place) -> u64 {
        let Some(written) = &self.told.place else { return u64::MAX };
        let beyond = match (&written.walk, &place.walk) {
            (Some(written), Some(walk)) if written.part == walk.part => {
                walk.after.saturating_sub(written.after)
            }
            (None, None) => 0,
            _ => return u64::MAX,
        };
        beyond + place.sequence.saturating_sub(written.sequence)
    }

    /// The next messages of a stream, behind a sequence; no more than so many.
    async fn read(&mut self, stream: &str, after: u64, most: usize) -> Result<Vec<Message>, Error> {
        let held = self.reading.take().filter(|held| held.stream == stream && held.at == after);
        let mut reading = match held {
            Some(reading) => reading,
            None => {
                let reader = self.setup.log.read_after(stream, after).await?;
                Reading { stream: stream.to_owned(), at: after, reader }
            }
        };
        let limit = BatchLimit { messages: most.min(PORTION), bytes: 4 << 20, wait: WAIT };
        let messages = reading.reader.next(limit).await?;
        reading.at = messages.last().map_or(after, |last| last.sequence);
        self.reading = Some(reading);
        Ok(messages)
    }
}
