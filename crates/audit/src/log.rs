//! Reading the chain: pages of it, all of it, and whether it is whole.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::Timestamp;
use salescommand_domain::audit::{AUDIT_STREAM, Break, BreakKind, Entry, Hash, Head, Walk};
use salescommand_eventlog::{BatchLimit, Error as LogError, EventLog, Message};

use crate::{Error, ExportForm};

/// Most entries that a page looks at, so that a filter that matches few does not read the whole stream in one answer.
const MOST_EXAMINED: u64 = 5_000;
/// Entries per read.
const CHUNK: u64 = 500;
/// Most bytes per read.
const CHUNK_BYTES: usize = 4 << 20;
/// How long entries that are in the stream are waited for.
const WAIT: Duration = Duration::from_secs(5);

/// Which entries are wanted: all conditions hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// By this actor.
    pub actor: Option<String>,
    /// With an action that begins with this.
    pub action: Option<String>,
    /// On the thing with this id.
    pub target: Option<String>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

impl Filter {
    fn takes(&self, entry: &Entry) -> bool {
        let of_target = |wanted: &String| entry.target.as_ref().is_some_and(|target| target.id == *wanted);
        self.actor.as_ref().is_none_or(|actor| entry.actor == *actor)
            && self.action.as_ref().is_none_or(|action| entry.action.starts_with(action.as_str()))
            && self.target.as_ref().is_none_or(of_target)
            && self.from.is_none_or(|from| entry.at >= from)
            && self.to.is_none_or(|to| entry.at < to)
    }
}

/// A page of entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// What is before this position was not looked at; none if everything was.
    pub next: Option<u64>,
    /// When the oldest entry that was looked at was made.
    pub searched_to: Option<Timestamp>,
}

/// What a walk along the chain has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many entries were checked.
    pub entries: u64,
    /// The last one that is what it must be.
    pub head: Head,
    /// The last position of the stream.
    pub end: u64,
    /// Where the chain is broken first.
    pub broken: Option<Break>,
}

impl Verified {
    /// Everything up to the end was checked, or a break was found.
    pub fn complete(&self) -> bool {
        self.broken.is_some() || self.head.position >= self.end
    }
}

/// A piece of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Lines.
    pub bytes: Vec<u8>,
    /// Behind which position the next piece begins; none behind the last one.
    pub next: Option<u64>,
}

/// The chain, as it is in the stream.
#[derive(Clone)]
pub struct AuditLog {
    log: Arc<dyn EventLog>,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditLog")
    }
}

