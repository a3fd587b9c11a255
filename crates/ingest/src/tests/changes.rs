//! Reading what has changed: no change is missed, whatever commits late and wherever a run is killed.

use proptest::prelude::*;
use salescommand_eventlog::memory::abort_after;

use super::*;

const OVERLAP: u64 = 60;
const HOUR: u64 = 3_600;

pub(super) fn at(second: u64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + i64::try_from(second).unwrap()).unwrap()
}

/// A source that can be asked for changes. Its cursor is an id, as those of real ones are: pages do not shift.
pub(super) fn incremental(bench: &Bench) {
    let mut state = bench.source.state.lock().unwrap();
    let (overlap, full_every) = (Duration::from_secs(OVERLAP), Duration::from_secs(24 * HOUR));
    state.incremental = Some(Incremental { overlap, full_every });
    state.clock = Some(at(0));
}

impl Bench {
    /// Writes a record that bears this moment.
    pub(super) fn write(&self, key: usize, moment: u64, text: &str) {
        let mut state = self.source.state.lock().unwrap();
        let record = record(key, json!({"text": text}));
        let records = state.objects.entry("lead".to_owned()).or_default();
        match records.binary_search_by_key(&key, |held| held.key.parse().unwrap()) {
            Ok(index) => records[index] = record,
            Err(index) => records.insert(index, record),
        }
        state.changed.insert(("lead".to_owned(), key.to_string()), at(moment));
    }

    pub(super) fn is_at(&self, second: u64) {
        self.source.state.lock().unwrap().clock = Some(at(second));
    }

    /// What was asked for since the last look, once each.
    pub(super) fn extents(&self) -> Vec<Extent> {
        let mut extents = std::mem::take(&mut self.source.state.lock().unwrap().extents);
        extents.dedup();
        extents
    }

