//! The services behind the socket: login, database list, and calls on models as transactions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::Error;
use crate::clock::Clock;
use crate::database::{Conflict, Database};
use crate::fault::Fault;
use crate::methods::{self, Request};
use crate::session::{Circumstances, Session};
use crate::transaction::{self, Pending, Work};
use crate::trouble::Faults;
use crate::value::Value;
use crate::wire::Wire;
use crate::withheld::Withheld;

/// Everything one simulator shares between its connections.
pub struct Engine {
    pub(crate) name: String,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) pending: Pending,
    state: Mutex<State>,
    file: Option<PathBuf>,
    unsaved: AtomicBool,
    stopping: AtomicBool,
}

struct State {
    database: Database,
    secrets: HashMap<i64, Vec<String>>,
    withheld: Arc<Withheld>,
}

impl Engine {
    pub(crate) fn new(name: String, clock: Clock, database: Database, file: Option<PathBuf>) -> Self {
        let state = Mutex::new(State { database, secrets: HashMap::new(), withheld: Arc::default() });
        Self {
            name,
            clock,
            faults: Faults::default(),
            pending: Pending::default(),
            state,
            file,
            unsaved: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// One snapshot of all rows.
    pub(crate) fn snapshot(&self) -> Database {
        self.lock().database.clone()
    }

    /// Changes rows directly.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Database) -> T) -> T {
        let answer = change(&mut self.lock().database);
        self.unsaved.store(true, Ordering::Release);
        answer
    }

    /// Adds a password or API key of a user.
    pub(crate) fn add_secret(&self, uid: i64, secret: String) {
        self.lock().secrets.entry(uid).or_default().push(secret);
    }

    /// Forgets every password and key of a user.
    pub(crate) fn remove_secrets(&self, uid: i64) {
        self.lock().secrets.remove(&uid);
    }

    /// The `common` service.
    pub fn common(&self, method: &str, params: &[Wire]) -> Result<Wire, Fault> {
        match method {
            "version" => Ok(version()),
            "authenticate" | "login" => {
                let [database, login, password] = texts(params)?;
                self.check_database(database)?;
                Ok(self.login(login, password).map_or(Wire::Bool(false), Wire::Int))
            }
            other => Err(Fault::unexpected("Exception", format!("Method not found: {other}"))),
        }
    }

    /// The `db` service: the list of databases.
    pub fn databases(&self, method: &str) -> Result<Wire, Fault> {
        match method {
            "list" => Ok(Wire::Array(vec![Wire::text(self.name.clone())])),
            "server_version" => Ok(Wire::text("17.0-20240709")),
            other => Err(Fault::unexpected("KeyError", format!("'{other}'"))),
        }
    }

    /// The `object` service: `execute_kw` and `execute`. The call commits so long after its work.
    pub fn object(&self, method: &str, params: Vec<Wire>, takes: Duration) -> Result<Wire, Fault> {
        let mut params = params.into_iter();
        let mut next = || params.next().unwrap_or(Wire::Nil);
        let (database, uid, password, model, name) = (next(), next(), next(), next(), next());
        self.check_database(database.as_text().unwrap_or_default())?;
        let uid = self.verify(&uid, password.as_text().unwrap_or_default())?;
        let (positional, keywords) = match method {
            "execute_kw" => {
                let positional = match params.next() {
                    Some(Wire::Array(items)) => items,
                    _ => Vec::new(),
                };
                let keywords = match params.next() {
                    Some(Wire::Struct(members)) => members,
                    _ => Vec::new(),
                };
                (positional, keywords)
            }
            "execute" => (params.collect(), Vec::new()),
            other => return Err(Fault::unexpected("NameError", format!("Method not available {other}"))),
        };
        let text = |wire: Wire| wire.as_text().unwrap_or_default().to_owned();
        let request = Request { model: text(model), method: text(name), positional, keywords };
        self.run(uid, request, takes)
    }

    /// Runs a call of a user that commits so long after its work.
    pub(crate) fn run(&self, uid: i64, request: Request, takes: Duration) -> Result<Wire, Fault> {
        if !takes.is_zero() && methods::writes(&request.method) {
            return transaction::slowly(self, uid, &request, takes);
        }
        self.execute(uid, request, self.clock.start())
    }

    /// The user whose API key this is.
    pub(crate) fn owner_of(&self, key: &str) -> Option<i64> {
        let state = self.lock();
        let owner = state.secrets.iter().find(|(_, secrets)| secrets.iter().any(|secret| secret == key));
        owner.map(|(uid, _)| *uid).filter(|_| !key.is_empty())
    }

    /// Takes something away, or gives it back.
    pub(crate) fn withhold(&self, change: impl FnOnce(&mut Withheld)) {
        change(Arc::make_mut(&mut self.lock().withheld));
    }

    /// What a call in a transaction that began at `started` depends on besides its caller and the rows.
    pub(crate) fn circumstances(&self, started: Timestamp) -> Circumstances {
        let withheld = Arc::clone(&self.lock().withheld);
        Circumstances { started, now: self.clock.now().max(started), withheld }
    }

    /// The beginning of a transaction.
    pub(crate) fn begin(&self, started: Timestamp) -> Work {
        let base = self.snapshot();
        Work { started, made: base.clone(), base }
    }

    /// Makes visible what a transaction has made.
    pub(crate) fn commit(&self, work: &Work) -> Result<(), Conflict> {
        self.lock().database.merge(&work.base, &work.made)?;
        self.unsaved.store(true, Ordering::Release);
        Ok(())
    }

    /// Runs one call as a transaction that began at `started` and commits at once.
    pub(crate) fn execute(&self, uid: i64, request: Request, started: Timestamp) -> Result<Wire, Fault> {
        let circumstances = self.circumstances(started);
        if !methods::writes(&request.method) {
            // Readers work on their own snapshot and hold no lock.
            let database = self.snapshot();
            let session = Session::open(&database, uid, request.context(), circumstances)?;
            return methods::read(&database, &session, request);
        }
        let mut state = self.lock();
        let session = Session::open(&state.database, uid, request.context(), circumstances)?;
        let mut attempt = state.database.clone();
        let answer = methods::write(&mut attempt, &session, request)?;
        state.database = attempt;
        drop(state);
        self.unsaved.store(true, Ordering::Release);
        Ok(answer)
    }

    /// The uid of a login, or nothing when the server would answer False.
    pub(crate) fn login(&self, login: &str, password: &str) -> Option<i64> {
        let now = self.clock.now();
        let mut state = self.lock();
        let wanted = |row: &crate::database::Record| {
            row.get("login").as_text() == Some(login) && row.get("active").as_bool()
        };
        let uid = state.database.rows("res.users").find(|(_, row)| wanted(row)).map(|(id, _)| id)?;
        let known =
            state.secrets.get(&uid).is_some_and(|secrets| secrets.iter().any(|secret| secret == password));
        if password.is_empty() || !known {
            return None;
        }
        if let Some(row) = state.database.edit("res.users", uid) {
            row.set("x_login_date", Value::Instant(now));
        }
        Some(uid)
    }

    fn verify(&self, uid: &Wire, password: &str) -> Result<i64, Fault> {
        let uid = match uid {
            Wire::Int(uid) => *uid,
            _ => return Err(Fault::access_denied()),
        };
        let state = self.lock();
        let user =
            state.database.row("res.users", uid).ok_or_else(|| Fault::missing("res.users", &[uid], uid))?;
        let known =
            state.secrets.get(&uid).is_some_and(|secrets| secrets.iter().any(|secret| secret == password));
        if known && !password.is_empty() && user.get("active").as_bool() {
            Ok(uid)
        } else {
            Err(Fault::access_denied())
        }
    }

    pub(crate) fn check_database(&self, name: &str) -> Result<(), Fault> {
        if name == self.name {
            return Ok(());
        }
        Err(Fault::unexpected(
            "psycopg2.OperationalError",
            format!("connection to the database server failed: FATAL:  database \"{name}\" does not exist"),
        ))
    }

    /// Writes the state file if something changed since the last time.
    pub(crate) fn save(&self) -> Result<(), Error> {
        let Some(file) = &self.file else { return Ok(()) };
        if !self.unsaved.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        write_atomically(file, &self.snapshot()).inspect_err(|_| self.unsaved.store(true, Ordering::Release))
    }

    /// Ends what waits.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether the simulator is about to end.
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Marks the state as worth saving even without a change.
    pub(crate) fn mark_unsaved(&self) {
        self.unsaved.store(true, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_atomically(file: &Path, database: &Database) -> Result<(), Error> {
    let bytes = database.to_json().map_err(Error::State)?;
    let beside = file.with_extension("new");
    std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, file)).map_err(Error::StateFile)
}

/// What `version` answers.
pub(crate) fn version() -> Wire {
    let info =
        vec![Wire::Int(17), Wire::Int(0), Wire::Int(0), Wire::text("final"), Wire::Int(0), Wire::text("")];
    Wire::Struct(vec![
        ("server_version".into(), Wire::text("17.0-20240709")),
        ("server_version_info".into(), Wire::Array(info)),
        ("server_serie".into(), Wire::text("17.0")),
        ("protocol_version".into(), Wire::Int(1)),
    ])
}

fn texts<const N: usize>(params: &[Wire]) -> Result<[&str; N], Fault> {
    if params.len() < N {
        return Err(Fault::unexpected(
            "TypeError",
            format!("missing {} required positional arguments", N - params.len()),
        ));
    }
    Ok(std::array::from_fn(|index| params.get(index).and_then(Wire::as_text).unwrap_or_default()))
}
