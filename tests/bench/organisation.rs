//! `cargo xtask bench organisation`: what a wide scope costs.
//!
//! The whole product, as processes of its own, with an invented organisation in its raw log. Several people ask the same
//! questions in turn: an administrator who sees everything without a scope, the one at the top, managers, and somebody
//! without reports. They ask while sums are read per scope key (the projector is held still, so that it keeps no
//! roll-ups), with roll-ups, at eight connections, while deals change, and while a branch moves. Every overview's total is
//! compared with what it must be.

// A program for developers, not a production path: a broken assumption ends it with a panic that says where.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that meets what it does not expect has to end"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use nix::sys::signal::Signal;
use salescommand_odoo_simulator::Seed;
use salescommand_tests::mongo::Settings;
use salescommand_tests::organisation::{Organisation, Total, shown, signed_in};
use salescommand_tests::platform::{Platform, Session, eventually_within, today};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Until everything is projected, or roll-ups are made.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// For how long a question is asked in turn.
const LONG_ENOUGH: Duration = Duration::from_secs(40);
/// Connections of the one who asks from several.
const CONNECTIONS: usize = 8;
/// How long deals change while people read, and how many every quarter of a second.
const CHANGING: (Duration, u32) = (Duration::from_secs(15), 5);
const OVERVIEW: &str = "/api/dashboard/overview";
/// What everybody asks; `{deal}` is a deal that they see.
const QUESTIONS: [&str; 9] = [
    OVERVIEW,
    "/api/opportunities?limit=50",
    "/api/opportunities?status=open&limit=50",
    "/api/opportunities/{deal}",
    "/api/data-lake/entities/activities?limit=50",
    "/api/data-lake/entities/users?limit=50",
    "/api/data-lake/stats",
    "/api/org/tree",
    "/api/auth/me",
];

/// Somebody who asks.
struct Reader {
    name: &'static str,
    person: u32,
    total: Total,
    session: Arc<Session>,
    deal: String,
}

/// Milliseconds of answers.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let index = ((sorted.len() as f64 - 1.0) * share).round().max(0.0) as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }
}

impl Reader {
    /// Asks once; milliseconds. An overview must say what is true.
    async fn ask(&self, question: &str) -> f64 {
        let path = question.replace("{deal}", &self.deal);
        let began = Instant::now();
        if question == OVERVIEW {
            let shown = shown(&self.session).await;
            assert_eq!(shown, Some(self.total), "{} is shown what is not true", self.name);
        } else {
            let (status, answer) = self.session.get(&path).await.unwrap();
            assert_eq!(status, 200, "{path}: {answer}");
        }
        began.elapsed().as_secs_f64() * 1e3
    }
}

/// Everybody asks everything in turn, so that a busy moment hits all alike.
async fn in_turn(title: &str, readers: &[Reader], questions: &[&str], rounds: u32) {
    println!("\n{title}: milliseconds, p50 and p95");
    for reader in readers {
        reader.session.renew().await.unwrap();
    }
    let names: String = readers.iter().map(|reader| format!("| {:^17} ", reader.name)).collect();
    println!("{:<44} {names}| chief/leaf", "question");
    for question in questions {
        let mut times: Vec<Times> = readers.iter().map(|_| Times::default()).collect();
        for reader in readers {
            reader.ask(question).await;
        }
        let began = Instant::now();
        for _ in 0..rounds {
            for (reader, times) in readers.iter().zip(&mut times) {
                times.0.push(reader.ask(question).await);
            }
            if began.elapsed() > LONG_ENOUGH {
                break;
            }
        }
        let cells: String = times
            .iter()
            .map(|times| format!("| {:>8.1} {:>8.1} ", times.quantile(0.5), times.quantile(0.95)))
            .collect();
        let ratio = times[1].quantile(0.5) / times[times.len() - 1].quantile(0.5);
        println!("{question:<44} {cells}| {ratio:>8.2}");
    }
}

/// One reader asks from several connections at once.
async fn at_once(reader: &Arc<Reader>, question: &'static str, rounds: u32) {
    reader.session.renew().await.unwrap();
    let (began, mut asking) = (Instant::now(), JoinSet::new());
    for _ in 0..CONNECTIONS {
        let reader = reader.clone();
        asking.spawn(async move {
            let mut times = Times::default();
            while times.0.len() < rounds as usize && began.elapsed() < LONG_ENOUGH {
                times.0.push(reader.ask(question).await);
            }
            times
        });
    }
    let mut all = Times::default();
    while let Some(times) = asking.join_next().await {
        all.0.extend(times.unwrap().0);
    }
    println!(
        "{question:<44} | {:<17} | {:>8.1} {:>8.1} | {:>8.1}",
        reader.name,
        all.quantile(0.5),
        all.quantile(0.95),
        all.0.len() as f64 / began.elapsed().as_secs_f64(),
    );
}

