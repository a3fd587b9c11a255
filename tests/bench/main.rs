//! `cargo xtask bench pipeline`: how fast raw events become serving documents, beside what this machine can do.
//!
//! Everything in one table is measured in one go, on servers of its own. The pipeline runs as a process of its own,
//! which is what the memory column is about. Beside each figure stand this machine's limits of the same minute: the
//! raw log read and thrown away, and the very documents that the pipeline wrote, written again by nobody but the
//! database driver, in the same transactions, by as many writers.

// A program for developers, not a production path: a broken assumption ends it with a panic that says where.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that meets what it does not expect has to end"
)]

mod limits;
mod measure;
mod pipeline;
mod record;
mod table;

use measure::{Case, Servers};

/// What to measure.
struct Options {
    events: Vec<u64>,
    bytes: Vec<usize>,
    runs: usize,
}

impl Options {
    /// Reads `--full`, `--runs N`, `--events N,N`, `--bytes N,N`.
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self { events: vec![10_000, 100_000], bytes: vec![1_024, 4_096], runs: 3 };
        while let Some(argument) = arguments.next() {
            let mut numbers = || -> Vec<u64> {
                let text = arguments.next().unwrap_or_default();
                text.split(',').map(|number| number.replace('_', "").parse().unwrap()).collect()
            };
            match argument.as_str() {
                "--full" => options.events.push(1_000_000),
                "--runs" => options.runs = numbers()[0].max(1) as usize,
                "--events" => options.events = numbers(),
                "--bytes" => options.bytes = numbers().into_iter().map(|bytes| bytes as usize).collect(),
                // Cargo adds this one by itself.
                "--bench" => {}
                other => panic!("{other} is no option: --full, --runs N, --events N,N, --bytes N,N"),
            }
        }
        options
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    if std::env::var_os(pipeline::CHILD).is_some() {
        return pipeline::run().await;
    }
    let options = Options::read(&mut arguments);
    let mut servers = Servers::start().await;
    let mut cases = Vec::new();
    for events in &options.events {
        for bytes in &options.bytes {
            // A million events take their time once.
            let runs = if *events >= 1_000_000 { 1 } else { options.runs };
            cases.push(Case { events: *events, bytes: *bytes, runs });
        }
    }
    println!("{}", table::HEAD);
    for case in cases {
        let measured = servers.measure(case).await;
        for line in table::lines(&measured) {
            println!("{line}");
        }
    }
    println!("{}", table::LEGEND);
}
