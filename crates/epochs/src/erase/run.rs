//! The erasure: look, write anew, put in place, account.

use std::collections::BTreeMap;
use std::time::Duration;

use salescommand_domain::Timestamp;
use salescommand_domain::generation::Changed;
use salescommand_domain::raw::{Envelope, InstanceName, Position, raw_stream};
use salescommand_eventlog::{
    BatchLimit, Error as LogError, EventLog, StoredMessage, StoredReader, StreamState,
};
use uuid::Uuid;

use super::person::{Person, Subject};
use super::redact::Redactor;
use super::state::{EpochReceipt, Hit, Pending, Receipt, State, Work, subject_digest};
use crate::archive::{Contents, build, keep_draft, read_broker, write_draft};
use crate::heads::HeadWriter;
use crate::{
    Broker, Chain, Error, FolderArchives, Head, Manifest, cover, covered, heads_through, maintain, seal,
};

const PORTION: BatchLimit = BatchLimit { messages: 1_000, bytes: 8 << 20, wait: Duration::from_secs(10) };
/// A person's records name each other over few steps.
const MOST_LOOKS: u32 = 5;

/// Whom to erase, and what the erasure is known by.
pub struct Request<'a> {
    /// Whom.
    pub subject: Subject,
    /// Who asks, for the receipt.
    pub by: String,
    /// Id of the receipt.
    pub id: Uuid,
    /// Salt of the words that stand for strings: random, and kept no longer than the erasure takes.
    pub salt: String,
    /// Tells the time.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
}

/// An epoch and where it is.
#[derive(Debug, Clone)]
struct Place {
    instance: InstanceName,
    epoch: u32,
    /// Last sequence and state in the broker.
    in_broker: Option<(u64, StreamState)>,
    archive: Option<Manifest>,
}

/// An erasure of which every epoch is done. Until [`Erased::finish`] the same subject takes it up again.
pub struct Erased<'a> {
    /// The receipt, not written yet.
    pub receipt: Receipt,
    /// What was changed: the reason for what will be different when it is built anew.
    pub changed: Changed,
    work: Work<'a>,
}

impl Erased<'_> {
    /// Writes the receipt and forgets everything else. Whoever has things built anew has been told before.
    pub async fn finish(self) -> Result<Receipt, Error> {
        self.work.finish(&self.receipt).await?;
        Ok(self.receipt)
    }
}

/// Erases a person from every epoch, in the broker and in the archives. The same subject again takes up an erasure that
/// was interrupted. `by`, id and salt are then those with which it began.
pub async fn erase<'a>(
    broker: &'a dyn Broker,
    archives: &FolderArchives,
    request: Request<'_>,
) -> Result<Erased<'a>, Error> {
    let state = State {
        id: request.id,
        salt: request.salt,
        subject_sha256: subject_digest(request.id, &request.subject),
        by: request.by,
        begun_at: (request.now)(),
        person: None,
        pending: None,
        epochs: Vec::new(),
        changed: Changed::default(),
    };
    let work = Work::begin(broker, &request.subject, state).await?;
    let mut erasure = Erasure { broker, archives, work };
    if let Some(pending) = erasure.work.state.pending.clone().filter(|pending| pending.written.is_some()) {
        erasure.put_in_place(pending).await?;
    }
    // An earlier attempt may have sealed an epoch and not opened the next.
    maintain(broker, archives, 0).await?;
    let places = places(broker, archives).await?;
    let person = erasure.find(&request.subject, &places).await?;
    let redactor = Redactor::new(person.clone(), &erasure.work.state.salt);
    for place in &places {
        erasure.erase_from(place, &redactor, (request.now)()).await?;
    }
    let came_back = erasure.still_named(&person).await?;
    let kind = if matches!(request.subject, Subject::Email(_)) { "email" } else { "record" };
    let state = &erasure.work.state;
    let done_at = (request.now)();
    // Nothing that is built of events without a change is another than it was.
    let to_rebuild = if state.epochs.is_empty() { Vec::new() } else { to_rebuild(broker).await? };
    let receipt = Receipt {
        id: state.id,
        subject_sha256: state.subject_sha256.clone(),
        subject_kind: kind.to_owned(),
        strings: redactor.strings(),
        by: state.by.clone(),
        begun_at: state.begun_at,
        done_at,
        epochs: state.epochs.clone(),
        came_back,
        complete_at: to_rebuild.is_empty().then_some(done_at),
        to_rebuild,
    };
    let changed = state.changed.clone();
    Ok(Erased { receipt, changed, work: erasure.work })
}

/// What is made of raw events: the person is in there until it is built anew and the old one is dropped.
pub async fn to_rebuild(log: &dyn EventLog) -> Result<Vec<String>, LogError> {
    let streams = log.streams("CANONICAL_G").await?;
    let generation = |name: &str| name.strip_prefix("CANONICAL_").map(str::to_lowercase);
    Ok(streams.iter().filter_map(|stream| generation(&stream.name)).collect())
}

