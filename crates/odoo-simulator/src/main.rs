//! The simulator as a program: reads its arguments, prints where it listens, stops on SIGTERM.
//!
//! Passwords come from the environment only, so that they show up in no process list.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use jiff::civil::Date;
use jiff::tz::Offset;
use salescommand_odoo_simulator::{Clock, Config, Level, Password, Seed, Simulator};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A demo and test server that speaks Odoo 17's XML-RPC.
#[derive(Debug, Parser)]
#[command(name = "salescommand-odoo-simulator")]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8069")]
    listen: SocketAddr,
    /// Name of the database.
    #[arg(long, default_value = "demo")]
    database: String,
    /// Start of the random sequence.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Which company: 1 the group of the demo, 2 a company that overlaps with it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    variant: u8,
    /// How many leads and opportunities, with three activities each; the demo's number when absent.
    #[arg(long)]
    leads: Option<usize>,
    /// How many customers; the demo's number when absent.
    #[arg(long)]
    partners: Option<usize>,
    /// The day the data ends on; the machine's (UTC) when absent.
    #[arg(long)]
    today: Option<Date>,
    /// Lets the server's clock start at noon of that day instead of following the machine's.
    #[arg(long, requires = "today")]
    today_pinned: bool,
    /// File that keeps changes between restarts.
    #[arg(long)]
    state: Option<PathBuf>,
    /// A module that is not installed, such as `hr`; may be given more than once.
    #[arg(long, value_name = "MODULE")]
    without: Vec<String>,
    /// Gives the API user the right to the settings, which the history of deals needs.
    #[arg(long)]
    api_user_settings: bool,
}

/// The login of the user whom a connector signs in as.
const API_USER: &str = "integration@salescommand.com";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let (without, settings) = (arguments.without.clone(), arguments.api_user_settings);
    let config = configure(arguments)?;
    let database = config.database.clone();
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let handle = Simulator::start(config).await.context("the simulator did not start")?;
    without.iter().for_each(|module| handle.data().uninstall(module));
    if settings {
        handle.data().set_level(API_USER, Level::Settings).context("the API user is not there")?;
    }
    let line =
        serde_json::json!({"event": "listening", "address": handle.addr.to_string(), "database": database});
    writeln!(std::io::stdout(), "{line}")
        .and_then(|()| std::io::stdout().flush())
        .context("cannot print the address")?;
    signals.received().await;
    handle.shutdown().await.context("the state was not saved")
}

fn configure(arguments: Arguments) -> anyhow::Result<Config> {
    let machine = Clock::machine();
    let today = arguments.today.unwrap_or_else(|| Offset::UTC.to_datetime(machine.now()).date());
    let seed = if arguments.variant == 2 {
        Seed::second(arguments.seed, today)
    } else {
        Seed::new(arguments.seed, today)
    };
    let leads = arguments.leads.unwrap_or(seed.leads);
    let activities = arguments.leads.map_or(seed.activities, |leads| leads.saturating_mul(3));
    let seed = Seed { leads, activities, partners: arguments.partners.unwrap_or(seed.partners), ..seed };
    let clock = if arguments.today_pinned {
        Clock::starting_at(
            Offset::UTC.to_timestamp(today.at(12, 0, 0, 0)).context("--today is out of range")?,
        )
    } else {
        machine
    };
    let mut passwords = Vec::new();
    for (login, variable) in [("admin", "SIMULATOR_ADMIN_PASSWORD"), (API_USER, "SIMULATOR_API_PASSWORD")] {
        let password = std::env::var(variable).ok().filter(|password| !password.is_empty());
        let password = password.with_context(|| format!("the environment variable {variable} is not set"))?;
        passwords.push((login.to_owned(), Password::new(password)));
    }
    let (listen, database, state) = (arguments.listen, arguments.database, arguments.state);
    Ok(Config { listen, database, seed, clock, passwords, state })
}

/// The signals that end the program. They must be listened for before anyone learns that it runs.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
