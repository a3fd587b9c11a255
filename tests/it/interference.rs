//! What is outside a reader's scope changes no byte of any answer, over HTTP and behind the whole pipeline on real servers.
//!
//! A sample of the property that `crates/query/tests/it/interference.rs` holds for invented organisations: deals that a reader
//! does not see are sold, lost, renamed, handed on, made and deleted, and people of other branches report elsewhere.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use salescommand_domain::canonical::SourceRef;
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_tests::organisation::{
    Organisation, amount, employee, id, lead, publish, retract, shown, signed_in,
};
use salescommand_tests::platform::{Answer, Platform, Session, eventually};
use serde_json::{Value, json};

/// What happens to one company.
const ROUNDS: usize = 20;
/// Deals of each at the beginning.
const DEALS: u32 = 2;

/// A deal as it was published last.
#[derive(Debug, Clone, Copy)]
struct Deal {
    owner: u32,
    minor: i64,
    state: State,
}

/// What is deleted is shown to those who saw it before, as deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Lost,
    Deleted,
}

/// What happens where a reader does not look; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Happening {
    Change { deal: u32, owner: u32, minor: i64, state: State },
    Delete { deal: u32 },
    Move { person: u32, to: u32 },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (any::<u32>(), any::<u32>(), 1..1_000_000_i64, prop::sample::select(vec![State::Open, State::Lost]))
            .prop_map(|(deal, owner, minor, state)| Happening::Change { deal, owner, minor, state }),
        2 => any::<u32>().prop_map(|deal| Happening::Delete { deal }),
        2 => (any::<u32>(), any::<u32>()).prop_map(|(person, to)| Happening::Move { person, to }),
    ]
}

/// How many companies: `SALESCOMMAND_TEST_COMPANIES`, else one.
fn companies() -> usize {
    std::env::var("SALESCOMMAND_TEST_COMPANIES").ok().map_or(1, |companies| companies.parse().unwrap())
}

/// People, and how many report to each who has reports.
fn sizes() -> impl Strategy<Value = (u32, u32)> {
    (12..24_u32, 2..5_u32)
}

fn chosen(all: &[u32], number: u32) -> u32 {
    all[number as usize % all.len()]
}

/// The organisation and its deals, as they are in the raw log.
struct Company {
    organisation: Organisation,
    deals: BTreeMap<u32, Deal>,
    /// The number of the next new deal.
    next: u32,
}

impl Company {
    async fn founded(platform: &Platform, (people, reports): (u32, u32)) -> Self {
        let organisation = Organisation { people, reports, deals: DEALS, activities: 0, moved: Vec::new() };
        organisation.publish(platform).await.unwrap();
        let all = (0..people).flat_map(|owner| (0..DEALS).map(move |deal| (owner, deal)));
        let deals = all.map(|(owner, deal)| {
            (owner * DEALS + deal + 1, Deal { owner, minor: amount(owner, deal), state: State::Open })
        });
        Self { organisation, deals: deals.collect(), next: people * DEALS + 1 }
    }

