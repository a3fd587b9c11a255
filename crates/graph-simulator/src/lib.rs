//! A server on a real socket that speaks as much of Microsoft Graph v1.0 as a connector reads, with the token endpoint of
//! Entra ID, for demos and tests.
//!
//! It reproduces what a connector can observe; it must not be used to keep real data. What makes a connector that looks right
//! fail, and how a test brings it about:
//!
//! - Delta rounds come in pages with opaque links. What changes while a round is read waits for the next one; members of a
//!   group are spread over several objects of the same id.
//! - Who manages whom is no change of a user: delta says nothing of it.
//! - [`Tenant::expire_tokens`] forgets all places, also those in the middle of a round, as 410 or as 400.
//! - A calendar is followed within the dates of its first question. What is changed outside of them is said to be removed.
//! - A contact that moves to another folder is said to be removed from the old one. Its id changes, unless immutable ids
//!   are asked for with each request.
//! - Accounts without a mailbox, and mailboxes that a policy keeps back, fail one by one.
//! - [`Faults`] throttles requests and single parts of a batch.
//!
//! Invariants: the same seed gives the same tenant; what a test orders is ordered through the [`Handle`] only, never over
//! the socket.

mod batch;
mod clock;
mod delta;
mod directory;
mod fault;
mod handle;
mod outlook;
mod query;
mod seed;
mod server;
mod sign_in;
mod tenant;

pub use clock::Clock;
pub use fault::{Faults, Trouble};
pub use handle::{Config, Handle, Secret, Simulator};
pub use seed::{CLIENT_ID, TENANT_ID};
pub use tenant::{Expiry, Fields, Tenant};

/// Why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on the given address")]
    Listen(#[source] std::io::Error),
}
