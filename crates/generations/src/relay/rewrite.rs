//! Writing `CANONICAL` anew, so that nothing of what it held before is left in the broker's files.
//!
//! A subject keeps its last message only, but the broker leaves the bytes of a replaced message where they were until it
//! has a reason to write that file again. An erasure cannot wait for that. So what was told last of each record is copied
//! into a stream beside, `CANONICAL` is emptied, which removes its files, and the copy is put back. Readers outside see
//! each record once again, marked as told before.
//!
//! Each copy belongs to the place at which it was begun, so a second relay at the same work does the same work. Putting
//! back is fenced like everything that is told, and emptying never reaches beyond the place where copying began.

use salescommand_domain::canonical::ToldMessage;
use salescommand_eventlog::Error as LogError;

use super::place::{Place, Rewrite};
use super::told::{PLACE, STREAM, copied, copy_stream, copy_subject, encoded, json};
use super::{Next, PORTION, Relay};
use crate::Error;

impl Relay {
    pub(super) async fn begin_rewriting(&mut self) -> Result<Next, Error> {
        tracing::info!("an erasure: what readers outside are told is written anew");
        let place = Place { rewrite: Some(Rewrite::Copying), ..self.place.clone() };
        self.tell(Vec::new(), place).await?;
        Ok(Next::GoOn)
    }

    /// Copies everything, and empties the stream. Nothing is told meanwhile, so the copy is what was told.
    pub(super) async fn copy(&mut self) -> Result<Next, Error> {
        let start = self.told.end;
        let (copy, log) = (copy_stream(start), self.setup.log.clone());
        let all = copy_subject(start, ">");
        self.setup.administration.ensure_latest(&copy, &[all]).await?;
        if copied(&*log, start).await?.is_none() {
            let mut at = 0;
            while at < start {
                let pace = self.setup.pace.clone();
                let _turn = pace.turn().await;
                let messages = self.read(STREAM, at, pace.piece()).await?;
                // Emptied by another relay at the same work: the next look finds its copy complete.
                let Some(last) = messages.last() else { return Ok(Next::Look) };
                at = last.sequence;
                let told = messages.iter().filter(|message| message.subject != PLACE);
                let copies = told.map(|told| json(copy_subject(start, &told.subject), told.payload.to_vec()));
                let copies: Vec<_> = copies.collect();
                log.publish(&copy, copies).await?;
            }
            let rewrite = Some(Rewrite::Restoring { start, after: 0 });
            let place = encoded(&Place { rewrite, ..self.place.clone() })?;
            log.publish(&copy, vec![json(copy_subject(start, PLACE), place)]).await?;
        }
        let rewrite = Some(Rewrite::Restoring { start, after: 0 });
        self.place = Place { rewrite, ..self.place.clone() };
        Ok(Next::GoOn)
    }

    /// Puts the next portion of the copy back.
    pub(super) async fn restore(&mut self, start: u64, after: u64) -> Result<Next, Error> {
        if self.told.end == start {
            // Nothing was put back yet.
            self.setup.administration.purge_up_to(STREAM, start).await?;
        }
        let copy = copy_stream(start);
        let messages = self.read(&copy, after, PORTION).await?;
        let Some(last) = messages.last() else {
            return Err(LogError::Unavailable(format!("{copy} gives nothing behind {after}")).into());
        };
        let end = last.sequence;
        // Another relay that is copying still may have moved records behind the place: only the end is the end.
        let copied = self.setup.log.stream(&copy).await?;
        let is_all = copied.is_none_or(|status| status.last_sequence <= end);
        let mut again = Vec::with_capacity(messages.len());
        for message in messages.iter().filter(|message| message.subject != copy_subject(start, PLACE)) {
            let told = ToldMessage::decode(&message.payload);
            let told =
                told.map_err(|error| Error::State(format!("{copy} #{}: {error}", message.sequence)))?;
            again.push(ToldMessage { again: true, ..told });
        }
        let rewrite = (!is_all).then_some(Rewrite::Restoring { start, after: end });
        let mut place = Place { rewrite, ..self.place.clone() };
        if is_all {
            place.told_of = [place.generation].into();
        }
        self.tell(again, place).await?;
        if is_all {
            self.setup.administration.delete_stream(&copy).await?;
            tracing::info!("what readers outside are told is written anew");
        }
        Ok(Next::GoOn)
    }
}
