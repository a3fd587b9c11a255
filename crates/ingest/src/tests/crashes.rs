//! Crashes at every place, lost answers, and two runs at once.

use salescommand_eventlog::memory::{Effect, abort_after};
use std::pin::pin;

use super::*;
use crate::RunState;

/// Crashes a run at every poll, once for each; `again` is the id under which it is tried again.
async fn crash_everywhere(again: u128) {
    for polls in 0.. {
        let bench = Bench::new();
        bench.source.put("lead", 5, "1");
        bench.source.put("partner", 2, "1");
        let whole = abort_after(polls, bench.run(1)).await;
        bench.clock.advance(Duration::from_secs(31));
        let report = bench.run(again).await.unwrap();
        assert_eq!(report.record.run.state, RunState::Succeeded, "after {polls} polls");
        assert_eq!(bench.latest().await, bench.expected(), "after {polls} polls");
        assert_eq!(bench.events().await.len(), 7, "each record once, after {polls} polls");
        if let Some(whole) = whole {
            whole.unwrap();
            assert!(polls > 40, "only {polls} polls: the run was not crashed in the middle");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_anywhere_loses_nothing_and_repeats_nothing() {
    crash_everywhere(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_anywhere_leaves_nothing_out_of_the_next_run() {
    crash_everywhere(2).await;
}

#[tokio::test(start_paused = true)]
async fn two_crashes_in_a_row_lose_nothing() {
    for polls in (0..).step_by(7) {
        let bench = Bench::new();
        bench.source.put("lead", 7, "1");
        let first = abort_after(polls, bench.run(1)).await;
        bench.clock.advance(Duration::from_secs(31));
        let _ = abort_after(polls / 2 + 10, bench.run(1)).await;
        bench.clock.advance(Duration::from_secs(31));
        bench.run(1).await.unwrap();
        assert_eq!(bench.latest().await, bench.expected(), "after {polls} polls");
        assert_eq!(bench.events().await.len(), 7);
        if first.is_some() {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_of_the_log_change_nothing() {
    for stored in 0..=3 {
        for page in 0..3 {
            let bench = Bench::new();
            bench.source.put("lead", 8, "1");
            let log = bench.log.clone();
            bench.source.on_page(move |number| {
                if number == page {
                    log.fail_next_publish(stored);
                }
            });
            let run = bench.run(1).await.unwrap().record.run;
            assert_eq!((run.state, run.published, run.unchanged), (RunState::Succeeded, 8, 0));
            assert_eq!(bench.events().await.len(), 8);
            assert_eq!(bench.latest().await, bench.expected());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_of_the_key_value_store_change_nothing() {
    for effect in [Effect::None, Effect::Done] {
        for page in 0..3 {
            let bench = Bench::new();
            bench.source.put("lead", 8, "1");
            let log = bench.log.clone();
            bench.source.on_page(move |number| {
                if number == page {
                    log.fail_next_kv(effect);
                }
            });
            let run = bench.run(1).await.unwrap().record.run;
            assert_eq!((run.state, run.published), (RunState::Succeeded, 8), "{effect:?} at page {page}");
        }
        let bench = Bench::new();
        bench.source.put("lead", 2, "1");
        bench.run(1).await.unwrap();
        // The next write is that of the lease.
        bench.log.fail_next_kv(effect);
        assert_eq!(bench.run(2).await.unwrap().record.run.state, RunState::Succeeded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_waits_for_the_lease_and_takes_an_expired_one() {
    let bench = Bench::new();
    bench.source.put("lead", 9, "1");
    bench.source.hang_at(Some(1));
    let mut first = pin!(bench.run(1));
    assert!(
        abort_after(10_000, tokio::time::timeout(Duration::from_secs(5), first.as_mut()))
            .await
            .is_none_or(|r| r.is_err())
    );
    assert!(matches!(bench.run(2).await, Err(Error::Busy { .. })));

    // The first process sleeps; its lease runs out, and a second one takes over.
    bench.clock.advance(Duration::from_secs(31));
    bench.source.hang_at(None);
    let second = bench.run(2).await.unwrap();
    assert_eq!((second.record.run.state, second.record.run.read), (RunState::Succeeded, 9));
    let events = bench.events().await.len();

    // The first one wakes up, and finds out.
    let overtaken = first.await;
    assert!(matches!(overtaken, Err(Error::Fenced(_))), "{overtaken:?}");
    assert_eq!(bench.events().await.len(), events);
    let record = &crate::all_runs(&bench.log).await.unwrap()[0];
    assert_eq!(record, &second.record, "the record is the successor's");
    let interrupted = crate::history(&bench.log, None, 9).await.unwrap();
    let states: Vec<_> = interrupted.iter().map(|record| record.run.state).collect();
    assert_eq!(states, [RunState::Succeeded, RunState::Interrupted]);
}

#[tokio::test(start_paused = true)]
async fn a_long_run_keeps_its_lease() {
    let bench = Bench::new();
    bench.source.put("lead", 3, "1");
    bench.source.fail((0..7).map(|_| transient()));
    let clock = bench.clock.clone();
    let time = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            clock.advance(Duration::from_millis(100));
        }
    };
    let rival = async {
        for second in 0..25 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(matches!(bench.run(2).await, Err(Error::Busy { .. })), "after {second} s");
        }
    };
    let both = async { tokio::join!(bench.run(1), rival) };
    tokio::select! {
        (report, ()) = both => assert_eq!(report.unwrap().record.run.state, RunState::Succeeded),
        () = time => unreachable!("time does not end"),
    }
}
