//! The state folder (`.salescommand/`): data, logs, secrets, and the record of what runs.
//!
//! The record lets `down`, `status` and the next `up` find the processes of an earlier command, also after that command was killed.

use crate::http;
use crate::ports::Ports;
use crate::process::Identity;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A local server that does not answer a health check within this time is not healthy.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// Paths inside one state folder.
#[derive(Clone, Debug)]
pub struct StateFolder {
    root: PathBuf,
}

impl StateFolder {
    /// The folder at `root`; it need not exist.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A folder or file below it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The log of a process or build step.
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    /// Makes a folder below it and returns its path.
    pub fn create(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// Takes the lock that only one `up` may hold; none when another holds it. It ends with the process.
    pub fn try_lock(&self) -> Result<Option<File>> {
        self.create("")?;
        let file = File::create(self.path("lock")).context("cannot write the lock of the state folder")?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error).context("cannot lock the state folder"),
        }
    }

    /// What the last `up` started; none when nothing is recorded.
    pub fn running(&self) -> Result<Option<Running>> {
        let path = self.path("run.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(|| {
                format!("{} is damaged; stop the processes by hand and delete it", path.display())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes the record, whole or not at all.
    pub fn record(&self, running: &Running) -> Result<()> {
        crate::secrets::write_private(&self.path("run.json"), &serde_json::to_vec_pretty(running)?)
    }

    /// Deletes the record.
    pub fn forget(&self) {
        let _ = fs::remove_file(self.path("run.json"));
    }
}

/// What runs, in the order it was started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    /// The `up` in the foreground that owns the processes; none after `--detach`.
    pub supervisor: Option<Identity>,
    /// Where the stack listens.
    pub ports: Ports,
    /// The processes.
    pub processes: Vec<Process>,
}

/// One process of a stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Process {
    /// Its name, such as "nats".
    pub name: String,
    /// Who it is.
    pub identity: Identity,
    /// Where it listens.
    pub port: u16,
    /// How to ask it for its health.
    pub health: Health,
    /// Where its output goes.
    pub log: PathBuf,
}

/// How a process shows that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It accepts a connection.
    Connect {
        /// On this port of 127.0.0.1.
        port: u16,
    },
    /// It answers a GET with 200.
    Http {
        /// On this port of 127.0.0.1.
        port: u16,
        /// For this path.
        path: String,
    },
}

impl Health {
    /// Asks once. The error says what was answered instead.
    pub fn ask(&self) -> Result<(), String> {
        match self {
            Self::Connect { port } => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
                TcpStream::connect_timeout(&address, HEALTH_TIMEOUT)
                    .map(|_| ())
                    .map_err(|error| error.to_string())
            }
            Self::Http { port, path } => match http::get(*port, path, HEALTH_TIMEOUT) {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("{path} answers {}", answer.status)),
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

impl Running {
    /// Whether any process of it lives.
    pub fn any_alive(&self) -> bool {
        self.processes.iter().any(|process| process.identity.is_alive())
    }

    /// Whether all live and serve.
    pub fn all_healthy(&self) -> bool {
        !self.processes.is_empty()
            && self
                .processes
                .iter()
                .all(|process| process.identity.is_alive() && process.health.ask().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(folder.path().join("state"));
        assert!(state.running().unwrap().is_none());
        let _lock = state.try_lock().unwrap().unwrap();
        assert!(state.try_lock().unwrap().is_none(), "a second run must see the lock");
        let process = Process {
            name: "nats".into(),
            identity: Identity::own().unwrap(),
            port: 4222,
            health: Health::Http { port: 1, path: "/healthz".into() },
            log: state.log("nats"),
        };
        let running =
            Running { supervisor: Identity::own(), ports: Ports::free().unwrap(), processes: vec![process] };
        state.record(&running).unwrap();
        let read = state.running().unwrap().unwrap();
        assert_eq!(read.processes[0].identity, running.processes[0].identity);
        assert!(read.any_alive());
        assert!(!read.all_healthy(), "nothing listens on port 1");
        state.forget();
        assert!(state.running().unwrap().is_none());
    }
}
