//! The command line: what can be asked for. What it does lies in the modules it hands over to.

use crate::bench;
use crate::ports::Ports;
use crate::stack::commands;
use crate::suites;
use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  cargo xtask up                       start the demo and open http://127.0.0.1:8080
  cargo xtask up --detach              the same, in the background
  cargo xtask status --output json     what runs, for scripts
  cargo xtask exec sync status         a command of the binary, against the running stack
  cargo xtask test                     every test, with a report
  cargo xtask test --suite unit        one suite
  cargo xtask bench pipeline           how fast it is, beside what this machine can do
  cargo xtask bench readers            what readers feel of a replay
  cargo xtask bench sync               what a sync of a large Odoo takes

Exit codes: 0 done, 1 failed, 2 usage, 3 not reachable or not running.";

/// Development commands of SalesCommand.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start NATS, MongoDB, a demo Odoo server and SalesCommand, and run the first synchronisation
    Up(Up),
    /// Stop what `up` started; data is kept
    Down,
    /// Show the processes of `up`: id, port, health
    Status(Status),
    /// Stop everything and delete data, logs and secrets of `up`
    Reset(Reset),
    /// Run a command of `salescommand` against the running stack
    #[command(after_help = "Example: cargo xtask exec source list")]
    Exec(Exec),
    /// Run every test there is
    Test(Test),
    /// What continuous integration runs: the same as `test`
    Ci(Test),
    /// Measure speed, beside what this machine can do in the same minutes
    #[command(subcommand)]
    Bench(Bench),
}

/// Options of `up`.
#[derive(Args)]
pub struct Up {
    /// Leave everything running in the background
    #[arg(long)]
    pub detach: bool,
    #[command(flatten)]
    pub ports: Ports,
}

/// Options of `status`.
#[derive(Args)]
pub struct Status {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// How a listing is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people
    Table,
    /// One JSON array
    Json,
}

