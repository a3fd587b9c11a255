//! Connections to the broker and the database, and what their absence means.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_store_mongo::{MongoStore, admin};
use secrecy::{ExposeSecret, SecretString};

use crate::config::Config;

/// A process waits this long for a broker that is not there yet.
const PATIENCE: Duration = Duration::from_secs(60);
/// A command does not.
const COMMAND_PATIENCE: Duration = Duration::from_secs(5);

/// A process, as the broker knows it: with a user of its own, where one is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// Connectors.
    Connect,
    /// The normalizer.
    Normalizer,
    /// The projector.
    Projector,
    /// The query service.
    Query,
}

impl Process {
    fn name(self) -> &'static str {
        match self {
            Self::Connect => "salescommand-connect",
            Self::Normalizer => "salescommand-normalizer",
            Self::Projector => "salescommand-projector",
            Self::Query => "salescommand-query",
        }
    }

    fn url(self, config: &Config) -> &SecretString {
        let nats = &config.nats;
        let own = match self {
            Self::Connect => &nats.connector_url,
            Self::Normalizer => &nats.normalizer_url,
            Self::Projector => &nats.projector_url,
            Self::Query => &nats.query_url,
        };
        if own.expose_secret().is_empty() { &nats.url } else { own }
    }
}

/// Connects a process to the broker.
pub async fn log(config: &Config, process: Process) -> Result<NatsLog> {
    log_within(config, process.url(config), process.name(), PATIENCE).await
}

/// Connects a command to the broker.
pub async fn log_for_command(config: &Config) -> Result<NatsLog> {
    log_within(config, &config.nats.url, "salescommand-cli", COMMAND_PATIENCE).await
}

async fn log_within(config: &Config, url: &SecretString, name: &str, within: Duration) -> Result<NatsLog> {
    let options =
        NatsOptions { url: url.expose_secret().to_owned(), name: name.to_owned(), connect_within: within };
    let connected = NatsLog::connect_with(options, &config.nats_tls()?).await;
    connected.context("NATS cannot be used; check NATS_URL and that nats-server runs")
}

/// Opens the database. Reaches it only when something is asked of it.
pub async fn store(config: &Config) -> Result<MongoStore> {
    let connected = MongoStore::connect(config.mongodb.uri.expose_secret(), &config.mongodb.database).await;
    connected.context("MongoDB cannot be used; check MONGODB_URI and that mongod runs")
}

/// Prepares a development database: replica set, and the user that MONGODB_URI will name.
pub async fn init_development_mongo(config: &Config) -> Result<()> {
    let Ok(password) = std::env::var("SALESCOMMAND_MONGO_ROOT_PASSWORD") else {
        bail!("SALESCOMMAND_MONGO_ROOT_PASSWORD is not set");
    };
    let prepared = admin::init_dev_replica_set(config.mongodb.uri.expose_secret(), &password).await;
    prepared.context("the development database cannot be prepared")
}

/// Whether an error means that a server is not there.
pub fn is_unreachable(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<salescommand_eventlog::Error>()
            .is_some_and(salescommand_eventlog::Error::is_transient)
            || cause
                .downcast_ref::<salescommand_store::Error>()
                .is_some_and(salescommand_store::Error::is_transient)
    })
}
