//! The audit log: who did what, as entries of a chain in which each one holds the digest of the one before.
//!
//! What this is about: an entry that is in the chain can neither be changed, taken out nor moved without that being found
//! by [`Walk`], as soon as the head of the chain is known from elsewhere. Entries name nobody: accounts, people and sources
//! stand in them by their ids, so the erasure of a person has nothing to do here.

mod action;
mod chain;
mod entry;

pub use action::{Action, Outcome};
pub use chain::{Break, BreakKind, Hash, Head, NotAHead, Walk};
pub use entry::{Actor, Details, Draft, Entry, EntryTarget, FORMAT, NotAnActor, Target, TargetKind};

/// The stream that holds the chain: the entry at a position is the message of that sequence.
pub const AUDIT_STREAM: &str = "AUDIT";
/// What the subjects of its messages begin with; the action follows.
pub const AUDIT_SUBJECT: &str = "audit";
