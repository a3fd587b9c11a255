//! What the processes of a stack are: program, arguments, environment, and how each shows that it serves.
//!
//! Invariant: a secret is handed over in the environment or in a private file, never as an argument, because any user of the
//! machine can read the arguments of a process.

use crate::ports::Ports;
use crate::secrets::Secrets;
use crate::servers::Origin;
use crate::state::{Health, StateFolder};
use crate::workspace::Binaries;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The login that the demo Odoo server gives to integrations.
pub const ODOO_LOGIN: &str = "integration@salescommand.com";
/// The database of the demo Odoo server.
pub const ODOO_DATABASE: &str = "demo";
const NATS_URL: &str = "NATS_URL";

/// Everything a stack is started from.
pub struct Plan {
    /// The root of the clone: `nats.conf` lies there.
    pub root: PathBuf,
    /// Where data, logs and records go.
    pub state: StateFolder,
    /// Where to listen.
    pub ports: Ports,
    /// The secrets of this state folder.
    pub secrets: Secrets,
    /// The broker.
    pub nats: Origin,
    /// The store.
    pub mongo: Origin,
    /// Our own programs.
    pub binaries: Binaries,
    /// Further settings of SalesCommand, as its environment has them.
    pub settings: Vec<(&'static str, OsString)>,
}

/// One process to start.
pub struct Service {
    /// Its name in logs and tables.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    /// Where it listens.
    pub port: u16,
    /// When it serves.
    pub health: Health,
}

impl Service {
    /// The command that starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Plan {
    /// The servers that must serve before anything else starts. Those named by an address are not ours to start.
    pub fn servers(&self) -> Result<Vec<Service>> {
        let mut services = Vec::new();
        if let Origin::Program(program) = &self.nats {
            services.push(self.nats(program)?);
        }
        if let Origin::Program(program) = &self.mongo {
            services.push(self.mongo(program)?);
        }
        Ok(services)
    }

    /// Our own programs, in the order to start them.
    pub fn programs(&self) -> Result<Vec<Service>> {
        Ok(vec![self.simulator()?, self.salescommand()])
    }

    fn nats(&self, program: &Path) -> Result<Service> {
        let ports = &self.ports;
        // nats.conf reads these as configuration values: quoted, so that each stays one string.
        let quoted = |text: &str| OsString::from(format!("\"{text}\""));
        let store = self.state.create("nats")?;
        let store = store.to_str().context("the path of the state folder is not UTF-8")?;
        Ok(Service {
            name: "nats",
            title: "NATS",
            program: program.to_owned(),
            arguments: vec!["--config".into(), self.root.join("nats.conf").into()],
            environment: vec![
                ("NATS_LISTEN", quoted(&format!("127.0.0.1:{}", ports.nats))),
                ("NATS_MONITOR_LISTEN", quoted(&format!("127.0.0.1:{}", ports.nats_monitor))),
                ("NATS_STORE_DIR", quoted(store)),
                ("NATS_PLATFORM_PASSWORD", quoted(&self.secrets.nats_platform)),
                ("NATS_CONNECTOR_PASSWORD", quoted(&self.secrets.nats_connector)),
                ("NATS_NORMALIZER_PASSWORD", quoted(&self.secrets.nats_normalizer)),
                ("NATS_PROJECTOR_PASSWORD", quoted(&self.secrets.nats_projector)),
                ("NATS_QUERY_PASSWORD", quoted(&self.secrets.nats_query)),
            ],
            port: ports.nats,
            health: Health::Http { port: ports.nats_monitor, path: "/healthz".into() },
        })
    }

