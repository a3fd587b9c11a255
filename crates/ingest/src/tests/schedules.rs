//! Runs by the clock.

use std::collections::BTreeMap;

use salescommand_domain::schedule::{PAUSE_AFTER, Schedule};

use super::worker::{Shop, configuration};
use super::*;
use crate::scheduler::look;
use crate::{RunState, Scheduled, Schedules, all_runs, cancel_run};

/// A source that is read every ten minutes, its leads every three.
struct Fixed;

#[async_trait]
impl Schedules for Fixed {
    async fn all(&self) -> Result<Vec<Scheduled>, String> {
        let objects = BTreeMap::from([(ObjectName::new("lead").unwrap(), "3m".parse().unwrap())]);
        let schedule = Schedule { cadence: "10m".parse().unwrap(), objects };
        Ok(vec![Scheduled { instance: instance(), schedule, since: Timestamp::UNIX_EPOCH }])
    }
}

impl Shop {
    async fn look(&self) {
        look(&self.bench.ports, &self.bench.log, &Fixed).await.unwrap();
    }

    async fn work(&self) {
        self.served(configuration(), self.worker.work_once(&CancellationToken::new())).await.unwrap();
    }

    /// A minute later, with a look and whatever it has begun.
    async fn minute(&self) {
        self.bench.clock.advance(Duration::from_secs(60));
        self.look().await;
        self.work().await;
    }

    /// What was read since the last call, object by object.
    fn read(&self) -> Vec<String> {
        let mut read: Vec<_> = self.bench.source.asked().into_iter().map(|(object, _)| object).collect();
        read.dedup();
        read
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_due_is_read_and_nothing_else() {
    let shop = Shop::new();
    shop.bench.source.put("partner", 2, "1");
    shop.look().await;
    assert!(all_runs(&shop.bench.log).await.unwrap().is_empty(), "nothing is due when a source is added");
    let mut timetable = Vec::new();
    for _ in 0..20 {
        shop.minute().await;
        timetable.push(shop.read().join(" "));
    }
    let (lead, rest) = ("lead".to_owned(), "partner".to_owned());
    let expected = |minute: usize| match minute {
        10 | 20 => rest.clone(),
        3 | 6 | 9 | 12 | 15 | 18 => lead.clone(),
        _ => String::new(),
    };
    assert_eq!(timetable, (1..=20).map(expected).collect::<Vec<_>>());
    let record = shop.current().await;
    assert_eq!(record.run.trigger, Trigger::Schedule);
    let complete = record.last_complete.unwrap();
    assert_eq!(
        complete.finished_at,
        Timestamp::from_second(18 * 60).unwrap(),
        "all of it was read since then"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_made_up_for_once() {
    let shop = Shop::new();
    shop.bench.clock.advance(Duration::from_secs(24 * 3_600));
    for _ in 0..3 {
        shop.look().await;
        shop.work().await;
    }
    assert_eq!(shop.states().await, [RunState::Succeeded]);
}

#[tokio::test(start_paused = true)]
async fn any_number_of_schedulers_begins_one_run() {
    let shop = Shop::new();
    shop.bench.clock.advance(Duration::from_secs(600));
    tokio::join!(shop.look(), shop.look(), shop.look());
    shop.work().await;
    tokio::join!(shop.look(), shop.look());
    shop.work().await;
    assert_eq!(shop.states().await, [RunState::Succeeded]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_somebody_asked_for_counts() {
    let shop = Shop::new();
    shop.bench.clock.advance(Duration::from_secs(170));
    shop.request().await.unwrap();
    shop.work().await;
    shop.bench.clock.advance(Duration::from_secs(170));
    shop.look().await;
    assert!(shop.current().await.run.state.is_final(), "nothing is due again so soon");
    shop.bench.clock.advance(Duration::from_secs(10));
    shop.look().await;
    let record = shop.current().await;
    assert_eq!(record.run.state, RunState::Queued);
    assert!(cancel_run(&shop.bench.ports, record.run.run_id).await.is_ok());
    shop.look().await;
    assert!(shop.current().await.run.state.is_final(), "a cancelled run is not begun again at once");
}

#[tokio::test(start_paused = true)]
async fn what_a_person_has_to_mend_pauses_a_source_and_what_passes_does_not() {
    let shop = Shop::new();
    let attempts = Options::default().attempts as usize;
    for _ in 0..2 * PAUSE_AFTER {
        shop.bench.source.fail((0..attempts).map(|_| transient()));
        shop.bench.clock.advance(Duration::from_secs(600));
        shop.look().await;
        shop.work().await;
    }
    assert_eq!(shop.states().await.len(), 2 * PAUSE_AFTER as usize);
    assert_eq!(shop.current().await.failures, 0);
    for failures in 1..=PAUSE_AFTER {
        shop.bench.source.fail([permanent("login-refused")]);
        shop.bench.clock.advance(Duration::from_secs(600));
        shop.look().await;
        shop.work().await;
        assert_eq!(shop.current().await.failures, failures);
    }
    let runs = shop.states().await.len();
    shop.bench.clock.advance(Duration::from_secs(86_400));
    shop.look().await;
    shop.work().await;
    assert_eq!(shop.states().await.len(), runs, "it is left alone");
    shop.request().await.unwrap();
    shop.work().await;
    assert_eq!((shop.current().await.run.state, shop.current().await.failures), (RunState::Succeeded, 0));
    shop.minute().await;
    shop.bench.clock.advance(Duration::from_secs(600));
    shop.look().await;
    assert_eq!(shop.current().await.run.trigger, Trigger::Schedule, "and it is read again");
}

#[tokio::test(start_paused = true)]
async fn a_source_of_which_one_object_may_not_be_read_is_never_paused() {
    let shop = Shop::new();
    shop.bench.source.put("partner", 2, "1");
    for _ in 0..2 * PAUSE_AFTER {
        // Leads come first; partners are read all the same.
        shop.bench.source.fail([permanent("not-allowed")]);
        shop.bench.clock.advance(Duration::from_secs(600));
        shop.look().await;
        shop.work().await;
        let record = shop.current().await;
        assert_eq!((record.run.state, record.failures), (RunState::Failed, 0));
        assert!(shop.read().contains(&"partner".to_owned()));
    }
}
