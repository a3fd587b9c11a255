//! Runs: records, failures, resuming.

use salescommand_domain::raw::Position;
use salescommand_eventlog::KeyValue as _;

use super::*;
use crate::{ObjectState, RUNS_BUCKET, RunRecord, RunState, all_runs, history};

async fn stored(bench: &Bench) -> RunRecord {
    let entry = bench.log.get(RUNS_BUCKET, "test").await.unwrap().unwrap();
    serde_json::from_slice(&entry.value).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_run_publishes_everything_and_the_next_one_nothing() {
    let bench = Bench::new();
    bench.source.put("lead", 8, "1");
    bench.source.put("partner", 3, "1");
    let first = bench.run(1).await.unwrap();
    assert_eq!(first.record.run.state, RunState::Succeeded);
    assert_eq!((first.record.run.read, first.record.run.published), (11, 11));
    assert_eq!(first.end, Position { epoch: 1, sequence: 11 });
    assert_eq!(bench.latest().await, bench.expected());
    let second = bench.run(2).await.unwrap();
    assert_eq!((second.record.run.published, second.record.run.unchanged), (0, 11));
    assert_eq!(bench.events().await.len(), 11);
    assert_eq!(second.record, stored(&bench).await);
    assert_eq!(second.record.last.as_ref().unwrap().run_id, first.record.run.run_id);
    assert_eq!(second.record.last_complete.as_ref().unwrap().position, first.end);
    assert!(second.record.token > first.record.token);
    let runs: Vec<_> = history(&bench.log, Some(&instance()), 20)
        .await
        .unwrap()
        .iter()
        .map(|r| r.run.run_id.as_u128())
        .collect();
    assert_eq!(runs, [2, 1]);
    assert_eq!(history(&bench.log, None, 1).await.unwrap().len(), 1);
    assert_eq!(all_runs(&bench.log).await.unwrap(), [second.record]);
}

#[tokio::test(start_paused = true)]
async fn the_record_is_as_the_interface_says() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    let report = bench.run(1).await.unwrap();
    let value = serde_json::to_value(&report.record).unwrap();
    assert_eq!(value["run_id"], "00000000-0000-0000-0000-000000000001");
    assert_eq!(
        (&value["source"], &value["state"], &value["trigger"]),
        (&json!("test"), &json!("succeeded"), &json!("manual"))
    );
    let lead = json!({"object": "lead", "state": "done", "read": 4, "published": 4, "unchanged": 0, "rejected": 0, "deleted": 0,
        "total": 4, "before": 0, "phase": "reading", "calls": 2, "bytes": 0, "retries": 0, "rate_limits": 0, "waited_ms": 0,
        "detail": null});
    assert_eq!(value["objects"], json!([lead]));
    assert_eq!(value["finished_at"], "1970-01-01T00:00:00Z");
    assert_eq!(value["position"], json!({"epoch": 1, "sequence": 4}));
    assert_eq!((&value["error"], &value["calls"]), (&Value::Null, &json!(2)));
    assert_eq!(value["log"], json!({"dropped": 0, "lines": []}));
}

#[tokio::test(start_paused = true)]
async fn passing_trouble_is_waited_out() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    bench.source.fail((0..7).map(|_| transient()));
    let begun = tokio::time::Instant::now();
    let report = bench.run(1).await.unwrap();
    assert_eq!((report.record.run.state, report.record.run.published), (RunState::Succeeded, 4));
    let detail = report.record.run.objects[0].detail.as_deref();
    assert_eq!(detail, Some("tried again after: too slow"));
    assert_eq!(begun.elapsed().as_secs(), 31, "half of .5+1+2+4+8+16+32 s");
}

#[tokio::test(start_paused = true)]
async fn trouble_that_does_not_pass_fails_the_run_and_says_what_to_do() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    bench.source.put("partner", 4, "1");
    bench.source.fail((0..8).map(|_| transient()));
    let run = bench.run(1).await.unwrap().record.run;
    assert_eq!(
        (run.state, run.error.as_ref().unwrap().code.as_str()),
        (RunState::Failed, "source-unavailable")
    );
    assert_eq!(run.objects[0].state, ObjectState::Failed);
    assert_eq!(run.objects[1].state, ObjectState::Skipped);
    bench.source.fail([permanent("login-refused")]);
    let record = bench.run(2).await.unwrap().record;
    let error = record.run.error.unwrap();
    assert_eq!((error.code.as_str(), error.fix.as_str()), ("login-refused", "ask the administrator"));
    assert!(record.last_complete.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_not_allowed_does_not_stop_the_others() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    bench.source.put("partner", 4, "1");
    bench.source.fail([permanent("not-allowed")]);
    let run = bench.run(1).await.unwrap().record.run;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!((run.objects[0].state, run.objects[1].state), (ObjectState::Failed, ObjectState::Done));
    assert_eq!(run.published, 4);
}