impl AuditLog {
    /// In this event log.
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log }
    }

    /// The last position; 0 if there is nothing yet.
    pub async fn end(&self) -> Result<u64, Error> {
        Ok(self.bounds().await?.1)
    }

    /// The first and the last position.
    async fn bounds(&self) -> Result<(u64, u64), Error> {
        let status = self.log.stream(AUDIT_STREAM).await?;
        Ok(status.map_or((0, 0), |status| (status.first_sequence, status.last_sequence)))
    }

    /// The newest entries before a position that are wanted, at most so many.
    pub async fn page(&self, filter: &Filter, before: Option<u64>, limit: usize) -> Result<Page, Error> {
        let end = self.end().await?;
        let mut upper = before.map_or(end, |before| before.saturating_sub(1).min(end));
        let lowest = upper.saturating_sub(MOST_EXAMINED);
        let mut page = Page { entries: Vec::new(), next: None, searched_to: None };
        while upper > lowest && page.entries.len() < limit {
            let lower = upper.saturating_sub(CHUNK).max(lowest);
            for message in range(&*self.log, lower, upper).await?.iter().rev() {
                upper = message.sequence - 1;
                let Some(entry) = read(message) else { continue };
                page.searched_to = Some(entry.at);
                if filter.takes(&entry) {
                    page.entries.push(entry);
                }
                if page.entries.len() == limit {
                    break;
                }
            }
        }
        page.next = (upper > 0).then_some(upper + 1);
        Ok(page)
    }

    /// The next piece of an export of entries that are wanted, the oldest first: what is behind a position, up to an end.
    pub async fn export(
        &self,
        filter: &Filter,
        form: ExportForm,
        after: u64,
        end: u64,
    ) -> Result<Exported, Error> {
        let up_to = end.min(after.saturating_add(CHUNK));
        let mut bytes = Vec::new();
        for message in range(&*self.log, after, up_to).await? {
            // What cannot be read is not left out: whoever looks for it shall find it.
            let entry = read(&message);
            if entry.as_ref().is_none_or(|entry| filter.takes(entry)) {
                form.write(&message.payload, entry.as_ref(), &mut bytes);
            }
        }
        Ok(Exported { bytes, next: (up_to < end).then_some(up_to) })
    }

    /// Walks along the chain: from its beginning, or from the entry of which somebody has kept the head. Checks at most so
    /// many entries.
    pub async fn verify(&self, since: Option<Head>, most: u64) -> Result<Verified, Error> {
        let (first, end) = self.bounds().await?;
        let begin = since.unwrap_or(Head::EMPTY);
        let mut checked =
            Checked { verified: Verified { entries: 0, head: begin, end, broken: None }, begin };
        let from = begin.position.saturating_sub(1);
        if begin.position == 0 && begin.hash != Hash::NONE {
            checked.breaks(1, BreakKind::NotAsKept);
        } else if begin.position > end {
            checked.breaks(end + 1, BreakKind::Missing { next: 0 });
        } else if end > 0 && first > from + 1 {
            checked.breaks(from + 1, BreakKind::Missing { next: first });
        } else {
            let last = end.min(from.saturating_add(most.max(2)));
            self.walk(&mut checked, from, last).await?;
        }
        Ok(checked.verified)
    }

    async fn walk(&self, checked: &mut Checked, from: u64, last: u64) -> Result<(), Error> {
        if last <= from {
            return Ok(());
        }
        let mut walk: Option<Walk> = (checked.begin.position == 0).then(|| Walk::behind(checked.begin));
        let mut reader = self.log.read_after(AUDIT_STREAM, from).await?;
        let mut at = from;
        while at < last {
            let messages = usize::try_from((last - at).min(CHUNK)).unwrap_or(1);
            let batch = match reader.next(BatchLimit { messages, bytes: CHUNK_BYTES, wait: WAIT }).await {
                Ok(batch) if batch.is_empty() => return Err(silent()),
                Ok(batch) => batch,
                // The reader of a stream that keeps everything finds by itself that something is not there.
                Err(LogError::Refused(_)) => {
                    checked.breaks(at + 1, BreakKind::Missing { next: at + 2 });
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            for message in batch {
                at = message.sequence;
                let (sequence, bytes) = (message.sequence, &message.payload);
                let stepped = match &mut walk {
                    Some(walk) => walk.step(sequence, bytes),
                    None => Walk::begin_at(checked.begin, sequence, bytes).map(|begun| walk = Some(begun)),
                };
                match (stepped, &walk) {
                    (Ok(()), Some(walk)) => {
                        checked.verified.head = walk.head();
                        checked.verified.entries += 1;
                    }
                    (Ok(()), None) => {}
                    (Err(broken), _) => {
                        checked.verified.broken = Some(broken);
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

struct Checked {
    verified: Verified,
    begin: Head,
}

impl Checked {
    fn breaks(&mut self, position: u64, kind: BreakKind) {
        self.verified.broken = Some(Break { position, kind });
    }
}

/// The messages behind one position, up to another one.
pub(crate) async fn range(log: &dyn EventLog, after: u64, up_to: u64) -> Result<Vec<Message>, Error> {
    let mut found = Vec::new();
    if up_to <= after {
        return Ok(found);
    }
    let mut reader = log.read_after(AUDIT_STREAM, after).await?;
    loop {
        let at = found.last().map_or(after, |message: &Message| message.sequence);
        if at >= up_to {
            return Ok(found);
        }
        let messages = usize::try_from(up_to - at).unwrap_or(1);
        let batch = reader.next(BatchLimit { messages, bytes: CHUNK_BYTES, wait: WAIT }).await?;
        if batch.is_empty() {
            return Err(silent());
        }
        found.extend(batch);
    }
}

fn silent() -> Error {
    LogError::Unavailable(format!("{AUDIT_STREAM} does not give what it holds")).into()
}

/// An entry; none of what is none, which a walk along the chain will tell.
fn read(message: &Message) -> Option<Entry> {
    let entry: Entry = serde_json::from_slice(&message.payload).ok()?;
    (entry.position == message.sequence).then_some(entry)
}
