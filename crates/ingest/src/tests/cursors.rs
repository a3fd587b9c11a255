//! Cursors that are looked at and reset, and back-fills: nothing is lost, nothing comes twice, nothing is retracted that is there.

use proptest::prelude::*;
use salescommand_domain::schedule::TimeRange;
use salescommand_eventlog::memory::abort_after;

use super::changes::at;
use super::*;
use crate::{CursorState, ObjectState, RunState, cursors, reset_cursors};

const HOUR: u64 = 3_600;

fn bench(records: usize) -> Bench {
    let bench = Bench::new();
    changes::incremental(&bench);
    bench.source.state.lock().unwrap().census = true;
    bench.source.state.lock().unwrap().objects.insert("lead".to_owned(), Vec::new());
    (0..records).for_each(|key| bench.write(key, key as u64 * HOUR, "first"));
    bench.is_at(records as u64 * HOUR);
    bench
}

fn range(from: u64, to: u64) -> TimeRange {
    TimeRange::new(at(from), at(to)).unwrap()
}

impl Bench {
    async fn cursor(&self) -> CursorState {
        cursors(&self.log, &instance()).await.unwrap().remove(0)
    }

    async fn reset(&self) -> Vec<ObjectName> {
        reset_cursors(&self.ports, &instance(), &[]).await.unwrap()
    }

    async fn back_fill(&self, run_id: u128, range: TimeRange) -> Result<RunReport, Error> {
        let demands = Demands { backfill: Some(range), ..Demands::default() };
        let (source, request) = (Box::new(self.source.clone()), RunRequest { demands, ..request(run_id) });
        run_once(&self.ports, &request, source, Options::default(), &CancellationToken::new()).await
    }