    /// Who reads: the manager of a branch, one of those below, and somebody without reports.
    fn readers(&self) -> [(u32, &'static str); 3] {
        let Organisation { people, reports, .. } = self.organisation;
        [(1, "sales_manager"), (reports + 1, "account_manager"), (people - 2, "sales_user")]
    }

    fn sees(&self, reader: u32, deal: Deal) -> bool {
        self.organisation.is_above(reader, deal.owner)
    }

    /// How many deals a reader sees.
    fn visible(&self, reader: u32) -> usize {
        self.deals.values().filter(|deal| self.sees(reader, **deal)).count()
    }

    /// The people whose deals a reader does not see.
    fn elsewhere(&self, reader: u32) -> Vec<u32> {
        (0..self.organisation.people).filter(|person| !self.organisation.is_above(reader, *person)).collect()
    }

    /// What somebody who sees everything must see: open deals and their amount.
    fn total(&self) -> (i64, i64) {
        let open = self.deals.values().filter(|deal| deal.state == State::Open);
        open.fold((0, 0), |(count, sum), deal| (count + 1, sum + deal.minor))
    }

    /// Lets things happen that change nothing of what a reader sees. A new deal comes last, so its arrival tells that of the rest.
    async fn go_on(&mut self, platform: &Platform, reader: u32, happenings: &[Happening]) {
        let elsewhere = self.elsewhere(reader);
        for happening in happenings {
            let hidden: Vec<u32> = self
                .deals
                .iter()
                .filter(|(_, deal)| !self.sees(reader, **deal))
                .map(|(number, _)| *number)
                .collect();
            if hidden.is_empty() {
                // What happened to other readers has put every deal before this one.
                continue;
            }
            match *happening {
                Happening::Change { deal, owner, minor, state } => {
                    let now = Deal { owner: chosen(&elsewhere, owner), minor: minor * 100, state };
                    self.put(platform, chosen(&hidden, deal), now).await;
                }
                Happening::Delete { deal } => {
                    let number = chosen(&hidden, deal);
                    self.deals.entry(number).and_modify(|deal| deal.state = State::Deleted);
                    retract(platform, "crm.lead", &[number]).await.unwrap();
                }
                Happening::Move { person, to } => self.move_elsewhere(platform, reader, (person, to)).await,
            }
        }
        self.make(platform, chosen(&elsewhere, self.next)).await;
    }

    /// A new deal of somebody.
    async fn make(&mut self, platform: &Platform, owner: u32) {
        let number = self.next;
        self.next += 1;
        let minor = i64::from(number) * 100_700;
        self.put(platform, number, Deal { owner, minor, state: State::Open }).await;
    }

    async fn put(&mut self, platform: &Platform, number: u32, deal: Deal) {
        let mut record = lead(number, deal.owner, deal.minor);
        record["name"] = json!(format!("Deal {number} of {} over {}", deal.owner, deal.minor));
        if deal.state == State::Lost {
            record["active"] = json!(false);
            record["probability"] = json!(0.0);
        }
        publish(platform, "crm.lead", [(number, record)]).await.unwrap();
        self.deals.insert(number, deal);
    }

    /// Somebody whom the reader neither sees nor reports to reports to somebody else whom the reader does not see.
    async fn move_elsewhere(&mut self, platform: &Platform, reader: u32, (person, to): (u32, u32)) {
        let elsewhere = self.elsewhere(reader);
        let movable = |person: &u32| !self.organisation.is_above(*person, reader);
        let movable: Vec<_> = elsewhere.iter().copied().filter(movable).collect();
        if movable.is_empty() {
            // What happened to other readers has put everybody else below this one, or above.
            return;
        }
        let person = chosen(&movable, person);
        let below = |to: &u32| self.organisation.is_above(person, *to);
        let managers: Vec<_> = elsewhere.into_iter().filter(|to| !below(to)).collect();
        let to = chosen(&managers, to);
        self.organisation.moved.push((person, to));
        publish(platform, "hr.employee", [(id(person), employee(person, Some(to)))]).await.unwrap();
    }
}

/// What a reader asks: every list, every deal, and of every third deal and person what is behind it, other ones in each round.
fn questions(company: &Company, round: usize) -> Vec<String> {
    let third = |number: &u32| *number as usize % 3 == round % 3;
    let mut paths: Vec<String> = [
        "/api/auth/me",
        "/api/auth/sessions",
        "/api/dashboard/overview",
        "/api/dashboard/overview?period=2026-Q1",
        "/api/data-lake/stats",
        "/api/data-lake/health",
        "/api/sync/status",
        "/api/sync/history",
        "/api/opportunities?limit=7",
        "/api/opportunities?limit=7&status=open",
        "/api/opportunities?limit=7&status=lost",
        "/api/audit",
        "/api/users",
    ]
    .map(str::to_owned)
    .into();
    for plural in ["opportunities", "accounts", "contacts", "activities"] {
        paths.push(format!("/api/data-lake/entities/{plural}?limit=7"));
    }
    // Those that will come, too.
    let deals = 1..company.next + 5;
    paths.extend(deals.clone().map(|number| format!("/api/opportunities/{}", facet("crm.lead", number))));
    for number in deals.filter(third) {
        let id = facet("crm.lead", number);
        paths.push(format!("/api/opportunities/{id}/history"));
        paths.push(format!("/api/data-lake/lineage/opportunities/{id}"));
    }
    for person in (0..company.organisation.people).filter(third) {
        let id = facet("res.users", id(person));
        paths.push(format!("/api/opportunities?owner={id}"));
        let cell = format!("owner:{id}%7Copen_by_close_date%7C2026-06");
        paths.push(format!("/api/data-lake/lineage/serving/dashboard_stats/{cell}"));
    }
    paths
}

fn facet(object: &str, key: u32) -> String {
    let (instance, object) = (InstanceName::new("odoo").unwrap(), ObjectName::new(object).unwrap());
    SourceRef { instance, object, key: key.to_string() }.facet_id().to_string()
}

/// What an answer tells. Left out is what is another one with each request, and `as_of` with the tag over it: while no source has
/// been read to its end, it is the moment of the request.
fn told(answer: Answer) -> String {
    let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    let mut body = String::from_utf8(answer.body).unwrap().replace(&request, "-");
    let mut left_out = vec!["x-request-id", "date"];
    while let Some(at) = body.find("\"as_of\":\"") {
        let end = at + 9 + body[at + 9..].find('"').unwrap();
        body.replace_range(at..=end, "");
        left_out = vec!["x-request-id", "date", "etag", "content-length"];
    }
    let headers: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !left_out.contains(&name.as_str())).collect();
    format!("{} {headers:?}\n{body}", answer.status)
}

