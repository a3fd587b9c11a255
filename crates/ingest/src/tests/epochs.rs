//! Writing over the borders of epochs: the digest chain, cursors, and epochs that are sealed under a writer.

use salescommand_epochs::{NoArchives, cover, maintain, seal};
use salescommand_eventlog::Administration as _;
use serde_json::json;

use super::*;
use crate::{RawWriter, RunState, Written};

impl Bench {
    async fn writer(&self) -> RawWriter {
        RawWriter::open(&self.ports, &instance(), "config", 0).await.unwrap()
    }

    async fn append(&self, payload: Value) -> Written {
        self.writer().await.append(&plan("person"), &[record(1, payload)]).await.unwrap()
    }

    async fn seal(&self) -> u32 {
        seal(&self.log, &NoArchives, &instance()).await.unwrap()
    }

    /// Deletes an epoch as the platform does: after its heads are written.
    async fn delete(&self, epoch: u32) {
        cover(&self.log, &instance(), epoch).await.unwrap();
        assert!(self.log.delete_stream(&format!("RAW_TEST_E{epoch}")).await.unwrap());
    }
}

#[tokio::test]
async fn going_there_and_back_over_borders_makes_three_events() {
    let unchanged = Written { unchanged: 1, ..Written::default() };
    for deleted in [false, true] {
        let bench = Bench::new();
        let mut names = Vec::new();
        for name in ["A", "B", "A"] {
            assert_eq!(bench.append(json!({"name": name})).await.published, 1, "{name}");
            assert_eq!(
                bench.append(json!({"name": name, "age": 7})).await,
                unchanged,
                "{name} in its own epoch"
            );
            names.extend(bench.events().await.last().cloned().map(|e| inline(e.payload)["name"].clone()));
            let sealed = bench.seal().await;
            if deleted {
                bench.delete(sealed).await;
            }
            assert_eq!(
                bench.append(json!({"name": name, "age": 9})).await,
                unchanged,
                "{name} over the border"
            );
        }
        assert_eq!(names, ["A", "B", "A"], "deleted: {deleted}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_full_sync_publishes_nothing_whatever_became_of_the_epochs() {
    let bench = Bench::new();
    for (id, object) in [(1, "lead"), (2, "partner"), (3, "team")] {
        bench.source.put(object, 7, "1");
        assert_eq!(bench.run(id).await.unwrap().record.run.published, 7);
        bench.seal().await;
    }
    assert_eq!(bench.run(4).await.unwrap().record.run.published, 0, "three sealed epochs");
    bench.delete(1).await;
    assert_eq!(bench.run(5).await.unwrap().record.run.published, 0, "heads and two epochs");
    bench.delete(2).await;
    bench.delete(3).await;
    let run = bench.run(6).await.unwrap().record.run;
    assert_eq!((run.published, run.unchanged), (0, 21), "heads alone");
    bench.source.put("lead", 7, "2");
    assert_eq!(bench.run(7).await.unwrap().record.run.published, 7);
}

#[tokio::test]
async fn a_record_is_retracted_and_comes_back_over_a_deleted_epoch() {
    let bench = Bench::new();
    bench.append(json!({"name": "A"})).await;
    let sealed = bench.seal().await;
    bench.delete(sealed).await;
    let gone = ["1".to_owned()];
    for published in [1, 0] {
        let written = bench.writer().await.retract(&plan("person"), &gone).await.unwrap();
        assert_eq!(written.published, published);
    }
    let sealed = bench.seal().await;
    bench.delete(sealed).await;
    assert_eq!(bench.writer().await.retract(&plan("person"), &gone).await.unwrap().unchanged, 1);
    assert_eq!(bench.append(json!({"name": "A"})).await.published, 1);
}

#[tokio::test(start_paused = true)]
async fn an_epoch_sealed_under_a_page_loses_nothing_and_repeats_nothing() {
    let mut divided = 0;
    for steps in 0..40 {
        let bench = Bench::new();
        let mut writer = bench.writer().await;
        let page: Vec<_> = (0..8).map(|n| record(n, json!({"n": n}))).collect();
        let plan = plan("person");
        let roll = async {
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
            maintain(&bench.log, &NoArchives, 1).await.unwrap();
        };
        let write = async {
            loop {
                match writer.append(&plan, &page).await {
                    Ok(written) => return written,
                    // Between two epochs.
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
            }
        };
        let (written, ()) = tokio::join!(write, roll);
        assert_eq!((written.published, written.unchanged), (8, 0), "after {steps} steps");
        assert_eq!(bench.events().await.len(), 8, "after {steps} steps");
        assert!(writer.reaches(writer.end()));
        let epochs = Chain::load(&bench.log, &instance()).await.unwrap().epochs;
        divided += usize::from(epochs.iter().filter(|epoch| epoch.status.messages > 0).count() == 2);
    }
    assert!(divided > 3, "only {divided} pages were divided by a border");
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_while_epochs_are_sealed_archived_and_deleted() {
    let bench = Bench::new();
    bench.source.put("lead", 30, "1");
    let roll = async {
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            maintain(&bench.log, &NoArchives, 1).await.unwrap();
            let newest = Chain::load(&bench.log, &instance()).await.unwrap().epochs;
            for epoch in newest.iter().filter(|epoch| epoch.is_sealed()) {
                bench.log.delete_stream(&epoch.status.name).await.unwrap();
            }
        }
    };
    // Each page is asked for again once, with a pause, so that the run takes its time.
    bench.source.fail((0..5).map(|_| transient()));
    let (run, ()) = tokio::join!(bench.run(1), roll);
    let run = run.unwrap().record.run;
    assert_eq!((run.state, run.published, run.unchanged), (RunState::Succeeded, 30, 0));
    assert_eq!(bench.run(2).await.unwrap().record.run.published, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_in_an_earlier_epoch_holds_and_one_in_a_lost_tail_does_not() {
    let bench = Bench::new();
    bench.source.put("lead", 9, "1");
    bench.source.hang_at(Some(2));
    let cut = tokio::time::timeout(Duration::from_secs(5), bench.run(1)).await;
    assert!(cut.is_err(), "the third page never came");
    bench.source.asked();
    bench.clock.advance(Duration::from_secs(31));
    bench.source.hang_at(None);
    let epoch = bench.seal().await;
    bench.delete(epoch).await;
    bench.run(1).await.unwrap();
    assert_eq!(bench.source.asked(), [("lead".to_owned(), 6)], "goes on where it was");

    bench.source.put("lead", 12, "2");
    bench.source.hang_at(Some(2));
    assert!(tokio::time::timeout(Duration::from_secs(5), bench.run(2)).await.is_err());
    bench.source.asked();
    bench.clock.advance(Duration::from_secs(31));
    bench.source.hang_at(None);
    bench.seal().await;
    bench.log.lose_tail("RAW_TEST_E2", 4);
    bench.run(2).await.unwrap();
    assert_eq!(bench.source.asked()[0], ("lead".to_owned(), 0), "read again from the beginning");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_run_is_an_event_also_when_the_open_epoch_is_empty() {
    let bench = Bench::new();
    bench.source.put("lead", 5, "1");
    let whole = bench.run(1).await.unwrap().end;
    assert_eq!((whole.epoch, whole.sequence), (1, 5));
    let epoch = bench.seal().await;
    let report = bench.run(2).await.unwrap();
    assert_eq!((report.end, report.record.last_complete.unwrap().position), (whole, whole));
    bench.delete(epoch).await;
    let report = bench.run(3).await.unwrap();
    assert_eq!(
        (report.end, report.record.run.published),
        (whole, 0),
        "what was deleted is known by its heads"
    );
    bench.source.put("lead", 5, "2");
    assert_eq!(bench.run(4).await.unwrap().end, salescommand_domain::raw::Position { epoch: 2, sequence: 5 });
}
