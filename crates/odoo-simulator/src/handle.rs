//! Starting a simulator, and holding it from the outside: clock, troubles, rows, shutdown.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::database::{Database, Record};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::methods::Request;
use crate::schema::Level;
use crate::seed::Seed;
use crate::session::groups;
use crate::transaction::Transaction;
use crate::trouble::Faults;
use crate::value::Value;
use crate::{Error, transport};

/// How often a changed state is written to the state file.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// A password that does not show itself.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(..)")
    }
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Name of the database.
    pub database: String,
    /// The rows to begin with.
    pub seed: Seed,
    /// The server's clock.
    pub clock: Clock,
    /// Logins that can be used, with their passwords. All other users have none.
    pub passwords: Vec<(String, Password)>,
    /// Where to keep changes between restarts.
    pub state: Option<PathBuf>,
}

impl Config {
    /// A simulator on a free port of this machine, database `demo`, clock fixed at noon of the seed's day, without
    /// any password.
    pub fn new(seed: Seed) -> Self {
        let noon = crate::value::utc_instant(seed.today.at(12, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: "demo".into(),
            seed,
            clock: Clock::fixed(noon),
            passwords: Vec::new(),
            state: None,
        }
    }

    /// The same with a login that can be used.
    pub fn password(mut self, login: &str, password: &str) -> Self {
        self.passwords.push((login.into(), Password::new(password)));
        self
    }
}

/// Starts simulators.
pub struct Simulator;

impl Simulator {
    /// Builds or loads the rows and listens. Needs a Tokio runtime, which serves until `shutdown` or drop.
    ///
    /// # Errors
    /// `Listen`, `StateFile`, `State`, or `UnknownLogin` for a password of nobody.
    pub async fn start(config: Config) -> Result<Handle, Error> {
        let database = load(&config)?;
        let engine = Arc::new(Engine::new(config.database, config.clock, database, config.state));
        let data = Data(Arc::clone(&engine));
        for (login, password) in &config.passwords {
            data.add_password(login, &password.0)?;
        }
        let listener = TcpListener::bind(config.listen).await.map_err(Error::Listen)?;
        let addr = listener.local_addr().map_err(Error::Listen)?;
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(transport::serve(listener, Arc::clone(&engine), stopped.clone()));
        let saver = tokio::spawn(save_changes(Arc::clone(&engine), stopped));
        Ok(Handle { addr, engine, stop, tasks: vec![server, saver] })
    }
}

fn load(config: &Config) -> Result<Database, Error> {
    let Some(file) = &config.state else { return Ok(config.seed.build()) };
    match std::fs::read(file) {
        Ok(bytes) => Database::from_json(&bytes).map_err(Error::State),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(config.seed.build()),
        Err(error) => Err(Error::StateFile(error)),
    }
}

async fn save_changes(engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SAVE_EVERY) => {}
            _ = stop.changed() => return,
        }
        let there = Arc::clone(&engine);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || there.save()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "state not saved, trying again");
        }
    }
}

/// A running simulator. Dropping it stops the server.
pub struct Handle {
    /// Where it listens.
    pub addr: SocketAddr,
    engine: Arc<Engine>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Handle {
    /// The base address, for example `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Troubles to order, and the count of calls.
    pub fn faults(&self) -> &Faults {
        &self.engine.faults
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.engine.clock
    }

    /// The rows, without the socket.
    pub fn data(&self) -> Data {
        Data(Arc::clone(&self.engine))
    }

    /// Stops listening and saves the state.
    ///
    /// # Errors
    /// `StateFile` or `State` when the last save fails.
    pub async fn shutdown(mut self) -> Result<(), Error> {
        self.engine.stop();
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            // A task that panicked has nothing left to stop.
            let _ = task.await;
        }
        self.engine.mark_unsaved();
        self.engine.save()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.engine.stop();
        self.stop.send_replace(true);
    }
}

/// Direct access to the rows of a running simulator.
#[derive(Clone)]
pub struct Data(Arc<Engine>);

impl Data {
    /// All rows as they are now.
    pub fn snapshot(&self) -> Database {
        self.0.snapshot()
    }

    /// One row, if it exists.
    pub fn row(&self, model: &str, id: i64) -> Option<Record> {
        self.snapshot().row(model, id).cloned()
    }

    /// The id of a user.
    pub fn user(&self, login: &str) -> Option<i64> {
        self.snapshot()
            .rows("res.users")
            .find(|(_, row)| row.get("login").as_text() == Some(login))
            .map(|(id, _)| id)
    }

    /// Changes a column as plain SQL would: nothing follows from it and `write_date` stays.
    pub fn set(&self, model: &str, id: i64, column: &'static str, value: impl Into<Value>) {
        self.0.change(|database| {
            if let Some(row) = database.edit(model, id) {
                row.set(column, value.into());
            }
        });
    }

    /// What the nightly scoring job does to one lead: a new automated probability, which becomes the probability
    /// unless somebody set that by hand. Plain SQL: `write_date` and amounts that follow from it stay.
    pub fn score(&self, lead: i64, probability: f64) {
        self.0.change(|database| {
            if let Some(row) = database.edit("crm.lead", lead) {
                let by_hand = crate::lead::set_by_hand(row);
                row.set("automated_probability", probability.into());
                if !by_hand {
                    row.set("probability", probability.into());
                }
            }
        });
    }