/// Every epoch of every chain; refuses if one is nowhere, since nobody can say what it holds.
async fn places(broker: &dyn Broker, archives: &FolderArchives) -> Result<Vec<Place>, Error> {
    let mut places: BTreeMap<(InstanceName, u32), Place> = BTreeMap::new();
    for manifest in archives.manifests().await? {
        let (instance, epoch) = (manifest.instance.clone(), manifest.epoch);
        let archive = Some(manifest);
        let place = Place { instance: instance.clone(), epoch, in_broker: None, archive };
        places.insert((instance, epoch), place);
    }
    for chain in Chain::all(broker).await? {
        for epoch in chain.epochs {
            let (instance, number) = (chain.instance.clone(), epoch.number);
            let empty = Place { instance: instance.clone(), epoch: number, in_broker: None, archive: None };
            let place = places.entry((instance, number)).or_insert(empty);
            place.in_broker = Some((epoch.status.last_sequence, epoch.status.state));
        }
    }
    let mut expected: BTreeMap<InstanceName, u32> = BTreeMap::new();
    for (instance, epoch) in places.keys() {
        let next = expected.entry(instance.clone()).or_insert(1);
        if epoch != next {
            let position = Position { epoch: *next, sequence: 0 };
            return Err(Error::UnknownEpoch { instance: instance.clone(), position });
        }
        *next += 1;
    }
    Ok(places.into_values().collect())
}

struct Erasure<'a, 'b> {
    broker: &'a dyn Broker,
    archives: &'b FolderArchives,
    work: Work<'a>,
}

impl Erasure<'_, '_> {
    /// Looks through everything for what is the person's, until a look finds nothing more.
    async fn find(&mut self, subject: &Subject, places: &[Place]) -> Result<Person, Error> {
        if let Some(person) = &self.work.state.person {
            return Ok(person.clone());
        }
        let mut person = Person::new(subject);
        for _ in 0..MOST_LOOKS {
            let mut learned = false;
            for place in places {
                self.look(place, |stored| {
                    learned |= decoded(stored).is_some_and(|envelope| person.learn(&envelope));
                    Ok(())
                })
                .await?;
            }
            if !learned {
                break;
            }
        }
        self.work.state.person = Some(person.clone());
        self.work.save().await?;
        Ok(person)
    }

    /// Opens an epoch where it is; gives its last sequence too.
    async fn open(&self, place: &Place) -> Result<(Box<dyn StoredReader>, u64), Error> {
        if let Some((last, _)) = place.in_broker {
            let stream = raw_stream(&place.instance, place.epoch);
            return Ok((self.broker.read_stored(&stream, 0).await?, last));
        }
        match &place.archive {
            Some(manifest) => Ok((Box::new(self.archives.open(manifest, 0).await?), manifest.last_sequence)),
            None => {
                let position = Position { epoch: place.epoch, sequence: 0 };
                Err(Error::UnknownEpoch { instance: place.instance.clone(), position })
            }
        }
    }

    async fn look(
        &self,
        place: &Place,
        mut see: impl FnMut(&StoredMessage) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
        let (mut reader, last) = self.open(place).await?;
        let mut at = 0;
        while at < last {
            let portion = reader.next_stored(PORTION).await?;
            let Some(newest) = portion.last() else {
                let stream = raw_stream(&place.instance, place.epoch);
                return Err(LogError::Unavailable(format!("{stream} gives nothing behind event {at}")).into());
            };
            at = newest.message.sequence;
            portion.iter().try_for_each(&mut see)?;
        }
        Ok(())
    }

    async fn erase_from(&mut self, place: &Place, redactor: &Redactor, now: Timestamp) -> Result<(), Error> {
        let done = |receipt: &EpochReceipt| (&receipt.instance, receipt.epoch) == place_of(place);
        if self.work.state.epochs.iter().any(done) {
            return Ok(());
        }
        let mut found = false;
        self.look(place, |stored| {
            found = found || redactor.redact(stored)?.is_some();
            Ok(())
        })
        .await?;
        let interrupted =
            self.work.state.pending.as_ref().is_some_and(|pending| pending.is_of(place_of(place)));
        if !found && !interrupted {
            return Ok(());
        }
        let mut place = place.clone();
        if let Some((last, state)) = place.in_broker.as_mut() {
            if *state == StreamState::Open {
                seal(self.broker, self.archives, &place.instance).await?;
            }
            // Sealed, its end is final.
            let status = self.broker.seal(&raw_stream(&place.instance, place.epoch)).await?;
            (*last, *state) = (status.last_sequence, status.state);
            // While its stream is away, writers look its records up in the heads.
            match cover(self.broker, &place.instance, place.epoch).await {
                Err(Error::NotNow(_)) => {}
                done => done?,
            }
        }
        let pending = self.write_anew(&place, redactor, now).await?;
        self.put_in_place(pending).await
    }