    fn mongo(&self, program: &Path) -> Result<Service> {
        let data = self.state.create("mongo")?;
        let keyfile = self.state.path("mongo.keyfile");
        crate::secrets::write_private(&keyfile, self.secrets.mongo_keyfile.as_bytes())?;
        let mut arguments: Vec<OsString> = [
            "--replSet",
            "rs0",
            "--bind_ip",
            "127.0.0.1",
            "--nounixsocket",
            "--wiredTigerCacheSizeGB",
            "1",
            // A writer killed between two commands of a transaction holds its documents no longer than this.
            "--setParameter",
            "transactionLifetimeLimitSeconds=10",
            "--networkMessageCompressors",
            "snappy,zstd",
            // The only member has nobody to hand over to: by default it would wait 15 s for others at every stop.
            "--setParameter",
            "shutdownTimeoutMillisForSignaledShutdown=500",
            "--setParameter",
            "diagnosticDataCollectionEnabled=false",
        ]
        .map(OsString::from)
        .into();
        arguments.extend(["--port".into(), self.ports.mongo.to_string().into()]);
        arguments.extend(["--keyFile".into(), keyfile.into(), "--dbpath".into(), data.into()]);
        Ok(Service {
            name: "mongo",
            title: "MongoDB",
            program: program.to_owned(),
            arguments,
            environment: Vec::new(),
            port: self.ports.mongo,
            health: Health::Connect { port: self.ports.mongo },
        })
    }

    fn simulator(&self) -> Result<Service> {
        let port = self.ports.odoo;
        let state = self.state.create("odoo")?.join("state.json");
        let mut arguments: Vec<OsString> =
            ["--database", ODOO_DATABASE, "--seed", "42", "--listen"].map(OsString::from).into();
        arguments.extend([format!("127.0.0.1:{port}").into(), "--state".into(), state.into()]);
        // So that deals have all of their history.
        arguments.push("--api-user-settings".into());
        Ok(Service {
            name: "odoo-simulator",
            title: "Demo Odoo server",
            program: self.binaries.simulator.clone(),
            arguments,
            environment: vec![
                ("SIMULATOR_ADMIN_PASSWORD", self.secrets.simulator_admin.clone().into()),
                ("SIMULATOR_API_PASSWORD", self.secrets.simulator_api.clone().into()),
            ],
            port,
            health: Health::Connect { port },
        })
    }

    fn salescommand(&self) -> Service {
        let port = self.ports.http;
        let mut environment = self.connections();
        let users = self.own_users();
        if !users.is_empty() {
            // Then no process needs a user that may do everything.
            environment.retain(|(name, _)| *name != NATS_URL);
        }
        environment.extend(users);
        environment.extend([
            ("SALESCOMMAND_HTTP__LISTEN", format!("127.0.0.1:{port}").into()),
            ("SALESCOMMAND_SECRETS__SESSION_KEY", self.secrets.session_key.clone().into()),
            ("SALESCOMMAND_SECRETS__MASTER_KEY", self.secrets.master_key.clone().into()),
            ("SALESCOMMAND_DEMO__ODOO_URL", self.ports.odoo_address().into()),
            ("SALESCOMMAND_DEMO__ODOO_DATABASE", ODOO_DATABASE.into()),
            ("SALESCOMMAND_DEMO__ODOO_LOGIN", ODOO_LOGIN.into()),
            ("SALESCOMMAND_DEMO__ODOO_PASSWORD", self.secrets.simulator_api.clone().into()),
        ]);
        environment.extend(self.settings.iter().cloned());
        Service {
            name: "salescommand",
            title: "SalesCommand",
            program: self.binaries.salescommand.clone(),
            arguments: vec!["all".into(), "--demo".into()],
            environment,
            port,
            health: Health::Http { port, path: "/healthz".into() },
        }
    }

    /// A command of the binary against this stack.
    pub fn cli(&self, arguments: &[String]) -> Command {
        let mut service = self.salescommand();
        service.environment.extend(self.connections());
        service.arguments = arguments.iter().map(OsString::from).collect();
        service.command()
    }

    /// The broker's user of each process, with the rights that it needs; none when the broker is not ours.
    fn own_users(&self) -> Vec<(&'static str, OsString)> {
        let Origin::Program(_) = self.nats else { return Vec::new() };
        let secrets = &self.secrets;
        let users = [
            ("SALESCOMMAND_NATS__CONNECTOR_URL", "connector", &secrets.nats_connector),
            ("SALESCOMMAND_NATS__NORMALIZER_URL", "normalizer", &secrets.nats_normalizer),
            ("SALESCOMMAND_NATS__PROJECTOR_URL", "projector", &secrets.nats_projector),
            ("SALESCOMMAND_NATS__QUERY_URL", "query", &secrets.nats_query),
        ];
        let url =
            |user: &str, password: &str| format!("nats://{user}:{password}@127.0.0.1:{}", self.ports.nats);
        users.into_iter().map(|(setting, user, password)| (setting, url(user, password).into())).collect()
    }

