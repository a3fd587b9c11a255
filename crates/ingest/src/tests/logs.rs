//! What a run has to say, what it took, and how far it is.

use salescommand_eventlog::KeyValue as _;

use super::*;
use crate::{Phase, RUNS_BUCKET, RunRecord, RunState, find_run};

fn texts(record: &RunRecord) -> Vec<String> {
    let lines = record.log.lines.iter();
    lines
        .map(|line| {
            format!("{:?} {}: {}", line.level, line.object.as_ref().map_or("-", |o| o.as_str()), line.text)
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn waits_and_trouble_are_counted_and_stand_in_the_log() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    let limited = SourceError::Transient {
        message: "429 Too Many Requests".into(),
        retry_after: Some(Duration::from_secs(30)),
    };
    bench.source.fail([transient(), limited]);
    let record = bench.run(1).await.unwrap().record;
    assert_eq!((record.run.state, record.run.read), (RunState::Succeeded, 4));
    let effort = record.run.effort;
    assert_eq!(
        (effort.retries, effort.rate_limits, effort.calls),
        (2, 1, 4),
        "two pages, each trouble a request"
    );
    assert_eq!(effort.waited_ms, 30_250, "half of the first bound, then what the source asked for");
    assert_eq!(
        texts(&record),
        [
            "Warn lead: too slow; tried again after 0.2 s",
            "Warn lead: 429 Too Many Requests; the source asked to be left alone: waited 30.0 s",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_not_read_stands_in_the_log_with_what_to_do() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    bench.source.put("partner", 4, "1");
    bench.source.fail([permanent("not-allowed")]);
    let record = bench.run(1).await.unwrap().record;
    assert_eq!(record.run.state, RunState::Failed);
    assert_eq!(
        texts(&record),
        ["Error lead: no ask the administrator"],
        "and not once more for the whole run"
    );
    let remembered = find_run(&bench.log, &bench.log, record.run.run_id).await.unwrap().unwrap();
    assert_eq!(remembered.log, record.log);
    bench.run(2).await.unwrap();
    let remembered = find_run(&bench.log, &bench.log, record.run.run_id).await.unwrap().unwrap();
    assert_eq!(
        (remembered.log, remembered.run.run_id),
        (record.log, record.run.run_id),
        "it is kept with the run"
    );
    assert!(find_run(&bench.log, &bench.log, Uuid::from_u128(99)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn rejected_records_and_changed_fields_stand_in_the_log() {
    let bench = Bench::new();
    bench.source.put("lead", 2, "1");
    bench.source.state.lock().unwrap().schema =
        [("name", "char"), ("x_a", "char")].map(|(name, kind)| (name.to_owned(), kind.to_owned())).into();
    bench.run(1).await.unwrap();
    {
        let mut state = bench.source.state.lock().unwrap();
        state.schema.remove("x_a");
        state.objects.get_mut("lead").unwrap()[1].payload = json!({"text": "x".repeat(7_000_001)});
    }
    let record = bench.run(2).await.unwrap().record;
    let texts = texts(&record);
    assert!(texts[0].starts_with("Warn lead: fields have changed: x_a"), "{texts:?}");
    assert!(texts[1].starts_with("Error lead: record 1 rejected: 700"), "{texts:?}");
    assert_eq!((texts.len(), record.run.rejected), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_elsewhere_keeps_its_log() {
    let bench = Bench::new();
    bench.source.put("lead", 9, "1");
    bench.source.fail([transient()]);
    bench.source.hang_at(Some(3));
    let dead = tokio::time::timeout(Duration::from_secs(60), bench.run(1)).await;
    assert!(dead.is_err());
    bench.source.hang_at(None);
    bench.clock.advance(Duration::from_secs(31));
    let record = bench.run(1).await.unwrap().record;
    assert_eq!((record.run.read, record.run.objects[0].before), (3, 6));
    let texts = texts(&record);
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("too slow"), "{texts:?}");
    assert!(texts[1].starts_with("Warn -: its process ended in the middle"), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_under_way_tells_its_pace_its_end_and_what_it_does() {
    let bench = Bench::new();
    bench.source.put("lead", 30, "1");
    let (source, clock) = (bench.source.clone(), bench.clock.clone());
    bench.source.on_page(move |number| {
        clock.advance(Duration::from_secs(1));
        if number == 3 || number == 7 {
            source.fail([SourceError::Transient {
                message: "busy".into(),
                retry_after: Some(Duration::from_secs(5)),
            }]);
        }
    });
    let seen = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let Ok(Some(entry)) = bench.log.get(RUNS_BUCKET, "test").await else { continue };
            let record: RunRecord = serde_json::from_slice(&entry.value).unwrap();
            let Some(object) = record.run.objects.into_iter().next() else { continue };
            // The pace is known at the second wait.
            if object.phase == Phase::WaitingForSource && object.per_second.is_some() {
                break object;
            }
        }
    };
    let (report, object) = tokio::join!(bench.run(1), seen);
    assert_eq!((object.read, object.total, object.effort.rate_limits), (18, Some(30), 2));
    assert_eq!((object.per_second, object.seconds_left), (Some(2.25), Some(6)), "9 in 4 s, and 12 are left");
    let ended = report.unwrap().record.run;
    assert_eq!((ended.objects[0].per_second, ended.objects[0].seconds_left), (None, None));
    assert_eq!(ended.objects[0].phase, Phase::Reading);
    assert!(ended.effort.waited_ms >= 10_000);
}
