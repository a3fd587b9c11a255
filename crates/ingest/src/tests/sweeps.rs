//! Finding what is gone: what was deleted is retracted, nothing else is, wherever a run is killed.

use proptest::prelude::*;
use salescommand_domain::raw::MergedAway;
use salescommand_eventlog::memory::abort_after;

use super::*;
use crate::{RawWriter, RunState};

fn bench(records: usize) -> Bench {
    let bench = Bench::new();
    bench.source.put("lead", records, "1");
    bench.source.state.lock().unwrap().census = true;
    bench
}

impl Bench {
    fn vanish(&self, keys: impl IntoIterator<Item = usize>) {
        let mut state = self.source.state.lock().unwrap();
        let gone: Vec<_> = keys.into_iter().map(|key| key.to_string()).collect();
        state.objects.get_mut("lead").unwrap().retain(|record| !gone.contains(&record.key));
    }

    /// Takes the right to read some records, and gives it back for all others.
    fn hide(&self, keys: impl IntoIterator<Item = usize>) {
        let hidden = keys.into_iter().map(|key| ("lead".to_owned(), key.to_string())).collect();
        self.source.state.lock().unwrap().hidden = hidden;
    }

    fn listed(&self) -> u64 {
        std::mem::take(&mut self.source.state.lock().unwrap().listed)
    }

    async fn run_accepting(&self, run_id: u128) -> RunReport {
        let demands = Demands { accept_deletions: true, ..Demands::default() };
        let (source, request) = (Box::new(self.source.clone()), RunRequest { demands, ..request(run_id) });
        let stop = CancellationToken::new();
        run_once(&self.ports, &request, source, Options::default(), &stop).await.unwrap()
    }

    /// A run to which even few records are too many to be listed each time.
    async fn run_counting(&self, run_id: u128, full: bool) -> RunReport {
        let demands = Demands { full, ..Demands::default() };
        let (source, request) = (Box::new(self.source.clone()), RunRequest { demands, ..request(run_id) });
        let (stop, options) = (CancellationToken::new(), Options { list_up_to: 0, ..Options::default() });
        run_once(&self.ports, &request, source, options, &stop).await.unwrap()
    }

