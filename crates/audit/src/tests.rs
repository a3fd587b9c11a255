//! The audit log over the twins: with a crash at every place each entry is in the chain once, and the chain is whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use bson::RawDocumentBuf;
use salescommand_domain::Timestamp;
use salescommand_domain::audit::{
    AUDIT_STREAM, Action, Actor, BreakKind, Details, Draft, Entry, Head, Outcome, Target, Walk,
};
use salescommand_eventlog::memory::{MemoryLog, abort_after};
use salescommand_eventlog::{Error as LogError, EventLog as _, Outgoing};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{Error as StoreError, OPS_AUDIT_OUTBOX, Ops, Query};
use uuid::Uuid;

use super::*;

/// The twin, with a place before and behind each call where a caller may crash.
struct Yielding(MemoryStore);

#[async_trait]
impl Ops for Yielding {
    async fn ensure_ops(&self) -> Result<(), StoreError> {
        self.0.ensure_ops().await
    }

    async fn insert(&self, collection: &str, document: RawDocumentBuf) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let answer = self.0.insert(collection, document).await;
        tokio::task::yield_now().await;
        answer
    }

    async fn list(&self, collection: &str, query: &Query) -> Result<Vec<RawDocumentBuf>, StoreError> {
        let answer = self.0.list(collection, query).await;
        tokio::task::yield_now().await;
        answer
    }

    async fn replace_if(
        &self,
        collection: &str,
        id: &str,
        expected: i64,
        document: RawDocumentBuf,
    ) -> Result<bool, StoreError> {
        tokio::task::yield_now().await;
        let answer = self.0.replace_if(collection, id, expected, document).await;
        tokio::task::yield_now().await;
        answer
    }

    async fn delete(&self, collection: &str, query: &Query) -> Result<u64, StoreError> {
        tokio::task::yield_now().await;
        let answer = self.0.delete(collection, query).await;
        tokio::task::yield_now().await;
        answer
    }
}

#[derive(Clone)]
struct Bench {
    store: MemoryStore,
    log: MemoryLog,
    journal: Journal,
    seconds: Arc<AtomicI64>,
}

impl Bench {
    async fn new() -> Self {
        let (store, log) = (MemoryStore::new(), MemoryLog::new());
        store.ensure_ops().await.unwrap();
        let seconds = Arc::new(AtomicI64::new(1_000));
        let numbers = AtomicU64::new(0);
        let clock = seconds.clone();
        let journal = Journal::new(
            Arc::new(Yielding(store.clone())),
            move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap(),
            move || Uuid::from_u128(numbers.fetch_add(1, Ordering::SeqCst).into()),
        );
        Self { store, log, journal, seconds }
    }

    async fn record(&self, name: &str) {
        self.journal.record(draft(name)).await.unwrap();
    }

    fn publisher(&self) -> Publisher {
        Publisher::new(Arc::new(self.log.clone()), self.journal.clone())
    }

    fn audit(&self) -> AuditLog {
        AuditLog::new(Arc::new(self.log.clone()))
    }

    /// The chain, the oldest entry first, once it is found whole.
    async fn chain(&self) -> Vec<Entry> {
        let verified = self.audit().verify(None, u64::MAX).await.unwrap();
        assert_eq!(verified.broken, None);
        assert!(verified.complete());
        let page = self.audit().page(&Filter::default(), None, 1_000).await.unwrap();
        assert_eq!((page.entries.len() as u64, page.next), (verified.end, None));
        page.entries.into_iter().rev().collect()
    }

    /// Who acted, in the order of the chain.
    async fn actors(&self) -> Vec<String> {
        self.chain().await.into_iter().map(|entry| entry.actor).collect()
    }

    async fn waiting(&self) -> usize {
        self.store.list(OPS_AUDIT_OUTBOX, &Query::all()).await.unwrap().len()
    }
}

fn draft(name: &str) -> Draft {
    Draft::new(Actor::Shell(name.to_owned()), Action::SourceAdded).on(Target::source("odoo"))
}

fn shells(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("shell:{number}")).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_written_down_becomes_a_chain_and_leaves_the_outbox() {
    let bench = Bench::new().await;
    let mut publisher = bench.publisher();
    assert_eq!(publisher.settle().await.unwrap(), 0);
    for number in 0..7 {
        bench.record(&number.to_string()).await;
    }
    assert_eq!(publisher.settle().await.unwrap(), 7);
    assert_eq!((bench.actors().await, bench.waiting().await), (shells(0..7), 0));
    bench.record("7").await;
    assert_eq!(bench.publisher().settle().await.unwrap(), 1, "another one goes on");
    assert_eq!(bench.actors().await, shells(0..8));
}

