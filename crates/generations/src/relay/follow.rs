//! Following the active generation: each state that is not the one told last is told, in the order of the stream.

use std::collections::BTreeMap;
use std::time::Instant;

use salescommand_domain::canonical::{Standing, ToldMessage};

use super::source::Source;
use super::told::{Last, is_news};
use super::{ERASURES_EVERY, Next, PORTION, Relay, WRITE_EVERY};
use crate::Error;

impl Relay {
    pub(super) async fn follow(&mut self, source: &mut Source) -> Result<Next, Error> {
        if self.is_rewriting_due(source.generation).await? {
            return self.begin_rewriting().await;
        }
        let messages = self.read(&source.stream, self.place.sequence, PORTION).await?;
        let Some(last) = messages.last().map(|last| last.sequence) else {
            metrics::gauge!("canonical_relay_lag_events").set(0.0);
            if self.written_at.elapsed() >= WRITE_EVERY && self.told.place.as_ref() != Some(&self.place) {
                self.tell(Vec::new(), self.place.clone()).await?;
            }
            return Ok(Next::GoOn);
        };
        if last > source.numbered() {
            source.refresh().await?;
            if source.standing(self.place.sequence) == Standing::Ahead || source.is_lost(&self.place) {
                return Ok(Next::GoOn);
            }
        }
        let mut place = self.place.clone();
        let mut events = Vec::new();
        for message in &messages {
            match source.standing(message.sequence) {
                Standing::Ahead => break,
                Standing::Void => {}
                Standing::Counts => events.extend(source.event(message)?),
            }
            place.sequence = message.sequence;
        }
        if place.sequence == self.place.sequence {
            return Ok(Next::Look);
        }
        let subjects: BTreeMap<String, ()> = events.iter().map(|event| (event.subject(), ())).collect();
        let subjects: Vec<String> = subjects.into_keys().collect();
        let mut known = if subjects.is_empty() { BTreeMap::new() } else { self.told.last(&subjects).await? };
        let mut news = Vec::new();
        for event in events {
            let subject = event.subject();
            if is_news(known.get(&subject), &event) {
                known.insert(subject, Last::Event(event.clone()));
                news.push(ToldMessage::new(event));
            }
        }
        place.told(source.generation, &source.vector);
        place.judged = source.judged();
        let behind = source.numbered().saturating_sub(place.sequence);
        metrics::gauge!("canonical_relay_lag_events").set(behind as f64);
        if news.is_empty() {
            self.move_on(place).await?
        } else {
            self.tell(news, place).await?
        }
        Ok(Next::GoOn)
    }

    /// Whether an erasure asks for the stream to be written anew: words of a generation that holds what is to be erased
    /// may stand in its files, and this generation is none of those.
    async fn is_rewriting_due(&mut self, generation: u32) -> Result<bool, Error> {
        if self.erasures_at.is_some_and(|at| at.elapsed() < ERASURES_EVERY) {
            return Ok(false);
        }
        self.erasures_at = Some(Instant::now());
        let holds = self.registry.erasure_holds().await?;
        let told_of = &self.place.told_of;
        Ok(holds.iter().any(|(_, held)| !held.contains(&generation) && !held.is_disjoint(told_of)))
    }
}
