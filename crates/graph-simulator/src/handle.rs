//! Starting a simulator, and holding it from the outside.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::server::{Engine, locked, router};
use crate::sign_in::Tokens;
use crate::tenant::Tenant;
use crate::{CLIENT_ID, Clock, Error, Faults, seed};

/// A secret that does not show itself.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The secret of the application.
    pub secret: Secret,
    /// The server's clock.
    pub clock: Clock,
    /// Records on a page at most.
    pub pages: usize,
    /// What is there to begin with.
    pub tenant: Tenant,
}

impl Config {
    /// The demo's tenant on a free port of this machine, with a clock that stands.
    pub fn demo(secret: &str) -> Self {
        Self { tenant: seed::demo(), ..Self::empty(secret) }
    }

    /// A tenant with nothing in it.
    pub fn empty(secret: &str) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            secret: Secret::new(secret),
            clock: Clock::fixed(Timestamp::from_second(1_795_435_200).unwrap_or(Timestamp::UNIX_EPOCH)),
            pages: 100,
            tenant: Tenant::new(),
        }
    }
}

/// Starts simulators.
pub struct Simulator;

impl Simulator {
    /// Listens. Needs a Tokio runtime, which serves until `shutdown` or drop.
    ///
    /// # Errors
    /// `Listen`.
    pub async fn start(config: Config) -> Result<Handle, Error> {
        let listener = TcpListener::bind(config.listen).await.map_err(Error::Listen)?;
        let addr = listener.local_addr().map_err(Error::Listen)?;
        let engine = Arc::new(Engine {
            tenant: Mutex::new(config.tenant),
            tokens: Mutex::new(Tokens::default()),
            faults: Faults::default(),
            clock: config.clock,
            client: CLIENT_ID.to_owned(),
            secret: config.secret.0,
            pages: config.pages.max(1),
            base: format!("http://{addr}"),
        });
        let (stop, mut stopped) = watch::channel(false);
        let serving = axum::serve(listener, router(Arc::clone(&engine)));
        let task = tokio::spawn(async move {
            tokio::select! {
                ended = serving => if let Err(error) = ended {
                    tracing::warn!(%error, "the simulator stopped serving");
                },
                _ = stopped.changed() => {}
            }
        });
        Ok(Handle { addr, engine, stop, task: Some(task) })
    }
}

/// A running simulator. Dropping it stops the server.
pub struct Handle {
    /// Where it listens.
    pub addr: SocketAddr,
    engine: Arc<Engine>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Handle {
    /// The base address, for tokens and for Graph (`/v1.0`).
    pub fn url(&self) -> String {
        self.engine.base.clone()
    }

    /// Troubles to order, and what was asked.
    pub fn faults(&self) -> &Faults {
        &self.engine.faults
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.engine.clock
    }

    /// Looks at the tenant, or changes it, between two requests.
    pub fn tenant<T>(&self, work: impl FnOnce(&mut Tenant) -> T) -> T {
        work(&mut locked(&self.engine.tenant))
    }

    /// Withdraws all tokens of sign-ins.
    pub fn withdraw_tokens(&self) {
        locked(&self.engine.tokens).withdraw();
    }

    /// How often the application has signed in.
    pub fn sign_ins(&self) -> u64 {
        locked(&self.engine.tokens).number()
    }

    /// Stops listening.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            // A task that panicked has nothing left to stop.
            let _ = task.await;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
