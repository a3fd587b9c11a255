//! The walk through a generation: what it says is compared with what was told, and what differs is told, once per record.
//!
//! The walk ends where the generation stood when it began: events behind that are followed afterwards. Of a record, the
//! last event up to there is compared. Then what was told before is looked for in the generation, and what is not there
//! is told as gone. Both are read in the order of their streams, so the walk goes on where its place says.

use std::collections::BTreeMap;
use std::time::Instant;

use salescommand_domain::canonical::{Standing, ToldEntity, ToldEvent, ToldMessage};

use super::place::{Part, Place, Walk, covers};
use super::source::Source;
use super::told::{self, Last, is_news};
use super::{Next, PATIENCE, Relay};
use crate::Error;

impl Relay {
    /// Begins a walk as soon as the generation has everything of raw that was ever told, and has published it.
    pub(super) async fn begin_walk(&mut self, source: &mut Source) -> Result<Next, Error> {
        source.refresh().await?;
        let published = self.setup.log.stream(&source.stream).await?;
        let numbered = source.numbered();
        let ready = source.settled
            && covers(&source.vector, &self.place.vector)
            && published.is_some_and(|status| status.last_sequence >= numbered);
        if !ready {
            let since = *self.waiting_since.get_or_insert_with(Instant::now);
            if since.elapsed() > PATIENCE {
                self.waiting_since = None;
                tracing::warn!(
                    generation = source.generation,
                    "readers outside wait: the generation is not as far in raw as what was told"
                );
            }
            return Ok(Next::Look);
        }
        self.waiting_since = None;
        let mut witness = None;
        if let Some(before) = numbered.checked_sub(1) {
            let Some(last) = self.read(&source.stream, before, 1).await?.into_iter().next() else {
                return Ok(Next::Look);
            };
            witness = Some(last.subject);
        }
        let walk = Walk { part: Part::Said, after: 0, told_until: self.told.end, witness };
        let mut place = Place {
            generation: source.generation,
            sequence: numbered,
            judged: source.judged(),
            walk: Some(walk),
            ..self.place.clone()
        };
        place.told(source.generation, &source.vector);
        tracing::info!(
            generation = source.generation,
            events = numbered,
            "comparing with what readers outside know"
        );
        self.tell(Vec::new(), place).await?;
        Ok(Next::GoOn)
    }

    /// The next portion of the walk.
    pub(super) async fn walk(&mut self, source: &Source, walk: Walk) -> Result<Next, Error> {
        let pace = self.setup.pace.clone();
        let _turn = pace.turn().await;
        match walk.part {
            Part::Said if walk.after < self.place.sequence => self.compare_said(source, walk).await?,
            Part::Said => {
                let walk = Some(Walk { part: Part::Told, after: 0, ..walk });
                self.place = Place { walk, ..self.place.clone() };
            }
            Part::Told if walk.after < walk.told_until => self.look_for_told(source, walk).await?,
            Part::Told => {
                self.tell(Vec::new(), Place { walk: None, ..self.place.clone() }).await?;
                tracing::info!(generation = source.generation, "readers outside know this generation");
            }
        }
        Ok(Next::GoOn)
    }

    async fn compare_said(&mut self, source: &Source, walk: Walk) -> Result<(), Error> {
        let until = self.place.sequence;
        let messages = self.read(&source.stream, walk.after, self.setup.pace.piece()).await?;
        let Some(after) = messages.last().map(|last| last.sequence.min(until)) else { return Ok(()) };
        let mut said: BTreeMap<String, (u64, ToldEvent)> = BTreeMap::new();
        for message in messages.iter().filter(|message| message.sequence <= until) {
            if source.standing(message.sequence) != Standing::Counts {
                continue;
            }
            if let Some(event) = source.event(message)? {
                said.insert(event.subject(), (message.sequence, event));
            }
        }
        let subjects: Vec<String> = said.keys().cloned().collect();
        let last = self.told.last(&subjects).await?;
        said.retain(|subject, (_, event)| is_news(last.get(subject), event));
        let subjects: Vec<String> = said.keys().cloned().collect();
        let last = source.last_up_to(&subjects, until, walk.witness.as_deref()).await?;
        said.retain(|subject, (sequence, _)| last.get(subject) == Some(sequence));
        let news: BTreeMap<u64, ToldEvent> = said.into_values().collect();
        let news: Vec<_> = news.into_values().map(ToldMessage::new).collect();
        self.go_to(Walk { after, ..walk }, news).await
    }

    async fn look_for_told(&mut self, source: &Source, walk: Walk) -> Result<(), Error> {
        let messages = self.read(told::STREAM, walk.after, self.setup.pace.piece()).await?;
        let Some(after) = messages.last().map(|last| last.sequence.min(walk.told_until)) else {
            return Ok(());
        };
        let told = messages.iter().filter(|message| message.sequence <= walk.told_until);
        let left = told.filter(|message| !Last::read(&message.payload).is_gone());
        let records: BTreeMap<String, ToldEvent> =
            left.filter_map(|message| Some((message.subject.clone(), gone(&message.subject)?))).collect();
        let subjects: Vec<String> = records.keys().cloned().collect();
        let held = source.last_up_to(&subjects, self.place.sequence, walk.witness.as_deref()).await?;
        let mut missing = records;
        missing.retain(|subject, _| !held.contains_key(subject));
        if !missing.is_empty() {
            // A stream that keeps more than the last of each has older messages of what is told as gone.
            let subjects: Vec<String> = missing.keys().cloned().collect();
            let last = self.told.last(&subjects).await?;
            missing.retain(|subject, event| is_news(last.get(subject), event));
        }
        let news: Vec<_> = missing.into_values().map(ToldMessage::new).collect();
        self.go_to(Walk { after, ..walk }, news).await
    }

    async fn go_to(&mut self, walk: Walk, news: Vec<ToldMessage>) -> Result<(), Error> {
        let place = Place { walk: Some(walk), ..self.place.clone() };
        if news.is_empty() { self.move_on(place).await } else { self.tell(news, place).await }
    }
}

/// What is told of a record that is no more; none of what is no record.
fn gone(subject: &str) -> Option<ToldEvent> {
    let (word, id) = subject.strip_prefix("canonical.")?.split_once('.')?;
    Some(ToldEvent::Gone { entity: ToldEntity::from_word(word)?, id: id.parse().ok()? })
}
