//! Archives: their form, damage, and the way from the broker and back.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use salescommand_domain::Timestamp;
use salescommand_domain::raw::Position;
use salescommand_eventlog::memory::{MemoryLog, abort_after};
use salescommand_eventlog::{BatchLimit, EventLog as _, Message, StoredMessage, StreamState};

use super::format::{Blocks, Damage, Follow, HEADER, MAGIC};
use super::*;
use crate::tests::{event, instance, publish};
use crate::{ArchivedLog, Archives as _, Chain, ChainReader, Error, NoArchives, last_stored, maintain, seal};

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn record() -> impl Strategy<Value = StoredMessage> {
    let text = prop::option::of(".{0,30}");
    let payload = prop::collection::vec(any::<u8>(), 0..3_000);
    let at = (0i64..4_000_000_000, 0i32..1_000_000_000);
    (".{1,40}", text.clone(), text, payload, at).prop_map(
        |(subject, message_id, content_type, payload, at)| StoredMessage {
            message: Message { sequence: 0, subject, content_type, payload: payload.into() },
            message_id,
            stored_at: Timestamp::new(at.0, at.1).unwrap(),
        },
    )
}

fn records(most: usize) -> impl Strategy<Value = Vec<StoredMessage>> {
    prop::collection::vec(record(), 0..most).prop_map(|mut records| {
        records.iter_mut().zip(1..).for_each(|(record, n)| record.message.sequence = n);
        records
    })
}

/// A file of records, in blocks closed where the given records end.
fn file(records: &[StoredMessage]) -> Vec<u8> {
    let mut blocks = Blocks::default();
    let mut file = MAGIC.to_vec();
    for record in records {
        file.extend(blocks.push(record).unwrap().unwrap_or_default());
    }
    file.extend(blocks.finish().unwrap());
    file
}