    /// Each record's events, in which no content comes twice in a row, end in what the source says.
    async fn is_the_source_and_nothing_is_doubled(&self) {
        assert_eq!(self.latest().await, self.expected());
        let mut last = BTreeMap::new();
        for event in self.events().await {
            let now = (event.operation, inline(event.payload));
            let before = last.insert(event.key.clone(), now.clone());
            assert!(before.as_ref() != Some(&now), "{} came twice as {now:?}", event.key);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_says_what_was_read_and_what_comes_next() {
    let bench = bench(5);
    assert!(cursors(&bench.log, &instance()).await.unwrap().is_empty(), "nothing was read");
    bench.run(1).await.unwrap();
    let cursor = bench.cursor().await;
    assert_eq!((cursor.object.as_str(), cursor.complete, cursor.read), ("lead", true, 5));
    assert_eq!((cursor.read_through, cursor.changes_from), (Some(at(5 * HOUR)), Some(at(5 * HOUR - 60))));
    assert_eq!((cursor.full_at, cursor.full_due), (Some(at(5 * HOUR)), Some(at(29 * HOUR))));
    assert_eq!((cursor.position.epoch, cursor.position.sequence), (1, 5));
    assert_eq!((cursor.since, cursor.reset_at, cursor.run_id), (None, None, Some(Uuid::from_u128(1))));

    // In the middle of a page run.
    bench.is_at(40 * HOUR);
    let source = bench.source.clone();
    bench.source.on_page(move |number| {
        if number == 3 {
            source.fail([permanent("x")]);
        }
    });
    bench.run(2).await.unwrap();
    let cursor = bench.cursor().await;
    assert_eq!((cursor.complete, cursor.read, cursor.completed_at), (false, 3, None));
    assert_eq!(cursor.read_through, Some(at(5 * HOUR)), "what was read before still counts");
}

#[tokio::test(start_paused = true)]
async fn after_a_reset_everything_is_read_and_nothing_comes_twice() {
    let bench = bench(5);
    bench.run(1).await.unwrap();
    // A change that the source has not marked.
    bench.write(2, 0, "silently");
    bench.is_at(6 * HOUR);
    assert_eq!(bench.run(2).await.unwrap().record.run.published, 0);
    let other = [ObjectName::new("partner").unwrap()];
    assert!(reset_cursors(&bench.ports, &instance(), &other).await.unwrap().is_empty());
    assert!(bench.cursor().await.complete);
    assert_eq!(bench.reset().await, [ObjectName::new("lead").unwrap()]);
    let cursor = bench.cursor().await;
    assert_eq!((cursor.complete, cursor.read_through, cursor.run_id), (false, None, None));
    assert!(cursor.reset_at.is_some());
    bench.extents();
    let run = bench.run(3).await.unwrap().record.run;
    assert_eq!(bench.extents(), [Extent::All]);
    assert_eq!((run.read, run.published, run.unchanged, run.deleted), (5, 1, 4, 0));
    bench.is_the_source_and_nothing_is_doubled().await;
    assert!(bench.cursor().await.complete);
}

#[tokio::test(start_paused = true)]
async fn after_a_back_fill_with_other_fields_everything_is_read_again() {
    let bench = bench(5);
    bench.run(1).await.unwrap();
    bench.back_fill(2, range(0, 3 * HOUR)).await.unwrap();
    assert!(bench.cursor().await.read_through.is_some(), "with the same fields it leaves the cursor alone");
    let fields = |fields: &str| bench.source.state.lock().unwrap().fields = fields.to_owned();
    fields("one more");
    bench.back_fill(3, range(0, 3 * HOUR)).await.unwrap();
    fields("");
    bench.extents();
    bench.run(4).await.unwrap();
    assert_eq!(bench.extents(), [Extent::All], "what is in the log has other fields");
}

#[tokio::test(start_paused = true)]
async fn a_run_under_way_ends_and_leaves_the_reset_as_it_is() {
    for page in 0..3 {
        let bench = bench(8);
        bench.run(1).await.unwrap();
        bench.is_at(100 * HOUR);
        bench.source.asked();
        let (ports, resetting) = (bench.ports.clone(), Arc::new(Mutex::new(None)));
        let spawned = resetting.clone();
        bench.source.on_page(move |number| {
            let ports = ports.clone();
            if number == page {
                let reset = async move { reset_cursors(&ports, &instance(), &[]).await.unwrap() };
                *spawned.lock().unwrap() = Some(tokio::spawn(reset));
            }
        });
        let record = bench.run(2).await.unwrap().record;
        let resetting = resetting.lock().unwrap().take().unwrap();
        assert_eq!(resetting.await.unwrap().len(), 1);
        bench.source.on_page(|_| {});
        assert_eq!((record.run.state, record.run.read), (RunState::Succeeded, 8));
        assert!(bench.cursor().await.reset_at.is_some(), "the run has overwritten a reset at page {page}");
        let told = record.log.lines.iter().any(|line| line.text.contains("was reset"));
        assert!(told || page == 2, "the run has written no more cursor behind page {page}");
        bench.is_at(101 * HOUR);
        bench.extents();
        let run = bench.run(3).await.unwrap().record.run;
        assert_eq!((bench.extents(), run.published), (vec![Extent::All], 0));
        assert!(bench.cursor().await.complete);
        bench.is_the_source_and_nothing_is_doubled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_whose_answer_is_lost_is_a_reset() {
    use salescommand_eventlog::memory::Effect;
    for effect in [Effect::None, Effect::Done] {
        let bench = bench(5);
        bench.run(1).await.unwrap();
        bench.log.fail_next_kv(effect);
        assert_eq!(bench.reset().await.len(), 1);
        assert!(bench.cursor().await.reset_at.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_back_fill_reads_a_range_and_touches_no_cursor() {
    let bench = bench(8);
    bench.run(1).await.unwrap();
    let complete = bench.run(2).await.unwrap().record;
    let cursor = bench.cursor().await;
    // Changes whose transactions ended long after what was asked for, and a record that is gone.
    bench.write(3, 3 * HOUR + 5, "late");
    bench.write(6, 6 * HOUR, "late, and not in the range");
    bench.source.state.lock().unwrap().objects.get_mut("lead").unwrap().retain(|r| r.key != "4");
    bench.extents();
    let record = bench.back_fill(3, range(2 * HOUR, 6 * HOUR)).await.unwrap().record;
    assert_eq!(bench.extents(), [Extent::ChangedWithin(range(2 * HOUR, 6 * HOUR))]);
    let object = &record.run.objects[0];
    assert_eq!((object.read, object.published, object.unchanged, object.deleted), (3, 1, 2, 0));
    assert_eq!((object.since, object.until), (Some(at(2 * HOUR)), Some(at(6 * HOUR))));
    assert_eq!(bench.cursor().await, cursor);
    assert_eq!(
        (record.asked, record.complete),
        (complete.asked, complete.complete),
        "nothing counts as read"
    );
    let said =
        |of: &BTreeMap<(String, String), Value>, key: &str| of[&("lead".to_owned(), key.to_owned())].clone();
    let latest = bench.latest().await;
    assert_eq!(said(&latest, "3"), json!({"text": "late"}));
    assert_eq!(said(&latest, "6"), json!({"text": "first"}));
    assert_eq!(said(&latest, "4"), json!({"text": "first"}), "it claims no deletion");
    bench.reset().await;
    bench.run(4).await.unwrap();
    bench.is_the_source_and_nothing_is_doubled().await;
}

#[tokio::test(start_paused = true)]
async fn what_only_a_back_fill_has_read_is_missed_when_it_goes() {
    let bench = bench(3);
    bench.run(1).await.unwrap();
    bench.write(70_000, 2 * HOUR, "committed late");
    assert_eq!(bench.back_fill(2, range(2 * HOUR, 3 * HOUR)).await.unwrap().record.run.published, 1);
    bench.source.state.lock().unwrap().objects.get_mut("lead").unwrap().retain(|r| r.key != "70000");
    assert_eq!(bench.run(3).await.unwrap().record.run.deleted, 1);
    bench.is_the_source_and_nothing_is_doubled().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_by_date_is_not_back_filled() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    let run = bench.back_fill(1, range(0, HOUR)).await.unwrap().record.run;
    assert_eq!((run.state, run.objects[0].state), (RunState::Failed, ObjectState::Waiting));
    assert_eq!(run.error.unwrap().code, "no-modification-dates");
    assert!(bench.source.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_back_fill_that_is_killed_goes_on_where_it_was() {
    for polls in (0..).step_by(3) {
        let bench = bench(9);
        let whole = abort_after(polls, bench.back_fill(1, range(0, 9 * HOUR))).await;
        bench.clock.advance(Duration::from_secs(31));
        let report = bench.back_fill(1, range(0, 9 * HOUR)).await.unwrap();
        assert_eq!(report.record.run.state, RunState::Succeeded, "after {polls} polls");
        assert_eq!(bench.events().await.len(), 9, "each record once, after {polls} polls");
        assert!(cursors(&bench.log, &instance()).await.unwrap().is_empty(), "after {polls} polls");
        bench.is_the_source_and_nothing_is_doubled().await;
        if whole.is_some() {
            assert!(polls > 30, "only {polls} polls: it was not killed in the middle");
            return;
        }
    }
}

/// What happens, at random moments.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<usize>),
    Delete(usize),
    Reset,
    /// A run, killed after so many polls if at all, that goes on under its own id or under another one.
    Run {
        polls: Option<usize>,
        same: bool,
    },
    BackFill {
        polls: Option<usize>,
        same: bool,
        from: u64,
        length: u64,
    },
    /// A run during which somebody resets.
    ResetDuring(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let polls = || prop::option::of(0_usize..140);
    prop_oneof![
        4 => prop::collection::vec(0_usize..12, 1..6).prop_map(Step::Write),
        1 => (0_usize..12).prop_map(Step::Delete),
        2 => Just(Step::Reset),
        3 => (polls(), any::<bool>()).prop_map(|(polls, same)| Step::Run { polls, same }),
        3 => (polls(), any::<bool>(), 0_u64..2_000, 1_u64..2_000)
            .prop_map(|(polls, same, from, length)| Step::BackFill { polls, same, from, length }),
        2 => (0_u64..4).prop_map(Step::ResetDuring),
    ]
}

async fn nothing_is_lost_and_nothing_doubled(steps: Vec<Step>) {
    let bench = bench(0);
    let (mut second, mut run, mut deleted) = (1_000, 1, BTreeSet::new());
    for step in steps {
        second += 100;
        bench.is_at(second);
        let mut next = |same: bool| {
            run += u128::from(!same);
            run
        };
        match step {
            Step::Write(keys) => {
                for key in keys {
                    bench.write(key, second, &format!("at {second}"));
                }
            }
            Step::Delete(key) => {
                deleted.insert(key.to_string());
                let mut state = bench.source.state.lock().unwrap();
                state.objects.get_mut("lead").unwrap().retain(|record| record.key != key.to_string());
            }
            Step::Reset => drop(bench.reset().await),
            Step::Run { polls: Some(polls), same } => drop(abort_after(polls, bench.run(next(same))).await),
            Step::Run { polls: None, same } => drop(bench.run(next(same)).await.unwrap()),
            Step::BackFill { polls, same, from, length } => {
                let back_fill = bench.back_fill(next(same), range(from, from + length));
                drop(abort_after(polls.unwrap_or(usize::MAX), back_fill).await);
            }
            Step::ResetDuring(page) => {
                let ports = bench.ports.clone();
                // Pages are counted from here on.
                bench.source.asked();
                bench.source.on_page(move |number| {
                    let ports = ports.clone();
                    if number == page {
                        tokio::spawn(async move { reset_cursors(&ports, &instance(), &[]).await.unwrap() });
                    }
                });
                bench.run(next(false)).await.unwrap();
                bench.source.on_page(|_| {});
            }
        }
        bench.clock.advance(Duration::from_secs(31));
    }
    bench.is_at(second + 100);
    bench.run(run + 1).await.unwrap();
    bench.is_the_source_and_nothing_is_doubled().await;
    let retracted = bench.events().await.into_iter().filter(|event| event.operation == Operation::Delete);
    for event in retracted {
        assert!(deleted.contains(&event.key), "{} was never deleted", event.key);
    }
}

proptest! {
    #[test]
    fn resets_and_back_fills_at_random_moments_lose_nothing_and_double_nothing(
        steps in prop::collection::vec(step(), 0..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(nothing_is_lost_and_nothing_doubled(steps));
    }
}
