//! What people are told of sources in trouble.

use std::collections::BTreeMap;

use proptest::prelude::*;
use salescommand_domain::schedule::{PAUSE_AFTER, Schedule};
use salescommand_eventlog::KeyValue as _;

use super::worker::{Shop, configuration};
use super::*;
use crate::alerts::{
    ALERTS_BUCKET, AlertChannel, Condition, Notice, Notifier, SourceAlerts, conditions, settle, watch,
};
use crate::{RunRecord, Scheduled, Schedules};

const DAY: Duration = Duration::from_secs(86_400);

fn source() -> Scheduled {
    let schedule = Schedule { cadence: "1h".parse().unwrap(), objects: BTreeMap::new() };
    Scheduled { instance: instance(), schedule, since: Timestamp::UNIX_EPOCH }
}

struct One;

#[async_trait]
impl Schedules for One {
    async fn all(&self) -> Result<Vec<Scheduled>, String> {
        Ok(vec![source()])
    }
}

/// Somebody who believes what they are told, once for each id, and whose telephone may be dead.
#[derive(Default)]
struct Person {
    notices: Mutex<Vec<Notice>>,
    believes: Mutex<BTreeSet<Condition>>,
    deaf: Mutex<bool>,
    by_mail: bool,
}

#[async_trait]
impl Notifier for Person {
    fn channel(&self) -> AlertChannel {
        if self.by_mail { AlertChannel::Mail } else { AlertChannel::WebHook }
    }

    async fn tell(&self, notice: &Notice) -> Result<(), String> {
        tokio::task::yield_now().await;
        if *self.deaf.lock().unwrap() {
            return Err("no line".to_owned());
        }
        let mut notices = self.notices.lock().unwrap();
        if notices.iter().all(|heard| heard.id != notice.id) {
            let mut believes = self.believes.lock().unwrap();
            believes.retain(|condition| !notice.cleared.contains(condition));
            believes.extend(&notice.raised);
            notices.push(notice.clone());
        }
        Ok(())
    }
}

impl Shop {
    async fn runs(&self) -> RunRecord {
        self.request().await.unwrap();
        self.served(configuration(), self.worker.work_once(&CancellationToken::new())).await.unwrap();
        self.current().await
    }

