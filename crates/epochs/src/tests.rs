//! Chains on the twin: rolling with a crash at every place, heads, reading over borders.

use std::sync::Arc;
use std::time::Duration;

use salescommand_domain::raw::{
    Digest, InstanceName, Position, content_of_message_id, message_id_text, raw_stream,
};
use salescommand_eventlog::memory::{MemoryLog, abort_after};
use salescommand_eventlog::{
    Administration as _, BatchLimit, Error as LogError, EventLog as _, Outgoing, StreamState,
};

use crate::{
    ArchivedLog, Chain, ChainReader, Error, NoArchives, cover, covered, heads_stream, heads_through,
    maintain, open_newest, seal,
};

pub(crate) fn instance() -> InstanceName {
    InstanceName::new("test").unwrap()
}

pub(crate) fn event(record: &str, n: u64) -> Outgoing {
    let content = Digest::of(n.to_string().as_bytes());
    Outgoing {
        subject: format!("raw.test.lead.{record}"),
        message_id: Some(message_id_text(Digest::of(format!("{record} {n}").as_bytes()), content)),
        expected_last_sequence: None,
        content_type: Some("application/msgpack"),
        payload: format!("{record} says {n}").into(),
    }
}

/// Publishes into the open epoch.
pub(crate) async fn publish(log: &MemoryLog, events: Vec<Outgoing>) {
    let chain = open_newest(log, &instance()).await.unwrap();
    log.publish(&chain.newest().unwrap().status.name, events).await.unwrap();
}

fn limit() -> BatchLimit {
    BatchLimit { messages: 2, bytes: 1 << 20, wait: Duration::from_millis(50) }
}

