//! JetStream behind the event log port. The only crate that names `async-nats`.
//!
//! One [`NatsLog`] is one connection, cheap to clone. It reconnects for ever; every call has a deadline, after
//! which it says [`Error::Unavailable`](salescommand_eventlog::Error::Unavailable), so the caller decides how long
//! to go on. Addresses are logged without user and password.
//!
//! Two things of NATS show through the port. A publish that the server's permissions forbid is dropped without an
//! answer; the violation that the server reports beside it turns the time-out into a refusal. And when one message
//! of a pipelined publish fails, later ones of the same call may be stored all the same, unless they carry
//! expected sequences: then nothing behind the failure is (see `streams::chained`).

mod administration;
mod connect;
mod direct;
mod error;
mod jobs;
mod key_value;
mod reader;
mod requests;
mod streams;
mod tls;

pub use connect::{NatsLog, NatsOptions, NatsTls};