    /// Adds a password or an API key for a user; earlier ones stay valid.
    ///
    /// # Errors
    /// `UnknownLogin`.
    pub fn add_password(&self, login: &str, password: &str) -> Result<(), Error> {
        let uid = self.user(login).ok_or_else(|| Error::UnknownLogin(login.into()))?;
        self.0.add_secret(uid, password.to_owned());
        Ok(())
    }

    /// Makes every password and key of a user invalid.
    ///
    /// # Errors
    /// `UnknownLogin`.
    pub fn revoke(&self, login: &str) -> Result<(), Error> {
        let uid = self.user(login).ok_or_else(|| Error::UnknownLogin(login.into()))?;
        self.0.remove_secrets(uid);
        Ok(())
    }

    /// Gives a user exactly the groups of a level.
    ///
    /// # Errors
    /// `UnknownLogin`.
    pub fn set_level(&self, login: &str, level: Level) -> Result<(), Error> {
        let uid = self.user(login).ok_or_else(|| Error::UnknownLogin(login.into()))?;
        self.set("res.users", uid, "groups_id", groups(level));
        Ok(())
    }

    /// Takes from a user every right on a model, as an administrator who edits access rights does; whatever the
    /// groups say, calls end in fault 4 until `permit`.
    ///
    /// # Errors
    /// `UnknownLogin`.
    pub fn forbid(&self, login: &str, model: &str) -> Result<(), Error> {
        let uid = self.user(login).ok_or_else(|| Error::UnknownLogin(login.into()))?;
        self.0.withhold(|withheld| withheld.take_model(uid, model));
        Ok(())
    }

    /// Gives back what `forbid` took.
    ///
    /// # Errors
    /// `UnknownLogin`.
    pub fn permit(&self, login: &str, model: &str) -> Result<(), Error> {
        let uid = self.user(login).ok_or_else(|| Error::UnknownLogin(login.into()))?;
        self.0.withhold(|withheld| withheld.return_model(uid, model));
        Ok(())
    }

    /// Takes a field of a model from a user: missing from `fields_get`, fault 4 when read.
    ///
    /// # Errors
    /// `UnknownLogin`.
    pub fn forbid_field(&self, login: &str, field: (&str, &str)) -> Result<(), Error> {
        let uid = self.user(login).ok_or_else(|| Error::UnknownLogin(login.into()))?;
        self.0.withhold(|withheld| withheld.take_field(uid, field));
        Ok(())
    }

    /// Gives back what `forbid_field` took.
    ///
    /// # Errors
    /// `UnknownLogin`.
    pub fn permit_field(&self, login: &str, field: (&str, &str)) -> Result<(), Error> {
        let uid = self.user(login).ok_or_else(|| Error::UnknownLogin(login.into()))?;
        self.0.withhold(|withheld| withheld.return_field(uid, field));
        Ok(())
    }

    /// Makes a module one that is not installed: its models do not exist, nor do fields that point at them. Only
    /// modules nothing else needs make sense, such as `hr`.
    pub fn uninstall(&self, module: &str) {
        self.0.withhold(|withheld| withheld.take_module(module));
    }

    /// Installs the module again; its rows are still there.
    pub fn install(&self, module: &str) {
        self.0.withhold(|withheld| withheld.return_module(module));
    }

    /// Runs a method as a user, at the server's time, without the socket. `args` is a list, `kwargs` an object.
    ///
    /// # Errors
    /// Whatever fault the call would have ended in.
    pub fn call(&self, login: &str, call: (&str, &str), args: Json, kwargs: Json) -> Result<Json, Fault> {
        self.call_at(self.0.clock.start(), login, call, (args, kwargs))
    }

    /// Runs a method as a transaction that began at `started` and commits now: how a long transaction's rows appear
    /// with a `write_date` a reader has already passed.
    ///
    /// # Errors
    /// Whatever fault the call would have ended in.
    pub fn call_at(
        &self,
        started: Timestamp,
        login: &str,
        (model, method): (&str, &str),
        (args, kwargs): (Json, Json),
    ) -> Result<Json, Fault> {
        let uid = self.user(login).ok_or_else(Fault::access_denied)?;
        let request = Request::from_json((model, method), &args, &kwargs);
        self.0.execute(uid, request, started).map(|answer| Json::from(&answer))
    }

    /// How many slow calls (`Trouble::SlowTransaction`) have done their work and not committed yet.
    pub fn pending(&self) -> usize {
        self.0.pending.number()
    }

    /// Opens a transaction of a user that begins now and stays open until it is committed.
    ///
    /// # Errors
    /// Fault 3 for a login of nobody.
    pub fn begin(&self, login: &str) -> Result<Transaction, Fault> {
        let uid = self.user(login).ok_or_else(Fault::access_denied)?;
        Ok(Transaction::begin(Arc::clone(&self.0), uid, self.0.clock.start()))
    }
}