    async fn run_fully(&self, run_id: u128) {
        let (source, request) = (
            Box::new(self.source.clone()),
            RunRequest { demands: Demands { full: true, ..Demands::default() }, ..request(run_id) },
        );
        let stop = CancellationToken::new();
        run_once(&self.ports, &request, source, Options::default(), &stop).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_first_reading_changes_are_asked_for_and_now_and_then_everything() {
    let bench = Bench::new();
    incremental(&bench);
    bench.write(1, 0, "a");
    bench.run(1).await.unwrap();
    assert_eq!(bench.extents(), [Extent::All]);
    bench.is_at(1_000);
    bench.write(2, 990, "b");
    let report = bench.run(2).await.unwrap();
    assert_eq!(
        bench.extents(),
        [Extent::ChangedSince(at(0).checked_sub(Duration::from_secs(OVERLAP)).unwrap())]
    );
    assert_eq!((report.record.run.read, report.record.run.published), (2, 1));
    assert!(report.record.run.objects[0].since.is_some());
    bench.is_at(2_000);
    bench.run(3).await.unwrap();
    assert_eq!(bench.extents(), [Extent::ChangedSince(at(1_000 - OVERLAP))]);
    bench.run_fully(4).await;
    assert_eq!(bench.extents(), [Extent::All], "it was asked for");
    bench.is_at(2_000 + 24 * HOUR - 1);
    bench.run(5).await.unwrap();
    assert_eq!(bench.extents(), [Extent::ChangedSince(at(2_000 - OVERLAP))]);
    bench.is_at(2_000 + 24 * HOUR);
    bench.run(6).await.unwrap();
    assert_eq!(bench.extents(), [Extent::All], "a day after the last time");
    bench.source.state.lock().unwrap().fields = "one more".to_owned();
    bench.run(7).await.unwrap();
    assert_eq!(bench.extents(), [Extent::All], "what was read before has not all fields");
    bench.source.state.lock().unwrap().clock = None;
    bench.run(8).await.unwrap();
    bench.is_at(2_000 + 24 * HOUR);
    bench.run(9).await.unwrap();
    assert_eq!(bench.extents(), [Extent::All], "nobody knows since when");
    bench.is_at(1_500 + 24 * HOUR);
    bench.run(10).await.unwrap();
    let since = at(1_500 + 24 * HOUR - OVERLAP);
    assert_eq!(bench.extents(), [Extent::ChangedSince(since)], "its clock was set back");
    bench.is_at(0);
    bench.run(11).await.unwrap();
    assert_eq!(bench.extents(), [Extent::All], "its clock was set back by more than a day");
}

/// A run that is delivered once more, when its user's rights are others, reads once more: what it looks at afterwards would be
/// in the log with other fields than the rest.
#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_with_other_fields_begins_anew() {
    for killed in [None, Some(())] {
        let bench = Bench::new();
        incremental(&bench);
        for key in 1..8 {
            bench.write(key, 0, "a");
        }
        let source = bench.source.clone();
        if killed.is_some() {
            bench.source.on_page(move |number| {
                if number == 3 {
                    source.fail([permanent("x")]);
                }
            });
        }
        bench.run(1).await.unwrap();
        bench.source.asked();
        bench.source.state.lock().unwrap().fields = "one more".to_owned();
        assert!(bench.run(1).await.unwrap().record.run.read >= 7, "all of it");
        assert_eq!(bench.run(1).await.unwrap().record.run.read, 0, "it is done");
        bench.extents();
        bench.source.state.lock().unwrap().fields = String::new();
        bench.run(2).await.unwrap();
        assert_eq!(bench.extents(), [Extent::All], "what is in the log has other fields");
    }
}

/// What the rights of before have hidden in the beginning is read with those of now.
#[tokio::test(start_paused = true)]
async fn a_reading_of_changes_that_was_interrupted_reads_its_beginning_once_more() {
    let bench = Bench::new();
    incremental(&bench);
    for key in 0..9 {
        bench.write(key, 0, "a");
    }
    bench.source.hang_at(Some(2));
    assert!(tokio::time::timeout(Duration::from_secs(5), bench.run(1)).await.is_err());
    bench.source.asked();
    bench.clock.advance(Duration::from_secs(31));
    bench.source.hang_at(None);
    bench.run(1).await.unwrap();
    let starts: Vec<_> = bench.source.asked().into_iter().map(|(_, start)| start).collect();
    assert_eq!((starts[0], starts.last()), (6, Some(&3)), "the rest, then the beginning: {starts:?}");
    bench.run(1).await.unwrap();
    assert!(bench.source.asked().is_empty(), "it is done");
}

#[tokio::test(start_paused = true)]
async fn after_a_killed_reading_with_other_fields_everything_is_read_again() {
    let mut met = 0;
    for polls in 0..80 {
        let bench = Bench::new();
        incremental(&bench);
        bench.write(1, 0, "a");
        bench.run(1).await.unwrap();
        bench.extents();
        let fields = |fields: &str| bench.source.state.lock().unwrap().fields = fields.to_owned();
        fields("one more");
        let ended = abort_after(polls, bench.run(2)).await.is_some();
        let asked = bench.extents();
        bench.clock.advance(Duration::from_secs(31));
        fields("");
        bench.run(3).await.unwrap();
        if ended {
            assert_eq!(bench.extents(), [Extent::All], "what is in the log has other fields");
            break;
        }
        if !asked.is_empty() {
            met += 1;
            assert_eq!(
                bench.extents(),
                [Extent::All],
                "killed at poll {polls}: the log may have other fields"
            );
        }
    }
    assert!(met > 0);
}

/// What happens at the source, second by second.
#[derive(Debug, Clone)]
enum Step {
    /// A transaction writes records, which are seen so many seconds after they were marked.
    Write { keys: Vec<usize>, late: u64 },
    /// A run, killed after so many polls if at all, that goes on under its own id or under another one.
    Run { polls: Option<usize>, same: bool },
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let write = (prop::collection::vec(0_usize..12, 1..6), 0..=OVERLAP)
        .prop_map(|(keys, late)| Step::Write { keys, late });
    let run =
        (prop::option::of(0_usize..120), any::<bool>()).prop_map(|(polls, same)| Step::Run { polls, same });
    (0_u64..40, prop_oneof![3 => write, 2 => run])
}

async fn no_change_is_missed(steps: Vec<(u64, Step)>) {
    let bench = Bench::new();
    incremental(&bench);
    bench.source.state.lock().unwrap().objects.insert("lead".to_owned(), Vec::new());
    let (mut second, mut run, mut open) = (0, 1, Vec::<(u64, u64, Vec<usize>)>::new());
    let commit = |until: u64, open: &mut Vec<(u64, u64, Vec<usize>)>| {
        open.sort();
        while open.first().is_some_and(|(seen, ..)| *seen <= until) {
            let (seen, moment, keys) = open.remove(0);
            for key in keys {
                bench.write(key, moment, &format!("{moment} seen at {seen}"));
            }
        }
    };
    for (pause, step) in steps {
        second += pause;
        commit(second, &mut open);
        bench.is_at(second);
        match step {
            Step::Write { keys, late } => open.push((second + late, second, keys)),
            Step::Run { polls, same } => {
                if !same {
                    run += 1;
                }
                match polls {
                    Some(polls) => drop(abort_after(polls, bench.run(run)).await),
                    None => drop(bench.run(run).await.unwrap()),
                }
                bench.clock.advance(Duration::from_secs(31));
            }
        }
    }
    second += OVERLAP;
    commit(second, &mut open);
    bench.is_at(second);
    bench.run(run + 1).await.unwrap();
    assert_eq!(bench.latest().await, bench.expected());
}

proptest! {
    #[test]
    fn no_change_is_missed_whatever_commits_late_and_wherever_a_run_is_killed(
        steps in prop::collection::vec(step(), 0..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(no_change_is_missed(steps));
    }
}
