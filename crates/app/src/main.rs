//! The binary `salescommand`: command line, configuration, logging, life cycle, and the wiring of the processes.
//!
//! The only place that knows all crates. It holds no logic worth a unit test beyond its own configuration.

mod alert_mail;
mod alerts;
mod audit;
mod audit_log;
mod cli;
mod code;
mod commands;
mod config;
mod config_events;
mod conformance;
mod connections;
mod crm;
mod demo;
mod epochs;
mod erasures;
mod follow;
mod generations;
mod ignored_keys;
mod jobs;
mod lifecycle;
mod links;
mod listing;
mod load;
mod mail;
mod mappings;
mod org;
mod people;
mod probes;
mod processes;
mod quarantine;
mod reasons;
mod runtimes;
mod syncs;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use config::Config;
use tracing_subscriber::EnvFilter;

/// A dependency is not reachable.
const NOT_REACHABLE: u8 = 3;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if connections::is_unreachable(&error) {
                ExitCode::from(NOT_REACHABLE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let mut config = config::load(cli.config.as_deref(), std::env::vars())?;
    if !cli.command.is_process() && config.log.filter == config::DEFAULT_LOG_FILTER {
        // What a command has to say is its output; only trouble is added to it.
        "warn".clone_into(&mut config.log.filter);
    }
    log_to_stderr(&config)?;
    // One TLS stack for everything that speaks TLS; a second call would be a defect, and is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match cli.command {
        Command::Normalizer | Command::Projector => runtimes::background()?,
        _ => runtimes::foreground()?,
    };
    let outcome = runtime.block_on(dispatch(cli, config));
    // The database's driver panics now and then when the runtime is taken down around its tasks; the end of the process,
    // which is next, ends them without a word.
    std::mem::forget(runtime);
    outcome
}

async fn dispatch(cli: Cli, config: Config) -> anyhow::Result<()> {
    match cli.command {
        Command::All(all) => processes::all(config, all.demo).await,
        Command::Query => processes::query(config).await,
        Command::Normalizer => processes::normalizer(config).await,
        Command::Projector => processes::projector(config).await,
        Command::Connect => processes::connect(config).await,
        Command::Doctor => commands::doctor(&config, cli.output).await,
        Command::User(command) => commands::user(&config, command, cli.output).await,
        Command::Source(command) => commands::source(&config, command, cli.output).await,
        Command::Sync(command) => syncs::sync(&config, command, cli.output).await,
        Command::Export(export) => audit::export(&config, &export).await,
        Command::Lineage(lineage) => audit::lineage(&config, &lineage, cli.output).await,
        Command::Quarantine(command) => quarantine::quarantine(&config, &command, cli.output).await,
        Command::Mapping(command) => mappings::mapping(&config, &command, cli.output).await,
        Command::Connector(command) => conformance::connector(&config, &command, cli.output).await,
        Command::Epoch(command) => epochs::epoch(&config, command, cli.output).await,
        Command::Erase(erase) => erasures::erase_person(&config, erase, cli.output).await,
        Command::Replay(replay) => generations::replay(&config, replay, cli.output).await,
        Command::Generation(command) => generations::generation(&config, command, cli.output).await,
        Command::Verify => generations::verify(&config, cli.output).await,
        Command::IgnoredKey(command) => ignored_keys::ignored_key(&config, &command, cli.output).await,
        Command::Org(command) => org::org(&config, command, cli.output).await,
        Command::Link(command) => links::link(&config, &command, cli.output).await,
        Command::Audit(command) => audit_log::audit(&config, command, cli.output).await,
        Command::Config(cli::ConfigCommand::Show) => {
            listing::print(cli.output, &["setting", "value"], &config.masked())
        }
        Command::DevInitMongo => connections::init_development_mongo(&config).await,
    }
}

fn log_to_stderr(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log.filter)?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log.format.as_str() {
        "json" => logs.json().init(),
        "text" => logs.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        other => anyhow::bail!("log.format is {other:?}; it must be text or json"),
    }
    Ok(())
}