/// All answers; pages are followed to their end.
async fn answers(session: &Session, questions: &[String]) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    for path in questions {
        let mut asked = path.clone();
        loop {
            let answer = session.ask(&asked).await.unwrap();
            let page: Option<Value> = serde_json::from_slice(&answer.body).ok();
            let next = page.and_then(|page| page["next_cursor"].as_str().map(str::to_owned));
            answers.insert(asked.clone(), told(answer));
            let Some(next) = next else { break };
            let separator = if path.contains('?') { '&' } else { '?' };
            asked = format!("{path}{separator}cursor={next}");
        }
    }
    answers
}

/// Waits until everything that was published is in every projection.
async fn settled(everything: &Session, company: &Company) {
    let total = company.total();
    let mut last = None;
    let settled = eventually("everything in every projection", async || {
        let (_, stats) = everything.get("/api/data-lake/stats").await.ok()?;
        last = shown(everything).await;
        (last == Some(total) && pending(&stats) == 0).then_some(())
    });
    let settled = settled.await;
    assert!(settled.is_ok(), "it must say {total:?}, and says {last:?}");
}

/// The sum of everything that waits.
fn pending(stats: &Value) -> i64 {
    match stats {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| if name == "pending" { value.as_i64().unwrap_or(0) } else { pending(value) })
            .sum(),
        Value::Array(items) => items.iter().map(pending).sum(),
        _ => 0,
    }
}

/// Lets things happen in one company, and asks before and after.
async fn look_on(sizes: (u32, u32), happenings: Vec<Vec<Happening>>) {
    let mut platform = Platform::start().await.unwrap();
    platform.spawn("all", &[]).unwrap();
    let mut company = Company::founded(&platform, sizes).await;
    let everything = signed_in(&platform, 0, "super_admin").await.unwrap();
    let mut readers = Vec::new();
    for (person, role) in company.readers() {
        readers.push((person, signed_in(&platform, person, role).await.unwrap()));
    }
    settled(&everything, &company).await;
    for (round, happenings) in happenings.into_iter().enumerate() {
        let (reader, session) = &readers[round % readers.len()];
        if company.visible(*reader) == 0 {
            // What happened to other readers has taken them their last one, and a reader of nothing proves little.
            company.make(&platform, *reader).await;
            settled(&everything, &company).await;
        }
        let questions = questions(&company, round);
        let before = answers(session, &questions).await;
        let shown = before.iter().filter(|(question, answer)| {
            question.starts_with("/api/opportunities/")
                && !question.ends_with("/history")
                && answer.starts_with("200")
        });
        let visible = company.visible(*reader);
        assert_eq!(shown.count(), visible, "each deal that they see");
        assert!(visible > 0);
        let of_everything = answers(&everything, &questions[..4]).await;
        company.go_on(&platform, *reader, &happenings).await;
        settled(&everything, &company).await;
        let after = answers(session, &questions).await;
        for (question, answer) in &before {
            assert_eq!(after.get(question), Some(answer), "round {round}, person {reader}: {question}");
        }
        assert_eq!(after.len(), before.len());
        assert_ne!(answers(&everything, &questions[..4]).await, of_everything, "something happened");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_outside_a_scope_changes_no_byte_of_an_answer() {
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::default()));
    let history = (sizes(), prop::collection::vec(prop::collection::vec(happening(), 3..9), ROUNDS));
    for _ in 0..companies() {
        let (sizes, happenings) = history.new_tree(&mut runner).unwrap().current();
        look_on(sizes, happenings).await;
    }
}