fn read(file: &[u8]) -> Result<Vec<StoredMessage>, Damage> {
    let mut rest = file.strip_prefix(MAGIC).ok_or(Damage::NoArchive)?;
    let (mut follow, mut found) = (Follow::default(), Vec::new());
    loop {
        let (header, behind) = rest.split_at_checked(HEADER).ok_or(Damage::CutOff)?;
        rest = behind;
        let Some(header) = follow.header(header.try_into().unwrap())? else {
            return if rest.is_empty() { Ok(found) } else { Err(Damage::Trailing) };
        };
        let (block, behind) = rest.split_at_checked(header.compressed).ok_or(Damage::CutOff)?;
        rest = behind;
        found.extend(follow.block(&header, block)?);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(records in records(40)) {
        prop_assert_eq!(read(&file(&records)).unwrap(), records);
    }

    #[test]
    fn a_file_cut_off_anywhere_is_no_archive(records in records(6), at in any::<prop::sample::Index>()) {
        let file = file(&records);
        let cut = at.index(file.len());
        prop_assert!(read(&file[..cut]).is_err(), "cut at {cut} of {}", file.len());
    }

    #[test]
    fn a_changed_byte_is_found(records in records(6), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut file = file(&records);
        let place = at.index(file.len());
        file[place] ^= flip;
        prop_assert!(read(&file).is_err(), "byte {place} of {}", file.len());
    }

    #[test]
    fn garbage_is_refused_and_never_panics(garbage in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut file = MAGIC.to_vec();
        file.extend(garbage);
        prop_assert!(read(&file).is_err());
    }
}

#[test]
fn a_block_taken_out_or_moved_is_found() {
    let record = |n: u64| StoredMessage {
        message: Message {
            sequence: n,
            subject: "raw.test.x".into(),
            content_type: None,
            payload: vec![n as u8; 1 << 20].into(),
        },
        message_id: None,
        stored_at: Timestamp::UNIX_EPOCH,
    };
    let block = |n: u64| {
        let mut blocks = Blocks::default();
        blocks.push(&record(n)).unwrap().unwrap()
    };
    let whole = file(&[record(1), record(2), record(3)]);
    assert_eq!(read(&whole).unwrap().len(), 3);
    let mark = &whole[whole.len() - HEADER..];
    let assembled = |numbers: &[u64]| {
        let mut file = MAGIC.to_vec();
        numbers.iter().for_each(|n| file.extend(block(*n)));
        file.extend(mark);
        file
    };
    assert_eq!(read(&assembled(&[1, 2, 3])).unwrap().len(), 3);
    for wrong in [&[1, 2][..], &[1, 3], &[2, 1, 3], &[1, 2, 3, 3]] {
        assert!(read(&assembled(wrong)).is_err(), "{wrong:?}");
    }
}

/// A log of one sealed epoch of `events`, with the next open, and an empty folder.
async fn bench(events: u64) -> (MemoryLog, FolderArchives, tempfile::TempDir) {
    let log = MemoryLog::new();
    let events = (1..=events).map(|n| event(&format!("r{}", n % 5), n)).collect();
    publish(&log, events).await;
    seal(&log, &NoArchives, &instance()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    (log, FolderArchives::new(folder.path().join("archive")), folder)
}

async fn stored(log: &MemoryLog, stream: &str, count: usize) -> Vec<StoredMessage> {
    salescommand_eventlog::conformance::stored(log, stream, count).await.unwrap()
}

#[tokio::test]
async fn an_epoch_goes_into_an_archive_and_back_into_an_empty_broker() {
    let (log, archives, _folder) = bench(120).await;
    let manifest = archive(&log, &archives, &instance(), 1, now()).await.unwrap();
    assert_eq!((manifest.first_sequence, manifest.last_sequence, manifest.events), (1, 120, 120));
    assert_eq!(archive(&log, &archives, &instance(), 1, now()).await.unwrap(), manifest, "once is enough");
    let empty = MemoryLog::new();
    for _ in 0..2 {
        restore(&empty, &archives, &instance(), 1).await.unwrap();
        assert_eq!(stored(&empty, "RAW_TEST_E1", 120).await, stored(&log, "RAW_TEST_E1", 120).await);
    }
    assert_eq!(empty.stream("RAW_TEST_E1").await.unwrap().unwrap().state, StreamState::Sealed);
    // The next epoch is opened behind every archived one.
    maintain(&empty, &archives, 0).await.unwrap();
    assert_eq!(Chain::load(&empty, &instance()).await.unwrap().newest().unwrap().number, 2);
}

#[tokio::test]
async fn a_crash_anywhere_while_archiving_restoring_or_deleting_is_made_good() {
    for polls in (0..).step_by(3) {
        let (log, archives, _folder) = bench(9).await;
        let before = stored(&log, "RAW_TEST_E1", 9).await;
        let test = instance();
        let first = abort_after(polls, archive(&log, &archives, &test, 1, now())).await;
        archive(&log, &archives, &test, 1, now()).await.unwrap();
        let second = abort_after(polls, delete(&log, &archives, &test, 1)).await;
        delete(&log, &archives, &test, 1).await.unwrap();
        assert!(log.stream("RAW_TEST_E1").await.unwrap().is_none());
        let third = abort_after(polls, restore(&log, &archives, &test, 1)).await;
        restore(&log, &archives, &test, 1).await.unwrap();
        assert_eq!(stored(&log, "RAW_TEST_E1", 9).await, before, "after {polls} polls");
        if first.is_some() && second.is_some() && third.is_some() {
            assert!(polls > 15, "only {polls} polls");
            return;
        }
    }
}

#[tokio::test]
async fn only_what_is_sealed_archived_and_equal_is_deleted() {
    let (log, archives, folder) = bench(30).await;
    let refused = |outcome: Result<bool, Error>| matches!(outcome, Err(Error::NotNow(_)));
    assert!(refused(delete(&log, &archives, &instance(), 1).await), "not archived");
    assert!(archive(&log, &archives, &instance(), 2, now()).await.is_err(), "not sealed");
    let manifest = archive(&log, &archives, &instance(), 1, now()).await.unwrap();
    let path = folder.path().join("archive").join(&manifest.file);
    let good = std::fs::read(&path).unwrap();
    for place in [0, 70, good.len() - 60, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(delete(&log, &archives, &instance(), 1).await.is_err(), "byte {place}");
        assert!(restore(&MemoryLog::new(), &archives, &instance(), 1).await.is_err(), "byte {place}");
    }
    std::fs::write(&path, &good[..good.len() - HEADER]).unwrap();
    assert!(delete(&log, &archives, &instance(), 1).await.is_err(), "cut off");
    std::fs::write(&path, &good).unwrap();
    assert!(delete(&log, &archives, &instance(), 1).await.unwrap());
    assert!(!delete(&log, &archives, &instance(), 1).await.unwrap(), "twice is once");
    assert_eq!(crate::heads_through(&log, &instance()).await.unwrap(), 1);
}

#[tokio::test]
async fn another_epoch_of_the_same_number_is_not_overwritten() {
    let (log, archives, _folder) = bench(5).await;
    archive(&log, &archives, &instance(), 1, now()).await.unwrap();
    let other = MemoryLog::new();
    publish(&other, vec![event("a", 1)]).await;
    let refused = restore(&other, &archives, &instance(), 1).await;
    assert!(matches!(refused, Err(Error::NotNow(_))), "{refused:?}");
    assert_eq!(stored(&other, "RAW_TEST_E1", 1).await[0].message.payload, event("a", 1).payload);
    // One that a process opened before the restore, and has not written to, gives way.
    let early = MemoryLog::new();
    crate::open_newest(&early, &instance()).await.unwrap();
    restore(&early, &archives, &instance(), 1).await.unwrap();
    assert_eq!(stored(&early, "RAW_TEST_E1", 5).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_chain_is_read_over_archive_and_broker() {
    let (log, archives, _folder) = bench(50).await;
    publish(&log, vec![event("late", 1), event("late", 2)]).await;
    archive(&log, &archives, &instance(), 1, now()).await.unwrap();
    delete(&log, &archives, &instance(), 1).await.unwrap();
    let readable = Arc::new(ArchivedLog::new(Arc::new(log.clone()), Arc::new(archives.clone())));
    for from in [0, 17, 49, 50] {
        let from = Position { epoch: 1, sequence: from };
        let mut reader = ChainReader::new(readable.clone(), instance(), from);
        let limit = BatchLimit { messages: 7, bytes: 1 << 20, wait: Duration::from_millis(20) };
        let mut found = Vec::new();
        while found.len() < usize::try_from(52 - from.sequence).unwrap() {
            let portion = reader.next(limit).await.unwrap();
            found.extend(portion.messages.iter().map(|message| (portion.epoch, message.sequence)));
        }
        let expected = (from.sequence + 1..=50).map(|n| (1, n)).chain([(2, 1), (2, 2)]);
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
    let behind = archives.read(&instance(), 1, 51).await.err();
    assert!(behind.is_some(), "a position behind the end");
}

#[tokio::test]
async fn the_newest_events_are_read_back_over_epochs_of_broker_and_archive() {
    let (log, folder) = (MemoryLog::new(), tempfile::tempdir().unwrap());
    let archives = FolderArchives::new(folder.path());
    publish(&log, (1..=5).map(|n| event("a", n)).collect()).await;
    seal(&log, &archives, &instance()).await.unwrap();
    archive(&log, &archives, &instance(), 1, now()).await.unwrap();
    delete(&log, &archives, &instance(), 1).await.unwrap();
    publish(&log, (6..=8).map(|n| event("a", n)).collect()).await;
    seal(&log, &archives, &instance()).await.unwrap();
    // The third epoch is open and has nothing yet.
    let read = async |most: usize| {
        let found = last_stored(&log, &archives, &instance(), most).await.unwrap();
        let ids = found.iter().filter_map(|(_, stored)| stored.message_id.clone()).count();
        assert_eq!(ids, found.len(), "each with the id that it was published with");
        found.iter().map(|(at, _)| (at.epoch, at.sequence)).collect::<Vec<_>>()
    };
    assert_eq!(read(0).await, []);
    assert_eq!(read(2).await, [(2, 2), (2, 3)]);
    assert_eq!(read(4).await, [(1, 5), (2, 1), (2, 2), (2, 3)]);
    let all = [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 1), (2, 2), (2, 3)];
    assert_eq!(read(100).await, all);
    let without = last_stored(&log, &NoArchives, &instance(), 100).await;
    assert!(matches!(without, Err(Error::UnknownEpoch { .. })), "{without:?}");
    assert_eq!(last_stored(&log, &NoArchives, &instance(), 3).await.unwrap().len(), 3, "it is not needed");
}
