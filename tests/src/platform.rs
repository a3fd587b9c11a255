//! The whole product as processes of its own: broker, database, Odoo simulator, and the binary's subcommands.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::Signal;
use salescommand_odoo_simulator::{Clock, Config, Handle, Seed, Simulator};
use serde_json::Value;

use crate::mongo::{Mongo, Settings};
use crate::nats::{Nats, free_port};
use crate::signals;

/// Variable with the path of the binary under test.
const BINARY_VARIABLE: &str = "SALESCOMMAND_TEST_BIN";
/// Longest wait for anything to happen.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// 32 bytes in base64: keys of a test and of nothing else.
const KEY: &str = "dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";

/// Login of the simulator's API user.
pub const ODOO_LOGIN: &str = "integration@salescommand.com";
/// Its password.
pub const ODOO_PASSWORD: &str = "api-of-a-test";

/// Servers, simulator and processes. Everything is killed and erased when it is dropped.
pub struct Platform {
    /// The broker.
    pub nats: Nats,
    /// The database.
    pub mongo: Mongo,
    /// The source.
    pub odoo: Handle,
    binary: PathBuf,
    http_port: u16,
    folder: tempfile::TempDir,
    processes: BTreeMap<&'static str, Child>,
}

impl Platform {
    /// Starts the servers and the simulator, and no process of the product.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Settings::default(), Seed::new(42, today())).await
    }

    /// The same with a database and an invented company of one's own.
    pub async fn start_with(settings: Settings, seed: Seed) -> anyhow::Result<Self> {
        let binary = std::env::var_os(BINARY_VARIABLE).with_context(|| {
            format!("set {BINARY_VARIABLE} to the path of the built binary `salescommand`")
        })?;
        // The client's TLS is built without a provider of its own; that one is installed already is no failure.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Config::new(seed).password(ODOO_LOGIN, ODOO_PASSWORD);
        Ok(Self {
            nats: Nats::start()?,
            mongo: Mongo::start_with(settings).await?,
            odoo: Simulator::start(Config { clock: Clock::machine(), ..config }).await?,
            binary: PathBuf::from(binary),
            http_port: free_port()?,
            folder: tempfile::tempdir()?,
            processes: BTreeMap::new(),
        })
    }

    /// Address of the query service.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http_port)
    }

    /// The folder of archived epochs.
    pub fn archives(&self) -> PathBuf {
        self.folder.path().join("archives")
    }

    /// Starts a process by its subcommand, with its log in the platform's folder.
    pub fn spawn(&mut self, name: &'static str, arguments: &[&str]) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_path(name))?;
        let mut command = self.command();
        // A second copy has a name of its own and is the same subcommand.
        let subcommand = name.trim_end_matches("-2");
        // Each process gets by with the rights that `nats.conf` gives to its user, also within `all`; connectors know no
        // database.
        match subcommand {
            "all" => {
                command.env("NATS_URL", "nats://nobody:at-all@127.0.0.1:1");
                for user in ["connector", "normalizer", "projector", "query"] {
                    let setting = format!("SALESCOMMAND_NATS__{}_URL", user.to_uppercase());
                    command.env(setting, self.nats.url_for(user));
                }
            }
            "connect" => {
                command.env("NATS_URL", self.nats.url_for("connector")).env_remove("MONGODB_URI");
            }
            process => {
                command.env("NATS_URL", self.nats.url_for(process));
            }
        }
        let child = command.arg(subcommand).args(arguments).stderr(log).stdout(Stdio::null()).spawn()?;
        self.processes.insert(name, child);
        Ok(())
    }

    /// Sends a signal to a process that runs.
    pub fn signal(&self, name: &'static str, signal: Signal) -> anyhow::Result<()> {
        let child = self.processes.get(name).with_context(|| format!("{name} was not started"))?;
        signals::send(child, signal)
    }

    /// How a process ended; none while it runs.
    pub fn ended(&mut self, name: &'static str) -> anyhow::Result<Option<ExitStatus>> {
        let child = self.processes.get_mut(name).with_context(|| format!("{name} was not started"))?;
        Ok(child.try_wait()?)
    }

    /// How much memory a process holds, and the most that it has held, in KiB.
    pub fn memory(&self, name: &'static str) -> anyhow::Result<(u64, u64)> {
        let child = self.processes.get(name).with_context(|| format!("{name} was not started"))?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
        let of = |field: &str| {
            let line = status.lines().find(|line| line.starts_with(field)).context("no such field")?;
            Ok::<u64, anyhow::Error>(line.split_whitespace().nth(1).context("no number")?.parse()?)
        };
        Ok((of("VmRSS:")?, of("VmHWM:")?))
    }

    /// kill -9. Fails if the process was gone already: a kill that hits nothing proves nothing.
    pub fn kill9(&mut self, name: &'static str) -> anyhow::Result<()> {
        let mut child = self.processes.remove(name).with_context(|| format!("{name} was not started"))?;
        if let Some(status) = child.try_wait()? {
            bail!("{name} had ended before the kill ({status}): {}", self.log(name));
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// What a process has logged.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_path(name)).unwrap_or_default()
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// Runs a command of the binary to its end; gives its standard output, or its error text.
    pub fn run(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Writes a file into the platform's folder; gives its path.
    pub fn write(&self, name: &str, content: &str) -> anyhow::Result<String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content)?;
        Ok(path.display().to_string())
    }

    /// Starts `all` without any key; gives what it says when it refuses.
    pub fn start_without_keys(&self) -> anyhow::Result<String> {
        let mut command = self.command();
        command
            .env_remove("SALESCOMMAND_SECRETS__SESSION_KEY")
            .env_remove("SALESCOMMAND_SECRETS__MASTER_KEY");
        let output = command.arg("all").output()?;
        if output.status.success() {
            bail!("it started without keys");
        }
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The same for commands that print JSON.
    pub fn run_json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut all = vec!["--output", "json"];
        all.extend(arguments);
        Ok(serde_json::from_str(&self.run(&all, "")?)?)
    }

    /// Syncs a source, with further arguments, and follows the run; gives it as it ended.
    pub fn sync(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut all = vec!["--output", "json", "sync", "run", "--follow"];
        all.extend(arguments);
        let lines = self.run(&all, "")?;
        Ok(serde_json::from_str(lines.lines().last().context("no line")?)?)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .current_dir(self.folder.path())
            .env("NATS_URL", self.nats.url())
            .env("MONGODB_URI", format!("{}?directConnection=true", self.mongo.uri()))
            .env("SALESCOMMAND_HTTP__LISTEN", format!("127.0.0.1:{}", self.http_port))
            .env("SALESCOMMAND_SECRETS__SESSION_KEY", KEY)
            .env("SALESCOMMAND_SECRETS__MASTER_KEY", KEY)
            .env("SALESCOMMAND_RAW__ARCHIVE_DIR", self.archives())
            // Connectors are killed often here.
            .env("SALESCOMMAND_INGEST__LEASE_SECONDS", "2")
            .env("SALESCOMMAND_DEMO__ODOO_URL", self.odoo.url())
            .env("SALESCOMMAND_DEMO__ODOO_DATABASE", "demo")
            .env("SALESCOMMAND_DEMO__ODOO_LOGIN", ODOO_LOGIN)
            .env("SALESCOMMAND_DEMO__ODOO_PASSWORD", ODOO_PASSWORD);
        command
    }

    /// Runs `all --demo` and waits until the first sync is on the dashboard.
    pub async fn demo(&mut self) -> anyhow::Result<()> {
        self.spawn("all", &["--demo"])?;
        let url = format!("{}/readyz", self.base_url());
        let client = reqwest::Client::builder().build()?;
        let ready = eventually("the demo to be ready", async || {
            let answer = client.get(&url).send().await.ok()?;
            answer.status().is_success().then_some(())
        });
        ready.await.with_context(|| self.log("all"))
    }

    /// Whether the query service answers.
    pub async fn listens(&self) -> bool {
        let Ok(client) = reqwest::Client::builder().build() else { return false };
        client.get(format!("{}/healthz", self.base_url())).send().await.is_ok()
    }

    /// Signs in; a cookie jar of its own.
    pub async fn sign_in(&self, email: &str, password: &str) -> anyhow::Result<Session> {
        let client = reqwest::Client::builder().cookie_store(true).build()?;
        let session = Session { client, base: self.base_url() };
        let body = serde_json::json!({"email": email, "password": password});
        let (status, answer) = session.post("/api/auth/login", &body).await?;
        if status != 200 {
            bail!("sign-in of {email}: {status} {answer}");
        }
        Ok(session)
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        for child in self.processes.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A signed-in user.
pub struct Session {
    client: reqwest::Client,
    base: String,
}

impl Session {
    /// GET; status and JSON body.
    pub async fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        read(self.client.get(format!("{}{path}", self.base))).await
    }

    /// POST with the header that the page sends; status and JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let request =
            self.client.post(format!("{}{path}", self.base)).header("X-Requested-With", "salescommand");
        read(request.json(body)).await
    }
}

