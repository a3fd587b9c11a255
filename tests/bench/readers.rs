//! `cargo xtask bench readers`: what readers feel of a replay.
//!
//! The whole product on servers of its own, with an invented company. Readers ask so many times a second, whatever the
//! answers take: each answer's time counts from the moment when it was due, so a stall is not hidden by the questions
//! that it held up. They read at rest, then while everything is replayed beside and switched, then at rest again, a few
//! rounds of it. An answer counts as mixed if it is not, byte for byte, what the same question was answered with at
//! rest, apart from the generation that it names: a replay changes no figure.

// A program for developers, not a production path: a broken assumption ends it with a panic that says where.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that meets what it does not expect has to end"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use salescommand_odoo_simulator::Seed;
use salescommand_tests::mongo::Settings;
use salescommand_tests::platform::{Platform, Session, today};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Questions a second.
const RATE: u32 = 200;
/// How long is read at rest.
const REST: Duration = Duration::from_secs(15);
/// A replay that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(900);
/// What is asked, in turn.
const QUESTIONS: [&str; 4] = [
    "/api/dashboard/overview",
    "/api/opportunities?limit=50",
    "/api/data-lake/entities/accounts?limit=50",
    "/api/data-lake/entities/activities?limit=50",
];
const PEOPLE: [(&str, &str); 2] =
    [("superadmin@salescommand.com", "demo123"), ("am1@salescommand.com", "demo123")];

/// What was measured over a while.
#[derive(Default)]
struct Seen {
    millis: Vec<f64>,
    failed: usize,
    mixed: usize,
    refused: usize,
}

impl Seen {
    fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.millis.clone();
        sorted.sort_by(f64::total_cmp);
        let index = ((sorted.len() as f64 - 1.0) * share).round().max(0.0) as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }

    fn add(&mut self, other: Self) {
        self.millis.extend(other.millis);
        self.failed += other.failed;
        self.mixed += other.mixed;
        self.refused += other.refused;
    }
}

/// Somebody who asks a question.
struct Reader {
    session: Session,
    path: &'static str,
    /// The answer at rest, without what it says about itself.
    expected: Mutex<Option<Value>>,
}

/// An answer without what it says about itself: which generation, how fresh.
fn content(mut body: Value) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.remove("meta");
    }
    body
}

impl Reader {
    async fn ask(&self, due: Instant, seen: &Mutex<Seen>) {
        let answer = self.session.get(self.path).await;
        let millis = due.elapsed().as_secs_f64() * 1e3;
        let mut seen = seen.lock().unwrap();
        seen.millis.push(millis);
        match answer {
            Ok((200, body)) => {
                let body = content(body);
                let mut expected = self.expected.lock().unwrap();
                if *expected.get_or_insert_with(|| body.clone()) != body {
                    seen.mixed += 1;
                }
            }
            Ok((status, _)) if status < 500 => seen.refused += 1,
            _ => seen.failed += 1,
        }
    }
}

/// Asks until `stop`.
async fn read(readers: &[Arc<Reader>], stop: CancellationToken) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (began, mut asked) = (Instant::now(), JoinSet::new());
    for number in 0_u32.. {
        let due = began + Duration::from_secs(1) * number / RATE;
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = tokio::time::sleep_until(due.into()) => {}
        }
        let (reader, seen) = (readers[number as usize % readers.len()].clone(), seen.clone());
        asked.spawn(async move { reader.ask(due, &seen).await });
        while asked.try_join_next().is_some() {}
    }
    while asked.join_next().await.is_some() {}
    std::mem::take(&mut *seen.lock().unwrap())
}

async fn read_for(readers: &[Arc<Reader>], time: Duration) -> Seen {
    let stop = CancellationToken::new();
    let (seen, ()) = tokio::join!(read(readers, stop.clone()), async {
        tokio::time::sleep(time).await;
        stop.cancel();
    });
    seen
}

/// Reads while everything is replayed and switched; gives how long that took too.
async fn read_through_replay(platform: &Arc<Platform>, readers: &[Arc<Reader>]) -> (Seen, Duration) {
    let (stop, replaying) = (CancellationToken::new(), platform.clone());
    let replay = async {
        let began = Instant::now();
        let ran = tokio::task::spawn_blocking(move || replaying.run(&["replay", "--switch"], ""));
        let ran = tokio::time::timeout(PATIENCE, ran).await;
        stop.cancel();
        ran.unwrap_or_else(|_| panic!("the replay hangs")).unwrap().unwrap();
        began.elapsed()
    };
    tokio::join!(read(readers, stop.clone()), replay)
}

fn line(name: &str, seen: &Seen, took: Duration) {
    println!(
        "{name:<22} | {:>6} {:>8.1} | {:>7.1} {:>7.1} {:>7.1} | {:>4} {:>7} {:>5}",
        seen.millis.len(),
        took.as_secs_f64(),
        seen.quantile(0.5),
        seen.quantile(0.95),
        seen.quantile(0.99),
        seen.failed,
        seen.refused,
        seen.mixed,
    );
}

fn number(name: &str, otherwise: u32) -> u32 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::main]
async fn main() {
    let (rounds, leads) = (number("--rounds", 3), number("--leads", 5_000) as usize);
    let seed = Seed { leads, partners: leads / 2, activities: leads, ..Seed::new(7, today()) };
    let mut platform = Platform::start_with(Settings::default(), seed).await.unwrap();
    platform.demo().await.unwrap();
    let platform = Arc::new(platform);
    let mut readers = Vec::new();
    for path in QUESTIONS {
        for (email, password) in PEOPLE {
            let session = platform.sign_in(email, password).await.unwrap();
            readers.push(Arc::new(Reader { session, path, expected: Mutex::default() }));
        }
    }
    // Connections and caches are warm, and what is asked is there.
    let warm = read_for(&readers, Duration::from_secs(3)).await;
    assert_eq!((warm.failed, warm.refused), (0, 0), "a question is not answered at rest");
    println!("phase                  | answers  seconds |  p50 ms     p95     p99 | 5xx refused mixed");
    println!("-----------------------+------------------+-------------------------+------------------");
    let (mut ratios, mut all): (Vec<f64>, BTreeMap<&str, Seen>) = (Vec::new(), BTreeMap::new());
    for _ in 0..rounds {
        let mut rest = read_for(&readers, REST).await;
        line("at rest", &rest, REST);
        let (replay, took) = read_through_replay(&platform, &readers).await;
        line("replay and switch", &replay, took);
        let after = read_for(&readers, REST).await;
        line("at rest again", &after, REST);
        rest.add(after);
        ratios.push(replay.quantile(0.99) / rest.quantile(0.99));
        all.entry("rest").or_default().add(rest);
        all.entry("replay").or_default().add(replay);
    }
    ratios.sort_by(f64::total_cmp);
    let (rest, replay) = (&all["rest"], &all["replay"]);
    println!(
        "\n{RATE} questions a second; {} at rest, {} during {rounds} replays: {} failed, {} mixed. p99 during a replay is \
         {:.2} times that at rest (median of the rounds; {:.1} ms to {:.1} ms over all).",
        rest.millis.len(),
        replay.millis.len(),
        rest.failed + replay.failed,
        rest.mixed + replay.mixed,
        ratios[ratios.len() / 2],
        replay.quantile(0.99),
        rest.quantile(0.99),
    );
}