#[tokio::test(start_paused = true)]
async fn the_same_run_goes_on_where_it_stopped_and_another_one_also_reads_the_beginning() {
    let bench = Bench::new();
    bench.source.put("lead", 9, "1");
    let first_page_then_error = || {
        let source = bench.source.clone();
        bench.source.on_page(move |number| {
            if number == 1 {
                source.fail([permanent("x")]);
            }
        });
    };
    first_page_then_error();
    assert_eq!(bench.run(1).await.unwrap().record.run.state, RunState::Failed);
    bench.source.on_page(|_| {});
    let starts = |asked: Vec<(String, u64)>| asked.into_iter().map(|(_, start)| start).collect::<Vec<_>>();
    assert_eq!(starts(bench.source.asked()), [0, 3]);
    bench.run(1).await.unwrap();
    assert_eq!(starts(bench.source.asked()), [3, 6]);

    bench.source.put("lead", 9, "2");
    first_page_then_error();
    bench.run(2).await.unwrap();
    bench.source.on_page(|_| {});
    bench.source.asked();
    bench.source.put("lead", 9, "3");
    let report = bench.run(3).await.unwrap();
    assert_eq!(starts(bench.source.asked()), [3, 6, 0], "the rest first, then the beginning");
    assert_eq!(report.record.run.state, RunState::Succeeded);
    assert_eq!(bench.latest().await, bench.expected(), "what changed in the beginning is in");
}

#[tokio::test(start_paused = true)]
async fn a_log_that_lost_its_tail_is_filled_again() {
    let bench = Bench::new();
    bench.source.put("lead", 9, "1");
    let source = bench.source.clone();
    bench.source.on_page(move |number| {
        if number == 2 {
            source.fail([permanent("x")]);
        }
    });
    bench.run(1).await.unwrap();
    bench.source.on_page(|_| {});
    assert_eq!(bench.events().await.len(), 6);
    bench.log.lose_tail("RAW_TEST_E1", 2);
    let report = bench.run(1).await.unwrap();
    assert_eq!(bench.latest().await, bench.expected());
    assert_eq!(report.record.run.published, 7);
    assert!(report.record.run.objects[0].detail.as_ref().unwrap().contains("the log had lost events"));
}

#[tokio::test(start_paused = true)]
async fn a_full_log_is_waited_for_and_the_record_says_so() {
    let bench = Bench::new();
    bench.source.put("lead", 9, "1");
    let log = bench.log.clone();
    bench.source.on_page(move |number| {
        if number == 1 {
            log.limit("RAW_TEST_E1", Some(1));
        }
    });
    let seen = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let Ok(Some(entry)) = bench.log.get(RUNS_BUCKET, "test").await else { continue };
            let record: RunRecord = serde_json::from_slice(&entry.value).unwrap();
            let detail = record.run.objects.first().and_then(|object| object.detail.clone());
            if detail.is_some_and(|detail| detail.contains("full")) {
                break bench.log.limit("RAW_TEST_E1", None);
            }
        }
    };
    let (report, ()) = tokio::join!(bench.run(1), seen);
    assert_eq!(report.unwrap().record.run.published, 9);
    assert_eq!(bench.latest().await, bench.expected());
}

#[tokio::test(start_paused = true)]
async fn only_the_objects_asked_for_are_read() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    bench.source.put("partner", 4, "1");
    let run = async |object: &str| {
        let selection = Selection::only(vec![ObjectName::new(object).unwrap()]);
        let request = RunRequest { selection, ..request(1) };
        let source = Box::new(bench.source.clone());
        run_once(&bench.ports, &request, source, Options::default(), &CancellationToken::new()).await.unwrap()
    };
    let record = run("partner").await.record;
    assert_eq!((record.run.state, record.run.read), (RunState::Succeeded, 4));
    assert!(record.last_complete.is_none(), "a part is not everything");
    assert_eq!(run("invoice").await.record.run.error.unwrap().code, "unknown-object");
}
