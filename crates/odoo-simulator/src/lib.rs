//! A server on a real socket that speaks Odoo 17's XML-RPC (and the same calls over JSON-RPC), for demos and tests.
//!
//! It reproduces what a connector can observe: values on the wire, faults, listing, `write_date`, access rules and
//! what the CRM does by itself. It must not be used to keep real data, and it holds no code of the original.
//!
//! Invariants: the same seed and day give the same rows; a failed call leaves no trace; every row one call touches
//! carries one `write_date`; troubles are ordered through the [`Handle`] only, never over the socket.

mod access;
mod activity;
mod calendar;
mod clock;
mod compute;
mod database;
mod domain;
mod engine;
mod fault;
mod handle;
mod jsonrpc;
mod lead;
mod listing;
mod methods;
mod order;
mod partner;
mod reader;
mod schema;
mod seed;
mod session;
mod table;
mod tracking;
mod transaction;
mod transport;
mod trouble;
mod value;
mod wire;
mod withheld;
mod writer;

pub use clock::Clock;
pub use database::{Database, Record};
pub use fault::Fault;
pub use handle::{Config, Data, Handle, Password, Simulator};
pub use schema::Level;
pub use seed::Seed;
pub use transaction::Transaction;
pub use trouble::{Faults, Matching, Trouble};
pub use value::Value;
pub use wire::Wire;

/// Why a simulator cannot start or save.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on the given address")]
    Listen(#[source] std::io::Error),
    /// The state file cannot be read or written.
    #[error("cannot read or write the state file")]
    StateFile(#[source] std::io::Error),
    /// The state file holds something else.
    #[error("the state is not readable as rows")]
    State(#[source] serde_json::Error),
    /// No user has this login.
    #[error("no user has the login {0}")]
    UnknownLogin(String),
}
