//! A server on a real socket that speaks Odoo 17's XML-RPC (and the same calls over JSON-RPC), for demos and tests.
//!
//! It reproduces what a connector can observe: values on the wire, faults, listing, `write_date`, access rules and
//! what the CRM does by itself. It must not be used to keep real data, and it holds no code of the original.
//!
//! What makes a connector that looks right fail, and how a test brings it about:
//!
//! - `write_date` is kept with microseconds and sent without; no transaction starts on a whole second, also where the
//!   test's clock stands on one. A value as sent equals nothing, and `>` finds the same second again.
//! - One transaction stamps all its rows with its start and takes their ids when it makes them. [`Data::begin`] holds
//!   one open, [`Trouble::SlowTransaction`] lets a call over the socket commit late: older stamps and smaller ids
//!   appear behind whoever has passed them.
//! - Rules filter silently and follow the document; [`Data::forbid`] and [`Data::set_level`] take rights away and give
//!   them back, [`Data::uninstall`] leaves a module out.
//! - Deleted rows leave nothing but nulled references, whose holders do not move; [`Data::score`] and [`Data::set`]
//!   change columns as plain SQL does.
//! - Merged leads go as deleted ones do. Only what hung on them tells where they went: it is written, messages get a subject
//!   with the former lead's name, and a note on the lead that is kept names it.
//! - Pages of messages are filtered after the limit, and some are empty in mid-stream for everybody.
//! - Methods without a result commit and then end in a fault.
//!
//! Invariants: the same seed and day give the same rows; a failed call leaves no trace but used ids; every row one
//! transaction touches carries one `write_date`; what a test orders is ordered through the [`Handle`] only, never over
//! the socket.

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
mod json_2;
mod jsonrpc;
mod lead;
mod listing;
mod merge;
mod methods;
mod order;
mod partner;
mod reader;
mod sale;
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