/// Overviews of everybody in turn while deals change: their totals move, so only times are looked at.
async fn while_deals_change(platform: &Platform, organisation: &Organisation, readers: &[Reader]) {
    println!(
        "\nWhile {} deals change in a second: milliseconds of the overview, p50 and p95",
        4 * CHANGING.1
    );
    let stop = CancellationToken::new();
    let changing = async {
        for round in 0.. {
            if stop.is_cancelled() {
                return;
            }
            let some = (0..CHANGING.1).map(|of| ((round * CHANGING.1 + of) % organisation.people, 0));
            organisation.raise(platform, some, 100).await.unwrap();
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    let reading = async {
        let mut times: Vec<Times> = readers.iter().map(|_| Times::default()).collect();
        let began = Instant::now();
        while began.elapsed() < CHANGING.0 {
            for (reader, times) in readers.iter().zip(&mut times) {
                let began = Instant::now();
                assert!(shown(&reader.session).await.is_some(), "{} gets no answer", reader.name);
                times.0.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }
        stop.cancel();
        for (reader, times) in readers.iter().zip(times) {
            println!("{:<17} | {:>8.1} {:>8.1}", reader.name, times.quantile(0.5), times.quantile(0.95));
        }
    };
    tokio::join!(changing, reading);
}

/// Reads until a total is shown: when that was, what was shown otherwise, and how long answers took.
async fn until(reader: &Reader, total: Total, began: Instant) -> (Duration, Vec<Total>, Times) {
    let (mut seen, mut times) = (Vec::new(), Times::default());
    loop {
        let asked = Instant::now();
        let shown = shown(&reader.session).await.unwrap();
        times.0.push(asked.elapsed().as_secs_f64() * 1e3);
        if shown == total {
            return (began.elapsed(), seen, times);
        }
        assert!(began.elapsed() < PATIENCE, "{} is never shown {total:?}", reader.name);
        seen.push(shown);
    }
}

/// A branch goes from the one manager to the other while everybody reads.
async fn reorganised(platform: &Platform, organisation: &mut Organisation, readers: &[Reader]) {
    let branch = organisation.reports + 1;
    println!("\n{} people move from one manager to another", organisation.below(branch));
    for reader in readers {
        reader.session.renew().await.unwrap();
    }
    organisation.reorganise(platform, branch, 2).await.unwrap();
    let began = Instant::now();
    let total = |reader: &Reader| {
        // An administrator is nobody of the organisation.
        let is_one = reader.person < organisation.people;
        if is_one { organisation.total(reader.person) } else { reader.total }
    };
    let watched = readers.iter().map(|reader| until(reader, total(reader), began));
    for (reader, (after, seen, times)) in readers.iter().zip(futures::future::join_all(watched).await) {
        assert!(seen.iter().all(|shown| *shown == reader.total), "{} saw {seen:?}", reader.name);
        println!(
            "{:<17} | right after {:>8.1} ms, {:>4} answers before, longest {:>8.1} ms",
            reader.name,
            after.as_secs_f64() * 1e3,
            seen.len(),
            times.quantile(1.0),
        );
    }
}

/// The roll-ups that are kept, once all are that are asked for; whoever reads asks for theirs.
async fn roll_ups(platform: &Platform, readers: &[Reader]) -> Option<u64> {
    for reader in readers {
        reader.ask(OVERVIEW).await;
    }
    let uri = format!("{}?directConnection=true", platform.mongo.uri());
    let database = mongodb::Client::with_uri_str(uri).await.unwrap().database("salescommand");
    let count = async |collection: &str| {
        database.collection::<Document>(collection).count_documents(doc! {}).await.unwrap()
    };
    let asked = count("ops_roll_ups").await;
    for projection in ["dashboard_stats", "pipeline_summary"] {
        if count(&format!("serving_{projection}_roll_up_keys_g1")).await != asked {
            return None;
        }
    }
    Some(asked)
}

fn say_memory(platform: &Platform, when: &str) {
    let [query, projector] = ["query", "projector"].map(|name| platform.memory(name).unwrap());
    println!(
        "memory {when}: query {} MiB (most {}), projector {} MiB (most {})",
        query.0 / 1_024,
        query.1 / 1_024,
        projector.0 / 1_024,
        projector.1 / 1_024
    );
}

/// Signs everybody in, and waits until everybody is shown what is true.
async fn readers(platform: &Platform, organisation: &Organisation, levels: usize) -> Vec<Reader> {
    let everything = (0..organisation.people)
        .filter(|person| organisation.manager(*person).is_none())
        .map(|person| organisation.total(person))
        .fold((0, 0), |sum, total| (sum.0 + total.0, sum.1 + total.1));
    let middle = (0..organisation.people).find(|person| organisation.level(*person) == levels / 2 - 1);
    let people = [
        ("no scope", organisation.people, "super_admin", everything),
        ("chief", 0, "sales_manager", organisation.total(0)),
        ("director", 1, "sales_manager", organisation.total(1)),
        ("manager", middle.unwrap(), "sales_manager", organisation.total(middle.unwrap())),
        ("leaf", organisation.people - 1, "sales_manager", organisation.total(organisation.people - 1)),
    ];
    let mut readers = Vec::new();
    for (name, person, role, total) in people {
        let session = Arc::new(signed_in(platform, person, role).await.unwrap());
        let said = eventually_within(PATIENCE, "the right total", async || {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let shown = shown(&session).await;
            if shown.is_none() {
                // It may have been a long wait.
                session.renew().await.ok()?;
            }
            (shown == Some(total)).then_some(())
        });
        said.await.unwrap();
        let page = session.get("/api/opportunities?limit=1").await.unwrap().1;
        let deal = page["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{page}")).to_owned();
        readers.push(Reader { name, person, total, session, deal });
    }
    readers
}

fn number(name: &str, otherwise: u32) -> u32 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map_or(otherwise, |text| text.replace('_', "").parse().unwrap())
}

#[tokio::main]
async fn main() {
    let (people, reports, deals) = (number("--people", 50_000), number("--reports", 5), number("--deals", 2));
    let rounds = number("--rounds", 40);
    let mut organisation = Organisation { people, reports, deals, activities: deals / 2, moved: Vec::new() };
    let levels = organisation.level(people - 1) + 1;
    let settings = Settings { cache_mib: 2_048, ..Settings::default() };
    let mut platform = Platform::start_with(settings, Seed::new(42, today())).await.unwrap();
    let began = Instant::now();
    organisation.publish(&platform).await.unwrap();
    println!(
        "{people} people in {levels} levels, {reports} reports each, {} deals, {} activities; published in {:.1} s",
        people * deals,
        people * organisation.activities,
        began.elapsed().as_secs_f64(),
    );
    let began = Instant::now();
    for process in ["normalizer", "projector", "query"] {
        platform.spawn(process, &[]).unwrap();
    }
    let (url, client) =
        (format!("{}/readyz", platform.base_url()), reqwest::Client::builder().build().unwrap());
    let up =
        eventually_within(PATIENCE, "the service", async || client.get(&url).send().await.ok().map(drop));
    up.await.unwrap();
    let readers = readers(&platform, &organisation, levels).await;
    println!("shown to everybody after {:.1} s", began.elapsed().as_secs_f64());
    let wide: Vec<_> = readers.iter().map(|reader| organisation.below(reader.person)).collect();
    println!("people whose records they see: {wide:?}");

    // No roll-ups: whoever would make them stands still, and those that it has made are taken away.
    platform.signal("projector", Signal::SIGSTOP).unwrap();
    forget_roll_ups(&platform).await;
    in_turn("Sums per scope key", &readers, &[OVERVIEW], rounds).await;
    platform.signal("projector", Signal::SIGCONT).unwrap();
    platform.kill9("projector").unwrap();
    platform.spawn("projector", &[]).unwrap();
    let began = Instant::now();
    let expected = wide.iter().filter(|people| **people > 64).count() as u64 + u64::from(people > 64);
    let kept = eventually_within(PATIENCE, "roll-ups", async || {
        roll_ups(&platform, &readers).await.filter(|kept| *kept >= expected)
    });
    println!("{} roll-ups made in {:.1} s", kept.await.unwrap(), began.elapsed().as_secs_f64());
    in_turn("Sums rolled up", &readers, &QUESTIONS, rounds).await;
    say_memory(&platform, "after that");

    println!("\nFrom {CONNECTIONS} connections: milliseconds, p50 and p95, answers a second");
    let readers: Vec<_> = readers.into_iter().map(Arc::new).collect();
    for question in QUESTIONS.into_iter().take(2) {
        for reader in [&readers[0], &readers[1], &readers[4]] {
            at_once(reader, question, rounds).await;
        }
    }
    let readers: Vec<_> = readers.into_iter().map(|reader| Arc::into_inner(reader).unwrap()).collect();
    reorganised(&platform, &mut organisation, &readers).await;
    while_deals_change(&platform, &organisation, &readers).await;
    say_memory(&platform, "at the end");
}

/// Takes away which roll-ups are kept, so that readers sum per key.
async fn forget_roll_ups(platform: &Platform) {
    let uri = format!("{}?directConnection=true", platform.mongo.uri());
    let database = mongodb::Client::with_uri_str(uri).await.unwrap().database("salescommand");
    for projection in ["dashboard_stats", "pipeline_summary"] {
        for part in ["roll_up_keys", "roll_ups"] {
            let kept = database.collection::<Document>(&format!("serving_{projection}_{part}_g1"));
            kept.delete_many(doc! {}).await.unwrap();
        }
    }
}
