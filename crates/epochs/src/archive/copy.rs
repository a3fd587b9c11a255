//! From the broker into an archive, and back; deleting what is archived.
//!
//! Each of these may be interrupted anywhere and done again.

use std::time::Duration;

use salescommand_domain::Timestamp;
use salescommand_domain::raw::{InstanceName, raw_stream, raw_subject_filter};
use salescommand_eventlog::{
    BatchLimit, Error as LogError, StoredMessage, StoredReader, StreamState, StreamStatus,
};

use super::folder::FolderArchives;
use super::format::Contents;
use super::manifest::{FORMAT, Manifest};
use crate::roll::epoch_spec;
use crate::{Broker, Chain, Error, cover};

/// One portion of a copy: what is in memory at once.
const PORTION: BatchLimit = BatchLimit { messages: 1_000, bytes: 8 << 20, wait: Duration::from_secs(10) };

/// What records add up to.
#[derive(Default)]
pub(crate) struct Tally {
    contents: Contents,
    events: u64,
    first: Option<(u64, Timestamp)>,
    last: Option<(u64, Timestamp)>,
    payload_bytes: u64,
}

impl Tally {
    /// SHA-256 of the records.
    pub(crate) fn digest(self) -> String {
        self.contents.finish()
    }

    pub(crate) fn add(&mut self, record: &StoredMessage) {
        let place = (record.message.sequence, record.stored_at);
        self.contents.add(record);
        self.events += 1;
        self.first.get_or_insert(place);
        self.last = Some(place);
        self.payload_bytes += record.message.payload.len() as u64;
    }

    fn last_sequence(&self) -> u64 {
        self.last.map_or(0, |(sequence, _)| sequence)
    }
}

/// Reads an epoch in the broker to its end, and gives each record to `see`.
pub(crate) async fn read_broker(
    broker: &dyn Broker,
    status: &StreamStatus,
    mut see: impl FnMut(&StoredMessage) + Send,
) -> Result<Tally, LogError> {
    let mut tally = Tally::default();
    let mut reader = broker.read_stored(&status.name, 0).await?;
    while tally.last_sequence() < status.last_sequence {
        let portion = reader.next_stored(PORTION).await?;
        if portion.is_empty() {
            let (name, last) = (&status.name, tally.last_sequence());
            return Err(LogError::Unavailable(format!("{name} gives nothing behind event {last}")));
        }
        for record in &portion {
            see(record);
            tally.add(record);
        }
    }
    Ok(tally)
}

fn stream_missing(stream: &str) -> Error {
    Error::NotNow(format!("the broker has no {stream}; see `salescommand epoch list`"))
}

async fn sealed(broker: &dyn Broker, instance: &InstanceName, epoch: u32) -> Result<StreamStatus, Error> {
    let stream = raw_stream(instance, epoch);
    match broker.stream(&stream).await? {
        Some(status) if status.state == StreamState::Sealed => Ok(status),
        Some(_) => Err(Error::NotNow(format!(
            "{stream} still takes events; seal it first with `salescommand epoch seal {instance}`"
        ))),
        None => Err(stream_missing(&stream)),
    }
}

/// Archives a sealed epoch. When this returns, the archive was read back and equals the broker's epoch. An archive that
/// is there already is compared and left.
pub async fn archive(
    broker: &dyn Broker,
    archives: &FolderArchives,
    instance: &InstanceName,
    epoch: u32,
    now: Timestamp,
) -> Result<Manifest, Error> {
    let status = sealed(broker, instance, epoch).await?;
    if let Some(manifest) = archives.manifest(instance, epoch).await? {
        compare(broker, archives, &status, &manifest).await?;
        return Ok(manifest);
    }
    let mut reader = broker.read_stored(&status.name, 0).await?;
    let draft = write_draft(archives, &status.name, status.last_sequence, &mut *reader, Ok).await?;
    Ok(keep_draft(archives, instance, epoch, draft, now).await?)
}

/// A file that was written, and what was written into it.
pub(crate) struct Written {
    path: std::path::PathBuf,
    tally: Tally,
}

/// Writes a stream's records, changed by `change`, into a draft.
pub(crate) async fn write_draft(
    archives: &FolderArchives,
    stream: &str,
    last: u64,
    reader: &mut dyn StoredReader,
    mut change: impl FnMut(StoredMessage) -> Result<StoredMessage, Error> + Send,
) -> Result<Written, Error> {
    let mut draft = archives.begin(stream).await?;
    let mut tally = Tally::default();
    while tally.last_sequence() < last {
        let portion = reader.next_stored(PORTION).await?;
        if portion.is_empty() {
            let at = tally.last_sequence();
            return Err(LogError::Unavailable(format!("{stream} gives nothing behind event {at}")).into());
        }
        for record in portion {
            let record = change(record)?;
            draft.push(&record).await?;
            tally.add(&record);
        }
    }
    Ok(Written { path: draft.finish().await?, tally })
}

/// Reads a draft back, compares it with what was written, and makes it the archive.
pub(crate) async fn keep_draft(
    archives: &FolderArchives,
    instance: &InstanceName,
    epoch: u32,
    written: Written,
    now: Timestamp,
) -> Result<Manifest, LogError> {
    let (stream, tally) = (raw_stream(instance, epoch), written.tally);
    let mut reader = archives.reopen(&written.path).await?;
    let read = drain(&mut reader).await?;
    let (sha256, file_bytes) = reader.finish();
    let content_sha256 = tally.contents.finish();
    if read.contents.finish() != content_sha256 || read.events != tally.events {
        return Err(LogError::Unavailable(format!(
            "the archive of {stream} does not read back as it was written; check the disk, then try again"
        )));
    }
    let manifest = Manifest {
        format: FORMAT,
        instance: instance.clone(),
        epoch,
        subjects: vec![raw_subject_filter(instance)],
        first_sequence: tally.first.map_or(0, |(sequence, _)| sequence),
        last_sequence: tally.last.map_or(0, |(sequence, _)| sequence),
        events: tally.events,
        payload_bytes: tally.payload_bytes,
        first_at: tally.first.map(|(_, at)| at),
        last_at: tally.last.map(|(_, at)| at),
        file: format!("{stream}.{}.events", &sha256[..16]),
        stream,
        file_bytes,
        sha256,
        content_sha256,
        archived_at: now,
    };
    archives.keep(&written.path, &manifest).await?;
    Ok(manifest)
}

