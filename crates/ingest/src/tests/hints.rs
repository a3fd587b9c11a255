//! Runs because of hints.

use std::collections::BTreeMap;

use salescommand_domain::schedule::Schedule;

use super::worker::{Shop, configuration};
use super::*;
use crate::scheduler::look;
use crate::{RunState, Scheduled, Schedules, all_runs, hint};

/// A source that is read when it hints at something, and only then.
struct Hinted;

#[async_trait]
impl Schedules for Hinted {
    async fn all(&self) -> Result<Vec<Scheduled>, String> {
        let schedule = Schedule { cadence: "webhook".parse().unwrap(), objects: BTreeMap::new() };
        Ok(vec![Scheduled { instance: instance(), schedule, since: Timestamp::UNIX_EPOCH }])
    }
}

impl Shop {
    async fn hint(&self, object: &str) {
        hint(&self.bench.ports, &instance(), &ObjectName::new(object).unwrap()).await.unwrap();
    }

    /// So much later, with a look and whatever it has begun; gives what was read.
    async fn later(&self, seconds: u64) -> String {
        self.bench.clock.advance(Duration::from_secs(seconds));
        look(&self.bench.ports, &self.bench.log, &Hinted).await.unwrap();
        self.served(configuration(), self.worker.work_once(&CancellationToken::new())).await.unwrap();
        let mut read: Vec<_> = self.bench.source.asked().into_iter().map(|(object, _)| object).collect();
        read.dedup();
        read.join(" ")
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_makes_its_object_be_read_soon_and_once_more() {
    let shop = Shop::new();
    shop.bench.source.put("partner", 2, "1");
    assert_eq!(shop.later(9_999).await, "", "nothing is due by the clock");
    shop.hint("partner").await;
    assert_eq!(shop.later(2).await, "", "others may follow at once");
    assert_eq!(shop.later(1).await, "partner");
    assert_eq!(shop.current().await.run.trigger, Trigger::Webhook);
    assert_eq!(shop.later(119).await, "");
    assert_eq!(shop.later(1).await, "partner", "what was not visible yet");
    assert_eq!(shop.later(9_999).await, "");
    assert_eq!(shop.states().await, [RunState::Succeeded; 2]);
}

#[tokio::test(start_paused = true)]
async fn hints_without_end_make_few_runs_and_are_not_put_off() {
    let shop = Shop::new();
    let mut read = 0;
    // A hint each second, and a look every five.
    for second in 1..=200 {
        shop.bench.clock.advance(Duration::from_secs(1));
        shop.hint("lead").await;
        if second % 5 == 0 {
            read += usize::from(!shop.later(0).await.is_empty());
        }
    }
    assert!((39..=40).contains(&read), "{read}");
}

#[tokio::test(start_paused = true)]
async fn hints_while_a_run_is_under_way_make_one_behind_it() {
    let shop = Shop::new();
    shop.hint("lead").await;
    shop.bench.clock.advance(Duration::from_secs(3));
    look(&shop.bench.ports, &shop.bench.log, &Hinted).await.unwrap();
    for _ in 0..200 {
        shop.hint("lead").await;
        look(&shop.bench.ports, &shop.bench.log, &Hinted).await.unwrap();
    }
    assert_eq!(all_runs(&shop.bench.log).await.unwrap()[0].run.state, RunState::Queued);
    assert_eq!(shop.later(0).await, "lead", "the first");
    assert_eq!(shop.later(3).await, "lead", "the one behind it");
    assert_eq!(shop.later(4).await, "");
    assert_eq!(shop.states().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hint_at_what_the_source_does_not_have_is_no_failure() {
    let shop = Shop::new();
    shop.hint("salary").await;
    assert_eq!(shop.later(3).await, "");
    let record = shop.current().await;
    assert_eq!((record.run.state, record.failures, record.run.error), (RunState::Succeeded, 0, None));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_hints_only_is_tried_again_until_it_is_read() {
    let shop = Shop::new();
    shop.bench.source.put("lead", 1, "1");
    let attempts = Options::default().attempts as usize;
    shop.hint("lead").await;
    for seconds in [3, 120, 300, 300] {
        shop.bench.source.fail((0..attempts).map(|_| transient()));
        shop.later(seconds).await;
        assert_eq!(shop.current().await.run.state, RunState::Failed);
        shop.later(100).await;
    }
    let failed = shop.states().await.len();
    assert_eq!(failed, 4, "seldom, and again and again");
    shop.later(200).await;
    assert_eq!(shop.current().await.run.state, RunState::Succeeded);
    shop.later(9_999).await;
    assert_eq!(shop.states().await.len(), failed + 1);
}
