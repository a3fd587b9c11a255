//! The simulator as a program: reads its arguments, prints where it listens, stops on SIGTERM.
//!
//! The application's secret comes from the environment only, so that it shows up in no process list.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use salescommand_graph_simulator::{CLIENT_ID, Clock, Config, Secret, Simulator, TENANT_ID};
use tokio::signal::unix::{SignalKind, signal};

/// A demo and test server that speaks Microsoft Graph.
#[derive(Debug, Parser)]
#[command(name = "salescommand-graph-simulator")]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8365")]
    listen: SocketAddr,
    /// Records on a page at most.
    #[arg(long, default_value_t = 100)]
    pages: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let secret = std::env::var("SIMULATOR_CLIENT_SECRET").ok().filter(|secret| !secret.is_empty());
    let secret = secret.context("the environment variable SIMULATOR_CLIENT_SECRET is not set")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let config = Config {
        listen: arguments.listen,
        secret: Secret::new(&*secret),
        clock: Clock::machine(),
        pages: arguments.pages,
        ..Config::demo(&secret)
    };
    let handle = Simulator::start(config).await.context("the simulator did not start")?;
    let line = serde_json::json!({
        "event": "listening", "address": handle.addr.to_string(), "tenant": TENANT_ID, "client_id": CLIENT_ID,
    });
    writeln!(std::io::stdout(), "{line}")
        .and_then(|()| std::io::stdout().flush())
        .context("cannot print the address")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    handle.shutdown().await;
    Ok(())
}