async fn drain(reader: &mut dyn StoredReader) -> Result<Tally, LogError> {
    let mut tally = Tally::default();
    loop {
        let portion = reader.next_stored(PORTION).await?;
        if portion.is_empty() {
            return Ok(tally);
        }
        portion.iter().for_each(|record| tally.add(record));
    }
}

/// Reads an archive to its end and compares it with its manifest.
pub(crate) async fn verify(archives: &FolderArchives, manifest: &Manifest) -> Result<(), Error> {
    let mut reader = archives.open(manifest, 0).await?;
    let tally = drain(&mut reader).await?;
    let (events, last) = (tally.events, tally.last_sequence());
    let (sha256, _) = reader.finish();
    let same = sha256 == manifest.sha256
        && tally.contents.finish() == manifest.content_sha256
        && (events, last) == (manifest.events, manifest.last_sequence);
    if same {
        return Ok(());
    }
    Err(Error::NotNow(format!(
        "the archive {} is not what its manifest says; take another copy",
        manifest.file
    )))
}

/// Compares an archive, read whole, with the broker's epoch, read whole.
async fn compare(
    broker: &dyn Broker,
    archives: &FolderArchives,
    status: &StreamStatus,
    manifest: &Manifest,
) -> Result<(), Error> {
    verify(archives, manifest).await?;
    let held = read_broker(broker, status, |_| {}).await?;
    if held.contents.finish() == manifest.content_sha256 {
        return Ok(());
    }
    let (stream, file) = (&status.name, &manifest.file);
    Err(Error::NotNow(format!(
        "{stream} in the broker is not what the archive {file} holds; nothing was changed"
    )))
}

/// Makes the stream of an archived epoch again: same name, same sequences, same bytes; compared before it is sealed.
/// Into a broker that has the epoch it is compared, and refused if it differs.
pub async fn restore(
    broker: &dyn Broker,
    archives: &FolderArchives,
    instance: &InstanceName,
    epoch: u32,
) -> Result<Manifest, Error> {
    let stream = raw_stream(instance, epoch);
    let Some(manifest) = archives.manifest(instance, epoch).await? else {
        return Err(Error::NotNow(format!("there is no archive of {stream} in the folder raw.archive_dir")));
    };
    verify(archives, &manifest).await?;
    match broker.stream(&stream).await? {
        None => {}
        Some(status) if status.state == StreamState::Building => {
            broker.delete_stream(&stream).await?;
        }
        // A process that was started before the restore has opened an epoch; sealed, nobody puts anything into it.
        Some(status) if status.last_sequence == 0 && broker.seal(&stream).await?.last_sequence == 0 => {
            broker.delete_stream(&stream).await?;
        }
        Some(status) => {
            compare(broker, archives, &status, &manifest).await?;
            return Ok(manifest);
        }
    }
    build(broker, archives, &manifest).await?;
    Ok(manifest)
}

/// Builds the stream of an archive, compares it, and seals it.
pub(crate) async fn build(
    broker: &dyn Broker,
    archives: &FolderArchives,
    manifest: &Manifest,
) -> Result<(), Error> {
    let stream = &manifest.stream;
    let spec = epoch_spec(&manifest.instance, manifest.epoch);
    broker.begin_building(&spec).await?;
    let mut reader = archives.open(manifest, 0).await?;
    loop {
        let portion = reader.next_stored(PORTION).await?;
        if portion.is_empty() {
            break;
        }
        broker.build(stream, portion).await?;
    }
    let status = broker.stream(stream).await?.ok_or_else(|| LogError::Missing(stream.clone()))?;
    compare(broker, archives, &status, manifest).await?;
    broker.seal(stream).await?;
    Ok(())
}

/// Deletes an epoch from the broker: only one that is sealed, followed by another, and archived; the archive is read
/// whole and compared with the broker's epoch first, and the heads of its records are written. False if the broker does
/// not have it, but the archives do.
pub async fn delete(
    broker: &dyn Broker,
    archives: &FolderArchives,
    instance: &InstanceName,
    epoch: u32,
) -> Result<bool, Error> {
    let stream = raw_stream(instance, epoch);
    let Some(manifest) = archives.manifest(instance, epoch).await? else {
        return Err(Error::NotNow(format!(
            "{stream} is not archived; archive it first with `salescommand epoch archive {instance} --epoch {epoch}`"
        )));
    };
    if broker.stream(&stream).await?.is_none() {
        return Ok(false);
    }
    let status = sealed(broker, instance, epoch).await?;
    let chain = Chain::load(broker, instance).await?;
    if chain.newest().is_none_or(|newest| newest.number <= epoch) {
        return Err(Error::NotNow(format!(
            "{stream} is the newest epoch; it may go when the next one is open, which the normalizer's process sees to"
        )));
    }
    compare(broker, archives, &status, &manifest).await?;
    cover(broker, instance, epoch).await?;
    broker.delete_stream(&stream).await?;
    Ok(true)
}
