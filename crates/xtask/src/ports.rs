//! The ports of one running stack: flags, environment, defaults, and free ones for tests.

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, TcpListener};

/// Where the processes of a stack listen, all on 127.0.0.1.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// SalesCommand in the browser
    #[arg(long = "http-port", env = "SALESCOMMAND_HTTP_PORT", default_value_t = 8080, value_name = "PORT")]
    pub http: u16,
    /// NATS, for clients
    #[arg(long = "nats-port", env = "SALESCOMMAND_NATS_PORT", default_value_t = 4222, value_name = "PORT")]
    pub nats: u16,
    /// NATS, monitoring over HTTP
    #[arg(
        long = "nats-monitor-port",
        env = "SALESCOMMAND_NATS_MONITOR_PORT",
        default_value_t = 8222,
        value_name = "PORT"
    )]
    pub nats_monitor: u16,
    /// MongoDB
    #[arg(
        long = "mongo-port",
        env = "SALESCOMMAND_MONGO_PORT",
        default_value_t = 27017,
        value_name = "PORT"
    )]
    pub mongo: u16,
    /// Demo Odoo server (simulator)
    #[arg(long = "odoo-port", env = "SALESCOMMAND_ODOO_PORT", default_value_t = 8069, value_name = "PORT")]
    pub odoo: u16,
}

impl Ports {
    /// Five ports nobody listens on right now. Another program may take one before we do: the start then fails and says so.
    pub fn free() -> Result<Self> {
        // Held together, so that the same port is not handed out twice.
        let held: Vec<TcpListener> = (0..5)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<std::io::Result<_>>()
            .context("no free port on 127.0.0.1")?;
        let mut numbers = Vec::new();
        for listener in &held {
            numbers.push(listener.local_addr()?.port());
        }
        let [http, nats, nats_monitor, mongo, odoo] = numbers[..] else {
            anyhow::bail!("no free port on 127.0.0.1");
        };
        Ok(Self { http, nats, nats_monitor, mongo, odoo })
    }

    /// The address to open in a browser.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// The address of the demo Odoo server.
    pub fn odoo_address(&self) -> String {
        format!("http://127.0.0.1:{}", self.odoo)
    }
}

/// A port nobody listens on right now, for something beside a stack.
pub fn free_port() -> Result<u16> {
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(held.local_addr()?.port())
}

/// Whether nothing listens on `port` of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn free_ports_differ_and_a_taken_one_is_seen() {
        let ports = Ports::free().unwrap();
        let set: BTreeSet<u16> =
            [ports.http, ports.nats, ports.nats_monitor, ports.mongo, ports.odoo].into_iter().collect();
        assert_eq!(set.len(), 5);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(held.local_addr().unwrap().port()));
    }
}