/// An answer as it came.
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// Bytes of the body.
    pub body: Vec<u8>,
}

impl Session {
    /// GET, with all of the answer.
    pub async fn ask(&self, path: &str) -> anyhow::Result<Answer> {
        let request = self.client.get(format!("{}{path}", self.base)).timeout(Duration::from_secs(30));
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Answer { status, headers, body: answer.bytes().await?.to_vec() })
    }
}

impl Session {
    /// Goes on, as the page does every few minutes: without it a session is over after ten.
    pub async fn renew(&self) -> anyhow::Result<()> {
        let (status, answer) = self.post("/api/auth/refresh", &Value::Null).await?;
        if status != 200 {
            bail!("a session was not renewed: {status} {answer}");
        }
        Ok(())
    }
}

/// A record as it was read: its version, and the answer.
pub struct Versioned {
    /// Status of the answer.
    pub status: u16,
    /// The ETag.
    pub version: String,
    /// The body.
    pub body: Value,
}

impl Session {
    /// GET with the version of what was read.
    pub async fn read(&self, path: &str) -> anyhow::Result<Versioned> {
        versioned(self.client.get(format!("{}{path}", self.base))).await
    }

    /// A change of a version, by its HTTP method.
    pub async fn change(
        &self,
        method: &str,
        path: &str,
        version: &str,
        body: &Value,
    ) -> anyhow::Result<Versioned> {
        let request = self.client.request(method.parse()?, format!("{}{path}", self.base));
        let request = request.header("X-Requested-With", "salescommand").header("If-Match", version);
        versioned(request.json(body)).await
    }
}

impl Session {
    /// POST with an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Versioned> {
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request.header("X-Requested-With", "salescommand").header("Idempotency-Key", key);
        versioned(request.json(body)).await
    }
}

async fn versioned(request: reqwest::RequestBuilder) -> anyhow::Result<Versioned> {
    let answer = request.timeout(Duration::from_secs(30)).send().await?;
    let status = answer.status().as_u16();
    let version = answer.headers().get("etag").map(|tag| tag.to_str().map(str::to_owned)).transpose()?;
    let body = answer.text().await?;
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    Ok(Versioned { status, version: version.unwrap_or_default(), body })
}

async fn read(request: reqwest::RequestBuilder) -> anyhow::Result<(u16, Value)> {
    let answer = request.timeout(Duration::from_secs(30)).send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

/// Looks again and again until there is an answer, or patience ends.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
    eventually_within(PATIENCE, what, look).await
}

/// The same with a patience of one's own.
pub async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("waited {} s for {what}", patience.as_secs());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Today in UTC: the simulator's company is built around it, as in the demo.
#[expect(
    clippy::disallowed_methods,
    reason = "the product under test asks the real clock for the present quarter"
)]
pub fn today() -> salescommand_domain::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}