    async fn watched(&self, person: &Person) {
        watch(&self.bench.ports, &One, person, DAY).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_once_and_its_end_once() {
    let (shop, person) = (Shop::new(), Person::default());
    shop.runs().await;
    shop.watched(&person).await;
    assert!(person.notices.lock().unwrap().is_empty(), "all is well");
    for _ in 0..3 {
        shop.bench.source.fail([permanent("login-refused")]);
        shop.runs().await;
        shop.watched(&person).await;
        shop.watched(&person).await;
    }
    shop.runs().await;
    shop.watched(&person).await;
    let notices = std::mem::take(&mut *person.notices.lock().unwrap());
    let told: Vec<_> = notices.iter().map(|n| (n.id.as_str(), n.raised.len(), n.cleared.len())).collect();
    assert_eq!(told, [("test/1", 1, 0), ("test/2", 0, 1)]);
    assert_eq!(notices[0].error.as_ref().unwrap().code, "login-refused");
    assert_eq!((&notices[1].error, notices[1].conditions.len()), (&None, 0));
}

/// No source, and an organisation in which a circle comes and goes.
#[derive(Default)]
struct Circling(Mutex<bool>);

#[async_trait]
impl Schedules for Circling {
    async fn all(&self) -> Result<Vec<Scheduled>, String> {
        Ok(Vec::new())
    }

    async fn own_conditions(&self, _now: Timestamp) -> Result<BTreeSet<Condition>, String> {
        Ok(self.0.lock().unwrap().then_some(Condition::ManagersInCircle).into_iter().collect())
    }
}

#[tokio::test(start_paused = true)]
async fn a_circle_among_managers_is_told_once_and_its_end_once() {
    let (shop, person, organisation) = (Shop::new(), Person::default(), Circling::default());
    for circle in [false, true, true, false, false] {
        *organisation.0.lock().unwrap() = circle;
        watch(&shop.bench.ports, &organisation, &person, DAY).await.unwrap();
    }
    let notices = std::mem::take(&mut *person.notices.lock().unwrap());
    let told: Vec<_> = notices.iter().map(|n| (n.id.as_str(), n.raised.len(), n.cleared.len())).collect();
    assert_eq!(told, [("config/1", 1, 0), ("config/2", 0, 1)]);
    assert_eq!(notices[0].source, InstanceName::config());
}

#[tokio::test(start_paused = true)]
async fn conditions_are_what_they_say() {
    let shop = Shop::new();
    let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
    let of = |record: Option<&RunRecord>, seconds| conditions(&source(), record, at(seconds), DAY);
    assert!(of(None, 86_400).is_empty());
    assert_eq!(of(None, 86_401), [Condition::Stale].into(), "never read, and long there");
    let mut record = shop.runs().await;
    assert!(of(Some(&record), 86_400).is_empty());
    assert_eq!(of(Some(&record), 86_401), [Condition::Stale].into());
    let manual = Schedule { cadence: "manual".parse().unwrap(), objects: BTreeMap::new() };
    let manual = Scheduled { schedule: manual, ..source() };
    assert!(conditions(&manual, Some(&record), at(1_000_000), DAY).is_empty(), "read by hand alone");
    (record.run.read, record.run.rejected) = (1_000, 10);
    assert!(of(Some(&record), 0).is_empty());
    record.run.rejected = 11;
    record.failures = PAUSE_AFTER;
    assert_eq!(of(Some(&record), 0), [Condition::Paused, Condition::Rejecting].into());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_is_told_later() {
    let (shop, person) = (Shop::new(), Person::default());
    *person.deaf.lock().unwrap() = true;
    shop.bench.source.fail([permanent("login-refused")]);
    shop.runs().await;
    assert_eq!(watch(&shop.bench.ports, &One, &person, DAY).await, Err("no line".to_owned()));
    let shown = shop.bench.log.get(ALERTS_BUCKET, "test").await.unwrap().unwrap();
    let shown: SourceAlerts = serde_json::from_slice(&shown.value).unwrap();
    assert_eq!(shown.conditions.len(), 1, "the page shows it all the same");
    *person.deaf.lock().unwrap() = false;
    shop.watched(&person).await;
    assert_eq!(*person.believes.lock().unwrap(), [Condition::Failing].into());
}

#[tokio::test(start_paused = true)]
async fn one_way_that_does_not_work_keeps_no_other_from_it() {
    let (shop, chat) = (Shop::new(), Person::default());
    let mailbox = Person { by_mail: true, deaf: Mutex::new(true), ..Person::default() };
    shop.bench.source.fail([permanent("login-refused")]);
    shop.runs().await;
    for _ in 0..2 {
        assert!(watch(&shop.bench.ports, &One, &mailbox, DAY).await.is_err());
        shop.watched(&chat).await;
    }
    *mailbox.deaf.lock().unwrap() = false;
    shop.watched(&mailbox).await;
    for person in [&chat, &mailbox] {
        assert_eq!(person.notices.lock().unwrap().len(), 1, "told once each");
    }
}

fn wrong() -> impl Strategy<Value = BTreeSet<Condition>> {
    let all = [Condition::Failing, Condition::Paused, Condition::Stale, Condition::Rejecting];
    prop::sample::subsequence(all.to_vec(), 0..=4).prop_map(|some| some.into_iter().collect())
}

proptest! {
    /// Whatever comes and goes, whoever is deaf and wherever a watcher dies: in the end people believe what is.
    #[test]
    fn people_end_up_with_what_is(steps in prop::collection::vec((wrong(), any::<bool>(), 0_usize..12), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (bench, person) = (Bench::new(), Person::default());
            bench.ports.kv.ensure_bucket(ALERTS_BUCKET).await.unwrap();
            let mut last = BTreeSet::new();
            for (wrong, deaf, polls) in steps {
                *person.deaf.lock().unwrap() = deaf;
                last.clone_from(&wrong);
                let instance = instance();
                let settling = settle(&bench.ports, &instance, wrong, None, &person);
                salescommand_eventlog::memory::abort_after(polls, settling).await;
            }
            *person.deaf.lock().unwrap() = false;
            settle(&bench.ports, &instance(), last.clone(), None, &person).await.unwrap();
            assert_eq!(*person.believes.lock().unwrap(), last);
        });
    }
}