async fn read_all(reader: &mut ChainReader, count: usize) -> Vec<(u32, u64)> {
    let mut found = Vec::new();
    while found.len() < count {
        let portion = reader.next(limit()).await.unwrap();
        found.extend(portion.messages.iter().map(|message| (portion.epoch, message.sequence)));
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_crash_anywhere_while_rolling_leaves_a_chain_that_goes_on() {
    for polls in 0.. {
        let log = MemoryLog::new();
        publish(&log, vec![event("a", 1), event("b", 1)]).await;
        let whole = abort_after(polls, maintain(&log, &NoArchives, 1)).await;
        maintain(&log, &NoArchives, 0).await.unwrap();
        let chain = Chain::load(&log, &instance()).await.unwrap();
        let states: Vec<_> = chain.epochs.iter().map(|epoch| (epoch.number, epoch.status.state)).collect();
        let open = states.iter().filter(|(_, state)| *state == StreamState::Open).count();
        assert_eq!(open, 1, "after {polls} polls: {states:?}");
        assert_eq!(states.last().map(|(_, state)| *state), Some(StreamState::Open));
        publish(&log, vec![event("a", 2)]).await;
        if states.len() == 2 {
            assert_eq!(heads_through(&log, &instance()).await.unwrap(), 1, "after {polls} polls");
        }
        if let Some(whole) = whole {
            whole.unwrap();
            assert!(polls > 8, "only {polls} polls: nothing was crashed in the middle");
            assert_eq!(states.len(), 2);
            return;
        }
    }
}

#[tokio::test]
async fn nobody_writes_between_two_epochs_and_the_late_are_told() {
    let log = MemoryLog::new();
    publish(&log, vec![event("a", 1)]).await;
    log.seal("RAW_TEST_E1").await.unwrap();
    let waiting = open_newest(&log, &instance()).await;
    assert!(matches!(waiting, Err(LogError::Unavailable(_))), "{waiting:?}");
    maintain(&log, &NoArchives, 0).await.unwrap();
    let late = log.publish("RAW_TEST_E1", vec![event("a", 2)]).await;
    assert!(matches!(late, Err(LogError::Sealed(_))), "{late:?}");
    assert_eq!(open_newest(&log, &instance()).await.unwrap().newest().unwrap().number, 2);
}

#[tokio::test]
async fn an_epoch_is_sealed_at_its_size_and_an_empty_one_never() {
    let log = MemoryLog::new();
    open_newest(&log, &instance()).await.unwrap();
    assert_eq!(seal(&log, &NoArchives, &instance()).await.unwrap(), 0, "an empty epoch stays open");
    publish(&log, vec![event("a", 1)]).await;
    maintain(&log, &NoArchives, 1_000).await.unwrap();
    assert_eq!(Chain::load(&log, &instance()).await.unwrap().epochs.len(), 1);
    maintain(&log, &NoArchives, 5).await.unwrap();
    assert_eq!(seal(&log, &NoArchives, &instance()).await.unwrap(), 1, "twice is once");
    assert_eq!(Chain::load(&log, &instance()).await.unwrap().epochs.len(), 2);
    let nobody = seal(&log, &NoArchives, &InstanceName::new("nobody").unwrap()).await;
    assert!(matches!(nobody, Err(Error::NotNow(_))));
}

#[tokio::test]
async fn heads_tell_the_last_event_of_each_record_over_all_covered_epochs() {
    let log = MemoryLog::new();
    publish(&log, vec![event("a", 1), event("b", 1), event("a", 2)]).await;
    seal(&log, &NoArchives, &instance()).await.unwrap();
    publish(&log, vec![event("b", 2)]).await;
    let early = cover(&log, &instance(), 2).await;
    assert!(matches!(early, Err(Error::NotNow(_))), "an open epoch has no heads: {early:?}");
    seal(&log, &NoArchives, &instance()).await.unwrap();
    cover(&log, &instance(), 2).await.unwrap();
    let subjects: Vec<_> = ["a", "b", "c"].iter().map(|r| format!("raw.test.lead.{r}")).collect();
    let heads = covered(&log, &instance(), &subjects).await.unwrap();
    assert_eq!(heads.len(), 2);
    let of_a = heads[&subjects[0]];
    assert_eq!(of_a.position, Position { epoch: 1, sequence: 3 });
    assert_eq!(of_a.event, Digest::of(b"a says 2"));
    assert_eq!(of_a.content, event("a", 2).message_id.as_deref().and_then(content_of_message_id));
    assert_eq!(heads[&subjects[1]].position, Position { epoch: 2, sequence: 1 });
    // Nothing of a record but digests is in them.
    let last = log.last_message(&heads_stream(&instance())).await.unwrap().unwrap();
    assert!(!last.subject.contains("lead") && last.content_type.is_none());
}

#[tokio::test]
async fn a_process_that_slept_puts_no_old_head_over_a_new_one() {
    for polls in 1.. {
        let log = MemoryLog::new();
        publish(&log, vec![event("a", 1)]).await;
        seal(&log, &NoArchives, &instance()).await.unwrap();
        let test = instance();
        let mut slept = Box::pin(cover(&log, &test, 1));
        let ended = abort_after(polls, slept.as_mut()).await;
        publish(&log, vec![event("a", 2)]).await;
        seal(&log, &NoArchives, &test).await.unwrap();
        cover(&log, &test, 2).await.unwrap();
        if let Some(ended) = ended {
            ended.unwrap();
            assert!(polls > 6, "only {polls} polls");
            return;
        }
        let woke = slept.await;
        let fenced = matches!(woke, Err(Error::Log(LogError::Conflict { .. })));
        assert!(woke.is_ok() || fenced, "{woke:?}");
        let subject = ["raw.test.lead.a".to_owned()];
        let head = covered(&log, &test, &subject).await.unwrap()[&subject[0]];
        assert_eq!(head.position.epoch, 2, "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_goes_over_every_border_and_waits_at_the_end() {
    let log = MemoryLog::new();
    publish(&log, (1..=3).map(|n| event("a", n)).collect()).await;
    seal(&log, &NoArchives, &instance()).await.unwrap();
    publish(&log, vec![event("a", 4)]).await;
    let mut reader = ChainReader::new(Arc::new(log.clone()), instance(), Position::START);
    assert_eq!(read_all(&mut reader, 4).await, [(1, 1), (1, 2), (1, 3), (2, 1)]);
    assert!(reader.next(limit()).await.unwrap().messages.is_empty());
    // It stands in the open epoch, which is sealed under it; for a while there is no next one.
    log.seal("RAW_TEST_E2").await.unwrap();
    for _ in 0..30 {
        assert!(reader.next(limit()).await.unwrap().messages.is_empty());
    }
    maintain(&log, &NoArchives, 0).await.unwrap();
    publish(&log, vec![event("b", 1)]).await;
    assert_eq!(read_all(&mut reader, 1).await, [(3, 1)]);
    // From the end of a sealed epoch, as a position that was stored there.
    let from = Position { epoch: 1, sequence: 3 };
    let mut reader = ChainReader::new(Arc::new(log), instance(), from);
    assert_eq!(read_all(&mut reader, 2).await, [(2, 1), (3, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_position_in_an_unknown_epoch_says_what_to_do() {
    let log = MemoryLog::new();
    publish(&log, vec![event("a", 1)]).await;
    seal(&log, &NoArchives, &instance()).await.unwrap();
    log.delete_stream("RAW_TEST_E1").await.unwrap();
    let log = Arc::new(ArchivedLog::new(Arc::new(log), Arc::new(NoArchives)));
    for position in [Position::START, Position { epoch: 7, sequence: 3 }] {
        let mut reader = ChainReader::new(log.clone(), instance(), position);
        let error = reader.next(limit()).await.unwrap_err();
        assert!(matches!(error, Error::UnknownEpoch { .. }) && !error.is_transient());
        let command = format!("epoch restore test --epoch {}", position.epoch);
        assert!(error.to_string().contains(&command), "{error}");
    }
}

#[tokio::test]
async fn a_position_behind_the_end_of_its_epoch_is_a_lost_tail() {
    let log = MemoryLog::new();
    publish(&log, vec![event("a", 1)]).await;
    seal(&log, &NoArchives, &instance()).await.unwrap();
    let chain = Chain::load(&log, &instance()).await.unwrap();
    let at = |epoch, sequence| Position { epoch, sequence };
    let reached = [at(1, 0), at(1, 1), at(2, 0)].map(|position| chain.reaches(position));
    assert_eq!(reached, [true; 3]);
    assert_eq!([at(1, 2), at(2, 1), at(3, 0)].map(|position| chain.reaches(position)), [false; 3]);
    let mut reader = ChainReader::new(Arc::new(log.clone()), instance(), at(1, 2));
    assert!(matches!(reader.next(limit()).await, Err(Error::Log(LogError::Refused(_)))));
    log.delete_stream(&raw_stream(&instance(), 1)).await.unwrap();
    assert!(Chain::load(&log, &instance()).await.unwrap().reaches(at(1, 2)), "an archived epoch is whole");
}
