//! A NATS server of a test's own, with the product's configuration, that can be killed, stopped and restarted.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use crate::signals;

/// Names the server's binary.
pub const SERVER_VARIABLE: &str = "SALESCOMMAND_TEST_NATS_SERVER";
const READY_WITHIN: Duration = Duration::from_secs(30);
const PLATFORM_PASSWORD: &str = "platform-of-a-test";
/// The users of processes: `connector-of-a-test` is the password of `connector`.
const PROCESSES: [&str; 5] = ["connector", "normalizer", "projector", "query", "producer_acme"];
const READER_PASSWORD: &str = "reader-of-a-test";

/// A running server. Killed and erased when dropped.
#[derive(Debug)]
pub struct Nats {
    binary: PathBuf,
    process: Option<Child>,
    port: u16,
    monitor_port: u16,
    folder: tempfile::TempDir,
    config: PathBuf,
}

impl Nats {
    /// Starts a server with the product's `nats.conf` and an empty data folder.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with some of the users that stand as templates in `nats.conf`, by name.
    pub fn start_with(users: &[&str]) -> anyhow::Result<Self> {
        Self::start_changed(|text| with_users(&text, users))
    }

    /// The same with further settings behind those of `nats.conf`.
    pub fn start_adding(settings: &str) -> anyhow::Result<Self> {
        Self::start_changed(|text| Ok(format!("{text}\n{settings}\n")))
    }

    fn start_changed(change: impl FnOnce(String) -> anyhow::Result<String>) -> anyhow::Result<Self> {
        let binary = std::env::var_os(SERVER_VARIABLE)
            .with_context(|| format!("set {SERVER_VARIABLE} to the path of a nats-server binary"))?;
        let folder = tempfile::tempdir()?;
        let product = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nats.conf");
        let config = folder.path().join("nats.conf");
        std::fs::write(&config, change(std::fs::read_to_string(product)?)?)?;
        let (binary, process) = (PathBuf::from(binary), None);
        let mut nats =
            Self { binary, process, port: free_port()?, monitor_port: free_port()?, folder, config };
        nats.launch()?;
        Ok(nats)
    }

    /// Address with the credentials of the platform.
    pub fn url(&self) -> String {
        self.url_of("platform", PLATFORM_PASSWORD)
    }

    /// Address with the credentials of a connector.
    pub fn connector_url(&self) -> String {
        self.url_for("connector")
    }

    /// Address with the credentials of a process's user.
    pub fn url_for(&self, user: &str) -> String {
        self.url_of(user, &format!("{user}-of-a-test"))
    }

    /// Address, user and password of a reader outside; see [`Nats::start_with`].
    pub fn reader(&self) -> (String, String, String) {
        (format!("127.0.0.1:{}", self.port), "reader".to_owned(), READER_PASSWORD.to_owned())
    }

    /// Address without credentials, and the user and password of the platform.
    pub fn platform(&self) -> (String, String, String) {
        (format!("nats://127.0.0.1:{}", self.port), "platform".to_owned(), PLATFORM_PASSWORD.to_owned())
    }

    /// Folder of the server's streams and its log.
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

    /// Starts it again on the same data and port, after ending it if it still runs.
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

    fn url_of(&self, user: &str, password: &str) -> String {
        format!("nats://{user}:{password}@127.0.0.1:{}", self.port)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("the server does not run")?;
        signals::send(process, signal)
    }

    fn launch(&mut self) -> anyhow::Result<()> {
        let log_path = self.folder.path().join("server.log");
        let log = std::fs::File::options().create(true).append(true).open(&log_path)?;
        let quoted = |text: &str| format!("\"{text}\"");
        let process = Command::new(&self.binary)
            .arg("--config")
            .arg(&self.config)
            .env("NATS_LISTEN", quoted(&format!("127.0.0.1:{}", self.port)))
            .env("NATS_MONITOR_LISTEN", quoted(&format!("127.0.0.1:{}", self.monitor_port)))
            .env("NATS_STORE_DIR", quoted(&self.folder.path().join("data").to_string_lossy()))
            .env("NATS_PLATFORM_PASSWORD", quoted(PLATFORM_PASSWORD))
            .envs(PROCESSES.map(|user| {
                let name = format!("NATS_{}_PASSWORD", user.to_uppercase());
                (name, quoted(&format!("{user}-of-a-test")))
            }))
            .env("NATS_READER_PASSWORD", quoted(READER_PASSWORD))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", self.binary.display()))?;
        self.process = Some(process);
        let deadline = Instant::now() + READY_WITHIN;
        while !self.greets() {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if ended.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(&log_path).unwrap_or_default();
                bail!("nats-server did not get ready on port {}:\n{log}", self.port);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The server greets clients once its streams are recovered.
    fn greets(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) else {
            return false;
        };
        let mut greeting = [0; 4];
        let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
        stream.read_exact(&mut greeting).is_ok() && &greeting == b"INFO"
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        // A server that is gone already needs no killing.
        let _ = self.kill9();
    }
}

/// The configuration with templates of users taken out of their comments.
fn with_users(config: &str, users: &[&str]) -> anyhow::Result<String> {
    let mut lines: Vec<String> = config.lines().map(str::to_owned).collect();
    for user in users {
        let named = lines.iter().position(|line| line.trim() == format!("#   user: {user}"));
        let named = named.with_context(|| format!("nats.conf has no template of a user {user}"))?;
        for line in lines.iter_mut().skip(named - 1) {
            let is_last = line.trim() == "# }";
            *line = line.replacen('#', " ", 1);
            if is_last {
                break;
            }
        }
    }
    Ok(lines.join("\n"))
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