    /// `NATS_URL` and `MONGODB_URI` for our programs.
    fn connections(&self) -> Vec<(&'static str, OsString)> {
        let nats = match &self.nats {
            Origin::Address(url) => url.clone(),
            Origin::Program(_) => {
                format!("nats://platform:{}@127.0.0.1:{}", self.secrets.nats_platform, self.ports.nats)
            }
        };
        let mongo = match &self.mongo {
            Origin::Address(uri) => uri.clone(),
            Origin::Program(_) => format!(
                "mongodb://salescommand:{}@127.0.0.1:{}/?replicaSet=rs0&directConnection=true",
                self.secrets.mongo_root, self.ports.mongo
            ),
        };
        let archive = self.state.path("archive");
        vec![
            (NATS_URL, nats.into()),
            ("MONGODB_URI", mongo.into()),
            ("SALESCOMMAND_RAW__ARCHIVE_DIR", archive.into()),
        ]
    }

    /// Makes a fresh mongod a replica set with a root user; does nothing to one that is. None when the store is not ours.
    pub fn initialise_mongo(&self) -> Option<Command> {
        let Origin::Program(_) = self.mongo else {
            return None;
        };
        let mut command = Command::new(&self.binaries.salescommand);
        command
            .arg("dev-init-mongo")
            .env("MONGODB_URI", format!("mongodb://127.0.0.1:{}/?directConnection=true", self.ports.mongo))
            .env("SALESCOMMAND_MONGO_ROOT_PASSWORD", &self.secrets.mongo_root);
        Some(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(folder: &Path, nats: Origin, mongo: Origin) -> Plan {
        let state = StateFolder::at(folder.join("state"));
        state.create("").unwrap();
        let secrets = Secrets::load_or_create(&state.path("secrets.json")).unwrap();
        let binaries = Binaries { salescommand: "/bin/sc".into(), simulator: "/bin/sim".into() };
        let (ports, settings) = (Ports::free().unwrap(), Vec::new());
        Plan { root: folder.to_owned(), state, ports, secrets, nats, mongo, binaries, settings }
    }

    #[test]
    fn no_secret_is_an_argument() {
        let folder = tempfile::tempdir().unwrap();
        let plan =
            plan(folder.path(), Origin::Program("/bin/nats".into()), Origin::Program("/bin/mongod".into()));
        let secrets = serde_json::to_value(&plan.secrets).unwrap();
        let secrets: Vec<&str> =
            secrets.as_object().unwrap().values().filter_map(|value| value.as_str()).collect();
        assert_eq!(secrets.len(), 11);
        let services = plan.servers().unwrap().into_iter().chain(plan.programs().unwrap());
        let commands = services.map(|service| service.command()).chain(plan.initialise_mongo());
        for command in commands {
            let line = command.get_args().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(" ");
            assert!(secrets.iter().all(|secret| !line.contains(secret)), "{line}");
        }
    }

    #[test]
    fn servers_with_an_address_are_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(
            folder.path(),
            Origin::Address("nats://far".into()),
            Origin::Address("mongodb://far".into()),
        );
        assert!(plan.servers().unwrap().is_empty());
        assert!(plan.initialise_mongo().is_none());
        assert_eq!(plan.connections()[0], ("NATS_URL", "nats://far".into()));
        assert_eq!(plan.connections()[1], ("MONGODB_URI", "mongodb://far".into()));
    }

    #[test]
    fn every_variable_of_the_broker_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let plan =
            plan(folder.path(), Origin::Program("/bin/nats".into()), Origin::Address("mongodb://far".into()));
        let nats = &plan.servers().unwrap()[0];
        let conf = include_str!("../../../../nats.conf");
        let lines = conf.lines().filter(|line| !line.trim_start().starts_with('#'));
        let wanted = lines.filter_map(|line| line.split_once("$NATS_").map(|(_, rest)| rest.trim()));
        for name in wanted {
            let set =
                nats.environment.iter().any(|(variable, _)| variable.strip_prefix("NATS_") == Some(name));
            assert!(set, "NATS_{name} is not set");
        }
    }
}