    /// From now on the source tells of merges.
    fn merging<'a>(&self, merged: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut state = self.source.state.lock().unwrap();
        state.merges = true;
        let merged = merged.into_iter().map(|(key, into)| (key.to_owned(), into.to_owned()));
        state.merged.extend(merged);
    }

    /// Lets those of some records that are there go, into another one or for good.
    fn fate(&self, keys: &[usize], into: Option<&str>, fates: &mut BTreeMap<String, Vec<Option<String>>>) {
        {
            let mut state = self.source.state.lock().unwrap();
            let there: Vec<String> =
                state.objects.get("lead").into_iter().flatten().map(|record| record.key.clone()).collect();
            for key in keys.iter().map(usize::to_string).filter(|key| there.contains(key)) {
                state.merged.remove(&key);
                state.merged.extend(into.map(|into| (key.clone(), into.to_owned())));
                fates.entry(key).or_default().push(into.map(str::to_owned));
            }
        }
        self.vanish(keys.iter().copied());
    }

    /// Keys of the retractions in the log, and what they were merged into.
    async fn links(&self) -> Vec<(String, Option<String>)> {
        let events = self.events().await.into_iter();
        let gone = events.filter(|event| event.operation == Operation::Delete);
        gone.map(|event| (event.key, MergedAway::of(&event.payload).map(|away| away.merged_into))).collect()
    }

    /// Keys of the retractions in the log.
    async fn retracted(&self) -> Vec<String> {
        let events = self.events().await.into_iter();
        events.filter(|event| event.operation == Operation::Delete).map(|event| event.key).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_retracted_once() {
    let bench = bench(8);
    bench.run(1).await.unwrap();
    bench.vanish([2, 5]);
    let run = bench.run(2).await.unwrap().record.run;
    assert_eq!((run.state, run.published, run.deleted), (RunState::Succeeded, 0, 2));
    assert_eq!(bench.retracted().await, ["2", "5"]);
    assert_eq!(bench.run(3).await.unwrap().record.run.deleted, 0);
    bench.source.put("lead", 8, "1");
    assert_eq!(bench.run(4).await.unwrap().record.run.published, 2, "they are back");
    assert_eq!(bench.latest().await, bench.expected());
}

#[tokio::test(start_paused = true)]
async fn what_was_merged_says_so_once_and_for_all() {
    let bench = bench(8);
    changes::incremental(&bench);
    bench.merging([("2", "7")]);
    bench.run(1).await.unwrap();
    bench.vanish([2, 5]);
    bench.is_at(10_000);
    let run = bench.run(2).await.unwrap().record.run;
    assert_eq!((run.state, run.deleted), (RunState::Succeeded, 2));
    assert!(run.objects[0].detail.as_ref().unwrap().contains("1 records were merged"), "{:?}", run.objects);
    assert_eq!(bench.links().await, [("2", Some("7")), ("5", None)].map(owned));
    // What is said about it later makes no other deletion.
    let plan = ObjectPlan { merges: true, ..plan("lead") };
    let mut writer = RawWriter::open(&bench.ports, &instance(), "scripted", 0).await.unwrap();
    let away = |into: &str| MergedAway { merged_into: into.to_owned(), evidence: None }.payload();
    for payload in [away("7"), away("1"), Value::Null] {
        assert_eq!(writer.retract_as(&plan, &[record(2, payload)]).await.unwrap().unchanged, 1);
    }
    bench.source.put("lead", 8, "1");
    bench.is_at(20_000);
    bench.run(3).await.unwrap();
    assert_eq!(bench.latest().await, bench.expected(), "it may come back");
}

#[tokio::test(start_paused = true)]
async fn a_source_is_asked_for_merges_since_everything_was_last_there() {
    for polls in 0.. {
        let bench = bench(8);
        changes::incremental(&bench);
        bench.merging([]);
        bench.is_at(1_000);
        bench.run(1).await.unwrap();
        // Reads everything, and does not look for what is gone to the end.
        bench.vanish([2]);
        bench.is_at(5_000);
        let whole = abort_after(polls, bench.run(2)).await.is_some();
        bench.clock.advance(Duration::from_secs(31));
        bench.vanish([5]);
        bench.is_at(9_000);
        bench.run(3).await.unwrap();
        let asked = std::mem::take(&mut bench.source.state.lock().unwrap().asked_since);
        let overlap = bench.source.state.lock().unwrap().incremental.unwrap().overlap;
        let least = changes::at(1_000).checked_sub(overlap).unwrap();
        assert_eq!(asked.first(), Some(&Some(least)), "after {polls} polls");
        // A run that came to the end has noted when.
        let last = if whole { changes::at(5_000).checked_sub(overlap).unwrap() } else { least };
        assert!(asked.last().unwrap().unwrap() >= last, "after {polls} polls: {asked:?}");
        if whole {
            assert!(polls > 30, "only {polls} polls");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_merged_nobody_is_asked() {
    let bench = bench(8);
    bench.run(1).await.unwrap();
    bench.vanish([2]);
    bench.run(2).await.unwrap();
    assert!(bench.source.state.lock().unwrap().asked_since.is_empty());
    assert_eq!(bench.links().await, [("2", None)].map(owned));
}

fn owned((key, into): (&str, Option<&str>)) -> (String, Option<String>) {
    (key.to_owned(), into.map(str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn where_looking_takes_long_it_waits_for_a_reading_of_everything() {
    let bench = bench(8);
    changes::incremental(&bench);
    bench.source.state.lock().unwrap().swept_seldom = true;
    bench.run(1).await.unwrap();
    bench.listed();
    bench.vanish([2, 5]);
    bench.is_at(1_000);
    assert_eq!(bench.run(2).await.unwrap().record.run.deleted, 0);
    assert_eq!(bench.listed(), 0);
    assert_eq!(bench.run_counting(3, true).await.record.run.deleted, 2);
    assert_eq!(bench.retracted().await, ["2", "5"]);
    assert_eq!(bench.latest().await, bench.expected());
}

#[tokio::test(start_paused = true)]
async fn what_is_hidden_is_not_gone_and_is_read_when_it_comes_back() {
    let bench = bench(8);
    changes::incremental(&bench);
    bench.run(1).await.unwrap();
    bench.hide([1, 3, 4]);
    bench.vanish([4]);
    let run = bench.run(2).await.unwrap().record.run;
    assert_eq!((run.state, run.deleted), (RunState::Succeeded, 1));
    assert!(run.objects[0].detail.as_ref().unwrap().contains("2 records exist"), "{:?}", run.objects);
    // Changed long before what the next reading asks for.
    bench.write(3, 0, "changed while it was hidden");
    bench.is_at(10_000);
    bench.run(3).await.unwrap();
    bench.hide([]);
    bench.is_at(20_000);
    bench.run(4).await.unwrap();
    assert_eq!(bench.latest().await, bench.expected());
    assert_eq!(bench.retracted().await, ["4"]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_what_was_overlooked_is_read_leaves_none_of_it_out() {
    for polls in 0.. {
        let bench = bench(0);
        changes::incremental(&bench);
        bench.hide([3, 4]);
        bench.write(3, 0, "hidden from the beginning");
        bench.write(4, 0, "hidden from the beginning");
        bench.run(1).await.unwrap();
        bench.hide([]);
        bench.is_at(1_000);
        let whole = abort_after(polls, bench.run(2)).await;
        bench.clock.advance(Duration::from_secs(31));
        bench.is_at(2_000);
        bench.run(3).await.unwrap();
        assert_eq!(bench.latest().await, bench.expected(), "after {polls} polls");
        if let Some(whole) = whole {
            whole.unwrap();
            assert!(polls > 30, "only {polls} polls: the run was not crashed in the middle");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_only_ranges_that_differ_are_listed_unless_everything_was_read() {
    let bench = bench(5);
    changes::incremental(&bench);
    bench.run_counting(1, false).await;
    assert_eq!(bench.listed(), 1);
    bench.run_counting(2, false).await;
    assert_eq!(bench.listed(), 0);
    bench.vanish([0]);
    bench.run_counting(3, false).await;
    assert_eq!(bench.listed(), 1);
    bench.run_counting(4, false).await;
    assert_eq!(bench.listed(), 0);
    bench.run_counting(5, true).await;
    assert_eq!(bench.listed(), 1);
    assert_eq!(bench.latest().await, bench.expected());
}

#[tokio::test(start_paused = true)]
async fn a_database_that_was_emptied_is_not_taken_for_a_days_work() {
    let bench = bench(300);
    bench.run(1).await.unwrap();
    bench.vanish(0..150);
    let run = bench.run(2).await.unwrap().record.run;
    assert_eq!((run.state, run.deleted), (RunState::Failed, 0));
    let error = run.error.unwrap();
    assert_eq!(error.code, "mass-deletion");
    assert!(error.message.contains("150 of 300"), "{error:?}");
    assert_eq!(bench.retracted().await, [""; 0]);
    let run = bench.run_accepting(3).await.record.run;
    assert_eq!((run.state, run.deleted), (RunState::Succeeded, 150));
    assert_eq!(bench.latest().await, bench.expected());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_keys_were_noted_is_read_again_as_a_whole() {
    let bench = bench(8);
    changes::incremental(&bench);
    bench.source.state.lock().unwrap().census = false;
    bench.run(1).await.unwrap();
    bench.source.state.lock().unwrap().census = true;
    bench.extents();
    let run = bench.run(2).await.unwrap().record.run;
    assert_eq!((bench.extents(), run.unchanged), (vec![Extent::All], 8));
    bench.vanish([2]);
    assert_eq!(bench.run(3).await.unwrap().record.run.deleted, 1);
}

/// What happens between two runs, and how far a run comes.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<usize>),
    Delete(Vec<usize>),
    Merge(Vec<usize>),
    Hide(Vec<usize>),
    Run { polls: Option<usize>, same: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let keys = || prop::collection::vec(0_usize..12, 0..6);
    let run =
        (prop::option::of(0_usize..160), any::<bool>()).prop_map(|(polls, same)| Step::Run { polls, same });
    prop_oneof![
        2 => keys().prop_map(Step::Write),
        2 => keys().prop_map(Step::Delete),
        1 => keys().prop_map(Step::Merge),
        1 => keys().prop_map(Step::Hide),
        3 => run,
    ]
}

async fn the_log_comes_to_say_what_is_there(steps: Vec<Step>, counting: bool) {
    let bench = bench(0);
    changes::incremental(&bench);
    bench.merging([]);
    let (mut second, mut run, mut deleted) = (0, 1, BTreeSet::new());
    // What has become of each record, each time it went.
    let mut fates: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for step in steps {
        // Every change is well before the moment from which the next run asks for changes, or well behind it.
        second += 1_000;
        bench.is_at(second);
        match step {
            Step::Write(keys) => keys.iter().for_each(|key| bench.write(*key, second, &second.to_string())),
            Step::Delete(keys) => {
                bench.fate(&keys, None, &mut fates);
                deleted.extend(keys.iter().map(usize::to_string));
            }
            Step::Merge(keys) => {
                bench.fate(&keys, Some("99"), &mut fates);
                deleted.extend(keys.iter().map(usize::to_string));
            }
            Step::Hide(keys) => bench.hide(keys),
            Step::Run { polls, same } => {
                run += u128::from(!same);
                match polls {
                    Some(polls) => drop(abort_after(polls, bench.run(run)).await),
                    None if counting => drop(bench.run_counting(run, false).await),
                    None => drop(bench.run(run).await.unwrap()),
                }
                bench.clock.advance(Duration::from_secs(31));
            }
        }
    }
    bench.hide([]);
    bench.is_at(second + 1_000);
    // Where it only counts, what was hidden before it was ever read can stand for what is gone until all is read.
    match counting {
        true => drop(bench.run_counting(run + 1, true).await),
        false => drop(bench.run(run + 1).await.unwrap()),
    }
    assert_eq!(bench.latest().await, bench.expected());
    let retracted = bench.retracted().await;
    assert!(retracted.iter().all(|key| deleted.contains(key)), "never deleted: {retracted:?} of {deleted:?}");
    for (key, into) in bench.links().await {
        // Of one that came back and went again before it was read, the log knows the first end.
        assert!(fates[&key].contains(&into), "{key} went into {into:?}: {fates:?}");
    }
}

proptest! {
    #[test]
    fn the_log_comes_to_say_what_is_there_wherever_a_run_is_killed(
        steps in prop::collection::vec(step(), 0..25),
        counting in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(the_log_comes_to_say_what_is_there(steps, counting));
    }
}