/// Publishes five entries by two publishers that each crash somewhere, and by one that does not.
async fn crash(first: usize, second: usize) -> bool {
    let bench = Bench::new().await;
    for number in 0..5 {
        bench.record(&number.to_string()).await;
    }
    let mut publisher = bench.publisher();
    let ended = abort_after(first, publisher.settle()).await.is_some();
    bench.record("5").await;
    let mut other = bench.publisher();
    let both = abort_after(second, other.settle()).await.is_some();
    bench.record("6").await;
    publisher.settle().await.unwrap();
    other.settle().await.unwrap();
    assert_eq!((bench.actors().await, bench.waiting().await), (shells(0..7), 0), "{first} {second}");
    ended && both
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_place_neither_loses_nor_doubles_an_entry() {
    let mut first = 0;
    loop {
        let mut last = true;
        for second in 0.. {
            if crash(first, second).await {
                break;
            }
            last = false;
            if second > 400 {
                break;
            }
        }
        first += 1;
        if last || first > 60 {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_that_publish_side_by_side_each_entry_is_in_the_chain_once() {
    for turns in 0..40_usize {
        let bench = Bench::new().await;
        let (mut one, mut other) = (bench.publisher(), bench.publisher());
        bench.record("0").await;
        one.settle().await.unwrap();
        for number in 1..8 {
            bench.record(&number.to_string()).await;
        }
        let late = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            other.settle().await.unwrap();
        };
        let (early, ()) = tokio::join!(one.settle(), late);
        early.unwrap();
        assert_eq!((bench.actors().await, bench.waiting().await), (shells(0..8), 0), "{turns}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_slept_in_the_middle_is_told_that_it_is_second() {
    let bench = Bench::new().await;
    let mut sleeper = bench.publisher();
    sleeper.settle().await.unwrap();
    for number in 0..4 {
        bench.record(&number.to_string()).await;
    }
    // It has read what waits, and sleeps while another one publishes that and more.
    {
        let mut sleeping = std::pin::pin!(sleeper.step());
        let until_read = 3;
        assert!(abort_after(until_read, sleeping.as_mut()).await.is_none());
        bench.publisher().settle().await.unwrap();
        assert!(matches!(sleeping.await, Err(Error::Log(LogError::Conflict { .. }))));
    }
    assert_eq!(sleeper.settle().await.unwrap(), 0);
    assert_eq!(bench.actors().await, shells(0..4));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_the_broker_doubles_nothing() {
    let bench = Bench::new().await;
    for stored in [0, 1] {
        bench.record("x").await;
        let mut publisher = bench.publisher();
        bench.log.fail_next_publish(stored);
        let failed = publisher.settle().await.unwrap_err();
        assert!(failed.is_transient(), "{failed}");
        publisher.settle().await.unwrap();
    }
    assert_eq!(bench.actors().await, ["shell:x", "shell:x"]);
}

#[tokio::test(start_paused = true)]
async fn an_action_is_in_the_chain_when_it_has_ended_and_with_its_outcome() {
    let bench = Bench::new().await;
    let (one, two) = (
        bench.journal.open(draft("one"), SHORT).await.unwrap(),
        bench.journal.open(draft("two"), SHORT).await.unwrap(),
    );
    assert_eq!(bench.publisher().settle().await.unwrap(), 0, "neither has ended");
    let refused = Ending { details: Details::default().code("taken"), ..Ending::new(Outcome::Refused) };
    bench.journal.close(two, refused).await.unwrap();
    bench.publisher().settle().await.unwrap();
    bench.journal.close(one, Ending::new(Outcome::Done)).await.unwrap();
    bench.publisher().settle().await.unwrap();
    let chain = bench.chain().await;
    let told: Vec<_> = chain.iter().map(|entry| (entry.actor.as_str(), entry.outcome.as_str())).collect();
    assert_eq!(told, [("shell:two", "refused"), ("shell:one", "done")]);
    assert_eq!(chain[0].details["code"], "taken");
}

#[tokio::test(start_paused = true)]
async fn an_action_whose_process_died_has_an_unknown_outcome_and_one_that_took_too_long_a_second_entry() {
    let bench = Bench::new().await;
    drop(bench.journal.open(draft("dead"), SHORT).await.unwrap());
    let slow = bench.journal.open(draft("slow"), LONG).await.unwrap();
    bench.seconds.fetch_add(SHORT.as_secs() as i64 + 1, Ordering::SeqCst);
    bench.publisher().settle().await.unwrap();
    assert_eq!(bench.actors().await, ["shell:dead"]);
    bench.seconds.fetch_add(LONG.as_secs() as i64, Ordering::SeqCst);
    bench.publisher().settle().await.unwrap();
    bench.journal.close(slow, Ending::new(Outcome::Done)).await.unwrap();
    bench.publisher().settle().await.unwrap();
    let chain = bench.chain().await;
    let told: Vec<_> = chain.iter().map(|entry| (entry.actor.as_str(), entry.outcome.as_str())).collect();
    assert_eq!(told, [("shell:dead", "unknown"), ("shell:slow", "unknown"), ("shell:slow", "done")]);
    assert_eq!(chain[2].details["reference"], chain[1].id, "it says which one it is about");
}

#[tokio::test(start_paused = true)]
async fn what_ends_while_it_is_given_up_keeps_its_outcome() {
    for polls in 0..30 {
        let bench = Bench::new().await;
        let opened = bench.journal.open(draft("x"), SHORT).await.unwrap();
        bench.seconds.fetch_add(SHORT.as_secs() as i64 + 1, Ordering::SeqCst);
        let mut publisher = bench.publisher();
        let given_up = abort_after(polls, publisher.settle()).await;
        bench.journal.close(opened, Ending::new(Outcome::Done)).await.unwrap();
        bench.publisher().settle().await.unwrap();
        let outcomes: Vec<_> = bench.chain().await.into_iter().map(|entry| entry.outcome).collect();
        assert_eq!(outcomes.last().map(String::as_str), Some("done"), "{polls}");
        assert!(outcomes.len() <= 2, "{polls}");
        if given_up.is_some() {
            assert_eq!(outcomes, ["unknown", "done"]);
            return;
        }
    }
    panic!("it never ended");
}

#[tokio::test(start_paused = true)]
async fn pages_go_back_from_the_newest_and_take_what_is_asked_for() {
    let bench = Bench::new().await;
    for number in 0..12 {
        let (actor, action) = if number % 3 == 0 {
            (Actor::Account("a".into()), Action::SourceRemoved)
        } else {
            (Actor::System, Action::SyncTriggered)
        };
        let target = Target::source(if number < 6 { "odoo" } else { "other" });
        bench.seconds.store(1_000 + number, Ordering::SeqCst);
        bench.journal.record(Draft::new(actor, action).on(target)).await.unwrap();
    }
    bench.publisher().settle().await.unwrap();
    let audit = bench.audit();
    let positions = async |filter: &Filter, limit: usize| {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = audit.page(filter, before, limit).await.unwrap();
            assert!(page.entries.len() <= limit);
            found.extend(page.entries.iter().map(|entry| entry.position));
            before = page.next;
            if before.is_none() {
                return found;
            }
        }
    };
    let all = Filter::default();
    for limit in [1, 5, 12, 50] {
        assert_eq!(positions(&all, limit).await, (1..=12).rev().collect::<Vec<_>>());
    }
    let by = Filter { actor: Some("account:a".into()), ..Filter::default() };
    assert_eq!(positions(&by, 2).await, [10, 7, 4, 1]);
    let what = Filter { action: Some("source.".into()), target: Some("odoo".into()), ..Filter::default() };
    assert_eq!(positions(&what, 2).await, [4, 1]);
    let moment = |second: i64| Some(Timestamp::from_second(second).unwrap());
    let when = Filter { from: moment(1_003), to: moment(1_006), ..Filter::default() };
    assert_eq!(positions(&when, 2).await, [6, 5, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_log_without_entries_is_whole() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        let verified = bench.audit().verify(None, 10).await.unwrap();
        assert_eq!((verified.entries, verified.head, verified.broken), (0, Head::EMPTY, None));
        assert!(bench.audit().page(&Filter::default(), None, 10).await.unwrap().entries.is_empty());
        bench.publisher().settle().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_chain_is_checked_in_pieces_and_from_a_head_that_was_kept() {
    let bench = Bench::new().await;
    for number in 0..10 {
        bench.record(&number.to_string()).await;
    }
    bench.publisher().settle().await.unwrap();
    let audit = bench.audit();
    let whole = audit.verify(None, u64::MAX).await.unwrap();
    assert_eq!((whole.entries, whole.head.position), (10, 10));
    let (mut since, mut pieces) = (None, 0);
    loop {
        let piece = audit.verify(since, 4).await.unwrap();
        assert_eq!(piece.broken, None);
        (since, pieces) = (Some(piece.head), pieces + 1);
        if piece.complete() {
            assert_eq!(piece.head, whole.head);
            break;
        }
    }
    assert_eq!(pieces, 3, "1 to 4, 4 to 7, 7 to 10");
    let forged = Head { hash: Head::EMPTY.hash, ..whole.head };
    let broken = audit.verify(Some(forged), 100).await.unwrap().broken.unwrap();
    assert_eq!((broken.position, broken.kind), (10, BreakKind::NotAsKept));

    // A broker that was put back to an older copy: only who has kept a head can tell.
    bench.log.lose_tail(AUDIT_STREAM, 7);
    assert_eq!(audit.verify(None, 100).await.unwrap().broken, None);
    let cut = audit.verify(Some(whole.head), 100).await.unwrap();
    assert_eq!(cut.broken.unwrap().to_string(), "the entries from 8 on are missing");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_put_into_the_stream_is_found_and_does_not_stop_the_log() {
    let bench = Bench::new().await;
    bench.record("0").await;
    bench.publisher().settle().await.unwrap();
    let forged = Outgoing {
        subject: "audit.source.added".into(),
        message_id: None,
        expected_last_sequence: None,
        content_type: None,
        payload: br#"{"position":2,"previous":"00"}"#.as_slice().into(),
    };
    bench.log.publish(AUDIT_STREAM, vec![forged]).await.unwrap();
    bench.record("1").await;
    bench.publisher().settle().await.unwrap();
    let broken = bench.audit().verify(None, 100).await.unwrap();
    assert_eq!(broken.broken.unwrap().to_string(), "what stands at 2 is no entry of an audit log");
    assert_eq!(broken.head.position, 1);
    let page = bench.audit().page(&Filter::default(), None, 10).await.unwrap();
    let seen: BTreeSet<_> = page.entries.iter().map(|entry| entry.position).collect();
    assert_eq!(seen, BTreeSet::from([1, 3]));
}

#[tokio::test(start_paused = true)]
async fn an_export_is_the_chain_byte_for_byte_and_a_table_for_people() {
    let bench = Bench::new().await;
    for number in 0..7 {
        bench.record(&format!("=cmd{number}")).await;
    }
    bench.publisher().settle().await.unwrap();
    let audit = bench.audit();
    let all = Filter::default();
    let lines = audit.export(&all, ExportForm::Lines, 0, 7).await.unwrap();
    assert_eq!(lines.next, None);
    let mut walk = Walk::behind(Head::EMPTY);
    for (sequence, line) in
        (1..).zip(lines.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()))
    {
        walk.step(sequence, line).unwrap();
    }
    assert_eq!(walk.head(), audit.verify(None, 100).await.unwrap().head);
    let few = Filter { actor: Some("shell:=cmd3".into()), ..Filter::default() };
    let table = audit.export(&few, ExportForm::Csv, 0, 7).await.unwrap().bytes;
    let table = format!("{}{}", ExportForm::Csv.head(), String::from_utf8(table).unwrap());
    let rows: Vec<_> = table.split("\r\n").collect();
    assert_eq!(rows.len(), 3, "{table}");
    assert!(rows[0].starts_with("position,at,actor,role,action,target_kind,target,outcome"), "{table}");
    assert!(
        rows[1].starts_with("4,1970-01-01T00:16:40Z,shell:=cmd3,,source.added,source,odoo,done"),
        "{table}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_older_database_that_is_put_back_doubles_nothing() {
    let bench = Bench::new().await;
    for number in 0..4 {
        bench.record(&number.to_string()).await;
    }
    drop(bench.journal.open(draft("open"), SHORT).await.unwrap());
    let backup = bench.store.list(OPS_AUDIT_OUTBOX, &Query::all()).await.unwrap();
    bench.publisher().settle().await.unwrap();
    bench.seconds.fetch_add(SHORT.as_secs() as i64 + 1, Ordering::SeqCst);
    for number in 4..30 {
        bench.record(&number.to_string()).await;
    }
    bench.publisher().settle().await.unwrap();
    let before = bench.actors().await;
    assert_eq!(before.len(), 31, "those and the one that nobody closed");
    for document in backup {
        bench.store.insert(OPS_AUDIT_OUTBOX, document).await.unwrap();
    }
    bench.record("30").await;
    bench.publisher().settle().await.unwrap();
    let after = bench.actors().await;
    assert_eq!((&after[..31], after[31].as_str(), bench.waiting().await), (&before[..], "shell:30", 0));
}
