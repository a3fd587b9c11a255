//! The last event of each record, wherever in the chain of epochs it is.
//!
//! The open epoch is asked first, then the sealed ones that have no heads yet, newest first, then the heads. Records
//! that are found are not looked up further, so a page of known records costs one request.

use std::collections::BTreeMap;

use salescommand_domain::raw::{Digest, InstanceName, Position};
use salescommand_epochs::{Chain, covered, heads_end, open_newest};
use salescommand_eventlog::{Error as LogError, EventLog, Message};

/// A record's last event.
pub(crate) enum Last {
    /// In an epoch of the broker.
    Event { epoch: u32, message: Message },
    /// Its head; the event may be gone from the broker.
    Head { position: Position, event: Digest, content: Option<Digest> },
}

/// The epochs of an instance, as last looked at.
#[derive(Debug)]
pub(crate) struct Epochs {
    chain: Chain,
    /// The open epoch.
    epoch: u32,
    stream: String,
    /// The last position that the heads cover.
    heads: Option<Position>,
}

impl Epochs {
    /// Looks at an instance's epochs; the first is made if there is none.
    pub(crate) async fn open(log: &dyn EventLog, instance: &InstanceName) -> Result<Self, LogError> {
        // The heads first: they only ever cover more.
        let heads = heads_end(log, instance).await?;
        let chain = open_newest(log, instance).await?;
        let newest = chain.newest().ok_or_else(|| LogError::Missing(instance.to_string()))?;
        let (epoch, stream) = (newest.number, newest.status.name.clone());
        Ok(Self { chain, epoch, stream, heads })
    }

    /// The stream of the open epoch.
    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// The number of the open epoch.
    pub(crate) fn open_epoch(&self) -> u32 {
        self.epoch
    }

    /// The position of the last event when the epochs were looked at: in an earlier epoch, while the open one is empty.
    /// Whoever has processed up to here has everything.
    pub(crate) fn end(&self) -> Position {
        let epochs = self.chain.epochs.iter().rev();
        let ends = epochs.map(|epoch| Position { epoch: epoch.number, sequence: epoch.status.last_sequence });
        let last = ends.chain(self.heads).find(|end| end.sequence > 0);
        last.unwrap_or(Position { epoch: self.epoch, sequence: 0 })
    }

    /// Whether the log holds what a position stands for, as far as it was looked at.
    pub(crate) fn reaches(&self, position: Position) -> bool {
        position.epoch >= self.epoch || self.chain.reaches(position)
    }

    /// The last events of some records, by subject. [`LogError::Missing`] means that an epoch has gone since: look at
    /// the epochs again.
    pub(crate) async fn last(
        &self,
        log: &dyn EventLog,
        mut open: Vec<String>,
    ) -> Result<BTreeMap<String, Last>, LogError> {
        let mut found = BTreeMap::new();
        for epoch in self.chain.epochs.iter().rev() {
            if open.is_empty() || epoch.number <= self.heads.map_or(0, |end| end.epoch) {
                break;
            }
            let messages = log.last_by_subject(&epoch.status.name, &open).await?;
            for message in messages.into_iter().flatten() {
                let epoch = epoch.number;
                found.insert(message.subject.clone(), Last::Event { epoch, message });
            }
            open.retain(|subject| !found.contains_key(subject));
        }
        if self.heads.is_some() && !open.is_empty() {
            for (subject, head) in covered(log, &self.chain.instance, &open).await? {
                let (position, event, content) = (head.position, head.event, head.content);
                found.insert(subject, Last::Head { position, event, content });
            }
        }
        Ok(found)
    }
}
