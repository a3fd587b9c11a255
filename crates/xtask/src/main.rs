//! `cargo xtask`: the developer commands `up`, `down`, `status`, `reset`, `test`, `ci` and `bench`.
//!
//! Starts and stops what SalesCommand needs on one machine and runs its tests. It knows no business rule, holds no database driver and
//! talks to the product only through its command line, its environment variables and `/readyz`.
//! Unix only: it signals processes by id.
//!
//! Exit codes: 0 done, 1 failed, 2 usage, 3 something is not reachable.

mod banner;
mod bench;
mod cli;
mod command;
#[cfg(test)]
mod deployment;
mod failure;
mod frontend;
mod http;
mod interrupt;
mod ports;
mod preflight;
mod process;
mod progress;
mod secrets;
mod servers;
mod stack;
mod state;
mod suites;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let outcome = interrupt::install().and_then(|()| cli.run());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !failure::is_told(&error) {
                eprintln!("\nerror: {}", failure::explain(&error));
            }
            ExitCode::from(failure::exit_code(&error))
        }
    }
}
