//! Calls of one Odoo server as one user, over whichever of its interfaces is configured; nothing about CRM.

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value as Json;

use super::config::{Config, Interface};
use super::fault::CallError;
use super::http::Http;
use super::json_2::Json2;
use super::xml_rpc::XmlRpc;
use crate::ConfigError;

/// A call of a method of a model, in Odoo's own terms.
#[derive(Debug, Clone)]
pub(super) struct Execution<'a> {
    /// The user, as signing in gave it.
    pub uid: i64,
    /// The model.
    pub model: &'a str,
    /// The method.
    pub method: &'a str,
    /// Positional arguments: a list.
    pub args: Json,
    /// Arguments by name: an object.
    pub kwargs: Json,
}

/// Who calls.
pub(super) struct Account {
    /// The database.
    pub database: String,
    /// The login.
    pub login: String,
    /// Password or API key.
    pub secret: SecretString,
}

/// One of the interfaces of Odoo. What it gives is the same over each: values in JSON, faults by their number.
#[async_trait]
pub(super) trait Transport: Send + Sync {
    /// What the server says about itself: `server_version` and `server_version_info`.
    async fn version(&self, http: &Http) -> Result<Json, CallError>;

    /// The databases of the server, where it tells them.
    async fn databases(&self, http: &Http) -> Option<Vec<String>>;

    /// Signs in. The user's id; none if refused.
    async fn authenticate(&self, http: &Http, account: &Account) -> Result<Option<i64>, CallError>;

    /// Calls a method of a model.
    async fn execute(&self, http: &Http, account: &Account, call: Execution<'_>) -> Result<Json, CallError>;

    /// The same where an answer may hold an empty value, for which XML-RPC has no word.
    async fn execute_in_json(
        &self,
        http: &Http,
        account: &Account,
        call: Execution<'_>,
    ) -> Result<Json, CallError>;
}

/// Calls one Odoo server.
pub(super) struct Client {
    http: Http,
    account: Account,
    transport: Box<dyn Transport>,
    interface: Interface,
}

impl Client {
    /// A client for a configuration. Reads the machine's certificate authorities, connects to nothing.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let account = Account {
            database: config.database.clone(),
            login: config.login.clone(),
            secret: config.secret.clone(),
        };
        let transport: Box<dyn Transport> = match config.interface {
            Interface::XmlRpc => Box::new(XmlRpc),
            Interface::Json2 => Box::new(Json2),
        };
        Ok(Self { http: Http::new(config)?, account, transport, interface: config.interface })
    }

    /// The server's address.
    pub fn url(&self) -> &Url {
        self.http.url()
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.account.database
    }

    /// The login.
    pub fn login(&self) -> &str {
        &self.account.login
    }

    /// Which interface is spoken.
    pub fn interface(&self) -> Interface {
        self.interface
    }

    /// The server's clock as its last answer told it; none if no answer did.
    pub fn clock(&self) -> Option<Timestamp> {
        self.http.clock()
    }

    /// Bytes of all answers so far.
    pub fn received(&self) -> u64 {
        self.http.received()
    }

    /// What the server says about itself.
    pub async fn version(&self) -> Result<Json, CallError> {
        self.transport.version(&self.http).await
    }

    /// The databases of the server, where it tells them.
    pub async fn databases(&self) -> Option<Vec<String>> {
        self.transport.databases(&self.http).await
    }

    /// Signs in. The user's id; none if refused.
    pub async fn authenticate(&self) -> Result<Option<i64>, CallError> {
        self.transport.authenticate(&self.http, &self.account).await
    }

    /// Calls a method of a model as a user.
    pub async fn execute(
        &self,
        uid: i64,
        model: &str,
        method: &str,
        args: Json,
        kwargs: Json,
    ) -> Result<Json, CallError> {
        let call = Execution { uid, model, method, args, kwargs };
        self.transport.execute(&self.http, &self.account, call).await
    }

    /// The same where an answer may hold an empty value.
    pub async fn execute_in_json(
        &self,
        uid: i64,
        model: &str,
        method: &str,
        args: Json,
        kwargs: Json,
    ) -> Result<Json, CallError> {
        let call = Execution { uid, model, method, args, kwargs };
        self.transport.execute_in_json(&self.http, &self.account, call).await
    }
}