/// Options of `reset`.
#[derive(Args)]
pub struct Reset {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// What `exec` runs.
#[derive(Args)]
pub struct Exec {
    /// Arguments of `salescommand`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub arguments: Vec<String>,
}

/// Options of `test` and `ci`.
#[derive(Args)]
pub struct Test {
    /// Also what takes long, an hour or two on 2 cores: installs cargo-deny if it is missing, invents a thousand organisations, moves
    /// a branch of five thousand people, runs the fault tests with 50,000 events and three seeds, and fuzzes the API at length
    #[arg(long)]
    pub full: bool,
    /// Also on a real Odoo server (Debian's, installed once: 10 minutes, 2 GB, as root), where this machine can have one
    #[arg(long)]
    pub real_odoo: bool,
    /// Only these suites
    #[arg(long = "suite", value_enum, value_name = "NAME", num_args = 1..)]
    pub suites: Vec<suites::Name>,
}

impl Test {
    /// Whether a suite is to run.
    pub fn chooses(&self, name: suites::Name) -> bool {
        if name == suites::Name::RealOdoo && self.real_odoo {
            return true;
        }
        let by_itself = self.suites.is_empty() && name != suites::Name::RealOdoo;
        by_itself || self.suites.contains(&name)
    }
}

/// What can be measured.
#[derive(Subcommand)]
pub enum Bench {
    /// What a wide scope costs: an invented organisation, read by the one at the top, a manager and somebody without reports
    #[command(after_help = "Example: cargo xtask bench organisation --people 5000 --reports 3")]
    Organisation(Organisation),
    /// Raw events to serving documents, on servers of its own; builds with optimisation first
    #[command(after_help = "Example: cargo xtask bench pipeline --events 10000 --bytes 1024 --runs 1")]
    Pipeline(Pipeline),
    /// What readers feel of a replay: 200 questions a second at rest, while everything is replayed, and at rest again
    #[command(after_help = "Example: cargo xtask bench readers --rounds 3 --leads 5000")]
    Readers(Readers),
    /// What a sync of a large Odoo takes, beside a client that only reads the same pages
    #[command(after_help = "Example: cargo xtask bench sync --leads 20000 --partners 10000")]
    Sync(Sync),
}

/// Options of `bench sync`.
#[derive(Args)]
pub struct Sync {
    /// How many leads and opportunities; a tenth as many activities
    #[arg(long, default_value_t = 200_000)]
    pub leads: u32,
    /// How many partners
    #[arg(long, default_value_t = 100_000)]
    pub partners: u32,
    /// How often
    #[arg(long, default_value_t = 1)]
    pub runs: u32,
    /// Let the API user read the history that Odoo keeps of leads, which takes requests of its own.
    #[arg(long)]
    pub history: bool,
}

/// Options of `bench organisation`.
#[derive(Args)]
pub struct Organisation {
    /// How many people
    #[arg(long, default_value_t = 50_000)]
    pub people: u32,
    /// How many report to each manager
    #[arg(long, default_value_t = 5)]
    pub reports: u32,
    /// Deals of each; half as many activities
    #[arg(long, default_value_t = 2)]
    pub deals: u32,
    /// How often each question is asked; medians are shown
    #[arg(long, default_value_t = 40)]
    pub rounds: u32,
}

/// Options of `bench readers`.
#[derive(Args)]
pub struct Readers {
    /// How many replays; medians are shown
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Deals of the invented company
    #[arg(long, default_value_t = 5_000)]
    pub leads: u32,
}

/// Options of `bench pipeline`.
#[derive(Args)]
pub struct Pipeline {
    /// Also a million events
    #[arg(long)]
    pub full: bool,
    /// Runs per line; medians are shown
    #[arg(long)]
    pub runs: Option<u32>,
    /// Events per pass, separated by commas [default: 10000,100000]
    #[arg(long)]
    pub events: Option<String>,
    /// Bytes per event, separated by commas [default: 1024,4096]
    #[arg(long)]
    pub bytes: Option<String>,
}

impl Cli {
    /// Does what was asked for.
    pub fn run(&self) -> Result<()> {
        match &self.command {
            Command::Up(options) => commands::up(options),
            Command::Down => commands::down(),
            Command::Status(options) => commands::status(options),
            Command::Reset(options) => commands::reset(options),
            Command::Exec(options) => commands::exec(options),
            Command::Test(options) | Command::Ci(options) => suites::run(options),
            Command::Bench(Bench::Organisation(options)) => bench::organisation(options),
            Command::Bench(Bench::Pipeline(options)) => bench::pipeline(options),
            Command::Bench(Bench::Readers(options)) => bench::readers(options),
            Command::Bench(Bench::Sync(options)) => bench::sync(options),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn ports_and_suites_are_read() {
        let cli = Cli::try_parse_from(["x", "up", "--detach", "--http-port", "18080"]).unwrap();
        let Command::Up(options) = cli.command else { panic!("not up") };
        assert!(options.detach && options.ports.http == 18_080);
        let cli = Cli::try_parse_from(["x", "test", "--suite", "unit", "fmt"]).unwrap();
        let Command::Test(options) = cli.command else { panic!("not test") };
        assert_eq!(options.suites, [suites::Name::Unit, suites::Name::Fmt]);
        assert!(!options.chooses(suites::Name::Doc));
    }

    #[test]
    fn a_real_odoo_is_used_when_it_is_asked_for() {
        for (arguments, expected) in [
            (&["x", "test"][..], false),
            (&["x", "test", "--full"], false),
            (&["x", "test", "--real-odoo"], true),
            (&["x", "test", "--suite", "real-odoo"], true),
        ] {
            let Command::Test(options) = Cli::try_parse_from(arguments).unwrap().command else { panic!() };
            assert_eq!(options.chooses(suites::Name::RealOdoo), expected, "{arguments:?}");
        }
    }
}