    /// Writes the epoch into an archive of its own, without the person.
    async fn write_anew(
        &mut self,
        place: &Place,
        redactor: &Redactor,
        now: Timestamp,
    ) -> Result<Pending, Error> {
        let mut pending = Pending {
            instance: place.instance.clone(),
            epoch: place.epoch,
            in_broker: place.in_broker.is_some(),
            archived: place.archive.is_some(),
            written: None,
            hits: Vec::new(),
        };
        // An interrupted attempt may have left an archive that was none before, and changed one that was.
        let earlier = self.work.state.pending.take().filter(|earlier| earlier.is_of(place_of(place)));
        pending.archived = earlier.as_ref().map_or(pending.archived, |earlier| earlier.archived);
        pending.hits = earlier.map(|earlier| earlier.hits).unwrap_or_default();
        self.work.state.pending = Some(pending.clone());
        self.work.save().await?;
        let (mut reader, last) = self.open(place).await?;
        let (mut before, mut hits) = (Contents::default(), Vec::new());
        let stream = raw_stream(&place.instance, place.epoch);
        let change = |stored: StoredMessage| {
            before.add(&stored);
            let Some(redacted) = redactor.redact(&stored)? else { return Ok(stored) };
            let since = redacted.stored.message.subject.clone();
            hits.push(Hit {
                sequence: stored.message.sequence,
                before: redacted.subject_before.unwrap_or_else(|| since.clone()),
                since,
                event: salescommand_domain::raw::Digest::of(&redacted.stored.message.payload),
                record: redacted.record,
            });
            Ok(redacted.stored)
        };
        let draft = write_draft(self.archives, &stream, last, &mut *reader, change).await?;
        if !hits.is_empty() {
            pending.hits = hits;
            self.work.state.pending = Some(pending.clone());
            self.work.save().await?;
        }
        let manifest = keep_draft(self.archives, &place.instance, place.epoch, draft, now).await?;
        pending.written = Some(EpochReceipt {
            instance: place.instance.clone(),
            epoch: place.epoch,
            events: manifest.events,
            redacted: pending.hits.len() as u64,
            sha256_before: before.finish(),
            sha256_after: manifest.content_sha256,
            in_broker: pending.in_broker,
            archived: pending.archived,
        });
        self.work.state.pending = Some(pending.clone());
        self.work.save().await?;
        Ok(pending)
    }

    /// Puts the epoch that was written anew in the place of the old one, in the broker and among the archives.
    async fn put_in_place(&mut self, pending: Pending) -> Result<(), Error> {
        let (instance, epoch) = (&pending.instance, pending.epoch);
        let manifest = self.archives.manifest(instance, epoch).await?;
        if let Some(manifest) = &manifest {
            if pending.in_broker && !self.is_in_broker(manifest).await? {
                self.broker.delete_stream(&manifest.stream).await?;
                build(self.broker, self.archives, manifest).await?;
            }
            self.archives.remove_strays(&manifest.stream, Some(&manifest.file)).await?;
        }
        self.replace_heads(&pending).await?;
        if !pending.archived {
            self.archives.discard(instance, epoch).await?;
        }
        pending.tell(&mut self.work.state.changed);
        self.work.state.epochs.extend(pending.written);
        self.work.state.pending = None;
        self.work.save().await
    }

    async fn is_in_broker(&self, manifest: &Manifest) -> Result<bool, LogError> {
        match self.broker.stream(&manifest.stream).await? {
            Some(status) if status.state == StreamState::Sealed => {
                let held = read_broker(self.broker, &status, |_| {}).await?;
                Ok(held.digest() == manifest.content_sha256)
            }
            _ => Ok(false),
        }
    }

    /// Heads of the changed events: what the record said is not known any more, so if its source still has the person,
    /// the next sync brings the record back, once, as an event of its own.
    async fn replace_heads(&self, pending: &Pending) -> Result<(), Error> {
        let instance = &pending.instance;
        if heads_through(self.broker, instance).await? < pending.epoch {
            return Ok(());
        }
        let mut writer = HeadWriter::open(self.broker, instance).await?;
        for hits in pending.hits.chunks(500) {
            let records: Vec<String> = hits.iter().map(|hit| hit.before.clone()).collect();
            let held = covered(self.broker, instance, &records).await?;
            let mut heads = BTreeMap::new();
            for hit in hits {
                let position = Position { epoch: pending.epoch, sequence: hit.sequence };
                if held.get(&hit.before).is_some_and(|head| head.position == position) {
                    let head = Head { event: hit.event, content: None, position };
                    heads.insert(hit.before.clone(), head);
                    heads.insert(hit.since.clone(), head);
                }
            }
            writer.put(heads).await?;
        }
        Ok(())
    }

    /// Events in the open epochs that name the person: they came in since.
    async fn still_named(&self, person: &Person) -> Result<u64, Error> {
        let mut named = 0;
        for place in places(self.broker, self.archives).await? {
            if place.in_broker.is_some_and(|(_, state)| state == StreamState::Open) {
                self.look(&place, |stored| {
                    named += u64::from(decoded(stored).is_some_and(|envelope| person.is_named(&envelope)));
                    Ok(())
                })
                .await?;
            }
        }
        Ok(named)
    }
}

fn place_of(place: &Place) -> (&InstanceName, u32) {
    (&place.instance, place.epoch)
}

fn decoded(stored: &StoredMessage) -> Option<Envelope> {
    Envelope::decode(&stored.message.payload, stored.message.content_type.as_deref()).ok()
}
