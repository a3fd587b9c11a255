//! The worker: jobs, configuration, stopping, dying.

use futures::StreamExt as _;
use salescommand_eventlog::Requests as _;
use secrecy::ExposeSecret as _;

use super::*;
use crate::{
    Cancelled, OPEN_SUBJECT, RunState, SyncRequest, TriggerError, Worker, all_runs, cancel_run, history,
    request_sync,
};

pub(super) struct Shop {
    pub(super) bench: Bench,
    pub(super) worker: Worker,
}

impl Shop {
    pub(super) fn new() -> Self {
        let bench = Bench::new();
        bench.source.put("lead", 9, "1");
        let shared = Arc::new(bench.log.clone());
        let worker = Worker::new(bench.ports.clone(), shared.clone(), shared, Options::default());
        let source = bench.source.clone();
        let worker = worker.with_opener(move |kind, settings| {
            assert_eq!((kind, settings.secret.expose_secret()), ("scripted", "s3cret"));
            assert_eq!(settings.plain["url"], "http://x");
            Ok(Box::new(source.clone()))
        });
        Self { bench, worker }
    }

    pub(super) async fn request(&self) -> Result<Uuid, TriggerError> {
        let run_id = self.bench.ports.ids.next();
        let request = SyncRequest {
            run_id,
            instance: instance(),
            selection: Selection::all(),
            demands: Demands::default(),
            trigger: Trigger::Cli,
        };
        request_sync(&self.bench.ports, &self.bench.log, request).await
    }

    /// Does something while the configuration is handed out.
    pub(super) async fn served<T>(&self, answer: Value, act: impl Future<Output = T>) -> T {
        let mut questions = self.bench.log.serve(OPEN_SUBJECT).await.unwrap();
        let serve = async {
            while let Some(question) = questions.next().await {
                assert_eq!(
                    serde_json::from_slice::<Value>(question.payload()).unwrap(),
                    json!({"name": "test"})
                );
                question.respond(answer.to_string().into()).await.unwrap();
            }
        };
        tokio::select! {
            done = act => done,
            () = serve => unreachable!("the questions do not end"),
        }
    }

    /// A worker takes the job and is never heard of again, at a page that does not come.
    async fn dies_at_page(&self, page: u64) {
        self.bench.source.hang_at(Some(page));
        let dead = self.served(configuration(), async {
            let stop = CancellationToken::new();
            tokio::time::timeout(Duration::from_secs(60), self.worker.work_once(&stop)).await
        });
        assert!(dead.await.is_err());
    }

    /// Another worker takes the job, after the lease of the dead one.
    async fn next_one_works(&self) {
        self.bench.source.hang_at(None);
        self.bench.clock.advance(Duration::from_secs(31));
        tokio::time::sleep(Duration::from_secs(31)).await;
        self.served(configuration(), self.worker.work_once(&CancellationToken::new())).await.unwrap();
    }

    pub(super) async fn states(&self) -> Vec<RunState> {
        history(&self.bench.log, None, 99).await.unwrap().iter().map(|record| record.run.state).collect()
    }

    pub(super) async fn current(&self) -> crate::RunRecord {
        all_runs(&self.bench.log).await.unwrap().remove(0)
    }
}

pub(super) fn configuration() -> Value {
    json!({"kind": "scripted", "title": "Test", "settings": {"url": "http://x"}, "secret": "s3cret"})
}

