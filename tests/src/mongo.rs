//! A MongoDB server of a test's own, a replica set of one, that can be killed, stopped and restarted.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;
use salescommand_store_mongo::{MongoStore, admin};

use crate::nats::free_port;
use crate::signals;

/// Names the server's binary.
pub const SERVER_VARIABLE: &str = "SALESCOMMAND_TEST_MONGOD";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running server. Killed and erased when dropped.
#[derive(Debug)]
pub struct Mongo {
    binary: PathBuf,
    process: Option<Child>,
    port: u16,
    folder: tempfile::TempDir,
    with_key: bool,
    certificates: Option<Certificates>,
    settings: Settings,
}

/// The files of a server that speaks TLS and nothing else.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// Its certificate and key in one file, for `localhost`.
    pub own: PathBuf,
    /// Its authority.
    pub authority: PathBuf,
}

/// How a server is set up.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Its cache. With 256 MiB, the least there is, the commits of all projections at once can hold more than the fifth of
    /// it that may be dirty; then each of them is to make room first, and none can for a minute.
    pub cache_mib: u32,
    /// A writer that dies within a transaction blocks its documents until the server gives that one up.
    pub transaction_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache_mib: 1_024, transaction_seconds: 5 }
    }
}

impl Mongo {
    /// Starts a server that asks nobody for a password, and waits until it is primary.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Settings::default()).await
    }

    /// The same, set up in another way.
    pub async fn start_with(settings: Settings) -> anyhow::Result<Self> {
        let mut mongo = Self::new(false, settings)?;
        mongo.launch()?;
        admin::init_open_replica_set(&mongo.uri()).await?;
        Ok(mongo)
    }

    /// Starts a server with a key file, hence with sign-in, that is no replica set yet.
    pub fn start_with_sign_in() -> anyhow::Result<Self> {
        let mut mongo = Self::new(true, Settings::default())?;
        std::fs::write(mongo.key_path(), "a key of a test and of nothing else")?;
        std::fs::set_permissions(mongo.key_path(), std::fs::Permissions::from_mode(0o400))?;
        mongo.launch()?;
        Ok(mongo)
    }

    /// Starts a server that speaks TLS and nothing else.
    pub async fn start_encrypted(certificates: Certificates) -> anyhow::Result<Self> {
        let mut mongo = Self::new(false, Settings::default())?;
        mongo.certificates = Some(certificates);
        mongo.launch()?;
        admin::init_open_replica_set(&mongo.uri()).await?;
        Ok(mongo)
    }

    fn new(with_key: bool, settings: Settings) -> anyhow::Result<Self> {
        let binary = std::env::var_os(SERVER_VARIABLE)
            .with_context(|| format!("set {SERVER_VARIABLE} to the path of a mongod binary"))?;
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("data"))?;
        Ok(Self {
            binary: PathBuf::from(binary),
            process: None,
            port: free_port()?,
            folder,
            with_key,
            certificates: None,
            settings,
        })
    }

    /// Address without credentials.
    pub fn uri(&self) -> String {
        match &self.certificates {
            None => format!("mongodb://127.0.0.1:{}/", self.port),
            Some(files) => {
                let authority = files.authority.display();
                format!("mongodb://localhost:{}/?tls=true&tlsCAFile={authority}", self.port)
            }
        }
    }

    /// Address with credentials of a user in `admin`.
    pub fn uri_of(&self, user: &str, password: &str) -> String {
        format!("mongodb://{user}:{password}@127.0.0.1:{}/?authSource=admin", self.port)
    }

    /// A store in one of its databases.
    pub async fn store(&self, database: &str) -> Result<MongoStore, salescommand_store::Error> {
        MongoStore::connect(&self.uri(), database).await
    }

    /// Folder of the server's data and its log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it at once, as a crash would.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Starts it again on the same data and port, after ending it if it still runs; gives no time to become primary.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9()?;
        self.launch()
    }

    /// Freezes it; when this returns, every thread of it stands still.
    pub fn stop(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    pub fn cont(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("the server does not run")?;
        signals::send(process, signal)
    }

    fn key_path(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn launch(&mut self) -> anyhow::Result<()> {
        let log_path = self.folder.path().join("server.log");
        let log = std::fs::File::options().create(true).append(true).open(&log_path)?;
        let mut command = Command::new(&self.binary);
        command
            .args(["--bind_ip", "127.0.0.1", "--replSet", "rs0", "--nounixsocket"])
            .arg("--wiredTigerCacheSizeGB")
            .arg((f64::from(self.settings.cache_mib) / 1_024.0).to_string())
            .arg("--setParameter")
            .arg(format!("transactionLifetimeLimitSeconds={}", self.settings.transaction_seconds))
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
            .args(["--port", &self.port.to_string()])
            .arg("--dbpath")
            .arg(self.folder.path().join("data"));
        if self.with_key {
            command.arg("--keyFile").arg(self.key_path());
        }
        if let Some(files) = &self.certificates {
            command.args(["--tlsMode", "requireTLS", "--tlsAllowConnectionsWithoutCertificates"]);
            command.arg("--tlsCertificateKeyFile").arg(&files.own);
            command.arg("--tlsCAFile").arg(&files.authority);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", self.binary.display()))?;
        self.process = Some(process);
        let deadline = Instant::now() + READY_WITHIN;
        while !self.accepts() {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if ended.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(&log_path).unwrap_or_default();
                let tail = log.lines().rev().take(20).collect::<Vec<_>>().join("\n");
                bail!("mongod did not get ready on port {}; newest line first:\n{tail}", self.port);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn accepts(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
    }
}

impl Drop for Mongo {
    fn drop(&mut self) {
        // A server that is gone already needs no killing.
        let _ = self.kill9();
    }
}