#[tokio::test(start_paused = true)]
async fn a_run_asked_for_is_run_once() {
    let shop = Shop::new();
    let run_id = shop.request().await.unwrap();
    assert_eq!(shop.current().await.run.state, RunState::Queued);
    let again = shop.request().await;
    assert!(matches!(again, Err(TriggerError::AlreadyRunning { run_id: other }) if other == run_id));
    let stop = CancellationToken::new();
    shop.served(configuration(), async {
        shop.worker.work_once(&stop).await.unwrap();
        shop.worker.work_once(&stop).await.unwrap();
    })
    .await;
    let record = shop.current().await;
    assert_eq!((record.run.run_id, record.run.state, record.run.published), (run_id, RunState::Succeeded, 9));
    assert_eq!(shop.states().await, [RunState::Succeeded]);
    assert_ne!(shop.request().await.unwrap(), run_id);
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_does_not_open_ends_the_run_with_the_reason() {
    let shop = Shop::new();
    let refusal = json!({"error": {"code": "source-unknown", "message": "no source test", "fix": "add it"}});
    for (answer, code) in [(refusal, "source-unknown"), (json!({"kind": 1}), "configuration-unreadable")] {
        shop.request().await.unwrap();
        shop.served(answer, shop.worker.work_once(&CancellationToken::new())).await.unwrap();
        let run = shop.current().await.run;
        assert_eq!((run.state, run.error.unwrap().code.as_str()), (RunState::Failed, code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_waits_until_somebody_hands_out_the_configuration() {
    let shop = Shop::new();
    shop.request().await.unwrap();
    let stop = CancellationToken::new();
    shop.worker.work_once(&stop).await.unwrap();
    assert_eq!(shop.current().await.run.state, RunState::Queued);
    tokio::time::sleep(Duration::from_secs(6)).await;
    shop.served(configuration(), shop.worker.work_once(&stop)).await.unwrap();
    assert_eq!(shop.current().await.run.state, RunState::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_gives_the_run_back_and_the_next_one_goes_on() {
    let shop = Shop::new();
    shop.request().await.unwrap();
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    shop.bench.source.on_page(move |number| {
        if number == 1 {
            stopping.cancel();
        }
    });
    shop.served(configuration(), shop.worker.run(stop)).await;
    let record = shop.current().await;
    assert_eq!(
        (record.run.state, record.run.read),
        (RunState::Interrupted, 6),
        "the page under way was finished"
    );
    shop.bench.source.asked();
    shop.served(configuration(), shop.worker.work_once(&CancellationToken::new())).await.unwrap();
    let record = shop.current().await;
    assert_eq!((record.run.state, record.run.read), (RunState::Succeeded, 3));
    assert_eq!(shop.bench.source.asked(), [("lead".to_owned(), 6)]);
    assert_eq!(shop.states().await, [RunState::Succeeded, RunState::Interrupted]);
    assert_eq!(shop.bench.latest().await, shop.bench.expected());
}

#[tokio::test(start_paused = true)]
async fn the_run_of_a_dead_worker_is_marked_and_goes_on_under_a_new_token() {
    let shop = Shop::new();
    let run_id = shop.request().await.unwrap();
    shop.dies_at_page(2).await;
    let left = shop.current().await;
    assert_eq!((left.run.state, left.run.read), (RunState::Running, 6), "progress was written");
    shop.next_one_works().await;
    let record = shop.current().await;
    assert_eq!((record.run.run_id, record.run.state, record.run.read), (run_id, RunState::Succeeded, 3));
    assert!(record.token > left.token);
    assert_eq!(shop.states().await, [RunState::Succeeded, RunState::Interrupted]);
    assert_eq!(shop.bench.latest().await, shop.bench.expected());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_is_cancelled_at_once_and_never_runs() {
    let shop = Shop::new();
    let run_id = shop.request().await.unwrap();
    assert_eq!(cancel_run(&shop.bench.ports, run_id).await.unwrap(), Cancelled::Ended);
    assert_eq!(cancel_run(&shop.bench.ports, run_id).await.unwrap(), Cancelled::Nothing);
    assert_eq!(cancel_run(&shop.bench.ports, Uuid::from_u128(99)).await.unwrap(), Cancelled::Nothing);
    shop.served(configuration(), shop.worker.work_once(&CancellationToken::new())).await.unwrap();
    assert_eq!(shop.states().await, [RunState::Cancelled]);
    assert!(shop.bench.source.asked().is_empty(), "nothing was read");
    assert_ne!(shop.request().await.unwrap(), run_id, "the next run may begin");
}

#[tokio::test(start_paused = true)]
async fn a_run_under_way_ends_after_its_page_and_the_next_one_goes_on_from_there() {
    let shop = Shop::new();
    let run_id = shop.request().await.unwrap();
    let (ports, asked) = (shop.bench.ports.clone(), Arc::new(Mutex::new(None)));
    let answer = asked.clone();
    shop.bench.source.fail([transient()]);
    shop.bench.source.on_page(move |number| {
        let (ports, answer) = (ports.clone(), answer.clone());
        if number == 0 {
            tokio::spawn(async move {
                let outcome = cancel_run(&ports, run_id).await.unwrap();
                *answer.lock().unwrap() = Some(outcome);
            });
        }
    });
    // The page that failed is asked for again after the wish was noticed; then the run ends.
    shop.bench.source.fail((0..6).map(|_| transient()));
    shop.served(configuration(), shop.worker.work_once(&CancellationToken::new())).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), Some(Cancelled::Asked));
    let record = shop.current().await;
    assert_eq!((record.run.run_id, record.run.state), (run_id, RunState::Cancelled));
    assert_eq!(shop.states().await, [RunState::Cancelled]);
    // Its job is done: it does not come again.
    tokio::time::sleep(Duration::from_secs(120)).await;
    shop.served(configuration(), shop.worker.work_once(&CancellationToken::new())).await.unwrap();
    assert_eq!(shop.states().await, [RunState::Cancelled]);
    shop.bench.source.state.lock().unwrap().errors.clear();
    shop.request().await.unwrap();
    shop.served(configuration(), shop.worker.work_once(&CancellationToken::new())).await.unwrap();
    assert_eq!(shop.bench.latest().await, shop.bench.expected());
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_process_has_died_is_cancelled_by_the_next_one() {
    let shop = Shop::new();
    let run_id = shop.request().await.unwrap();
    shop.dies_at_page(2).await;
    assert_eq!(cancel_run(&shop.bench.ports, run_id).await.unwrap(), Cancelled::Asked);
    shop.bench.source.fail((0..7).map(|_| transient()));
    shop.next_one_works().await;
    assert_eq!(shop.current().await.run.state, RunState::Cancelled);
    assert_eq!(shop.states().await, [RunState::Cancelled, RunState::Interrupted]);
}
